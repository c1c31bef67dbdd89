"""
The time elements of ISO 22400-2: what a machine's time is counted as, by its PackML state and the cause that it tells.

ISO 22400-2 names actual unit processing time (AUPT), which is setup (AUST) and production (APT), actual unit delay time (ADET)
and down time (ADOT); all of them lie in the planned busy time (PBT), which comes from planning. PackML (ISA-TR88.00.02-2022)
says where a cause lies: Hold is for a machine's own cause, Suspend for its neighbour's. So every microsecond that is observed
belongs to exactly one element of `ELEMENTS`:

| element | ISO 22400-2 | when |
|---|---|---|
| production | APT | Execute, Completing; with or without an item: to run empty costs effectiveness |
| setup | AUST | Resetting, Starting, Unholding, Unsuspending |
| starved, blocked | ADET | stands, because nothing comes or nothing can leave |
| own | ADET | stands for a cause of its own that is no fault (film, labels, a jam), or held without a cause |
| operator | ADET | stands because a person stopped it |
| controller | ADET | stands because it did not hear packcenter |
| no_cause | ADET | stands and says no cause |
| down | ADOT | Aborting, Aborted, Clearing; or stands because of a fault |
| unknown | - | cannot be heard, or packcenter did not run: never production, and never left out of planned busy time |
| unplanned | outside PBT | stands or is unknown outside the site's `shifts`; or packcenter had been stopped in good order |

Planned busy time is all but `unplanned`: who works outside the shifts plans so by working. Without shifts all time is planned.
To stand is to be in Stopping, Stopped, Idle, Completed, Suspending, Suspended, Holding or Held. A machine tells a cause with
each state; a cause that the line interface does not know counts as no_cause.

Time is of mode production. The state event carries no mode, so a machine that runs in maintenance or manual is counted by the
state it shows, like any other; by default a mode may change only in Stopped, Idle and Aborted, none of which is production.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from packcenter.core.packml import State
from packcenter.core.words import ReasonClass

PRODUCTION: Final = "production"
DOWN: Final = "down"
UNKNOWN: Final = "unknown"
UNPLANNED: Final = "unplanned"
ELEMENTS: Final = (
    PRODUCTION, "setup", "starved", "blocked", "own", "operator", "controller", "no_cause", DOWN, UNKNOWN, UNPLANNED,
)  # fmt: skip

_OF_STATE: Final[Mapping[int, str]] = {
    State.UNDEFINED: UNKNOWN,
    State.EXECUTE: PRODUCTION,
    State.COMPLETING: PRODUCTION,
    State.RESETTING: "setup",
    State.STARTING: "setup",
    State.UNHOLDING: "setup",
    State.UNSUSPENDING: "setup",
    State.ABORTING: DOWN,
    State.ABORTED: DOWN,
    State.CLEARING: DOWN,
}
"""The element of a state whatever its cause; in all other states the machine stands, and the cause decides."""

_OF_CAUSE: Final[Mapping[int, str]] = {
    ReasonClass.OWN: "own",
    ReasonClass.STARVED: "starved",
    ReasonClass.BLOCKED: "blocked",
    ReasonClass.OPERATOR: "operator",
    ReasonClass.FAULT: DOWN,
    ReasonClass.CONTROLLER_LOST: "controller",
}

_MINUTE_US: Final = 60_000_000
_DAY_US: Final = 1440 * _MINUTE_US


def element_of(state: int, reason_class: int) -> str:
    """What time in a PackML state counts as within planned busy time, by the cause that the machine told."""
    found = _OF_STATE.get(state)
    if found is not None:
        return found
    if state > State.COMPLETED:
        return UNKNOWN
    if reason_class == ReasonClass.NONE and state in (State.HOLDING, State.HELD):
        return "own"
    return _OF_CAUSE.get(reason_class, "no_cause")


def planned_us(shifts: tuple[tuple[int, int], ...], utc_offset_minutes: int, begin_us: int, end_us: int) -> int:
    """How much of the time from `begin_us` to `end_us` lies in shifts (as `core.hall.Hall` has them); all if there are none."""
    if not shifts:
        return end_us - begin_us
    offset_us = utc_offset_minutes * _MINUTE_US
    return _planned_before(shifts, end_us + offset_us) - _planned_before(shifts, begin_us + offset_us)


def _planned_before(shifts: tuple[tuple[int, int], ...], local_us: int) -> int:
    """Microseconds in shifts from the beginning of local time to `local_us`."""
    day, into_us = divmod(local_us, _DAY_US)
    lengths = [(end - begin) * _MINUTE_US for begin, end in shifts]
    today = (min(max(into_us - begin * _MINUTE_US, 0), length) for (begin, _), length in zip(shifts, lengths, strict=True))
    return day * sum(lengths) + sum(today)
