"""Alarms live as ISA-18.2 says, whatever machines and people do, and one cause is one alarm."""

from __future__ import annotations

import halls
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from invariants import Watch

from packcenter.core import alarm_facts as a
from packcenter.core import inputs as i
from packcenter.core.alarm_table import HELD_DELAY_US, LINK_DELAY_US, VERSION
from packcenter.core.alarms import Standing, chatters, standing
from packcenter.core.limits import REPEAT_DELAY_US
from packcenter.core.packml import State as Unit
from packcenter.core.records import Alarm
from packcenter.core.words import ReasonClass

_S = 1_000_000
_PLCS = ("bagger-1", "sorter-1")
_PLC = st.sampled_from(_PLCS)
_ALARMS = ("machine_aborted", "jam", "machine_held")


class Hall:
    """The small hall with alarms, all links up and all machines in Execute."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.at_us = halls.BASE_US
        self.happen(i.Started(1, "test", halls.SMALL, "digest"))
        self.happen(i.AlarmTableGiven(VERSION))
        for plc in halls.SMALL.plcs():
            self.happen(i.LinkUp(plc, 7, 0))
            self.machine(plc, Unit.EXECUTE)

    def happen(self, happened: i.Input) -> list[a.AlarmRaised]:
        """One input; the alarms that it raised."""
        facts = self.watch.step(self.at_us, happened).facts
        return [fact for fact in facts if isinstance(fact, a.AlarmRaised)]

    def event(self, kind: type, plc: str, /, **fields: object) -> list[a.AlarmRaised]:
        peer = self.watch.controller.state.plcs[plc]
        return self.happen(kind(plc=plc, epoch=peer.epoch, seq=peer.seq + 1, **fields))

    def machine(self, plc: str, state: Unit, reason: ReasonClass = ReasonClass.OWN) -> list[a.AlarmRaised]:
        return self.event(i.MachineChanged, plc, state=int(state), reason_class=int(reason), reason=0)

    def jam(self, plc: str, on: bool) -> list[a.AlarmRaised]:
        return self.event(i.JamChanged, plc, track=0, zone=1, on=on)

    def wait(self, us: int) -> list[a.AlarmRaised]:
        """Time passes; Ticks come when they are due."""
        return [raised for _, raised in self.waited(us)]

    def waited(self, us: int) -> list[tuple[int, a.AlarmRaised]]:
        """The same, and when each was raised."""
        raised, until_us = [], self.at_us + us
        while (due_us := self.watch.controller.next_deadline_us()) is not None and due_us <= until_us:
            self.at_us = max(self.at_us, due_us)
            raised += [(self.at_us, each) for each in self.happen(i.Tick())]
        self.at_us = until_us
        return raised

    def standing(self, name: str, subject: str) -> Standing:
        return standing(self.watch.controller.state.alarms.get(f"{name}/{subject}", Alarm()))


class Life(RuleBasedStateMachine):
    """
    A jam, an abort and a hold of two machines, their links, and people; the states of ISA-18.2 are kept beside.

    `told` are the alarms that people were told of, `seen` those that they acknowledged, `since` when a hold may be told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hall = Hall()
        self.jams: set[str] = set()
        self.states = dict.fromkeys(_PLCS, Unit.EXECUTE)
        self.silent: set[str] = set()
        self.told: set[tuple[str, str]] = set()
        self.seen: set[tuple[str, str]] = set()
        self.heard: set[tuple[str, str]] = set()
        self.shelved: dict[tuple[str, str], int] = {}
        self.out: set[tuple[str, str]] = set()
        self.waits: set[tuple[str, str]] = set()
        self.times: dict[tuple[str, str], list[int]] = {}

    def _cause(self, name: str, plc: str) -> bool:
        if name == "jam":
            return plc in self.jams
        return self.states[plc] is (Unit.ABORTED if name == "machine_aborted" else Unit.HELD)

    def _explained(self, name: str, plc: str) -> bool:
        explains = {"machine_aborted": (), "jam": ("machine_aborted",), "machine_held": ("machine_aborted", "jam")}[name]
        return plc in self.silent or any(self._cause(other, plc) for other in explains)

    def _settle(self) -> None:
        """After whatever happened: who is told of what, by the causes alone. A hold is told after its time, by the waiting."""
        for plc in _PLCS:
            for name in _ALARMS:
                alarm = (name, plc)
                if not self._cause(name, plc) or self._explained(name, plc):
                    self.waits.discard(alarm)
                if not self._cause(name, plc):
                    if alarm in self.heard:
                        self.heard.remove(alarm)
                        if alarm in self.seen:
                            self.told.discard(alarm)
                            self.seen.discard(alarm)
                elif not self._explained(name, plc) and alarm not in self.heard | self.waits and name != "machine_held":
                    if self._often(alarm):
                        self.waits.add(alarm)
                    else:
                        self._tell(alarm)

    def _often(self, alarm: tuple[str, str]) -> bool:
        """Whether people were told of it three times in ten minutes: then they are told by the waiting."""
        times = self.times.get(alarm, [])[-3:]
        return len(times) == 3 and self.hall.at_us - times[0] <= 600 * _S

    def _tell(self, alarm: tuple[str, str], at_us: int | None = None) -> None:
        at_us = at_us or self.hall.at_us
        if alarm not in self.out and self.shelved.get(alarm, 0) < at_us:
            self.times.setdefault(alarm, []).append(at_us)
        self.waits.discard(alarm)
        self.heard.add(alarm)
        self.told.add(alarm)
        self.seen.discard(alarm)

    @rule(plc=_PLC, on=st.booleans())
    def jam(self, plc: str, on: bool) -> None:
        if plc in self.silent:
            return
        self.hall.jam(plc, on)
        (self.jams.add if on else self.jams.discard)(plc)
        self._settle()

    @rule(plc=_PLC, state=st.sampled_from((Unit.EXECUTE, Unit.ABORTED, Unit.HELD)))
    def machine(self, plc: str, state: Unit) -> None:
        if plc in self.silent:
            return
        self.hall.machine(plc, state)
        self.states[plc] = state
        self._settle()

    @rule(plc=_PLC)
    def link(self, plc: str) -> None:
        if plc in self.silent:
            self.hall.happen(i.LinkUp(plc, 7, 1))
            self.silent.remove(plc)
        else:
            self.hall.happen(i.LinkLost(plc, "heartbeat"))
            self.silent.add(plc)
        self._settle()

    @rule(seconds=st.sampled_from((1, 5, 31, 400)))
    def wait(self, seconds: int) -> None:
        for at_us, raised in self.hall.waited(seconds * _S):
            alarm = (raised.alarm, raised.subject)
            if alarm in self.waits or raised.alarm == "machine_held":
                assert self._cause(*alarm)
                assert not self._explained(*alarm)
                self._tell(alarm, at_us)
        self.shelved = {alarm: until for alarm, until in self.shelved.items() if until > self.hall.at_us}
        for alarm in [
            (name, plc) for name in _ALARMS for plc in _PLCS if self._cause(name, plc) and not self._explained(name, plc)
        ]:
            often = len(self.times.get(alarm, ())) >= 3
            if seconds * _S > (REPEAT_DELAY_US if often else HELD_DELAY_US):
                assert alarm in self.heard

    @rule(name=st.sampled_from(_ALARMS), plc=_PLC)
    def acknowledge(self, name: str, plc: str) -> None:
        alarm = (name, plc)
        self.hall.happen(i.AlarmAcknowledged("4711", "operator", "", name, plc))
        if alarm in self.told and alarm not in self.seen:
            if alarm in self.heard:
                self.seen.add(alarm)
            else:
                self.told.remove(alarm)

    @rule(name=st.sampled_from(_ALARMS), plc=_PLC, minutes=st.sampled_from((0, 1, 10)))
    def shelve(self, name: str, plc: str, minutes: int) -> None:
        self.hall.happen(i.AlarmShelved("4711", "operator", "", name, plc, minutes))
        self.shelved.pop((name, plc), None)
        if minutes:
            self.shelved[name, plc] = self.hall.at_us + minutes * 60 * _S

    @rule(name=st.sampled_from(_ALARMS), plc=_PLC, out=st.booleans(), role=st.sampled_from(("maintenance", "operator")))
    def take_out(self, name: str, plc: str, out: bool, role: str) -> None:
        self.hall.happen(i.AlarmTakenOut("4712", role, "", name, plc, out))
        if role == "maintenance":
            (self.out.add if out else self.out.discard)((name, plc))

    @rule()
    def restart(self) -> None:
        """The controller dies and goes on from a snapshot; the links come back before anybody is called."""
        self.hall.watch.restart()

    @invariant()
    def every_alarm_is_where_its_life_says(self) -> None:
        for plc in _PLCS:
            for name in _ALARMS:
                assert self.hall.standing(name, plc) is self._expected(name, plc), (name, plc)

    def _expected(self, name: str, plc: str) -> Standing:
        alarm = (name, plc)
        if alarm in self.out:
            return Standing.OUT_OF_SERVICE
        if alarm in self.shelved:
            return Standing.SHELVED
        if self._cause(name, plc):
            if self._explained(name, plc):
                return Standing.SUPPRESSED
            if alarm not in self.heard:
                return Standing.AWAITED
            return Standing.ACKNOWLEDGED if alarm in self.seen else Standing.UNACKNOWLEDGED
        return Standing.RETURNED if alarm in self.told else Standing.NORMAL


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30)


def test_a_lost_plc_is_one_alarm_whatever_its_machine_said() -> None:
    """Jam, hold and consumables of that machine are silent from then on, and nothing else is raised by it."""
    hall = Hall()
    hall.jam("bagger-1", True)
    hall.event(i.ConsumableRead, "bagger-1", consumable=1, percent=0)
    hall.machine("bagger-1", Unit.HELD)
    hall.happen(i.LinkLost("bagger-1", "heartbeat"))
    assert [(raised.alarm, raised.subject) for raised in hall.wait(3_600 * _S)] == [("link_lost", "bagger-1")]


def test_a_switch_without_power_is_one_alarm() -> None:
    """All PLCs fall silent one after the other; people are told once, before any PLC's own time is over."""
    hall = Hall()
    raised = []
    for plc in halls.SMALL.plcs():
        raised += hall.happen(i.LinkLost(plc, "heartbeat")) + hall.wait(LINK_DELAY_US // 20)
    raised += hall.wait(3_600 * _S)
    assert [(each.alarm, each.subject) for each in raised] == [("network_lost", "NJ")]


@pytest.mark.parametrize(("gap_us", "is_chatter"), [(20 * _S, True), (31 * _S, False)])
def test_an_alarm_that_comes_and_goes_chatters(gap_us: int, is_chatter: bool) -> None:
    """Three raisings in a minute are a chatter, until a minute without."""
    hall = Hall()
    for _ in range(3):
        hall.jam("bagger-1", True)
        hall.wait(gap_us // 2)
        hall.jam("bagger-1", False)
        hall.wait(gap_us // 2)
    alarm = hall.watch.controller.state.alarms["jam/bagger-1"]
    assert (alarm.raisings, len(alarm.recent)) == (3, 3)
    assert chatters(alarm, alarm.raised_us) is is_chatter
    assert not chatters(alarm, alarm.raised_us + 60 * _S + 1)


def test_what_is_shelved_or_out_of_service_is_not_counted() -> None:
    """Nobody is called by it, so it is no part of a flood, of a chatter or of the rate."""
    hall = Hall()
    hall.happen(i.AlarmShelved("4711", "operator", "", "jam", "bagger-1", 5))
    hall.happen(i.AlarmTakenOut("4711", "supervisor", "", "jam", "bagger-2", True))
    hall.jam("bagger-1", True)
    hall.jam("bagger-2", True)
    state = hall.watch.controller.state
    assert state.alarm_times == []
    assert [state.alarms[f"jam/{plc}"].raisings for plc in ("bagger-1", "bagger-2")] == [0, 0]


def test_alarms_are_bounded_by_table_and_hall() -> None:
    """A PLC that names zones, places and consumables without end adds no alarms without end."""
    hall = Hall()
    for number in range(300):
        for plc in ("sorter-1", "bagger-1", "rack-1"):
            hall.event(i.JamChanged, plc, track=0, zone=number, on=True)
            hall.event(i.PlaceChanged, plc, place=number, state=3, items=1)
            hall.event(i.ConsumableRead, plc, consumable=number, percent=0)
            hall.event(i.Unintelligible, plc, kind=number)
    assert len(hall.watch.controller.state.alarms) < 30
