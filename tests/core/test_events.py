"""Any event of any PLC, whatever stands in its words, is answered and breaks nothing; Hypothesis looks for the one that does."""

from __future__ import annotations

from functools import cache
from typing import Any, get_type_hints

import halls
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invariants import Watch
from walks import Walk

from packcenter.core import inputs as i
from packcenter.core.lifecycle import IN_HALL, kind_of
from packcenter.core.state import encode_state
from packcenter.core.words import MASKED

_PLCS = halls.SMALL.plcs()
_WORDS = st.one_of(st.integers(0, 12), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF))
_CODES = st.one_of(
    st.sampled_from(["", MASKED, "NJ000001", "NJ000002", "NJ000005", "EA000000014CN", "EA000000028CN", "EB000000015CN"]),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,31}", fullmatch=True),
)


@cache
def _busy() -> bytes:
    """A hall in which something is everywhere: on belts, in lanes, in pouches, on the rack, in bags."""
    walk = Walk(3, calm=True, thorough_every=1000)
    for _ in range(2000):
        walk.step()
        state = walk.watch.controller.state
        if {kind_of(item.place) for item in state.items.values()} >= {"expected", *IN_HALL} - {"cell"}:
            return encode_state(state)
    raise AssertionError("a calm walk has filled the whole hall within 2000 steps")


@st.composite
def _events(draw: st.DrawFn) -> i.PlcEvent:
    """An event with any words in it; its numbers are set when it is made."""
    kind: Any = draw(st.sampled_from(i.PlcEvent.__args__))
    hints = get_type_hints(kind)
    fields: dict[str, object] = {"plc": draw(st.sampled_from(_PLCS)), "epoch": 0, "seq": 0}
    for field in msgspec.structs.fields(kind):
        if field.name not in fields:
            of = {str: _CODES, bool: st.booleans()}.get(hints[field.name], _WORDS)
            fields[field.name] = draw(of)
    event: i.PlcEvent = kind(**fields)
    return event


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(_events(), st.integers(0, 20_000_000)), min_size=1, max_size=12))
def test_any_events_are_answered_and_break_nothing(events: list[tuple[i.PlcEvent, int]]) -> None:
    """After each the books balance, the fold and the snapshot agree, and each Tick that is due finds nothing amiss."""
    watch = Watch(thorough_every=1, snapshot=_busy())
    at_us = watch.controller.state.last_us
    for event, later_us in events:
        plc = watch.controller.state.plcs[event.plc]
        at_us += later_us
        watch.step(at_us, msgspec.structs.replace(event, epoch=plc.epoch, seq=plc.seq + 1))
        watch.step(at_us, i.Tick())
