"""Each act of mischief: what it does, that nothing vanishes by it, that it heals, and that packcenter lives through it."""

from __future__ import annotations

import os
from collections import Counter
from typing import Final, TypeVar

import pytest
from mischief_days import ALL, Day, certain, of_kind

from packcenter.core import facts as f
from packcenter.core.packml import State
from packcenter.core.words import PlaceState
from simulation.luck import MILLION, Fate, Rates, Stage
from simulation.mischief import ACTS, cases
from simulation.plant.lane import SOUND, STUCK_HOME, STUCK_OUT
from simulation.truth import Document, Why

DAYS: Final = int(os.environ.get("PACKCENTER_MISCHIEF", "0"))
"""Days of each sort to search by hand; a failing one names its seed."""

NEEDS: Final = {
    "puts_back": "lifts_from_lane",
    "returns_parcel": "takes_parcel",
    "lifts_from_hand": "scanner_reads_nothing",
    "lifts_from_queue": "goes_to_stop",
    "swaps_in_lane": "opens_guard",
    "swaps_between_lanes": "opens_guard",
}
"""Acts for which another one must come first."""

NOT_HERE: Final = frozenset({"shows_old_image", "shows_torn_image", *cases.NAMES})
"""`FastPlc` has no image; test_lineplc_faults.py has these."""

BUSY: Final = Rates(
    scan_no_read=20_000,
    scan_misread=10_000,
    falls=10_000,
    ghost=10_000,
    jams=5_000,
    wrong_lane=10_000,
    feed_no_read=30_000,
    feed_misread=10_000,
    double_feed=30_000,
    label_unreadable=10_000,
    label_wrong=10_000,
    wrong_insert=10_000,
    rack_no_read=10_000,
    scan_other=10_000,
    scan_neighbour=10_000,
    feed_other=10_000,
    feed_neighbour=10_000,
    label_none=10_000,
    label_twice=20_000,
    label_late=10_000,
    label_other=10_000,
)


F = TypeVar("F")


def facts_of(day: Day, kind: type[F]) -> list[F]:
    """Every fact of a kind that the day led to."""
    return [fact for step in day.controller.watch.steps for fact in step.outcome.facts if isinstance(fact, kind)]


def until(day: Day, name: str) -> str:
    """Let the day run until this act can be done, and do it; what it said."""
    for _ in range(600):
        done = day.act(ACTS[name])
        if done is not None:
            return done
        day.wait(100_000)
    raise AssertionError(f"{name} could not be done in a minute")


# --- all acts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in ACTS if name not in NOT_HERE])
def test_packcenter_lives_through_each_act(name: str) -> None:
    """It can be done; healed, every machine runs, nothing is left on its way, books and truth agree, no parcel is mixed."""
    acts = [ACTS[each] for each in (name, NEEDS.get(name)) if each is not None]
    for seed in range(3, 40):
        day = Day(seed, acts, items=24, act_every_us=2_000_000)
        assert day.run() == [], day.said
        if any(f" {name}: " in said for said in day.said):
            return
    raise AssertionError(f"{name} could not be done on any day")


@pytest.mark.parametrize("name", ACTS)
def test_an_act_that_cannot_be_done_does_nothing(name: str) -> None:
    """In a hall where nothing has come, an act says so or is about the machines themselves; nothing vanishes."""
    day = Day(5, items=1, every_us=1_000_000)
    before = sorted(day.truth.places().items())
    done = day.act(ACTS[name])
    after = sorted(place for place in day.truth.places().items() if place[0] in dict(before))
    assert done is not None or after == before
    assert not day.truth.faults()


def test_acts_have_names_kinds_and_an_order() -> None:
    """The explorer draws from them: the order is that of the names, whatever imports what first."""
    assert list(ACTS) == sorted(ACTS)
    assert all(act.name == name for name, act in ACTS.items())
    assert {act.kind for act in ALL} == {"plc", "people", "line", "scanner", "printer", "scale"}


def test_a_day_of_mischief_is_the_same_every_time() -> None:
    """All draws come from the stream: one seed, one list of acts, one state."""
    one, other = Day(7, ALL, items=20), Day(7, ALL, items=20)
    assert one.run() == other.run() == []
    assert one.said == other.said
    assert one.hall.result().digest == other.hall.result().digest
    assert Day(8, ALL, items=20).said != one.said


# --- by kinds, many at once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plc", "people", "line", "scanner", "printer", "scale"])
def test_packcenter_lives_through_a_day_of_one_kind(kind: str) -> None:
    """One act every two seconds on average."""
    day = Day(11, of_kind(kind), items=40, act_every_us=2_000_000)
    assert day.run() == [], day.said
    assert len(day.said) > 8


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_packcenter_lives_through_everything_at_once(seed: int) -> None:
    """All acts, on top of bad luck at every station; by turns with a machine that does not check its labels."""
    day = Day(seed, ALL, rates=BUSY, act_every_us=1_200_000, thorough_every=50, checks_label=seed % 4 != 3)
    assert day.run() == [], day.said


@pytest.mark.slow
def test_the_days_reach_every_touch_and_excuse() -> None:
    """A table of excuses that nothing ever needs proves nothing: each is met, and most things need none."""
    whys: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for seed in range(100, 130):
        day = Day(seed, ALL, rates=BUSY, act_every_us=1_000_000, thorough_every=10_000)
        day.run()
        whys.update(touch.why for _, touches in day.truth.touched for touch in touches)
        reasons.update(reason for _, reason in day.verdict().excused)
    # two faults at one moment, and a case rack, have tests of their own
    assert set(whys) >= set(Why) - {Why.TAKEN_FOR, Why.STORED_FOR}
    assert len(reasons) >= 4, reasons


@pytest.mark.skipif(not DAYS, reason="PACKCENTER_MISCHIEF is not set")
@pytest.mark.timeout(0)
@pytest.mark.slow
@pytest.mark.parametrize("block", range(max(1, DAYS // 50)))
def test_many_days(block: int) -> None:
    """The same by the hundred, in every mixture."""
    for seed in range(1_000 + 50 * block, 1_050 + 50 * block):
        for rates, acts in ((certain(), ALL), (BUSY, ALL), (BUSY, ()), (certain(), of_kind("people"))):
            day = Day(seed, acts, rates=rates, act_every_us=1_000_000 + seed % 3 * 1_000_000, thorough_every=200)
            assert day.run() == [], (seed, day.said)


# --- what single acts do ---------------------------------------------------------------------------------------------


def test_what_is_lifted_from_the_belt_is_missed_by_the_next_eye() -> None:
    """People hold it, the ledger calls it lost: both are right."""
    day = Day(1, items=6)
    until(day, "lifts_from_belt")
    (document,) = day.plant.people.documents
    assert day.truth.places()[document.code] == "lost"
    day.wait(30_000_000)
    assert [fact.item for fact in facts_of(day, f.ItemLost)] == [document.code]
    day.heal()
    assert day.wrongs() == []


def test_what_is_lifted_from_a_lane_is_passed_over_or_not_there() -> None:
    """The lane's sensors say nothing; the feeder finds out."""
    day = Day(1, items=12)
    until(day, "lifts_from_lane")
    (document,) = day.plant.people.documents
    day.heal()
    assert day.controller.state.items[document.code].place == "lost"
    assert day.wrongs() == []


def test_swapped_documents_never_meet_the_wrong_pouch() -> None:
    """Identity is read again at the feeder: both are put out or lost, and no parcel bears the other's label."""
    day = Day(2, items=40)
    day.wait(12_000_000)
    for bagger in day.plant.baggers:
        bagger.open_guard()  # so that lanes fill
    until(day, "swaps_in_lane")
    swapped = [d.code for d, touches in day.truth.touched if any(touch.why is Why.SWAPPED for touch in touches)]
    day.heal()
    assert len(swapped) == 2
    assert day.wrongs() == []
    own = day.controller.state.waybills
    assert all(own[parcel.label] == parcel.documents[0].code for parcel in day.truth.sealed)


def test_a_wrong_document_under_the_right_code_is_called_back_when_the_right_one_is_fed() -> None:
    """
    A stranger stands before the right document and the reader names the one behind: it is sealed into the other's parcel.

    That takes two faults at one moment, and nobody can know then. When the right one is fed its code is in a parcel already:
    neither is trusted, and the parcel is turned out at the rack.
    """
    day = Day(14, items=4)
    lanes = [(sorter, lane) for sorter in day.plant.sorters for lane in sorter.lanes.values() if lane.number != 9]
    sorter, lane = lanes[0]
    for other_sorter, other in lanes[1:]:
        other_sorter.set_full_stuck(other, True)
    day.plant.baggers[0].open_guard()
    while len(lane.fifo) < 2:
        day.wait(50_000)
    day.plant.baggers[0].make_ready()
    right = lane.fifo[0]
    stranger = Document("XX-1", grams=20, thickness=60, announced=False)
    day.truth.appeared(stranger)
    day.plant.people.put_into_lane(sorter, lane, 0, stranger, "test")
    for bagger in day.plant.baggers:
        bagger.arm(Stage.FEEDER, Fate.NEIGHBOUR_CODE)
    day.wait(4_000_000)
    assert day.truth.sealed[0].documents == (stranger,)
    assert {touch.why for touch in day.truth.touches(stranger)} >= {Why.PUT, Why.MISTAKEN, Why.TAKEN_FOR}
    held = [fact for fact in facts_of(day, f.Suspected) if fact.item == right.code]
    assert [fact.reason for fact in held] == ["duplicate"]
    day.heal()
    assert day.controller.state.items[right.code].place == "hand"
    assert not [bag for bag in day.plant.rack.bags.values() for parcel in bag.parcels if stranger in parcel.documents]
    assert (day.truth.closed, day.wrongs()) == ([], [])


@pytest.mark.parametrize(("stuck", "seed"), [(STUCK_HOME, 3), (STUCK_OUT, 4)])
def test_a_stuck_diverter_is_told_by_the_eyes(stuck: str, seed: int) -> None:
    """At home its items run to the belt's end; out, everything that passes enters its lane. Both are wrong lanes."""
    day = Day(seed, items=30)
    sorter = day.plant.sorters[0]
    sorter.set_diverter(sorter.lanes[1], stuck)
    day.mischief()
    entered = Counter((fact.asked, fact.seen) for fact in facts_of(day, f.WrongLane) if fact.plc == "sorter-1")
    if stuck == STUCK_OUT:
        assert entered
        assert {seen for _, seen in entered} == {1}
    else:
        fell = [fact for fact in facts_of(day, f.Diverted) if fact.plc == "sorter-1"]
        assert 9 in {fact.disposition for fact in fell if fact.lane == 9}
        assert 1 not in {fact.lane for fact in fell}
    day.heal()
    assert sorter.lanes[1].diverter == SOUND
    assert day.wrongs() == []


def test_a_dark_eye_makes_lost_what_lies_in_its_lane() -> None:
    """The feeder finds it when something that was seen comes behind it."""
    day = Day(3, items=12)
    for sorter in day.plant.sorters:
        for lane in sorter.lanes.values():
            lane.eye_dark = True
    day.mischief()
    lost = facts_of(day, f.ItemLost)
    assert len(lost) == 12
    assert not facts_of(day, f.Diverted)
    day.heal()
    assert day.wrongs() == []


def test_a_full_sensor_says_what_it_says() -> None:
    """Stuck on, its lane gets nothing; stuck off, packcenter's own count keeps the lane within its capacity (R2)."""
    day = Day(4, items=30)
    one, other = day.plant.sorters
    for number in (1, 2):
        one.set_full_stuck(one.lanes[number], True)
    for lane in other.lanes.values():
        other.set_full_stuck(lane, False)
    day.wait(1_000_000)
    assert day.controller.state.plcs["sorter-1"].places == {1: PlaceState.FULL, 2: PlaceState.FULL}
    day.mischief()
    entered = {fact.lane for fact in facts_of(day, f.Diverted) if fact.plc == "sorter-1"}
    assert entered <= {3, 9}
    day.heal()
    assert day.controller.state.plcs["sorter-1"].places == {}
    assert day.wrongs() == []


def test_a_blocked_eye_is_a_jam_until_it_is_free() -> None:
    """The belt stands, the machine holds; freed, it goes on by itself."""
    day = Day(5, items=10)
    day.wait(8_000_000)
    sorter = day.plant.sorters[0]
    sorter.block_eye(sorter.lanes[2])
    day.wait(2_000_000)
    assert day.controller.state.plcs["sorter-1"].jams == {2: True}
    assert sorter.unit.state is State.HELD
    assert not sorter.moves
    day.heal()
    assert day.controller.state.plcs["sorter-1"].jams == {}
    assert day.wrongs() == []


def test_an_eye_that_flickers_leaves_one_lost_object() -> None:
    """A phantom is told as a ghost and never arrives."""
    day = Day(6, items=6)
    until(day, "eye_flickers")
    assert day.truth.phantoms == 1
    day.heal()
    (item,) = [item for item in day.controller.state.items.values() if not item.announced]
    assert (item.place, day.wrongs()) == ("lost", [])


def test_an_open_guard_aborts_and_keeps_the_machine_from_starting() -> None:
    """Pouches are put out and suspect (B6); a Reset is refused while the guard is open; closed, the core starts it again."""
    day = Day(7, items=20)
    day.wait(15_000_000)
    for machine in day.plant.baggers:
        machine.open_guard()
    day.wait(1_000_000)
    assert {machine.unit.state for machine in day.plant.baggers} == {State.ABORTED}
    day.hall.plcs["bagger-1"].reboot(77)
    day.wait(3_000_000)
    assert day.plant.baggers[0].unit.state is State.STOPPED
    day.heal()
    assert {machine.unit.state for machine in day.plant.baggers} == {State.EXECUTE}
    assert day.wrongs() == []


def test_what_is_put_back_wrongly_after_a_guard_is_found_by_the_feeder() -> None:
    """Out of the pouch into a lane: the ledger has it at the hand station until it is fed, then it is put out again."""
    for seed in range(40):
        day = Day(seed, items=30)
        day.wait(14_000_000)
        for _ in range(40):
            day.wait(700_000)
            said = day.act(ACTS["opens_guard"]) or ""
            if "is put into lane" in said:
                day.heal()
                assert day.wrongs() == []
                return
            day.plant.baggers[0].make_ready()
            day.plant.baggers[1].make_ready()
    raise AssertionError("no document was ever put back wrongly")


def test_a_label_that_is_printed_twice_makes_the_bag_of_the_first_suspect() -> None:
    """The second parcel bears both; whichever the rack reads, nobody is given the wrong parcel unnoticed."""
    reached = 0
    for seed in range(30):
        if reached >= 2:
            return
        day = Day(seed, items=30, rates=certain(label_twice=MILLION // 4))
        assert day.run() == []
        reached += any(fact.reason == "label_used_twice" for fact in facts_of(day, f.BagSuspected))
    raise AssertionError(f"a second label was read at the rack {reached} times")


@pytest.mark.parametrize(("checks", "wrong_labels"), [(True, False), (False, True)])
def test_a_late_label_gets_onto_the_next_pouch(checks: bool, wrong_labels: bool) -> None:
    """A machine that reads back puts both out; without that packcenter sees none on one and a wrong one on the other."""
    day = Day(9, items=8, checks_label=checks)
    day.wait(5_000_000)
    for bagger in day.plant.baggers:
        day.said.append(bagger.name)
    day.act(ACTS["prints_late"])
    day.mischief()
    sealed = facts_of(day, f.ParcelSealed)
    assert {"label_unread", "wrong_label"} <= {fact.reason for fact in sealed} or not wrong_labels
    rejected = facts_of(day, f.ParcelRejected)
    assert len(rejected) == (2 if checks else 0)
    day.heal()
    assert day.wrongs() == []


def test_a_scale_that_is_off_turns_parcels_out_and_one_that_is_stuck_hides_the_weight() -> None:
    """The weight is one of three checks."""
    day = Day(10, items=10)
    for bagger in day.plant.baggers:
        bagger.scale_off = 500
    day.mischief()
    assert {fact.reason for fact in facts_of(day, f.ParcelSealed)} == {"weight"}
    day.heal()
    assert day.wrongs() == []
    assert {bagger.scale_off for bagger in day.plant.baggers} == {0}
    stuck = Day(10, items=10, rates=certain(double_feed=MILLION))
    for bagger in stuck.plant.baggers:
        bagger.scale_stuck = 40
    assert stuck.run() == []


def test_two_documents_with_one_code_never_share_a_parcel_or_a_label() -> None:
    """The one that comes second is a duplicate; neither is trusted while its parcel is in the hall."""
    day = Day(12, (ACTS["brings_a_copy"],), items=30, act_every_us=1_000_000)
    assert day.run() == []
    assert any(fact.reason == "duplicate" for fact in facts_of(day, f.ObjectSeen))


def test_a_parcel_in_the_wrong_bag_is_excused_and_said() -> None:
    """Nothing sees the mouth of a bag today: the bill is wrong, and the verdict names it with its reason."""
    for seed in range(20):
        day = Day(seed, (ACTS["bags_wrongly"],), items=30)
        assert day.run() == []
        excused = [difference.kind for difference, _ in day.verdict().excused]
        if "bill" in excused:
            return
    raise AssertionError("no parcel ever got into a wrong bag")


def test_a_parcel_that_comes_back_after_it_was_in_a_bag_makes_that_bag_suspect() -> None:
    """Its label is read a second time: what hangs there is not what the bill says."""
    for seed in range(20):
        day = Day(seed, items=30)
        until(day, "takes_parcel_from_bag")
        (parcel,) = day.plant.people.parcels
        day.plant.people.parcels.clear()
        day.plant.rack.convey(parcel)
        bag = day.controller.state.items[parcel.documents[0].code].place
        day.wait(16_000_000)
        reasons = [
            fact.reason for fact in facts_of(day, f.BagSuspected) if isinstance(fact, f.BagSuspected) and f"bag/{fact.bag}" == bag
        ]
        day.heal()
        assert day.wrongs() == []
        if reasons:
            assert reasons[0] == "label_used_twice"
            return
    raise AssertionError("the bag was closed every time")
