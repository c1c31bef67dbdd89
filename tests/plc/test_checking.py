from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from hypothesis import given
from hypothesis import strategies as st

from packcenter.plc.checking import (
    READ,
    READ_WRITE,
    WRITE,
    BusyError,
    ModbusAsked,
    PlcError,
    SourceClock,
    modbus_reply,
    opcua_words,
)
from packcenter.plc.mailbox import Cause

READ_ASKED = ModbusAsked(transaction=9, unit=1, function=READ, address=100, count=3)
WRITE_ASKED = ModbusAsked(transaction=9, unit=1, function=WRITE, address=200, count=114)


def reply(
    transaction: int = 9,
    protocol: int = 0,
    length: int = 9,
    unit: int = 1,
    function: int = READ,
    rest: bytes = b"\x06\0\1\0\2\xff\xff",
) -> bytes:
    return struct.pack(">HHHBB", transaction, protocol, length, unit, function) + rest


@pytest.mark.parametrize("function", [READ, READ_WRITE])
def test_the_one_right_reply_gives_its_registers(function: int) -> None:
    asked = ModbusAsked(9, 1, function, 100, 3)
    assert modbus_reply(reply(function=function), asked) == [1, 2, 65_535]


def test_the_echo_of_a_write_gives_no_registers() -> None:
    assert modbus_reply(reply(length=6, function=WRITE, rest=struct.pack(">HH", 200, 114)), WRITE_ASKED) == []


@pytest.mark.parametrize("count", range(15))
def test_a_reply_in_pieces_is_waited_for(count: int) -> None:
    assert modbus_reply(reply()[:count], READ_ASKED) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (reply(transaction=8), "transaction id 8, expected 9"),
        (reply(transaction=0), "transaction id 0, expected 9"),
        (reply(protocol=1), "protocol id 1, expected 0"),
        (reply(unit=2), "unit 2, expected 1"),
        (reply(function=4), "function 4, expected 3"),
        (reply(function=0x90), "function 144, expected 3"),
        (reply(length=11), "length 11, expected 9"),
        (reply(length=7), "length 7, expected 9"),
        (reply(rest=b"\x05\0\1\0\2\0\3"), "byte count 5, expected 6"),
        (reply() + b"\0", "bytes 16, expected 15"),
        (reply(function=0x83, length=4, rest=b"\x02\0"), "length of an exception 4, expected 3"),
        (reply(function=0x83, length=3, rest=b"\x02\0"), "bytes of an exception 10, expected 9"),
    ],
)
def test_any_other_reply_is_refused_and_says_what_is_wrong(wrong: bytes, message: str) -> None:
    with pytest.raises(PlcError, match=message) as seen:
        modbus_reply(wrong, READ_ASKED)
    assert seen.value.cause is Cause.PROTOCOL


def test_a_request_without_a_transaction_id_has_no_right_reply() -> None:
    with pytest.raises(PlcError, match="transaction id 0"):
        modbus_reply(reply(transaction=0), ModbusAsked(0, 1, READ, 100, 3))


@pytest.mark.parametrize("echo", [(201, 114), (200, 113)])
def test_the_echo_of_another_write_is_refused(echo: tuple[int, int]) -> None:
    with pytest.raises(PlcError, match="written address and count"):
        modbus_reply(reply(length=6, function=WRITE, rest=struct.pack(">HH", *echo)), WRITE_ASKED)


def test_an_exception_code_is_a_refusal_that_names_the_request() -> None:
    assert modbus_reply(reply(function=0x83, length=3, rest=b""), READ_ASKED) is None
    with pytest.raises(
        PlcError, match=r"Modbus exception 2 \(address not there\) to function 3 at 100, 3 registers, unit 1"
    ) as seen:
        modbus_reply(reply(function=0x83, length=3, rest=b"\x02"), READ_ASKED)
    assert seen.value.cause is Cause.REFUSED
    with pytest.raises(PlcError, match=r"exception 99 \(unknown\)"):
        modbus_reply(reply(function=0x83, length=3, rest=b"\x63"), READ_ASKED)


@pytest.mark.parametrize("code", [5, 6])
def test_a_busy_plc_may_be_asked_again(code: int) -> None:
    with pytest.raises(BusyError):
        modbus_reply(reply(function=0x83, length=3, rest=bytes([code])), READ_ASKED)


@given(st.binary(max_size=300), st.sampled_from([READ_ASKED, WRITE_ASKED]))
def test_garbage_is_never_taken_for_an_answer(garbage: bytes, asked: ModbusAsked) -> None:
    try:
        assert modbus_reply(garbage, asked) is None
    except PlcError:
        return


@given(st.integers(0, 14), st.integers(1, 255))
def test_any_changed_byte_but_the_registers_is_noticed(at: int, change: int) -> None:
    sound = bytearray(reply())
    sound[at] ^= change
    try:
        answer = modbus_reply(bytes(sound), READ_ASKED)
    except PlcError:
        return
    assert at >= 9
    assert answer != [1, 2, 65_535]


def value(content: object = None, kind: ua.VariantType = ua.VariantType.UInt16, status: int = StatusCodes.Good) -> ua.DataValue:
    return ua.DataValue(ua.Variant([1, 2] if content is None else content, kind), ua.StatusCode(ua.UInt32(status)))


def test_a_good_array_of_uint16_gives_its_words() -> None:
    assert opcua_words(value(), 2, "Out") == [1, 2]
    unsaid = value()
    unsaid.StatusCode = None
    assert opcua_words(unsaid, 2, "Out") == [1, 2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (value(status=StatusCodes.BadNodeIdUnknown), "Out: status BadNodeIdUnknown, expected Good"),
        (value(status=StatusCodes.UncertainLastUsableValue), "Out: status UncertainLastUsableValue"),
        (value(kind=ua.VariantType.UInt32), "Out: value of type UInt32, expected UInt16"),
        (ua.DataValue(ua.Variant()), "Out: value of type Null"),
        (value(7), "Out: one value, expected an array of 2"),
        (value([1, 2, 3]), "Out: 3 words, expected 2"),
    ],
)
def test_any_other_value_is_refused_and_says_what_is_wrong(wrong: ua.DataValue, message: str) -> None:
    with pytest.raises(PlcError, match=message):
        opcua_words(wrong, 2, "Out")


def test_a_data_value_without_a_value_is_refused() -> None:
    empty = value()
    empty.Value = None
    with pytest.raises(PlcError, match="value of type nothing"):
        opcua_words(empty, 2, "Out")


NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def stamped(source_s: float | None, server_s: float | None = None) -> ua.DataValue:
    stamps = [
        None if at is None else ua.DateTime.fromtimestamp((NOON + timedelta(seconds=at)).timestamp(), UTC)
        for at in (source_s, server_s)
    ]
    return ua.DataValue(ua.Variant([1], ua.VariantType.UInt16), SourceTimestamp=stamps[0], ServerTimestamp=stamps[1])


def test_a_value_with_source_times_that_go_on_is_fresh() -> None:
    clock = SourceClock("Out")
    for each in (stamped(None), stamped(0), stamped(0, 1.9), stamped(5, 6), stamped(None, 99)):
        clock.check(each)


def test_a_value_that_the_server_kept_for_long_is_stale() -> None:
    with pytest.raises(PlcError, match=r"Out: value is 2.5 s old, expected under 2.0 s"):
        SourceClock("Out").check(stamped(0, 2.5))


def test_a_value_from_before_the_last_one_is_stale() -> None:
    clock = SourceClock("Out")
    clock.check(stamped(1))
    with pytest.raises(PlcError, match=r"Out: source time went back 0.400 s"):
        clock.check(stamped(0.6))


def test_a_value_is_compared_with_the_last_one_and_not_with_the_first() -> None:
    clock = SourceClock("Out")
    for at_s in (0.1, 0.5, 1):
        clock.check(stamped(at_s))
    with pytest.raises(PlcError, match=r"Out: source time went back 0.500 s"):
        clock.check(stamped(0.5))
