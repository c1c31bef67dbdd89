"""What a site's case racks and case types can be wrong in: each fault is found at its place, by its rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from packcenter.config import bundled_site, check_paths
from packcenter.config.load import load_site
from packcenter.config.plan_report import cover
from packcenter.core.hall import CaseType, Outlet
from packcenter.core.inputs import Line

FOLDER = bundled_site("newborn").parent


def rules_of(folder: Path, old: str, new: str, file: str = "site.toml") -> list[tuple[str, str]]:
    """(rule, key) of every finding when a text that stands once in a file of the newborn hall is another."""
    for name in ("site.toml", "plan.toml"):
        text = (FOLDER / name).read_text("utf-8")
        if name == file:
            assert text.count(old) == 1, (old, text.count(old))
            text = text.replace(old, new)
        (folder / name).write_text(text, "utf-8")
    return [(finding.rule, finding.key) for finding in check_paths([folder / "site.toml"]).findings]


def test_the_newborn_hall_becomes_what_the_core_decides_by() -> None:
    """Racks, outlets and types stand in the hall as the file has them, and the racks' PLCs come last."""
    hall = load_site(bundled_site("newborn")).hall
    assert hall.plcs()[-2:] == ("cases-1", "cases-2")
    assert hall.case_racks[0].outlets == (Outlet(1, "bagger-2", 1), Outlet(2, "bagger-1", 3))
    assert hall.case_types == (CaseType("newborn", "NB-", hall.case_types[0].mail_classes, 240, "part_ship", 4),)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('{ number = 2, feeds = "bagger-1", infeed = 3 }', '{ number = 2, feeds = "bagger-9", infeed = 3 }', "unknown-bagger"),
        ('{ number = 2, feeds = "bagger-1", infeed = 3 }', '{ number = 2, feeds = "bagger-1", infeed = 4 }', "infeed"),
        ('{ number = 2, feeds = "bagger-1", infeed = 3 }', '{ number = 2, feeds = "bagger-1", infeed = 2 }', "same-infeed"),
        ('{ number = 2, feeds = "bagger-1", infeed = 3 }', '{ number = 1, feeds = "bagger-1", infeed = 3 }', "repeated"),
        (
            "distance_mm = 9000, capacity_items = 40, secure = true",
            "distance_mm = 9000, capacity_items = 40, secure = false",
            "not-secure",
        ),
        ('"social_security_card", "infant_health_book"]', '"social_security_card", "passport"]', "unknown-mail-class"),
        ('"social_security_card", "infant_health_book"]', '"social_security_card", "social_security_card"]', "case-classes"),
        ('plc = "cases-2"\ninfeeds = 1', 'plc = "rack-1"\ninfeeds = 1', "role"),
        (
            "pouch = 4\n",
            'pouch = 4\n\n[[case_type]]\nname = "again"\nprefix = "NB-7"\nwait_minutes = 1\nwhen_missing = "wait"\npouch = 4\n',
            "dead-type",
        ),
        ('when_missing = "part_ship"', 'when_missing = "throw_away"', "bad-value"),
        ('feeds = "cases-2", infeed = 1', 'feeds = "cases-1", infeed = 1', "same-infeed"),
    ],
)
def test_a_fault_of_case_racks_or_types_is_found(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """A hall that could not gather its cases is refused before it runs."""
    assert expected in [rule for rule, _ in rules_of(tmp_path, old, new)], rules_of(tmp_path, old, new)


def test_a_plan_keeps_off_the_lanes_of_a_case_rack(tmp_path: Path) -> None:
    """What is no document of a case would end at the hand station there."""
    found = rules_of(tmp_path, '"sorter-1/2"]', '"sorter-1/3"]', "plan.toml")
    assert ("case-lane", "$.group[0].lanes[1]") in found


_RULE = '[[rule]]\nname = "what-leaves-alone"\ngroup = "alone"\n'


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (_RULE + "combine = true\n", ("combine", "$.rule[1].combine")),
        (_RULE + "combine_minutes = 5\n", ("combine", "$.rule[1].combine_minutes")),
        (_RULE + "combine = true\ncombine_minutes = 1441\n", ("bad-value", "$.rule[1].combine_minutes")),
    ],
)
def test_a_rule_that_cannot_combine_is_found(tmp_path: Path, new: str, expected: tuple[str, str]) -> None:
    """Not what is secure, not without saying so, and not for longer than a day."""
    assert expected in rules_of(tmp_path, _RULE, new, "plan.toml"), rules_of(tmp_path, _RULE, new, "plan.toml")


def test_a_rule_combines_letters_in_a_hall_with_a_case_rack_only(tmp_path: Path) -> None:
    """The newborn hall's plan combines them; the same key in the reference hall's plan is refused."""
    (rule, other) = load_site(bundled_site("newborn")).hall.plan.rules
    assert (rule.name, rule.combine_minutes, rule.combine_pouch) == ("letters-together", 90, 4)
    assert (other.combine_minutes, other.combine_pouch) == (0, 0)
    folder = bundled_site().parent
    for name in ("site.toml", "plan.toml"):
        text = (folder / name).read_text("utf-8")
        if name == "plan.toml":
            text = text.replace("[[rule]]\n", "[[rule]]\ncombine = true\n", 1)
        (tmp_path / name).write_text(text, "utf-8")
    found = [str(finding) for finding in check_paths([tmp_path / "site.toml"]).findings]
    assert any("expected a site with a [[case_rack]]" in text for text in found), found


def test_coverage_tells_which_letters_leave_together() -> None:
    """Seven letters to one addressee leave in a parcel of six and one of one, which is not together with any."""
    hall = load_site(bundled_site("newborn")).hall

    def letter(number: int, token: str, waybill: str = "") -> Line:
        return Line(f"NB-L{number}", "official_letter", "letters-office", waybill, 210005, "ems", "", 0, 0, "", token)

    lines = [*(letter(at, "TK-000001") for at in range(7)), letter(8, "TK-000002"), letter(9, ""), letter(10, "TK-000001", "X")]
    lines += [letter(11, "TK-000003"), letter(12, "TK-000003")]
    share = cover(hall, lines).rules[0]
    assert (share.rule, share.items, share.together, share.parcels) == ("letters-together", 12, 8, 2)


def test_coverage_counts_documents_of_cases_apart() -> None:
    """They go to the case racks, whatever the rules say; a case of one document is none."""
    hall = load_site(bundled_site("newborn")).hall
    lines = [
        Line("NB-1", "birth_certificate", "maternity", "", 210005, "ems", "NB-0001", 5, 0),
        Line("NB-2", "birth_certificate", "maternity", "", 210005, "ems", "NB-0002", 1, 0),
        Line("NB-3", "official_letter", "letters-office", "", 210005, "ems", "", 0, 0),
    ]
    assert [(share.rule, share.items) for share in cover(hall, lines).rules] == [
        ("case", 1),
        ("letters-together", 1),
        ("what-leaves-alone", 1),
    ]
