"""All links of a service: what PLCs say becomes inputs, what was decided goes out. Knows no protocol by name."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from packcenter.core import inputs as i
from packcenter.core.commands import Command, GrantEpoch
from packcenter.core.state import State
from packcenter.plc import mailbox
from packcenter.plc.link import Link, LinkSettings, Requests, Wire, wire_maker
from packcenter.plc.mailbox import Cause, Happening, Resume
from packcenter.plc.trace import Trace
from packcenter.plc.translate import resumed, to_inputs, to_line
from packcenter.plc.view import LinkView
from packcenter.ports import Clock, Net, Random

log = structlog.get_logger()

Observe = Callable[[str, str, str, float], None]
"""Gets (plc, operation, result, seconds) of every request of every link."""

MakeWire = Callable[[LinkSettings, Net], Callable[[Requests], Wire]]
"""The maker of a PLC's wires, as `plc.link.wire_maker`."""

ROUND_TRIPS = 200
"""Good requests of each PLC kept for maintenance: some two seconds, enough for a median and a worst case."""

_ROUND_TRIPS_OF = frozenset({"exchange", "read", "write"})


class Links:
    """
    One link per PLC. `submit` is given the inputs that PLCs cause; commands and acknowledgements come back as `Outputs`.
    """

    def __init__(
        self,
        settings: Sequence[LinkSettings],
        *,
        clock: Clock,
        random: Random,
        net: Net,
        submit: Callable[[list[i.Input]], object],
        observe: Observe,
        make_wire: MakeWire = wire_maker,
    ) -> None:
        self.trace = Trace()
        self.links: dict[str, Link] = {}
        self.trouble: dict[str, tuple[Cause, str]] = {}
        self._settings = settings
        self._clock = clock
        self._random = random
        self._net = net
        self._submit = submit
        self._observe = observe
        self._make_wire = make_wire
        self._tasks: list[asyncio.Task[None]] = []
        self._other_digest: dict[str, int] = {}
        self._round_trip_us: dict[str, deque[int]] = {each.plc: deque(maxlen=ROUND_TRIPS) for each in settings}
        self._began_us = clock.mono_us()

    def start(self, state: State, looked_us: int | None) -> None:
        """
        Make every link from what the recovered state knows of its PLC, with the commands that are still open, and run it.

        `looked_us` is when the run before this one wrote its last record, in our monotonic time; None: there was none.
        """
        for settings in self._settings:
            resume, commands = resumed(state.plcs[settings.plc], looked_us)
            link = self._make(settings, resume)
            for command in commands:
                link.ask(command)
            self.links[settings.plc] = link
            self._tasks.append(asyncio.create_task(link.run(), name=f"link {settings.plc}"))

    def _make(self, settings: LinkSettings, resume: Resume) -> Link:
        name = settings.plc
        return Link(
            settings,
            resume=resume,
            clock=self._clock,
            random=self._random,
            make_wire=self._make_wire(settings, self._net),
            on_happenings=self._on_happenings,
            observe=lambda operation, result, seconds: self._on_request(name, operation, result, seconds),
            trace=self.trace,
        )

    def _on_request(self, plc: str, operation: str, result: str, seconds: float) -> None:
        if result == "ok" and operation in _ROUND_TRIPS_OF:
            self._round_trip_us[plc].append(int(seconds * 1e6))
        self._observe(plc, operation, result, seconds)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The links' tasks; one that ends by itself is our mistake."""
        return self._tasks

    async def stop(self) -> None:
        """End all links in good order."""
        await asyncio.gather(*(link.stop() for link in self.links.values()))

    def command(self, command: Command) -> None:
        """Hand a durable command to its PLC's link. What was decided before there are links is asked by `start`."""
        if not self.links:
            return
        link = self.links[command.plc]
        if isinstance(command, GrantEpoch):
            link.grant(command.nonce, command.epoch)
        else:
            link.ask(to_line(command))

    def acknowledge(self, plc: str, epoch: int, seq: int) -> None:
        """Let a PLC forget its durable events."""
        self.links[plc].durable(epoch, seq)

    def hold_infeed(self, names: Sequence[str], hold: bool) -> None:
        """Let the heartbeat to these PLCs stand still, so that they stop their infeed, or move again."""
        for name in names:
            self.links[name].hold_infeed(hold)

    def all_taken(self, since_us: int) -> bool:
        """
        Whether every event that any PLC had made by `since_us` (monotonic) is durable, and every PLC has our last command.

        An answer that comes a request's whole time later was not under way then.
        """
        return all(
            link.mailbox.peer is not None
            and link.last_good_us is not None
            and link.last_good_us > since_us + link.settings.request_timeout_us
            and link.mailbox.peer.odometer == link.mailbox.acknowledged
            and not link.mailbox.waiting
            for link in self.links.values()
        )

    def describe(self, name: str) -> LinkView:
        """One link for maintenance: where, how, since when, what it says and what went wrong last."""
        link = self.links[name]
        settings, box = link.settings, link.mailbox
        now_us = self._clock.mono_us()
        cause, trouble = self.trouble.get(name, ("", ""))
        return LinkView(
            plc=name,
            protocol=settings.protocol,
            address=settings.url or f"{settings.host}:{settings.port}, unit {settings.unit_id}",
            at_us=now_us,
            watched_us=now_us - self._began_us,
            up=box.up,
            how=link.how,
            epoch=box.epoch,
            taken=box.taken,
            acknowledged=box.acknowledged,
            commands_waiting=box.waiting,
            connections=link.connects,
            requests={f"{operation} {result}": count for (operation, result), count in sorted(link.requests.counts.items())},
            round_trip_us=list(self._round_trip_us[name]),
            request_timeout_us=settings.request_timeout_us,
            digest=settings.profile_digest,
            other_digest=self._other_digest.get(name),
            cause=cause,
            trouble=trouble,
            image_at_us=link.last_good_us,
            image=box.peer,
        )

    def _on_happenings(self, plc: str, happenings: list[Happening]) -> None:
        for happening in happenings:
            self._note(plc, happening)
        happened = [each for happening in happenings for each in to_inputs(plc, happening)]
        if happened:
            self._submit(happened)

    def _note(self, plc: str, happening: Happening) -> None:
        """Log what people should know of a link, and keep it for maintenance."""
        if isinstance(happening, mailbox.Events):
            return
        if isinstance(happening, mailbox.LinkUp):
            log.info("plc_up", plc=plc, nonce=happening.nonce, epoch=happening.epoch, how=self.links[plc].how)
            self.trouble.pop(plc, None)
            self._other_digest.pop(plc, None)
        elif isinstance(happening, mailbox.LinkLost):
            log.warning("plc_lost", plc=plc, cause=happening.cause.value, reason=happening.reason)
            self.trouble[plc] = (happening.cause, happening.reason)
        elif isinstance(happening, mailbox.ProfileMismatch):
            seen, expected = f"{happening.seen:08x}", f"{happening.expected:08x}"
            log.error("plc_profile_differs", plc=plc, seen=seen, expected=expected)
            self.trouble[plc] = (Cause.PROFILE, f"profile digest {seen}, expected {expected}; it is only read until they agree")
            self._other_digest[plc] = happening.seen
        elif isinstance(happening, mailbox.NoLink):
            log.warning("plc_not_reached", plc=plc, cause=happening.cause.value, reason=happening.reason)
            self.trouble[plc] = (happening.cause, happening.reason)
        else:
            log.error("plc_events_missing", plc=plc, epoch=happening.epoch, expected=happening.expected, seen=happening.seen)
