"""
What must always hold, checked from outside after each step of a controller (design: invariants A, B, C, D, E, R, J).

`Watch` drives one controller, folds what it decided into a second one as recovery does, and can go on from a snapshot.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from packcenter.core import facts as f
from packcenter.core import inputs as i
from packcenter.core.commands import Drop, SealParcel
from packcenter.core.controller import Controller, Outcome
from packcenter.core.custody import balance_errors, books
from packcenter.core.lifecycle import kind_of
from packcenter.core.routing import deadline_us
from packcenter.core.state import State, decode_state, encode_state, is_current, lane_place

_OUTCOME = msgspec.msgpack.Encoder()


class Step(msgspec.Struct, frozen=True):
    """One input and what it led to."""

    at_us: int
    happened: i.Input
    outcome: Outcome


class Watch:
    """
    A controller under watch. `step` it like a controller; every n-th step is checked thoroughly, each is checked briefly.

    `restart` goes on from a snapshot, as a new process does; a `snapshot` is one to begin with.
    """

    def __init__(self, thorough_every: int = 1, snapshot: bytes | None = None) -> None:
        self.controller = Controller() if snapshot is None else Controller(decode_state(snapshot))
        self.steps: list[Step] = []
        self._folded = Controller() if snapshot is None else Controller(decode_state(snapshot))
        self._thorough_every = thorough_every
        self._labels: Counter[str] = Counter()
        self._taken: set[tuple[str, int, int]] = set()

    def step(self, at_us: int, happened: i.Input) -> Outcome:
        """Step the controller and check what came of it."""
        before = _epochs(self.controller.state)
        outcome = self.controller.step(at_us, happened)
        self.steps.append(Step(at_us, happened, outcome))
        self._folded.fold(at_us, outcome.facts, outcome.commands)
        self._check_outcome(happened, outcome, before)
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
        _check_places(state)
        _check_jobs(state)
        _check_bags(state)
        _check_commands(state)

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

    def _check_outcome(self, happened: i.Input, outcome: Outcome, epochs: dict[str, int]) -> None:
        for fact in outcome.facts:
            if isinstance(fact, f.EventTaken):
                key = (fact.plc, fact.epoch, fact.seq)
                assert key not in self._taken, f"{key} was taken twice (E1)"
                assert fact.epoch == epochs[fact.plc], f"{fact} is of another life (R4)"
                self._taken.add(key)
            elif isinstance(fact, f.Routed):
                self._check_route(fact)
            elif isinstance(fact, f.ParcelSealed) and not fact.reason:
                self._labels[fact.label] += 1
                assert fact.label == fact.waybill, f"{fact} bears another label (C1)"
            elif isinstance(fact, f.BagClosed):
                assert len(set(fact.items)) == len(fact.items) == len(fact.waybills), fact
        if isinstance(happened, i.PlcEvent.__args__):
            said = [fact for fact in outcome.facts if isinstance(fact, f.EventTaken | f.EventSetAside)]
            assert said, f"{happened} was ignored in silence"
        for command in outcome.commands:
            if isinstance(command, SealParcel):
                self._check_seal(command)
            elif isinstance(command, Drop) and command.position:
                self._check_drop(command)

    def _check_route(self, routed: f.Routed) -> None:
        """R1, R2, R8, R9: an item goes only where there is an open, roomy, safe lane that it can still reach."""
        state = self.controller.state
        assert state.hall is not None
        sorter = next(sorter for sorter in state.hall.sorters if sorter.plc == routed.plc)
        lane = next(lane for lane in sorter.lanes if lane.number == routed.lane)
        item = state.items[routed.item]
        if routed.reason not in ("plan", "overflow"):
            assert lane.number == sorter.exception_lane, routed
            return
        assert item.announced, f"{routed} sends an object without identity into a lane (R9)"
        load = state.lanes[lane_place(routed.plc, routed.lane)]
        strays = sum(bool(state.items[name].suspect) for name in load.items)
        assert load.on_way + len(load.items) - strays <= lane.capacity_items, f"{routed} overfills the lane (R2)"
        assert routed.lane not in state.plcs[routed.plc].places, f"{routed} is not open (R1)"
        assert routed.deadline_us >= state.last_us, f"{routed} cannot be reached (R7)"
        assert routed.deadline_us <= deadline_us(sorter, lane, state.last_us), routed
        secure = next((each.secure for each in state.hall.mail_classes if each.name == item.mail_class), True)
        assert lane.secure or not secure, f"{routed} is not secure (R8)"

    def _check_seal(self, seal: SealParcel) -> None:
        """B4: only what was read at this station, and nothing suspect, is sealed."""
        bagger = self.controller.state.baggers[seal.plc]
        job = next(job for job in (bagger.feeding, bagger.sealing) if job is not None and job.verdict == seal.number)
        item = self.controller.state.items[job.inside]
        assert item.id == job.item, job
        assert item.announced, item
        assert not item.suspect, item
        assert not job.suspect, job
        assert item.waybill == seal.waybill != "", item

    def _check_drop(self, drop: Drop) -> None:
        """D2: only a parcel that nothing is wrong with is sent into a bag, and into the one of its destination."""
        state = self.controller.state
        assert state.hall is not None
        item = state.items[state.waybills[drop.waybill]]
        assert not item.suspect, item
        assert drop.waybill not in state.strays, drop
        bag = next(position.destination for position in state.hall.rack.positions if position.number == drop.position)
        codes = next(each.postcodes for each in state.hall.plan.destinations if each.name == bag)
        assert any(first <= item.destination <= last for first, last in codes), (item, drop)


def _folded(steps: list[Step]) -> Controller:
    controller = Controller()
    for step in steps:
        controller.fold(step.at_us, step.outcome.facts, step.outcome.commands)
    return controller


def _epochs(state: State) -> dict[str, int]:
    return {name: plc.epoch for name, plc in state.plcs.items()}


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
        assert not item.confirm_us or kind_of(item.place) in ("belt", "rack"), item
        # R8: what must lie safe lies safe, unless a machine put it elsewhere
        if kind_of(item.place) == "lane" and item.mail_class == "id_card" and not item.suspect:
            assert item.place != "lane/sorter-1/2", item
    for label, names in state.strays.items():
        assert names, label
        assert all(state.items[name].place == "rack" for name in names), (label, names)


def _check_jobs(state: State) -> None:
    """B3: a document is in one pouch, and what is at a bagger is in a pouch there."""
    inside = [
        (name, job.inside)
        for name, bagger in state.baggers.items()
        for job in (bagger.feeding, bagger.sealing)
        if job is not None and job.inside
    ]
    at_baggers = [(item.place.removeprefix("pack/"), item.id) for item in state.items.values() if kind_of(item.place) == "pack"]
    assert sorted(inside) == sorted(at_baggers), (inside, at_baggers)
    for bagger in state.baggers.values():
        assert bagger.sealing is None or bagger.sealing.verdict, bagger
        assert bagger.feeding is None or bool(bagger.feeding.verdict) == bool(bagger.feeding.inside), bagger


def _check_bags(state: State) -> None:
    """B3, C2, D1: a parcel is in one bag, a number is one item's."""
    for bag in state.bags.values():
        assert all(state.items[name].place == f"bag/{bag.tag}" for name in bag.items), bag
        assert bag.grams == sum(state.items[name].grams for name in bag.items), bag
    in_bags = [name for bag in state.bags.values() for name in bag.items]
    assert sorted(in_bags) == sorted(item.id for item in state.items.values() if kind_of(item.place) == "bag")
    used = {item.waybill: item.id for item in state.items.values() if item.waybill}
    assert used == state.waybills
    assert sum(bool(item.waybill) for item in state.items.values()) == len(used)


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
            elif kind in ("BeginParcel", "SealParcel", "RejectParcel"):
                bagger = state.baggers[plc.name]
                numbers = [n for job in (bagger.feeding, bagger.sealing) if job is not None for n in (job.number, job.verdict)]
                assert number in numbers, f"{command} outlives its job"
            elif kind == "CloseBag":
                position = getattr(command, "position", 0)
                assert position in state.bags, f"{command} outlives its bag"
                assert state.bags[position].closing, command
