from __future__ import annotations

from typing import Any

import pytest
from plc_testing import DIGEST, events, out_image

from packcenter.plc.image import OutImage
from packcenter.plc.limits import PENDING_MAX
from packcenter.plc.line import LineCommand
from packcenter.plc.mailbox import (
    OLD_MS,
    VOID,
    Cause,
    Events,
    Gap,
    Happening,
    LinkLost,
    LinkUp,
    Mailbox,
    NoLink,
    ProfileMismatch,
    Resume,
)

MS = 1_000
GRANTED = Resume(nonce=77, epoch=1, taken=0)


BEGINS_US = 5_000 * MS


class Bench:
    """A mailbox with hands: time in ms, images whose heartbeat moves by itself."""

    def __init__(self, resume: Resume | None = None) -> None:
        self.box = Mailbox("sorter-1", DIGEST, resume)
        self.now = BEGINS_US
        self.beat = 0
        self.hello = self.box.hello(self.now)

    def see(self, ms: int = 10, **fields: Any) -> list[Happening]:
        """The PLC's image `ms` later."""
        self.now += ms * MS
        self.beat += 1
        return self.box.on_image(self.now, self.hello, out_image(**{"heartbeat": self.beat, **fields}))

    def up(self, **fields: Any) -> Bench:
        """Two images: the heartbeat has moved."""
        self.see(**fields)
        assert [type(happening) for happening in self.see(**fields)][:1] == [LinkUp]
        self.box.in_image(self.now)
        return self

    def numbers(self) -> list[int]:
        return [command.number for command in self.box.in_image(self.now).commands]


def ask(box: Mailbox, *numbers: int) -> None:
    for number in numbers:
        box.ask(LineCommand(number, kind=1, track=number))


# --- the link ----------------------------------------------------------------------------------------------------------


def test_a_link_is_up_when_the_heartbeat_was_seen_to_move_not_when_it_answers() -> None:
    bench = Bench()
    assert bench.see(nonce=5, epoch=0, heartbeat=9) == []
    assert bench.see(nonce=5, epoch=0, heartbeat=9) == []
    assert not bench.box.up
    assert bench.see(nonce=5, epoch=0, heartbeat=10) == [LinkUp(5, 0)]
    assert bench.box.up
    assert bench.see(nonce=5, epoch=0, heartbeat=11) == []


def test_nothing_is_written_before_the_plc_was_read() -> None:
    bench = Bench(GRANTED)
    ask(bench.box, 1)
    assert bench.box.write_due_us(bench.now) is None
    assert not bench.box.dirty
    with pytest.raises(AssertionError, match="nothing may be written"):
        bench.box.in_image(bench.now)
    bench.see()
    assert bench.box.write_due_us(bench.now) == 0


def test_a_heartbeat_that_stands_still_for_800_ms_is_a_lost_link_told_once() -> None:
    bench = Bench().up()
    assert bench.box.poll(bench.now + 800 * MS) == []
    bench.see(ms=400, heartbeat=bench.beat)
    lost = bench.box.poll(bench.now + 401 * MS)
    assert lost == [
        LinkLost(Cause.HEARTBEAT, f"heartbeat stuck at {bench.beat - 1} for 0.8 s (limit 0.8 s); check that the PLC is in RUN")
    ]
    assert not bench.box.connected
    assert bench.box.poll(bench.now + 5_000 * MS) == []
    assert bench.box.on_disconnect(Cause.UNREACHABLE, "refused") == []


def test_a_peer_that_answers_nothing_is_given_up_after_the_same_time() -> None:
    bench = Bench()
    assert bench.box.poll(bench.now + 801 * MS) == [
        NoLink(Cause.HEARTBEAT, "no heartbeat seen for 0.8 s (limit 0.8 s); check that the PLC is in RUN")
    ]


def test_each_cause_of_no_link_is_told_once_until_the_link_is_up() -> None:
    box = Mailbox("sorter-1", DIGEST)
    assert box.on_disconnect(Cause.UNREACHABLE, "refused") == [NoLink(Cause.UNREACHABLE, "refused")]
    assert box.on_disconnect(Cause.UNREACHABLE, "refused") == []
    assert box.on_disconnect(Cause.VERSION, "0x0200") == [NoLink(Cause.VERSION, "0x0200")]
    assert box.on_disconnect(Cause.UNREACHABLE, "refused") == []


def test_after_a_loss_only_what_a_reconnect_cannot_mend_is_told_again() -> None:
    bench = Bench().up()
    assert bench.box.on_disconnect(Cause.SILENT, "no answer") == [LinkLost(Cause.SILENT, "no answer")]
    assert bench.box.on_disconnect(Cause.UNREACHABLE, "refused") == []
    assert bench.box.on_disconnect(Cause.VERSION, "0x0200") == [NoLink(Cause.VERSION, "0x0200")]
    bench.hello = bench.box.hello(bench.now)
    bench.up()
    assert bench.box.on_disconnect(Cause.SILENT, "no answer") == [LinkLost(Cause.SILENT, "no answer")]


def test_images_of_an_earlier_hello_and_of_no_connection_have_no_effect() -> None:
    bench = Bench(GRANTED).up()
    bench.box.on_disconnect(Cause.DISCONNECTED, "closed")
    late = out_image(heartbeat=99, odometer=2, events=events(1, 2))
    assert bench.box.on_image(bench.now, bench.hello, late) == []
    old, bench.hello = bench.hello, bench.box.hello(bench.now)
    assert bench.box.on_image(bench.now, old, late) == []
    assert (bench.box.taken, bench.box.peer, bench.box.up) == (0, None, False)


def test_a_hello_within_a_hello_is_our_mistake() -> None:
    bench = Bench()
    with pytest.raises(AssertionError, match="sorter-1: hello within hello 1"):
        bench.box.hello(bench.now)


def test_hello_numbers_start_where_asked_turn_over_and_are_never_0() -> None:
    box = Mailbox("sorter-1", DIGEST, first_hello=0xFFFD)
    seen = []
    for _ in range(4):
        seen.append(box.hello(0))
        box.on_disconnect(Cause.SILENT, "")
    assert seen == [0xFFFE, 0xFFFF, 1, 2]


def test_a_boot_nonce_of_0_is_no_plc_that_runs() -> None:
    bench = Bench()
    reason = "boot nonce is 0, expected 1 or more; the PLC program has not started"
    assert bench.see(nonce=0) == [NoLink(Cause.PROTOCOL, reason)]
    assert not bench.box.connected


# --- profile -----------------------------------------------------------------------------------------------------------


def test_a_plc_with_another_profile_is_read_and_never_written() -> None:
    bench = Bench(GRANTED)
    ask(bench.box, 1)
    assert bench.see(profile_digest=1) == [ProfileMismatch(1, DIGEST)]
    assert bench.see(profile_digest=1, odometer=1, events=events(1, 1)) == []
    assert bench.box.write_due_us(bench.now) is None
    assert bench.box.connected
    assert bench.box.taken == 0


def test_a_profile_that_changes_under_a_running_link_loses_it_until_it_is_right_again() -> None:
    bench = Bench(GRANTED).up()
    lost, mismatch = bench.see(profile_digest=1)
    assert lost == LinkLost(Cause.PROFILE, "profile digest 0x00000001, expected 0xC0FFEE01")
    assert mismatch == ProfileMismatch(1, DIGEST)
    assert bench.box.write_due_us(bench.now + 5_000 * MS) is None  # E11: from now on it is only read
    assert bench.see(profile_digest=1) == []
    assert bench.see() == [LinkUp(77, 1)]  # its heartbeat moved since the image before
    assert bench.see(profile_digest=2)[-1] == ProfileMismatch(2, DIGEST)
    assert bench.see(heartbeat=bench.beat) == []  # and here it did not
    assert not bench.box.up


# --- lives and grants ----------------------------------------------------------------------------------------------------


def test_a_grant_goes_out_only_to_the_life_it_was_made_for() -> None:
    bench = Bench().up(nonce=5, epoch=0)
    assert bench.box.in_image(bench.now).epoch == 0
    bench.box.grant(5, 3)
    assert bench.box.dirty
    image = bench.box.in_image(bench.now)
    assert (image.epoch, image.nonce, image.acknowledged, image.commands) == (3, 5, 0, ())
    bench.see(nonce=6, epoch=0)
    image = bench.box.in_image(bench.now)
    assert (image.epoch, image.nonce) == (0, 0)


def test_a_lost_grant_is_given_again_without_being_asked() -> None:
    bench = Bench(Resume(nonce=77, epoch=4, taken=0)).up(epoch=0)
    assert bench.box.in_image(bench.now).epoch == 4
    assert bench.see(epoch=0) == []
    assert bench.box.in_image(bench.now).epoch == 4


def test_a_new_life_on_the_same_connection_is_told_when_it_moves_and_its_events_wait_for_its_epoch() -> None:
    bench = Bench(GRANTED).up()
    assert bench.see(nonce=78, epoch=0) == []
    assert bench.see(nonce=78, epoch=0) == [LinkUp(78, 0)]
    bench.box.grant(78, 2)
    assert bench.see(nonce=78, epoch=0) == []
    assert bench.see(nonce=78, epoch=2, odometer=1, events=events(1, 1)) == [Events(2, events(1, 1))]


def test_an_epoch_above_ours_in_our_life_is_told_because_somebody_else_granted_it() -> None:
    bench = Bench(Resume(nonce=77, epoch=5, taken=3)).up(epoch=5, odometer=3)
    ask(bench.box, 1)
    assert bench.see(epoch=9, odometer=4, events=events(4, 4)) == [LinkUp(77, 9)]
    assert bench.see(epoch=9) == []
    image = bench.box.in_image(bench.now)
    assert (image.commands, image.acknowledged) == ((), 0)
    bench.box.grant(77, 10)
    assert bench.see(epoch=9) == []  # ours is on its way
    assert bench.see(epoch=10) == []
    assert bench.see(epoch=11) == [LinkUp(77, 11)]


def test_a_foreign_epoch_seen_first_is_told_as_the_image_says_it() -> None:
    bench = Bench()
    bench.see(nonce=5, epoch=8)
    assert bench.see(nonce=5, epoch=8) == [LinkUp(5, 8)]
    assert bench.see(nonce=5, epoch=8) == []


def test_a_grant_drops_the_commands_of_the_old_epoch_and_starts_both_counts_again() -> None:
    bench = Bench(Resume(77, 1, taken=9)).up(odometer=9)
    ask(bench.box, 1, 2)
    bench.box.grant(78, 2)
    assert (bench.box.taken, bench.box.acknowledged, bench.box.waiting, bench.box.epoch) == (0, 0, 0, 2)
    ask(bench.box, 1)
    assert bench.box.waiting == 1


def test_a_grant_forgets_how_many_commands_the_old_life_took() -> None:
    bench = Bench(GRANTED).up()
    ask(bench.box, 1, 2, 3)
    bench.numbers()
    bench.see(taken=3)
    bench.box.grant(78, 2)
    ask(bench.box, 1)
    for _ in range(2):
        bench.see(nonce=78, epoch=2)
    assert bench.numbers() == [1]


def test_a_life_that_we_granted_has_no_commands_of_an_earlier_process() -> None:
    bench = Bench().up(nonce=5, epoch=0)
    bench.box.grant(5, 1)
    ask(bench.box, 1)
    bench.see(nonce=5, taken=1)
    (lost,) = bench.see(ms=801, nonce=5, taken=1)
    assert lost == LinkLost(Cause.COUNTERS, "commands taken 1, expected at most 0; who else commands the PLC?")


def test_the_same_grant_again_changes_nothing() -> None:
    bench = Bench(Resume(77, 1, taken=9)).up(odometer=9)
    bench.box.grant(77, 1)
    assert bench.box.taken == 9


@pytest.mark.parametrize(("nonce", "epoch"), [(78, 1), (78, 0), (0, 2), (78, 65_536)])
def test_epochs_rise_and_belong_to_a_life(nonce: int, epoch: int) -> None:
    box = Mailbox("sorter-1", DIGEST, GRANTED)
    with pytest.raises(AssertionError, match="grant"):
        box.grant(nonce, epoch)


@pytest.mark.parametrize(("nonce", "epoch"), [(1, 2), (0xFFFF_FFFF, 0xFFFF)])
def test_any_nonce_but_0_and_any_epoch_of_one_word_can_be_granted(nonce: int, epoch: int) -> None:
    box = Mailbox("sorter-1", DIGEST, GRANTED)
    box.grant(nonce, epoch)
    assert box.epoch == epoch


def test_half_a_resume_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        Mailbox("sorter-1", DIGEST, Resume(nonce=1, epoch=0))


# --- events --------------------------------------------------------------------------------------------------------------


def test_events_are_handed_out_once_however_often_the_plc_shows_them() -> None:
    bench = Bench(GRANTED).up()
    assert bench.see(odometer=2, events=events(1, 2)) == [Events(1, events(1, 2))]
    assert bench.see(odometer=2, events=events(1, 2)) == []
    assert bench.see(odometer=3, events=events(1, 3)) == [Events(1, events(3, 3))]
    assert bench.box.taken == 3


def test_events_wait_until_the_heartbeat_has_moved() -> None:
    bench = Bench(GRANTED)
    assert bench.see(odometer=1, events=events(1, 1)) == []
    assert bench.see(odometer=1, events=events(1, 1)) == [LinkUp(77, 1), Events(1, events(1, 1))]


def test_events_of_a_life_or_epoch_that_is_not_ours_are_not_taken() -> None:
    bench = Bench(Resume(77, 2)).up(epoch=2)
    assert bench.see(epoch=1, odometer=1, events=events(1, 1)) == []
    assert bench.box.taken == 0


def test_an_event_is_acknowledged_only_after_it_is_durable() -> None:
    bench = Bench(GRANTED).up()
    bench.see(odometer=2, events=events(1, 2))
    assert bench.box.in_image(bench.now).acknowledged == 0
    bench.box.durable(1, 2)
    assert bench.box.dirty
    assert bench.box.in_image(bench.now).acknowledged == 2
    assert not bench.box.dirty
    bench.box.durable(1, 1)
    assert bench.box.acknowledged == 2


def test_an_acknowledgement_beyond_what_was_taken_is_our_mistake() -> None:
    bench = Bench(GRANTED).up()
    bench.see(odometer=1, events=events(1, 1))
    with pytest.raises(AssertionError, match="event 2 durable, but only 1 were taken"):
        bench.box.durable(1, 2)
    with pytest.raises(AssertionError, match="durable in epoch 2, but 1 is granted"):
        bench.box.durable(2, 1)


def test_what_becomes_durable_of_an_old_epoch_acknowledges_nothing_in_the_new_one() -> None:
    bench = Bench(GRANTED).up()
    bench.see(odometer=2, events=events(1, 2))
    bench.box.grant(78, 2)
    bench.box.durable(1, 2)
    assert bench.box.acknowledged == 0


def test_a_restart_goes_on_after_the_last_durable_event() -> None:
    bench = Bench(Resume(77, 1, taken=2))
    bench.see(odometer=4, events=events(1, 4))
    assert bench.box.in_image(bench.now).acknowledged == 2
    assert bench.see(odometer=4, events=events(1, 4))[1:] == [Events(1, events(3, 4))]


def test_a_gap_is_told_and_the_events_after_it_are_taken() -> None:
    bench = Bench(GRANTED).up()
    assert bench.see(odometer=4, events=events(3, 4)) == [Gap(1, 1, 3), Events(1, events(3, 4))]
    assert bench.box.taken == 4


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"odometer": 1}, "odometer 1, expected 2 or more; the PLC lost events without a new boot nonce"),
        ({"odometer": 5}, "odometer 5, but the events shown end at 2; the PLC overwrote its ring"),
        ({"odometer": 9, "events": events(1, 3)}, "odometer 9, but the events shown end at 3; the PLC overwrote its ring"),
        ({"odometer": 2, "taken": 0}, "commands taken 0, expected 1 or more; the PLC forgot commands"),
        ({"odometer": 2, "taken": 9}, "commands taken 9, expected at most 1; who else commands the PLC?"),
    ],
)
def test_counters_that_contradict_ours_for_800_ms_end_the_link(fields: dict[str, Any], reason: str) -> None:
    bench = Bench(GRANTED).up()
    ask(bench.box, 1)
    bench.see(odometer=2, events=events(1, 2))
    bench.box.in_image(bench.now)
    bench.see(odometer=2, taken=1)
    wrong = {"taken": 1, **fields}
    bench.see(**wrong)
    assert bench.see(ms=800, **wrong) == []
    assert bench.see(ms=1, **wrong) == [LinkLost(Cause.COUNTERS, reason)]
    assert not bench.box.connected


def test_a_contradiction_of_an_earlier_connection_does_not_count_in_the_next() -> None:
    """One torn read there passes as it does anywhere."""
    bench = Bench(GRANTED).up()
    bench.see(odometer=2, events=events(1, 2))
    bench.see(odometer=1)
    bench.box.on_disconnect(Cause.DISCONNECTED, "connection reset")
    bench.hello = bench.box.hello(bench.now)
    bench.see(ms=801, odometer=1)
    assert [type(each) for each in bench.see(odometer=1)] == [LinkUp]
    assert bench.see(odometer=2) == []
    assert bench.box.up


def test_counters_that_contradict_ours_for_a_moment_are_a_read_in_pieces() -> None:
    bench = Bench(GRANTED).up()
    for _ in range(5):
        assert bench.see(ms=500, odometer=1) == []
        assert bench.see(ms=500) == []


def test_events_that_come_all_the_time_contradict_nothing() -> None:
    bench = Bench(GRANTED).up()
    for number in range(1, 20):
        assert bench.see(ms=100, odometer=number, events=events(number, number)) == [Events(1, events(number, number))]


def test_four_full_slots_may_end_before_the_odometer() -> None:
    bench = Bench(GRANTED).up()
    for _ in range(3):
        bench.see(ms=500, odometer=100, events=events(1, 4))
    assert bench.box.connected


# --- the age of events ---------------------------------------------------------------------------------------------------


def age(happenings: list[Happening]) -> int:
    (seen,) = [happening for happening in happenings if isinstance(happening, Events)]
    return seen.events[-1].age_ms


def test_the_age_of_an_event_made_while_we_looked_is_believed() -> None:
    bench = Bench(GRANTED).up()
    for _ in range(200):
        bench.see(ms=500)
    assert age(bench.see(odometer=1, events=events(1, 1, age_ms=70))) == 70


def test_an_event_that_may_be_older_than_its_clock_can_tell_is_old() -> None:
    bench = Bench(GRANTED).up()
    bench.box.on_disconnect(Cause.DISCONNECTED, "cable")
    bench.now += 60_001 * MS
    bench.hello = bench.box.hello(bench.now)
    bench.see(odometer=1, events=events(1, 1, age_ms=70))
    assert age(bench.see(odometer=1, events=events(1, 1, age_ms=70))) == OLD_MS
    assert age(bench.see(odometer=2, events=events(2, 2, age_ms=70))) == 70


def test_a_short_outage_leaves_ages_as_they_are() -> None:
    bench = Bench(GRANTED).up()
    bench.box.on_disconnect(Cause.DISCONNECTED, "cable")
    bench.now += 50_000 * MS
    bench.hello = bench.box.hello(bench.now)
    bench.see(odometer=1, events=events(1, 1, age_ms=70))
    assert age(bench.see(odometer=1, events=events(1, 1, age_ms=70))) == 70


@pytest.mark.parametrize(("away_ms", "expected"), [(0, 70), (59_980, 70), (59_981, OLD_MS), (3_600_000, OLD_MS)])
def test_after_a_restart_ages_are_believed_if_we_were_not_away_for_long(away_ms: int, expected: int) -> None:
    """Up to a minute, which ends with the second image, 20 ms after the hello."""
    bench = Bench(Resume(77, 1, taken=0, looked_us=BEGINS_US - away_ms * MS))
    bench.see(odometer=1, events=events(1, 1, age_ms=70))
    assert age(bench.see(odometer=1, events=events(1, 1, age_ms=70))) == expected


def test_how_long_nobody_looked_counts_until_the_plc_is_reached() -> None:
    """Explorer seed 215497: a start that waits for its disk, or a PLC that is off, makes what waits there older."""
    box = Mailbox("sorter-1", DIGEST, Resume(77, 1, taken=0, looked_us=BEGINS_US - 7_000 * MS))
    hello = box.hello(BEGINS_US + 190_000 * MS)
    for beat in (1, 2):
        shown = out_image(heartbeat=beat, odometer=1, events=events(1, 1, age_ms=1))
        happenings = box.on_image(BEGINS_US + (190_000 + 10 * beat) * MS, hello, shown)
    assert age(happenings) == OLD_MS


def test_what_waited_behind_four_slots_through_a_long_outage_is_old_too() -> None:
    """It was made before we looked again, though it is shown after; only what is made from then on is young."""
    bench = Bench(Resume(77, 1, taken=0, looked_us=BEGINS_US - 3_600_000 * MS))
    bench.see(odometer=8, events=events(1, 4, age_ms=70))
    assert age(bench.see(odometer=8, events=events(1, 4, age_ms=70))) == OLD_MS
    assert age(bench.see(odometer=8, events=events(5, 8, age_ms=70))) == OLD_MS
    assert age(bench.see(odometer=9, events=events(9, 9, age_ms=70))) == 70


def test_an_event_seen_to_be_made_within_the_last_minute_is_believed_and_no_older_one() -> None:
    """The minute begins with the last image that we know not to hold it, and its end belongs to it."""
    for ms, expected in ((60_000, 70), (60_001, OLD_MS)):
        bench = Bench(GRANTED).up()
        bench.see(ms=MS)
        bench.box.on_disconnect(Cause.DISCONNECTED, "cable")
        bench.hello = bench.box.hello(bench.now)
        bench.see(ms=ms - 10, odometer=1, events=events(1, 1, age_ms=70))
        assert age(bench.see(odometer=1, events=events(1, 1, age_ms=70))) == expected


def test_in_a_laboratory_at_ten_times_speed_ages_mean_less_long() -> None:
    bench = Bench()
    bench.box = Mailbox("sorter-1", DIGEST, GRANTED, speed=10)
    bench.hello = bench.box.hello(bench.now)
    bench.up()
    bench.box.on_disconnect(Cause.DISCONNECTED, "cable")
    bench.now += 6_001 * MS
    bench.hello = bench.box.hello(bench.now)
    bench.see(odometer=1, events=events(1, 1, age_ms=70))
    assert age(bench.see(odometer=1, events=events(1, 1, age_ms=70))) == OLD_MS


# --- commands ------------------------------------------------------------------------------------------------------------


def test_the_four_oldest_commands_go_out_and_the_window_moves_as_the_plc_takes_them() -> None:
    bench = Bench(GRANTED).up()
    ask(bench.box, 1, 2, 3, 4, 5, 6)
    assert bench.numbers() == [1, 2, 3, 4]
    assert not bench.box.dirty
    bench.see(taken=3)
    assert bench.box.dirty
    assert bench.numbers() == [4, 5, 6]
    assert bench.box.waiting == 3
    bench.see(taken=6)
    assert not bench.box.dirty  # it knows what it took
    assert bench.numbers() == []


def test_commands_wait_for_the_epoch_to_be_in_force() -> None:
    bench = Bench(GRANTED).up(epoch=0)
    ask(bench.box, 1)
    assert bench.numbers() == []
    bench.see(epoch=1)
    assert bench.numbers() == [1]


def test_commands_wait_for_the_heartbeat_to_move() -> None:
    bench = Bench(GRANTED)
    ask(bench.box, 1)
    bench.see()
    assert bench.numbers() == []
    bench.see()
    assert bench.numbers() == [1]


def test_after_a_restart_only_what_the_plc_has_not_taken_is_sent_and_holes_are_void() -> None:
    bench = Bench(GRANTED)
    ask(bench.box, 2, 5)  # 1, 3 and 4 were answered, or their time was over
    bench.see(taken=3)
    bench.see(taken=3)
    assert bench.box.in_image(bench.now).commands == (LineCommand(4, VOID), LineCommand(5, kind=1, track=5))
    ask(bench.box, 6)
    assert bench.numbers() == [4, 5, 6]


def test_a_command_that_the_plc_took_in_an_earlier_run_is_not_queued() -> None:
    bench = Bench(GRANTED).up(taken=7)
    ask(bench.box, 6, 7, 8)
    assert bench.box.waiting == 1
    assert bench.numbers() == [8]


def test_a_withdrawn_command_is_void_unless_the_plc_may_have_it() -> None:
    bench = Bench(GRANTED).up()
    ask(bench.box, 1, 2, 3, 4, 5)
    bench.numbers()
    assert not bench.box.withdraw(4)
    assert bench.box.withdraw(5)
    assert not bench.box.withdraw(5)
    bench.see(taken=4)
    assert bench.box.in_image(bench.now).commands == (LineCommand(5, VOID),)


def test_nothing_is_withdrawn_while_the_plc_alone_knows_what_an_earlier_run_sent() -> None:
    bench = Bench(GRANTED)
    ask(bench.box, 1)
    assert not bench.box.withdraw(1)


def test_a_bogus_count_of_taken_commands_drops_none_that_were_never_sent() -> None:
    bench = Bench(GRANTED).up()
    ask(bench.box, 1, 2, 3, 4, 5)
    bench.numbers()
    bench.see(taken=5)
    assert bench.numbers() == [5]


@pytest.mark.parametrize("number", [1, 2])
def test_command_numbers_rise(number: int) -> None:
    box = Mailbox("sorter-1", DIGEST, GRANTED)
    ask(box, 2)
    with pytest.raises(AssertionError, match=f"command {number} after 2"):
        ask(box, number)


def test_a_command_without_an_epoch_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="without an epoch"):
        ask(Mailbox("sorter-1", DIGEST), 1)


def test_more_waiting_commands_than_an_outage_can_bring_are_our_mistake() -> None:
    box = Mailbox("sorter-1", DIGEST, GRANTED)
    ask(box, *range(1, PENDING_MAX + 1))
    with pytest.raises(AssertionError, match="one too many"):
        ask(box, PENDING_MAX + 1)


# --- what we write -------------------------------------------------------------------------------------------------------


def test_our_heartbeat_rises_every_100_ms_and_not_with_every_image() -> None:
    bench = Bench(GRANTED).up()
    first = bench.box.in_image(bench.now).heartbeat
    assert bench.box.write_due_us(bench.now) == 100 * MS
    assert bench.box.in_image(bench.now + 99 * MS).heartbeat == first
    assert bench.box.in_image(bench.now + 100 * MS).heartbeat == first + 1
    assert bench.box.write_due_us(bench.now + 500 * MS) == 0


def test_our_heartbeat_turns_over() -> None:
    bench = Bench(GRANTED).up()
    seen = {bench.box.in_image(bench.now + at * 100 * MS).heartbeat for at in range(1, 65_538)}
    assert seen == set(range(65_536))


def test_our_heartbeat_stands_still_while_the_infeed_is_to_be_held() -> None:
    """Images go on: acknowledgements and commands reach the PLC, which stops its infeed by itself."""
    bench = Bench(GRANTED).up()
    before = bench.box.in_image(bench.now).heartbeat
    bench.box.infeed_held = True
    bench.box.ask(LineCommand(1, 1))
    assert bench.box.in_image(bench.now).commands == (LineCommand(1, 1),)
    assert [bench.box.in_image(bench.now + at * 100 * MS).heartbeat for at in range(1, 9)] == [before] * 8
    assert bench.box.write_due_us(bench.now + 800 * MS) == 100 * MS
    bench.box.infeed_held = False
    assert bench.box.in_image(bench.now + 900 * MS).heartbeat == before + 1


def test_a_new_connection_writes_at_once_and_carries_its_hello() -> None:
    bench = Bench(GRANTED).up()
    before = bench.box.in_image(bench.now)
    bench.box.on_disconnect(Cause.DISCONNECTED, "closed")
    bench.hello = bench.box.hello(bench.now)
    bench.see()
    assert bench.box.write_due_us(bench.now) == 0
    image = bench.box.in_image(bench.now)
    assert image.hello == before.hello + 1 == bench.hello
    assert image.heartbeat == before.heartbeat + 1


def test_the_last_image_is_there_for_status_pages() -> None:
    bench = Bench(GRANTED).up(packml_state=6)
    assert isinstance(bench.box.peer, OutImage)
    assert bench.box.peer.packml_state == 6
