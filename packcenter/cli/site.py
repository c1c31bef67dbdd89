"""What the commands that run or simulate a hall share: finding its site, its manifest and its day."""

from __future__ import annotations

from calendar import timegm
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packcenter.cli.codes import USAGE, ToldError

if TYPE_CHECKING:
    from packcenter.config.build import Configuration
    from simulation.documents import Delivery
    from simulation.plant.hall import PlantSettings

BEFORE_FIRST_S = 30
"""A simulated day begins this long before the first item comes: time for the machines to start."""


class Day(NamedTuple):
    """A day to run: what is delivered, core time at its beginning, and that in seconds after local midnight."""

    deliveries: list[Delivery]
    manifests: dict[str, bytes]
    opens_us: int
    opens_s: int


HALLS = ("reference", "newborn")
"""The halls that ship with the simulation."""


def load(site: Path | None, plan: Path | None = None, hall: str = HALLS[0]) -> Configuration:
    """The configuration of a site file, or of a hall that ships; with another plan than its own, if one is given."""
    from packcenter.config.load import bundled_site, load_site

    return load_site(site if site is not None else bundled_site(hall), plan=plan)


def parse_day(text: str | None) -> date:
    """A day written YYYY-MM-DD; without one a Monday of the reference year, so that equal seeds give equal days."""
    if text is None:
        return date(2026, 3, 2)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ToldError(USAGE, f"--date {text!r} is not a day, expected one such as 2026-03-02.") from None


def plant_settings(configuration: Configuration, seed: int) -> PlantSettings:
    """The plant of a configuration: its machines follow the editions of PackML that their profiles name."""
    from simulation.plant.hall import PlantSettings

    return PlantSettings(seed=seed, hold_from={plc.name: plc.hold_from for plc in configuration.plcs})


def prepare(configuration: Configuration, manifest: Path | None, seed: int, items: int | None, day: date) -> Day:
    """A manifest file, or the example day of a seed, with the documents that come. Raises `ManifestRefused`."""
    from simulation import demand, newborn
    from simulation.documents import deliver, first_arrival_s

    hall = configuration.hall
    if manifest is not None:
        contents = {manifest.stem: manifest.read_bytes()}
    else:
        if hall.case_racks:
            rows = newborn.newborn_day(seed, day, items if items is not None else newborn.ITEMS_A_DAY)
        else:
            rows = demand.example_day(seed, day, items if items is not None else demand.ITEMS_A_DAY)
        contents = {name: b"".join(demand.csv_chunks(part)) for name, part in demand.manifests(rows, day).items()}
    midnight_s = timegm((day.year, day.month, day.day, 0, 0, 0)) - hall.utc_offset_minutes * 60
    opens_s = max(0, min(first_arrival_s(content) for content in contents.values()) - BEFORE_FIRST_S)
    deliveries = [deliver(name, content, hall, seed, opens_s) for name, content in contents.items()]
    return Day(deliveries, contents, (midnight_s + opens_s) * 1_000_000, opens_s)
