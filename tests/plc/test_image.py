from __future__ import annotations

import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plc_testing import events, out_image, with_crcs

from packcenter.plc.image import (
    IN_WORDS,
    OUT_WORDS,
    ImageError,
    InImage,
    TornError,
    VersionError,
    WordOrder,
    crc16,
    decode_in,
    decode_out,
    encode_in,
    encode_out,
)
from packcenter.plc.line import LineCommand, LineEvent

ORDERS: tuple[WordOrder, ...] = ("ABCD", "CDAB")
word = st.integers(0, 0xFFFF)
long_word = st.integers(0, 0xFFFF_FFFF)
text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=32)
first_numbers = st.integers(1, 0xFFFF_FFFF - 4)


@st.composite
def out_images(draw: st.DrawFn) -> Any:
    first, plc_ms = draw(first_numbers), draw(word)
    made = []
    for number in range(first, first + draw(st.integers(0, 4))):
        stamp = draw(word)
        made.append(
            LineEvent(
                number,
                draw(st.integers(1, 0xFFFF)),
                draw(long_word),
                draw(word),
                draw(word),
                draw(long_word),
                draw(text),
                stamp,
                (plc_ms - stamp) & 0xFFFF,
            )
        )
    words = ("epoch", "heartbeat", "alarms")
    longs = ("profile_digest", "nonce", "odometer", "taken", "places_open")
    fields = {name: draw(word) for name in words} | {name: draw(long_word) for name in longs}
    fields |= {name: draw(st.integers(0, 0xFF)) for name in ("packml_state", "packml_mode")}
    return out_image(**fields, plc_ms=plc_ms, events=tuple(made))


@st.composite
def in_images(draw: st.DrawFn) -> InImage:
    first = draw(first_numbers)
    commands = tuple(
        LineCommand(number, draw(word), draw(long_word), draw(word), draw(word), draw(long_word), draw(text))
        for number in range(first, first + draw(st.integers(0, 4)))
    )
    return InImage(draw(word), draw(word), draw(long_word), draw(word), draw(long_word), commands)


@given(out_images(), st.sampled_from(ORDERS))
def test_an_image_of_a_plc_reads_back_as_it_was_written(image: Any, order: WordOrder) -> None:
    words = encode_out(image, order)
    assert len(words) == OUT_WORDS
    assert decode_out(words, order) == image
    assert decode_out(tuple(words), order) == image


@given(in_images(), st.sampled_from(ORDERS))
def test_an_image_of_ours_reads_back_as_it_was_written(image: InImage, order: WordOrder) -> None:
    words = encode_in(image, order)
    assert len(words) == IN_WORDS
    assert decode_in(words, order) == image


@given(in_images(), st.data())
def test_any_changed_word_that_our_crc_covers_is_noticed(image: InImage, data: st.DataObject) -> None:
    words = encode_in(image)
    covered = [*range(10), *range(10, 10 + 26 * len(image.commands))]
    at = data.draw(st.sampled_from([at for at in covered if at != 8] + [8]))
    words[at] ^= data.draw(st.integers(1, 0xFFFF))
    with pytest.raises(ImageError):
        decode_in(words)


@given(out_images(), st.sampled_from(ORDERS), st.data())
def test_any_changed_word_of_a_plc_that_means_something_is_noticed(image: Any, order: WordOrder, data: st.DataObject) -> None:
    """PLC time and unused slots alone are not covered; emptying a slot only hides its event for a while."""
    words = encode_out(image, order)
    at = data.draw(st.sampled_from(range(16 + 27 * len(image.events))))
    words[at] ^= data.draw(st.integers(1, 0xFFFF))
    try:
        seen = decode_out(words, order)
    except ImageError:
        return
    assert at >= 16, at
    assert seen == msgspec.structs.replace(image, events=image.events[: (at - 16) // 27])


@given(st.binary(min_size=2 * OUT_WORDS, max_size=2 * OUT_WORDS))
def test_garbage_is_an_image_or_an_image_error_and_nothing_else(garbage: bytes) -> None:
    out_words = [0x0100, *(garbage[at] << 8 | garbage[at + 1] for at in range(2, len(garbage), 2))]
    in_words = out_words[:IN_WORDS]
    for decode, words in ((decode_out, out_words), (decode_in, in_words)):
        try:
            decode(words)
        except ImageError:
            continue


def test_the_crc_is_modbus() -> None:
    assert crc16(b"123456789") == 0x4B37


def test_words_stand_where_the_specification_says() -> None:
    image = out_image(
        nonce=0x0001_0002,
        odometer=0x0003_0004,
        plc_ms=50,
        events=(LineEvent(0x0005_0006, 1, 0x0007_0008, 9, 10, 11, "AB", 20, 30),),
    )
    words = encode_out(image)
    assert words[:8] == [0x0100, 0xC0FF, 0xEE01, 1, 2, 1, 1, 1 << 8 | 6]
    assert words[8] == crc16(struct.pack(">15H", *words[:8], *words[9:16]))
    assert words[10:12] == [3, 4]
    assert words[16:27] == [5, 6, 1, 7, 8, 9, 10, 0, 11, 0x4142, 0]
    assert (words[16 + 25], words[124]) == (20, 50)
    assert words[16 + 26] == crc16(struct.pack(">26H", *words[16 : 16 + 26]))
    assert encode_out(image, "CDAB")[3:5] == [2, 1]
    ours = encode_in(InImage(1, 2, 0x0003_0004, 5, 0x0006_0007, (LineCommand(8, 9, 10, 11, 12, 0x0001_0000, "A"),)))
    assert ours[:9] == [0x0100, 1, 2, 3, 4, 5, 6, 7, 0]
    assert ours[10:20] == [0, 8, 9, 0, 10, 11, 12, 1, 0, 0x4100]
    assert ours[10 + 25] == 8


def test_the_age_of_an_event_is_taken_over_the_turn_of_the_plc_clock() -> None:
    image = out_image(plc_ms=10, events=(LineEvent(1, 1, plc_ms=65_530),))
    assert decode_out(encode_out(image)).events[0].age_ms == 16


def test_a_slot_after_an_empty_one_is_not_read() -> None:
    words = encode_out(out_image(events=events(1, 3)))
    words[16 + 27 : 16 + 29] = [0, 0]
    assert [event.number for event in decode_out(words).events] == [1]


def test_unprintable_bytes_of_a_scanner_become_question_marks() -> None:
    words = encode_out(out_image(events=(LineEvent(1, 1, code="A\x07ü"),)))
    words[16 + 10] |= 0x00FF
    assert decode_out(with_crcs(words)).events[0].code == "A???"


@pytest.mark.parametrize(("code", "seen"), [("A\x07B", "A?B"), ("\x01 ~\x7f", "? ~?"), ("A" * 32, "A" * 32)])
def test_printable_ascii_of_a_scanner_is_kept_and_control_characters_are_not(code: str, seen: str) -> None:
    assert decode_out(encode_out(out_image(events=(LineEvent(1, 1, code=code),)))).events[0].code == seen


def test_the_largest_values_fit() -> None:
    image = out_image(packml_state=255, packml_mode=255, epoch=0xFFFF, odometer=0xFFFF_FFFF)
    assert decode_out(encode_out(image)) == image


def test_one_spoilt_word_makes_no_event_of_an_empty_slot() -> None:
    """The CRC of 0xFFFF and zeros is 0, the word that stands at the end of an empty slot; but no event has kind 0."""
    words = encode_out(out_image())
    words[16] = 0xFFFF
    with pytest.raises(ImageError, match="word 18: event kind 0, expected 1 or more"):
        decode_out(words)


def test_events_with_a_hole_between_them_are_refused() -> None:
    """The PLC itself says so, since the CRCs are right."""
    words = encode_out(out_image(events=events(1, 2)))
    words[16 + 27 + 1] = 3
    with pytest.raises(ImageError, match="word 43: event number 3, expected 2 after 1"):
        decode_out(with_crcs(words))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({0: 0x0200}, VersionError, "word 0: interface version 0x0200, expected 0x0100"),
        ({8: 99}, TornError, "word 8: CRC 0x0063, expected 0x[0-9A-F]{4}; read while it was written, or changed on its way"),
        ({16 + 26: 99}, TornError, "word 42: CRC 0x0063, expected 0x[0-9A-F]{4}"),
        ({40: 0x1_0000}, ImageError, "word 40: 65536, expected 0 to 65535"),
        ({40: -1}, ImageError, "word 40: -1, expected 0 to 65535"),
        ({39: 0xFFFF, 40: 0x1_0000}, ImageError, "word 40: 65536, expected 0 to 65535"),
    ],
)
def test_an_image_of_a_plc_that_cannot_be_is_refused(change: dict[int, int], error: type[ImageError], message: str) -> None:
    words = encode_out(out_image(events=events(1, 2)))
    for at, seen in change.items():
        words[at] = seen
    with pytest.raises(error, match=message):
        decode_out(words)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({0: 0}, VersionError, "word 0: interface version 0x0000"),
        ({9: 1}, ImageError, "word 9: CRC 0x0001, expected"),
        ({10 + 25: 7}, TornError, "word 10: slot is torn"),
        ({36 + 1: 4, 36 + 25: 4}, ImageError, "word 36: command number 4, expected 2"),
    ],
)
def test_an_image_of_ours_that_cannot_be_is_refused(change: dict[int, int], error: type[ImageError], message: str) -> None:
    words = encode_in(InImage(1, 1, 1, 1, 1, (LineCommand(1, 1), LineCommand(2, 1))))
    for at, seen in change.items():
        words[at] = seen
    with pytest.raises(error, match=message):
        decode_in(words)


@pytest.mark.parametrize("count", [0, OUT_WORDS - 1, OUT_WORDS + 1])
def test_a_wrong_number_of_words_is_refused(count: int) -> None:
    with pytest.raises(ImageError, match=f"{count} words, expected 125"):
        decode_out([0] * count)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epoch": 65_536}, "word 5: 65536"),
        ({"packml_state": 256}, "word 7: PackML state 256, expected 0 to 255"),
        ({"packml_mode": -1}, "word 7: PackML mode -1, expected 0 to 255"),
        ({"nonce": 1 << 32}, "word 3: 4294967296, expected 0 to 4294967295"),
        ({"odometer": -1}, "word 10: -1"),
        ({"events": events(1, 5)}, "5 slots used, expected at most 4"),
        ({"events": (*events(1, 1), *events(3, 3))}, r"slot numbers \[1, 3\], expected 1 or more, rising by one"),
        ({"events": events(0, 0)}, r"slot numbers \[0\]"),
        ({"events": (LineEvent(1, 0),)}, "word 18: event kind 0, expected 1 or more"),
        ({"events": (LineEvent(1, 1, code="x" * 33),)}, "text of 33 bytes, expected at most 32"),
    ],
)
def test_a_value_that_does_not_fit_is_not_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        encode_out(out_image(**fields))


@pytest.mark.parametrize("label", ["EA12345678ü", "A\nB", "A\0"])
def test_a_label_that_is_not_printable_ascii_is_refused_and_not_mended(label: str) -> None:
    with pytest.raises(ImageError, match=r"word 19: text .*, expected printable ASCII"):
        encode_in(InImage(1, 1, 1, 1, 1, (LineCommand(1, 10, text=label),)))
