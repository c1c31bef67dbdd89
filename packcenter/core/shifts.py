"""
Shift closing 交班: a blind count, its differences signed, and a border in the journal (K1, A2, T4).

    people count -> compared with the books, place by place, class by class, agency by agency -> differences are discrepancies
    a supervisor closes the shift, once every difference of the last count is signed -> its books, and the next begins

The count is *blind*: it is an input that carries what people counted, complete, before anything of ours is said. A line that
they do not have is a zero. They count where things lie still (`COUNTED`); what is in motion is only told. The books of a shift
are kept twice: what came and went is counted move by move, what is there item by item, and both must agree to the item.
"""

from __future__ import annotations

from packcenter.core import custody_facts as c
from packcenter.core import discrepancies
from packcenter.core.acts import answer
from packcenter.core.custody_life import in_custody
from packcenter.core.hall import Waybills
from packcenter.core.inputs import Counted, ShiftCounted, ShiftEnded
from packcenter.core.lifecycle import kind_of
from packcenter.core.limits import COUNT_LINES_MAX, COUNT_VALID_US
from packcenter.core.records import Flow, State
from packcenter.core.turn import Turn

COUNTED = ("hand", "lane", "cell", "bag")
"""Kinds of place whose content people count: the hand station, the lanes of sorters and case racks, cells, open bags."""

_IN_MOTION = ("belt", "pack", "rack")


def on_counted(turn: Turn, act: ShiftCounted) -> None:
    """
    People counted the hall. Each number that is not ours opens a discrepancy in their name; one of an earlier count that this
    one does not find any more is closed, but none on ID documents.
    """
    if not answer(turn, act, "shift_count", str(turn.state.shift), _why_no_count(turn, act)):
        return
    differences, in_motion = _compare(turn, act.lines)
    turn.emit(c.ShiftCountTaken(turn.state.shift, act.person, in_motion, differences))
    found = [f"{each.place}/{each.mail_class}/{each.agency}" for each in differences]
    for number, each in sorted(turn.state.discrepancies.items()):
        if each.cause == "count_differs" and each.subject not in found and not each.two:
            turn.emit(c.DiscrepancyClosed(number, "recounted", discrepancies.OURS, ""))
    for subject in found:
        discrepancies.open_one(turn, "count_differs", subject, act.person)


def _why_no_count(turn: Turn, act: ShiftCounted) -> str:
    if not turn.state.custody_rules:
        return "no_discrepancies"
    if len(act.lines) > COUNT_LINES_MAX:
        return "count_lines"
    seen = []
    for line in act.lines:
        nameless = line.mail_class == line.agency == ""
        if line.place not in COUNTED or line.items < 0:
            return "count_lines"
        if not nameless and (line.mail_class not in turn.index.classes or line.agency not in turn.index.agencies):
            return "count_names"
        seen.append((line.place, line.mail_class, line.agency))
    return "" if len(set(seen)) == len(seen) else "count_lines"


def _compare(turn: Turn, lines: tuple[Counted, ...]) -> tuple[tuple[c.Difference, ...], int]:
    """Where the count and the books differ, in order, and how many items nobody could count."""
    counted = {(line.place, line.mail_class, line.agency): line.items for line in lines}
    booked: dict[tuple[str, str, str], int] = {}
    in_motion = 0
    for account, kinds in in_custody(turn.state).items():
        mail_class, _, agency = account.partition("/")
        in_motion += sum(kinds.get(kind, 0) for kind in _IN_MOTION)
        booked |= {(kind, mail_class, agency): kinds[kind] for kind in COUNTED if kind in kinds}
    keys = sorted(counted.keys() | booked.keys())
    found = [c.Difference(*key, counted.get(key, 0), booked.get(key, 0)) for key in keys]
    return tuple(each for each in found if each.counted != each.booked), in_motion


def on_ended(turn: Turn, act: ShiftEnded) -> None:
    """A supervisor ends the shift: its books become a record, and the next one begins with what is there."""
    if not answer(turn, act, "shift_close", str(turn.state.shift), _why_no_end(turn)):
        return
    state = turn.state
    assert state.count is not None, act
    books = accounts(state)
    handed_on = tuple(sorted(state.discrepancies))
    numbers = waybills(state, turn.index.hall.waybills)
    turn.emit(c.ShiftClosed(state.shift, state.shift_begun_us, state.count.person, act.person, books, handed_on, numbers))


def _why_no_end(turn: Turn) -> str:
    state = turn.state
    if not state.custody_rules:
        return "no_discrepancies"
    if state.count is None:
        return "not_counted"
    if turn.at_us - state.count.at_us > COUNT_VALID_US:
        return "count_old"
    return "unsigned" if unsigned(state) else ""


def unsigned(state: State) -> list[int]:
    """Differences of the last count that nobody has signed or closed: what keeps a shift from being closed (K1)."""
    if state.count is None:
        return []
    numbers = [state.discrepancy_of.get(f"count_differs/{subject}") for subject in state.count.differences]
    return [number for number in numbers if number is not None and not state.discrepancies[number].signed_by]


def accounts(state: State) -> tuple[c.ShiftAccount, ...]:
    """The books of the shift as they stand, by class and agency; objects without identity last."""
    present = in_custody(state)
    names = sorted(state.opening.keys() | state.flows.keys() | present.keys(), key=lambda name: (name == "/", name))
    return tuple(_account(state, name, present.get(name, {})) for name in names)


def _account(state: State, name: str, kinds: dict[str, int]) -> c.ShiftAccount:
    mail_class, _, agency = name.partition("/")
    came = state.flows.get(name, Flow())
    lost = kinds.get("lost", 0)
    return c.ShiftAccount(
        mail_class=mail_class,
        agency=agency,
        opening=state.opening.get(name, 0),
        inducted=came.inducted,
        dispatched=came.gone.get("dispatched", 0),
        returned=came.gone.get("returned", 0),
        remade=came.gone.get("remade", 0),
        identified=came.gone.get("outside", 0),
        held=sum(kinds.values()) - lost,
        lost=lost,
    )


_APPLIED = ("rack", "bag", "dispatched")
_VOIDED = ("outside", "returned", "remade")


def waybills(state: State, stock: Waybills) -> c.WaybillAccount:
    """
    Where the numbers of our range are. What is left is counted from where we are in the range, what is used number by number; an
    agency may have used numbers of our range itself, also ahead of us.
    """
    found = {"applied": 0, "open": 0, "voided": 0}
    ahead = 0
    for number, name in state.waybills.items():
        serial = _serial(number, stock)
        if serial is None:
            continue
        kind = kind_of(state.items[name].place)
        found["applied" if kind in _APPLIED else "voided" if kind in _VOIDED else "open"] += 1
        ahead += serial >= state.waybill_serial
    left = stock.last - state.waybill_serial + 1 - ahead
    return c.WaybillAccount(stock.indicator, stock.country, stock.first, stock.last, **found, stock=left)


def _serial(number: str, stock: Waybills) -> int | None:
    """The serial of an S10 number if it is one of this range."""
    digits = number[2:10]
    if len(number) != 13 or (number[:2], number[11:]) != (stock.indicator, stock.country) or not digits.isdigit():
        return None
    serial = int(digits)
    return serial if stock.first <= serial <= stock.last else None
