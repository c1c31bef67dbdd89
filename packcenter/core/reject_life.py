"""What baggers and case racks took in hand last, and how it came out: the rejects of `records.Plc`."""

from __future__ import annotations

from typing import Final

from packcenter.core.limits import REJECTS_KEPT
from packcenter.core.records import Plc, with_newest

OWN_FAULTS: Final = frozenset(
    {
        "unread_at_bagger", "unread_at_rack", "not_the_one_expected", "duplicate", "double_feed", "label_unread", "weight",
        "machine_rejected", "verdict_refused", "wrong_cell",
    }
)  # fmt: skip
"""
Reasons that are of the machine's own doing: its reader, feeder, printer, scale or handler. What others brought about (a stop,
a withdrawal, the wrong lane, no number left), and a wrong label, has alarms of its own or is none.
"""


def note(plc: Plc, reason: str) -> None:
    """A document or parcel came out of a machine: soundly (`reason` ""), or not; what others brought about says nothing of it."""
    if not reason or reason in OWN_FAULTS:
        plc.rejects = with_newest(plc.rejects, bool(reason), REJECTS_KEPT)
