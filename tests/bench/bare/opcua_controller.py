"""
A bare controller on asyncua: `Out` subscribed at 5 ms, or read without a pause; each news answered by one write.

    python -m bare.opcua_controller PORT subscribe|poll
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import goods
from asyncua import ua
from asyncua.client.client import Client

from bare.images import BareController
from bare.opcua_plc import NAMESPACE

PUBLISHING_MS = 5


class _Newest:
    """asyncua's handler of a subscription."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.out: list[int] = []

    def datachange_notification(self, node: object, value: list[int], event: object) -> None:
        self.out = value
        self.came.set()


async def main(port: int, how: str) -> None:
    controller = BareController({code.encode(): min(lanes) for code, lanes in goods.lanes().items()})
    async with Client(f"opc.tcp://127.0.0.1:{port}", timeout=10) as client:
        index = await client.get_namespace_index(NAMESPACE)
        out, commands = (client.get_node(f"ns={index};s={name}") for name in ("Out", "In"))
        newest = _Newest()
        if how == "subscribe":
            subscription = await client.create_subscription(PUBLISHING_MS, newest)
            await subscription.subscribe_data_change(out, queuesize=1, sampling_interval=ua.Double(PUBLISHING_MS))
        print(json.dumps({"ready": True}), flush=True)
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        ended.add_done_callback(lambda _: newest.came.set())
        while not ended.done():
            if how == "subscribe":
                await newest.came.wait()
                newest.came.clear()
                words = newest.out
            else:
                words = await out.read_value()
            if not words:
                continue
            controller.take(words)
            if controller.news:
                await commands.write_value(ua.DataValue(ua.Variant(controller.words, ua.VariantType.UInt16)))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
