"""Each check by itself: what it says of sound evidence, of each fault, and of nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from packcenter.core.packml import State
from packcenter.diagnose import checks
from packcenter.diagnose.checks import diagnose
from packcenter.diagnose.evidence import (
    Evidence,
    Failure,
    Identity,
    InAccess,
    Sample,
    Source,
    WallClock,
    WriteTest,
)
from packcenter.diagnose.finding import Finding, Level, worst_first
from packcenter.plc.image import OutImage
from packcenter.plc.line import LineEvent
from packcenter.plc.mailbox import Cause
from packcenter.plc.view import LinkView

DIGEST = 0xC0FFEE01
STEP_US = 100_000


def out(**fields: Any) -> OutImage:
    sound: dict[str, Any] = {
        "profile_digest": DIGEST,
        "nonce": 77,
        "epoch": 1,
        "heartbeat": 1,
        "packml_state": State.EXECUTE,
        "packml_mode": 1,
        "alarms": 0,
        "odometer": 9,
        "taken": 0,
        "places_open": 0,
        "plc_ms": 0,
    }
    return OutImage(**{**sound, **fields})


def samples(count: int = 20, *, rate: float = 1.0, beat: bool = True, **fields: Any) -> list[Sample]:
    """Looks 100 ms apart at a PLC whose time runs at `rate`."""
    images = (out(heartbeat=at if beat else 7, plc_ms=int(at * 100 * rate) & 0xFFFF, **fields) for at in range(count))
    return [Sample(at * STEP_US, image) for at, image in enumerate(images)]


def view(at_us: int = 0, **fields: Any) -> LinkView:
    sound: dict[str, Any] = {
        "plc": "sorter-1",
        "protocol": "modbus",
        "address": "10.0.0.7:502, unit 1",
        "at_us": at_us,
        "watched_us": 3_600_000_000,
        "up": True,
        "how": "function 23",
        "epoch": 1,
        "taken": 9,
        "acknowledged": 9,
        "commands_waiting": 0,
        "connections": 1,
        "requests": {"connect ok": 1, "exchange ok": 1000, "read ok": 4000},
        "round_trip_us": [2000],
        "request_timeout_us": 300_000,
        "digest": DIGEST,
        "image": out(),
        "image_at_us": at_us,
    }
    return LinkView(**{**sound, **fields})


def evidence(**fields: Any) -> Evidence:
    sound: dict[str, Any] = {
        "plc": "sorter-1",
        "address": "10.0.0.7:502, unit 1",
        "source": Source.DIRECT,
        "digest": DIGEST,
        "request_timeout_us": 300_000,
        "samples": samples(),
        "round_trip_us": [2000] * 50,
        "identity": Identity("function 43", (("maker", "Hall Works"),), "sorter-1"),
        "in_access": InAccess(True, "may be written"),
        "wall_clock": WallClock(100_000, 1_000),
    }
    return Evidence(**{**sound, **fields})


def the(check: Any, **fields: Any) -> Finding:
    found: Finding = check(evidence(**fields))
    return found


def test_a_sound_plc_passes_every_check_but_those_that_only_a_service_can_answer() -> None:
    """The one check that is left says why it was not made."""
    found = {finding.check: finding for finding in diagnose(evidence())}
    assert {check for check, finding in found.items() if finding.level is not Level.OK} == {"stability"}
    assert found["stability"].level is Level.SKIPPED
    assert len(found) == len(checks.CHECKS)


def test_a_sound_link_of_the_service_passes_every_check_but_those_that_need_a_look() -> None:
    """Identity and date are not asked for on the connection that controls."""
    found = diagnose(
        evidence(source=Source.SERVICE, identity=None, wall_clock=None, in_access=None, views=[view(), view(2_000_000)])
    )
    skipped = [finding.check for finding in found if finding.level is not Level.OK]
    assert skipped == ["identity", "date and time"]
    assert found[0].next_step == "--direct asks the PLC itself."


def test_worst_comes_first_and_within_a_level_the_order_of_the_checks_stays() -> None:
    """A person reads the top line."""
    levels = [Level.OK, Level.SKIPPED, Level.FAULT, Level.WARNING, Level.FAULT]
    findings = [Finding(str(at), level, "", "") for at, level in enumerate(levels)]
    assert [finding.check for finding in worst_first(findings)] == ["2", "4", "3", "1", "0"]


@pytest.mark.parametrize("cause", list(Cause))
def test_one_cause_of_a_lost_link_is_one_fault_of_one_check(cause: Cause) -> None:
    """Without an image nothing but the cause is told, by the check that it belongs to."""
    other = 0xBAD if cause is Cause.PROFILE else None
    found = diagnose(evidence(failure=Failure(cause, "why"), samples=[], round_trip_us=[], other_digest=other))
    expected = {
        Cause.UNREACHABLE: "reachable",
        Cause.DISCONNECTED: "reachable",
        Cause.SILENT: "reachable",
        Cause.HEARTBEAT: "heartbeat",
        Cause.COUNTERS: "odometer",
        Cause.PROTOCOL: "out image",
        Cause.REFUSED: "out image",
        Cause.VERSION: "out image",
        Cause.PROFILE: "profile",
    }
    told = [finding.check for finding in found if finding.level is Level.FAULT]
    assert told == ([expected[cause]] if cause in expected else [])
    assert all(finding.next_step for finding in found if finding.is_problem)


def test_only_what_cannot_be_reached_is_unreachable() -> None:
    """A PLC that answers wrongly is a problem, not an absence; the exit code differs."""
    causes = {cause for cause in Cause if checks.is_unreachable(evidence(failure=Failure(cause, "why")))}
    assert causes == {Cause.UNREACHABLE, Cause.DISCONNECTED, Cause.SILENT}


def test_another_plc_at_this_address_is_told_by_the_name_it_gives_itself() -> None:
    """Two swapped addresses show before anything is sorted into the wrong bag."""
    swapped = the(checks.identity, identity=Identity("function 43", (("maker", "Hall Works"),), "sorter-2"))
    assert swapped.level is Level.WARNING
    assert "'sorter-2'" in swapped.seen
    unnamed = the(checks.identity, identity=Identity("function 43", (("maker", "Hall Works"),)))
    assert unnamed.level is Level.OK


def test_a_plc_without_a_nameplate_is_not_a_fault() -> None:
    """Identification is optional in Modbus."""
    assert the(checks.identity, identity=None).level is Level.SKIPPED


@pytest.mark.parametrize("fields", [{"other_digest": 0xBAD}, {"samples": samples(profile_digest=0xBAD)}])
def test_another_profile_is_a_fault_with_both_digests(fields: dict[str, Any]) -> None:
    """Whether the service told of it or it was read."""
    found = the(checks.profile, **fields)
    assert (found.level, found.seen, found.expected) == (Level.FAULT, "digest 00000bad", "digest c0ffee01")


def test_a_heartbeat_that_stands_still_is_a_fault() -> None:
    """A server may answer while the program behind it is in STOP."""
    found = the(checks.heartbeat, samples=samples(beat=False))
    assert found.level is Level.FAULT
    assert found.seen == "stood still at 7 for 1.9 s"


def test_a_heartbeat_that_stops_halfway_is_a_fault() -> None:
    """What counts is the longest stand, not whether it ever moved."""
    moving, still = samples(15), samples(30, beat=False)
    found = the(checks.heartbeat, samples=moving + still[15:])
    assert found.level is Level.FAULT
    assert "1.4 s" in found.seen


def test_a_short_look_says_nothing_about_heartbeat_and_clock() -> None:
    """0.8 s without a beat are allowed; less than a second was seen."""
    few = samples(5)
    assert the(checks.heartbeat, samples=few).level is Level.SKIPPED
    assert the(checks.clock_rate, samples=few).level is Level.SKIPPED


def test_slow_looks_do_not_make_a_heartbeat_seem_to_stand() -> None:
    """A beat that was not looked for may have come: the gaps between looks are ours."""
    beats = [Sample(at * 900_000, out(heartbeat=at, plc_ms=at * 900)) for at in range(4)]
    assert the(checks.heartbeat, samples=beats).level is Level.OK


def events(*numbers: int) -> tuple[LineEvent, ...]:
    return tuple(LineEvent(number, 1) for number in numbers)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([out(odometer=9), out(odometer=8)], "fell from 9 to 8"),
        ([out(odometer=9, events=events(9, 10))], "event 10 is shown"),
        ([out(odometer=12, events=events(8, 9))], "end at 9 with slots free"),
    ],
)
def test_an_odometer_that_contradicts_itself_is_a_fault(images: list[OutImage], words: str) -> None:
    """It must never fall in an epoch, and the events shown must reach it unless the slots are full."""
    found = the(checks.odometer, samples=[Sample(at, image) for at, image in enumerate(images)])
    assert found.level is Level.FAULT
    assert words in found.seen


def test_a_restart_lets_the_odometer_begin_again() -> None:
    """Another nonce is another life."""
    lives = [Sample(0, out(odometer=9)), Sample(1, out(odometer=0, nonce=78, epoch=0))]
    assert the(checks.odometer, samples=lives).level is Level.OK


def test_full_slots_may_end_before_the_odometer() -> None:
    """The image shows the oldest four; there may be more."""
    assert the(checks.odometer, samples=[Sample(0, out(odometer=30, events=events(8, 9, 10, 11)))]).level is Level.OK


def test_events_that_the_service_leaves_are_a_fault_only_while_nothing_moves() -> None:
    """A busy line always has an event on its way; one that stays is not being journaled."""
    waiting = out(odometer=12, events=events(10, 11, 12))
    stuck = [view(at, image=waiting, taken=12, acknowledged=9) for at in (0, 2_000_000)]
    found = the(checks.odometer, source=Source.SERVICE, views=stuck, samples=[Sample(0, waiting)])
    assert found.level is Level.FAULT
    assert "12 events made, but only 12 taken and 9 acknowledged" in found.seen
    moving = [stuck[0], msgspec.structs.replace(stuck[1], acknowledged=11)]
    assert the(checks.odometer, source=Source.SERVICE, views=moving, samples=[Sample(0, waiting)]).level is Level.OK
    short = [stuck[0], msgspec.structs.replace(stuck[1], at_us=100_000)]
    assert the(checks.odometer, source=Source.SERVICE, views=short, samples=[Sample(0, waiting)]).level is Level.OK


def test_a_plc_that_forgot_events_that_the_service_has_is_a_fault() -> None:
    """Acknowledged means made."""
    views = [view(at, image=out(odometer=5), acknowledged=9) for at in (0, 2_000_000)]
    assert the(checks.odometer, views=views).level is Level.FAULT


@pytest.mark.parametrize(
    ("times", "level"),
    [
        ([2_000] * 50, Level.OK),
        ([2_000] * 49 + [290_000], Level.OK),
        ([2_000] * 48 + [290_000] * 2, Level.WARNING),
        ([60_000] * 50, Level.WARNING),
    ],
)
def test_one_slow_exchange_is_chance_and_several_are_a_finding(times: list[int], level: Level) -> None:
    """The worst is always shown."""
    found = the(checks.round_trip, round_trip_us=times)
    assert found.level is level
    assert f"worst {max(times) / 1e3:.1f} ms" in found.seen


def test_in_is_judged_by_the_services_own_writes_where_one_runs() -> None:
    """Nothing tells better whether an image is taken than that it is taken."""
    good = the(checks.writable, views=[view()], in_access=InAccess(False, "no"))
    assert (good.level, good.seen) == (Level.OK, "the service wrote it 1,000 times, 0 were refused")
    refused = view(requests={"write ok": 5, "write refused": 2})
    assert the(checks.writable, views=[refused]).level is Level.WARNING
    never = view(requests={"write refused": 2})
    assert the(checks.writable, views=[never]).level is Level.FAULT


def test_in_is_judged_by_access_rights_or_a_write_test_without_a_service() -> None:
    """Nothing is written to find out, unless that was asked for."""
    assert the(checks.writable, in_access=InAccess(True, "yes")).level is Level.OK
    assert the(checks.writable, in_access=InAccess(False, "no")).level is Level.FAULT
    unknown = the(checks.writable, in_access=InAccess(None, "Modbus has no access rights to ask for"))
    assert unknown.level is Level.SKIPPED
    assert "--write-test" in unknown.next_step
    assert the(checks.writable, in_access=None, write_test=WriteTest()).level is Level.OK
    assert the(checks.writable, in_access=None, write_test=WriteTest(refused="exception 2")).level is Level.FAULT
    assert the(checks.writable, in_access=None, write_test=WriteTest(skipped="busy")).level is Level.SKIPPED


@pytest.mark.parametrize("state", list(State))
def test_every_packml_state_has_a_name_and_a_verdict(state: State) -> None:
    """What stops a line is told with what to do; what passes by itself is not."""
    found = the(checks.machine, samples=samples(packml_state=state))
    assert found.seen.lower().startswith(state.name.lower())
    troubled = {State.UNDEFINED, State.STOPPED, State.HOLDING, State.HELD, State.COMPLETED, State.ABORTING, State.ABORTED}
    assert found.is_problem == (state in troubled)
    assert bool(found.next_step) == found.is_problem


def test_a_state_that_packml_has_not_is_a_fault() -> None:
    """A wrong word 7 must not look like a machine."""
    assert the(checks.machine, samples=samples(packml_state=99)).level is Level.FAULT


def test_alarm_bits_are_named_by_number() -> None:
    """Only the PLC's own description says what they mean."""
    assert "bits 0, 3" in the(checks.alarms, samples=samples(alarms=0b1001)).seen


@pytest.mark.parametrize(
    ("rate", "speed", "level"),
    [
        (1.0, 1, Level.OK),
        (1.1, 1, Level.WARNING),
        (5.0, 5, Level.OK),
        (1.0, 5, Level.WARNING),
        (0.0, 1, Level.WARNING),
    ],
)
def test_the_plcs_time_must_run_as_fast_as_ours(rate: float, speed: int, level: Level) -> None:
    """In a laboratory as many times faster as its plant is."""
    found = the(checks.clock_rate, samples=samples(rate=rate), speed=speed)
    assert found.level is level


def test_a_slow_answer_makes_no_clock_fault() -> None:
    """An image is as old as its way was long; so much cannot be told of the clock."""
    late = samples()
    late[-1] = Sample(late[-1].at_us + 250_000, late[-1].image)
    assert the(checks.clock_rate, samples=late).level is Level.WARNING
    assert the(checks.clock_rate, samples=late, round_trip_us=[2_000, 250_000]).level is Level.OK


def test_the_plcs_time_may_wrap_between_two_looks() -> None:
    """Word 124 is modulo 65536 ms."""
    wrapping = [Sample(at * STEP_US, out(plc_ms=(65_000 + at * 100) & 0xFFFF)) for at in range(20)]
    assert the(checks.clock_rate, samples=wrapping).level is Level.OK


def test_a_restart_makes_no_clock_fault() -> None:
    """Two lives have two clocks."""
    lives = [Sample(at * STEP_US, out(nonce=77 + at // 10, plc_ms=at * 7_000 & 0xFFFF)) for at in range(20)]
    assert the(checks.clock_rate, samples=lives).level is Level.SKIPPED


@pytest.mark.parametrize(
    ("ahead_us", "level"), [(0, Level.OK), (-1_900_000, Level.OK), (-3_000_000, Level.WARNING), (10**12, Level.WARNING)]
)
def test_date_and_time_may_differ_by_two_seconds(ahead_us: int, level: Level) -> None:
    """More, and nobody can compare two logs."""
    found = the(checks.wall_clock, wall_clock=WallClock(ahead_us, 1_000))
    assert found.level is level
    assert ("ahead" in found.seen) == (ahead_us >= 0)


def test_a_link_that_is_lost_often_is_told_with_the_kinds_of_failure() -> None:
    """Some losses a shift are life; several an hour are a cable."""
    assert the(checks.stability, views=[view(connections=5)]).level is Level.OK
    often = the(checks.stability, views=[view(connections=9, requests={"exchange ok": 9_000, "read silent": 3})])
    assert often.level is Level.WARNING
    assert "read silent 3" in often.next_step
    day = view(connections=9, watched_us=24 * 3_600_000_000)
    assert the(checks.stability, views=[day]).level is Level.OK


def test_many_failed_requests_are_a_warning_and_cancelled_ones_are_not_failed() -> None:
    """A stop cancels what is under way; that says nothing of the network."""
    failing = view(requests={"exchange ok": 950, "exchange silent": 50})
    assert the(checks.stability, views=[failing]).level is Level.WARNING
    stopped = view(requests={"exchange ok": 950, "exchange cancelled": 50})
    assert the(checks.stability, views=[stopped]).level is Level.OK
