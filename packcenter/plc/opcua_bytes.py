"""
What the bytes of an OPC UA server must look like before asyncua may decode them (E8).

asyncua 2.1 keeps whatever a message header announces, up to 4 GiB, and copies it anew with every segment; it takes any
number of chunks; it decodes the answer to another request as the one it waits for; and one count or length of a few
bytes makes it build a list of two thousand million entries (an array of Null, a string of length -4). So a server's
bytes pass here first: `Chunks` lets whole chunks of bounded size through, and `check_reply` walks a message by a
grammar of the few replies that we ask for. What it lets through has no count beyond its bytes and no byte left over.
Nothing in this module does I/O.

    reply     = type id, response header, fields of the reply     (OPC 10000-6, section 5.2; OPC 10000-4, section 5)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import msgspec
from asyncua.ua.object_ids import ObjectIdNames, ObjectIds
from asyncua.ua.status_codes import get_name_and_doc

from packcenter.plc.checking import PlcError
from packcenter.plc.limits import OPCUA_CHUNK_MAX, OPCUA_CHUNKS_MAX, OPCUA_MESSAGE_MAX, OPCUA_RENEW_MIN_MS
from packcenter.plc.mailbox import Cause

_HEADER = struct.Struct("<3scI")
_CHANNEL_KINDS = (b"OPN", b"MSG")  # these carry a channel id and are refused before the server has said ACK
_ACKNOWLEDGE_BYTES = 28
_BUFFER_MIN = 8192  # the least that OPC 10000-6 lets a server offer
_DEPTH_MAX = 4  # diagnostics within diagnostics
_ENTRIES_MAX = 1024  # entries of one array: 125 words, some namespaces
_GOOD, _BAD = 0, 2  # the upper two bits of a status
_FAULT = ObjectIds.ServiceFault_Encoding_DefaultBinary
_FLAT_SIZES = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8, 13: 8, 14: 16, 19: 4}
"""Bytes of the built-in types that have a fixed length, by their number."""

_i32 = struct.Struct("<i").unpack_from
_u32 = struct.Struct("<I").unpack_from
_u16 = struct.Struct("<H").unpack_from
_f64 = struct.Struct("<d").unpack_from

Walk = Callable[[bytes, int], int]
"""Goes over one field that begins at an offset and gives the offset behind it; raises if it is not there whole."""


def surprise(what: str, seen: object, expected: object) -> PlcError:
    """The error for a server that says what a sound one does not."""
    return PlcError(Cause.PROTOCOL, f"OPC UA server sent {what} {seen}, expected {expected}; another device in between?")


class Chunks:
    """
    Cuts what a server sends into whole chunks; refuses what it may not send at this point, or not so much of it.

    The first must be an ACK (or ERR), as the spec says; a channel's messages come after it. `feed` gives each chunk as
    soon as its last byte is there. At most one chunk's bytes are held, whatever its header announces.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._acknowledged = False
        self._parts = 0
        self._part_bytes = 0

    def feed(self, received: bytes) -> Iterator[bytes]:
        """The chunks that are whole now. Raises `PlcError` at the first header that is wrong; then feed no more."""
        self._held += received
        while len(self._held) >= _HEADER.size:
            kind, final, size = _HEADER.unpack_from(self._held)
            self._check(kind, final, size)
            if len(self._held) < size:
                return
            chunk = bytes(self._held[:size])
            del self._held[:size]
            self._count(kind, final, size)
            yield chunk

    def _check(self, kind: bytes, final: bytes, size: int) -> None:
        if kind not in (b"ACK", b"ERR", *_CHANNEL_KINDS):
            raise surprise("a message of type", kind, "ACK, ERR, OPN or MSG")
        if (kind == b"ACK") is self._acknowledged and kind != b"ERR":
            raise surprise("a message of type", kind, "one ACK before all others")
        if final != b"F" and (kind != b"MSG" or final not in (b"C", b"A")):
            raise surprise(f"{kind.decode()} with chunk type", final, "F")
        if kind == b"ACK" and size != _ACKNOWLEDGE_BYTES:
            raise surprise("an ACK of bytes", size, _ACKNOWLEDGE_BYTES)
        if not _HEADER.size < size <= OPCUA_CHUNK_MAX:
            raise surprise("a chunk of bytes", size, f"at most {OPCUA_CHUNK_MAX}")

    def _count(self, kind: bytes, final: bytes, size: int) -> None:
        if kind == b"ACK":
            self._acknowledged = True
        if final != b"C":
            self._parts = self._part_bytes = 0
            return
        self._parts += 1
        self._part_bytes += size
        if self._parts >= OPCUA_CHUNKS_MAX or self._part_bytes >= OPCUA_MESSAGE_MAX:
            raise surprise(
                "a message of chunks and bytes",
                (self._parts, self._part_bytes),
                f"under {OPCUA_CHUNKS_MAX} and {OPCUA_MESSAGE_MAX}",
            )


def check_acknowledge(chunk: bytes) -> None:
    """An ACK must offer buffers in which our requests fit."""
    for at, whose in ((12, "receive"), (16, "send")):
        (size,) = _u32(chunk, at)
        if size < _BUFFER_MIN:
            raise surprise(f"a {whose} buffer of bytes", size, f"{_BUFFER_MIN} or more")


class OpcUaAsked(msgspec.Struct, frozen=True):
    """One request as it went out: object id of the right reply, its handle, and how many results it must have."""

    reply: int
    handle: int
    count: int = 0


def check_reply(body: bytes, asked: OpcUaAsked) -> None:
    """
    Raise `PlcError` unless `body`, one whole message, is the reply to `asked` (or a fault) from first byte to last.

    Values are not judged here but for what the library could not survive; `checking.opcua_words` does that.
    """
    try:
        at = _reply(body, asked)
    except (struct.error, IndexError, _ShortError) as error:
        raise surprise(f"a reply of {len(body)} bytes", "that ends within a field", "whole fields") from error
    if at != len(body):
        raise surprise("a reply with bytes left over", len(body) - at, 0)


class _ShortError(Exception):
    """A count or a length runs over the end of its message."""


def _reply(body: bytes, asked: OpcUaAsked) -> int:
    kind, at = _standard_id(body, 0)
    at += 8  # timestamp, of which nothing is made
    (handle,) = _u32(body, at)
    if kind not in (asked.reply, _FAULT):
        raise surprise("a reply of type", _name(kind), _name(asked.reply))
    if handle != asked.handle:
        raise surprise("a reply to request", handle, asked.handle)
    _check_result(_u32(body, at + 4)[0], is_fault=kind == _FAULT)
    at = _diagnostic(body, at + 8, 0)  # handle, service result
    at = _array(_string)(body, at)
    at = _no_extension(body, at)
    if kind == _FAULT:
        return at
    return _REPLIES[asked.reply](body, at, asked.count)


def _check_result(status: int, *, is_fault: bool) -> None:
    """
    A fault is Bad, anything else Good.

    asyncua takes Uncertain for Good, a fault without a fault for an answer, and does not look at the status of a publication.
    """
    if status >> 30 != (_BAD if is_fault else _GOOD):
        what, expected = ("a fault", "a bad one") if is_fault else ("a reply", "a good one")
        raise surprise(f"{what} with status", f"{get_name_and_doc(status)[0]} (0x{status:08X})", expected)


def _standard_id(body: bytes, at: int) -> tuple[int, int]:
    """(number, offset behind it) of an id of the standard, which is numeric and of namespace 0."""
    if body[at] == 1 and body[at + 1] == 0:
        return _u16(body, at + 2)[0], at + 4
    if body[at] == 0:
        return body[at + 1], at + 2
    if body[at : at + 3] == b"\2\0\0":
        return _u32(body, at + 3)[0], at + 7
    raise surprise("a type id", body[at : at + 8].hex(), "a number of namespace 0")


def _name(kind: int) -> str:
    return ObjectIdNames.get(kind, str(kind)).removesuffix("_Encoding_DefaultBinary")


# --- fields ----------------------------------------------------------------------------------------------------------


def _fixed(size: int) -> Walk:
    """A field of this length. The walk of the next field, or the end, notices when it is not there."""
    return lambda body, at: at + size


def _fields(*walks: Walk) -> Walk:
    def walk(body: bytes, at: int) -> int:
        for each in walks:
            at = each(body, at)
        return at

    return walk


def _count(body: bytes, at: int, most: int = _ENTRIES_MAX) -> int:
    """The number of entries of an array, -1 (none) read as 0; every entry takes a byte at least."""
    count: int = _i32(body, at)[0]
    if not -1 <= count <= most:
        raise surprise("an array of entries", count, f"-1 to {most}")
    if count > len(body) - at - 4:
        raise _ShortError
    return max(0, count)


def _array(entry: Walk, most: int = _ENTRIES_MAX) -> Walk:
    def walk(body: bytes, at: int) -> int:
        count = _count(body, at, most)
        at += 4
        for _ in range(count):
            at = entry(body, at)
        return at

    return walk


def _string(body: bytes, at: int) -> int:
    """A String or a ByteString; -1 is none."""
    length: int = _i32(body, at)[0]
    if length < -1:
        raise surprise("a text of bytes", length, "-1 or more")
    at += 4 + max(0, length)
    if at > len(body):
        raise _ShortError
    return at


def _node_id(body: bytes, at: int) -> int:
    kind = body[at]
    size = {0: 2, 1: 4, 2: 7, 4: 19}.get(kind)
    if size is not None:
        return at + size
    if kind in (3, 5):
        return _string(body, at + 3)
    raise surprise("a node id of form", kind, "0 to 5")


def _expanded_node_id(body: bytes, at: int) -> int:
    flags = body[at] & 0xC0
    if body[at] & 0x3F in (3, 5):
        at = _string(body, at + 3)
    else:
        at += _node_id(bytes([body[at] & 0x3F]), 0)
    if flags & 0x80:
        at = _string(body, at)
    return at + 4 if flags & 0x40 else at


def _qualified_name(body: bytes, at: int) -> int:
    return _string(body, at + 2)


def _localized_text(body: bytes, at: int) -> int:
    flags = body[at]
    if flags & ~3:
        raise surprise("a text with flags", flags, "0 to 3")
    at += 1
    for flag in (1, 2):
        if flags & flag:
            at = _string(body, at)
    return at


def _diagnostic(body: bytes, at: int, depth: int = 0) -> int:
    """Diagnostics, which we never ask for but some servers give."""
    flags = body[at]
    if flags & 0x80 or depth > _DEPTH_MAX:
        raise surprise("diagnostics with flags and depth", (flags, depth), f"under 128 and at most {_DEPTH_MAX}")
    at += 1 + 4 * (flags & 15).bit_count()
    if flags & 0x10:
        at = _string(body, at)
    if flags & 0x20:
        at += 4
    return _diagnostic(body, at, depth + 1) if flags & 0x40 else at


def _no_extension(body: bytes, at: int) -> int:
    """An extension object that is none: nothing that we ask for needs one, and each would be a decoder of its own."""
    kind, behind = _standard_id(body, at)
    if kind == 0 and body[behind] == 0:
        return behind + 1
    raise surprise("an extension", body[at : at + 8].hex(), "none")


def _variant(body: bytes, at: int) -> int:
    """A value of a plain built-in type or an array of them; nothing that we read holds values within values."""
    flags = body[at]
    kind = flags & 0x3F
    at += 1
    size, walk = _FLAT_SIZES.get(kind), _SCALARS.get(kind)
    if walk is None and size is None and flags:
        raise surprise("a value of type number", kind, "a plain built-in type")
    if not flags & 0x80:
        if flags & 0x40:
            raise surprise("one value with", "dimensions", "none")
        return at if kind == 0 else at + size if size is not None else walk(body, at) if walk is not None else at
    count = _count(body, at)
    at += 4
    if size is not None:
        at += count * size
    elif walk is not None:
        for _ in range(count):
            at = walk(body, at)
    return _dimension(body, at, count) if flags & 0x40 else at


def _dimension(body: bytes, at: int, count: int) -> int:
    """The dimensions of an array: one, which says its length again, as some servers do."""
    seen = struct.unpack_from("<ii", body, at)
    if seen != (1, count):
        raise surprise("an array with dimensions", seen, (1, count))
    return at + 8


_SCALARS: dict[int, Walk] = {
    12: _string,
    15: _string,
    16: _string,
    17: _node_id,
    18: _expanded_node_id,
    20: _qualified_name,
    21: _localized_text,
}


def _data_value(body: bytes, at: int) -> int:
    flags = body[at]
    if flags & 0xF0:  # asyncua takes picoseconds for a time stamp and the other way round
        raise surprise("a value with flags", flags, "none above 15 (no picoseconds)")
    at += 1
    if flags & 1:
        at = _variant(body, at)
    return at + 4 * bool(flags & 2) + 8 * bool(flags & 4) + 8 * bool(flags & 8)


# --- replies ---------------------------------------------------------------------------------------------------------

_DIAGNOSTICS = _array(_diagnostic, 16)
_STATUSES = _array(_fixed(4), 16)
_APPLICATION = _fields(_string, _string, _localized_text, _fixed(4), _string, _string, _array(_string, 16))
_TOKEN_POLICY = _fields(_string, _fixed(4), _string, _string, _string)
_ENDPOINT = _fields(_string, _APPLICATION, _string, _fixed(4), _string, _array(_TOKEN_POLICY, 16), _string, _fixed(1))

_Reply = Callable[[bytes, int, int], int]


def _plain(*walks: Walk) -> _Reply:
    walk = _fields(*walks)
    return lambda body, at, count: walk(body, at)


def _results(entry: Walk) -> _Reply:
    """As many results as were asked for, and diagnostics."""

    def walk(body: bytes, at: int, count: int) -> int:
        seen = _count(body, at)
        if seen != count:
            raise surprise("a reply with results", seen, count)
        at += 4
        for _ in range(count):
            at = entry(body, at)
        return _DIAGNOSTICS(body, at)

    return walk


def _duration(least_ms: float) -> Walk:
    """A time that was granted: a number of ms, not so short that renewing would be all we do."""

    def walk(body: bytes, at: int) -> int:
        (seen,) = _f64(body, at)
        if not least_ms <= seen <= 1e12:
            raise surprise("a time in ms of", seen, f"{least_ms:.0f} or more")
        return at + 8

    return walk


def _token_life(body: bytes, at: int) -> int:
    (seen,) = _u32(body, at)
    if seen < OPCUA_RENEW_MIN_MS:
        raise surprise("a channel that lives for ms", seen, f"{OPCUA_RENEW_MIN_MS} or more")
    return at + 4


def _notification(body: bytes, at: int) -> int:
    """A notification: values that changed, or the state of the subscription; no other kind was subscribed to."""
    kind, at = _standard_id(body, at)
    walk = _NOTIFICATIONS.get(kind)
    if walk is None or body[at] != 1:
        raise surprise("a notification of type and form", (kind, body[at]), f"one of {sorted(_NOTIFICATIONS)} and 1")
    length: int = _i32(body, at + 1)[0]
    at += 5
    if not 0 <= length <= len(body) - at:
        raise _ShortError
    if walk(body[at : at + length], 0) != length:
        raise surprise("a notification of bytes", length, "as many as its fields have")
    return at + length


_NOTIFICATIONS: dict[int, Walk] = {
    ObjectIds.DataChangeNotification_Encoding_DefaultBinary: _fields(_array(_fields(_fixed(4), _data_value), 16), _DIAGNOSTICS),
    ObjectIds.StatusChangeNotification_Encoding_DefaultBinary: _fields(_fixed(4), _diagnostic),
    ObjectIds.EventNotificationList_Encoding_DefaultBinary: _array(_fixed(4), 0),
}

_REPLIES: dict[int, _Reply] = {
    ObjectIds.OpenSecureChannelResponse_Encoding_DefaultBinary: _plain(_fixed(4 + 4 + 4 + 8), _token_life, _string),
    ObjectIds.CreateSessionResponse_Encoding_DefaultBinary: _plain(
        _node_id,
        _node_id,
        _duration(OPCUA_RENEW_MIN_MS),
        _string,
        _string,
        _array(_ENDPOINT, 32),
        _array(_fields(_string, _string), 16),
        _fields(_string, _string),
        _fixed(4),
    ),
    ObjectIds.ActivateSessionResponse_Encoding_DefaultBinary: _plain(_string, _STATUSES, _DIAGNOSTICS),
    ObjectIds.CloseSessionResponse_Encoding_DefaultBinary: _plain(),
    ObjectIds.ReadResponse_Encoding_DefaultBinary: _results(_data_value),
    ObjectIds.WriteResponse_Encoding_DefaultBinary: _results(_fixed(4)),
    ObjectIds.CreateSubscriptionResponse_Encoding_DefaultBinary: _plain(_fixed(4), _duration(0), _fixed(4 + 4)),
    ObjectIds.CreateMonitoredItemsResponse_Encoding_DefaultBinary: _results(
        _fields(_fixed(4 + 4), _duration(-1), _fixed(4), _no_extension)
    ),
    ObjectIds.DeleteSubscriptionsResponse_Encoding_DefaultBinary: _results(_fixed(4)),
    ObjectIds.PublishResponse_Encoding_DefaultBinary: _plain(
        _fixed(4), _array(_fixed(4)), _fixed(1 + 4 + 8), _array(_notification, 16), _STATUSES, _DIAGNOSTICS
    ),
}
