"""E8, field by field: a reply with one wrong field is refused, and the refusal says which; the right one alone is taken."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import struct_to_binary

from packcenter.plc.checking import READ, READ_WRITE, WRITE, ModbusAsked, PlcError, modbus_reply
from packcenter.plc.limits import OPCUA_CHUNK_MAX, OPCUA_CHUNKS_MAX
from packcenter.plc.mailbox import Cause
from packcenter.plc.opcua_bytes import Chunks, OpcUaAsked, check_acknowledge, check_reply

# --- Modbus --------------------------------------------------------------------------------------------------------------

_WRITTEN = struct.pack(">HHHBBHH", 7, 0, 6, 3, WRITE, 200, 114)


def _read(function: int) -> bytes:
    return struct.pack(">HHHBBB2H", 7, 0, 7, 3, function, 4, 10, 20)


def _with(frame: bytes, at: int, content: bytes) -> bytes:
    return frame[:at] + content + frame[at + len(content) :]


def test_the_right_modbus_replies_are_taken() -> None:
    """The matrix below would prove nothing if these were refused as well."""
    assert modbus_reply(_read(READ), ModbusAsked(7, 3, READ, 100, 2)) == [10, 20]
    assert modbus_reply(_read(READ_WRITE), ModbusAsked(7, 3, READ_WRITE, 100, 2)) == [10, 20]
    assert modbus_reply(_WRITTEN, ModbusAsked(7, 3, WRITE, 200, 114)) == []


@pytest.mark.parametrize("function", [READ, READ_WRITE])
@pytest.mark.parametrize(
    ("at", "content", "says"),
    [
        (0, b"\0\x08", "transaction id 8, expected 7"),
        (0, b"\0\0", "transaction id 0, expected 7"),
        (2, b"\0\1", "protocol id 1, expected 0"),
        (4, b"\0\5", "length 5, expected 7"),
        (4, b"\0\x09", "length 9, expected 7"),
        (6, b"\4", "unit 4, expected 3"),
        (7, b"\4", "function 4, expected"),
        (7, b"\x90", "function 144, expected"),
        (8, b"\3", "byte count 3, expected 4"),
        (8, b"\6", "byte count 6, expected 4"),
    ],
)
def test_a_modbus_read_with_one_wrong_field_is_refused(function: int, at: int, content: bytes, says: str) -> None:
    """Unit, function, count, length and transaction id, as E8 lists them."""
    with pytest.raises(PlcError, match=says) as seen:
        modbus_reply(_with(_read(function), at, content), ModbusAsked(7, 3, function, 100, 2))
    assert seen.value.cause is Cause.PROTOCOL


@pytest.mark.parametrize(
    ("at", "content", "says"),
    [
        (0, b"\0\0", "transaction id 0"),
        (2, b"\1\0", "protocol id 256"),
        (4, b"\0\7", "length 7, expected 6"),
        (6, b"\0", "unit 0, expected 3"),
        (7, b"\6", "function 6, expected 16"),
        (8, b"\0\xc9", r"written address and count \(201, 114\)"),
        (10, b"\0\x71", r"written address and count \(200, 113\)"),
    ],
)
def test_a_modbus_write_with_one_wrong_field_is_refused(at: int, content: bytes, says: str) -> None:
    """A write that was done elsewhere, or in part, was not done."""
    with pytest.raises(PlcError, match=says):
        modbus_reply(_with(_WRITTEN, at, content), ModbusAsked(7, 3, WRITE, 200, 114))


# --- OPC UA, the reply ---------------------------------------------------------------------------------------------------

_READ_REPLY = ObjectIds.ReadResponse_Encoding_DefaultBinary
_ASKED = OpcUaAsked(_READ_REPLY, 9, 1)


def _value(**fields: Any) -> ua.DataValue:
    return ua.DataValue(ua.Variant([1, 2, 3], ua.VariantType.UInt16), **fields)


def _reply(*values: ua.DataValue, handle: int = 9) -> bytes:
    response = ua.ReadResponse()
    response.ResponseHeader.RequestHandle = handle
    response.Results = list(values)
    return struct_to_binary(response)


def _refused(body: bytes, asked: OpcUaAsked = _ASKED) -> str:
    with pytest.raises(PlcError) as seen:
        check_reply(body, asked)
    assert seen.value.cause is Cause.PROTOCOL
    return str(seen.value)


def test_the_right_read_reply_is_taken_and_so_is_a_fault() -> None:
    """A fault is an answer, too: the library raises what it says."""
    check_reply(_reply(_value()), _ASKED)
    check_reply(_with_status(ua.ServiceFault(), StatusCodes.BadTimeout), _ASKED)


def _with_status(response: Any, status: int) -> bytes:
    response.ResponseHeader.RequestHandle = 9
    response.ResponseHeader.ServiceResult = ua.StatusCode(ua.UInt32(status))
    return struct_to_binary(response)


@pytest.mark.parametrize("status", [StatusCodes.BadTimeout, 0x4000_0000, StatusCodes.UncertainInitialValue, 0xC000_0000])
def test_a_reply_whose_service_was_not_good_is_refused(status: int) -> None:
    """Found by the fuzzer: asyncua takes an uncertain service result for a good one, and any one of a publication."""
    says = f"(0x{status:08X}), expected a good one"
    assert says in _refused(_with_status(ua.ReadResponse(Results=[_value()]), status))
    publication = OpcUaAsked(ObjectIds.PublishResponse_Encoding_DefaultBinary, 9)
    assert says in _refused(_with_status(ua.PublishResponse(), status), publication)


@pytest.mark.parametrize("status", [StatusCodes.Good, 0x4000_0000])
def test_a_fault_without_a_fault_is_refused(status: int) -> None:
    """asyncua goes on to decode it as the answer."""
    assert f"(0x{status:08X}), expected a bad one" in _refused(_with_status(ua.ServiceFault(), status))


def test_a_reply_of_another_type_is_refused() -> None:
    """asyncua would decode it as what it asked for."""
    assert "a reply of type ReadResponse, expected WriteResponse" in _refused(
        _reply(_value()), OpcUaAsked(ObjectIds.WriteResponse_Encoding_DefaultBinary, 9, 1)
    )


@pytest.mark.parametrize("handle", [0, 8, 10])
def test_a_reply_to_another_request_is_refused(handle: int) -> None:
    """The request handle is the reply's second transaction id; asyncua does not look at it."""
    assert f"a reply to request {handle}, expected 9" in _refused(_reply(_value(), handle=handle))


@pytest.mark.parametrize("count", [0, 2])
def test_a_reply_with_another_number_of_results_is_refused(count: int) -> None:
    """One value was asked for."""
    assert f"a reply with results {count}, expected 1" in _refused(_reply(*[_value()] * count))


_AT = 24 + 4  # of the results' count: type id 4, header 24
_BODIES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a byte too many": (lambda body: body + b"\0", "a reply with bytes left over 1, expected 0"),
    "a byte too few": (lambda body: body[:-1], "that ends within a field"),
    "nothing": (lambda body: b"", "that ends within a field"),
    "a type id of another namespace": (lambda body: b"\1\1" + body[2:], "a type id"),
    "a type id that is a text": (lambda body: b"\3" + body[1:], "a type id"),
    "more results than bytes": (lambda body: _with(body, _AT, struct.pack("<i", 1000)), "a reply with results|ends within"),
    "results without number": (lambda body: _with(body, _AT, struct.pack("<i", -2)), "an array of entries -2"),
    "two thousand million entries": (
        lambda body: _with(body, _AT + 6, struct.pack("<i", 0x7FFF_FFFF)),
        "an array of entries 2147483647",
    ),
    "less than no entries": (lambda body: _with(body, _AT + 6, struct.pack("<i", -5)), "an array of entries -5"),
    "an array of nothing": (lambda body: _with(body, _AT + 5, b"\x80"), "a value of type number 0"),
    "values within values": (lambda body: _with(body, _AT + 5, b"\x98"), "a value of type number 24"),
    "an extension": (lambda body: _with(body, _AT + 5, b"\x96"), "a value of type number 22"),
    "a type that nobody knows": (lambda body: _with(body, _AT + 5, b"\xbf"), "a value of type number 63"),
    "one value with dimensions": (lambda body: _with(body, _AT + 5, b"\x45"), "one value with dimensions"),
    "picoseconds": (lambda body: _with(body, _AT + 4, b"\x13"), "a value with flags 19"),
    "texts that go backwards": (
        lambda body: body[: _AT + 5] + struct.pack("<Bii", 0x8C, 1, -4) + b"\xff" * 8,
        "a text of bytes -4",
    ),
    "an extension in the header": (lambda body: _with(body, _AT - 3, b"\0\x05\0"), "an extension"),
    "diagnostics without end": (lambda body: body[:20] + b"\x40" * 200, "diagnostics with flags and depth"),
}


@pytest.mark.parametrize("name", _BODIES)
def test_a_body_that_is_not_what_its_type_says_is_refused_before_it_is_decoded(name: str) -> None:
    """Each of these makes asyncua raise something, or build lists without end, or read another value than was sent."""
    spoil, says = _BODIES[name]
    with pytest.raises(PlcError, match=says):
        check_reply(spoil(_reply(_value())), _ASKED)


def test_one_dimension_that_says_the_length_again_is_allowed_and_no_other() -> None:
    """Some servers send it; asyncua would multiply what it says."""
    head = _reply()[:_AT] + struct.pack("<iBBi", 1, 1, 0xC5, 3) + b"\1\0\2\0\3\0"
    check_reply(head + struct.pack("<ii", 1, 3) + b"\xff" * 4, _ASKED)
    assert "dimensions (1, 4)" in _refused(head + struct.pack("<ii", 1, 4) + b"\xff" * 4)
    assert "dimensions (2, 3)" in _refused(head + struct.pack("<iii", 2, 3, 1) + b"\xff" * 4)


@pytest.mark.parametrize("life_ms", [0, 1, 9_999])
def test_a_channel_or_session_that_must_be_renewed_all_the_time_is_refused(life_ms: int) -> None:
    """Renewing it would be all that we do."""
    channel = ua.OpenSecureChannelResponse()
    channel.Parameters.SecurityToken.RevisedLifetime = life_ms
    asked = OpcUaAsked(ObjectIds.OpenSecureChannelResponse_Encoding_DefaultBinary, 0)
    assert f"a channel that lives for ms {life_ms}" in _refused(struct_to_binary(channel), asked)
    session = ua.CreateSessionResponse()
    session.Parameters.RevisedSessionTimeout = float(life_ms)
    asked = OpcUaAsked(ObjectIds.CreateSessionResponse_Encoding_DefaultBinary, 0)
    assert f"a time in ms of {float(life_ms)}" in _refused(struct_to_binary(session), asked)


@pytest.mark.parametrize("granted_ms", [-1.0, float("nan"), float("inf")])
def test_a_publishing_interval_that_is_no_time_is_refused(granted_ms: float) -> None:
    """It would be compared with 20 ms."""
    response = ua.CreateSubscriptionResponse()
    response.Parameters.RevisedPublishingInterval = granted_ms
    asked = OpcUaAsked(ObjectIds.CreateSubscriptionResponse_Encoding_DefaultBinary, 0)
    assert "a time in ms of" in _refused(struct_to_binary(response), asked)


def _published(notification: Any) -> bytes:
    response = ua.PublishResponse()
    response.Parameters.NotificationMessage.NotificationData = [notification]
    return struct_to_binary(response)


def test_only_the_notifications_that_were_asked_for_are_taken() -> None:
    """Values, or the end of the subscription; anything else would be a decoder of its own."""
    asked = OpcUaAsked(ObjectIds.PublishResponse_Encoding_DefaultBinary, 0)
    changed = ua.DataChangeNotification(MonitoredItems=[ua.MonitoredItemNotification(ClientHandle=ua.UInt32(1), Value=_value())])
    check_reply(_published(changed), asked)
    check_reply(_published(ua.StatusChangeNotification()), asked)
    assert "a notification of type and form" in _refused(_published(ua.EndpointDescription()), asked)
    longer = _published(changed).replace(struct.pack("<i", len(struct_to_binary(changed))), struct.pack("<i", 4), 1)
    assert "ends within" in _refused(longer, asked) or "as many as its fields have" in _refused(longer, asked)


# --- OPC UA, the chunks ----------------------------------------------------------------------------------------------------

_ACK = b"ACKF" + struct.pack("<I5I", 28, 0, 65_536, 65_536, 0, 0)


def _message(final: bytes = b"F", body: bytes = b"\0" * 20, kind: bytes = b"MSG") -> bytes:
    return kind + final + struct.pack("<I", 8 + len(body)) + body


def _fed(*parts: bytes) -> list[bytes]:
    chunks = Chunks()
    return [chunk for part in parts for chunk in chunks.feed(part)]


def test_whole_chunks_pass_however_they_are_cut() -> None:
    """TCP keeps no borders."""
    stream = _ACK + _message(b"C") + _message()
    for step in (1, 7, 28, 1000):
        parts = [stream[at : at + step] for at in range(0, len(stream), step)]
        assert _fed(*parts) == [_ACK, _message(b"C"), _message()]


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (_message(), "one ACK before all others"),
        (_ACK + _ACK, "one ACK before all others"),
        (_message(kind=b"HEL"), "type b'HEL'"),
        (b"HTTP/1.1 400 Bad Request\r\n", "type b'HTT'"),
        (_ACK + _message(b"X"), "MSG with chunk type b'X'"),
        (_ACK + _message(b"C", kind=b"OPN"), "OPN with chunk type b'C'"),
        (b"ACKF" + struct.pack("<I", 29) + b"\0" * 21, "an ACK of bytes 29"),
        (b"ACKF" + struct.pack("<I", 0x7FFF_FFFF), "an ACK of bytes 2147483647"),
        (_ACK + b"MSGF" + struct.pack("<I", OPCUA_CHUNK_MAX + 1), "a chunk of bytes 65536"),
        (_ACK + b"MSGF" + struct.pack("<I", 0x7FFF_FFFF), "a chunk of bytes 2147483647"),
        (_ACK + b"MSGF" + struct.pack("<I", 8), "a chunk of bytes 8"),
        (_ACK + b"MSGF" + struct.pack("<I", 0), "a chunk of bytes 0"),
        (_ACK + _message(b"C") * OPCUA_CHUNKS_MAX, "a message of chunks and bytes"),
        (_ACK + _message(b"C", b"\0" * 60_000) * 2, "a message of chunks and bytes"),
    ],
)
def test_a_header_that_no_sound_server_sends_is_refused_at_once(stream: bytes, says: str) -> None:
    """Before anything of what it announces is kept."""
    with pytest.raises(PlcError, match=says):
        _fed(stream)


def test_an_aborted_message_makes_room_for_the_next() -> None:
    """The count is of one message, not of the connection's life."""
    stream = _ACK + (_message(b"C") * (OPCUA_CHUNKS_MAX - 1) + _message(b"A")) * 5 + _message()
    assert len(_fed(stream)) == 2 + 5 * OPCUA_CHUNKS_MAX


@pytest.mark.parametrize(("at", "whose"), [(12, "receive"), (16, "send")])
def test_an_acknowledge_without_room_for_a_request_is_refused(at: int, whose: str) -> None:
    """A buffer of one byte would cut our image into hundreds of chunks; of nothing, into none."""
    check_acknowledge(_ACK)
    with pytest.raises(PlcError, match=f"a {whose} buffer of bytes 8191, expected 8192 or more"):
        check_acknowledge(_with(_ACK, at, struct.pack("<I", 8191)))
