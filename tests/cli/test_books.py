"""`packcenter books`: the books, then each machine's KPIs with numerator and denominator, for people and for machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from packcenter.cli.codes import OK
from packcenter.cli.kpi_output import hours, parts_of, value_of
from packcenter.cli.main import run
from packcenter.projections.kpis import KPIS, Ratio


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a small day."""
    folder = tmp_path_factory.mktemp("day") / "journal"
    assert run(["simulate", "--items", "150", "--seed", "3", "--journal", str(folder)]) == OK
    return folder


def test_books_end_with_the_kpis_of_every_machine(
    journal: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a wide terminal a row for each machine, on a narrow one a line for each KPI; both name all of them."""
    for wide, value in ((130, " / "), (1_000, "numerator")):
        monkeypatch.setattr("packcenter.cli.kpi_output.WIDE", wide)
        assert run(["books", str(journal)]) == OK
        text = capsys.readouterr().out
        assert text.index("The books balance") < text.index("KPIs (ISO 22400-2)") < text.index("Time in each element")
        for word in (value, "availability", "effectiveness", "quality", "OEE", "MTBF", "MTTR", "sorter-1", "bagger-4", "rack-1"):
            assert word in text
        lines = [line for line in text.splitlines() if line.strip().startswith("production")]
        assert len(lines) == 1


def test_json_has_both_integers_of_every_kpi(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A program divides by itself, and adds up machines and days before it does."""
    assert run(["books", str(journal), "--json"]) == OK
    found: Any = msgspec.json.decode(capsys.readouterr().out)
    assert found["balanced"]
    machines = {row["plc"]: row for row in found["machines"]}
    assert len(machines) == 7
    for row in machines.values():
        assert set(row["kpis"]) == set(KPIS)
        assert all(isinstance(row["kpis"][kpi][part], int) for kpi in KPIS for part in ("numerator", "denominator"))
        assert row["kpis"]["availability"]["denominator"] == sum(row["elements_us"].values()) - row["elements_us"]["unplanned"]
    assert sum(machines[f"bagger-{n}"]["items"]["good"] for n in (1, 2, 3, 4)) == machines["rack-1"]["items"]["good"]


@pytest.mark.parametrize(
    ("kpi", "ratio", "value", "parts"),
    [
        ("availability", Ratio(3_599_000_000, 7_200_000_000), "49.99%", ("0:59:59", "2:00:00")),
        ("throughput", Ratio(50, 1_800_000_000), "100", ("50", "0:30:00")),
        ("mtbf", Ratio(36_000_000_000, 4), "2:30:00", ("10:00:00", "4")),
        ("mttr", Ratio(0, 0), "-", ("0:00:00", "0")),
        ("oee", None, "-", ("", "")),
    ],
)
def test_a_kpi_reads_as_people_say_it(kpi: str, ratio: Ratio | None, value: str, parts: tuple[str, str]) -> None:
    """Shares in percent, items an hour, mean times; a dash for what is not given."""
    assert value_of(kpi, ratio) == value
    assert parts_of(kpi, ratio) == parts


def test_hours_are_cut_to_the_second() -> None:
    """26 hours are not two."""
    assert hours(26 * 3_600_000_000 + 61_999_999) == "26:01:01"
