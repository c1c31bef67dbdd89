"""
Every kind of hostile server at every stage of a link: called by its name in time, nothing believed, and gone without a trace.

The stages of one kind run beside each other, for most of a case is waiting.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hostile_kinds import KINDS, SILENT, Kind
from hostile_links import CLOCK, TIMEOUT_US, Service, honest_plc, running, settings, until
from hostile_middle import Middle

from packcenter.plc import link as link_module
from packcenter.plc.mailbox import LinkLost, NoLink

SHORT_US = 800_000  # patience where a silence is waited for, so that many of them do not take minutes
LONG_US = 3_000_000  # patience where it must not be what ends a case, on a machine that is busy
LATE_S = 1.0  # what may pass beyond a deadline, on a machine that gives us our turns
RECOVERY_S = 20.0  # the pauses are a second each; a busy machine may take its time
_BEFORE_UP = ("connect", "hello", "open channel", "create session", "activate session", "create subscription", "create items")

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("protocol", "name"), [(protocol, name) for protocol, kinds in KINDS.items() for name in kinds])
async def test_a_hostile_server_is_called_by_its_name_and_an_honest_one_taken_at_once(
    protocol: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right cause, in time, nothing wrong believed; the honest server that takes the place is up within its pauses."""
    kind = KINDS[protocol][name]
    monkeypatch.setattr(link_module, "CONNECT_LIMIT_US", _patience_us(kind))
    before = asyncio.all_tasks()
    complaints = await asyncio.gather(*(_case(protocol, stage, kind) for stage in sorted(kind.stages)))
    assert not [each for each in complaints if each]
    await asyncio.sleep(0)
    assert not asyncio.all_tasks() - before, "tasks are left over"


async def _case(protocol: str, stage: str, kind: Kind) -> str:
    try:
        async with honest_plc(protocol) as (_, server):
            floor_ms = 100.0 if stage == "poll" else None
            async with Middle(protocol, "127.0.0.1", server.port, floor_ms=floor_ms) as middle:
                return await _attacked(middle, protocol, stage, kind)
    except Exception as error:
        return f"{stage}: {error!r}"


def _patience_us(kind: Kind) -> int:
    return SHORT_US if kind.causes is SILENT else LONG_US


async def _attacked(middle: Middle, protocol: str, stage: str, kind: Kind) -> str:
    timeout_us = TIMEOUT_US if kind.causes is SILENT else LONG_US
    service = Service(settings(protocol, middle.port, function_23=stage != "write", request_timeout_us=timeout_us))
    struck_stage = "read" if stage == "poll" else stage
    if stage in _BEFORE_UP:
        middle.be_hostile(struck_stage, kind.mischief)
    async with running(service):
        if stage not in _BEFORE_UP:
            await until(service.up.is_set, RECOVERY_S)
            if stage == "write":
                service.ask()
            service.heard.clear()
            middle.be_hostile(struck_stage, kind.mischief)
        async with asyncio.timeout(RECOVERY_S):
            await middle.struck.wait()
        began_us = CLOCK.mono_us()
        waiting = asyncio.create_task(_turns_missed_us())
        limit_us = _patience_us(kind) if stage in _BEFORE_UP else max(timeout_us, 1_600_000)  # two heartbeat limits
        await until(service.down.is_set, limit_us / 1e6 + RECOVERY_S)
        took_us = CLOCK.mono_us() - began_us
        waiting.cancel()
        took_us -= await waiting
        told = [each for each in service.heard if isinstance(each, LinkLost | NoLink)]
        if str(told[0].cause) not in kind.causes:
            return f"{stage}: {told[0]}, expected one of {sorted(kind.causes)}"
        if took_us > limit_us + LATE_S * 1e6:
            return f"{stage}: told after {took_us / 1e6:.2f} s"
        middle.be_honest()
        await until(service.up.is_set, RECOVERY_S)
        service.ask()
        if wrong := service.wrong():
            return f"{stage}: believed {wrong}"
    await until(lambda: middle.gone == middle.opened, RECOVERY_S)
    return ""


async def _turns_missed_us() -> int:
    """How long this process had to wait for the machine, all told, until it is cancelled."""
    missed_us = 0
    with suppress(asyncio.CancelledError):
        while True:
            before_us = CLOCK.mono_us()
            await asyncio.sleep(0.01)
            missed_us += max(0, CLOCK.mono_us() - before_us - 15_000)
    return missed_us


@pytest.mark.parametrize("name", ["silence", "early close", "garbage", "drip", "2 GiB hello", "error", "flood of answers"])
async def test_a_link_ends_in_time_whatever_its_server_says_to_the_goodbye(name: str) -> None:
    """The session may not be closed politely, the socket is."""
    before = asyncio.all_tasks()
    kind = KINDS["opcua"][name]
    async with honest_plc("opcua") as (_, server), Middle("opcua", "127.0.0.1", server.port) as middle:
        service = Service(settings("opcua", middle.port))
        async with running(service):
            await until(service.up.is_set, RECOVERY_S)
            middle.be_hostile("close", kind.mischief)
            began_us = CLOCK.mono_us()
        assert CLOCK.mono_us() - began_us < 2_000_000
        await until(lambda: middle.gone == middle.opened, RECOVERY_S)
        assert middle.struck.is_set()
    await asyncio.sleep(0)
    assert not asyncio.all_tasks() - before, "tasks are left over"
