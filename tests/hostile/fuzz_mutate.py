"""Mutations of frames and of sessions (lists of frames), drawn from a seeded source, with the names of what was done."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random

_INTERESTING = (0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 23, 43, 0x7F, 0x80, 0x8C, 0x98, 0xC0, 0xFE, 0xFF)
_LENGTHS = (-(1 << 31), -4, -2, -1, 0, 1, 2, 3, 255, 256, 1000, 4096, 0xFFFF, 0x1_0000, 0x7FFF_FFFF)


def mutate_frame(luck: Random, frame: bytes, order: str) -> tuple[bytes, str]:
    """One change to one frame; `order` is ">" or "<", how its numbers are written."""
    if not frame:
        return bytes([luck.randrange(256)]), "one byte out of nothing"
    at = luck.randrange(len(frame))
    draw = luck.randrange(10)
    if draw < 3:
        return frame[:at] + bytes([frame[at] ^ (1 << luck.randrange(8))]) + frame[at + 1 :], f"bit at {at}"
    if draw == 3:
        return frame[:at] + bytes([luck.choice(_INTERESTING)]) + frame[at + 1 :], f"byte at {at}"
    if draw == 4:
        return frame[:at], f"cut off at {at}"
    if draw == 5:
        more = luck.randbytes(luck.randrange(1, 9))
        return frame[:at] + more + frame[at:], f"{len(more)} bytes put in at {at}"
    if draw == 6:
        end = min(len(frame), at + luck.randrange(1, 17))
        return frame[:at] + frame[end:], f"bytes {at} to {end} taken out"
    if draw == 7:
        form = luck.choice(("H", "i"))
        size = struct.calcsize(order + form)
        at = luck.randrange(max(1, len(frame) - size + 1))
        value = luck.choice(_LENGTHS) & (0xFFFF if form == "H" else 0xFFFF_FFFF)
        return frame[:at] + struct.pack(order + form.upper(), value) + frame[at + size :], f"length {value:#x} at {at}"
    if draw == 8:
        return lying(luck, frame, order)
    other = luck.randrange(len(frame))
    return frame[:at] + frame[other:], f"spliced, {at} to {other}"


def lying(luck: Random, frame: bytes, order: str) -> tuple[bytes, str]:
    """The frame with another length in its header."""
    at, form = (4, ">H") if order == ">" else (4, "<I")
    size = struct.calcsize(form)
    if len(frame) < at + size:
        return frame + b"\0", "one byte more"
    (told,) = struct.unpack_from(form, frame, at)
    limit = 1 << (8 * size)
    lie = (told + luck.choice((-9, -2, -1, 1, 2, 9, 100))) % limit if luck.randrange(3) else luck.choice(_LENGTHS) % limit
    return frame[:at] + struct.pack(form, lie) + frame[at + size :], f"header says {lie}"


def mutate_session(luck: Random, frames: Sequence[bytes], order: str) -> tuple[list[bytes], list[str]]:
    """One to three changes to a session: within its frames, or of their order and number."""
    session = list(frames)
    done = []
    for _ in range(luck.choice((1, 1, 1, 2, 3))):
        at = luck.randrange(len(session))
        draw = luck.randrange(12)
        if draw == 0:
            session.insert(at, session[at])
            done.append(f"{at} twice")
        elif draw == 1 and len(session) > 1:
            del session[at]
            done.append(f"{at} dropped")
        elif draw == 2:
            other = luck.randrange(len(session))
            session[at], session[other] = session[other], session[at]
            done.append(f"{at} and {other} exchanged")
        elif draw == 3:
            donor = luck.choice(frames)
            cut = luck.randrange(len(session[at]) + 1)
            session[at] = session[at][:cut] + donor[luck.randrange(len(donor) + 1) :]
            done.append(f"{at} spliced with another at {cut}")
        elif draw == 4:
            session.insert(at, luck.randbytes(luck.randrange(1, 65)))
            done.append(f"garbage before {at}")
        else:
            session[at], what = mutate_frame(luck, session[at], order)
            done.append(f"{at}: {what}")
    return session, done


def pieces(luck: Random, content: bytes) -> list[bytes]:
    """The same bytes as they may come off a socket: whole mostly, else in a few pieces."""
    if len(content) < 2 or luck.randrange(4):
        return [content] if content else []
    cuts = sorted(luck.randrange(1, len(content)) for _ in range(luck.randrange(1, 4)))
    return [content[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True) if begin < end]
