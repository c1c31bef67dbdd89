"""What is said of a sort plan is what the core would do with it."""

from __future__ import annotations

import sys
from pathlib import Path

from msgspec.structs import replace

from packcenter.config.plan_report import Change, Gap, Rerouted, compare, cover, reroute
from packcenter.core.hall import CaseRack, Group, Hall, Lane, Outlet, Plan, Rule, Sorter
from packcenter.core.inputs import Line

CORE = str(Path(__file__).parent.parent / "core")
if CORE not in sys.path:
    sys.path.append(CORE)

import halls  # noqa: E402 - the small hall of the core's tests

HALL = halls.SMALL
PLAN = HALL.plan


def line(item: str, mail_class: str, postcode: int, service: str = "ems") -> Line:
    agency = "police" if mail_class == "id_card" else "tax"
    return Line(item, mail_class, agency, "", postcode, service, "", 0, 0)


def with_plan(**changes: object) -> Hall:
    return replace(HALL, plan=replace(PLAN, **changes))


def test_each_rule_gets_its_share_and_each_destination_its_items() -> None:
    """Also those that get none, in the plan's order."""
    covered = cover(HALL, [line("1", "letter", 210000), line("2", "letter", 215000), line("3", "id_card", 210001)])
    assert [(share.rule, share.group, share.items) for share in covered.rules] == [
        ("police-cards", "cards", 1),
        ("near-letters", "letters", 2),
    ]
    assert [(each.destination, each.position, each.items) for each in covered.destinations] == [
        ("nanjing", 1, 2),
        ("suzhou", 2, 1),
        ("far", 0, 0),
    ]
    assert (covered.items, covered.gaps, covered.unused) == (3, [], [])


def test_what_no_machine_can_finish_is_told_the_most_items_first() -> None:
    """No destination, no bag, no rule."""
    lines = [
        line("1", "letter", 999999),
        line("2", "letter", 100001),
        line("3", "letter", 100002),
        line("4", "letter", 210000, "x"),
    ]
    assert cover(HALL, lines).gaps == [
        Gap("no_position", "far", "", 2),
        Gap("no_destination", "999999", "", 1),
        Gap("no_rule", "letter of tax for 999999 by ems", "", 1),
        Gap("no_rule", "letter of tax for nanjing by x", "", 1),
    ]


def test_a_sorter_without_a_secure_lane_for_cards_is_told() -> None:
    """R8: the overflow groups count, too."""
    second = HALL.sorters[1]
    insecure = replace(second, lanes=tuple(replace(lane, secure=False) if lane.number == 1 else lane for lane in second.lanes))
    hall = replace(HALL, sorters=(HALL.sorters[0], insecure))
    assert cover(hall, [line("1", "id_card", 210000)]).gaps == [Gap("no_lane", "id_card by rule police-cards", "sorter-2", 1)]
    assert cover(hall, [line("1", "letter", 210000)]).gaps == []


def test_a_rule_that_takes_nothing_is_named() -> None:
    """It may be one that stands behind another that takes all."""
    rules = (*PLAN.rules, Rule("late", ("letter",), (), (), (), "letters"))
    assert cover(with_plan(rules=rules), [line("1", "letter", 210000)]).unused == ["police-cards", "late"]


def test_equal_plans_do_not_differ_whatever_they_are_called() -> None:
    """The version is a name."""
    assert compare(PLAN, replace(PLAN, version="plan-2")) == []


def test_every_part_of_a_plan_that_differs_is_told() -> None:
    """Destinations, groups, rules, their order, and when bags are closed."""
    groups = (PLAN.groups[0], Group("cards", (("sorter-1", 1),), "first", ()))
    now = Plan(
        version="plan-2",
        destinations=(replace(PLAN.destinations[0], postcodes=((210000, 210999), (211500, 211500))), *PLAN.destinations[1:]),
        groups=groups,
        rules=(PLAN.rules[1], replace(PLAN.rules[0], mail_classes=()), Rule("all", (), (), (), (), "letters")),
        bags=replace(PLAN.bags, items_max=9, cutoff_minutes=()),
    )
    changes = {change.what: (change.was, change.now) for change in compare(PLAN, now)}
    assert changes == {
        "destination nanjing": ("210000-211999", "210000-210999, 211500"),
        "group cards": ("sorter-1/1, sorter-1/2, sorter-2/1 (least), then spare, cards", "sorter-1/1 (first)"),
        "group spare": ("sorter-1/3, sorter-1/1 (least), then letters", ""),
        "rule police-cards": ("class id_card; agency police -> cards", "agency police -> cards"),
        "rule all": ("", "everything -> letters"),
        "order of rules": ("police-cards, near-letters", "near-letters, police-cards"),
        "bags items_max": ("3", "9"),
        "bags cutoffs": ("17:00, 20:00", "none"),
    }
    assert Change("bags items_max", "3", "9") in compare(PLAN, now)


def test_the_items_that_go_another_way_are_counted() -> None:
    """By destination, group and rule, each for itself."""
    moved = (replace(PLAN.destinations[0], postcodes=((210000, 210999),)), *PLAN.destinations[1:])
    now = with_plan(destinations=moved, rules=(PLAN.rules[0], replace(PLAN.rules[1], group="spare")))
    lines = [line("1", "letter", 211500), line("2", "letter", 210000), line("3", "id_card", 210000)]
    assert reroute(HALL, now, lines) == [
        Rerouted("destination", "nanjing", "", 1),
        Rerouted("group", "letters", "", 1),
        Rerouted("group", "letters", "spare", 1),
        Rerouted("rule", "near-letters", "", 1),
    ]
    assert reroute(HALL, HALL, lines) == []


def combining(*rules: Rule) -> Hall:
    """The hall with a case rack whose cells hold three, and these rules."""
    rack = CaseRack("cases-1", 4, 3, (Outlet(1, "bagger-1", 2),), 1_000, 1_000)
    return replace(HALL, case_racks=(rack,), plan=replace(PLAN, rules=rules))


def to(addressee: str, item: str, mail_class: str = "letter", **changes: object) -> Line:
    return replace(line(item, mail_class, 210000), addressee=addressee, **changes)


def test_the_items_that_leave_alone_or_together_now_are_counted() -> None:
    """As many as fit a cell leave together; who is left, has a waybill, or has nobody with it leaves alone before and after."""
    alone, together = PLAN.rules[1], replace(PLAN.rules[1], combine_minutes=60)
    lines = [*(to("A", f"{n}") for n in range(4)), to("B", "5"), to("A", "6", waybill="EE1"), line("7", "letter", 210000)]
    with_others = "with others to its addressee"
    assert reroute(combining(alone), combining(together), lines) == [Rerouted("parcel", "alone", with_others, 3)]
    assert reroute(combining(together), combining(alone), lines) == [Rerouted("parcel", with_others, "alone", 3)]
    assert reroute(combining(together), combining(replace(together, combine_minutes=90)), lines) == []
    pouched = combining(replace(together, combine_pouch=4))
    assert reroute(combining(together), pouched, lines) == [Rerouted("parcel", with_others, f"{with_others}, in pouch 4", 3)]
    assert reroute(replace(combining(alone), case_racks=()), replace(combining(together), case_racks=()), lines) == []


def test_letters_of_two_rules_that_combine_leave_together() -> None:
    """As the core has it: what counts is agency, addressee, place and service, not the rule; the first one's makes the set."""
    rules = (Rule("letters", ("letter",), (), (), (), "letters", 60), Rule("papers", ("paper",), (), (), (), "letters", 60))
    paper = replace(HALL.mail_classes[0], name="paper", secure=False)
    hall = replace(combining(*rules), mail_classes=(*HALL.mail_classes, paper))
    covered = cover(hall, [to("A", "1"), to("A", "2", "paper"), to("B", "3")])
    assert [(share.together, share.parcels) for share in covered.rules] == [(1, 1), (1, 0)]


def test_documents_of_cases_go_by_no_rule_of_the_plan() -> None:
    """Another rule for their class moves none of them."""
    moved = replace(PLAN.rules[1], group="spare")
    lines = [to("", "1", case="NB-1", case_size=2), to("", "2")]
    assert reroute(combining(PLAN.rules[1]), combining(moved), lines) == [Rerouted("group", "letters", "spare", 1)]


def test_a_sorter_without_lanes_of_a_group_is_found_by_its_name() -> None:
    """Each sorter for itself: an item cannot choose where it is inducted."""
    bare = Sorter("sorter-3", 1000, 6000, 100, 10, 90, 1000, (Lane(9, "", 0, 6000, 20, True),), 9)
    gaps = cover(replace(HALL, sorters=(*HALL.sorters, bare)), [line("1", "letter", 210000)]).gaps
    assert gaps == [Gap("no_lane", "letter by rule near-letters", "sorter-3", 1)]
