"""
Interaction scripts: what happens, then `----`, then the facts and commands that it leads to.

    # A confirmed item in the wrong lane is suspect.
    given hall small
    given item NJ0001 letter 210005
    given -1.000 scan NJ0001 track=1
    at 0.800 confirmed sorter-1 track=1 lane=3
    ----
    fact     WrongLane NJ0001 plc=sorter-1 asked=2 seen=3
    ...

Scenarios of a file are parted by lines of `====`; the first comment is the scenario's sentence. `given` lines happen
like the others, without being shown. Times are seconds from `halls.BASE_US`, or `due` for the next deadline.
PLC events get the epoch and the next event number of their PLC unless the line says `epoch=` or `seq=`. The fact
`EventTaken` is shown as `not taken` where it is missing, since every other event is taken.

    given hall NAME [cold]              Started; unless cold all links come up and all machines are in Execute
    given item ITEM CLASS POSTCODE ...  announced in a manifest of its own
    given alarms                        alarms are raised from here on; scripts of other things are without
    given discrepancies                 discrepancies are recorded from here on (480 minutes, 120 on ID documents)
    at T count PLACE/CLASS/AGENCY=N ... people counted the hall
    at T manifest NAME ...              with its lines indented below: ITEM CLASS AGENCY POSTCODE [waybill=] [service=] [outlet=]
                                        [case=CODE/SIZE] [due=T] [to=TOKEN]
    at T switch PLAN                    a person switches to a plan of `halls.PLANS`
    at T restart [hall=NAME]            the controller is killed; it goes on from a snapshot

After each scenario the runner also checks what must always hold (`invariants.Watch`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, get_type_hints

import halls
import msgspec
from invariants import Watch

from packcenter.core import inputs as i
from packcenter.core.alarm_table import VERSION
from packcenter.core.commands import Command, GrantEpoch
from packcenter.core.controller import Outcome
from packcenter.core.custody_facts import Difference, ShiftAccount, WaybillAccount
from packcenter.core.discrepancies import VERSION as CUSTODY
from packcenter.core.facts import EventTaken, Fact
from packcenter.core.hall import Hall, Plan
from packcenter.core.packml import Command as UnitCommand
from packcenter.core.packml import State as Unit
from packcenter.core.words import CommandResult, Disposition, PlaceState, ReadOutcome, ReasonClass

FOLDER: Final = Path(__file__).parent.parent / "scripts"
RULER: Final = "===="

Fields = dict[str, Any]

_BY: Final[Fields] = {"person": "op-7", "role": "operator", "reason": "asked"}

# word: what it makes, the names of its bare words, its defaults
_WORDS: Final[dict[str, tuple[type, tuple[str, ...], Fields]]] = {
    "scan": (i.Scanned, ("code",), {"plc": "sorter-1", "scanner": 1, "outcome": 0, "grams": 0}),
    "confirmed": (i.DivertConfirmed, ("plc",), {"disposition": 0, "ms": 0}),
    "lost": (i.TrackLost, ("plc",), {"eye": 1}),
    "ghost": (i.GhostAppeared, ("plc",), {"eye": 1}),
    "place": (i.PlaceChanged, ("plc", "place", "state"), {"items": 0}),
    "jam": (i.JamChanged, ("plc",), {"zone": 1, "track": 0}),
    "machine": (i.MachineChanged, ("plc", "state"), {"reason_class": 0, "reason": 0}),
    "consumable": (i.ConsumableRead, ("plc",), {}),
    "unintelligible": (i.Unintelligible, ("plc",), {}),
    "fed": (i.Fed, ("plc", "code"), {"scanner": 1, "outcome": 0, "thickness": 0}),
    "packed": (i.Packed, ("plc", "label"), {"result": 0, "grams": 40}),
    "stored": (i.Stored, ("code",), {"plc": "cases-1", "outcome": 0}),
    "released": (i.Released, ("cell", "outlet"), {"plc": "cases-1"}),
    "dropped": (i.Dropped, ("waybill",), {"plc": "rack-1", "reason": 0, "grams": 40}),
    "shut": (i.BagShut, ("position",), {"plc": "rack-1", "reason": 0, "grams": 90, "seal": "S1"}),
    "ended": (i.CommandEnded, ("plc",), {}),
    "link-up": (i.LinkUp, ("plc",), {"epoch": 0, "nonce": 7}),
    "link-lost": (i.LinkLost, ("plc", "reason"), {"reason": "heartbeat"}),
    "clock-step": (i.ClockStepped, (), {}),
    "quarantined": (i.Quarantined, ("plc",), {"track": 0, "code": "", "error": "KeyError"}),
    "stop": (i.StopRequested, ("reason",), {}),
    "alarms": (i.AlarmTableGiven, ("version",), {"version": VERSION}),
    "discrepancies": (i.CustodyRulesGiven, ("version",), {"version": CUSTODY, "minutes": 480, "secure_minutes": 120}),
    "report": (i.DiscrepancyReported, ("cause", "subject"), _BY),
    "finding": (i.DiscrepancyJudged, ("number", "finding"), _BY),
    "shift-end": (i.ShiftEnded, (), _BY | {"person": "op-9", "role": "supervisor", "reason": "shift over"}),
    "acknowledge": (i.AlarmAcknowledged, ("alarm", "subject"), _BY),
    "shelve": (i.AlarmShelved, ("alarm", "subject", "minutes"), _BY),
    "take-out": (i.AlarmTakenOut, ("alarm", "subject"), _BY | {"role": "maintenance", "out": "1"}),
    "tick": (i.Tick, (), {}),
    "lane": (i.LaneOrdered, ("plc", "lane", "open"), _BY),
    "command": (i.MachineOrdered, ("plc", "command"), _BY),
    "bag": (i.BagOrdered, ("position",), _BY),
    "verdict": (i.VerdictPassed, ("item", "verdict", "code"), {**_BY, "role": "supervisor", "code": ""}),
    "switch": (i.PlanSwitched, ("plan",), _BY),
    "withheld": (i.PlanWithheld, ("file", "why"), _BY),
    "receipt": (i.ReceiptTold, ("code", "returned"), _BY | {"returned": "1"}),
    "receipts": (i.ReceiptsReceived, ("file", "codes"), {}),
    "maintenance": (i.MaintenanceOrdered, ("plc", "minutes"), {**_BY, "role": "maintenance"}),
}
_ENUMS: Final[dict[tuple[str, str], type[IntEnum]]] = {
    ("Scanned", "outcome"): ReadOutcome,
    ("Fed", "outcome"): ReadOutcome,
    ("ItemSeen", "outcome"): ReadOutcome,
    ("Stored", "outcome"): ReadOutcome,
    ("DivertConfirmed", "disposition"): Disposition,
    ("Diverted", "disposition"): Disposition,
    ("PlaceChanged", "state"): PlaceState,
    ("PlaceSet", "state"): PlaceState,
    ("MachineChanged", "state"): Unit,
    ("MachineChanged", "reason_class"): ReasonClass,
    ("MachineEntered", "state"): Unit,
    ("MachineEntered", "reason_class"): ReasonClass,
    ("CommandEnded", "result"): CommandResult,
    ("CommandAnswered", "result"): CommandResult,
    ("CommandMachine", "command"): UnitCommand,
    ("MachineOrdered", "command"): UnitCommand,
}
_TIMES: Final = frozenset({"scanned_us", "confirm_us", "deadline_us", "until_us", "cutoff_us", "again_us", "due_us", "begun_us"})
_EVENTS: Final = i.PlcEvent.__args__


class Scenario(msgspec.Struct, frozen=True):
    """One scenario of a file: its sentence and its lines."""

    sentence: str
    lines: tuple[str, ...]


def read(path: Path) -> list[Scenario]:
    """The scenarios of a script file, in order."""
    parts = re.split(rf"^{RULER}\n", path.read_text(), flags=re.MULTILINE)
    return [_scenario(path, part.strip("\n").split("\n")) for part in parts]


def write(path: Path, scenarios: list[Scenario]) -> None:
    """Write scenarios as `read` takes them."""
    path.write_text(f"\n{RULER}\n\n".join("\n".join(scenario.lines) + "\n" for scenario in scenarios))


def _scenario(path: Path, lines: list[str]) -> Scenario:
    assert lines[0].startswith("# "), f"{path.name}: a scenario begins with {lines[0]!r}, expected a sentence after '# '"
    return Scenario(lines[0].removeprefix("# "), tuple(lines))


def perform(scenario: Scenario) -> Scenario:
    """The same scenario with the facts and commands that really came."""
    return Scenario(scenario.sentence, tuple(_Performance().lines(scenario.lines)))


class _Performance:
    """A controller in a scenario, and where its PLCs are with their counting."""

    def __init__(self) -> None:
        self._watch = Watch()
        self._epochs: dict[str, int] = {}
        self._seqs: dict[str, int] = {}
        self._manifests = 0
        self._hall = halls.SMALL

    def lines(self, lines: tuple[str, ...]) -> Iterator[str]:
        shown: list[str] = []
        script = [line for line in lines if not line.startswith(("fact ", "command ", "not taken", "(nothing)"))]
        for at, line in enumerate(script):
            yield line
            if line.startswith(("given ", "at ")):
                below = [each.strip() for each in takewhile(lambda each: each.startswith("  "), script[at + 1 :])]
                said = self._happen(line, below)
                shown += said if line.startswith("at ") else []
            elif line == "----":
                yield from shown or ["(nothing)"]
                shown = []
        assert not shown, f"{lines[0]}: the last `at` line lacks its ----"
        self._watch.check_replay()

    def _happen(self, line: str, below: list[str]) -> list[str]:
        _, time, *words = line.split()
        if time == "hall":
            return self._open_hall(halls.BASE_US - 10_000_000, *words)
        if time in ("alarms", "discrepancies"):
            return self._step(self._last_us(), self._make(self._last_us(), time, words))
        if time == "item":
            name, mail_class, postcode, *rest = words
            agency = "police" if mail_class == "id_card" else "tax"
            return self._manifest(self._last_us(), (), [f"{name} {mail_class} {agency} {postcode} {' '.join(rest)}"])
        if time == "due":
            due_us = self._watch.controller.next_deadline_us()
            assert due_us is not None, f"{line}: nothing is due"
            at_us = due_us
        else:
            at_us = halls.BASE_US + round(float(time) * 1_000_000)
        word, *rest = words
        if word == "hall":
            return self._open_hall(at_us, *rest)
        if word == "manifest":
            return self._manifest(at_us, tuple(rest), below)
        if word == "count":
            return self._step(at_us, _count(rest))
        if word == "restart":
            return self._restart(at_us, rest)
        return self._step(at_us, self._make(at_us, word, rest))

    def _last_us(self) -> int:
        return self._watch.controller.state.last_us

    def _open_hall(self, at_us: int, name: str, cold: str = "") -> list[str]:
        hall = self._hall = halls.HALLS[name]
        said = self._step(at_us, _started(1, hall))
        for plc in () if cold else hall.plcs():
            said += self._step(at_us, i.LinkUp(plc, 7, 0))
            said += self._step(at_us, self._make(at_us, "machine", [plc, "execute"]))
        return said

    def _restart(self, at_us: int, words: list[str]) -> list[str]:
        self._watch.restart()
        state = self._watch.controller.state
        if words:
            self._hall = halls.HALLS[words[0].removeprefix("hall=")]
        return self._step(at_us, _started(state.run + 1, self._hall))

    def _manifest(self, at_us: int, words: tuple[str, ...], below: list[str]) -> list[str]:
        self._manifests += 1
        name = words[0] if words else f"M{self._manifests}"
        fields = {"part": 1, "parts": 1, "refused": 0} | {key: int(value) for key, value in _pairs(words[1:])}
        lines = tuple(_line(each) for each in below)
        return self._step(at_us, i.ManifestReceived(name, file_digest=f"digest-{name}", lines=lines, **fields))

    def _make(self, at_us: int, word: str, words: list[str]) -> i.Input:
        kind, bare, defaults = _WORDS[word]
        fields = dict(defaults)
        named = [each for each in words if "=" in each]
        fields |= zip(bare, [each for each in words if "=" not in each], strict=False)
        fields |= _pairs(named)
        age_us = round(float(fields.pop("age", 0)) * 1_000_000)
        if kind is i.PlanSwitched:
            return i.PlanSwitched(**_BY | fields | {"file": f"{fields['plan']}.toml", "plan": halls.PLANS[fields["plan"]]})
        if kind is i.Scanned:
            fields.setdefault("plc_ms", (at_us - age_us) // 1000 % 65536)
            fields["age_us"] = age_us
        if kind in _EVENTS:
            fields.setdefault("epoch", self._epochs.get(fields["plc"], 0))
            fields.setdefault("seq", self._seqs.get(fields["plc"], 0) + 1)
            self._seqs[fields["plc"]] = int(fields["seq"])
        types = get_type_hints(kind)
        made: i.Input = kind(**{key: _value(kind, key, types[key], value) for key, value in fields.items()})
        return made

    def _step(self, at_us: int, happened: i.Input) -> list[str]:
        outcome = self._watch.step(at_us, happened)
        for command in outcome.commands:
            if isinstance(command, GrantEpoch):
                self._epochs[command.plc], self._seqs[command.plc] = command.epoch, 0
        return _said(happened, outcome)


def _value(kind: type, name: str, wanted: type, value: str | int) -> str | int | bool | tuple[str, ...]:
    """A field of an input from how the script writes it: words for numbers that have one, `-` for no text."""
    if name == "codes":
        return tuple(str(value).split(","))
    if wanted is str:
        return "" if value == "-" else str(value)
    words = _ENUMS.get((kind.__name__, name))
    if words is not None and isinstance(value, str) and not value.isdigit():
        return int(words[value.upper()])
    return value in ("1", "open") if wanted is bool else int(value)


def _started(run: int, hall: Hall) -> i.Started:
    return i.Started(run, "test", hall, f"digest-{hall.name}")


def _line(text: str) -> i.Line:
    item, mail_class, agency, postcode, *rest = text.split()
    named = dict(_pairs(rest))
    case, _, size = named.get("case", "").partition("/")
    due_us = halls.BASE_US + int(named["due"]) * 1_000_000 if "due" in named else 0
    waybill, service, outlet = named.get("waybill", ""), named.get("service", "ems"), named.get("outlet", "")
    return i.Line(
        item, mail_class, agency, waybill, int(postcode), service, case, int(size or 0), due_us, outlet, named.get("to", "")
    )


def _count(words: list[str]) -> i.ShiftCounted:
    """PLACE/CLASS/AGENCY=N for each line of a count; `person=` and `role=` as for other acts."""
    named = dict(_pairs([word for word in words if "/" not in word]))
    lines = [(*key.split("/"), number) for key, number in _pairs([word for word in words if "/" in word])]
    by = _BY | {"reason": "shift over"} | named
    return i.ShiftCounted(**by, lines=tuple(i.Counted(place, cls, agency, int(n)) for place, cls, agency, n in lines))


def _pairs(words: list[str] | tuple[str, ...]) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (word.partition("=") for word in words)]


def _said(happened: i.Input, outcome: Outcome) -> list[str]:
    """The outcome as lines. That the event was taken is left out, that it was not is said."""
    lines = []
    if isinstance(happened, _EVENTS):
        taken = EventTaken(happened.plc, happened.epoch, happened.seq)
        if taken not in outcome.facts:
            lines.append("not taken")
        outcome = Outcome([fact for fact in outcome.facts if fact != taken], outcome.commands)
    lines += [f"fact     {_shown(fact)}" for fact in outcome.facts]
    lines += [f"command  {_shown(command)}" for command in outcome.commands]
    return lines


def _shown(record: Fact | Command) -> str:
    """
    A record as one line: its kind, its first field, then the others by name; text that may be empty in quotes then.

    A field with a default, which older journals lack, is shown where it says more than that.
    """
    kind = type(record).__name__
    (first, *rest) = msgspec.structs.fields(record)
    rest = [field for field in rest if getattr(record, field.name) != field.default]
    named = [f"{field.name.removesuffix('_us')}={_text(kind, field.name, getattr(record, field.name))}" for field in rest]
    return " ".join([kind, _text(kind, first.name, getattr(record, first.name)), *named])


def _text(kind: str, name: str, value: Any) -> str:
    words = _ENUMS.get((kind, name))
    if words is not None and value in words._value2member_map_:
        return str(words(value).name.lower())
    if name in _TIMES:
        return _seconds(value - halls.BASE_US) if value else "0"
    if name.endswith("_us"):
        return _seconds(value)
    if isinstance(value, i.Line):
        case = [f"{value.case}({value.case_size})"] if value.case else []
        goes = value.outlet or str(value.destination)
        return "/".join([value.item, value.mail_class, value.agency, goes, value.service, value.waybill or "-", *case])
    if isinstance(value, Hall):
        return value.name
    if isinstance(value, Plan):
        return value.named()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Difference):
        return f"{value.place}/{value.mail_class}/{value.agency}:{value.counted}/{value.booked}"
    if isinstance(value, ShiftAccount):
        counts = [f"{name}:{n}" for name, n in msgspec.structs.asdict(value).items() if isinstance(n, int) and n]
        return f"{value.mail_class or '?'}/{value.agency}({' '.join(counts)})"
    if isinstance(value, WaybillAccount):
        return f"{value.applied}+{value.open}+{value.voided}+{value.stock}"
    if isinstance(value, tuple) and not all(isinstance(each, str) for each in value):
        return ",".join(_text(kind, name, each) for each in value)
    if isinstance(value, tuple):
        return ",".join(value) or '""'
    return str(value) or '""'


def _seconds(us: int) -> str:
    return f"{us / 1_000_000:.3f}"
