"""The table of alarms as JOURNAL-FORMAT.md has it, and what the judge holds true of them after each record."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

VERSION: Final = 1
_OF_SILENCE: Final = ("link_lost", "foreign_epoch")


class Row(NamedTuple):
    """About what, by which facts, how long its cause must stand (-1: it is over at once), and what explains it."""

    about: str
    by: tuple[str, ...]
    seconds: int = 0
    explained: tuple[str, ...] = ()


_MACHINE: Final = ("MachineEntered", "MachineStopSet", "MaintenanceSet", "AlarmTableAdopted")

_COUNTERS: Final = ("CellSuspected", "HallAdopted", "AlarmTableAdopted")

TABLE: Final[dict[str, Row]] = {
    "network_lost": Row("hall", ("LinkStateSet", "AlarmTableAdopted"), 10),
    "link_lost": Row("plc", ("LinkStateSet", "AlarmTableAdopted"), 10, ("network_lost",)),
    "foreign_epoch": Row("plc", ("LinkStateSet",)),
    "link_unsteady": Row("plc", ("LinkStateSet",), -1, ("network_lost",)),
    "machine_aborted": Row("plc", _MACHINE, 0, _OF_SILENCE),
    "jam": Row("plc", ("JamSet", "PlaceSet", "AlarmTableAdopted"), 0, (*_OF_SILENCE, "machine_aborted")),
    "consumable_empty": Row("consumable", ("ConsumableSet", "AlarmTableAdopted"), 0, _OF_SILENCE),
    "machine_held": Row("plc", _MACHINE, 30, (*_OF_SILENCE, "machine_aborted", "jam", "consumable_empty")),
    "command_unanswered": Row(
        "plc",
        ("CommandTimedOut", "AnswerMissed"),
        -1,
        (*_OF_SILENCE, "machine_aborted", "jam", "consumable_empty", "machine_held"),
    ),
    "rack_refuses": Row("rack", ("BagCloseAsked",), -1, (*_OF_SILENCE, "machine_aborted", "jam", "machine_held")),
    "exception_lane_full": Row("exception lane", ("PlaceSet", "JamSet", "AlarmTableAdopted"), 0, _OF_SILENCE),
    "scanner_unread": Row("sorter", ("ObjectSeen",), -1),
    "many_rejects": Row("plc", ("ParcelSealed", "ParcelRejected", "DocumentStored"), -1),
    "consumable_low": Row("consumable", ("ConsumableSet", "AlarmTableAdopted"), 0, (*_OF_SILENCE, "consumable_empty")),
    "secure_lost": Row("station", ("ItemLost", "AlarmTableAdopted")),
    "bags_suspect": Row("rack", ("BagSuspected", "AlarmTableAdopted")),
    "bag_not_sealed": Row("rack", ("BagSuspected",), -1, ("bags_suspect",)),
    "events_missing": Row("plc", ("GapSeen",), -1, ("bags_suspect",)),
    "event_quarantined": Row("plc", ("QuarantineNoted",), -1),
    "wrong_lane": Row("sorter", ("WrongLane",), -1),
    "wrong_label": Row("bagger", ("Suspected",), -1),
    "waybills_used_up": Row("hall", ("Suspected",)),
    "plc_disagrees": Row("plc", ("EventSetAside",), -1),
    "discrepancies_overdue": Row("hall", ("DiscrepancyOverdue", "DiscrepancyClosed", "AlarmTableAdopted")),
    "plan_not_valid": Row("hall", ("PlanValiditySet", "AlarmTableAdopted")),
    "receipts_overdue": Row("hall", ("ReceiptOverdue", "HallAdopted", "AlarmTableAdopted")),
    "case_overdue": Row("hall", ("CaseOverdue",), -1),
    "cells_full": Row("hall", ("SentToHand",), -1),
    "cells_miscount": Row("case rack", _COUNTERS),
    "cell_counter": Row("cell", _COUNTERS, 0, ("cells_miscount",)),
}
"""The alarms of table 1."""

Alarm = tuple[str, str]


class Alarms:
    """What the judge holds true of alarms: whose cause stands, who was told, what people did; and what machines said."""

    def __init__(self) -> None:
        self.table = 0
        self.stands: set[Alarm] = set()
        self.told: set[Alarm] = set()
        self.known: set[Alarm] = set()
        self.explained: dict[Alarm, Alarm] = {}
        self.awaited: dict[Alarm, tuple[int, str]] = {}
        self.shelved: dict[Alarm, int] = {}
        self.out: set[Alarm] = set()
        self.times: list[int] = []
        self.flood_us = 0
        self.overdue_us = 0
        """When something was first seen to be overdue; 0: nothing is."""
        self.jams: dict[str, set[int]] = {}
        self.lost: dict[Any, str] = {}
        """Where each item that is lost was last."""
        self.losses: dict[str, list[int]] = {}
        """When each PLC was last lost or restarted, three times at most."""
        self.heard: set[str] = set()
        self.missed: dict[str, list[int]] = {}
        """When each machine last missed an answer since its link was lost, six times at most."""
        self.told_from: dict[str, int] = {}
        """The last command to each machine before its link was lost or came up."""
        self.reads: dict[str, list[bool]] = {}
        """Whether each sorter read its last 32 things."""
        self.came_out: dict[str, list[bool]] = {}
        """Whether the last 32 things that each bagger or case rack answers for came out of it soundly."""
        self.raisings: dict[Alarm, list[int]] = {}
        """When people were last told of each alarm, three times at most."""

    def forget(self) -> None:
        """Another table: its alarms mean something else."""
        of_people = (self.told, self.known, self.shelved, self.out, self.times, self.raisings)
        for each in (self.stands, self.explained, self.awaited, *of_people):
            each.clear()
        self.flood_us = 0

    def explains(self, alarm: Alarm, hall: str) -> Alarm | None:
        """The alarm whose cause stands and explains this one."""
        plc = alarm[1].partition("/")[0]
        for cause in TABLE[alarm[0]].explained:
            if TABLE[cause].about == "consumable":
                found = [(cause, f"{plc}/{number}") for number in (1, 2, 3) if (cause, f"{plc}/{number}") in self.stands]
                if found:
                    return found[0]
            subject = hall if TABLE[cause].about == "hall" else plc
            if (cause, subject) in self.stands:
                return cause, subject
        return None
