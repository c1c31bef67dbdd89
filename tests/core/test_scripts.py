"""Each scenario in `tests/scripts` leads to exactly the facts and commands that it says."""

from __future__ import annotations

import pytest
from scripts import FOLDER, Scenario, perform, read, write

PATHS = sorted(FOLDER.glob("*.txt"))
SCENARIOS = [(path, scenario) for path in PATHS for scenario in read(path)]


@pytest.mark.parametrize(
    ("path", "scenario"), SCENARIOS, ids=[f"{path.stem}-{scenario.sentence}" for path, scenario in SCENARIOS]
)
def test_a_scenario_leads_to_what_it_says(path: object, scenario: Scenario, request: pytest.FixtureRequest) -> None:
    """The scenario's sentence is the behaviour; the script is its specification."""
    if request.config.getoption("--rewrite"):
        pytest.skip("rewritten by test_expectations_are_rewritten")
    assert perform(scenario).lines == scenario.lines


def test_expectations_are_rewritten_when_asked(request: pytest.FixtureRequest) -> None:
    """`pytest --rewrite` records what happens; without it nothing is written, and a file reads back as it was."""
    for path in PATHS:
        scenarios = read(path)
        if request.config.getoption("--rewrite"):
            write(path, [perform(scenario) for scenario in scenarios])
        else:
            assert len({scenario.sentence for scenario in scenarios}) == len(scenarios), path
