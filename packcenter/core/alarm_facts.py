"""Facts about alarms (`core.alarms`). An alarm is known by its name in the catalogue and its subject in the hall."""

from __future__ import annotations

import msgspec


class _AlarmFact(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    pass


class AlarmTableAdopted(_AlarmFact, frozen=True, tag=True, array_like=True, gc=False):
    """Alarms are raised by the table of this version (`core.alarm_table`); 0: there are none."""

    version: int


class AlarmAwaited(_AlarmFact, frozen=True, tag=True, array_like=True, gc=False):
    """The cause of an alarm stands, as a fact of type `by` says; if it still does at `due_us`, the alarm is raised."""

    alarm: str
    subject: str
    by: str
    due_us: int


class AlarmRaised(_AlarmFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    An alarm wants a person, because of a fact of type `by`. `latched`: its cause was over at once, and it stays until
    somebody acknowledges it.
    """

    alarm: str
    subject: str
    by: str
    latched: bool


class AlarmSuppressed(_AlarmFact, frozen=True, tag=True, array_like=True, gc=False):
    """The cause of an alarm stands, and `by` (alarm/subject) explains it: one cause, one alarm. "": nothing does any more."""

    alarm: str
    subject: str
    by: str


class AlarmCleared(_AlarmFact, frozen=True, tag=True, array_like=True, gc=False):
    """The cause of an alarm is gone. One that was raised and not acknowledged stays on the list until it is."""

    alarm: str
    subject: str


class AlarmAckSet(_AlarmFact, frozen=True, tag=True, array_like=True, gc=False):
    """`person` knows of an alarm and takes care of it."""

    alarm: str
    subject: str
    person: str


class AlarmShelfSet(_AlarmFact, frozen=True, tag=True, array_like=True, gc=False):
    """An alarm is kept off the list until `until_us`, because `person` shelved it; 0: no more."""

    alarm: str
    subject: str
    until_us: int
    person: str


class AlarmOutSet(_AlarmFact, frozen=True, tag=True, array_like=True, gc=False):
    """An alarm is out of service, because `person` took it out; "": it is in service again."""

    alarm: str
    subject: str
    person: str


class AlarmFloodSet(_AlarmFact, frozen=True, tag=True, array_like=True, gc=False):
    """More alarms come than one person can answer; it is looked at again at `again_us`. 0: that is over."""

    again_us: int


class AnswerMissed(_AlarmFact, frozen=True, tag=True, array_like=True, gc=False):
    """A machine says that it was told nothing of this item, or of the parcel with it, though it was, and has not answered."""

    plc: str
    item: str
