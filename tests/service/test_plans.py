"""The plans to which a running hall may be switched: which are handed to the core, and what a person is told of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from served import Served, Told, reference
from structlog.testing import capture_logs
from test_acts_http import Hall as Door

from packcenter.cli.serving import plan_files
from packcenter.config.load import bundled_site, load_site
from packcenter.core.hall import Hall
from packcenter.core.inputs import PlanSwitched
from packcenter.service import plans
from packcenter.service.act_bodies import PlanAct
from packcenter.service.plans import PlanFiles, PlanRefused, Shelf

PLAN = (bundled_site().parent / "plan.toml").read_text("utf-8")


async def here(call: Callable[..., Any], *arguments: Any) -> Any:
    """As `off_loop`, in the loop."""
    return call(*arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site of its own, with a folder of plans."""
    (tmp_path / "site.toml").write_text(bundled_site().read_text("utf-8"), "utf-8")
    (tmp_path / "plan.toml").write_text(PLAN, "utf-8")
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "late.toml").write_text(PLAN.replace("reference-1", "late-1").replace("20:00", "21:00"), "utf-8")
    return tmp_path


def shelf(folder: Path) -> Shelf:
    configuration = load_site(folder / "site.toml")
    return Shelf(plan_files(configuration.site), configuration.hall, here)


def refusal(taken: Shelf, name: str, digest: str = "") -> PlanRefused:
    with pytest.raises(PlanRefused) as raised:
        asyncio.run(taken.take(name, digest))
    return raised.value


def test_a_plan_of_the_folder_is_taken_whole_with_its_digest(folder: Path) -> None:
    """It is what the configuration makes of it; the site's own plan is there, too, to switch back."""
    found = asyncio.run(shelf(folder).take("late.toml"))
    assert (found.version, found.bags.cutoff_minutes[-1]) == ("late-1", 21 * 60)
    assert found == load_site(folder / "site.toml", plan=folder / "plans" / "late.toml").hall.plan
    assert asyncio.run(shelf(folder).take("late.toml", found.digest[:8])) == found
    assert asyncio.run(shelf(folder).take("plan.toml")).version == "reference-1"


@pytest.mark.parametrize("name", ["other.toml", "../plan.toml", "site.toml", "", "/etc/passwd"])
def test_nothing_outside_of_the_folder_is_read(folder: Path, name: str) -> None:
    """A request names a file that there is, or none."""
    found = refusal(shelf(folder), name)
    assert (found.why, found.known) == ("no_such_plan", ["plan.toml", "late.toml"])


def test_a_plan_with_faults_is_told_with_them_and_not_taken(folder: Path) -> None:
    """G1: whole or not at all; the first faults are told, and how many more there are."""
    text = PLAN.replace("sorter-1/1", "sorter-1/77").replace("sorter-1/2", "sorter-1/9").replace("sorter-2/1", "sorter-2/66")
    (folder / "plans" / "late.toml").write_text(text.replace("sorter-2/2", "sorter-2/55"), "utf-8")
    found = refusal(shelf(folder), "late.toml")
    assert found.why == "plan_unsound"
    assert "sorter-1/77" in str(found)
    assert "1 more, see `packcenter check`" in str(found)


def test_a_plan_that_changed_since_it_was_looked_at_is_not_taken(folder: Path) -> None:
    """Who read one plan does not switch to another."""
    digest = asyncio.run(shelf(folder).take("late.toml")).digest
    (folder / "plans" / "late.toml").write_text(PLAN, "utf-8")
    assert refusal(shelf(folder), "late.toml", digest[:8]).why == "plan_changed"


def test_a_site_that_changed_since_the_start_cannot_check_plans(folder: Path) -> None:
    """The running hall is not the one of the file any more."""
    taken = shelf(folder)
    site = folder / "site.toml"
    site.write_text(site.read_text("utf-8").replace("capacity_items = 40", "capacity_items = 30"), "utf-8")
    assert refusal(taken, "late.toml").why == "site_changed"


def test_a_plan_too_long_for_the_journal_is_not_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record holds it twice."""
    monkeypatch.setattr(plans, "PLAN_BYTES_MAX", 1000)
    assert refusal(shelf(folder), "late.toml").why == "plan_too_large"


def test_without_a_folder_there_is_nothing_to_switch_to() -> None:
    """The site says so by leaving the key out."""
    assert refusal(Shelf(None, reference().hall, here), "late.toml").why == "no_plans"


def test_one_plan_is_read_at_a_time() -> None:
    """Whoever asks meanwhile is told, and waits for nothing."""

    async def both() -> list[object]:
        gate = asyncio.Event()

        async def slowly(call: Callable[..., Any], *arguments: Any) -> Any:
            await gate.wait()
            return call(*arguments)

        def load(name: str) -> Hall:
            return reference().hall

        taken = Shelf(PlanFiles(lambda: ["a.toml"], load), reference().hall, slowly)
        first = asyncio.create_task(taken.take("a.toml"))
        await asyncio.sleep(0)
        with pytest.raises(PlanRefused, match="another plan is being read"):
            await taken.take("a.toml")
        gate.set()
        return [await first]

    assert asyncio.run(both()) == [reference().hall.plan]


# --- over HTTP -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def door(folder: Path) -> Iterator[Door]:
    told = Told()
    told.shelf = Shelf(plan_files(load_site(folder / "site.toml").site), reference().hall, asyncio.to_thread)
    with Served(told) as page:
        yield Door(page)


def test_a_person_switches_by_naming_a_file(door: Door) -> None:
    """The answer is the record; the same again is refused by the hall."""
    body = {"plan": "late.toml", "reason": "late lorry"}
    found = door.ask("/acts/plan", body)
    assert (found.status, found.body["act"], found.body["subject"]) == (200, "plan_switch", "late.toml")
    assert door.ask("/acts/plan", body).why == (409, "plan_in_force")
    assert door.ask("/acts/plan", {**body, "plan": "plan.toml"}, who="m-4").why == (409, "role")


def test_a_plan_that_is_not_taken_is_told_to_the_person_and_to_the_log(door: Door, folder: Path) -> None:
    """G1: on an error the old one stays, and somebody is told."""
    body = {"plan": "late.toml", "reason": "late lorry"}
    (folder / "plans" / "late.toml").write_text("version = 1", "utf-8")
    with capture_logs() as logged:
        found = door.ask("/acts/plan", body)
    assert found.why == (409, "plan_unsound")
    assert "late.toml" in found.body["error"]
    record = found.body["record"]
    assert (record["act"], record["subject"], record["person"], record["why"]) == (
        "plan_switch", "late.toml", "op-17", "plan_unsound",
    )  # fmt: skip
    (line,) = [each for each in logged if each["event"] == "plan_refused"]
    assert (line["file"], line["person"], line["why"]) == ("late.toml", "op-17", "plan_unsound")
    missing = door.ask("/acts/plan", {**body, "plan": "later.toml"})
    assert (missing.why, missing.body["known"]) == ((404, "no_such_plan"), ["plan.toml", "late.toml"])
    assert door.ask("/acts/plan", {**body, "plan": "../plan.toml"}).why == (400, "malformed")
    assert door.ask("/acts/plan", {**body, "digest": "00000000"}).why[0] == 409
    unsound = door.ask("/acts/plan", body, who="m-4")
    assert unsound.why == (409, "role"), "who may not switch is told that, not what the file is like"
    recent = door.ask("/acts/recent", None, method="GET").body
    assert [each["why"] for each in recent] == ["plan_unsound", "no_such_plan", "plan_unsound", "role"]


def test_the_input_of_a_switch_holds_the_plan() -> None:
    """The journal replays without the file (G2)."""
    plan = replace(reference().hall.plan, version="other")
    act = PlanAct(plan="late.toml", reason="late lorry").switch("op-17", "operator", plan)
    assert act == PlanSwitched("op-17", "operator", "late lorry", "late.toml", plan)
