"""A log that cannot be written costs its lines and nothing else."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, cast

import pytest

from packcenter.cli import lines, main
from packcenter.cli.codes import CONFIGURATION
from packcenter.cli.lines import LogLines, put

LIMIT_S = 10.0


class Fussy(io.StringIO):
    """A log that refuses while `fault` is set, and stands still while `gate` is not; `asked` once something is to be written."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Exception | None = None
        self.asked = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def fileno(self) -> int:
        raise io.UnsupportedOperation

    def write(self, text: str) -> int:
        self.asked.set()
        self.gate.wait(LIMIT_S)
        if self.fault is not None:
            raise self.fault
        return super().write(text)


@pytest.fixture
def fussy() -> Iterator[Fussy]:
    """A log, let go at the end."""
    stream = Fussy()
    yield stream
    stream.gate.set()


def news(count: int) -> str:
    return f"{count} lost\n"


def test_lines_are_written_in_order(fussy: Fussy) -> None:
    """What was taken is written when `drain` returns."""
    log = LogLines(fussy, news)
    for number in range(100):
        log.write(f"{number}\n")
        log.flush()
    assert log.drain(LIMIT_S)
    assert fussy.getvalue().split() == [str(number) for number in range(100)]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), BrokenPipeError(), ValueError("closed")])
def test_a_log_that_refuses_raises_nothing_and_the_lost_lines_are_told(fussy: Fussy, fault: Exception) -> None:
    """Lines that came meanwhile are counted, and the count comes before the next line that is written."""
    log = LogLines(fussy, news)
    fussy.fault = fault
    log.write("one\n")
    log.write("two\n")
    assert log.drain(LIMIT_S)
    fussy.fault = None
    log.write("three\n")
    log.write("four\n")
    assert log.drain(LIMIT_S)
    assert fussy.getvalue() == "2 lost\nthree\nfour\n"


def test_a_log_that_stands_still_holds_nobody_up(fussy: Fussy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing returns at once, so many lines wait, the others are lost and told; the end does not wait for ever."""
    monkeypatch.setattr(lines, "WAITING_MAX", 3)
    log = LogLines(fussy, news)
    fussy.gate.clear()
    log.write("first\n")
    assert fussy.asked.wait(LIMIT_S)
    assert not log.drain(0.01)
    for number in range(50):
        log.write(f"{number}\n")
    fussy.gate.set()
    assert log.drain(LIMIT_S)
    log.write("last\n")
    assert log.drain(LIMIT_S)
    written = fussy.getvalue().splitlines()
    assert written[0] == "first"
    assert written[-1] == "last"
    lost = sum(int(line.split()[0]) for line in written if line.endswith("lost"))
    whole = [line for line in written if not line.endswith("lost")]
    assert lost + len(whole) == 52
    assert len(whole) <= 5


def test_put_leaves_nothing_in_a_buffer_that_would_fail_later() -> None:
    """A full device refuses at once, and closing the stream afterwards is fine."""
    with Path("/dev/full").open("w") as full, pytest.raises(OSError, match="No space left"):
        put(full, "a line\n")


def test_put_writes_what_a_stream_cannot_encode(tmp_path: Path) -> None:
    """Lone surrogates come out as escapes."""
    log = tmp_path / "log"
    with log.open("w") as file:
        put(file, "东 \udcff\n")
    assert log.read_text("utf-8") == "东 \\udcff\n"


def test_an_error_keeps_its_exit_code_where_nobody_can_be_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Supervisors read the code; a standard error that is full or gone must not change it."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    site = tmp_path / "site.toml"
    site.write_text("not a site")
    monkeypatch.setattr(sys, "stderr", cast(TextIO, Gone()))
    assert main.run(["run", "--site", str(site)]) == CONFIGURATION


@pytest.mark.slow
def test_a_process_whose_standard_error_is_full_ends_with_its_own_code(tmp_path: Path) -> None:
    """Nothing is left in Python's buffers, whose failing last flush would end the process with 120."""
    site = tmp_path / "site.toml"
    site.write_text("not a site")
    with Path(os.devnull).open("w") as nowhere, Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "packcenter", "run", "--site", str(site)], stdout=nowhere, stderr=full, check=False
        )
    assert ended.returncode == CONFIGURATION
