"""Disks that rot or lie, and people who meddle: what was changed is reported, or means nothing (J9)."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from chronicle import Chronicle
from crash_images import SCHEMAS, Judge, Promise, Spot, bodies_of

from packcenter.journal import frames, snapshot
from packcenter.journal.frames import FIRST_FRAME, Draft
from packcenter.journal.journal import Batch, JournalError, Position, read_groups, read_journal
from packcenter.service import recovery
from simulation.disk import SimDisk, rot
from simulation.draws import Stream

SPOILT = 60  # ways in which a disk is spoilt


def rotten(judge: Judge, disk: SimDisk, spot: Spot, luck: Stream, truth: Chronicle) -> None:
    """Change the medium in many ways; what was changed is reported, or harmless, or a lost sector of the last group (J9)."""
    groups = _groups(disk)
    if not groups:
        return
    files = [name for name in disk.list() if name.startswith(("segment-", "snapshot-", recovery.QUARANTINE_FILE))]
    for _ in range(SPOILT):
        spoilt = disk.settled()
        if luck.below(3):
            name = files[luck.below(len(files))]
            spot.doing = rot(spoilt, name, luck)
        else:
            spot.doing = _meddle(spoilt, groups, luck)
        judge.tally.spoilt += 1
        _check_spoilt(judge, disk, spoilt, spot, groups, truth)


def _check_spoilt(judge: Judge, disk: SimDisk, spoilt: SimDisk, spot: Spot, groups: list[Batch], truth: Chronicle) -> None:
    whole, tally = groups[-1].end.sequence, judge.tally
    for read in (_read_all, judge.read_recovered):
        try:
            seen = read(spoilt.settled())
        except JournalError:
            tally.spoilt_reported += 1
            continue
        lost = [batch for batch in groups if batch.end.sequence > len(seen)]
        if seen == truth.bodies[:whole]:
            tally.spoilt_harmless += 1
        elif lost and seen == truth.bodies[: lost[0].entries[0].sequence - 1] and _sector_lost(disk, spoilt, lost):
            tally.spoilt_unseen += 1
        else:
            raise spot.violation(f"damage was accepted by {read.__name__}: {len(seen)} records, {whole} were written")


def _read_all(disk: SimDisk) -> list[bytes]:
    return bodies_of(read_journal(disk, verify="decisions"))


def _sector_lost(before: SimDisk, after: SimDisk, lost: list[Batch]) -> bool:
    """
    Whether a sector of the last group is zero that was not: that is what a crash leaves, too.

    Small groups may share their sector with the end of the one before, which then looks like the last one: so may
    any of which no frame is left.
    """
    name = f"segment-{lost[0].end.segment:08d}.pcj"
    old, new = before.files()[name], after.files()[name]
    start, end = lost[0].entries[0].offset, lost[0].end.offset
    if len(new) != len(old) or lost[-1].end.segment != lost[0].end.segment:
        return False
    for batch in lost[1:]:
        commit = batch.end.offset - frames.COMMIT_BYTES
        places = [*(entry.offset for entry in batch.entries), commit, batch.end.offset]
        if any(old[first:last] == new[first:last] for first, last in pairwise(places)):
            return False
    for sector in range(start - start % 512, end, 512):
        part = slice(max(sector, start), sector + 512)
        if old[part] != new[part] and not any(new[part]):
            return True
    return False


def _meddle(disk: SimDisk, groups: list[Batch], luck: Stream) -> str:
    """Do to whole groups or segments what somebody with an editor, or a bad restore, might."""
    segments = {f"segment-{batch.end.segment:08d}.pcj" for batch in groups}
    name = sorted(segments)[luck.below(len(segments))]
    content = disk.files()[name]
    inside = [batch for batch in groups if f"segment-{batch.end.segment:08d}.pcj" == name]
    number = luck.below(len(inside))
    start, end = inside[number].entries[0].offset, inside[number].end.offset
    last = inside[-1].end.offset
    how = luck.below(8)
    if how == 0 and inside[number] is not groups[-1]:
        disk.spoil(name, start, content[end:last].ljust(last - start, b"\0"))
        return f"group {number} of {name} was dropped"
    if how == 1 and last + end - start <= len(content):
        disk.spoil(name, start, content[start:end] + content[start:last])
        return f"group {number} of {name} was repeated"
    if how == 2 and number + 1 < len(inside):
        after = inside[number + 1].end.offset
        disk.spoil(name, start, content[end:after] + content[start:end])
        return f"groups {number} and {number + 1} of {name} were swapped"
    if how == 3 and groups[-1].end.segment > inside[0].end.segment:
        disk.remove(name)
        disk.sync_directory()
        return f"{name} was removed"
    if how == 4 and inside[number] is not groups[-1]:
        disk.spoil(name, start, _forged(inside[number], content, inside[number - 1].end if number else None))
        return f"group {number} of {name} was forged, CRCs and all"
    if how == 5:
        disk.spoil(name, 0, bytes(frames.HEADER_BYTES))
        return f"the header of {name} was lost"
    if how == 6:
        first, end = groups[-1].entries[0].offset, groups[-1].end.offset
        name = f"segment-{groups[-1].end.segment:08d}.pcj"
        at = first + luck.below(end - first)
        disk.spoil(name, at, bytes([disk.files()[name][at] ^ 1 << luck.below(8)]))
        return f"a bit of byte {at} of the last group, which is in {name}, flipped"
    at = (0, frames.HEADER_BYTES, FIRST_FRAME, end, luck.below(len(content)))[luck.below(5)]
    disk.open(name, create=False).truncate(at)
    return f"{name} was cut to {at} bytes"


def _forged(batch: Batch, content: bytes, before: Position | None) -> bytes:
    """The group with one byte of its first record changed by somebody who can make CRCs and chains, but only of this group."""
    first = batch.entries[0]
    drafts = [Draft(e.at_us, e.mono_us, e.wall_us, e.source, e.epoch, e.source_seq, e.body, e.decision_at) for e in batch.entries]
    body = bytes([first.body[0] ^ 1]) + first.body[1:]
    drafts[0] = msgspec.structs.replace(drafts[0], body=body)
    if before is None:
        chain, digest = frames.chain_after_header(content), content[72:104]
    else:
        chain, digest = before.chain, before.digest
    return frames.encode_group(drafts, first.sequence, chain, digest).content


def beheaded(judge: Judge, disk: SimDisk, spot: Spot, truth: Chronicle) -> None:
    """
    Cut whole groups from the journal's end: a beginning is found, and a snapshot of what is gone says that it is gone.

    Without a snapshot that is the one thing which a journal cannot see from inside, unless the next segment was begun.
    """
    groups = _groups(disk)
    if len(groups) < 2:
        return
    last = groups[-1].end
    begun = any(disk.files().get(f"segment-{last.segment + 1:08d}.pcj", b"")[: frames.HEADER_BYTES])
    newest = snapshot.load_newest(disk, schemas=SCHEMAS).snapshot
    known = [0 if newest is None else newest.position.sequence, last.sequence]
    with_snapshot = disk.settled()
    state = msgspec.msgpack.encode((7, truth.states[last.sequence]))
    snapshot.write(with_snapshot, snapshot.Snapshot(last, recovery.STATE_SCHEMA, state))
    _rewritten(judge, with_snapshot, spot, groups)
    for batch in groups[-4:-1]:
        end = batch.end
        for taken, whole in zip(known, (disk, with_snapshot), strict=True):
            if end.segment != last.segment:
                continue
            cut = whole.settled()
            cut.spoil(f"segment-{end.segment:08d}.pcj", end.offset, bytes(last.offset - end.offset))
            spot.doing = f"groups after record {end.sequence} of {last.sequence} cut off, snapshot at {taken}"
            judge.tally.spoilt += 1
            try:
                left: list[bytes] | None = _read_all(cut.settled())
            except JournalError:
                left = None
            if left != (None if begun else truth.bodies[: end.sequence]):
                expected = "damage, since the next segment was begun" if begun else "the groups that are left"
                raise spot.violation(
                    f"a reader found {'damage' if left is None else f'{len(left)} records'}, expected {expected}"
                )
            try:
                seen = judge.read_recovered(cut)
            except JournalError:
                judge.tally.spoilt_reported += 1
                continue
            if begun and taken == last.sequence and seen == truth.bodies[:taken]:
                judge.tally.spoilt_harmless += 1  # a start goes on behind the snapshot; a reader of everything was told above
                continue
            if taken > end.sequence or seen != truth.bodies[: end.sequence]:
                raise spot.violation(f"{len(seen)} records were accepted")
            judge.tally.spoilt_unseen += 1


def _rewritten(judge: Judge, disk: SimDisk, spot: Spot, groups: list[Batch]) -> None:
    """The last group was written anew by somebody who can make all its hashes: the snapshot after it knows the old ones."""
    forged = disk.settled()
    name = f"segment-{groups[-1].end.segment:08d}.pcj"
    same = groups[-2].end.segment == groups[-1].end.segment
    content = _forged(groups[-1], disk.files()[name], groups[-2].end if same else None)
    forged.spoil(name, groups[-1].entries[0].offset, content)
    spot.doing = "the last group was written anew"
    judge.tally.spoilt += 1
    try:
        judge.read_recovered(forged)
    except JournalError:
        judge.tally.spoilt_reported += 1
    else:
        raise spot.violation("a snapshot of another history was taken")


def liars(judge: Judge, disk: SimDisk, spot: Spot, luck: Stream, truth: Chronicle) -> None:
    """
    Syncs do nothing, or forget, for a while, and the power fails: an exact beginning is found, or it is reported.

    Groups lost from the end alone cannot be seen from inside; once an honest sync came after a lost group, it shows.
    """
    for losing in (False, True, True):
        lying = disk.settled()
        spot.doing = "losing disk" if losing else "lying disk"
        newest = snapshot.load_newest(disk, schemas=SCHEMAS).snapshot
        found, begun = _end(disk), 0 if newest is None else newest.position.sequence
        promise = Promise(found, found, [tuple(recovery.read_quarantine(disk))], [begun])
        journal, _ = judge.restart(lying, promise, thorough=False)
        first, segment = journal.end.sequence, journal.end.segment
        lying.lying, lying.losing = not losing, losing
        for _ in range(1 + luck.below(3)):
            journal.write_group(judge.fitting(journal.end.sequence, 1 + luck.below(2)))
        honest = luck.below(2) == 1 and losing
        if honest:
            lying.losing = False
            journal.write_group(judge.fitting(journal.end.sequence, 1))
            honest = journal.end.segment == segment  # a segment whose name was lost took all of it along
        for _ in range(6):
            judge.tally.lied += 1
            image = lying.image(luck)
            image.lying = image.losing = False
            try:
                seen = judge.read_recovered(image)
            except JournalError:
                judge.tally.lied_reported += 1
                continue
            if honest or len(seen) < first or seen != truth.bodies[: len(seen)]:
                raise spot.violation(f"{len(seen)} records accepted from a disk that lied after {first}")
            judge.tally.lied_tail_lost += len(seen) < journal.end.sequence


def _end(disk: SimDisk) -> int:
    """Sequence of the last record on a disk."""
    return max((batch.end.sequence for batch in _groups(disk)), default=0)


def _groups(disk: SimDisk) -> list[Batch]:
    """All groups; none of a folder in which no segment was begun."""
    return list(read_groups(disk)) if any(name.startswith("segment-") for name in disk.list()) else []
