"""The figures of this moment, for the terminal, the live page and `packcenter plc`: a reader of the stream and of the state."""

from __future__ import annotations

from collections import Counter, deque

import msgspec

from packcenter.core import facts as f
from packcenter.core.commands import Divert
from packcenter.core.custody import balance_errors
from packcenter.core.lifecycle import IN_HALL, kind_of
from packcenter.core.state import State
from packcenter.service.engine import Recorded

SAMPLES = 4096
"""Decision times that the percentiles are taken from: some minutes at the peak, seconds under stress."""

RATE_WINDOW_US = 300_000_000
"""Core time over which the hourly rate is taken: long enough to be steady, short enough to show a stop."""

_HOUR_US = 3_600_000_000


class Status(msgspec.Struct, frozen=True):
    """
    Where the hall stands. Times in core microseconds, rates per hour of core time, decision times in milliseconds.

    `decision_p50_ms` and `p99` are from the scan's arrival at the service to the durable decision's hand-over to its link; None
    before the first decision.
    """

    at_us: int
    run: int
    expected: int
    to_come: int
    in_hall: dict[str, int]
    packed: int
    bagged: int
    dispatched: int
    hand: int
    lost: int
    unexpected: int
    late: int
    packed_per_hour: int
    decisions: int
    decision_p50_ms: float | None
    decision_p99_ms: float | None
    plcs: dict[str, dict[str, object]]
    exceptions: dict[str, int]
    balanced: bool


class StatusReader:
    """Keeps what `Status` needs beside the state: the last decision times, the last packed moments, counts of this run."""

    def __init__(self) -> None:
        self.decision_us: deque[int] = deque(maxlen=SAMPLES)
        self._packed_at: deque[int] = deque()
        self.packed = 0
        self.late = 0
        self.decisions = 0

    def observe(self, recorded: Recorded) -> None:
        """Take one durable record."""
        for fact in recorded.facts:
            kind = type(fact)
            if kind is f.ParcelSealed:
                self.packed += 1
                self._packed_at.append(recorded.at_us)
            elif kind is f.DecisionLate:
                self.late += 1
        while self._packed_at and self._packed_at[0] < recorded.at_us - RATE_WINDOW_US:
            self._packed_at.popleft()

    def decided(self, recorded: Recorded, now_us: int) -> int | None:
        """Note how long a record's divert took from its scan's arrival to now (monotonic); None if it has none."""
        if not any(type(command) is Divert for command in recorded.commands):
            return None
        took = now_us - recorded.received_us
        self.decision_us.append(took)
        self.decisions += 1
        return took

    def status(self, state: State, now_us: int) -> Status:
        """The figures now, at core time `now_us`."""
        kinds: Counter[str] = Counter()
        for place, count in state.balances.items():
            kinds[kind_of(place)] += count
        exceptions = Counter(item.hand or "unstated" for item in state.items.values() if item.place == "hand")
        ordered = sorted(self.decision_us)
        began_us = max(now_us - RATE_WINDOW_US, self._packed_at[0] if self._packed_at else now_us)
        window_us = max(now_us - began_us, 60_000_000)
        return Status(
            at_us=now_us,
            run=state.run,
            expected=-kinds["agency"],
            to_come=kinds["expected"],
            in_hall={kind: kinds[kind] for kind in IN_HALL},
            packed=self.packed,
            bagged=kinds["bag"] + kinds["dispatched"],
            dispatched=kinds["dispatched"],
            hand=kinds["hand"],
            lost=kinds["lost"],
            unexpected=-kinds["outside"],
            late=self.late,
            packed_per_hour=len(self._packed_at) * _HOUR_US // window_us,
            decisions=self.decisions,
            decision_p50_ms=_percentile_ms(ordered, 50),
            decision_p99_ms=_percentile_ms(ordered, 99),
            plcs={
                plc.name: {"up": plc.up, "epoch": plc.epoch, "state": plc.state if plc.up else 0, "pending": len(plc.pending)}
                for plc in state.plcs.values()
            },
            exceptions=dict(sorted(exceptions.items())),
            balanced=not balance_errors(state),
        )


def _percentile_ms(ordered: list[int], percent: int) -> float | None:
    """Nearest-rank percentile of sorted microseconds, in milliseconds."""
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] / 1000, 2)
