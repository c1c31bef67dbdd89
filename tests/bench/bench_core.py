"""
How many inputs a second the core decides, alone: no journal, no wire, no metrics.

    python tests/bench/bench_core.py [--items N] [--rounds N] [--profile]

Prints one JSON object. Items go all the way: scanned, confirmed in a lane, fed, packed, dropped, and their bags shut.
A first controller is led through the day to learn the inputs; then new controllers, one a round, are only timed.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import platform
import pstats
import statistics
import time

from packcenter.core import inputs as i
from packcenter.core.commands import BeginParcel, CloseBag, Command, Divert, Drop, SealParcel
from packcenter.core.controller import Controller
from packcenter.core.hall import (
    Bagger,
    BagLimits,
    Destination,
    Group,
    Hall,
    Lane,
    MailClass,
    Plan,
    Position,
    Rack,
    Rule,
    Sorter,
    Waybills,
)
from packcenter.core.limits import MANIFEST_LINES_MAX
from packcenter.core.packml import State as Unit

Recorded = list[tuple[int, i.Input]]
_ITEM_US = 250_000
_BEGAN_US = 1_772_409_600_000_000


def hall() -> Hall:
    """A hall of the reference's size: two sorters of nine lanes, four baggers, a rack of 31 destinations."""
    sorters = []
    for number in (1, 2):
        lanes = [
            Lane(lane, f"bagger-{2 * number - (lane <= 4)}", (lane - 1) % 4 + 1, 2000 + 500 * lane, 40, True)
            for lane in range(1, 9)
        ]
        lanes.append(Lane(9, "", 0, 9000, 60, True))
        sorters.append(Sorter(f"sorter-{number}", 1200, 9000, 80, 10, 60, 1000, tuple(lanes), 9))
    names = [f"part-{number}" for number in range(1, 32)]
    lanes_of = tuple((f"sorter-{sorter}", lane) for sorter in (1, 2) for lane in range(1, 9))
    plan = Plan(
        "bench",
        tuple(Destination(name, ((200_000 + 1000 * at, 200_999 + 1000 * at),)) for at, name in enumerate(names)),
        (Group("all", lanes_of, "least", ()),),
        (Rule("everything", (), (), (), (), "all"),),
        BagLimits(20, 8000, (600, 1020)),
    )
    return Hall(
        "bench",
        "NJ",
        480,
        ("police", "tax"),
        (MailClass("id_card", True, 1, 100, 1), MailClass("letter", False, 1, 500, 2)),
        tuple(sorters),
        tuple(Bagger(f"bagger-{number}", 10_000, 10_000) for number in range(1, 5)),
        Rack("rack-1", tuple(Position(at, name) for at, name in enumerate(names, 1)), 0, 120_000, 60_000),
        Waybills("EA", 1, 99_999_999, "CN"),
        plan,
    )


class Day:
    """Leads a controller through a day and keeps the inputs."""

    def __init__(self, items: int) -> None:
        self.recorded: Recorded = []
        self._controller = Controller()
        self._at_us = _BEGAN_US
        self._seqs: dict[str, int] = {}
        hall_ = hall()
        self._happen(i.Started(1, "bench", hall_, "digest"))
        for plc in hall_.plcs():
            self._happen(i.LinkUp(plc, 7, 0))
            self._event(i.MachineChanged, plc, int(Unit.EXECUTE), 0, 0)
        self._announce(items)
        self.prelude = len(self.recorded)
        for number in range(items):
            sorter = f"sorter-{number % 2 + 1}"
            self._event(i.Scanned, sorter, number + 1, 1, 0, 0, f"NJ{number:06d}", 20_000, number % 65536)
            self._at_us += _ITEM_US

    def _announce(self, items: int) -> None:
        names = [f"NJ{number:06d}" for number in range(items)]
        chunks = [names[at : at + MANIFEST_LINES_MAX] for at in range(0, items, MANIFEST_LINES_MAX)]
        for part, chunk in enumerate(chunks, 1):
            lines = tuple(
                i.Line(
                    name,
                    ("id_card", "letter")[int(name[2:]) % 2],
                    "tax",
                    "",
                    200_000 + int(name[2:]) * 37 % 31_000,
                    "ems",
                    "",
                    0,
                    0,
                )
                for name in chunk
            )
            self._happen(i.ManifestReceived("M1", part, len(chunks), 0, "digest", lines))

    def _event(self, kind: type, plc: str, *words: object) -> None:
        self._seqs[plc] = self._seqs.get(plc, 0) + 1
        self._happen(kind(plc, 1, self._seqs[plc], *words))

    def _happen(self, happened: i.Input) -> None:
        self.recorded.append((self._at_us, happened))
        for command in self._controller.step(self._at_us, happened).commands:
            self._obey(command)

    def _obey(self, command: Command) -> None:
        """Every machine does at once what it is told."""
        if isinstance(command, Divert):
            self._event(i.DivertConfirmed, command.plc, command.track, command.lane, 0, 3000)
        elif isinstance(command, BeginParcel):
            job = self._controller.state.baggers[command.plc].feeding
            assert job is not None, command
            self._event(i.Fed, command.plc, command.number, command.infeed, 0, 40, job.item)
        elif isinstance(command, SealParcel):
            bagger = self._controller.state.baggers[command.plc]
            job = next(job for job in (bagger.sealing, bagger.feeding) if job is not None and job.verdict == command.number)
            self._event(i.Packed, command.plc, job.number, 0, 40, command.waybill)
        elif isinstance(command, Drop):
            self._event(i.Dropped, command.plc, command.position, 0, 40, command.waybill)
        elif isinstance(command, CloseBag):
            self._event(i.BagShut, command.plc, command.position, 0, 800, f"S{len(self.recorded)}")


def main() -> None:
    """Time it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=15_800)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print where the time goes instead")
    asked = parser.parse_args()
    day = Day(asked.items)
    if asked.profile:
        _profile(day)
        return
    rounds = [_time(day) for _ in range(asked.rounds)]
    inputs = len(day.recorded) - day.prelude
    median_s = statistics.median(rounds)
    print(
        json.dumps(
            {
                "what": "core steps, plain inputs",
                "python": platform.python_version(),
                "items": asked.items,
                "inputs": inputs,
                "rounds": len(rounds),
                "steps_per_second": round(inputs / median_s),
                "steps_per_second_best": round(inputs / min(rounds)),
                "microseconds_per_item": round(median_s * 1e6 / asked.items, 1),
            },
            indent=2,
        )
    )


def _time(day: Day) -> float:
    controller = _prepared(day)
    todo = day.recorded[day.prelude :]
    gc.collect()
    gc.disable()
    began = time.process_time()  # the core does nothing but compute; who else runs here does not matter
    for at_us, happened in todo:
        controller.step(at_us, happened)
    took = time.process_time() - began
    gc.enable()
    return took


def _profile(day: Day) -> None:
    controller = _prepared(day)
    with cProfile.Profile() as profile:
        for at_us, happened in day.recorded[day.prelude :]:
            controller.step(at_us, happened)
    pstats.Stats(profile).sort_stats("tottime").print_stats(30)


def _prepared(day: Day) -> Controller:
    controller = Controller()
    for at_us, happened in day.recorded[: day.prelude]:
        controller.step(at_us, happened)
    return controller


if __name__ == "__main__":
    main()
