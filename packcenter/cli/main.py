"""
The command line: names only. Each command lives in a module of its own that is imported when it is used.

Exit codes: 0 done | 1 a problem was found | 2 wrong usage | 3 configuration invalid | 4 a PLC or service cannot be
reached | 5 our own mistake, or the disk's | 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, NoReturn

import click

from packcenter.cli.codes import INTERNAL, INTERRUPTED
from packcenter.cli.lines import tell

_COMMANDS = {
    "demo": ("packcenter.cli.demo", "demo", "Run the reference hall: simulated PLCs behind real servers, and the controller."),
    "run": ("packcenter.cli.run", "run", "Run the control service of a real hall."),
    "simulate": ("packcenter.cli.simulate", "simulate", "Run a day in virtual time with the same core and no sockets."),
    "scenario": ("packcenter.cli.scenario", "scenario", "Run days on which something is the matter; do they end as they must?"),
    "explore": ("packcenter.cli.explore", "explore", "Run the hall under random faults, by seed, until something gives."),
    "replay": ("packcenter.cli.journal", "replay", "Re-decide a recorded run and compare every decision."),
    "item": ("packcenter.cli.journal", "item", "Tell an item's history, with rule and reason of every decision."),
    "books": ("packcenter.cli.journal", "books", "Balance a shift: where is every item, and why."),
    "discrepancies": ("packcenter.cli.discrepancies", "discrepancies", "List what the books cannot explain, and who closes it."),
    "remakes": ("packcenter.cli.remakes", "remakes", "List documents that are made anew, and those that may have to be."),
    "alarms": ("packcenter.cli.alarms", "alarms", "List alarms, worst first: where, since when, and what to do."),
    "bills": ("packcenter.cli.papers", "bills", "List or write the bills of bags that left."),
    "feed": ("packcenter.cli.papers", "feed", "Print what an agency is told of its items."),
    "receipts": ("packcenter.cli.receipts", "receipts", "List return receipts: awaited, overdue, here."),
    "judge": ("packcenter.cli.judge", "judge", "Have a recorded run judged by the second, independent checker."),
    "check": ("packcenter.cli.check", "check", "Check site, sort plan, profiles and manifests; report every error."),
    "plan": ("packcenter.cli.plan", "plan", "Say what share of a manifest each rule takes, and how two plans differ."),
    "act": ("packcenter.cli.act", "act", "Act in a running hall: lanes, machines, bags, verdicts, maintenance, receipts."),
    "people": ("packcenter.cli.people", "people", "Say who may act: give tokens, list people, revoke."),
    "manifest": ("packcenter.cli.manifest", "manifest", "Make an example manifest, or check one."),
    "plc": ("packcenter.cli.plc", "plc", "Diagnose PLCs: doctor, watch."),
    "plant": ("packcenter.cli.plant", "plant", "Run only the simulated hall: its PLC servers and its machines."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line helps, and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of use."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None if there is none of this name."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown name gets the nearest known one."""
        from difflib import get_close_matches

        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], _COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(_COMMANDS)}."
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="packcenter", message="%(version)s")
def cli() -> None:
    """packcenter: automated-packing control for a smart government mail operations centre.

    Operators watch `demo` and Grafana; engineers use simulate, replay, item and books; maintenance uses plc.
    """


def main() -> NoReturn:
    """Run the command line and end the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit code. Errors that have a name are told in one or two lines, without a traceback."""
    try:
        result: Any = cli.main(arguments, prog_name="packcenter", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except Exception as error:
        return _told(error)
    return result if isinstance(result, int) else 0


def _told(error: Exception) -> int:
    """Say what went wrong in the words of the error's own type; anything unforeseen is our mistake and shows where."""
    from packcenter.cli import errors

    known = errors.code_of(error)
    if known is not None:
        tell(str(error))
        return known
    import traceback

    tell("".join(traceback.format_exception(error)))
    tell(f"packcenter failed: {type(error).__name__}: {error}. This is our mistake; the lines above say where.")
    return INTERNAL


if __name__ == "__main__":
    main()
