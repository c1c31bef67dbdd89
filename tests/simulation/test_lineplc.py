"""The PLC side of the line interface: scripts for each rule, and a state machine that plays packcenter against it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from packcenter.core.packml import State
from packcenter.plc.image import InImage, OutImage, decode_out, encode_in
from packcenter.plc.line import HEARTBEAT_LIMIT_US, SLOTS, CommandKind, CommandResult, EventKind, LineCommand
from packcenter.plc.mailbox import Cause, Events, Gap, Happening, LinkLost, LinkUp, Mailbox
from simulation.lineplc import ALARM_DIFFERING_REPEAT, HEARTBEAT_PERIOD_US, VOID, LinePlc
from simulation.plcport import PlcPort, Program

NONCE = 0xBEEF_0001
EPOCH = 7


class Machine(Program):
    """A machine program that reports its state when granted and notes every call."""

    def __init__(self, plc: PlcPort) -> None:
        self.plc = plc
        self.calls: list[str] = []
        self.commands: list[LineCommand] = []

    def on_granted(self) -> None:
        self.calls.append("granted")
        self.plc.report(EventKind.STATE_CHANGED, a=State.STOPPED)

    def on_command(self, command: LineCommand) -> None:
        self.calls.append(f"command {command.number}")
        self.commands.append(command)

    def on_peer_lost(self) -> None:
        self.calls.append("lost")

    def on_peer_back(self) -> None:
        self.calls.append("back")

    def on_reboot(self) -> None:
        self.calls.append("reboot")


class Bench:
    """A PLC with its two clocks in hand, and packcenter's half of the conversation."""

    def __init__(self, ring_size: int = 12) -> None:
        self.wall_us = 1_000_000
        self.plant_us = 5_000_000
        self.plc = LinePlc(
            "sorter-1", nonce=NONCE, plant_us=lambda: self.plant_us, wall_us=lambda: self.wall_us, ring_size=ring_size
        )
        self.machine = Machine(self.plc)
        self.plc.program = self.machine
        self.beat = 0

    def send(
        self,
        *commands: LineCommand,
        ack: int = 0,
        epoch: int = EPOCH,
        nonce: int = NONCE,
        hello: int = 1,
        beat: bool = True,
        spoil: Callable[[list[int]], None] = lambda words: None,
    ) -> OutImage:
        self.beat += beat
        words = encode_in(InImage(self.beat & 0xFFFF, epoch, nonce, hello, ack, commands))
        spoil(words)
        self.plc.receive(words)
        return self.out()

    def out(self) -> OutImage:
        return decode_out(self.plc.out_words())

    def report(self, count: int = 1) -> None:
        for _ in range(count):
            self.plc.report(EventKind.JAM, a=1, b=1)

    def pass_wall(self, us: int) -> None:
        self.wall_us += us
        self.plc.tick()


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def granted(bench: Bench) -> Bench:
    bench.send()
    return bench


def divert(number: int, lane: int = 3) -> LineCommand:
    return LineCommand(number, CommandKind.DIVERT, track=100 + number, a=lane, b=9, deadline=0x1_0000)


# Boot and grant


def test_a_new_life_is_quiet_and_locked(bench: Bench) -> None:
    """Boot: epoch 0, the given nonce, ring empty, nothing taken, no item let in, Stopped."""
    out = bench.out()
    assert (out.nonce, out.epoch, out.odometer, out.taken, out.events) == (NONCE, 0, 0, 0, ())
    assert out.packml_state == State.STOPPED
    assert not bench.plc.infeed_allowed(0)


def test_no_event_without_an_epoch(bench: Bench) -> None:
    """A program that reports before the grant is wrong, because the event could not be numbered."""
    with pytest.raises(AssertionError, match="without an epoch"):
        bench.plc.report(EventKind.SCANNED)


def test_a_grant_to_this_nonce_starts_the_epoch(bench: Bench) -> None:
    """The grant counts from 1 and the machine says at once how it stands."""
    out = bench.send()
    assert (out.epoch, out.odometer) == (EPOCH, 1)
    assert [(event.number, event.kind) for event in out.events] == [(1, EventKind.STATE_CHANGED)]
    assert bench.machine.calls == ["granted"]


def test_a_grant_to_another_nonce_is_not_taken(bench: Bench) -> None:
    """A grant meant for an earlier life changes nothing, and its commands are dropped."""
    out = bench.send(divert(1), nonce=NONCE + 1)
    assert (out.epoch, out.taken) == (0, 0)
    assert bench.machine.calls == []
    assert bench.plc.counts.foreign == 1


def test_an_epoch_is_granted_once_per_life(granted: Bench) -> None:
    """A second grant, higher or lower, is another epoch: dropped whole, commands included."""
    for epoch in (EPOCH + 1, EPOCH - 1):
        out = granted.send(divert(1), epoch=epoch, ack=1)
        assert (out.epoch, out.taken, len(out.events)) == (EPOCH, 0, 1)
    assert granted.plc.counts.foreign == 2
    assert granted.machine.calls == ["granted"]


def test_commands_before_the_grant_are_dropped(bench: Bench) -> None:
    """An image without an epoch carries no command that counts."""
    out = bench.send(divert(1), epoch=0, nonce=0)
    assert out.taken == 0
    assert bench.plc.counts.foreign == 1


def test_commands_in_the_granting_image_are_taken(bench: Bench) -> None:
    """The grant comes first, then the commands of the same image."""
    assert bench.send(divert(1)).taken == 1
    assert bench.machine.calls == ["granted", "command 1"]


def test_a_reboot_forgets_all_but_needs_a_new_grant(granted: Bench) -> None:
    """A new life: other nonce, epoch 0, ring and counters empty; the old grant has no effect on it."""
    granted.report(3)
    granted.send(divert(1))
    granted.plc.reboot(NONCE + 1)
    out = granted.send()
    assert (out.nonce, out.epoch, out.odometer, out.taken, out.events) == (NONCE + 1, 0, 0, 0, ())
    assert granted.machine.calls[-1] == "reboot"
    out = granted.send(nonce=NONCE + 1, epoch=EPOCH + 1)
    assert (out.epoch, out.odometer) == (EPOCH + 1, 1)


# Events and acknowledgements


def test_out_shows_the_oldest_four(granted: Bench) -> None:
    """Events wait in order; the image shows the first four and the odometer says how many there are."""
    granted.report(6)
    out = granted.out()
    assert [event.number for event in out.events] == [1, 2, 3, 4]
    assert out.odometer == 7


def test_an_acknowledgement_is_cumulative(granted: Bench) -> None:
    """Acknowledging n frees everything up to n; the next four come into sight."""
    granted.report(6)
    assert [event.number for event in granted.send(ack=3).events] == [4, 5, 6, 7]
    assert granted.plc.ring_used == 4


def test_an_older_acknowledgement_changes_nothing(granted: Bench) -> None:
    """Acknowledgements are repeated; a lower one after a higher one is harmless."""
    granted.report(6)
    granted.send(ack=5)
    assert [event.number for event in granted.send(ack=2).events] == [6, 7]


def test_an_acknowledgement_above_the_odometer_is_ignored(granted: Bench) -> None:
    """Nobody can hold an event that was not made: nothing is freed."""
    granted.report(2)
    assert len(granted.send(ack=4).events) == 3
    assert granted.plc.counts.bad_acks == 1
    assert "acknowledgement 4, expected at most 3" in granted.plc.last_fault


@pytest.mark.parametrize("foreign", [{"epoch": EPOCH + 1}, {"nonce": NONCE + 1}], ids=["epoch", "nonce"])
def test_an_acknowledgement_for_another_life_is_ignored(granted: Bench, foreign: dict[str, int]) -> None:
    """The events of this epoch are freed by this epoch's acknowledgement alone."""
    granted.report(2)
    assert len(granted.send(ack=3, **foreign).events) == 3  # type: ignore[arg-type]


def test_a_full_ring_is_never_overwritten(granted: Bench) -> None:
    """The event that does not fit is refused loudly; those in the ring stay."""
    granted.report(granted.plc.ring_size - 1)
    with pytest.raises(AssertionError, match="ring is full"):
        granted.report()
    assert granted.out().odometer == granted.plc.ring_size
    assert [event.number for event in granted.out().events] == [1, 2, 3, 4]


def test_a_command_waits_until_a_start_and_a_silent_packcenter_have_room(granted: Bench) -> None:
    """Starting, Execute, Suspending, Suspended: four states, whatever the command is; it comes again with every image."""
    granted.report(granted.plc.ring_size - 1 - 5)  # the fixture made one
    assert granted.send(divert(1)).taken == 0
    assert granted.send(divert(1), ack=1).taken == 1


def test_a_machine_with_more_in_it_than_the_ring_holds_acts_once_all_is_acknowledged(granted: Bench) -> None:
    """More room than that there will never be."""
    much = granted.plc.ring_size + 1
    assert not granted.plc.may_act(much)
    granted.send(ack=1)
    assert granted.plc.ring_used == 0
    assert granted.plc.may_act(much)
    assert not granted.plc.can_tell(much)


def test_an_event_carries_the_plant_time_of_its_making(granted: Bench) -> None:
    """Stamp and word 124 run on plant time, so the age is the plant's."""
    granted.plant_us = 70_000_000
    granted.report()
    granted.plant_us += 250_000
    event = granted.out().events[-1]
    assert (event.plc_ms, event.age_ms) == (70_000 & 0xFFFF, 250)


@pytest.mark.parametrize("age_ms", [59_999, 60_000, 60_001, 65_536, 65_600, 10_000_000])
def test_an_old_event_never_looks_young(granted: Bench, age_ms: int) -> None:
    """The age stays at 60,000 ms instead of beginning again."""
    granted.plant_us += age_ms * 1000
    assert granted.out().events[0].age_ms == min(age_ms, 60_000)


def test_an_old_event_does_not_look_young_either_when_the_image_is_read_in_two_pieces(granted: Bench) -> None:
    """Explorer seed 215497: word 124 comes with the second piece, up to the time limits of two requests later."""
    granted.plant_us += 199_000_000
    first = granted.plc.out_words()[:64]
    granted.plant_us += 2_000_000
    image = decode_out([*first, *granted.plc.out_words()[64:]], granted.plc.order)
    assert image.events[0].age_ms == 62_000


@pytest.mark.parametrize(
    "wrong",
    [{"track": -1}, {"a": 65_536}, {"c": 1 << 32}, {"code": "x" * 33}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_event_that_does_not_fit_its_words_is_refused(granted: Bench, wrong: dict[str, int | str]) -> None:
    """A value out of range is the program's fault and is said when it is made, not when it is read."""
    with pytest.raises(AssertionError, match="event"):
        granted.plc.report(EventKind.SCANNED, **wrong)  # type: ignore[arg-type]
    assert granted.out().odometer == 1


def test_a_code_that_is_not_ascii_travels_as_question_marks(granted: Bench) -> None:
    """A scanner may read anything; the number of characters stays."""
    granted.plc.report(EventKind.SCANNED, code="无读7")
    assert granted.out().events[-1].code == "??7"


def test_a_result_is_event_50_with_the_command_number(granted: Bench) -> None:
    """The end of a command that nothing else answers."""
    granted.plc.result(9, CommandResult.LATE)
    event = granted.out().events[-1]
    assert (event.kind, event.a, event.c) == (EventKind.COMMAND_RESULT, CommandResult.LATE, 9)


# Commands


def test_commands_are_taken_in_order_and_once(granted: Bench) -> None:
    """The image repeats what is not taken yet; each number acts once."""
    granted.send(divert(1), divert(2))
    out = granted.send(divert(1), divert(2), divert(3))
    assert out.taken == 3
    assert [command.number for command in granted.machine.commands] == [1, 2, 3]


def test_a_gap_waits(granted: Bench) -> None:
    """Command 2 before command 1 is not taken; it is when the gap is closed."""
    assert granted.send(divert(2)).taken == 0
    assert granted.plc.counts.gaps == 1
    assert granted.send(divert(1), divert(2)).taken == 2
    assert [command.number for command in granted.machine.commands] == [1, 2]


def test_a_differing_repeat_is_not_carried_out_and_shows(granted: Bench) -> None:
    """The same number with another lane is a fault of packcenter: the first one stands, the alarm bit says so."""
    granted.send(divert(1, lane=3))
    out = granted.send(divert(1, lane=4))
    assert [command.a for command in granted.machine.commands] == [3]
    assert out.alarms == ALARM_DIFFERING_REPEAT
    assert granted.plc.counts.differing_repeats == 1


def test_a_void_command_is_taken_and_asks_for_nothing(granted: Bench) -> None:
    """Kind 0 keeps the numbers without holes."""
    assert granted.send(LineCommand(1, VOID), divert(2)).taken == 2
    assert [command.number for command in granted.machine.commands] == [2]


# Images that are not right


def _change_head(words: list[int]) -> None:
    words[7] ^= 1


def _change_slot(words: list[int]) -> None:
    words[10 + 5] ^= 1


def _other_version(words: list[int]) -> None:
    words[0] = 0x0200


def _torn(words: list[int]) -> None:
    words[10 + 25] += 1


def _shorter(words: list[int]) -> None:
    words.pop()


@pytest.mark.parametrize("spoil", [_change_head, _change_slot, _other_version, _torn, _shorter])
def test_a_malformed_image_has_no_effect(granted: Bench, spoil: Callable[[list[int]], None]) -> None:
    """A changed, torn, foreign or short image is counted and dropped: no acknowledgement, no command, no heartbeat."""
    granted.pass_wall(HEARTBEAT_LIMIT_US - 1)
    out = granted.send(divert(1), ack=1, spoil=spoil)
    assert (out.taken, len(out.events)) == (0, 1)
    assert granted.plc.counts.malformed == 1
    assert "word" in granted.plc.last_fault
    granted.pass_wall(1)
    assert granted.machine.calls[-1] == "lost"


def test_an_unfinished_image_is_not_called_malformed(granted: Bench) -> None:
    """A server whose client writes in pieces says so; the count of bad images stays honest."""
    granted.plc.receive([0x0100] * 114, complete=False)
    assert (granted.plc.counts.malformed, granted.plc.counts.incomplete) == (0, 1)


def test_an_earlier_hello_has_no_effect(granted: Bench) -> None:
    """What a superseded connection still had on its way is dropped whole (E7)."""
    granted.send(hello=2)
    out = granted.send(divert(1), ack=1, hello=1)
    assert (out.taken, len(out.events)) == (0, 1)
    assert granted.plc.counts.stale_hello == 1
    assert granted.send(divert(1), ack=1, hello=2).taken == 1


def test_hello_numbers_wrap(granted: Bench) -> None:
    """1 comes after 65535."""
    granted.send(hello=0x7FFF)
    granted.send(hello=0xFFFE)
    assert granted.send(divert(1), hello=1).taken == 1
    assert granted.send(divert(2), hello=0xFFFF).taken == 1


def test_any_hello_is_heard_once_the_peer_is_lost(granted: Bench) -> None:
    """A restarted packcenter that counts hellos from 1 is heard after 800 ms at the latest."""
    granted.send(hello=500)
    granted.pass_wall(HEARTBEAT_LIMIT_US - 1)
    assert granted.send(divert(1), hello=1).taken == 0
    granted.pass_wall(1)
    assert granted.send(divert(1), hello=1).taken == 1
    assert granted.machine.calls == ["granted", "lost", "back", "command 1"]


# Heartbeats


def test_the_heartbeat_moves_every_100_ms_of_wall_time(bench: Bench) -> None:
    """Whatever the plant's time does."""
    bench.plant_us += 60_000_000
    bench.plc.tick()
    assert bench.out().heartbeat == 0
    for beat in (1, 2, 3):
        bench.pass_wall(HEARTBEAT_PERIOD_US)
        assert bench.out().heartbeat == beat
    bench.pass_wall(HEARTBEAT_PERIOD_US - 1)
    assert bench.out().heartbeat == 3


def test_a_late_cycle_moves_the_heartbeat_once_and_keeps_the_beat(bench: Bench) -> None:
    """Cycles that did not happen are not made up for, and the next one is due on the old grid."""
    bench.pass_wall(3 * HEARTBEAT_PERIOD_US + 40_000)
    assert bench.out().heartbeat == 1
    assert bench.plc.next_tick_us() == bench.wall_us + 60_000


def test_a_heartbeat_that_stands_800_ms_is_a_lost_peer(granted: Bench) -> None:
    """Images alone do not count, their heartbeat must move; one millisecond less is still alive."""
    granted.pass_wall(HEARTBEAT_LIMIT_US - 1)
    granted.send(beat=False)
    assert granted.plc.peer_alive
    granted.pass_wall(1)
    assert not granted.plc.peer_alive
    assert granted.machine.calls == ["granted", "lost"]


def test_a_moving_heartbeat_brings_the_peer_back_once(granted: Bench) -> None:
    """One lost and one back for one silence; a first beat is enough."""
    granted.pass_wall(5 * HEARTBEAT_LIMIT_US)
    granted.pass_wall(HEARTBEAT_LIMIT_US)
    granted.send()
    granted.send()
    assert granted.machine.calls == ["granted", "lost", "back"]


def test_a_silence_between_two_images_is_noticed_without_a_cycle(granted: Bench) -> None:
    """The program hears of the loss before it hears that the peer is back."""
    granted.wall_us += HEARTBEAT_LIMIT_US
    granted.send(divert(1))
    assert granted.machine.calls == ["granted", "lost", "back", "command 1"]


def test_another_epochs_heartbeat_does_not_keep_the_peer_alive(granted: Bench) -> None:
    """Who does not hold this epoch is not our controller."""
    granted.pass_wall(HEARTBEAT_LIMIT_US // 2)
    granted.send(epoch=EPOCH + 1)
    granted.pass_wall(HEARTBEAT_LIMIT_US // 2)
    assert granted.machine.calls[-1] == "lost"


def test_without_an_epoch_the_program_hears_of_no_loss(bench: Bench) -> None:
    """There is nothing to suspend, and no event could say so."""
    bench.send(epoch=0, nonce=0)
    bench.pass_wall(2 * HEARTBEAT_LIMIT_US)
    assert bench.machine.calls == []


def test_the_next_cycle_is_due_at_the_beat_or_the_loss(granted: Bench) -> None:
    """A driver that obeys `next_tick_us` notices a loss to the microsecond."""
    granted.wall_us += 50_000
    granted.send()
    lost_us = granted.wall_us + HEARTBEAT_LIMIT_US
    while granted.machine.calls[-1] != "lost":
        granted.pass_wall(granted.plc.next_tick_us() - granted.wall_us)
    assert granted.wall_us == lost_us


# Infeed


def test_infeed_keeps_three_events_free_for_every_item(granted: Bench) -> None:
    """Ring use + 3 x (items on belt + 1) may reach the ring's size and not exceed it (E5)."""
    granted.send(ack=1)
    assert granted.plc.infeed_allowed(3)
    assert not granted.plc.infeed_allowed(4)
    granted.report()
    assert not granted.plc.infeed_allowed(3)
    granted.send(ack=2)
    assert granted.plc.infeed_allowed(3)


def test_no_item_is_let_in_without_a_live_peer(granted: Bench) -> None:
    """The watchdog locks the infeed at 800 ms, whether or not a cycle has noticed it yet (E6)."""
    granted.wall_us += HEARTBEAT_LIMIT_US - 1
    assert granted.plc.infeed_allowed(0)
    granted.wall_us += 1
    assert not granted.plc.infeed_allowed(0)


# Around it


def test_watchers_hear_of_news_and_not_of_time(granted: Bench) -> None:
    """A publisher is woken by a heartbeat or an event, never by the clock in word 124."""
    news: list[int] = []
    granted.plc.watch(lambda: news.append(1))
    granted.plant_us += 5_000_000
    granted.out()
    assert not news
    granted.report()
    granted.pass_wall(HEARTBEAT_PERIOD_US)
    granted.plc.set_state(State.EXECUTE)
    granted.plc.set_places(0b1111)
    granted.plc.set_mode(2)
    assert len(news) == 5
    out = granted.out()
    assert (out.packml_state, out.packml_mode, out.places_open) == (State.EXECUTE, 2, 0b1111)


def test_a_failing_program_is_kept_as_the_failure(granted: Bench) -> None:
    """Protocol libraries swallow what is raised in their callbacks; the driver looks here."""

    def fail(_: LineCommand) -> None:
        raise ZeroDivisionError

    granted.machine.on_command = fail  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError):
        granted.send(divert(1))
    assert isinstance(granted.plc.failure, ZeroDivisionError)


def test_32_bit_words_can_be_swapped() -> None:
    """A profile may say CDAB; both images then use it."""
    plc = LinePlc("rack-1", nonce=0x0001_0002, plant_us=lambda: 0, wall_us=lambda: 0, order="CDAB")
    plc.program = Machine(plc)
    plc.receive(encode_in(InImage(1, EPOCH, 0x0001_0002, 1, 0), "CDAB"))
    assert plc.epoch == EPOCH
    assert plc.out_words()[3:5] == [2, 1]
    assert decode_out(plc.out_words(), "CDAB").nonce == 0x0001_0002


class PackcenterAgainstPlc(RuleBasedStateMachine):
    """
    A packcenter that loses, repeats and confuses images; the PLC must keep what it promises throughout.

    The model is kept apart from the PLC: what the program reported, what was acknowledged rightly, what was asked.
    """

    @initialize(ring_size=st.integers(min_value=6, max_value=24))
    def boot(self, ring_size: int) -> None:
        self.bench = Bench(ring_size)
        self.nonce = NONCE
        self.granted_epoch = 0
        self.highest_epoch = EPOCH
        self.hello = 1
        self.made: list[int] = []
        self.freed = 0
        self.asked: list[LineCommand] = []
        self.seen = 0
        self.items = 0

    @property
    def plc(self) -> LinePlc:
        return self.bench.plc

    def _send(self, *commands: LineCommand, ack: int | None = None, epoch: int | None = None, hello: int | None = None) -> None:
        self.bench.send(
            *commands,
            ack=self.freed if ack is None else ack,
            epoch=self.granted_epoch if epoch is None else epoch,
            nonce=self.nonce if self.granted_epoch or epoch else 0,
            hello=self.hello if hello is None else hello,
        )

    @precondition(lambda self: self.granted_epoch == 0)
    @rule()
    def grant(self) -> None:
        self.highest_epoch += 1
        self._send(epoch=self.highest_epoch, ack=0)
        self.granted_epoch = self.highest_epoch
        self.made = [1]
        assert self.plc.epoch == self.highest_epoch

    @rule()
    def grant_to_the_wrong_life(self) -> None:
        self.bench.send(divert(1), epoch=self.highest_epoch + 5, nonce=self.nonce ^ 1, hello=self.hello, ack=len(self.made))
        assert self.plc.epoch == self.granted_epoch

    @rule(ahead=st.integers(min_value=0, max_value=5))
    def let_in_an_item(self, ahead: int) -> None:
        if self.plc.infeed_allowed(self.items):
            assert self.granted_epoch, "infeed without an epoch"
            assert self.plc.ring_used + 3 * (self.items + 1) <= self.plc.ring_size
            self.items += 1

    @precondition(lambda self: self.items > 0)
    @rule(events=st.integers(min_value=0, max_value=3))
    def an_item_leaves(self, events: int) -> None:
        for _ in range(events if self.granted_epoch else 0):
            self.plc.report(EventKind.DIVERTED, track=len(self.made) + 1)
            self.made.append(len(self.made) + 1)
        self.items -= 1

    @precondition(lambda self: self.granted_epoch)
    @rule(share=st.integers(min_value=0, max_value=100))
    def acknowledge(self, share: int) -> None:
        ack = share * len(self.made) // 100
        self._send(ack=ack)
        self.freed = max(self.freed, ack)

    @precondition(lambda self: self.granted_epoch)
    @rule(beyond=st.integers(min_value=1, max_value=1 << 20))
    def acknowledge_what_was_never_made(self, beyond: int) -> None:
        self._send(ack=len(self.made) + beyond)

    @precondition(lambda self: self.granted_epoch)
    @rule(count=st.integers(min_value=1, max_value=6))
    def ask(self, count: int) -> None:
        for _ in range(count):
            self.asked.append(divert(len(self.asked) + 1))

    @precondition(lambda self: self.granted_epoch)
    @rule(back=st.integers(min_value=0, max_value=3))
    def send_commands(self, back: int) -> None:
        first = max(0, self.bench.out().taken - back)
        shown = self.asked[first : first + SLOTS]
        self._send(*shown)
        kept = len(self.made) - self.freed
        if kept == 0 or kept + 6 <= self.plc.ring_size:  # E5: else the PLC could not answer, and they are to come again
            self.seen = max(self.seen, first + len(shown))

    @precondition(lambda self: self.granted_epoch and len(self.asked) - self.seen >= 2)
    @rule()
    def send_commands_with_a_hole(self) -> None:
        self._send(self.asked[self.seen + 1])

    @precondition(lambda self: self.granted_epoch and len(self.asked) > self.seen)
    @rule(spoiled=st.integers(min_value=0, max_value=35), bit=st.integers(min_value=0, max_value=15))
    def send_a_spoiled_image(self, spoiled: int, bit: int) -> None:
        before = self.plc.counts.malformed

        def spoil(words: list[int]) -> None:
            words[spoiled] ^= 1 << bit

        self.bench.send(
            self.asked[self.seen], ack=len(self.made), epoch=self.granted_epoch, nonce=self.nonce, hello=self.hello, spoil=spoil
        )
        assert self.plc.counts.malformed == before + 1

    @rule()
    def connect_again(self) -> None:
        self.hello += 1
        self._send()

    @precondition(lambda self: self.granted_epoch and self.hello > 1 and self.plc.peer_alive)
    @rule()
    def an_old_connection_speaks(self) -> None:
        before = self.bench.out()
        self._send(*self.asked[self.seen : self.seen + 1], ack=len(self.made), hello=self.hello - 1)
        after = self.bench.out()
        assert (after.taken, after.events) == (before.taken, before.events)

    @rule(us=st.integers(min_value=1_000, max_value=1_000_000))
    def wait(self, us: int) -> None:
        self.bench.plant_us += us
        self.bench.pass_wall(us)

    @rule()
    def power_fails(self) -> None:
        self.nonce += 2
        self.plc.reboot(self.nonce)
        self.granted_epoch = self.freed = self.seen = self.hello = self.items = 0
        self.made, self.asked = [], []
        self.bench.machine.commands.clear()
        self.bench.machine.calls.clear()

    @invariant()
    def what_out_shows_is_what_is_owed(self) -> None:
        """Every event made and not acknowledged is still there, oldest first, no hole, no change."""
        out = self.bench.out()
        assert (out.nonce, out.epoch, out.odometer) == (self.nonce, self.granted_epoch, len(self.made))
        assert [event.number for event in out.events] == self.made[self.freed : self.freed + SLOTS]
        assert self.plc.ring_used == len(self.made) - self.freed <= self.plc.ring_size

    @invariant()
    def commands_ran_once_in_order(self) -> None:
        """Exactly the first `taken` commands asked, each once."""
        out = self.bench.out()
        assert out.taken == self.seen
        assert self.bench.machine.commands == self.asked[: out.taken]

    @invariant()
    def losses_and_returns_alternate(self) -> None:
        """lost, back, lost ... beginning with lost, and only within an epoch; the last word agrees with the watchdog."""
        turns = [call for call in self.bench.machine.calls if call in ("lost", "back")]
        assert turns == ["lost", "back"] * (len(turns) // 2) + ["lost"] * (len(turns) % 2)
        if self.granted_epoch:
            assert self.plc.peer_alive == (len(turns) % 2 == 0)

    @invariant()
    def infeed_needs_all_three(self) -> None:
        """Epoch, live peer and ring room: infeed is allowed exactly when all hold."""
        room = self.plc.ring_used + 3 * (self.items + 1) <= self.plc.ring_size
        assert self.plc.infeed_allowed(self.items) == (self.granted_epoch != 0 and self.plc.peer_alive and room)


class TwoSides:
    """The real mailbox of packcenter and this PLC over a network that loses, delays and resets."""

    def __init__(self) -> None:
        self.bench = Bench(ring_size=30)
        self.bench.machine.on_command = self._work  # type: ignore[method-assign]
        self.mailbox = Mailbox("sorter-1", 0)
        self.epoch = 0
        self.nonce = NONCE
        self.hello = 0
        self.late: list[list[int]] = []
        self.worked: list[LineCommand] = []
        self.asked: list[LineCommand] = []
        self.got: list[int] = []

    def _work(self, command: LineCommand) -> None:
        self.worked.append(command)
        self.event(command.track)

    def event(self, track: int = 0) -> None:
        if self.bench.plc.epoch and self.bench.plc.ring_used < self.bench.plc.ring_size:
            self.bench.plc.report(EventKind.DIVERTED, track=track)

    def ask(self) -> None:
        if self.mailbox.epoch:
            self.asked.append(divert(len(self.asked) + 1))
            self.mailbox.ask(self.asked[-1])

    def wait(self, ms: int) -> None:
        self.bench.plant_us += ms * 1000
        self.bench.pass_wall(ms * 1000)
        self.hear(self.mailbox.poll(self.bench.wall_us))

    def exchange(self, fate: str = "well") -> None:
        self.wait(40)
        now_us = self.bench.wall_us
        if not self.mailbox.connected:
            self.hello = self.mailbox.hello(now_us)
        if self.mailbox.write_due_us(now_us) is not None:
            words = encode_in(self.mailbox.in_image(now_us))
            if fate == "request lost":
                return self.drop()
            if fate == "request late":
                self.late.append(words)
                return self.drop()
            self.bench.plc.receive(words)
            if fate == "request doubled":
                self.bench.plc.receive(words)
        if fate == "reply lost":
            return self.drop()
        return self.hear(self.mailbox.on_image(now_us, self.hello, self.bench.out()))

    def late_requests_arrive(self) -> None:
        while self.late:
            self.bench.plc.receive(self.late.pop())

    def drop(self) -> None:
        if self.mailbox.connected:
            self.hear(self.mailbox.on_disconnect(Cause.DISCONNECTED, "a test cut it"))

    def reboot(self) -> None:
        self.nonce += 1
        self.bench.plc.reboot(self.nonce)
        self.worked.clear()

    def hear(self, happenings: list[Happening]) -> None:
        for happening in happenings:
            assert not isinstance(happening, Gap), happening
            assert not (isinstance(happening, LinkLost) and happening.cause is Cause.COUNTERS), happening
            if isinstance(happening, LinkUp) and happening.epoch == 0:
                self.epoch += 1
                self.got.clear()
                self.asked.clear()
                self.mailbox.grant(happening.nonce, self.epoch)
            elif isinstance(happening, Events):
                assert happening.epoch == self.epoch
                self.got += [event.number for event in happening.events]
                self.mailbox.durable(happening.epoch, self.got[-1])

    def heal(self) -> None:
        for _ in range(60):
            self.exchange()


# Often well: a run of nothing but faults never gets as far as a command.
FATES = ["well"] * 9 + ["request doubled"] * 2 + ["request lost", "request late", "reply lost"]
DEEDS = ["ask"] * 5 + ["event", "late", "drop", "long", "reboot"]


@settings(max_examples=40)
@given(st.lists(st.sampled_from(FATES + DEEDS), min_size=40, max_size=80))
def test_packcenters_mailbox_and_the_plc_lose_and_double_nothing(steps: list[str]) -> None:
    """Whatever the network does, events arrive once and without holes, and commands run once and in order."""
    two = TwoSides()
    for _ in range(5):
        two.exchange()
    assert two.bench.plc.epoch == two.epoch == 1
    do: dict[str, Callable[[], None]] = {
        "late": two.late_requests_arrive,
        "drop": two.drop,
        "reboot": two.reboot,
        "event": two.event,
        "ask": two.ask,
        "long": partial(two.wait, 900),
    }
    for step in steps:
        do.get(step, partial(two.exchange, step))()
        assert two.worked == two.asked[: len(two.worked)] or two.bench.plc.epoch != two.epoch
    two.heal()
    two.late_requests_arrive()
    two.heal()
    assert two.bench.plc.epoch == two.epoch > 0
    assert two.bench.plc.nonce == two.nonce
    assert two.got == list(range(1, two.bench.plc.odometer + 1))
    assert two.worked == two.asked
    assert two.bench.plc.ring_used == 0
    assert two.bench.plc.alarms == two.bench.plc.counts.malformed == two.bench.plc.counts.bad_acks == 0


PackcenterAgainstPlc.TestCase.settings = settings(max_examples=120, stateful_step_count=50)
TestPackcenterAgainstPlc = pytest.mark.slow(PackcenterAgainstPlc.TestCase)
