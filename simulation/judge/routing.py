"""
Scans, decisions and what the lanes' eyes confirm (R1 to R5, R7 to R9, A4, A7, G3).

A decision names one scan of the epoch in force and the identity read there; it is made once, in time, for a lane that
may take the item; and the item is where an eye saw it, not where it was sent.
"""

from __future__ import annotations

from typing import Any, Final

from simulation.judge import cases, letters, plans
from simulation.judge.custody import end_scan
from simulation.judge.grammar import Said
from simulation.judge.hall import ROUND, Sorter
from simulation.judge.ledger import UNDECIDED, Bench, Court, Item, Scan, is_masked

SUCCESS: Final = 0
_OPEN: Final = 0
INFEED: Final = 0
"""The place of a sorter that is its infeed."""

_RATE_US: Final = 60_100_000
"""The minute of a lane's rate, with what clocks may differ in."""

_AHEAD: Final = 2
"""Items that may still come while the infeed is being held."""

_TOLERANCE_MS: Final = 1
"""Deadlines are rounded to milliseconds on the way to the PLC."""

_FREE: Final = ("expected", "hand", "lost", "round")
"""Places from which an item can come onto a belt; anywhere else it is in custody."""


def sorter_of(court: Court, plc: str) -> Sorter | None:
    """The sorter of this name in the hall in force."""
    return court.hall.sorters.get(plc) if court.hall is not None else None


def before_scanned(court: Court, bench: Bench) -> None:
    """Remember where the item with this code is before its scan changes that."""
    item = court.items.get(bench.happened[8])
    bench.before = item.place if item is not None else ""
    if item is not None and item.scan is not None and item.scan.track < 0 and item.scan.plc == bench.plc:
        bench.before = "round"


def item_seen(court: Court, bench: Bench, fact: Said) -> None:
    """An item is under a track from its scan on."""
    _, name, plc, track, outcome, scanned_us, confirm_us = fact
    item = court.item(name, "ItemSeen")
    if item is None:
        return
    scan = Scan(item, plc, bench.epoch, track, outcome)
    scan.scanned_us = scanned_us
    scan.confirm_us = confirm_us
    age_us = 0
    if bench.name == "Scanned":
        _, _, _, _, _, _, read, _, code, age_us, plc_ms = bench.happened
        scan.read = read == SUCCESS and bool(code) and not is_masked(code)
        scan.due_ms = plc_ms
        if outcome != read:
            court.blame("R3", f"{name} is seen with read outcome {outcome}, the scan said {read}")
    if bench.name not in ("Scanned", "GhostAppeared") or (bench.plc, bench.happened[4]) != (plc, track):
        court.blame("R3", f"{name} is seen under track {track} of {plc} in a record about another scan")
        return
    if scanned_us != max(0, bench.at_us - age_us):
        court.blame("R3", f"{name} is said to be scanned at {scanned_us}, the scan says {bench.at_us - age_us}")
    tracks = court.machines[plc].tracks
    if track in tracks:
        court.blame("R3", f"track {track} of {plc} is given to {name} while {tracks[track].item.id} is under it")
    if item.scan is not None and item.scan.track < 0 and item.scan.plc == plc:
        del tracks[item.scan.track]  # it went round
    elif item.scan is not None:
        court.blame("R3", f"{name} is seen again while it is under track {item.scan.track} of {item.scan.plc}")
    item.scan = scan
    tracks[track] = scan
    bench.seen = item


def routed(court: Court, bench: Bench, fact: Said) -> None:
    """The decision about a scan: once, about the scan of this record, for a lane that can and may take the item."""
    _, name, plc, lane, rule, group, reason, deadline_us, *by = fact
    item = court.item(name, "Routed")
    if item is None:
        return
    scan = item.scan
    if scan is None or scan.plc != plc or bench.seen is not item:
        court.blame("R3", f"{name} is decided on, but the scan of this record was not of it")
        return
    if scan.lane != UNDECIDED:
        court.blame("R5", f"{name} is decided on again: lane {scan.lane}, then lane {lane}, for one scan")
        return
    scan.lane = lane
    scan.deadline_us = deadline_us
    plans.decided(court, bench, item, *(by or ("", "")))
    sorter = sorter_of(court, plc)
    if sorter is None:
        court.blame("R1", f"{name} is decided on at {plc}, which is no sorter of the hall")
        return
    if lane not in sorter.lanes and (lane != ROUND or not sorter.laps_max):
        court.blame("R1", f"{name} is to go into lane {lane} of {plc}, which does not exist")
        return
    if bench.name == "Scanned":
        right_us = scan.scanned_us + sorter.way_us(lane) - sorter.link_ms * 1000
        if abs(deadline_us - right_us) > _TOLERANCE_MS * 1000:
            court.blame("R7", f"the decision on {name} is due at {deadline_us}, by belt and diverter it is {right_us}")
    if lane == ROUND:
        _goes_round(court, scan, sorter, rule, group, reason)
        return
    if lane != sorter.exception:
        _sorted(court, scan, sorter, rule, group, reason)
        return
    if court.hall is not None and court.hall.case_racks and cases.announced_case(item):
        own, mine = cases.RULE, ""
    else:
        own, mine = court.hall.rule_of(item.line) if court.hall is not None and item.line is not None else ("", "")
    if scan.read and mine and item.line is not None and court.hall is not None and not item.withdrawn:
        better = _free_lane(court, scan, mine, *court.hall.overflow_of(mine))
        if better:
            court.blame("G3", f"{name} gets the exception lane ({reason}), though lane {better} of {plc} is free")
    if group or rule not in ("", own) or reason in ("", "plan", "overflow"):
        court.blame("G3", f"{name} gets the exception lane by rule {rule!r}, group {group!r}, reason {reason!r}")
    if not any(each[1] == name for each in bench.said.get("SentToHand", ())):
        court.blame("A2", f"{name} gets the exception lane, and nobody says why")


def _sorted(court: Court, scan: Scan, sorter: Sorter, rule: str, group: str, reason: str) -> None:
    """The item goes into a lane of the plan: it was read, announced, and the lane is open, has room, and is secure if need be."""
    assert court.hall is not None
    item, plc, number = scan.item, scan.plc, scan.lane
    lane = sorter.lanes[number]
    if not scan.read or item.line is None:
        court.blame("R9", f"{item.id} was not read as an announced item, yet gets lane {number} of {plc}")
        return
    if number in court.machines[plc].barred:
        court.blame("R1", f"{item.id} gets lane {number} of {plc}, which people closed")
    if item.withdrawn:
        court.blame("O1", f"{item.id} gets lane {number} of {plc}, though its agency wants it back")
    right, own = court.hall.rule_of(item.line)
    gathered = bool(court.hall.case_racks and cases.announced_case(item))
    better = _free_lane(court, scan, own) if reason == "overflow" else 0
    first = _free_lane(court, scan, group) if court.hall.balance_of(group) == "first" else number
    key = (plc, number)
    court.reserved[key] = court.reserved.get(key, 0) + 1
    inside = len(court.in_lane.get(f"lane/{plc}/{number}", ()))
    if inside + court.reserved[key] > lane.capacity:
        court.blame(
            "R2", f"lane {number} of {plc} holds {lane.capacity}; {inside} are in it and {court.reserved[key]} on their way"
        )
    if lane.rate:
        if not _within_rate(court, plc, number, lane.rate, scan.deadline_us):
            court.blame("R2", f"{item.id} gets lane {number} of {plc}, which has had its {lane.rate} items of this minute")
        court.recent.setdefault(key, []).append(scan.deadline_us)
    state = court.machines[plc].places.get(number, _OPEN)
    if state != _OPEN:
        court.blame("R1", f"{item.id} is to go into lane {number} of {plc}, which is not open (state {state})")
    if _is_secure(court, item) and not lane.secure:
        court.blame("R8", f"{item.id} of class {item.line[1]} is to go into lane {number} of {plc}, which is not secure")
    if court.bench.at_us > scan.deadline_us:
        court.blame("R7", f"{item.id} is to go into lane {number} of {plc}, which it has passed")
    if better:
        court.blame("G3", f"{item.id} overflows into lane {number} of {plc}, though lane {better} of its own group is free")
    if first not in (0, number):
        court.blame(
            "G3", f"{item.id} gets lane {number} of {plc}, though lane {first} comes first in group {group!r} and is free"
        )
    if gathered or reason == "case":
        if (rule, reason, group) != (cases.RULE, "case", lane.feeds) or not gathered or group not in court.hall.case_racks:
            court.blame("G3", f"{item.id} of a case gets lane {number} of {plc} by {rule!r}, {group!r} ({reason})")
        cases.routed(court, item, plc, group)
        return
    if reason == "combine":
        if (rule, group) != (right, lane.feeds) or group not in court.hall.case_racks or item.together not in court.sets:
            court.blame("G3", f"{item.id} is to leave with others by {rule!r}, lane {number} of {plc}; the plan says {right!r}")
        cases.routed(court, item, plc, group)
        return
    letters.leaves_alone(court, scan.item, plc, lambda lanes: _free_of(court, scan, lanes))
    spilt = reason == "overflow" and court.hall.overflows(own, group)
    if rule != right or not (spilt or (reason == "plan" and group == own)) or not court.hall.serves(group, plc, number):
        court.blame(
            "G3", f"{item.id} gets lane {number} of {plc} by rule {rule!r}, group {group!r} ({reason}); the plan says {right!r}"
        )


def _goes_round(court: Court, scan: Scan, sorter: Sorter, rule: str, group: str, reason: str) -> None:
    """It was read and announced, has a lap left, and no lane of the plan can take it now."""
    assert court.hall is not None
    item, plc = scan.item, scan.plc
    if not scan.read or item.line is None or item.withdrawn:
        court.blame("R9", f"{item.id} was not read as an announced item, or is withdrawn, and goes round {plc}")
        return
    if item.laps >= sorter.laps_max:
        court.blame("R9", f"{item.id} goes round {plc} after {item.laps} laps, allowed are {sorter.laps_max}")
    right, own = court.hall.rule_of(item.line)
    if (rule, group, reason) != (right, "", "round"):
        court.blame("G3", f"{item.id} goes round {plc} by rule {rule!r}, group {group!r} ({reason}); the plan says {right!r}")
    better = _free_lane(court, scan, *court.hall.reached_from(own))
    if better:
        court.blame("G3", f"{item.id} goes round {plc}, though lane {better} is free")


def _is_secure(court: Court, item: Item) -> bool:
    """Whether an item needs a secure lane: by its class in force, or the one it was announced with."""
    assert item.line is not None
    known = court.hall.classes.get(item.line[1]) if court.hall is not None else None
    return known.secure if known is not None else item.secure


def _free_lane(court: Court, scan: Scan, *groups: str) -> int:
    """The first lane of these groups that could take the item of a scan right now; 0 if there is none."""
    if court.hall is None:
        return 0
    return next((number for group in groups if (number := _free_of(court, scan, court.hall.lanes_of(group)))), 0)


def _free_of(court: Court, scan: Scan, lanes: list[list[Any]]) -> int:
    """The first of these lanes, each sorter and number, that could take the item of a scan right now; 0 if there is none."""
    sorter = sorter_of(court, scan.plc)
    if sorter is None:
        return 0
    secure = _is_secure(court, scan.item)
    for plc, named in lanes:
        number = int(named)
        lane = sorter.lanes.get(number)
        if plc != scan.plc or lane is None or (secure and not lane.secure):
            continue
        taken = len(court.in_lane.get(f"lane/{plc}/{number}", ())) + court.reserved.get((plc, number), 0)
        in_time = court.bench.at_us <= scan.scanned_us + sorter.way_us(number) - sorter.link_ms * 1000
        machine = court.machines[plc]
        closed = number in machine.barred or machine.places.get(number, _OPEN) != _OPEN
        due_us = scan.scanned_us + sorter.way_us(number) - sorter.link_ms * 1000
        in_rate = not lane.rate or _within_rate(court, plc, number, lane.rate, due_us)
        if taken < lane.capacity and in_time and not closed and in_rate:
            return number
    return 0


def _within_rate(court: Court, plc: str, number: int, rate: int, due_us: int) -> bool:
    """Whether a lane that takes so many items in a minute can be sent one that is due then."""
    recent = court.recent.get((plc, number), [])[-rate:]
    return len(recent) < rate or due_us - recent[0] >= _RATE_US


def decision_late(court: Court, bench: Bench, fact: Said) -> None:
    """No decision goes out: the PLC's own fallback stands."""
    item = court.item(fact[1], "DecisionLate")
    if item is not None and item.scan is not None:
        if bench.at_us <= item.scan.deadline_us:
            court.blame("R7", f"the decision on {item.id} is called late before its time")
        item.scan.asked = True


def divert(court: Court, bench: Bench, command: Said) -> None:
    """A diverter is asked for what was decided, once, in time."""
    _, plc, number, track, lane, fallback, deadline = command
    scan = court.machines[plc].tracks.get(track)
    if scan is None or scan.epoch != court.machines[plc].epoch:
        court.blame("R4", f"Divert {number} of {plc} names track {track}, which no scan of the epoch in force gave")
        return
    if scan.asked or bench.seen is not scan.item:
        court.blame("R5", f"Divert {number} of {plc} is a second decision for the scan of {scan.item.id}")
        return
    scan.asked = True
    if lane != scan.lane:
        court.blame("R3", f"Divert {number} of {plc} sends {scan.item.id} to lane {lane}, decided was {scan.lane}")
    sorter = sorter_of(court, plc)
    if sorter is None:
        return
    if fallback != sorter.exception:
        court.blame("R7", f"Divert {number} of {plc} falls back to lane {fallback}, expected {sorter.exception}")
    if bench.at_us > scan.deadline_us:
        court.blame("R7", f"Divert {number} of {plc} for {scan.item.id} is asked {bench.at_us - scan.deadline_us} us too late")
    elif scan.lane in sorter.lanes or scan.lane == ROUND:
        right_ms = (scan.due_ms + sorter.way_us(scan.lane) // 1000) % 65536
        off_ms = (deadline - 65536 - right_ms + 32768) % 65536 - 32768
        if not 65536 <= deadline < 131072 or abs(off_ms) > _TOLERANCE_MS:
            court.blame("R7", f"Divert {number} of {plc} bears deadline {deadline}, by belt and diverter {65536 + right_ms}")


def after_scanned(court: Court, bench: Bench) -> None:
    """A scan is of exactly the identity that was read: an item in custody never merges with a second of its code."""
    item = bench.seen
    if item is None:
        if "EventSetAside" not in bench.said:
            court.blame("A1", f"a scan of {bench.plc} is taken, and no item is seen in it")
        return
    outcome, code = bench.happened[6], bench.happened[8]
    new = any(fact[1] == item.id for fact in bench.said.get("ObjectSeen", ()))
    if item.place != f"belt/{bench.plc}":
        court.blame("A1", f"{item.id} was scanned by {bench.plc}, and its place is {item.place}")
    if outcome != SUCCESS or not code:
        if not new:
            court.blame("A7", f"a scan of {bench.plc} read nothing, yet {item.id} is said to be there")
    elif is_masked(code):
        if not new:
            court.blame("A7", f"a masked code is no identity, yet {item.id} is said to be at {bench.plc}")
    elif bench.before in _FREE or code == item.id:
        again = bench.before in _FREE or any(fact[1] == code for fact in bench.said.get("ItemLost", ()))
        if item.id != code:
            court.blame("R3", f"{code} was read at {bench.plc}, yet {item.id} is said to be there")
        elif not again:
            court.blame("A4", f"{code} was read at {bench.plc} while it is in {bench.before}, and the two are merged")
    elif item.code != code:
        court.blame("R3", f"{code} was read at {bench.plc}, yet {item.id} is said to be there")
    after_decision(court, bench)


def after_decision(court: Court, bench: Bench) -> None:
    """Every scan is decided on, and every decision asked for."""
    scan = bench.seen.scan if bench.seen is not None else None
    if scan is None:
        return
    if scan.lane == UNDECIDED:
        court.blame("R5", f"{scan.item.id} was scanned and not decided on")
    elif not scan.asked and bench.name == "Scanned":
        court.blame("E9", f"{scan.item.id} gets lane {scan.lane}, and no diverter is asked")


def after_ghost(court: Court, bench: Bench) -> None:
    """An item that an eye sees and nobody tracks gets an identity and is counted."""
    if bench.seen is None and "EventSetAside" not in bench.said:
        court.blame("A7", f"an unknown object was seen by {bench.plc}, and is not counted")
    after_decision(court, bench)


def diverted(court: Court, bench: Bench, fact: Said) -> None:
    """An eye saw the item where it was sent, or where the PLC's fallback takes it."""
    name, plc, seen = fact[1], fact[2], fact[3]
    item = _confirmed(court, bench, name, plc, seen, fact[0])
    if item is None:
        return
    sorter = sorter_of(court, plc)
    if seen != item.lane and sorter is not None and seen != sorter.exception:
        court.blame("R7", f"{name} was sent to lane {item.lane} of {plc} and seen in {seen}, expected WrongLane")
    if bench.name == "DivertConfirmed" and fact[4] != bench.happened[6]:
        court.blame("R7", f"{name} was diverted with disposition {bench.happened[6]}, not {fact[4]}")


def wrong_lane(court: Court, bench: Bench, fact: Said) -> None:
    """An eye saw it elsewhere: it is suspect."""
    _, name, plc, asked, seen = fact
    scan = _confirmed(court, bench, name, plc, seen, fact[0])
    if scan is None:
        return
    if scan.lane != asked:
        court.blame("R7", f"{name} is said to be sent to lane {asked} of {plc}, decided was {scan.lane}")
    if ["Suspected", name] not in [each[:2] for each in bench.said.get("Suspected", ())] and not scan.item.suspect:
        sorter = sorter_of(court, plc)
        if sorter is None or seen != sorter.exception:
            court.blame("R7", f"{name} is in a wrong lane and not suspect")


def _confirmed(court: Court, bench: Bench, name: str, plc: str, lane: int, what: str) -> Scan | None:
    item = court.item(name, what)
    if item is None:
        return None
    if bench.name != "DivertConfirmed" or bench.plc != plc or bench.happened[5] != lane:
        court.blame("R7", f"{what}: {name} is in lane {lane} of {plc}, but no eye said so in this record")
        return None
    if item.scan is None or (item.scan.plc, item.scan.track) != (plc, bench.happened[4]):
        court.blame("R7", f"{what}: {name}, but the eye of {plc} saw track {bench.happened[4]}, which is not its own")
        return None
    return item.scan


def went_round(court: Court, bench: Bench, fact: Said) -> None:
    """An eye saw it pass all lanes of a loop: it stays on the belt, under no track of the PLC, for a lap more than before."""
    _, name, plc, lap, confirm_us = fact
    scan = _confirmed(court, bench, name, plc, ROUND, fact[0])
    sorter = sorter_of(court, plc)
    if scan is None or sorter is None:
        return
    item = scan.item
    if not sorter.laps_max or lap != item.laps + 1:
        court.blame("R9", f"{name} goes round {plc} for the {lap}. time after {item.laps}, on a loop of {sorter.laps_max} laps")
    if confirm_us < bench.at_us + sorter.round_mm * 1_000_000 // max(1, int(sorter.belt_mm_per_s)):
        court.blame("T2", f"{name} is waited for until {confirm_us}, by then the way round {plc} is not over")
    item.laps = lap
    end_scan(court, bench, item)
    tracks = court.machines[plc].tracks
    scan.track, scan.lane, scan.confirm_us = min([0, *tracks]) - 1, UNDECIDED, confirm_us
    item.scan = tracks[scan.track] = scan


def infeed_held(court: Court, bench: Bench, fact: Said) -> None:
    """New items are kept out of a loop, or let in again, and its PLC is told."""
    _, plc, held, items = fact
    machine = court.machines[plc]
    if held is machine.held or items != machine.items:
        court.blame(
            "R9", f"the infeed of {plc} is {'held' if held else 'released'} with {items} items, on it are {machine.items}"
        )
    orders = [command[4] for command in bench.commands if command[0] == "SetPlace" and command[1] == plc and command[3] == INFEED]
    if orders != [not held]:
        court.blame("R9", f"the infeed of {plc} is {'held' if held else 'released'}, and its PLC is not told")
    machine.held = held


def look_at_loops(court: Court, bench: Bench) -> None:
    """New items are kept out of a loop in time, and let in when there is room; a PLC that cannot be heard is asked nothing."""
    for plc, sorter in court.hall.sorters.items() if court.hall is not None else ():
        if not sorter.items_max or not sorter.laps_max:
            continue
        machine = court.machines[plc]
        full = sorter.items_max - _AHEAD
        room = full - max(1, full // 4)
        if machine.up and ((machine.items >= full and not machine.held) or (machine.items <= room and machine.held)):
            court.blame("R9", f"{machine.items} items are on {plc}, and its infeed is {'held' if machine.held else 'not held'}")
            machine.held = not machine.held


def unconfirmed(court: Court, bench: Bench, fact: Said) -> None:
    """No eye saw the item in time: it must be on its way still."""
    item = court.item(fact[1], fact[0])
    if item is None:
        return
    if item.scan is None:
        court.blame("R7", f"{item.id} is called unconfirmed, but it is in {item.place}")
    elif bench.at_us < item.scan.confirm_us:
        court.blame("T2", f"{item.id} is called unconfirmed {item.scan.confirm_us - bench.at_us} us before its time")


def confirmation_moved(court: Court, bench: Bench, fact: Said) -> None:
    """An item will be waited for until another time; 0 until its machine runs."""
    item = court.item(fact[1], fact[0])
    if item is not None and item.scan is not None:
        item.scan.confirm_us = fact[2]


def after_confirmed(court: Court, bench: Bench) -> None:
    """The ledger follows the eye: no confirmation of a known track passes without a move."""
    _, plc, _, _, track, lane, *_ = bench.happened
    if "EventSetAside" in bench.said:
        sorter = sorter_of(court, plc)
        known = sorter is not None and (lane in sorter.lanes or (lane == ROUND and sorter.laps_max > 0))
        if known and track in court.machines[plc].tracks:
            court.blame("R7", f"the eye of lane {lane} of {plc} saw track {track}, which is known, and is not believed")
    elif not ("Diverted" in bench.said or "WrongLane" in bench.said or ("WentRound" in bench.said and lane == ROUND)):
        court.blame("R7", f"the eye of lane {lane} of {plc} saw track {track}, and nothing follows")
    elif track in court.machines[plc].tracks:
        court.blame("R7", f"the eye of lane {lane} of {plc} saw track {track}, and its item stays on the belt")


def after_track_lost(court: Court, bench: Bench) -> None:
    """An item that the eyes missed is lost."""
    track = bench.happened[4]
    if track in court.machines[bench.plc].tracks:
        court.blame("R7", f"{bench.plc} lost track {track}, and its item stays on the belt")
    elif "ItemLost" not in bench.said and "EventSetAside" not in bench.said:
        court.blame("A8", f"{bench.plc} lost track {track}, and no discrepancy is opened")
