"""
Who may act: the file of people, and how a token is known again without being kept.

A token is `STAFF.SECRET`: the staff number, and 32 bytes of luck. The file has a salt and SHA-256 of the whole; a secret of 256
bits needs no slow hash, and a slow one would let strangers work the loop that controls. Nothing here shows what a file
says of a person but the staff number, and that only where it cannot be personal data.
"""

from __future__ import annotations

import hashlib
import hmac
from calendar import timegm
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from packcenter.config import personal
from packcenter.config.errors import ConfigError, Finding, Report
from packcenter.config.models import PEOPLE_SCHEMA
from packcenter.config.models import People as PeopleTable
from packcenter.config.names import Findings, unique_items, unique_tables
from packcenter.config.toml import parse
from packcenter.config.validate import Loaded, validate

TOKEN_CHARACTERS_MAX = 128
"""Longest token that is looked at: 32 of the staff number, a point, 43 of the secret."""

SALT_BYTES = 16
SECRET_BYTES = 32
_DAY_US = 24 * 3600 * 1_000_000
_NOBODY = f"sha256:{'0' * 2 * SALT_BYTES}:{'0' * 64}"
_HIDDEN = "something else (not shown)"

PERSONAL = {
    "resident_id": "what may be a resident identity number",
    "mobile_number": "what may be a mobile number",
    "han_text": "Chinese text, which may be a name",
    "not_ascii": "other than ASCII text",
}
"""What `personal.kind_of` says, in the words of an error."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person: staff number, roles, digest of the token, last day of it ("": none)."""

    id: str
    roles: tuple[str, ...]
    token: str
    expires: str = ""

    def has_expired(self, wall_us: int) -> bool:
        """Whether the token's last day is over."""
        if not self.expires:
            return False
        last = date.fromisoformat(self.expires)
        return wall_us >= timegm((last.year, last.month, last.day, 0, 0, 0)) * 1_000_000 + _DAY_US


class People:
    """The people of a checked file."""

    def __init__(self, persons: Iterable[Person]) -> None:
        self.persons: Mapping[str, Person] = {person.id: person for person in persons}

    def whose(self, token: str) -> Person | None:
        """The person of a token, expired or not; None if it is nobody's. Takes as long for a wrong one as for a right one."""
        person = self.persons.get(token.rpartition(".")[0])
        kept = _NOBODY if person is None else person.token
        _, salt, _ = kept.split(":")
        is_it = hmac.compare_digest(digest(token, bytes.fromhex(salt)), kept)
        return person if is_it else None


def new_token(staff: str, secret: str) -> str:
    """The token of a person, from luck as text."""
    return f"{staff}.{secret}"


def digest(token: str, salt: bytes) -> str:
    """What the file keeps of a token."""
    return f"sha256:{salt.hex()}:{hashlib.sha256(salt + token.encode('utf-8', 'surrogatepass')).hexdigest()}"


def load_people(name: str, content: bytes) -> People:
    """The people of a file's bytes. Raises `ConfigError` with every fault; nothing is taken of a file with faults."""
    parsed = parse(name, content)
    if isinstance(parsed, list):
        raise ConfigError(Report.of((name,), parsed))
    loaded, faults = validate(parsed, PeopleTable)
    findings = [hide_values(fault) for fault in faults]
    if loaded is not None:
        findings += check_people(loaded)
    if findings or loaded is None:
        raise ConfigError(Report.of((name,), findings))
    return people_of(loaded)


def people_of(loaded: Loaded[PeopleTable]) -> People:
    """The people of a file without faults."""
    assert loaded.whole, loaded.holes
    return People(Person(each.id, tuple(each.roles), each.token, each.expires or "") for each in loaded.model.person)


def hide_values(finding: Finding) -> Finding:
    """A fault of the schema without what the file says there: it may be a name, or a token that was put in the wrong place."""
    if finding.rule == "bad-value":
        finding = replace(finding, seen=_HIDDEN)
    if personal.kind_of(finding.key):
        finding = replace(finding, key="$.person")
    return finding


def check_people(people: Loaded[PeopleTable]) -> Findings:
    """Everything that a file of people can be wrong in."""
    persons = people.model.person
    for at, person in enumerate(persons):
        if not people.sound("person", at, "id"):
            continue
        kind = personal.kind_of(person.id)
        if kind:
            advice = "The journal keeps it for ever; use a number that says nothing to others."
            yield people.finding(("person", at, "id"), "personal-data", PERSONAL[kind], "a staff number", advice)
        yield from unique_items(people, ("person", at, "roles"), person.roles, "role")
        if people.sound("person", at, "expires") and person.expires and not _is_day(person.expires):
            yield people.finding(("person", at, "expires"), "date", "no day of the calendar", 'a day such as "2027-01-31"', "")
    shown = ["" if personal.kind_of(person.id) else person.id for person in persons]
    if all(shown):
        yield from unique_tables(people, "person", "id", shown)
    yield from _tokens(people)


def _tokens(people: Loaded[PeopleTable]) -> Findings:
    holders: dict[str, int] = {}
    for at, person in enumerate(people.model.person):
        if people.sound("person", at, "token") and holders.setdefault(person.token, at) != at:
            path = ("person", at, "token")
            advice = "Nobody could tell the two apart; make a token for each with `packcenter people add`."
            yield people.finding(path, "repeated", "another person's", "a token of its own", advice)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


_HEAD = f"""\
# Who may act, as `packcenter people` writes it; comments are not kept. No names: staff numbers only.
# Only the service's own user may read this file (chmod 600). It is read again some seconds after it changed.
schema = "{PEOPLE_SCHEMA}"
"""


def to_toml(persons: Sequence[Person]) -> str:
    """The file's text for these people, in order of their staff numbers."""
    tables = [_HEAD]
    for person in sorted(persons, key=lambda each: each.id):
        roles = ", ".join(f'"{role}"' for role in person.roles)
        lines = ["", "[[person]]", f'id = "{person.id}"', f"roles = [{roles}]", f'token = "{person.token}"']
        tables.append("\n".join([*lines, *([f'expires = "{person.expires}"'] if person.expires else ()), ""]))
    return "".join(tables)
