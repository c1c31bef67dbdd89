"""
The checks of `packcenter plc doctor`: one function each, from evidence to one finding. No I/O.

A check that has nothing to judge says `SKIPPED` and why. Why a link failed belongs to one check, the one whose `CAUSES`
it is; the others then have no image and are left out, so that one fault is told once.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import median

from packcenter.core.packml import Mode, State
from packcenter.diagnose.evidence import Evidence, Sample, Source
from packcenter.diagnose.finding import Finding, Level, worst_first
from packcenter.plc.line import HEARTBEAT_LIMIT_US, SLOTS
from packcenter.plc.mailbox import Cause

MEDIAN_LIMIT_US = 50_000
"""A decision takes two exchanges, one that brings the scan and one that carries the answer: together within 100 ms."""

SLOW_LIMIT_US = 150_000
"""The share of a decision's deadline that a site keeps for the wire: an exchange that takes longer makes a decision late."""

WALL_CLOCK_LIMIT_US = 2_000_000
"""Dates only label things, and certificates are valid by them; nobody compares two logs closer than this."""

RATE_LIMIT_PERCENT = 2
"""A PLC's time may run this much faster or slower than ours: decisions' deadlines of some seconds move by under 0.1 s."""

LOOK_MIN_US = 1_000_000
"""A shorter look says nothing about a heartbeat that may stand still for 0.8 s, or about a clock."""

LOSSES_AN_HOUR_MAX = 4
FAILED_PERCENT_MAX = 1
_READ_SLACK_US = 20_000  # beside the way of the answer, a look is this far off at worst: a poll gap at each end
_WRITES = ("exchange", "write")  # requests that carry In
_HOUR_US = 3_600_000_000

REACH = frozenset({Cause.UNREACHABLE, Cause.DISCONNECTED, Cause.SILENT})
"""Causes of a failure that mean: the PLC cannot be reached."""

_IMAGE_CAUSES = (Cause.PROTOCOL, Cause.REFUSED, Cause.VERSION)

_MACHINE: dict[int, tuple[Level, str]] = {
    State.EXECUTE: (Level.OK, ""),
    State.IDLE: (Level.OK, ""),
    State.SUSPENDED: (Level.OK, ""),
    State.STOPPED: (Level.WARNING, "While the controller holds the link it resets and starts the machine; see why it does not."),
    State.HELD: (Level.WARNING, "The machine waits for people: look at its panel (film, labels, jam), then unhold."),
    State.HOLDING: (Level.WARNING, "The machine is about to wait for people; look at its panel."),
    State.COMPLETED: (Level.WARNING, "The machine has completed its order; reset it."),
    State.ABORTED: (Level.FAULT, "Remove the cause at the machine, then clear and reset it there."),
    State.ABORTING: (Level.FAULT, "Look at the machine: emergency stop, guard, drive fault?"),
    State.UNDEFINED: (Level.FAULT, "The PLC program has not set its state; check that it is in RUN."),
}
"""What each PackML state means for maintenance; the acting states that are not named pass by themselves."""


def reachable(seen: Evidence) -> Finding:
    """Whether the PLC answers at all."""
    expected = "answers requests"
    lost = seen.failed_with(*REACH)
    if lost is not None:
        next_step = f"Check power, cable and switch of {seen.plc}, and that {seen.address} is its address."
        return Finding("reachable", Level.FAULT, lost, expected, next_step)
    return Finding("reachable", Level.OK, f"{seen.address} answers", expected)


def identity(seen: Evidence) -> Finding:
    """Whether it is the PLC that the site means."""
    expected = f"{seen.plc}'s own nameplate"
    found = seen.identity
    if found is None:
        if seen.source is Source.SERVICE:
            return _skipped("identity", "the service does not ask for it", expected, "--direct asks the PLC itself.")
        return _skipped("identity", "the PLC tells nothing about itself", expected, "Compare the label on the PLC with the site.")
    plate = ", ".join(f"{word} {text}" for word, text in found.plate) or "an empty nameplate"
    if found.called and found.called != seen.plc:
        text = f"it calls itself {found.called!r}: {plate}"
        return Finding("identity", Level.WARNING, text, f"{seen.plc!r}", "Two addresses may be swapped; compare the label on it.")
    return Finding("identity", Level.OK, f"{plate} ({found.how})", expected)


def profile(seen: Evidence) -> Finding:
    """Whether the PLC was made for the same profile file (E11)."""
    image = seen.image
    other = seen.other_digest
    if other is None and image is not None and image.profile_digest != seen.digest:
        other = image.profile_digest
    expected = f"digest {seen.digest:08x}"
    if other is not None:
        next_step = "Load the same profile file into both: until they agree the service only reads this PLC."
        return Finding("profile", Level.FAULT, f"digest {other:08x}", expected, next_step)
    if image is None:
        return _skipped("profile", "no image was read", expected)
    return Finding("profile", Level.OK, f"digest {image.profile_digest:08x}", expected)


def heartbeat(seen: Evidence) -> Finding:
    """Whether the PLC's program runs: its counter moves."""
    expected = f"moves at least every {HEARTBEAT_LIMIT_US / 1e6:.1f} s"
    next_step = "The PLC answers but its program stands still; check that it is in RUN and its cycle time."
    stuck = seen.failed_with(Cause.HEARTBEAT)
    if stuck is not None:
        return Finding("heartbeat", Level.FAULT, stuck, expected, next_step)
    if _looked_us(seen) < LOOK_MIN_US:
        return _skipped("heartbeat", "it was not looked at long enough", expected)
    still_us, moves = _longest_still_us(seen.samples)
    if still_us > HEARTBEAT_LIMIT_US + _gap_us(seen.samples):
        text = f"stood still at {seen.samples[-1].image.heartbeat} for {still_us / 1e6:.1f} s"
        return Finding("heartbeat", Level.FAULT, text, expected, next_step)
    return Finding("heartbeat", Level.OK, f"moved in {moves} of {len(seen.samples) - 1} looks", expected)


def odometer(seen: Evidence) -> Finding:
    """Whether the PLC's count of its events agrees with what was shown, and with what the service took."""
    expected = "rises by one for each event, and the service takes them all"
    contradiction = seen.failed_with(Cause.COUNTERS) or _contradiction(seen)
    if contradiction is not None:
        next_step = "The PLC's program loses or repeats events; give the trace (plc watch) to its programmer."
        return Finding("odometer", Level.FAULT, contradiction, expected, next_step)
    image, view = seen.image, seen.view
    if image is None:
        return _skipped("odometer", "no image was read", expected)
    if view is None or not view.up:
        waiting = f", {len(image.events)}{' or more' if len(image.events) == SLOTS else ''} not acknowledged"
        return Finding("odometer", Level.OK, f"{image.odometer} events in epoch {image.epoch}{waiting}", expected)
    if _stands(seen):
        text = f"{image.odometer} events made, but only {view.taken} taken and {view.acknowledged} acknowledged, without progress"
        return Finding("odometer", Level.FAULT, text, expected, "The service does not journal; look at its log and its disk.")
    text = f"{image.odometer} events made, {view.taken} taken, {view.acknowledged} acknowledged in epoch {view.epoch}"
    return Finding("odometer", Level.OK, text, expected)


def round_trip(seen: Evidence) -> Finding:
    """How long an exchange takes. One slow exchange is chance, and is shown; several are a finding."""
    expected = f"median under {MEDIAN_LIMIT_US / 1e3:.0f} ms, under {SLOW_LIMIT_US / 1e3:.0f} ms but for one in fifty"
    times = seen.round_trip_us
    if not times:
        return _skipped("round trip", "no exchange was measured", expected)
    middle, slow = median(times), sum(each > SLOW_LIMIT_US for each in times)
    text = f"median {middle / 1e3:.1f} ms, worst {max(times) / 1e3:.1f} ms of {len(times)} exchanges"
    if middle > MEDIAN_LIMIT_US or slow * 50 > len(times):
        text += f", {slow} slow ones" if slow else ""
        next_step = "Decisions may come late: look for a slow PLC cycle, other clients of the PLC, or a bad switch or cable."
        return Finding("round trip", Level.WARNING, text, expected, next_step)
    return Finding("round trip", Level.OK, text, expected)


def images(seen: Evidence) -> Finding:
    """Whether `Out` can be read and is what the interface says."""
    expected = "125 words of line interface version 1.0"
    wrong = seen.failed_with(*_IMAGE_CAUSES)
    if wrong is not None:
        return Finding(
            "out image", Level.FAULT, wrong, expected, "Compare address, unit and node with the profile, and the PLC's version."
        )
    if not seen.samples:
        return _skipped("out image", "no image was read", expected)
    return Finding("out image", Level.OK, f"read {len(seen.samples)} times, each sound ({seen.how})", expected)


def writable(seen: Evidence) -> Finding:
    """Whether `In` takes our image. Told from the service's own writes, from access rights, or from a write test asked for."""
    expected = "In takes the controller's image"
    if seen.write_test is not None and not seen.write_test.skipped:
        if seen.write_test.refused:
            text = f"writing In back failed: {seen.write_test.refused}"
            return Finding("in image", Level.FAULT, text, expected, "Allow writing In in the PLC.")
        return Finding("in image", Level.OK, "In was written back as it was read", expected)
    if seen.view is not None and seen.view.up:
        return _from_the_services_writes(seen.view.requests, expected)
    access = seen.in_access
    if access is not None and access.writable is not None:
        if access.writable:
            return Finding("in image", Level.OK, access.how, expected)
        return Finding("in image", Level.FAULT, access.how, expected, "Give the controller's session the right to write In.")
    text = seen.write_test.skipped if seen.write_test is not None else "" if access is None else access.how
    next_step = "" if seen.write_test is not None else "--direct --write-test writes In back as it is."
    return _skipped("in image", text or "no link writes it at present", expected, next_step)


def machine(seen: Evidence) -> Finding:
    """The PackML state by name."""
    expected = "Execute, Idle, Suspended, or on the way there"
    image = seen.image
    if image is None:
        return _skipped("machine", "no image was read", expected)
    state = image.packml_state
    if state >= len(State):
        next_step = "Correct word 7 of Out in the PLC's program."
        return Finding("machine", Level.FAULT, f"state {state}", f"a PackML state, 0 to {len(State) - 1}", next_step)
    level, next_step = _MACHINE.get(state, (Level.OK, ""))
    known = image.packml_mode in (Mode.PRODUCTION, Mode.MAINTENANCE, Mode.MANUAL)
    mode = Mode(image.packml_mode).name.lower() if known else f"mode {image.packml_mode}"
    text = f"{State(state).name.capitalize()} ({state}), {mode}"
    return Finding("machine", level, text, expected, next_step)


def alarms(seen: Evidence) -> Finding:
    """The PLC's alarm word."""
    image = seen.image
    if image is None:
        return _skipped("alarms", "no image was read", "none")
    if image.alarms:
        bits = ", ".join(str(bit) for bit in range(16) if image.alarms >> bit & 1)
        return Finding(
            "alarms", Level.WARNING, f"alarm bits {bits}", "none", "Look the bits up in the PLC program's description."
        )
    return Finding("alarms", Level.OK, "none", "none")


def clock_rate(seen: Evidence) -> Finding:
    """Whether the PLC's time runs as fast as ours: deadlines of decisions are in PLC time."""
    often = "" if seen.speed == 1 else f" x {seen.speed}"
    expected = f"our clock{often}, within {RATE_LIMIT_PERCENT} %"
    looked_us = _looked_us(seen)
    if looked_us < LOOK_MIN_US:
        return _skipped("clock rate", "it was not looked at long enough", expected)
    if len({sample.image.nonce for sample in seen.samples}) > 1:
        return _skipped("clock rate", "the PLC restarted meanwhile", expected, "Look again.")
    plc_us = 1000 * sum((after.image.plc_ms - before.image.plc_ms) & 0xFFFF for before, after in _pairs(seen.samples))
    off_us = abs(plc_us - looked_us * seen.speed)
    text = f"{plc_us / looked_us:.3f} seconds of the PLC in one of ours, over {looked_us / 1e6:.1f} s"
    unsure_us = _READ_SLACK_US + max(seen.round_trip_us, default=0)
    if off_us > (looked_us * RATE_LIMIT_PERCENT // 100 + unsure_us) * seen.speed:
        next_step = "Word 124 must be the PLC's time in ms modulo 65536; in a simulation at another speed this is how it looks."
        return Finding("clock rate", Level.WARNING, text, expected, next_step)
    return Finding("clock rate", Level.OK, text, expected)


def wall_clock(seen: Evidence) -> Finding:
    """The PLC's date and time against ours."""
    expected = f"within {WALL_CLOCK_LIMIT_US / 1e6:.0f} s of ours"
    clock = seen.wall_clock
    if clock is None:
        why = "the service does not ask for it" if seen.source is Source.SERVICE else "the PLC does not tell date and time"
        return _skipped("date and time", why, expected)
    text = f"{abs(clock.ahead_us) / 1e6:.2f} s {'ahead of' if clock.ahead_us >= 0 else 'behind'} ours"
    text += f" (known to {clock.uncertain_us / 1e6:.2f} s)"
    if abs(clock.ahead_us) > WALL_CLOCK_LIMIT_US + clock.uncertain_us:
        return Finding(
            "date and time", Level.WARNING, text, expected, "Let PLC and server take their time from the same NTP server."
        )
    return Finding("date and time", Level.OK, text, expected)


def stability(seen: Evidence) -> Finding:
    """How often the service lost this PLC."""
    expected = f"at most {LOSSES_AN_HOUR_MAX} losses an hour, under {FAILED_PERCENT_MAX} % of requests failed"
    view = seen.view
    if view is None:
        return _skipped("stability", "no service watches the link", expected)
    losses = max(0, view.connections - 1)
    bad = {name: count for name, count in view.requests.items() if not name.endswith((" ok", " cancelled"))}
    failed, asked = sum(bad.values()), sum(view.requests.values())
    text = f"{losses} losses in {_span(view.watched_us)}, {failed:,} of {asked:,} requests failed"
    hours = max(1.0, view.watched_us / _HOUR_US)
    if losses > LOSSES_AN_HOUR_MAX * hours or failed * 100 > FAILED_PERCENT_MAX * asked:
        kinds = ", ".join(f"{name} {count:,}" for name, count in bad.items()) or "none"
        next_step = f"Failed: {kinds}. Look at the network at the times of `plc_lost` in the service's log."
        return Finding("stability", Level.WARNING, text, expected, next_step)
    return Finding("stability", Level.OK, text, expected)


CHECKS: tuple[Callable[[Evidence], Finding], ...] = (
    reachable, identity, profile, heartbeat, odometer, round_trip, images, writable, machine, alarms, clock_rate, wall_clock,
    stability,
)  # fmt: skip


def diagnose(seen: Evidence) -> list[Finding]:
    """Every check, worst first. Without any image the checks that need one are left out: one fault, one line."""
    findings = [check(seen) for check in CHECKS]
    if not seen.samples:
        findings = [finding for finding in findings if finding.is_problem] or findings
    return worst_first(findings)


def is_unreachable(seen: Evidence) -> bool:
    """Whether the PLC cannot be reached, so that nothing else can be said of it."""
    return seen.failed_with(*REACH) is not None


def _skipped(check: str, why: str, expected: str, next_step: str = "") -> Finding:
    return Finding(check, Level.SKIPPED, why, expected, next_step)


def _from_the_services_writes(requests: dict[str, int], expected: str) -> Finding:
    good, bad = (sum(requests.get(f"{operation} {result}", 0) for operation in _WRITES) for result in ("ok", Cause.REFUSED))
    text = f"the service wrote it {good:,} times, {bad:,} were refused"
    if not good:
        return Finding("in image", Level.FAULT, text, expected, "Allow writing In in the PLC.")
    if bad:
        return Finding("in image", Level.WARNING, text, expected, "Compare the profile with the PLC.")
    return Finding("in image", Level.OK, text, expected)


def _contradiction(seen: Evidence) -> str | None:
    """What the PLC's numbers say that cannot be; None if they make sense. A new life counts anew."""
    for before, after in _pairs(seen.samples):
        then, now = before.image, after.image
        if (then.nonce, then.epoch) == (now.nonce, now.epoch) and now.odometer < then.odometer:
            return f"odometer fell from {then.odometer} to {now.odometer} in one epoch"
    for sample in seen.samples:
        image = sample.image
        last = image.events[-1].number if image.events else None
        if last is not None and last > image.odometer:
            return f"odometer {image.odometer}, but event {last} is shown"
        if last is not None and len(image.events) < SLOTS and last != image.odometer:
            return f"odometer {image.odometer}, but the events shown end at {last} with slots free"
    view = seen.view
    if view is not None and view.image is not None and view.image.epoch == view.epoch and view.image.odometer < view.acknowledged:
        return f"odometer {view.image.odometer}, but {view.acknowledged} events were acknowledged"
    return None


def _stands(seen: Evidence) -> bool:
    """Whether the service leaves events where they are for all the time that was looked."""
    first, last = seen.views[0], seen.views[-1]
    if last.at_us - first.at_us < LOOK_MIN_US or first.epoch != last.epoch or first.image is None:
        return False
    return last.acknowledged == first.acknowledged and first.image.odometer > first.acknowledged


def _looked_us(seen: Evidence) -> int:
    return seen.samples[-1].at_us - seen.samples[0].at_us if seen.samples else 0


def _longest_still_us(samples: list[Sample]) -> tuple[int, int]:
    """(longest time between two moves of the heartbeat, ends included; moves seen)."""
    longest_us, moves, moved_at_us = 0, 0, samples[0].at_us
    for before, after in _pairs(samples):
        if before.image.heartbeat != after.image.heartbeat:
            moves += 1
            longest_us, moved_at_us = max(longest_us, after.at_us - moved_at_us), after.at_us
    return max(longest_us, samples[-1].at_us - moved_at_us), moves


def _gap_us(samples: list[Sample]) -> int:
    """The longest time between two looks: so much of a still heartbeat may be ours."""
    return max((after.at_us - before.at_us for before, after in _pairs(samples)), default=0)


def _pairs(samples: list[Sample]) -> list[tuple[Sample, Sample]]:
    return list(pairwise(samples))


def _span(us: int) -> str:
    seconds = us // 1_000_000
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
