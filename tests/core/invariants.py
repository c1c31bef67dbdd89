"""
What must always hold, checked from outside after each step of a controller (design: invariants A, B, C, D, E, R, J).

`Watch` drives one controller, folds what it decided into a second one as recovery does, and can go on from a snapshot.
"""

from __future__ import annotations

import msgspec
from alarm_watch import AlarmWatch
from custody_watch import CustodyWatch

from packcenter.core import facts as f
from packcenter.core import inputs as i
from packcenter.core.case_facts import CaseSplit, ReleaseBegun
from packcenter.core.commands import CommandMachine, Divert, Drop, GrantEpoch, SealParcel
from packcenter.core.controller import Controller, Outcome
from packcenter.core.custody import balance_errors, books
from packcenter.core.hall import Plan
from packcenter.core.lifecycle import FINAL, kind_of
from packcenter.core.packml import State as Unit
from packcenter.core.routing import deadline_us
from packcenter.core.state import Item, Job, State, decode_state, encode_state, is_current, lane_place
from packcenter.core.words import NO_CODES, ReadOutcome, ReasonClass, Role, is_past

_OUTCOME = msgspec.msgpack.Encoder()


class Step(msgspec.Struct, frozen=True):
    """One input and what it led to."""

    at_us: int
    happened: i.Input
    outcome: Outcome


class _Before(msgspec.Struct, frozen=True):
    """
    What of the state before a step its checks need.

    `code_place` is where the item of the event's code was, `tracked` the item under its track (both "" if none); `ahead`
    stood before that item in the lane from which its job is fed; `pouches` are (bagger, job) of the open pouches that
    held a document, `waiting` those of them into which more are to be fed.
    """

    epochs: dict[str, int]
    seqs: dict[str, int]
    items: int
    code_place: str
    tracked: str
    ahead: tuple[str, ...]
    pouches: frozenset[tuple[str, int]]
    waiting: frozenset[tuple[str, int]]


class Watch:
    """
    A controller under watch. `step` it like a controller; every n-th step is checked thoroughly, each is checked briefly.

    `restart` goes on from a snapshot, as a new process does; a `snapshot` is one to begin with.
    """

    def __init__(self, thorough_every: int = 1, snapshot: bytes | None = None) -> None:
        self.controller = Controller() if snapshot is None else Controller(decode_state(snapshot))
        self.steps: list[Step] = []
        self._folded = Controller() if snapshot is None else Controller(decode_state(snapshot))
        self._alarms = AlarmWatch()
        self._custody = CustodyWatch()
        self._thorough_every = thorough_every
        self._began_in_between = snapshot is not None
        self._taken: set[tuple[str, int, int]] = set()
        self._lives: dict[str, int] = {}  # nonce of each PLC's present life
        self._labels: dict[str, str] = {}  # the item of each label that was found right
        self._doubted: set[tuple[str, int]] = set()  # pouches that must not be trusted
        self._tags: set[str] = set()
        self._bills: set[str] = set()
        self._seals: set[str] = set()  # of dispatched bags
        self._gone: dict[str, bytes] = {}  # every item as it was when it left
        self._plans: dict[str, Plan] = {}  # every plan that was in force and says which it is, by what items say

    def step(self, at_us: int, happened: i.Input) -> Outcome:
        """Step the controller and check what came of it."""
        before = _before(self.controller.state, happened)
        outcome = self.controller.step(at_us, happened)
        self.steps.append(Step(at_us, happened, outcome))
        self._folded.fold(at_us, outcome.facts, outcome.commands)
        assert self.controller.state.hall is not None
        plan = self.controller.state.hall.plan
        self._plans[plan.named() or plan.version] = plan
        self._check_outcome(happened, outcome, before)
        if not self._began_in_between:
            self._alarms.take(at_us, happened, outcome)
            self._custody.take(at_us, happened, outcome, self.controller.state)
        if isinstance(happened, i.Tick):
            due_us = self.controller.next_deadline_us()
            assert due_us is None or due_us > at_us, f"due at {due_us} after the Tick of {at_us}"
        if len(self.steps) % self._thorough_every == 0:
            self.check_state()
        return outcome

    def restart(self) -> None:
        """The process dies and goes on from a snapshot of its state."""
        self.controller = Controller(decode_state(encode_state(self.controller.state)))

    def check_state(self) -> None:
        """Check everything that must hold of the state as it is."""
        state = self.controller.state
        assert encode_state(self._folded.state) == encode_state(state), "folding the facts leads elsewhere"
        revived = decode_state(encode_state(state))
        assert encode_state(revived) == encode_state(state), "a snapshot reads back as another state"
        assert _deadlines(revived) == _deadlines(state) == _deadlines(self._folded.state), "recovered deadlines differ"
        assert not balance_errors(state), balance_errors(state)
        assert all(account.difference == 0 for account in books(state)), books(state)
        assert state.provisional == sum(not item.announced for item in state.items.values()), "A7: all are counted"
        assert state.closed_bags == len(self._bills) or self._began_in_between, "all closed bags are counted"
        for name, as_left in self._gone.items():
            assert _OUTCOME.encode(state.items[name]) == as_left, f"{name} changed after it had left (A6)"
        _check_places(state)
        _check_jobs(state)
        _check_bags(state)
        _check_cells(state)
        _check_commands(state)
        if not self._began_in_between:
            self._alarms.check(state)
            self._custody.check(state)

    def check_replay(self, restart_every: int = 0) -> None:
        """
        The same inputs to a new controller give the same outcomes, byte for byte.

        With `restart_every`, that controller dies after each so many steps: by turns it goes on from a snapshot, and
        from a folding of all facts and commands so far.
        """
        again = Controller()
        for number, step in enumerate(self.steps, 1):
            outcome = again.step(step.at_us, step.happened)
            assert _OUTCOME.encode(outcome) == _OUTCOME.encode(step.outcome), step.happened
            if restart_every and number % restart_every == 0:
                by_snapshot = number // restart_every % 2 == 0
                again = Controller(decode_state(encode_state(again.state))) if by_snapshot else _folded(self.steps[:number])
        self.check_state()
        assert encode_state(again.state) == encode_state(self.controller.state)

    def _check_outcome(self, happened: i.Input, outcome: Outcome, before: _Before) -> None:
        self._check_life(outcome, before)
        self._check_custody(happened, outcome, before)
        self._check_act(happened, outcome)
        self._check_stopped(happened, outcome)
        self._check_pouches(happened, outcome, before)
        self._check_bags_closed(outcome)
        self._check_laid_out(outcome)
        for fact in outcome.facts:
            if isinstance(fact, f.Routed):
                self._check_route(fact)
        if isinstance(happened, i.PlcEvent.__args__):
            said = [fact for fact in outcome.facts if isinstance(fact, f.EventTaken | f.EventSetAside)]
            assert said, f"{happened} was ignored in silence"
        for command in outcome.commands:
            if isinstance(command, SealParcel):
                self._check_seal(command, happened)
            elif isinstance(command, Drop) and command.position:
                self._check_drop(command)
            elif isinstance(command, Divert):
                self._check_divert(command, happened, outcome)

    def _check_life(self, outcome: Outcome, before: _Before) -> None:
        """E1, E2, E4, R4: every event once, in order, of the present life; a hole is said; an epoch belongs to one life."""
        for fact in outcome.facts:
            if isinstance(fact, f.EventTaken):
                key = (fact.plc, fact.epoch, fact.seq)
                assert key not in self._taken, f"{key} was taken twice (E1)"
                assert fact.epoch == before.epochs[fact.plc], f"{fact} is of another life (R4)"
                self._taken.add(key)
                expected = before.seqs[fact.plc] + 1
                gaps = [gap for gap in outcome.facts if isinstance(gap, f.GapSeen)]
                assert gaps == [f.GapSeen(fact.plc, fact.epoch, expected, fact.seq)] * (fact.seq != expected), f"{fact} (E2)"
            elif isinstance(fact, f.EpochGranted):
                assert fact.epoch == before.epochs[fact.plc] + 1, f"{fact} (E4)"
                assert self._lives.get(fact.plc) != fact.nonce, f"{fact}: this life has an epoch (E4)"
                self._lives[fact.plc] = fact.nonce
        for command in outcome.commands:
            if isinstance(command, GrantEpoch):
                plc = self.controller.state.plcs[command.plc]
                assert (command.nonce, command.epoch) == (plc.nonce, plc.epoch), f"{command} is no fact (E4)"

    def _check_act(self, happened: i.Input, outcome: Outcome) -> None:
        """O1: an act is answered once, with its person; a refused one changes nothing. O3: maintenance has its machine alone."""
        answers = [fact for fact in outcome.facts if isinstance(fact, f.ActTaken | f.ActRefused)]
        if not isinstance(happened, i.Act):
            assert not answers, f"{answers} after {happened} (O1)"
            return
        assert len(answers) == 1, f"{answers} (O1)"
        answer = answers[0]
        assert (answer.person, answer.role, answer.reason) == (happened.person, happened.role, happened.reason), answer
        assert happened.role in [role.value for role in Role] or isinstance(answer, f.ActRefused), f"{answer} (O1)"
        if isinstance(answer, f.ActRefused):
            assert len(outcome.facts) == 1, f"{outcome} (O1)"
            assert not outcome.commands, f"{outcome} (O1)"
        for command in outcome.commands:
            if isinstance(command, CommandMachine):
                kept = self.controller.state.plcs[command.plc].maintenance_us > 0
                assert not kept or happened.role in ("maintenance", "supervisor"), f"{happened} (O3)"
                assert kept or happened.role != "maintenance", f"{happened} (O3)"

    def _check_stopped(self, happened: i.Input, outcome: Outcome) -> None:
        """E10: nothing but a person starts what a person stopped."""
        for command in outcome.commands:
            if isinstance(command, CommandMachine) and not isinstance(happened, i.Act):
                assert not self.controller.state.plcs[command.plc].stopped_by, f"{command} after {happened} (E10)"

    def _check_custody(self, happened: i.Input, outcome: Outcome, before: _Before) -> None:
        """A4, A5, A6, R7: nobody comes from nowhere, goes nowhere, is taken for another, or is where no eye saw it."""
        state = self.controller.state
        came = sum(isinstance(fact, f.ItemExpected | f.ObjectSeen) for fact in outcome.facts)
        assert len(state.items) == before.items + came, f"{happened}: items came or went unsaid (A5)"
        for fact in outcome.facts:
            if isinstance(fact, f.Moved) and fact.target in FINAL:
                self._gone[fact.item] = _OUTCOME.encode(state.items[fact.item])
                assert fact.target != "dispatched" or not state.items[fact.item].withdrawn, f"{fact}: it was withdrawn (O1)"
        if any(isinstance(fact, f.EventSetAside) for fact in outcome.facts):
            return
        if isinstance(happened, i.Scanned | i.Fed) and happened.outcome == ReadOutcome.SUCCESS:
            held = {"pack", "rack", "bag", *FINAL} | ({"belt", "lane"} if isinstance(happened, i.Scanned) else set())
            lost = any(isinstance(fact, f.ItemLost) and fact.item == happened.code for fact in outcome.facts)
            if kind_of(before.code_place) in held and not lost:
                seen = [fact.reason for fact in outcome.facts if isinstance(fact, f.ObjectSeen) and fact.code == happened.code]
                fed = [fact.item for fact in outcome.facts if isinstance(fact, f.DocumentFed)]
                known = [name for name in fed if name != happened.code and state.items[name].code == happened.code]
                assert seen == ["duplicate"] or known, f"{happened} while {before.code_place} has it (A4)"
        if isinstance(happened, i.DivertConfirmed):
            place = state.items[before.tracked].place
            right = (lane_place(happened.plc, happened.lane), "hand") if happened.lane else (f"belt/{happened.plc}",)
            assert place in right, f"{happened} led to {place} (R7)"

    def _check_pouches(self, happened: i.Input, outcome: Outcome, before: _Before) -> None:
        """B5, B6, C1, C2, C4: what was in a pouch over a stop or with another document is not trusted, nor what is not right."""
        state = self.controller.state
        assert state.hall is not None
        if any(isinstance(fact, f.DocumentFed) and fact.item == getattr(happened, "code", "") for fact in outcome.facts):
            left = [name for name in before.ahead if kind_of(state.items[name].place) == "lane"]
            assert not left, f"{left} stood before what {happened} came past (A9)"
        for fact in outcome.facts:
            if isinstance(fact, f.EpochGranted):
                self._doubted = {pouch for pouch in self._doubted if pouch[0] != fact.plc}
        self._doubted |= {pouch for pouch in before.pouches if _is_doubtful(pouch, happened, outcome, before)}
        for fact in outcome.facts:
            if isinstance(fact, f.VerdictGiven) and fact.seal:
                assert (fact.plc, fact.job) not in self._doubted, f"{fact} (B6)"
            elif isinstance(fact, f.ParcelSealed) and not fact.reason:
                assert (fact.plc, fact.job) not in self._doubted, f"{fact} (B6)"
                assert fact.label == fact.waybill == state.items[fact.item].waybill, f"{fact} bears another label (C1)"
                assert self._labels.setdefault(fact.label, fact.item) == fact.item, f"{fact}: another's label (C2)"
                if isinstance(happened, i.Packed):  # else the rack, which does not judge, tells of it first
                    inside = [fact.item, *state.items[fact.item].riders]
                    classes = [c for name in inside for c in state.hall.mail_classes if c.name == state.items[name].mail_class]
                    assert len(classes) == len(inside), f"{fact} (C4)"
                    assert max(c.grams_min for c in classes) <= fact.grams <= sum(c.grams_max for c in classes), f"{fact} (C4)"
                    assert len({state.items[name].case for name in inside}) == 1, f"{fact}: {inside} (B1)"
                    if len(inside) > 1 and not state.cases[state.items[fact.item].case].size:
                        _assert_one_addressee([state.items[name] for name in inside])
                        assert not any(c.secure for c in classes), f"{fact}: {inside} (R8)"

    def _check_bags_closed(self, outcome: Outcome) -> None:
        """D1, D3: a tag and a seal are used once, the bill is true, and what leaves is in a bag that was sealed and is sound."""
        state = self.controller.state
        closed = {f"bag/{fact.bag}": fact for fact in outcome.facts if isinstance(fact, f.BagClosed)}
        leaving: dict[str, list[str]] = {}
        for fact in outcome.facts:
            if isinstance(fact, f.BagOpened):
                assert fact.bag not in self._tags, f"{fact}: the tag was used before (D3)"
                self._tags.add(fact.bag)
            elif isinstance(fact, f.BagClosed):
                assert fact.bag not in self._bills, f"{fact}: closed before (D3)"
                self._bills.add(fact.bag)
                assert len(set(fact.items)) == len(fact.items), fact
                assert fact.waybills == tuple(state.items[name].waybill for name in fact.items), f"{fact} (D1)"
                assert all(not state.items[name].lead for name in fact.items), f"{fact}: a parcel is there once (D1)"
            elif isinstance(fact, f.Moved) and fact.target == "dispatched":
                leaving.setdefault(fact.source, []).append(fact.item)
        for place, items in leaving.items():
            leads = tuple(name for name in items if not state.items[name].lead)
            riders = sorted(name for name in items if state.items[name].lead)
            assert leads == closed[place].items, f"{place}: {items} left (D1)"
            assert riders == sorted(name for lead in leads for name in state.items[lead].riders), f"{place}: {items} left (D1)"
            assert closed[place].seal not in {*NO_CODES, *self._seals}, f"{closed[place]} (D3)"
            self._seals.add(closed[place].seal)

    def _check_laid_out(self, outcome: Outcome) -> None:
        """B1, B2: what is laid out for a bagger is of one case, all of it or an explicit part, and nothing is against it."""
        state = self.controller.state
        for begun in [fact for fact in outcome.facts if isinstance(fact, ReleaseBegun) and fact.outlet]:
            cell, case = state.cells[f"cell/{begun.plc}/{begun.cell}"], state.cases[begun.case]
            assert {state.items[name].case for name in cell.items} == {begun.case}, f"{begun}: {cell} (B1)"
            assert not cell.suspect, f"{begun}: {cell} (B6)"
            members = [state.items[name] for name in case.items]
            live = [item for item in members if not item.withdrawn and item.place not in ("returned", "remade")]
            there = [
                item for item in live if item.id in cell.items or kind_of(item.place) in ("pack", "rack", "bag", "dispatched")
            ]
            there += [item for item in live if item.place.startswith(f"lane/{begun.plc}/")]
            whole = len(there) == (case.size or len(live))
            splits = [fact.items for fact in outcome.facts if isinstance(fact, CaseSplit) and fact.case == begun.case]
            assert whole if begun.reason == "complete" else splits == [tuple(cell.items)], f"{begun}: {there} of {case} (B2)"

    def _check_route(self, routed: f.Routed) -> None:
        """R1, R2, R8, R9: an item goes only where there is an open, roomy, safe lane that it can still reach."""
        state = self.controller.state
        assert state.hall is not None
        sorter = next(sorter for sorter in state.hall.sorters if sorter.plc == routed.plc)
        item = state.items[routed.item]
        if routed.reason == "round":
            assert not routed.lane, routed
            assert item.laps < sorter.laps_max, f"{routed} after {item.laps} laps (R9)"
            return
        lane = next(lane for lane in sorter.lanes if lane.number == routed.lane)
        if routed.reason not in ("plan", "overflow", "case", "combine"):
            assert lane.number == sorter.exception_lane, routed
            return
        assert item.announced, f"{routed} sends an object without identity into a lane (R9)"
        assert not item.withdrawn, f"{routed} sends what was withdrawn into a lane (O1)"
        assert routed.lane not in state.plcs[routed.plc].barred, f"{routed}: people closed it (R1)"
        load = state.lanes[lane_place(routed.plc, routed.lane)]
        assert load.on_way + len(load.items) <= lane.capacity_items, f"{routed} overfills the lane (R2)"
        assert routed.lane not in state.plcs[routed.plc].places, f"{routed} is not open (R1)"
        assert routed.deadline_us >= state.last_us, f"{routed} cannot be reached (R7)"
        assert routed.deadline_us <= deadline_us(sorter, lane, state.last_us), routed
        secure = next((each.secure for each in state.hall.mail_classes if each.name == item.mail_class), True)
        assert lane.secure or not secure, f"{routed} is not secure (R8)"

    def _check_divert(self, divert: Divert, happened: i.Input, outcome: Outcome) -> None:
        """R3, R5, R7: a decision answers one scan, once, while there is time, and is void when the item has passed."""
        state = self.controller.state
        assert state.hall is not None
        assert isinstance(happened, i.Scanned), (divert, happened)
        assert (divert.plc, divert.track) == (happened.plc, happened.track), (divert, happened)
        assert [command for command in outcome.commands if isinstance(command, Divert)] == [divert], outcome
        (routed,) = [fact for fact in outcome.facts if isinstance(fact, f.Routed)]
        assert (routed.item, routed.lane) == (state.plcs[divert.plc].tracks[divert.track], divert.lane), (divert, routed)
        assert state.last_us <= routed.deadline_us, f"{divert} comes too late (R7)"
        sorter = next(sorter for sorter in state.hall.sorters if sorter.plc == divert.plc)
        by_lane = {lane.number: lane.distance_mm for lane in sorter.lanes}
        travel_ms = by_lane[divert.lane or sorter.exception_lane] * 1000 // sorter.belt_mm_per_s
        assert divert.fallback == sorter.exception_lane, divert
        assert not is_past(divert.deadline, happened.plc_ms + happened.age_us // 1000), f"{divert} is void already"
        assert is_past(divert.deadline, happened.plc_ms + travel_ms), f"{divert} is good for whatever comes next (R7)"

    def _check_seal(self, seal: SealParcel, happened: i.Input) -> None:
        """B4: only what was read at this station just now, in this epoch, and nothing suspect, is sealed."""
        bagger = self.controller.state.baggers[seal.plc]
        job = next(job for job in (bagger.feeding, bagger.sealing) if job is not None and job.verdict == seal.number)
        item = self.controller.state.items[job.contents()[-1]]
        assert isinstance(happened, i.Fed), (seal, happened)
        assert (happened.plc, happened.job, happened.outcome) == (seal.plc, job.number, ReadOutcome.SUCCESS), (seal, happened)
        assert happened.epoch == self.controller.state.plcs[seal.plc].epoch, (seal, happened)
        assert happened.code == item.code != "", (seal, happened)
        state = self.controller.state
        assert state.hall is not None
        thickness_max = next((c.thickness_max for c in state.hall.mail_classes if c.name == item.mail_class), 0)
        assert not thickness_max or happened.thickness <= thickness_max, f"{happened} is two (B5)"
        assert sorted(job.contents()) == sorted(job.expected()), f"{job} (B2)"
        for each in (state.items[name] for name in job.contents()):
            assert each.announced, each
            assert not each.suspect, each
            assert not job.others or each.case == item.case != "", f"{job} (B1)"
        assert not job.suspect, job
        assert state.items[job.item].waybill == seal.waybill != "", job

    def _check_drop(self, drop: Drop) -> None:
        """D2, G3: only a sound parcel is sent into a bag: of its destination, by the plan that decided it, and of its service."""
        state = self.controller.state
        assert state.hall is not None
        item = state.items[state.waybills[drop.waybill]]
        assert not item.suspect, item
        assert drop.waybill not in state.strays, drop
        bag = next(position for position in state.hall.rack.positions if position.number == drop.position)
        plan = self._plans.get(item.plan, state.hall.plan) if item.plan else state.hall.plan
        there = next(each for each in plan.destinations if each.name == bag.destination)
        if item.outlet:
            assert item.outlet in there.outlets, (item, drop)
        else:
            assert any(first <= item.destination <= last for first, last in there.postcodes), (item, drop)
        named = [each for each in state.hall.rack.positions if each.destination == there.name and item.service in each.services]
        assert bag in named if named else not bag.services, (item, drop)


def _assert_one_addressee(letters: list[Item]) -> None:
    """B1: letters that leave together are for one addressee of one agency, at one place, by one service."""
    agreed = {(each.agency, each.addressee, each.destination, each.outlet, each.service, each.going) for each in letters}
    assert len(agreed) == 1, agreed
    assert all(each.addressee for each in letters), letters


def _folded(steps: list[Step]) -> Controller:
    controller = Controller()
    for step in steps:
        controller.fold(step.at_us, step.outcome.facts, step.outcome.commands)
    return controller


def _before(state: State, happened: i.Input) -> _Before:
    code_place = tracked = ""
    if isinstance(happened, i.Scanned | i.Fed) and happened.code in state.items:
        code_place = state.items[happened.code].place
        if state.items[happened.code].track < 0 and code_place == f"belt/{happened.plc}":
            code_place = "round"
    if isinstance(happened, i.DivertConfirmed):
        tracked = state.plcs[happened.plc].tracks.get(happened.track, "")
    ahead: tuple[str, ...] = ()
    if isinstance(happened, i.Fed) and happened.plc in state.baggers:
        ahead = _ahead(state, happened)
    return _Before(
        {name: plc.epoch for name, plc in state.plcs.items()},
        {name: plc.seq for name, plc in state.plcs.items()},
        len(state.items),
        code_place,
        tracked,
        ahead,
        frozenset((name, job.number) for name, job in _jobs(state) if job.inside),
        frozenset((name, job.number) for name, job in _jobs(state) if not job.verdict),
    )


def _ahead(state: State, fed: i.Fed) -> tuple[str, ...]:
    """What stood before the document fed, in the lane from which its job is fed."""
    assert state.hall is not None
    infeeds = [job.infeed for name, job in _jobs(state) if (name, job.number) == (fed.plc, fed.job)]
    for sorter in state.hall.sorters:
        for lane in sorter.lanes:
            held = state.lanes[lane_place(sorter.plc, lane.number)].items
            if lane.feeds == fed.plc and lane.infeed in infeeds and fed.code in held:
                return tuple(held[: held.index(fed.code)])
    return ()


def _jobs(state: State) -> list[tuple[str, Job]]:
    return [(name, job) for name, bagger in state.baggers.items() for job in (bagger.feeding, bagger.sealing) if job is not None]


def _is_doubtful(pouch: tuple[str, int], happened: i.Input, outcome: Outcome, before: _Before) -> bool:
    """Whether what happened makes an open pouch that holds a document one that must not be trusted (B5, B6)."""
    plc, number = pouch
    if isinstance(happened, i.Started):
        return plc in {bagger.plc for bagger in happened.hall.baggers}
    if any(isinstance(fact, f.GapSeen) and fact.plc == plc for fact in outcome.facts):
        return True
    if getattr(happened, "plc", "") != plc or not any(isinstance(fact, f.EventTaken) for fact in outcome.facts):
        return False
    if isinstance(happened, i.MachineChanged):
        return happened.state != Unit.EXECUTE and happened.reason_class not in (ReasonClass.STARVED, ReasonClass.BLOCKED)
    if isinstance(happened, i.Fed):
        return happened.job == number and pouch not in before.waiting
    return isinstance(happened, i.JamChanged) and happened.on


def _deadlines(state: State) -> list[tuple[int, str, str, int]]:
    return sorted({entry for entry in state.agenda if is_current(state, entry)})


def _check_places(state: State) -> None:
    """A1: the item, its lane and its track agree about where it is."""
    in_lanes = [name for load in state.lanes.values() for name in load.items]
    on_belts = [name for plc in state.plcs.values() for name in plc.tracks.values()]
    assert len(set(in_lanes)) == len(in_lanes), in_lanes
    assert sorted(in_lanes) == sorted(item.id for item in state.items.values() if kind_of(item.place) == "lane")
    assert sorted(on_belts) == sorted(item.id for item in state.items.values() if kind_of(item.place) == "belt")
    for place, load in state.lanes.items():
        assert all(state.items[name].place == place for name in load.items), (place, load)
        on_way = sum(bool(item.lane) and lane_place(item.plc, item.lane) == place for item in state.items.values())
        assert load.on_way == on_way, (place, load, on_way)
    for item in state.items.values():
        assert item.place not in ("agency", ""), item
        assert bool(item.plc) == (kind_of(item.place) == "belt"), item
        assert item.track >= 0 or not item.lane, f"{item} goes round with a lane reserved (R2)"
        assert item.plc or not item.laps, item
        assert item.plc or (item.track, item.lane, item.unconfirmed) == (0, 0, False), item
        assert not item.confirm_us or kind_of(item.place) in ("belt", "rack"), item
        assert bool(item.lost_from) == (item.place == "lost"), item
        # R8: what must lie safe lies safe, unless a machine put it elsewhere
        if kind_of(item.place) == "lane" and item.mail_class == "id_card" and not item.suspect:
            assert item.place != "lane/sorter-1/2", item
    for label, names in state.strays.items():
        assert names, label
        assert all(state.items[name].place == "rack" for name in names), (label, names)


def _check_jobs(state: State) -> None:
    """B3: a document is in one pouch, and what is at a bagger is in a pouch there."""
    inside = [(name, document) for name, job in _jobs(state) for document in job.contents()]
    at_baggers = [(item.place.removeprefix("pack/"), item.id) for item in state.items.values() if kind_of(item.place) == "pack"]
    assert sorted(inside) == sorted(at_baggers), (inside, at_baggers)
    for bagger in state.baggers.values():
        assert bagger.sealing is None or bagger.sealing.verdict, bagger
        job = bagger.feeding
        is_full = job is not None and len(job.contents()) == len(job.expected())
        assert job is None or is_full <= bool(job.verdict) <= bool(job.inside), bagger


def _check_bags(state: State) -> None:
    """B3, C2, D1: a parcel is in one bag, a number is one item's."""
    for bag in state.bags.values():
        assert all(state.items[name].place == f"bag/{bag.tag}" for name in bag.items), bag
        assert bag.grams == sum(state.items[name].grams for name in bag.items), bag
    in_bags = [each for bag in state.bags.values() for name in bag.items for each in (name, *state.items[name].riders)]
    assert sorted(in_bags) == sorted(item.id for item in state.items.values() if kind_of(item.place) == "bag")
    used = {item.waybill: item.id for item in state.items.values() if item.waybill}
    assert used == state.waybills
    assert sum(bool(item.waybill) for item in state.items.values()) == len(used)


def _check_cells(state: State) -> None:
    """B1, A1: a cell is one case's, a case has one cell, and what lies in it is there by every account."""
    in_cells = [name for cell in state.cells.values() for name in cell.items]
    assert sorted(in_cells) == sorted(item.id for item in state.items.values() if kind_of(item.place) == "cell")
    assert all(state.items[name].place == place for place, cell in state.cells.items() for name in cell.items)
    owned = {case.cell: name for name, case in state.cases.items() if case.cell}
    assert owned == {place: cell.case for place, cell in state.cells.items() if cell.case}
    assert len(owned) == sum(bool(case.cell) for case in state.cases.values())
    for place, cell in state.cells.items():
        strangers = [name for name in cell.items if not cell.case or state.items[name].case != cell.case]
        assert not strangers or cell.suspect, f"{place}: {strangers} (B1)"
        alone = cell.suspect == "cell_counter" and not cell.items and not cell.anew
        assert not (alone and (cell.case or cell.release)), f"{place}: {cell} is to be left alone"
        assert not cell.anew or cell.suspect == "cell_counter", f"{place}: {cell}"
    for name, case in state.cases.items():
        members = [item.id for item in state.items.values() if item.case == name]
        assert members == (case.items if case.size else sorted(case.items, key=members.index)), case
        assert not case.due_us or case.cell, case
    for lead in [item for item in state.items.values() if item.riders]:
        assert not lead.lead, lead
    for item in [each for each in state.items.values() if each.lead and each.place in ("rack", "dispatched")]:
        assert item.id in state.items[item.lead].riders, item
        assert item.place == state.items[item.lead].place, item


def _check_commands(state: State) -> None:
    """An open order belongs to something that still needs it: nothing is asked for ever."""
    for plc in state.plcs.values():
        for number, pending in plc.pending.items():
            command = pending.command
            assert command.number == number <= plc.numbers, command
            kind = type(command).__name__
            if kind == "Divert":
                track = getattr(command, "track", 0)
                assert track in plc.tracks, f"{command} outlives its item"
                assert state.items[plc.tracks[track]].command == number, command
            elif kind == "Drop":
                label = getattr(command, "waybill", "")
                own = state.waybills.get(label, "")
                astray = any(own in names for names in state.strays.values())
                on_way = label in state.strays or (own and state.items[own].place == "rack" and not astray)
                assert on_way, f"{command} outlives its parcel"
                assert state.hall is not None
                into_bag = getattr(command, "position", 0) != state.hall.rack.reject_position
                assert not (into_bag and label in state.strays), f"{command}: more than one parcel bears its label (C3)"
            elif kind in ("BeginParcel", "SealParcel", "RejectParcel"):
                bagger = state.baggers[plc.name]
                numbers = [n for job in (bagger.feeding, bagger.sealing) if job is not None for n in (job.number, job.verdict)]
                assert number in numbers, f"{command} outlives its job"
            elif kind == "Store":
                storing = state.case_racks[plc.name].storing
                assert storing is not None, f"{command} outlives its job"
                assert storing.number == number, f"{command} outlives its job"
            elif kind == "Release":
                assert [cell for cell in state.cells.values() if cell.release == number], f"{command} outlives its job"
            elif kind == "CloseBag":
                position = getattr(command, "position", 0)
                assert position in state.bags, f"{command} outlives its bag"
                assert state.bags[position].closing, command
