"""
The explorer looks for what must never be: a share of seeds that changes with each commit, those that once failed, and itself.

A failure prints the line that repeats it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from simulation.explore import faults, features, goals, protocol, scenarios, swarm
from simulation.explore.options import Options, Outcome
from simulation.explore.runner import Results, explore, run_all
from simulation.explore.shrink import command_of, entry_of, script_of
from simulation.explore.swarm import options_of
from simulation.truth import Why

SECOND = 1_000_000
SHARE = 40
LATE_DOCUMENTS = "documents of cases that come late"
LETTERS = "letters that leave together"
KEPT = tomllib.loads((Path(__file__).parent / "seeds.toml").read_text("utf-8"))["run"]


def sound(outcome: Outcome) -> Outcome:
    """The outcome, if nothing was violated; else its script, with the line that repeats it."""
    assert not outcome.violations, script_of(outcome)[-4000:]
    return outcome


@pytest.mark.parametrize("hall", scenarios.HALLS)
def test_a_hall_without_faults_works_off_everything_and_its_books_are_the_truth(hall: str) -> None:
    """The measure of all others: every document is dispatched or in a bag, or has no place in the plan; both sides say so."""
    world = protocol.ProtocolWorld(Options(seed=1, hall=hall, items=20, safety_us=40 * SECOND))
    outcome = sound(world.run())
    waits = {"agency", "cell"} if world.hall.case_racks else set()  # of some cases a document never comes
    assert set(world.plant.truth.counts()) <= {"bag", "dispatched", "hand"} | waits
    by_hand = {
        document.destination for document, place in world.plant.truth.everywhere() if place == "hand" and not document.case
    }
    assert by_hand <= {scenarios.NOWHERE}
    assert outcome.faults == outcome.kills == {}


@pytest.mark.parametrize("kind", dict.fromkeys(faults.KINDS.values()))
def test_each_kind_of_fault_really_strikes_and_is_survived(kind: str) -> None:
    """A class that never does anything would be a gap in the net."""
    names = [name for name, each in faults.KINDS.items() if each == kind]
    outcome = sound(explore(Options(seed=5, hall="small", items=40, safety_us=90 * SECOND, faults=dict.fromkeys(names, 2))))
    met = {"bag not closed when asked", "bag not sealed as it should be"} & set(outcome.goals)
    assert kind == "luck" or outcome.looked.get("events") or (met if kind == "closer" else set(outcome.faults) & set(names))


@pytest.mark.parametrize("entry", KEPT, ids=lambda entry: f"{entry['seed']}-{entry['why'][:2]}")
def test_what_once_failed_is_run_again(entry: dict[str, object]) -> None:
    """A fault that was mended must not come back. One that is marked `open` is known and not mended yet: it must still show."""
    options = msgspec.convert({name: value for name, value in entry.items() if name not in ("why", "open")}, Options)
    outcome = explore(options)
    if entry.get("open"):
        assert outcome.failed, "mended: take the mark `open` away"
        pytest.xfail(str(entry["why"]))
    sound(outcome)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_seeds_that_nobody_chose_violate_nothing(rotation: int) -> None:
    """The share of a commit; `packcenter explore` runs as many more as there is time for."""
    first = 1_000_000 + SHARE * rotation
    results = Results()
    for outcome in run_all(map(options_of, range(first, first + SHARE)), workers=1):
        results.add(sound(outcome))
    assert results.seeds == SHARE


def test_equal_options_give_equal_runs() -> None:
    """One seed, one run: decisions, times, faults and goals, to the last one."""
    options = options_of(7)
    first, second = explore(options), explore(options)
    assert first == second
    assert first.digest
    assert explore(replace(options, seed=8)).digest != first.digest


def test_a_fault_class_that_is_switched_off_does_not_shift_the_moments_of_the_others() -> None:
    """The shrinker needs that: what is left strikes when and as it did."""
    on = {"clock_step": 2, "reboot": 2, "bad_manifest": 2}
    all_on = explore(Options(seed=3, hall="small", items=10, safety_us=120 * SECOND, faults=on))
    without = explore(
        Options(seed=3, hall="small", items=10, safety_us=120 * SECOND, faults={"clock_step": 2, "bad_manifest": 2})
    )
    for name in ("clock_step", "bad_manifest"):
        told = [told for told in all_on.timeline if told.text.startswith(name)]
        assert told
        assert told == [told for told in without.timeline if told.text.startswith(name)]


def test_a_run_can_be_written_down_and_read_back() -> None:
    """The entry for `seeds.toml` is the run, whole."""
    outcome = Outcome(options=options_of(11))
    (entry,) = tomllib.loads(entry_of(outcome, "because"))["run"]
    assert entry.pop("why") == "because"
    assert msgspec.convert(entry, Options) == outcome.options
    assert f"--seeds 11:12 --level protocol --hall {outcome.options.hall}" in command_of(outcome.options)


def test_a_large_set_of_runs_that_misses_a_goal_fails_and_a_small_one_does_not() -> None:
    """Faults that never meet test nothing."""
    met = dict.fromkeys(goals.GOALS, goals.AT_LEAST)
    assert goals.missed(met, goals.SEEDS) == []
    assert goals.missed({}, goals.SEEDS - 1) == []
    poor = met | {"PLC boot storm": goals.AT_LEAST - 1}
    assert goals.missed(poor, goals.SEEDS) == ["PLC boot storm: 19 times, expected 20"]
    assert goals.missed(met, 2 * goals.SEEDS) != []


def test_every_goal_and_fault_class_has_one_name() -> None:
    """What runs count is what is looked for: a goal that nobody meets under its name would be missed for ever."""
    counted: set[str] = set()
    results = Results()
    for outcome in run_all(map(options_of, range(6)), workers=1):
        results.add(outcome)
        counted |= set(outcome.goals)
    beyond = {"disk enough", "manifest sent again", "no room for a spare segment", "rot that looks like a torn tail"}
    assert counted <= set(goals.GOALS) | beyond
    assert set(results.faults) <= set(faults.KINDS)


def test_a_case_rack_takes_one_document_for_another_and_nothing_comes_of_it() -> None:
    """The excuse is met, and the books are the truth all the same."""
    faults = {"act_case_rack_reads_another": 3, "act_case_rack_reads_neighbour": 3}
    world = protocol.ProtocolWorld(Options(seed=1, hall="cases", items=60, safety_us=200_000_000, faults=faults))
    assert world.run().violations == []
    assert any(touch.why is Why.STORED_FOR for _, touches in world.plant.truth.touched for touch in touches)


def test_a_document_that_comes_late_leaves_as_the_next_part_of_its_case() -> None:
    """What a day of documents that come together hardly ever has; the run waits for the last one."""
    options = Options(seed=2, hall="gathering", items=60, safety_us=60 * SECOND, faults={scenarios.LATE: 3})
    world = protocol.ProtocolWorld(options)
    assert world.day.last_comes_us > options.safety_us + 60 * SECOND
    outcome = sound(world.run())
    assert outcome.goals["follow-up of a part"] >= 2
    assert outcome.simulated_us > world.day.last_comes_us


def test_a_third_of_all_runs_has_cases_people_and_other_plans_and_a_quarter_has_them_at_once() -> None:
    """What is judged is judged where it happens: hours with all of it on are told, and are not rare."""
    runs = [options_of(seed) for seed in range(600)]
    shares = {name: sum(map(bool, map(has, runs))) / len(runs) for name, has in features.FEATURES.items()}
    once = sum(features.together() in features.features_of(run) for run in runs) / len(runs)
    assert min(share for name, share in shares.items() if name not in (LATE_DOCUMENTS, LETTERS)) > 0.28, shares
    assert min(shares[LATE_DOCUMENTS], shares[LETTERS]) > 0.18, shares
    assert once > 0.24
    assert all(features.together() in features.features_of(options_of(seed, whole=True)) for seed in range(20))


def test_the_hours_and_parcels_of_a_set_of_runs_are_told_by_feature() -> None:
    """Every parcel of a run at rest was looked into; a run that has no case has no parcel of several documents."""
    results = Results()
    for hall in ("small", "gathering"):
        results.add(explore(Options(seed=1, hall=hall, items=30, safety_us=40 * SECOND)))
    assert {name: share.seeds for name, share in results.features.items()} == {"cases": 1}
    assert results.features["cases"].simulated_us < results.simulated_us
    assert results.looked["documents"] > results.looked["parcels"] > 40
    assert results.looked["several"] > 3
    assert results.looked["mixed"] == 0


def test_papers_say_what_the_journal_says_whenever_the_controller_dies() -> None:
    """Bills, feeds and answers to files of receipts, with deaths in the middle of writing them, and folders that fail."""
    on = {"writes_papers": 1, "crash_in_papers": 3, "papers_fail": 2, "power": 3, "tells_receipt": 2, "brings_receipts": 3}
    outcome = sound(explore(Options(seed=2, hall="gathering", items=40, safety_us=120 * SECOND, faults=on)))
    assert outcome.kills["in papers"] > 5
    assert outcome.looked["bills"] > 0
    assert outcome.looked["events"] > 100
    assert outcome.looked["receipt files"] > 10


def test_faults_that_are_drawn_together_exist() -> None:
    """A class that was renamed would leave its meeting in silence."""
    named = {name for meeting in swarm.MEETINGS for name in meeting} | {
        *features.WHOLE_ALWAYS,
        *features.WHOLE_OFTEN,
        *swarm.NEWEST,
        *swarm.LAST,
    }
    assert named <= set(faults.KINDS)


def test_a_seed_that_is_known_by_its_number_keeps_its_meaning() -> None:
    """What comes later is drawn behind it: faults of the first classes, hall, items and time are what they were."""
    options = options_of(700_003)
    first = {name: hard for name, hard in options.faults.items() if name not in {*swarm.NEWEST, *swarm.LAST}}
    assert first == {"duplicate": 1, "cut_frame": 2, "half_open": 1, "clock_step": 2}
    assert (options.hall, options.items, options.safety_us // SECOND) == ("twin", 20, 54)
