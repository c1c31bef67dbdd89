"""The file of people: what may stand in it, who may touch it, and that nothing of it is shown that must not be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from packcenter.config.errors import ConfigError, Finding
from packcenter.config.load import bundled_site, check_paths, load_site, read_private
from packcenter.config.people import Agency, People, Person, digest, load_people, new_token, to_toml
from packcenter.config.people_models import PEOPLE_SCHEMA

SECRET = "S3cret-of-256-bits-that-nobody-may-see-4242"
TOKEN = new_token("op-17", SECRET)
DIGEST = digest(TOKEN, bytes(range(16)))
OTHER = digest(new_token("op-18", SECRET), bytes(range(16)))
HEAD = f'schema = "{PEOPLE_SCHEMA}"\n'
DAY_US = 24 * 3600 * 1_000_000


def person(text: str = "", *, staff: str = '"op-17"', roles: str = '["operator"]', token: str = f'"{DIGEST}"') -> str:
    return f"[[person]]\nid = {staff}\nroles = {roles}\ntoken = {token}\n{text}\n"


def agency(text: str = "", *, name: str = '"tax"', token: str = f'"{DIGEST}"') -> str:
    return f"[[agency]]\nid = {name}\ntoken = {token}\n{text}\n"


def faults(text: str) -> tuple[Finding, ...]:
    with pytest.raises(ConfigError) as raised:
        load_people("people.toml", text.encode())
    return raised.value.findings


def test_what_is_written_is_read_again() -> None:
    """`packcenter people` and the service speak of the same file; an empty one is a file as well."""
    people = [Person("op-17", DIGEST, "2027-01-31", ("operator", "supervisor")), Person("m_4.2", OTHER, roles=("maintenance",))]
    assert load_people("p", to_toml(people).encode()).persons == {each.id: each for each in people}
    assert load_people("p", to_toml([]).encode()).persons == {}
    agencies = [Agency("tax", DIGEST, "2027-01-31"), Agency("exit-entry", OTHER)]
    found = load_people("p", to_toml([], agencies).encode())
    assert (found.persons, found.agencies) == ({}, {each.id: each for each in agencies})


def test_a_token_is_its_persons_and_nothing_else_is() -> None:
    """Not with another's number, not cut, not longer, not empty."""
    people = People([Person("op-17", DIGEST), Person("op-18", OTHER)])
    found = people.whose(TOKEN)
    assert found is not None
    assert found.id == "op-17"
    for wrong in (
        "",
        ".",
        "op-17",
        "op-17.",
        TOKEN[:-1],
        TOKEN + "x",
        f"op-18.{SECRET}x",
        f"op-19.{SECRET}",
        f".{SECRET}",
        "\udcff",
    ):
        assert people.whose(wrong) is None, wrong


def test_a_persons_token_is_no_agencys() -> None:
    """Also where both bear the same name: each is looked for among its own."""
    ours, theirs = new_token("a1", SECRET), new_token("a1", SECRET[::-1])
    people = People([Person("a1", digest(ours, bytes(16)))], [Agency("a1", digest(theirs, bytes(16)))])
    assert people.whose(ours) == people.persons["a1"]
    assert people.agency_of(theirs) == people.agencies["a1"]
    assert people.whose(theirs) is None
    assert people.agency_of(ours) is None


def test_the_digest_says_nothing_of_the_token() -> None:
    """What the file keeps is salted; equal tokens look different."""
    assert SECRET not in DIGEST
    assert digest(TOKEN, bytes(16)) != digest(TOKEN, b"1" * 16)


def test_a_token_lasts_to_the_end_of_its_day() -> None:
    """In UTC; without a day it lasts until it is revoked."""
    one = Person("op-17", DIGEST, "1970-01-02")
    assert [one.has_expired(at_us) for at_us in (0, DAY_US, 2 * DAY_US - 1, 2 * DAY_US)] == [False, False, False, True]
    assert not Person("op-17", DIGEST).has_expired(1 << 62)


@pytest.mark.parametrize(
    ("text", "rule", "line", "column"),
    [
        (person(staff='"zhangsan"'), "bad-value", 3, 6),
        (person(staff='"张三"'), "bad-value", 3, 6),
        (person(staff='"a b1"'), "bad-value", 3, 6),
        (person(staff='"' + "1" * 33 + '"'), "bad-value", 3, 6),
        (person(staff='"13912345678"'), "personal-data", 3, 6),
        (person(staff='"op-139-1234-5678"'), "personal-data", 3, 6),
        (person(staff='"11010519491231002X"'), "personal-data", 3, 6),
        (person(roles="[]"), "bad-value", 4, 9),
        (person(roles='["boss"]'), "bad-value", 4, 10),
        (person(roles='["operator", "operator"]'), "repeated", 4, 22),
        (person(token=f'"{TOKEN}"'), "bad-value", 5, 9),
        (person('expires = "2027-02-30"'), "date", 6, 11),
        (person('expires = "soon"'), "bad-value", 6, 11),
        (person('name = "Zhang San"'), "unknown-key", 6, 1),
        (person() + person(token=f'"{OTHER}"'), "repeated", 8, 6),
        (person() + person(staff='"op-18"'), "repeated", 10, 9),
        (agency(name='"Tax"'), "bad-value", 3, 6),
        (agency(name='"张三"'), "bad-value", 3, 6),
        (agency(token=f'"{TOKEN}"'), "bad-value", 4, 9),
        (agency('expires = "2027-02-30"'), "date", 5, 11),
        (agency('roles = ["boss"]'), "unknown-key", 5, 1),
        (agency() + agency(token=f'"{OTHER}"'), "repeated", 7, 6),
        (agency() + agency(name='"exit-entry"'), "repeated", 8, 9),
        (person() + agency(), "repeated", 9, 9),
    ],
)
def test_each_fault_has_its_place_and_shows_no_value(text: str, rule: str, line: int, column: int) -> None:
    """A name, a number of a person or a token in the wrong place is told by its key alone."""
    (found,) = faults(HEAD + text)
    assert (found.rule, found.line, found.column) == (rule, line, column)
    told = str(found)
    for hidden in ("zhang", "Zhang", "张三", "139", "11010519", SECRET, "sha256:", "boss"):
        assert hidden not in told


def test_a_key_that_may_be_a_name_is_not_shown() -> None:
    """Somebody may take the table for a list of names."""
    (found,) = faults(HEAD + person('"张三" = "operator"'))
    assert "张三" not in str(found)
    assert found.line == 6


def test_all_faults_are_told_at_once() -> None:
    """Nobody mends one to see the next."""
    text = HEAD + person(staff='"none"', roles='["boss"]') + person('expires = "2027-13-01"', token=f'"{OTHER}"')
    assert [each.rule for each in faults(text)] == ["bad-value", "bad-value", "date"]


# --- who may touch it --------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The reference site with a file of people beside it."""
    text = bundled_site().read_text("utf-8").replace("[waybills]", '[acts]\npeople = "people.toml"\n\n[waybills]')
    (tmp_path / "site.toml").write_text(text, "utf-8")
    (tmp_path / "plan.toml").write_bytes((bundled_site().parent / "plan.toml").read_bytes())
    people = tmp_path / "people.toml"
    people.write_text(HEAD + person(), "utf-8")
    people.chmod(0o600)
    return tmp_path / "site.toml"


def found_in(site: Path) -> tuple[Finding, ...]:
    return check_paths([site]).findings


def test_a_site_with_people_is_checked_with_them(site: Path) -> None:
    """The service starts with a file that is sound, and `packcenter check` knows it before."""
    assert found_in(site) == ()
    assert load_site(site).site.people == site.parent / "people.toml"
    (site.parent / "people.toml").write_text(HEAD + person(roles='["boss"]'), "utf-8")
    assert [(each.rule, each.line) for each in found_in(site)] == [("bad-value", 4)]
    with pytest.raises(ConfigError):
        load_site(site, people=True)
    assert load_site(site).site.people is not None, "who only asks the service need not be able to read the file"


def test_an_agency_of_the_file_is_one_of_the_site(site: Path) -> None:
    """Alone the file may name any; beside its site it is told where the name is not known there."""
    people = site.parent / "people.toml"
    people.write_text(HEAD + agency(name='"tax"'), "utf-8")
    assert found_in(site) == ()
    people.write_text(HEAD + agency(name='"taxi"'), "utf-8")
    (found,) = found_in(site)
    assert (found.rule, found.line, found.column) == ("unknown-agency", 3, 6)
    assert "exit-entry" in found.expected
    assert check_paths([people]).findings == ()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o660, 0o777])
def test_a_file_that_others_may_touch_is_refused(site: Path, mode: int) -> None:
    """The error says what was seen, what is expected, and the command that mends it."""
    (site.parent / "people.toml").chmod(mode)
    (found,) = found_in(site)
    assert found.rule == "file-mode"
    assert f"mode {mode:04o}" in found.seen
    assert "0600" in found.expected
    assert "chmod 600" in found.advice


def test_a_file_that_is_none_is_refused(site: Path) -> None:
    """A link, a folder, a pipe, nothing: none of them is read, and nobody waits for one."""
    people = site.parent / "people.toml"
    real = site.parent / "real.toml"
    people.rename(real)
    assert [each.rule for each in found_in(site)] == ["unreadable"]
    people.symlink_to(real)
    assert [each.seen for each in found_in(site)] == ["not a regular file"]
    people.unlink()
    os.mkfifo(people)
    people.chmod(0o600)
    assert [each.seen for each in found_in(site)] == ["not a regular file"]
    people.unlink()
    people.mkdir()
    assert [each.seen for each in found_in(site)] == ["not a regular file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns a file may change it whatever its mode says."""
    people = site.parent / "people.toml"
    os.chown(people, 12345, -1)
    assert [each.seen for each in found_in(site)] == ["somebody else's"]
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert read_private(people).startswith(b"schema")


def with_reasons(site: Path, reasons: str) -> None:
    text = site.read_text("utf-8")
    site.write_text(text.replace('people = "people.toml"\n', f'people = "people.toml"\nreasons = {reasons}\n'), "utf-8")


def test_a_site_has_reasons_in_chinese(site: Path) -> None:
    """Those that most halls need, or its own."""
    assert "换膜" in load_site(site).site.reasons
    with_reasons(site, '["包装机换膜", "lorry is early"]')
    assert found_in(site) == ()
    assert load_site(site).site.reasons == ("包装机换膜", "lorry is early")


@pytest.mark.parametrize(
    ("reasons", "rule"),
    [
        ('["换膜", "换膜"]', "repeated"),
        ('["问 13912345678"]', "personal-data"),
        ('["11010519491231002X"]', "personal-data"),
        ('[" 换膜"]', "bad-value"),
        ('["换\\n膜"]', "bad-value"),
        ('[""]', "bad-value"),
        (f'["{"膜" * 65}"]', "bad-value"),
        ("[7]", "bad-value"),
    ],
)
def test_a_reason_is_a_short_text_that_tells_of_nobody(site: Path, reasons: str, rule: str) -> None:
    """Each fault with its place in the site file."""
    with_reasons(site, reasons)
    (found,) = found_in(site)
    assert found.rule == rule
    assert found.key.startswith("$.acts.reasons")
    assert "139" not in str(found)
    assert "11010519" not in str(found)


def test_acts_beyond_loopback_need_tls(site: Path) -> None:
    """Whoever listens on the network would have the tokens."""
    text = site.read_text("utf-8")
    open_to_all = text.replace('host = "127.0.0.1"', 'host = "10.0.0.5"\nbeyond_loopback = true')
    site.write_text(open_to_all, "utf-8")
    assert [each.rule for each in found_in(site)] == ["acts-without-tls"]
    tls = '[http.tls]\ncertificate = "tls/cert.pem"\nprivate_key = "tls/key.pem"\n\n[waybills]'
    site.write_text(open_to_all.replace("[waybills]", tls), "utf-8")
    assert found_in(site) == ()
    found = load_site(site).site.tls
    assert found is not None
    assert found.certificate == site.parent / "tls/cert.pem"
    site.write_text(open_to_all.replace('[acts]\npeople = "people.toml"\n', ""), "utf-8")
    assert found_in(site) == ()
