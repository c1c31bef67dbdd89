"""`packcenter people`: who may act, and which agencies may ask. The file is written whole; the service never reads half of it."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from packcenter.cli.codes import CONFIGURATION, OK, PROBLEM, USAGE, ToldError

if TYPE_CHECKING:
    from packcenter.config.people import Agency, Person

_ROLES = ("operator", "engineer", "maintenance", "supervisor")
_STAFF = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9._-]{1,32}")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def people() -> None:
    """Say who may act, and which agencies may ask for their feed: give tokens, list, revoke.

    People are staff numbers, never names: the journal keeps them for ever. A token is shown once; the file keeps only its digest.
    A running service sees a change within seconds. Run this as the service's own user: the file must be nobody else's to read.
    """


@dataclass
class _Roll:
    """What stands in the file, by staff number and by name, to be changed."""

    persons: dict[str, Person]
    agencies: dict[str, Agency]


def _file_options(command: Any) -> Any:
    """Which file is meant."""
    for option in (
        click.option(
            "--site",
            "site_file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="The file that this site's [acts] names.",
        ),
        click.option(
            "--file",
            type=click.Path(dir_okay=False, path_type=Path),
            default=Path("people.toml"),
            show_default=True,
            help="The file of people, if no site is named.",
        ),
    ):
        command = option(command)
    return command


def _token_options(command: Any) -> Any:
    """How long a token lasts, and where it is written."""
    for option in (
        click.option("--expires", help="Last day of the token, YYYY-MM-DD, UTC; else it lasts until it is revoked."),
        click.option(
            "--to", type=click.Path(path_type=Path), help="Write the token into this new file (mode 600) instead of printing it."
        ),
    ):
        command = option(command)
    return _file_options(command)


@people.command()
@click.argument("staff")
@click.option("--role", "roles", type=click.Choice(_ROLES), multiple=True, required=True, help="May be given more than once.")
@click.option("--replace", is_flag=True, help="Give a person who is there already new roles and a new token.")
@_token_options
def add(
    staff: str, roles: tuple[str, ...], expires: str | None, replace: bool, to: Path | None, file: Path, site_file: Path | None
) -> int:
    """Let the person with staff number STAFF act, and print their token, once.

    Exit codes: 0 done, 1 the person is there already, 2 wrong usage, 3 the file is not in order.
    """
    from packcenter.config.people import Person

    _check_staff(staff)
    token, kept = _new_token(staff)
    person = Person(staff, kept, _day(expires), tuple(dict.fromkeys(roles)))

    def change(found: _Roll) -> None:
        if staff in found.persons and not replace:
            raise ToldError(PROBLEM, f"{staff} is there already; --replace gives new roles and a new token.")
        found.persons[staff] = person

    where = _file_of(file, site_file)
    told = _give(token, to, where, change)
    click.echo(f"{staff} may act as {', '.join(person.roles)}; {where} knows the token, which is {told}.", err=True)
    return OK


@people.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_file_options
def show_list(as_json: bool, file: Path, site_file: Path | None) -> int:
    """Show who may act, in which roles, which agencies may ask for their feed, and until when."""
    from packcenter.cli.output import print_json

    where = _file_of(file, site_file)
    wall_us = time.time_ns() // 1000
    roll = _read(where)
    persons: list[dict[str, Any]] = [
        {"staff": each.id, "roles": each.roles, "expires": each.expires or None, "expired": each.has_expired(wall_us)}
        for each in sorted(roll.persons.values(), key=lambda each: each.id)
    ]
    agencies: list[dict[str, Any]] = [
        {"agency": each.id, "expires": each.expires or None, "expired": each.has_expired(wall_us)}
        for each in sorted(roll.agencies.values(), key=lambda each: each.id)
    ]
    if as_json:
        print_json({"file": str(where), "people": persons, "agencies": agencies})
        return OK
    for each in persons:
        click.echo(f"{each['staff']:<32}  {', '.join(each['roles'])}{_until(each)}")
    for each in agencies:
        click.echo(f"{each['agency']:<32}  agency: its feed{_until(each)}")
    if not persons:
        click.echo(f"{where}: nobody may act.", err=True)
    return OK


def _until(each: dict[str, Any]) -> str:
    until = f"  until {each['expires']}" if each["expires"] else ""
    return f"{until}{'  EXPIRED' if each['expired'] else ''}"


@people.command()
@click.argument("staff")
@_file_options
def revoke(staff: str, file: Path, site_file: Path | None) -> int:
    """Let the person with staff number STAFF act no more.

    Exit codes: 0 done, 1 there is no such person, 3 the file is not in order.
    """

    def change(found: _Roll) -> None:
        if found.persons.pop(staff, None) is None:
            raise ToldError(PROBLEM, "There is no person of this staff number; `packcenter people list` shows who there is.")

    where = _file_of(file, site_file)
    _change(where, change)
    click.echo(f"{staff} may act no more; a running service knows it within seconds.", err=True)
    return OK


# --- agencies ------------------------------------------------------------------------------------------------------------


@people.group()
def agency() -> None:
    """Let an agency ask for its feed from other machines, or no more.

    Without a token the feed of an agency is told on the service's own machine only, to whoever asks. With one it is told to who
    has the token, from anywhere, and on that machine as well. No other agency's feed is told for it, and nobody acts with it.
    """


@agency.command(name="add")
@click.argument("name")
@click.option("--replace", is_flag=True, help="Give an agency that is there already a new token.")
@_token_options
def add_agency(name: str, expires: str | None, replace: bool, to: Path | None, file: Path, site_file: Path | None) -> int:
    """Let the agency NAME of the site file ask for its feed, and print its token, once.

    Exit codes: 0 done, 1 the agency is there already, 2 wrong usage, 3 the file is not in order.
    """
    from packcenter.config.people import Agency

    where = _file_of(file, site_file)
    _check_agency(name, site_file)
    token, kept = _new_token(name)
    added = Agency(name, kept, _day(expires))

    def change(found: _Roll) -> None:
        if name in found.agencies and not replace:
            raise ToldError(PROBLEM, f"{name} is there already; --replace gives it a new token.")
        found.agencies[name] = added

    told = _give(token, to, where, change)
    click.echo(f"{name} may ask for GET /feed/{name}; {where} knows the token, which is {told}.", err=True)
    return OK


@agency.command(name="revoke")
@click.argument("name")
@_file_options
def revoke_agency(name: str, file: Path, site_file: Path | None) -> int:
    """Take the token of the agency NAME away; its feed is for the service's own machine again.

    Exit codes: 0 done, 1 there is no such agency, 3 the file is not in order.
    """

    def change(found: _Roll) -> None:
        if found.agencies.pop(name, None) is None:
            raise ToldError(PROBLEM, "There is no agency of this name; `packcenter people list` shows which there are.")

    where = _file_of(file, site_file)
    _change(where, change)
    click.echo(f"{name} may ask no more; a running service knows it within seconds.", err=True)
    return OK


def _check_agency(name: str, site_file: Path | None) -> None:
    """Raises `ToldError` for what is no name of an agency, or of none of the site."""
    from packcenter.config.fields import NAME_PATTERN
    from packcenter.config.load import load_site
    from packcenter.config.models import PATTERN_WORDS

    if not re.fullmatch(NAME_PATTERN, name):
        raise ToldError(USAGE, f"The name is not of its form, expected {PATTERN_WORDS[NAME_PATTERN]}.")
    if site_file is not None:
        known = load_site(site_file).hall.agencies
        if name not in known:
            raise ToldError(USAGE, f"{name} is no agency of {site_file}, expected one of {', '.join(sorted(known))}.")


# --- what both need ------------------------------------------------------------------------------------------------------


def _new_token(name: str) -> tuple[str, str]:
    """(a new token, what the file keeps of it)."""
    from packcenter.config.people import SALT_BYTES, SECRET_BYTES, digest, new_token

    token = new_token(name, secrets.token_urlsafe(SECRET_BYTES))
    return token, digest(token, secrets.token_bytes(SALT_BYTES))


def _give(token: str, to: Path | None, where: Path, change: Callable[[_Roll], None]) -> str:
    """Change the file, and hand the token out: printed, or in a new file; neither if the other fails. Returns where it is."""
    if to is None:
        _change(where, change)
        click.echo(token)
        sys.stdout.flush()
        return "shown this once"
    with _new_private(to) as descriptor:
        _change(where, change)
        os.write(descriptor, f"{token}\n".encode())
    return f"in {to}"


def _check_staff(staff: str) -> None:
    """Raises `ToldError`, without what was given: it may be a name."""
    from packcenter.config import personal
    from packcenter.config.people import PERSONAL

    kind = personal.kind_of(staff)
    if kind:
        raise ToldError(
            USAGE, f"The staff number is {PERSONAL[kind]}; the journal would keep it. Use a number that tells nothing."
        )
    if not _STAFF.fullmatch(staff):
        expected = "1 to 32 letters, digits, points, hyphens and underscores, at least one digit"
        raise ToldError(USAGE, f"The staff number is not of its form, expected {expected}. Names are no staff numbers.")


def _day(text: str | None) -> str:
    try:
        return "" if text is None else date.fromisoformat(text).strftime("%Y-%m-%d")
    except ValueError:
        raise ToldError(USAGE, "--expires is not a day, expected one such as 2027-01-31.") from None


def _file_of(file: Path, site_file: Path | None) -> Path:
    from packcenter.config.load import load_site

    if site_file is None:
        return file
    found = load_site(site_file).site.people
    if found is None:
        raise ToldError(CONFIGURATION, f'{site_file} has no [acts]; add `[acts]` with `people = "people.toml"`.')
    return found


def _read(file: Path) -> _Roll:
    """What stands in the file; nothing in one that is not there yet. Raises `ToldError` or `ConfigError`."""
    from packcenter.config.load import Exposed, Unreadable, read_private
    from packcenter.config.people import load_people

    try:
        found = load_people(str(file), read_private(file))
    except Exposed as error:
        raise ToldError(CONFIGURATION, f"{file} is {error}, expected its owner's alone; run: chmod 600 {file}") from None
    except Unreadable as error:
        if str(error) == "missing":
            return _Roll({}, {})
        raise ToldError(CONFIGURATION, f"{file} is {error}, expected a file of people of your own.") from None
    return _Roll(dict(found.persons), dict(found.agencies))


def _change(file: Path, change: Callable[[_Roll], None]) -> None:
    """Read, change and write the file while nobody else does."""
    from packcenter.config.people import load_people, to_toml

    try:
        with _locked(file.parent) as folder:
            found = _read(file)
            change(found)
            content = to_toml(found.persons.values(), found.agencies.values()).encode()
            load_people(str(file), content)  # what we write, the service takes
            _write(file, content)
            os.fsync(folder)
    except OSError as error:
        raise ToldError(CONFIGURATION, f"{file} cannot be written: {error.strerror}. Run this as the service's user.") from None


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _write(file: Path, content: bytes) -> None:
    """Put a file in the place of the old one, with its owner, whole at once."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        if file.exists():
            old = file.stat()
            if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, old.st_uid, old.st_gid)
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)
    part.replace(file)


@contextmanager
def _new_private(file: Path) -> Iterator[int]:
    """A new file that only its owner can read; gone again if what it is for fails."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ToldError(USAGE, f"--to {file}: {error.strerror}, expected a file that is not there yet.") from None
    try:
        yield descriptor
    except BaseException:
        file.unlink()
        raise
    finally:
        os.close(descriptor)
