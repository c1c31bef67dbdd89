"""PLCs without images that fail: what they made is heard later, in order, once, or not at all after their memory was lost."""

from __future__ import annotations

import pytest
from mischief_days import ALL, Day

from packcenter.core import facts as f
from packcenter.core import inputs as i
from packcenter.core.packml import State


def heard(day: Day, plc: str) -> list[tuple[int, int]]:
    """(epoch, number) of every event of a PLC that came, in the order it came."""
    events = [step.happened for step in day.controller.watch.steps if isinstance(step.happened, i.PlcEvent.__args__)]
    return [(event.epoch, event.seq) for event in events if event.plc == plc]


def set_aside(day: Day) -> list[str]:
    """Why events changed nothing."""
    return [
        fact.reason for step in day.controller.watch.steps for fact in step.outcome.facts if isinstance(fact, f.EventSetAside)
    ]


@pytest.mark.parametrize("fault", ["halt", "freeze", "dip", "scan_every"])
def test_what_a_plc_with_its_memory_made_is_heard_in_order_and_once(fault: str) -> None:
    """Numbers have no hole and no repeat, whichever way the link was away."""
    day = Day(21, items=40)
    for at in range(6):
        day.wait(5_300_000)
        for name, plc in day.hall.plcs.items():
            if (at + len(name)) % 2:
                getattr(plc, fault)(*([700_000] if fault == "scan_every" else []))
        day.wait(2_100_000)
        for plc in day.hall.plcs.values():
            plc.heal()
        for machine in day.plant.programs.values():
            machine.make_ready()
    day.heal()
    for name in day.hall.plcs:
        assert heard(day, name) == [(1, number) for number in range(1, len(heard(day, name)) + 1)]
    assert set_aside(day) == []
    assert day.wrongs() == []


def test_after_a_reboot_numbers_begin_at_1_in_a_new_epoch() -> None:
    """What was not heard of the old life never is."""
    day = Day(22, items=20)
    day.wait(9_000_000)
    day.hall.plcs["sorter-1"].freeze()
    day.wait(4_000_000)
    day.hall.plcs["sorter-1"].reboot(4711)
    day.heal()
    numbers = heard(day, "sorter-1")
    assert [number for epoch, number in numbers if epoch == 2][:3] == [1, 2, 3]
    assert {epoch for epoch, _ in numbers} == {1, 2}
    assert not [fact for step in day.controller.watch.steps for fact in step.outcome.facts if isinstance(fact, f.GapSeen)]
    assert day.wrongs() == []


def test_a_boot_storm_ends_with_the_last_life() -> None:
    """Grants to lives that are over are dropped, and the last one works."""
    day = Day(23, items=20)
    day.wait(9_000_000)
    for nonce in (11, 12, 13, 14):
        day.hall.plcs["bagger-1"].reboot(nonce)
        day.wait(900_000 if nonce % 2 else 1_005_000)  # by turns before and behind the grant
    day.heal()
    plc = day.controller.state.plcs["bagger-1"]
    assert (plc.nonce, plc.state) == (14, State.EXECUTE)
    assert day.wrongs() == []


def test_a_command_for_an_earlier_life_is_never_carried_out() -> None:
    """It is on its way when the memory goes: without an epoch, or in another, it means nothing."""
    for offset_us in range(0, 60_000, 5_000):
        day = Day(24, items=6)
        day.wait(8_000_000 + offset_us)
        for plc in day.hall.plcs.values():
            plc.reboot(500 + offset_us)
        day.heal()
        assert day.wrongs() == []


def test_a_ring_that_nobody_reads_stops_the_infeed() -> None:
    """256 events at three to an item: no event is ever overwritten (E5)."""
    day = Day(25, items=320, every_us=1_000_000)
    day.wait(6_000_000)
    plc = day.hall.plcs["sorter-1"]
    plc.freeze()
    day.wait(315_000_000)
    assert day.plant.sorters[0].queue
    assert plc.can_tell(1)
    assert not plc.infeed_allowed(10)
    day.heal()
    assert day.wrongs() == []


def test_what_is_not_touched_costs_no_digest() -> None:
    """Two quiet days by one seed decide alike, and no act leaves a trace in the next day."""
    quiet = Day(26, items=20)
    assert quiet.run() == []
    meddled = Day(26, ALL, items=20)
    meddled.run()
    again = Day(26, items=20)
    assert again.run() == []
    assert again.hall.result().digest == quiet.hall.result().digest != meddled.hall.result().digest
