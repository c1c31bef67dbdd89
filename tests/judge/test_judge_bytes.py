"""What the judge makes of bytes: damage is found wherever it is, a torn tail is none, and nothing makes it raise."""

from __future__ import annotations

import random
from hashlib import sha256
from pathlib import Path
from struct import pack_into, unpack_from
from zlib import crc32

import days
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writer import Writer, written

from packcenter.journal.journal import JournalCorrupt, JournalVersion, read_journal
from simulation.disk import SimDisk
from simulation.judge import DAMAGE, END, TORN, UNKNOWN, Verdict, judge

SEGMENT = 1 << 14
FIRST = "segment-00000001.pcj"
Files = dict[str, bytes]
Frame = tuple[int, int]


def sound(group: int = 5) -> tuple[Files, Writer]:
    """The day's journal in several segments, and its writer, which knows where the groups end."""
    writer = Writer(SEGMENT)
    records = days.records(days.DAY)
    for first in range(0, len(records), group):
        writer.write(records[first : first + group])
    return writer.files(), writer


def frames_of(data: bytes) -> list[Frame]:
    """Where the frames of a sound segment stand: offset and length."""
    found, at = [], 4096
    while data[at : at + 4] == b"\xf7PCF":
        length = int(unpack_from("<I", data, at + 4)[0])
        found.append((at, length))
        at += length
    return found


def changed(files: Files, name: str, data: bytes | bytearray) -> Verdict:
    """The verdict on a journal one file of which is another."""
    return judge({**files, name: bytes(data)})


def test_a_sound_journal_is_read_to_its_end() -> None:
    """Several segments, spares after them, and every record of every group."""
    files, writer = sound()
    verdict = judge(files)
    assert verdict.sound, verdict.violations
    assert (verdict.ending, verdict.records, verdict.segments) == (END, writer.sequence, len(files) - 1)
    assert verdict.segments > 1
    assert (verdict.chain, verdict.digest) == (writer.chain.hex(), writer.digest.hex())


@pytest.mark.parametrize("step", [97])
def test_one_changed_byte_of_any_frame_in_the_middle_is_damage(step: int) -> None:
    """Wherever the byte stands: in the frame's head, its body, its chain or its end mark."""
    files, _ = sound()
    data = files[FIRST]
    last = frames_of(data)[-1]
    for at in range(4096, sum(last), step):
        mutant = bytearray(data)
        mutant[at] ^= 0x10
        verdict = changed(files, FIRST, mutant)
        assert (verdict.ending, verdict.violations[0][:2]) == (DAMAGE, "J9"), at


@pytest.mark.parametrize("what", ["dropped", "inserted", "swapped", "zeroed"])
def test_a_whole_frame_in_the_wrong_place_is_damage(what: str) -> None:
    """A record dropped, repeated, exchanged with its neighbour, or missing as a crash would leave it, but not at the end."""
    files, _ = sound()
    data = files[FIRST]
    found = frames_of(data)
    for number in range(len(found) - 1):
        at, length = found[number]
        after = at + length
        end = after + found[number + 1][1]
        mutant = {
            "dropped": data[:at] + data[after:] + bytes(length),
            "inserted": (data[:after] + data[at:after] + data[after:])[:SEGMENT],
            "swapped": data[:at] + data[after:end] + data[at:after] + data[end:],
            "zeroed": data[:at] + bytes(length) + data[after:],
        }[what]
        assert changed(files, FIRST, mutant).ending == DAMAGE, number


def test_a_record_that_is_changed_with_its_crc_breaks_the_chain() -> None:
    """Whoever makes CRCs right cannot make the chain right without writing all that follows anew."""
    files, _ = sound()
    data = files[FIRST]
    for at, length in frames_of(data):
        mutant = bytearray(data)
        mutant[at + 100] ^= 1
        pack_into("<I", mutant, at + 12, crc32(mutant[at + 16 : at + length]))
        assert changed(files, FIRST, mutant).ending == DAMAGE, at


def test_a_write_that_was_cut_anywhere_is_a_torn_tail_and_no_fault() -> None:
    """The group that was being written never happened; everything before it stands."""
    files, writer = sound()
    name = list(files)[-2]
    data = files[name]
    start, end = writer.ends[-2][2], writer.ends[-1][2]
    assert writer.ends[-2][1] == writer.ends[-1][1]
    for cut in range(start + 1, end, 13):
        verdict = changed(files, name, data[:cut] + bytes(SEGMENT - cut))
        assert (verdict.ending, verdict.sound) == (TORN, True), (cut, verdict.violations)
        assert verdict.records == writer.ends[-2][0]


def test_sectors_that_were_not_written_are_a_torn_tail() -> None:
    """A disk writes sectors in any order; some of the last group's are still zero."""
    files, writer = sound(11)
    name = list(files)[-2]
    data = files[name]
    start, end = writer.ends[-2][2], writer.ends[-1][2]
    for sector in range(start // 512 * 512, end, 512):
        low, high = max(start, sector), min(sector + 512, end)
        verdict = changed(files, name, data[:low] + bytes(high - low) + data[high:])
        assert (verdict.ending, verdict.sound) == (TORN, True), sector


def test_a_recovery_that_was_zeroing_a_torn_group_leaves_a_torn_tail_again() -> None:
    """It had zeroed some of the group, up to a sector, when it was killed, too."""
    files, writer = sound(11)
    name = list(files)[-2]
    data = files[name]
    start, end = writer.ends[-2][2], writer.ends[-1][2]
    torn = data[: end - 60] + bytes(SEGMENT - end + 60)
    for zeroed in range(start + 1, end - 60, 101):
        verdict = changed(files, name, torn[:start] + bytes(zeroed - start) + torn[zeroed:])
        assert (verdict.ending, verdict.sound) == (TORN, True), zeroed


@pytest.mark.parametrize("at", [0, 8, 12, 16, 24, 40, 72, 104, 200, 300, 508, 700])
def test_a_changed_header_is_damage(at: int) -> None:
    """Every byte of a header in use counts, and so do those that must be zero."""
    files, _ = sound()
    for name in list(files)[:-1]:
        mutant = bytearray(files[name])
        mutant[at] ^= 1
        assert changed(files, name, mutant).ending == DAMAGE, name


def test_missing_and_misplaced_segments_are_damage() -> None:
    """A segment that is gone, two exchanged ones, one of another length, a spare before one in use."""
    files, _ = sound()
    one, two = list(files)[:2]
    assert judge({name: data for name, data in files.items() if name != one}).ending == DAMAGE
    assert judge({**files, one: files[two], two: files[one]}).ending == DAMAGE
    assert changed(files, one, files[one] + bytes(512)).ending == DAMAGE
    assert changed(files, one, bytes(SEGMENT)).ending == DAMAGE
    assert changed(files, one, b"").ending == DAMAGE
    assert judge({}).ending == DAMAGE


@pytest.mark.parametrize("place", ["version", "kind", "schema"])
def test_what_a_later_release_wrote_is_unknown_and_never_skipped(place: str) -> None:
    """The rest of the journal is not looked at, and the verdict says so."""
    files, _ = sound()
    data = bytearray(files[FIRST])
    if place == "version":
        data[8] = 2
        pack_into("<I", data, 508, crc32(data[:508]))
        verdict = changed(files, FIRST, data)
        assert (verdict.ending, verdict.records) == (UNKNOWN, 0)
        return
    writer = Writer(SEGMENT)
    writer.write(days.records(days.DAY)[:1])
    made = bytearray(writer.files()[FIRST])
    at, length = frames_of(bytes(made))[0]
    made[at + (48 if place == "kind" else 50)] = 9
    _sign(made, at, length)
    verdict = judge({FIRST: bytes(made)})
    assert verdict.ending == UNKNOWN, verdict
    assert verdict.violations[0].startswith("J10")


def _sign(data: bytearray, at: int, length: int) -> None:
    """Make chain and CRC of the segment's first frame right again."""
    chain = sha256(sha256(data[:512]).digest() + data[at + 16 : at + length - 33]).digest()
    data[at + length - 33 : at + length - 1] = chain
    pack_into("<I", data, at + 12, crc32(data[at + 16 : at + length]))


def test_a_snapshot_witnesses_that_groups_were_cut_off() -> None:
    """A journal whose end was replaced by zeros is sound from inside; a snapshot behind its end shows it."""
    files, writer = sound()
    name, snapshot = writer.snapshot()
    assert judge({**files, name: snapshot}).sound
    last = list(files)[-2]
    start = writer.ends[-2][2]
    cut = {**files, last: files[last][:start] + bytes(SEGMENT - start)}
    assert judge(cut).sound
    verdict = judge({**cut, name: snapshot})
    assert [violation[:2] for violation in verdict.violations] == ["J2"], verdict.violations


def test_a_snapshot_of_another_journal_is_found() -> None:
    """Its place exists, but chain and digest there are others."""
    files, writer = sound()
    others = days.records(days.DAY)
    others[0] = others[0]._replace(wall_us=others[0].wall_us + 1)
    other = Writer(SEGMENT)
    for first in range(0, len(others), 5):
        other.write(others[first : first + 5])
    name, snapshot = other.snapshot(2)
    assert writer.ends[2][:3] == other.ends[2][:3]
    verdict = judge({**files, name: snapshot})
    assert [violation[:2] for violation in verdict.violations] == ["J2"], verdict.violations


def test_a_broken_snapshot_proves_nothing() -> None:
    """It is only a shortcut: that it is not whole is noted."""
    files, writer = sound()
    name, snapshot = writer.snapshot(0)
    verdict = judge({**files, name: snapshot[:-1] + b"?"})
    assert (verdict.sound, len(verdict.notes)) == (True, 1)


def mutated(chance: random.Random) -> Files:
    """A journal after something happened to it that disks, crashes or people do."""
    files, writer = sound(chance.choice((1, 2, 5, 9)))
    used = [name for name in files if any(files[name])]
    name = chance.choice(used)
    data = bytearray(files[name])
    end = len(bytes(data).rstrip(b"\0"))
    match chance.choice(("bit", "bytes", "sectors", "cut", "header", "short", "frame", "last")):
        case "bit":
            data[chance.randrange(end)] ^= 1 << chance.randrange(8)
        case "bytes":
            for _ in range(chance.randrange(1, 5)):
                data[chance.randrange(4096, min(end + 600, SEGMENT))] = chance.randrange(256)
        case "sectors":
            at = chance.randrange(0, end) // 512 * 512
            data[at : at + 512 * chance.randrange(1, 4)] = b""
            data[at:at] = bytes(SEGMENT - len(data))
        case "cut":
            at = chance.randrange(end)
            data[at:] = bytes(SEGMENT - at)
        case "header":
            data[chance.randrange(512)] ^= 1 << chance.randrange(8)
        case "short":
            del data[chance.randrange(SEGMENT) :]
        case "frame":
            at, length = chance.choice(frames_of(bytes(data)))
            data[at + chance.randrange(16, length)] ^= 1 << chance.randrange(8)
            pack_into("<I", data, at + 12, crc32(data[at + 16 : at + length]))
        case "last":
            name = used[-1]
            data = bytearray(files[name])
            low, high = (writer.ends[-2][2] if len(writer.ends) > 1 else 4096), writer.ends[-1][2]
            for sector in range(low // 512 * 512, high, 512):
                if chance.random() < 0.4:
                    first, last = max(sector, low), min(sector + 512, SEGMENT)
                    data[first:last] = bytes(last - first)
    return {**files, name: bytes(data)}


@pytest.mark.parametrize("block", range(4))
def test_the_judges_reader_and_the_services_agree_on_what_is_damage(block: int) -> None:
    """Two readers made from one text, apart from each other: the same images are sound, torn, damaged or unknown to both."""
    for seed in range(block * 60, block * 60 + 60):
        files = mutated(random.Random(seed))
        verdict = judge(files)
        theirs, count = "readable", 0
        try:
            for _ in read_journal(SimDisk(dict(files)), verify="decisions"):
                count += 1
        except JournalCorrupt:
            theirs = DAMAGE
        except JournalVersion:
            theirs = UNKNOWN
        ours = "readable" if verdict.readable else verdict.ending
        assert ours == theirs, (seed, verdict.ended)
        assert theirs != "readable" or verdict.records == count, seed


NAMES = st.sampled_from([FIRST, "segment-00000002.pcj", "snapshot-00000000000000000001.pcs", "LOCK"])


@given(st.dictionaries(NAMES, st.binary()))
@settings(max_examples=60)
def test_any_bytes_get_a_verdict(files: Files) -> None:
    """Nothing that a folder may hold makes the judge raise."""
    assert judge(files).violations


@given(st.lists(st.tuples(st.integers(0, SEGMENT - 1), st.binary(min_size=1, max_size=40)), min_size=1, max_size=6))
@settings(max_examples=80)
def test_a_journal_overwritten_at_random_gets_a_verdict(patches: list[tuple[int, bytes]]) -> None:
    """Whatever is written over it, and wherever."""
    files, _ = sound()
    data = bytearray(files[FIRST])
    for at, patch in patches:
        data[at : at + len(patch)] = patch
    verdict = changed(files, FIRST, bytes(data[:SEGMENT]).ljust(SEGMENT, b"\0"))
    assert verdict.sound == (bytes(data[:SEGMENT]) == files[FIRST])


def test_a_folder_is_read_like_its_files(tmp_path: Path) -> None:
    """Also the folder of a run, which has one called `journal`."""
    run = tmp_path
    (run / "journal").mkdir()
    files = written(days.records(days.DAY))
    for name, data in files.items():
        (run / "journal" / name).write_bytes(data)
    assert judge(run) == judge(run / "journal") == judge(files)
