"""What the facts about alarms change in the state: the alarms' part of `state.EVOLVE`."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

from packcenter.core import alarm_facts as a
from packcenter.core.limits import CHATTER_RAISINGS, FLOOD_BEGINS, MISSED_ANSWERS
from packcenter.core.records import Alarm, State


def _of(state: State, fact: Any) -> Alarm:
    return state.alarms.setdefault(f"{fact.alarm}/{fact.subject}", Alarm())


def _table_adopted(state: State, at_us: int, fact: a.AlarmTableAdopted) -> None:
    """Alarms of another table mean something else, and are forgotten."""
    if fact.version != state.alarm_table:
        state.alarm_table, state.alarms, state.alarm_times, state.flood_us = fact.version, {}, [], 0


def _awaited(state: State, at_us: int, fact: a.AlarmAwaited) -> None:
    alarm = _of(state, fact)
    assert not alarm.due_us, fact
    assert not alarm.suppressed_by, fact
    alarm.stands, alarm.latched, alarm.by, alarm.due_us = True, False, fact.by, fact.due_us
    heappush(state.agenda, (fact.due_us, "alarm", f"{fact.alarm}/{fact.subject}", 0))


def _raised(state: State, at_us: int, fact: a.AlarmRaised) -> None:
    """People are told, unless somebody shelved the alarm or took it out of service; then nobody counts it either."""
    alarm = _of(state, fact)
    told = alarm.stands and not alarm.due_us and not alarm.cleared_us  # one that was cleared and is back under a cause is not
    assert not (alarm.raised and (alarm.latched or told)), fact  # raised only while it is not
    assert not alarm.suppressed_by, fact
    alarm.stands, alarm.latched, alarm.by = not fact.latched, fact.latched, fact.by
    alarm.raised, alarm.acknowledged, alarm.due_us, alarm.raised_us, alarm.cleared_us = True, False, 0, at_us, 0
    if alarm.shelved_us or alarm.out_by:
        return
    alarm.raisings += 1
    alarm.recent = [*alarm.recent, at_us][-CHATTER_RAISINGS:]
    state.alarm_times = [*state.alarm_times, at_us][-FLOOD_BEGINS - 1 :]


def _suppressed(state: State, at_us: int, fact: a.AlarmSuppressed) -> None:
    alarm = _of(state, fact)
    assert fact.by != alarm.suppressed_by, fact
    alarm.stands, alarm.latched, alarm.due_us, alarm.suppressed_by = True, False, 0, fact.by


def _cleared(state: State, at_us: int, fact: a.AlarmCleared) -> None:
    alarm = _of(state, fact)
    assert alarm.stands, fact
    alarm.stands, alarm.due_us, alarm.suppressed_by, alarm.cleared_us = False, 0, "", at_us
    if alarm.acknowledged:
        alarm.raised = alarm.acknowledged = False


def _acknowledged(state: State, at_us: int, fact: a.AlarmAckSet) -> None:
    alarm = _of(state, fact)
    assert alarm.raised, fact
    assert not alarm.acknowledged, fact
    alarm.acknowledged_us, alarm.acknowledged_by = at_us, fact.person
    alarm.raised = alarm.acknowledged = alarm.stands


def _shelved(state: State, at_us: int, fact: a.AlarmShelfSet) -> None:
    alarm = _of(state, fact)
    alarm.shelved_us, alarm.shelved_by = fact.until_us, fact.person
    if fact.until_us:
        heappush(state.agenda, (fact.until_us, "shelf", f"{fact.alarm}/{fact.subject}", 0))


def _out(state: State, at_us: int, fact: a.AlarmOutSet) -> None:
    _of(state, fact).out_by = fact.person


def _flood(state: State, at_us: int, fact: a.AlarmFloodSet) -> None:
    state.flood_us = fact.again_us
    if fact.again_us:
        heappush(state.agenda, (fact.again_us, "flood", "", 0))


def _answer_missed(state: State, at_us: int, fact: a.AnswerMissed) -> None:
    plc = state.plcs[fact.plc]
    plc.missed = [*plc.missed, at_us][-MISSED_ANSWERS:]


def is_current(state: State, entry: tuple[int, str, str, int]) -> bool:
    """Whether a deadline of an alarm still means something."""
    due_us, kind, key, _ = entry
    if kind == "flood":
        return state.flood_us == due_us
    alarm = state.alarms.get(key)
    return alarm is not None and due_us == (alarm.due_us if kind == "alarm" else alarm.shelved_us)


def push_deadlines(state: State) -> None:
    """Put the deadlines of all alarms into the agenda, after loading a snapshot."""
    for key, alarm in state.alarms.items():
        if alarm.due_us:
            heappush(state.agenda, (alarm.due_us, "alarm", key, 0))
        if alarm.shelved_us:
            heappush(state.agenda, (alarm.shelved_us, "shelf", key, 0))
    if state.flood_us:
        heappush(state.agenda, (state.flood_us, "flood", "", 0))


KINDS = ("alarm", "shelf", "flood")
"""Kinds of the agenda that are about alarms."""

EVOLVE: dict[type, Callable[[State, int, Any], None]] = {
    a.AlarmTableAdopted: _table_adopted,
    a.AlarmAwaited: _awaited,
    a.AlarmRaised: _raised,
    a.AlarmSuppressed: _suppressed,
    a.AlarmCleared: _cleared,
    a.AlarmAckSet: _acknowledged,
    a.AlarmShelfSet: _shelved,
    a.AlarmOutSet: _out,
    a.AlarmFloodSet: _flood,
    a.AnswerMissed: _answer_missed,
}
