"""All links of a service: what PLCs say becomes inputs, what was decided goes out. Knows no protocol by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import structlog

from packcenter.core import inputs as i
from packcenter.core.commands import Command, GrantEpoch
from packcenter.core.state import State
from packcenter.plc import mailbox
from packcenter.plc.link import Link, LinkSettings, wire_maker
from packcenter.plc.mailbox import Happening, Resume
from packcenter.plc.trace import Trace
from packcenter.plc.translate import to_input, to_line
from packcenter.ports import Clock, Net, Random

log = structlog.get_logger()

Observe = Callable[[str, str, str, float], None]
"""Gets (plc, operation, result, seconds) of every request of every link."""


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
    ) -> None:
        self.trace = Trace()
        self.links: dict[str, Link] = {}
        self.last_trouble: dict[str, str] = {}
        self._settings = settings
        self._clock = clock
        self._random = random
        self._net = net
        self._submit = submit
        self._observe = observe
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, state: State, away_us: int) -> None:
        """Make every link from what the recovered state knows of its PLC, with the commands that are still open, and run it."""
        for settings in self._settings:
            plc = state.plcs[settings.plc]
            link = self._make(settings, Resume(plc.nonce, plc.epoch, plc.seq, away_us))
            for number in sorted(plc.pending):
                link.ask(to_line(plc.pending[number].command))
            self.links[settings.plc] = link
            self._tasks.append(asyncio.create_task(link.run(), name=f"link {settings.plc}"))

    def _make(self, settings: LinkSettings, resume: Resume) -> Link:
        name = settings.plc
        return Link(
            settings,
            resume=resume,
            clock=self._clock,
            random=self._random,
            make_wire=wire_maker(settings, self._net),
            on_happenings=self._on_happenings,
            observe=lambda operation, result, seconds: self._observe(name, operation, result, seconds),
            trace=self.trace,
        )

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The links' tasks; one that ends by itself is our mistake."""
        return self._tasks

    async def stop(self) -> None:
        """End all links in good order."""
        await asyncio.gather(*(link.stop() for link in self.links.values()))

    def command(self, command: Command) -> None:
        """Hand a durable command to its PLC's link."""
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

    def all_taken(self) -> bool:
        """Whether every event that any PLC shows is durable with us, and every PLC has our last command."""
        return all(
            link.mailbox.peer is not None and link.mailbox.peer.odometer == link.mailbox.acknowledged and not link.mailbox.waiting
            for link in self.links.values()
        )

    def describe(self, name: str) -> dict[str, object]:
        """One link for maintenance: where, how, since when, what it says and what went wrong last."""
        link = self.links[name]
        settings, box = link.settings, link.mailbox
        peer = box.peer
        good = link.last_good_us
        return {
            "plc": name,
            "protocol": settings.protocol,
            "address": settings.url or f"{settings.host}:{settings.port}, unit {settings.unit_id}",
            "up": box.up,
            "how": link.how,
            "epoch": box.epoch,
            "taken": box.taken,
            "acknowledged": box.acknowledged,
            "commands_waiting": box.waiting,
            "connections": link.connects,
            "silent_us": None if good is None else self._clock.mono_us() - good,
            "requests": {f"{operation} {result}": count for (operation, result), count in sorted(link.requests.counts.items())},
            "trouble": self.last_trouble.get(name, ""),
            "image": None if peer is None else msgspec.to_builtins(peer),
        }

    def _on_happenings(self, plc: str, happenings: list[Happening]) -> None:
        happened = [each for happening in happenings for each in self._inputs(plc, happening)]
        if happened:
            self._submit(happened)

    def _inputs(self, plc: str, happening: Happening) -> list[i.Input]:
        if isinstance(happening, mailbox.Events):
            return [to_input(plc, happening.epoch, event) for event in happening.events]
        if isinstance(happening, mailbox.LinkUp):
            log.info("plc_up", plc=plc, nonce=happening.nonce, epoch=happening.epoch, how=self.links[plc].how)
            self.last_trouble.pop(plc, None)
            return [i.LinkUp(plc, happening.nonce, happening.epoch)]
        if isinstance(happening, mailbox.LinkLost):
            log.warning("plc_lost", plc=plc, cause=happening.cause.value, reason=happening.reason)
            self.last_trouble[plc] = happening.reason
            return [i.LinkLost(plc, happening.cause.value)]
        if isinstance(happening, mailbox.ProfileMismatch):
            seen, expected = f"{happening.seen:08x}", f"{happening.expected:08x}"
            log.error("plc_profile_differs", plc=plc, seen=seen, expected=expected)
            self.last_trouble[plc] = f"profile digest {seen}, expected {expected}; the PLC is only read until they agree"
        elif isinstance(happening, mailbox.NoLink):
            log.warning("plc_not_reached", plc=plc, cause=happening.cause.value, reason=happening.reason)
            self.last_trouble[plc] = happening.reason
        else:
            log.error("plc_events_missing", plc=plc, epoch=happening.epoch, expected=happening.expected, seen=happening.seen)
        return []
