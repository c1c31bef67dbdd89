"""
Every kind of hostile server at every stage of a link: called by its name in time, nothing believed, and gone without a trace.

The stages of one kind run beside each other, for most of a case is waiting.
"""

from __future__ import annotations

import asyncio

import pytest
from hostile_kinds import KINDS, Kind
from hostile_links import CLOCK, TIMEOUT_US, Service, honest_plc, running, settings, until
from hostile_middle import Middle

from packcenter.plc import link as link_module
from packcenter.plc.mailbox import LinkLost, NoLink

CONNECT_LIMIT_US = 600_000  # instead of 3 s, so that a hundred silences do not take minutes
LATE_S = 1.0  # what may pass beyond a deadline
RECOVERY_S = 4.0  # two full pauses and a connection on a busy machine
_BEFORE_UP = ("connect", "hello", "open channel", "create session", "activate session", "create subscription", "create items")

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _less_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "CONNECT_LIMIT_US", CONNECT_LIMIT_US)


@pytest.mark.parametrize(("protocol", "name"), [(protocol, name) for protocol, kinds in KINDS.items() for name in kinds])
async def test_a_hostile_server_is_called_by_its_name_and_an_honest_one_taken_at_once(protocol: str, name: str) -> None:
    """Right cause, in time, nothing wrong believed; the honest server that takes the place is up within its pauses."""
    kind = KINDS[protocol][name]
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


async def _attacked(middle: Middle, protocol: str, stage: str, kind: Kind) -> str:
    service = Service(settings(protocol, middle.port, function_23=stage != "write"))
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
        async with asyncio.timeout(5):
            await middle.struck.wait()
        began_us = CLOCK.mono_us()
        limit_us = max(CONNECT_LIMIT_US if stage in _BEFORE_UP else 2 * TIMEOUT_US, 1_600_000)  # two heartbeat limits
        await until(service.down.is_set, limit_us / 1e6 + LATE_S)
        took_us = CLOCK.mono_us() - began_us
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
    await until(lambda: middle.gone == middle.opened, LATE_S)
    return ""


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
        await until(lambda: middle.gone == middle.opened, LATE_S)
        assert middle.struck.is_set()
    await asyncio.sleep(0)
    assert not asyncio.all_tasks() - before, "tasks are left over"
