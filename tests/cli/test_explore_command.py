"""`packcenter explore`: what it is asked, and what it says of the answer."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator

import pytest

from packcenter.cli.codes import OK, USAGE
from packcenter.cli.main import run
from simulation.explore import runner, swarm
from simulation.explore.options import Level, Options, Outcome
from simulation.explore.shrink import command_of


def packcenter(line: str) -> int:
    """Run a command line as a person would type it."""
    return run(shlex.split(line)[1:])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The options of all runs that would be made."""
    seen: list[Options] = []

    def run_all(runs: Iterable[Options], workers: int, stop: Callable[[], bool] = lambda: False) -> Iterator[Outcome]:
        for options in runs:
            seen.append(options)
            yield Outcome(options=options)

    monkeypatch.setattr(runner, "run_all", run_all)
    return seen


@pytest.mark.parametrize("level", ["protocol", "wire"])
def test_the_line_that_is_printed_for_a_failure_repeats_it_exactly(level: Level, asked: list[Options]) -> None:
    """Also when the shrinker made a fault softer than its seed has it."""
    wanted = [swarm.options_of(seed, level) for seed in range(40)]
    for options in wanted:
        options.faults.update(dict.fromkeys(options.faults, 1) if options.seed % 2 else {})
        assert packcenter(command_of(options)) == OK
    assert asked == wanted


@pytest.mark.parametrize("level", ["protocol", "wire"])
def test_all_faults_of_a_level_are_listed(level: Level, capsys: pytest.CaptureFixture[str]) -> None:
    """What is listed is what `--only` knows."""
    assert packcenter(f"packcenter explore --faults --level {level}") == OK
    listed = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(swarm.kinds(level))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--only plc_clock", "plc_clock: no such fault. `packcenter explore --faults` lists all of a --level."),
        ("--without nothing_such", "nothing_such: no such fault."),
        ("--only kill:4", "--only 'kill:4': hardness is '4', expected 1, 2 or 3."),
        ("--hall big", "--hall 'big' is none of reference"),
        ("--seeds 9:3", "--seeds '9:3' is no range, expected one such as 0:1000, or a single seed."),
        ("--for long", "--for 'long' is no time, expected one such as 90s, 5m or 1h."),
    ],
)
def test_a_wrong_question_is_told_what_is_right(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is run."""
    assert packcenter(f"packcenter explore {line}") == USAGE
    assert says in capsys.readouterr().err
