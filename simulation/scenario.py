"""
Scenarios: a day of the hall with what goes wrong in it and what people do, and what must come of that.

A scenario is a TOML file of `simulation/scenarios`. It names everything that may end at the hand station and every alarm, each
with how often, so that a day which ends otherwise is found out whatever the reason. `simulation.staged` runs it.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from packcenter.config.errors import ConfigError, Finding, Report, nearest
from packcenter.config.fields import Closed, Name, PlcName
from packcenter.config.load import Unreadable, read_file
from packcenter.config.models import TimeOfDay
from packcenter.config.people_models import PersonRole
from packcenter.config.toml import KeyPath, parse
from packcenter.config.validate import Loaded, Value, file_finding, validate
from packcenter.core.alarm_table import ALARMS
from packcenter.service.act_bodies import BODIES, BadBody, decode
from simulation.breakdowns import FAULTS
from simulation.days import AGENCIES
from simulation.handwork import HandStationWork
from simulation.luck import Fate, Rates
from simulation.mischief import ACTS
from simulation.systems import System

Bounds = Annotated[list[Annotated[int, Field(ge=0, le=1_000_000)]], Field(min_length=2, max_length=2, examples=[[0, 5]])]
Sentence = Annotated[str, Field(min_length=1, max_length=400, examples=["text"])]
Seconds = Annotated[int, Field(ge=1, le=86_400, examples=[60])]
Reason = Annotated[str, Field(pattern=r"^[ -~]{1,64}$", examples=["film jam"])]

_DAY_S = 86_400


class When(Closed):
    """When something happens: once, or again and again until a time of the same day."""

    at: TimeOfDay = Field(description="When, in the hall's local time.")
    every_s: Seconds | None = Field(default=None, description="And again each time so many seconds are over.")
    until: TimeOfDay | None = Field(default=None, description="But no more from then on.")

    def moments_s(self) -> Iterator[int]:
        """Every moment, in seconds after local midnight."""
        last = seconds_of(self.until) if self.until is not None else seconds_of(self.at) + 1
        yield from range(seconds_of(self.at), last, self.every_s or _DAY_S)


class PlcFault(When):
    """A PLC or its machine fails."""

    plc: PlcName = Field(description="Which PLC.")
    fault: Name = Field(description="One of simulation.breakdowns, such as halts.")
    for_s: Seconds | None = Field(default=None, description="How long, until somebody mends it, if it does not mend itself.")


class Mishap(When):
    """The next thing at a station of a machine meets a fate."""

    plc: PlcName = Field(description="The machine's PLC.")
    station: Literal["scanner", "belt", "feeder", "pouch", "closer"] = Field(description="Which of its stations.")
    fate: Name = Field(description="What it meets (simulation.luck.Fate), such as no_read.")


class Mischief(When):
    """Something that goes wrong somewhere, drawn by the seed."""

    act: Name = Field(description="One of simulation.mischief, such as jams.")


class Deed(When):
    """A person acts, as `packcenter act` and `POST /acts/NAME` let them."""

    act: Name = Field(description="Which act: a name of POST /acts/NAME.")
    person: Reason = Field(description="Staff number.")
    role: PersonRole = Field(description="In which role.")
    body: dict[str, Any] = Field(description="The body of the request, without the role.")


class Arrivals(Closed):
    """Items come evenly between two times, and not as on the example day."""

    begin: TimeOfDay = Field(description="When the first item comes.")
    end: TimeOfDay = Field(description="When the last one does.")


class Receipts(Closed):
    """Receipts of what left come back, by files of the delivery side."""

    hours: Annotated[int, Field(ge=1, le=24)] = Field(description="When one is overdue; a site's own time is days.")
    percent: Annotated[int, Field(ge=0, le=100)] = Field(description="Share that comes back at all.")
    after_minutes: Bounds = Field(description="How long after dispatch one comes back: [soonest, latest].")


class Expected(Closed):
    """What must come of the day, and what may; anything else is a finding. Bounds are [fewest, most]."""

    hand: dict[str, Bounds] = Field(default_factory=dict, description="Items at the hand station in the end, by reason.")
    decided: dict[str, Bounds] = Field(
        default_factory=dict, description="How often people at the hand station decided what, by verdict or finding."
    )
    alarms: dict[str, Bounds] = Field(default_factory=dict, description="How often each alarm is raised.")
    lost: Bounds = Field(default=[0, 0], description="Items that nobody found.")
    dispatched_percent_min: Annotated[int, Field(ge=0, le=100)] = Field(description="Share of the announced items that left.")
    late: Bounds = Field(default=[0, 0], description="Decisions that came too late for the lane that they were meant for.")
    alarms_an_hour_max: Annotated[int, Field(ge=0, le=600)] = Field(default=6, description="Alarms an hour, by ISA-18.2.")
    receipts: dict[str, Bounds] = Field(
        default_factory=dict, description="Receipts in the end, by state: awaited, overdue, returned, given_up."
    )
    system: list[System] = Field(default_factory=list, description="What must come of each kind of work.")
    refused_acts: Bounds = Field(default=[0, 0], description="Acts of people that the hall refuses.")


class ScenarioFile(Closed):
    """One scenario."""

    schema_: Literal["packcenter.scenario/1"] = Field(alias="schema", description="Kind and version of this file.")
    title: Sentence = Field(description="What it is, for people.")
    title_zh: Sentence = Field(description="The same in Chinese.")
    about: Sentence = Field(description="What it shows.")
    site: Sentence = Field(default="reference/site.toml", description="Site file, relative to this file.")
    seed: Annotated[int, Field(ge=0)] = Field(default=1, description="Luck of the day, and the day itself.")
    items: Annotated[int, Field(ge=1, le=1_000_000)] = Field(default=15_800, description="Items of the example day.")
    items_of: dict[Name, Annotated[int, Field(ge=0, le=100_000)]] = Field(
        default_factory=dict, description="Items of agencies that send another number than on the example day."
    )
    copies: Annotated[int, Field(ge=1, le=8)] = Field(default=1, description="So many times the sorters and baggers.")
    faster: Annotated[int, Field(ge=1, le=8)] = Field(default=1, description="Machines so many times as fast.")
    arrivals: Arrivals | None = Field(default=None, description="When items come, if not as on the example day.")
    receipts: Receipts | None = Field(default=None, description="Receipts that come back; without it none do.")
    hand_station: HandStationWork | None = Field(default=None, description="Who works at the hand station; else nobody.")
    labels_checked: bool = Field(default=True, description="Whether baggers put out a pouch whose label they read wrongly.")
    luck: dict[str, int] = Field(default_factory=dict, description="Mishaps per million (simulation.luck.Rates), by name.")
    plc_fault: list[PlcFault] = Field(default_factory=list, description="PLCs that fail.")
    mishap: list[Mishap] = Field(default_factory=list, description="What things meet at stations.")
    mischief: list[Mischief] = Field(default_factory=list, description="What goes wrong somewhere.")
    deed: list[Deed] = Field(default_factory=list, description="What people do.")
    expect: Expected = Field(description="What must come of it.")


class Scenario(msgspec.Struct, frozen=True):
    """A checked scenario: its file's name without suffix, the site file, and what the file says."""

    name: str
    site: Path
    loaded: Loaded[ScenarioFile]

    @property
    def says(self) -> ScenarioFile:
        """What the file says."""
        return self.loaded.model

    def check_names(self, plcs: Sequence[str], plans: Sequence[str]) -> None:
        """Hold it against a hall's PLCs and the plans it may be switched to. Raises `ConfigError` with all that it has not."""
        tables: dict[str, Sequence[PlcFault | Mishap]] = {"plc_fault": self.says.plc_fault, "mishap": self.says.mishap}
        findings = [
            self.loaded.finding((name, at, "plc"), "unknown-name", Value(each.plc), "a PLC of the hall", "", known=plcs)
            for name, happenings in tables.items()
            for at, each in enumerate(happenings)
            if each.plc not in plcs
        ]
        findings += [
            self.loaded.finding(("deed", at, "body", "plan"), "unknown-name", Value(name), "a plan of the site", "", known=plans)
            for at, deed in enumerate(self.says.deed)
            if deed.act == "plan" and (name := deed.body["plan"]) not in plans
        ]
        if findings:
            raise ConfigError(Report.of((self.loaded.document.name,), findings))


def seconds_of(time_of_day: str) -> int:
    """Seconds after midnight of HH:MM."""
    hours, minutes = map(int, time_of_day.split(":"))
    return hours * 3600 + minutes * 60


def folder() -> Path:
    """Where the scenarios that come with packcenter are."""
    return Path(str(importlib.resources.files("simulation"))) / "scenarios"


def names() -> list[str]:
    """The scenarios that come with packcenter."""
    return sorted(path.stem for path in folder().glob("*.toml"))


def raising() -> dict[str, list[str]]:
    """Of each alarm the scenarios that come with packcenter in which it must be raised."""
    found: dict[str, list[str]] = {alarm: [] for alarm in ALARMS}
    for name in names():
        for alarm, (fewest, _) in load(name).says.expect.alarms.items():
            if fewest:
                found[alarm].append(name)
    return found


def load(name: str) -> Scenario:
    """
    A scenario by its name, or by the path of its file. Raises `ConfigError` with every fault that is found.
    """
    path = Path(name) if name.endswith(".toml") else folder() / f"{name}.toml"
    try:
        content = read_file(path)
    except Unreadable as unreadable:
        near = nearest(name, names())
        advice = f"Did you mean {near!r}?" if near else f"Known: {', '.join(names())}."
        finding = file_finding(str(path), "unreadable", str(unreadable), "a scenario", advice)
        raise ConfigError(Report.of((str(path),), [finding])) from None
    parsed = parse(str(path), content)
    if isinstance(parsed, list):
        raise ConfigError(Report.of((str(path),), parsed))
    loaded, findings = validate(parsed, ScenarioFile)
    if loaded is not None and not findings:
        findings = list(_faults(loaded))
    if findings or loaded is None:
        raise ConfigError(Report.of((str(path),), findings))
    return Scenario(path.stem, path.parent / loaded.model.site, loaded)


def _faults(loaded: Loaded[ScenarioFile]) -> Iterator[Finding]:
    """Names that a model cannot know."""
    says = loaded.model

    def unknown(path: KeyPath, seen: str, known: list[str], what: str) -> Finding:
        return loaded.finding(path, "unknown-name", Value(seen), what, "", known=known)

    yield from _times(loaded)
    rates = list(Rates.__struct_fields__)
    wrong = [name for name in says.luck if name not in rates]
    yield from (unknown(("luck", name), name, rates, "a mishap of simulation.luck") for name in wrong)
    if not wrong:
        try:
            Rates(**says.luck)
        except ValueError as error:
            yield loaded.finding(("luck",), "range", str(error), "mishaps per million, at each station a million at most", "")
    for name in says.items_of:
        if name not in AGENCIES:
            yield unknown(("items_of", name), name, list(AGENCIES), "an agency of the example day")
    fates = [fate.name.lower() for fate in Fate]
    for at, mishap in enumerate(says.mishap):
        if mishap.fate not in fates:
            yield unknown(("mishap", at, "fate"), mishap.fate, fates, "a fate of simulation.luck")
    for at, fault in enumerate(says.plc_fault):
        if fault.fault not in FAULTS:
            yield unknown(("plc_fault", at, "fault"), fault.fault, list(FAULTS), "a fault of simulation.breakdowns")
    for at, mischief in enumerate(says.mischief):
        if mischief.act not in ACTS:
            yield unknown(("mischief", at, "act"), mischief.act, list(ACTS), "an act of simulation.mischief")
    for at, deed in enumerate(says.deed):
        if deed.act not in BODIES:
            yield unknown(("deed", at, "act"), deed.act, list(BODIES), "an act that people may do")
            continue
        try:
            decode(deed.act, msgspec.json.encode(deed.body))
        except BadBody as bad:
            advice = "`packcenter act --help` and /openapi.json say what each act needs."
            yield loaded.finding(
                ("deed", at, "body"), "bad-act", f"no such body: {bad}", f"the body of POST /acts/{deed.act}", advice
            )
    for name in says.expect.alarms:
        if name not in ALARMS:
            yield unknown(("expect", "alarms", name), name, list(ALARMS), "an alarm of core.alarm_table")


def _times(loaded: Loaded[ScenarioFile]) -> Iterator[Finding]:
    """What one key says of another: how often and until when, for how long."""
    says = loaded.model
    tables: dict[str, Sequence[When]] = {
        "plc_fault": says.plc_fault,
        "mishap": says.mishap,
        "mischief": says.mischief,
        "deed": says.deed,
    }
    for name, happenings in tables.items():
        for at, each in enumerate(happenings):
            if (each.every_s is None) != (each.until is None):
                key, other = ("every_s", "until") if each.until is None else ("until", "every_s")
                advice = "Give both, or none if it happens once."
                yield loaded.finding((name, at, key), "incomplete", f"without {other}", "every_s and until together", advice)
            elif each.until is not None and each.until <= each.at:
                yield loaded.finding((name, at, "until"), "order", Value(each.until), f"a time after {each.at}", "")
    for at, fault in enumerate(says.plc_fault):
        broken = FAULTS.get(fault.fault)
        if broken is not None and (fault.for_s is not None) != (broken.end is not None):
            expected = f"for_s with {', '.join(name for name, each in FAULTS.items() if each.end)}, and with no other"
            yield loaded.finding(("plc_fault", at, "fault"), "incomplete", Value(fault.fault), expected, "")
    if says.receipts is not None and says.receipts.after_minutes[1] < says.receipts.after_minutes[0]:
        seen = Value(says.receipts.after_minutes)
        yield loaded.finding(("receipts", "after_minutes"), "order", seen, "the soonest, then the latest", "")
    if says.arrivals is not None and says.arrivals.end <= says.arrivals.begin:
        yield loaded.finding(("arrivals", "end"), "order", Value(says.arrivals.end), f"a time after {says.arrivals.begin}", "")
