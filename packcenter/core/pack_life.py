"""
What the facts about pouches and parcels change in the state: the part of `state.EVOLVE` that belongs to the baggers.

Asserted here: what is in a pouch, and what may be sealed (B2, B3, B4, B6, C1).
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

from packcenter.core import case_life, reject_life
from packcenter.core import facts as f
from packcenter.core.records import Job, State


def _job_begun(state: State, at_us: int, fact: f.JobBegun) -> None:
    bagger = state.baggers[fact.plc]
    assert bagger.feeding is None, fact
    bagger.feeding = Job(fact.job, fact.item, fact.infeed, fact.waybill)


def _document_fed(state: State, at_us: int, fact: f.DocumentFed) -> None:
    job = state.baggers[fact.plc].feeding
    assert job is not None, fact
    assert job.number == fact.job, fact
    assert len(job.contents()) < len(job.expected()), (fact, job)  # B3: no more documents to a parcel than expected
    if job.inside:
        job.more.append(fact.item)
    else:
        job.inside = fact.item


def _parcel_sealed(state: State, at_us: int, fact: f.ParcelSealed) -> None:
    item = state.items[fact.item]
    job = _job(state, fact.plc, fact.job)
    if not fact.reason:
        _assert_sound(state, job)
        assert fact.label == fact.waybill == item.waybill != "", (fact, item)  # C1
    item.grams = fact.grams
    if not fact.label or fact.label != item.waybill:
        state.strays.setdefault(fact.label, []).append(fact.item)
    if job.more:
        case_life.bind_parcel(state, job, item)
    reject_life.note(state.plcs[fact.plc], fact.reason)
    _end_job(state, fact.plc, fact.job)


def _parcel_rejected(state: State, at_us: int, fact: f.ParcelRejected) -> None:
    reject_life.note(state.plcs[fact.plc], fact.reason)
    _end_job(state, fact.plc, fact.job)


def _job_abandoned(state: State, at_us: int, fact: f.JobAbandoned) -> None:
    _end_job(state, fact.plc, fact.job)


def _verdict_given(state: State, at_us: int, fact: f.VerdictGiven) -> None:
    """The pouch leaves the feeder once the pouch station is free. A refused seal may be followed by a reject."""
    bagger = state.baggers[fact.plc]
    job = _job(state, fact.plc, fact.job)
    assert job.inside, fact
    if fact.seal:
        _assert_sound(state, job)
    job.verdict = fact.number
    if bagger.sealing is None:
        bagger.feeding, bagger.sealing = None, job


def _job_suspected(state: State, at_us: int, fact: f.JobSuspected) -> None:
    _job(state, fact.plc, fact.job).suspect = fact.reason


def _job(state: State, plc: str, number: int) -> Job:
    bagger = state.baggers[plc]
    job = next((job for job in (bagger.feeding, bagger.sealing) if job is not None and job.number == number), None)
    assert job is not None, (plc, number)
    return job


def _assert_sound(state: State, job: Job) -> None:
    """B4, B6: a pouch is sealed, and its parcel bagged, only with the documents that were expected, and free of suspicion."""
    assert job.inside, job
    if job.others:
        case_life.assert_one_case(state, job)
    else:
        assert [job.item] == job.contents(), job
    assert not job.suspect, job
    assert not state.items[job.item].suspect, job


def _end_job(state: State, plc: str, number: int) -> None:
    bagger, job = state.baggers[plc], _job(state, plc, number)
    if bagger.feeding is job:
        bagger.feeding = None
    else:
        bagger.sealing = None
        if bagger.feeding is not None and bagger.feeding.verdict:
            bagger.feeding, bagger.sealing = None, bagger.feeding


def _bagger_paused(state: State, at_us: int, fact: f.BaggerPaused) -> None:
    state.baggers[fact.plc].retry_us = fact.until_us
    if fact.until_us:
        heappush(state.agenda, (fact.until_us, "retry", fact.plc, 0))


EVOLVE: dict[type, Callable[[State, int, Any], None]] = {
    f.JobBegun: _job_begun,
    f.DocumentFed: _document_fed,
    f.VerdictGiven: _verdict_given,
    f.JobSuspected: _job_suspected,
    f.ParcelSealed: _parcel_sealed,
    f.ParcelRejected: _parcel_rejected,
    f.JobAbandoned: _job_abandoned,
    f.BaggerPaused: _bagger_paused,
}
