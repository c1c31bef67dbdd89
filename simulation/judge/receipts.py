"""
Receipts of dispatched items (D4): whoever wants one is waited for until it comes, its time is over, or a person gives it up.

    D4  a receipt is awaited of every item that leaves with the service receipt-requested, if the hall has a time for receipts,
        for that time, and of nothing else; it is overdue when that is over, and not before; it is returned once, by a person
        or a file that names the item or its waybill; every code of a file is answered
"""

from __future__ import annotations

from typing import Final

from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court

_MINUTE_US: Final = 60_000_000
_LATE_US: Final = 120_000_000
"""What is overdue is said to be two minutes later at the latest: the controller may have stood still for one."""


def awaited(court: Court, bench: Bench, fact: Said) -> None:
    """A receipt of what has just left, and whose agency wants one."""
    _, name, due_us = fact
    item, receipts, minutes = court.item(name, "ReceiptAwaited"), court.receipts, court.hall.receipt_minutes if court.hall else 0
    if item is None:
        return
    if item.place != "dispatched" or "BagClosed" not in bench.said or item.line is None or item.line[5] != "receipt-requested":
        court.blame("D4", f"a receipt of {name} is awaited, which has not just left, or wants none")
    if not minutes or due_us != bench.at_us + minutes * _MINUTE_US:
        court.blame("D4", f"a receipt of {name} is awaited until {due_us}, the hall waits {minutes} minutes")
    if name in receipts.state:
        court.blame("D4", f"a receipt of {name} is awaited again")
    receipts.state[name], receipts.due_us[name] = "awaited", due_us


def overdue(court: Court, bench: Bench, fact: Said) -> None:
    """The time of a receipt is over."""
    name, receipts = fact[1], court.receipts
    if receipts.state.get(name) != "awaited" or bench.name != "Tick" or bench.at_us < receipts.due_us[name]:
        court.blame("D4", f"the receipt of {name} is overdue in the record of {bench.name}, it is {receipts.state.get(name)}")
    _end(court, name, "overdue")


def returned(court: Court, bench: Bench, fact: Said) -> None:
    """A receipt is here: a person has it, or a file names it."""
    _, name, file, *under = fact
    if court.receipts.state.get(name) in (None, "returned"):
        court.blame("D4", f"the receipt of {name} returns, and it is {court.receipts.state.get(name, 'not awaited')}")
    if bench.name == "ReceiptTold" and bench.happened[5] and not file:
        codes = [bench.happened[4]]
    elif bench.name == "ReceiptsReceived" and file == bench.happened[1]:
        codes = bench.happened[2]
    else:
        codes = []
    if not any(name in _named(court, code) for code in codes) or not _is_under(court, name, codes, *under):
        court.blame("D4", f"the receipt of {name} returns in the record of {bench.name}, where nobody says so")
    _end(court, name, "returned")


def given_up(court: Court, bench: Bench, fact: Said) -> None:
    """A person does not wait any longer."""
    _, name, *under = fact
    if court.receipts.state.get(name) not in ("awaited", "overdue"):
        court.blame("D4", f"the receipt of {name} is given up, and it is {court.receipts.state.get(name, 'not awaited')}")
    codes = [bench.happened[4]] if bench.name == "ReceiptTold" and not bench.happened[5] else []
    if not any(name in _named(court, code) for code in codes) or not _is_under(court, name, codes, *under):
        court.blame("O1", f"the receipt of {name} is given up in the record of {bench.name}")
    _end(court, name, "given_up")


def _end(court: Court, name: str, state: str) -> None:
    receipts = court.receipts
    receipts.due_us.pop(name, None)
    receipts.overdue_us = 0
    receipts.late.discard(name)
    if name in receipts.state:
        receipts.state[name] = state
    if state == "overdue":
        receipts.late.add(name)


def _named(court: Court, code: str) -> list[str]:
    """The items that a code on a receipt stands for: its own, or all that left in the parcel of a waybill, its owner first."""
    if code in court.items:
        return [code]
    owner = court.waybills.get(code)
    return [] if owner is None else [owner.id, *court.receipts.riders.get(owner.id, ())]


def _is_under(court: Court, name: str, codes: list[str], waybill: str = "") -> bool:
    """Whether it is true that a receipt came with the parcel of a waybill; "" it came for itself."""
    return not waybill or (waybill in codes and name in _named(court, waybill))


def refused(court: Court, bench: Bench, fact: Said) -> None:
    """A code of a file, for a true reason."""
    _, file, code, why = fact
    if bench.name != "ReceiptsReceived" or file != bench.happened[1] or code not in bench.happened[2]:
        court.blame("D4", f"code {code} of {file} is refused in the record of {bench.name}")
    elif not is_true(court, code, why):
        court.blame("D4", f"code {code} of {file} is refused as {why}, which is not so")


def is_true(court: Court, code: str, why: str) -> bool:
    """Whether a receipt could not be taken, or given up, for this reason."""
    items = _named(court, code)
    states = [state for item in items if (state := court.receipts.state.get(item)) is not None]
    return {
        "unknown_receipt": not items,
        "no_receipt": bool(items) and not states,
        "returned_already": bool(states) and {*states} <= {"returned", "given_up"} and states[0] == "returned",
        "given_up_already": bool(states) and {*states} <= {"returned", "given_up"} and states[0] == "given_up",
    }.get(why, False)


def after_told(court: Court, bench: Bench, act: str) -> None:
    """A person's word about a receipt is followed, for every document of a parcel."""
    told = "ReceiptReturned" if bench.happened[5] else "ReceiptGivenUp"
    if told not in bench.said:
        court.blame("O1", f"{act} of {bench.happened[4]} is taken, and nothing comes of it")
        return
    _all_of(court, bench.happened[4], ("returned",) if bench.happened[5] else ("returned", "given_up"))


def _all_of(court: Court, code: str, over: tuple[str, ...]) -> None:
    for item in _named(court, code):
        if court.receipts.state.get(item, over[0]) not in over:
            court.blame("D4", f"the receipt of {item} is said to be here by {code}, and is {court.receipts.state[item]}")


def after_received(court: Court, bench: Bench) -> None:
    """Every code of a file is answered, in order, and behind the answer to a waybill stand the others of its parcel."""
    answers = [fact for fact in bench.facts if fact[0] in ("ReceiptReturned", "ReceiptRefused")]
    first = [fact for fact in answers if fact[0] == "ReceiptRefused" or not fact[3:] or not fact[3]]
    codes = bench.happened[2]
    wrong = [
        code
        for code, fact in zip(codes, first, strict=False)
        if (fact[1] not in _named(court, code) if fact[0] == "ReceiptReturned" else fact[2] != code)
    ]
    if len(first) != len(codes) or wrong:
        court.blame("D4", f"{bench.happened[1]} names {len(codes)} receipts, {len(first)} are answered, or not in order {wrong}")
    for code, fact in zip(codes, first, strict=False):
        if fact[0] == "ReceiptReturned":
            _all_of(court, code, ("returned",))


def after_record(court: Court, bench: Bench) -> None:
    """What leaves with the wish for a receipt is waited for; what is due is told."""
    if "BagClosed" in bench.said and court.hall is not None and court.hall.receipt_minutes:
        awaited_now = {fact[1] for fact in bench.said.get("ReceiptAwaited", ())}
        for fact in bench.said.get("Moved", ()):
            item = court.items.get(fact[1])
            wants = item is not None and item.line is not None and item.line[5] == "receipt-requested"
            if fact[3] == "dispatched" and wants and fact[1] not in awaited_now:
                court.blame("D4", f"{fact[1]} leaves, its agency wants a receipt, and nobody waits for it")
    receipts = court.receipts
    if not receipts.due_us:
        return
    name, due_us = next(iter(receipts.due_us.items()))
    if bench.at_us < due_us:
        return
    receipts.overdue_us = bench.at_us if bench.name == "Started" else receipts.overdue_us or bench.at_us
    if bench.name == "Tick" or bench.at_us - receipts.overdue_us > _LATE_US:
        court.blame("D4", f"the receipt of {name} was due at {due_us}, and at {bench.at_us} nothing says so")
        _end(court, name, "overdue")
