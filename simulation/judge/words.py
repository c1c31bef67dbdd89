"""A verdict in words, for whoever runs the judge by hand."""

from __future__ import annotations

from simulation.judge import Verdict


def lines_of(verdict: Verdict, shown: int) -> list[str]:
    """What is broken, the first first and `shown` of it at most, then what was read, then the verdict."""
    lines = list(verdict.violations[:shown])
    count = len(verdict.violations) + verdict.more
    if count > len(lines):
        lines.append(f"... and {count - len(lines):,} more")
    lines += verdict.notes
    if verdict.ended and verdict.readable:
        lines.append(f"Note: {verdict.ended}. A crash leaves that; nothing that was acknowledged is missing.")
    lines.append(
        f"{verdict.records:,} records in {verdict.groups:,} groups of {_some(verdict.segments, 'segment')},"
        f" {_some(verdict.runs, 'run')}: {verdict.items:,} items announced, {verdict.objects:,} objects without a line,"
        f" {verdict.parcels:,} parcels, {verdict.bags:,} bags, {verdict.dispatched:,} items dispatched,"
        f" {_some(verdict.lost, 'item')} lost, {_some(verdict.gaps, 'gap')} in events."
    )
    lines.append(f"After record {verdict.sequence:,} the chain is {verdict.chain}.")
    sound = "Sound: all that can be seen from the journal holds."
    lines.append(sound if verdict.sound else f"NOT SOUND: {_some(count, 'violation')}.")
    return lines


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
