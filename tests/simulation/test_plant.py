"""The whole simulated hall: days without packcenter, the same under any clock, and chaos that loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plantbed import EXCEPTION, Bed, Controller, Seen, begin, day, divert, drop, packml, small_hall

from packcenter.core.packml import Command, State
from packcenter.plc.line import CommandKind, EventKind
from simulation.clock import HeapClock, SimPyClock
from simulation.draws import Stream
from simulation.luck import Rates
from simulation.plant.bagger import BaggerSettings
from simulation.plant.hall import PlantSettings
from simulation.plant.sorter import SorterSettings
from simulation.truth import Document, compare

BUSY = PlantSettings(
    seed=5,
    rates=Rates(
        scan_no_read=10_000,
        scan_multiple=5_000,
        scan_error=5_000,
        scan_misread=5_000,
        falls=10_000,
        ghost=10_000,
        feed_no_read=10_000,
        feed_multiple=5_000,
        feed_misread=5_000,
        double_feed=10_000,
        label_unreadable=10_000,
        wrong_insert=10_000,
        rack_no_read=0,
    ),
)


def run_day(bed: Bed, bag_items: int = 10) -> Controller:
    """Run until every document has come to rest and every bag is closed."""
    controller = Controller(bed, bag_items)
    bed.start()
    bed.wait(len(bed.truth.documents) * 1_100_000 + 300_000_000)
    controller.close_all()
    bed.wait(10_000_000)
    return controller


def test_an_ordinary_day_ends_with_every_document_dispatched() -> None:
    """Without mishaps nothing goes to the hand station, and every bag's bill is the controller's."""
    bed = Bed(day(600))
    controller = run_day(bed)
    assert bed.truth.counts() == {"dispatched": 600}
    assert set(controller.ledger.values()) == {"dispatched"}
    assert {tag: tuple(bill) for tag, bill in controller.bills.items()} == bed.truth.bills()
    assert compare(controller.ledger, bed.truth) == []
    assert bed.truth.faults() == []


def test_a_day_of_mishaps_loses_nothing_and_the_ledger_agrees_with_the_truth() -> None:
    """Every kind of mishap happened; all documents are counted once; controller and plant agree where each is."""
    bed = Bed(day(1500, BUSY), BUSY)
    controller = run_day(bed)
    kinds = Counter(event.kind for port in bed.ports.values() for event in port.events)
    assert min(kinds[kind] for kind in (EventKind.LOST, EventKind.GHOST, EventKind.COMMAND_RESULT)) > 0
    assert bed.truth.faults() == []
    assert compare(controller.ledger, bed.truth) == []
    counts = bed.truth.counts()
    assert set(counts) == {"dispatched", "hand", "floor"}
    assert sum(counts.values()) == 1500 + kinds[EventKind.GHOST]
    assert counts["hand"] > 50


def test_both_clocks_give_the_same_day_bit_for_bit() -> None:
    """Every event of every PLC, with its time, and every document's place; another seed gives another day."""
    digests = {}
    for name, clock, how in (
        ("heap", HeapClock(), BUSY),
        ("simpy", SimPyClock(), BUSY),
        ("other", HeapClock(), PlantSettings(seed=6, rates=BUSY.rates)),
    ):
        bed = Bed(day(300, how), how, clock=clock)
        run_day(bed)
        digests[name] = bed.digest()
    assert digests["heap"] == digests["simpy"] != digests["other"]


@pytest.mark.slow
def test_a_day_is_the_same_under_any_hash_seed() -> None:
    """Fresh interpreters with other string hashes give the same digest."""
    script = (
        "from plantbed import Bed, day\n"
        "from test_plant import BUSY, run_day\n"
        "bed = Bed(day(200, BUSY), BUSY)\n"
        "run_day(bed)\n"
        "print(bed.digest())\n"
    )
    here = Path(__file__).parent
    path = os.pathsep.join((str(here), str(here.parents[1])))
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 32


def test_an_item_that_nothing_touches_meets_the_same_luck_in_another_hall() -> None:
    """With one sorter instead of two, other times and other neighbours, each item is read alike."""
    outcomes = []
    for hall in (small_hall(1), small_hall(2)):
        bed = Bed(day(300, BUSY), BUSY, hall)
        bed.start(*(sorter.plc for sorter in hall.sorters))
        bed.wait(700_000_000)
        scans = [event for sorter in hall.sorters for event in bed.ports[sorter.plc].of_kind(EventKind.SCANNED)]
        outcomes.append(sorted((scan.b, scan.code) for scan in scans))
    assert outcomes[0] == outcomes[1]
    assert len({outcome for outcome, _ in outcomes[0]}) == 4


def test_documents_that_never_come_stay_with_their_agency() -> None:
    """A negative time of arrival means announced and not sent."""
    bed = Bed([Document("NJ-1", arrives_us=-1), Document("NJ-2", arrives_us=5)])
    bed.wait(10)
    assert bed.truth.counts() == {"agency": 1, "queue": 1}
    assert bed.truth.places() == {"NJ-1": "expected", "NJ-2": "expected"}


class Chaos:
    """Answers with plausible and with senseless commands, and does to the PLCs whatever can be done to PLCs."""

    def __init__(self, bed: Bed, seed: int) -> None:
        self.bed = bed
        self.luck = Stream(seed, "chaos")
        self.names = list(bed.ports)
        for port in bed.ports.values():
            port.listener = self.answer

    def answer(self, seen: Seen) -> None:
        port = self.bed.ports[seen.plc]
        if port.epoch == 0 or not port.alive:
            return
        waybill = f"W{self.luck.below(40)}"
        if seen.kind == EventKind.SCANNED:
            divert(port, seen.track, self.luck.between(1, 10), self.luck.between(1, 9))
        elif seen.kind == EventKind.DIVERTED:
            begin(self.bed.ports[self.names[self.luck.between(2, 5)]], waybill, self.luck.between(1, 4))
        elif seen.kind == EventKind.FED:
            # The one label that this bagger will take is not known here: seal and reject by guess, then by state.
            for number in range(40):
                port.tell(CommandKind.SEAL if self.luck.below(4) else CommandKind.REJECT, text=f"W{number}")
        elif seen.kind == EventKind.PACKED:
            drop(self.bed.ports["rack-1"], seen.code, self.luck.below(34))
        elif seen.kind == EventKind.STATE_CHANGED and seen.a in (State.STOPPED, State.IDLE, State.ABORTED, State.HELD):
            packml(port, {2: Command.RESET, 4: Command.START, 9: Command.CLEAR, 11: Command.UNHOLD}[seen.a])

    def strike(self) -> None:
        port = self.bed.ports[self.names[self.luck.below(len(self.names))]]
        blow = self.luck.below(10)
        if port.epoch == 0:
            port.grant(self.luck.between(1, 60_000))
        elif not port.alive:
            port.find_peer()
        elif blow == 0:
            port.reboot()
        elif blow == 1:
            port.lose_peer()
        elif blow == 2:
            packml(port, Command(self.luck.between(1, 10)))
        elif blow == 3:
            port.tell(CommandKind.SET_PLACE, a=self.luck.between(0, 12), b=self.luck.below(4))
        elif blow == 4:
            self.bed.ports["rack-1"].tell(CommandKind.CLOSE_BAG, a=self.luck.below(34), text=f"T{self.bed.clock.now_us}")
        elif blow == 5:
            port.room = not port.room
        elif blow == 6:
            kinds = list(CommandKind)
            port.tell(kinds[self.luck.below(len(kinds))], track=self.luck.below(5), a=self.luck.below(12), text="W1")


CHAOS = PlantSettings(
    rates=Rates(falls=30_000, ghost=30_000, jams=20_000, wrong_lane=20_000, double_feed=30_000, label_wrong=20_000),
    sorter=SorterSettings(jam_us=5_000_000, carry_us=10_000_000),
    bagger=BaggerSettings(film_pouches=30, refill_us=10_000_000),
)


@settings(max_examples=25)
@given(seed=st.integers(0, 1 << 30))
def test_whatever_happens_every_document_is_in_exactly_one_place(seed: int) -> None:
    """Restarts, silence, stops, jams and senseless commands, at any moment, on any machine: nothing lost, nothing doubled."""
    bed = Bed(day(60, CHAOS), CHAOS, small_hall(capacity=6))
    chaos = Chaos(bed, seed)
    bed.start()
    for _ in range(150):
        bed.wait(chaos.luck.below(2_000_000))
        chaos.strike()
        kinds = {fault.kind for fault in bed.truth.faults()}
        assert "conservation" not in kinds, bed.truth.faults()
    lanes = [lane for sorter in bed.plant.sorters for lane in sorter.lanes.values() if lane.number != EXCEPTION]
    assert all(len(lane.fifo) <= lane.capacity for lane in lanes)


def test_agencies_documents_go_to_the_shortest_queue_in_turn() -> None:
    """Both sorters get their share at their time; with one of them stopped, the other gets what comes later."""
    bed = Bed(day(40, every_us=1_000_000, batch=20))
    bed.wait(1)
    assert [len(sorter.queue) for sorter in bed.plant.sorters] == [10, 10]
    bed.start("sorter-1")
    bed.wait(19_600_000)
    assert [len(sorter.queue) for sorter in bed.plant.sorters] == [15 - 1, 15]  # one of them was let in at once
