"""
One record after the other: its place and times, its event, its facts in order, its commands, and what they must add up to.

Each kind of input, fact and command has its rule in one of the tables below. Whatever has none needs none, and a test
says which these are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simulation.judge import (
    alarms,
    bags,
    cases,
    counters,
    custody,
    integrity,
    letters,
    manifests,
    packing,
    people,
    plans,
    receipts,
    routing,
    sessions,
    shifts,
    tags,
)
from simulation.judge.grammar import Said, read
from simulation.judge.ledger import Bench, Court, is_masked
from simulation.judge.pages import Page

Rule = Callable[[Court, Bench, Said], None]
After = Callable[[Court, Bench], None]

EVENTS: Final = frozenset(
    {
        "Scanned", "TrackLost", "GhostAppeared", "PlaceChanged", "JamChanged", "MachineChanged", "ConsumableRead",
        "Unintelligible", "DivertConfirmed", "Fed", "Packed", "Stored", "Released", "Dropped", "BagShut", "CommandEnded",
        "Quarantined",
    }
)  # fmt: skip
"""Inputs that stand for an event of a PLC: PLC, epoch and number are their first fields."""

FACTS: Final[dict[str, Rule]] = {
    "HallAdopted": sessions.hall_adopted,
    "LinkStateSet": sessions.link_state_set,
    "EpochGranted": sessions.epoch_granted,
    "EventTaken": sessions.event_taken,
    "GapSeen": sessions.gap_seen,
    "MachineEntered": sessions.machine_entered,
    "JamSet": sessions.jam_set,
    "PlaceSet": sessions.place_set,
    "QuarantineNoted": sessions.quarantine_noted,
    "CommandAnswered": sessions.command_answered,
    "CommandTimedOut": sessions.command_timed_out,
    "ManifestOpened": manifests.manifest_opened,
    "ItemExpected": manifests.item_expected,
    "LineRefused": manifests.line_refused,
    "ManifestPartTaken": manifests.part_taken,
    "ManifestTaken": manifests.manifest_taken,
    "Moved": custody.moved,
    "ObjectSeen": custody.object_seen,
    "SentToHand": custody.sent_to_hand,
    "Suspected": custody.suspected,
    "ItemLost": custody.item_lost,
    "ItemFound": custody.item_found,
    "ItemSeen": routing.item_seen,
    "Routed": routing.routed,
    "DecisionLate": routing.decision_late,
    "Diverted": routing.diverted,
    "WrongLane": routing.wrong_lane,
    "WentRound": routing.went_round,
    "InfeedHeld": routing.infeed_held,
    "Unconfirmed": routing.unconfirmed,
    "ConfirmationMoved": routing.confirmation_moved,
    "WaybillAssigned": packing.waybill_assigned,
    "JobBegun": packing.job_begun,
    "DocumentFed": packing.document_fed,
    "VerdictGiven": packing.verdict_given,
    "JobSuspected": packing.job_suspected,
    "ParcelSealed": packing.parcel_sealed,
    "ParcelRejected": packing.parcel_rejected,
    "JobAbandoned": packing.job_abandoned,
    "JobJoined": cases.job_joined,
    "LettersGathered": letters.gathered,
    "LetterJoined": letters.joined,
    "LettersParted": letters.parted,
    "ParcelProven": cases.parcel_proven,
    "CellReserved": cases.cell_reserved,
    "CellFreed": cases.cell_freed,
    "StoreBegun": cases.store_begun,
    "DocumentStored": cases.document_stored,
    "StoreAbandoned": cases.store_abandoned,
    "CellSuspected": cases.cell_suspected,
    "ReleaseBegun": cases.release_begun,
    "CellReleased": cases.cell_released,
    "CellTriedAnew": counters.tried_anew,
    "ReleaseEnded": cases.release_ended,
    "CaseDueSet": cases.case_due_set,
    "CaseOverdue": cases.case_overdue,
    "BagOpened": bags.bag_opened,
    "ParcelDropped": bags.parcel_dropped,
    "ParcelTurnedOut": bags.parcel_turned_out,
    "BagSuspected": bags.bag_suspected,
    "BagCloseAsked": bags.bag_close_asked,
    "BagClosed": bags.bag_closed,
    "ActTaken": people.answered,
    "ActRefused": people.answered,
    "LaneBarred": people.lane_barred,
    "MachineStopSet": people.stop_set,
    "MaintenanceSet": people.maintenance_set,
    "ItemWithdrawn": people.item_withdrawn,
    "CodedByHand": people.coded_by_hand,
    **alarms.FACTS,
    **shifts.FACTS,
    "IntegritySet": integrity.integrity_set,
    **plans.FACTS,
    "TagMade": tags.made,
    "ReceiptAwaited": receipts.awaited,
    "ReceiptOverdue": receipts.overdue,
    "ReceiptReturned": receipts.returned,
    "ReceiptGivenUp": receipts.given_up,
    "ReceiptRefused": receipts.refused,
}

COMMANDS: Final[dict[str, Rule]] = {
    "Divert": routing.divert,
    "BeginParcel": packing.begin_parcel,
    "SealParcel": packing.verdict,
    "RejectParcel": packing.verdict,
    "Store": cases.store,
    "Release": cases.release,
    "Drop": bags.drop,
    "CloseBag": bags.close_bag,
    "CommandMachine": sessions.command_machine,
    "SetPlace": people.set_place,
}

_DEEP: Final = frozenset(
    {
        "HallAdopted",
        "ItemExpected",
        "BagClosed",
        "LineRefused",
        "BagSuspected",
        "ReceiptRefused",
    }
)
"""Facts that hold lists and have a rule that finds a second one, and facts that change nothing when they come again."""

BEFORE: Final[dict[str, After]] = {"Scanned": routing.before_scanned}

AFTER: Final[dict[str, After]] = {
    "Started": sessions.after_started,
    "LinkUp": sessions.after_link_up,
    "LinkLost": sessions.after_link_lost,
    "StopRequested": sessions.after_stop,
    "ManifestReceived": manifests.after_manifest,
    "Quarantined": sessions.after_quarantined,
    "ClockStepped": sessions.after_mirror,
    "AlarmTableGiven": alarms.after_table_given,
    "CustodyRulesGiven": shifts.after_rules_given,
    "ReceiptsReceived": receipts.after_received,
    "Tick": letters.after_tick,
    **dict.fromkeys(people.AFTER, people.after_act),
}
"""What an input that is no event must add up to."""

AFTER_EVENT: Final[dict[str, After]] = {
    "MachineChanged": sessions.after_machine_changed,
    "PlaceChanged": sessions.after_place_changed,
    "JamChanged": sessions.after_mirror,
    "ConsumableRead": sessions.after_mirror,
    "Scanned": routing.after_scanned,
    "GhostAppeared": routing.after_ghost,
    "DivertConfirmed": routing.after_confirmed,
    "TrackLost": routing.after_track_lost,
    "Fed": packing.after_fed,
    "Packed": packing.after_packed,
    "Stored": cases.after_stored,
    "Released": cases.after_released,
    "Dropped": bags.after_dropped,
    "BagShut": bags.after_shut,
    "CommandEnded": sessions.after_command_ended,
}
"""The same for an event that is new."""

_CODED: Final = {
    "Scanned": 8,
    "Fed": 8,
    "Stored": 8,
    "Packed": 7,
    "Dropped": 7,
    "BagShut": 7,
    "Quarantined": 5,
    "ManifestReceived": 6,
}
"""Inputs with codes that were read or sent, and the field that holds them."""

_STEP_US: Final = 1_000_000
_DRIFT: Final = 1000
"""A wall clock may drift one part in a thousand between two records; more than that and a second is a step (T3)."""

_STEP_TOLD_US: Final = 30_000_000
"""How long after a step of the wall clock its record may come."""


class Trial:
    """Judges the records of a journal, in order."""

    def __init__(self) -> None:
        self.court = Court()
        self.records = 0
        self.stopped = ""
        self._at_us = 0
        self._mono_us = 0
        self._wall_us = 0
        self._step: tuple[int, int, int] | None = None
        """A step of the wall clock that is not told yet: sequence, by how much, monotonic time."""

    def hear(self, page: Page, configuration: bytes) -> bool:
        """
        Judge one record; False if it cannot be read as schema 1, and nothing after it should be judged.

        `configuration` is the digest of the segment's header; zeros if it tells none.
        """
        sequence, at_us, mono_us, wall_us, epoch, event, decision_at, plc, body = page
        found = read(body, decision_at)
        court = self.court
        if isinstance(found, str):
            court.bench.sequence = sequence
            court.blame("J10", found)
            self.stopped = found
            return False
        happened, facts, commands = found
        bench = Bench(sequence, at_us, happened, facts, commands)
        court.bench = bench
        self.records += 1
        if bench.name == "Started" and any(configuration) and happened[4] != configuration.hex():
            court.blame("G2", f"a run starts with configuration {happened[4][:16]}, its segment is of {configuration.hex()[:16]}")
        self._times(bench, mono_us, wall_us)
        self._source(bench, plc, epoch, event)
        said = bench.said
        for fact in facts:
            if fact[0] in said:
                said[fact[0]].append(fact)
            else:
                said[fact[0]] = [fact]
        if not bench.state or bench.state == "taken" or bench.name == "Quarantined":
            self._judge(bench)
        else:
            self._judge_old(bench)
        return True

    def _judge(self, bench: Bench) -> None:
        court, name = self.court, bench.name
        if name in BEFORE:
            BEFORE[name](court, bench)
        if name in _CODED:
            _codes_are_masked(court, bench)
        if not court.runs and name != "Started":
            court.blame("G2", f"the journal begins with {name}, expected Started")
            court.runs = 1
        for fact in bench.facts:
            rule = FACTS.get(fact[0])
            if rule is not None:
                rule(court, bench, fact)
        for command in bench.commands:
            if command[0] == "GrantEpoch":
                sessions.grant_epoch(court, bench, command)
                continue
            sessions.numbered(court, bench, command)
            rule = COMMANDS.get(command[0])
            if rule is not None:
                rule(court, bench, command)
        if len(bench.said) < len(bench.facts):
            self._said_once(bench)
        if bench.state:
            self._after_event(bench)
        if name in AFTER:
            AFTER[name](court, bench)
        if bench.ended or bench.sought:
            packing.after_ended(court, bench)
        if bench.over:
            sessions.after_over(court, bench)
        if bench.doubted:
            sessions.after_doubts(court, bench)
        if bench.sealed:
            packing.after_sealed(court, bench)
            cases.after_proven(court, bench)
        if bench.cells or bench.gone:
            cases.after_cells(court, bench)
        if bench.counted or bench.tried or "CellTriedAnew" in bench.said:
            counters.after_record(court, bench)
        if bench.closing is not None or bench.suspects:
            bags.after_bags(court, bench)
        bags.look_for_overdue(court, bench)
        people.look_for_overstayed(court, bench)
        shifts.after_record(court, bench)
        integrity.after_record(court, bench)
        plans.look_for_validity(court, bench)
        routing.look_at_loops(court, bench)
        alarms.after_record(court, bench)
        receipts.after_record(court, bench)
        for (plc, number), order in bench.orders.items():
            court.blame("E9", f"{plc} {number}: {order} is announced, and not asked")

    def _said_once(self, bench: Bench) -> None:
        """One record says a thing once: an entry that stands twice is one too many (A3)."""
        for name, facts in bench.said.items():
            if len(facts) > 1 and name not in _DEEP and len(set(map(repr, facts))) < len(facts):
                self.court.blame("A3", f"{name} is said twice in one record")

    def _after_event(self, bench: Bench) -> None:
        """A new event is taken, and what it says is followed or set aside with a true reason."""
        court = self.court
        if bench.state != "taken":
            return
        machine = court.machines[bench.plc]
        if machine.seq != bench.seq or "EventTaken" not in bench.said:
            court.blame("E1", f"event {bench.plc}/{bench.epoch}/{bench.seq} is new, and not taken")
            machine.seq = bench.seq
        for fact in bench.said.get("EventSetAside", ()):
            if fact[1:4] != [bench.plc, bench.epoch, bench.seq] or fact[4] in ("repeated", "stale_epoch"):
                court.blame("E1", f"new event {bench.plc}/{bench.epoch}/{bench.seq} is set aside as {fact[1:]}")
        if bench.name in AFTER_EVENT:
            AFTER_EVENT[bench.name](court, bench)
        elif bench.name == "Unintelligible" and "EventSetAside" not in bench.said:
            court.blame("A1", f"an event of unknown kind of {bench.plc} is taken in silence")

    def _judge_old(self, bench: Bench) -> None:
        """An event of an older life, or one that came again, changes nothing and asks for nothing (R4, E1)."""
        told = [fact for fact in bench.facts if fact[0] != "EventSetAside"]
        where = f"event {bench.plc}/{bench.epoch}/{bench.seq} is {bench.state}"
        letter = "R4" if bench.state == "stale" else "E1"
        if told or bench.commands:
            first = (told or bench.commands)[0]
            self.court.blame(letter, f"{where}, and {first[0]} comes of it")
        elif [fact[1:4] for fact in bench.facts] != [[bench.plc, bench.epoch, bench.seq]]:
            self.court.blame(letter, f"{where}, and is not set aside")

    def _source(self, bench: Bench, plc: str, epoch: int, event: int) -> None:
        """The frame names the event that the record stands for; is that event new?"""
        happened = bench.happened
        source: tuple[str, int, int] = ("", 0, 0)
        if bench.name in EVENTS:
            bench.plc, bench.epoch, bench.seq = happened[1:4]
            source = (bench.plc, bench.epoch, bench.seq)
            machine = self.court.machines[bench.plc]
            if bench.epoch != machine.epoch or not machine.epoch:
                bench.state = "stale"
            else:
                bench.state = "repeated" if bench.seq <= machine.seq else "taken"
        if bench.name == "Quarantined":  # the service wrote it of itself; no PLC offered the event again
            source = ("", 0, 0)
        if (plc, epoch, event) != source:
            self.court.blame("E1", f"the frame stands for {plc}/{epoch}/{event}, its input for {'/'.join(map(str, source))}")

    def _times(self, bench: Bench, mono_us: int, wall_us: int) -> None:
        """Core time never goes back; monotonic time not within a run; a step of the wall clock is told (T1, T2, T3)."""
        if bench.at_us < self._at_us:
            self.court.blame("T1", f"core time goes back from {self._at_us} to {bench.at_us}")
        if bench.name == "Started" or bench.sequence == 1:
            self._step = None
        else:
            passed_us = mono_us - self._mono_us
            step_us = wall_us - self._wall_us - passed_us
            if passed_us < 0:
                self.court.blame("T2", f"monotonic time goes back from {self._mono_us} to {mono_us} within a run")
            elif abs(step_us) > _STEP_US + passed_us // _DRIFT and self._step is None:
                self._step = (bench.sequence, step_us, mono_us)
            if bench.name == "ClockStepped":
                self._step = None
            elif self._step is not None and mono_us - self._step[2] > _STEP_TOLD_US:
                sequence, step_us, _ = self._step
                self.court.blame("T3", f"the wall clock stepped by {step_us} us at record {sequence}, and nothing says so")
                self._step = None
        self._at_us, self._mono_us, self._wall_us = max(bench.at_us, self._at_us), mono_us, wall_us


def _codes_are_masked(court: Court, bench: Bench) -> None:
    """No code in the journal is a resident identity number or a mobile number (B7)."""
    values = [line[0] for line in bench.happened[6]] if bench.name == "ManifestReceived" else [bench.happened[_CODED[bench.name]]]
    for value in values:
        if len(value) in (11, 18) and not is_masked(value) and is_personal(value):
            court.blame("B7", f"a code of {bench.name} is personal by its form; it is not repeated here")


def is_personal(text: str) -> bool:
    """Whether a text is a resident identity number with the right check character, or a mobile number of China."""
    if len(text) == 11:
        return text.isascii() and text.isdigit() and text[0] == "1" and text[1] > "2"
    digits, check = text[:17], text[17:]
    if len(text) != 18 or not (digits.isascii() and digits.isdigit()):
        return False
    total = sum(int(digit) * (1 << (17 - place)) for place, digit in enumerate(digits))
    return check.upper() == "10X98765432"[total % 11]
