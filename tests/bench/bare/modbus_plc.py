"""A bare PLC on pymodbus's server.    python -m bare.modbus_plc"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import goods
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from stopwatch import Stopwatch, obey

from bare.images import IN_ADDRESS, IN_WORDS, OUT_WORDS, BarePlc


async def main() -> None:
    plc = BarePlc()

    async def on_request(
        function: int, start: int, address: int, count: int, registers: list[int], values: list[int] | list[bool] | None
    ) -> None:
        if values is not None:
            plc.receive(values)
        else:
            registers[-start : OUT_WORDS - start] = plc.out

    blocks = [SimData(0, count=OUT_WORDS, values=0, datatype=DataType.REGISTERS)]
    blocks.append(SimData(IN_ADDRESS, count=IN_WORDS, values=0, datatype=DataType.REGISTERS))
    server = ModbusTcpServer(SimDevice(id=1, simdata=blocks, action=on_request), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    listener: Any = server.transport
    stopwatch = Stopwatch(plc, goods.lanes())
    plc.decided = stopwatch.decided
    await obey(stopwatch, listener.sockets[0].getsockname()[1])
    await server.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
