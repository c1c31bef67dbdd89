from __future__ import annotations

import json

from plc_testing import out_image

from packcenter.plc.image import InImage
from packcenter.plc.line import CommandKind, EventKind, LineCommand, LineEvent
from packcenter.plc.mailbox import VOID
from packcenter.plc.trace import Trace


def what(trace: Trace) -> list[str]:
    return [line.split(" ", 3)[2] + " " + line.split(" ", 3)[3] for line in trace.lines("sorter-1")]


def test_the_first_image_is_told_whole_and_later_ones_only_where_they_differ() -> None:
    trace = Trace()
    trace.received("sorter-1", 1_500_000, out_image(packml_state=2, places_open=0x1FF))
    assert list(trace.lines("sorter-1")) == [
        "1.500 sorter-1 -> nonce is=0x4D",
        "1.500 sorter-1 -> epoch is=1",
        "1.500 sorter-1 -> profile_digest is=0xC0FFEE01",
        "1.500 sorter-1 -> packml_state is=Stopped",
        "1.500 sorter-1 -> packml_mode is=1",
        "1.500 sorter-1 -> alarms is=0x0",
        "1.500 sorter-1 -> taken is=0",
        "1.500 sorter-1 -> places_open is=0x1FF",
    ]
    trace.received("sorter-1", 1_600_000, out_image(packml_state=2, places_open=0x1FF, heartbeat=9, plc_ms=7))
    assert len(trace.entries("sorter-1")) == 8
    trace.received("sorter-1", 1_700_000, out_image(packml_state=99, places_open=0x1FF))
    assert list(trace.lines("sorter-1"))[8:] == ["1.700 sorter-1 -> packml_state is=99"]


def test_an_event_is_told_once_with_the_names_of_its_fields() -> None:
    trace = Trace()
    scanned = LineEvent(1, EventKind.SCANNED, track=7, a=1, b=8, c=0, code="EA1", age_ms=12)
    diverted = LineEvent(2, EventKind.DIVERTED, track=7, a=9, b=2, c=1500)
    trace.received("sorter-1", 0, out_image(events=(scanned,)))
    trace.received("sorter-1", 0, out_image(events=(scanned, diverted)))
    assert what(trace)[8:] == [
        "-> scanned 1 track=7 scanner=1 outcome=no_identifier grams=0 code=EA1 age_ms=12",
        "-> diverted 2 track=7 lane=9 disposition=late ms=1500 age_ms=0",
    ]


def test_every_kind_shows_its_words() -> None:
    trace = Trace()
    trace.received(
        "sorter-1",
        0,
        out_image(
            events=(
                LineEvent(1, EventKind.STATE_CHANGED, a=6, b=4),
                LineEvent(2, EventKind.PLACE_STATE, a=3, b=1, c=20),
                LineEvent(3, EventKind.COMMAND_RESULT, a=8, c=5),
                LineEvent(4, 999, track=3, code="odd"),
            )
        ),
    )
    trace.received("sorter-1", 0, out_image(events=(LineEvent(5, EventKind.COMMAND_RESULT, a=77, c=5),)))
    assert what(trace)[8:] == [
        "-> state_changed 1 packml=Execute reason_class=4 reason=0 age_ms=0",
        "-> place_state 2 place=3 state=full items=20 age_ms=0",
        "-> command_result 3 command_result=nothing_there command=5 age_ms=0",
        "-> kind_999 4 track=3 code=odd age_ms=0",
        "-> command_result 5 command_result=77 command=5 age_ms=0",
    ]


def test_commands_and_acknowledgements_are_told_once() -> None:
    trace = Trace()
    divert = LineCommand(1, CommandKind.DIVERT, track=7, a=3, b=9, deadline=66_000)
    parcel = LineCommand(2, CommandKind.BEGIN_PARCEL, track=2, a=1, b=4, text="EA12")
    start = LineCommand(3, CommandKind.PACKML_COMMAND, a=2)
    trace.sent("sorter-1", 0, InImage(1, 1, 77, 5, 0, (divert,)))
    trace.sent("sorter-1", 0, InImage(2, 1, 77, 5, 3, (divert, parcel, start, LineCommand(4, VOID))))
    trace.sent("sorter-1", 0, InImage(3, 1, 77, 5, 3, (LineCommand(5, CommandKind.PACKML_COMMAND, a=99),)))
    assert what(trace) == [
        "<- hello is=5",
        "<- epoch is=1",
        "<- nonce is=0x4D",
        "<- acknowledged is=0",
        "<- divert 1 track=7 lane=3 fallback=9 deadline=66000",
        "<- acknowledged is=3",
        "<- begin_parcel 2 infeed=2 documents=1 pouch=4 waybill=EA12",
        "<- packml_command 3 packml_command=start",
        "<- void 4",
        "<- packml_command 5 packml_command=99",
    ]


def test_numbers_of_a_new_epoch_are_told_again() -> None:
    trace = Trace()
    for epoch in (1, 2):
        trace.received("sorter-1", 0, out_image(epoch=epoch, events=(LineEvent(1, EventKind.LOST, track=7, a=2),)))
    assert what(trace).count("-> lost 1 track=7 eye=2 age_ms=0") == 2


def test_only_the_newest_entries_of_each_plc_are_kept() -> None:
    trace = Trace(entries_max=3)
    for number in range(1, 6):
        trace.received("sorter-1", number, out_image(events=(LineEvent(number, EventKind.GHOST, track=number),)))
    assert [entry.number for entry in trace.entries("sorter-1")] == [3, 4, 5]
    assert trace.entries("rack-1") == ()


def test_serials_count_over_all_plcs_so_that_a_reader_can_go_on_where_it_stopped() -> None:
    trace = Trace()
    for plc in ("sorter-1", "rack-1", "sorter-1"):
        trace.sent(plc, 0, InImage(1, 1, 1, len(plc) + len(trace.entries(plc)), 0))
    assert [entry.serial for entry in trace.entries("sorter-1")] == [1, 2, 3, 4, 9]
    assert [entry.serial for entry in trace.entries("rack-1")] == [5, 6, 7, 8]


def test_the_trace_is_json_too() -> None:
    trace = Trace(entries_max=1)
    trace.received("sorter-1", 5, out_image(events=(LineEvent(1, EventKind.PACKED, track=4, b=0, c=120, code="EA1"),)))
    assert json.loads(trace.json("sorter-1")) == [
        {
            "plc": "sorter-1",
            "at_us": 5,
            "out": True,
            "what": "packed",
            "number": 1,
            "fields": {"job": 4, "result": 0, "grams": 120, "label": "EA1", "age_ms": 0},
            "serial": 9,
        }
    ]
