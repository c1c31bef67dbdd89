"""
From a seed to a run: which hall, how long, which faults, how hard.

Swarm testing: a run with all faults on finds little, because they hide each other (what is always down never overflows). So
each seed draws which kinds of faults are on at all, then a share of each kind's classes, then how hard each strikes; a few
seeds have none, and some have a single one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulation.draws import Stream
from simulation.explore import cell_watch, faults, letters, paperwork, wire_faults
from simulation.explore.features import PEOPLE, PLANS, WHOLE_ALWAYS, WHOLE_OFTEN
from simulation.explore.options import Level, Options
from simulation.explore.scenarios import HALLS, LATE, LATER_HALLS, LOOPS, WHOLE_HALLS
from simulation.explore.shared_faults import CRAM

SECOND = 1_000_000

_SPANS_S = ((20, 60), (40, 120), (60, 240), (200, 600), (600, 1800))
"""How long faults go on; the last two are for what builds up slowly."""

_WIRE_SPAN = 62
"""The wire level costs a hundred times as much: mostly under two minutes, now and then four."""

_SHARES = {"network": 30, "plc": 30, "controller": 60, "disk": 40, "clock": 60, "manifest": 50, "closer": 40, "staff": 50}
"""Of a hundred classes of a kind that is on so many are; of what people, printers and sensors do a share that is drawn."""

_ITEMS_A_MINUTE = {"reference": (4, 28), "small": (4, 24), "twin": (4, 28), "tight": (3, 18)}


_FIRST_HALLS = [name for name in HALLS if name not in (*LATER_HALLS, *WHOLE_HALLS)]
_LATER_SHARE = 5
"""One run in so many is in a hall that came later; it is drawn last, so that the others are what they were."""


_WHOLE_SHARE = 4
"""One run in so many is of the whole hall, with all that `features` names: what nobody draws together is never met together."""

MEETINGS: Final = (
    ("replay", "reboot"),  # old telegrams mean something where a PLC began anew
    ("same_again", "act_jams"),
    ("judges_discrepancy", "act_lifts_from_belt", "act_puts_back"),  # what was given up turns up
)
"""Faults of which something takes several at once; drawn one by one they hardly ever meet."""

NEWEST: Final = {LATE: 30, paperwork.NAME: 45, "crash_in_papers": 25, "papers_fail": 20, "brings_receipts": 40, letters.NAME: 50}
"""Classes that came when seeds were known by their number, with their share in a hundred runs: they are drawn behind all else."""

LAST: Final = {cell_watch.NAME: 35, CRAM.name: 10}
"""The same, which came when those were known at both levels."""

_PEOPLE_SHARE = 15
"""Of a hundred runs of the wire level so many have a class of what people ask for; these came there last."""

_MEETING_SHARE = 12
"""One run in so many has a meeting."""


def options_of(seed: int, level: Level = "protocol", *, whole: bool = False) -> Options:
    """The options of a seed; `whole`: as if it had drawn the whole hall."""
    stream = Stream(seed, "explore/swarm")
    drawn = stream.below(100)
    hall = HALLS[0] if drawn < 20 else _FIRST_HALLS[1 + (drawn - 20) % (len(_FIRST_HALLS) - 1)]
    span = stream.below(100 if level == "protocol" else _WIRE_SPAN)
    low_s, high_s = _SPANS_S[0 if span < 25 else 1 if span < 55 else 2 if span < 85 else 3 if span < 97 else 4]
    safety_s = stream.between(low_s, high_s)
    rate = stream.between(*_ITEMS_A_MINUTE[hall])
    newest = {**NEWEST, **LAST}
    if level == "wire":
        newest = {**NEWEST, LOOPS: 30, **LAST, **dict.fromkeys((*PEOPLE, PLANS), _PEOPLE_SHARE)}
    chosen = _faults(stream, {name: kind for name, kind in kinds(level).items() if name not in newest})
    later = stream.below(_LATER_SHARE * len(LATER_HALLS))
    hall = LATER_HALLS[later] if later < len(LATER_HALLS) else hall
    if stream.below(_WHOLE_SHARE) == 0 or whole:
        hall = WHOLE_HALLS[stream.below(len(WHOLE_HALLS))]
        chosen = _whole(stream, kinds(level), chosen)
    if stream.below(_MEETING_SHARE) == 0:
        meeting = MEETINGS[stream.below(len(MEETINGS))]
        chosen = {name: 2 for name in meeting if name in kinds(level)} | chosen
    for name, share in newest.items():
        on, hard = stream.below(100) < share, stream.below(20)
        if on and name in kinds(level):
            chosen.setdefault(name, _hard(hard))
    return Options(
        seed=seed,
        level=level,
        hall=hall,
        items=max(4, safety_s * rate // 60),
        safety_us=safety_s * SECOND,
        faults=chosen,
    )


def kinds(level: Level) -> Mapping[str, str]:
    """Every fault class of a level, with its kind."""
    return faults.KINDS if level == "protocol" else wire_faults.WIRE_KINDS


def _faults(stream: Stream, known: Mapping[str, str]) -> dict[str, int]:
    """Which classes are on; each class draws whether it is or not, so that a new one shifts no other's."""
    names = list(known)
    few = stream.below(16)
    if few == 0:
        return {}
    if few <= 2:
        return {names[stream.below(len(names))]: 1 + stream.below(3) for _ in range(few)}
    kinds = {kind: stream.below(100) < 55 for kind in dict.fromkeys(known.values())}
    share = (5, 15, 40)[stream.below(3)]
    chosen: dict[str, int] = {}
    for name in names:
        kind = known[name]
        on, hard = stream.below(100) < _SHARES.get(kind, share), stream.below(20)
        if on and kinds[kind]:
            chosen[name] = _hard(hard)
    return chosen


def _hard(drawn: int) -> int:
    """How hard a fault strikes, by a number below 20: mostly softly."""
    return 1 if drawn < 13 else 2 if drawn < 18 else 3


def _whole(stream: Stream, known: Mapping[str, str], chosen: dict[str, int]) -> dict[str, int]:
    """The same faults, and what a run of the whole hall has beside."""
    found = dict(chosen)
    for name in (*WHOLE_ALWAYS, *WHOLE_OFTEN):
        on, hard = stream.below(2) == 0 or name in WHOLE_ALWAYS, stream.below(20)
        if on and name in known:
            found.setdefault(name, _hard(hard))
    return found
