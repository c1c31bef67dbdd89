"""The virtual loop: time, order, and what must not be."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from simulation.virtual.loop import START_US, Deadlock, Livelock, ThreadsForbidden, VirtualLoop, run

Main = Callable[[VirtualLoop], Coroutine[Any, Any, Any]]


def test_a_wait_costs_no_time_and_ends_at_its_microsecond() -> None:
    """An hour passes at once, and sleepers wake in the order of their times."""

    async def main(loop: VirtualLoop) -> list[tuple[int, str]]:
        woken: list[tuple[int, str]] = []

        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append((loop.now_us - START_US, name))

        await asyncio.gather(sleeper("hour", 3600), sleeper("soon", 0.000001), sleeper("second", 1))
        return woken

    assert run(main) == [(1, "soon"), (1_000_000, "second"), (3_600_000_000, "hour")]


def test_who_waits_for_almost_nothing_is_woken_later() -> None:
    """Wire seeds 102 and 138: asyncua's session watchdog sleeps for the rest of a float until its time has come."""

    async def main(loop: VirtualLoop) -> int:
        until = loop.time() + 1e-9
        while loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(until - loop.time())
        return loop.now_us - START_US

    assert run(main) == 1


def test_timers_of_one_instant_run_in_the_order_of_their_creation() -> None:
    """asyncio's own heap leaves that open."""

    async def main(loop: VirtualLoop) -> list[int]:
        order: list[int] = []
        for number in range(50):
            loop.call_later(1, order.append, number)
        await asyncio.sleep(2)
        return order

    assert run(main) == list(range(50))


def test_half_a_microsecond_is_not_no_time() -> None:
    """Who waits for less than the clock can show must not spin at one instant."""

    async def main(loop: VirtualLoop) -> int:
        before = loop.now_us
        await asyncio.sleep(0.000_000_4)
        return loop.now_us - before

    assert run(main) == 1


def test_cancelled_timers_are_forgotten() -> None:
    """A million deadlines that were met must not stay in the heap, nor move the clock."""

    async def main(loop: VirtualLoop) -> tuple[int, int]:
        most = 0
        for _ in range(20_000):
            async with asyncio.timeout(60):
                await asyncio.sleep(0.001)
            most = max(most, len(loop._heap))
        return most, loop.now_us - START_US

    most, passed_us = run(main)
    assert most < 5_000
    assert passed_us == 20_000_000


def test_everyone_waiting_for_everyone_is_an_error_that_says_where() -> None:
    """In life it would hang until somebody looks."""

    async def main(_: VirtualLoop) -> None:
        await asyncio.create_task(asyncio.Event().wait(), name="the one who waits")

    with pytest.raises(Deadlock, match="the one who waits waits at"):
        run(main)


def test_callbacks_without_end_at_one_instant_are_an_error_that_names_them() -> None:
    """A loop that only yields would run for ever while time stands still."""

    async def main(_: VirtualLoop) -> None:
        while True:  # noqa: ASYNC110 - it waits for nothing at all
            await asyncio.sleep(0)

    with pytest.raises(Livelock, match="1001 callbacks at 1000000000 us"):
        run(main, loop=VirtualLoop(callbacks_max=1_000))


async def _in_executor(_: VirtualLoop) -> None:
    await asyncio.get_running_loop().run_in_executor(None, print)


async def _to_thread(_: VirtualLoop) -> None:
    await asyncio.to_thread(print)


async def _thread(_: VirtualLoop) -> None:
    threading.Thread(target=print).start()


@pytest.mark.parametrize("main", [_in_executor, _to_thread, _thread])
def test_a_thread_is_an_error_that_names_the_caller(main: Main) -> None:
    """With threads, order is luck; and whoever swallows the error is found by the complaint."""
    loop = VirtualLoop()
    with pytest.raises(ThreadsForbidden, match=f"test_virtual_loop.py.*{main.__name__}"):
        run(main, loop=loop)
    assert len(loop.complaints) == 1


def test_a_thread_from_outside_may_not_call_in() -> None:
    """It would come at a moment of luck."""
    refused: list[str] = []

    async def main(loop: VirtualLoop) -> None:
        def call() -> None:
            try:
                loop.call_soon_threadsafe(print)
            except ThreadsForbidden as error:
                refused.append(str(error))

        there.append(call)
        await asyncio.sleep(1)
        go.set()
        done.wait(10)

    there: list[Callable[[], None]] = []
    go, done = threading.Event(), threading.Event()

    def outside() -> None:
        go.wait(10)
        there[0]()
        done.set()

    thread = threading.Thread(target=outside)
    thread.start()
    run(main)
    thread.join(10)
    assert len(refused) == 1


def test_threads_may_start_again_when_the_run_is_over() -> None:
    """What the loop forbids, it forbids while it runs."""

    async def main(_: VirtualLoop) -> None:
        await asyncio.sleep(1)

    run(main)
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join(10)


def test_what_asyncio_would_only_log_is_a_complaint() -> None:
    """A callback that raises is a defect of the run, not a line in a log."""

    async def main(loop: VirtualLoop) -> list[str]:
        loop.call_soon(lambda: 1 // 0)
        await asyncio.sleep(1)
        return loop.complaints

    assert "ZeroDivisionError" in run(main)[0]


# --- processes --------------------------------------------------------------------------------------------------------


async def _counts(seen: list[int], loop: VirtualLoop) -> None:
    try:
        while True:
            await asyncio.sleep(1)
            seen.append((loop.now_us - START_US) // 1_000_000)
    finally:
        seen.append(-1)


def test_a_paused_process_goes_on_with_what_became_due() -> None:
    """Time passes for it, its callbacks do not run; one that was due comes at once afterwards."""

    async def main(loop: VirtualLoop) -> list[int]:
        seen: list[int] = []
        process = loop.process("counter")
        process.spawn(_counts(seen, loop))
        await asyncio.sleep(2.5)
        process.pause()
        await asyncio.sleep(10)
        process.resume()
        await asyncio.sleep(1.1)
        return seen.copy()

    assert run(main) == [1, 2, 12, 13]


def test_all_that_a_process_starts_belongs_to_it() -> None:
    """Tasks of tasks, callbacks of callbacks, and whoever wakes them from outside."""

    async def main(loop: VirtualLoop) -> list[str]:
        seen: list[str] = []
        event = asyncio.Event()

        async def child() -> None:
            await event.wait()
            seen.append("child")

        async def parent() -> None:
            asyncio.get_running_loop().call_later(2, seen.append, "callback")
            await asyncio.create_task(child())

        process = loop.process("family")
        process.spawn(parent())
        await asyncio.sleep(1)
        process.pause()
        event.set()
        await asyncio.sleep(5)
        assert seen == []
        process.resume()
        await asyncio.sleep(1)
        return seen

    assert sorted(run(main)) == ["callback", "child"]


def test_a_killed_process_never_runs_again() -> None:
    """Not one callback; its coroutines are closed then and there, not when the collector finds them."""

    async def main(loop: VirtualLoop) -> list[int]:
        seen: list[int] = []
        process = loop.process("counter")
        process.spawn(_counts(seen, loop))
        await asyncio.sleep(2.5)
        process.kill()
        assert seen == [1, 2, -1]
        await asyncio.sleep(10)
        gc.collect()
        return seen

    assert run(main) == [1, 2, -1]


def test_a_process_may_kill_itself_in_the_middle_of_a_call() -> None:
    """As a crash inside an operation of the disk does: the call stack unwinds, nothing else of it runs."""

    async def main(loop: VirtualLoop) -> list[str]:
        seen: list[str] = []
        process = loop.process("suicide")

        async def other() -> None:
            await asyncio.sleep(5)
            seen.append("other")

        async def suicide() -> None:
            left = asyncio.create_task(other())
            await asyncio.sleep(1)
            assert not left.done()
            process.kill()
            asyncio.get_running_loop().call_soon(seen.append, "callback")
            raise KeyError("unwinds")

        task = process.spawn(suicide())
        await asyncio.sleep(10)
        assert isinstance(task.exception(), KeyError)
        return seen

    assert run(main) == []
