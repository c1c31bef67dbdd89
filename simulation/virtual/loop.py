"""
An asyncio event loop in virtual time: when nobody can run, the clock jumps to the next timer.

    ready callbacks, in the order in which they became ready -> none left -> jump -> the next timer, by (time, creation)

A timer's callback, and everything that it makes ready, runs to its end before the next timer's does, also where both are due
at one instant. So it does not matter how many turns of the loop a library takes for something, which differs between Pythons.

Time is an integer number of microseconds and stands still while callbacks run. So a run costs what it computes, never what
it waits for, and two runs that draw the same luck are the same run. What cannot be so is an error, at once and by name:

- nobody is ready and no timer waits: everyone waits for everyone (`Deadlock`)
- callbacks go on and on and time does not (`Livelock`)
- somebody starts a thread or gives work to one, or a thread calls in (`ThreadsForbidden`): order would be luck

A `Process` is a part of this world that can be stopped for a while or killed. Whatever its callbacks start belongs to it,
through a context variable that asyncio itself hands on. The callbacks of a stopped process wait; those of a dead one are
dropped: not one of them runs again, and what the `finally` blocks of its coroutines do when they are closed reaches nobody.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import warnings
from asyncio import base_events, events
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar, copy_context
from heapq import heapify, heappop, heappush
from math import ceil
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from simulation.virtual.net import Network

T = TypeVar("T")

START_US: Final = 1_000_000_000
"""Loop time at the start: not 0, which some take for never."""

CALLBACKS_MAX: Final = 200_000
"""Callbacks at one instant before we call it a livelock: a hall of seven PLCs that all start at once has some 3,000."""

COLLECT_US: Final = 30_000_000
"""Virtual time between two rounds of the garbage collector, which runs at no other moment: finalisers are callbacks, too."""

_NOTHING: Final = 1e-3  # of a microsecond: more than a float of some days is wrong by
_COMPACT_AT: Final = 1_024  # cancelled timers in the heap before they are taken out
_OWN_MODULES: Final = ("asyncio", "concurrent", "threading", "contextvars", "simulation.virtual.loop")


class VirtualTimeError(RuntimeError):
    """Something that cannot be in virtual time."""


class Deadlock(VirtualTimeError):  # noqa: N818 - read aloud, the name says it
    """Nobody can ever run again."""


class Livelock(VirtualTimeError):  # noqa: N818
    """Callbacks run for ever at one instant."""


class ThreadsForbidden(VirtualTimeError):  # noqa: N818
    """A thread was started, given work, or called in."""


OWNER: ContextVar[Process | None] = ContextVar("packcenter_virtual_owner", default=None)


class Process:
    """
    A program in the virtual world: all tasks and callbacks that began in it. Make it with `VirtualLoop.process`.

    It runs until `pause` or `kill`. What it owns on the network and on disks is taken away by whoever kills it, see `hall`.
    """

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.name = name
        self.alive = True
        self.paused = False
        self._loop = loop
        self._waiting: list[events.Handle] = []
        self.tasks: WeakValueDictionary[int, asyncio.Task[Any]] = WeakValueDictionary()

    @property
    def running(self) -> bool:
        """Whether its callbacks run."""
        return self.alive and not self.paused

    def context(self) -> Context:
        """A fresh context of this process: what is called in it belongs to the process."""
        context = copy_context()
        context.run(OWNER.set, self)
        return context

    def spawn(self, work: Coroutine[Any, Any, T], name: str | None = None) -> asyncio.Task[T]:
        """Run a coroutine in this process."""
        assert self.alive, f"process {self.name} is dead"
        return self._loop.create_task(work, name=name, context=self.context())

    def pause(self) -> None:
        """Stop it, as SIGSTOP does: time passes, its callbacks wait."""
        assert self.alive, f"process {self.name} is dead"
        self.paused = True

    def resume(self) -> None:
        """
        Let it go on with all that became due meanwhile, oldest first, one a microsecond; then with what came for it.

        All at one instant would be a race between an answer and its deadline, which Python 3.11 and 3.12 decide differently.
        """
        if not self.paused:
            return
        self.paused = False
        if not self.alive:
            return
        loop = self._loop
        waiting, self._waiting = self._waiting, []
        for number, handle in enumerate(waiting):
            loop.call_at_us(loop.now_us + number, loop._ready.append, handle, context=loop.world)
        if loop.network is not None:
            loop.call_at_us(loop.now_us + len(waiting), loop.network.woken, self, context=loop.world)

    def kill(self) -> None:
        """
        End it, as SIGKILL does: none of its callbacks ever runs again, and nothing of it is told.

        Its coroutines are closed here, so that the collector does not close them at a moment of luck. Their `finally`
        blocks do run then, in this dead process, whose world must have been taken away from it before: files, sockets.
        """
        self.alive = False
        self._waiting.clear()
        bury(self.tasks, self.context())

    def hold(self, handle: events.Handle) -> None:
        """Keep a callback for later, or drop it; for the loop alone."""
        if self.alive:
            self._waiting.append(handle)


def bury(tasks: WeakValueDictionary[int, asyncio.Task[Any]], context: Context) -> None:
    """Close the coroutines of tasks that will never run again, oldest first; what they raise then is nobody's business."""
    graves = [tasks[number] for number in sorted(tasks)]
    for task in graves:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        coroutine = task.get_coro()
        if not task.done() and coroutine is not None:
            # A `finally` that awaits something ends there, and what it would have awaited is never awaited.
            with warnings.catch_warnings(), suppress(BaseException):
                warnings.simplefilter("ignore", RuntimeWarning)
                context.run(coroutine.close)


class _Timer(events.TimerHandle):
    """A timer whose heap entry is (microseconds, number), so that equal times keep the order of their creation."""

    __slots__ = ()


class VirtualLoop(base_events.BaseEventLoop):
    """
    The loop. `now_us` is its time; `complaints` are errors that asyncio would only log: a run with any is not sound.

    `network` is where its connections live (`simulation.virtual.net`); without one, connecting is an error.
    """

    _ready: deque[events.Handle]

    def __init__(self, *, callbacks_max: int = CALLBACKS_MAX) -> None:
        super().__init__()
        self.now_us = START_US
        self.complaints: list[str] = []
        self.network: Network | None = None
        self.world = copy_context()
        """The context of what belongs to no process."""
        self.callbacks = 0
        self.jumps = 0
        self._heap: list[tuple[int, int, events.TimerHandle]] = []
        self._number = 0
        self._cancelled = 0
        self._callbacks_max = callbacks_max
        self._since_jump = 0
        self._collect_at_us = START_US + COLLECT_US
        self._tasks: WeakValueDictionary[int, asyncio.Task[Any]] = WeakValueDictionary()  # those of no process
        self._processes: list[Process] = []
        self.expected: tuple[type[BaseException], ...] = ()
        """What may end a callback or a task without being a complaint: crashes that somebody made."""
        self.set_exception_handler(lambda _, context: self._complain(context))

    def process(self, name: str) -> Process:
        """A new process."""
        process = Process(self, name)
        self._processes.append(process)
        return process

    # --- time ----------------------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds."""
        return self.now_us / 1e6

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.TimerHandle:
        """As asyncio's; rounded up, so that time passes for who waits for the last bit of a float, as asyncua's sessions do."""
        delay_us = max(ceil(delay * 1e6 - _NOTHING), 1) if delay > 0 else 0
        return self.call_at_us(self.now_us + delay_us, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.TimerHandle:
        """As asyncio's; the time is rounded up to whole microseconds."""
        return self.call_at_us(ceil(when * 1e6 - _NOTHING), callback, *args, context=context)

    def call_at_us(
        self, when_us: int, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.TimerHandle:
        """Call at a time in microseconds; at once, but after all that gets ready at this instant, if it is past."""
        timer = _Timer(when_us / 1e6, callback, args, self, context)
        self._number += 1
        heappush(self._heap, (when_us, self._number, timer))
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        self._cancelled += 1
        if self._cancelled >= _COMPACT_AT and 2 * self._cancelled > len(self._heap):
            self._heap = [entry for entry in self._heap if not entry[2].cancelled()]
            heapify(self._heap)
            self._cancelled = 0

    # --- running -------------------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        """One round: everything that is ready now and nothing that gets ready meanwhile; or else the next timer."""
        ready = self._ready
        if not ready:
            self._jump()
        count = len(ready)
        self._since_jump += count
        if self._since_jump > self._callbacks_max:
            self._raise_livelock()
        self.callbacks += count
        for _ in range(count):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            owner = handle._context.get(OWNER)  # type: ignore[attr-defined]
            if owner is None or (owner.alive and not owner.paused):
                handle._run()
            else:
                owner.hold(handle)

    def _jump(self) -> None:
        """Let it be the time of the next timer, and let that one alone be ready."""
        heap = self._heap
        while heap and heap[0][2].cancelled():
            heappop(heap)
            self._cancelled -= 1
        if not heap:
            if self._stopping:  # type: ignore[attr-defined]
                return
            self._raise_deadlock()
        due_us, _, timer = heappop(heap)
        timer._scheduled = False  # type: ignore[attr-defined]
        self._ready.append(timer)
        if due_us > self.now_us:
            self.now_us = due_us
            self._since_jump = 0
            self.jumps += 1
            if due_us >= self._collect_at_us:
                self._collect_at_us = due_us + COLLECT_US
                gc.collect()

    def run_forever(self) -> None:
        """As asyncio's, with the collector held and threads forbidden meanwhile."""
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            with self._no_threads():
                super().run_forever()
        finally:
            if was_enabled:
                gc.enable()

    def create_task(  # type: ignore[override]
        self, coro: Any, *, name: str | None = None, context: Context | None = None, **options: Any
    ) -> asyncio.Task[Any]:
        """As asyncio's; the task belongs to the process that creates it, or to the context's."""
        self._check_closed()  # type: ignore[attr-defined]
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context, **options)
        owner = OWNER.get() if context is None else context.get(OWNER)
        self._number += 1
        (self._tasks if owner is None else owner.tasks)[self._number] = task
        return task

    def close(self) -> None:
        """Close the loop; whatever still runs ends without being told."""
        if self.is_closed():
            return
        bury(self._tasks, copy_context())
        for process in self._processes:
            process.kill()
        self._heap.clear()
        super().close()

    def _complain(self, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), self.expected):
            self.complaints.append(_complaint(context))

    # --- what must not be ------------------------------------------------------------------------------------------------

    def _raise_deadlock(self) -> NoReturn:
        waiting = "\n".join(f"  {_where(task)}" for task in _by_name(asyncio.all_tasks(self)))
        raise Deadlock(f"nobody is ready and no timer waits at {self.now_us} us: everyone waits for everyone.\n{waiting}")

    def _raise_livelock(self) -> NoReturn:
        often = Counter(_name_of(handle) for handle in self._ready)
        names = ", ".join(f"{name} x{times}" for name, times in sorted(often.items(), key=lambda each: (-each[1], each[0]))[:8])
        raise Livelock(
            f"{self._since_jump} callbacks at {self.now_us} us and time stands still (limit {self._callbacks_max}): {names}"
        )

    def _forbid(self, what: str) -> NoReturn:
        complaint = f"{what} from {_caller()}; in virtual time there is one thread, or order would be luck"
        self.complaints.append(complaint)
        raise ThreadsForbidden(complaint)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> NoReturn:  # type: ignore[override]
        """Forbidden."""
        self._forbid(f"{getattr(func, '__qualname__', func)!s} was given to a thread")

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> events.Handle:
        """As `call_soon`, which is all that one thread needs; another thread may not call."""
        if self.is_running() and threading.get_ident() != self._thread_id:  # type: ignore[attr-defined]
            self._forbid(f"thread {threading.current_thread().name} called in")
        return self.call_soon(callback, *args, context=context)

    @contextmanager
    def _no_threads(self) -> Iterator[None]:
        start, ours = threading.Thread.start, threading.get_ident()

        def refuse(thread: threading.Thread) -> None:
            if threading.get_ident() == ours:
                self._forbid(f"thread {thread.name} was started")
            start(thread)

        threading.Thread.start = refuse  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            threading.Thread.start = start  # type: ignore[method-assign]

    # --- the network -----------------------------------------------------------------------------------------------------

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Connect over the loop's network; TLS and ready-made sockets are not part of it."""
        _only(options, "local_addr", "ssl", "family", "proto", "flags")
        return await self._net().connect(protocol_factory, str(host), int(port))

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Listen on the loop's network."""
        _only(options, "family", "flags", "backlog", "ssl", "reuse_address", "reuse_port", "start_serving", "keep_alive")
        return self._net().listen(protocol_factory, str(host), int(port or 0))

    def _net(self) -> Network:
        if self.network is None:
            raise VirtualTimeError("this loop has no network; give it one: Network(loop, seed)")
        return self.network

    def _process_events(self, event_list: Sequence[object]) -> None:
        """There are no files to watch."""

    def _write_to_self(self) -> None:
        """There is nobody to wake."""


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]], *, loop: VirtualLoop | None = None) -> T:
    """Run `main(loop)` to its end in virtual time; what still runs then ends without being told."""
    loop = loop or VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()


def _only(options: dict[str, Any], *known: str) -> None:
    meant = {name for name, value in options.items() if value is not None}
    assert meant <= set(known), f"options {sorted(meant - set(known))} are not part of the virtual network"
    assert not options.get("ssl"), "there is no TLS on the virtual network"


def _by_name(tasks: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    return sorted(tasks, key=lambda task: task.get_name())


def _where(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack(limit=1)
    at = f"{frames[0].f_code.co_filename}:{frames[0].f_lineno} in {frames[0].f_code.co_qualname}" if frames else "nowhere"
    return f"{task.get_name()} waits at {at}"


def _name_of(handle: events.Handle) -> str:
    callback = handle._callback  # type: ignore[attr-defined]
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return f"task {owner.get_name()}"
    return str(getattr(callback, "__qualname__", callback))


def _caller() -> str:
    """The nearest line that is neither asyncio's nor ours."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_OWN_MODULES):
        frame = frame.f_back
    return "nowhere" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"


def _complaint(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return context["message"] if error is None else f"{context['message']}: {type(error).__name__}: {error}"
