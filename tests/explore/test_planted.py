"""The explorer finds what is wrong, and makes it small: faults planted into the product or the hall, one at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from packcenter.core import packing
from packcenter.core.turn import Turn
from packcenter.plc.image import InImage, OutImage
from packcenter.plc.mailbox import Happening, Mailbox
from packcenter.service.output_commit import OutputCommit
from simulation.disk import SimFile
from simulation.explore.options import Options
from simulation.explore.runner import explore
from simulation.explore.shrink import command_of, script_of, shrink
from simulation.lineplc import LinePlc

SECOND = 1_000_000


def found(letters: str, seeds: range, **options: object) -> list[str]:
    """The invariants violated by the first run that violates one of `letters`; empty if none does."""
    for seed in seeds:
        outcome = explore(Options(seed=seed, **options))  # type: ignore[arg-type]
        if any(violation.invariant in letters.split() for violation in outcome.violations):
            return [violation.invariant for violation in outcome.violations]
    return []


def test_an_acknowledgement_before_the_sync_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """E3: events are acknowledged as soon as they are decided on."""
    take_tick = OutputCommit.take_tick

    def early(self: OutputCommit) -> None:
        take_tick(self)
        for name, plc in self.controller.state.plcs.items():
            if plc.seq:
                self._outputs.acknowledge(name, plc.epoch, plc.seq)

    monkeypatch.setattr(OutputCommit, "take_tick", early)
    assert found("E3", range(10), hall="small", items=40, safety_us=60 * SECOND, faults={"slow_disk": 3})


def test_a_sync_that_does_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """J1: what was released is gone after a power loss, or the journal is damaged by it, which ends the next life (J)."""
    monkeypatch.setattr(SimFile, "fdatasync", lambda self: None)
    assert found("J J1 J2", range(10), hall="small", items=30, safety_us=60 * SECOND, faults={"kill": 3, "power": 3})


def test_a_plc_that_takes_commands_of_an_older_epoch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """R4 E7: only an adversary that replays old telegrams shows it."""

    def credulous(self: LinePlc, image: InImage) -> None:
        self._note_beat(image.heartbeat)
        if self._epoch == 0 and image.epoch:
            self._grant(image)
        if self._epoch:
            self._free(image.acknowledged)
            for command in image.commands:
                self._take(command)

    monkeypatch.setattr(LinePlc, "_take_image", credulous)
    options = {"reboot": 3, "replay": 3}
    assert found("R4 E3 E4 E7", range(10), hall="small", items=30, safety_us=90 * SECOND, faults=options)


def test_an_answer_of_an_earlier_connection_that_is_believed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """E7: the mailbox looks at every image as if it were of this connection."""
    on_image: Callable[[Mailbox, int, int, OutImage], list[Happening]] = Mailbox.on_image
    monkeypatch.setattr(Mailbox, "on_image", lambda self, now_us, hello, image: on_image(self, now_us, self._hello, image))
    assert found("E7", range(10), hall="small", items=40, safety_us=90 * SECOND, faults={"delay": 3})


def test_a_pouch_that_is_trusted_after_a_stop_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """B6: a bagger stopped with a document in an open pouch."""

    def trusting(turn: Turn, plc: str, reason: str) -> None:
        """Nothing is suspect."""

    monkeypatch.setattr(packing, "make_suspect", trusting)
    assert found("B6 X-B6", range(20), hall="small", items=60, safety_us=120 * SECOND, faults={"kill": 3, "dip": 3})


def test_what_is_found_becomes_as_small_as_it_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults that have nothing to do with it go, time and items shrink, and the script tells what is left."""
    monkeypatch.setattr(SimFile, "fdatasync", lambda self: None)
    crowd = {"kill": 3, "power": 3, "drop": 1, "bad_manifest": 1, "act_lifts_from_lane": 1, "luck_falls": 1, "clock_step": 1}
    failed = explore(Options(seed=2, hall="small", items=10, safety_us=40 * SECOND, faults=crowd))
    assert failed.violations
    shortest = shrink(failed, explore)
    assert set(shortest.options.faults) <= {"kill", "power", "clock_step"}
    assert shortest.options.safety_us < 40 * SECOND
    assert shortest.options.items < 10
    script = script_of(shortest)
    assert command_of(shortest.options) in script
    assert ", power lost" in script
    assert str(shortest.violations[0]) in script.partition("----")[2]
