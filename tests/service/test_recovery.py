"""Recovery: folding gives back what was known, from whatever snapshot; notes for the next run are whole or said to be spoilt."""

from __future__ import annotations

import errno

import msgspec
import pytest

from packcenter.config.load import bundled_site, load_site
from packcenter.core import inputs as i
from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.core.facts import Fact, HallAdopted
from packcenter.core.inputs import BagShut, Fed, Packed, Quarantined, Scanned
from packcenter.core.state import encode_state
from packcenter.journal import snapshot
from packcenter.journal.frames import Draft, Identity
from packcenter.journal.journal import Journal, JournalCorrupt, JournalError
from packcenter.service import recovery
from packcenter.service.recovery import QUARANTINE_FILE, Recovered
from simulation.disk import SimDisk, StillClock, failing
from simulation.draws import Stream

HALL = load_site(bundled_site()).hall
IDENTITY = Identity(HALL.centre, "0.1.0", bytes(32), bytes(32))
SEGMENT = 1 << 16
EVENTS = [Quarantined("sorter-1", 1, 7, 3, "NJ000001", "KeyError: 'x'"), Quarantined("rack-1", 2, 9, 0, "", "ValueError: y")]


class Hall:
    """A controller whose every step is a group of its own."""

    def __init__(self) -> None:
        self.disk = SimDisk()
        self.journal = Journal.open(self.disk, IDENTITY, clock=StillClock(), holder="me", segment_bytes=SEGMENT)
        self.controller = Controller()
        self.happen(i.Started(1, "0.1.0", HALL, "00"))

    def happen(self, happened: i.Input) -> None:
        at_us = self.controller.state.last_us + 1_000_000
        outcome = self.controller.step(at_us, happened)
        body, decision_at = record.encode(happened, outcome)
        self.journal.write_group([Draft(at_us, at_us, at_us + 7, "", 0, 0, body, decision_at)])

    def snapshot(self) -> snapshot.Snapshot:
        body = recovery.pack_snapshot(self.controller.state, self.controller.state.last_us + 7)
        return snapshot.Snapshot(self.journal.end, recovery.STATE_SCHEMA, body)


def hall(steps: int) -> Hall:
    made = Hall()
    for number in range(steps):
        made.happen(i.LinkUp(HALL.plcs()[number % 3], 1 + number, 0))
    return made


def recovered(disk: SimDisk) -> Recovered:
    return recovery.recover(SimDisk(disk.files()), IDENTITY, StillClock(), "me", segment_bytes=SEGMENT)


# --- the state -----------------------------------------------------------------------------------------------------------


def test_an_empty_folder_gives_an_empty_controller() -> None:
    found = recovered(SimDisk())
    assert (found.last, found.folded, found.quarantined, found.notes, found.snapshot) == (None, 0, [], (), None)
    assert encode_state(found.controller.state) == encode_state(Controller().state)


def test_what_was_recorded_is_folded_and_told() -> None:
    """The facts of every record go to whoever asked, and the clocks of the last record are kept."""
    made = hall(5)
    facts: list[Fact] = []
    found = recovery.recover(made.disk.survivor(), IDENTITY, StillClock(), "me", segment_bytes=SEGMENT, on_facts=facts.extend)
    assert encode_state(found.controller.state) == encode_state(made.controller.state)
    assert found.last == (made.controller.state.last_us, made.controller.state.last_us + 7)
    assert found.folded == 6
    assert isinstance(facts[0], HallAdopted)


def test_progress_is_told_every_so_many_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "PROGRESS_EVERY", 2)
    told: list[int] = []
    recovery.recover(hall(6).disk.survivor(), IDENTITY, StillClock(), "me", segment_bytes=SEGMENT, progress=told.append)
    assert told == [2, 4, 6]


def test_a_snapshot_shortens_the_way_to_the_same_state() -> None:
    made = hall(4)
    assert recovery.keep_snapshot(made.disk, made.snapshot(), None) == ""
    here = recovered(made.disk)
    assert (here.folded, here.last) == (0, (made.controller.state.last_us, made.controller.state.last_us + 7))
    for number in range(3):
        made.happen(i.ClockStepped(number))
    found = recovered(made.disk)
    assert (found.folded, found.notes) == (3, ())
    assert found.snapshot is not None
    assert found.snapshot.position.sequence == 5
    assert encode_state(found.controller.state) == encode_state(made.controller.state)


@pytest.mark.parametrize(
    "body", [b"\xc1", msgspec.msgpack.encode((1, b"\x81\xa4hall\x01")), msgspec.msgpack.encode((1, b"\xa1\xff"))]
)
def test_a_snapshot_whose_state_this_release_cannot_read_is_passed_over(body: bytes) -> None:
    """
    Whole by its hash, of our schema by its number, and yet no state of ours: somebody forgot to raise `STATE_SCHEMA`.

    Found by the crash images: recovery ended in a decoding error, although the journal had everything.
    """
    made = hall(3)
    snapshot.write(made.disk, msgspec.structs.replace(made.snapshot(), state=body))
    made.happen(i.ClockStepped(3))
    found = recovered(made.disk)
    assert (found.folded, found.snapshot) == (5, None)
    assert len(found.notes) == 1
    assert found.notes[0].startswith("the snapshot at sequence 4 is none of this release")
    assert encode_state(found.controller.state) == encode_state(made.controller.state)


@pytest.mark.parametrize("schema", [recovery.STATE_SCHEMA - 1, recovery.STATE_SCHEMA + 1])
def test_a_snapshot_of_another_release_is_passed_over_even_if_it_decodes(schema: int) -> None:
    """J10: the same bytes may mean something else there; the journal is read instead."""
    made = hall(3)
    snapshot.write(made.disk, msgspec.structs.replace(made.snapshot(), schema=schema))
    found = recovered(made.disk)
    assert (found.folded, found.snapshot) == (4, None)
    assert len(found.notes) == 1
    assert f"schema {schema}; this release reads 1 and [{recovery.STATE_SCHEMA}]" in found.notes[0]


def test_a_folder_that_cannot_be_listed_is_said_so() -> None:
    disk = hall(1).disk.survivor()
    disk.hook = failing("list", "", OSError(errno.EIO, "Input/output error"))
    with pytest.raises(JournalError, match="cannot read the folder"):
        recovery.recover(disk, IDENTITY, StillClock(), "me", segment_bytes=SEGMENT)


# --- snapshots are right before they have their name ---------------------------------------------------------------------


def test_a_snapshot_is_verified_from_the_one_before() -> None:
    """Nothing before that one is read again."""
    made = hall(2)
    before = made.snapshot()
    made.happen(i.ClockStepped(3))
    taken = made.snapshot()
    made.happen(i.ClockStepped(4))
    assert recovery.verify_snapshot(made.disk, taken, None) == ""
    assert recovery.verify_snapshot(made.disk, taken, before) == ""
    other = msgspec.structs.replace(before, state=recovery.pack_snapshot(Controller().state, 1))
    assert "differs from the journal" in recovery.verify_snapshot(made.disk, taken, other)


def test_a_wrong_snapshot_is_not_kept() -> None:
    """
    It would be what the next recovery begins with.

    As it was at first, it was written, then verified, and then only said to be wrong.
    """
    made = hall(2)
    made.controller.state.run += 1
    fault = recovery.keep_snapshot(made.disk, made.snapshot(), None)
    assert fault == "snapshot at sequence 3 differs from the journal folded up to it; the journal is right"
    assert [name for name in made.disk.list() if name.startswith("snapshot")] == []


def test_an_event_that_is_set_aside_names_what_it_was_about() -> None:
    """A bagger's event names its job, without which its pouch would be left standing; a sorter's its track and code."""
    fed, packed = Fed("bagger-1", 2, 5, 17, 1, 0, 80, "NJ000001"), Packed("bagger-1", 2, 6, 17, 0, 40, "EA000000014CN")
    scanned, shut = Scanned("sorter-1", 1, 7, 3, 1, 0, 0, "NJ000001", 0, 0), BagShut("rack-1", 1, 9, 2, 0, 400, "S1")
    error = KeyError("x" * 300)
    assert [recovery.set_aside(each, error) for each in (fed, packed, scanned, shut)] == [
        Quarantined("bagger-1", 2, 5, 17, "NJ000001", f"KeyError: {repr('x' * 300)[:200]}"),
        Quarantined("bagger-1", 2, 6, 17, "", f"KeyError: {repr('x' * 300)[:200]}"),
        Quarantined("sorter-1", 1, 7, 3, "NJ000001", f"KeyError: {repr('x' * 300)[:200]}"),
        Quarantined("rack-1", 1, 9, 0, "", f"KeyError: {repr('x' * 300)[:200]}"),
    ]


# --- the quarantine note -------------------------------------------------------------------------------------------------


def test_events_noted_for_the_next_run_are_there_until_they_are_removed() -> None:
    disk = SimDisk()
    assert recovery.read_quarantine(disk) == []
    recovery.write_quarantine(disk, [])
    recovery.write_quarantine(disk, EVENTS)
    assert disk.list() == [QUARANTINE_FILE]
    assert recovery.read_quarantine(disk.moment().image(0)) == EVENTS
    recovery.write_quarantine(disk, EVENTS[:1])
    assert recovery.read_quarantine(disk.moment().image(0)) == EVENTS[:1]
    recovery.write_quarantine(disk, [])
    assert disk.moment().image(0).list() == []


def test_half_a_note_of_an_earlier_run_is_written_over() -> None:
    disk = SimDisk({QUARANTINE_FILE + ".tmp": b"half of something longer than what comes now" * 20})
    recovery.write_quarantine(disk, EVENTS)
    assert recovery.read_quarantine(disk) == EVENTS


def test_recovery_brings_the_noted_events() -> None:
    made = hall(1)
    recovery.write_quarantine(made.disk, EVENTS)
    assert recovered(made.disk).quarantined == EVENTS


def test_a_note_of_release_0_1_0_has_no_crc_and_is_read() -> None:
    """The fault is mended, the new release installed, and the old one's note waits."""
    disk = SimDisk({QUARANTINE_FILE: msgspec.msgpack.encode(EVENTS)})
    assert recovery.read_quarantine(disk) == EVENTS


def test_a_spoilt_note_stops_recovery_and_says_what_to_do() -> None:
    """
    Every bit of it: another event must not be set aside in its place.

    Found by the crash images: a spoilt note raised a decoding error, or passed for another event.
    """
    made = hall(1)
    recovery.write_quarantine(made.disk, EVENTS)
    content = made.disk.files()[QUARANTINE_FILE]
    luck = Stream(1, "note")
    for at in range(len(content)):
        disk = made.disk.settled()
        disk.spoil(QUARANTINE_FILE, at, bytes([content[at] ^ 1 << luck.below(8)]))
        with pytest.raises(JournalCorrupt, match=r"quarantine\.msgpack was changed or cut.*Keep a copy"):
            recovery.read_quarantine(disk)
    for length in range(len(content)):
        disk = SimDisk({QUARANTINE_FILE: content[:length]})
        if length != len(content) - 4:  # without its CRC it is as release 0.1.0 wrote it
            with pytest.raises(JournalCorrupt):
                recovery.read_quarantine(disk)
