"""PLCs lose power and memory while the line runs. (In storms and together with the service: `test_torture`.)"""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from blows import FOUND_S, reboot_and_wait, run_on
from harness import Hall

pytestmark = pytest.mark.slow

SEED = 2027


def packed(count: int, status: dict[str, Any]) -> bool:
    """Whether so many parcels were made."""
    return bool(status["packed"] >= count)


def test_plcs_of_each_role_that_lose_their_memory_are_granted_a_new_epoch_and_the_line_goes_on(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    with Hall(tmp_path / "hall", items=900, seed=SEED) as hall:
        hall.open()
        hall.until(lambda status: status["packed"] >= 20, 30.0, "twenty parcels")
        granted_ms = []
        struck = [dice.choice([plc for plc in hall.plcs if hall.role[plc] == role]) for role in ("sorter", "bagger", "rack")]
        for plc in struck:
            granted_ms.append(reboot_and_wait(hall, plc)["granted_ms"])
            ten_more = hall.service.status()["packed"] + 10
            hall.until(partial(packed, ten_more), 30.0, f"parcels after {plc} came back")
        run_on(hall, FOUND_S)
        verdict = hall.settle()
    assert verdict.violations(memory_lost=True) == []
    for plc in hall.plcs:
        lives = verdict.journal.epochs[plc]
        assert [epoch for _, epoch in lives] == list(range(1, 2 + (plc in struck))), (plc, lives)
        assert len({nonce for nonce, _ in lives}) == len(lives)
    assert max(granted_ms) < 5_000, granted_ms


def test_what_was_on_the_belt_of_a_sorter_that_lost_its_memory_is_flagged_until_it_is_found(tmp_path: Path) -> None:
    with Hall(tmp_path / "hall", items=600, seed=SEED) as hall:
        hall.open()
        hall.until(lambda status: status["in_hall"]["belt"] >= 6, 30.0, "items on the belts")
        reboot_and_wait(hall, "sorter-1")
        verdict = hall.settle()
        lost = {item for item, (place, reason) in verdict.journal.lost.items() if reason == "plc_restart"}
        assert lost
        assert {verdict.journal.lost[item][0] for item in lost} == {"belt/sorter-1"}
        hall.open()
        run_on(hall, FOUND_S)
        verdict = hall.settle()
    assert verdict.violations(memory_lost=True) == []
    # They ran to the belt's end as things nobody follows: provisional, at the hand station, one for each.
    ghosts = [item for item, place in verdict.journal.places.items() if item.startswith("?ghost") and place == "hand"]
    assert len(ghosts) >= len(lost) - 1
