"""
What a request to act may say, and the input of the core that it stands for. Pure.

Every key is checked here, before anything of it can reach the journal: types, lengths, forms, and that no text may be
personal data. What is wrong is told by the key alone; a value is never repeated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from packcenter.config import personal
from packcenter.config.people import PERSONAL
from packcenter.config.people_models import REASON_CHARACTERS_MAX
from packcenter.core.hall import Plan
from packcenter.core.inputs import (
    Act,
    AlarmAcknowledged,
    AlarmShelved,
    AlarmTakenOut,
    BagOrdered,
    Counted,
    DiscrepancyJudged,
    DiscrepancyReported,
    LaneOrdered,
    MachineOrdered,
    MaintenanceOrdered,
    PlanSwitched,
    PlanWithheld,
    ReceiptTold,
    ShiftCounted,
    ShiftEnded,
    VerdictPassed,
)
from packcenter.core.limits import COUNT_LINES_MAX, MAINTENANCE_MINUTES_MAX, SHELF_MINUTES_MAX
from packcenter.core.packml import Command
from packcenter.core.words import Finding, HandVerdict, Role

BODY_BYTES_MAX = 2_048
"""Bytes of a body: the longest that is right has some 700, with every character of its reason escaped."""

COUNT_BYTES_MAX = 131_072
"""The same of a count: its longest lines have some 120 bytes, and there may be `COUNT_LINES_MAX` of them."""

PLACES_MAX = 32  # words 14 and 15 of `Out` have one bit for each lane or position

PlcName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Name of a PLC of the hall.", examples=["bagger-1"])]
ItemName = Annotated[
    str, Meta(pattern=r"^\??[A-Za-z0-9][A-Za-z0-9._/+:-]{0,47}$", description="Code of an item.", examples=["NJ-D67700000"])
]
CodeOrNone = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._/+:-]{0,31})?$",
        description='For the verdict "code": the announced code that was read by eye.',
    ),
]
ReceiptCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/+:-]{0,47}$",
        description="What is printed on the receipt: the item's code, or its waybill.",
        examples=["EA473124829CN"],
    ),
]
Reason = Annotated[
    str,
    Meta(
        pattern=r"^[^\x00-\x1f\x7f]*$",
        min_length=1,
        max_length=REASON_CHARACTERS_MAX,
        description="Why, in ASCII: letters, digits, punctuation; no names or numbers of people. Chinese text, which may be a"
        " name, is taken only if it is one of the site's reasons, word for word: /acts/reasons.",
        examples=["film jam, cleared by hand"],
    ),
]
AlarmName = Annotated[
    str, Meta(pattern=r"^[a-z][a-z_]{0,31}$", description="Name of an alarm, as /alarms has it.", examples=["link_lost"])
]
AlarmSubject = Annotated[
    str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9/-]{0,47}$", description="Of what, as /alarms has it.", examples=["bagger-1"])
]
PlanFile = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,42}\.toml$",
        description="File of the site's folder of plans, as `packcenter plan list` shows it.",
        examples=["monday.toml"],
    ),
]
PlanDigest = Annotated[
    str,
    Meta(
        pattern=r"^([0-9a-f]{8,64})?$",
        description="How the digest of the plan that was looked at begins; a file that has changed since is refused.",
    ),
]
Place = Annotated[int, Meta(ge=1, le=PLACES_MAX)]
NameOrNone = Annotated[
    str, Meta(pattern=r"^([a-z][a-z0-9_-]{0,47})?$", description="Name as the site file has it.", examples=["id_card"])
]
CommandName = Literal["reset", "start", "stop", "hold", "unhold", "suspend", "unsuspend", "abort", "clear", "complete"]
PersonsRole = Annotated[Role | None, Meta(description="The role in which the person acts; needless for who has only one.")]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every act needs."""

    reason: Reason
    role: PersonsRole = None

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        raise NotImplementedError


class LaneAct(Asked, frozen=True, kw_only=True):
    """Close a lane of a sorter, or open it again."""

    plc: PlcName
    lane: Place
    order: Literal["open", "close"]

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        return LaneOrdered(person, role, self.reason, self.plc, self.lane, self.order == "open")


class MachineAct(Asked, frozen=True, kw_only=True):
    """Give a machine a PackML command."""

    plc: PlcName
    command: CommandName

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        return MachineOrdered(person, role, self.reason, self.plc, Command[self.command.upper()])


class BagAct(Asked, frozen=True, kw_only=True):
    """Close the bag at a position of the rack before it is full or due."""

    position: Place

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        return BagOrdered(person, role, self.reason, self.position)


class VerdictAct(Asked, frozen=True, kw_only=True):
    """Say what becomes of an item at the hand station."""

    item: ItemName
    verdict: HandVerdict
    code: CodeOrNone = ""

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        return VerdictPassed(person, role, self.reason, self.item, self.verdict.value, self.code)


class MaintenanceAct(Asked, frozen=True, kw_only=True):
    """Take a machine into the hands of maintenance for so many minutes, or give it back (0)."""

    plc: PlcName
    minutes: Annotated[int, Meta(ge=0, le=MAINTENANCE_MINUTES_MAX)]

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        return MaintenanceOrdered(person, role, self.reason, self.plc, self.minutes)


class AlarmAct(Asked, frozen=True, kw_only=True):
    """Acknowledge an alarm, shelve it for so many minutes or take it from the shelf, take it out of service or put it back."""

    alarm: AlarmName
    subject: AlarmSubject
    order: Literal["acknowledge", "shelve", "unshelve", "take_out", "put_back"]
    minutes: Annotated[
        int, Meta(ge=0, le=SHELF_MINUTES_MAX, description='For the order "shelve": how long, 1 or more.', examples=[30])
    ] = 0

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        if self.order == "acknowledge":
            return AlarmAcknowledged(person, role, self.reason, self.alarm, self.subject)
        if self.order in ("shelve", "unshelve"):
            return AlarmShelved(person, role, self.reason, self.alarm, self.subject, self.minutes)
        return AlarmTakenOut(person, role, self.reason, self.alarm, self.subject, self.order == "take_out")


class DiscrepancyAct(Asked, frozen=True, kw_only=True):
    """Say what became of a discrepancy; on ID documents another person confirms it."""

    number: Annotated[int, Meta(ge=1, le=10**12, description="Number of the discrepancy.", examples=[17])]
    finding: Finding

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        return DiscrepancyJudged(person, role, self.reason, self.number, self.finding.value)


class ReportAct(Asked, frozen=True, kw_only=True):
    """Report an item that is not as the books have it."""

    item: ItemName
    cause: Literal["missing", "surplus", "damaged"]

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        return DiscrepancyReported(person, role, self.reason, self.cause, self.item)


class CountLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many items of a class and agency were counted in a kind of place; without class and agency: what bears no identity."""

    place: Annotated[str, Meta(pattern=r"^(hand|lane|cell|bag)$", description="hand, lane, cell or bag.", examples=["hand"])]
    mail_class: NameOrNone = ""
    agency: NameOrNone = ""
    items: Annotated[int, Meta(ge=0, le=1_000_000)]


class CountAct(Asked, frozen=True, kw_only=True):
    """Give the count of the hall at the end of a shift, made without looking at the books; what has no line was not found."""

    lines: Annotated[tuple[CountLine, ...], Meta(max_length=COUNT_LINES_MAX)]

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        lines = tuple(Counted(line.place, line.mail_class, line.agency, line.items) for line in self.lines)
        return ShiftCounted(person, role, self.reason, lines)


class ShiftAct(Asked, frozen=True, kw_only=True):
    """Close the shift, which was counted, and whose differences are signed."""

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        return ShiftEnded(person, role, self.reason)


class PlanAct(Asked, frozen=True, kw_only=True):
    """Sort the hall by another plan of the site's folder from here on. It is read whole and checked first (`service.plans`)."""

    plan: PlanFile
    digest: PlanDigest = ""

    def switch(self, person: str, role: str, plan: Plan) -> Act:
        """The input that it stands for, once the plan was read."""
        return PlanSwitched(person, role, self.reason, self.plan, plan)

    def withheld(self, person: str, role: str, why: str) -> Act:
        """The input that it stands for if the plan is not to be had."""
        return PlanWithheld(person, role, self.reason, self.plan, why)


class ReceiptAct(Asked, frozen=True, kw_only=True):
    """Say that the receipt of a dispatched item is here, or give it up."""

    code: ReceiptCode
    outcome: Literal["returned", "given_up"] = "returned"

    def act(self, person: str, role: str) -> Act:
        """The input that it stands for."""
        return ReceiptTold(person, role, self.reason, self.code, self.outcome == "returned")


BODIES: dict[str, type[Asked]] = {
    "lane": LaneAct,
    "machine": MachineAct,
    "bag": BagAct,
    "verdict": VerdictAct,
    "maintenance": MaintenanceAct,
    "alarm": AlarmAct,
    "discrepancy": DiscrepancyAct,
    "report": ReportAct,
    "count": CountAct,
    "shift": ShiftAct,
    "plan": PlanAct,
    "receipt": ReceiptAct,
}
"""What may be posted to `/acts/NAME`."""


class BadBody(Exception):  # noqa: N818 - read aloud, the name says it
    """A body that is not taken: `why` is malformed or personal_data, the text says at which key and what is expected."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(text)
        self.why = why


_DECODERS = {name: msgspec.json.Decoder(body) for name, body in BODIES.items()}
# Only these of msgspec's messages repeat nothing of the body but the names of our own keys.
_HARMLESS = re.compile(r"Expected `[^`]*`(?: (?:of length )?(?:>=|<=) \d+)?(?:, got `[a-z]+`)?(?: - at `\$[.a-z_]*`)?")
_MISSING = re.compile(r"Object missing required field `[a-z]+`")
_AT = re.compile(r" - at `(\$[.a-z_\[\]]*)`\Z")


def decode(name: str, content: bytes, reasons: Collection[str] = ()) -> Asked:
    """The body of a request to `/acts/NAME`, where these reasons are the site's own. Raises `BadBody`."""
    try:
        asked = _DECODERS[name].decode(content)
        json.loads(content, object_pairs_hook=_each_once)  # of our form by now, and of bounded length
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadBody("malformed", _told(name, error)) from None
    for key in asked.__struct_fields__:
        value = getattr(asked, key)
        if isinstance(value, str) and not (key == "reason" and value in reasons):
            _check_text(key, value)
    for line in asked.lines if isinstance(asked, CountAct) else ():
        _check_text("lines.mail_class", line.mail_class)
        _check_text("lines.agency", line.agency)
    if isinstance(asked, VerdictAct) and (asked.verdict is HandVerdict.CODE) != bool(asked.code):
        raise BadBody("malformed", '$.code is expected with the verdict "code", and with no other')
    if isinstance(asked, AlarmAct) and (asked.order == "shelve") != bool(asked.minutes):
        raise BadBody("malformed", '$.minutes is expected with the order "shelve", and with no other')
    return asked


def _check_text(key: str, value: str) -> None:
    """What a pattern cannot say: no personal data, not blank, and no line's end, which Python's `$` passes over."""
    kind = personal.kind_of(value)
    if kind:
        is_number = bool(personal.number_in(value))
        advice = "Say it without." if is_number or key != "reason" else "Say it in ASCII, or as one of /acts/reasons."
        raise BadBody("personal_data", f"$.{key} holds {PERSONAL[kind]}; the journal would keep it for ever. {advice}")
    if not value.isprintable() or (value and not value.strip()):
        raise BadBody("malformed", f"$.{key} is blank or has control characters, expected text")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("repeated")
    return found


def _told(name: str, error: Exception) -> str:
    """What is wrong with a body, without anything of it."""
    text = str(error)
    if text == "repeated":
        return "a key stands there twice, expected each once"
    if _HARMLESS.fullmatch(text) or _MISSING.fullmatch(text):
        return text[:1].lower() + text[1:]
    place = _AT.search(text)
    if place is not None:
        return f"{place.group(1)} is not of the form that /openapi.json says"
    keys = ", ".join(BODIES[name].__struct_fields__)
    return f"not a JSON object with these keys and no others: {keys}; /openapi.json says what each may be"
