"""What the commands that run or simulate a hall share: finding its site, its manifest and its day."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from packcenter.cli.codes import USAGE, ToldError

if TYPE_CHECKING:
    from packcenter.config.build import Configuration
    from simulation.documents import Day
    from simulation.plant.hall import PlantSettings

HALLS = ("reference", "newborn", "centre")
"""The halls that ship with the simulation."""


def load(site: Path | None, plan: Path | None = None, hall: str = HALLS[0]) -> Configuration:
    """The configuration of a site file, or of a hall that ships; with another plan than its own, if one is given."""
    from packcenter.config.load import bundled_site, load_site

    return load_site(site if site is not None else bundled_site(hall), plan=plan)


def parse_day(text: str | None) -> date:
    """A day written YYYY-MM-DD; without one a Monday of the reference year, so that equal seeds give equal days."""
    if text is None:
        from simulation.documents import EXAMPLE_DAY

        return EXAMPLE_DAY
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
    from simulation import days, demand
    from simulation.documents import day_of

    hall = configuration.hall
    if manifest is not None:
        contents = {manifest.stem: manifest.read_bytes()}
    else:
        contents = demand.files(days.example_rows(hall, seed, day, items), day)
    return day_of(hall, contents, seed, day)
