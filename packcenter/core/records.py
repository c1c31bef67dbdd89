"""
The records that the state is made of: plain and mutable, changed by `evolve` and `remember` alone (`core.state`).

A snapshot is these records as MessagePack.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from packcenter.core.commands import Numbered
from packcenter.core.hall import Hall, Plan

UNKNOWN = 0
"""PackML state of a machine that we cannot see."""


class Item(msgspec.Struct, gc=False):
    """
    One document or letter, announced or not.

    `place` is its custody; `lane` the lane asked for while it is on a belt; `entered_us` when it came to its place;
    `confirm_us` 0 or when a lane or the rack must have seen it; `command` the number of its open `Divert` or `Drop`,
    0 none; `lost_from` the place it was lost from while it is lost; `withdrawn`: its agency wants it back. `plan` names the
    sort plan that decided its lane, and `going` the destination that this plan gave it, "" none (G3). `integrity` is bad or
    unknown, "" good. `laps` is how often it went round the loop that it is on; while it does, its `track` is below 0.

    `case` is its case, "" none. In a sealed parcel of several documents `lead` names the one whose waybill it bears, "" that
    one itself, which lists the others in `riders`; `part` is the number of the case's part that it left its cell with.
    `sent_back`: a person lays it onto a sorter again, and no scanner has read it since.
    `addressee` is its agency's token for whom it is for, "" none.
    """

    id: str
    code: str
    mail_class: str
    agency: str
    waybill: str
    destination: int
    service: str
    due_us: int
    announced: bool
    place: str
    entered_us: int = 0
    plc: str = ""
    track: int = 0
    lane: int = 0
    command: int = 0
    confirm_us: int = 0
    unconfirmed: bool = False
    suspect: str = ""
    hand: str = ""
    grams: int = 0
    lost_from: str = ""
    withdrawn: bool = False
    plan: str = ""
    going: str = ""
    integrity: str = ""
    outlet: str = ""
    laps: int = 0
    case: str = ""
    lead: str = ""
    riders: list[str] = []
    part: int = 0
    sent_back: bool = False
    addressee: str = ""


class Pending(msgspec.Struct):
    """An unanswered command and when its silence becomes a fact (0: never by itself)."""

    command: Numbered
    due_us: int


class Plc(msgspec.Struct):
    """
    One PLC: its life (`nonce`, `epoch`, last event `seq`, commands numbered so far), link, machine state and places.

    `places` holds only places that are not open. `tracks` maps a sorter's track ids to items. `barred` has the lanes that
    people closed, and who did; `stopped_by` who stopped the machine, "" nobody; `maintenance_us` when it leaves the hands
    of maintenance, 0 if it is not in them. These three outlive the PLC's memory.
    `infeed_held`: new items are kept out of this loop. `unread` has a bit for each of the last
    `READS_KEPT` scans, the newest lowest, 1 where nothing could be read; `losses` says when it was last lost or restarted,
    `UNSTEADY_LOSSES` times at most; `missed` when it said last, since its link was lost, that it was told nothing of a thing of
    which it was told, `MISSED_ANSWERS` times at most; commands up to number `told_from` are older than its link. `rejects` has a
    bit for each of the last `REJECTS_KEPT` documents that a bagger or case rack took in hand, the newest lowest, 1 where it did
    not come out as it should by what the machine itself did (`reject_life.OWN_FAULTS`).
    """

    name: str
    nonce: int = 0
    epoch: int = 0
    seq: int = 0
    numbers: int = 0
    up: bool = False
    state: int = UNKNOWN
    reason_class: int = 0
    places: dict[int, int] = {}
    jams: dict[int, bool] = {}
    consumables: dict[int, int] = {}
    tracks: dict[int, str] = {}
    pending: dict[int, Pending] = {}
    barred: dict[int, str] = {}
    stopped_by: str = ""
    maintenance_us: int = 0
    unread: int = 0
    losses: list[int] = []
    infeed_held: bool = False
    missed: list[int] = []
    told_from: int = 0
    rejects: int = 0


class LaneLoad(msgspec.Struct):
    """
    What a lane holds, first in first out, and how many items are on their way to it.

    Of a lane with a limited rate `recent` has the deadlines of the last decisions for it, as many as it takes in a minute.
    `laid` is what a case rack laid out there last, which is one parcel: all of it or nothing.
    """

    on_way: int = 0
    items: list[str] = []
    recent: list[int] = []
    laid: list[str] = []


class Job(msgspec.Struct):
    """
    One parcel being made. `item` is the document expected; `inside` the one that was fed ("" none yet).

    `verdict` is the number of the `SealParcel` or `RejectParcel` asked, 0 before. `others` are expected beside `item`, `more`
    were fed behind `inside`: in a parcel of several documents.
    """

    number: int
    item: str
    infeed: int
    waybill: str
    inside: str = ""
    verdict: int = 0
    suspect: str = ""
    others: list[str] = []
    more: list[str] = []

    def expected(self) -> list[str]:
        """All documents that are to be in the pouch."""
        return [self.item, *self.others]

    def contents(self) -> list[str]:
        """All documents that are in the pouch, in the order in which they were fed."""
        return [self.inside, *self.more] if self.inside else []


class StoreJob(msgspec.Struct):
    """What a case rack was asked to store: the next of an infeed, `item` by our books, into a cell."""

    number: int
    item: str
    infeed: int
    cell: int
    reason: str = ""


class CaseRack(msgspec.Struct):
    """A case rack takes one document after the other; after a refusal not before `retry_us`."""

    storing: StoreJob | None = None
    retry_us: int = 0


class Cell(msgspec.Struct):
    """
    A cell of a case rack: whose it is, and what is in it. `release` is the number of the open `Release`, 0 none, `outlet` and
    `reason` what it is for. One that is `suspect` is released to the hand station; whose counter is broken only if something is
    in it, or `anew`: once more, because people may have mended it (`core.cell_counts`).
    """

    case: str = ""
    items: list[str] = []
    suspect: str = ""
    release: int = 0
    outlet: int = 0
    reason: str = ""
    anew: bool = False


class Case(msgspec.Struct):
    """
    One case 一件事: its announced documents, and what they must agree in. `cell` is the place of its cell, "" none.

    `announced_due_us` is what the manifests say, 0 nothing; `due_us` when the missing ones are due, 0 not yet; `overdue` the
    policy by which it was found overdue, "" it was not; `parts` how many parts of it have left their cell.

    One of `size` 0 is a set of letters that a rule of the plan made (`core.combining`): it has as many as are in `items`. `rule`,
    `wait_minutes` and `pouch` are what the rule said then, `going` the destination that its plan gave them.
    """

    size: int
    destination: int
    service: str
    announced_due_us: int
    items: list[str] = []
    cell: str = ""
    due_us: int = 0
    overdue: str = ""
    parts: int = 0
    outlet: str = ""
    rule: str = ""
    wait_minutes: int = 0
    pouch: int = 0
    going: str = ""


class Kin(msgspec.Struct):
    """
    Letters of one agency to one addressee, at one place, by one service: `awaited` are announced, in no set and not here yet, in
    the order in which they were announced (as keys); `gathering` is the set that was made of them last, "" none.
    """

    awaited: dict[str, bool] = {}
    gathering: str = ""


class Bagger(msgspec.Struct):
    """The two stations of a bagging machine: the document at the feeder, the pouch being sealed or put out."""

    feeding: Job | None = None
    sealing: Job | None = None
    retry_us: int = 0


class Bag(msgspec.Struct):
    """
    A mail bag that hangs open at a position. `closing` is why it was asked to close, "" while it is not; `by_hand`: a person
    wants it closed. `printed` is the whole tag under which it was last asked to close (`core.tags`), "" none.

    `cutoff_us` is when it will be, 0 never: its cut-off, or the next attempt after a refusal. `was_asked` is why it was asked to
    close last, which holds also when another plan has other limits.
    """

    tag: str
    position: int
    destination: str
    cutoff_us: int
    items: list[str] = []
    grams: int = 0
    closing: str = ""
    suspect: str = ""
    by_hand: bool = False
    printed: str = ""
    was_asked: str = ""


class Receipt(msgspec.Struct):
    """The receipt of a dispatched item (`words.ReceiptState`): since when it is awaited, until when, and when that ended (0)."""

    state: str
    since_us: int
    due_us: int
    ended_us: int = 0


class ManifestProgress(msgspec.Struct):
    """How far a manifest has been taken."""

    file_digest: str
    parts: int
    refused: int
    parts_taken: int = 0
    taken: int = 0


class PlanSwitch(msgspec.Struct):
    """Who switched to the plan in force, and from which file; `started` is the plan that the site was started with."""

    file: str
    person: str
    started: Plan


class Alarm(msgspec.Struct):
    """
    Where one alarm of one subject is in its life (`core.alarms.standing` gives the state that people see).

    `stands`: its cause is there; `due_us` when that becomes an alarm, 0 now or never; `raised`: people were told, and it is
    not over for them; `latched`: it is over only by their acknowledgement. `suppressed_by` is the alarm that explains it,
    `shelved_us` when its shelving ends, `out_by` who took it out of service. `recent` are its last raisings (`CHATTER_RAISINGS`
    at most), `by` the type of the fact that says its cause.
    """

    stands: bool = False
    raised: bool = False
    acknowledged: bool = False
    latched: bool = False
    by: str = ""
    due_us: int = 0
    suppressed_by: str = ""
    shelved_us: int = 0
    shelved_by: str = ""
    out_by: str = ""
    raised_us: int = 0
    cleared_us: int = 0
    acknowledged_us: int = 0
    acknowledged_by: str = ""
    raisings: int = 0
    recent: list[int] = []


class Discrepancy(msgspec.Struct, gc=False):
    """
    Something that is not as the books have it, while it is open (`core.discrepancies`). `two`: it takes two people to close it;
    `signed_by` is the first of them, who says `finding`.
    """

    number: int
    cause: str
    subject: str
    opener: str
    two: bool
    opened_us: int
    due_us: int
    overdue: bool = False
    finding: str = ""
    signed_by: str = ""


class Flow(msgspec.Struct):
    """What came into custody of a class and agency since the shift began, and what left it, by where it went."""

    inducted: int = 0
    gone: dict[str, int] = {}


class ShiftCount(msgspec.Struct):
    """The last count of a shift: who counted, when, and what differed (hand/id_card/police)."""

    person: str
    at_us: int
    differences: list[str] = []


class State(msgspec.Struct):
    """
    Everything the controller knows.

    `waybills` maps each number in use to its item, `bags` each position to its open bag, `strays` a label that does
    not belong to its parcel ("" unreadable) to the items that are on their way to the rack under it, oldest first,
    `seals` each seal that was used to its bag's tag.
    `waybill_serial` is the next number of our range; `agenda` a heap of (time, kind, name, number).
    `alarms` maps alarm/subject to its life: bounded, because names come from the table and subjects from the hall.
    `alarm_table` is the version of that table, 0 none; `alarm_times` when the last alarms were raised, `FLOOD_BEGINS` + 1 at
    most; `flood_us` when a flood of them is looked at again, 0 there is none.
    `custody_rules` is the version of the rules of discrepancies, 0 none; `discrepancies` has the open ones by their number,
    `discrepancy_of` their numbers by cause/subject. `shift` counts shifts from 1; `opening` is what was in custody when it began,
    `flows` what came and went since, both by class/agency; `count` is what people counted at its end, None not yet.
    `hall.plan` is the plan in force; `plan_switch` None if it is the one that the site was started with. `plan_why` is why it is
    not valid now ("" it is), `plan_due_us` when that changes, 0 never.
    `receipts` maps each dispatched item that wants one to its receipt, for ever; `receipts_overdue` counts those overdue.
    `despatches` maps each series of S9 tags (16 characters) to despatch and receptacle of its last bag, and 1 if that ended it;
    `tags` each bag that was named by one to the whole tag under which it was last asked to close.
    `cells` maps the place of each cell of a case rack to what is in it. `kin` maps what letters must agree in to leave together
    (`kin_of`) to those letters; `letter_sets` counts the sets made of them.
    """

    hall: Hall | None = None
    hall_digest: str = ""
    run: int = 0
    last_us: int = 0
    items: dict[str, Item] = {}
    waybills: dict[str, str] = {}
    balances: dict[str, int] = {}
    manifests: dict[str, ManifestProgress] = {}
    plcs: dict[str, Plc] = {}
    lanes: dict[str, LaneLoad] = {}
    baggers: dict[str, Bagger] = {}
    bags: dict[int, Bag] = {}
    strays: dict[str, list[str]] = {}
    seals: dict[str, str] = {}
    provisional: int = 0
    bag_serial: int = 0
    waybill_serial: int = 0
    closed_bags: int = 0
    agenda: list[tuple[int, str, str, int]] = []
    alarm_table: int = 0
    alarms: dict[str, Alarm] = {}
    alarm_times: list[int] = []
    flood_us: int = 0
    custody_rules: int = 0
    discrepancy_minutes: int = 0
    secure_minutes: int = 0
    discrepancies: dict[int, Discrepancy] = {}
    discrepancy_of: dict[str, int] = {}
    discrepancy_serial: int = 0
    shift: int = 0
    shift_begun_us: int = 0
    opening: dict[str, int] = {}
    flows: dict[str, Flow] = {}
    count: ShiftCount | None = None
    plan_switch: PlanSwitch | None = None
    plan_why: str = ""
    plan_due_us: int = 0
    receipts: dict[str, Receipt] = {}
    receipts_overdue: int = 0
    despatches: dict[str, list[int]] = {}
    tags: dict[str, str] = {}
    cases: dict[str, Case] = {}
    case_racks: dict[str, CaseRack] = {}
    cells: dict[str, Cell] = {}
    kin: dict[str, Kin] = {}
    letter_sets: int = 0


@lru_cache(maxsize=4096)
def lane_place(plc: str, lane: int) -> str:
    """The place of a lane, which is also its key in `State.lanes`."""
    return f"lane/{plc}/{lane}"


@lru_cache(maxsize=4096)
def cell_place(plc: str, cell: int) -> str:
    """The place of a cell, which is also its key in `State.cells`."""
    return f"cell/{plc}/{cell}"


def with_newest(bits: int, newest: bool, kept: int) -> int:
    """The last `kept` of what is remembered, a bit each, with one more: the newest is lowest, the oldest is forgotten."""
    return (bits << 1 | newest) & ((1 << kept) - 1)


def kin_of(item: Item) -> str:
    """What letters must agree in to leave together, as the key of `State.kin`; "" of an item without a token."""
    if not item.addressee:
        return ""
    return f"{item.agency}/{item.addressee}/{item.outlet or item.destination}/{item.service}"


def set_of(state: State, item: Item) -> Case | None:
    """The set of letters that an item belongs to, or None; a case that its agencies announced is none."""
    case = state.cases.get(item.case)
    return case if case is not None and not case.size else None
