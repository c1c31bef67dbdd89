"""
Who may act, and which agency may ask for its feed: the file of people, and how a token is known again without being kept.

A token is `STAFF.SECRET` or `AGENCY.SECRET`: the staff number or the agency's name, and 32 bytes of luck. What is a person's is
never an agency's: each is looked for among its own. The file has a salt and SHA-256 of the whole; a secret of 256
bits needs no slow hash, and a slow one would let strangers work the loop that controls. Nothing here shows what a file
says of a person but the staff number, and that only where it cannot be personal data.
"""

from __future__ import annotations

import hashlib
import hmac
from calendar import timegm
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from packcenter.config import personal
from packcenter.config.errors import ConfigError, Finding, Report
from packcenter.config.names import Findings, unique_items, unique_tables, unknown_name
from packcenter.config.people_models import PEOPLE_SCHEMA
from packcenter.config.people_models import People as PeopleTable
from packcenter.config.toml import parse
from packcenter.config.validate import Loaded, validate

TOKEN_CHARACTERS_MAX = 128
"""Longest token that is looked at: 48 of a name, a point, 43 of the secret, and room."""

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
class Holder:
    """Whoever has a token: staff number or agency, digest of the token, last day of it ("": none)."""

    id: str
    token: str
    expires: str = ""

    def has_expired(self, wall_us: int) -> bool:
        """Whether the token's last day is over."""
        if not self.expires:
            return False
        last = date.fromisoformat(self.expires)
        return wall_us >= timegm((last.year, last.month, last.day, 0, 0, 0)) * 1_000_000 + _DAY_US


@dataclass(frozen=True, slots=True)
class Person(Holder):
    """One person, and the roles in which they may act."""

    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agency(Holder):
    """One agency that may ask for its feed."""


H = TypeVar("H", bound=Holder)


class People:
    """The people and agencies of a checked file."""

    def __init__(self, persons: Iterable[Person], agencies: Iterable[Agency] = ()) -> None:
        self.persons: Mapping[str, Person] = {person.id: person for person in persons}
        self.agencies: Mapping[str, Agency] = {agency.id: agency for agency in agencies}

    def whose(self, token: str) -> Person | None:
        """The person of a token, expired or not; None if it is nobody's. Takes as long for a wrong one as for a right one."""
        return _holder(self.persons, token)

    def agency_of(self, token: str) -> Agency | None:
        """The agency of a token, as `whose`."""
        return _holder(self.agencies, token)


def _holder(holders: Mapping[str, H], token: str) -> H | None:
    holder = holders.get(token.rpartition(".")[0])
    kept = _NOBODY if holder is None else holder.token
    _, salt, _ = kept.split(":")
    is_it = hmac.compare_digest(digest(token, bytes.fromhex(salt)), kept)
    return holder if is_it else None


def new_token(name: str, secret: str) -> str:
    """The token of a person or agency, from luck as text."""
    return f"{name}.{secret}"


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
    return People(
        (Person(each.id, each.token, each.expires or "", tuple(each.roles)) for each in loaded.model.person),
        (Agency(each.id, each.token, each.expires or "") for each in loaded.model.agency),
    )


def hide_values(finding: Finding) -> Finding:
    """A fault of the schema without what the file says there: it may be a name, or a token that was put in the wrong place."""
    if finding.rule == "bad-value":
        finding = replace(finding, seen=_HIDDEN)
    if personal.kind_of(finding.key):
        finding = replace(finding, key="$.person")
    return finding


def check_people(people: Loaded[PeopleTable], known: Collection[str] | None = None) -> Findings:
    """Everything that a file of people can be wrong in; `known` are the agencies of its site, None if there is no site."""
    persons = people.model.person
    for at, person in enumerate(persons):
        if not people.sound("person", at, "id"):
            continue
        kind = personal.kind_of(person.id)
        if kind:
            advice = "The journal keeps it for ever; use a number that says nothing to others."
            yield people.finding(("person", at, "id"), "personal-data", PERSONAL[kind], "a staff number", advice)
        yield from unique_items(people, ("person", at, "roles"), person.roles, "role")
        yield from _expiry(people, "person", at, person.expires)
    shown = ["" if personal.kind_of(person.id) else person.id for person in persons]
    if all(shown):
        yield from unique_tables(people, "person", "id", shown)
    yield from _agencies(people, known)
    yield from _tokens(people)


def _agencies(people: Loaded[PeopleTable], known: Collection[str] | None) -> Findings:
    for at, agency in enumerate(people.model.agency):
        yield from _expiry(people, "agency", at, agency.expires)
        if known is not None and people.sound("agency", at, "id") and agency.id not in known:
            advice = "It could ask for nothing; `packcenter people agency revoke` takes it out."
            yield unknown_name(people, ("agency", at, "id"), agency.id, known, "agency of the site", advice)
    yield from unique_tables(people, "agency", "id", [each.id for each in people.model.agency])


def _expiry(people: Loaded[PeopleTable], table: str, at: int, expires: str | None) -> Findings:
    if people.sound(table, at, "expires") and expires and not _is_day(expires):
        yield people.finding((table, at, "expires"), "date", "no day of the calendar", 'a day such as "2027-01-31"', "")


def _tokens(people: Loaded[PeopleTable]) -> Findings:
    tokens = [("person", at, each.token) for at, each in enumerate(people.model.person)]
    tokens += [("agency", at, each.token) for at, each in enumerate(people.model.agency)]
    seen: set[str] = set()
    for table, at, token in tokens:
        if people.sound(table, at, "token") and token in seen:
            advice = "Nobody could tell the two apart; make a token for each with `packcenter people`."
            yield people.finding((table, at, "token"), "repeated", "somebody else's", "a token of its own", advice)
        seen.add(token)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


_HEAD = f"""\
# Who may act, and which agencies may ask for their feed, as `packcenter people` writes it; comments are not kept.
# No names of people: staff numbers only.
# Only the service's own user may read this file (chmod 600). It is read again some seconds after it changed.
schema = "{PEOPLE_SCHEMA}"
"""


def to_toml(persons: Iterable[Person], agencies: Iterable[Agency] = ()) -> str:
    """The file's text for these people and agencies, in order of their staff numbers and names."""
    tables = [_HEAD]
    for person in sorted(persons, key=lambda each: each.id):
        roles = ", ".join(f'"{role}"' for role in person.roles)
        tables.append(_table("person", person, f"roles = [{roles}]"))
    tables += [_table("agency", agency) for agency in sorted(agencies, key=lambda each: each.id)]
    return "".join(tables)


def _table(name: str, holder: Holder, *more: str) -> str:
    expiry = [f'expires = "{holder.expires}"'] if holder.expires else []
    return "\n".join(["", f"[[{name}]]", f'id = "{holder.id}"', *more, f'token = "{holder.token}"', *expiry, ""])
