"""
What must hold at rest, in time once faults have stopped, and in each record that becomes durable.

The witness (`witness`) sees what crosses the borders between journal, wire and plant; here is what one side says about itself
and what both say when nothing is under way:

    each record     T1 R2 R8 R9 B6 C1 D2 L-pause L-answers
    in time         L-links L-infeed L-acknowledged L-decided L-controlling L-reconnects,
                    L-rest: all is at its end or held, and every manifest is taken; L-cells (`cell_watch`)
    at rest         A1 A2 A3 (books), A7 A8 A9 E2 (discrepancies), A9 B1 B4 D1 (the plant's own count),
                    J2 J4 (journal folded and replayed), G4 (what the agencies were answered), X (the second judge)
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from io import StringIO
from typing import TYPE_CHECKING, Any

import msgspec

from packcenter.core import case_facts as c
from packcenter.core import facts as f
from packcenter.core import inputs as i
from packcenter.core import record
from packcenter.core.alarm_facts import AlarmAwaited, AlarmRaised
from packcenter.core.alarm_table import ALARMS
from packcenter.core.commands import Divert
from packcenter.core.controller import Controller
from packcenter.core.custody import balance_errors, books
from packcenter.core.hall import Destination, Hall
from packcenter.core.lifecycle import IN_HALL, kind_of
from packcenter.core.loop_facts import InfeedHeld, WentRound
from packcenter.core.packml import State as Unit
from packcenter.core.plan_facts import PlanActivated, PlanValiditySet
from packcenter.core.receipt_facts import ReceiptOverdue, ReceiptReturned
from packcenter.core.state import State, decode_state, encode_state, is_current, lane_place
from packcenter.core.words import ReadOutcome, ReasonClass
from packcenter.journal.journal import read_journal
from packcenter.replay.strict import explain, replay
from packcenter.service.output_commit import Recorded
from simulation.disk import SimDisk
from simulation.explore.cell_watch import needlessly_left, to_be_emptied
from simulation.explore.options import Notes
from simulation.explore.riddles import Riddles
from simulation.explore.scenarios import checks_label
from simulation.judge import judge as judge_journal
from simulation.truth import Ledger, judge

if TYPE_CHECKING:
    from simulation.explore.world import World

REST_LIMIT_US = 3_600_000_000
"""Nothing that a hall has to finish after faults takes an hour; `_rest_by_us` says how long it may really take."""

_SETTLE_US = 5_000_000
"""By then links are up and infeeds move: 3 s for a connect that meets a dead cable, a pause of 1.25 s, an exchange."""

_ACKNOWLEDGED_US = 1_000_000
_REFUSED_PAUSE_US = 1_000_000
"""A bagger that refused a job is not asked for another one sooner: it would fill journal and wire with refusals."""

_NEIGHBOURS = (ReasonClass.STARVED, ReasonClass.BLOCKED)
_STOPS = (Unit.CLEARING, Unit.STOPPED, Unit.STOPPING, Unit.ABORTING, Unit.ABORTED, Unit.HOLDING, Unit.HELD)
"""What no neighbour brings about, whatever a machine says."""


class Checker:
    """
    Looks at each durable record, at deaths, and at the hall once faults have stopped. `echoes`: links are made to hand out
    events again.
    """

    def __init__(self, notes: Notes, hall: Hall, *, echoes: bool) -> None:
        self._notes = notes
        self._echoes = echoes
        self._secure = {(s.plc, lane.number): lane.secure for s in hall.sorters for lane in s.lanes}
        self._capacity = {(s.plc, lane.number): lane.capacity_items for s in hall.sorters for lane in s.lanes}
        self._exception = {sorter.plc: sorter.exception_lane for sorter in hall.sorters}
        self._secure_class = {each.name: each.secure for each in hall.mail_classes}
        self._last_us = 0
        self._open_pouches: dict[str, set[int]] = {}
        self._refused_us: dict[str, int] = {}
        self._unheard: dict[str, set[int]] = {}
        self._healed_us: int | None = None
        self._rest_by_us = 0
        self.bills: dict[str, tuple[str, ...]] = {}
        self.replaced: set[str] = set()
        """Manifests whose file its agency replaced before it was answered: what the first said can be answered by nobody."""
        self.refused: set[str] = set()
        """Bags that the rack would not close, and has not closed since: the hall is not at rest before it has."""

    def _wrong(self, at_us: int, invariant: str, text: str) -> None:
        self._notes.violated(at_us, invariant, text)

    # --- each record -------------------------------------------------------------------------------------------------

    def read(self, recorded: Recorded, state: State | None, now_us: int) -> None:
        """A durable record is handed out; `state` may be some records ahead of it."""
        if recorded.at_us < self._last_us:
            self._wrong(now_us, "T1", f"record {recorded.sequence} is of {recorded.at_us}, after {self._last_us}")
        self._last_us = recorded.at_us
        self._b6(recorded, now_us)
        self._answers(recorded, state, now_us)
        for fact in recorded.facts:
            check = _FACTS.get(type(fact))
            if check is not None:
                check(self, recorded, fact, state, now_us)
        for command in recorded.commands:
            if isinstance(command, Divert) and not (
                isinstance(recorded.input, i.Scanned) and recorded.input.track == command.track
            ):
                self._wrong(now_us, "R3", f"record {recorded.sequence}: {command} is no answer to a scan of its track")

    def _b6(self, recorded: Recorded, now_us: int) -> None:
        """After a stop, a jam, a gap or a restart, an open pouch must not become a good parcel."""
        happened = recorded.input
        if isinstance(happened, i.Started):
            for pouches in self._open_pouches.values():
                pouches.clear()
        for fact in recorded.facts:
            if isinstance(fact, f.DocumentFed):
                self._open_pouches.setdefault(fact.plc, set()).add(fact.job)
            elif _makes_suspect(fact):
                self._open_pouches.pop(fact.plc, None)  # type: ignore[attr-defined]
            if isinstance(fact, f.ParcelSealed) and not fact.reason and fact.job not in self._open_pouches.get(fact.plc, ()):
                self._wrong(
                    now_us, "B6", f"record {recorded.sequence}: {fact} is good, though its pouch was suspect or never fed"
                )

    def _abandoned(self, recorded: Recorded, fact: f.JobAbandoned, state: State | None, now_us: int) -> None:
        if fact.reason == "refused":
            self._refused_us[fact.plc] = recorded.at_us

    def _begun(self, recorded: Recorded, fact: f.JobBegun, state: State | None, now_us: int) -> None:
        since_us = recorded.at_us - self._refused_us.get(fact.plc, -_REFUSED_PAUSE_US)
        if since_us < _REFUSED_PAUSE_US:
            self._wrong(now_us, "L-pause", f"record {recorded.sequence}: {fact}, {since_us / 1e6:.3f} s after it refused one")

    def _answers(self, recorded: Recorded, state: State | None, now_us: int) -> None:
        """
        A command whose time passed while its PLC could not be heard is waited for anew when that is heard again.

        One that is open no more was answered by a record that a crash kept from being handed out.
        """
        for fact in recorded.facts:
            if isinstance(fact, f.CommandTimedOut):
                waits = self._unheard.setdefault(fact.plc, set())
                (waits.discard if fact.kind or fact.again_us else waits.add)(fact.number)
            elif isinstance(fact, f.CommandAnswered):
                self._unheard.get(fact.plc, set()).discard(fact.number)
            elif isinstance(fact, f.EpochGranted):
                self._unheard.pop(fact.plc, None)
        for fact in recorded.facts:
            if isinstance(fact, f.LinkStateSet) and fact.up and state is not None:
                left = sorted(self._unheard.pop(fact.plc, set()) & state.plcs[fact.plc].pending.keys())
                if left:
                    text = f"record {recorded.sequence}: {fact}, and nobody waits for the answers to {left}"
                    self._wrong(now_us, "L-answers", text)

    def _sealed(self, recorded: Recorded, fact: f.ParcelSealed, state: State | None, now_us: int) -> None:
        if fact.label != fact.waybill:
            self._notes.met("sealed under another label")
        if not fact.reason and fact.label != fact.waybill:
            self._wrong(now_us, "C1", f"record {recorded.sequence}: {fact.label!r} was read back, {fact.waybill!r} was printed")

    def _routed(self, recorded: Recorded, fact: f.Routed, state: State | None, now_us: int) -> None:
        lane = (fact.plc, fact.lane)
        exception = fact.lane == self._exception.get(fact.plc)
        scan = recorded.input
        if isinstance(scan, i.Scanned) and not exception and (scan.outcome != ReadOutcome.SUCCESS or not scan.code):
            self._wrong(now_us, "R9", f"record {recorded.sequence}: {fact} after a scan with outcome {scan.outcome}")
        if state is None or exception or not fact.lane:  # lane 0 is the way round
            return
        item = state.items.get(fact.item)
        if item is not None and self._secure_class.get(item.mail_class, True) and not self._secure[lane]:
            self._wrong(now_us, "R8", f"record {recorded.sequence}: {fact} is not secure, {item.mail_class} must be")
        load = state.lanes[lane_place(*lane)]
        if load.on_way > self._capacity[lane]:
            self._wrong(
                now_us, "R2", f"record {recorded.sequence}: {load.on_way} items on their way to {lane} of {self._capacity[lane]}"
            )

    def _late(self, recorded: Recorded, fact: f.DecisionLate, state: State | None, now_us: int) -> None:
        self._notes.met("decision after the divert point")
        if self._healed_us is not None and now_us > self._healed_us + _SETTLE_US:
            self._wrong(
                now_us, "L-decided", f"record {recorded.sequence}: {fact}, {(now_us - self._healed_us) / 1e6:.1f} s after healing"
            )

    def _closed(self, recorded: Recorded, fact: f.BagClosed, state: State | None, now_us: int) -> None:
        self.refused.discard(fact.bag)
        if any(isinstance(each, f.Moved) and each.target == "dispatched" for each in recorded.facts):
            tags = (
                state.tags if state is not None else {}
            )  # the record that made one may be of a life that died before it was read
            self.bills[tags.get(fact.bag, fact.bag)] = fact.waybills
            self._in_its_bag(recorded, fact, state, now_us)

    def _in_its_bag(self, recorded: Recorded, fact: f.BagClosed, state: State | None, now_us: int) -> None:
        """D2: what left in a bag was for its destination, and by a service for which no other bag hangs."""
        for name in fact.items if state is not None and state.hall is not None else ():
            item, positions = state.items[name], state.hall.rack.positions  # type: ignore[union-attr]
            named = [each.number for each in positions if each.destination == fact.destination and item.service in each.services]
            others = [each.number for each in positions if each.destination == fact.destination and not each.services]
            if fact.position not in (named or others):
                self._wrong(
                    now_us, "D2", f"record {recorded.sequence}: {name} by {item.service} left from position {fact.position}"
                )
            if item.outlet and all(each.name != fact.destination or item.outlet not in each.outlets for each in _parts(state)):
                self._wrong(now_us, "D2", f"record {recorded.sequence}: {name} for {item.outlet} left for {fact.destination}")
            if named:
                self._notes.met("bag for one service left")

    def _receipt(self, recorded: Recorded, fact: f.Fact, state: State | None, now_us: int) -> None:
        self._notes.met("receipt overdue" if isinstance(fact, ReceiptOverdue) else "receipt returned")

    def _suspected(self, recorded: Recorded, fact: f.BagSuspected, state: State | None, now_us: int) -> None:
        if fact.reason in ("not_sealed", "seal_used_twice"):
            self._notes.met("bag not sealed as it should be")

    def _close_asked(self, recorded: Recorded, fact: f.BagCloseAsked, state: State | None, now_us: int) -> None:
        if not fact.reason:
            self._notes.met("bag not closed when asked")
            self.refused.add(fact.bag)

    def _proven(self, recorded: Recorded, fact: c.ParcelProven, state: State | None, now_us: int) -> None:
        if len(fact.items) > 1:
            self._notes.met("letters combined" if fact.case.startswith("+") else "parcel of several documents")
        if fact.part > 1:
            self._notes.met("follow-up of a part")

    def _release_begun(self, recorded: Recorded, fact: c.ReleaseBegun, state: State | None, now_us: int) -> None:
        if fact.reason == "complete":
            self._notes.met("case complete")
        elif fact.reason == "part":
            self._notes.met("case shipped in part")

    def _overdue(self, recorded: Recorded, fact: c.CaseOverdue, state: State | None, now_us: int) -> None:
        self._notes.met("case with one document missing for ever")

    def _parted(self, recorded: Recorded, fact: c.LettersParted, state: State | None, now_us: int) -> None:
        if fact.reason == "wait_over":
            self._notes.met("letter left behind")

    def _cell_suspected(self, recorded: Recorded, fact: c.CellSuspected, state: State | None, now_us: int) -> None:
        self._notes.met("cell in doubt")
        if fact.reason == "cell_counter":
            self._notes.met("cell that counts what cannot be")

    def _alarm(self, recorded: Recorded, fact: AlarmRaised, state: State | None, now_us: int) -> None:
        if fact.alarm in _CALLS:
            self._notes.met(_CALLS[fact.alarm])

    def _awaited(self, recorded: Recorded, fact: AlarmAwaited, state: State | None, now_us: int) -> None:
        if fact.due_us - recorded.at_us > ALARMS[fact.alarm].delay_us:
            self._notes.met("alarm that comes and goes")

    def _tried_anew(self, recorded: Recorded, fact: c.CellTriedAnew, state: State | None, now_us: int) -> None:
        self._notes.met("cell tried anew")

    def _set_aside(self, recorded: Recorded, fact: f.EventSetAside, state: State | None, now_us: int) -> None:
        if fact.reason == "repeated" and not self._echoes:
            self._wrong(now_us, "E1", f"record {recorded.sequence}: {fact}: a link handed it out again by itself")

    def _taken(self, recorded: Recorded, fact: f.ActTaken, state: State | None, now_us: int) -> None:
        met = self._notes.met
        match fact.act.removesuffix("_begin"):
            case "lane_close":
                met("lane closed by a person")
            case "maintenance":
                met("machine in maintenance")
            case "bag_close":
                met("bag closed early")
            case "hand_return" | "hand_remake":
                met("document sent off")
            case "hand_code":
                met("coded by hand")
            case "hand_withdraw" if state is not None and kind_of(state.items[fact.subject].place) in IN_HALL:
                met("item withdrawn in the hall")
        if any(isinstance(each, f.MachineStopSet) and each.person for each in recorded.facts):
            met("machine stopped by a person")

    def _activated(self, recorded: Recorded, fact: PlanActivated, state: State | None, now_us: int) -> None:
        if isinstance(recorded.input, i.Started):
            self._notes.met("plan kept over a restart")
        elif state is not None and any(kind_of(item.place) in IN_HALL for item in state.items.values()):
            self._notes.met("plan switched while items are on their way")

    def _went_round(self, recorded: Recorded, fact: WentRound, state: State | None, now_us: int) -> None:
        self._notes.met("item went round")

    def _held(self, recorded: Recorded, fact: InfeedHeld, state: State | None, now_us: int) -> None:
        if fact.held:
            self._notes.met("infeed of a loop held")

    def _validity(self, recorded: Recorded, fact: PlanValiditySet, state: State | None, now_us: int) -> None:
        if fact.why == "plan_expired":
            self._notes.met("plan expired in force")

    def _refused(self, recorded: Recorded, fact: f.ActRefused, state: State | None, now_us: int) -> None:
        self._notes.met("act refused")

    # --- deaths ------------------------------------------------------------------------------------------------------

    def died(self, now_us: int, state: State | None, in_pouches: bool = False) -> None:
        """The controller died with this in its hands; documents really are in pouches, or not."""
        if state is None:
            self._notes.met("kill during recovery")
            return
        self._wakes_again(now_us, state)
        for bagger in state.baggers.values():
            for job in (bagger.feeding, bagger.sealing):
                if job is not None and job.inside and job.verdict:
                    self._notes.met("label printed but unverified at crash")
            if bagger.feeding is not None and (bagger.feeding.inside or in_pouches):
                self._notes.met("parcel half filled at crash")
        if any(bag.closing for bag in state.bags.values()):
            self._notes.met("bag closing at crash")

    def _wakes_again(self, now_us: int, state: State) -> None:
        """J4: what a snapshot brings back wakes at the same times."""
        waking, again = wakings(state), wakings(decode_state(encode_state(state)))
        if waking != again:
            self._wrong(now_us, "J4", f"after a snapshot it would wake at {again[:5]}, as it is at {waking[:5]}")

    # --- once faults have stopped ----------------------------------------------------------------------------------------

    def healed(self, world: World, now_us: int) -> None:
        """From now on everything must be in time."""
        self._healed_us = now_us
        to_do = sum(kind not in ("hand", "dispatched", "floor", "people", "agency") for kind in _kinds(world))
        self._rest_by_us = max(now_us, world.day.last_comes_us) + 240_000_000 + 15_000_000 * to_do

    def look(self, world: World, healed_us: int) -> None:
        """Once a second after healing."""
        now_us = world.clock.now_us
        if now_us > self._rest_by_us:
            self._wrong(now_us, "L-rest", "the hall does not come to rest: " + _unfinished(world))
            world.broken = True
            return
        if now_us - healed_us < _SETTLE_US:
            return
        life = world.life
        if life is None or not life.serving:
            self._wrong(now_us, "L-controlling", f"no controller {(now_us - healed_us) / 1e6:.1f} s after healing")
            world.broken = True
            return
        for name, plc in world.plcs.items():
            mailbox = life.callers[name].mailbox
            if not mailbox.up or plc.epoch != mailbox.epoch:
                self._wrong(
                    now_us,
                    "L-links",
                    f"{name}: link {'up' if mailbox.up else 'down'}, epoch {plc.epoch}, granted {mailbox.epoch}",
                )
                world.broken = True
            elif plc.oldest_us() > _ACKNOWLEDGED_US:
                waits = f"{plc.ring_used} events wait, the oldest for {plc.oldest_us() / 1e6:.1f} s"
                self._wrong(now_us, "L-acknowledged", f"{name}: {waits}")
                world.broken = True
            elif not plc.infeed_allowed(0):
                self._wrong(now_us, "L-infeed", f"{name}: no infeed, ring {plc.ring_used} of {plc.ring_size}")
                world.broken = True

    def at_rest(self, world: World) -> None:
        """Nothing is under way: both sides must say the same."""
        now_us = world.clock.now_us
        life = world.life
        if life is None or world.broken:
            return
        state = life.controller.state
        self._wakes_again(now_us, state)
        for error in balance_errors(state):
            self._wrong(now_us, "A3", error)
        for account in books(state):
            if account.difference:
                self._wrong(now_us, "A2", f"{account} does not balance")
        for item in state.items.values():
            if bool(item.lost_from) != (item.place == "lost"):  # else a bag it fell into long ago stays in doubt (D1)
                self._wrong(now_us, "A1", f"{item.id} is in {item.place}, and missed from {item.lost_from or 'nowhere'}")
        places = {item.id: item.place for item in state.items.values()}
        sent_back = frozenset(item.id for item in state.items.values() if item.sent_back)
        ledger = Ledger(places, dict(state.waybills), self.bills, sent_back=sent_back)
        verdict = judge(ledger, world.plant.truth)
        self._notes.looked.update(msgspec.structs.asdict(world.plant.truth.looked_into()))
        self._notes.looked["misread"] += sum(difference.kind == "wrong document" for difference, _ in verdict.excused)
        for difference in verdict.differences:
            self._wrong(now_us, _LETTERS.get(difference.kind, "A9"), str(difference))
        for fault in world.plant.truth.faults():
            if fault.kind != "label on several parcels" or checks_label(world.options.seed):  # else they are packcenter's to sort
                self._wrong(now_us, "B1", str(fault))
        for place in needlessly_left(state, world.options):
            self._wrong(now_us, "L-cells", f"{place} is left alone for its counter, and every cell counts right")
        for letter, text in self._riddles(world, state):
            self._wrong(now_us, letter, text)
        for letter, text in journal_faults(world.disk, state):
            self._wrong(now_us, letter, text)
        for text in _misanswered(world, state):
            self._wrong(now_us, "G4", text)

    def _riddles(self, world: World, state: State) -> list[tuple[str, str]]:
        """What nobody can explain is sought; told from the whole journal, also by what a life did not live to hand out."""
        riddles = Riddles()
        for entry in read_journal(world.disk, verify="crc"):
            for goal in riddles.take(record.decode(entry.body).facts):
                self._notes.met(goal)
        return riddles.wrong(state)


def _makes_suspect(fact: f.Fact | object) -> bool:
    """Whether after this no open pouch of the machine is to be trusted."""
    if isinstance(fact, f.MachineEntered):
        return fact.state in _STOPS or (fact.state != Unit.EXECUTE and fact.reason_class not in _NEIGHBOURS)
    return isinstance(fact, f.GapSeen | f.EpochGranted) or (isinstance(fact, f.JamSet) and fact.on)


_Check = Callable[["Checker", Recorded, Any, State | None, int], None]
_CALLS = {
    "cells_miscount": "case rack that counts what cannot be",
    "many_rejects": "machine that puts out too much",
    "bag_not_sealed": "bag without its seal",
}
"""Alarms that are goals."""

_FACTS: dict[type, _Check] = {
    f.JobAbandoned: Checker._abandoned,
    f.JobBegun: Checker._begun,
    f.ParcelSealed: Checker._sealed,
    f.Routed: Checker._routed,
    f.DecisionLate: Checker._late,
    f.BagClosed: Checker._closed,
    f.BagSuspected: Checker._suspected,
    f.BagCloseAsked: Checker._close_asked,
    f.EventSetAside: Checker._set_aside,
    c.ParcelProven: Checker._proven,
    c.ReleaseBegun: Checker._release_begun,
    c.CaseOverdue: Checker._overdue,
    c.LettersParted: Checker._parted,
    c.CellSuspected: Checker._cell_suspected,
    AlarmRaised: Checker._alarm,
    AlarmAwaited: Checker._awaited,
    c.CellTriedAnew: Checker._tried_anew,
    f.ActTaken: Checker._taken,
    f.ActRefused: Checker._refused,
    PlanActivated: Checker._activated,
    WentRound: Checker._went_round,
    InfeedHeld: Checker._held,
    PlanValiditySet: Checker._validity,
    ReceiptOverdue: Checker._receipt,
    ReceiptReturned: Checker._receipt,
}
_LETTERS = {"wrong document": "B4", "bill": "D1"}


def _parts(state: State | None) -> tuple[Destination, ...]:
    """The plan's destinations."""
    return state.hall.plan.destinations if state is not None and state.hall is not None else ()


def wakings(state: State) -> list[tuple[int, str, str, int]]:
    """The deadlines that still mean something, in order."""
    return sorted({entry for entry in state.agenda if is_current(state, entry)})


def journal_faults(disk: SimDisk, state: State) -> list[tuple[str, str]]:
    """
    What is wrong with the journal of a hall at rest, as (letter, text): the second judge's word (X), a replay that decides
    otherwise (J4), or a state that a restart would not come to (J2).
    """
    faults = []
    for text in judge_journal(disk.files()).violations:
        letter, _, rest = text.partition(" ")
        faults.append((f"X-{letter}", rest))
    try:
        replayed = replay(read_journal(disk, verify="crc"))
        folded = Controller()
        for entry in read_journal(disk, verify="crc"):
            recorded = record.decode(entry.body)
            folded.fold(entry.at_us, recorded.facts, recorded.commands)
    except Exception as error:
        return [*faults, ("J2", f"reading the journal again: {type(error).__name__}: {error}")]
    expected = encode_state(state)
    if replayed.divergence is not None:
        faults.append(("J4", "; ".join(explain(replayed.divergence))[:500]))
    elif encode_state(replayed.state) != expected:
        faults.append(("J4", "a replay decides the same and ends in another state"))
    if encode_state(folded.state) != expected:
        faults.append(("J2", "the records folded give another state"))
    return faults


def _kinds(world: World) -> list[str]:
    return [place.partition("/")[0] for _, place in world.plant.truth.everywhere()]


def at_rest(world: World) -> bool:
    """Whether nothing moves any more and nothing is under way between anybody."""
    life = world.life
    if life is None or not life.serving or life.group_under_way or world.clock.now_us < world.day.last_comes_us:
        return False
    state = life.controller.state
    if _untaken(world, state):
        return False
    if any(kind_of(item.place) in ("belt", "lane", "pack", "rack") for item in state.items.values()):
        return False
    if any(kind in ("queue", "belt", "pack", "rack") for kind in _kinds(world)):
        return False
    if any(bagger.feeding or bagger.sealing for bagger in state.baggers.values()):
        return False
    if any(rack.storing for rack in state.case_racks.values()):
        return False
    if to_be_emptied(state) or _gathering(state):
        return False
    if _refused(world, state) or any(bag.closing for bag in state.bags.values()):
        return False
    return all(
        not plc.ring_used and not life.callers[name].mailbox.waiting and life.callers[name].mailbox.up
        for name, plc in world.plcs.items()
    )


def _gathering(state: State) -> list[str]:
    """Cells in which letters wait for others: not for long (L), unlike documents of cases."""
    return [
        place
        for place, cell in state.cells.items()
        if cell.items and cell.case in state.cases and not state.cases[cell.case].size
    ]


def _untaken(world: World, state: State) -> list[str]:
    """The day's manifests, all of them sound, that the controller does not have whole."""
    taken = {name for name, manifest in state.manifests.items() if manifest.parts_taken == manifest.parts}
    return [name for name in world.day.manifests if name not in taken]


def _misanswered(world: World, state: State) -> Iterator[str]:
    """Manifests of the day to which the agency got no answer, or not the one that the books give."""
    _, _, _, results = world.folders
    answers = results.files()
    for name in world.day.manifests:
        answer = answers.get(f"{name}.result.csv")
        if answer is None:
            if name not in world.checker.replaced:
                yield f"manifest {name} was taken, and never answered"
            continue
        told = sum(row["outcome"] == "taken" for row in csv.DictReader(StringIO(answer.decode(), newline="")))
        if told != state.manifests[name].taken:
            yield f"manifest {name}: {state.manifests[name].taken} items were taken, its answer says {told}"


def _refused(world: World, state: State) -> list[str]:
    """Bags that the rack once refused to close and that hang there still; one that a crash kept us from hearing of does not."""
    return sorted(world.checker.refused & {bag.tag for bag in state.bags.values()})


def _unfinished(world: World) -> str:
    life = world.life
    if life is None or not life.serving:
        return "no controller that serves"
    state = life.controller.state
    told = [f"manifest {name} not taken" for name in _untaken(world, state)]
    told += [
        f"{item.id} in {item.place}" for item in state.items.values() if kind_of(item.place) in ("belt", "lane", "pack", "rack")
    ]
    told += [
        f"{document.code or 'no code'} really in {place}"
        for document, place in world.plant.truth.everywhere()
        if place.partition("/")[0] in ("queue", "belt", "lane", "pack", "rack")
    ]
    told += [
        f"{name} {machine.unit.state.name}"
        for name, machine in world.plant.programs.items()
        if machine.unit.state != Unit.EXECUTE
    ]
    told += [f"{name} has a pouch under way" for name, bagger in state.baggers.items() if bagger.feeding or bagger.sealing]
    told += [f"{name} has a document in hand" for name, rack in state.case_racks.items() if rack.storing]
    told += [f"{place} is to be emptied" for place in to_be_emptied(state)]
    told += [f"letters wait in {place}" for place in _gathering(state)]
    told += [f"bag {bag.tag} is closing" for bag in state.bags.values() if bag.closing]
    told += [f"bag {tag} was not closed" for tag in _refused(world, state)]
    told += [f"{name}: {plc.ring_used} events" for name, plc in world.plcs.items() if plc.ring_used]
    told += [f"{name}: commands wait" for name, caller in life.callers.items() if caller.mailbox.waiting]
    return ", ".join(told[:20])
