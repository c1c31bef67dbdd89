"""A bagging machine: its two stages, verdicts, mishaps, supplies, stops and restarts."""

from __future__ import annotations

import pytest
from plantbed import CERTAIN, ID_CARD, QUIET, Bed, Seen, begin, divert, fed_lane, one_sorter, packml

from packcenter.core.packml import Command, State
from packcenter.core.words import CommandResult, ReadOutcome, ReasonClass
from packcenter.plc.line import CommandKind, EventKind
from simulation.luck import Rates
from simulation.plant.bagger import FILM, REJECTED, SEALED, BaggerSettings
from simulation.plant.hall import PlantSettings


def test_a_document_is_fed_read_sealed_and_on_its_way_to_the_rack() -> None:
    """The ordinary job, with its times, its weight and its label."""
    bed, port = fed_lane(1)
    document = bed.truth.documents[0]
    job = begin(port, "EA000000014CN")
    bed.wait(500_000)
    (fed,) = port.of_kind(EventKind.FED)
    assert (fed.track, fed.a, fed.b, fed.c, fed.code) == (job, 1, ReadOutcome.SUCCESS, document.thickness, document.code)
    assert bed.truth.places() == {document.code: "pack/bagger-1"}
    port.tell(CommandKind.SEAL, text="EA000000014CN")
    bed.wait(900_000)
    (packed,) = port.of_kind(EventKind.PACKED)
    assert (packed.track, packed.b, packed.code) == (job, SEALED, "EA000000014CN")
    assert abs(packed.c - document.grams - BaggerSettings().pouch_grams) <= 1
    assert ID_CARD.grams_min <= packed.c <= ID_CARD.grams_max
    assert bed.truth.places() == {document.code: "rack"}
    assert [parcel.label for parcel in bed.truth.sealed] == ["EA000000014CN"]


def test_a_rejected_pouch_goes_to_the_hand_station() -> None:
    """It has no label and no weight."""
    bed, port = fed_lane(1)
    job = begin(port, "W1")
    bed.wait(500_000)
    port.tell(CommandKind.REJECT, text="W1")
    bed.wait(500_000)
    (packed,) = port.of_kind(EventKind.PACKED)
    assert (packed.track, packed.b, packed.c, packed.code) == (job, REJECTED, 0, "")
    assert bed.truth.counts() == {"hand": 1}
    assert bed.truth.sealed == []


def test_an_empty_infeed_is_reported_after_a_while() -> None:
    """Nothing came within 1.5 s: the job is over and the next may begin."""
    bed, port = fed_lane(1)
    job = begin(port, "W1", infeed=2)
    bed.wait(1_499_999)
    assert port.results() == []
    bed.wait(1)
    assert port.results() == [(job, CommandResult.NOTHING_THERE)]
    begin(port, "W2")
    bed.wait(500_000)
    assert [fed.code for fed in port.of_kind(EventKind.FED)] == ["NJ-C00000000"]


def test_a_document_that_comes_while_the_feeder_waits_is_fed() -> None:
    """The job is not over yet."""
    bed, sorter = one_sorter(1)
    divert(sorter, 1, 1)
    bed.wait(2_000_000)
    port = bed.ports["bagger-1"]
    job = begin(port, "W1")
    bed.wait(3_000_000)
    assert [fed.track for fed in port.of_kind(EventKind.FED)] == [job]
    assert port.results() == []


def test_a_verdict_must_name_the_open_pouch() -> None:
    """No pouch, one not fed yet, another waybill, or a second verdict: refused, and the pouch waits."""
    bed, port = fed_lane(1)
    none = port.tell(CommandKind.SEAL, text="W1")
    begin(port, "W1")
    early = port.tell(CommandKind.SEAL, text="W1")
    bed.wait(500_000)
    other = port.tell(CommandKind.SEAL, text="W2")
    port.tell(CommandKind.SEAL, text="W1")
    second = port.tell(CommandKind.REJECT, text="W1")
    bed.wait(1_000_000)
    assert port.results() == [
        (none, CommandResult.WRONG_STATE),
        (early, CommandResult.WRONG_STATE),
        (other, CommandResult.UNKNOWN_TRACK),
        (second, CommandResult.WRONG_STATE),
    ]
    assert [packed.b for packed in port.of_kind(EventKind.PACKED)] == [SEALED]


def test_a_document_is_fed_while_the_pouch_before_is_sealed() -> None:
    """Two jobs at once; the third begins when the first is out, though it was asked for earlier."""
    bed, port = fed_lane(3)
    start_us = bed.clock.now_us
    begin(port, "W1")
    bed.wait(500_000)
    port.tell(CommandKind.SEAL, text="W1")
    begin(port, "W2")
    bed.wait(500_000)
    assert len(port.of_kind(EventKind.FED)) == 2
    assert port.of_kind(EventKind.PACKED) == []
    port.tell(CommandKind.SEAL, text="W2")
    begin(port, "W3")
    bed.wait(3_000_000)
    fed = [event.us - start_us for event in port.of_kind(EventKind.FED)]
    packed = [event.us - start_us for event in port.of_kind(EventKind.PACKED)]
    assert packed == [1_400_000, 2_300_000]
    assert 400_000 <= fed[2] - packed[0] <= 460_000
    assert [event.code for event in port.of_kind(EventKind.PACKED)] == ["W1", "W2"]


def test_jobs_that_make_no_sense_are_refused() -> None:
    """An infeed that is not there, no documents or too many, no waybill, too many jobs at once, a machine that does not run."""
    _, port = fed_lane(1)
    malformed = [
        begin(port, "W1", infeed=5),
        port.tell(CommandKind.BEGIN_PARCEL, track=1, a=0, text="W1"),
        port.tell(CommandKind.BEGIN_PARCEL, track=1, a=21, text="W1"),
        begin(port, ""),
    ]
    for job in range(3):
        begin(port, f"W{job}")
    too_many = begin(port, "W3")
    packml(port, Command.SUSPEND)
    not_running = begin(port, "W4")
    assert port.results() == [
        *((number, CommandResult.MALFORMED) for number in malformed),
        (too_many, CommandResult.INTERLOCK),
        (not_running, CommandResult.WRONG_STATE),
    ]


def test_the_feeder_waits_while_the_plc_has_no_room_for_events() -> None:
    """And goes on by itself when there is room."""
    bed, port = fed_lane(1)
    port.room = False
    begin(port, "W1")
    bed.wait(2_000_000)
    assert port.of_kind(EventKind.FED) == []
    port.room = True
    bed.wait(600_000)
    assert len(port.of_kind(EventKind.FED)) == 1


def test_a_double_feed_shows_in_the_thickness_and_both_are_in_the_pouch() -> None:
    """One read, one code, two documents; rejected, both go to the hand station."""
    bed, port = fed_lane(2, PlantSettings(rates=Rates(double_feed=CERTAIN, feed_no_read=0, feed_multiple=0, feed_misread=0)))
    begin(port, "W1")
    bed.wait(500_000)
    (fed,) = port.of_kind(EventKind.FED)
    assert (fed.b, fed.code) == (ReadOutcome.SUCCESS, "NJ-C00000000")
    assert fed.c == sum(document.thickness for document in bed.truth.documents) > ID_CARD.thickness_max
    port.tell(CommandKind.REJECT, text="W1")
    bed.wait(500_000)
    assert bed.truth.counts() == {"hand": 2}


@pytest.mark.parametrize(
    ("rates", "outcome"),
    [
        (Rates(feed_no_read=CERTAIN, feed_multiple=0, feed_misread=0, double_feed=0), ReadOutcome.NO_IDENTIFIER),
        (Rates(feed_no_read=0, feed_multiple=CERTAIN, feed_misread=0, double_feed=0), ReadOutcome.MULTIPLE_IDENTIFIERS),
        (Rates(feed_no_read=0, feed_multiple=0, feed_misread=CERTAIN, double_feed=0), ReadOutcome.SUCCESS),
    ],
)
def test_a_feeder_may_read_nothing_too_much_or_wrong(rates: Rates, outcome: ReadOutcome) -> None:
    """Only a misread carries a code, and it is a wrong one."""
    bed, port = fed_lane(1, PlantSettings(rates=rates))
    begin(port, "W1")
    bed.wait(500_000)
    (fed,) = port.of_kind(EventKind.FED)
    assert fed.b == outcome
    assert fed.code != "NJ-C00000000"
    assert bool(fed.code) == (outcome == ReadOutcome.SUCCESS)


def sealed_twice(rates: Rates, **changes: bool) -> tuple[Bed, list[Seen]]:
    """Two jobs, both ordered to be sealed; what the bagger says of them."""
    bed, port = fed_lane(2, PlantSettings(rates=rates, bagger=BaggerSettings(**changes)))
    for waybill in ("W1", "W2"):
        begin(port, waybill)
        bed.wait(500_000)
        port.tell(CommandKind.SEAL, text=waybill)
        bed.wait(1_000_000)
    return bed, port.of_kind(EventKind.PACKED)


def test_a_pouch_whose_label_cannot_be_read_back_is_put_out() -> None:
    """The machine seals only what bears the label that it was told to print."""
    bed, packed = sealed_twice(Rates(label_unreadable=CERTAIN, wrong_insert=0, feed_no_read=0))
    assert [(event.b, event.code) for event in packed] == [(REJECTED, ""), (REJECTED, "")]
    assert bed.truth.counts() == {"hand": 2}


def test_a_wrong_label_is_the_one_of_the_parcel_before_and_is_put_out() -> None:
    """The first parcel of a machine has no parcel before it."""
    bed, packed = sealed_twice(Rates(label_wrong=CERTAIN, label_unreadable=0, wrong_insert=0, feed_no_read=0))
    assert [(event.b, event.code) for event in packed] == [(SEALED, "W1"), (REJECTED, "W1")]
    assert bed.truth.faults() == []


def test_a_machine_without_read_back_seals_wrong_labels_and_truth_knows() -> None:
    """Then packcenter alone can notice, by the label that the machine reports."""
    bed, packed = sealed_twice(Rates(label_wrong=CERTAIN, label_unreadable=0, wrong_insert=0), checks_label=False)
    assert [(event.b, event.code) for event in packed] == [(SEALED, "W1"), (SEALED, "W1")]
    assert [fault.kind for fault in bed.truth.faults()] == ["label on several parcels"]


@pytest.mark.parametrize("checks_label", [True, False])
def test_a_right_label_may_be_read_back_wrong(checks_label: bool) -> None:
    """A machine that looks at it puts the pouch out; the other seals it, under a label that it does not bear."""
    bed, packed = sealed_twice(Rates(label_misread=CERTAIN, label_unreadable=0, wrong_insert=0), checks_label=checks_label)
    assert all(event.b == (REJECTED if checks_label else SEALED) and event.code not in ("", "W1", "W2") for event in packed)
    assert [parcel.label for parcel in bed.truth.sealed] == ([] if checks_label else ["W1", "W2"])


def test_a_wrong_insert_shows_in_the_weight() -> None:
    """The machine seals it: the weight is for packcenter to judge."""
    _, packed = sealed_twice(Rates(wrong_insert=CERTAIN, label_unreadable=0))
    assert all(event.b == SEALED and event.c > ID_CARD.grams_max for event in packed)


@pytest.mark.parametrize("command", [Command.STOP, Command.ABORT])
def test_a_stop_empties_the_machine(command: Command) -> None:
    """Pouches with a document are put out rejected, jobs without one are refused; nothing happens later."""
    bed, port = fed_lane(3)
    first = begin(port, "W1")
    bed.wait(500_000)
    port.tell(CommandKind.SEAL, text="W1")
    second = begin(port, "W2")
    bed.wait(500_000)
    third = begin(port, "W3")
    packml(port, command)
    assert [(event.track, event.b) for event in port.of_kind(EventKind.PACKED)] == [(first, REJECTED), (second, REJECTED)]
    assert port.results() == [(third, CommandResult.WRONG_STATE)]
    events = len(port.events)
    bed.wait(5_000_000)
    assert len(port.events) == events + 1
    assert bed.truth.counts() == {"hand": 2, "lane": 1}


def test_a_stop_during_feeding_leaves_the_document_in_its_lane() -> None:
    """Also when the feeder waits at an empty infeed: what comes later is nobody's."""
    bed, port = fed_lane(1)
    begin(port, "W1")
    bed.wait(100_000)
    packml(port, Command.ABORT)
    bed.wait(5_000_000)
    assert port.of_kind(EventKind.FED) == []
    assert bed.truth.counts() == {"lane": 1}


def test_after_a_restart_open_pouches_are_at_the_hand_station() -> None:
    """No event says so, because the epoch that they belonged to is over."""
    bed, port = fed_lane(3)
    begin(port, "W1")
    bed.wait(500_000)
    port.tell(CommandKind.SEAL, text="W1")
    begin(port, "W2")
    bed.wait(500_000)
    port.reboot()
    port.events.clear()
    bed.wait(5_000_000)
    assert port.events == []
    assert port.places == 0b1111
    assert bed.truth.counts() == {"hand": 2, "lane": 1}
    bed.start("bagger-1")
    begin(port, "W3")
    bed.wait(500_000)
    assert [event.code for event in port.of_kind(EventKind.FED)] == ["NJ-C00000002"]


def test_a_silent_packcenter_leaves_the_pouch_open_until_it_is_back() -> None:
    """The feed that was under way is finished and reported; the verdict may come later."""
    bed, port = fed_lane(1)
    job = begin(port, "W1")
    port.lose_peer()
    bed.wait(10_000_000)
    assert [event.track for event in port.of_kind(EventKind.FED)] == [job]
    port.find_peer()
    bed.wait(1_000_000)
    port.tell(CommandKind.SEAL, text="W1")
    bed.wait(1_000_000)
    assert [event.b for event in port.of_kind(EventKind.PACKED)] == [SEALED]


def test_film_is_reported_in_steps_and_refilled_before_it_runs_out() -> None:
    """Percent falls by tenths; at the low mark a person sets out."""
    settings = PlantSettings(rates=QUIET.rates, bagger=BaggerSettings(film_pouches=20, low_percent=20, refill_us=1_000_000))
    bed, port = fed_lane(18, settings)
    for job in range(18):
        begin(port, f"W{job}")
        bed.wait(500_000)
        port.tell(CommandKind.SEAL, text=f"W{job}")
        bed.wait(1_000_000)
    film = [event.b for event in port.of_kind(EventKind.CONSUMABLE) if event.a == FILM]
    assert film == [100, 95, 85, 75, 65, 55, 45, 35, 25, 100, 95]
    assert port.state == State.EXECUTE


def test_a_machine_without_film_holds_until_it_is_refilled() -> None:
    """Held for its own reason; the judged pouch is sealed when there is film again."""
    settings = PlantSettings(rates=QUIET.rates, bagger=BaggerSettings(film_pouches=2, refill_us=60_000_000))
    bed, port = fed_lane(3, settings)
    for job in range(3):
        begin(port, f"W{job}")
        bed.wait(500_000)
        port.tell(CommandKind.SEAL, text=f"W{job}")
        bed.wait(1_000_000)
    held = port.of_kind(EventKind.STATE_CHANGED)[-1]
    assert (held.a, held.b, held.c) == (State.HELD, ReasonClass.OWN, FILM)
    assert len(port.of_kind(EventKind.PACKED)) == 2
    bed.wait(60_000_000)
    assert port.state == State.EXECUTE
    assert len(port.of_kind(EventKind.PACKED)) == 3
