"""Loading whole sites: what is read, what is refused before it is read, and that nothing but `ConfigError` comes out."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from config_corpus import texts, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packcenter.config import ConfigError, Configuration, bundled_site, check_paths, load_site, profile_folder
from packcenter.config.load import Unreadable, read_file
from packcenter.config.rules import Work
from packcenter.config.toml import FILE_BYTES_MAX


def test_the_reference_hall_loads() -> None:
    """The shipped hall has no fault and becomes a Hall with every machine."""
    configuration = load_site(bundled_site())
    assert configuration.hall.plcs() == ("sorter-1", "sorter-2", "bagger-1", "bagger-2", "bagger-3", "bagger-4", "rack-1")
    assert [name for name, _ in configuration.files][:2] == ["site.toml", "plan.toml"]


def test_everything_shipped_is_good() -> None:
    """Every shipped profile and hall passes the check that users run."""
    report = check_paths([profile_folder(), bundled_site().parent])
    assert report.ok, str(report)
    assert len(report.files) >= 8


def test_a_folder_is_its_toml_files(tmp_path: Path) -> None:
    """Each file of a folder is checked once, as what its schema key says."""
    write(tmp_path, texts())
    report = check_paths([tmp_path])
    assert report.ok, str(report)
    own = [Path(file).name for file in report.files if file.startswith(str(tmp_path))]
    assert sorted(own) == ["plan.toml", "profile.toml", "site.toml"]


def test_a_folder_without_toml(tmp_path: Path) -> None:
    """An empty folder is a fault: nothing was checked."""
    assert [each.rule for each in check_paths([tmp_path]).findings] == ["no-files"]


@pytest.mark.parametrize(
    ("first_line", "seen"),
    [("", "missing"), ('schema = "packcenter.sight/1"\n', '"packcenter.sight/1"'), ("schema = 3\n", "3")],
)
def test_a_file_says_what_it_is(first_line: str, seen: str, tmp_path: Path) -> None:
    """A file without a known schema key can't be checked, and that is said."""
    path = tmp_path / "a.toml"
    path.write_text(first_line + "a = 1\n")
    (finding,) = check_paths([path]).findings
    assert (finding.rule, finding.seen, finding.line) == ("schema", seen, 1)


def test_a_plan_alone(tmp_path: Path) -> None:
    """A plan can be checked before it meets a site."""
    write(tmp_path, texts())
    plan = tmp_path / "plan.toml"
    plan.write_text(plan.read_text("utf-8").replace('overflow = ["letters"]', 'overflow = ["leters"]'), "utf-8")
    assert [each.rule for each in check_paths([plan]).findings] == ["unknown-group"]


def test_a_missing_site_file(tmp_path: Path) -> None:
    """A path that is not there is a finding, not a traceback."""
    with pytest.raises(ConfigError, match="is missing, expected a TOML file") as caught:
        load_site(tmp_path / "site.toml")
    assert [each.rule for each in caught.value.findings] == ["unreadable"]


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """More than a megabyte is refused by its size, before a byte of it is read."""
    path = tmp_path / "site.toml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    (finding,) = check_paths([path]).findings
    assert (finding.rule, finding.seen) == ("size", "1,099,511,627,776 bytes")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    """A pipe would block for ever, a folder can't be read: both are said."""
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(Unreadable, match="not a regular file"):
            read_file(path)
    with pytest.raises(Unreadable, match="not a file's name"):
        read_file(Path("a\0b"))
    exact = tmp_path / "exact"
    exact.write_bytes(b"#" * FILE_BYTES_MAX)
    assert len(read_file(exact)) == FILE_BYTES_MAX


def test_a_profile_beside_the_site_is_shown_by_its_path(tmp_path: Path) -> None:
    """Findings in an own profile name its file, in a shipped one `plc_profiles/`."""
    made = texts()
    made["profile.toml"] = made["profile.toml"].replace("count = 125", "count = 25")
    (finding,) = check_paths([write(tmp_path, made)]).findings
    assert finding.file == str(tmp_path / "profile.toml")
    assert "plc_profiles/rack-modbus.toml" in check_paths([tmp_path / "site.toml"]).files


def test_an_error_can_be_shown_and_sent(tmp_path: Path) -> None:
    """`str` is the tree and `to_json` the data, of the same findings."""
    made = texts()
    made["plan.toml"] = "version = \n"
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, made))
    assert str(caught.value).startswith("1 fault in 1 file\n")
    assert caught.value.to_json()["findings"][0]["line"] == 1


_PIECES = st.sampled_from(
    [
        "",
        "=",
        "[",
        "]",
        '"',
        "1",
        "-1",
        "99999999999999999999",
        "true",
        "{",
        "}",
        ",",
        "\n",
        "x",
        "[[plc]]\n",
        "0.5",
        "'a'",
        "\x00",
        "é",
    ]
)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_raise_config_errors_only(data: st.DataObject, tmp_path: Path) -> None:
    """Whatever is cut out of, or put into, the three files: a configuration or a `ConfigError` with places in the files."""
    made = texts()
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(sorted(made)))
        text = made[name]
        tokens = [match.span() for match in re.finditer(r"[\w./-]+|[^\w\s]|\n", text)]
        first, last = data.draw(st.sampled_from(tokens))
        made[name] = text[:first] + data.draw(_PIECES) + text[last:]
    try:
        loaded = load_site(write(tmp_path, made))
    except ConfigError as error:
        lines = {name: text.split("\n") for name, text in made.items()}
        for each in error.findings:
            assert each.seen, each
            assert each.expected, each
            assert each.line <= len(lines.get(Path(each.file).name, [""] * 1000)), each
    else:
        assert isinstance(loaded, Configuration)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_values_of_wrong_kinds_raise_config_errors_only(data: st.DataObject, tmp_path: Path) -> None:
    """Every value replaced by one of another kind is a finding at that value's line, and no check falls over it."""
    made = texts()
    name = data.draw(st.sampled_from(sorted(made)))
    found = re.finditer(r"= (\"[^\"\n]*\"|[0-9_]+(?!\w)|true|false)", made[name])
    values = [match for match in found if "#" not in made[name][: match.start()].rpartition("\n")[2]]  # none of a comment
    chosen = data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=5, unique_by=lambda match: match.start()))
    text = original = made[name]
    for match in sorted(chosen, key=lambda match: -match.start()):
        text = (
            text[: match.start(1)] + data.draw(st.sampled_from(["1.5", "[]", "{}", "2026-01-01", "nan"])) + text[match.end(1) :]
        )
    made[name] = text
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, made))
    places = {each.line for each in caught.value.findings if Path(each.file).name == name}
    assert {original.count("\n", 0, match.start()) + 1 for match in chosen} <= places, str(caught.value)


def test_a_file_full_of_faults_is_cut(tmp_path: Path) -> None:
    """Hundreds of faults are shown, thousands are counted; checks across files wait until the file is better."""
    made = texts()
    made["plan.toml"] += "".join(f"k{at} = 1\n" for at in range(2000))
    findings = check_paths([write(tmp_path, made)]).findings
    assert len(findings) == 501
    assert [each.seen for each in findings if each.rule == "too-many"] == ["2,000 times at fault"]


def test_a_tangled_plan_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan whose rules can't be told apart in time is refused, not waited for."""
    monkeypatch.setattr("packcenter.config.rules.Work", lambda: Work(5))
    (finding,) = check_paths([write(tmp_path, texts())]).findings
    assert finding.rule == "too-tangled"


def test_installed_profiles_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an installed packcenter the profiles are its data; in the source tree they stand beside the package."""
    assert profile_folder().name == "plc_profiles"
    package = tmp_path / "packcenter"
    (package / "_data" / "plc_profiles").mkdir(parents=True)
    monkeypatch.setattr("importlib.resources.files", lambda _: package)
    assert profile_folder() == package / "_data" / "plc_profiles"
