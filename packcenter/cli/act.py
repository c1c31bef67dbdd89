"""`packcenter act`: what people do in a running hall. Finding service and token is done here; who may do what, elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from packcenter.cli.codes import CONFIGURATION, OK, PROBLEM, UNREACHABLE, USAGE, ToldError
from packcenter.cli.options import where_options

if TYPE_CHECKING:
    from packcenter.cli.plc import Where
    from packcenter.diagnose.acting import ActRecord, NotDone
    from packcenter.diagnose.asking import ServiceAt

TOKEN, TOKEN_FILE = "PACKCENTER_TOKEN", "PACKCENTER_TOKEN_FILE"
_IS_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,128}")
_COMMANDS = ("reset", "start", "stop", "hold", "unhold", "suspend", "unsuspend", "abort", "clear", "complete")
_VERDICTS = ("reinduct", "code", "withdraw", "return", "remake")
_ROLES = ("operator", "engineer", "maintenance", "supervisor")
_CODES = {400: USAGE, 408: UNREACHABLE, 413: USAGE, 415: USAGE, 503: UNREACHABLE, 0: UNREACHABLE}
"""HTTP status -> exit code; any other trouble is a refusal, 1."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def act() -> None:
    """Act in a running hall: lanes, machines, bags, the hand station, maintenance, alarms, receipts, discrepancies, shifts.

    Each act needs a reason (at most 64 ASCII characters that tell of no person, or one of `packcenter act reasons`, which may be
    Chinese) and your token: in the file of --token-file or $PACKCENTER_TOKEN_FILE, which only you may read, or in
    $PACKCENTER_TOKEN. `packcenter people add` makes it.

    Exit codes: 0 taken and on the disk; 1 refused, by the hall's rules, your role, your token or the rate; 2 wrong usage or no
    token; 3 configuration invalid; 4 no service answers, or not in time: the act may then still happen, `packcenter act recent`
    shows whether it did.
    """


def _service_options(command: Any) -> Any:
    """The options by which service and token are found, and how the answer is shown."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option(
            "--trust",
            "trusted",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Certificates in PEM by which an https service is believed; else the site's.",
        ),
        where_options,
        click.option(
            "--token-file",
            type=click.Path(dir_okay=False, path_type=Path),
            envvar=TOKEN_FILE,
            help=f"File with your token, mode 600; else ${TOKEN}.",
        ),
    ):
        command = option(command)
    return command


def _act_options(command: Any) -> Any:
    """What every act has."""
    for option in (
        click.option("--role", type=click.Choice(_ROLES), help="In which of your roles you act; needless if you have one."),
        click.option(
            "--reason",
            required=True,
            help="Why: at most 64 ASCII characters that tell of no person, or one of `packcenter act reasons`.",
        ),
    ):
        command = option(command)
    return _service_options(command)


# --- the acts --------------------------------------------------------------------------------------------------------


@act.command()
@click.argument("order", type=click.Choice(("open", "close")))
@click.argument("sorter")
@click.argument("lane", type=click.IntRange(1, 32))
@_act_options
def lane(order: str, sorter: str, lane: int, **options: Any) -> int:
    """Close lane LANE of SORTER, or open it again: packcenter act lane close sorter-1 3 --reason "belt edge worn".

    Nothing more is sent to a closed lane, whatever its PLC says, until a person opens it. What is on its way still arrives.
    """
    return _do("lane", {"plc": sorter, "lane": lane, "order": order}, options)


@act.command()
@click.argument("command", type=click.Choice(_COMMANDS))
@click.argument("plc")
@_act_options
def machine(command: str, plc: str, **options: Any) -> int:
    """Give the machine of PLC a PackML command: packcenter act machine hold bagger-1 --reason "film change".

    A machine that a person stopped does not run again before a person lets it. Safety is not part of this: an emergency is for
    the red button.
    """
    return _do("machine", {"plc": plc, "command": command}, options)


@act.command()
@click.argument("order", type=click.Choice(("close",)))
@click.argument("position", type=click.IntRange(1, 32))
@_act_options
def bag(order: str, position: int, **options: Any) -> int:
    """Close the bag at POSITION of the rack before it is full or due: packcenter act bag close 2 --reason "lorry is early"."""
    return _do("bag", {"position": position}, options)


@act.command()
@click.argument("item")
@click.argument("verdict", type=click.Choice(_VERDICTS))
@click.argument("code", required=False)
@_act_options
def verdict(item: str, verdict: str, code: str | None, **options: Any) -> int:
    """Say what becomes of ITEM at the hand station.

    reinduct: it is sound and goes onto a sorter again. code CODE: its reader failed, you read CODE. withdraw: its agency wants it
    back, wherever in the hall it is. return: it was handed over to its agency. remake: it is spoilt, its agency makes a new one.
    """
    if (verdict == "code") != (code is not None):
        raise ToldError(USAGE, "The verdict `code` needs the CODE that you read, and no other verdict takes one.")
    body = {"item": item, "verdict": verdict}
    return _do("verdict", body if code is None else {**body, "code": code}, options)


@act.command()
@click.argument("code")
@click.option("--give-up", is_flag=True, help="Nobody finds it, and nobody is to wait any longer; for supervisors.")
@_act_options
def receipt(code: str, give_up: bool, **options: Any) -> int:
    """Say that the receipt with CODE (an item's code, or its waybill) is here: packcenter act receipt EA473124829CN ...

    `packcenter receipts` lists those that are awaited. One that was given up may come after all.
    """
    return _do("receipt", {"code": code, "outcome": "given_up" if give_up else "returned"}, options)


@act.group()
def maintenance() -> None:
    """Take a machine into the hands of maintenance for a limited time, or give it back."""


@maintenance.command()
@click.argument("plc")
@click.option("--minutes", type=click.IntRange(1, 480), required=True, help="When it is over by itself.")
@_act_options
def begin(plc: str, minutes: int, **options: Any) -> int:
    """Take the machine of PLC, which must stand and hold nothing: packcenter act maintenance begin bagger-1 --minutes 30 ...

    It does not run while maintenance has it. Afterwards it stands until a person starts it.
    """
    return _do("maintenance", {"plc": plc, "minutes": minutes}, options)


@maintenance.command()
@click.argument("plc")
@_act_options
def end(plc: str, **options: Any) -> int:
    """Give the machine of PLC back before the time is over."""
    return _do("maintenance", {"plc": plc, "minutes": 0}, options)


@act.group()
def alarm() -> None:
    """Take care of an alarm, or put it away for a while. `packcenter alarms` and the service's /alarms list them.

    NAME and SUBJECT stand in brackets and in front of each alarm of the list: link_lost bagger-1.
    """


@alarm.command()
@click.argument("name")
@click.argument("subject")
@_act_options
def acknowledge(name: str, subject: str, **options: Any) -> int:
    """Say that you know of the alarm and take care of it: packcenter act alarm acknowledge link_lost bagger-1 --reason ...

    One whose cause is over is off the list thereby.
    """
    return _alarm("acknowledge", name, subject, options)


@alarm.command()
@click.argument("name")
@click.argument("subject")
@click.option("--minutes", type=click.IntRange(1, 480), required=True, help="When it comes back by itself.")
@_act_options
def shelve(name: str, subject: str, minutes: int, **options: Any) -> int:
    """Keep the alarm off the list for a while, whether it stands or not."""
    return _alarm("shelve", name, subject, options, minutes=minutes)


@alarm.command()
@click.argument("name")
@click.argument("subject")
@_act_options
def unshelve(name: str, subject: str, **options: Any) -> int:
    """Take the alarm from the shelf before its time is over."""
    return _alarm("unshelve", name, subject, options)


@alarm.command()
@click.argument("name")
@click.argument("subject")
@_act_options
def take_out(name: str, subject: str, **options: Any) -> int:
    """Take the alarm out of service while what raises it is being mended. It stays out until somebody puts it back."""
    return _alarm("take_out", name, subject, options)


@alarm.command()
@click.argument("name")
@click.argument("subject")
@_act_options
def put_back(name: str, subject: str, **options: Any) -> int:
    """Put the alarm back into service."""
    return _alarm("put_back", name, subject, options)


@act.group()
def plan() -> None:
    """Sort the running hall by another plan."""


@plan.command()
@click.argument("file")
@click.option("--digest", default="", help="How the digest of the plan that you looked at begins; another one is refused.")
@_act_options
def switch(file: str, digest: str, **options: Any) -> int:
    """Sort by the plan in FILE from here on: packcenter act plan switch monday.toml --reason "Monday".

    FILE is one of the site's folder of plans, as `packcenter plan list` shows it. The service reads it whole and checks it with
    the site first; on any fault the plan in force stays. What was decided before keeps its lane and its bag. The plan stays in
    force over restarts, until somebody switches again or the site is started with another plan of its own.
    """
    return _do("plan", {"plan": file, **({"digest": digest} if digest else {})}, options)


@act.command()
@click.argument("number", type=click.IntRange(1))
@click.argument("finding", type=click.Choice(("found", "explained", "lost_for_good")))
@_act_options
def discrepancy(number: int, finding: str, **options: Any) -> int:
    """Say what became of discrepancy NUMBER: packcenter act discrepancy 17 found --reason "lay under infeed 2".

    `packcenter discrepancies` lists them. One on an ID document, or on what nobody has identified, is signed by the first who
    says so, and closed by another person who says the same. Nobody closes what they reported or counted.
    """
    return _do("discrepancy", {"number": number, "finding": finding}, options)


@act.command()
@click.argument("item")
@click.argument("cause", type=click.Choice(("missing", "surplus", "damaged")))
@_act_options
def report(item: str, cause: str, **options: Any) -> int:
    """Report that ITEM is not as the books have it; somebody else finds out why, and closes the discrepancy."""
    return _do("report", {"item": item, "cause": cause}, options)


@act.group()
def shift() -> None:
    """Close a shift: count the hall without looking at the books, sign the differences, close."""


@shift.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_act_options
def count(file: Path, **options: Any) -> int:
    """Give the count in FILE, CSV with the columns place, mail_class, agency, items: packcenter act shift count tonight.csv ...

    Places are hand (the hand station), lane (all lanes) and bag (parcels in open bags). What has no line was not found. What
    bears no readable identity has neither class nor agency. Count first: what the books have is shown afterwards, by
    `packcenter discrepancies`.
    """
    from packcenter.cli.count_file import read_count

    return _do("count", {"lines": read_count(file)}, options)


@shift.command()
@_act_options
def close(**options: Any) -> int:
    """Close the shift once it is counted and every difference is signed; `packcenter books --shift N` shows its books."""
    return _do("shift", {}, options)


@act.command()
@click.option("--last", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@_service_options
def recent(last: int, **options: Any) -> int:
    """Show the last acts, taken and refused, the newest last."""
    from packcenter.cli import output
    from packcenter.diagnose import acting

    where, found = _with_service(options, lambda service, token: acting.recent(service, token, last))
    if options["as_json"]:
        output.print_json(found)
    else:
        offset = where.configuration.hall.utc_offset_minutes
        for each in found:
            click.echo(f"{output.local_time(each.at_us, offset)[:19]}  {_line(each)}")
        if not found:
            click.echo("No act yet.", err=True)
    return OK


@act.command()
@_service_options
def reasons(**options: Any) -> int:
    """Show the site's own reasons, which may be given in Chinese: packcenter act machine hold bagger-1 --reason 换膜.

    They stand in the site file, `reasons` of [acts]; without that key there are those that most halls need.
    """
    from packcenter.cli import output
    from packcenter.diagnose import acting

    _, found = _with_service(options, acting.reasons)
    if options["as_json"]:
        output.print_json(found)
    else:
        click.echo("\n".join(found))
    return OK


# --- what they share -------------------------------------------------------------------------------------------------


def _alarm(order: str, name: str, subject: str, options: dict[str, Any], **more: int) -> int:
    return _do("alarm", {"alarm": name, "subject": subject, "order": order, **more}, options)


def _do(name: str, body: dict[str, Any], options: dict[str, Any]) -> int:
    """Do an act and tell what came of it."""
    from packcenter.diagnose import acting

    asked = {**body, "reason": options["reason"], **({"role": options["role"]} if options["role"] else {})}
    _, done = _with_service(options, lambda service, token: acting.act(service, token, name, asked))
    if options["as_json"]:
        _print(done, "")
    else:
        click.echo(_line(done))
    return OK


def _with_service(options: dict[str, Any], call: Callable[[ServiceAt, str], Any]) -> tuple[Where, Any]:
    """Where the service is and what it answers to a person. Raises `ToldError` with what to do."""
    from packcenter.cli.plc import find
    from packcenter.diagnose.acting import NotDone
    from packcenter.diagnose.asking import ServiceError

    token = _token(options["token_file"])
    where = find(options["site_file"], options["folder"], options["service_at"], None, options["trusted"])
    if where.service is None:
        raise ToldError(UNREACHABLE, f"No service answers ({'; '.join(where.tried)}). Is it running? --service says where.")
    try:
        return where, call(where.service, token)
    except ServiceError as error:
        raise ToldError(UNREACHABLE, f"{error}. Nothing was done.") from None
    except NotDone as error:
        if options["as_json"]:
            _print(error.record, str(error), error)
        raise ToldError(_CODES.get(error.status, PROBLEM), _advised(error)) from None


def _token(file: Path | None) -> str:
    """The person's token, from a file that only they can read or from the environment; it is never an argument."""
    from packcenter.config.load import Exposed, Unreadable, read_private

    where = f"${TOKEN}"
    if file is None:
        text = os.environ.get(TOKEN, "")
        if not text:
            said = f"Name its file with --token-file or ${TOKEN_FILE}, or set {where}. `packcenter people add` makes one."
            raise ToldError(USAGE, f"No token, and nobody acts without one. {said}")
    else:
        where = str(file)
        try:
            text = read_private(file).decode("utf-8", "replace")
        except Exposed as error:
            raise ToldError(CONFIGURATION, f"{file} is {error}, expected its owner's alone; run: chmod 600 {file}") from None
        except Unreadable as error:
            raise ToldError(CONFIGURATION, f"{file} is {error}, expected a file with your token") from None
    token = text.strip()
    if not _IS_TOKEN.fullmatch(token):
        raise ToldError(CONFIGURATION, f"{where} holds no token, expected the one line that `packcenter people add` printed.")
    return token


def _advised(error: NotDone) -> str:
    """Why an act was not done, and what to do where the service cannot know it."""
    advice = {
        "no_acts": " Start it with --people FILE, or name the file in the site's [acts].",
        "wrong_token": " Is it this hall's token, and was it not revoked?",
        "not_durable": " `packcenter act recent` shows them.",
        "ended": " `packcenter act recent` shows them.",
        "which_role": " Use --role.",
    }
    more = " `packcenter act reasons` shows them." if "/acts/reasons" in str(error) else advice.get(error.why, "")
    return f"{error}{'' if str(error).endswith('.') else '.'}{more}"


def _line(done: ActRecord) -> str:
    """An act as a line of text."""
    came = f"refused ({done.why})" if done.why else "taken"
    return f"{done.act} {done.subject}: {came}, {done.person} as {done.role}: {done.reason}  [record {done.sequence}]"


def _print(record: ActRecord | None, error: str, trouble: NotDone | None = None) -> None:
    from packcenter.cli.output import print_json

    told = {} if trouble is None else {"error": error, "why": trouble.why}
    print_json({"taken": trouble is None, **told, "record": record})
