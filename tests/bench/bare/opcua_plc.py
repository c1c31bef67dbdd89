"""
A bare PLC on asyncua's server: `Out` is written when it changed, at most every 5 ms, and `In` calls back.

    python -m bare.opcua_plc [GAP_MS]

The 5 ms are those of the simulated PLC that packcenter is measured with, so that the two sides differ in the controller.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import goods
from asyncua import ua
from asyncua.server.server import Server
from stopwatch import Stopwatch, obey

from bare.images import IN_WORDS, OUT_WORDS, BarePlc

NAMESPACE = "urn:bench:bare"


async def main(gap_s: float) -> None:
    news = asyncio.Event()
    plc = BarePlc(news.set)
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(NAMESPACE)
    ids = {}
    for name, count in (("Out", OUT_WORDS), ("In", IN_WORDS)):
        variant = ua.Variant([0] * count, ua.VariantType.UInt16)
        node = await server.nodes.objects.add_variable(ua.NodeId(name, index), f"{index}:{name}", variant)  # type: ignore[arg-type]
        await node.set_writable()
        ids[name] = node.nodeid

    def on_in(node: Any, attribute: Any, value: ua.DataValue) -> None:
        assert value.Value is not None
        plc.receive(value.Value.Value)

    async def publish() -> None:
        while True:
            await news.wait()
            news.clear()
            await server.write_attribute_value(ids["Out"], ua.DataValue(ua.Variant(plc.out.copy(), ua.VariantType.UInt16)))
            await asyncio.sleep(gap_s)

    server.set_attribute_value_setter(ids["In"], on_in)
    await server.start()
    assert server.bserver is not None
    publisher = asyncio.create_task(publish())
    stopwatch = Stopwatch(plc, goods.lanes())
    plc.decided = stopwatch.decided
    await obey(stopwatch, server.bserver.port)
    publisher.cancel()
    await server.stop()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(float(sys.argv[1]) / 1e3 if len(sys.argv) > 1 else 0.005))
