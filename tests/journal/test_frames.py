"""The journal's bytes: what is written is read back, anything else is told apart from what a crash leaves."""

from __future__ import annotations

import hashlib
import re
import struct
import types
import typing
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcenter.core import commands, custody_facts, facts, hall, inputs, receipt_facts
from packcenter.journal import frames
from packcenter.journal.frames import BadFrame, Draft, Identity, SegmentHeader, UnknownVersion, WrongFrame

FORMAT = Path(frames.__file__).with_name("JOURNAL-FORMAT.md")
IDENTITY = Identity("NJ01", "0.1.0", b"\x11" * 32, b"\x22" * 32)
SEGMENT = 1 << 16


def header(number: int = 1) -> SegmentHeader:
    return SegmentHeader(IDENTITY, number, SEGMENT, 1, 1_700_000_000_000_000, frames.GENESIS, frames.GENESIS)


def draft(n: int, body: bytes = b"", **fields: typing.Any) -> Draft:
    body = body or b"body %d " % n + bytes([n % 251 + 1]) * (n % 97 * 7)
    given: dict[str, typing.Any] = {
        "at_us": 10 * n,
        "mono_us": 20 * n,
        "wall_us": 30 * n,
        "source": "bagger-1",
        "epoch": 3,
        "source_seq": n,
    }
    return Draft(**(given | {"body": body, "decision_at": min(4, len(body))} | fields))


def journal(*groups: int) -> tuple[bytes, list[int], bytes, int]:
    """A segment with these groups' sizes; its content, where each group begins and the last ends, chain, next sequence."""
    content = frames.encode_header(header())
    chain, digest, sequence = frames.chain_after_header(content), frames.GENESIS, 1
    content = content.ljust(frames.FIRST_FRAME, b"\0")
    places = [len(content)]
    for size in groups:
        group = frames.encode_group([draft(sequence + i) for i in range(size)], sequence, chain, digest)
        content, chain, digest, sequence = content + group.content, group.chain, group.digest, sequence + size
        places.append(len(content))
    return content.ljust(SEGMENT, b"\0"), places, chain, sequence


def read(content: bytes) -> tuple[int, int]:
    """(records, torn bytes) of a segment, by the product's own functions; raises what they raise."""
    assert frames.decode_header(content[: frames.FIRST_FRAME]) == header()
    at, chain, sequence = frames.FIRST_FRAME, frames.chain_after_header(content), 1
    while True:
        try:
            group = frames.decode_group(content, at, sequence, chain)
        except BadFrame:
            return sequence - 1, frames.judge_tail(content, at, sequence)
        at, chain, sequence = group.end, group.chain, sequence + len(group.entries)


def forged(group: bytes, at: int, change: Callable[[bytearray], None]) -> bytes:
    """`group` with the frame at an offset changed and its CRC made right again."""
    content = bytearray(group)
    length = int.from_bytes(content[at + 4 : at + 8], "little")
    frame = content[at : at + length]
    change(frame)
    frame[12:16] = zlib.crc32(frame[16:]).to_bytes(4, "little")
    content[at : at + length] = frame
    return bytes(content)


# --- what is written is read back ---


drafts = st.lists(
    st.builds(
        Draft,
        at_us=st.integers(0, 2**64 - 1),
        mono_us=st.integers(0, 2**64 - 1),
        wall_us=st.integers(0, 2**64 - 1),
        source=st.sampled_from(["", "sorter-1", "bagger-4", "封发架-1", "RACK-X", "x" * 24]),
        epoch=st.integers(0, 2**32 - 1),
        source_seq=st.integers(0, 2**32 - 1),
        body=st.binary(max_size=300),
        decision_at=st.integers(0, 2**32 - 1),
    ),
    min_size=1,
    max_size=20,
)


@given(drafts, st.integers(1, 2**63), st.binary(min_size=32, max_size=32))
def test_a_group_reads_back_as_it_was_written(given: list[Draft], first: int, chain: bytes) -> None:
    group = frames.encode_group(given, first, chain, frames.GENESIS)
    assert len(group.content) == frames.group_bytes(given)
    for verify_chain in (True, False):
        seen = frames.decode_group(b"\0" * 7 + group.content + b"\0" * 99, 7, first, chain, verify_chain=verify_chain)
        assert (seen.end, seen.chain, seen.digest) == (7 + len(group.content), group.chain, group.digest)
        assert [entry.sequence for entry in seen.entries] == list(range(first, first + len(given)))
        names = list(Draft.__struct_fields__)
        assert [[getattr(e, name) for name in names] for e in seen.entries] == [
            [getattr(d, name) for name in names] for d in given
        ]
        digest = frames.GENESIS
        for entry in seen.entries:
            assert entry.decision() == entry.body[entry.decision_at :]
            digest = frames.digest_after(digest, entry.decision())
        assert digest == group.digest


def test_the_decision_digest_does_not_depend_on_the_grouping() -> None:
    one = frames.encode_group([draft(1), draft(2), draft(3)], 1, frames.GENESIS, frames.GENESIS)
    first = frames.encode_group([draft(1)], 1, frames.GENESIS, frames.GENESIS)
    rest = frames.encode_group([draft(2), draft(3)], 2, first.chain, first.digest)
    assert rest.digest == one.digest
    assert rest.chain != one.chain


def test_a_header_reads_back_as_it_was_written() -> None:
    content = frames.encode_header(header(7)).ljust(frames.FIRST_FRAME, b"\0")
    assert frames.decode_header(content) == header(7)


def test_a_spare_has_no_header() -> None:
    assert frames.decode_header(bytes(frames.FIRST_FRAME)) is None


def test_the_last_commit_frame_proves_a_position() -> None:
    content, places, chain, sequence = journal(3, 2)
    end = places[-1]
    last, seen, digest = frames.decode_commit(content[end - frames.COMMIT_BYTES : end])
    assert (last, seen) == (sequence - 1, chain)
    assert digest == frames.decode_group(content, places[1], 4, b"", verify_chain=False).digest


def test_a_record_frame_or_none_proves_no_position() -> None:
    content, places, _, _ = journal(1)
    record = frames.encode_group([draft(1, body=b"x" * 48)], 1, frames.GENESIS, frames.GENESIS).content[: frames.COMMIT_BYTES]
    for wrong, why in (
        (record, "a frame of another kind"),
        (bytes(frames.COMMIT_BYTES), "no frame begins here"),
        (b"", "0 bytes left"),
        (content[places[0] : places[0] + frames.COMMIT_BYTES], "a frame of another kind"),
    ):
        with pytest.raises(BadFrame, match=f"^offset 0: no commit frame: {why}"):
            frames.decode_commit(wrong)


def test_a_commit_frame_with_any_flipped_bit_proves_no_position() -> None:
    content, places, _, _ = journal(1)
    commit = content[places[-1] - frames.COMMIT_BYTES : places[-1]]
    for bit in range(8 * len(commit)):
        changed = bytearray(commit)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadFrame, match="no commit frame"):
            frames.decode_commit(bytes(changed))


# --- limits ---


def test_a_portion_stops_at_the_most_records() -> None:
    assert frames.portion([draft(1)] * 600) == frames.GROUP_RECORDS_MAX
    assert frames.portion([draft(1)] * 5) == 5
    assert frames.portion([]) == 0


def test_a_portion_stops_before_the_most_bytes_but_takes_one() -> None:
    big = draft(1, body=b"x" * frames.BODY_BYTES_MAX)
    assert frames.portion([big] * 9) == 3
    assert frames.portion([draft(1)] * 4 + [big] * 9) == 7


@pytest.mark.parametrize(
    "wrong",
    [[], [draft(1)] * 513, [draft(1, body=bytes(frames.BODY_BYTES_MAX + 1))], [draft(1, source="x" * 25)]],
    ids=["no record", "too many", "body too long", "name too long"],
)
def test_a_group_beyond_the_limits_is_our_mistake(wrong: list[Draft]) -> None:
    with pytest.raises(AssertionError):
        frames.encode_group(wrong, 1, frames.GENESIS, frames.GENESIS)


def test_a_group_of_the_most_records_is_written_and_read() -> None:
    given = [draft(n) for n in range(1, frames.GROUP_RECORDS_MAX + 1)]
    group = frames.encode_group(given, 1, frames.GENESIS, frames.GENESIS)
    assert len(frames.decode_group(group.content, 0, 1, frames.GENESIS).entries) == 512


def test_a_header_beyond_the_limits_is_our_mistake() -> None:
    most = Identity("x" * 64, "y" * 64, b"\1" * 32, b"\2" * 32)
    longest = msgspec.structs.replace(header(), identity=most)
    assert frames.decode_header(frames.encode_header(longest).ljust(frames.FIRST_FRAME, b"\0")) == longest
    for field, wrong in (
        ("centre", "x" * 65),
        ("release", "y" * 65),
        ("configuration_digest", b"\1" * 31),
        ("profiles_digest", b"\2" * 33),
    ):
        identity = msgspec.structs.replace(most, **{field: wrong})
        with pytest.raises(AssertionError, match=f"{len(wrong)}"):
            frames.encode_header(msgspec.structs.replace(header(), identity=identity))


# --- what a crash leaves ---


def test_zeros_after_the_last_group_are_the_end() -> None:
    content, _, _, sequence = journal(3, 1)
    assert read(content) == (sequence - 1, 0)


def test_a_segment_filled_to_the_last_byte_ends_there() -> None:
    content, places, _, sequence = journal(3, 1)
    for room in (0, 1, 89, 90, 122):
        assert read(content[: places[-1] + room]) == (sequence - 1, 0)


@settings(max_examples=300)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_a_group_with_missing_sectors_is_torn_never_damage(groups: list[int], luck: Random) -> None:
    """Whatever sectors of the last write a crash kept: the groups before it are whole, and it is there whole or torn."""
    content, places, _, sequence = journal(*groups)
    start, end = places[-2], places[-1]
    torn = bytearray(content)
    for sector in range(start // 512, (end - 1) // 512 + 1):
        if luck.random() < 0.4:
            low, high = max(start, 512 * sector), min(end, 512 * sector + 512)
            torn[low:high] = bytes(high - low)
    records, torn_bytes = read(bytes(torn))
    if bytes(torn) == content:
        assert records == sequence - 1
    else:
        assert records == sequence - 1 - groups[-1]
        assert torn_bytes == len(bytes(torn).rstrip(b"\0")) - min(start, len(bytes(torn).rstrip(b"\0")))


def test_a_group_that_ends_at_any_byte_is_torn_never_damage() -> None:
    content, places, _, sequence = journal(2, 3)
    for end in range(places[1], places[2]):
        cut = content[:end].ljust(SEGMENT, b"\0")
        if cut != content:
            assert read(cut) == (2, len(cut.rstrip(b"\0")) - places[1])
    assert sequence == 6


# --- what no crash leaves ---


def test_a_cut_that_ended_at_any_byte_is_torn_never_damage() -> None:
    """
    Recovery zeroes a torn group; power or process may go in the middle of that, even within a sector.

    Found by the crash images: zeros up to any byte, then what is left of the group, were called damage.
    """
    for missing in range(5):  # sectors of the group that the crash before had taken
        content, places, _, _ = journal(3, 9)
        torn = bytearray(content)
        first = places[1] // 512 + missing
        start, end = max(places[1], first * 512), min(first * 512 + 512, places[2])
        if start >= end:
            continue
        torn[start:end] = bytes(end - start)
        for cut in range(places[1], places[2] + 1, 7):
            left = bytes(torn[: places[1]]) + bytes(cut - places[1]) + bytes(torn[cut:])
            assert read(left) == (3, len(left.rstrip(b"\0")) - places[1] if any(left[places[1] :]) else 0)
    content, places, _, _ = journal(3, 9)
    for end in range(places[1], places[2], 61):  # the write had ended early
        for cut in range(places[1], end, 13):
            left = content[: places[1]] + bytes(cut - places[1]) + content[cut:end] + bytes(SEGMENT - end)
            assert read(left)[0] == 3


def test_of_a_frame_without_a_length_only_twelve_bytes_count() -> None:
    """Zeros may begin right behind them; what stands farther on is damage."""
    content, places, _, _ = journal(1)
    assert read((content[: places[-1]] + b"x" * 12).ljust(SEGMENT, b"\0")) == (1, 12)
    with pytest.raises(WrongFrame, match="no crash did this"):
        read((content[: places[-1]] + b"x" * 13).ljust(SEGMENT, b"\0"))


@pytest.mark.parametrize("size", [1, 2, 9])
def test_a_whole_group_whose_first_bytes_became_zero_is_damage(size: int) -> None:
    """Nothing else of it is missing, so no recovery was cutting it; it may have been acknowledged."""
    content, places, _, _ = journal(3, size)
    frame = int.from_bytes(content[places[1] + 4 : places[1] + 8], "little")
    in_sector = 512 - places[1] % 512
    for count in (1, 3, 4, 12, 40, min(frame, in_sector) - 1):
        left = content[: places[1]] + bytes(count) + content[places[1] + count :]
        with pytest.raises(WrongFrame, match=r"no frame begins here.*no crash did this"):
            read(left)


def test_a_cut_that_ended_early_does_not_excuse_a_frame_that_no_crash_spoilt() -> None:
    """Its sectors are all there and one byte is wrong: people must look at such a disk, though the group had no end yet."""
    content, places, chain, sequence = journal(1)
    body = b"x" * 60 + b"\xf7PCF" + b"x" * 35  # even where bytes look like a frame's beginning
    group = frames.encode_group([draft(n, body) for n in range(1, 21)], sequence, chain, frames.GENESIS).content
    size = (len(group) - frames.COMMIT_BYTES) // 20
    left = bytearray((content[: places[-1]] + group[:-60]).ljust(SEGMENT, b"\0"))
    left[places[-1]] = 0
    assert read(bytes(left)) == (sequence - 1, len(group) - 60)
    left[places[-1] + 10 * size + 100] ^= 1
    with pytest.raises(WrongFrame, match=r"no frame begins here.*no crash did this"):
        read(bytes(left))


def test_a_portion_may_be_exactly_as_long_as_a_group_may_be() -> None:
    """And such a group is written."""
    frame = len(frames.encode_group([draft(1, b"x")], 1, frames.GENESIS, frames.GENESIS).content) - frames.COMMIT_BYTES - 1
    body = frames.GROUP_BYTES_MAX // 8 - frame
    given = [draft(n, bytes(body)) for n in range(9)]
    assert frames.portion(given) == 8
    assert len(frames.encode_group(given[:8], 1, frames.GENESIS, frames.GENESIS).content) == (
        frames.GROUP_BYTES_MAX + frames.COMMIT_BYTES
    )


def test_more_records_than_a_crash_can_tear_are_our_mistake() -> None:
    """Recovery zeroes what a group may reach after the end, so no group may reach farther."""
    most = frames.GROUP_BYTES_MAX // frames.BODY_BYTES_MAX
    given = [draft(n, bytes(frames.BODY_BYTES_MAX)) for n in range(most)]
    assert frames.portion(given) == most - 1
    with pytest.raises(AssertionError, match="in one group"):
        frames.encode_group(given, 1, frames.GENESIS, frames.GENESIS)


def test_every_flipped_bit_of_every_byte_is_found() -> None:
    """Header, every frame of every group, even the last one: the smallest change to a byte in use is damage (J9)."""
    content, places, _, _ = journal(1, 2, 1)
    luck = Random(9)
    used = [*range(frames.HEADER_BYTES), *range(frames.FIRST_FRAME, places[-1])]
    for at in used:
        damaged = bytearray(content)
        damaged[at] ^= 1 << luck.randrange(8)
        with pytest.raises(frames.FrameError):
            read(bytes(damaged))


@settings(max_examples=200)
@given(st.randoms(use_true_random=False))
def test_every_dropped_repeated_or_swapped_group_is_found(luck: Random) -> None:
    content, places, _, _ = journal(2, 1, 3, 1)
    groups = [content[a:b] for a, b in pairwise(places)]
    shuffled = [luck.choice(groups) for _ in range(luck.randrange(2, 6))]
    if shuffled == groups[: len(shuffled)]:
        return
    with pytest.raises(frames.FrameError):
        read((content[: places[0]] + b"".join(shuffled)).ljust(SEGMENT, b"\0"))


def test_a_bad_frame_followed_by_a_good_group_is_damage_and_says_where() -> None:
    content, places, _, _ = journal(1, 1, 1)
    lost = content[: places[1]] + bytes(places[2] - places[1]) + content[places[2] :]
    with pytest.raises(WrongFrame, match=f"good frame of sequence 3 follows at offset {places[2]}") as caught:
        read(lost)
    assert caught.value.at == places[1]


def test_a_good_frame_of_another_group_is_found_wherever_it_begins() -> None:
    """Even one byte behind, where the byte before it is all that is left of a sector of zeros."""
    content, places, chain, sequence = journal(1)
    room = 511 - (places[-1] + frames.group_bytes([draft(2, b"x")]) - 1) % 512
    between = frames.encode_group([draft(2, b"x" * room)], sequence, chain, frames.GENESIS)
    later = frames.encode_group([draft(9)], 9, between.chain, between.digest).content
    content = content[: places[-1]] + between.content
    assert len(content) % 512 == 511
    for gap in (1, 2, 513):
        with pytest.raises(WrongFrame, match=f"good frame of sequence 9 follows at offset {len(content) + gap}"):
            read((content + bytes(gap) + later).ljust(SEGMENT, b"\0"))


def test_a_good_group_between_bad_ones_is_found() -> None:
    """Before it stands what is left of the lost group, and after it one that a crash tore."""
    content, places, _, _ = journal(1, 9, 1, 1)
    left = bytearray(content)
    left[places[1] : places[1] + 512] = bytes(512)
    left[places[4] - 1] = 0
    with pytest.raises(WrongFrame, match=f"good frame of sequence 11 follows at offset {places[2]}"):
        read(bytes(left))


def test_a_lost_record_frame_is_told_by_the_next_groups_commit_alone() -> None:
    """The group of a commit frame is known too: a journal whose last good frame is a commit is still seen as damaged."""
    content, places, _, _ = journal(1, 1)
    last = places[2] - frames.COMMIT_BYTES
    lost = content[: places[0]] + bytes(last - places[0]) + content[last:]
    with pytest.raises(WrongFrame, match="good frame of sequence 2 follows"):
        read(lost)


def test_zeros_of_a_record_that_fill_no_sector_do_not_pass_for_a_torn_write() -> None:
    """A crash loses whole sectors, and these lie across two: the group was acknowledged and must not be cut."""
    content, places, chain, sequence = journal(1)
    body = b"x" * (512 - (places[-1] + 90) % 512 + 1) + bytes(1022) + b"x"
    group = frames.encode_group([draft(sequence, body)], sequence, chain, frames.GENESIS).content
    whole = (content[: places[-1]] + group).ljust(SEGMENT, b"\0")
    assert read(whole) == (sequence, 0)
    damaged = bytearray(whole)
    damaged[places[-1] + 90] ^= 1
    with pytest.raises(WrongFrame, match="none of its 512-byte sectors is missing"):
        read(bytes(damaged))


@pytest.mark.parametrize("size", [0, frames.BODY_BYTES_MAX], ids=["shortest", "longest"])
def test_a_torn_group_that_begins_with_the_shortest_or_longest_record_is_torn(size: int) -> None:
    """That frame is whole, and what the crash took is looked for behind it."""
    content, places, chain, sequence = journal(1)
    first = Draft(1, 2, 3, "", 0, 0, b"x" * size, 0)
    group = frames.encode_group([first, draft(9, b"x" * 2000)], sequence, chain, frames.GENESIS).content
    torn = bytearray((content[: places[-1]] + group).ljust(SEGMENT, b"\0"))
    sector = ((places[-1] + size) // 512 + 2) * 512
    torn[sector : sector + 512] = bytes(512)
    assert read(bytes(torn)) == (sequence - 1, len(group))


def test_a_whole_but_wrong_last_group_is_damage_though_nothing_follows() -> None:
    content, places, _, _ = journal(1, 1)
    damaged = bytearray(content)
    damaged[places[2] - 100] ^= 1
    with pytest.raises(WrongFrame, match="none of its 512-byte sectors is missing") as caught:
        read(bytes(damaged))
    assert caught.value.at == places[2] - frames.COMMIT_BYTES


def test_a_wrong_chain_is_damage_and_is_passed_over_when_only_crcs_are_wanted() -> None:
    content, places, _, _ = journal(2)
    with pytest.raises(WrongFrame, match="frame 1 does not continue the chain") as caught:
        frames.decode_group(content, places[0], 1, frames.GENESIS)
    assert caught.value.at == places[0]
    assert len(frames.decode_group(content, places[0], 1, frames.GENESIS, verify_chain=False).entries) == 2


def set_bytes(at: int, content: bytes) -> Callable[[bytearray], None]:
    def change(frame: bytearray) -> None:
        frame[at : at + len(content)] = content

    return change


@pytest.mark.parametrize(
    ("frame", "at", "content", "error", "message"),
    [
        (1, 16, b"\x09", WrongFrame, "record 9, place 1 of its group, where 2, place 1, belongs"),
        (0, 16, b"\x09", WrongFrame, "record 9, place 0 of its group, where 1, place 0, belongs"),
        (0, 52, b"\x01", WrongFrame, "record 1, place 1 of its group, where 1, place 0, belongs"),
        (0, 50, b"\x02", UnknownVersion, r"record 1 has schema 2, this release reads \[1\]"),
        (0, 48, b"\x07", UnknownVersion, "frame of kind 7, schema 1"),
        (2, 50, b"\x02", UnknownVersion, "frame of kind 2, schema 2"),
        (2, 16, b"\x09", WrongFrame, "commit of"),
        (2, 52, b"\x09", WrongFrame, "commit of"),
        (2, 90, b"\x09", WrongFrame, r"commit of \(first, records, CRC\) \(9, 2,"),
        (2, 98, b"\x09", WrongFrame, r"commit of \(first, records, CRC\) \(1, 9,"),
        (2, 102, b"\x09\x09\x09\x09", WrongFrame, r"commit of \(first, records, CRC\) \(1, 2, 151587081\)"),
    ],
)
def test_a_sound_frame_that_does_not_belong_is_refused(
    frame: int, at: int, content: bytes, error: type[frames.FrameError], message: str
) -> None:
    group = frames.encode_group([draft(1), draft(2)], 1, frames.GENESIS, frames.GENESIS).content
    starts = [0]
    for _ in range(2):
        starts.append(starts[-1] + int.from_bytes(group[starts[-1] + 4 : starts[-1] + 8], "little"))
    wrong = b"before " + forged(group, starts[frame], set_bytes(at, content))
    with pytest.raises(error, match=message) as caught:
        frames.decode_group(wrong, 7, 1, frames.GENESIS, verify_chain=False)
    assert caught.value.at == 7 + starts[frame]


def test_a_commit_without_records_is_refused() -> None:
    group = frames.encode_group([draft(1)], 1, frames.GENESIS, frames.GENESIS).content
    with pytest.raises(WrongFrame, match="commit of"):
        frames.decode_group(group[-frames.COMMIT_BYTES :], 0, 2, frames.GENESIS, verify_chain=False)


@pytest.mark.parametrize(
    ("length", "guard", "message"),
    [
        (200, 200, "frame length 200 with guard 000000c8, expected guard a5c35af4"),
        (122, 122 ^ 0xA5C35A3C, "frame length 122"),
        (1 << 22, (1 << 22) ^ 0xA5C35A3C, "frame length 4194304"),
        (5000, 5000 ^ 0xA5C35A3C, "frame of 5000 bytes, but 400 are left in the segment"),
        (200, 200 ^ 0xA5C35A3C, "frame of 200 bytes has CRC"),
    ],
)
def test_a_frame_with_an_impossible_prelude_says_what_is_wrong(length: int, guard: int, message: str) -> None:
    body = b"\x55" * 384
    crc = 0 if "CRC" in message else zlib.crc32(body[: length - 16])
    content = struct.pack("<4sIII", b"\xf7PCF", length, guard, crc) + body
    with pytest.raises(BadFrame, match=message) as caught:
        frames.decode_group(b"before " + content, 7, 1, frames.GENESIS)
    assert caught.value.at == 7
    with pytest.raises(WrongFrame, match=message):
        frames.judge_tail(content, 0, 1)


def test_where_a_segment_has_no_room_for_a_frame_there_is_none() -> None:
    with pytest.raises(BadFrame, match=r"^offset 7: 5 bytes left, a frame has at least 123") as caught:
        frames.decode_group(b"before short", 7, 1, frames.GENESIS)
    assert caught.value.at == 7


def test_a_damaged_header_is_refused_and_said_where_and_why() -> None:
    content = frames.encode_header(header()).ljust(frames.FIRST_FRAME, b"\0")
    for wrong, why in (
        (content[:500], "offset 0: the file has 500 bytes of header area, expected 4096"),
        (b"x".ljust(frames.FIRST_FRAME, b"\0"), r"offset 0: segment header has magic b'x\\x00"),
        (b"x" + content[1:], r"offset 0: segment header has magic b'xACKJRNL' and CRC"),
        (content[:-1] + b"\1", "offset 512: bytes other than zero between the header and offset 4096"),
    ):
        with pytest.raises(WrongFrame, match=why):
            frames.decode_header(wrong)


@pytest.mark.parametrize("at", [8, 10])
def test_a_header_of_another_format_stops_the_reader(at: int) -> None:
    content = bytearray(frames.encode_header(header()).ljust(frames.FIRST_FRAME, b"\0"))
    content[at] += 1
    content[508:512] = zlib.crc32(content[:508]).to_bytes(4, "little")
    with pytest.raises(UnknownVersion, match=r"offset 0: journal format \d+ \(header \d+ bytes\), this release knows 1 \(512\)"):
        frames.decode_header(bytes(content))


def test_zeros_are_told_from_other_bytes_over_any_length() -> None:
    content = bytes(3 << 20)
    assert frames.is_zero(content, 0, len(content))
    assert frames.is_zero(content, 5, 5)
    content = content[: (2 << 20) + 77] + b"\1" + content[(2 << 20) + 78 :]
    assert not frames.is_zero(content, 0, len(content))
    assert frames.is_zero(content, 0, (2 << 20) + 77)


# --- a stranger's reader, written from JOURNAL-FORMAT.md alone ---


def stranger(segment: bytes) -> Iterator[tuple[int, bytes]]:
    assert segment[:8] == b"PACKJRNL"
    assert int.from_bytes(segment[508:512], "little") == zlib.crc32(segment[:508])
    chain, digest = hashlib.sha256(segment[:512]).digest(), segment[72:104]
    sequence, at = int.from_bytes(segment[24:32], "little"), 4096
    while any(segment[at : at + 4]):
        start = at
        group: list[tuple[int, bytes]] = []
        while True:
            assert segment[at : at + 4] == bytes.fromhex("f7504346")
            length, guard, crc = struct.unpack_from("<III", segment, at + 4)
            assert length ^ guard == 0xA5C35A3C
            frame = segment[at : at + length]
            assert zlib.crc32(frame[16:]) == crc
            chain = hashlib.sha256(chain + frame[16:-33]).digest()
            assert frame[-33:] == chain + b"\xf7"
            number, kind, place = struct.unpack_from("<Q24xHxxH", frame, 16)
            if kind == 2:
                break
            assert (number, kind, place) == (sequence + len(group), 1, len(group))
            decision_at = int.from_bytes(frame[62:66], "little")
            group.append((number, frame[90:-33]))
            digest = hashlib.blake2b(digest + frame[90:-33][decision_at:], digest_size=32).digest()
            at += length
        assert struct.unpack("<QII32s", frame[90:-33]) == (sequence, len(group), zlib.crc32(segment[start:at]), digest)
        assert (number, place) == (group[-1][0], len(group))
        yield from group
        sequence, at = sequence + len(group), at + length


def test_a_reader_written_from_the_text_alone_reads_what_we_write() -> None:
    content, _, _, _ = journal(1, 5, 64, 1)
    assert list(stranger(content)) == [(n, draft(n).body) for n in range(1, 72)]


# --- JOURNAL-FORMAT.md says what the code does; `python tests/journal/test_frames.py` rewrites its tables and example ---


def words(kind: typing.Any) -> str:
    """A field's type in the words of the text."""
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)
        return f"[{words(inner[0])}, ...]" if inner[-1] is ... else f"[{', '.join(map(words, inner))}]"
    return {int: "integer", str: "text", bool: "boolean"}.get(kind) or f"`{kind.__name__}`"


ADDED = {
    (hall.Sorter, "ideal_cycle_ms"),
    (hall.Bagger, "ideal_cycle_ms"),
    (hall.Rack, "ideal_cycle_ms"),
    (hall.Hall, "shifts"),
    (hall.Lane, "rate_per_minute"),
    (hall.Sorter, "laps_max"),
    (hall.Sorter, "round_mm"),
    (hall.Sorter, "loop_items_max"),
    (hall.Hall, "case_racks"),
    (hall.Hall, "case_types"),
    (hall.Plan, "valid_from_us"),
    (hall.Plan, "valid_until_us"),
    (hall.Plan, "digest"),
    (facts.Routed, "plan"),
    (facts.Routed, "destination"),
    (hall.Hall, "receipt_minutes"),
    (hall.Position, "services"),
    (hall.Destination, "outlets"),
    (hall.Destination, "office"),
    (hall.Hall, "receptacles"),
    (inputs.Line, "outlet"),
    (inputs.Line, "addressee"),
    (hall.Rule, "combine_minutes"),
    (hall.Rule, "combine_pouch"),
    (receipt_facts.ReceiptReturned, "waybill"),
    (receipt_facts.ReceiptGivenUp, "waybill"),
}
"""Fields that earlier journals do not have."""

DEFAULTS = {"0": " = 0", "()": " = []", "''": ' = ""'}


def defaults(kind: type[msgspec.Struct]) -> list[object]:
    """The default of each field, in order."""
    return [field.default for field in msgspec.structs.fields(kind)]


def table(kinds: list[type[msgspec.Struct]]) -> str:
    rows = ["| name | fields |", "|---|---|"]
    for kind in kinds:
        hints = typing.get_type_hints(kind)
        fields = ", ".join(
            f"{name} {words(hints[name])}{DEFAULTS[repr(default)] if (kind, name) in ADDED else ''}"
            for name, default in zip(kind.__struct_fields__, defaults(kind), strict=True)
        )
        rows.append(f"| `{kind.__name__}` | {fields or 'none'} |")
    return "\n".join(rows)


def members(union: typing.Any) -> list[type[msgspec.Struct]]:
    assert isinstance(union, types.UnionType)
    return list(union.__args__)


def structures() -> list[type[msgspec.Struct]]:
    found = [kind for kind in vars(hall).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    return [
        inputs.Line,
        inputs.Counted,
        custody_facts.Difference,
        custody_facts.ShiftAccount,
        custody_facts.WaybillAccount,
        *found,
    ]


TABLES: dict[str, Callable[[], str]] = {
    "Inputs": lambda: table(members(inputs.Input)),
    "Facts": lambda: table(members(facts.Fact)),
    "Commands": lambda: table(members(commands.Command)),
    "Structures": lambda: table(structures()),
}


def section(title: str, level: str = "###") -> re.Pattern[str]:
    return re.compile(rf"(?<=\n{level} {title}\n\n).*?(?=\n\n##)", re.DOTALL)


@pytest.mark.parametrize("title", TABLES)
def test_the_format_lists_every_record_type_with_its_fields(title: str) -> None:
    found = section(title).search(FORMAT.read_text(encoding="utf-8"))
    assert found is not None, f"JOURNAL-FORMAT.md has no section {title}"
    assert found[0] == TABLES[title](), f"run this file to rewrite the table under {title}, and say why in the commit"


def test_every_record_type_is_a_tagged_array_as_the_format_says() -> None:
    for kind in members(inputs.Input) + members(facts.Fact) + members(commands.Command):
        config = kind.__struct_config__
        assert config.array_like, kind
        assert (config.tag, config.omit_defaults) == (kind.__name__, False), kind
    for kind in structures():
        assert kind.__struct_config__.array_like, kind
        assert kind.__struct_config__.tag is None, kind


def example() -> str:
    """The example's text, made by the code; its bytes are format version 1 for ever."""
    head = frames.encode_header(header())
    packed = msgspec.msgpack.encode
    happened = b"\x93" + packed(inputs.LinkLost("rack-1", "silent"))
    body = happened + packed([]) + packed([])
    record = Draft(1_700_000_000_000_001, 2, 1_700_000_000_000_003, "", 0, 0, body, len(happened))
    group = frames.encode_group([record], 1, frames.chain_after_header(head), frames.GENESIS)
    spaced = group.content.hex(" ", 1)
    lines = [spaced[i : i + 96].rstrip() for i in range(0, len(spaced), 96)]
    text = [f"SHA-256 of the header: `{hashlib.sha256(head).hexdigest()}`", "", f"The group, {len(group.content)} bytes:", ""]
    return "\n".join(text + [f"    {line}" for line in lines])


def test_the_example_in_the_format_is_what_the_code_writes() -> None:
    """Pins every byte of format version 1: a journal ever released must read for ever (J10)."""
    found = EXAMPLE.search(FORMAT.read_text(encoding="utf-8"))
    assert found is not None, "JOURNAL-FORMAT.md has no example"
    assert found[0] == example(), "the bytes changed: that needs a new format version, and a reader for the old one"


EXAMPLE = re.compile(r"SHA-256 of the header: `.*?(?=\n\n## )", re.DOTALL)


def test_the_example_in_the_format_reads_back() -> None:
    text = FORMAT.read_text(encoding="utf-8").split("## Example")[1]
    group = bytes.fromhex("".join(re.findall(r"^    ([0-9a-f ]+)$", text, re.MULTILINE)))
    chain = bytes.fromhex(re.findall(r"header: `([0-9a-f]{64})`", text)[0])
    seen = frames.decode_group(group, 0, 1, chain)
    assert [msgspec.msgpack.decode(entry.body) for entry in seen.entries] == [[["LinkLost", "rack-1", "silent"], [], []]]


def rewrite() -> None:
    text = FORMAT.read_text(encoding="utf-8")
    for title, make in TABLES.items():
        text = section(title).sub(make(), text)
    FORMAT.write_text(EXAMPLE.sub(example(), text), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
