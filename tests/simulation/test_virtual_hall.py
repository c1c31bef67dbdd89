"""The whole reference hall in virtual time: it works, agrees with its plant, and survives. Its digest: `.ci/digests`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from packcenter.journal.journal import read_groups
from packcenter.projections import books
from simulation.draws import Stream
from simulation.virtual.hall import HallSettings, VirtualHall, dense_day, reference_hall, run_hall
from simulation.virtual.plant import Blueprint
from simulation.virtual.ports import LeasedDisk, ProcessGone

SECOND = 1_000_000
Case = Callable[[VirtualHall], Coroutine[Any, Any, Any]]


@pytest.fixture(scope="module")
def blueprint() -> Blueprint:
    return reference_hall(speed=10)


def in_hall(case: Case, blueprint: Blueprint, *, items: int = 120, quiet: bool = True) -> Any:
    """Run a case in an open hall whose items all come within two minutes of its time."""

    async def main(hall: VirtualHall) -> Any:
        await hall.open()
        hall.start_service()
        hall.bring_manifests()
        assert await hall.until(hall.ready, 20 * SECOND), list(hall.log)
        hall.release()
        result = await case(hall)
        assert hall.loop.complaints == []
        return result

    day = dense_day(blueprint.hall, 3, items, over_s=120)
    return run_hall(main, blueprint, day, HallSettings(seed=3, speed=10, quiet=quiet))


async def agreed(hall: VirtualHall) -> dict[str, str]:
    """Let it come to rest; ledger and truth must agree to the last item, and the books balance. Where everything is."""
    assert await hall.settle()
    assert [str(each) for each in hall.differences()] == []
    assert books.take(hall.service.controller.state).balanced
    return hall.places()


@pytest.mark.slow
def test_a_calm_hall_packs_everything_and_agrees_with_its_plant(blueprint: Blueprint) -> None:
    """Seven minutes of the hall: all that came is in a bag or at the hand station, no thread was used, nothing complained."""

    async def case(hall: VirtualHall) -> None:
        await hall.sleep_us(40 * SECOND)
        places = await agreed(hall)
        kinds = {place.partition("/")[0] for place in places.values()}
        assert kinds <= {"bag", "dispatched", "hand", "expected"}, kinds
        assert sum(place != "expected" for place in places.values()) >= 115
        assert not [line for line in hall.log if line["level"] != "info"], list(hall.log)
        life = hall.life
        assert life is not None
        hall.stop_service()
        await hall.sleep_us(5 * SECOND)
        assert life.ended == "stopped"

    in_hall(case, blueprint)


@pytest.mark.slow
def test_looking_less_decides_the_same(blueprint: Blueprint) -> None:
    """With every poll made, and with only those that show something, each item ends in the same place."""

    async def case(hall: VirtualHall) -> dict[str, str]:
        await hall.sleep_us(18 * SECOND)
        return {item: place.partition("/")[0] for item, place in (await agreed(hall)).items()}

    assert in_hall(case, blueprint, items=25) == in_hall(case, blueprint, items=25, quiet=False)


@pytest.mark.slow
def test_a_killed_service_goes_on_where_its_disk_says(blueprint: Blueprint) -> None:
    """Between two callbacks, inside an operation of its disk, and with the power gone: nothing is lost or doubled."""

    async def case(hall: VirtualHall) -> None:
        luck = Stream(3, "kills")
        await hall.sleep_us(2 * SECOND)
        for number in range(6):
            if number % 3 == 0:
                hall.kill_service()
            elif number % 3 == 1:
                hall.kill_at_disk_operation(luck.below(12))
                assert await hall.until(lambda: hall.life is None, 20 * SECOND)
            else:
                hall.kill_service(power=luck)
            assert hall.lives[-1].ended == "killed"
            await hall.sleep_us(SECOND // 3)
            hall.start_service()
            await hall.sleep_us(SECOND + luck.below(SECOND))
        await hall.sleep_us(20 * SECOND)
        await agreed(hall)
        last = 0
        for batch in read_groups(hall.disk, verify="decisions"):
            last = batch.end.sequence
        assert last == hall.service.journal.end.sequence

    in_hall(case, blueprint)


@pytest.mark.slow
def test_a_service_that_stood_still_and_a_plc_without_power_are_overcome(blueprint: Blueprint) -> None:
    """A pause of minutes, a boot, a pulled cable: the hall comes to rest in agreement but for what a PLC forgot."""

    async def case(hall: VirtualHall) -> None:
        await hall.sleep_us(3 * SECOND)
        hall.pause_service()
        await hall.sleep_us(15 * SECOND)
        assert not hall.wired.plcs["sorter-1"].peer_alive
        hall.resume_service()
        await hall.sleep_us(3 * SECOND)
        hall.links["bagger-3"].stall()
        await hall.reboot("rack-1", off_us=2 * SECOND)
        hall.links["bagger-3"].restore()
        await hall.sleep_us(25 * SECOND)
        assert await hall.settle()
        lost = [each for each in hall.differences() if each.ledger not in ("hand", "lost")]
        assert [str(each) for each in lost] == []

    in_hall(case, blueprint)


def test_a_dead_process_reaches_nothing_on_its_disk() -> None:
    """Every call through a revoked lease raises, and what raises is caught by nobody's `except Exception`."""

    class Untouchable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} was reached")

    lease = LeasedDisk(Untouchable())
    lease.revoke()
    calls: list[Callable[[], object]] = [
        lambda: lease.open("a", create=True),
        lambda: lease.rename("a", "b"),
        lambda: lease.remove("a"),
        lease.list,
        lease.sync_directory,
        lease.free_bytes,
        lambda: lease.lock("me"),
        lease.kind,
        lease.where,
    ]
    for call in calls:
        with pytest.raises(ProcessGone):
            call()
    assert not issubclass(ProcessGone, Exception)
