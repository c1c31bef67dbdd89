"""
What the books cannot explain, and where one shift ends (A2, A7, A8, E2, K1, O2, T4).

Whatever is lost, nameless, fed by mistake, missing in a PLC's events or forgotten by it is an open discrepancy, with an opener
and a time by which it is to be closed. One that may be about an ID document is closed by two people, none of whom opened it;
only an object that gets its identity needs nobody. A shift is closed when people have counted it, and every difference to the
books (the judge's own) is signed; its record must say what came and went since the border before, to the item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court, Item, kind_of
from simulation.judge.shift_books import Account, Riddle

VERSION: Final = 1
OURS: Final = "packcenter"
_MINUTE_US: Final = 60_000_000
_HOUR_US: Final = 3_600_000_000
_OVERDUE_US: Final = 120_000_000
"""An overdue discrepancy is told two minutes after the first record since at most: the controller may have stood still."""

_GONE: Final = ("dispatched", "returned", "remade", "outside")
_AWAY: Final = ("expected", *_GONE)
_STILL: Final = ("hand", "lane", "cell", "bag")
_SUSPECTED_AS: Final = {"not_the_one_expected": "wrong_document", "double_feed": "double_feed"}


def account_of(item: Item) -> Account:
    """Mail class and agency of an item."""
    return (item.line[1], item.line[2]) if item.line is not None else ("", "")


def present(court: Court) -> dict[Account, dict[str, int]]:
    """What is in custody or lost, by account and kind of place, told item by item."""
    found: dict[Account, dict[str, int]] = {}
    for item in court.items.values():
        kind = kind_of(item.place)
        if kind not in _AWAY:
            kinds = found.setdefault(account_of(item), {})
            kinds[kind] = kinds.get(kind, 0) + 1
    return found


def _is_secure(court: Court, mail_class: str) -> bool:
    return court.hall is None or mail_class not in court.hall.classes or court.hall.classes[mail_class].secure


# --- what must be open, and may be ---


def _riddles(court: Court, bench: Bench) -> Iterator[tuple[str, str]]:
    """Cause and subject of everything in this record that the books cannot explain."""
    shifts, said, items = court.shifts, bench.said, court.items
    for fact in said.get("ItemLost", ()):
        if fact[1] in items and items[fact[1]].place == "lost":
            yield "lost", fact[1]
    for fact in said.get("ItemFound", ()):
        missed = ("lost", fact[1]) in shifts.about or ("lost", fact[1]) in shifts.ended
        if fact[1] in items and items[fact[1]].place not in ("lost", "outside") and not missed:
            yield "turned_up", fact[1]
    for fact in said.get("ObjectSeen", ()):
        if fact[1] in items and items[fact[1]].place != "outside":
            yield fact[2], fact[1]
    for fact in said.get("Suspected", ()):
        if fact[2] in _SUSPECTED_AS and fact[1] in items and items[fact[1]].line is not None:
            yield _SUSPECTED_AS[fact[2]], fact[1]
    for fact in said.get("GapSeen", ()):
        yield "gap", fact[1]
    for fact in said.get("QuarantineNoted", ()):
        yield "quarantined", fact[1]
    for fact in said.get("EpochGranted", ()):
        if fact[3] > 1:
            yield "memory_lost", fact[1]
    if "CustodyRulesAdopted" in said:
        yield from _standing(court)


def _standing(court: Court) -> Iterator[tuple[str, str]]:
    """What nobody could explain before the rules held."""
    for item in court.items.values():
        if item.place == "lost":
            yield "lost", item.id
        elif item.line is None and item.place not in _GONE:
            kind = item.id[1:].partition(":")[0]
            yield (kind if kind in ("no_read", "multiple_codes", "duplicate", "ghost", "unknown") else "unknown"), item.id


def rules_adopted(court: Court, bench: Bench, fact: Said) -> None:
    """The rules are those that were given, or none; the first shift begins with them."""
    shifts, version = court.shifts, fact[1]
    given = bench.happened[1:] if bench.name == "CustodyRulesGiven" else [0, 0, 0]
    if bench.name != "CustodyRulesGiven" or fact[1:] != [VERSION if given[0] == VERSION else 0, *given[1:]]:
        court.blame("A8", f"rules {fact[1:]} of discrepancies are adopted in the record of {bench.happened}")
    for item in court.items.values() if not version else ():
        if item.place not in _GONE:
            item.integrity = "good"
    if version and not shifts.rules:
        shifts.began = bench.sequence
        shifts.begin(bench.at_us, present(court))
    shifts.rules, shifts.minutes, shifts.secure_minutes = fact[1:]


def after_rules_given(court: Court, bench: Bench) -> None:
    """What is given is adopted, and what nobody could explain before is a discrepancy from here on."""
    if "CustodyRulesAdopted" not in bench.said:
        court.blame("A8", "rules of discrepancies are given, and not adopted")
    for cause, subject in _standing(court) if court.shifts.began == bench.sequence else ():
        if (cause, subject) not in court.shifts.about:
            court.blame("A8", f"{cause} {subject} stood when the rules began to hold, and is no discrepancy")


def opened(court: Court, bench: Bench, fact: Said) -> None:
    """A discrepancy has a reason in its record, an opener and a time; there is one for a cause and a subject."""
    _, number, cause, subject, opener, two, due_us = fact
    shifts, happened = court.shifts, bench.happened
    if bench.name == "DiscrepancyReported":
        fits = [cause, subject, opener] == [*happened[4:6], happened[1]]
    elif cause == "count_differs":
        fits = bench.name == "ShiftCounted" and opener == happened[1] and subject in (shifts.counted or (0, "", ()))[2]
    else:
        fits = opener == OURS and (cause, subject) in set(_riddles(court, bench))
    if not fits:
        court.blame("A8", f"discrepancy {number} ({cause} {subject}) is opened by {opener}, and nothing of this record is so")
    if number != shifts.serial + 1 or (cause, subject) in shifts.about:
        court.blame("A8", f"discrepancy {number} ({cause} {subject}) is opened after {shifts.serial}, or is open already")
    item = court.items.get(subject)
    mail_class = subject.partition("/")[2].partition("/")[0] if cause == "count_differs" else account_of(item)[0] if item else ""
    if two != ((cause == "count_differs" or item is not None) and _is_secure(court, mail_class)):
        court.blame("A8", f"discrepancy {number} ({cause} {subject}) takes {'two people' if two else 'one'}, expected otherwise")
    if due_us != bench.at_us + (shifts.secure_minutes if two else shifts.minutes) * _MINUTE_US:
        court.blame("A8", f"discrepancy {number} ({cause} {subject}) is opened at {bench.at_us} and due at {due_us}")
    shifts.serial = number
    shifts.open[number] = Riddle(cause, subject, opener, two, due_us)
    shifts.about[cause, subject] = number
    shifts.look()


def _riddle(court: Court, fact: Said) -> Riddle | None:
    found = court.shifts.open.get(fact[1])
    if found is None:
        court.blame("A8", f"{fact[0]} is about discrepancy {fact[1]}, which is not open")
    return found


def signed(court: Court, bench: Bench, fact: Said) -> None:
    """The first of two people says what one is; nobody signs what they opened."""
    riddle, (_, number, finding, person) = _riddle(court, fact), fact
    if riddle is None:
        return
    if bench.name != "DiscrepancyJudged" or bench.happened[1] != person or bench.happened[4:] != [number, finding]:
        court.blame("O1", f"discrepancy {number} is signed by {person} in the record of {bench.happened}")
    elif person in (riddle.opener, OURS):
        court.blame("O2", f"discrepancy {number} is signed by {person}, who opened it")
    elif not riddle.two or (riddle.finding, riddle.signer) == (finding, person):
        court.blame("A8", f"discrepancy {number} is signed by {person}, and needs no signature of theirs")
    _is_so(court, riddle, number, finding)
    riddle.finding, riddle.signer = finding, person


def _is_so(court: Court, riddle: Riddle, number: int, finding: str) -> None:
    """A finding agrees with the books."""
    item = court.items.get(riddle.subject)
    if finding != "explained" and (item is None or (item.place == "lost") != (finding == "lost_for_good")):
        court.blame("A8", f"discrepancy {number} ({riddle.cause} {riddle.subject}) is found to be {finding}, the books deny it")


def overdue(court: Court, bench: Bench, fact: Said) -> None:
    """It is told once, when the time is over."""
    riddle = _riddle(court, fact)
    if riddle is None:
        return
    if bench.name != "Tick" or bench.at_us < riddle.due_us or riddle.told:
        court.blame("A8", f"discrepancy {fact[1]} is told to be overdue at {bench.at_us}, it is due at {riddle.due_us}")
    riddle.told = True
    court.shifts.look()


def closed(court: Court, bench: Bench, fact: Said) -> None:
    """By people, two of them for what may be an ID document, and never by who opened it; else because its reason is gone."""
    riddle, (_, number, finding, first, second) = _riddle(court, fact), fact
    if riddle is None:
        return
    what = f"discrepancy {number} ({riddle.cause} {riddle.subject})"
    if first == OURS:
        if finding not in _explained(court, bench, riddle) or second:
            court.blame("A8", f"{what} is closed by itself as {finding}, and nothing of this record says so")
        elif riddle.two and finding != "identified":
            court.blame("A8", f"{what} is closed by itself, it takes two people")
    else:
        people = [first, second] if riddle.two else [first]
        if bench.name != "DiscrepancyJudged" or [bench.happened[1], *bench.happened[4:]] != [second or first, number, finding]:
            court.blame("O1", f"{what} is closed by {people} in the record of {bench.happened}")
        if riddle.opener in people:
            court.blame("O2", f"{what} is closed by {people}, {riddle.opener} opened it")
        if riddle.two and (not second or first == second or (riddle.finding, riddle.signer) != (finding, first)):
            court.blame("A8", f"{what} takes two people, it is closed by {people}")
        _is_so(court, riddle, number, finding)
    del court.shifts.open[number]
    court.shifts.look()
    court.shifts.about.pop((riddle.cause, riddle.subject), None)
    court.shifts.ended.add((riddle.cause, riddle.subject))


def _explained(court: Court, bench: Bench, riddle: Riddle) -> list[str]:
    """As what a discrepancy is explained by this record."""
    item = court.items.get(riddle.subject)
    found = []
    if riddle.cause == "count_differs":
        counted = court.shifts.counted
        if bench.name == "ShiftCounted" and counted is not None and riddle.subject not in counted[2]:
            found.append("recounted")
    elif item is not None:
        if riddle.cause == "lost" and item.place != "lost" and any(f[1] == item.id for f in bench.said.get("ItemFound", ())):
            found.append("found")
        went = any(f[1] == item.id and f[3] == "outside" for f in bench.said.get("Moved", ()))
        if went and riddle.cause != "damaged":
            found.append("identified")
    return found


def after_record(court: Court, bench: Bench) -> None:
    """Nothing that the books cannot explain is passed over, and what is explained does not stay open."""
    shifts, said = court.shifts, bench.said
    if not shifts.rules:
        return
    if "Moved" in said and "CustodyRulesAdopted" not in said:
        for fact in said["Moved"]:
            _flow(court, fact)
    if not said.keys().isdisjoint(_RIDDLES):
        for cause, subject in _riddles(court, bench):
            if (cause, subject) not in shifts.about and "CustodyRulesAdopted" not in said:
                court.blame("A8", f"{cause} {subject} is no open discrepancy")
    if not said.keys().isdisjoint(("ItemFound", "ShiftCountTaken")) or any(
        fact[3] == "outside" for fact in said.get("Moved", ())
    ):
        for number, riddle in shifts.open.items():
            reasons = _explained(court, bench, riddle)
            if "identified" in reasons or (reasons and not riddle.two):
                court.blame("A8", f"discrepancy {number} ({riddle.cause} {riddle.subject}) is {reasons[0]}, and stays open")
    if shifts.ended:
        shifts.ended.clear()
    if bench.name == "DiscrepancyReported" and bench.happened[4] == "damaged" and "ActTaken" in said:
        item = court.items.get(bench.happened[5])
        if item is not None and not item.suspect:
            court.blame("B6", f"{item.id} is reported damaged, and not suspect")
    _look_for_overdue(court, bench)


_RIDDLES: Final = frozenset({"ItemLost", "ItemFound", "ObjectSeen", "Suspected", "GapSeen", "QuarantineNoted", "EpochGranted"})


def _look_for_overdue(court: Court, bench: Bench) -> None:
    """What is due is told at the first Tick in its time, and does not stay untold for ever without one."""
    shifts = court.shifts
    if not 0 < shifts.earliest_us <= bench.at_us or bench.name == "Started":
        shifts.overdue_us = 0
        return
    shifts.overdue_us = shifts.overdue_us or bench.at_us
    if bench.name == "Tick" or bench.at_us - shifts.overdue_us > _OVERDUE_US:
        court.blame("A8", f"a discrepancy was due at {shifts.earliest_us}, and nobody is told at {bench.at_us}")
        shifts.earliest_us = shifts.overdue_us = 0


# --- shifts ---


def _flow(court: Court, fact: Said) -> None:
    """What comes into custody, and what leaves it, counted move by move."""
    item = court.items.get(fact[1])
    if item is None:
        return
    account, source, target = account_of(item), kind_of(fact[2]), kind_of(fact[3])
    if source in ("expected", "outside"):
        court.shifts.came[account] = court.shifts.came.get(account, 0) + 1
    if target in _GONE:
        went = court.shifts.went.setdefault(account, {})
        went[target] = went.get(target, 0) + 1


def count_taken(court: Court, bench: Bench, fact: Said) -> None:
    """The differences are those between what people counted and the books, and how much was in motion is told."""
    _, shift, person, in_motion, differences = fact
    shifts = court.shifts
    if bench.name != "ShiftCounted" or person != bench.happened[1] or shift != shifts.shift:
        court.blame("K1", f"shift {shift} is counted by {person} in the record of {bench.name}, it is shift {shifts.shift}")
        return
    counted = {tuple(line[:3]): line[3] for line in bench.happened[4]}
    here = present(court)
    booked = {(kind, *account): kinds[kind] for account, kinds in here.items() for kind in _STILL if kind in kinds}
    keys = sorted(counted.keys() | booked.keys())
    found = [[*key, counted.get(key, 0), booked.get(key, 0)] for key in keys if counted.get(key, 0) != booked.get(key, 0)]
    moving = sum(kinds.get(kind, 0) for kinds in here.values() for kind in ("belt", "pack", "rack"))
    if differences != found or in_motion != moving:
        court.blame("K1", f"the count of shift {shift} differs in {differences} ({in_motion} move), expected {found} ({moving})")
    shifts.counted = bench.at_us, person, frozenset("/".join(each[:3]) for each in differences)


def shift_closed(court: Court, bench: Bench, fact: Said) -> None:
    """A shift ends when it was counted and its differences are signed, with books that agree with the judge's (A2)."""
    _, shift, begun_us, counted_by, closed_by, accounts, handed_on, numbers = fact
    shifts = court.shifts
    for moved in bench.said.get("Moved", ()):
        court.blame("T4", f"{moved[1]} moves in the record that ends shift {shift}")
    if bench.name != "ShiftEnded" or closed_by != bench.happened[1] or (shift, begun_us) != (shifts.shift, shifts.border_us):
        court.blame("T4", f"shift {shift} since {begun_us} is closed in the record of {bench.name}")
    if shifts.counted is None or counted_by != shifts.counted[1] or bench.at_us - shifts.counted[0] > _HOUR_US:
        court.blame("K1", f"shift {shift} is closed with the count of {counted_by}, the last one is {shifts.counted}")
    else:
        open_ = [
            shifts.open[n]
            for (cause, about), n in shifts.about.items()
            if cause == "count_differs" and about in shifts.counted[2]
        ]
        for riddle in open_:
            if not riddle.signer:
                court.blame("K1", f"shift {shift} is closed, and the difference of {riddle.subject} is not signed")
    if handed_on != sorted(shifts.open):
        court.blame("A8", f"shift {shift} hands on {handed_on}, open are {sorted(shifts.open)}")
    expected = _books(court)
    if sorted(accounts) != expected:
        court.blame("A2", f"the books of shift {shift} are {sorted(accounts)}, expected {expected}")
    used = _numbers(court)
    if numbers != used:
        court.blame("C2", f"the numbers of shift {shift} are {numbers}, expected {used}")
    shifts.begin(bench.at_us, present(court))


def _numbers(court: Court) -> list[Any]:
    """Where the numbers of the hall's range are: each is an item's, or nobody's."""
    if court.hall is None:
        return []
    indicator, first, last, country = court.hall.waybills
    counts = {"applied": 0, "open": 0, "voided": 0}
    for number, item in court.waybills.items():
        ours = len(number) == 13 and number.startswith(indicator) and number.endswith(country) and number[2:11].isdigit()
        if ours and first <= int(number[2:10]) <= last:
            kind = kind_of(item.place)
            counts["applied" if kind in ("rack", "bag", "dispatched") else "voided" if kind in _GONE else "open"] += 1
    return [indicator, country, first, last, *counts.values(), last - first + 1 - sum(counts.values())]


def _books(court: Court) -> list[list[Any]]:
    shifts, here = court.shifts, present(court)
    found = []
    for account in shifts.opening.keys() | shifts.came.keys() | shifts.went.keys() | here.keys():
        kinds, went = here.get(account, {}), shifts.went.get(account, {})
        lost = kinds.get("lost", 0)
        counts = [shifts.opening.get(account, 0), shifts.came.get(account, 0)]
        counts += [went.get(where, 0) for where in ("dispatched", "returned", "remade", "outside")]
        counts += [sum(kinds.values()) - lost, lost]
        if counts[0] + counts[1] != sum(counts[2:]):
            court.blame("A2", f"opening and inducted of {account} are not what went and what is there: {counts}")
        found.append([*account, *counts])
    return sorted(found)


# --- acts ---

ACTS: Final = {
    "DiscrepancyReported": ("DiscrepancyOpened",),
    "DiscrepancyJudged": ("DiscrepancySigned", "DiscrepancyClosed"),
    "ShiftCounted": ("ShiftCountTaken",),
    "ShiftEnded": ("ShiftClosed",),
}
"""Act -> the facts of which one carries it out."""


def named(happened: Said) -> tuple[str, str]:
    """The act that an input is, and what it is about."""
    if happened[0] == "DiscrepancyReported":
        return "discrepancy_report", happened[5]
    if happened[0] == "DiscrepancyJudged":
        return f"discrepancy_{happened[5]}", str(happened[4])
    return {"ShiftCounted": "shift_count", "ShiftEnded": "shift_close"}[happened[0]], ""


def is_true(court: Court, bench: Bench, why: str) -> bool:
    """Whether an act about a discrepancy or a shift had to be refused for this reason."""
    shifts, happened = court.shifts, bench.happened
    if why == "no_discrepancies":
        return not shifts.rules
    if happened[0] == "DiscrepancyReported":
        return {
            "cause": happened[4] not in ("missing", "surplus", "damaged"),
            "unknown_item": happened[5] not in court.items,
            "gone": happened[5] in court.items and court.items[happened[5]].place in _GONE,
            "open_already": (happened[4], happened[5]) in shifts.about,
        }.get(why, True)
    if happened[0] == "DiscrepancyJudged":
        return _is_true_of(court, shifts.open.get(happened[4]), happened, why)
    return {
        "not_counted": shifts.counted is None,
        "count_old": shifts.counted is not None and bench.at_us - shifts.counted[0] > _HOUR_US,
        "unsigned": shifts.counted is not None
        and any(
            each.cause == "count_differs" and each.subject in shifts.counted[2] and not each.signer
            for each in shifts.open.values()
        ),
    }.get(why, True)


def _is_true_of(court: Court, riddle: Riddle | None, happened: Said, why: str) -> bool:
    if riddle is None:
        return why in ("no_discrepancy", "unknown_act")
    item = court.items.get(riddle.subject)
    return {
        "no_discrepancy": False,
        "opener": happened[1] in (riddle.opener, OURS),
        "supervisor": riddle.cause == "count_differs" and happened[2] != "supervisor",
        "signed_already": (riddle.signer, riddle.finding) == (happened[1], happened[5]),
        "no_item": item is None,
        "still_missing": item is not None and item.place == "lost",
        "not_missing": item is not None and item.place != "lost",
    }.get(why, True)


def after_act(court: Court, bench: Bench, act: str) -> None:
    """An act that is taken is carried out."""
    if not any(name in bench.said for name in ACTS[bench.name]):
        court.blame("O1", f"{act} of {bench.happened[1]} is taken, and nothing comes of it")


FACTS: Final[dict[str, Callable[[Court, Bench, Said], None]]] = {
    "CustodyRulesAdopted": rules_adopted,
    "DiscrepancyOpened": opened,
    "DiscrepancySigned": signed,
    "DiscrepancyOverdue": overdue,
    "DiscrepancyClosed": closed,
    "ShiftCountTaken": count_taken,
    "ShiftClosed": shift_closed,
}
"""The rules of the facts about discrepancies and shifts."""
