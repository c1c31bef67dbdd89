"""
The judge of the fuzzers: what a right frame is, byte for byte, written from the specifications and not from our code.

Slow and simple on purpose. It imports nothing of packcenter or of the simulation, nor of a protocol library.
"""

from __future__ import annotations

from collections.abc import Iterator


def u16(content: bytes, at: int) -> int:
    """A Modbus number."""
    return content[at] * 256 + content[at + 1]


def modbus_reply(request: bytes, reply: bytes) -> list[int] | None:
    """The registers of the one right reply to a request ([] for a write), or None if `reply` is anything else."""
    function = request[7]
    if reply[:4] != request[:4] or request[0:2] == b"\0\0" or reply[6:8] != request[6:8]:
        return None
    if function == 16:
        return [] if reply == request[:4] + b"\0\x06" + request[6:12] else None
    count = u16(request, 10)
    if len(reply) != 9 + 2 * count or u16(reply, 4) != 3 + 2 * count or reply[8] != 2 * count:
        return None
    return [u16(reply, 9 + 2 * at) for at in range(count)]


def modbus_stream(stream: bytes) -> Iterator[bytes | None]:
    """The frames of a stream of requests; None at a header after which nothing can be told, which is the last."""
    at = 0
    while at + 7 <= len(stream):
        length = u16(stream, at + 4)
        if stream[at + 2 : at + 4] != b"\0\0" or not 2 <= length <= 254:
            yield None
            return
        if at + 6 + length > len(stream):
            return
        yield stream[at : at + 6 + length]
        at += 6 + length


def modbus_written(frame: bytes, unit: int, first: int, count: int) -> tuple[int, list[int]] | None:
    """(address, words) if a frame is a right write into `count` registers from `first`; None of anything else."""
    body = frame[8:]
    if frame[6] != unit:
        return None
    if frame[7] == 6 and len(body) == 4:
        address, words = u16(body, 0), [u16(body, 2)]
    elif frame[7] == 16 and len(body) >= 5 and len(body) == 5 + body[4]:
        address, words = u16(body, 0), [u16(body, at) for at in range(5, len(body) - 1, 2)]
        if body[4] != 2 * u16(body, 2) or not 1 <= u16(body, 2) <= 123:
            return None
    elif frame[7] == 23 and len(body) >= 9 and len(body) == 9 + body[8]:
        address, words = u16(body, 4), [u16(body, at) for at in range(9, len(body) - 1, 2)]
        if body[8] != 2 * u16(body, 6) or not 1 <= u16(body, 6) <= 121 or not 1 <= u16(body, 2) <= 125:
            return None
    else:
        return None
    return (address, words) if first <= address and address + len(words) <= first + count else None


def le(content: bytes, at: int, size: int) -> int:
    """An OPC UA number."""
    return int.from_bytes(content[at : at + size], "little")


class OpcUaImages:
    """
    Right answers that carry an image, in messages without security: a Read reply or a publication with one value.

    Made from right messages; `words` gives the image of another message if it differs from a right one only where a
    server is free: times, sequence numbers, the lower part of a good status, the words themselves, and whether an array
    without entries is empty (0) or null (-1), which mean the same (OPC 10000-6, 5.1.11).
    """

    def __init__(self, words_of_image: int) -> None:
        self._words = words_of_image
        self._forms: dict[tuple[int, int], tuple[bytes, bytes, list[int], int]] = {}  # by kind and length

    def learn(self, message: bytes) -> bool:
        """Take a right message; False if it carries no image."""
        kind = le(message, 26, 2)
        at = message.find(b"\x85" + self._words.to_bytes(4, "little")) + 5
        end = at + 2 * self._words
        if kind not in (634, 829) or at < 5:
            return False
        assert message[at - 6] == 0x0F, f"a value with flags {message[at - 6]:#x}, expected value, status and both times"
        free = bytearray(len(message))
        for begin, behind in ((16, 24), (28, 40), (40, 43), (at, end + 3), (end + 4, end + 20)):
            free[begin:behind] = b"\1" * (behind - begin)
        arrays = [45, end + 20]  # texts of the header, diagnostics of the value
        if kind == 829:  # available numbers, more to come, number and time of the publication; how our last one was taken
            free[60 : at - 27] = b"\1" * (at - 27 - 60)
            free[end + 28 : -4] = b"\1" * (len(message) - 4 - end - 28)
            arrays += [56, end + 24, len(message) - 4]  # available numbers, how our last one was taken, diagnostics of that
        empty = [where for where in arrays if le(message, where, 4) == 0]
        self._forms[kind, len(message)] = (message, bytes(free), empty, at)
        return True

    def words(self, message: bytes, handle: int) -> list[int] | None:
        """The image in a message that is right for the request of this handle, else None."""
        form = self._forms.get((le(message, 26, 2), len(message))) if len(message) > 40 else None
        if form is None or le(message, 36, 4) != handle:
            return None
        right, free, empty, at = form
        status_at = (43, at + 2 * self._words + 3)
        for where, (mine, its) in enumerate(zip(_nulls_emptied(message, empty), right, strict=True)):
            if mine != its and not free[where] and not (where in status_at and mine < 0x40):
                return None
        return [le(message, at + 2 * word, 2) for word in range(self._words)]


def _nulls_emptied(message: bytes, arrays: list[int]) -> bytes:
    """The message with 0 for -1 as the number of entries of those arrays, by their offsets."""
    emptied = bytearray(message)
    for at in arrays:
        if emptied[at : at + 4] == b"\xff\xff\xff\xff":
            emptied[at : at + 4] = bytes(4)
    return bytes(emptied)


def opcua_messages(stream: bytes) -> Iterator[bytes]:
    """The whole chunks of a stream, as far as its headers can be followed."""
    at = 0
    while at + 8 <= len(stream):
        size = le(stream, at + 4, 4)
        if size < 8 or at + size > len(stream):
            return
        yield stream[at : at + size]
        at += size
