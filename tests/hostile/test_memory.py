"""What a siege costs us in memory: a process of its own with one link, and servers that send as much as it takes."""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

GROWTH_MAX_MIB = 64
SECONDS = 2.0
_ACK = b"ACKF" + struct.pack("<I5I", 28, 0, 65_536, 65_536, 0, 0)

SIEGES: dict[str, list[Callable[[], tuple[bytes, bytes]]]] = {
    # What is said at once, and what is said over and over until the link has gone.
    "modbus": [
        lambda: (b"", b"\xde\xad\xbe\xef" * 4096),
        lambda: (b"\0\1\0\0\xff\xff\1\3\xfa", b"\0" * 16_384),
        lambda: (b"\0\1\0\0\0\xfd\1\3\xfa", b"\0" * 16_384),
    ],
    "opcua": [
        lambda: (b"ACKF\xff\xff\xff\x7f", b"\0" * 16_384),
        lambda: (_ACK + b"OPNF\xff\xff\xff\x7f", b"\0" * 16_384),
        lambda: (_ACK + b"OPNF\xff\xff\x00\x00", b"\0" * 16_384),
        lambda: (_ACK, b"MSGC" + struct.pack("<I", 60_000) + b"\0" * 59_992),
        lambda: (b"", b"\xde\xad\xbe\xef" * 4096),
        lambda: (_ACK + b"OPNF" + struct.pack("<I", 60_000), b"\0" * 16_384),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("protocol", SIEGES)
async def test_a_siege_costs_little_memory_and_the_loop_never_stands_still(protocol: str) -> None:
    """2 GiB hellos, endless chunks and floods, as fast as they are taken, connection after connection."""
    turns = itertools.cycle(SIEGES[protocol])

    async def besiege(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, more = next(turns)()
        with suppress(ConnectionError):
            await reader.read(1)
            writer.write(first)
            while True:
                writer.write(more)
                await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(besiege, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    script = Path(__file__).with_name("besieged.py")
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(script), protocol, str(port), str(SECONDS), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(100):
        told, _ = await child.communicate()
    server.close()
    seen = json.loads(told)
    assert seen["attempts"] >= 5, seen
    assert not seen["up"], seen
    assert not seen["wrong"], seen
    assert seen["growth_mib"] < GROWTH_MAX_MIB, seen
    assert seen["stood_ms"] < 1_000, seen
