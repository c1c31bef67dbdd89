"""
Short days full of mischief: a small hall in virtual time under the core's invariants, some acts a minute, then healed.

A day has three parts: documents come and acts happen; everything is healed; the hall works off what is left. Then the plant,
the ledger and the books are compared.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from packcenter.core import facts as f
from packcenter.core import hall as h
from packcenter.core.controller import Controller, Outcome
from packcenter.core.custody import balance_errors, books
from packcenter.core.inputs import Input
from packcenter.core.packml import State
from simulation.clock import HeapClock
from simulation.documents import deliver
from simulation.draws import Stream
from simulation.fast import FastHall
from simulation.luck import NOTHING_GOES_WRONG, Rates
from simulation.mischief import ACTS, Act, heal_all
from simulation.plant.bagger import BaggerSettings
from simulation.plant.hall import PlantSettings
from simulation.plant.sorter import SorterSettings
from simulation.truth import Ledger, Verdict, judge

sys.path.insert(0, str(Path(__file__).parent.parent / "core"))

from invariants import Watch

OPENS_US: Final = 1_772_409_600_000_000
CLASSES: Final = (h.MailClass("letter", False, 10, 90, 1, 100), h.MailClass("permit", True, 12, 80, 2, 100))
CITIES: Final = ("nanjing", "suzhou", "wuxi")
_EXCEPTION: Final = 9


def _sorter(number: int) -> h.Sorter:
    feeds = f"bagger-{number}"
    lanes = [h.Lane(lane, feeds, lane, 2000 + 1500 * lane, 6, True) for lane in range(1, 4)]
    return h.Sorter(f"sorter-{number}", 1000, 8000, 100, 20, 150, 1000, (*lanes, h.Lane(_EXCEPTION, "", 0, 8000, 12, True)), 9)


HALL: Final = h.Hall(
    name="mischief",
    centre="NJ",
    utc_offset_minutes=480,
    agencies=("police", "tax"),
    mail_classes=CLASSES,
    sorters=(_sorter(1), _sorter(2)),
    baggers=(h.Bagger("bagger-1", 5000, 6000), h.Bagger("bagger-2", 5000, 6000)),
    rack=h.Rack("rack-1", tuple(h.Position(at, city) for at, city in enumerate(CITIES, 1)), 0, 60_000, 20_000),
    waybills=h.Waybills("EA", 1, 99_999_999, "CN"),
    plan=h.Plan(
        version="plan-1",
        destinations=tuple(
            h.Destination(city, ((210_000 + at * 1000, 210_999 + at * 1000),)) for at, city in enumerate(CITIES, 1)
        ),
        groups=(h.Group("all", tuple((f"sorter-{s}", lane) for s in (1, 2) for lane in (1, 2, 3)), "least", ()),),
        rules=(h.Rule("everything", (), (), (), (), "all"),),
        bags=h.BagLimits(5, 5_000, ()),
    ),
)


class Watched(Controller):
    """The controller under the watch of the core's invariants; it keeps the bills of what was dispatched."""

    def __init__(self, thorough_every: int) -> None:
        self.watch = Watch(thorough_every)
        self.bills: dict[str, tuple[str, ...]] = {}
        super().__init__(self.watch.controller.state)

    def step(self, at_us: int, happened: Input) -> Outcome:
        outcome: Outcome = self.watch.step(at_us, happened)
        for fact in outcome.facts:
            if isinstance(fact, f.BagClosed) and fact.items and self.state.items[fact.items[0]].place == "dispatched":
                self.bills[fact.bag] = fact.waybills
        return outcome


class Day:
    """
    One day of `items` documents by a seed. `run` returns what is wrong in the end, one line each; `said` has the acts done.
    """

    def __init__(
        self,
        seed: int,
        acts: Sequence[Act] = (),
        *,
        items: int = 60,
        every_us: int = 900_000,
        act_every_us: int = 4_000_000,
        rates: Rates = NOTHING_GOES_WRONG,
        thorough_every: int = 25,
        checks_label: bool = True,
    ) -> None:
        self.said: list[str] = []
        self._acts = acts
        self._checks_label = checks_label
        self._act_every_us = act_every_us
        self._stream = Stream(seed, "acts")
        self._ends_us = items * every_us + 20_000_000
        delivery = deliver("M1", _manifest(seed, items, every_us), HALL, seed, 0)
        self.documents = delivery.documents
        settings = PlantSettings(
            seed=seed,
            rates=rates,
            sorter=SorterSettings(carry_us=20_000_000, jam_us=10_000_000),
            bagger=BaggerSettings(checks_label=checks_label),
        )
        self.controller = Watched(thorough_every)
        self.hall = FastHall(HALL, "digest", [delivery], settings, HeapClock(), OPENS_US, controller=self.controller)
        self.plant = self.hall.plant
        self.truth = self.plant.truth

    def act(self, act: Act) -> str | None:
        """Do an act now."""
        done = act.do(self.plant, self.hall.plcs, self._stream)
        if done is not None:
            self.said.append(f"{self.plant.clock.now_us / 1e6:.3f} {act.name}: {done}")
        return done

    def wait(self, us: int) -> None:
        """Let time pass."""
        self.plant.clock.run_until(self.plant.clock.now_us + us)

    def mischief(self) -> None:
        """The first part of the day."""
        clock = self.plant.clock
        while clock.now_us < self._ends_us:
            self.wait(1 + self._stream.below(2 * self._act_every_us))
            if self._acts:
                self.act(self._acts[self._stream.below(len(self._acts))])

    def heal(self) -> None:
        """The faults stop, and the hall works off what is left."""
        heal_all(self.plant, self.hall.plcs)
        for _ in range(30):
            self.wait(20_000_000)
            if not any(queue for queue in (sorter.queue for sorter in self.plant.sorters)):
                break
        self.wait(240_000_000)

    def run(self) -> list[str]:
        """The whole day; what is wrong in the end."""
        self.mischief()
        self.heal()
        return self.wrongs()

    def verdict(self) -> Verdict:
        """The ledger beside the plant."""
        state = self.controller.state
        places = {item.id: item.place for item in state.items.values()}
        suspect = frozenset(bag.tag for bag in state.bags.values() if bag.suspect)
        return judge(Ledger(places, state.waybills, self.controller.bills, suspect), self.truth)

    def wrongs(self) -> list[str]:
        """Everything that must not be at a quiet moment."""
        state = self.controller.state
        self.controller.watch.check_state()
        wrongs = [str(difference) for difference in (*self.verdict().differences, *self.truth.faults())]
        if not self._checks_label:  # such a machine seals what it labelled wrongly; packcenter turns it out
            wrongs = [wrong for wrong in wrongs if not wrong.startswith("label on several parcels")]
        wrongs += balance_errors(state)
        wrongs += [str(account) for account in books(state) if account.difference]
        on_way = [item for item in state.items.values() if item.place.partition("/")[0] in ("belt", "lane", "pack", "rack")]
        wrongs += [f"{item.id} is still at {item.place}" for item in on_way]
        wrongs += [f"{plc.name} is in state {plc.state}" for plc in state.plcs.values() if plc.state != State.EXECUTE]
        return wrongs


def _manifest(seed: int, items: int, every_us: int) -> bytes:
    """One document after the other, from simulation time 5 s on."""
    draws = Stream(seed, "manifest")
    rows = ["item,mail_class,agency,destination,service,arrives"]
    for number in range(items):
        mail_class = CLASSES[draws.below(2)]
        agency = "police" if mail_class.secure else "tax"
        destination = 210_000 + draws.between(1, len(CITIES)) * 1000 + draws.below(1000)
        arrives_s = 5 + number * every_us // 1_000_000
        arrives = f"{arrives_s // 3600:02d}:{arrives_s // 60 % 60:02d}:{arrives_s % 60:02d}"
        rows.append(f"NJ-C{number:06d},{mail_class.name},{agency},{destination},ems,{arrives}")
    return "\n".join([*rows, ""]).encode()


ALL: Final = tuple(ACTS.values())


def of_kind(kind: str) -> tuple[Act, ...]:
    """The acts of a kind."""
    return tuple(act for act in ALL if act.kind == kind)


def certain(**rates: int) -> Rates:
    """Nothing but this goes wrong."""
    return replace(NOTHING_GOES_WRONG, **rates)
