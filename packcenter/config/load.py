"""
From paths to a checked configuration, or to every finding of every file in one run.

Reading is bounded: regular files of at most one MiB. This is the only place of the configuration that touches the
disk; it runs before the service starts, and a test or another program may give its own `ReadFile`.
"""

from __future__ import annotations

import importlib.resources
import importlib.util
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from packcenter.config.build import Configuration, SiteSettings, build
from packcenter.config.check import Together, together
from packcenter.config.check_plan import check_plan
from packcenter.config.check_profile import check_profile
from packcenter.config.check_site import check_site
from packcenter.config.errors import ConfigError, Finding, Report, choice, quoted, shown
from packcenter.config.fields import Closed
from packcenter.config.models import SCHEMA_KINDS, Plan, Profile, Site
from packcenter.config.people import check_people, hide_values
from packcenter.config.people_models import People
from packcenter.config.toml import FILE_BYTES_MAX, Document, parse, too_large
from packcenter.config.validate import Loaded, Value, file_finding, validate

FILES_MAX = 1_000  # of one folder; more is the wrong folder

ReadFile = Callable[[Path], bytes]
M = TypeVar("M", bound=Closed)


class Unreadable(Exception):  # noqa: N818  a fact about a file, which becomes a finding
    """A file that could not or must not be read; the message completes "the file is ..."."""


class TooLarge(Unreadable):
    """A file of more than `FILE_BYTES_MAX` bytes; it was not read."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


class Exposed(Unreadable):
    """A file that others than its owner may read or change; it was not read. `mode` is what its rights are."""

    def __init__(self, mode: int) -> None:
        super().__init__(f"open to others (mode {mode:04o})")


@contextmanager
def _reading() -> Iterator[None]:
    """What goes wrong with a file, in words."""
    try:
        yield
    except FileNotFoundError:
        raise Unreadable("missing") from None
    except OSError as error:
        raise Unreadable(f"not readable ({error.strerror})") from None
    except ValueError:  # a NUL in the name
        raise Unreadable("not a file's name") from None


def read_file(path: Path) -> bytes:
    """The bytes of a regular file of at most one MiB; `Unreadable` says in words why not."""
    with _reading():
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not a regular file")
        if status.st_size > FILE_BYTES_MAX:
            raise TooLarge(status.st_size)
        return path.read_bytes()


def read_private(path: Path) -> bytes:
    """
    The bytes of a regular file, no link, that nobody but its owner may touch, and whose owner we are or root.

    What is looked at is what is read, whoever moves files about. `Unreadable` says in words why not.
    """
    with _reading():
        if not stat.S_ISREG(path.lstat().st_mode):  # what is no file might let us wait when it is opened
            raise Unreadable("not a regular file")
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("not a regular file")
            if status.st_mode & 0o077:
                raise Exposed(stat.S_IMODE(status.st_mode))
            if status.st_uid not in (0, os.geteuid()):
                raise Unreadable("somebody else's")
            content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise TooLarge(len(content))
    return content


def load_site(path: Path | str, read: ReadFile = read_file, *, plan: Path | None = None, people: bool = False) -> Configuration:
    """
    The configuration of a site file with its plan (or another `plan` file) and profiles, checked whole; with `people` also
    the file of those who may act, which nobody but the service's own user can read.

    Raises `ConfigError` with every finding of all these files; nothing is returned of a configuration with faults.
    """
    run = _Run(read, plan, people=people)
    loaded = run.site(Path(path), str(path))
    report = run.report()
    if not report.ok:
        raise ConfigError(report)
    assert loaded is not None, "a site without findings and without a model"
    assert loaded.plan is not None, "a plan without findings and without a model"
    return build(Path(path), loaded.site, loaded.plan, loaded.profiles)


def plans_of(site: SiteSettings) -> dict[str, Path]:
    """
    The plan files to which a site may be switched, by name: those of its folder of plans, and back to its own.

    None if it names no folder, or the folder cannot be read.
    """
    if site.plans is None or site.plan is None:
        return {}
    try:
        found = sorted(site.plans.glob("*.toml"))[:FILES_MAX]
    except OSError:
        return {}
    return {site.plan.name: site.plan} | {path.name: path for path in found}


def check_paths(paths: Iterable[Path | str], read: ReadFile = read_file) -> Report:
    """
    Check files, and the TOML files of folders, each as what its `schema` key says it is.

    A site is checked with its plan and profiles; a plan or profile that no site among them names is checked alone.
    """
    run = _Run(read)
    documents = [found for path in paths for found in run.documents(Path(path), str(path))]
    kinds = {at: run.kind(document) for at, (_, document) in enumerate(documents)}
    for kind in ("site", "plan", "profile", "people"):  # sites first, so that they name their plans and profiles
        for at, (path, document) in enumerate(documents):
            if kinds[at] == kind:
                run.checked(kind, path, document.name)
    return run.report()


def profile_folder() -> Path:
    """The folder of the shipped profiles: in an installed packcenter its data, in the source tree `plc_profiles`."""
    package = Path(str(importlib.resources.files("packcenter")))
    installed = package / "_data" / "plc_profiles"
    return installed if installed.is_dir() else package.parent / "plc_profiles"


def bundled_site(name: str = "reference") -> Path:
    """The site file of a hall that ships with the simulation; the simulation itself is not imported."""
    spec = importlib.util.find_spec("simulation")
    if spec is None or not spec.submodule_search_locations:
        report = Report.of(
            (name,), [file_finding(name, "missing-file", "missing", "a hall of the simulation", "Install it too.")]
        )
        raise ConfigError(report)
    return Path(spec.submodule_search_locations[0]) / "scenarios" / name / "site.toml"


def exposed(name: str, error: Exposed) -> Finding:
    """The finding for a file that others may read or change."""
    advice = f"Whoever reads it learns who may act; run: chmod 600 {quoted(name)}"
    return file_finding(name, "file-mode", str(error), "its owner's alone (mode 0600)", advice)


class _Run:
    """One run over any number of files: each file is read, validated and checked once, and every finding is kept."""

    def __init__(self, read: ReadFile, plan: Path | None = None, *, people: bool = True) -> None:
        self._read = read
        self._other_plan = plan
        self._with_people = people
        self._files: list[str] = []
        self._findings: list[Finding] = []
        self._documents: dict[Path, Document | None] = {}
        self._loaded: dict[tuple[Path, type[Closed]], Loaded[Closed] | None] = {}

    def report(self) -> Report:
        return Report.of(self._files, self._findings)

    def documents(self, path: Path, name: str) -> Iterator[tuple[Path, Document]]:
        """The readable TOML files of a path: itself, or those in the folder."""
        paths = sorted(path.glob("*.toml"))[:FILES_MAX] if path.is_dir() else [path]
        if not paths:
            self._files.append(name)
            self._findings.append(
                file_finding(name, "no-files", "without a .toml file", "at least one", "Is it the right folder?")
            )
        for each in paths:
            document = self._document(each, name if each == path else str(each))
            if document is not None:
                yield each, document

    def kind(self, document: Document) -> str:
        """Which kind of file a document says it is; "" and a finding if it does not."""
        said = document.values.get("schema")
        kind = SCHEMA_KINDS.get(said, "") if isinstance(said, str) else ""
        if not kind:
            place = document.key_place(("schema",))
            seen = "missing" if said is None else shown(said)
            advice = "The first line of every file says what it is."
            finding = Finding(document.name, *place, "$.schema", "schema", seen, choice(SCHEMA_KINDS), advice=advice)
            self._findings.append(finding)
        return kind

    def checked(self, kind: str, path: Path, name: str) -> None:
        """Check a file as this kind, if that was not done before."""
        if kind == "site":
            self.site(path, name)
        elif kind == "plan":
            self._plan(path, name)
        elif kind == "people":
            self._people(path, name)
        else:
            self._profile(path, name)

    def site(self, path: Path, name: str) -> Together | None:
        """Check a site with everything it names."""
        site = self._load(Site, path, name)
        if site is None:
            return None
        self._findings += check_site(site)
        if self._with_people and site.model.acts is not None and site.sound("acts"):
            people = path.parent / site.model.acts.people
            self._people(people, str(people), site.model.agencies if site.sound("agencies") else None)
        files = Together(site, self._plan_of(site, path), self._profiles_of(site, path))
        self._findings += together(files)
        return files

    def _plan_of(self, site: Loaded[Site], path: Path) -> Loaded[Plan] | None:
        if not site.sound("plan"):
            return None
        if self._other_plan is not None:
            return self._plan(self._other_plan, str(self._other_plan))
        target = path.parent / site.model.plan
        if self._is_missing(target):
            self._findings.append(
                self._missing(site, ("plan",), site.model.plan, path.parent.glob("*.toml"), "No item could be sorted.")
            )
            return None
        return self._plan(target, str(target))

    def _profiles_of(self, site: Loaded[Site], path: Path) -> dict[str, Loaded[Profile]]:
        shipped = {each.stem: each for each in sorted(profile_folder().glob("*.toml"))}
        found: dict[str, Loaded[Profile]] = {}
        for at, plc in enumerate(site.model.plc):
            if not site.sound("plc", at, "profile"):
                continue
            own = plc.profile.endswith(".toml")
            target = path.parent / plc.profile if own else shipped.get(plc.profile)
            if target is None or self._is_missing(target):
                advice = f"{plc.name} could not be spoken to."
                near = path.parent.glob("*.toml") if own else shipped.values()
                self._findings.append(self._missing(site, ("plc", at, "profile"), plc.profile, near, advice))
                continue
            profile = self._profile(target, str(target) if own else f"plc_profiles/{target.name}")
            if profile is not None:
                found[plc.profile] = profile
        return found

    def _missing(self, site: Loaded[Site], path: tuple[str | int, ...], seen: str, near: Iterable[Path], advice: str) -> Finding:
        is_file = seen.endswith(".toml") or path == ("plan",)
        names = sorted(each.name if is_file else each.stem for each in near)
        expected = f"a file beside {quoted(Path(site.document.name).name)}" if is_file else f"a shipped profile: {choice(names)}"
        rule = "missing-file" if is_file else "unknown-profile"
        return site.finding(path, rule, Value(seen), expected, advice, known=names)

    def _is_missing(self, path: Path) -> bool:
        try:
            self._read(path)
        except TooLarge:
            return False
        except Unreadable as error:
            return str(error) == "missing"
        return False

    def _plan(self, path: Path, name: str) -> Loaded[Plan] | None:
        plan = self._load(Plan, path, name)
        if plan is not None:
            self._findings += check_plan(plan)
        return plan

    def _profile(self, path: Path, name: str) -> Loaded[Profile] | None:
        profile = self._load(Profile, path, name)
        if profile is not None:
            self._findings += check_profile(profile)
        return profile

    def _people(self, path: Path, name: str, agencies: Sequence[str] | None = None) -> None:
        """A file of people is read as the service reads it, even if its text has been looked at already."""
        self._documents.pop(path.absolute(), None)
        document = self._document(path, name, read_private)
        if document is None:
            return
        loaded, findings = validate(document, People)
        self._findings += [hide_values(finding) for finding in findings]
        if loaded is not None:
            self._findings += check_people(loaded, agencies)

    def _load(self, model: type[M], path: Path, name: str) -> Loaded[M] | None:
        document = self._document(path, name)
        if document is None:
            return None
        loaded, findings = validate(document, model)
        self._findings += findings
        return loaded

    def _document(self, path: Path, name: str, read: ReadFile | None = None) -> Document | None:
        key = path.absolute()
        if key in self._documents:
            return self._documents[key]
        self._files.append(name)
        parsed: Document | list[Finding]
        try:
            parsed = parse(name, (read or self._read)(path))
        except TooLarge as error:
            parsed = [too_large(name, error.size)]
        except Exposed as error:
            parsed = [exposed(name, error)]
        except Unreadable as error:
            advice = "Check the path and who may read it."
            parsed = [file_finding(name, "unreadable", str(error), "a TOML file that can be read", advice)]
        if isinstance(parsed, Document):
            self._documents[key] = parsed
            return parsed
        self._findings += parsed
        self._documents[key] = None
        return None
