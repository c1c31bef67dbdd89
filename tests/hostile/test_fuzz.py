"""Twenty thousand frames of the fuzzers with every run, and every case that was ever interesting, for ever."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from random import Random
from typing import Any

import pytest
from asyncua.ua.object_ids import ObjectIds
from fuzz import run
from fuzz_mutate import mutate_frame
from hostile_links import CLOCK, Service, honest_plc, running, settings, until
from hostile_middle import Middle

from packcenter.plc import link as link_module
from packcenter.plc.checking import ModbusAsked, PlcError, modbus_reply
from packcenter.plc.opcua_bytes import OpcUaAsked, check_reply

CORPUS = Path(__file__).with_name("corpus")
FRAMES, SESSIONS = 9_000, 80  # a session has about fifteen frames, so that all four together say twenty thousand
SPOILT = {"modbus": 25, "opcua": 10}  # frames over real sockets
GROWTH_MAX_MIB = 64


def _corpus(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((CORPUS / name).read_text("utf-8"))
    return cases


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["client", "server"])
@pytest.mark.parametrize(("protocol", "count"), [("modbus", FRAMES), ("opcua", SESSIONS)])
def test_the_fuzzers_find_nothing(protocol: str, count: int, direction: str, rotation: int) -> None:
    """Nothing wrong is accepted, nothing right refused, nothing raises that should not, nothing takes a second, memory stays."""
    summary = run(protocol, direction, rotation, count).summary()
    assert summary["faults"] == summary["slower_than_1_s"] == summary["altered_past_the_crc"] == 0, summary
    assert summary["rss_growth_mib"] < GROWTH_MAX_MIB, summary
    assert summary["done"] >= count


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["modbus", "opcua"])
async def test_a_sample_over_real_sockets_is_not_believed_either(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole link, whose server's answers are spoilt now and then: it believes nothing wrong, and is up when that ends."""
    monkeypatch.setattr(link_module, "RETRY_MAX_US", 20_000)
    luck, spoilt = Random(11), 0

    def spoil(frame: bytes) -> bytes:
        nonlocal spoilt
        if luck.randrange(12):
            return frame
        spoilt += 1
        return mutate_frame(luck, frame, ">" if protocol == "modbus" else "<")[0]

    async with honest_plc(protocol) as (_, server), Middle(protocol, "127.0.0.1", server.port) as middle:
        service = Service(settings(protocol, middle.port, request_timeout_us=100_000))
        middle.spoil = spoil
        async with running(service):
            await until(lambda: spoilt >= SPOILT[protocol], 60)
            middle.spoil = lambda frame: frame
            since_us = CLOCK.mono_us() + 500_000
            await until(lambda: service.up.is_set() and (service.link.last_good_us or 0) > since_us, 20)
        assert service.wrong() == []


@pytest.mark.parametrize("case", _corpus("modbus_replies.json"), ids=lambda case: case["why"][:40])
def test_modbus_replies_that_were_once_interesting(case: dict[str, Any]) -> None:
    """Each was taken for good by a library, or by us."""
    request = bytes.fromhex(case["request"])
    transaction, _, _, unit, function, address, count = struct.unpack_from(">HHHBBHH", request)
    try:
        taken = modbus_reply(bytes.fromhex(case["reply"]), ModbusAsked(transaction, unit, function, address, count)) is not None
    except PlcError:
        taken = False
    assert taken is case["taken"], case["why"]


@pytest.mark.parametrize("case", _corpus("opcua_read_replies.json"), ids=lambda case: case["why"][:40])
def test_opcua_replies_that_were_once_interesting(case: dict[str, Any]) -> None:
    """Each would have cost asyncua memory, time or the right value."""
    with pytest.raises(PlcError):
        check_reply(bytes.fromhex(case["body"]), OpcUaAsked(ObjectIds.ReadResponse_Encoding_DefaultBinary, 9, 1))
