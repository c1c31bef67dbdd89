"""
The words of a record, schema 1: which inputs, facts and commands there are, and the type of each field.

The tables are those of JOURNAL-FORMAT.md, copied; a test compares the two. `read` turns a record's body into lists that
have exactly these shapes, so that the rules need not ask again.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec

INPUTS: Final = """
Started: run integer, release text, hall Hall, digest text
AlarmTableGiven: version integer
CustodyRulesGiven: version integer, minutes integer, secure_minutes integer
ManifestReceived: manifest text, part integer, parts integer, refused integer, file_digest text, lines [Line, ...]
LinkUp: plc text, nonce integer, epoch integer
LinkLost: plc text, reason text
ClockStepped: by_us integer
Quarantined: plc text, epoch integer, seq integer, track integer, code text, error text
StopRequested: reason text
LaneOrdered: person text, role text, reason text, plc text, lane integer, open boolean
MachineOrdered: person text, role text, reason text, plc text, command integer
BagOrdered: person text, role text, reason text, position integer
VerdictPassed: person text, role text, reason text, item text, verdict text, code text
MaintenanceOrdered: person text, role text, reason text, plc text, minutes integer
AlarmAcknowledged: person text, role text, reason text, alarm text, subject text
AlarmShelved: person text, role text, reason text, alarm text, subject text, minutes integer
AlarmTakenOut: person text, role text, reason text, alarm text, subject text, out boolean
DiscrepancyReported: person text, role text, reason text, cause text, subject text
DiscrepancyJudged: person text, role text, reason text, number integer, finding text
ShiftCounted: person text, role text, reason text, lines [Counted, ...]
ShiftEnded: person text, role text, reason text
PlanSwitched: person text, role text, reason text, file text, plan Plan
PlanWithheld: person text, role text, reason text, file text, why text
ReceiptTold: person text, role text, reason text, code text, returned boolean
ReceiptsReceived: file text, codes [text, ...]
Scanned: plc text, epoch integer, seq integer, track integer, scanner integer, outcome integer, grams integer,
  code text, age_us integer, plc_ms integer
TrackLost: plc text, epoch integer, seq integer, track integer, eye integer
GhostAppeared: plc text, epoch integer, seq integer, track integer, eye integer
PlaceChanged: plc text, epoch integer, seq integer, place integer, state integer, items integer
JamChanged: plc text, epoch integer, seq integer, track integer, zone integer, on boolean
MachineChanged: plc text, epoch integer, seq integer, state integer, reason_class integer, reason integer
ConsumableRead: plc text, epoch integer, seq integer, consumable integer, percent integer
Unintelligible: plc text, epoch integer, seq integer, kind integer
DivertConfirmed: plc text, epoch integer, seq integer, track integer, lane integer, disposition integer, ms integer
Fed: plc text, epoch integer, seq integer, job integer, scanner integer, outcome integer, thickness integer, code text
Packed: plc text, epoch integer, seq integer, job integer, result integer, grams integer, label text
Stored: plc text, epoch integer, seq integer, job integer, cell integer, outcome integer, items integer, code text
Released: plc text, epoch integer, seq integer, job integer, cell integer, outlet integer, items integer
Dropped: plc text, epoch integer, seq integer, position integer, reason integer, grams integer, waybill text
BagShut: plc text, epoch integer, seq integer, position integer, reason integer, grams integer, seal text
CommandEnded: plc text, epoch integer, seq integer, command integer, result integer
Tick:
"""

FACTS: Final = """
HallAdopted: run integer, release text, hall Hall, digest text
ManifestOpened: manifest text, parts integer, refused integer, file_digest text
ItemExpected: manifest text, line Line
LineRefused: manifest text, item text, reason text
ManifestPartTaken: manifest text, part integer
ManifestTaken: manifest text, taken integer, refused integer
Moved: item text, source text, target text
ObjectSeen: item text, reason text, code text
SentToHand: item text, reason text
Suspected: item text, reason text
ItemLost: item text, place text, reason text
ItemFound: item text, at text
ItemSeen: item text, plc text, track integer, outcome integer, scanned_us integer, confirm_us integer
Routed: item text, plc text, lane integer, rule text, group text, reason text, deadline_us integer, plan text = "",
  destination text = ""
DecisionLate: item text, plc text, lane integer, by_us integer
Diverted: item text, plc text, lane integer, disposition integer
WrongLane: item text, plc text, asked integer, seen integer
Unconfirmed: item text, plc text
ConfirmationMoved: item text, confirm_us integer
WaybillAssigned: item text, waybill text
JobBegun: plc text, job integer, item text, infeed integer, waybill text
DocumentFed: plc text, job integer, item text, matched boolean, reason text
VerdictGiven: plc text, job integer, number integer, seal boolean
JobSuspected: plc text, job integer, reason text
ParcelSealed: plc text, job integer, item text, waybill text, label text, grams integer, reason text
ParcelRejected: plc text, job integer, item text, reason text
JobAbandoned: plc text, job integer, item text, reason text
BaggerPaused: plc text, until_us integer
CellTriedAnew: plc text, cell integer, reason text
LettersGathered: case text, rule text, wait_minutes integer, pouch integer, destination text, items [text, ...]
LetterJoined: case text, item text
LettersParted: case text, items [text, ...], reason text
JobJoined: plc text, job integer, item text
ParcelProven: plc text, job integer, waybill text, case text, part integer, items [text, ...]
CellReserved: case text, plc text, cell integer
CellFreed: case text, plc text, cell integer
StoreBegun: plc text, job integer, item text, infeed integer, cell integer, reason text
DocumentStored: plc text, job integer, item text, cell integer, matched boolean, reason text
StoreAbandoned: plc text, job integer, item text, reason text
StorePaused: plc text, until_us integer
CellSuspected: plc text, cell integer, case text, reason text
ReleaseBegun: plc text, job integer, cell integer, outlet integer, case text, reason text
CellReleased: plc text, job integer, cell integer, outlet integer, case text, items [text, ...], reason text
ReleaseEnded: plc text, job integer, cell integer, reason text
CaseDueSet: case text, due_us integer
CaseOverdue: case text, policy text, missing integer, items [text, ...]
CaseSplit: case text, part integer, items [text, ...]
BagOpened: bag text, position integer, destination text, cutoff_us integer
ParcelDropped: waybill text, item text, bag text, position integer
ParcelTurnedOut: waybill text, item text, reason text
BagSuspected: bag text, position integer, reason text
BagCloseAsked: bag text, position integer, reason text
BagClosed: bag text, position integer, destination text, seal text, grams integer, items [text, ...], waybills [text, ...]
LinkStateSet: plc text, up boolean, reason text
EpochGranted: plc text, nonce integer, epoch integer
EventTaken: plc text, epoch integer, seq integer
GapSeen: plc text, epoch integer, expected integer, seen integer
EventSetAside: plc text, epoch integer, seq integer, reason text
MachineEntered: plc text, state integer, reason_class integer, reason integer
PlaceSet: plc text, place integer, state integer, items integer
JamSet: plc text, zone integer, on boolean
ConsumableSet: plc text, consumable integer, percent integer
CommandAnswered: plc text, number integer, result integer
CommandTimedOut: plc text, number integer, kind text, again_us integer
ClockStepNoted: by_us integer
QuarantineNoted: plc text, epoch integer, seq integer, item text, error text
StopNoted: reason text
ActTaken: act text, subject text, person text, role text, reason text
ActRefused: act text, subject text, person text, role text, reason text, why text
LaneBarred: plc text, lane integer, person text
MachineStopSet: plc text, person text
MaintenanceSet: plc text, until_us integer
ItemWithdrawn: item text
CodedByHand: provisional text, item text
AlarmTableAdopted: version integer
AlarmAwaited: alarm text, subject text, by text, due_us integer
AlarmRaised: alarm text, subject text, by text, latched boolean
AlarmSuppressed: alarm text, subject text, by text
AlarmCleared: alarm text, subject text
AlarmAckSet: alarm text, subject text, person text
AlarmShelfSet: alarm text, subject text, until_us integer, person text
AlarmOutSet: alarm text, subject text, person text
AlarmFloodSet: again_us integer
CustodyRulesAdopted: version integer, minutes integer, secure_minutes integer
DiscrepancyOpened: number integer, cause text, subject text, opener text, two boolean, due_us integer
DiscrepancySigned: number integer, finding text, person text
DiscrepancyOverdue: number integer
DiscrepancyClosed: number integer, finding text, first text, second text
IntegritySet: item text, integrity text, reason text
ShiftCountTaken: shift integer, person text, in_motion integer, differences [Difference, ...]
ShiftClosed: shift integer, begun_us integer, counted_by text, closed_by text, accounts [ShiftAccount, ...],
  discrepancies [integer, ...], waybills WaybillAccount
PlanActivated: file text, person text, plan Plan
PlanDropped: version text, digest text, why text
PlanValiditySet: version text, why text
ReceiptAwaited: item text, due_us integer
ReceiptOverdue: item text
ReceiptReturned: item text, file text, waybill text = ""
ReceiptGivenUp: item text, waybill text = ""
ReceiptRefused: file text, code text, why text
TagMade: bag text, position integer, tag text
WentRound: item text, plc text, lap integer, confirm_us integer
InfeedHeld: plc text, held boolean, items integer
"""

COMMANDS: Final = """
GrantEpoch: plc text, nonce integer, epoch integer
Divert: plc text, number integer, track integer, lane integer, fallback integer, deadline integer
BeginParcel: plc text, number integer, infeed integer, documents integer, pouch integer, waybill text
SealParcel: plc text, number integer, waybill text
RejectParcel: plc text, number integer, waybill text
Store: plc text, number integer, infeed integer, cell integer
Release: plc text, number integer, cell integer, outlet integer
Drop: plc text, number integer, position integer, waybill text
CloseBag: plc text, number integer, position integer, tag text
CommandMachine: plc text, number integer, command integer
SetPlace: plc text, number integer, place integer, open boolean
"""

STRUCTURES: Final = """
Line: item text, mail_class text, agency text, waybill text, destination integer, service text, case text,
  case_size integer, due_us integer, outlet text = "", addressee text = ""
Counted: place text, mail_class text, agency text, items integer
Difference: place text, mail_class text, agency text, counted integer, booked integer
ShiftAccount: mail_class text, agency text, opening integer, inducted integer, dispatched integer, returned integer,
  remade integer, identified integer, held integer, lost integer
WaybillAccount: indicator text, country text, first integer, last integer, applied integer, open integer, voided integer,
  stock integer
Lane: number integer, feeds text, infeed integer, distance_mm integer, capacity_items integer, secure boolean,
  rate_per_minute integer = 0
Sorter: plc text, belt_mm_per_s integer, belt_mm integer, actuator_ms integer, scan_cycle_ms integer, link_ms integer,
  confirm_slack_ms integer, lanes [Lane, ...], exception_lane integer, ideal_cycle_ms integer = 0, laps_max integer = 0,
  round_mm integer = 0, loop_items_max integer = 0
Bagger: plc text, feed_timeout_ms integer, verdict_timeout_ms integer, ideal_cycle_ms integer = 0
Position: number integer, destination text, services [text, ...] = []
Rack: plc text, positions [Position, ...], reject_position integer, drop_timeout_ms integer, close_timeout_ms integer,
  ideal_cycle_ms integer = 0
Outlet: number integer, feeds text, infeed integer
CaseRack: plc text, cells integer, cell_documents integer, outlets [Outlet, ...], store_timeout_ms integer,
  release_timeout_ms integer, ideal_cycle_ms integer
CaseType: name text, prefix text, mail_classes [text, ...], wait_minutes integer, policy text, pouch integer
MailClass: name text, secure boolean, grams_min integer, grams_max integer, pouch integer, thickness_max integer
Destination: name text, postcodes [[integer, integer], ...], outlets [text, ...] = [], office text = ""
Group: name text, lanes [[text, integer], ...], balance text, overflow [text, ...]
Rule: name text, mail_classes [text, ...], agencies [text, ...], destinations [text, ...], services [text, ...], group text,
  combine_minutes integer = 0, combine_pouch integer = 0
BagLimits: items_max integer, grams_max integer, cutoff_minutes [integer, ...]
Waybills: indicator text, first integer, last integer, country text
Plan: version text, destinations [Destination, ...], groups [Group, ...], rules [Rule, ...], bags BagLimits,
  valid_from_us integer = 0, valid_until_us integer = 0, digest text = ""
Hall: name text, centre text, utc_offset_minutes integer, agencies [text, ...], mail_classes [MailClass, ...],
  sorters [Sorter, ...], baggers [Bagger, ...], rack Rack, waybills Waybills, plan Plan, shifts [[integer, integer], ...] = [],
  receipt_minutes integer = 0, receptacles [text, ...] = [], case_racks [CaseRack, ...] = [], case_types [CaseType, ...] = []
"""

Said = list[Any]
"""An input, fact or command: its name, then its fields."""

_PLAIN: Final = {"integer": int, "text": str, "boolean": bool}
_TWO: Final = b"\x92"
_THREE: Final = 0x93


class Shape:
    """
    The types of an array: `plain` as a tuple of types, and for what is a list itself its shape by place.

    `least` is how many fields it has when those that an earlier release did not write are missing.
    """

    __slots__ = ("deep", "least", "plain")

    def __init__(self, types: list[str]) -> None:
        texts = [text.partition(" = ")[0] for text in types]
        self.least = len([text for text in types if " = " not in text])
        self.plain = tuple(_PLAIN.get(text, list) for text in texts)
        self.deep = [(place, text) for place, text in enumerate(texts) if text not in _PLAIN]

    def fits(self, value: Said) -> bool:
        """Whether `value` is an array of exactly this shape."""
        length = len(value)
        if length < self.least or tuple(map(type, value)) != self.plain[:length]:
            return False
        return not self.deep or all(fits(value[place], text) for place, text in self.deep if place < length)


def fits(value: object, text: str) -> bool:
    """Whether a value is what a type's text says: `integer`, `Lane`, `[Lane, ...]` or `[text, integer]`."""
    if text in _PLAIN:
        return type(value) is _PLAIN[text]
    if not isinstance(value, list):
        return False
    if not text.startswith("["):
        return structures()[text].fits(value)
    inside = split(text[1:-1])
    if inside[-1] == "...":
        if inside[0] in _PLAIN:
            kind = _PLAIN[inside[0]]
            return all(type(each) is kind for each in value)
        return all(fits(each, inside[0]) for each in value)
    return len(value) == len(inside) and all(map(fits, value, inside))


@cache
def split(text: str) -> tuple[str, ...]:
    """The parts of a list of types or fields, at the commas outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return tuple(part.strip() for part in parts if part.strip())


def table(text: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Name of each type of a table -> its fields, each with the text of its type."""
    rows = (line.partition(":") for line in text.strip().replace("\n  ", " ").splitlines())
    return {name: tuple((f.split(" ", 1)[0], f.split(" ", 1)[1]) for f in split(fields)) for name, _, fields in rows}


@cache
def structures() -> dict[str, Shape]:
    """The structures inside records: arrays of their fields, without a name."""
    return {name: Shape([kind for _, kind in fields]) for name, fields in table(STRUCTURES).items()}


Shapes = dict[str, tuple[tuple[type, ...], list[tuple[int, str]], int]]
"""Name -> the types of the array, by place the text of those that are lists, and how many fields every release wrote."""


def _named(text: str) -> Shapes:
    shapes = {name: Shape(["text", *(kind for _, kind in fields)]) for name, fields in table(text).items()}
    return {name: (shape.plain, shape.deep, shape.least) for name, shape in shapes.items()}


_INPUT: Final = _named(INPUTS)
_FACT: Final = _named(FACTS)
_COMMAND: Final = _named(COMMANDS)


def read(body: memoryview, decision_at: int) -> tuple[Said, list[Said], list[Said]] | str:
    """Input, facts and commands of a record's body; or a sentence that says why it is no body of schema 1."""
    try:
        if body[0] != _THREE:
            return "its body is no array of three"
        happened = msgspec.msgpack.decode(body[1:decision_at])
        facts, commands = msgspec.msgpack.decode(_TWO + bytes(body[decision_at:]))
    except (msgspec.DecodeError, ValueError, TypeError, IndexError, RecursionError, OverflowError) as error:
        return f"its body is no MessagePack of an input, facts and commands ({type(error).__name__})"
    if type(facts) is not list or type(commands) is not list:
        return "its facts or commands are no array"
    why = _misfit([happened], _INPUT, "input") or _misfit(facts, _FACT, "fact") or _misfit(commands, _COMMAND, "command")
    return why or (happened, facts, commands)


def _misfit(said: list[Said], shapes: Shapes, what: str) -> str:
    """Why one of these is no input, fact or command of schema 1; "" if they all are."""
    try:
        for each in said:
            plain, deep, least = shapes[each[0]]
            types = tuple(map(type, each))
            if types != plain and (len(each) < least or types != plain[: len(each)]):
                return f"the fields of its {what} {each[0]} are not those of schema 1"
            if deep and not all(fits(each[place], text) for place, text in deep):
                return f"the fields of its {what} {each[0]} are not those of schema 1"
    except (KeyError, TypeError, IndexError):
        return f"schema 1 has no {what} {str(each)[:40]!r}"
    return ""
