"""
The telegram images: 125 words from the PLC (`Out`), 114 words to it (`In`).

The same 16-bit words travel on Modbus and on OPC UA. Decoding never trusts: it either returns an image whose
every part is in range, or raises `ImageError` with word, seen and expected.

    Out  0 version | 1-2 profile digest | 3-4 boot nonce | 5 epoch | 6 heartbeat | 7 PackML mode x 256 + state
         8 CRC over words 0..7 and 9..15 | 9 alarms | 10-11 odometer | 12-13 commands taken | 14-15 places open
         16+27k event slots, the last word of each a CRC over the others | 124 PLC time, ms modulo 65536
    In   0 version | 1 heartbeat | 2 epoch granted | 3-4 nonce granted to | 5 hello | 6-7 acknowledgement | 8 reserved
         9 CRC over words 0..8 and the used slots | 10+26k command slots

Every CRC is CRC-16/MODBUS. Modbus TCP and unsecured OPC UA have none of their own: what a gateway or a bad switch
changes would else be believed. PLC time alone is not covered, because it changes with every read; a wrong one makes
an event look older or younger, and the PLC checks every deadline itself.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from packcenter.plc.line import CODE_BYTES, INTERFACE_VERSION, SLOTS, LineCommand, LineEvent

OUT_WORDS = 125
IN_WORDS = 114
EVENT_WORDS = 27
COMMAND_WORDS = 26
_FIRST_EVENT = 16
_FIRST_COMMAND = 10
_MODE_MAX = 0xFF
_CODE = struct.Struct(f">{CODE_BYTES // 2}H")
_HEAD = struct.Struct(f">{_FIRST_EVENT - 1}H")
_EVENT = struct.Struct(f">{EVENT_WORDS - 1}H")

WordOrder = Literal["ABCD", "CDAB"]


class ImageError(ValueError):
    """An image that cannot be what a sound peer sends; `str` says word, seen and expected."""


class VersionError(ImageError):
    """The peer speaks another version of the line interface (or is no such peer at all)."""


class TornError(ImageError):
    """A part was read while it was being written, or changed on its way; reading again helps."""


class OutImage(msgspec.Struct, frozen=True, gc=False):
    """PLC -> packcenter. `events` are the oldest unacknowledged ones, numbers rising by one."""

    profile_digest: int
    nonce: int
    epoch: int
    heartbeat: int
    packml_state: int
    packml_mode: int
    alarms: int
    odometer: int
    taken: int
    places_open: int
    plc_ms: int
    events: tuple[LineEvent, ...] = ()


class InImage(msgspec.Struct, frozen=True, gc=False):
    """packcenter -> PLC. `commands` are the oldest that the PLC has not taken, numbers rising by one."""

    heartbeat: int
    epoch: int
    nonce: int
    hello: int
    acknowledged: int
    commands: tuple[LineCommand, ...] = ()


@lru_cache(maxsize=1024)
def crc16(data: bytes) -> int:
    """
    CRC-16/MODBUS (polynomial 0xA001, start 0xFFFF); check value of b"123456789" is 0x4B37.

    An event stands in several images until it is acknowledged, hence the cache.
    """
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def _crc_entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ 0xA001 if byte & 1 else byte >> 1
    return byte


_CRC_TABLE = tuple(_crc_entry(byte) for byte in range(256))


def encode_out(image: OutImage, order: WordOrder = "ABCD") -> list[int]:
    """
    The 125 words of a PLC's image; raises `ImageError` if a value does not fit its words or the numbers have holes.

    A code is what a scanner read, so characters that are not ASCII travel as `?`.
    """
    words = [0] * OUT_WORDS
    words[0] = INTERFACE_VERSION
    _put32(words, 1, image.profile_digest, order)
    _put32(words, 3, image.nonce, order)
    words[5:10] = [image.epoch, image.heartbeat, _mode_and_state(image), 0, image.alarms]
    _put32(words, 10, image.odometer, order)
    _put32(words, 12, image.taken, order)
    _put32(words, 14, image.places_open, order)
    _check_numbers([event.number for event in image.events])
    for at, event in zip(range(_FIRST_EVENT, OUT_WORDS, EVENT_WORDS), image.events, strict=False):
        _check_kind(event.kind, at)
        _put32(words, at, event.number, order)
        words[at + 2] = event.kind
        _put32(words, at + 3, event.track, order)
        words[at + 5] = event.a
        words[at + 6] = event.b
        _put32(words, at + 7, event.c, order)
        words[at + 9 : at + 25] = _text_words(event.code)
        words[at + 25] = event.plc_ms
    words[124] = image.plc_ms
    _checked_words(words, OUT_WORDS)
    words[8] = _head_crc(words)
    for at in range(_FIRST_EVENT, _FIRST_EVENT + len(image.events) * EVENT_WORDS, EVENT_WORDS):
        words[at + 26] = _event_crc(words, at)
    return words


def decode_out(words: Sequence[int], order: WordOrder = "ABCD") -> OutImage:
    """Read a PLC's image; raises `ImageError` on a wrong length, version, CRC or unordered numbers."""
    words = _checked_words(words, OUT_WORDS)
    _check_version(words[0])
    _check_crc(words[8], _head_crc(words), 8)
    plc_ms = words[124]
    return OutImage(
        profile_digest=_get32(words, 1, order),
        nonce=_get32(words, 3, order),
        epoch=words[5],
        heartbeat=words[6],
        packml_state=words[7] & 0xFF,
        packml_mode=words[7] >> 8,
        alarms=words[9],
        odometer=_get32(words, 10, order),
        taken=_get32(words, 12, order),
        places_open=_get32(words, 14, order),
        plc_ms=plc_ms,
        events=_events(words, order, plc_ms),
    )


def _events(words: list[int], order: WordOrder, now_ms: int) -> tuple[LineEvent, ...]:
    events: list[LineEvent] = []
    for at in range(_FIRST_EVENT, _FIRST_EVENT + SLOTS * EVENT_WORDS, EVENT_WORDS):
        number = _get32(words, at, order)
        if number == 0:
            break
        _check_crc(words[at + 26], _event_crc(words, at), at + 26)
        if events and number != events[-1].number + 1:
            raise ImageError(f"word {at}: event number {number}, expected {events[-1].number + 1} after {events[-1].number}")
        _check_kind(words[at + 2], at)
        plc_ms = words[at + 25]
        events.append(
            LineEvent(
                number=number,
                kind=words[at + 2],
                track=_get32(words, at + 3, order),
                a=words[at + 5],
                b=words[at + 6],
                c=_get32(words, at + 7, order),
                code=_text(words[at + 9 : at + 25]),
                plc_ms=plc_ms,
                age_ms=(now_ms - plc_ms) & 0xFFFF,
            )
        )
    return tuple(events)


def encode_in(image: InImage, order: WordOrder = "ABCD") -> list[int]:
    """
    The 114 words of packcenter's image, its CRC set; raises `ImageError` if a value does not fit or the numbers have holes.

    A text is printed on a label, so one that is not printable ASCII is refused and not mended.
    """
    words = [0] * IN_WORDS
    words[0] = INTERFACE_VERSION
    words[1:3] = [image.heartbeat, image.epoch]
    _put32(words, 3, image.nonce, order)
    words[5] = image.hello
    _put32(words, 6, image.acknowledged, order)
    _check_numbers([command.number for command in image.commands])
    for at, command in zip(range(_FIRST_COMMAND, IN_WORDS, COMMAND_WORDS), image.commands, strict=False):
        _put32(words, at, command.number, order)
        words[at + 2] = command.kind
        _put32(words, at + 3, command.track, order)
        words[at + 5] = command.a
        words[at + 6] = command.b
        _put32(words, at + 7, command.deadline, order)
        _check_text(command.text, at)
        words[at + 9 : at + 25] = _text_words(command.text)
        words[at + 25] = command.number & 0xFFFF
    _checked_words(words, IN_WORDS)
    words[9] = _in_crc(words, len(image.commands))
    return words


def decode_in(words: Sequence[int], order: WordOrder = "ABCD") -> InImage:
    """Read packcenter's image as a PLC does; raises `ImageError` on a wrong length, version, CRC or torn slot."""
    words = _checked_words(words, IN_WORDS)
    _check_version(words[0])
    commands: list[LineCommand] = []
    for at in range(_FIRST_COMMAND, IN_WORDS, COMMAND_WORDS):
        number = _get32(words, at, order)
        if number == 0:
            break
        _check_torn(words[at + 25], number, at)
        if commands and number != commands[-1].number + 1:
            raise ImageError(f"word {at}: command number {number}, expected {commands[-1].number + 1}")
        commands.append(
            LineCommand(
                number=number,
                kind=words[at + 2],
                track=_get32(words, at + 3, order),
                a=words[at + 5],
                b=words[at + 6],
                deadline=_get32(words, at + 7, order),
                text=_text(words[at + 9 : at + 25]),
            )
        )
    expected = _in_crc(words, len(commands))
    if words[9] != expected:
        raise ImageError(f"word 9: CRC 0x{words[9]:04X}, expected 0x{expected:04X}; the image was changed on its way")
    return InImage(
        heartbeat=words[1],
        epoch=words[2],
        nonce=_get32(words, 3, order),
        hello=words[5],
        acknowledged=_get32(words, 6, order),
        commands=tuple(commands),
    )


def _in_crc(words: Sequence[int], used: int) -> int:
    covered = [*words[:9], *words[_FIRST_COMMAND : _FIRST_COMMAND + used * COMMAND_WORDS]]
    return crc16(struct.pack(f">{len(covered)}H", *covered))


def _mode_and_state(image: OutImage) -> int:
    for name, value in (("PackML state", image.packml_state), ("PackML mode", image.packml_mode)):
        if not 0 <= value <= _MODE_MAX:
            raise ImageError(f"word 7: {name} {value}, expected 0 to {_MODE_MAX}")
    return image.packml_mode << 8 | image.packml_state


def _head_crc(words: list[int]) -> int:
    return crc16(_HEAD.pack(*words[:8], *words[9:_FIRST_EVENT]))


def _event_crc(words: list[int], at: int) -> int:
    return crc16(_EVENT.pack(*words[at : at + EVENT_WORDS - 1]))


def _check_crc(seen: int, expected: int, at: int) -> None:
    if seen != expected:
        raise TornError(
            f"word {at}: CRC 0x{seen:04X}, expected 0x{expected:04X}; read while it was written, or changed on its way"
        )


def _check_version(word: int) -> None:
    if word != INTERFACE_VERSION:
        raise VersionError(f"word 0: interface version 0x{word:04X}, expected 0x{INTERFACE_VERSION:04X}; is the address right?")


def _check_torn(tail: int, number: int, at: int) -> None:
    if tail != number & 0xFFFF:
        raise TornError(f"word {at}: slot is torn, number {number} but its tail says {tail}")


def _check_numbers(numbers: list[int]) -> None:
    if len(numbers) > SLOTS:
        raise ImageError(f"{len(numbers)} slots used, expected at most {SLOTS}")
    if numbers and numbers != list(range(max(1, numbers[0]), max(1, numbers[0]) + len(numbers))):
        raise ImageError(f"slot numbers {numbers}, expected 1 or more, rising by one")


def _check_kind(kind: int, at: int) -> None:
    """No event has kind 0. The CRC of 0xFFFF and zeros is 0: one spoilt word would make an empty slot look like an event."""
    if kind == 0:
        raise ImageError(f"word {at + 2}: event kind 0, expected 1 or more")


def _check_text(text: str, at: int) -> None:
    if not (text.isascii() and text.isprintable()):
        raise ImageError(f"word {at + 9}: text {text[:40]!r}, expected printable ASCII")


def _checked_words(words: Sequence[int], expected: int) -> list[int]:
    if len(words) != expected:
        raise ImageError(f"{len(words)} words, expected {expected}")
    if min(words) < 0 or max(words) > 0xFFFF:
        at = next(at for at, word in enumerate(words) if not 0 <= word <= 0xFFFF)
        raise ImageError(f"word {at}: {words[at]}, expected 0 to 65535")
    return words if isinstance(words, list) else list(words)


def _put32(words: list[int], at: int, value: int, order: WordOrder) -> None:
    if not 0 <= value <= 0xFFFF_FFFF:
        raise ImageError(f"word {at}: {value}, expected 0 to 4294967295")
    high, low = value >> 16, value & 0xFFFF
    words[at], words[at + 1] = (high, low) if order == "ABCD" else (low, high)


def _get32(words: Sequence[int], at: int, order: WordOrder) -> int:
    first, second = words[at], words[at + 1]
    return first << 16 | second if order == "ABCD" else second << 16 | first


def _text_words(text: str) -> list[int]:
    raw = text.encode("ascii", "replace")
    if len(raw) > CODE_BYTES:
        raise ImageError(f"text of {len(raw)} bytes, expected at most {CODE_BYTES}: {text[:40]!r}")
    return list(_CODE.unpack(raw.ljust(CODE_BYTES, b"\0")))


def _text(words: Sequence[int]) -> str:
    """Text of a slot; anything outside printable ASCII becomes `?`, so that no later reader meets control characters."""
    raw = _CODE.pack(*words).rstrip(b"\0")
    text = raw.decode("latin-1")  # one character for each byte
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if " " <= character <= "~" else "?" for character in text)
