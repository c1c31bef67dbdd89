"""`packcenter plan` as a person uses it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from packcenter.cli.codes import CONFIGURATION, OK, PROBLEM
from packcenter.cli.main import run
from packcenter.config import plan_report
from packcenter.config.load import bundled_site
from simulation import demand

PLAN = bundled_site().parent / "plan.toml"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A small working day."""
    path = tmp_path / "day.csv"
    path.write_bytes(b"".join(demand.csv_chunks(demand.example_day(1, date(2026, 3, 2), 200))))
    return path


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The reference plan, but that letters go with the invoices."""
    text = PLAN.read_text(encoding="utf-8")
    head, tail = text.rsplit('group = "letters"', 1)
    path = tmp_path / "other.toml"
    path.write_text((head + 'group = "invoices"' + tail).replace("reference-1", "reference-2"), encoding="utf-8")
    return path


def test_the_reference_plan_leaves_nothing_of_a_day_to_people(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and every share is told."""
    assert run(["plan", "coverage", str(manifest)]) == OK
    told = capsys.readouterr().out
    assert "official-letters" in told
    assert "Every item has a destination with a bag, a rule, and a lane on every sorter." in told


def test_the_coverage_is_plain_data_with_json(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shares add up to the manifest."""
    assert run(["plan", "coverage", str(manifest), "--json"]) == OK
    covered = json.loads(capsys.readouterr().out)["coverage"]
    assert sum(share["items"] for share in covered["rules"]) == covered["items"] == 200


def test_a_gap_is_told_and_ends_with_1(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check of a site refuses a plan with gaps that it can see; whatever it cannot is told here."""
    gaps = [plan_report.Gap("no_lane", "id_card by rule cards", "sorter-2", 7)]
    covered = plan_report.Coverage("plan-1", 200, [plan_report.RuleShare("cards", "ids", 200)], [], gaps)
    monkeypatch.setattr(plan_report, "cover", lambda hall, lines: covered)
    assert run(["plan", "coverage", str(manifest)]) == PROBLEM
    assert "7 items, id_card by rule cards on sorter-2: no lane of the group may hold them." in capsys.readouterr().out


def test_a_plan_with_a_gap_is_refused_before_anything_is_said_of_it(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan that has a rule for the letters to one city would leave the others to people."""
    head, tail = PLAN.read_text(encoding="utf-8").rsplit('group = "letters"', 1)
    path = tmp_path / "gap.toml"
    path.write_text(head + 'destinations = ["wuxi"]\ngroup = "letters"' + tail, encoding="utf-8")
    assert run(["plan", "coverage", str(manifest), "--plan", str(path)]) == CONFIGURATION
    assert "expected rules for every item" in " ".join(capsys.readouterr().err.split())


def test_two_plans_are_compared_and_their_items_counted(manifest: Path, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 for plans that differ, as diff has it."""
    assert run(["plan", "diff", str(PLAN), str(other), "--manifest", str(manifest)]) == PROBLEM
    told = capsys.readouterr().out
    assert "rule official-letters" in told
    assert "group letters -> invoices" in told


def test_equal_plans_end_with_0(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And no item goes another way."""
    assert run(["plan", "diff", str(PLAN), str(PLAN), "--manifest", str(manifest)]) == OK
    assert "No item of the manifest goes another way." in capsys.readouterr().out


def test_a_plan_with_a_fault_is_refused_as_check_refuses_it(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is said of it."""
    other.write_text(other.read_text(encoding="utf-8").replace('group = "letters"', 'group = "leters"'), encoding="utf-8")
    other.write_text(other.read_text(encoding="utf-8").replace('group = "invoices"', 'group = "invoicse"', 1), encoding="utf-8")
    assert run(["plan", "diff", str(PLAN), str(other)]) == CONFIGURATION
    assert "invoicse" in capsys.readouterr().err


def test_a_manifest_that_is_none_is_refused_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is counted of it."""
    path = tmp_path / "none.csv"
    path.write_text("name,phone\n", encoding="utf-8")
    assert run(["plan", "coverage", str(path)]) == PROBLEM
    assert "refused whole" in capsys.readouterr().err


def test_the_plans_of_a_site_are_listed_with_their_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anybody switches: which there are, when they hold, and what is wrong with them."""
    site = tmp_path / "site.toml"
    site.write_text(bundled_site().read_text("utf-8"), "utf-8")
    (tmp_path / "plan.toml").write_text(PLAN.read_text("utf-8"), "utf-8")
    (tmp_path / "plans").mkdir()
    text = PLAN.read_text("utf-8").replace("reference-1", "spring-1")
    valid = 'valid_from = "2026-02-01 06:00"\nvalid_until = "2026-03-01 00:00"\n'
    (tmp_path / "plans" / "spring.toml").write_text(text.replace("[bags]", valid + "\n[bags]", 1), "utf-8")
    assert run(["plan", "list", "--site", str(site), "--service", "http://127.0.0.1:1"]) != OK  # nobody answers where it is named
    capsys.readouterr()
    assert run(["plan", "list", "--site", str(site), "--folder", str(tmp_path)]) == OK
    out, _ = capsys.readouterr()
    assert "spring-1" in out
    assert "2026-02-01 06:00" in out
    assert "2026-03-01 00:00" in out
    (tmp_path / "plans" / "spring.toml").write_text(
        text.replace("[bags]", 'valid_from = "2026-02-30 06:00"\n\n[bags]', 1), "utf-8"
    )
    assert run(["plan", "list", "--json", "--site", str(site), "--folder", str(tmp_path)]) == PROBLEM
    found = json.loads(capsys.readouterr().out)["plans"]
    assert [each["file"] for each in found] == ["plan.toml", "spring.toml"]
    assert "2026-02-30" in found[1]["faults"][0]


def test_what_leaves_alone_now_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan whose letters to one addressee leave together no more: each letter of two is one parcel."""
    site = bundled_site("newborn")
    together = site.parent / "plan.toml"
    alone = tmp_path / "alone.toml"
    kept = [each for each in together.read_text(encoding="utf-8").splitlines() if not each.startswith("combine")]
    alone.write_text("\n".join(kept) + "\n", encoding="utf-8")
    manifest = tmp_path / "letters.csv"
    tokens = ["NJ-TOKEN-01", "NJ-TOKEN-01", "NJ-TOKEN-02", ""]
    rows = [f"NJ-{n},official_letter,letters-office,,210019,ems,,,,,{token}" for n, token in enumerate(tokens, 1)]
    head = "item,mail_class,agency,waybill,destination,service,case,case_size,due,arrives,addressee_token"
    manifest.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    asked = ["plan", "diff", str(together), str(alone), "--manifest", str(manifest), "--site", str(site)]
    assert run(asked) == PROBLEM
    told = " ".join(capsys.readouterr().out.split())
    assert "2 items: parcel with others to its addressee, in pouch 4 -> alone" in told
