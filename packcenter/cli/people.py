"""`packcenter people`: who may act. The file is written whole, so that the service never reads half of it."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from packcenter.cli.codes import CONFIGURATION, OK, PROBLEM, USAGE, ToldError

if TYPE_CHECKING:
    from packcenter.config.people import Person

_ROLES = ("operator", "engineer", "maintenance", "supervisor")
_STAFF = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9._-]{1,32}")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def people() -> None:
    """Say who may act: give tokens, list people, revoke.

    People are staff numbers, never names: the journal keeps them for ever. A token is shown once; the file keeps only its digest.
    A running service sees a change within seconds. Run this as the service's own user: the file must be nobody else's to read.
    """


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


@people.command()
@click.argument("staff")
@click.option("--role", "roles", type=click.Choice(_ROLES), multiple=True, required=True, help="May be given more than once.")
@click.option("--expires", help="Last day of the token, YYYY-MM-DD, UTC; else it lasts until it is revoked.")
@click.option("--replace", is_flag=True, help="Give a person who is there already new roles and a new token.")
@click.option(
    "--to", type=click.Path(path_type=Path), help="Write the token into this new file (mode 600) instead of printing it."
)
@_file_options
def add(
    staff: str, roles: tuple[str, ...], expires: str | None, replace: bool, to: Path | None, file: Path, site_file: Path | None
) -> int:
    """Let the person with staff number STAFF act, and print their token, once.

    Exit codes: 0 done, 1 the person is there already, 2 wrong usage, 3 the file is not in order.
    """
    from packcenter.config.people import SALT_BYTES, SECRET_BYTES, Person, digest, new_token

    _check_staff(staff)
    token = new_token(staff, secrets.token_urlsafe(SECRET_BYTES))
    kept = digest(token, secrets.token_bytes(SALT_BYTES))
    person = Person(staff, tuple(dict.fromkeys(roles)), kept, _day(expires))

    def change(found: dict[str, Person]) -> None:
        if staff in found and not replace:
            raise ToldError(PROBLEM, f"{staff} is there already; --replace gives new roles and a new token.")
        found[staff] = person

    where = _file_of(file, site_file)
    if to is None:
        _change(where, change)
        click.echo(token)
        sys.stdout.flush()
    else:
        with _new_private(to) as descriptor:
            _change(where, change)
            os.write(descriptor, f"{token}\n".encode())
    told = f"in {to}" if to is not None else "shown this once"
    click.echo(f"{staff} may act as {', '.join(person.roles)}; {where} knows the token, which is {told}.", err=True)
    return OK


@people.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_file_options
def show_list(as_json: bool, file: Path, site_file: Path | None) -> int:
    """Show who may act, in which roles, and until when."""
    from packcenter.cli.output import print_json

    where = _file_of(file, site_file)
    wall_us = time.time_ns() // 1000
    found: list[dict[str, Any]] = [
        {"staff": each.id, "roles": each.roles, "expires": each.expires or None, "expired": each.has_expired(wall_us)}
        for each in sorted(_read(where).values(), key=lambda each: each.id)
    ]
    if as_json:
        print_json({"file": str(where), "people": found})
        return OK
    for each in found:
        until = f"  until {each['expires']}" if each["expires"] else ""
        click.echo(f"{each['staff']:<32}  {', '.join(each['roles'])}{until}{'  EXPIRED' if each['expired'] else ''}")
    if not found:
        click.echo(f"{where}: nobody may act.", err=True)
    return OK


@people.command()
@click.argument("staff")
@_file_options
def revoke(staff: str, file: Path, site_file: Path | None) -> int:
    """Let the person with staff number STAFF act no more.

    Exit codes: 0 done, 1 there is no such person, 3 the file is not in order.
    """

    def change(found: dict[str, Person]) -> None:
        if found.pop(staff, None) is None:
            raise ToldError(PROBLEM, "There is no person of this staff number; `packcenter people list` shows who there is.")

    where = _file_of(file, site_file)
    _change(where, change)
    click.echo(f"{staff} may act no more; a running service knows it within seconds.", err=True)
    return OK


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


def _read(file: Path) -> dict[str, Person]:
    """The people of the file; none of one that is not there yet. Raises `ToldError` or `ConfigError`."""
    from packcenter.config.load import Exposed, Unreadable, read_private
    from packcenter.config.people import load_people

    try:
        return dict(load_people(str(file), read_private(file)).persons)
    except Exposed as error:
        raise ToldError(CONFIGURATION, f"{file} is {error}, expected its owner's alone; run: chmod 600 {file}") from None
    except Unreadable as error:
        if str(error) == "missing":
            return {}
        raise ToldError(CONFIGURATION, f"{file} is {error}, expected a file of people of your own.") from None


def _change(file: Path, change: Callable[[dict[str, Person]], None]) -> None:
    """Read, change and write the file while nobody else does."""
    from packcenter.config.people import load_people, to_toml

    try:
        with _locked(file.parent) as folder:
            found = _read(file)
            change(found)
            content = to_toml([*found.values()]).encode()
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
