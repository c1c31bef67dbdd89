"""
Alarms (ISA-18.2): raised while their cause stands and once for it, explained or shelved and not forgotten (N1 to N3).

    N1  an alarm is of the table and of a subject of the hall; it is raised by a fact that says its cause, in the record of that
        fact or when its time is over, and only while it is not raised; a cause that stands is on the books, one that is gone not
    N2  one cause, one alarm: nothing is raised that another explains, one fact raises one alarm of a subject, and what
        nothing explains any more is raised or waited for
    N3  what is waited for or shelved ends in its time, and a flood is told while it lasts

The table is that of JOURNAL-FORMAT.md; what people do about alarms is judged as all their acts are (`people`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simulation.judge import counters
from simulation.judge.alarm_books import TABLE, VERSION, Alarm, Alarms
from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court

_SECOND_US: Final = 1_000_000
_MINUTE_US: Final = 60 * _SECOND_US
_SHELF_MAX: Final = 480
_FLOOD: Final = 10
_FLOOD_US: Final = 600 * _SECOND_US
_LATE_US: Final = 120 * _SECOND_US
"""What is over is said to be, two minutes later at the latest: the controller may have stood still for one."""

_UNSTEADY_US: Final = 600 * _SECOND_US
_READS, _UNREAD = 32, 6
_MISSED, _MISSED_US = 6, 600 * _SECOND_US
_TOGETHER: Final = 3
_REPEATED, _REPEATED_US, _REPEATED_WAITS_US = 3, 600 * _SECOND_US, 120 * _SECOND_US
_CAME_OUT, _BADLY = 32, 6
_OWN_FAULTS: Final = frozenset(
    {
        "unread_at_bagger", "unread_at_rack", "not_the_one_expected", "duplicate", "double_feed", "label_unread", "weight",
        "machine_rejected", "verdict_refused", "wrong_cell",
    }
)  # fmt: skip
_BADLY_SEALED: Final = ("not_sealed", "seal_used_twice")
_ABORTING: Final = (8, 9)
_FULL, _JAMMED, _EXECUTE = 1, 3, 6
_TO_EXECUTE: Final = (1, 2, 15, 4, 3, 16, 17)


# --- facts ---


def _alarm(court: Court, bench: Bench, fact: Said) -> Alarm | None:
    """The alarm that a fact is about, if there is such a one."""
    alarm = (fact[1], fact[2])
    if court.hall is None or not court.alarms.table:
        court.blame("N1", f"{fact[0]} {alarm[0]} of {alarm[1]}, and no table of alarms is in force")
    elif alarm[0] not in TABLE:
        court.blame("N1", f"{fact[0]} {alarm[0]} of {alarm[1]}, which is no alarm of table {VERSION}")
    else:
        if fact[0] in ("AlarmAwaited", "AlarmRaised") and alarm[1] not in _subjects(court, TABLE[alarm[0]].about):
            court.blame("N1", f"{fact[0]} {alarm[0]} of {alarm[1]}, which this hall has not")
        return alarm
    return None


def _subjects(court: Court, about: str) -> frozenset[str]:
    """Everything that an alarm can be about."""
    hall = court.hall
    assert hall is not None
    return {
        "hall": frozenset({hall.centre}),
        "plc": hall.plcs,
        "sorter": frozenset(hall.sorters),
        "bagger": hall.baggers,
        "rack": frozenset({hall.rack}),
        "station": hall.plcs | court.machines.keys() | {hall.centre},
        "consumable": frozenset(f"{plc}/{number}" for plc in hall.baggers for number in (1, 2, 3)),
        "case rack": frozenset(hall.case_racks),
        "cell": frozenset(f"{plc}/{number}" for plc, rack in hall.case_racks.items() for number in range(1, rack.cells + 1)),
        "exception lane": frozenset(f"{plc}/{sorter.exception}" for plc, sorter in hall.sorters.items()),
    }[about]


def table_adopted(court: Court, bench: Bench, fact: Said) -> None:
    """The table is the one that was given, or none."""
    alarms = court.alarms
    if bench.name != "AlarmTableGiven" or fact[1] != (VERSION if bench.happened[1] == VERSION else 0):
        court.blame("N1", f"table {fact[1]} of alarms is adopted in the record of {bench.happened[:2]}")
    if fact[1] != alarms.table:
        alarms.forget()
    alarms.table = fact[1]


def after_table_given(court: Court, bench: Bench) -> None:
    """What is given is adopted."""
    if "AlarmTableAdopted" not in bench.said:
        court.blame("N1", "a table of alarms is given, and not adopted")


def awaited(court: Court, bench: Bench, fact: Said) -> None:
    """A cause that must stand for a while first."""
    alarm = _alarm(court, bench, fact)
    if alarm is None:
        return
    _, _, _, by, due_us = fact
    if due_us != bench.at_us + _waits_us(court, bench, alarm) or due_us <= bench.at_us:
        court.blame("N3", f"{alarm[0]} of {alarm[1]} is awaited at {bench.at_us} until {due_us}")
    _by_its_cause(court, bench, alarm, by)
    if alarm in court.alarms.awaited or (alarm in court.alarms.stands and by != "AlarmSuppressed"):
        court.blame("N1", f"{alarm[0]} of {alarm[1]} is awaited, though its cause stood already")
    court.alarms.awaited[alarm] = due_us, by
    court.alarms.stands.add(alarm)


def raised(court: Court, bench: Bench, fact: Said) -> None:
    """People are told: by a fact of this record, or because the time is over; once for a cause."""
    alarm, alarms = _alarm(court, bench, fact), court.alarms
    if alarm is None:
        return
    name, subject, by, latched = fact[1:]
    row = TABLE[name]
    if latched != (row.seconds < 0):
        court.blame("N1", f"{name} of {subject} is raised as {'latched' if latched else 'standing'}, the table says otherwise")
    due = alarms.awaited.pop(alarm, None)
    if due is not None:
        if bench.name != "Tick" or bench.at_us < due[0] or by != due[1]:
            court.blame("N3", f"{name} of {subject} is raised at {bench.at_us} by {by}, it was awaited until {due}")
    else:
        _by_its_cause(court, bench, alarm, by)
        waits_us = _waits_us(court, bench, alarm)
        if waits_us > 0:
            court.blame("N3", f"{name} of {subject} is raised at once, expected after {waits_us // _SECOND_US} s")
        if (latched and alarm in alarms.told) or (alarm in alarms.stands and by != "AlarmSuppressed"):
            court.blame("N1", f"{name} of {subject} is raised, and it is raised already")
    if alarm in alarms.explained:
        court.blame("N2", f"{name} of {subject} is raised, though {alarms.explained[alarm]} explains it")
    for other in bench.said["AlarmRaised"] if by != "AlarmTableAdopted" else ():  # which tells of whatever stands
        if other is not fact and other[2:4] == [subject, by] and other[1] < name:
            court.blame("N2", f"one {by} raises {other[1]} and {name} of {subject}")
    alarms.told.add(alarm)
    alarms.known.discard(alarm)
    if not latched:
        alarms.stands.add(alarm)
    if alarm not in alarms.shelved and alarm not in alarms.out:
        alarms.times = [*alarms.times, bench.at_us][-_FLOOD - 1 :]
        alarms.raisings[alarm] = [*alarms.raisings.get(alarm, ()), bench.at_us][-_REPEATED:]


def _waits_us(court: Court, bench: Bench, alarm: Alarm) -> int:
    """How long the cause of an alarm must stand: longer if people were told of it again and again. None if it is latched."""
    seconds, raisings = TABLE[alarm[0]].seconds, court.alarms.raisings.get(alarm, [])
    if seconds < 0:
        return 0
    often = len(raisings) == _REPEATED and bench.at_us - raisings[0] <= _REPEATED_US
    return max(seconds * _SECOND_US, _REPEATED_WAITS_US if often else 0)


def _by_its_cause(court: Court, bench: Bench, alarm: Alarm, by: str) -> None:
    """What an alarm names as its cause was said in this record, and can be its cause."""
    if by not in bench.said or by not in (*TABLE[alarm[0]].by, "AlarmSuppressed"):
        court.blame("N1", f"{alarm[0]} of {alarm[1]} stands by {by}, which this record does not say, or which says no such thing")


def suppressed(court: Court, bench: Bench, fact: Said) -> None:
    """Another alarm explains a cause that stands, or none does any more."""
    alarm, alarms = _alarm(court, bench, fact), court.alarms
    if alarm is None:
        return
    alarms.awaited.pop(alarm, None)
    before = alarms.explained.pop(alarm, None)
    if fact[3]:
        name, _, subject = fact[3].partition("/")
        if name not in TABLE[alarm[0]].explained or (name, subject) not in alarms.stands:
            court.blame("N2", f"{alarm[0]} of {alarm[1]} is explained by {fact[3]}, which does not stand or is no cause of it")
        alarms.explained[alarm] = name, subject
    elif before is None:
        court.blame("N2", f"{alarm[0]} of {alarm[1]} is explained no more, and it was not")
    alarms.stands.add(alarm)


def cleared(court: Court, bench: Bench, fact: Said) -> None:
    """A cause is gone; who knows of it need not hear so."""
    alarm, alarms = _alarm(court, bench, fact), court.alarms
    if alarm is None:
        return
    if alarm not in alarms.stands:
        court.blame("N1", f"{alarm[0]} of {alarm[1]} is cleared, and it did not stand")
    alarms.stands.discard(alarm)
    alarms.awaited.pop(alarm, None)
    alarms.explained.pop(alarm, None)
    if alarm in alarms.known:
        alarms.known.discard(alarm)
        alarms.told.discard(alarm)


def flood_set(court: Court, bench: Bench, fact: Said) -> None:
    """More than ten in ten minutes, until that is over."""
    alarms = court.alarms
    if fact[1] and not alarms.flood_us and not _is_flood(alarms):
        court.blame("N3", f"a flood of alarms is told, {len(alarms.times)} came from {alarms.times[:1]} to {bench.at_us}")
    elif not fact[1] and (bench.name != "Tick" or not 0 < alarms.flood_us <= bench.at_us):
        court.blame("N3", f"a flood of alarms is over in the record of {bench.name}, looked at it is at {alarms.flood_us}")
    alarms.flood_us = fact[1]


def _is_flood(alarms: Alarms) -> bool:
    return len(alarms.times) > _FLOOD and alarms.times[-1] - alarms.times[0] <= _FLOOD_US


# --- people ---


def ack_set(court: Court, bench: Bench, fact: Said) -> None:
    """Only of what people were told of, and once."""
    alarm, alarms = _alarm(court, bench, fact), court.alarms
    if alarm is None:
        return
    if bench.name != "AlarmAcknowledged" or [*bench.happened[4:], bench.happened[1]] != fact[1:]:
        court.blame("O1", f"{alarm[0]} of {alarm[1]} is acknowledged by {fact[3]} in the record of {bench.name}")
    if alarm not in alarms.told or alarm in alarms.known:
        court.blame("N1", f"{alarm[0]} of {alarm[1]} is acknowledged, and it is not raised, or was before")
    if alarm in alarms.stands:
        alarms.known.add(alarm)
    else:
        alarms.told.discard(alarm)


def shelf_set(court: Court, bench: Bench, fact: Said) -> None:
    """For the minutes that were asked for; then that ends by itself."""
    alarm, alarms = _alarm(court, bench, fact), court.alarms
    if alarm is None:
        return
    until_us, person = fact[3:]
    if bench.name == "AlarmShelved" and bench.happened[4:6] == fact[1:3]:
        minutes = bench.happened[6]
        wanted = [bench.at_us + minutes * _MINUTE_US, bench.happened[1]] if minutes else [0, ""]
        if [until_us, person] != wanted or not 0 <= minutes <= _SHELF_MAX:
            court.blame("N3", f"{alarm[0]} of {alarm[1]} is shelved until {until_us} by {person!r}, asked for was {wanted}")
    elif bench.name != "Tick" or until_us or not 0 < alarms.shelved.get(alarm, 0) <= bench.at_us:
        court.blame("O1", f"{alarm[0]} of {alarm[1]} is shelved until {until_us} in the record of {bench.name}")
    alarms.shelved.pop(alarm, None)
    if until_us:
        alarms.shelved[alarm] = until_us


def out_set(court: Court, bench: Bench, fact: Said) -> None:
    """By the person who asked for it."""
    alarm = _alarm(court, bench, fact)
    if alarm is None:
        return
    asked = bench.happened[1] if bench.name == "AlarmTakenOut" and bench.happened[6] else ""
    if bench.name != "AlarmTakenOut" or bench.happened[4:6] != fact[1:3] or fact[3] != asked:
        court.blame("O1", f"{alarm[0]} of {alarm[1]} is out of service by {fact[3]!r} in the record of {bench.name}")
    (court.alarms.out.add if fact[3] else court.alarms.out.discard)(alarm)


ACTS: Final = {
    "AlarmAcknowledged": ("alarm_acknowledge", "alarm_acknowledge", "AlarmAckSet"),
    "AlarmShelved": ("alarm_shelve", "alarm_unshelve", "AlarmShelfSet"),
    "AlarmTakenOut": ("alarm_take_out", "alarm_put_back", "AlarmOutSet"),
}
"""Act -> its name, its name when it takes something back, and the fact that carries it out."""


def named(happened: Said) -> tuple[str, str]:
    """The act that an input is, and the alarm that it is about."""
    forth, back, _ = ACTS[happened[0]]
    return (back if len(happened) > 6 and not happened[6] else forth), f"{happened[4]}/{happened[5]}"


def is_true(court: Court, happened: Said, why: str) -> bool:
    """Whether an act about an alarm had to be refused for this reason."""
    alarm, alarms = (happened[4], happened[5]), court.alarms
    return {
        "not_raised": alarm not in alarms.told,
        "acknowledged_already": alarm in alarms.known,
        "not_shelved": alarm not in alarms.shelved,
        "out_already": alarm in alarms.out,
        "not_out": alarm not in alarms.out,
        "shelf_minutes": happened[0] == "AlarmShelved" and not 0 < happened[6] <= _SHELF_MAX,
        "unknown_alarm": not alarms.table or alarm not in alarms.told | alarms.stands | alarms.out,
    }.get(why, True)


def after_act(court: Court, bench: Bench, act: str) -> None:
    """An act about an alarm that is taken is carried out."""
    if ACTS[bench.name][2] not in bench.said:
        court.blame("O1", f"{act} of {bench.happened[4]} is taken, and nothing comes of it")


# --- what must stand ---


def _expect(court: Court, name: str, subject: str, stands: bool) -> None:
    """A cause that is there is on the books, and one that is not is not."""
    if stands != ((name, subject) in court.alarms.stands):
        court.blame(
            "N1",
            f"{name} of {subject} {'does not stand, its cause is there' if stands else 'stands, its cause is not there'}",
        )


def _links(court: Court, bench: Bench) -> None:
    assert court.hall is not None
    last = {fact[1]: fact for fact in bench.said["LinkStateSet"]}
    for plc, fact in last.items():
        if plc not in court.hall.plcs:
            continue
        foreign = not fact[2] and fact[3] == "foreign_epoch"
        _expect(court, "foreign_epoch", plc, foreign)
        _expect(court, "link_lost", plc, not fact[2] and not foreign)
        losses = court.alarms.losses.get(plc, [])
        often = len(losses) == 3 and losses[2] == bench.at_us and losses[2] - losses[0] <= _UNSTEADY_US
        _expect_told(court, bench, "link_unsteady", plc, often)


def _strangers(court: Court, bench: Bench) -> None:
    """What could not be read may be the sixth of the sorter's last 32."""
    for fact in bench.said.get("ItemSeen", ()):
        reads = court.alarms.reads.get(fact[2], [])
        _expect_told(court, bench, "scanner_unread", fact[2], reads.count(False) >= _UNREAD)


def _expect_told(court: Court, bench: Bench, name: str, subject: str, came: bool) -> None:
    """A latched alarm whose cause came is on the list, or explained by what stands; one whose cause did not is not raised."""
    assert court.hall is not None
    alarm = (name, subject)
    if not came:
        if any(each[1:3] == [name, subject] for each in bench.said.get("AlarmRaised", ())):
            court.blame("N1", f"{name} of {subject} is raised, though its cause did not come")
    elif alarm not in court.alarms.told and court.alarms.explains(alarm, court.hall.centre) is None:
        court.blame("N1", f"{name} of {subject} is not raised, though its cause came")


def _machines(court: Court, bench: Bench) -> None:
    for fact in bench.said["MachineEntered"]:
        machine = court.machines[fact[1]]
        _expect(court, "machine_aborted", machine.name, machine.state in _ABORTING and not machine.maintenance_us)
        if machine.state == _EXECUTE:
            _expect(court, "machine_held", machine.name, False)
        elif fact[3] == 0 and machine.state in _TO_EXECUTE:
            _expect(court, "machine_held", machine.name, not machine.maintenance_us and not machine.stopped_by)


def _places(court: Court, bench: Bench) -> None:
    assert court.hall is not None
    for fact in [*bench.said.get("JamSet", ()), *bench.said.get("PlaceSet", ()), *bench.said.get("EpochGranted", ())]:
        plc, places = fact[1], court.machines[fact[1]].places
        _expect(court, "jam", plc, bool(court.alarms.jams.get(plc)) or _JAMMED in places.values())
        if plc in court.hall.sorters:
            lane = court.hall.sorters[plc].exception
            _expect(court, "exception_lane_full", f"{plc}/{lane}", places.get(lane) == _FULL)


def _consumables(court: Court, bench: Bench) -> None:
    assert court.hall is not None
    for _, plc, number, percent in bench.said["ConsumableSet"]:
        if plc in court.hall.baggers and number in (1, 2, 3):
            _expect(court, "consumable_empty", f"{plc}/{number}", percent == 0)
            if not 10 <= percent < 15:  # between them it stays as it was
                _expect(court, "consumable_low", f"{plc}/{number}", 0 < percent < 10)


def _losses(court: Court, bench: Bench) -> None:
    """A document of a secure class is missing where it was last; found all that were is an end of it."""
    assert court.hall is not None
    missing = {
        place
        for item, place in court.alarms.lost.items()
        if item.line is not None and item.line[1] in court.hall.classes and court.hall.classes[item.line[1]].secure
    }
    for place in {fact[2] for fact in bench.said.get("ItemLost", ())} & missing:
        _expect(court, "secure_lost", _station(court, place), True)
    stations = {_station(court, place) for place in missing}
    for name, subject in sorted(court.alarms.stands) if "ItemFound" in bench.said else ():
        if name == "secure_lost" and subject not in stations:
            court.blame("N1", f"secure_lost of {subject} stands, and nothing is missing there")


def _station(court: Court, place: str) -> str:
    assert court.hall is not None
    kind, _, where = place.partition("/")
    if kind == "rack":
        return str(court.hall.rack)
    plc = where.partition("/")[0]
    return plc if plc and plc in court.machines else str(court.hall.centre)


def _latches(court: Court, bench: Bench) -> None:
    """What is over at once was told, is on the list still, or is explained by what stands."""
    assert court.hall is not None
    rack = str(court.hall.rack)
    causes: list[Alarm] = [("events_missing", fact[1]) for fact in bench.said.get("GapSeen", ())]
    causes += [("event_quarantined", fact[1]) for fact in bench.said.get("QuarantineNoted", ())]
    causes += [("wrong_lane", fact[2]) for fact in bench.said.get("WrongLane", ())]
    causes += [("command_unanswered", fact[1]) for fact in bench.said.get("CommandTimedOut", ()) if fact[3]]
    causes += [("rack_refuses", rack) for fact in bench.said.get("BagCloseAsked", ()) if not fact[3]]
    centre = str(court.hall.centre)
    causes += [("case_overdue", centre) for fact in bench.said.get("CaseOverdue", ()) if fact[2] == "wait"]
    causes += [("cells_full", centre) for fact in bench.said.get("SentToHand", ()) if fact[2] == "no_cell"]
    for name, subject in causes:
        _expect_told(court, bench, name, subject, True)
    for fact in bench.said.get("AnswerMissed", ()):
        times = court.alarms.missed.get(fact[1], [])
        often = len(times) == _MISSED and times[-1] - times[0] <= _MISSED_US
        _expect_told(court, bench, "command_unanswered", fact[1], often)


def _came_out(court: Court, bench: Bench) -> None:
    """What came out of a machine badly may be the sixth of its last 32."""
    for fact in bench.facts:
        if fact[0] in _COMES_OUT and fact[-1] in _OWN_FAULTS:
            _expect_told(court, bench, "many_rejects", fact[1], court.alarms.came_out[fact[1]].count(False) >= _BADLY)


def _labels(court: Court, bench: Bench) -> None:
    """A parcel that bears another's label calls people to its bagger."""
    if any(fact[2] == "wrong_label" for fact in bench.said["Suspected"]):
        for fact in bench.said.get("ParcelSealed", ()):
            _expect_told(court, bench, "wrong_label", fact[1], True)


def _bags(court: Court, bench: Bench) -> None:
    assert court.hall is not None
    if any(fact[3] in _BADLY_SEALED for fact in bench.said["BagSuspected"]):
        _expect_told(court, bench, "bag_not_sealed", str(court.hall.rack), True)
    last = {fact[2]: fact for fact in bench.said["BagSuspected"]}
    for position, fact in last.items():
        if fact[3] != "quarantined" and position in court.open_bags and court.open_bags[position].tag == fact[1]:
            _expect(court, "bags_suspect", str(court.hall.rack), True)


def _overdue(court: Court, bench: Bench) -> None:
    """As long as a discrepancy is overdue, people are told."""
    assert court.hall is not None
    late = any(riddle.told for riddle in court.shifts.open.values())
    _expect(court, "discrepancies_overdue", str(court.hall.centre), late)


def _plan(court: Court, bench: Bench) -> None:
    assert court.hall is not None
    _expect(court, "plan_not_valid", str(court.hall.centre), bool(court.plan_why))


def _receipts(court: Court, bench: Bench) -> None:
    assert court.hall is not None
    _expect(court, "receipts_overdue", str(court.hall.centre), bool(court.receipts.late))


def _cells(court: Court, bench: Bench) -> None:
    """
    Each cell of the hall that cannot count right, and no other; each case rack that has three of them, until it has none.
    """
    assert court.hall is not None
    wanted, stand = counters.broken(court), {subject for name, subject in court.alarms.stands if name == "cell_counter"}
    for subject in sorted(wanted | stand):
        _expect(court, "cell_counter", subject, subject in wanted)
    changed = {
        fact[2] for word in ("AlarmRaised", "AlarmCleared") for fact in bench.said.get(word, ()) if fact[1] == "cells_miscount"
    }
    for plc in court.hall.case_racks:
        broken = sum(subject.startswith(f"{plc}/") for subject in wanted)
        if not 0 < broken < _TOGETHER:
            _expect(court, "cells_miscount", plc, broken > 0)
        elif plc in changed:
            court.blame("N1", f"cells_miscount of {plc} came or went, {broken} of its cells do not count right")


_MUST: Final[dict[str, Callable[[Court, Bench], None]]] = {
    "LinkStateSet": _links,
    "MachineEntered": _machines,
    "JamSet": _places,
    "PlaceSet": _places,
    "EpochGranted": _places,
    "ConsumableSet": _consumables,
    "ItemLost": _losses,
    "ItemFound": _losses,
    "GapSeen": _latches,
    "QuarantineNoted": _latches,
    "WrongLane": _latches,
    "CommandTimedOut": _latches,
    "BagCloseAsked": _latches,
    "CaseOverdue": _latches,
    "SentToHand": _latches,
    **dict.fromkeys(("CellSuspected", "CellReleased", "HallAdopted"), _cells),
    **dict.fromkeys(("ParcelSealed", "ParcelRejected", "DocumentStored"), _came_out),
    "Suspected": _labels,
    "BagSuspected": _bags,
    "DiscrepancyOverdue": _overdue,
    "DiscrepancyClosed": _overdue,
    "ObjectSeen": _strangers,
    "PlanValiditySet": _plan,
    **dict.fromkeys(("ReceiptOverdue", "ReceiptReturned", "ReceiptGivenUp"), _receipts),
}
"""What must be on the books after a record with such a fact."""

_ABOUT: Final = frozenset({"AlarmAwaited", "AlarmRaised", "AlarmSuppressed", "AlarmCleared", "AlarmTableAdopted"})


def after_record(court: Court, bench: Bench) -> None:
    """What the machines said is kept; while a table is in force their alarms are as it says, explained by what stands."""
    said, alarms = bench.said, court.alarms
    for fact in bench.facts if not said.keys().isdisjoint(_KEPT) else ():
        _keep(court, bench, fact)
    if not alarms.table or court.hall is None:
        return
    if "AlarmTableAdopted" not in said:
        for must in dict.fromkeys(_MUST[name] for name in said if name in _MUST):
            must(court, bench)
    if not said.keys().isdisjoint(_ABOUT):
        _after_alarms(court, bench)
    _look_for_overdue(court, bench)


_COMES_OUT: Final = ("ParcelSealed", "ParcelRejected", "DocumentStored")
_KEPT: Final = frozenset({"AnswerMissed", "JamSet", "EpochGranted", "ItemLost", "ItemSeen", "LinkStateSet", "Moved", *_COMES_OUT})


def _keep(court: Court, bench: Bench, fact: Said) -> None:
    alarms = court.alarms
    if fact[0] == "JamSet":
        zones = alarms.jams.setdefault(fact[1], set())
        (zones.add if fact[3] else zones.discard)(fact[2])
    elif fact[0] == "EpochGranted":
        alarms.jams.pop(fact[1], None)
        alarms.told_from.pop(fact[1], None)
    elif fact[0] == "LinkStateSet":
        _, plc, up, reason = fact
        lost = reason == "new_life" if up else reason not in ("controller_start", "foreign_epoch")
        if lost and plc in alarms.heard:
            alarms.losses[plc] = [*alarms.losses.get(plc, ()), bench.at_us][-3:]
        (alarms.heard.add if up else alarms.heard.discard)(plc)
        alarms.missed.pop(plc, None)
        alarms.told_from[plc] = court.machines[plc].number
    elif fact[0] == "AnswerMissed":
        alarms.missed[fact[1]] = [*alarms.missed.get(fact[1], ()), bench.at_us][-_MISSED:]
    elif fact[0] == "ItemSeen":
        alarms.reads[fact[2]] = [*alarms.reads.get(fact[2], ()), fact[4] == 0][-_READS:]
    elif fact[0] in _COMES_OUT and (not fact[-1] or fact[-1] in _OWN_FAULTS):
        alarms.came_out[fact[1]] = [*alarms.came_out.get(fact[1], ()), not fact[-1]][-_CAME_OUT:]
    elif fact[0] == "ItemLost" and fact[1] in court.items:
        alarms.lost[court.items[fact[1]]] = fact[2]
    elif fact[0] == "Moved" and alarms.lost and fact[3] != "lost" and fact[1] in court.items:
        alarms.lost.pop(court.items[fact[1]], None)


def _after_alarms(court: Court, bench: Bench) -> None:
    """Whatever stands is explained, waited for or told; what explains it stands."""
    assert court.hall is not None
    alarms = court.alarms
    for alarm in sorted(alarms.stands):
        explains, said = alarms.explains(alarm, court.hall.centre), alarms.explained.get(alarm)
        if (explains is None) != (said is None) or (said is not None and said not in alarms.stands):
            court.blame("N2", f"{alarm[0]} of {alarm[1]} is explained by {said}, by what stands it is by {explains}")
        elif said is None and alarm not in alarms.told and alarm not in alarms.awaited:
            court.blame("N2", f"{alarm[0]} of {alarm[1]} stands, nothing explains it, and nobody is told")
    if bench.said.get("AlarmRaised") and not alarms.flood_us and _is_flood(alarms) and alarms.times[-1] == bench.at_us:
        court.blame("N3", f"{len(alarms.times)} alarms came in ten minutes, and no flood is told")


def _look_for_overdue(court: Court, bench: Bench) -> None:
    """What is awaited or shelved, and a flood, ends at the first Tick in its time, and does not go on for ever without one."""
    alarms = court.alarms
    if not alarms.awaited and not alarms.shelved and not alarms.flood_us:
        return
    ends = [(due_us, alarm) for alarm, (due_us, _) in alarms.awaited.items()]
    ends += [(until_us, alarm) for alarm, until_us in alarms.shelved.items()]
    ends += [(alarms.flood_us, ("the flood", "alarms"))] if alarms.flood_us else []
    end_us, alarm = min(ends)
    if bench.at_us < end_us:
        alarms.overdue_us = 0
        return
    alarms.overdue_us = bench.at_us if bench.name == "Started" else alarms.overdue_us or bench.at_us
    if bench.name == "Tick" or bench.at_us - alarms.overdue_us > _LATE_US:
        court.blame("N3", f"{alarm[0]} of {alarm[1]} was to end at {end_us}, and goes on at {bench.at_us}")
        alarms.awaited.pop(alarm, None)
        alarms.shelved.pop(alarm, None)
        alarms.flood_us = alarms.flood_us if alarms.flood_us > end_us else 0


FACTS: Final[dict[str, Callable[[Court, Bench, Said], None]]] = {
    "AlarmTableAdopted": table_adopted,
    "AlarmAwaited": awaited,
    "AlarmRaised": raised,
    "AlarmSuppressed": suppressed,
    "AlarmCleared": cleared,
    "AlarmAckSet": ack_set,
    "AlarmShelfSet": shelf_set,
    "AlarmOutSet": out_set,
    "AlarmFloodSet": flood_set,
}
"""The rules of the facts about alarms."""
