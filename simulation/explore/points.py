"""Crash points: the places at which a process or a PLC may end, by their names."""

from __future__ import annotations

from packcenter.core import facts as f
from packcenter.core.commands import BeginParcel, Divert, GrantEpoch

COMMAND_POINTS = {Divert: "decision", BeginParcel: "print order", GrantEpoch: "grant"}
FACT_POINTS: dict[type, str] = {
    f.ParcelSealed: "parcel closed",
    f.BagCloseAsked: "bag close",
    f.BagClosed: "bag shut",
    f.EventTaken: "event",
}
DISK_POINTS = {
    "before a group is written": ("before", "pwrite", "segment"),
    "group written": ("after", "pwrite", "segment"),
    "group synced": ("after", "fdatasync", "segment"),
    "before a segment has its name": ("before", "rename", "segment"),
    "segment made": ("after", "rename", "segment"),
    "before a snapshot has its name": ("before", "rename", "snapshot"),
    "snapshot renamed": ("after", "rename", "snapshot"),
    "snapshot synced": ("after", "sync_directory", ""),
}
PROCESS_POINTS = (
    *DISK_POINTS,
    "segment switched",
    "recovery",
    "image made",
    "acknowledgement sent",
    "decision sent",
    "event polled",
    "manifest validated",
    "manifest activated",
    *(f"{name} {when}" for name in (*COMMAND_POINTS.values(), *FACT_POINTS.values()) for when in ("durable", "released")),
)
"""Crash points within the process."""

PLC_POINTS = (
    "acknowledgement received",
    "command received",
    "command accepted",
    "event 1",  # scanned
    "event 2",  # diverted: a decision was carried out
    "event 10",  # fed: the label is printed, the document in the pouch
    "event 11",  # packed: the label was read back
    "event 30",  # dropped
    "event 31",  # the bag is shut and sealed
)
"""Crash points outside, at which the controller dies without knowing of them."""
