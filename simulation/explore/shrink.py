"""
A failing run made as short as it gets: faults off one by one, then softer, then less time, then fewer items; and its script.

A smaller run counts if the same invariant is violated. Every fault class has luck of its own, so that switching one off leaves
the others' moments where they were; still, a run that is cut short may fail for another reason, which is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from simulation.explore.options import Options, Outcome

Explore = Callable[[Options], Outcome]
RUNS_MAX = 400
"""Runs tried for one failure: a minute or two of work."""

_SHORTEST_US = 5_000_000


def shrink(failed: Outcome, explore: Explore, tried: Callable[[int, Options], None] = lambda count, options: None) -> Outcome:
    """
    The smallest run found that violates what `failed` violates first. Raises `AssertionError` if `failed` does not come again.

    `tried` is told the number of runs so far and the best options.
    """
    assert failed.violations, failed.options
    letter = failed.violations[0].invariant
    best = explore(failed.options)
    assert _violates(best, letter), f"{failed.options}: {letter} is not violated again; the run is not deterministic"
    runs = 1
    while runs < RUNS_MAX:
        smaller = None
        for options in _smaller(best):
            if runs >= RUNS_MAX:
                break
            outcome = explore(options)
            runs += 1
            tried(runs, best.options)
            if _violates(outcome, letter):
                smaller = outcome
                break
        if smaller is None:
            return best
        best = smaller
    return best


def _violates(outcome: Outcome, letter: str) -> bool:
    return any(violation.invariant == letter for violation in outcome.violations)


def _smaller(outcome: Outcome) -> Iterator[Options]:
    """Runs that are a little smaller, most promising first."""
    options = outcome.options
    struck = set(outcome.faults)
    idle = [name for name in options.faults if name not in struck]
    names = list(options.faults)
    if idle and len(names) > len(idle):
        yield _without(options, idle)
    half = len(names) // 2
    if half > 1:
        yield _without(options, names[:half])
        yield _without(options, names[half:])
    yield from (_without(options, [name]) for name in names)
    yield from _shorter(options, outcome.violations[0].at_us)
    yield from (replace(options, faults={**options.faults, name: 1}) for name in names if options.faults[name] > 1)
    for items in (options.items // 4, options.items // 2, options.items * 3 // 4, options.items - 1):
        if 0 < items < options.items:
            yield replace(options, items=items)


def _shorter(options: Options, violated_us: int) -> Iterator[Options]:
    """Less time under faults: to just after the violation, else by halves."""
    second = 1_000_000
    cuts = [
        violated_us // second * second + second,
        options.safety_us // 2,
        options.safety_us * 3 // 4,
        options.safety_us - second,
    ]
    for cut in cuts:
        us = cut // second * second
        if _SHORTEST_US <= us < options.safety_us:
            yield replace(options, safety_us=us)


def _without(options: Options, names: list[str]) -> Options:
    return replace(options, faults={name: hard for name, hard in options.faults.items() if name not in names})


# --- what a person reads -----------------------------------------------------------------------------------------------


def command_of(options: Options) -> str:
    """The line that runs exactly this again."""
    faults = ",".join(f"{name}:{hard}" for name, hard in options.faults.items())
    return (
        f"packcenter explore --seeds {options.seed}:{options.seed + 1} --level {options.level} --hall {options.hall}"
        f" --items {options.items} --for {options.safety_us // 1_000_000}s --only {faults or 'none'}"
    )


def script_of(outcome: Outcome) -> str:
    """The run as a readable timeline: what was done, what followed, what was violated, and how to see it again."""
    options = outcome.options
    broken = ", ".join(dict.fromkeys(each.invariant for each in outcome.violations))
    lines = [
        f"# Seed {options.seed}, {options.level} level: {broken}",
        f"# {command_of(options)}",
        f"# hall {options.hall}, {options.items} items, faults for {options.safety_us / 1e6:.0f} s:"
        f" {', '.join(f'{name} {hard}' for name, hard in options.faults.items()) or 'none'}",
        "",
        *(f"{told.at_us / 1e6:12.6f}  {told.text}" for told in outcome.timeline),
        "----",
        *(str(violation) for violation in outcome.violations),
        "",
    ]
    return "\n".join(lines)


def entry_of(outcome: Outcome, why: str) -> str:
    """The run as an entry of `tests/explore/seeds.toml`, by which it is run again for ever."""
    options = outcome.options
    faults = ", ".join(f"{name} = {hard}" for name, hard in options.faults.items())
    return (
        "[[run]]\n"
        f'why = "{why}"\n'
        f"seed = {options.seed}\n"
        f'level = "{options.level}"\n'
        f'hall = "{options.hall}"\n'
        f"items = {options.items}\n"
        f"safety_us = {options.safety_us}\n"
        f"faults = {{ {faults} }}\n"
    )
