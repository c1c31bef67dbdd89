"""
The dispatch rack 封发架: parcels come one behind the other, their labels are read, and each is dropped where it was ordered.

A parcel without an order waits in a lane of its own, and after `wait_us` leaves at position 0, which has no bag: its
chute ends at the hand station. While a bag is changed, parcels for its position wait. The rack moves in Execute alone;
otherwise parcels pile up before it, bags wait to be closed, and waiting times begin anew when it runs again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from packcenter.core import hall
from packcenter.core.packml import State
from packcenter.core.words import CommandResult, PlaceState
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from simulation.clock import PLANT, SimClock
from simulation.draws import key_of
from simulation.luck import Fate, Luck, Stage
from simulation.packml_unit import Machine
from simulation.plant.hand import HandStation
from simulation.plcport import PlcPort
from simulation.truth import Bag, Document, Parcel, Truth

AS_ORDERED: Final = 0
NO_ORDER: Final = 1
NO_READ: Final = 2
POSITION_CLOSED: Final = 3
NOT_SEALED: Final = 1
"""Reason of a closed bag whose seal is missing, or is not as it should be."""
_ORDERS_MAX: Final = 1_000  # far more than parcels between baggers and rack; a controller that fills it has lost count


class RackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast the rack and its conveyor are."""

    travel_us: int = 5_000_000  # from a bagger to the end of the first drop
    cycle_us: int = 400_000  # shortest time between two drops
    wait_us: int = 8_000_000  # how long a parcel waits for an order
    close_us: int = 3_000_000  # closing, sealing and hanging a new bag
    retry_us: int = 100_000  # how soon a blocked rack looks again


class _Arrival:
    """A parcel at the rack. `read`: what its label said, None until it was read. `waits` counts its waits, to void old timers."""

    __slots__ = ("parcel", "read", "turned_out", "waits")

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel
        self.read: str | None = None
        self.turned_out = False
        self.waits = 0


class _Change:
    """The closing of a bag; begun when the rack runs."""

    __slots__ = ("begun", "fate", "position", "tag")

    def __init__(self, position: int, tag: str, fate: Fate) -> None:
        self.position = position
        self.tag = tag
        self.fate = fate
        self.begun = False


class RackProgram(Machine):
    """The machine program of the dispatch rack, and the rack itself with its bags."""

    __slots__ = (
        "_attempts",
        "_blocked",
        "_changing",
        "_closed_by_hand",
        "_closed_positions",
        "_conveyor",
        "_hand",
        "_last_drop_us",
        "_luck",
        "_orders",
        "_pumping",
        "_queue",
        "_seals",
        "_settings",
        "_waiting",
        "bags",
    )

    def __init__(
        self,
        rack: hall.Rack,
        clock: SimClock,
        port: PlcPort,
        luck: Luck,
        truth: Truth,
        hand: HandStation,
        settings: RackSettings,
    ) -> None:
        assert rack.reject_position == 0, f"{rack.plc}: the reject position is {rack.reject_position}, this rack's is 0"
        self.bags = {position.number: Bag(position.number) for position in rack.positions}
        self._luck = luck
        self._hand = hand
        self._settings = settings
        self._conveyor: deque[Parcel | None] = deque()  # None: a person has taken it
        self._queue: deque[_Arrival] = deque()
        self._waiting: list[_Arrival] = []
        self._blocked: dict[int, list[_Arrival]] = {}
        self._orders: dict[str, int] = {}
        self._changing: dict[int, _Change] = {}
        self._closed_positions: set[int] = set()
        self._closed_by_hand: set[int] = set()
        self._last_drop_us = -settings.cycle_us
        self._pumping = False
        self._seals = self._attempts = 0
        super().__init__(clock, port, truth)
        self.handlers[CommandKind.DROP] = self._on_drop
        self.handlers[CommandKind.CLOSE_BAG] = self._on_close
        self.handlers[CommandKind.SET_PLACE] = self._on_set_place
        self._show_places()

    # --- parcels -----------------------------------------------------------------------------------------------------

    def convey(self, parcel: Parcel) -> None:
        """A bagger puts a sealed parcel on the conveyor."""
        self._conveyor.append(parcel)
        self.clock.at(self._settings.travel_us, PLANT, self._arrive, None)

    def contents(self) -> Iterator[tuple[Document, str]]:
        """Everything on the way here, here, in bags and gone out of the door, for `Truth`."""
        for parcel in self.on_way():
            yield from ((document, "rack") for document in parcel.documents)
        for bag in self.bags.values():
            yield from ((document, f"bag/position-{bag.position}") for parcel in bag.parcels for document in parcel.documents)
        for bag in self.truth.closed:
            yield from ((document, "dispatched") for parcel in bag.parcels for document in parcel.documents)

    def busy(self) -> int:
        """How many parcels are on their way here, and bags being changed."""
        return len(self.on_way()) + len(self._changing)

    def at_work(self) -> int:
        """Bags being changed; a parcel waits until there is room to tell of it."""
        return len(self._changing)

    def _arrive(self, _: None) -> None:
        parcel = self._conveyor.popleft()
        if parcel is not None:
            self._queue.append(_Arrival(parcel))
            self._pump()

    def _pump(self) -> None:
        """Handle the first parcel of the queue, at once or when the cycle of the drop before is over."""
        if self._pumping or not self._queue or self.unit.state is not State.EXECUTE:
            return
        wait_us = self._last_drop_us + self._settings.cycle_us - self.clock.now_us
        if not self.port.infeed_allowed(len(self._changing)):
            wait_us = max(wait_us, self._settings.retry_us)
        if wait_us > 0:
            self._pumping = True
            self.clock.at(wait_us, PLANT, self._pump_again, None)
        else:
            self._handle(self._queue.popleft())
            self._pump()

    def _pump_again(self, _: None) -> None:
        self._pumping = False
        self._pump()

    def _handle(self, arrival: _Arrival) -> None:
        if arrival.read is None:
            arrival.read = self._read(arrival.parcel)
        position = self._orders.get(arrival.read) if arrival.read else None
        if arrival.turned_out:
            self._turn_out(arrival, NO_ORDER if arrival.read else NO_READ)
        elif position is None:
            self._waiting.append(arrival)
            self._wait(arrival)
        elif position in self._closed_positions:
            self._turn_out(arrival, POSITION_CLOSED)
        elif position in self._changing:
            self._blocked.setdefault(position, []).append(arrival)
        elif position == 0:
            self._turn_out(arrival, AS_ORDERED)
        else:
            self._drop(arrival, self.bags[position])

    def _read(self, parcel: Parcel) -> str:
        key = parcel.documents[0].key
        if self._luck.at_rack(key) is Fate.NO_READ:
            return ""
        if parcel.extra:
            return (parcel.label, parcel.extra, "")[self._luck.below(3, key, Stage.RACK_READ)]
        return parcel.label

    def _drop(self, arrival: _Arrival, bag: Bag) -> None:
        bag.parcels.append(arrival.parcel)
        bag.grams += arrival.parcel.grams
        self._dropped(arrival, bag.position, AS_ORDERED)

    def _turn_out(self, arrival: _Arrival, reason: int) -> None:
        arrival.parcel.opened = True  # people open it there
        self._hand.put(arrival.parcel.documents, self.name)
        self._dropped(arrival, 0, reason)

    def _dropped(self, arrival: _Arrival, position: int, reason: int) -> None:
        self._last_drop_us = self.clock.now_us
        read = arrival.read or ""
        self._orders.pop(read, None)
        self.report(EventKind.DROPPED, a=position, b=reason, c=arrival.parcel.grams, code=read, about=arrival.parcel.documents)

    def _wait(self, arrival: _Arrival) -> None:
        arrival.waits += 1
        self.clock.at(self._settings.wait_us, PLANT, self._give_up, (arrival, arrival.waits))

    def _give_up(self, timer: tuple[_Arrival, int]) -> None:
        arrival, waits = timer
        if arrival.waits != waits or arrival not in self._waiting or self.unit.state is not State.EXECUTE:
            return
        self._waiting.remove(arrival)
        arrival.turned_out = True
        self._queue.append(arrival)
        self._pump()

    # --- what people do to it ----------------------------------------------------------------------------------------

    def on_way(self) -> list[Parcel]:
        """The parcels on the conveyor and before the bags."""
        before = [arrival for arrivals in (self._queue, self._waiting, *self._blocked.values()) for arrival in arrivals]
        return [parcel for parcel in (*self._conveyor, *(arrival.parcel for arrival in before)) if parcel is not None]

    def take_off(self, parcel: Parcel) -> None:
        """A person takes a parcel away before it falls."""
        for at, each in enumerate(self._conveyor):
            if each is parcel:
                self._conveyor[at] = None
        self._queue = deque(arrival for arrival in self._queue if arrival.parcel is not parcel)
        self._waiting = [arrival for arrival in self._waiting if arrival.parcel is not parcel]
        for arrivals in self._blocked.values():
            arrivals[:] = [arrival for arrival in arrivals if arrival.parcel is not parcel]

    def take_out(self, bag: Bag, parcel: Parcel) -> None:
        """A person takes a parcel out of an open bag, which is lighter then."""
        bag.parcels = [each for each in bag.parcels if each is not parcel]
        bag.grams -= parcel.grams

    def put_in(self, bag: Bag, parcel: Parcel) -> None:
        """A person puts a parcel into an open bag."""
        bag.parcels.append(parcel)
        bag.grams += parcel.grams

    def close_position(self, position: int) -> None:
        """A person closes a position of the rack."""
        self._closed_by_hand.add(position)
        self.clock.soon(self._close_by_hand, position)

    def _close_by_hand(self, position: int) -> None:
        if position in self._closed_by_hand and position not in self._closed_positions:
            self._set_position(position)

    def _open_by_hand(self, position: int) -> None:
        if position in self._closed_positions:
            self._set_position(position)

    def make_ready(self) -> None:
        """The positions that people closed are open."""
        for position in sorted(self._closed_by_hand):
            self.clock.soon(self._open_by_hand, position)
        self._closed_by_hand.clear()
        super().make_ready()

    # --- commands ----------------------------------------------------------------------------------------------------

    def _on_drop(self, command: LineCommand) -> None:
        """Note where a label belongs; a parcel that waits for it is next. A later order for a label replaces the earlier."""
        if not command.text or command.a not in (0, *self.bags):
            self.end(command.number, CommandResult.MALFORMED)
        elif command.a in self._closed_positions:
            self.end(command.number, CommandResult.PLACE_NOT_OPEN)
        elif len(self._orders) >= _ORDERS_MAX:
            self.end(command.number, CommandResult.INTERLOCK)
        else:
            self._orders[command.text] = command.a
            due = [arrival for arrival in self._waiting if arrival.read == command.text]
            for arrival in due:
                self._waiting.remove(arrival)
                arrival.waits += 1
            self._queue.extendleft(reversed(due))
            self._pump()

    def _on_close(self, command: LineCommand) -> None:
        """Close and seal the bag at a position and hang a new one, now or when the rack runs; refuse while a hand is there."""
        before = self._changing.get(command.a)
        if not command.text or command.a not in self.bags:
            self.end(command.number, CommandResult.MALFORMED)
        elif before is None:
            self._begin_change(command)
        elif before.tag != command.text:
            self.end(command.number, CommandResult.INTERLOCK)

    def _begin_change(self, command: LineCommand) -> None:
        self._attempts += 1
        fate = self.fate_of(Stage.CLOSER, self._luck.at_closer(key_of(f"{command.text} {self._attempts}")))
        if fate is Fate.CLOSE_REFUSED:
            self.end(command.number, CommandResult.INTERLOCK)
            return
        self._changing[command.a] = _Change(command.a, command.text, fate)
        self._show_places()
        self._begin_changes()

    def _begin_changes(self) -> None:
        if self.unit.state is not State.EXECUTE:
            return
        for change in self._changing.values():
            if not change.begun:
                change.begun = True
                self.clock.at(self._settings.close_us, PLANT, self._shut, change)

    def _shut(self, change: _Change) -> None:
        position = change.position
        if self._changing.get(position) is not change:
            return  # forgotten by a reboot
        del self._changing[position]
        if change.fate is not Fate.SEAL_AGAIN or not self._seals:
            self._seals += 1
        bag = self.bags[position]
        bag.tag, bag.seal = change.tag, "" if change.fate is Fate.SEAL_NONE else f"SEAL{self._seals:08d}"
        self.truth.closed.append(bag)
        self.bags[position] = Bag(position)
        self._show_places()
        inside = [document for parcel in bag.parcels for document in parcel.documents]
        reason = NOT_SEALED if change.fate in (Fate.SEAL_NONE, Fate.SEAL_TROUBLE) else AS_ORDERED
        read = "" if change.fate is Fate.SEAL_UNREAD else bag.seal
        self.report(EventKind.BAG_CLOSED, a=position, b=reason, c=bag.grams, code=read, about=inside)
        self._queue.extendleft(reversed(self._blocked.pop(position, [])))
        self._pump()

    def _on_set_place(self, command: LineCommand) -> None:
        """Open or close a position for drops; its new state is the answer, if it is new."""
        if command.a not in self.bags or command.b not in (PlaceState.OPEN, PlaceState.CLOSED):
            self.end(command.number, CommandResult.MALFORMED)
            return
        close = command.b == PlaceState.CLOSED
        if close == (command.a in self._closed_positions):
            self.end(command.number, CommandResult.DONE)
            return
        self._set_position(command.a)

    def _set_position(self, position: int) -> None:
        """Open a position that is closed, close one that is open."""
        self._closed_positions ^= {position}
        self._show_places()
        state = PlaceState.CLOSED if position in self._closed_positions else PlaceState.OPEN
        self.report(EventKind.PLACE_STATE, a=position, b=state, c=len(self.bags[position].parcels))

    # --- states, places, reboot --------------------------------------------------------------------------------------

    def entered(self, state: State) -> None:
        """Go on in Execute, with new waiting times for what waits."""
        if state is State.EXECUTE:
            self._begin_changes()
            for arrival in self._waiting:
                self._wait(arrival)
            self._pump()

    def _show_places(self) -> None:
        shut = self._closed_positions | self._changing.keys()
        self.port.set_places(sum(1 << position - 1 for position in self.bags if position not in shut))

    def report_places(self) -> None:
        """Report each position that is closed."""
        for position in sorted(self._closed_positions):
            self.report(EventKind.PLACE_STATE, a=position, b=PlaceState.CLOSED, c=len(self.bags[position].parcels))

    def forget(self) -> None:
        """Lose the orders, and the closings under way: those bags stay open. All parcels stay where they are."""
        self._orders.clear()
        self._changing.clear()
        self._closed_positions = set(self._closed_by_hand)  # that switch is not in the PLC's memory
        for position in sorted(self._blocked):
            self._queue.extend(self._blocked[position])
        self._blocked.clear()
        for arrival in self._queue:
            arrival.turned_out = False
        self._show_places()
