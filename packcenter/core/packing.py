"""
From lane to sealed parcel, one item to a parcel.

    begin -> fed -> is it the one expected? -> seal, else reject -> packed -> label and weight right? -> to the rack

A bagger has two stations: a document may be fed while the pouch before it is being sealed. A document enters a
parcel only by the identity read at the feeder, in the current epoch (B4). After a stop, a restart of either side or
a lost link every pouch that holds a document is suspect (B6): it is put out, or not trusted if it was sealed.
"""

from __future__ import annotations

from packcenter.core import bags, custody, s10
from packcenter.core.commands import BeginParcel, RejectParcel, SealParcel
from packcenter.core.facts import (
    BaggerPaused,
    CommandAnswered,
    DocumentFed,
    JobAbandoned,
    JobBegun,
    JobSuspected,
    ParcelRejected,
    ParcelSealed,
    VerdictGiven,
    WaybillAssigned,
)
from packcenter.core.hall import MailClass
from packcenter.core.inputs import CommandEnded, Fed, Packed
from packcenter.core.lifecycle import kind_of
from packcenter.core.limits import RETRY_US
from packcenter.core.packml import State as Unit
from packcenter.core.state import Item, Job
from packcenter.core.turn import Turn
from packcenter.core.words import CommandResult, ReadOutcome

SEALED = 0
"""`Packed.result` of a sealed pouch; anything else is a rejected one."""


def try_begin(turn: Turn, plc: str) -> None:
    """If the bagger is running and its feeder free, ask for a parcel of the item that has waited longest in its lanes."""
    bagger = turn.state.baggers[plc]
    machine = turn.plc(plc)
    if bagger.feeding is not None or not machine.up or machine.state != Unit.EXECUTE or turn.at_us < bagger.retry_us:
        return
    waiting = _longest_waiting(turn, plc)
    if waiting is None:
        return
    item, infeed = waiting
    _give_waybill(turn, item)
    number = turn.next_number(plc)
    turn.emit(JobBegun(plc, number, item.id, infeed, item.waybill))
    turn.ask(BeginParcel(plc, number, infeed, 1, _pouch(turn, item), item.waybill))


def _longest_waiting(turn: Turn, plc: str) -> tuple[Item, int] | None:
    """The head of the lane that has waited longest, and its infeed; ties by item id."""
    heads = [
        (head.entered_us, head.id, infeed)
        for lane, infeed in turn.index.infeeds[plc]
        if (load := turn.state.lanes[lane]).items and (head := turn.item(load.items[0]))
    ]
    if not heads:
        return None
    _, name, infeed = min(heads)
    return turn.item(name), infeed


def _give_waybill(turn: Turn, item: Item) -> None:
    """Take the next number of our range for an item without one; without a number it can only be put out."""
    if item.waybill:
        return
    stock = turn.index.hall.waybills
    if turn.state.waybill_serial > stock.last:
        custody.suspect(turn, item, "no_waybill_left")
    else:
        turn.emit(WaybillAssigned(item.id, s10.number(stock.indicator, turn.state.waybill_serial, stock.country)))


def _pouch(turn: Turn, item: Item) -> int:
    mail_class = turn.index.classes.get(item.mail_class)
    return mail_class.pouch if mail_class is not None else 0


def on_fed(turn: Turn, fed: Fed) -> None:
    """
    A bagger fed a document and read it.

    Nothing readable: it is taken for the one expected, unproven, and put out. Another one: that one is in the pouch
    and is put out, and what stood before it in the lane is not there any more. The one expected: seal.
    """
    bagger = turn.state.baggers.get(fed.plc)
    job = bagger.feeding if bagger is not None else None
    if job is None or job.number != fed.job or job.inside:
        turn.set_aside(fed, "unknown_job")
        return
    if job.number in turn.plc(fed.plc).pending:
        turn.emit(CommandAnswered(fed.plc, job.number, CommandResult.DONE))
    item, reason = _identify(turn, job, fed)
    _pass_over(turn, fed.plc, job, item)
    turn.emit(DocumentFed(fed.plc, job.number, item.id, not reason, reason))
    custody.move(turn, item, f"pack/{fed.plc}")
    if reason:
        custody.suspect(turn, item, reason)
    _give_verdict(turn, fed.plc, job, item)


def _identify(turn: Turn, job: Job, fed: Fed) -> tuple[Item, str]:
    """The item that is in the pouch, and why it may not stay there ("" it may)."""
    expected = turn.item(job.item)
    if fed.outcome != ReadOutcome.SUCCESS or not fed.code:
        if kind_of(expected.place) == "lane":
            return expected, "unread_at_bagger"
        return custody.provisional(turn, "no_read"), "unread_at_bagger"
    if fed.code == expected.code:
        if kind_of(expected.place) != "lane":
            return custody.provisional(turn, "duplicate", fed.code), "duplicate"
        return expected, _double_feed(turn, expected, fed)
    other = turn.state.items.get(fed.code)
    if other is None:
        return custody.provisional(turn, "unknown", fed.code), "not_the_one_expected"
    if kind_of(other.place) in ("rack", "bag", "dispatched", "pack"):
        return custody.provisional(turn, "duplicate", fed.code), "duplicate"
    return other, "not_the_one_expected"


def _double_feed(turn: Turn, item: Item, fed: Fed) -> str:
    """B5: a document thicker than its class can be means two were fed. Thickness 0 is a bagger that does not measure."""
    mail_class = turn.index.classes.get(item.mail_class)
    limit = mail_class.thickness_max if mail_class is not None else 0
    return "double_feed" if limit and fed.thickness > limit else ""


def _pass_over(turn: Turn, plc: str, job: Job, inside: Item) -> None:
    """Lanes are first in, first out: what stood before the document that came is not in the lane any more."""
    lane = next(lane for lane, infeed in turn.index.infeeds[plc] if infeed == job.infeed)
    held = turn.state.lanes[lane].items
    if inside.id in held:
        for name in held[: held.index(inside.id)]:
            custody.lose(turn, turn.item(name), "passed_over")


def _give_verdict(turn: Turn, plc: str, job: Job, item: Item) -> None:
    """Seal what is proven, put out the rest."""
    seal = not item.suspect and not job.suspect and item.id == job.item
    _order(turn, plc, job, seal)
    try_begin(turn, plc)


def _order(turn: Turn, plc: str, job: Job, seal: bool) -> None:
    number = turn.next_number(plc)
    turn.emit(VerdictGiven(plc, job.number, number, seal))
    turn.ask(SealParcel(plc, number, job.waybill) if seal else RejectParcel(plc, number, job.waybill))


def on_packed(turn: Turn, packed: Packed) -> None:
    """
    A bagger sealed a pouch or put it out.

    Put out: what was in it is at the hand station. Sealed: it goes on its way to a bag if label and weight are
    right and nothing made it suspect, else to the rack's reject position.
    """
    bagger = turn.state.baggers.get(packed.plc)
    jobs = (bagger.sealing, bagger.feeding) if bagger is not None else ()
    job = next((job for job in jobs if job is not None and job.number == packed.job and job.inside), None)
    if job is None:
        turn.set_aside(packed, "unknown_job")
        return
    if job.verdict in turn.plc(packed.plc).pending:
        turn.emit(CommandAnswered(packed.plc, job.verdict, CommandResult.DONE))
    item = turn.item(job.inside)
    if packed.result == SEALED:
        _sealed(turn, packed, job, item)
    else:
        reason = item.suspect or job.suspect or "machine_rejected"
        turn.emit(ParcelRejected(packed.plc, job.number, item.id, reason))
        custody.to_hand(turn, item, reason)
    try_begin(turn, packed.plc)


def _sealed(turn: Turn, packed: Packed, job: Job, item: Item) -> None:
    """Judge a sealed parcel (C1, C4, B6) and send it to the rack with its instruction."""
    reason = item.suspect or job.suspect or _label_fault(packed, job) or _weight_fault(turn, packed, item)
    turn.emit(ParcelSealed(packed.plc, job.number, item.id, job.waybill, packed.label, packed.grams, reason))
    if reason:
        custody.suspect(turn, item, reason)
    custody.move(turn, item, "rack")
    bags.send(turn, item, packed.label)


def _label_fault(packed: Packed, job: Job) -> str:
    if not packed.label:
        return "label_unread"
    return "" if packed.label == job.waybill else "wrong_label"


def _weight_fault(turn: Turn, packed: Packed, item: Item) -> str:
    mail_class: MailClass | None = turn.index.classes.get(item.mail_class)
    if mail_class is None or not mail_class.grams_min <= packed.grams <= mail_class.grams_max:
        return "weight"
    return ""


def on_command_ended(turn: Turn, plc: str, command: BeginParcel | SealParcel | RejectParcel, ended: CommandEnded) -> None:
    """A bagger refused one of our commands, or found nothing to feed."""
    bagger = turn.state.baggers[plc]
    jobs = [job for job in (bagger.feeding, bagger.sealing) if job is not None]
    if isinstance(command, BeginParcel):
        _begin_refused(turn, plc, next(job for job in jobs if job.number == command.number), ended)
        return
    job = next(job for job in jobs if job.verdict == command.number)
    item = turn.item(job.inside)
    custody.suspect(turn, item, "verdict_refused")
    if isinstance(command, SealParcel):
        _order(turn, plc, job, seal=False)
    else:
        turn.emit(ParcelRejected(plc, job.number, item.id, "verdict_refused"))
        custody.to_hand(turn, item, "verdict_refused")


def _begin_refused(turn: Turn, plc: str, job: Job, ended: CommandEnded) -> None:
    """The job is over. An empty infeed means that the item is not where it was; any other refusal is tried again soon."""
    nothing = ended.result == CommandResult.NOTHING_THERE
    item = turn.item(job.item)
    turn.emit(JobAbandoned(plc, job.number, job.item, "nothing_there" if nothing else "refused"))
    if nothing and kind_of(item.place) == "lane":
        custody.lose(turn, item, "not_at_infeed")
    if not nothing:
        turn.emit(BaggerPaused(plc, turn.at_us + RETRY_US))
    try_begin(turn, plc)


def on_pause_over(turn: Turn, plc: str) -> None:
    """A bagger that had refused a job may be asked again."""
    turn.emit(BaggerPaused(plc, 0))
    try_begin(turn, plc)


def make_suspect(turn: Turn, plc: str, reason: str) -> None:
    """B6: after what happened, no pouch that holds a document at this bagger is to be trusted."""
    bagger = turn.state.baggers[plc]
    for job in (bagger.feeding, bagger.sealing):
        if job is not None and job.inside and not job.suspect:
            turn.emit(JobSuspected(plc, job.number, reason))


def void_jobs(turn: Turn, plc: str) -> None:
    """
    A bagger lost its memory. A document that was fed is put out by the machine (line interface, restart); one that
    was not is still in its lane.
    """
    bagger = turn.state.baggers[plc]
    for job in (bagger.sealing, bagger.feeding):
        if job is None:
            continue
        if job.inside:
            item = turn.item(job.inside)
            turn.emit(ParcelRejected(plc, job.number, item.id, "plc_restart"))
            custody.suspect(turn, item, "plc_restart")
            custody.to_hand(turn, item, "plc_restart")
        else:
            turn.emit(JobAbandoned(plc, job.number, job.item, "plc_restart"))
