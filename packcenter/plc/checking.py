"""
What a reply must look like before anything in it is believed (invariant E8).

Both client libraries take wrong answers for good ones: pymodbus another function code, another register count, an
odd byte count or transaction id 0; asyncua any value of any type and status. So replies are checked here, Modbus
ones byte by byte before pymodbus sees them. Nothing in this module does I/O.
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from packcenter.plc.limits import SOURCE_STALE_US
from packcenter.plc.mailbox import Cause

if TYPE_CHECKING:
    from asyncua import ua

READ = 3
WRITE = 16
READ_WRITE = 23
_HEADER = struct.Struct(">HHHBB")  # transaction, protocol 0, length of what follows, unit, function
_UINT16 = 5  # ua.VariantType.UInt16; asyncua is not loaded for a Modbus hall
_BUSY = frozenset({5, 6})  # exception codes: acknowledge, device busy
_EXCEPTIONS = {
    1: "function not supported",
    2: "address not there",
    3: "value or count refused",
    4: "device failure",
    5: "acknowledge, still working",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not answer",
}


class PlcError(Exception):
    """The PLC or the wire failed: `cause` in a closed word, `str` in seen, expected and what to do."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause


class BusyError(PlcError):
    """The PLC is busy for a moment and did nothing; the same exchange may succeed a little later."""


class ModbusAsked(msgspec.Struct, frozen=True):
    """One request as it went out; `address` and `count` are the registers read (3, 23) or written (16)."""

    transaction: int
    unit: int
    function: int
    address: int
    count: int


def modbus_reply(received: bytes, asked: ModbusAsked) -> list[int] | None:
    """
    The registers of the reply to `asked` ([] for a write), None while bytes are still missing.

    Raises `PlcError` as soon as a byte is not what the one right reply has, and for an exception code.
    """
    if len(received) < _HEADER.size:
        return None
    transaction, protocol, length, unit, function = _HEADER.unpack_from(received)
    if transaction != asked.transaction or transaction == 0:
        raise _surprise("transaction id", transaction, asked.transaction)
    if protocol != 0:
        raise _surprise("protocol id", protocol, 0)
    if unit != asked.unit:
        raise _surprise("unit", unit, asked.unit)
    if function == asked.function | 0x80:
        _raise_refusal(received, length, asked)
        return None
    if function != asked.function:
        raise _surprise("function", function, asked.function)
    expected = 6 if asked.function == WRITE else 3 + 2 * asked.count
    if length != expected:
        raise _surprise("length", length, expected)
    if len(received) < 6 + length:
        return None
    if len(received) > 6 + length:
        raise _surprise("bytes", len(received), 6 + length)
    if asked.function == WRITE:
        address, count = struct.unpack_from(">HH", received, 8)
        if (address, count) != (asked.address, asked.count):
            raise _surprise("written address and count", (address, count), (asked.address, asked.count))
        return []
    if received[8] != 2 * asked.count:
        raise _surprise("byte count", received[8], 2 * asked.count)
    return list(struct.unpack_from(f">{asked.count}H", received, 9))


def _raise_refusal(received: bytes, length: int, asked: ModbusAsked) -> None:
    if length != 3:
        raise _surprise("length of an exception", length, 3)
    if len(received) < 9:
        return
    if len(received) > 9:
        raise _surprise("bytes of an exception", len(received), 9)
    code = received[8]
    text = f"Modbus exception {code} ({_EXCEPTIONS.get(code, 'unknown')}) to function {asked.function} at {asked.address}"
    if code in _BUSY:
        raise BusyError(Cause.REFUSED, text)
    raise PlcError(Cause.REFUSED, f"{text}, {asked.count} registers, unit {asked.unit}; compare the profile with the PLC")


def _surprise(what: str, seen: object, expected: object) -> PlcError:
    return PlcError(Cause.PROTOCOL, f"Modbus reply has {what} {seen}, expected {expected}; another device or client in between?")


def opcua_words(value: ua.DataValue, count: int, node: str) -> list[int]:
    """The words of a value that is Good, an array of UInt16 and `count` long; raises `PlcError` for anything else."""
    if value.StatusCode is not None and not value.StatusCode.is_good():
        raise PlcError(Cause.REFUSED, f"{node}: status {value.StatusCode.name}, expected Good")
    variant = value.Value
    if variant is None or variant.VariantType != _UINT16:
        seen = "nothing" if variant is None else getattr(variant.VariantType, "name", variant.VariantType)
        raise PlcError(Cause.PROTOCOL, f"{node}: value of type {seen}, expected UInt16; compare the profile with the PLC")
    words = variant.Value
    if not isinstance(words, list):
        raise PlcError(Cause.PROTOCOL, f"{node}: one value, expected an array of {count}")
    if len(words) != count:
        raise PlcError(Cause.PROTOCOL, f"{node}: {len(words)} words, expected {count}; compare the profile with the PLC")
    return words


class SourceClock:
    """
    Watches the source timestamps of one node: a value that was measured long ago, or before the last one, is not fresh.

    Only the PLC's own two clocks are compared, never ours. A server that gives no timestamps is not judged.
    """

    def __init__(self, node: str) -> None:
        self._node = node
        self._last: datetime | None = None

    def check(self, value: ua.DataValue) -> None:
        source, server = value.SourceTimestamp, value.ServerTimestamp
        if source is None:
            return
        if server is not None and server - source > timedelta(microseconds=SOURCE_STALE_US):
            age = (server - source).total_seconds()
            raise PlcError(
                Cause.PROTOCOL, f"{self._node}: value is {age:.1f} s old, expected under {SOURCE_STALE_US / 1e6:.1f} s"
            )
        if self._last is not None and source < self._last:
            back = (self._last - source).total_seconds()
            raise PlcError(Cause.PROTOCOL, f"{self._node}: source time went back {back:.3f} s; an old value or a clock set back")
        self._last = source
