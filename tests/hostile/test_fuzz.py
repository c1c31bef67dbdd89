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
from fuzz_strict import OpcUaImages, le
from hostile_links import CLOCK, Service, honest_plc, running, settings, until
from hostile_middle import Middle

from packcenter.plc import link as link_module
from packcenter.plc.checking import ModbusAsked, PlcError, modbus_reply
from packcenter.plc.image import OUT_WORDS
from packcenter.plc.opcua_bytes import OpcUaAsked, check_reply

CORPUS = Path(__file__).with_name("corpus")
FRAMES, SESSIONS = 9_000, 80  # a session has about fifteen frames, so that all four together say twenty thousand
SPOILT = {"modbus": 25, "opcua": 10}  # frames over real sockets
GROWTH_MAX_MIB = 64
NO_ENTRIES = {336: {45, 332}, 386: {45, 374, 378, 382}, 390: {45, 374, 386}}
"""Where the corpus's images have an array without entries: a Read reply, the first publication and a later one, by length."""


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


def _judge_of(case: dict[str, Any]) -> tuple[OpcUaImages, bytes, int]:
    """A judge who learned the right message of a case, that message, and the handle of its request."""
    judge, right = OpcUaImages(OUT_WORDS), bytes.fromhex(case["right"])
    assert judge.learn(right)
    return judge, right, le(right, 36, 4)


@pytest.mark.parametrize("case", _corpus("opcua_images.json"), ids=lambda case: case["why"][:60])
def test_an_image_with_a_null_array_for_an_empty_one_is_right(case: dict[str, Any]) -> None:
    """The judge says so, and so does our link: some servers send the one and some the other, and both mean no entries."""
    judge, right, _ = _judge_of(case)
    said = bytes.fromhex(case["said"])
    at = right.find(b"\x85" + struct.pack("<I", OUT_WORDS)) + 5
    assert judge.words(said, le(said, 36, 4)) == list(struct.unpack_from(f"<{OUT_WORDS}H", said, at))
    check_reply(said[24:], OpcUaAsked(le(said, 26, 2), le(said, 36, 4), 1))


@pytest.mark.parametrize("case", _corpus("opcua_images.json"), ids=lambda case: case["why"][:60])
def test_the_judge_takes_null_where_nothing_was_and_nowhere_else(case: dict[str, Any]) -> None:
    """-1 anywhere else is wrong, but for what a server is free to say; so is any other number of entries."""
    judge, right, handle = _judge_of(case)
    at = right.find(b"\x85" + struct.pack("<I", OUT_WORDS)) + 5
    end = at + 2 * OUT_WORDS
    free = {*range(16, 21), *range(28, 33), *range(at, end), *range(end + 4, end + 17)}  # numbers, time, words, times
    if le(right, 26, 2) == ObjectIds.PublishResponse_Encoding_DefaultBinary:
        free |= {*range(60, at - 30), *range(end + 28, len(right) - 7)}  # which publication, how our last one was taken

    def takes(where: int, number: int) -> bool:
        return judge.words(right[:where] + struct.pack("<i", number) + right[where + 4 :], handle) is not None

    assert {where for where in range(len(right) - 3) if takes(where, -1)} == free | NO_ENTRIES[len(right)]
    assert not [
        (where, number) for where in NO_ENTRIES[len(right)] for number in (-(1 << 31), -2, 1, 255) if takes(where, number)
    ]
