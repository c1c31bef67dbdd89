"""
The wire over Modbus TCP, with pymodbus as transport.

One request carries both images where the PLC knows function 23 (write `In`, read `Out`), else functions 16 and 3, in
pieces if the profile says so. `In` is written from its end to its head: its CRC stands in the first words, so that the
PLC drops an image until it is whole. `Out` is read from its head to its end: a slot that changes meanwhile shows by its
tail, and the time in the last word is not older than any event.

pymodbus believes too much (E8), never fails a request whose connection was closed, drops late answers in silence, and
forgets without a word what does not fit into its 264 bytes. So we take what comes off the socket: a packet passes
`checking.modbus_reply` whole before pymodbus may decode it, and a byte that nobody asked for, a wrong one or a closed
connection fails the request and ends the connection at once, so that a flood costs one read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadWriteMultipleRegistersRequest,
    WriteMultipleRegistersRequest,
)

from packcenter.plc.checking import READ, READ_WRITE, WRITE, BusyError, ModbusAsked, PlcError, modbus_reply
from packcenter.plc.image import IN_WORDS, OUT_WORDS
from packcenter.plc.link import LinkSettings, Requests
from packcenter.plc.mailbox import Cause
from packcenter.ports import Net

_LIBRARY_PATIENCE = 4
"""pymodbus waits this many times our deadline, so that ours, which says what was asked, always comes first."""


class ModbusWire:
    """One Modbus TCP connection; see `link.Wire`."""

    pushes = False

    def __init__(self, settings: LinkSettings, net: Net, requests: Requests) -> None:
        self._settings = settings
        self._requests = requests
        timeout_s = _LIBRARY_PATIENCE * requests.timeout_us / 1e6
        self._client = net.modbus_client(settings.host, settings.port, timeout_s=timeout_s)
        context = self._client.ctx
        assert context.retries == 0, (
            f"{settings.plc}: pymodbus would repeat writes {context.retries} times (E9); retries must be 0"
        )
        assert not context.comm_params.reconnect_delay, (
            f"{settings.plc}: pymodbus would reconnect behind our back; delay must be 0"
        )
        context.data_received = self._on_bytes  # type: ignore[method-assign]
        context.trace_connect = self._on_connect
        self._asked: tuple[int, int, int] | None = None  # function, address, count of the request under way
        self._request: ModbusPDU | None = None
        self._received = b""
        self._registers: list[int] = []
        self._broken: PlcError | None = None

    @property
    def how(self) -> str:
        settings = self._settings
        if settings.exchanges_at_once():
            return "function 23: both images in one request"
        reads, writes = len(list(self._reads())), len(list(self._writes(IN_WORDS * [0])))
        return f"functions 16 and 3: In in {writes} and Out in {reads} requests"

    async def connect(self, wake: asyncio.Event) -> None:
        """Open the connection; `wake` is not used, a Modbus PLC cannot call."""
        if not await self._client.connect():
            where = f"{self._settings.host}:{self._settings.port}"
            raise PlcError(
                Cause.UNREACHABLE, f"{where} does not accept a connection; check address, cable and the PLC's Modbus server"
            )

    async def exchange(self, words: list[int] | None) -> list[int] | None:
        settings = self._settings
        if words is not None and settings.exchanges_at_once():
            return await self._ask(
                "exchange",
                READ_WRITE,
                settings.out_address,
                OUT_WORDS,
                ReadWriteMultipleRegistersRequest(
                    read_address=settings.out_address,
                    read_count=OUT_WORDS,
                    write_address=settings.in_address,
                    write_registers=words,
                    dev_id=settings.unit_id,
                ),
            )
        if words is not None:
            for address, piece in self._writes(words):
                write = WriteMultipleRegistersRequest(address=address, registers=piece, dev_id=settings.unit_id)
                await self._ask("write", WRITE, address, len(piece), write)
        out: list[int] = []
        for address, count in self._reads():
            read = ReadHoldingRegistersRequest(address=address, count=count, dev_id=settings.unit_id)
            out += await self._ask("read", READ, address, count, read)
        return out

    async def close(self) -> None:
        self._abort()
        self._client.close()

    def _reads(self) -> Iterator[tuple[int, int]]:
        """(address, count) of each read, head first."""
        step = self._settings.max_read_registers
        for at in range(0, OUT_WORDS, step):
            yield self._settings.out_address + at, min(step, OUT_WORDS - at)

    def _writes(self, words: list[int]) -> Iterator[tuple[int, list[int]]]:
        """(address, words) of each write, the piece with the CRC last."""
        step = self._settings.max_write_registers
        for at in reversed(range(0, IN_WORDS, step)):
            yield self._settings.in_address + at, words[at : at + step]

    async def _ask(self, operation: str, function: int, address: int, count: int, request: ModbusPDU) -> list[int]:
        self._raise_if_broken()
        self._asked, self._request, self._received = (function, address, count), request, b""
        try:
            await self._requests(operation, self._client.execute(False, request))
        except BusyError:
            raise
        except PlcError as error:
            self._broken = error
            raise
        finally:
            self._asked = None
        return self._registers

    def _raise_if_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _on_bytes(self, data: bytes) -> None:
        """
        Everything that the PLC sends comes here, in pieces as they come.

        Only a reply that is whole and right is handed on to pymodbus.
        """
        if self._broken is not None:
            return
        if self._asked is None or self._request is None:
            self._fail(PlcError(Cause.PROTOCOL, f"{len(data)} bytes that nobody asked for; a late answer or a second master"))
            return
        self._received += data
        function, address, count = self._asked
        asked = ModbusAsked(self._request.transaction_id, self._settings.unit_id, function, address, count)
        try:
            registers = modbus_reply(self._received, asked)
        except PlcError as error:
            self._fail(error)
            return
        if registers is not None:
            self._registers = registers
            self._asked = None  # whatever comes now, nobody asked for
            self._client.ctx.callback_data(self._received)

    def _on_connect(self, connected: bool) -> None:
        if not connected:
            self._fail(PlcError(Cause.DISCONNECTED, "the PLC closed the connection"))

    def _fail(self, error: PlcError) -> None:
        """Fail the request under way, or else the next one; but for a busy PLC, end the connection."""
        waiting = self._client.ctx.response_future
        if self._asked is not None and not waiting.done():
            waiting.set_exception(error)
        self._asked = None
        if not isinstance(error, BusyError):
            self._broken = self._broken or error
            self._abort()

    def _abort(self) -> None:
        """Let the socket go, whatever is still in it: a peer that does not read must not keep it."""
        transport = self._client.ctx.transport
        if isinstance(transport, asyncio.Transport):
            transport.abort()
