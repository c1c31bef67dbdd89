"""
Where every item is: one place each, changed by double entry alone (A1 to A7).

The places are `expected`, `outside`, `belt/PLC`, `lane/PLC/NUMBER`, `cell/PLC/NUMBER`, `pack/PLC`, `rack`, `bag/TAG`, `hand`,
`lost`, `dispatched`, `returned` and `remade`. What may lead from one to another is told by the life of an item: an item moves
because a machine saw it, or a person says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simulation.judge import cases, packing
from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court, Item, is_masked, kind_of
from simulation.judge.sessions import EXECUTE

_FELL_BACK: Final = {
    0: "as_asked",
    1: "no_answer",
    2: "late",
    3: "lane_full",
    4: "lane_closed",
    5: "rate",
    6: "recirculated",
    9: "wrong_lane",
}
"""Dispositions by the line interface."""

FINAL: Final = ("dispatched", "returned", "remade")
"""Places that nothing leaves."""

MOVES: Final[dict[tuple[str, str], frozenset[str]]] = {
    pair: frozenset(inputs.split())
    for pair, inputs in {
        ("expected", "belt"): "Scanned",
        ("expected", "pack"): "Fed Quarantined",
        ("expected", "hand"): "VerdictPassed Quarantined Stored",  # the latter by release 0.1.0
        ("expected", "lost"): "Quarantined",
        ("outside", "belt"): "Scanned GhostAppeared",
        ("outside", "pack"): "Fed Packed Quarantined",  # the latter of several documents, of which nobody knows which it is
        ("belt", "lane"): "DivertConfirmed",
        ("belt", "hand"): "DivertConfirmed Stored Quarantined",
        ("belt", "pack"): "Fed Quarantined",
        ("belt", "lost"): "TrackLost Tick LinkUp Scanned GhostAppeared Quarantined",
        ("lane", "pack"): "Fed Packed Quarantined",
        ("lane", "lost"): "Fed Stored CommandEnded Quarantined",
        ("lane", "hand"): "Stored Quarantined",
        ("outside", "hand"): "Stored Quarantined",
        ("outside", "cell"): "Stored Quarantined",
        ("expected", "cell"): "Stored Quarantined",
        ("belt", "cell"): "Stored Quarantined",
        ("lane", "cell"): "Stored Quarantined",
        ("hand", "cell"): "Stored Quarantined",
        ("lost", "cell"): "Stored Quarantined",
        ("cell", "lane"): "Released Quarantined",
        ("cell", "hand"): "Released Quarantined",
        ("cell", "lost"): "CommandEnded",
        ("cell", "pack"): "Fed Quarantined",
        ("pack", "rack"): "Packed Dropped",
        ("pack", "hand"): "Packed CommandEnded LinkUp Fed Quarantined",
        ("rack", "bag"): "Dropped",
        ("rack", "hand"): "Dropped",
        ("rack", "lost"): "Tick",
        ("bag", "dispatched"): "BagShut",
        ("bag", "hand"): "BagShut LinkUp",
        ("hand", "belt"): "Scanned",
        ("hand", "lost"): "Quarantined",  # it had been laid onto a sorter again
        ("hand", "pack"): "Fed Quarantined",
        ("hand", "outside"): "Scanned Fed VerdictPassed",
        ("hand", "returned"): "VerdictPassed",
        ("hand", "remade"): "VerdictPassed",
        ("lost", "belt"): "Scanned",
        ("lost", "pack"): "Fed Quarantined",
        ("lost", "bag"): "Dropped",
        ("lost", "hand"): "Dropped Stored Quarantined VerdictPassed",
        ("lost", "outside"): "Scanned Fed",
    }.items()
}
"""Kind of place left and entered -> inputs that can be the reason."""


def moved(court: Court, bench: Bench, fact: Said) -> None:
    """An item leaves one place and enters another: the first where it was, both as an event allows."""
    _, name, source, target = fact
    item = court.item(name, "Moved")
    if item is None:
        return
    if item.place != source:
        court.blame("A3", f"{name} leaves {source}, but it was in {item.place}")
        source = item.place
    left, entered = kind_of(source), kind_of(target)
    allowed = MOVES.get((left, entered))
    if left in FINAL:
        court.blame("A6", f"{name} was {left}, and goes on to {target}")
    elif allowed is None:
        court.blame("A5", f"{name} goes from {source} to {target}, which no item can")
    elif bench.name not in allowed:
        court.blame("A5", f"{name} goes from {source} to {target} because of {bench.name}, which moves nothing there")
    else:
        _ENTER[entered](court, bench, item, source, target)
    _carry(court, item, left, entered, source, target)


def _carry(court: Court, item: Item, left: str, entered: str, source: str, target: str) -> None:
    """Do the double entry, and end what the item was part of where it was."""
    books = court.books[item.account]
    if books.get(left, 0) <= 0:
        court.blame("A3", f"the books of {item.account} have none in {left}, and {item.id} leaves it")
    books[left] = books.get(left, 0) - 1
    books[entered] = books.get(entered, 0) + 1
    item.place = target
    item.sent_back = False
    if left == "belt":
        end_scan(court, court.bench, item)
        item.laps = 0
        court.machines[source.partition("/")[2]].items -= 1
    elif left == "lane":
        court.in_lane[source].pop(item, None)
        item.awaited = None
    elif left == "cell":
        cases.leave_cell(court, item, source)
    elif left == "pack":
        packing.leave_pouch(item)
    elif left == "rack":
        parcel = court.in_rack.pop(item, None)
        if parcel is not None and court.hall is not None:
            court.bench.over.append((court.hall.rack, "Drop", parcel.label))
    elif left == "lost":
        court.lost -= 1
    if entered == "lane":
        court.in_lane.setdefault(target, {})[item] = None
    elif entered == "rack" and item.parcel is not None:
        court.in_rack[item] = item.parcel
    elif entered == "lost":
        court.lost += 1
    elif entered == "dispatched":
        court.dispatched += 1
        if item.carrier is not None:
            court.receipts.riders.setdefault(item.carrier.item.id, []).append(item.id)
    if entered not in ("rack", "bag", "dispatched", "lost"):
        item.carrier = None
    if entered in ("hand", "belt", "outside", "lost", *FINAL):
        packing.forget_label(court, item, keep=entered == "lost")
    if entered == "belt":
        court.machines[target.partition("/")[2]].items += 1
        item.suspect = ""  # a person had it in hand and put it there


def end_scan(court: Court, bench: Bench, item: Item) -> None:
    """The item is no longer under its track, and no diverter waits for it."""
    scan = item.scan
    if scan is None:
        return
    item.scan = None
    bench.over.append((scan.plc, "Divert", scan.track))
    machine = court.machines[scan.plc]
    if machine.tracks.get(scan.track) is scan:
        del machine.tracks[scan.track]
    key = (scan.plc, scan.lane)
    if key in court.reserved:
        court.reserved[key] -= 1


# --- entering a place: what else must be so ---


def _enter_belt(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    if bench.seen is not item or target != f"belt/{bench.plc}":
        court.blame("R3", f"{item.id} enters {target}, but this scan of {bench.plc} was not of it")
    _if_lost(court, bench, item, source, target)


def _enter_lane(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    if kind_of(source) == "cell":
        _enter_outlet(court, bench, item, source, target)
        return
    _, plc, _, _, track, lane, *_ = bench.happened
    scan = item.scan
    if scan is None or (scan.plc, scan.track) != (plc, track):
        court.blame("R7", f"{item.id} enters {target}, but the eye of {plc} saw track {track}, which is not its own")
    if target != f"lane/{plc}/{lane}":
        court.blame("R7", f"{item.id} enters {target}, but the eye of {plc} saw it in lane {lane}")


def _enter_outlet(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    outlet = bench.happened[6] if bench.name == "Released" else int(target.split("/")[2])
    if target != f"lane/{bench.plc}/{outlet}" or source.split("/")[1] != bench.plc:
        court.blame("R7", f"{item.id} goes from {source} to {target}, but {bench.plc} laid it out at {outlet}")


def _enter_pack(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    if target != f"pack/{bench.plc}":
        court.blame("B4", f"{item.id} enters {target}, but it was {bench.plc} that fed it")
    job = court.machines[bench.plc].jobs.get(bench.happened[4])
    if bench.name == "Fed" and job is not None and source == job.place and source in court.in_lane:
        first = next(iter(court.in_lane[source]), item)
        if first is not item and not (court.hall is not None and source in court.hall.outlets):
            court.blame("A9", f"{item.id} is fed from {source}, and {first.id}, which came before it, is not missed")
    packing.enter_pouch(court, bench, item)
    _if_lost(court, bench, item, source, target)


def _enter_rack(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    if not any(item in parcel.documents for parcel in bench.sealed):
        court.blame("C1", f"{item.id} enters the rack without a parcel sealed of it")


def _enter_bag(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    lead = item.carrier.item if item.carrier is not None else item
    if not any(["bag/" + fact[3], fact[2]] == [target, lead.id] for fact in bench.said.get("ParcelDropped", ())):
        court.blame("D1", f"{item.id} enters {target}, but no parcel of it was dropped there")
    _if_lost(court, bench, item, source, target)


def _enter_hand(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    if not any(fact[1] == item.id for fact in bench.said.get("SentToHand", ())):
        court.blame("A2", f"{item.id} enters the hand station and nobody says why")
    left = kind_of(source)
    lead = item.carrier.item if item.carrier is not None else item
    if left == "rack" and not any(fact[2] == lead.id for fact in bench.said.get("ParcelTurnedOut", ())):
        court.blame("D1", f"{item.id} goes from the rack to the hand station, but its parcel was not turned out")
    elif left == "bag" and (bench.closing is None or source != f"bag/{bench.closing[0].tag}"):
        court.blame("D3", f"{item.id} is taken out of {source}, which was not closed")
    if left == "belt" and bench.name == "DivertConfirmed":
        sorter = court.hall.sorters.get(bench.plc) if court.hall is not None else None
        if sorter is not None and bench.happened[5] != sorter.exception:
            court.blame("R7", f"{item.id} enters the hand station, but the eye saw it in lane {bench.happened[5]}")
        if item.scan is None or item.scan.track != bench.happened[4]:
            court.blame("R7", f"{item.id} enters the hand station, but the eye saw track {bench.happened[4]}")
    _if_lost(court, bench, item, source, target)


def _enter_lost(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    if not any(fact[1:3] == [item.id, source] for fact in bench.said.get("ItemLost", ())):
        court.blame("A8", f"{item.id} is lost from {source}, and no discrepancy is opened")
    if bench.name == "Fed" and kind_of(source) == "lane":
        job = court.machines[bench.plc].jobs.get(bench.happened[4])
        if job is not None and job.place != source:
            court.blame("A9", f"{item.id} is missed in {source}, though {bench.plc} fed from {job.place}")
    if bench.name != "Tick" or court.hall is None:
        return
    machine = court.machines[court.hall.rack if source == "rack" else source.partition("/")[2]]
    if not machine.up or machine.state != EXECUTE:
        court.blame("A9", f"{item.id} is called lost from {source}, though {machine.name} stands or cannot be heard")
    elif item.scan is not None and bench.at_us < item.scan.confirm_us:
        court.blame("T2", f"{item.id} is called lost {item.scan.confirm_us - bench.at_us} us before its time")


def _enter_outside(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    if bench.name == "VerdictPassed":
        if not any(fact[1] == item.id for fact in bench.said.get("CodedByHand", ())):
            court.blame("A5", f"{item.id} leaves the hall, and nobody says what it was")
        return
    real = court.items.get(item.code)
    if item.line is not None or real is None or real.line is None or bench.happened[8] != item.code:
        court.blame("A5", f"{item.id} leaves the hall without being read as an item that was announced")
    _if_lost(court, bench, item, source, target)


def _enter_dispatched(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    if bench.closing is None or source != f"bag/{bench.closing[0].tag}":
        court.blame("D3", f"{item.id} is dispatched from {source}, which was not closed")
    elif bench.closing[1]:
        court.blame("D3", f"{item.id} is dispatched in {source}, which may not leave: {bench.closing[1]}")
    elif item.suspect:
        court.blame("B6", f"{item.id} is dispatched, though it is suspect: {item.suspect}")
    elif item.withdrawn:
        court.blame("O1", f"{item.id} is dispatched, though its agency wants it back")


def _enter_final(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    verdict = {"returned": "return", "remade": "remake"}[target]
    if bench.happened[4:6] != [item.id, verdict]:
        court.blame("A5", f"{item.id} is {target} by {bench.happened[4:6]}")


def _if_lost(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    if source == "lost" and not any(fact[1:] == [item.id, target] for fact in bench.said.get("ItemFound", ())):
        court.blame("A8", f"{item.id} comes back from lost to {target}, and its discrepancy is not closed there")


_ENTER: Final[dict[str, Callable[[Court, Bench, Item, str, str], None]]] = {
    "belt": _enter_belt,
    "lane": _enter_lane,
    "cell": cases.enter_cell,
    "pack": _enter_pack,
    "rack": _enter_rack,
    "bag": _enter_bag,
    "hand": _enter_hand,
    "lost": _enter_lost,
    "outside": _enter_outside,
    "dispatched": _enter_dispatched,
    "returned": _enter_final,
    "remade": _enter_final,
}


# --- objects, suspicion, discrepancies ---


def object_seen(court: Court, bench: Bench, fact: Said) -> None:
    """An object without a line gets an identity of its own, once, and is counted (A7)."""
    _, name, reason, code = fact
    if name in court.items or not name.startswith("?"):
        court.blame("A7", f"{name!r} is given to an object, expected an identity that nothing has")
        return
    reasons, read = _seen_as(bench)
    if reasons and (reason not in reasons or code != read):
        court.blame("A7", f"{name} is seen as {reason} with code {code!r}, expected one of {reasons} with {read!r}")
    item = Item(name, None, code, ("", reason), "outside")
    court.items[name] = item
    court.objects += 1
    if code:
        court.codes[code] = item
    count_in(court, item)


def _seen_as(bench: Bench) -> tuple[tuple[str, ...], str]:
    """As what, and with which code, an object can be seen in this record; no reason if the record does not tell."""
    if bench.name == "GhostAppeared":
        return ("ghost",), ""
    if bench.name not in ("Scanned", "Fed", "Stored"):
        return (), ""
    outcome, code = bench.happened[6], bench.happened[8]  # of all three
    if outcome or not code:
        return ("no_read", "multiple_codes"), ""
    return ("unknown",) if is_masked(code) else ("unknown", "duplicate", "no_read"), code


def count_in(court: Court, item: Item) -> None:
    """Open an item's account with what it begins in."""
    books = court.books.setdefault(item.account, {})
    books[item.place] = books.get(item.place, 0) + 1


def suspected(court: Court, bench: Bench, fact: Said) -> None:
    """An item that may not be dispatched before a person had it in hand."""
    item = court.item(fact[1], "Suspected")
    if item is None:
        return
    if item.suspect:
        court.blame("B6", f"{item.id} is suspect ({item.suspect}) and suspected again ({fact[2]}); the first reason stands")
    item.suspect = item.suspect or fact[2] or "suspected"


def sent_to_hand(court: Court, bench: Bench, fact: Said) -> None:
    """Says why an item is or will be at the hand station: what its scan led to, else what the sorter says itself (R7)."""
    _, name, reason = fact
    item = court.item(name, "SentToHand")
    if item is None or item.scan is None:
        return
    if bench.name != "DivertConfirmed":
        item.scan.why = reason
        return
    expected = item.scan.why or _FELL_BACK.get(bench.happened[6], f"disposition_{bench.happened[6]}")
    if reason != expected:
        court.blame("R7", f"{name} is said to be at the hand station for {reason!r}, by its scan and the sorter for {expected!r}")


def item_lost(court: Court, bench: Bench, fact: Said) -> None:
    """Opens a discrepancy: where the item was last."""
    item = court.item(fact[1], "ItemLost")
    if item is None:
        return
    if item.place != fact[2]:
        court.blame("A8", f"{item.id} is said to be lost from {fact[2]}, but it was in {item.place}")
    if not any(found[1] == item.id for found in bench.said.get("ItemFound", ())):
        bench.ended.append((item, "lost"))


def item_found(court: Court, bench: Bench, fact: Said) -> None:
    """Closes one: only what is lost can be found."""
    item = court.item(fact[1], "ItemFound")
    if item is not None and item.place != "lost":
        court.blame("A8", f"{item.id} is found, but it was in {item.place}")


def balance(court: Court) -> None:
    """At the end: the books per agency and class are what the items say one by one (A2)."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for item in court.items.values():
        books = counted.setdefault(item.account, {})
        kind = kind_of(item.place)
        books[kind] = books.get(kind, 0) + 1
    for account, books in court.books.items():
        kept = {kind: count for kind, count in books.items() if count}
        if kept != counted.get(account, {}):
            court.blame("A2", f"the books of {account} say {kept}, its items one by one {counted.get(account, {})}")
