"""The alarm list: what wants a person stands first, with its texts; what is put away is kept beside; the history tells it all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent / "core"))

import halls
from invariants import Watch

from packcenter.core import inputs as i
from packcenter.core.alarm_table import ALARMS, VERSION
from packcenter.core.alarms import Standing
from packcenter.projections import alarms

_S = 1_000_000


class Hall:
    """The small hall, one PLC heard."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.at_us = halls.BASE_US
        self.history: list[alarms.Happening] = []
        self.happen(i.Started(1, "test", halls.SMALL, "digest"))
        self.happen(i.AlarmTableGiven(VERSION))
        for plc in halls.SMALL.plcs():
            self.happen(i.LinkUp(plc, 7, 0))

    def happen(self, happened: i.Input) -> None:
        self.at_us += _S
        outcome = self.watch.step(self.at_us, happened)
        self.history += alarms.happenings(len(self.watch.steps), self.at_us, outcome.facts)

    def event(self, kind: type, plc: str, /, **fields: Any) -> None:
        self.happen(kind(plc=plc, epoch=1, seq=self.watch.controller.state.plcs[plc].seq + 1, **fields))

    def taken(self) -> alarms.AlarmList:
        return alarms.take(self.watch.controller.state, self.at_us)


def busy() -> Hall:
    """One alarm in each state."""
    hall = Hall()
    hall.event(i.ConsumableRead, "bagger-1", consumable=1, percent=5)
    hall.event(i.MachineChanged, "bagger-1", state=9, reason_class=5, reason=0)
    hall.happen(i.AlarmAcknowledged("op-7", "operator", "seen", "machine_aborted", "bagger-1"))
    hall.event(i.JamChanged, "bagger-1", track=0, zone=1, on=True)
    hall.happen(i.Quarantined("sorter-1", 1, 1, 0, "", "KeyError"))
    hall.event(i.JamChanged, "sorter-2", track=0, zone=1, on=True)
    hall.event(i.JamChanged, "sorter-2", track=0, zone=1, on=False)
    hall.event(i.ConsumableRead, "bagger-2", consumable=1, percent=0)
    hall.happen(i.AlarmShelved("op-7", "operator", "known", "consumable_empty", "bagger-2/1", 5))
    hall.happen(i.AlarmTakenOut("op-9", "maintenance", "mended", "jam", "rack-1", True))
    hall.event(i.MachineChanged, "rack-1", state=11, reason_class=1, reason=0)
    return hall


def test_what_wants_a_person_stands_first() -> None:
    """Unacknowledged before acknowledged before what is over by itself; awaited ones are not told."""
    taken = busy().taken()
    assert [(line.alarm, line.subject, line.standing) for line in taken.alarms] == [
        ("consumable_low", "bagger-1/1", "unacknowledged"),
        ("event_quarantined", "sorter-1", "latched"),
        ("machine_aborted", "bagger-1", "acknowledged"),
        ("jam", "sorter-2", "returned_to_normal"),
    ]
    assert [(line.alarm, line.subject, line.standing) for line in taken.put_away] == [
        ("consumable_empty", "bagger-2/1", "shelved"),
        ("jam", "bagger-1", "suppressed"),
        ("jam", "rack-1", "out_of_service"),
    ]
    assert taken.counts == {
        "unacknowledged": 1, "latched": 1, "acknowledged": 1, "returned_to_normal": 1, "awaited": 1, "shelved": 1,
        "suppressed": 1,
        "out_of_service": 1,
    }  # fmt: skip
    assert set(taken.counts) | {"normal"} == set(Standing)
    assert (taken.recent, taken.flood) == (5, False)


def test_of_alarms_in_one_state_the_urgent_one_stands_first() -> None:
    """Then the newest."""
    hall = Hall()
    hall.event(i.ConsumableRead, "bagger-1", consumable=1, percent=5)
    hall.event(i.JamChanged, "sorter-1", track=0, zone=1, on=True)
    hall.event(i.JamChanged, "sorter-2", track=0, zone=1, on=True)
    assert [(line.alarm, line.subject) for line in hall.taken().alarms] == [
        ("jam", "sorter-2"),
        ("jam", "sorter-1"),
        ("consumable_low", "bagger-1/1"),
    ]


def test_a_line_says_who_did_what_and_what_to_do() -> None:
    """As the catalogue has it, in both languages."""
    taken = busy().taken()
    lines = {(line.alarm, line.subject): line for line in [*taken.alarms, *taken.put_away]}
    aborted = lines["machine_aborted", "bagger-1"]
    assert (aborted.acknowledged_by, aborted.by, aborted.response) == (
        "op-7",
        "MachineEntered",
        ALARMS["machine_aborted"].response,
    )
    assert lines["jam", "bagger-1"].explained_by == "machine_aborted/bagger-1"
    assert lines["consumable_empty", "bagger-2/1"].shelved_by == "op-7"
    assert lines["jam", "rack-1"].out_by == "op-9"
    assert msgspec.json.decode(msgspec.json.encode(aborted))["response"]["zh"].endswith("。")


def test_the_history_tells_of_every_alarm_what_became_of_it() -> None:
    """In order, with the record that says so."""
    told = [(each.alarm, each.subject, each.what) for each in busy().history if each.alarm != "link_lost"]
    assert told == [
        ("network_lost", "NJ", "cause gone"),
        ("consumable_low", "bagger-1/1", "raised by ConsumableSet"),
        ("machine_aborted", "bagger-1", "raised by MachineEntered"),
        ("machine_aborted", "bagger-1", "acknowledged by op-7"),
        ("jam", "bagger-1", "explained by machine_aborted/bagger-1"),
        ("event_quarantined", "sorter-1", "raised by QuarantineNoted"),
        ("jam", "sorter-2", "raised by JamSet"),
        ("jam", "sorter-2", "cause gone"),
        ("consumable_empty", "bagger-2/1", "raised by ConsumableSet"),
        ("consumable_empty", "bagger-2/1", "shelved by op-7"),
        ("jam", "rack-1", "taken out of service by op-9"),
    ]


def test_missing_documents_are_named_to_who_asks() -> None:
    """Those of a secure class, at the place where each was last; a list that is pushed every second does without."""
    hall = Hall()
    rows = (("P1", "id_card", "police"), ("P2", "id_card", "police"), ("L1", "letter", "tax"))
    lines = tuple(i.Line(name, mail_class, agency, "", 210005, "ems", "", 0, 0) for name, mail_class, agency in rows)
    hall.happen(i.ManifestReceived("M1", 1, 1, 0, "digest", lines))
    for track, (name, _, _) in enumerate(rows, 1):
        plc = "sorter-2" if name == "P2" else "sorter-1"
        fields = {"track": track, "scanner": 1, "outcome": 0, "grams": 0, "code": name, "age_us": 0, "plc_ms": 0}
        hall.event(i.Scanned, plc, **fields)
        hall.event(i.TrackLost, plc, track=track, eye=1)
    named = alarms.take(hall.watch.controller.state, hall.at_us, named=True)
    assert {line.subject: line.items for line in named.alarms} == {"sorter-1": ["P1"], "sorter-2": ["P2"]}
    assert all(line.items == [] for line in hall.taken().alarms)
