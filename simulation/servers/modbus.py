"""
A PLC that speaks Modbus TCP: `Out` and `In` as holding registers, FC 3, 4, 6, 16, 22, 23 and 43.

A write to `In` is assembled in register memory and handed to the PLC whole, after every request, so that a client
may write it in pieces; only a write of all 114 words at once is counted malformed if it is bad. FC 23 writes before
it reads. Outside the two blocks there are no registers (exception 2); other unit ids are not there (exception 11).

pymodbus's server answers one request at a time per connection: a client that sends the next one before it has the
answer loses requests.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from pymodbus.constants import DeviceInformation, ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.device import DeviceInformationFactory, ModbusDeviceIdentification
from pymodbus.pdu.exceptionresponse import ExceptionResponse
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest, ReadDeviceInformationResponse
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.simulator.simcore import SimCore

from packcenter.plc.image import IN_WORDS, OUT_WORDS
from simulation.lineplc import LinePlc
from simulation.servers import Nameplate, Wire

_BIT_FUNCTIONS = (1, 2, 5, 15)


class ModbusServer:
    """
    A `LinePlc` behind a Modbus TCP server on `host`, unit `unit`. Port 0 takes a free one, kept over restarts.

    Addresses are of register 0 of each image, as they are on the wire.
    """

    def __init__(
        self,
        plc: LinePlc,
        *,
        nameplate: Nameplate,
        host: str = "127.0.0.1",
        port: int = 0,
        unit: int = 1,
        out_address: int = 0,
        in_address: int = 200,
    ) -> None:
        assert not set(range(out_address, out_address + OUT_WORDS)) & set(range(in_address, in_address + IN_WORDS)), (
            f"{plc.name}: Out at {out_address} and In at {in_address} overlap"
        )
        self.plc = plc
        self.name = plc.name
        self.wire = Wire()
        self.host = host
        self.port = port
        self._unit = unit
        self._out = out_address
        self._in = in_address
        self._identity = ModbusDeviceIdentification(  # type: ignore[no-untyped-call]
            info_name={
                "VendorName": nameplate.manufacturer,
                "ProductCode": nameplate.model,
                "MajorMinorRevision": nameplate.software_revision,
                "ProductName": nameplate.model,
                "ModelName": nameplate.serial_number,
                "UserApplicationName": plc.name,
            }
        )
        self._server: ModbusTcpServer | None = None

    async def start(self) -> int:
        """Listen; the port. Raises `OSError` if it is taken."""
        assert self._server is None, f"{self.name}: started twice"
        server = _Server(self.wire, self._device(), (self.host, self.port), self._trace)
        server.context = _Units(self._device())
        try:
            await server.serve_forever(background=True)
        except RuntimeError as refused:
            raise OSError(f"{self.name}: cannot listen on {self.host}:{self.port}; is another PLC or process there?") from refused
        self._server = server
        listener = cast(asyncio.Server, server.transport)
        self.port = listener.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        """Close connections and the port."""
        if self._server is not None:
            server, self._server = self._server, None
            self.wire.drop_if_cut()
            await server.shutdown()  # type: ignore[no-untyped-call]

    async def kill(self) -> None:
        """End every connection at once and close the port, as a PLC does that loses power."""
        self.wire.drop()
        await self.stop()

    def _device(self) -> SimDevice:
        blocks = sorted(((self._out, OUT_WORDS), (self._in, IN_WORDS)))
        registers = [SimData(address, count=count, values=0, datatype=DataType.REGISTERS) for address, count in blocks]
        return SimDevice(id=self._unit, simdata=registers, action=self._on_request)

    async def _on_request(
        self, function: int, start: int, address: int, count: int, registers: list[int], values: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        """Called by pymodbus before it reads from or writes to `registers`, whose first one has address `start`."""
        if function in _BIT_FUNCTIONS:
            return ExcCodes.ILLEGAL_FUNCTION
        if values is None:
            if address < self._out + OUT_WORDS and address + count > self._out:
                registers[self._out - start : self._out - start + OUT_WORDS] = self.plc.out_words()
            return None
        if address < self._in or address + count > self._in + IN_WORDS:
            return ExcCodes.ILLEGAL_ADDRESS
        image = registers[self._in - start : self._in - start + IN_WORDS]
        image[address - self._in : address - self._in + count] = values
        self.plc.receive(image, complete=count == IN_WORDS)
        return None

    def _trace(self, sending: bool, pdu: ModbusPDU) -> ModbusPDU:
        if not sending and isinstance(pdu, ReadDeviceInformationRequest):
            return _Identify(pdu, self._identity)
        return pdu


class _Server(ModbusTcpServer):
    """pymodbus's server with a wire in front."""

    def __init__(self, wire: Wire, device: SimDevice, address: tuple[str, int], trace_pdu: Any) -> None:
        self._wire = wire
        super().__init__(device, address=address, trace_pdu=trace_pdu)

    def handle_new_connection(self) -> Any:
        return self._wire.wrap(super().handle_new_connection)()


class _Units(SimCore):
    """Registers by unit id; pymodbus's own raises KeyError for a unit that is not there and logs a traceback."""

    async def async_getValues(self, device_id: int, func_code: int, address: int, count: int = 1) -> Any:  # noqa: N802
        self._check(device_id)
        return await super().async_getValues(device_id, func_code, address, count)

    async def async_setValues(self, device_id: int, func_code: int, address: int, values: Any) -> Any:  # noqa: N802
        self._check(device_id)
        return await super().async_setValues(device_id, func_code, address, values)

    def _check(self, device_id: int) -> None:
        if device_id not in self.devices:
            raise NoSuchIdException(f"unit {device_id}, expected one of {self.device_ids()}")


class _Identify(ReadDeviceInformationRequest):
    """FC 43/14 answered from one server's own nameplate; pymodbus keeps a single one for all servers of a process."""

    def __init__(self, asked: ReadDeviceInformationRequest, identity: ModbusDeviceIdentification) -> None:
        super().__init__(asked.read_code, asked.object_id, asked.dev_id, asked.transaction_id)
        self._control = SimpleNamespace(Identity=identity)

    async def datastore_update(self, context: Any, device_id: int) -> ModbusPDU:
        if not 1 <= self.read_code <= 4:
            return ExceptionResponse(self.function_code, ExcCodes.ILLEGAL_VALUE)
        asked = DeviceInformation(self.read_code)
        found = DeviceInformationFactory.get(self._control, asked, self.object_id)  # type: ignore[no-untyped-call]
        if asked is DeviceInformation.SPECIFIC and not found.get(self.object_id):
            return ExceptionResponse(self.function_code, ExcCodes.ILLEGAL_ADDRESS)
        return ReadDeviceInformationResponse(self.read_code, found, device_id, self.transaction_id)
