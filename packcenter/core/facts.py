"""
Facts: what is now true, in the past tense. Only `evolve(state, at_us, fact)` changes state.

Facts are the single source for the ledger, metrics, logs and books. Custody changes by `Moved` alone, which names
the place left and the place entered: every transfer is double entry in one record. Places are written

    agency | outside | expected | belt/PLC | lane/PLC/LANE | cell/PLC/CELL | pack/PLC | rack | bag/TAG | hand | lost
    | dispatched | returned | remade

`agency` and `outside` are where items come from (announced and not announced); their balances only fall.
Item ids are the manifest's codes; an object without a usable identity gets a provisional id that begins with "?".
"""

from __future__ import annotations

import msgspec

from packcenter.core.alarm_facts import (
    AlarmAckSet,
    AlarmAwaited,
    AlarmCleared,
    AlarmFloodSet,
    AlarmOutSet,
    AlarmRaised,
    AlarmShelfSet,
    AlarmSuppressed,
    AlarmTableAdopted,
    AnswerMissed,
)
from packcenter.core.case_facts import CaseFact
from packcenter.core.custody_facts import (
    CustodyRulesAdopted,
    DiscrepancyClosed,
    DiscrepancyOpened,
    DiscrepancyOverdue,
    DiscrepancySigned,
    IntegritySet,
    ShiftClosed,
    ShiftCountTaken,
)
from packcenter.core.hall import Hall
from packcenter.core.inputs import Line
from packcenter.core.loop_facts import InfeedHeld, WentRound
from packcenter.core.plan_facts import PlanActivated, PlanDropped, PlanValiditySet
from packcenter.core.receipt_facts import ReceiptAwaited, ReceiptGivenUp, ReceiptOverdue, ReceiptRefused, ReceiptReturned
from packcenter.core.tag_facts import TagMade


class _Fact(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    pass


# --- runs, manifests -------------------------------------------------------------------------------------------------


class HallAdopted(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The controller runs by this hall and plan; `digest` is SHA-256 of the hall in hex."""

    run: int
    release: str
    hall: Hall
    digest: str


class ManifestOpened(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """The first part of a manifest came; `refused` lines had been refused by the intake."""

    manifest: str
    parts: int
    refused: int
    file_digest: str


class ItemExpected(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """An agency announced an item; it moves from `agency` to `expected`."""

    manifest: str
    line: Line


class LineRefused(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A line was refused for what is known already: duplicate_item, duplicate_waybill, or unknown_class, _agency or _outlet."""

    manifest: str
    item: str
    reason: str


class ManifestPartTaken(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """Parts 1 to `part` of a manifest have been taken."""

    manifest: str
    part: int


class ManifestTaken(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """The last part of a manifest came: how many of its lines were taken and refused in all."""

    manifest: str
    taken: int
    refused: int


# --- custody ---------------------------------------------------------------------------------------------------------


class Moved(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """Custody of an item passed from one place to another."""

    item: str
    source: str
    target: str


class ObjectSeen(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """
    Something was seen that no manifest line stands for; it gets an identity of its own in place `outside`.

    `reason` is unknown (readable, not announced), no_read, multiple_codes, duplicate (its code is in custody
    elsewhere), or ghost. `code` is what was read, "" if nothing.
    """

    item: str
    reason: str
    code: str


class SentToHand(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """An item is for the hand station 人工台, and why. Its custody follows with `Moved` when it gets there."""

    item: str
    reason: str


class Suspected(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """An item must not be packed or bagged automatically any more, and why."""

    item: str
    reason: str


class ItemLost(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """Nobody sees the item any more: an open discrepancy. `place` is where it was last."""

    item: str
    place: str
    reason: str


class ItemFound(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A lost item was seen again."""

    item: str
    at: str


# --- routing and diverting -------------------------------------------------------------------------------------------


class ItemSeen(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """
    A sorter's scanner saw the item, `scanned_us` in core time, and follows it under `track`.

    `confirm_us` is when a lane must have confirmed it.
    """

    item: str
    plc: str
    track: int
    outcome: int
    scanned_us: int
    confirm_us: int


class Routed(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """
    Where the item shall go and why: `lane` of the sorter by `rule`, through `group` (not the rule's own if it overflowed).

    `reason` is plan, overflow, round (lane 0: no lane has room, it goes round), no_rule, no_lane, rate, late, unknown, no_read,
    multiple_codes, duplicate or ghost.
    `deadline_us` is the last moment for the decision to leave us. `plan` names the plan that decided (`Plan.named`), and
    `destination` what it has the item go to ("" nowhere), which it keeps whatever plan comes (G3).
    """

    item: str
    plc: str
    lane: int
    rule: str
    group: str
    reason: str
    deadline_us: int
    plan: str = ""
    destination: str = ""


class DecisionLate(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """The scan reached us `by_us` after the item's deadline: nothing is sent, the PLC's fallback stands."""

    item: str
    plc: str
    lane: int
    by_us: int


class Diverted(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """The item is in the lane that was asked for, or fell back to the exception lane (`disposition` says why)."""

    item: str
    plc: str
    lane: int
    disposition: int


class WrongLane(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """The item is in a lane that was not asked for; it will be taken out at the bagger."""

    item: str
    plc: str
    asked: int
    seen: int


class Unconfirmed(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """No eye confirmed the item in time."""

    item: str
    plc: str


class ConfirmationMoved(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """
    The item is waited for until `confirm_us`: once more after it was unconfirmed, or because its machine runs again.

    0: its machine stands or cannot be heard, and until that has changed nothing is concluded.
    """

    item: str
    confirm_us: int


# --- packing ---------------------------------------------------------------------------------------------------------


class WaybillAssigned(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """The item had no waybill; it got the next one of our range."""

    item: str
    waybill: str


class JobBegun(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A bagger was asked to feed this item for a parcel; `job` is the number of its `BeginParcel`."""

    plc: str
    job: int
    item: str
    infeed: int
    waybill: str


class DocumentFed(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A bagger fed a document and took it for `item`; `matched`: it is the one expected, read without doubt."""

    plc: str
    job: int
    item: str
    matched: bool
    reason: str


class VerdictGiven(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """The pouch of a job is to be sealed (`seal`) or put out; `number` is that command's."""

    plc: str
    job: int
    number: int
    seal: bool


class JobSuspected(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """The pouch of a job must not be sealed, or not be trusted if it is: a stop, a gap or a restart came between (B6)."""

    plc: str
    job: int
    reason: str


class ParcelSealed(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """
    A parcel was sealed. `reason` is "" for right document, label and weight; else why it must not be bagged.

    `label` is what was read back from it.
    """

    plc: str
    job: int
    item: str
    waybill: str
    label: str
    grams: int
    reason: str


class ParcelRejected(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A pouch was put out unsealed; what was in it goes to the hand station. `item` is "" if nothing was fed."""

    plc: str
    job: int
    item: str
    reason: str


class JobAbandoned(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A job ended without a pouch: nothing came from the infeed, the machine refused, or it restarted."""

    plc: str
    job: int
    item: str
    reason: str


class BaggerPaused(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A bagger gets no job before `until_us` (0: the pause is over)."""

    plc: str
    until_us: int


# --- bags ------------------------------------------------------------------------------------------------------------


class BagOpened(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A mail bag hangs at a position and got its first parcel; `cutoff_us` is when it must close (0: no cut-off today)."""

    bag: str
    position: int
    destination: str
    cutoff_us: int


class ParcelDropped(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A parcel fell into a bag."""

    waybill: str
    item: str
    bag: str
    position: int


class ParcelTurnedOut(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A parcel left the rack for the hand station instead of a bag, and why; `waybill` is the label that the rack read."""

    waybill: str
    item: str
    reason: str


class BagSuspected(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """What is in a bag, or how it was sealed, is in doubt; when it is closed it goes to the hand station to be opened."""

    bag: str
    position: int
    reason: str


class BagCloseAsked(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A bag is to be closed by its count, weight, cut_off or by_hand; "": the rack refused, and is asked again in a while."""

    bag: str
    position: int
    reason: str


class BagClosed(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A bag is closed and sealed 封发; its bill 路单 lists exactly these items and their waybills, in the order they fell."""

    bag: str
    position: int
    destination: str
    seal: str
    grams: int
    items: tuple[str, ...]
    waybills: tuple[str, ...]


# --- people's acts ---------------------------------------------------------------------------------------------------


class ActTaken(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """
    A person's act was carried out (O1). `act` is lane_open, lane_close, machine_COMMAND, bag_close, hand_VERDICT,
    maintenance_begin or maintenance_end, alarm_ACT, discrepancy_report, discrepancy_FINDING, shift_count, shift_close or
    receipt_ACT; `subject` what it was done to: sorter-1/3, bagger-1, rack-1/2, an item, an alarm (jam/sorter-1), the number of
    a discrepancy or shift, or the code on a receipt.
    """

    act: str
    subject: str
    person: str
    role: str
    reason: str


class ActRefused(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A person's act was refused, and `why` (`core.acts.REFUSALS`); nothing changed."""

    act: str
    subject: str
    person: str
    role: str
    reason: str
    why: str


class LaneBarred(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A lane takes nothing, whatever its PLC says, because `person` closed it; "": it is open for us again."""

    plc: str
    lane: int
    person: str


class MachineStopSet(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A machine is not to be brought to run by itself, because `person` stopped it; "": it may be."""

    plc: str
    person: str


class MaintenanceSet(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A machine is in the hands of maintenance until `until_us`; 0: no more."""

    plc: str
    until_us: int


class ItemWithdrawn(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """Its agency wants an item back: wherever it is, it comes to the hand station."""

    item: str


class CodedByHand(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A person read on an object without identity that it is an announced item."""

    provisional: str
    item: str


# --- machines and links ----------------------------------------------------------------------------------------------


class LinkStateSet(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A PLC's link is up or down; while it is down its machine's state is unknown."""

    plc: str
    up: bool
    reason: str


class EpochGranted(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A PLC's life got its epoch; everything it tracked and was asked in an earlier one is void."""

    plc: str
    nonce: int
    epoch: int


class EventTaken(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """Event (p, e, q) was taken; the PLC may forget it once this is durable."""

    plc: str
    epoch: int
    seq: int


class GapSeen(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """Events `expected` to `seen` - 1 of an epoch never came: an open discrepancy of the PLC."""

    plc: str
    epoch: int
    expected: int
    seen: int


class EventSetAside(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """
    An event changed nothing, and why.

    `reason` is stale_epoch, repeated, wrong_role, unknown_track, unknown_lane, unknown_job, unknown_waybill,
    unknown_command, unknown_kind_N, no_bag, or awaits_event (a command "done" whose own event is still to come).
    """

    plc: str
    epoch: int
    seq: int
    reason: str


class MachineEntered(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A machine is in this PackML state."""

    plc: str
    state: int
    reason_class: int
    reason: int


class PlaceSet(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A lane or position is open, full, closed or jammed (`plc.line.PlaceState`)."""

    plc: str
    place: int
    state: int
    items: int


class JamSet(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """A zone jammed or was cleared."""

    plc: str
    zone: int
    on: bool


class ConsumableSet(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """Percent left of a consumable (1 film, 2 labels, 3 ribbon)."""

    plc: str
    consumable: int
    percent: int


class CommandAnswered(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """An event answered a command; it is not asked again. `result` is `plc.line.CommandResult` (0 done)."""

    plc: str
    number: int
    result: int


class CommandTimedOut(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """
    A command got no answer in its time; `kind` is the command's name, or "" when its PLC cannot be heard, or only just.

    `again_us` is when it is looked at again; 0: not before its PLC is heard anew.
    """

    plc: str
    number: int
    kind: str
    again_us: int


# --- the service itself ----------------------------------------------------------------------------------------------


class ClockStepNoted(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """The wall clock jumped. Nothing depends on it."""

    by_us: int


class QuarantineNoted(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """An event that made the controller fail is kept out; its item is for the hand station ("" if unknown)."""

    plc: str
    epoch: int
    seq: int
    item: str
    error: str


class StopNoted(_Fact, frozen=True, tag=True, array_like=True, gc=False):
    """The service ended in good order."""

    reason: str


Fact = (
    HallAdopted | ManifestOpened | ItemExpected | LineRefused | ManifestPartTaken | ManifestTaken
    | Moved | ObjectSeen | SentToHand | Suspected | ItemLost | ItemFound
    | ItemSeen | Routed | DecisionLate | Diverted | WrongLane | Unconfirmed | ConfirmationMoved
    | WaybillAssigned | JobBegun | DocumentFed | VerdictGiven | JobSuspected
    | ParcelSealed | ParcelRejected | JobAbandoned | BaggerPaused
    | BagOpened | ParcelDropped | ParcelTurnedOut | BagSuspected | BagCloseAsked | BagClosed
    | LinkStateSet | EpochGranted | EventTaken | GapSeen | EventSetAside | MachineEntered | PlaceSet | JamSet | ConsumableSet
    | CommandAnswered | CommandTimedOut | ClockStepNoted | QuarantineNoted | StopNoted
    | ActTaken | ActRefused | LaneBarred | MachineStopSet | MaintenanceSet | ItemWithdrawn | CodedByHand
    | AlarmTableAdopted | AlarmAwaited | AlarmRaised | AlarmSuppressed | AlarmCleared
    | AlarmAckSet | AlarmShelfSet | AlarmOutSet | AlarmFloodSet | AnswerMissed
    | CustodyRulesAdopted | DiscrepancyOpened | DiscrepancySigned | DiscrepancyOverdue | DiscrepancyClosed
    | IntegritySet | ShiftCountTaken | ShiftClosed
    | PlanActivated | PlanDropped | PlanValiditySet
    | ReceiptAwaited | ReceiptOverdue | ReceiptReturned | ReceiptGivenUp | ReceiptRefused | TagMade
    | WentRound | InfeedHeld
    | CaseFact
)  # fmt: skip
