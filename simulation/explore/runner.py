"""
Many seeds on all cores: each seed is one task of a process pool, its outcome comes back without its timeline unless it failed.

    results = Results()
    for outcome in run_all(list_of_options, workers=2): results.add(outcome)
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

import msgspec

from simulation.explore.features import features_of
from simulation.explore.options import Level, Options, Outcome

_AHEAD = 4
"""Tasks in the pool for each worker: enough that none waits, few enough that a stop is soon."""


def explore(options: Options) -> Outcome:
    """One run, at the level that its options name."""
    if options.level == "wire":
        from simulation.explore import wire

        outcome: Outcome = wire.explore(options)
        return outcome
    from simulation.explore import protocol

    return protocol.explore(options)


def explore_quietly(options: Options) -> Outcome:
    """The same, without the timeline of a run that did not fail."""
    outcome = explore(options)
    if not outcome.failed:
        outcome.timeline = []
    return outcome


def run_all(runs: Iterable[Options], workers: int, stop: Callable[[], bool] = lambda: False) -> Iterator[Outcome]:
    """The outcomes of all runs, as they come; with one worker in order, in this process. `stop` is asked before each start."""
    if workers == 1:
        gc.freeze()
        for options in runs:
            if stop():
                return
            yield explore_quietly(options)
        return
    waiting = iter(runs)
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
        under_way: set[Future[Outcome]] = set()
        while True:
            while len(under_way) < workers * _AHEAD and not stop() and (following := next(waiting, None)) is not None:
                under_way.add(pool.submit(explore_quietly, following))
            if not under_way:
                return
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            yield from sorted((future.result() for future in done), key=lambda outcome: outcome.options.seed)


class Share(msgspec.Struct):
    """What the runs that have a feature come to."""

    seeds: int = 0
    simulated_us: int = 0
    items: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.seeds += 1
        self.simulated_us += outcome.simulated_us
        self.items += outcome.items


class Results(msgspec.Struct):
    """
    What a set of runs came to; every field is a sum, `features` by name, `failed` the outcomes that violated something,
    `digests` by seed.
    """

    seeds: int = 0
    simulated_us: int = 0
    items: int = 0
    inputs: int = 0
    groups: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    kills: Counter[str] = msgspec.field(default_factory=Counter)
    goals: Counter[str] = msgspec.field(default_factory=Counter)
    looked: Counter[str] = msgspec.field(default_factory=Counter)
    features: dict[str, Share] = msgspec.field(default_factory=dict)
    digests: dict[int, str] = msgspec.field(default_factory=dict)
    failed: list[Outcome] = msgspec.field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.seeds += 1
        self.simulated_us += outcome.simulated_us
        self.items += outcome.items
        self.inputs += outcome.inputs
        self.groups += outcome.groups
        self.faults.update(outcome.faults)
        self.kills.update(outcome.kills)
        self.goals.update(outcome.goals)
        self.looked.update(outcome.looked)
        for feature in features_of(outcome.options):
            self.features.setdefault(feature, Share()).add(outcome)
        self.digests[outcome.options.seed] = outcome.digest
        if outcome.failed:
            self.failed.append(outcome)

    def missed(self, level: Level) -> list[str]:
        """The goals that so many seeds should have met and did not."""
        from simulation.explore.goals import missed

        return missed(self.goals, self.seeds, level)
