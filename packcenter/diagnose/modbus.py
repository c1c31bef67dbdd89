"""Looking at a Modbus PLC: the wire of the link, reading alone, and the device identification (function 43, MEI type 14)."""

from __future__ import annotations

from pymodbus.constants import DeviceInformation, MoreData
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest, ReadDeviceInformationResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, WriteMultipleRegistersRequest

from packcenter.diagnose.evidence import Identity, InAccess, WallClock
from packcenter.plc.checking import READ, WRITE, PlcError
from packcenter.plc.image import IN_WORDS
from packcenter.plc.mailbox import Cause
from packcenter.plc.modbus import ModbusWire
from packcenter.ports import Clock

IDENTIFY = 43
_FOLLOWS_MAX = 8  # replies for one identification; its seven standard texts fit into two or three
_WORDS = {0: "maker", 1: "product code", 2: "revision", 4: "product", 5: "model"}
_CALLED = 6  # "user application name"


class ModbusProbe(ModbusWire):
    """A Modbus TCP connection that is only read; see `probe.Probe`."""

    _identifying = False

    async def identity(self) -> Identity | None:
        """The regular identification, or the basic one of a PLC that has no other."""
        how = f"function {IDENTIFY}, unit {self._settings.unit_id}"
        for code in (DeviceInformation.REGULAR, DeviceInformation.BASIC):
            texts = await self._requests("identify", self._texts(code))
            if texts is not None:
                plate = tuple((word, texts[number]) for number, word in _WORDS.items() if texts.get(number))
                return Identity(how, plate, texts.get(_CALLED, ""))
        return None

    async def wall_clock(self, clock: Clock) -> WallClock | None:
        """Modbus has no date and time."""
        return None

    async def in_access(self) -> InAccess | None:
        """Registers that can be read are there; whether they may be written, Modbus does not tell."""
        where = f"{IN_WORDS} registers from {self._settings.in_address}"
        try:
            await self.read_in()
        except PlcError as error:
            return InAccess(None, f"{where} cannot be read back: {error}")
        return InAccess(None, f"{where} are there; Modbus has no access rights to ask for")

    async def read_in(self) -> list[int]:
        """`In` as it stands in the PLC."""
        words: list[int] = []
        step = self._settings.max_read_registers
        for at in range(0, IN_WORDS, step):
            address, count = self._settings.in_address + at, min(step, IN_WORDS - at)
            asked = ReadHoldingRegistersRequest(address=address, count=count, dev_id=self._settings.unit_id)
            words += await self._ask("read", READ, address, count, asked)
        return words

    async def write_in(self, words: list[int]) -> None:
        """Write `In`; for the write test alone."""
        for address, piece in self._writes(words):
            asked = WriteMultipleRegistersRequest(address=address, registers=piece, dev_id=self._settings.unit_id)
            await self._ask("write", WRITE, address, len(piece), asked)

    async def _texts(self, code: DeviceInformation) -> dict[int, str] | None:
        """The texts of one category by object number; None if the PLC does not know it."""
        texts: dict[int, str] = {}
        number = 0
        self._identifying = True
        try:
            for _ in range(_FOLLOWS_MAX):
                reply = await self._client.execute(False, self._request_of(code, number))
                if not isinstance(reply, ReadDeviceInformationResponse):
                    return None
                if reply.dev_id != self._settings.unit_id:
                    raise PlcError(Cause.PROTOCOL, f"identification from unit {reply.dev_id}, expected {self._settings.unit_id}")
                texts |= {found: _text(raw) for found, raw in reply.information.items()}
                if reply.more_follows != MoreData.KEEP_READING or reply.next_object_id <= number:
                    return texts
                number = reply.next_object_id
        finally:
            self._identifying = False
        return texts

    def _request_of(self, code: DeviceInformation, number: int) -> ModbusPDU:
        return ReadDeviceInformationRequest(code, number, dev_id=self._settings.unit_id)

    def _on_bytes(self, data: bytes) -> None:
        """An identification is for people: pymodbus's own look at it is enough."""
        if self._identifying:
            self._client.ctx.datagram_received(data, None)
        else:
            super()._on_bytes(data)


def _text(raw: object) -> str:
    """A text of the plate, at most 64 printable characters."""
    first = raw[0] if isinstance(raw, list) and raw else raw
    text = first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
    return "".join(each if each.isprintable() else "?" for each in text.strip("\0 "))[:64]
