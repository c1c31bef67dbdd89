"""
Whatever happens, what must always hold holds (`invariants.Watch`).

The walks of the fast suite are bounded. `PACKCENTER_WALKS=2000 pytest tests/core/test_walks.py` walks as many seeds,
further on. A seed that fails is named by its test; `Walk(seed)` leads there again.
"""

from __future__ import annotations

import os
from collections import Counter
from types import ModuleType

import pytest
from walks import Walk

from packcenter.core import bags, custody, diverting, links, packing, routing

SEEDS = int(os.environ.get("PACKCENTER_WALKS", "0"))
GOALS = (
    "Routed plan", "Routed overflow", "Routed late", "Routed no_lane", "Routed unknown", "Routed duplicate",
    "DecisionLate", "WrongLane", "Unconfirmed", "ConfirmationMoved",
    "ItemLost unconfirmed", "ItemLost track_reused", "ItemLost plc_restart", "ItemLost passed_over",
    "ItemLost not_at_infeed", "ItemLost never_dropped", "ItemFound",
    "DocumentFed", "DocumentFed not_the_one_expected", "DocumentFed unread_at_bagger", "DocumentFed double_feed",
    "JobSuspected machine_stopped", "JobSuspected controller_restart", "JobSuspected gap", "JobSuspected double_feed",
    "ParcelSealed", "ParcelSealed wrong_label", "ParcelSealed label_unread", "ParcelSealed weight",
    "ParcelRejected verdict_refused", "ParcelRejected no_waybill_left", "JobAbandoned refused", "JobAbandoned plc_restart",
    "Suspected label_used_twice", "Suspected label_doubtful", "Suspected wrong_bag",
    "Suspected no_position", "Suspected quarantined",
    "BagCloseAsked", "BagCloseAsked count", "BagCloseAsked cut_off", "BagClosed",
    "BagSuspected gap", "BagSuspected not_sealed", "BagSuspected seal_used_twice",
    "BagSuspected unknown_parcel", "BagSuspected wrong_parcel",
    "LinkStateSet foreign_epoch", "LinkStateSet granted_again", "LinkStateSet new_life", "LinkStateSet resumed",
    "ActTaken", "ActRefused", "LaneBarred", "MachineStopSet", "MaintenanceSet", "ItemWithdrawn", "CodedByHand",
    "DiscrepancyOpened", "DiscrepancySigned", "DiscrepancyOverdue", "DiscrepancyClosed", "ShiftCountTaken", "ShiftClosed",
    "Moved to returned", "Moved to remade", "BagCloseAsked by_hand", "Routed withdrawn", "Suspected withdrawn",
    "PlanActivated", "PlanDropped", "WentRound", "InfeedHeld", "Routed round",
    "ReceiptAwaited", "ReceiptOverdue", "ReceiptReturned", "ReceiptGivenUp", "ReceiptRefused",
    "EventSetAside repeated", "EventSetAside stale_epoch", "GapSeen", "CommandTimedOut", "BaggerPaused",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_a_walk_among_sound_and_unsound_machines_breaks_nothing(seed: int) -> None:
    """No input raises, the books balance after each, and replay, fold and snapshot agree."""
    walk = Walk(seed, thorough_every=3)
    for _ in range(250):
        walk.step()
    walk.watch.check_replay(restart_every=37)


@pytest.mark.parametrize(
    ("module", "rule", "instead", "invariant"),
    [
        (links, "on_gap", None, "E2"),
        (links, "_void_old_life", None, None),
        (diverting, "_forget_track", None, None),
        (diverting, "plc_deadline", 0, "R7"),
        (routing, "_usable", True, None),
        (custody, "answer_divert", None, "outlives its item"),
        (packing, "make_suspect", None, "B6"),
        (packing, "_double_feed", "", "B5"),
        (packing, "_label_fault", "", None),
        (packing, "_weight_fault", "", "C4"),
        (custody, "pass_over", None, "A9"),
        (bags, "NO_CODES", (), "D3"),
    ],
)
def test_a_rule_that_is_broken_is_found(
    module: ModuleType, rule: str, instead: object, invariant: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks are not vacuous: each of these rules, made to do nothing, is missed within a few walks (None: by the core)."""
    monkeypatch.setattr(module, rule, (lambda *_: instead) if callable(getattr(module, rule)) else instead)
    with pytest.raises(AssertionError, match=invariant):
        _walk_until_it_breaks()


def _walk_until_it_breaks() -> None:
    for seed in range(60):
        walk = Walk(seed, thorough_every=10)
        for _ in range(600):
            walk.step()


def test_a_calm_day_brings_items_into_dispatched_bags() -> None:
    """Sound machines and announced items: bags are dispatched, and nothing is lost on the way, suspect or late."""
    walk = Walk(1, calm=True, thorough_every=50)
    for _ in range(1500):
        walk.step()
    said = _said(walk)
    assert said["BagClosed"] > 20, said
    assert said["Moved to dispatched"] == said["Moved to bag"] - _open_parcels(walk), said
    assert not [name for name in said if name.split()[0] in ("WrongLane", "BagSuspected", "GapSeen", "DecisionLate")], said
    walk.watch.check_replay(restart_every=501)


@pytest.mark.slow
def test_the_walks_get_everywhere() -> None:
    """A walk that never meets a double feed proves nothing about one: each goal is reached, over all seeds, several times."""
    said: Counter[str] = Counter()
    for seed in range(100, 450):
        walk = Walk(seed, thorough_every=10_000)
        for _ in range(500):
            walk.step()
        said += _said(walk)
    missed = {goal: said[goal] for goal in GOALS if said[goal] < 2}
    assert not missed, missed


@pytest.mark.skipif(not SEEDS, reason="PACKCENTER_WALKS is not set")
@pytest.mark.timeout(0)
@pytest.mark.slow
@pytest.mark.parametrize("block", range(max(1, SEEDS // 100)))
def test_many_long_walks(block: int) -> None:
    """As the bounded walks, by the hundred and longer."""
    for seed in range(1000 + 100 * block, 1000 + 100 * (block + 1)):
        walk = Walk(seed, thorough_every=2)
        try:
            for _ in range(800):
                walk.step()
            walk.watch.check_replay(restart_every=101)
        except Exception as failure:
            raise AssertionError(f"Walk({seed}) failed at step {len(walk.watch.steps)}: {failure!r}") from failure


def _said(walk: Walk) -> Counter[str]:
    """How often each kind of fact was said, with and without its reason."""
    said: Counter[str] = Counter()
    for step in walk.watch.steps:
        for fact in step.outcome.facts:
            kind = type(fact).__name__
            said[kind] += 1
            reason = getattr(fact, "reason", "")
            if reason:
                said[f"{kind} {reason}"] += 1
            if kind == "Moved":
                said[f"Moved to {getattr(fact, 'target', '').partition('/')[0]}"] += 1
    return said


def _open_parcels(walk: Walk) -> int:
    return sum(len(bag.items) for bag in walk.watch.controller.state.bags.values())
