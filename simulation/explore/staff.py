"""
What people ask packcenter for, at random moments: lanes, machines, bags, verdicts at the hand station, maintenance, receipts.

A person who passes a verdict holds the document until packcenter has answered, and takes it away or lays it back by what the
books say then. What was closed or stopped is let go after a while, at the latest when all is healed; so a run comes to rest.
"""

from __future__ import annotations

from typing import Final

from packcenter.core import inputs as i
from packcenter.core.lifecycle import FINAL
from packcenter.core.packml import LEGAL
from packcenter.core.packml import Command as UnitCommand
from packcenter.core.packml import State as Unit
from packcenter.core.state import Item, State
from packcenter.core.words import HandVerdict, ReceiptState, Role
from simulation.clock import FAULT
from simulation.draws import Stream
from simulation.explore import plan_switches, services
from simulation.explore.striking import SECOND, Fault
from simulation.explore.world import Life, World
from simulation.handwork import in_the_books, unread_here
from simulation.truth import Document

_AWAY: Final = {
    Unit.HELD: UnitCommand.UNHOLD,
    Unit.SUSPENDED: UnitCommand.UNSUSPEND,
    Unit.STOPPED: UnitCommand.RESET,
    Unit.COMPLETED: UnitCommand.RESET,
    Unit.IDLE: UnitCommand.START,
    Unit.ABORTED: UnitCommand.CLEAR,
}
"""What brings a machine that a person stopped back towards Execute."""

_VERDICTS: Final = (HandVerdict.REMAKE, HandVerdict.RETURN, HandVerdict.RETURN, HandVerdict.REINDUCT, HandVerdict.WITHDRAW)
_LOOKED_AT: Final = 12
"""So many documents on the table are looked at, the last to come: a person does not read a whole pile."""

_SLIPS_OF: Final = 4
"""One code in so many is mistyped."""

_WHO: Final = ("op-1", "op-2", "op-3")


class Staff:
    """The people of one run. `holding` has the documents that wait for the answer to a verdict, by the item's id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.holding: dict[str, Document] = {}

    def listens(self) -> Life | None:
        """The life that takes acts now."""
        life = self._world.life
        return life if life is not None and life.serving and not life.stopping else None

    def settle(self) -> None:
        """Verdicts that were answered are carried out: what the books let go leaves, the rest is laid back."""
        life = self.listens()
        if life is None or life.group_under_way:
            return
        hand, items = self._world.plant.hand, life.controller.state.items
        for name, document in self.holding.items():
            if items[name].place in FINAL:
                hand.send_off(document, items[name].place)
            elif items[name].sent_back:
                hand.let_go(document)
                self._world.plant.lay_onto_sorter(document)
            else:
                hand.lay_back(document)
        self.holding.clear()

    def let_go(self, only: str = "") -> None:
        """Open what people closed, and let run what they stopped, at one PLC or all."""
        life = self.listens()
        if life is None or life.group_under_way:
            return
        by = {"person": "op-9", "role": Role.SUPERVISOR.value, "reason": "let go"}
        acts: list[i.Input] = []
        for name, plc in life.controller.state.plcs.items():
            if only not in ("", name):
                continue
            acts += [i.LaneOrdered(**by, plc=name, lane=lane, open=True) for lane in sorted(plc.barred)]
            if plc.maintenance_us:
                acts.append(i.MaintenanceOrdered(**by, plc=name, minutes=0))
            away = _AWAY.get(Unit(plc.state)) if plc.stopped_by and plc.up else None
            if away is not None:
                acts.append(i.MachineOrdered(**by, plc=name, command=int(away)))
        if acts:
            life.submit(acts)


def by_somebody(stream: Stream) -> dict[str, str]:
    """Somebody, mostly in a role that may do everything but what only maintenance may."""
    role = (Role.SUPERVISOR, Role.SUPERVISOR, Role.SUPERVISOR, *Role)[stream.below(3 + len(Role))]
    return {"person": _WHO[stream.below(len(_WHO))], "role": role.value, "reason": "explored"}


def ask(world: World, act: i.Act) -> str | None:
    """Ask for it, if somebody listens; what was asked."""
    life = world.staff.listens()
    if life is None:
        return None
    world.staff.settle()
    life.submit([act])
    return " ".join(str(field) for field in (type(act).__name__, *_fields(act)))


def _fields(act: i.Act) -> list[object]:
    return [getattr(act, name) for name in act.__struct_fields__ if name not in ("person", "reason", "plan")]


def _later(world: World, stream: Stream, plc: str, told: str | None) -> str | None:
    """After a while the lanes of a PLC are opened, and its machine is let run; a few are forgotten until the end."""
    if told is not None and stream.below(5):
        world.clock.at(SECOND + stream.below(20 * SECOND), FAULT, world.staff.let_go, plc)
    return told


def state_of(world: World) -> State | None:
    """What the controller that takes acts knows; None: there is none."""
    life = world.staff.listens()
    return None if life is None else life.controller.state


def _orders_lane(world: World, stream: Stream, hard: int) -> str | None:
    sorter = world.hall.sorters[stream.below(len(world.hall.sorters))]
    lane = sorter.lanes[stream.below(len(sorter.lanes))].number
    return _later(
        world,
        stream,
        sorter.plc,
        ask(world, i.LaneOrdered(**by_somebody(stream), plc=sorter.plc, lane=lane, open=stream.below(4) == 0)),
    )


def _orders_machine(world: World, stream: Stream, hard: int) -> str | None:
    """Mostly what PackML allows now; the machine may be elsewhere when it is told."""
    state, plcs = state_of(world), world.hall.plcs()
    if state is None:
        return None
    plc = plcs[stream.below(len(plcs))]
    legal = [command for command in UnitCommand if LEGAL[command] >> state.plcs[plc].state & 1]
    commands = legal if legal and stream.below(4) else list(UnitCommand)
    command = int(commands[stream.below(len(commands))])
    return _later(world, stream, plc, ask(world, i.MachineOrdered(**by_somebody(stream), plc=plc, command=command)))


def _orders_bag(world: World, stream: Stream, hard: int) -> str | None:
    positions = world.hall.rack.positions
    return ask(world, i.BagOrdered(**by_somebody(stream), position=positions[stream.below(len(positions))].number))


def _withdraws(world: World, stream: Stream, hard: int) -> str | None:
    """An agency wants an item back, wherever it is."""
    state = state_of(world)
    names = [] if state is None else [item.id for item in state.items.values() if item.announced]
    if not names:
        return None
    verdict = HandVerdict.WITHDRAW.value
    return ask(world, i.VerdictPassed(**by_somebody(stream), item=names[stream.below(len(names))], verdict=verdict, code=""))


def _passes_verdict(world: World, stream: Stream, hard: int) -> str | None:
    """
    A person takes a document off the table of the hand station, finds it in the books, and decides. One that somebody
    tampered with, or that is not the only one of its code, is left alone: that is another person's riddle.
    """
    state, truth, hand = state_of(world), world.plant.truth, world.plant.hand
    if state is None:
        return None
    world.staff.settle()
    table = [each for each in hand.table() if not truth.touches(each) and len(truth.bearing(each.code)) <= 1]
    heard = all(not plc.ring_used for plc in world.plcs.values())
    unread = unread_here(state, world.plant, heard)
    found = [(each, item) for each in table[-_LOOKED_AT:] if (item := in_the_books(state, each, unread)) is not None]
    nameless = [entry for entry in found if not entry[1].announced]
    among = nameless if nameless and stream.below(4) else found
    if not among:
        return None
    document, item = among[stream.below(len(among))]
    verdict, code = _VERDICTS[stream.below(len(_VERDICTS))], ""
    known = state.items.get(document.code)
    if (
        not item.announced and known is not None and (stream.below(3) or known.sent_back)
    ):  # else it is in the books still (800902)
        verdict, code = HandVerdict.CODE, _slip(world, state, item, document.code)
    told = ask(world, i.VerdictPassed(**by_somebody(stream), item=item.id, verdict=verdict.value, code=code))
    if told is not None and verdict in (HandVerdict.REINDUCT, HandVerdict.REMAKE, HandVerdict.RETURN):
        hand.hold(document)
        world.staff.holding[item.id] = document
    return told


def _slip(world: World, state: State, item: Item, code: str) -> str:
    """
    The code that a person types for an object: now and then that of another document on the table, which must be refused. One
    that somebody else has just sent back onto a sorter is there in the books alone (whole seed 840886).
    """
    if item.entered_us % _SLIPS_OF:  # no draw, so that kept seeds keep their meaning
        return code
    there = (other for other in state.items.values() if other.announced and other.place == "hand" and not other.sent_back)
    return next((other.id for other in there if other.id not in world.staff.holding), code)


def _orders_maintenance(world: World, stream: Stream, hard: int) -> str | None:
    """Mostly of a machine that stands."""
    state, plcs = state_of(world), world.hall.plcs()
    if state is None:
        return None
    standing = [plc for plc in plcs if state.plcs[plc].state in (Unit.STOPPED, Unit.HELD, Unit.ABORTED, Unit.IDLE)]
    among = standing if standing and stream.below(4) else plcs
    plc = among[stream.below(len(among))]
    minutes = (0, 1, 1, 30)[stream.below(4)]
    return _later(world, stream, plc, ask(world, i.MaintenanceOrdered(**by_somebody(stream), plc=plc, minutes=minutes)))


def _switches_plan(world: World, stream: Stream, hard: int) -> str | None:
    """Mostly to a plan by which the hall can be sorted; sometimes twice, before anything can have come of the first."""
    state = state_of(world)
    if state is None:
        return None
    told = []
    for _ in range(1 + (stream.below(6) == 0)):
        plan = plan_switches.drawn(world.hall, stream, state.last_us)
        somebody = by_somebody(stream)
        told.append(ask(world, i.PlanSwitched(**somebody, file=f"{plan.version}.toml", plan=plan)))
        if state.last_us % _WITHHELD_OF == 0:  # no draw, so that kept seeds keep their meaning
            told.append(ask(world, i.PlanWithheld(**somebody, file="mistyped.toml", why="no_such_plan")))
    return "; ".join(each for each in told if each is not None) or None


_WITHHELD_OF: Final = 5
"""Of so many switches one is followed by one that names a file that is not there."""

STAFF_FAULTS: Final[tuple[Fault[World], ...]] = (
    Fault("orders_lane", "staff", 12 * SECOND, _orders_lane),
    Fault("orders_machine", "staff", 30 * SECOND, _orders_machine),
    Fault("orders_bag", "staff", 20 * SECOND, _orders_bag),
    Fault("withdraws", "staff", 12 * SECOND, _withdraws),
    Fault("passes_verdict", "staff", 10 * SECOND, _passes_verdict),
    Fault("orders_maintenance", "staff", 40 * SECOND, _orders_maintenance),
    Fault("switches_plan", "staff", 25 * SECOND, _switches_plan),
)
"""What people ask for; they came later than the others, and are drawn behind them."""


def _tells_receipt(world: World, stream: Stream, hard: int) -> str | None:
    """A receipt comes back, by hand or with others in a file; now and then one that nobody waits for, or one is given up."""
    life = world.staff.listens()
    if life is None:
        return None
    state = life.controller.state
    waited_for = [name for name, each in state.receipts.items() if each.state in (ReceiptState.AWAITED, ReceiptState.OVERDUE)]
    codes = [*waited_for, *list(state.waybills)[-3:], "NJ-NOBODY"]
    code = codes[0] if waited_for and stream.below(3) else codes[stream.below(len(codes))]
    if state.items.get(code) is not None and state.items[code].waybill and stream.below(2):
        code = state.items[code].waybill
    kind = stream.below(6)
    act: i.Input
    if kind < 2:
        act = i.ReceiptsReceived(f"receipts-{stream.below(3)}", tuple(dict.fromkeys((code, *codes[: stream.below(4)]))))
    else:
        role = (Role.SUPERVISOR, Role.SUPERVISOR, Role.OPERATOR, Role.MAINTENANCE)[stream.below(4)]
        act = i.ReceiptTold("op-4", role.value, "explored", code, kind < 5)
    life.submit([act])
    return f"{type(act).__name__} {code}"


SERVICE_FAULTS: Final[tuple[Fault[World], ...]] = (Fault(services.NAME, "staff", 15 * SECOND, _tells_receipt),)
"""They came later than all others, and are drawn behind them."""
