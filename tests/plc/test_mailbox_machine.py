"""
The mailbox against a small PLC on a bad wire: drops, repeats, swaps, late images, restarts of both sides, lost grants.

The test plays the rest of the service: a journal (what is durable), a core that grants epochs and asks commands. Checked
all the time: E1 (each event once), E2 (no holes), E3 (no acknowledgement beyond the durable mark), E4 (epochs rise, are
durable before granted, and belong to one life), E7 (a stale hello changes nothing); at the end: everything arrives.
"""

from __future__ import annotations

import copy
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from plc_testing import DIGEST, ModelPlc

from packcenter.plc.image import OutImage
from packcenter.plc.line import LineCommand
from packcenter.plc.mailbox import VOID, Cause, Events, Gap, Happening, LinkLost, LinkUp, Mailbox, Resume


class Wire(RuleBasedStateMachine):
    @initialize(granted=st.booleans())
    def start(self, granted: bool) -> None:
        self.now = 1_000_000
        self.plc = ModelPlc()
        self.plc.check_promises = True
        self.nonces = self.plc.nonce
        self.journal: dict[int, list[int]] = {}  # durable events by epoch
        self.not_durable: list[tuple[int, int]] = []
        self.asked: dict[int, LineCommand] = {}  # of the present epoch
        self.forgotten: set[int] = set()  # timed out in the core and not asked again after a restart
        self.epoch = 0
        self.granted_nonce = 0
        self.wants_grant = 0
        self.late: list[tuple[int, OutImage]] = []
        self.box = Mailbox("sorter-1", DIGEST)
        self.hello = self.box.hello(self.now)
        if granted:
            self.settle(4)

    def settle(self, exchanges: int) -> None:
        """A good wire and a quick service for a while."""
        for _ in range(exchanges):
            self.exchange(False, False, 20)
            while self.not_durable:
                self.journal_first()
            if self.wants_grant:
                self.core_grants()

    def journal_first(self) -> None:
        epoch, number = self.not_durable.pop(0)
        kept = self.journal.setdefault(epoch, [])
        assert number == len(kept) + 1, "E1, E2: each event once and in order"
        kept.append(number)
        self.plc.durable[epoch] = number
        self.box.durable(epoch, number)

    # --- the service ---------------------------------------------------------------------------------------------------

    def hear(self, happenings: list[Happening]) -> None:
        for happening in happenings:
            assert not isinstance(happening, Gap)
            if isinstance(happening, LinkUp) and happening.nonce != self.granted_nonce:
                self.wants_grant = happening.nonce
            elif isinstance(happening, Events):
                for event in happening.events:
                    assert event.track == happening.epoch * 100_000 + event.number
                    self.not_durable.append((happening.epoch, event.number))
            elif isinstance(happening, LinkLost):
                assert happening.cause is not Cause.COUNTERS

    @precondition(lambda self: self.not_durable)
    @rule(data=st.data())
    def journal_some(self, data: st.DataObject) -> None:
        for _ in range(data.draw(st.integers(1, len(self.not_durable)))):
            self.journal_first()

    @precondition(lambda self: self.wants_grant)
    @rule()
    def core_grants(self) -> None:
        self.epoch += 1
        self.granted_nonce, self.wants_grant = self.wants_grant, 0
        self.plc.grants[self.epoch] = self.granted_nonce
        self.asked, self.forgotten = {}, set()
        self.box.grant(self.granted_nonce, self.epoch)

    @precondition(lambda self: self.epoch > 0)
    @rule(count=st.integers(1, 6))
    def core_asks(self, count: int) -> None:
        for _ in range(count):
            command = LineCommand(len(self.asked) + 1, kind=1, track=self.epoch * 1000 + len(self.asked))
            self.asked[command.number] = command
            self.box.ask(command)

    @rule(data=st.data(), forgets=st.booleans())
    def controller_restarts(self, data: st.DataObject, forgets: bool) -> None:
        """What was not durable is gone; commands that nobody answered are asked again under their numbers."""
        self.not_durable = []
        self.box = Mailbox(
            "sorter-1",
            DIGEST,
            Resume(self.granted_nonce, self.epoch, len(self.journal.get(self.epoch, []))),
            first_hello=self.hello,
        )
        taken = len(self.plc.taken_commands) if self.plc.epoch == self.epoch else 0
        answered: int = data.draw(st.integers(0, taken))
        open_numbers = [number for number in self.asked if number > answered and number not in self.forgotten]
        if open_numbers and forgets:
            self.forgotten.add(data.draw(st.sampled_from(open_numbers)))
        for number in open_numbers:
            if number not in self.forgotten:
                self.box.ask(self.asked[number])
        self.hello = self.box.hello(self.now)

    # --- the plant -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.plc.epoch > 0 and len(self.plc.ring) < 12)
    @rule(count=st.integers(1, 6))
    def plc_makes_events(self, count: int) -> None:
        self.plc.make(count)

    @rule()
    def plc_restarts(self) -> None:
        self.nonces += 1
        self.plc.reboot(self.nonces)

    # --- the wire ------------------------------------------------------------------------------------------------------

    @rule(rounds=st.integers(1, 4))
    def good_exchanges(self, rounds: int) -> None:
        for _ in range(rounds):
            self.exchange(False, False, 20)

    @rule(loses_in=st.booleans(), loses_out=st.booleans(), ms=st.integers(0, 300))
    def exchange(self, loses_in: bool, loses_out: bool, ms: int) -> None:
        self.now += ms * 1000
        self.plc.beat()
        if self.box.write_due_us(self.now) == 0:
            image = self.box.in_image(self.now)
            assert image.hello == self.hello
            if not loses_in:
                self.plc.take(image)
        out = self.plc.image()
        self.late = [*self.late[-5:], (self.hello, out)]
        if not loses_out:
            self.hear(self.box.on_image(self.now, self.hello, out))
        self.hear(self.box.poll(self.now))
        if not self.box.connected:
            self.hello = self.box.hello(self.now)

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def an_image_comes_again(self, data: st.DataObject) -> None:
        """Twice, or swapped with the newer one, within one life and connection; of another connection it is stale."""
        hello, image = data.draw(st.sampled_from(self.late))
        if hello != self.hello:
            before = state_of(self.box)
            assert self.box.on_image(self.now, hello, image) == []
            assert state_of(self.box) == before, "E7: a stale hello has no effect"
        elif image.nonce == self.plc.nonce:
            self.hear(self.box.on_image(self.now, hello, image))
            self.plc.beat()
            self.hear(self.box.on_image(self.now, hello, self.plc.image()))

    @rule(ms=st.integers(0, 2_000))
    def cable_is_pulled(self, ms: int) -> None:
        self.hear(self.box.on_disconnect(Cause.DISCONNECTED, "cable"))
        self.now += ms * 1000
        self.hello = self.box.hello(self.now)

    # --- what must hold ------------------------------------------------------------------------------------------------

    @invariant()
    def commands_are_carried_out_once_in_order_and_unchanged(self) -> None:
        if self.plc.epoch != self.epoch:
            return
        for number, command in enumerate(self.plc.taken_commands, start=1):
            if command.kind == VOID:
                assert number in self.forgotten or number not in self.asked
            else:
                assert command == self.asked[number]

    @invariant()
    def the_journal_is_never_behind_an_acknowledgement(self) -> None:
        assert self.box.acknowledged <= self.box.taken

    def teardown(self) -> None:
        """Faults stop: then every event becomes durable and free, and every command is carried out."""
        if not hasattr(self, "plc"):
            return
        self.settle(60)
        assert self.box.up
        assert self.plc.epoch == self.epoch
        assert self.plc.ring == []
        assert (
            len(self.plc.taken_commands) == len(self.asked)
            or set(self.asked) - set(range(1, len(self.plc.taken_commands) + 1)) <= self.forgotten
        )
        assert self.journal.get(self.epoch, []) == list(range(1, self.plc.odometer + 1))


def state_of(box: Mailbox) -> dict[str, Any]:
    return copy.deepcopy(vars(box))


TestWire = Wire.TestCase
TestWire.settings = settings(max_examples=60, stateful_step_count=50)
