"""
Where people's acts come in: each is given to the engine, and answered once its record is durable (J5).

Who the person is was found out at the door (`service.acts_http`); what may be done is the core's to say (`core.acts`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from packcenter.core.controller import Outcome
from packcenter.core.facts import ActRefused, ActTaken
from packcenter.core.inputs import Act
from packcenter.journal.journal import JournalFull
from packcenter.service.output_commit import Recorded, StepError

WAITING_MAX = 32
"""Acts between the door and the disk: more than a hall has people who act at one moment."""

RECENT_MAX = 200
"""Acts that are kept to be shown: some shifts of a quiet hall. The journal has them all."""

ANSWER_LIMIT_S = 10.0
"""A sync takes milliseconds; a disk that needs longer is about to end the service, and a person wants to know."""

LOST = {
    "busy": f"{WAITING_MAX} acts wait for the disk already; nothing was done. Try again in some seconds.",
    "stopping": "the service is about to stop; nothing was done. Try again once it runs again.",
    "ended": "the service ended meanwhile, and the act may have happened. Look at the recent acts once it runs again.",
    "disk_full": "the journal's disk is full and the service ends; the act was not taken. Make room and start it again.",
    "failed": "packcenter could not decide on the act and ends, which is our mistake; the act was not taken. Start it again.",
    "not_durable": "the act is not on the disk yet, and may still happen. Look at the recent acts before you do it again.",
}
"""Why an act has no answer, and what to do."""


class ActLost(Exception):  # noqa: N818 - read aloud, the name says it
    """An act got no answer; `why` is one of `LOST`, whose words are the text."""

    def __init__(self, why: str) -> None:
        super().__init__(LOST[why])
        self.why = why


class DoneAct(msgspec.Struct, frozen=True):
    """
    An act with what came of it: `why` it was refused (`core.acts.REFUSALS`), "" if it was taken.

    `sequence` is its record in the journal, `at_us` core time.
    """

    sequence: int
    at_us: int
    act: str
    subject: str
    person: str
    role: str
    reason: str
    why: str = ""


class Desk:
    """Takes acts while `is_open` says so; `submit` gives one to the engine."""

    def __init__(self, submit: Callable[[Act], asyncio.Future[list[Outcome]]], is_open: Callable[[], bool]) -> None:
        self._submit = submit
        self._is_open = is_open
        self._waiting = 0
        self._past: deque[DoneAct] = deque(maxlen=RECENT_MAX)
        self._seen: deque[tuple[object, DoneAct]] = deque(maxlen=RECENT_MAX)

    async def act(self, act: Act) -> DoneAct:
        """What came of an act, once that is durable. Raises `ActLost`."""
        if not self._is_open():
            raise ActLost("stopping")
        if self._waiting >= WAITING_MAX:
            raise ActLost("busy")
        self._waiting += 1
        done = self._submit(act)
        done.add_done_callback(self._answered)
        await asyncio.wait({done}, timeout=ANSWER_LIMIT_S)
        # Others of its group may have failed after it became durable. No more than `WAITING_MAX` acts can have been recorded
        # since this one was, so it is still kept.
        for happened, found in reversed(self._seen):
            if happened is act:
                return found
        raise ActLost(_why_lost(done))

    def _answered(self, done: asyncio.Future[list[Outcome]]) -> None:
        """An act waits until its record is durable or the engine has ended, however long its person waits."""
        self._waiting -= 1
        if not done.cancelled():
            done.exception()  # told by the engine's task

    def observe(self, recorded: Recorded) -> None:
        """Keep what a durable record says of an act."""
        found = act_in(recorded)
        if found is not None:
            self._seen.append((recorded.input, found))

    def remember(self, recorded: Recorded) -> None:
        """Keep an act of an earlier life."""
        found = act_in(recorded)
        if found is not None:
            self._past.append(found)

    def recent(self, last: int) -> list[DoneAct]:
        """The last acts, at most so many and `RECENT_MAX`, the newest last."""
        kept = [*self._past, *(found for _, found in self._seen)]
        return kept[-last:] if last > 0 else []


def act_in(recorded: Recorded) -> DoneAct | None:
    """The act that a record answers; None if it answers none."""
    for fact in recorded.facts:
        if isinstance(fact, ActTaken | ActRefused):
            why = fact.why if isinstance(fact, ActRefused) else ""
            return DoneAct(recorded.sequence, recorded.at_us, fact.act, fact.subject, fact.person, fact.role, fact.reason, why)
    return None


def _why_lost(done: asyncio.Future[list[Outcome]]) -> str:
    """Why an act without a durable record has no answer."""
    if not done.done():
        return "not_durable"
    if done.cancelled():
        return "ended"
    error = done.exception()
    assert error is not None, "an act that was answered has a record"
    if isinstance(error, JournalFull):
        return "disk_full"
    return "failed" if isinstance(error, StepError) else "ended"  # what a failed sync left on the disk is not known
