"""Looking at an OPC UA PLC: the wire of the link without a subscription, its nameplate, its clock, and who may write `In`."""

from __future__ import annotations

from datetime import UTC, datetime

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from packcenter.diagnose.evidence import Identity, InAccess, WallClock
from packcenter.plc.checking import PlcError, opcua_words
from packcenter.plc.image import IN_WORDS
from packcenter.plc.mailbox import Cause
from packcenter.plc.opcua import OpcUaWire
from packcenter.ports import Clock

_PLATE = (("maker", "Manufacturer"), ("model", "Model"), ("serial number", "SerialNumber"), ("revision", "SoftwareRevision"))
_BUILD = (
    ("server", ObjectIds.Server_ServerStatus_BuildInfo_ProductName),
    ("server by", ObjectIds.Server_ServerStatus_BuildInfo_ManufacturerName),
    ("server version", ObjectIds.Server_ServerStatus_BuildInfo_SoftwareVersion),
)
_CURRENT_WRITE = 1 << 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OpcUaProbe(OpcUaWire):
    """An OPC UA session that is only read; see `probe.Probe`."""

    async def _choose(self) -> None:
        self.how = "read, without a subscription"

    async def identity(self) -> Identity | None:
        """The nodes that the line interface asks for, and the server's own build information."""
        nodes = [self._node(name) for _, name in _PLATE] + [_standard(number) for _, number in _BUILD]
        texts = [_text(value) for value in await self._read_many(nodes)]
        plate = tuple((word, text) for (word, _), text in zip((*_PLATE, *_BUILD), texts, strict=True) if text)
        called = await self._read_many([self._node(self._settings.plc)], AttributeIds.BrowseName)
        name = called[0].Value.Value if called[0].Value is not None and _is_good(called[0]) else None
        return Identity("nameplate and BuildInfo", plate, name.Name if isinstance(name, ua.QualifiedName) and name.Name else "")

    async def wall_clock(self, clock: Clock) -> WallClock | None:
        """ServerStatus.CurrentTime against our wall clock; the answer is taken to have been made half way."""
        before_us = clock.wall_us()
        (value,) = await self._read_many([_standard(ObjectIds.Server_ServerStatus_CurrentTime)])
        after_us = clock.wall_us()
        time = value.Value.Value if value.Value is not None else None
        if not _is_good(value) or not isinstance(time, datetime):
            return None
        told_us = round((time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH).total_seconds() * 1e6)
        return WallClock(told_us - (before_us + after_us) // 2, (after_us - before_us) // 2)

    async def in_access(self) -> InAccess | None:
        """What the server says about writing `In`, for everybody and for our session."""
        name = self._settings.in_node
        access = []
        for attribute in (AttributeIds.AccessLevel, AttributeIds.UserAccessLevel):
            (value,) = await self._read_many([self._in], attribute)
            level = value.Value.Value if value.Value is not None else None
            if not _is_good(value) or not isinstance(level, int):
                return InAccess(None, f"the server does not tell the {attribute.name} of {name}")
            access.append(bool(level & _CURRENT_WRITE))
        if not all(access):
            whom = "anybody" if not access[0] else "our session"
            return InAccess(False, f"the server lets not {whom} write {name} (access level {level})")
        return InAccess(True, f"the server lets our session write {name}")

    async def read_in(self) -> list[int]:
        """`In` as it stands in the PLC."""
        (value,) = await self._read_many([self._in])
        return opcua_words(value, IN_WORDS, self._settings.in_node)

    async def write_in(self, words: list[int]) -> None:
        """Write `In`; for the write test alone."""
        await self._requests("write", self._write_in(words))

    def _node(self, name: str) -> ua.NodeId:
        return ua.NodeId(ua.String(name), self._out.NamespaceIndex)

    async def _read_many(self, nodes: list[ua.NodeId], attribute: AttributeIds = AttributeIds.Value) -> list[ua.DataValue]:
        asked = ua.ReadParameters()
        asked.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node in nodes]
        values = await self._requests("read", self._client.uaclient.read(asked))
        if len(values) != len(nodes):
            raise PlcError(Cause.PROTOCOL, f"{len(values)} values read, expected {len(nodes)}")
        return values


def _standard(number: int) -> ua.NodeId:
    return ua.NodeId(ua.Int32(number), ua.Int16(0))


def _is_good(value: ua.DataValue) -> bool:
    return value.StatusCode is None or value.StatusCode.is_good()


def _text(value: ua.DataValue) -> str:
    """A text of the plate, at most 64 printable characters; "" if there is none."""
    seen = value.Value.Value if value.Value is not None else None
    if not _is_good(value) or seen is None:
        return ""
    text = seen.Text if isinstance(seen, ua.LocalizedText) else str(seen)
    return "".join(each if each.isprintable() else "?" for each in (text or "").strip())[:64]
