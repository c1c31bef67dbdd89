"""The kinds of mischief, by name: what a server sends instead of the honest frame, and how a link must call it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from hostile_middle import Mischief, drip, early_close, flood, half_and_close, sends, silence

SILENT, PROTOCOL, REFUSED = frozenset({"silent", "heartbeat"}), frozenset({"protocol"}), frozenset({"refused"})
GONE = frozenset({"disconnected", "unreachable"})


class Kind(NamedTuple):
    """One kind: what it does, the causes by which a link may call it, and the stages in which it makes sense."""

    mischief: Mischief
    causes: frozenset[str]
    stages: frozenset[str]


def patched(at: int, content: bytes) -> Callable[[bytes], bytes]:
    """The honest frame with other bytes from `at` on."""
    return lambda frame: frame[:at] + content + frame[at + len(content) :]


def added(at: int, form: str, more: int) -> Callable[[bytes], bytes]:
    """The honest frame with a number that is larger by `more`."""

    def change(frame: bytes) -> bytes:
        (number,) = struct.unpack_from(form, frame, at)
        return patched(at, struct.pack(form, number + more))(frame)

    return change


def resized(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """An OPC UA chunk that was changed, with the length that it has then in its header."""

    def sized(frame: bytes) -> bytes:
        changed = change(frame)
        return changed[:4] + struct.pack("<I", len(changed)) + changed[8:]

    return sized


_HEAD = b"\0\1\0\0\0\0\1\3"
_ERR = b"ERRF\x10\0\0\0\0\0\x01\x80\xff\xff\xff\xff"

# --- Modbus ----------------------------------------------------------------------------------------------------------

_MODBUS = frozenset({"read", "exchange", "write"})
_ALL_MODBUS = _MODBUS | {"connect"}
_READS = frozenset({"read", "exchange"})


def _registers(more: int) -> Callable[[bytes], bytes]:
    """A read's answer with more (or fewer) registers, sound in itself."""

    def change(frame: bytes) -> bytes:
        count = frame[8] // 2 + more
        body = frame[9 : 9 + 2 * count].ljust(2 * count, b"\0")
        return frame[:4] + struct.pack(">HBBB", 3 + 2 * count, frame[6], frame[7], 2 * count) + body

    return change


MODBUS_KINDS = {
    "wrong function": Kind(sends(patched(7, b"\x04")), PROTOCOL, _MODBUS),
    "wrong count, fewer": Kind(sends(_registers(-1)), PROTOCOL, _READS),
    "wrong count, more": Kind(sends(_registers(1)), PROTOCOL, frozenset({"read", "exchange"})),
    "wrong byte count": Kind(sends(added(8, ">B", -1)), PROTOCOL, _READS),
    "wrong address": Kind(sends(added(8, ">H", 1)), PROTOCOL, frozenset({"write"})),
    "wrong unit": Kind(sends(added(6, ">B", 1)), PROTOCOL, _MODBUS),
    "transaction id 0": Kind(sends(patched(0, b"\0\0")), PROTOCOL, _MODBUS),
    "transaction id of another": Kind(sends(added(0, ">H", 1)), PROTOCOL, _MODBUS),
    "wrong protocol id": Kind(sends(patched(2, b"\0\1")), PROTOCOL, _MODBUS),
    "lying length, longer": Kind(sends(added(4, ">H", 2)), PROTOCOL, _MODBUS),
    "lying length, 64 KiB": Kind(flood(lambda frame: patched(4, b"\xff\xff")(frame or _HEAD)), PROTOCOL, _ALL_MODBUS),
    "lying length, shorter": Kind(sends(added(4, ">H", -2)), PROTOCOL, _MODBUS),
    "exception": Kind(sends(lambda frame: frame[:4] + b"\0\3" + frame[6:7] + bytes([frame[7] | 0x80, 4])), REFUSED, _MODBUS),
    "exception to another function": Kind(sends(lambda frame: frame[:4] + b"\0\3" + frame[6:7] + b"\x86\4"), PROTOCOL, _MODBUS),
    "answered twice": Kind(sends(lambda frame: frame * 2), PROTOCOL, _MODBUS),
    "drip": Kind(drip, SILENT, _MODBUS),
    "flood of garbage": Kind(flood(lambda _: b"\xde\xad\xbe\xef"), PROTOCOL, _ALL_MODBUS),
    "flood of answers": Kind(flood(lambda frame: frame or b"\0\1\0\0\0\3\1\x83\2"), PROTOCOL, _ALL_MODBUS),
    "garbage": Kind(sends(lambda _: b"\xde\xad\xbe\xef" * 8), PROTOCOL, _ALL_MODBUS),
    "silence": Kind(silence, SILENT, _MODBUS),
    "early close": Kind(early_close, GONE, _MODBUS),
    "half and close": Kind(half_and_close, GONE, _MODBUS),
}

# --- OPC UA ----------------------------------------------------------------------------------------------------------

_SESSION = frozenset({"create session", "activate session", "create subscription", "create items", "write", "publish", "poll"})
_OPENING = frozenset({"hello", "open channel"})
_ALL_OPCUA = _SESSION | _OPENING | {"connect"}
_RESULTS = frozenset({"create items", "write", "poll"})  # replies that have a result for each thing asked
_TYPE_AT, _HANDLE_AT, _RESULTS_AT = 26, 36, 52  # without security, without diagnostics


def _instead_of_results(content: bytes) -> Callable[[bytes], bytes]:
    """A reply that ends in other results."""
    return resized(lambda frame: frame[:_RESULTS_AT] + content)


_NULLS = struct.pack("<iBBi", 1, 1, 0x80, 0x7FFF_FFFF)
_BACKWARDS = struct.pack("<iBBi", 1, 1, 0x8C, 0x7FFF_FFFF) + struct.pack("<i", -4) * 8
_DIMENSIONS = struct.pack("<iBBi", 1, 1, 0xC5, 1) + b"\0\0" + struct.pack("<ii", 1, 1_000_000) + b"\xff\xff\xff\xff"
_NESTED = struct.pack("<iB", 1, 1) + b"\x18" * 20_000

OPCUA_KINDS = {
    "wrong function": Kind(sends(patched(_TYPE_AT, struct.pack("<H", 479))), PROTOCOL, _SESSION),
    "wrong message type": Kind(sends(patched(0, b"HEL")), PROTOCOL, _SESSION | _OPENING),
    "wrong count, none": Kind(sends(patched(_RESULTS_AT, struct.pack("<i", 0))), PROTOCOL, _RESULTS),
    "wrong count, two": Kind(sends(patched(_RESULTS_AT, struct.pack("<i", 2))), PROTOCOL, _RESULTS),
    "wrong channel": Kind(sends(added(8, "<I", 1)), PROTOCOL, _SESSION),
    "wrong token": Kind(sends(added(12, "<I", 1)), PROTOCOL, _SESSION),
    "sequence number 0": Kind(sends(patched(16, b"\0\0\0\0")), PROTOCOL, _SESSION),
    "transaction id 0": Kind(sends(patched(20, b"\0\0\0\0")), PROTOCOL, _SESSION),
    "transaction id of another": Kind(sends(added(20, "<I", 7)), PROTOCOL, _SESSION),
    "request handle 0": Kind(sends(patched(_HANDLE_AT, b"\0\0\0\0")), PROTOCOL, _SESSION),
    "request handle of another": Kind(sends(added(_HANDLE_AT, "<I", 1)), PROTOCOL, _SESSION),
    "lying length, longer": Kind(sends(added(4, "<I", 100)), SILENT, _SESSION | {"open channel"}),
    "lying length, shorter": Kind(sends(added(4, "<I", -2)), PROTOCOL, _SESSION | _OPENING),
    "lying length, nothing": Kind(sends(patched(4, b"\0\0\0\0")), PROTOCOL, _SESSION | _OPENING),
    "2 GiB hello": Kind(
        flood(lambda frame: patched(4, b"\xff\xff\xff\x7f")(frame or b"ACKF____") + b"\0" * 4096), PROTOCOL, _ALL_OPCUA
    ),
    "buffers of nothing": Kind(sends(patched(12, b"\0" * 16)), PROTOCOL, frozenset({"hello"})),
    "chunks without end": Kind(flood(patched(3, b"C")), PROTOCOL, _SESSION),
    "nulls": Kind(sends(_instead_of_results(_NULLS)), PROTOCOL, _RESULTS),
    "texts that go backwards": Kind(sends(_instead_of_results(_BACKWARDS)), PROTOCOL, _RESULTS),
    "dimensions": Kind(sends(_instead_of_results(_DIMENSIONS)), PROTOCOL, frozenset({"poll"})),
    "values in values": Kind(sends(_instead_of_results(_NESTED)), PROTOCOL, frozenset({"poll"})),
    "bytes left over": Kind(sends(resized(lambda frame: frame + b"\0")), PROTOCOL, _SESSION),
    "error": Kind(sends(lambda _: _ERR), REFUSED, _SESSION | _OPENING),
    "drip": Kind(drip, SILENT, _SESSION | _OPENING),
    "flood of garbage": Kind(flood(lambda _: b"\xde\xad\xbe\xef"), PROTOCOL, _ALL_OPCUA),
    "flood of answers": Kind(flood(lambda frame: frame or _ERR), PROTOCOL | REFUSED, _ALL_OPCUA),
    "garbage": Kind(sends(lambda _: b"\xde\xad\xbe\xef" * 50), PROTOCOL, _ALL_OPCUA),
    "silence": Kind(silence, SILENT, _SESSION | _OPENING | {"connect"}),
    "early close": Kind(early_close, GONE, _SESSION | _OPENING | {"connect"}),
    "half and close": Kind(half_and_close, GONE, _SESSION | _OPENING),
}
KINDS = {"modbus": MODBUS_KINDS, "opcua": OPCUA_KINDS}
