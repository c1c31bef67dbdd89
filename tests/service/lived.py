"""Figures of a hall in the middle of a scenario's day, for the tests of status and live page: real states, not made-up ones."""

from __future__ import annotations

from functools import cache

import msgspec

from packcenter.config.load import load_site
from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.core.hall import Hall
from packcenter.core.state import State
from packcenter.journal.frames import Draft
from packcenter.service.engine import Recorded
from packcenter.service.status import Status, StatusReader
from simulation.clock import HeapClock
from simulation.scenario import load, seconds_of
from simulation.staged import stage

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US


class Moment(msgspec.Struct, frozen=True):
    """A scenario's hall at a time of its day."""

    hall: Hall
    state: State
    status: Status


class _Over(Exception):  # noqa: N818  (it is no error)
    """The time has come."""


@cache
def at(scenario: str, time_of_day: str) -> Moment:
    """The hall of a scenario at HH:MM of its day, as a service that reads its records sees it."""
    loaded = load(scenario)
    configuration = load_site(loaded.site)
    offset_us = configuration.hall.utc_offset_minutes * 60 * _SECOND_US
    controller, reader = Controller(), StatusReader()

    def keep(draft: Draft) -> None:
        if (draft.at_us + offset_us) % _DAY_US >= seconds_of(time_of_day) * _SECOND_US:
            raise _Over
        body = record.decode(draft.body)
        controller.fold(draft.at_us, body.facts, body.commands)
        reader.observe(Recorded(1, draft.at_us, 0, body.input, list(body.facts), list(body.commands)))

    try:
        stage(loaded, configuration, HeapClock(), keep=keep)
    except _Over:
        state = controller.state
        assert state.hall is not None
        return Moment(state.hall, state, reader.status(state, state.last_us))
    raise AssertionError(f"the day of {scenario} is over before {time_of_day}")
