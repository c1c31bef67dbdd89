"""
The small hall of the core's tests, with round numbers.

Belts run 1000 mm/s: an item is at lane 1 after 2 s, at lane 2 after 3 s, at lane 3 after 4 s, at the belt's end (lane 9)
after 6 s; a decision must leave 0.2 s before that, and an item must be confirmed 7 s after its scan.

    sorter-1   lanes 1, 2 -> bagger-1 infeeds 1, 2; lane 3 -> bagger-2 infeed 1; lane 9 exception; lane 2 is not secure
    sorter-2   lane 1 -> bagger-2 infeed 2; lane 9 exception
    rack-1     position 1 nanjing, position 2 suzhou, reject position 0
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from packcenter.config.build import plan_digest
from packcenter.core.hall import (
    Bagger,
    BagLimits,
    CaseRack,
    CaseType,
    Destination,
    Group,
    Hall,
    Lane,
    MailClass,
    Outlet,
    Plan,
    Position,
    Rack,
    Rule,
    Sorter,
    Waybills,
)

BASE_US: Final = 1_772_409_600_000_000
"""Time 0 of the scripts: 2 March 2026, 8 o'clock in Nanjing."""


def _sorter(plc: str, lanes: tuple[Lane, ...]) -> Sorter:
    return Sorter(plc, 1000, 6000, 100, 10, 90, 1000, (*lanes, Lane(9, "", 0, 6000, 20, True)), 9)


SMALL: Final = Hall(
    name="small",
    centre="NJ",
    utc_offset_minutes=480,
    agencies=("police", "tax"),
    mail_classes=(
        MailClass("letter", False, 20, 200, 1),
        MailClass("id_card", True, 5, 50, 2, 80),
    ),
    sorters=(
        _sorter(
            "sorter-1",
            (
                Lane(1, "bagger-1", 1, 2000, 3, True),
                Lane(2, "bagger-1", 2, 3000, 2, False),
                Lane(3, "bagger-2", 1, 4000, 2, True),
            ),
        ),
        _sorter("sorter-2", (Lane(1, "bagger-2", 2, 2000, 3, True),)),
    ),
    baggers=(Bagger("bagger-1", 5000, 6000), Bagger("bagger-2", 5000, 6000)),
    rack=Rack("rack-1", (Position(1, "nanjing"), Position(2, "suzhou")), 0, 60_000, 20_000),
    waybills=Waybills("EA", 1, 99, "CN"),
    plan=Plan(
        version="plan-1",
        destinations=(
            Destination("nanjing", ((210000, 211999),)),
            Destination("suzhou", ((215000, 215999),)),
            Destination("far", ((100000, 100999), (830000, 849999))),
        ),
        groups=(
            Group("letters", (("sorter-1", 2), ("sorter-2", 1)), "first", ("spare",)),
            Group("cards", (("sorter-1", 1), ("sorter-1", 2), ("sorter-2", 1)), "least", ("spare", "cards")),
            Group("spare", (("sorter-1", 3), ("sorter-1", 1)), "least", ("letters",)),
        ),
        rules=(
            Rule("police-cards", ("id_card",), ("police",), (), (), "cards"),
            Rule("near-letters", ("letter",), (), ("nanjing", "suzhou", "far"), ("ems", "registered"), "letters"),
        ),
        bags=BagLimits(3, 400, (1020, 1200)),
    ),
)

CASES: Final = replace(
    SMALL,
    name="cases",
    sorters=(
        _sorter(
            "sorter-1",
            (
                Lane(1, "bagger-1", 1, 2000, 3, True),
                Lane(2, "bagger-1", 2, 3000, 2, False),
                Lane(3, "cases-1", 1, 4000, 3, True),
            ),
        ),
        _sorter("sorter-2", (Lane(1, "bagger-2", 2, 2000, 3, True), Lane(2, "cases-1", 2, 3000, 3, True))),
    ),
    plan=replace(
        SMALL.plan,
        groups=(
            Group("letters", (("sorter-1", 2), ("sorter-2", 1)), "first", ()),
            Group("cards", (("sorter-1", 1), ("sorter-2", 1)), "least", ()),
        ),
    ),
    case_racks=(CaseRack("cases-1", 2, 3, (Outlet(1, "bagger-2", 1),), 5000, 8000),),
    case_types=(
        CaseType("newborn", "NB", (), 60, "part_ship", 3),
        CaseType("pair", "PAIR", ("letter", "id_card"), 30, "hand", 3),
        CaseType("other", "", (), 120, "wait", 3),
    ),
)
"""
A case rack beside the rest: cases-1 has two cells for three documents each, and lays out for bagger-2's infeed 1. Lane 3 of
sorter-1 and lane 2 of sorter-2 feed it.
"""

_COMBINED: Final = Rule("near-letters", ("letter",), (), ("nanjing", "suzhou"), (), "letters", 60, 4)

LETTERS: Final = replace(
    CASES,
    name="letters",
    receipt_minutes=60,
    plan=replace(CASES.plan, rules=(CASES.plan.rules[0], _COMBINED, Rule("far-letters", ("letter",), (), (), (), "letters"))),
)
"""The hall with a case rack, and a plan that combines letters to Nanjing and Suzhou: an hour at most, in pouch 4."""

HALLS: Final[dict[str, Hall]] = {
    "small": SMALL,
    "cases": CASES,
    "letters": LETTERS,
    # the same, and a rule for ID cards that says the same of them, which the configuration refuses
    "careless": replace(
        LETTERS,
        name="careless",
        plan=replace(LETTERS.plan, rules=(replace(LETTERS.plan.rules[0], combine_minutes=60), *LETTERS.plan.rules[1:])),
    ),
    # the same with four cells, the last of which letters leave to cases
    "roomy": replace(LETTERS, name="roomy", case_racks=(replace(CASES.case_racks[0], cells=4),)),
    # one number left, and the plan has no cut-off
    "poor": replace(
        SMALL,
        name="poor",
        waybills=Waybills("EA", 1, 1, "CN"),
        plan=replace(SMALL.plan, bags=BagLimits(3, 400, ())),
    ),
    # the ID cards fill lane 1 before they take lane 3, which is the emptier one
    "filling": replace(
        SMALL,
        name="filling",
        plan=replace(
            SMALL.plan,
            groups=(
                Group("cards", (("sorter-1", 1), ("sorter-1", 3)), "first", ()),
                *SMALL.plan.groups[2:],
                SMALL.plan.groups[0],
            ),
        ),
    ),
    # receipts are awaited for an hour; what wants one, or is fetched at an outlet, has a bag of its own in Nanjing
    "court": replace(
        SMALL,
        name="court",
        receipt_minutes=60,
        receptacles=("CNNKGA", "A", "EN"),
        rack=replace(
            SMALL.rack,
            positions=(
                *SMALL.rack.positions,
                Position(3, "nanjing", ("receipt-requested",)),
                Position(4, "nanjing", ("outlet-pickup",)),
            ),
        ),
        plan=replace(
            SMALL.plan,
            destinations=(
                replace(SMALL.plan.destinations[0], outlets=("NJ-PO-1", "NJ-PO-2"), office="CNNKGB"),
                *SMALL.plan.destinations[1:],
            ),
            rules=(SMALL.plan.rules[0], Rule("letters", ("letter",), (), (), (), "letters")),
        ),
    ),
    # a fresh range of numbers
    "renumbered": replace(SMALL, name="renumbered", waybills=Waybills("EC", 1, 99, "CN")),
    # the class of the ID cards is gone, the rule for them is not
    "declassed": replace(SMALL, name="declassed", mail_classes=(SMALL.mail_classes[0],)),
    # sorter-2, bagger-2 and the class of the ID cards are gone, and so is the lane that fed bagger-1's second infeed
    "rebuilt": replace(
        SMALL,
        name="rebuilt",
        mail_classes=(SMALL.mail_classes[0],),
        sorters=(_sorter("sorter-1", (SMALL.sorters[0].lanes[0],)),),
        baggers=(SMALL.baggers[0],),
        plan=replace(
            SMALL.plan,
            version="plan-2",
            groups=(Group("all", (("sorter-1", 1),), "first", ()),),
            rules=(Rule("everything", (), (), (), (), "all"),),
        ),
    ),
}


def _digested(plan: Plan) -> Plan:
    """A plan as the configuration makes it, with the digest of its content."""
    return replace(plan, digest=plan_digest(plan))


_NIGHT: Final = replace(
    SMALL.plan,
    version="night",
    destinations=(Destination("nanjing", ((210000, 210999),)), Destination("suzhou", ((211000, 211999), (215000, 215999)))),
    groups=(Group("all", (("sorter-1", 1), ("sorter-2", 1)), "first", ()),),
    rules=(Rule("all-of-it", (), (), (), (), "all"),),
    bags=BagLimits(2, 400, (1320,)),
)

_BESIDE: Final = replace(
    LETTERS.plan,
    destinations=LETTERS.plan.destinations[:2],
    rules=(CASES.plan.rules[0], replace(_COMBINED, destinations=())),
)

PLANS: Final[dict[str, Plan]] = {
    # everything goes into the first lanes, 211000 to 211999 go to Suzhou, and a bag is full with two parcels
    "night": _digested(_NIGHT),
    "night-changed": _digested(replace(_NIGHT, bags=BagLimits(3, 400, ()))),
    "day": _digested(replace(_NIGHT, version="day", destinations=SMALL.plan.destinations[:2], bags=BagLimits(3, 400, (1320,)))),
    # valid from 10 s to 20 s
    "short": _digested(replace(_NIGHT, version="short", valid_from_us=BASE_US + 10_000_000, valid_until_us=BASE_US + 20_000_000)),
    # what this hall cannot be sorted by
    "lane-7": _digested(replace(_NIGHT, version="lane-7", groups=(Group("all", (("sorter-1", 7),), "first", ()),))),
    "exception": _digested(replace(_NIGHT, version="exception", groups=(Group("all", (("sorter-1", 9),), "first", ()),))),
    "no-group": _digested(replace(_NIGHT, version="no-group", rules=(Rule("all-of-it", (), (), (), (), "none"),))),
    "no-overflow": _digested(
        replace(_NIGHT, version="no-overflow", groups=(Group("all", (("sorter-1", 1),), "first", ("none",)),))
    ),
    "twice": _digested(replace(_NIGHT, version="twice", groups=_NIGHT.groups * 2)),
    "far": _digested(replace(_NIGHT, version="far", destinations=SMALL.plan.destinations)),
    # in the hall with a case rack: letters leave alone; all of them go to Suzhou; they are combined, and wait a minute
    "alone": _digested(
        replace(_BESIDE, version="alone", rules=(CASES.plan.rules[0], replace(_COMBINED, destinations=(), combine_minutes=0)))
    ),
    "moved": _digested(
        replace(_BESIDE, version="moved", destinations=(Destination("suzhou", ((210000, 211999), (215000, 215999))),))
    ),
    "hasty": _digested(
        replace(_BESIDE, version="hasty", rules=(CASES.plan.rules[0], replace(_COMBINED, destinations=(), combine_minutes=1)))
    ),
}
"""Plans to which the small hall, or the one with a case rack, may be switched, or not."""

HALLS["short"] = replace(SMALL, name="short", plan=PLANS["short"])
HALLS["daily"] = replace(SMALL, name="daily", plan=PLANS["day"])
# as the small hall, without sorter-2
HALLS["narrow"] = replace(SMALL, name="narrow", sorters=SMALL.sorters[:1])
# as the small hall, with sorters that are loops: 4 s from the belt's end back to the scanner, twice at most, six items on it
HALLS["loop"] = replace(
    SMALL,
    name="loop",
    sorters=tuple(replace(sorter, laps_max=2, round_mm=4000, loop_items_max=6) for sorter in SMALL.sorters),
)
# as the small hall; lane 2 of sorter-1 takes two items a minute, and so does the only one of sorter-2
HALLS["slow"] = replace(
    SMALL,
    name="slow",
    sorters=(
        replace(
            SMALL.sorters[0],
            lanes=tuple(replace(lane, rate_per_minute=2 * (lane.number == 2)) for lane in SMALL.sorters[0].lanes),
        ),
        replace(SMALL.sorters[1], lanes=tuple(replace(lane, rate_per_minute=2) for lane in SMALL.sorters[1].lanes)),
    ),
)
