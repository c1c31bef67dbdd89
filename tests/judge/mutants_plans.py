"""Mutants of days on which the sort plan is switched; `mutants` has those of all others."""

from __future__ import annotations

from days import PLANS
from mutants import Records, cut_after, drop_said, mutant, nth, said


@mutant("G1", "a plan is activated for which the hall lacks a lane", PLANS)
def _(records: Records) -> None:
    record, other = nth(records, "PlanSwitched"), nth(records, "PlanSwitched", 1)
    plan = record.happened[5]
    record.facts[:] = [["ActTaken", *record.facts[0][1:6]], ["PlanActivated", "lane-7.toml", "op-7", plan]]
    assert other.happened[5] != plan
    cut_after(records, record)


@mutant("G1", "that the plan in force is not valid any more is not told", PLANS)
def _(records: Records) -> None:
    drop_said(nth(records, "Tick"), "PlanValiditySet")
    cut_after(records, nth(records, "Started", 2))


@mutant("G1", "a plan that is valid is said to be expired", PLANS)
def _(records: Records) -> None:
    record = nth(records, "PlanSwitched", 1)
    record.facts.append(["PlanValiditySet", "night", "plan_expired"])
    cut_after(records, record)


@mutant("G2", "another plan is activated than the one that was asked for", PLANS)
def _(records: Records) -> None:
    record = nth(records, "PlanSwitched", 1)
    activated = said(record, "PlanActivated")
    activated[3] = list(activated[3])
    activated[3][5] = 1
    cut_after(records, record)


@mutant("G2", "the digest of a plan is not that of its content", PLANS)
def _(records: Records) -> None:
    record = nth(records, "PlanSwitched", 1)
    plan = list(record.happened[5])
    plan[7] = "0" * 64
    record.happened[5] = said(record, "PlanActivated")[3] = plan
    cut_after(records, record)


@mutant("G2", "a restart forgets the plan that was switched to", PLANS)
def _(records: Records) -> None:
    record = nth(records, "Started", 1)
    drop_said(record, "PlanActivated")
    cut_after(records, record)


@mutant("G2", "a start with another plan than before does not end the one that was switched to", PLANS)
def _(records: Records) -> None:
    record = nth(records, "Started", 3)
    drop_said(record, "PlanDropped")
    cut_after(records, record)


@mutant("G2", "a plan is activated, and nobody switched", PLANS)
def _(records: Records) -> None:
    record = nth(records, "DivertConfirmed", 1)
    record.facts.append(list(said(nth(records, "PlanSwitched", 1), "PlanActivated")))
    cut_after(records, record)


@mutant("G2", "a plan is dropped while the hall runs", PLANS)
def _(records: Records) -> None:
    record = nth(records, "DivertConfirmed", 1)
    record.facts.append(["PlanDropped", "night", "", "start_plan"])
    cut_after(records, record)


@mutant("G3", "a decision names a plan that is not in force", PLANS)
def _(records: Records) -> None:
    record = nth(records, "Scanned", 1)
    said(record, "Routed")[8] = said(nth(records, "Scanned"), "Routed")[8]
    cut_after(records, record)


@mutant("G3", "a decision gives an item another destination than its plan does", PLANS)
def _(records: Records) -> None:
    record = nth(records, "Scanned", 1)
    said(record, "Routed")[9] = "nanjing"
    cut_after(records, record)


@mutant("D2", "a parcel goes where the plan in force says, not where the one said that decided its item", PLANS)
def _(records: Records) -> None:
    record = nth(records, "Packed")
    said(record, "Drop")[3] = 2
    cut_after(records, record)


@mutant("O1", "a switch is taken, and nothing comes of it", PLANS)
def _(records: Records) -> None:
    record = nth(records, "PlanSwitched", 1)
    drop_said(record, "PlanActivated")
    cut_after(records, record)


@mutant("O1", "a sound plan is refused for a lane that the hall has", PLANS)
def _(records: Records) -> None:
    record = nth(records, "PlanSwitched", 1)
    record.facts[:] = [["ActRefused", "plan_switch", "night.toml", *record.happened[1:4], "plan_lane"]]
    cut_after(records, record)


@mutant("O1", "maintenance switches the plan", PLANS)
def _(records: Records) -> None:
    record = nth(records, "PlanSwitched", 1)
    record.happened[2] = said(record, "ActTaken")[4] = "maintenance"
    cut_after(records, record)


@mutant("G1", "a switch to a file that is not there is taken", PLANS)
def _(records: Records) -> None:
    record = nth(records, "PlanWithheld")
    record.facts[:] = [["ActTaken", *record.facts[0][1:6]]]
    cut_after(records, record)


@mutant("O1", "a switch to a file that is not there is refused for another reason", PLANS)
def _(records: Records) -> None:
    record = nth(records, "PlanWithheld")
    record.facts[0][6] = "plan_unsound"
    cut_after(records, record)


@mutant("O1", "a switch to a file that is not there is answered to somebody else", PLANS)
def _(records: Records) -> None:
    record = nth(records, "PlanWithheld")
    record.facts[0][3] = "op-8"
    cut_after(records, record)
