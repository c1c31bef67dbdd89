"""
Receipts of dispatched items (D4): whoever wants one is waited for until it comes, its time is over, or a person gives it up.

    D4  a receipt is awaited of every item that leaves with the service receipt-requested, if the hall has a time for receipts,
        for that time, and of nothing else; it is overdue when that is over, and not before; it is returned once, by a person
        or a file that names the item or its waybill; every code of a file is answered
"""

from __future__ import annotations

from typing import Final

from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court, Item

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
    _, name, file = fact
    if court.receipts.state.get(name) in (None, "returned"):
        court.blame("D4", f"the receipt of {name} returns, and it is {court.receipts.state.get(name, 'not awaited')}")
    if bench.name == "ReceiptTold" and bench.happened[5] and not file:
        codes = [bench.happened[4]]
    elif bench.name == "ReceiptsReceived" and file == bench.happened[1]:
        codes = bench.happened[2]
    else:
        codes = []
    if not any(_named(court, code) is court.items.get(name) for code in codes):
        court.blame("D4", f"the receipt of {name} returns in the record of {bench.name}, where nobody says so")
    _end(court, name, "returned")


def given_up(court: Court, bench: Bench, fact: Said) -> None:
    """A person does not wait any longer."""
    name = fact[1]
    if court.receipts.state.get(name) not in ("awaited", "overdue"):
        court.blame("D4", f"the receipt of {name} is given up, and it is {court.receipts.state.get(name, 'not awaited')}")
    if bench.name != "ReceiptTold" or bench.happened[5] or _named(court, bench.happened[4]) is not court.items.get(name):
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


def _named(court: Court, code: str) -> Item | None:
    """The item that a code on a receipt stands for."""
    return court.items.get(code) or court.waybills.get(code)


def refused(court: Court, bench: Bench, fact: Said) -> None:
    """A code of a file, for a true reason."""
    _, file, code, why = fact
    if bench.name != "ReceiptsReceived" or file != bench.happened[1] or code not in bench.happened[2]:
        court.blame("D4", f"code {code} of {file} is refused in the record of {bench.name}")
    elif not is_true(court, code, why):
        court.blame("D4", f"code {code} of {file} is refused as {why}, which is not so")


def is_true(court: Court, code: str, why: str) -> bool:
    """Whether a receipt could not be taken, or given up, for this reason."""
    item = _named(court, code)
    state = court.receipts.state.get(item.id) if item is not None else None
    return {
        "unknown_receipt": item is None,
        "no_receipt": item is not None and state is None,
        "returned_already": state == "returned",
        "given_up_already": state == "given_up",
    }.get(why, False)


def after_told(court: Court, bench: Bench, act: str) -> None:
    """A person's word about a receipt is followed."""
    if ("ReceiptReturned" if bench.happened[5] else "ReceiptGivenUp") not in bench.said:
        court.blame("O1", f"{act} of {bench.happened[4]} is taken, and nothing comes of it")


def after_received(court: Court, bench: Bench) -> None:
    """Every code of a file is answered, in order."""
    answers = [fact for fact in bench.facts if fact[0] in ("ReceiptReturned", "ReceiptRefused")]
    codes = bench.happened[2]
    said = [court.items.get(fact[1]) if fact[0] == "ReceiptReturned" else fact[2] for fact in answers]
    wanted = [_named(court, code) if fact[0] == "ReceiptReturned" else code for code, fact in zip(codes, answers, strict=False)]
    if len(answers) != len(codes) or said != wanted:
        court.blame("D4", f"{bench.happened[1]} names {len(codes)} receipts, {len(answers)} are answered, or not in order")


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
