"""
The link to one PLC: connect, say hello, exchange images for ever, report what happened; on any surprise start anew.

    connect -> read -> (write, read) ... -> surprise | silence | still heartbeat -> close -> pause -> connect ...

The protocol is a `Wire`; the meaning of the images is the `Mailbox`; this module is only the loop between them. Every
wait on the network has a deadline, libraries neither retry nor reconnect, and each connection is a fresh client.
Deadlines and pauses between exchanges run on the event loop's clock, which in virtual time is the virtual one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal, Protocol, TypeVar

import msgspec

from packcenter.plc.checking import BusyError, PlcError
from packcenter.plc.image import IN_WORDS, OUT_WORDS, ImageError, TornError, VersionError, WordOrder, decode_out, encode_in
from packcenter.plc.limits import (
    CLOSE_LIMIT_US,
    CONNECT_LIMIT_US,
    RETRY_FIRST_US,
    RETRY_JITTER_US,
    RETRY_MAX_US,
    SETTLED_US,
    STOP_LIMIT_US,
    TORN_READS_MAX,
)
from packcenter.plc.line import LineCommand
from packcenter.plc.mailbox import Cause, Happening, LinkUp, Mailbox, Resume
from packcenter.plc.trace import Trace
from packcenter.ports import Clock, Net, Random

_T = TypeVar("_T")
Observe = Callable[[str, str, float], None]
"""Gets (operation, result, seconds) of every request: operation as the wire names it, result ok or a `Cause`."""


class Security(msgspec.Struct, frozen=True, kw_only=True):
    """
    How an OPC UA channel is secured. All four files are paths; the server's certificate is the only one trusted.

    `application_uri` must be the URI in our certificate, or strict servers refuse it.
    """

    policy: Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = "Basic256Sha256"
    mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    certificate: str
    private_key: str
    server_certificate: str
    application_uri: str


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    All that a link needs to know of its PLC, checked by the configuration before.

    Modbus uses `host`, `port`, `unit_id`, the two register addresses (from 0), `function_23` and the two maxima;
    OPC UA uses `url`, `namespace_uri`, the two string node ids and `security`. `profile_digest` is the first 32
    bits of the profile file's SHA-256. `speed` is how many times faster than ours the PLC's time runs: 1 but in a
    laboratory.
    """

    plc: str
    protocol: Literal["opcua", "modbus"]
    profile_digest: int
    host: str = ""
    port: int = 502
    unit_id: int = 1
    out_address: int = 0
    in_address: int = 200
    function_23: bool = True
    word_order: WordOrder = "ABCD"
    max_read_registers: int = 125
    max_write_registers: int = 121
    url: str = ""
    namespace_uri: str = ""
    out_node: str = "Out"
    in_node: str = "In"
    security: Security | None = None
    poll_gap_us: int = 10_000
    request_timeout_us: int = 400_000
    speed: int = 1

    def exchanges_at_once(self) -> bool:
        """Whether one function 23 request carries both images."""
        return self.function_23 and self.max_read_registers >= OUT_WORDS and self.max_write_registers >= IN_WORDS


class Wire(Protocol):
    """
    One connection to one PLC, used once. It moves words and checks replies (E8); it knows nothing of what they mean.

    Every method raises `PlcError` and nothing else; every wait inside goes through `Requests`.
    """

    @property
    def how(self) -> str:
        """How images travel, and why so; for people. Meaningful after `connect`."""
        ...

    @property
    def pushes(self) -> bool:
        """Whether the PLC's images come by themselves and set `wake`, so that nobody polls. Meaningful after `connect`."""
        ...

    async def connect(self, wake: asyncio.Event) -> None: ...

    async def exchange(self, words: list[int] | None) -> list[int] | None:
        """Write `In` unless it is None, then give the newest `Out`; None if there is none newer than the last given."""
        ...

    async def close(self) -> None:
        """End the connection; also after a `connect` that failed or was cancelled half way."""
        ...


class Requests:
    """Puts a deadline on every request of a wire, observes it and turns whatever a library raises into `PlcError`."""

    def __init__(self, plc: str, clock: Clock, timeout_us: int, observe: Observe | None = None) -> None:
        self._plc = plc
        self._clock = clock
        self.timeout_us = timeout_us
        self._observe = observe
        self.counts: Counter[tuple[str, str]] = Counter()

    async def __call__(self, operation: str, request: Awaitable[_T], limit_us: int | None = None) -> _T:
        """Await `request` for `limit_us` (the profile's request timeout if None); raises `PlcError` when it fails or is late."""
        limit_us = self.timeout_us if limit_us is None else limit_us
        began_us = self._clock.mono_us()
        result = "cancelled"
        try:
            async with asyncio.timeout(limit_us / 1e6) as deadline:
                answer = await request
            result = "ok"
            return answer
        except asyncio.CancelledError as error:
            # Nobody cancelled us: the library gave its own request up, or an answer came in the very moment of our
            # deadline, for which asyncua raises a subclass that `asyncio.timeout` does not know before Python 3.12.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            cause = Cause.SILENT if deadline.expired() else Cause.DISCONNECTED
            result = cause.value
            raise PlcError(cause, _late(operation, limit_us) if deadline.expired() else f"{operation} was given up") from error
        except PlcError as error:
            result = error.cause.value
            raise
        except TimeoutError as error:
            result = Cause.SILENT.value
            raise PlcError(Cause.SILENT, _late(operation, limit_us)) from error
        except OSError as error:
            cause = Cause.UNREACHABLE if operation == "connect" else Cause.DISCONNECTED
            result = cause.value
            raise PlcError(cause, f"{operation} failed: {error}") from error
        except Exception as error:
            # Anything: hostile bytes make the libraries' decoders raise struct, index, key and value errors.
            result = Cause.PROTOCOL.value
            raise PlcError(Cause.PROTOCOL, f"{operation} failed: {type(error).__name__}: {error}") from error
        finally:
            self.counts[operation, result] += 1
            if self._observe is not None:
                self._observe(operation, result, (self._clock.mono_us() - began_us) / 1e6)


def _late(operation: str, limit_us: int) -> str:
    return f"no answer to {operation} in {limit_us / 1e3:.0f} ms; is the PLC reachable?"


class Backoff:
    """Pauses between connection attempts: 0.1 s doubling to 1 s, with jitter; short again only after a settled link."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._next_us = RETRY_FIRST_US

    def pause_us(self, was_up_us: int) -> int:
        """How long to wait now; `was_up_us` is how long the link had been up (0: never)."""
        if was_up_us >= SETTLED_US:
            self._next_us = RETRY_FIRST_US
        pause = self._next_us
        self._next_us = min(2 * pause, RETRY_MAX_US)
        if pause < RETRY_MAX_US:
            return pause // 2 + self._random.below(pause // 2)
        return pause + self._random.below(RETRY_JITTER_US)


class Link:
    """
    Drives one PLC until `stop`. `run` belongs into a task of its own, which ends by `stop`, cancellation or our own mistake.

    `on_happenings(plc, happenings)` is called from the loop's task and must not block; what it calls on the link
    (`grant`, `durable`, `ask`) goes out with the next exchange, which then starts at once.
    """

    def __init__(
        self,
        settings: LinkSettings,
        *,
        resume: Resume,
        clock: Clock,
        random: Random,
        make_wire: Callable[[Requests], Wire],
        on_happenings: Callable[[str, list[Happening]], None],
        observe: Observe | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.settings = settings
        self.mailbox = Mailbox(
            settings.plc, settings.profile_digest, resume, first_hello=random.below(0xFFFF), speed=settings.speed
        )
        self.requests = Requests(settings.plc, clock, settings.request_timeout_us, observe)
        self.how = "not connected"
        self.connects = 0
        self.last_good_us: int | None = None
        self._clock = clock
        self._make_wire = make_wire
        self._on_happenings = on_happenings
        self._trace = trace
        self._backoff = Backoff(random)
        self._wake = asyncio.Event()
        self._up_since_us: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def plc(self) -> str:
        return self.settings.plc

    @property
    def reconnects(self) -> int:
        """Connections made after the first one."""
        return max(0, self.connects - 1)

    # --- what the service says ---------------------------------------------------------------------------------------

    def grant(self, nonce: int, epoch: int) -> None:
        """A durable grant; see `Mailbox.grant`."""
        self.mailbox.grant(nonce, epoch)
        self._wake.set()

    def durable(self, epoch: int, number: int) -> None:
        """Events up to `number` may be acknowledged; see `Mailbox.durable`."""
        self.mailbox.durable(epoch, number)
        if self.mailbox.dirty:
            self._wake.set()

    def ask(self, command: LineCommand) -> None:
        """Send a durable command; see `Mailbox.ask`."""
        self.mailbox.ask(command)
        if self.mailbox.dirty:
            self._wake.set()

    def hold_infeed(self, hold: bool) -> None:
        """Let our heartbeat stand still, so that the PLC stops its infeed and empties its belt, or move again."""
        self.mailbox.infeed_held = hold

    def withdraw(self, number: int) -> bool:
        """Do not send a command any more; see `Mailbox.withdraw`."""
        return self.mailbox.withdraw(number)

    # --- the loop ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect again and again; returns after `stop`, raises only for a mistake of ours (`AssertionError`)."""
        assert self._task is None, f"{self.plc}: run called twice"
        self._task = asyncio.current_task()
        try:
            await self._connect_for_ever()
        except asyncio.CancelledError:
            if not self._stopping:
                raise

    async def _connect_for_ever(self) -> None:
        while not self._stopping:
            self._up_since_us = None
            try:
                await self._one_connection()
            except PlcError as error:
                self._tell(self.mailbox.on_disconnect(error.cause, str(error)))
            self.how = "not connected"
            up_us = 0 if self._up_since_us is None else self._clock.mono_us() - self._up_since_us
            await self._clock.sleep_us(self._backoff.pause_us(up_us))

    async def stop(self) -> None:
        """End the link in good order within `STOP_LIMIT_US`, and tell nobody: whoever stops it knows."""
        self._stopping = True
        task = self._task
        if task is None or task.done():
            return
        task.cancel()  # a library may swallow it (asyncio.wait_for does before Python 3.12), hence the flag
        await asyncio.wait({task}, timeout=STOP_LIMIT_US / 1e6)

    async def _one_connection(self) -> None:
        wire = self._make_wire(self.requests)
        try:
            await self.requests("connect", wire.connect(self._wake), CONNECT_LIMIT_US)
            self.connects += 1
            self.how = wire.how
            await self._exchange_for_ever(wire, self.mailbox.hello(self._clock.mono_us()))
        finally:
            await self._close(wire)

    async def _close(self, wire: Wire) -> None:
        with suppress(PlcError):  # counted; the connection is given up either way
            await self.requests("close", wire.close(), CLOSE_LIMIT_US)

    async def _exchange_for_ever(self, wire: Wire, hello: int) -> None:
        """Exchange until the mailbox ends the connection, having told why, or `PlcError` does, or `stop`."""
        torn = 0
        while not self._stopping:
            self._wake.clear()  # before the image is made: what comes later wakes the next pause
            try:
                words = await wire.exchange(self._in_words())
                happenings = [] if words is None else self._on_words(hello, words)
                torn = 0
            except TornError as error:
                happenings = []
                torn += 1
                if torn >= TORN_READS_MAX:
                    raise PlcError(Cause.PROTOCOL, f"{torn} torn images in a row: {error}") from error
            except VersionError as error:
                raise PlcError(Cause.VERSION, str(error)) from error
            except ImageError as error:
                raise PlcError(Cause.PROTOCOL, str(error)) from error
            except BusyError:
                happenings = []  # nothing was lost: our next image says all again, and the heartbeat limit ends a long wait
            now_us = self._clock.mono_us()
            self._tell(happenings + self.mailbox.poll(now_us))
            if not self.mailbox.connected:
                return
            await self._rest(wire, self.mailbox.write_due_us(now_us))

    def _in_words(self) -> list[int] | None:
        """Our image if it should be written now: it has news, or the heartbeat is due."""
        now_us = self._clock.mono_us()
        due_us = self.mailbox.write_due_us(now_us)
        if due_us is None or due_us > 0:
            return None
        image = self.mailbox.in_image(now_us)
        if self._trace is not None:
            self._trace.sent(self.plc, now_us, image)
        return encode_in(image, self.settings.word_order)

    def _on_words(self, hello: int, words: list[int]) -> list[Happening]:
        image = decode_out(words, self.settings.word_order)
        now_us = self._clock.mono_us()
        self.last_good_us = now_us
        if self._trace is not None:
            self._trace.received(self.plc, now_us, image)
        return self.mailbox.on_image(now_us, hello, image)

    async def _rest(self, wire: Wire, due_us: int | None) -> None:
        """Wait for news, for the poll gap, or until the heartbeat must be written, whichever comes first."""
        if due_us == 0:
            await self._clock.sleep_us(0)  # others get their turn
            return
        gap_us = self.settings.poll_gap_us
        rest_us = gap_us if due_us is None or not wire.pushes else due_us
        try:
            async with asyncio.timeout(rest_us / 1e6):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _tell(self, happenings: list[Happening]) -> None:
        if not happenings:
            return
        if any(isinstance(happening, LinkUp) for happening in happenings) and self._up_since_us is None:
            self._up_since_us = self._clock.mono_us()
        self._on_happenings(self.plc, happenings)


def wire_maker(settings: LinkSettings, net: Net) -> Callable[[Requests], Wire]:
    """The maker of wires that the settings ask for. Loads only the protocol library that is used."""
    if settings.protocol == "modbus":
        from packcenter.plc.modbus import ModbusWire

        return lambda requests: ModbusWire(settings, net, requests)
    from packcenter.plc.opcua import OpcUaWire

    return lambda requests: OpcUaWire(settings, net, requests)
