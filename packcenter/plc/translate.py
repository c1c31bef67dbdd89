"""
Between the line interface and the core: events become inputs, commands become orders. Pure.

Here, and nowhere later, a code that could be personal data is masked: what a scanner read off an identity card may
be the holder's number, and no such value may reach the journal.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from packcenter.core import commands as c
from packcenter.core import inputs as i
from packcenter.core import resident_id
from packcenter.core.records import Plc
from packcenter.core.words import MASKED, PlaceState
from packcenter.plc import mailbox
from packcenter.plc.line import CommandKind, EventKind, LineCommand, LineEvent
from packcenter.plc.mailbox import Happening, Resume

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,31}\Z")
_MOBILE = re.compile(r"(?:\+?86|0086)?-?1[3-9][0-9]{9}\Z")


def clean_code(code: str) -> str:
    """A code as the core may see it: "" if nothing was read, `MASKED` if it may be personal or is no code at all."""
    if not code:
        return ""
    if _CODE.match(code) is None or resident_id.is_in(code) or _MOBILE.match(code):
        return MASKED
    return code


def to_input(plc: str, epoch: int, event: LineEvent) -> i.PlcEvent:
    """The input that an event of a PLC stands for."""
    make = _INPUTS.get(event.kind)
    return i.Unintelligible(plc, epoch, event.number, event.kind) if make is None else make(plc, epoch, event)


_INPUTS: dict[int, Callable[[str, int, LineEvent], i.PlcEvent]] = {
    EventKind.SCANNED: lambda p, e, v: i.Scanned(
        p, e, v.number, v.track, v.a, v.b, v.c, clean_code(v.code), v.age_ms * 1000, v.plc_ms
    ),
    EventKind.DIVERTED: lambda p, e, v: i.DivertConfirmed(p, e, v.number, v.track, v.a, v.b, v.c),
    EventKind.LOST: lambda p, e, v: i.TrackLost(p, e, v.number, v.track, v.a),
    EventKind.GHOST: lambda p, e, v: i.GhostAppeared(p, e, v.number, v.track, v.a),
    EventKind.PLACE_STATE: lambda p, e, v: i.PlaceChanged(p, e, v.number, v.a, v.b, v.c),
    EventKind.JAM: lambda p, e, v: i.JamChanged(p, e, v.number, v.track, v.a, v.b == 1),
    EventKind.FED: lambda p, e, v: i.Fed(p, e, v.number, v.track, v.a, v.b, v.c, clean_code(v.code)),
    EventKind.PACKED: lambda p, e, v: i.Packed(p, e, v.number, v.track, v.b, v.c, clean_code(v.code)),
    EventKind.STORED: lambda p, e, v: i.Stored(p, e, v.number, v.track, v.a, v.b, v.c, clean_code(v.code)),
    EventKind.RELEASED: lambda p, e, v: i.Released(p, e, v.number, v.track, v.a, v.b, v.c),
    EventKind.DROPPED: lambda p, e, v: i.Dropped(p, e, v.number, v.a, v.b, v.c, clean_code(v.code)),
    EventKind.BAG_CLOSED: lambda p, e, v: i.BagShut(p, e, v.number, v.a, v.b, v.c, clean_code(v.code)),
    EventKind.STATE_CHANGED: lambda p, e, v: i.MachineChanged(p, e, v.number, v.a, v.b, v.c),
    EventKind.CONSUMABLE: lambda p, e, v: i.ConsumableRead(p, e, v.number, v.a, v.b),
    EventKind.COMMAND_RESULT: lambda p, e, v: i.CommandEnded(p, e, v.number, v.c, v.a),
}


def to_inputs(plc: str, happening: Happening) -> list[i.Input]:
    """The inputs that what happened on a PLC's link stands for; empty for what is worth a log line and no more."""
    if isinstance(happening, mailbox.Events):
        return [to_input(plc, happening.epoch, event) for event in happening.events]
    if isinstance(happening, mailbox.LinkUp):
        return [i.LinkUp(plc, happening.nonce, happening.epoch)]
    if isinstance(happening, mailbox.LinkLost):
        return [i.LinkLost(plc, happening.cause.value)]
    return []


def resumed(known: Plc, looked_us: int | None) -> tuple[Resume, list[LineCommand]]:
    """What a mailbox begins with after a restart: the life that was granted, and the commands that are still open."""
    pending = known.pending
    return Resume(known.nonce, known.epoch, known.seq, looked_us), [
        to_line(pending[number].command) for number in sorted(pending)
    ]


def to_line(command: c.Numbered) -> LineCommand:
    """The order that a command is on the wire."""
    return _COMMANDS[type(command)](command)


def _divert(command: c.Divert) -> LineCommand:
    kind = CommandKind.DIVERT
    return LineCommand(command.number, kind, command.track, command.lane, command.fallback, command.deadline)


def _begin(command: c.BeginParcel) -> LineCommand:
    kind = CommandKind.BEGIN_PARCEL
    return LineCommand(command.number, kind, command.infeed, command.documents, command.pouch, 0, command.waybill)


def _close(command: c.CloseBag) -> LineCommand:
    return LineCommand(command.number, CommandKind.CLOSE_BAG, 0, command.position, 0, 0, command.tag)


_COMMANDS: dict[type, Callable[..., LineCommand]] = {
    c.Divert: _divert,
    c.BeginParcel: _begin,
    c.SealParcel: lambda command: LineCommand(command.number, CommandKind.SEAL, text=command.waybill),
    c.RejectParcel: lambda command: LineCommand(command.number, CommandKind.REJECT, text=command.waybill),
    c.Store: lambda command: LineCommand(command.number, CommandKind.STORE, command.infeed, command.cell),
    c.Release: lambda command: LineCommand(command.number, CommandKind.RELEASE, 0, command.cell, command.outlet),
    c.Drop: lambda command: LineCommand(command.number, CommandKind.DROP, a=command.position, text=command.waybill),
    c.CloseBag: _close,
    c.CommandMachine: lambda command: LineCommand(command.number, CommandKind.PACKML_COMMAND, a=command.command),
    c.SetPlace: lambda command: LineCommand(
        command.number, CommandKind.SET_PLACE, a=command.place, b=PlaceState.OPEN if command.open else PlaceState.CLOSED
    ),
}
