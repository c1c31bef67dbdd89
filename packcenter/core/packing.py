"""
From lane to sealed parcel: one item, or all that a case rack laid out at once.

    begin -> fed -> is it the one expected? -> seal, else reject -> packed -> label and weight right? -> to the rack

A parcel of several documents is begun for all of them and fed one by one; it is sealed only if the set that was fed is the set
that was expected (B2). The waybill is that of one of them, its lead; the others ride with it.

A bagger has two stations: a document may be fed while the pouch before it is being sealed. A document enters a
parcel only by the identity read at the feeder, in the current epoch (B4). After a stop, a jam, a gap in the bagger's
events or a restart of either side every pouch that holds a document is suspect (B6): it is put out, or not trusted if
it was sealed.
"""

from __future__ import annotations

from packcenter.core import bags, case_cells, custody, s10
from packcenter.core.case_facts import JobJoined
from packcenter.core.commands import BeginParcel, RejectParcel, SealParcel
from packcenter.core.facts import (
    BaggerPaused,
    CommandAnswered,
    DocumentFed,
    JobAbandoned,
    JobBegun,
    JobSuspected,
    ParcelRejected,
    VerdictGiven,
    WaybillAssigned,
)
from packcenter.core.hall import MailClass
from packcenter.core.inputs import CommandEnded, Fed, Packed
from packcenter.core.lifecycle import FINAL, kind_of
from packcenter.core.limits import RETRY_US
from packcenter.core.state import Item, Job
from packcenter.core.turn import Turn
from packcenter.core.words import CommandResult, ReadOutcome

SEALED = 0
"""`Packed.result` of a sealed pouch; anything else is a rejected one."""

_ELSEWHERE = frozenset({"pack", "rack", "bag", *FINAL})
"""Kinds of place of what is in a pouch already or has left, so that it cannot be fed."""

NO_WAYBILL = "NO-WAYBILL"
"""Printed on the pouch of a document that got no number, to name the job; the pouch is put out."""


def try_begin(turn: Turn, plc: str) -> None:
    """If the bagger is running and its feeder free, ask for a parcel of the item that has waited longest in its lanes."""
    case_cells.serve(turn, plc)
    bagger = turn.state.baggers[plc]
    if bagger.feeding is not None or not turn.runs(plc) or turn.at_us < bagger.retry_us:
        return
    waiting = _longest_waiting(turn, plc)
    if waiting is None:
        return
    item, infeed, others = waiting
    _give_waybill(turn, item)
    number = turn.next_number(plc)
    waybill = item.waybill or NO_WAYBILL
    turn.emit(JobBegun(plc, number, item.id, infeed, waybill))
    for name in others:
        turn.emit(JobJoined(plc, number, name))
    turn.ask(BeginParcel(plc, number, infeed, 1 + len(others), _pouch(turn, item), waybill))


def _longest_waiting(turn: Turn, plc: str) -> tuple[Item, int, list[str]] | None:
    """The head of the lane that has waited longest, its infeed, and what is to go with it; ties by item id."""
    heads = [
        (head.entered_us, head.id, infeed, lane)
        for lane, infeed in turn.index.infeeds[plc]
        if (load := turn.state.lanes[lane]).items and (head := turn.item(load.items[0]))
    ]
    if not heads:
        return None
    _, name, infeed, lane = min(heads)
    if lane not in turn.index.rack_outlets:
        return turn.item(name), infeed, []
    return _laid_out(turn, lane, infeed)


def _laid_out(turn: Turn, lane: str, infeed: int) -> tuple[Item, int, list[str]]:
    """
    What a case rack laid out is one parcel, all of it. If some of it is not there any more, the rest is put out.

    The lead is the first that has a waybill already.
    """
    load = turn.state.lanes[lane]
    if sorted(load.items) != sorted(load.laid):
        for name in load.items:
            custody.suspect(turn, turn.item(name), "case_split")
    lead = next((name for name in load.items if turn.item(name).waybill), load.items[0])
    return turn.item(lead), infeed, [name for name in load.items if name != lead]


def _give_waybill(turn: Turn, item: Item) -> None:
    """Take the next number of our range for an item without one; without a number it can only be put out."""
    if item.waybill:
        return
    stock = turn.index.hall.waybills
    for serial in range(turn.state.waybill_serial, stock.last + 1):
        waybill = s10.number(stock.indicator, serial, stock.country)
        if waybill not in turn.state.waybills:  # an agency may have used a number of our range itself
            turn.emit(WaybillAssigned(item.id, waybill))
            return
    custody.suspect(turn, item, "no_waybill_left")


def _pouch(turn: Turn, item: Item) -> int:
    case = turn.state.cases.get(item.case) if item.place in turn.index.rack_outlets else None
    kind = turn.index.case_type(item.case) if case is not None and case.size else None
    if kind is not None:
        return kind.pouch
    if case is not None and case.pouch:
        return case.pouch
    mail_class = turn.index.classes.get(item.mail_class)
    return mail_class.pouch if mail_class is not None else 0


def on_fed(turn: Turn, fed: Fed) -> None:
    """
    A bagger fed a document and read it.

    Nothing readable: it is taken for the one expected, unproven, and put out. Another one: that one is in the pouch
    and is put out, and what stood before it in the lane is not there any more. The one expected, or the last of those that
    are: seal.
    """
    job = _job(turn, fed.plc, fed.job)
    if job is None:
        turn.set_aside(fed, "unknown_job")
    elif job.verdict or _is_full(job):
        _second_document(turn, fed, job)
    else:
        item, reason = _identify(turn, job, fed)
        _take_in(turn, fed.plc, job, item, reason)
        if _is_full(job):
            _order(turn, fed.plc, job, seal=_is_sound(turn, job))
            try_begin(turn, fed.plc)


def _is_full(job: Job) -> bool:
    """Whether as many documents were fed as are expected."""
    return len(job.contents()) == len(job.expected())


def _is_sound(turn: Turn, job: Job) -> bool:
    """B2: whether the set fed is the set expected, and nothing is against any of it."""
    if job.suspect or any(turn.item(name).suspect for name in job.contents()):
        return False
    return sorted(job.contents()) == sorted(job.expected())


def _job(turn: Turn, plc: str, number: int) -> Job | None:
    """The job of this number at either station of a bagger; None also for a PLC that is no bagger."""
    bagger = turn.state.baggers.get(plc)
    if bagger is None:
        return None
    return next((job for job in (bagger.sealing, bagger.feeding) if job is not None and job.number == number), None)


def _take_in(turn: Turn, plc: str, job: Job, item: Item, reason: str) -> None:
    """The item is in the pouch of the job; with a `reason` it may not stay there."""
    if len(job.contents()) + 1 == len(job.expected()):
        turn.emit(CommandAnswered(plc, job.number, CommandResult.DONE))
    custody.pass_over(turn, plc, job.infeed, item)
    turn.emit(DocumentFed(plc, job.number, item.id, not reason, reason))
    custody.move(turn, item, f"pack/{plc}")
    if reason:
        custody.suspect(turn, item, reason)


def _second_document(turn: Turn, fed: Fed, job: Job) -> None:
    """
    B5: one more document came into a pouch that has one. Neither may stay in it; our books have the second at the hand
    station at once, where the pouch will come.
    """
    if not job.suspect:
        turn.emit(JobSuspected(fed.plc, job.number, "double_feed"))
    if fed.outcome != ReadOutcome.SUCCESS or not fed.code:
        item = custody.provisional(turn, "no_read")
    else:
        item, _ = _other(turn, fed)
    custody.pass_over(turn, fed.plc, job.infeed, item)
    custody.move(turn, item, f"pack/{fed.plc}")
    custody.suspect(turn, item, "double_feed")
    custody.to_hand(turn, item, "double_feed")


def _identify(turn: Turn, job: Job, fed: Fed) -> tuple[Item, str]:
    """The item that is in the pouch, and why it may not stay there ("" it may)."""
    if fed.outcome != ReadOutcome.SUCCESS or not fed.code:
        return _unread(turn, job), "unread_at_bagger"
    for name in job.expected():
        expected = turn.item(name)
        if fed.code == expected.code and kind_of(expected.place) == "lane":
            return expected, _double_feed(turn, expected, fed)
    return _other(turn, fed)


def _unread(turn: Turn, job: Job) -> Item:
    """An unread document is taken for the one expected, if that one can be it, and no other is expected with it."""
    expected = turn.item(job.item)
    return expected if kind_of(expected.place) == "lane" and not job.others else custody.provisional(turn, "no_read")


def _other(turn: Turn, fed: Fed) -> tuple[Item, str]:
    """
    A document that is not the one expected, and what is wrong with it.

    If a parcel of that code is in the hall already, one of the two was misread, and nobody knows which: neither is trusted.
    What a person sent away does not come again under its code (protocol seed 610046).
    """
    other = turn.state.items.get(fed.code)
    if other is None:
        return custody.provisional(turn, "unknown", fed.code), "not_the_one_expected"
    if kind_of(other.place) in _ELSEWHERE:
        bags.hold_back(turn, other, "duplicate")
        return custody.provisional(turn, "duplicate", fed.code), "duplicate"
    return other, "not_the_one_expected"


def _double_feed(turn: Turn, item: Item, fed: Fed) -> str:
    """B5: a document thicker than its class can be means two were fed. Thickness 0 is a bagger that does not measure."""
    mail_class = turn.index.classes.get(item.mail_class)
    limit = mail_class.thickness_max if mail_class is not None else 0
    return "double_feed" if limit and fed.thickness > limit else ""


def _order(turn: Turn, plc: str, job: Job, seal: bool) -> None:
    number = turn.next_number(plc)
    turn.emit(VerdictGiven(plc, job.number, number, seal))
    turn.ask(SealParcel(plc, number, job.waybill) if seal else RejectParcel(plc, number, job.waybill))


def on_packed(turn: Turn, packed: Packed) -> None:
    """
    A bagger sealed a pouch or put it out.

    Put out: what was in it is at the hand station. Sealed: it goes on its way to a bag if label and weight are
    right and nothing made it suspect, else to the rack's reject position. A pouch that was sealed though nobody saw a
    document go in holds what was expected, unread; one that was put out then is empty. A job that nobody knows is one that
    is over: the rack has told before what became of its parcel.
    """
    job = _job(turn, packed.plc, packed.job)
    if job is None:
        turn.set_aside(packed, "unknown_job")
        if packed.plc in turn.state.baggers:
            try_begin(turn, packed.plc)
        return
    if packed.result == SEALED:
        if not job.inside:
            _take_in(turn, packed.plc, job, _unread(turn, job), "unread_at_bagger")
        _answer_orders(turn, packed.plc, job)
        _sealed(turn, packed, job)
    else:
        _answer_orders(turn, packed.plc, job)
        _put_out(turn, packed.plc, job)
    try_begin(turn, packed.plc)


def _answer_orders(turn: Turn, plc: str, job: Job) -> None:
    """What the bagger was told to do with this job is done."""
    for number in (job.number, job.verdict):
        if number in turn.plc(plc).pending:
            turn.emit(CommandAnswered(plc, number, CommandResult.DONE))


def _put_out(turn: Turn, plc: str, job: Job) -> None:
    """The job is over without a parcel: what was in the pouch is at the hand station, for the first reason that it had."""
    if not job.inside:
        turn.emit(ParcelRejected(plc, job.number, "", "machine_rejected"))
        return
    inside = [turn.item(name) for name in job.contents()]
    reason = _first_doubt(inside) or job.suspect or "machine_rejected"
    turn.emit(ParcelRejected(plc, job.number, inside[0].id, reason))
    for item in inside:
        custody.to_hand(turn, item, item.suspect or reason)


def _first_doubt(items: list[Item]) -> str:
    return next((item.suspect for item in items if item.suspect), "")


def _sealed(turn: Turn, packed: Packed, job: Job) -> None:
    """Judge a sealed parcel (B2, C1, C4, B6) and send it to the rack with its instruction."""
    inside = [turn.item(name) for name in job.contents()]
    item = turn.item(job.item) if job.item in job.contents() else inside[0]
    reason = _first_doubt(inside) or job.suspect or _label_fault(packed, job) or _weight_fault(turn, packed, inside)
    if not reason and not _is_sound(turn, job):
        reason = "not_what_was_expected"
    bags.seal(turn, packed.plc, job, item, packed.label, packed.grams, reason, doubt=True)
    bags.send(turn, item, packed.label)
    if packed.label not in turn.state.waybills:
        bags.doubt_twins(turn, item)


def _label_fault(packed: Packed, job: Job) -> str:
    if not packed.label:
        return "label_unread"
    return "" if packed.label == job.waybill else "wrong_label"


def _weight_fault(turn: Turn, packed: Packed, items: list[Item]) -> str:
    """
    C4: a parcel lies in the band of its document's class. One of several lies in the sum of their bands, in which each
    counts a pouch of its own; at least it weighs what the heaviest must.
    """
    bands: list[MailClass | None] = [turn.index.classes.get(item.mail_class) for item in items]
    known = [band for band in bands if band is not None]
    if len(known) < len(bands):
        return "weight"
    least, most = max(band.grams_min for band in known), sum(band.grams_max for band in known)
    return "" if least <= packed.grams <= most else "weight"


def on_command_ended(turn: Turn, plc: str, command: BeginParcel | SealParcel | RejectParcel, ended: CommandEnded) -> None:
    """A bagger refused one of our commands, or found nothing to feed."""
    if isinstance(command, BeginParcel):
        job = _job(turn, plc, command.number)
        assert job is not None, command  # a job that is over has no open command
        _begin_refused(turn, plc, job, ended)
        return
    bagger = turn.state.baggers[plc]
    job = next(job for job in (bagger.sealing, bagger.feeding) if job is not None and job.verdict == command.number)
    for name in job.contents():
        custody.suspect(turn, turn.item(name), "verdict_refused")
    if isinstance(command, SealParcel):
        _order(turn, plc, job, seal=False)
    else:
        _put_out(turn, plc, job)
        try_begin(turn, plc)


def _begin_refused(turn: Turn, plc: str, job: Job, ended: CommandEnded) -> None:
    """The job is over. An empty infeed means that the item is not where it was; any other refusal is tried again soon."""
    nothing = ended.result == CommandResult.NOTHING_THERE
    if not job.inside:
        turn.emit(JobAbandoned(plc, job.number, job.item, "nothing_there" if nothing else "refused"))
    for item in map(turn.item, job.expected() if nothing else ()):
        if kind_of(item.place) == "lane":
            custody.lose(turn, item, "not_at_infeed")
    if job.inside:  # some of several came, and the pouch is open
        if not job.verdict:
            _order(turn, plc, job, seal=False)
        return
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
            for name in job.contents():
                custody.suspect(turn, turn.item(name), "plc_restart")
            _put_out(turn, plc, job)
        else:
            turn.emit(JobAbandoned(plc, job.number, job.item, "plc_restart"))


def on_quarantined(turn: Turn, plc: str, number: int, code: str) -> None:
    """
    An event about a job made the last run fail. If a document was in the pouch, that was its end, and the pouch is
    sought at the hand station. Otherwise the document whose `code` was read came in, or one unread, and the open pouch is
    to be put out; so is one into which more were to be fed.
    """
    job = _job(turn, plc, number)
    if job is None:
        return
    if job.inside and not job.verdict and not _is_full(job):
        for name in job.contents():
            custody.suspect(turn, turn.item(name), "quarantined")
        _order(turn, plc, job, seal=False)
    elif job.inside:
        _answer_orders(turn, plc, job)
        for name in job.contents():
            custody.suspect(turn, turn.item(name), "quarantined")
        _put_out(turn, plc, job)
    else:
        named = turn.state.items.get(code)
        item = named if named is not None and kind_of(named.place) not in _ELSEWHERE else _unread(turn, job)
        _take_in(turn, plc, job, item, "quarantined")
        _order(turn, plc, job, seal=False)
    try_begin(turn, plc)
