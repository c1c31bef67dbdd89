"""
Inputs: everything that can happen, in the past tense.

*World* inputs would have happened whatever we decided (a scan, a manifest, a lost link). *Response* inputs are
caused by our commands (a confirmation, a tick). Strict replay feeds both again; a what-if keeps only World.
Events of a PLC carry its name, epoch and number (p, e, q), which make each of them unique for ever.
"""

from __future__ import annotations

import msgspec

from packcenter.core.hall import Hall, Plan


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    One expected item of a manifest 清单, already checked line by line by the intake.

    `waybill` may be "" (packcenter assigns one). `destination` is a six-digit postcode, 0 if `outlet` is the code of the outlet
    at which the parcel is fetched. `due_us` is 0 for none. `addressee` is an opaque token of its agency for whom it is for, ""
    none: letters that bear the same one may leave together. No field holds personal data.
    """

    item: str
    mail_class: str
    agency: str
    waybill: str
    destination: int
    service: str
    case: str
    case_size: int
    due_us: int
    outlet: str = ""
    addressee: str = ""


class Started(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """World: the controller began to run, for the first time or again, with this hall. `run` counts from 1."""

    run: int
    release: str
    hall: Hall
    digest: str


class ManifestReceived(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """
    World: one part of a manifest, in order; `part` counts from 1 to `parts`.

    `refused` is how many lines of the whole file the intake refused; `file_digest` is SHA-256 in hex.
    """

    manifest: str
    part: int
    parts: int
    refused: int
    file_digest: str
    lines: tuple[Line, ...]


class LinkUp(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: a PLC answers with a moving heartbeat. `nonce` and `epoch` are what its image says (epoch 0: none granted)."""

    plc: str
    nonce: int
    epoch: int


class LinkLost(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: a PLC's link is down, or its heartbeat stood still for the limit."""

    plc: str
    reason: str


class ClockStepped(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: the wall clock jumped by more than a second against the monotonic clock. Recorded, never used."""

    by_us: int


class Quarantined(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: at the last run this event of a PLC made the controller fail; it was set aside. `code` is the code it carried."""

    plc: str
    epoch: int
    seq: int
    track: int
    code: str
    error: str


class StopRequested(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: the service was asked to end in good order."""

    reason: str


class _Act(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    Something that a person asked for (O1): who (a staff number, never a name), in which role (`acts.Role`), and why.
    """

    person: str
    role: str
    reason: str


class LaneOrdered(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person closed a lane of a sorter, or opened it again."""

    plc: str
    lane: int
    open: bool


class MachineOrdered(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person gave a machine a PackML command (`packml.Command`)."""

    plc: str
    command: int


class BagOrdered(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person wants the bag at a position closed now."""

    position: int


class VerdictPassed(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """
    World: a person decided at the hand station what becomes of an item (`words.HandVerdict`).

    `code` is the announced code that the person found on an object without identity, "" for the other verdicts.
    """

    item: str
    verdict: str
    code: str


class MaintenanceOrdered(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person put a machine into maintenance for so many minutes, or ended it (0)."""

    plc: str
    minutes: int


class PlanSwitched(_Act, frozen=True, tag=True, array_like=True):
    """World: a person wants the hall sorted by another plan, read and checked whole from `file`, from here on (G1, G2)."""

    file: str
    plan: Plan


class PlanWithheld(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person wants the hall sorted by the plan in `file`, which is not to be had: `why` (`core.plans.WITHHELD`)."""

    file: str
    why: str


class AlarmTableGiven(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """
    World: from here on alarms are raised by the table of this version (`core.alarm_table`).

    A run of release 0.1.0 has no such input and raises none, so that its journals replay as they were decided.
    """

    version: int


class AlarmAcknowledged(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person takes care of an alarm (`core.alarm_table`)."""

    alarm: str
    subject: str


class AlarmShelved(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person wants an alarm off the list for so many minutes, or back on it (0)."""

    alarm: str
    subject: str
    minutes: int


class AlarmTakenOut(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person took an alarm out of service, or put it back."""

    alarm: str
    subject: str
    out: bool


class CustodyRulesGiven(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """
    World: from here on discrepancies are recorded and shifts accounted for by the rules of this version (`core.discrepancies`),
    to be closed within `minutes`, on ID documents within `secure_minutes`.

    A run of release 0.1.0 has no such input and records none, so that its journals replay as they were decided.
    """

    version: int
    minutes: int
    secure_minutes: int


class DiscrepancyReported(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person found that an item is not as the books have it (`core.discrepancies.REPORTED`)."""

    cause: str
    subject: str


class DiscrepancyJudged(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person says what became of an open discrepancy (`words.Finding`)."""

    number: int
    finding: str


class Counted(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How many items of a class and agency people counted in a kind of place; "" and "" for objects without identity."""

    place: str
    mail_class: str
    agency: str
    items: int


class ShiftCounted(_Act, frozen=True, tag=True, array_like=True, gc=True):
    """World: people counted what lies in the hall at the end of a shift; what has no line they did not find at all."""

    lines: tuple[Counted, ...]


class ShiftEnded(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a supervisor closes the shift, which was counted before."""


class ReceiptTold(_Act, frozen=True, tag=True, array_like=True, gc=False):
    """World: a person has the receipt with this code (an item's or its waybill) in hand, or gives it up."""

    code: str
    returned: bool


class ReceiptsReceived(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: a file of the delivery side names receipts that came back, by item or waybill; a long file comes in several."""

    file: str
    codes: tuple[str, ...]


class Scanned(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """
    World: a sorter's scanner saw an object and gave it a new track id.

    `outcome` is AutoID's (0 success, 8 no identifier, 9 multiple). `age_us` is how long ago the PLC made the event;
    `plc_ms` the PLC's time of it (modulo 65536), from which its deadline is written. `grams` 0 = not weighed.
    """

    plc: str
    epoch: int
    seq: int
    track: int
    scanner: int
    outcome: int
    grams: int
    code: str
    age_us: int
    plc_ms: int


class TrackLost(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: the sorter no longer sees a tracked object; `eye` is the first one that missed it."""

    plc: str
    epoch: int
    seq: int
    track: int
    eye: int


class GhostAppeared(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: an eye saw an object that nobody tracked; the PLC gave it a new track id and takes it to the exception lane."""

    plc: str
    epoch: int
    seq: int
    track: int
    eye: int


class PlaceChanged(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: a lane or position is 0 open, 1 full, 2 closed, 3 jammed; `items` is the PLC's own count."""

    plc: str
    epoch: int
    seq: int
    place: int
    state: int
    items: int


class JamChanged(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: a zone jammed (`on`) or was cleared."""

    plc: str
    epoch: int
    seq: int
    track: int
    zone: int
    on: bool


class MachineChanged(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: a machine entered a PackML state; `reason_class` as `core.words.ReasonClass`."""

    plc: str
    epoch: int
    seq: int
    state: int
    reason_class: int
    reason: int


class ConsumableRead(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: percent left of a bagger's consumable (1 film, 2 labels, 3 ribbon)."""

    plc: str
    epoch: int
    seq: int
    consumable: int
    percent: int


class Unintelligible(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """World: a PLC made an event of a kind that the line interface does not define."""

    plc: str
    epoch: int
    seq: int
    kind: int


class DivertConfirmed(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Response: the eye of a lane saw a tracked object enter; `disposition` says why there (`plc.line.Disposition`)."""

    plc: str
    epoch: int
    seq: int
    track: int
    lane: int
    disposition: int
    ms: int


class Fed(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Response: a bagger fed one document for job `job` (the number of its `BeginParcel`) and read `code` on it."""

    plc: str
    epoch: int
    seq: int
    job: int
    scanner: int
    outcome: int
    thickness: int
    code: str


class Packed(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Response: a bagger sealed (0) or rejected (1) the pouch of a job; `label` is the waybill read back from it."""

    plc: str
    epoch: int
    seq: int
    job: int
    result: int
    grams: int
    label: str


class Stored(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """
    Response: a case rack took the next document for job `job` (the number of its `Store`), read `code` on it, and put it into
    a cell (0: the hand station); `items` is how many it counts in there.
    """

    plc: str
    epoch: int
    seq: int
    job: int
    cell: int
    outcome: int
    items: int
    code: str


class Released(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Response: a case rack emptied a cell into an outlet (0: the hand station) for job `job`; its eye counted `items`."""

    plc: str
    epoch: int
    seq: int
    job: int
    cell: int
    outlet: int
    items: int


class Dropped(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Response: the rack dropped the parcel with this label at a position; `reason` 0 as asked, else why it went elsewhere."""

    plc: str
    epoch: int
    seq: int
    position: int
    reason: int
    grams: int
    waybill: str


class BagShut(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Response: the bag at a position is closed and sealed; what falls there from now on falls into the next one."""

    plc: str
    epoch: int
    seq: int
    position: int
    reason: int
    grams: int
    seal: str


class CommandEnded(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Response: a PLC refused a command or finished one that no other event answers (`plc.line.CommandResult`)."""

    plc: str
    epoch: int
    seq: int
    command: int
    result: int


class Tick(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Response: the time of `next_deadline_us` has come."""


PlcEvent = (
    Scanned
    | TrackLost
    | GhostAppeared
    | PlaceChanged
    | JamChanged
    | MachineChanged
    | ConsumableRead
    | Unintelligible
    | DivertConfirmed
    | Fed
    | Packed
    | Stored
    | Released
    | Dropped
    | BagShut
    | CommandEnded
)
Act = (
    LaneOrdered | MachineOrdered | BagOrdered | VerdictPassed | MaintenanceOrdered
    | AlarmAcknowledged | AlarmShelved | AlarmTakenOut
    | DiscrepancyReported | DiscrepancyJudged | ShiftCounted | ShiftEnded
    | PlanSwitched | PlanWithheld | ReceiptTold
)  # fmt: skip
World = (
    Started | AlarmTableGiven | CustodyRulesGiven | ManifestReceived | ReceiptsReceived | LinkUp | LinkLost | ClockStepped
    | Quarantined | StopRequested | Act
)  # fmt: skip
Input = World | PlcEvent | Tick
