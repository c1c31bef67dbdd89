from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from packcenter.plc.image import OutImage
from packcenter.plc.line import LineCommand, LineEvent
from packcenter.plc.link import LinkSettings
from packcenter.plc.mailbox import Cause, Mailbox, Resume
from packcenter.service.links import Links

SINCE_US = 1_000_000
SETTINGS = LinkSettings(plc="sorter-1", protocol="modbus", profile_digest=7, host="localhost")


def seen(beat: int) -> OutImage:
    """A PLC in our epoch that has made one event."""
    event = LineEvent(1, kind=1, track=1)
    return OutImage(7, 77, 1, beat, 6, 1, 0, odometer=1, taken=0, places_open=0, plc_ms=0, events=(event,))


def with_one_event() -> tuple[Links, Mailbox, Any]:
    """Links with one PLC, whose one event was taken and is not durable yet; its link answered just now."""
    box = Mailbox("sorter-1", 7, Resume(77, 1, 0))
    hello = box.hello(SINCE_US)
    box.on_image(SINCE_US, hello, seen(1))
    box.on_image(SINCE_US, hello, seen(2))
    clock = SimpleNamespace(mono_us=lambda: SINCE_US)
    links = Links([SETTINGS], clock=cast(Any, clock), random=cast(Any, None), net=cast(Any, None), submit=list, observe=print)
    link = SimpleNamespace(mailbox=box, settings=SETTINGS, last_good_us=SINCE_US + SETTINGS.request_timeout_us + 1)
    links.links["sorter-1"] = cast(Any, link)
    return links, box, link


def test_all_is_taken_once_every_event_is_durable() -> None:
    """An event that was taken and is in no group yet would be missing from books that are made now."""
    links, box, _ = with_one_event()
    assert box.taken == 1
    assert not links.all_taken(SINCE_US)
    box.durable(1, 1)
    assert links.all_taken(SINCE_US)


@pytest.mark.parametrize("last_good_us", [None, SINCE_US, SINCE_US + SETTINGS.request_timeout_us])
def test_all_is_taken_only_by_an_answer_to_a_later_request(last_good_us: int | None) -> None:
    """What was under way then may show the PLC as it was before."""
    links, box, link = with_one_event()
    box.durable(1, 1)
    link.last_good_us = last_good_us
    assert not links.all_taken(SINCE_US)


def test_all_is_taken_only_if_the_plc_has_our_last_command() -> None:
    links, box, _ = with_one_event()
    box.durable(1, 1)
    box.ask(LineCommand(1, kind=1, track=1))
    assert not links.all_taken(SINCE_US)


def test_a_plc_that_was_not_heard_has_told_nothing() -> None:
    links, box, _ = with_one_event()
    box.durable(1, 1)
    box.on_disconnect(Cause.UNREACHABLE, "refused")
    assert not links.all_taken(SINCE_US)
