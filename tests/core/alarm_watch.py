"""What must always hold of alarms (ISA-18.2), told from the facts alone and compared with the state."""

from __future__ import annotations

from packcenter.core import alarm_facts as a
from packcenter.core import inputs as i
from packcenter.core.alarm_table import ALARMS, EXPLAINED_BY
from packcenter.core.alarms import Standing, standing
from packcenter.core.controller import Outcome
from packcenter.core.limits import FLOOD_BEGINS, FLOOD_WINDOW_US, SHELF_MINUTES_MAX
from packcenter.core.state import State

_MINUTE_US = 60_000_000
Alarm = tuple[str, str]
_About = (
    a.AlarmAwaited | a.AlarmRaised | a.AlarmSuppressed | a.AlarmCleared | a.AlarmAckSet | a.AlarmShelfSet | a.AlarmOutSet
)  # fmt: skip
_ABOUT_ONE = _About.__args__


class AlarmWatch:
    """Follows every alarm by its facts: which causes stand, which people were told of, what they did about it."""

    def __init__(self) -> None:
        self.table = 0
        self.raised: list[tuple[int, Alarm]] = []
        self._standing: set[Alarm] = set()
        self._open: set[Alarm] = set()
        self._known: set[Alarm] = set()
        self._explained: dict[Alarm, str] = {}
        self._shelved: dict[Alarm, int] = {}
        self._out: set[Alarm] = set()
        self._awaited: dict[Alarm, tuple[int, str]] = {}

    def take(self, at_us: int, happened: i.Input, outcome: Outcome) -> None:
        """Follow one step: none is raised while it is, none acknowledged that is not, one fact raises one of a subject."""
        told = {type(fact).__name__ for fact in outcome.facts}
        causes: set[tuple[str, str]] = set()
        for fact in outcome.facts:
            if isinstance(fact, a.AlarmTableAdopted):
                if fact.version != self.table:
                    self.__init__()  # type: ignore[misc]
                self.table = fact.version
            elif isinstance(fact, _ABOUT_ONE):
                assert self.table, f"{fact} without a table"
                assert fact.alarm in ALARMS, fact
                self._take(at_us, happened, fact, told)
                if isinstance(fact, a.AlarmRaised) and fact.by != "AlarmTableAdopted":  # which tells of many causes
                    assert (fact.by, fact.subject) not in causes, f"{fact}: one fact, two alarms of one subject"
                    causes.add((fact.by, fact.subject))

    def _take(self, at_us: int, happened: i.Input, fact: _About, told: set[str]) -> None:
        alarm: Alarm = (fact.alarm, fact.subject)
        if isinstance(fact, a.AlarmAwaited):
            assert fact.due_us == at_us + self._delay_us(at_us, alarm) > at_us, fact
            assert fact.by in told, fact
            assert alarm not in self._awaited, fact
            self._awaited[alarm] = fact.due_us, fact.by
            self._standing.add(alarm)
        elif isinstance(fact, a.AlarmRaised):
            self._raise(at_us, happened, fact, told)
        elif isinstance(fact, a.AlarmSuppressed):
            assert alarm in self._explained or fact.by, fact
            self._awaited.pop(alarm, None)
            self._standing.add(alarm)
            self._explained.pop(alarm, None)
            if fact.by:
                assert fact.by.partition("/")[0] in EXPLAINED_BY[fact.alarm], fact
                self._explained[alarm] = fact.by
        elif isinstance(fact, a.AlarmCleared):
            assert alarm in self._standing, f"{fact} does not stand"
            self._standing.remove(alarm)
            self._awaited.pop(alarm, None)
            self._explained.pop(alarm, None)
            if alarm in self._known:
                self._open.remove(alarm)
                self._known.remove(alarm)
        elif isinstance(fact, a.AlarmAckSet):
            assert alarm in self._open - self._known, f"{fact}: nobody was told of it, or somebody knows already"
            if alarm in self._standing:
                self._known.add(alarm)
            else:
                self._open.remove(alarm)
        elif isinstance(fact, a.AlarmShelfSet):
            assert fact.until_us <= at_us + SHELF_MINUTES_MAX * _MINUTE_US, fact
            assert fact.until_us or alarm in self._shelved, fact
            self._shelved[alarm] = fact.until_us
            if not fact.until_us:
                del self._shelved[alarm]
        elif isinstance(fact, a.AlarmOutSet):
            assert bool(fact.person) != (alarm in self._out), fact
            self._out ^= {alarm}

    def _raise(self, at_us: int, happened: i.Input, fact: a.AlarmRaised, told: set[str]) -> None:
        alarm = (fact.alarm, fact.subject)
        assert fact.latched == ALARMS[fact.alarm].latched, fact
        assert alarm not in self._explained, f"{fact} has a cause that is an alarm already"
        if alarm in self._awaited:
            due_us, by = self._awaited.pop(alarm)
            assert isinstance(happened, i.Tick), fact
            assert at_us >= due_us, fact
            assert fact.by == by, fact
        else:
            assert fact.latched or not self._delay_us(at_us, alarm), f"{fact} at once"
            assert fact.by in told, f"{fact} of no fact of its step"
            assert alarm not in self._standing | (self._open if fact.latched else set()) or fact.by == "AlarmSuppressed", fact
        self._open.add(alarm)
        self._known.discard(alarm)
        if not fact.latched:
            self._standing.add(alarm)
        if alarm not in self._shelved and alarm not in self._out:
            self.raised.append((at_us, alarm))

    def _delay_us(self, at_us: int, alarm: Alarm) -> int:
        """How long a cause must stand: two minutes at least if it called three times, the first at most ten minutes ago."""
        times = [told_us for told_us, each in self.raised if each == alarm][-3:]
        often = len(times) == 3 and at_us - times[0] <= 10 * _MINUTE_US
        return max(ALARMS[alarm[0]].delay_us, 2 * _MINUTE_US if often else 0)

    def check(self, state: State) -> None:
        """The state says of every alarm what its facts said."""
        assert state.alarm_table == self.table
        seen = {tuple(key.split("/", 1)): alarm for key, alarm in state.alarms.items()}
        assert {key for key, alarm in seen.items() if alarm.stands} == self._standing
        assert {key for key, alarm in seen.items() if alarm.raised} == self._open
        assert {key for key, alarm in seen.items() if alarm.acknowledged} == self._known
        assert {key: alarm.suppressed_by for key, alarm in seen.items() if alarm.suppressed_by} == self._explained
        assert {key: alarm.shelved_us for key, alarm in seen.items() if alarm.shelved_us} == self._shelved
        assert {key for key, alarm in seen.items() if alarm.out_by} == self._out
        assert {key: alarm.due_us for key, alarm in seen.items() if alarm.due_us} == {
            k: due for k, (due, _) in self._awaited.items()
        }
        for (name, subject), by in self._explained.items():
            cause = state.alarms[by]
            assert cause.stands, f"{name}/{subject} is explained by {by}, which does not stand"
        for key, alarm in state.alarms.items():
            assert (standing(alarm) is Standing.NORMAL) == (
                not (alarm.stands or alarm.raised or alarm.shelved_us or alarm.out_by)
            ), (key, alarm)
        recent = [at_us for at_us, _ in self.raised[-FLOOD_BEGINS - 1 :]]
        assert state.alarm_times == recent
        if state.flood_us == 0 and len(recent) > FLOOD_BEGINS:
            told_us = recent[-1]
            assert told_us - recent[0] > FLOOD_WINDOW_US or state.last_us > told_us, "a flood is told when it begins"
