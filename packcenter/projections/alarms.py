"""The alarm list for people: what wants somebody, worst first, with what to do about it; and its figures (ISA-18.2)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from packcenter.core import alarm_facts as a
from packcenter.core.alarm_table import ALARMS, Priority, Text
from packcenter.core.alarms import Standing, chatters, missing, parts_of, standing
from packcenter.core.index import HallIndex
from packcenter.core.limits import FLOOD_WINDOW_US
from packcenter.core.state import State

LISTED = (Standing.UNACKNOWLEDGED, Standing.LATCHED, Standing.ACKNOWLEDGED, Standing.RETURNED)
"""States in which an alarm is on the list."""

PUT_AWAY = (Standing.SHELVED, Standing.SUPPRESSED, Standing.OUT_OF_SERVICE)
"""States in which an alarm is kept off the list; people can ask for these."""

_WORST = {standing: rank for rank, standing in enumerate(Standing)}
_URGENT = {priority: rank for rank, priority in enumerate(Priority)}


class Line(msgspec.Struct, frozen=True):
    """
    One alarm of the list. Times in core microseconds, 0 never.

    `by` is the type of the fact that says its cause, `explained_by` the alarm that suppresses it, `chatters` whether it is raised
    again and again. `items` are the documents that are missing there, if they were asked for. `cause` to `response` are the
    catalogue's texts.
    """

    alarm: str
    subject: str
    standing: str
    priority: str
    raised_us: int
    cleared_us: int
    acknowledged_us: int
    acknowledged_by: str
    shelved_until_us: int
    shelved_by: str
    out_by: str
    explained_by: str
    by: str
    raisings: int
    chatters: bool
    title: Text
    cause: Text
    consequence: Text
    response: Text
    items: list[str] = []


class AlarmList(msgspec.Struct, frozen=True):
    """
    The list at core time `at_us`, worst first, and beside it what is put away. `counts` has every state of ISA-18.2.

    `recent` are the alarms raised in the last ten minutes, eleven at most: more than ten are a `flood`.
    """

    at_us: int
    table: int
    flood: bool
    recent: int
    counts: dict[str, int]
    alarms: list[Line]
    put_away: list[Line]


def calls(where: Standing) -> int:
    """2: on the list, and somebody has to come; 1: on the list, but acknowledged, or its cause is gone; 0: not on the list."""
    return 2 if where in (Standing.UNACKNOWLEDGED, Standing.LATCHED) else int(where in LISTED)


class Call(msgspec.Struct, frozen=True):
    """One alarm of the list in short; `calls` as `calls` says, `raised_us` core time. Its texts stand in the catalogue."""

    alarm: str
    subject: str
    calls: int
    raised_us: int


def listed(state: State) -> list[Call]:
    """The list in short: what somebody has to come for first, the most urgent of these first, then the newest."""
    found = []
    for key, alarm in state.alarms.items():
        name, subject = parts_of(key)
        if called := calls(standing(alarm)):
            found.append(Call(name, subject, called, alarm.raised_us))
    found.sort(key=lambda call: (-call.calls, _URGENT[ALARMS[call.alarm].priority], -call.raised_us, call.alarm, call.subject))
    return found


def standings(state: State) -> dict[tuple[str, str, str], Standing]:
    """Where every alarm is in its life, by name, priority and subject."""
    found = ((parts_of(key), alarm) for key, alarm in state.alarms.items())
    return {(name, ALARMS[name].priority.value, subject): standing(alarm) for (name, subject), alarm in found}


def take(state: State, at_us: int, *, named: bool = False) -> AlarmList:
    """The alarm list as it stands. `named`: missing documents are named, for which every item is looked at."""
    lost = missing(state, HallIndex(state.hall)) if named and state.hall is not None else {}
    lines = [_line(state, key, at_us, lost) for key in state.alarms]
    lines.sort(
        key=lambda line: (
            _WORST[Standing(line.standing)],
            _URGENT[Priority(line.priority)],
            -line.raised_us,
            line.alarm,
            line.subject,
        )
    )
    counts = {each.value: sum(line.standing == each for line in lines) for each in Standing if each is not Standing.NORMAL}
    return AlarmList(
        at_us=at_us,
        table=state.alarm_table,
        flood=state.flood_us != 0,
        recent=sum(at_us - raised_us <= FLOOD_WINDOW_US for raised_us in state.alarm_times),
        counts=counts,
        alarms=[line for line in lines if line.standing in LISTED],
        put_away=[line for line in lines if line.standing in PUT_AWAY],
    )


def _line(state: State, key: str, at_us: int, lost: dict[str, list[str]]) -> Line:
    alarm, (name, subject) = state.alarms[key], parts_of(key)
    entry = ALARMS[name]
    return Line(
        alarm=name,
        subject=subject,
        standing=standing(alarm).value,
        priority=entry.priority.value,
        raised_us=alarm.raised_us,
        cleared_us=alarm.cleared_us,
        acknowledged_us=alarm.acknowledged_us,
        acknowledged_by=alarm.acknowledged_by,
        shelved_until_us=alarm.shelved_us,
        shelved_by=alarm.shelved_by,
        out_by=alarm.out_by,
        explained_by=alarm.suppressed_by,
        by=alarm.by,
        raisings=alarm.raisings,
        chatters=chatters(alarm, at_us),
        title=entry.title,
        cause=entry.cause,
        consequence=entry.consequence,
        response=entry.response,
        items=lost.get(subject, []) if name == "secure_lost" else [],
    )


class Happening(msgspec.Struct, frozen=True):
    """One line of the alarms' history: what became of an alarm, at which record."""

    at_us: int
    sequence: int
    alarm: str
    subject: str
    what: str


def happenings(sequence: int, at_us: int, facts: Iterable[object]) -> list[Happening]:
    """What the facts of one record say of alarms."""
    found = []
    for fact in facts:
        if isinstance(fact, a.AlarmFloodSet):
            if not fact.again_us:
                found.append(Happening(at_us, sequence, "", "", "the flood of alarms is over"))
            continue
        what = _told(fact)
        if what:
            found.append(Happening(at_us, sequence, fact.alarm, fact.subject, what))  # type: ignore[attr-defined]
    return found


def _told(fact: object) -> str:
    """What a fact says of its alarm, "" if it is not about one."""
    match fact:
        case a.AlarmRaised(by=by):
            return f"raised by {by}"
        case a.AlarmCleared():
            return "cause gone"
        case a.AlarmSuppressed(by=by):
            return f"explained by {by}" if by else "explained no more"
        case a.AlarmAckSet(person=person):
            return f"acknowledged by {person}"
        case a.AlarmShelfSet(until_us=until_us, person=person):
            return f"shelved by {person}" if until_us else "back from the shelf"
        case a.AlarmOutSet(person=person):
            return f"taken out of service by {person}" if person else "put back into service"
        case _:
            return ""
