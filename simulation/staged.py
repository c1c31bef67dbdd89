"""
Runs a scenario: the hall it wants, the day it wants, everything that happens in it, and what came of that against what must.

Findings are sentences; a scenario without one balances its books, agrees with the plant's own count and with the second judge,
and ended as its file says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace

from packcenter.config.build import Configuration
from packcenter.config.load import load_site, plans_of
from packcenter.core import hall as h
from packcenter.core.alarm_facts import AlarmFloodSet, AlarmRaised
from packcenter.core.controller import Controller, Outcome
from packcenter.core.facts import ActRefused, DecisionLate
from packcenter.core.inputs import Act, Input, ReceiptsReceived
from packcenter.core.receipt_facts import ReceiptAwaited
from packcenter.journal.frames import Draft
from packcenter.projections import books
from packcenter.service.act_bodies import PlanAct, decode
from simulation import days, demand, systems
from simulation.breakdowns import FAULTS
from simulation.clock import FAULT, SimClock
from simulation.demand import Row
from simulation.documents import EXAMPLE_DAY, Day, day_of, second_of_day
from simulation.draws import Keyed, Stream, key_of
from simulation.fast import FastHall, FastResult
from simulation.handwork import HandWork
from simulation.luck import Fate, Rates, Stage
from simulation.mischief import ACTS
from simulation.plant.bagger import BaggerSettings
from simulation.plant.caserack import CaseRackSettings
from simulation.plant.hall import PlantSettings
from simulation.plant.rack import RackSettings
from simulation.plant.sorter import SorterSettings
from simulation.scenario import Deed, Mishap, PlcFault, Receipts, Scenario, ScenarioFile, seconds_of

SECOND_US = 1_000_000
_HOUR_US = 3_600 * SECOND_US
_COURIER_US = 600 * SECOND_US
_COMES_BACK, _COMES_BACK_AT = 201, 202


class Staged(msgspec.Struct, frozen=True):
    """
    What a scenario came to; `findings` is empty where all is as its file says. `happened` counts what struck, by its name,
    `decided` what people at the hand station decided, by verdict or finding.
    """

    result: FastResult
    findings: list[str]
    happened: dict[str, int]
    decided: dict[str, int]
    announced: int
    hand: dict[str, int]
    alarms: dict[str, int]
    late: int
    refused_acts: int
    receipts: dict[str, int]
    systems: list[systems.Came]


class _Noting(Controller):
    """
    The controller, whose facts are counted on the way; `on_awaited` is told of each item whose receipt is awaited, `feeds` of
    everything, if there are any.
    """

    def __init__(self, feeds: systems.Feeds | None) -> None:
        super().__init__()
        self._feeds = feeds
        self.on_awaited: Callable[[str], None] = lambda item: None
        self.alarms: Counter[str] = Counter()
        self.late = self.floods = 0
        self.refused: Counter[str] = Counter()

    def step(self, at_us: int, happened: Input) -> Outcome:
        outcome = super().step(at_us, happened)
        for fact in outcome.facts:
            match fact:
                case AlarmRaised():
                    self.alarms[fact.alarm] += 1
                case DecisionLate():
                    self.late += 1
                case AlarmFloodSet():
                    self.floods += fact.again_us != 0
                case ReceiptAwaited():
                    self.on_awaited(fact.item)
                case ActRefused():
                    self.refused[f"{fact.act}: {fact.why}"] += 1
                case _:
                    pass
        if self._feeds is not None:
            self._feeds.take(at_us, outcome.facts, self.state)
        return outcome


def stage(
    scenario: Scenario,
    configuration: Configuration,
    clock: SimClock,
    *,
    seed: int | None = None,
    keep: Callable[[Draft], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Staged:
    """
    Run a scenario on the hall of its site. `keep` takes each record for a journal; `progress` is told the simulation time.
    Raises `ConfigError` if it names a PLC that the hall has not.
    """
    says = scenario.says
    seed = says.seed if seed is None else seed
    hall = widened(configuration.hall, says.copies, says.faster)
    if says.receipts is not None:
        hall = replace(hall, receipt_minutes=says.receipts.hours * 60)
    plans = plans_of(configuration.site)
    scenario.check_names(hall.plcs(), list(plans))
    day = _day(says, hall, seed)
    feeds = systems.Feeds() if says.expect.system else None
    controller = _Noting(feeds)
    staged = FastHall(
        hall,
        configuration.digest,
        day.deliveries,
        _plant(configuration, says, hall, seed),
        clock,
        day.opens_us,
        keep=keep,
        controller=controller,
    )
    if says.receipts is not None:
        _bring_receipts(says.receipts, staged, clock, controller, Keyed(seed))
    deeds = [_asked(deed, scenario, plans) for deed in says.deed]
    happened = _arrange(says, deeds, staged, clock, Stream(seed, f"scenario/{scenario.name}"), second_of_day(hall, day.opens_us))
    hand_work = None
    if says.hand_station is not None:
        hand_work = HandWork(says.hand_station, staged, clock, Stream(seed, f"scenario/{scenario.name}/hand station"))
    result = staged.run(progress=progress)
    taken = books.take(result.state)
    came = Staged(
        result=result,
        findings=[],
        happened=_counted(happened),
        decided=_counted(hand_work.done if hand_work is not None else {}),
        announced=sum(len(delivery.documents) for delivery in day.deliveries),
        hand=_counted(books.total(taken.accounts).hand),
        alarms=_counted(controller.alarms),
        late=controller.late,
        refused_acts=sum(controller.refused.values()),
        receipts=_counted(Counter(each.state for each in result.state.receipts.values())),
        systems=[feeds.account(system, result.state.items) for system in says.expect.system] if feeds is not None else [],
    )
    return replace(came, findings=[*_findings(says, came, taken, controller), *_unmet(says, happened)])


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that are not 0, by name."""
    return {name: count for name, count in sorted(counts.items()) if count}


# --- the hall and its day ----------------------------------------------------------------------------------------------


def widened(hall: h.Hall, copies: int, faster: int) -> h.Hall:
    """
    The hall with so many times its sorters and baggers, all so many times as fast; lanes of the copies serve as theirs do.

    A case may come on any sorter, so case racks have no copies: they have more cells and infeeds, and keep up.
    """
    if copies == faster == 1:
        return hall
    numbers = range(copies)
    return replace(
        hall,
        sorters=tuple(_sorter(each, nth, len(hall.sorters), hall, faster) for nth in numbers for each in hall.sorters),
        baggers=tuple(
            replace(each, plc=_renamed(each.plc, nth, len(hall.baggers)), ideal_cycle_ms=each.ideal_cycle_ms // faster)
            for nth in numbers
            for each in hall.baggers
        ),
        rack=replace(hall.rack, ideal_cycle_ms=hall.rack.ideal_cycle_ms // (copies * faster)),
        case_racks=tuple(
            replace(each, cells=each.cells * copies, ideal_cycle_ms=each.ideal_cycle_ms // (copies * faster))
            for each in hall.case_racks
        ),
        plan=replace(
            hall.plan,
            groups=tuple(
                replace(
                    group,
                    lanes=tuple((_renamed(plc, nth, len(hall.sorters)), lane) for nth in numbers for plc, lane in group.lanes),
                )
                for group in hall.plan.groups
            ),
        ),
    )


def _sorter(sorter: h.Sorter, nth: int, count: int, hall: h.Hall, faster: int) -> h.Sorter:
    case_racks = {each.plc for each in hall.case_racks}
    infeeds = max((lane.infeed for each in hall.sorters for lane in each.lanes if lane.feeds in case_racks), default=0)
    lanes = tuple(
        replace(lane, infeed=lane.infeed + nth * infeeds)
        if lane.feeds in case_racks
        else replace(lane, feeds=_renamed(lane.feeds, nth, len(hall.baggers)) if lane.feeds else "")
        for lane in sorter.lanes
    )
    return replace(
        sorter,
        plc=_renamed(sorter.plc, nth, count),
        belt_mm_per_s=sorter.belt_mm_per_s * faster,
        lanes=lanes,
        ideal_cycle_ms=sorter.ideal_cycle_ms // faster,
    )


def _renamed(plc: str, nth: int, count: int) -> str:
    """sorter-2 of two sorters is sorter-4 in the second copy."""
    name, _, number = plc.rpartition("-")
    return f"{name}-{int(number) + nth * count}"


def _plant(configuration: Configuration, says: ScenarioFile, hall: h.Hall, seed: int) -> PlantSettings:
    sorter, bagger, rack, faster = SorterSettings(), BaggerSettings(), RackSettings(), says.faster
    cases = CaseRackSettings()
    rolls = 1 if faster == 1 else 2 * faster  # who builds a fast machine gives it larger rolls
    known = {plc.name: plc.hold_from for plc in configuration.plcs}
    return PlantSettings(
        seed=seed,
        rates=Rates(**says.luck),
        sorter=replace(sorter, gap_us=sorter.gap_us // faster, gap_jitter_us=sorter.gap_jitter_us // faster),
        bagger=replace(
            bagger,
            feed_us=bagger.feed_us // faster,
            feed_jitter_us=bagger.feed_jitter_us // faster,
            seal_us=bagger.seal_us // faster,
            reject_us=bagger.reject_us // faster,
            film_pouches=bagger.film_pouches * rolls,
            label_count=bagger.label_count * rolls,
            checks_label=says.labels_checked,
        ),
        rack=replace(rack, cycle_us=rack.cycle_us // (faster * says.copies)),
        case_rack=replace(
            cases,
            store_us=cases.store_us // (faster * says.copies),
            store_jitter_us=cases.store_jitter_us // (faster * says.copies),
            release_us=cases.release_us // (faster * says.copies),
            release_each_us=cases.release_each_us // (faster * says.copies),
        ),
        hold_from={name: known[name] for name in hall.plcs() if name in known},
    )


def _day(says: ScenarioFile, hall: h.Hall, seed: int) -> Day:
    """The example day of the hall, with the numbers and times that the scenario wants."""
    rows = days.example_rows(hall, seed, EXAMPLE_DAY, says.items, says.items_of)
    if says.arrivals is not None:
        rows = _evenly(rows, seconds_of(says.arrivals.begin), seconds_of(says.arrivals.end))
    return day_of(hall, demand.files(rows, EXAMPLE_DAY), seed)


def _evenly(rows: list[Row], begin_s: int, end_s: int) -> list[Row]:
    """The rows in their order, evenly between two times."""
    span_s = end_s - begin_s
    return [row._replace(arrives=demand.time_text(begin_s + span_s * at // len(rows))) for at, row in enumerate(rows)]


# --- what happens ------------------------------------------------------------------------------------------------------


def _asked(deed: Deed, scenario: Scenario, plans: Mapping[str, Path]) -> Act:
    """The input that a deed stands for; a plan is read with the site, as the service does, and has the lanes of all copies."""
    body = decode(deed.act, msgspec.json.encode(deed.body))
    if not isinstance(body, PlanAct):
        return body.act(deed.person, deed.role)
    sorted_by = load_site(scenario.site, plan=plans[body.plan]).hall
    return body.switch(deed.person, deed.role, widened(sorted_by, scenario.says.copies, scenario.says.faster).plan)


def _arrange(
    says: ScenarioFile, deeds: Sequence[Act], staged: FastHall, clock: SimClock, stream: Stream, opens_s: int
) -> Counter[str]:
    """Let everything happen at its time; the count of what did, by its name, fills up as the day goes."""
    happened: Counter[str] = Counter()

    def at(moments_s: Iterator[int], do: Callable[[None], None]) -> None:
        for moment_s in moments_s:
            clock.at(max(0, moment_s - opens_s) * SECOND_US, FAULT, do, None)

    for fault in says.plc_fault:
        at(fault.moments_s(), partial(_fail, staged, clock, stream, fault, happened))
    for mishap in says.mishap:
        at(mishap.moments_s(), partial(_arm, staged, mishap, happened))
    for mischief in says.mischief:
        at(mischief.moments_s(), partial(_act, staged, stream, mischief.act, happened))
    for deed, asked in zip(says.deed, deeds, strict=True):
        at(deed.moments_s(), partial(_ask, staged, asked, deed.act, happened))
    return happened


def _arm(staged: FastHall, mishap: Mishap, happened: Counter[str], _: None) -> None:
    """The next thing at a station meets its fate."""
    staged.plant.programs[mishap.plc].arm(Stage[mishap.station.upper()], Fate[mishap.fate.upper()])
    happened[mishap.fate] += 1


def _act(staged: FastHall, stream: Stream, name: str, happened: Counter[str], _: None) -> None:
    """Something goes wrong somewhere, if there is anything that it could be done to."""
    happened[name] += ACTS[name].do(staged.plant, staged.plcs, stream) is not None


def _ask(staged: FastHall, asked: Act, name: str, happened: Counter[str], _: None) -> None:
    """A person acts."""
    staged.feed(asked)
    happened[name] += 1


def _bring_receipts(says: Receipts, staged: FastHall, clock: SimClock, controller: _Noting, luck: Keyed) -> None:
    """The delivery side sends what came back in files, one every so often; which receipt comes back, and when, is luck."""
    back: list[str] = []
    soonest, latest = says.after_minutes

    def awaited(item: str) -> None:
        if luck.below(100, key_of(item), _COMES_BACK) < says.percent:
            minutes = soonest + luck.below(latest - soonest + 1, key_of(item), _COMES_BACK_AT)
            clock.at(minutes * 60 * SECOND_US, FAULT, back.append, item)

    def bring(number: int) -> None:
        if back:
            staged.feed(ReceiptsReceived(f"receipts-{number:03d}", tuple(back)))
            back.clear()
        clock.at(_COURIER_US, FAULT, bring, number + 1)

    controller.on_awaited = awaited
    clock.at(_COURIER_US, FAULT, bring, 1)


def _fail(staged: FastHall, clock: SimClock, stream: Stream, fault: PlcFault, happened: Counter[str], _: None) -> None:
    """A PLC or its machine fails now, and is mended when its time is over."""
    broken = FAULTS[fault.fault]
    done = broken.begin(staged, fault.plc, stream)
    happened[fault.fault] += done
    if done and broken.end is not None and fault.for_s is not None:
        clock.at(fault.for_s * SECOND_US, FAULT, partial(broken.end, staged, fault.plc), stream)


# --- what came of it ---------------------------------------------------------------------------------------------------


def _findings(says: ScenarioFile, came: Staged, taken: books.Books, controller: _Noting) -> Iterator[str]:
    """What is not as it must be, one sentence each."""
    result, expect, account = came.result, says.expect, books.total(taken.accounts)
    if not taken.balanced:
        yield "the books do not balance: " + "; ".join([*taken.errors, "accounts differ"][:3])
    if result.differences:
        told = "; ".join(str(each) for each in result.differences[:3])
        yield f"the plant's own count differs in {len(result.differences)} places: {told}"
    yield from _outside("items at the hand station", came.hand, expect.hand)
    yield from _outside("decisions of people", came.decided, expect.decided)
    yield from _outside("alarms", came.alarms, expect.alarms)
    if says.receipts is not None:
        yield from _outside("receipts", came.receipts, expect.receipts)
    for what, seen, bounds in (
        ("items lost", account.lost, expect.lost),
        ("late decisions", came.late, expect.late),
        ("refused acts", came.refused_acts, expect.refused_acts),
    ):
        if not bounds[0] <= seen <= bounds[1]:
            more = f" ({', '.join(controller.refused)})" if what == "refused acts" and controller.refused else ""
            yield f"{seen} {what}, expected {_told(bounds)}{more}"
    for system, came_of_it in zip(expect.system, came.systems, strict=True):
        yield from systems.findings(system, came_of_it)
    if account.dispatched * 100 < came.announced * expect.dispatched_percent_min:
        left = f"{account.dispatched:,} of {came.announced:,} items were dispatched"
        yield f"{left}, expected {expect.dispatched_percent_min} % at least"
    raised = sum(came.alarms.values())
    if raised * _HOUR_US > expect.alarms_an_hour_max * result.simulated_us:
        yield f"{raised * _HOUR_US / result.simulated_us:.1f} alarms an hour, expected {expect.alarms_an_hour_max} at most"
    if controller.floods:
        yield f"{controller.floods} floods of alarms, expected none"


def _outside(what: str, seen: Mapping[str, int], expected: Mapping[str, list[int]]) -> Iterator[str]:
    for name in sorted({*seen, *expected}):
        bounds = expected.get(name, [0, 0])
        if not bounds[0] <= seen.get(name, 0) <= bounds[1]:
            yield f"{seen.get(name, 0)} {what} for {name}, expected {_told(bounds)}"


def _told(bounds: list[int]) -> str:
    return f"{bounds[0]} to {bounds[1]}" if bounds[0] != bounds[1] else ("none" if not bounds[0] else str(bounds[0]))


def _unmet(says: ScenarioFile, happened: Mapping[str, int]) -> Iterator[str]:
    """What the scenario wants to happen and what could not be done to anything: it would show nothing."""
    wanted = [fault.fault for fault in says.plc_fault] + [mischief.act for mischief in says.mischief]
    for name in dict.fromkeys(wanted):
        if not happened.get(name):
            yield f"{name} never happened; nothing was there that it could be done to"
