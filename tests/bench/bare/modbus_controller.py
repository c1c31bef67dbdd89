"""
A bare controller on pymodbus: function 23 for ever, at once while there is news, else every 10 ms.

    python -m bare.modbus_controller PORT
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import goods
from pymodbus.client import AsyncModbusTcpClient

from bare.images import IN_ADDRESS, OUT_WORDS, BareController

GAP_S = 0.010


async def main(port: int) -> None:
    controller = BareController({code.encode(): min(lanes) for code, lanes in goods.lanes().items()})
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=2)
    await client.connect()
    print(json.dumps({"ready": True}), flush=True)
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    while not ended.done():
        reply = await client.readwrite_registers(
            read_address=0, read_count=OUT_WORDS, write_address=IN_ADDRESS, values=controller.words, device_id=1
        )
        controller.take(reply.registers)
        if not controller.news:
            await asyncio.sleep(GAP_S)
    client.close()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(int(sys.argv[1])))
