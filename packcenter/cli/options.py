"""Options that several commands have, in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


def where_options(command: Any) -> Any:
    """The options by which a hall and its running service are found (`packcenter.cli.plc.find`)."""
    for option in (
        click.option("--service", "service_at", help="Address of the service, such as http://127.0.0.1:9464."),
        click.option(
            "--folder",
            type=click.Path(file_okay=False, path_type=Path),
            default=Path("run"),
            show_default=True,
            help="Where `packcenter demo` keeps its runs; the latest one is meant when no site is named.",
        ),
        click.option(
            "--site",
            "site_file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="The hall's site file; else the reference hall, as `packcenter demo` runs it.",
        ),
    ):
        command = option(command)
    return command
