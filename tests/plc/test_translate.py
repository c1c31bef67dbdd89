"""Every event kind becomes its input and every command its order, word for word; nothing personal gets through."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcenter.core import commands as c
from packcenter.core import inputs as i
from packcenter.core import resident_id
from packcenter.core.records import Pending, Plc
from packcenter.core.words import MASKED
from packcenter.plc.line import CommandKind, EventKind, LineCommand, LineEvent
from packcenter.plc.mailbox import Cause, Events, Gap, Happening, LinkLost, LinkUp, NoLink, ProfileMismatch, Resume
from packcenter.plc.translate import clean_code, resumed, to_input, to_inputs, to_line

PLC, EPOCH, NUMBER = "sorter-1", 3, 41
BODY = "11010519491231002"  # a made-up person of the standard's own example
RESIDENT = BODY + resident_id.check_character(BODY)


def _event(kind: int, code: str = "NJ0001") -> LineEvent:
    """Each word has a value of its own, so that a swapped pair shows."""
    return LineEvent(NUMBER, kind, track=101, a=102, b=103, c=104, code=code, plc_ms=105, age_ms=106)


EVENTS: list[tuple[EventKind, i.PlcEvent]] = [
    (EventKind.SCANNED, i.Scanned(PLC, EPOCH, NUMBER, 101, 102, 103, 104, "NJ0001", 106_000, 105)),
    (EventKind.DIVERTED, i.DivertConfirmed(PLC, EPOCH, NUMBER, 101, 102, 103, 104)),
    (EventKind.LOST, i.TrackLost(PLC, EPOCH, NUMBER, 101, 102)),
    (EventKind.GHOST, i.GhostAppeared(PLC, EPOCH, NUMBER, 101, 102)),
    (EventKind.PLACE_STATE, i.PlaceChanged(PLC, EPOCH, NUMBER, 102, 103, 104)),
    (EventKind.JAM, i.JamChanged(PLC, EPOCH, NUMBER, 101, 102, False)),
    (EventKind.FED, i.Fed(PLC, EPOCH, NUMBER, 101, 102, 103, 104, "NJ0001")),
    (EventKind.PACKED, i.Packed(PLC, EPOCH, NUMBER, 101, 103, 104, "NJ0001")),
    (EventKind.STORED, i.Stored(PLC, EPOCH, NUMBER, 101, 102, 103, 104, "NJ0001")),
    (EventKind.RELEASED, i.Released(PLC, EPOCH, NUMBER, 101, 102, 103, 104)),
    (EventKind.DROPPED, i.Dropped(PLC, EPOCH, NUMBER, 102, 103, 104, "NJ0001")),
    (EventKind.BAG_CLOSED, i.BagShut(PLC, EPOCH, NUMBER, 102, 103, 104, "NJ0001")),
    (EventKind.STATE_CHANGED, i.MachineChanged(PLC, EPOCH, NUMBER, 102, 103, 104)),
    (EventKind.CONSUMABLE, i.ConsumableRead(PLC, EPOCH, NUMBER, 102, 103)),
    (EventKind.COMMAND_RESULT, i.CommandEnded(PLC, EPOCH, NUMBER, 104, 102)),
]
COMMANDS: list[tuple[c.Numbered, LineCommand]] = [
    (c.Divert(PLC, 7, 101, 3, 9, 70_000), LineCommand(7, CommandKind.DIVERT, 101, 3, 9, 70_000)),
    (c.BeginParcel(PLC, 7, 2, 1, 4, "EA1"), LineCommand(7, CommandKind.BEGIN_PARCEL, 2, 1, 4, 0, "EA1")),
    (c.SealParcel(PLC, 7, "EA1"), LineCommand(7, CommandKind.SEAL, text="EA1")),
    (c.RejectParcel(PLC, 7, "EA1"), LineCommand(7, CommandKind.REJECT, text="EA1")),
    (c.Store(PLC, 7, 2, 5), LineCommand(7, CommandKind.STORE, 2, 5)),
    (c.Release(PLC, 7, 5, 1), LineCommand(7, CommandKind.RELEASE, 0, 5, 1)),
    (c.Drop(PLC, 7, 5, "EA1"), LineCommand(7, CommandKind.DROP, a=5, text="EA1")),
    (c.CloseBag(PLC, 7, 5, "NJ-05-000001"), LineCommand(7, CommandKind.CLOSE_BAG, a=5, text="NJ-05-000001")),
    (c.CommandMachine(PLC, 7, 2), LineCommand(7, CommandKind.PACKML_COMMAND, a=2)),
    (c.SetPlace(PLC, 8, 3, False), LineCommand(8, CommandKind.SET_PLACE, a=3, b=2)),
]


@pytest.mark.parametrize(("kind", "expected"), EVENTS, ids=[kind.name for kind, _ in EVENTS])
def test_each_event_becomes_its_input(kind: EventKind, expected: i.PlcEvent) -> None:
    """The words of the slot stand where the line interface says they mean."""
    assert to_input(PLC, EPOCH, _event(kind)) == expected


@pytest.mark.parametrize(("command", "expected"), COMMANDS, ids=[type(command).__name__ for command, _ in COMMANDS])
def test_each_command_becomes_its_order(command: c.Numbered, expected: LineCommand) -> None:
    """The fields of the command stand where the line interface says they mean."""
    assert to_line(command) == expected


def test_every_command_and_every_event_that_the_core_takes_is_translated() -> None:
    """A record added to the core without its translation shows here."""
    assert {type(command) for command, _ in COMMANDS} == set(get_args(c.Numbered))
    assert {type(event) for _, event in EVENTS} == set(get_args(i.PlcEvent)) - {i.Unintelligible}


@pytest.mark.parametrize("kind", [0, 6 + 1, 22, 51, 0xFFFF])
def test_a_kind_that_no_rule_knows_is_said_and_not_lost(kind: int) -> None:
    """The event is still an input, so that it is taken and acknowledged."""
    assert to_input(PLC, EPOCH, _event(kind)) == i.Unintelligible(PLC, EPOCH, NUMBER, kind)


@pytest.mark.parametrize(("b", "on"), [(0, False), (1, True), (2, False)])
def test_a_jam_is_on_by_one_alone(b: int, on: bool) -> None:
    """1 is on, 0 is cleared, and a word that means neither is not taken for a jam."""
    event = msgspec.structs.replace(_event(EventKind.JAM), b=b)
    assert to_input(PLC, EPOCH, event) == i.JamChanged(PLC, EPOCH, NUMBER, 101, 102, on)


@pytest.mark.parametrize("code", ["NJ0001", "EA473124829CN", "a", "A.b_c/d+e-f", "9" * 17, "12345678901", "a" * 32])
def test_an_ordinary_code_passes(code: str) -> None:
    """Item codes, waybills, seals and numbers too short or too long for a person's."""
    assert clean_code(code) == code


@pytest.mark.parametrize(
    "code",
    [
        RESIDENT,
        RESIDENT[:-1] + "0",  # mistyped, still somebody's
        f"{RESIDENT[:6]}-{RESIDENT[6:14]}-{RESIDENT[14:]}",
        f"ID{RESIDENT}",
        RESIDENT.replace("X", "x"),
        "13800138000",
        "86-13800138000",
        "008613800138000",
        "张伟",
        "NJ 0001",
        "#MASKED",
        "?NJ0001",
        "-NJ0001",
        "NJ0001\n",
        "NJ0001\x00",
        "a" * 33,
        "\uff11\uff13\uff18\uff10\uff10\uff11\uff13\uff18\uff10\uff10\uff10",
    ],
)
def test_what_may_be_personal_or_is_no_code_is_masked(code: str) -> None:
    """A resident number in any writing, a mobile number, a name, and whatever no barcode of ours holds."""
    assert clean_code(code) == MASKED


def test_nothing_read_is_nothing() -> None:
    """No code is not a masked one."""
    assert clean_code("") == ""


@pytest.mark.parametrize("kind", [kind for kind, event in EVENTS if "NJ0001" in msgspec.structs.astuple(event)])
def test_no_event_brings_a_persons_number_into_the_core(kind: EventKind) -> None:
    """Each event that carries a code carries it masked, whatever its other words are."""
    made = to_input(PLC, EPOCH, _event(kind, RESIDENT))
    assert MASKED in msgspec.structs.astuple(made)
    assert RESIDENT not in str(made)


@given(st.text(max_size=40))
def test_a_code_comes_through_whole_or_not_at_all(code: str) -> None:
    """Whatever a scanner read: itself, masked or nothing, and a second cleaning changes nothing."""
    clean = clean_code(code)
    assert clean in (code, MASKED)
    assert clean_code(clean) == clean
    assert clean == "" or clean == MASKED or (clean.isascii() and len(clean) <= 32)


@pytest.mark.parametrize(
    ("happening", "expected"),
    [
        (LinkUp(77, 3), [i.LinkUp(PLC, 77, 3)]),
        (LinkLost(Cause.HEARTBEAT, "heartbeat stuck at 5"), [i.LinkLost(PLC, "heartbeat")]),
        (NoLink(Cause.UNREACHABLE, "refused"), []),
        (ProfileMismatch(1, 2), []),
        (Gap(EPOCH, 4, 6), []),
    ],
)
def test_what_happens_on_a_link_becomes_its_input_or_a_log_line(happening: Happening, expected: list[i.Input]) -> None:
    """The core sees a gap from the numbers, and a link that was never up was never lost."""
    assert to_inputs(PLC, happening) == expected


def test_events_of_one_image_become_inputs_in_their_order() -> None:
    """Each with the epoch in which it was made."""
    lost, ghost = LineEvent(4, EventKind.LOST, 101, 102), LineEvent(5, EventKind.GHOST, 103, 104)
    expected = [i.TrackLost(PLC, EPOCH, 4, 101, 102), i.GhostAppeared(PLC, EPOCH, 5, 103, 104)]
    assert to_inputs(PLC, Events(EPOCH, (lost, ghost))) == expected


def test_a_mailbox_goes_on_where_the_recovered_core_stands() -> None:
    """Its life, the last durable event, how long nobody looked, and what is still open in the order of its numbers."""
    drop, close = c.Drop(PLC, 2, 5, "EA1"), c.CloseBag(PLC, 7, 5, "NJ-05-000001")
    known = Plc(PLC, nonce=77, epoch=EPOCH, seq=NUMBER, numbers=9, pending={7: Pending(close, 0), 2: Pending(drop, 0)})
    assert resumed(known, 5_000) == (Resume(77, EPOCH, NUMBER, 5_000), [to_line(drop), to_line(close)])
