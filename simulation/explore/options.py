"""What a run of the explorer is, and what came of it: the records that both levels, the shrinker and the runner share."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

Level = Literal["protocol", "wire"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """
    One run, whole: equal options give equal runs, on every machine and Python.

    `faults`: fault class -> how hard, 1 to 3; a class that is not there is off, and switching one off shifts nobody else's
    luck. `items` documents come during `safety_us`, in which the faults are on; then they stop, all is healed, and the
    liveness phase begins, which ends when the hall is at rest. `hall` names one of `scenarios.HALLS`.
    """

    seed: int
    level: Level = "protocol"
    hall: str = "reference"
    items: int = 60
    safety_us: int = 120_000_000
    faults: dict[str, int] = {}

    def has(self, fault: str) -> int:
        """How hard a fault strikes in this run; 0 not at all."""
        return self.faults.get(fault, 0)


class Violation(msgspec.Struct, frozen=True):
    """
    Something that must never be was. `invariant` is its letter in the list of invariants ("E3"), or "A" for an assertion of
    the product that has none, "X" for the second judge's, "L" with a word for liveness. `at_us` is simulated time.
    """

    invariant: str
    text: str
    at_us: int

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at_us / 1e6:.3f} s: {self.text}"


class Told(msgspec.Struct, frozen=True):
    """One line of a run's timeline."""

    at_us: int
    text: str


class Outcome(msgspec.Struct, kw_only=True):
    """
    What a run came to.

    `digest` is hexadecimal, over every decision that became durable and when, so equal runs have equal digests. `faults`
    counts what was really done, by class; `kills` how the controller died, by crash point; `goals` what was met (`goals`).
    `looked` counts what was looked into at rest, by the plant's own truth (`truth.Looked`).
    `timeline` has the faults and what followed, for people; `violations` in the order in which they were found.
    """

    options: Options
    digest: str = ""
    violations: list[Violation] = []
    simulated_us: int = 0
    items: int = 0
    inputs: int = 0
    groups: int = 0
    faults: dict[str, int] = {}
    kills: dict[str, int] = {}
    goals: dict[str, int] = {}
    looked: dict[str, int] = {}
    timeline: list[Told] = []

    @property
    def failed(self) -> bool:
        """Whether something was violated."""
        return bool(self.violations)


class Notes:
    """What a run collects while it goes on. Both levels fill one and make their `Outcome` of it with `outcome`."""

    VIOLATIONS_MAX = 20
    TIMELINE_MAX = 20_000

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.faults: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.goals: Counter[str] = Counter()
        self.looked: Counter[str] = Counter()
        self.timeline: list[Told] = []

    def tell(self, at_us: int, text: str) -> None:
        """Add a line to the timeline."""
        if len(self.timeline) < self.TIMELINE_MAX:
            self.timeline.append(Told(at_us, text))

    def violated(self, at_us: int, invariant: str, text: str) -> None:
        """Something that must never be was; only the first ones are kept."""
        if len(self.violations) < self.VIOLATIONS_MAX:
            self.violations.append(Violation(invariant, text, at_us))
            self.tell(at_us, f"VIOLATED {invariant}: {text}")

    def struck(self, at_us: int, fault: str, text: str) -> None:
        """A fault was done."""
        self.faults[fault] += 1
        self.tell(at_us, f"{fault}: {text}")

    def met(self, goal: str) -> None:
        """A goal was met once more."""
        self.goals[goal] += 1

    def outcome(self, options: Options, *, digest: str, simulated_us: int, items: int, inputs: int, groups: int) -> Outcome:
        """The outcome of the run."""
        return Outcome(
            options=options,
            digest=digest,
            violations=self.violations,
            simulated_us=simulated_us,
            items=items,
            inputs=inputs,
            groups=groups,
            faults=dict(sorted(self.faults.items())),
            kills=dict(sorted(self.kills.items())),
            goals=dict(sorted(self.goals.items())),
            looked=dict(self.looked),
            timeline=self.timeline,
        )
