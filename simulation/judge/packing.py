"""
Pouches and parcels of the baggers (B1, B3 to B6, C1 to C5).

A document enters a pouch only by the identity read at that bagger. A pouch is sealed as sound only if it holds exactly
the document expected, proven, thin enough, never suspect, and its label was read back as ordered.
"""

from __future__ import annotations

from typing import Final

from simulation.judge import cases
from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court, Item, Job, Parcel, is_masked
from simulation.judge.sessions import EXECUTE

_NOTHING_THERE: Final = 8
NO_WAYBILL: Final = "NO-WAYBILL"
_WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)


# --- waybills ---


def waybill_assigned(court: Court, bench: Bench, fact: Said) -> None:
    """A number of the hall's own range, the next unused one, for an item without a number."""
    _, name, waybill = fact
    item = court.item(name, "WaybillAssigned")
    if item is None:
        return
    if item.waybill:
        court.blame("C2", f"{name} gets waybill {waybill} and had {item.waybill}")
    if waybill in court.waybills:
        court.blame("C2", f"waybill {waybill} is given to {name}, {court.waybills[waybill].id} has it")
    court.waybills[waybill] = item
    court.issued += 1
    item.waybill = waybill
    why = _out_of_range(court, waybill)
    if why:
        court.blame("C2", f"waybill {waybill} is given to {name}: {why}")


def _out_of_range(court: Court, waybill: str) -> str:
    """Why a number is not the next one of the hall's range; "" if it is."""
    if court.hall is None:
        return ""
    indicator, first, last, country = court.hall.waybills
    digits = waybill[len(indicator) : len(waybill) - len(country)]
    if waybill != f"{indicator}{digits}{country}" or len(digits) != 9 or not (digits.isascii() and digits.isdigit()):
        return f"it is not of the form {indicator}nnnnnnnnn{country}"
    if int(digits[8]) != _check_digit(digits):
        return "its check digit is wrong"
    serial = int(digits[:8])
    before = max(court.serials.get((indicator, country), 0), first - 1)
    court.serials[indicator, country] = max(before, serial)
    if not first <= serial <= last:
        return f"it is outside {first} to {last}"
    if serial <= before:
        return f"serial {before} was given before"
    court.skipped += serial - before - 1
    if court.skipped > len(court.waybills):
        return f"the numbers after serial {before} were passed over"
    for between in range(before + 1, serial):
        text = f"{between:08d}"
        if f"{indicator}{text}{_check_digit(text)}{country}" not in court.waybills:
            return f"serial {between} is unused and was passed over"
    return ""


def _check_digit(digits: str) -> int:
    """The check digit of eight digits after S10."""
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False)) % 11
    return {10: 0, 11: 5}.get(rest, rest)


# --- jobs ---


def job_begun(court: Court, bench: Bench, fact: Said) -> None:
    """A pouch is asked for an item that stands at this infeed, of a bagger that runs and can be heard."""
    _, plc, number, name, infeed, waybill = fact
    machine = court.machines[plc]
    item = court.item(name, "JobBegun")
    if item is None:
        return
    if not machine.up or machine.state != EXECUTE:
        court.blame("E6", f"{plc} gets work for {name}, but it cannot be heard or does not run")
    if item.awaited is not None or item.job is not None:
        court.blame("B3", f"a second pouch is begun for {name}, job {number} of {plc}")
    if number in machine.jobs:
        court.blame("B3", f"job {number} of {plc} is begun twice")
    pouch = None
    if court.hall is not None:
        if not court.hall.stands_before(item.place, plc, infeed):
            court.blame("B4", f"{plc} is to feed {name} from infeed {infeed}, but it is in {item.place}")
        mail_class = court.hall.classes.get(item.line[1]) if item.line is not None else None
        pouch = mail_class.pouch if mail_class is not None else None
        if item.place in court.hall.outlets and item.together:
            pouch = court.sets[item.together].pouch or pouch
        elif item.place in court.hall.outlets:
            kind = court.hall.case_type(cases.case_of(item))
            pouch = kind.pouch if kind is not None else pouch
    if waybill != item.waybill and not (waybill == NO_WAYBILL and not item.waybill):
        court.blame("C2", f"the pouch for {name} is to bear {waybill}, its waybill is {item.waybill!r}")
    job = Job(plc, machine.epoch, number, item, waybill)
    job.laid = court.laid.get(item.place)
    machine.jobs[number] = job
    item.awaited = job
    bench.orders[plc, number] = ("BeginParcel", infeed, 1, pouch, waybill)


def begin_parcel(court: Court, bench: Bench, command: Said) -> None:
    """A bagger is asked for what was begun."""
    name, plc, number, infeed, documents, pouch, waybill = command
    order = bench.orders.pop((plc, number), None)
    wanted = (name, infeed, documents, pouch if order is None or order[3] is None else order[3], waybill)
    if order is None or (*order[:3], wanted[3], order[4]) != wanted or wanted[3] != pouch:
        court.blame("E9", f"{plc} is asked {command}, which this record does not announce ({order})")


def enter_pouch(court: Court, bench: Bench, item: Item) -> None:
    """A document goes into an open pouch of this bagger (B4)."""
    number = bench.happened[4]
    job = court.machines[bench.plc].jobs.get(number)
    if job is None:
        court.blame("B4", f"{item.id} enters a pouch of {bench.plc}, but job {number} is not open")
        return
    if item.job is not None:
        court.blame("B3", f"{item.id} enters the pouch of job {number} and is in that of job {item.job.number}")
    job.inside.append(item)
    item.job = job
    if len(job.inside) > len(job.wanted) or (job.verdict is not None and len(job.inside) > 1):
        job.suspect = job.suspect or "double feed"
    elif bench.name == "Fed" and job.number == number:
        said = [fact for fact in bench.said.get("DocumentFed", ()) if fact[1:4] == [bench.plc, number, item.id]]
        if not said:
            court.blame("B4", f"{item.id} enters the pouch of job {number} of {bench.plc}, and no document was fed")


def leave_pouch(item: Item) -> None:
    """The document is no longer in a pouch."""
    if item.job is not None:
        if item in item.job.inside:
            item.job.inside.remove(item)
        item.job = None


def document_fed(court: Court, bench: Bench, fact: Said) -> None:
    """What was fed is what was read; matched only if it is what was expected, and thin enough for one (B4, B5)."""
    _, plc, number, name, matched, reason = fact
    job = court.machines[plc].jobs.get(number)
    item = court.item(name, "DocumentFed")
    if item is None:
        return
    if job is None:
        court.blame("B4", f"{name} is fed into job {number} of {plc}, which is not open")
        return
    job.matched = matched and (job.matched or len(job.inside) == 0)
    if matched != (not reason):
        court.blame("B4", f"{name} is fed into job {number} of {plc}: matched {matched}, reason {reason!r}")
    event = bench.happened if bench.name == "Fed" and bench.plc == plc and bench.happened[4] == number else None
    if event is not None and event[6] == 0 and event[8] and not is_masked(event[8]) and event[8] not in (item.id, item.code):
        court.blame("B4", f"{event[8]} was read at {plc}, yet {name} is said to be fed")
    if item not in job.wanted and not job.others and job.expected.awaited is job:
        job.expected.awaited = None  # the pouch is taken; another one will be begun for what was expected
    if not matched:
        return
    if event is None or event[6] != 0 or event[8] != item.code or item not in job.wanted:
        court.blame("B4", f"{name} counts as proven in job {number} of {plc}, but it was not read there as the one expected")
    elif court.hall is not None and item.line is not None:
        mail_class = court.hall.classes.get(item.line[1])
        if mail_class is not None and 0 < mail_class.thickness_max < event[7]:
            court.blame("B5", f"{name} was fed {event[7]} thick, one is {mail_class.thickness_max} at most, and counts as proven")


def verdict_given(court: Court, bench: Bench, fact: Said) -> None:
    """A pouch is to be sealed only with the one proven document in it, and nothing against it."""
    _, plc, number, command, seal = fact
    job = court.machines[plc].jobs.get(number)
    if job is None:
        court.blame("B3", f"a verdict is given on job {number} of {plc}, which is not open")
        return
    bench.orders[plc, command] = ("SealParcel" if seal else "RejectParcel", job.waybill)
    before, job.verdict, job.verdict_number = job.verdict, seal, command
    for item in job.others and job.wanted:
        if item not in job.inside and item.awaited is job:
            item.awaited = None
    if seal:
        if before is not None:
            court.blame("B6", f"job {number} of {plc} had its verdict, and is to be sealed after all")
        _judge(court, job, "is to be sealed")
    elif before is None and not _against(court, job):
        court.blame("L", f"job {number} of {plc} is to be put out, though nothing is against it")


def _judge(court: Court, job: Job, what: str) -> bool:
    """Blame whatever is against a pouch that is taken for sound; whether nothing was."""
    found = _against(court, job)
    for letter, why in found:
        court.blame(letter, f"job {job.number} of {job.plc} {what} {why}")
    return not found


def _against(court: Court, job: Job) -> list[tuple[str, str]]:
    """Whatever is against a pouch: the letter of the invariant and why."""
    item = job.expected
    found = cases.against(court, job)
    if len(job.inside) != len(job.wanted) or set(job.inside) != set(job.wanted):
        expected = [each.id for each in job.wanted]
        found.append(("B1", f"with {[each.id for each in job.inside]} in it, expected only {expected}"))
    elif not job.matched or any(each.line is None for each in job.wanted):
        found.append(("B4", f"but {item.id} was not proven there as an announced item"))
    suspect = next((each.suspect for each in (*job.wanted, *job.inside) if each.suspect), "")
    if job.suspect or suspect:
        found.append(("B6", f"but it is suspect: {job.suspect or suspect}"))
    if job.waybill != item.waybill:
        found.append(("C1", f"under {job.waybill}, the waybill of {item.id} is {item.waybill!r}"))
    return found


def verdict(court: Court, bench: Bench, command: Said) -> None:
    """A bagger is told what was decided, naming the waybill of its open pouch."""
    name, plc, number, waybill = command
    if bench.orders.pop((plc, number), None) != (name, waybill):
        court.blame("E9", f"{plc} is told {name} {number} for {waybill}, which this record does not announce")


def job_suspected(court: Court, bench: Bench, fact: Said) -> None:
    """An open pouch may not leave any more."""
    job = court.machines[fact[1]].jobs.get(fact[2])
    if job is None:
        court.blame("B6", f"job {fact[2]} of {fact[1]} is suspect, but it is not open")
    else:
        job.suspect = job.suspect or fact[3] or "suspected"


# --- ends of jobs ---


def parcel_sealed(court: Court, bench: Bench, fact: Said) -> None:
    """A pouch is sealed; sound (no reason against it) only if all is as it must be (C1, C4)."""
    _, plc, number, name, waybill, label, grams, reason = fact
    job = _end(court, plc, number, "ParcelSealed")
    item = court.item(name, "ParcelSealed")
    if job is None or item is None:
        return
    if bench.name == "Packed":
        told = (bench.plc, bench.happened[4], bench.happened[5], bench.happened[6], bench.happened[7])
        if told != (plc, number, 0, grams, label):
            court.blame("C1", f"job {number} of {plc} is sealed ({grams} g, label {label!r}), but {bench.happened} was said")
    elif bench.name != "Dropped" or bench.happened[7] != label or "ParcelTurnedOut" not in bench.said:
        court.blame("C1", f"job {number} of {plc} is sealed, but no machine said so")
    if item not in job.inside:
        court.blame("B3", f"{name} is sealed in job {number} of {plc}, but it is not in that pouch")
    elif waybill != job.waybill:
        court.blame("C1", f"job {number} of {plc} was to bear {job.waybill}, and is said to be sealed for {waybill}")
    documents = [item, *(each for each in (job.inside if job.others else ()) if each is not item)]
    bench.ended += [(each, "rack" if bench.name == "Packed" else "hand") for each in documents]
    item.grams = grams
    if not reason:
        if item is not job.expected:
            court.blame("B1", f"job {number} of {plc} was for {job.expected.id}, and {name} is sealed in it as sound")
        _judge(court, job, "is sealed as sound")
        _judge_label(court, job, item, waybill, label)
        if bench.name == "Packed":
            _judge_weight(court, job, grams)
    sound = not reason
    parcel = Parcel(item, documents, waybill, label, sound)
    parcel.laid_out = court.hall is not None and job.place in court.hall.outlets
    item.parcel = parcel
    for each in documents[1:]:
        each.carrier = parcel
    court.parcels += 1
    bench.sealed.append(parcel)
    if label and not is_masked(label):
        if label in court.applied:
            court.relabelled += 1
        court.applied.add(label)
        court.labels.setdefault(label, []).append(parcel)


def _judge_label(court: Court, job: Job, item: Item, waybill: str, label: str) -> None:
    where = f"job {job.number} of {job.plc}"
    if not job.verdict:
        court.blame("C1", f"{where} is sealed as sound, and was not to be sealed")
    if not label or not label == waybill == job.waybill == item.waybill:
        court.blame("C1", f"{where}: label {label!r} for waybill {waybill!r} of {item.id}, whose number is {item.waybill!r}")


def _judge_weight(court: Court, job: Job, grams: int) -> None:
    """One document's parcel lies in its class's band; several weigh as much as the heaviest must, and as all of them may."""
    where = f"job {job.number} of {job.plc}"
    classes = court.hall.classes if court.hall is not None else {}
    bands = [classes[item.line[1]] for item in job.inside if item.line is not None and item.line[1] in classes]
    if len(bands) < len(job.inside) or not bands:
        return
    least, most = max(band.grams_min for band in bands), sum(band.grams_max for band in bands)
    if not least <= grams <= most:
        court.blame("C4", f"{where}: {grams} g, what is in it weighs {least} to {most}")


def forget_label(court: Court, item: Item, *, keep: bool) -> None:
    """The parcel was opened, dispatched or lost: its label is no longer on its way in the hall."""
    parcel = item.parcel
    if parcel is None:
        return
    others = court.labels.get(parcel.label, [])
    if parcel in others:
        others.remove(parcel)
        if not others:
            del court.labels[parcel.label]
    if not keep:
        item.parcel = None


def parcel_rejected(court: Court, bench: Bench, fact: Said) -> None:
    """A pouch is put out, empty or with what was in it; that goes to the hand station."""
    _, plc, number, name, _ = fact
    job = _end(court, plc, number, "ParcelRejected")
    if job is None:
        return
    bench.ended += [(item, "hand") for item in job.inside]
    inside = [each.id for each in job.inside] or [""]
    if [name] != inside[:1] or (len(inside) > 1 and not job.others):
        court.blame("B3", f"job {number} of {plc} is put out with {name!r}, in it is {[each.id for each in job.inside]}")


def after_ended(court: Court, bench: Bench) -> None:
    """What was in a pouch that ended is where the pouch went; what was not at its infeed is not there in the books."""
    for job in bench.sought:
        if job.expected.place == job.place:
            court.blame("A9", f"{job.expected.id} was sought at {job.place} in vain, and is still there in the books")
    for item, kind in bench.ended:
        if item.place != kind:
            court.blame("A1", f"{item.id} came out of its pouch, and its place is {item.place}, expected {kind}")


def job_abandoned(court: Court, bench: Bench, fact: Said) -> None:
    """A job ends without a pouch; so nothing may be in it."""
    job = _end(court, fact[1], fact[2], "JobAbandoned")
    if job is not None and bench.name == "CommandEnded" and bench.happened[5] == _NOTHING_THERE:
        bench.sought.append(job)
    if job is not None and job.inside:
        court.blame("B6", f"job {fact[2]} of {fact[1]} is abandoned with {job.inside[0].id} in its pouch")


def _end(court: Court, plc: str, number: int, what: str) -> Job | None:
    job = court.machines[plc].jobs.pop(number, None)
    if job is None:
        court.blame("B3", f"{what}: job {number} of {plc} is not open")
        return None
    for item in job.wanted:
        if item.awaited is job:
            item.awaited = None
    return job


def after_fed(court: Court, bench: Bench) -> None:
    """A document that was fed is somewhere, and its command answered."""
    number = bench.happened[4]
    if "EventSetAside" in bench.said:
        if number in court.machines[bench.plc].jobs:
            court.blame("B4", f"{bench.plc} fed a document into job {number}, which is open, and is not believed")
        return
    if not any(fact[3] == f"pack/{bench.plc}" for fact in bench.said.get("Moved", ())):
        court.blame("A1", f"{bench.plc} fed a document into job {number}, and nothing moved")
    job = court.machines[bench.plc].jobs.get(number)
    if job is not None and len(job.inside) > len(job.wanted):
        court.blame("B5", f"the pouch of job {number} of {bench.plc} holds {[each.id for each in job.inside]}")
    judged = any(each[1:3] == [bench.plc, number] for each in bench.said.get("VerdictGiven", ()))
    if job is None or judged or (job.verdict is None and len(job.inside) >= len(job.wanted)):
        _answered(court, bench.plc, number)  # what comes into a pouch that was judged before says nothing of its begin


def after_packed(court: Court, bench: Bench) -> None:
    """A pouch that came out is sealed or put out, as the bagger says, and what was asked is answered."""
    number, result = bench.happened[4], bench.happened[5]
    if "EventSetAside" in bench.said:
        if number in court.machines[bench.plc].jobs:
            court.blame("C1", f"{bench.plc} ended job {number}, which is open, and is not believed")
        return
    if ("ParcelSealed" if result == 0 else "ParcelRejected") not in bench.said:
        court.blame("C1", f"{bench.plc} ended job {number} with {result}, and that does not follow")
    for command in bench.said.get("CommandAnswered", ()):
        if command[1] == bench.plc:
            return
    court.blame("E9", f"{bench.plc} ended job {number}, and no command of it is answered")


def _answered(court: Court, plc: str, number: int) -> None:
    if number in court.machines[plc].asked:
        court.blame("E9", f"BeginParcel {number} of {plc} was carried out, and is still open")


def after_sealed(court: Court, bench: Bench) -> None:
    """At the end of its record: a label is on one parcel, or none that bears it is trusted (C3); and the rack is told."""
    for parcel in bench.sealed:
        label = parcel.label
        if not parcel.sound and not parcel.item.suspect and parcel.item in court.in_rack:
            court.blame("C1", f"{parcel.item.id} is sealed, but not as sound, and is not suspect")
        twins = [each for each in court.labels.get(label, ()) if each.item in court.in_rack]
        trusted = [twin.item.id for twin in twins if twin.sound and not twin.item.suspect]
        if len(twins) > 1 and trusted:
            court.blame("C3", f"label {label} is on {len(twins)} parcels on their way, and that of {trusted[0]} is still trusted")
        told = any(command[0] == "Drop" and command[4] == label for command in bench.commands)
        if bench.name == "Packed" and label and not is_masked(label) and not told:
            court.blame("E9", f"{label} is on its way to the rack, which is not told what to do with it")
