"""
Commands: what we ask of machines. Each names a target, never toggles, and may be repeated without harm.

`number` counts the commands of one PLC in one epoch from 1; it is the command's id. A command stays in the state
until an event answers it, the PLC refuses it, or its time is over, and is sent again under the same number after
a restart. A new epoch withdraws what the old one left unanswered.
"""

from __future__ import annotations

import msgspec


class GrantEpoch(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Let a PLC's present life (`nonce`) work, under a number that no earlier life had. Has no command number."""

    plc: str
    nonce: int
    epoch: int


class Divert(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Take a tracked object into `lane`, else into `fallback`; void after `deadline` (wire form, `plc.line.plc_deadline`)."""

    plc: str
    number: int
    track: int
    lane: int
    fallback: int
    deadline: int


class BeginParcel(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Feed `documents` from `infeed` into a pouch and print `waybill` for it; the answers are as many `Fed`."""

    plc: str
    number: int
    infeed: int
    documents: int
    pouch: int
    waybill: str


class SealParcel(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """The right documents were fed: label, weigh and seal the open pouch; the answer is `Packed`."""

    plc: str
    number: int
    waybill: str


class RejectParcel(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Put the open pouch out to the hand station unsealed; the answer is `Packed` with result 1."""

    plc: str
    number: int
    waybill: str


class Store(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Take and read the next document of `infeed`, put it into `cell` (0: on to the hand station); the answer is `Stored`."""

    plc: str
    number: int
    infeed: int
    cell: int


class Release(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Lay everything in `cell` out at `outlet` (0: on to the hand station); the answer is `Released`."""

    plc: str
    number: int
    cell: int
    outlet: int


class Drop(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """When the parcel with this label arrives, drop it at `position`; the answer is `Dropped`."""

    plc: str
    number: int
    position: int
    waybill: str


class CloseBag(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Close and seal the bag that hangs at `position` under this tag; the answer is `BagShut`."""

    plc: str
    number: int
    position: int
    tag: str


class CommandMachine(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """A PackML command (`core.packml.Command`); the answer is `MachineChanged` or a refusal."""

    plc: str
    number: int
    command: int


class SetPlace(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Open or close a lane; the answer is `PlaceChanged`, or a bare "done" if it was so already."""

    plc: str
    number: int
    place: int
    open: bool


Numbered = Divert | BeginParcel | SealParcel | RejectParcel | Store | Release | Drop | CloseBag | CommandMachine | SetPlace
Command = GrantEpoch | Numbered
