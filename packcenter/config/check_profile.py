"""
Checks of one PLC profile: its protocol's table, images and points, request limits, timing.
"""

from __future__ import annotations

from typing import NamedTuple

from packcenter.config.errors import quoted
from packcenter.config.models import IN_WORDS, OUT_WORDS, WATCHDOG_MS, Modbus, Profile
from packcenter.config.names import Findings, unique_items, unique_tables
from packcenter.config.toml import KeyPath
from packcenter.config.validate import Loaded, Value

REGISTERS = 65_536
HEARTBEAT_STEP_MS = 100  # packcenter's heartbeat rises this often at most: `packcenter.plc.limits`, compared in a test

_REGISTERS_OF = {"bool": 1, "int16": 1, "uint16": 1, "int32": 2, "uint32": 2}
_POINT_KEYS = {"modbus": ("table", "address"), "opcua": ("node",)}
_OTHER = {"modbus": "opcua", "opcua": "modbus"}


class Requests(NamedTuple):
    """How many requests one exchange takes: to write `In`, then to read `Out`."""

    write: int
    read: int


def at_once(modbus: Modbus) -> bool:
    """Whether one function 23 request carries both images."""
    fits = modbus.max_read_registers >= OUT_WORDS and modbus.max_write_registers >= IN_WORDS
    return 23 in modbus.function_codes and fits


def requests(profile: Profile) -> Requests:
    """The requests of one exchange; function 23 reads with the same request that writes."""
    modbus = profile.modbus
    if modbus is None:
        return Requests(1, 1)
    if at_once(modbus):
        return Requests(1, 0)
    return Requests(-(-IN_WORDS // modbus.max_write_registers), -(-OUT_WORDS // modbus.max_read_registers))


def check_profile(profile: Loaded[Profile]) -> Findings:
    """Everything that a profile can be wrong in by itself."""
    model = profile.model
    if profile.sound("protocol"):
        yield from _protocol_table(profile)
    if model.modbus is not None and profile.sound("modbus"):
        yield from _modbus(profile, model.modbus)
    if model.opcua is not None and profile.sound("opcua", "images"):
        opcua = model.opcua
        yield from _image_counts(profile, "opcua", opcua.images.out.count, opcua.images.in_.count)
        if opcua.images.out.node == opcua.images.in_.node:
            advice = "Each image has one writer; two in one variable overwrite each other."
            path: KeyPath = ("opcua", "images", "in", "node")
            yield profile.finding(path, "overlapping-images", "the node of out too", "a node of its own", advice)
    yield from unique_tables(profile, "point", "name", [each.name for each in model.point])
    yield from _points(profile)
    yield from _exchange(profile)


def _protocol_table(profile: Loaded[Profile]) -> Findings:
    wanted = profile.model.protocol
    other = "opcua" if wanted == "modbus" else "modbus"
    if getattr(profile.model, wanted) is None:
        advice = "It says where the images lie."
        yield profile.finding(
            (wanted,), "missing-key", "missing", f"a table, because protocol is {quoted(wanted)}", advice, at_key=True
        )
    if getattr(profile.model, other) is not None:
        advice = "A profile speaks one protocol; write a second profile for the other."
        expected = f"not there, because protocol is {quoted(wanted)}"
        yield profile.finding((other,), "other-protocol", "a table", expected, advice, at_key=True)


def _image_counts(profile: Loaded[Profile], table: str, out: int, in_: int) -> Findings:
    for key, count, words in (("out", out, OUT_WORDS), ("in", in_, IN_WORDS)):
        if count != words:
            advice = "The line interface fixes the length of both images."
            yield profile.finding((table, "images", key, "count"), "image-count", Value(count), f"{words}", advice)


def _modbus(profile: Loaded[Profile], modbus: Modbus) -> Findings:
    images = modbus.images
    spans = {"out": (images.out.address, images.out.count), "in": (images.in_.address, images.in_.count)}
    yield from _image_counts(profile, "modbus", images.out.count, images.in_.count)
    for key, (address, count) in spans.items():
        first, last = address - modbus.address_base, address - modbus.address_base + count - 1
        if first < 0 or last >= REGISTERS:
            advice = f"There is no such register; this file counts from {modbus.address_base}."
            seen = f"{address} with {count} registers"
            expected = f"registers from {modbus.address_base} to {REGISTERS - 1 + modbus.address_base}"
            yield profile.finding(("modbus", "images", key, "address"), "image-address", seen, expected, advice)
    if _overlapping(spans["out"], spans["in"]):
        advice = "Each image has one writer; where they overlap, both sides read what they wrote themselves."
        seen = f"{images.in_.address} to {images.in_.address + images.in_.count - 1}"
        expected = f"clear of out, {images.out.address} to {images.out.address + images.out.count - 1}"
        yield profile.finding(("modbus", "images", "in", "address"), "overlapping-images", seen, expected, advice)
    yield from _modbus_limits(profile, modbus)


def _modbus_limits(profile: Loaded[Profile], modbus: Modbus) -> Findings:
    codes = modbus.function_codes
    seen = ", ".join(str(code) for code in codes)
    if 3 not in codes or not {16, 23} & set(codes):
        advice = "Every connection begins with a read, and one of 16 and 23 writes."
        yield profile.finding(("modbus", "function_codes"), "function-codes", seen, "3, and 16 or 23", advice)
    elif 16 not in codes and not at_once(modbus):
        advice = "Images that travel in pieces are written by function 16."
        expected = f"16 too, or room for {OUT_WORDS} registers read and {IN_WORDS} written at once"
        yield profile.finding(("modbus", "function_codes"), "register-limit", seen, expected, advice)
    yield from unique_items(profile, ("modbus", "function_codes"), [str(code) for code in codes], "function")


def _points(profile: Loaded[Profile]) -> Findings:
    model = profile.model
    for at, point in enumerate(model.point):
        path: KeyPath = ("point", at)
        if not profile.sound(*path) or not profile.sound("protocol") or not profile.sound("modbus"):
            continue
        missing = [key for key in _POINT_KEYS[model.protocol] if getattr(point, key) is None]
        needless = [key for key in _POINT_KEYS[_OTHER[model.protocol]] if getattr(point, key) is not None]
        for key in missing:
            expected = f"there, because protocol is {quoted(model.protocol)}"
            yield profile.finding(
                (*path, key), "missing-key", "missing", expected, "It says where to read the point.", at_key=True
            )
        for key in needless:
            expected = f"not there, because protocol is {quoted(model.protocol)}"
            yield profile.finding((*path, key), "other-protocol", "given", expected, "Nothing reads it.", at_key=True)
        if not missing and model.modbus is not None and point.address is not None:
            yield from _point_span(profile, at, model.modbus)


def _point_span(profile: Loaded[Profile], at: int, modbus: Modbus) -> Findings:
    point, path = profile.model.point[at], ("point", at, "address")
    assert point.address is not None, path
    span = (point.address, _REGISTERS_OF[point.type])
    if span[0] < modbus.address_base or sum(span) - modbus.address_base > REGISTERS:
        advice = f"There is no such register; this file counts from {modbus.address_base}."
        last = REGISTERS - 1 + modbus.address_base
        yield profile.finding(path, "point-address", Value(point.address), f"from {modbus.address_base} to {last}", advice)
    for key, image in (("out", modbus.images.out), ("in", modbus.images.in_)):
        if point.table == "holding_register" and _overlapping(span, (image.address, image.count)):
            advice = "The images are read and written whole; a point has registers of its own."
            expected = f"clear of {key}, {image.address} to {image.address + image.count - 1}"
            yield profile.finding(path, "overlapping-images", Value(point.address), expected, advice)


def _exchange(profile: Loaded[Profile]) -> Findings:
    if not profile.sound("line") or not profile.sound("fail_safe") or not profile.sound("modbus"):
        return
    line, watchdog_ms = profile.model.line, profile.model.fail_safe.watchdog_ms
    if watchdog_ms != WATCHDOG_MS:
        advice = "Both sides judge the other by the same limit; a PLC with another one does not speak version 1."
        path: KeyPath = ("fail_safe", "watchdog_ms")
        yield profile.finding(path, "watchdog", Value(watchdog_ms), f"{WATCHDOG_MS}", advice)
    silence_ms = sum(requests(profile.model)) * line.request_timeout_ms + line.poll_gap_ms + HEARTBEAT_STEP_MS
    if silence_ms >= WATCHDOG_MS:
        advice = f"Slow answers that are still in time would make the PLC stop its infeed: its limit is {WATCHDOG_MS} ms."
        seen = f"{line.request_timeout_ms}, so that {silence_ms} ms may pass between two heartbeats"
        expected = f"less than {WATCHDOG_MS} ms between them"
        yield profile.finding(("line", "request_timeout_ms"), "watchdog", seen, expected, advice)


def _overlapping(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[0] + other[1] and other[0] < one[0] + one[1]
