"""
What a PLC and packcenter said to each other, as lines for people: only what changed, the last entries of each PLC.

Codes and waybills are tokens and stand here as they are; the images carry nothing about a person.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter

import msgspec

from packcenter.plc.image import InImage, OutImage
from packcenter.plc.limits import TRACE_ENTRIES
from packcenter.plc.line import (
    CommandKind,
    CommandResult,
    Disposition,
    EventKind,
    LineCommand,
    LineEvent,
    PlaceState,
    ReadOutcome,
)
from packcenter.plc.mailbox import VOID

PACKML_STATES = (
    "Undefined", "Clearing", "Stopped", "Starting", "Idle", "Suspended", "Execute", "Stopping", "Aborting", "Aborted",
    "Holding", "Held", "Unholding", "Suspending", "Unsuspending", "Resetting", "Completing", "Completed",
)  # fmt: skip
_PACKML_COMMANDS = ("none", "reset", "start", "stop", "hold", "unhold", "suspend", "unsuspend", "abort", "clear", "complete")

# What the numbered fields of each kind are called; a field without a name is not shown when it is 0.
_EVENT_FIELDS: dict[int, dict[str, str]] = {
    EventKind.SCANNED: {"track": "track", "a": "scanner", "b": "outcome", "c": "grams", "code": "code"},
    EventKind.DIVERTED: {"track": "track", "a": "lane", "b": "disposition", "c": "ms"},
    EventKind.LOST: {"track": "track", "a": "eye"},
    EventKind.GHOST: {"track": "track", "a": "eye"},
    EventKind.PLACE_STATE: {"a": "place", "b": "state", "c": "items"},
    EventKind.JAM: {"track": "track", "a": "zone", "b": "on"},
    EventKind.FED: {"track": "job", "a": "scanner", "b": "outcome", "c": "thickness", "code": "code"},
    EventKind.PACKED: {"track": "job", "b": "result", "c": "grams", "code": "label"},
    EventKind.STORED: {"track": "track", "a": "cell", "b": "reason", "c": "items"},
    EventKind.RELEASED: {"a": "cell", "b": "reason", "c": "items"},
    EventKind.DROPPED: {"a": "position", "b": "reason", "c": "grams", "code": "waybill"},
    EventKind.BAG_CLOSED: {"a": "position", "b": "reason", "c": "grams", "code": "seal"},
    EventKind.STATE_CHANGED: {"a": "packml", "b": "reason_class", "c": "reason"},
    EventKind.CONSUMABLE: {"a": "consumable", "b": "percent"},
    EventKind.COMMAND_RESULT: {"a": "command_result", "c": "command"},
}
_COMMAND_FIELDS: dict[int, dict[str, str]] = {
    CommandKind.DIVERT: {"track": "track", "a": "lane", "b": "fallback", "deadline": "deadline"},
    CommandKind.SET_PLACE: {"a": "place", "b": "state"},
    CommandKind.CLEAR_JAM: {"a": "zone"},
    CommandKind.BEGIN_PARCEL: {"track": "infeed", "a": "documents", "b": "pouch", "text": "waybill"},
    CommandKind.SEAL: {"text": "waybill"},
    CommandKind.REJECT: {"text": "waybill"},
    CommandKind.STORE: {"track": "track", "a": "cell"},
    CommandKind.RELEASE: {"a": "cell"},
    CommandKind.DROP: {"a": "position", "text": "waybill"},
    CommandKind.CLOSE_BAG: {"a": "position", "text": "tag"},
    CommandKind.PACKML_COMMAND: {"a": "packml_command"},
    CommandKind.PACKML_MODE: {"a": "mode"},
}
_EVENT_WORDS: dict[str, type[IntEnum]] = {
    "outcome": ReadOutcome,
    "disposition": Disposition,
    "state": PlaceState,
    "command_result": CommandResult,
}
_EVENT_WORDS_IN_ORDER = ("track", "a", "b", "c", "code")
_COMMAND_WORDS_IN_ORDER = ("track", "a", "b", "deadline", "text")
_OUT_WATCHED = ("nonce", "epoch", "profile_digest", "packml_state", "packml_mode", "alarms", "taken", "places_open")
_IN_WATCHED = ("hello", "epoch", "nonce", "acknowledged")
_out_words = attrgetter(*_OUT_WATCHED)
_in_words = attrgetter(*_IN_WATCHED)


class Entry(msgspec.Struct, frozen=True):
    """
    One line of the trace; `at_us` is monotonic time, `out` True for PLC -> packcenter, `what` the event, command or word.

    `serial` counts the entries of all PLCs from 1.
    """

    plc: str
    at_us: int
    out: bool
    what: str
    number: int
    fields: dict[str, int | str]
    serial: int = 0

    def line(self) -> str:
        """The entry as one line of text: time, PLC, direction, what, fields."""
        number = f" {self.number}" if self.number else ""
        fields = "".join(f" {name}={value}" for name, value in self.fields.items())
        return f"{self.at_us / 1e6:.3f} {self.plc} {'->' if self.out else '<-'} {self.what}{number}{fields}"


class Trace:
    """The tap of all links of a service. Keeps the newest `entries_max` changes of each PLC and forgets older ones."""

    def __init__(self, entries_max: int = TRACE_ENTRIES) -> None:
        self._max = entries_max
        self._entries: dict[str, deque[Entry]] = {}
        self._serial = 0
        self._out: dict[str, OutImage] = {}
        self._in: dict[str, InImage] = {}
        self._shown: dict[tuple[str, bool], tuple[int, int, int]] = {}

    def received(self, plc: str, at_us: int, image: OutImage) -> None:
        """A PLC's image came."""
        before, self._out[plc] = self._out.get(plc), image
        if before is None or _out_words(before) != _out_words(image):
            self._add_words(plc, at_us, True, _OUT_WATCHED, before, image)
        for event in image.events:
            if self._is_new(plc, True, image.nonce, image.epoch, event.number):
                self._add(plc, at_us, True, _kind_name(EventKind, event.kind), event.number, _fields(event))

    def sent(self, plc: str, at_us: int, image: InImage) -> None:
        """Our image was written, or at least tried to be."""
        before, self._in[plc] = self._in.get(plc), image
        if before is None or _in_words(before) != _in_words(image):
            self._add_words(plc, at_us, False, _IN_WATCHED, before, image)
        for command in image.commands:
            if self._is_new(plc, False, image.nonce, image.epoch, command.number):
                self._add(plc, at_us, False, _kind_name(CommandKind, command.kind), command.number, _fields(command))

    def entries(self, plc: str) -> tuple[Entry, ...]:
        """The entries of a PLC, oldest first; empty for a PLC that never spoke."""
        return tuple(self._entries.get(plc, ()))

    def lines(self, plc: str) -> Iterator[str]:
        return (entry.line() for entry in self.entries(plc))

    def json(self, plc: str) -> bytes:
        """The entries of a PLC as a JSON array."""
        return msgspec.json.encode(self.entries(plc))

    def _add_words(
        self,
        plc: str,
        at_us: int,
        out: bool,
        names: Sequence[str],
        before: OutImage | InImage | None,
        image: OutImage | InImage,
    ) -> None:
        for name in names:
            seen = getattr(image, name)
            if before is None or getattr(before, name) != seen:
                self._add(plc, at_us, out, name, 0, {"is": _shown_word(name, seen)})

    def _is_new(self, plc: str, out: bool, nonce: int, epoch: int, number: int) -> bool:
        shown = self._shown.get((plc, out))
        if shown is not None and shown[:2] == (nonce, epoch) and number <= shown[2]:
            return False
        self._shown[plc, out] = (nonce, epoch, number)
        return True

    def _add(self, plc: str, at_us: int, out: bool, what: str, number: int, fields: dict[str, int | str]) -> None:
        entries = self._entries.setdefault(plc, deque(maxlen=self._max))
        self._serial += 1
        entries.append(Entry(plc, at_us, out, what, number, fields, self._serial))


@lru_cache(maxsize=256)
def _kind_name(kinds: type[EventKind] | type[CommandKind], kind: int) -> str:
    if kind == VOID:
        return "void"
    return _name_of(kinds, kind) or f"kind_{kind}"


@lru_cache(maxsize=256)
def _name_of(kinds: type[IntEnum], value: int) -> str | None:
    try:
        return kinds(value).name.lower()
    except ValueError:
        return None


def _fields(record: LineEvent | LineCommand) -> dict[str, int | str]:
    is_event = isinstance(record, LineEvent)
    names = (_EVENT_FIELDS if is_event else _COMMAND_FIELDS).get(record.kind, {})
    fields: dict[str, int | str] = {}
    for field in _EVENT_WORDS_IN_ORDER if is_event else _COMMAND_WORDS_IN_ORDER:
        seen = getattr(record, field)
        if field in names or seen:
            name = names.get(field, field)
            fields[name] = _shown(is_event, name, seen)
    if isinstance(record, LineEvent):
        fields["age_ms"] = record.age_ms
    return fields


def _shown(is_event: bool, name: str, seen: int | str) -> int | str:
    if name == "packml" and isinstance(seen, int):
        return _shown_word("packml_state", seen)
    if name == "packml_command" and isinstance(seen, int):
        return _PACKML_COMMANDS[seen] if seen < len(_PACKML_COMMANDS) else seen
    words = _EVENT_WORDS.get(name) if is_event else None
    if words is None or isinstance(seen, str):
        return seen
    return _name_of(words, seen) or seen


def _shown_word(name: str, seen: int) -> int | str:
    if name == "packml_state" and seen < len(PACKML_STATES):
        return PACKML_STATES[seen]
    if name in ("nonce", "profile_digest", "alarms", "places_open"):
        return f"0x{seen:X}"
    return seen
