"""
What `torture` does to a running hall, blow by blow, and what it measures until all is well again.

A blow is a function of the `Rig`; it ends with all faults healed, the service alive and every PLC under power. Then
`recover` waits until every PLC hears packcenter, every machine runs and the sorters let items in again. Moments, lengths
and victims come from a stream of the seed; what the processes are doing then is their own, so a seed makes a failure
likely again, not certain.

Time is slept away here on purpose: the processes are real, and a blow lasts as long as was drawn.
"""

from __future__ import annotations

import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from faults import Fault, Kind, mixed
from harness import Hall, NotSeen, run_beside, wait_for
from proxy import mono_us
from small_journal import SEGMENT_BYTES

from simulation.draws import Stream

FOUND_S = 80
"""Plant seconds after which all that lost its way was missed: a parcel that never fell into a bag takes 60 s."""

EXECUTE = 6
JOURNAL_LOCKED = 75
JOURNAL_FULL = 73
JOURNAL_POISONED = 74

ROOMS_BYTES = (0, 100_000, SEGMENT_BYTES - 1)
"""What a full disk leaves to a file: nothing, too little for some groups, or too little for a new segment alone."""

LIMIT_S = 30.0
"""No recovery takes longer, whatever else the computer does; the bounds that we promise are in `torture.BOUNDS_MS`."""

SECOND_MS = 1_000


@dataclass
class Figures:
    """
    What was done (`counts`), how long things took (`times_ms`) and the `most` of something that was seen, by name.

    `kills_us` are the kills with a sound network, microseconds of the wall clock; `lives_us` the starts of the service,
    of the monotonic one.
    """

    counts: Counter[str] = field(default_factory=Counter)
    times_ms: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    most: Counter[str] = field(default_factory=Counter)
    kills_us: list[int] = field(default_factory=list)
    lives_us: list[int] = field(default_factory=list)

    def note_most(self, name: str, seen: int) -> None:
        """Keep the largest."""
        self.most[name] = max(self.most[name], seen)


@dataclass
class Rig:
    """A running hall under torture; `plans` numbers those of the proxy, so that each is another."""

    hall: Hall
    stream: Stream
    tell: Callable[[str], None]
    figures: Figures = field(default_factory=Figures)
    plans: int = 0
    memory_lost: bool = False

    def wait(self, least_ms: int, most_ms: int) -> int:
        """Let the processes do whatever they do for a drawn while: the moment of a blow is not waited for. Milliseconds."""
        drawn = self.stream.between(least_ms, most_ms)
        time.sleep(drawn / 1000)
        return drawn

    def some_plcs(self, most: int) -> list[str]:
        """One to `most` PLCs, drawn."""
        return mixed(self.stream, self.hall.plcs)[: self.stream.between(1, most)]

    def plan(self, name: str, least_ms: int, most_ms: int) -> int:
        """A plan of the proxy begins: `storm`, `swizzle` or `drizzle`; how long it lasts, milliseconds."""
        self.plans += 1
        lasts_ms = self.stream.between(least_ms, most_ms)
        self.figures.counts[f"{name}s"] += 1
        self.hall.proxy.order(name, {"number": self.plans, "lasts_us": lasts_ms * 1000})
        return lasts_ms

    def sit_out(self, name: str, least_ms: int, most_ms: int) -> int:
        """A plan of the proxy from its beginning to its end, with nothing else done to the hall; milliseconds."""
        lasts_ms = self.plan(name, least_ms, most_ms)
        time.sleep(lasts_ms / 1000)
        return lasts_ms

    def start_service(self) -> None:
        """Start the service again."""
        self.figures.lives_us.append(mono_us())
        self.hall.start_service()

    def kill(self) -> None:
        """kill -9."""
        self.hall.service.kill()
        self.figures.counts["kills"] += 1


# --- blows -----------------------------------------------------------------------------------------------------------


def kill(rig: Rig) -> str:
    """kill -9 of the service; every fourth time once more while it starts."""
    rig.wait(50, 2_000)
    while True:
        rig.figures.kills_us.append(time.time_ns() // 1000)
        rig.kill()
        rig.start_service()
        if rig.stream.below(4):
            return "kill -9"
        rig.wait(0, 1_500)


def storm(rig: Rig) -> str:
    """The network does what it likes for a while."""
    return f"storm of {rig.sit_out('storm', 400, 2_500)} ms"


def swizzle(rig: Rig) -> str:
    """Cables are pulled one by one until none is left, and put back one by one."""
    return f"swizzle-clog of {rig.sit_out('swizzle', 600, 2_500)} ms"


def drizzle(rig: Rig) -> str:
    """Bad cables: for some seconds telegrams are changed, repeated and late, while the line runs."""
    return f"drizzle of {rig.sit_out('drizzle', 1_000, 4_000)} ms"


def drizzle_kill(rig: Rig) -> str:
    """Bad cables, and kill -9 in the middle."""
    lasts_ms = rig.plan("drizzle", 1_000, 3_000)
    before_ms = rig.wait(0, lasts_ms)
    rig.kill()
    rig.start_service()
    time.sleep((lasts_ms - before_ms) / 1000)
    return f"drizzle of {lasts_ms} ms with kill -9"


def drizzle_reboot(rig: Rig) -> str:
    """Bad cables, and a PLC loses its memory in the middle."""
    lasts_ms = rig.plan("drizzle", 1_500, 4_000)
    (plc,) = rig.some_plcs(1)
    before_ms = rig.wait(0, lasts_ms // 2)
    _off(rig, plc)
    _on(rig, [plc], measured=False)
    time.sleep((lasts_ms - before_ms) / 1000)
    return f"drizzle of {lasts_ms} ms with {plc} booting"


def storm_kill(rig: Rig) -> str:
    """kill -9 in a storm; the next run starts into it."""
    lasts_ms = rig.plan("storm", 800, 2_500)
    before_ms = rig.wait(0, lasts_ms // 2)
    rig.kill()
    rig.start_service()
    time.sleep((lasts_ms - before_ms) / 1000)
    return f"storm of {lasts_ms} ms with kill -9"


def pause(rig: Rig) -> str:
    """The service stands still for a moment, as on a computer that swaps."""
    with rig.hall.service.stalled():
        stood_ms = rig.wait(100, 1_500) if rig.stream.below(4) else rig.wait(1_500, 4_000)
    rig.figures.counts["pauses"] += 1
    return f"pause of {stood_ms} ms"


def long_pause(rig: Rig) -> str:
    """The service stands still for so long that all rings fill, as in a virtual machine that is moved."""
    with rig.hall.service.stalled():
        stood_ms = rig.wait(10_000, 60_000)
    rig.figures.counts["pauses"] += 1
    return f"pause of {stood_ms} ms"


def storm_pause(rig: Rig) -> str:
    """The service stands still in a storm and wakes up to what came meanwhile."""
    lasts_ms = rig.plan("storm", 800, 2_500)
    with rig.hall.service.stalled():
        stood_ms = rig.wait(100, lasts_ms)
    rig.figures.counts["pauses"] += 1
    time.sleep((lasts_ms - stood_ms) / 1000)
    return f"storm of {lasts_ms} ms with a pause of {stood_ms} ms"


def closed_doors(rig: Rig) -> str:
    """Every PLC takes connections and ends them at once: packcenter must knock about once a second, not in step."""
    hall, doors_s = rig.hall, 8
    since_us = mono_us()
    for plc in hall.plcs:
        hall.proxy.order("fault", Fault(plc, Kind.RESET).plain())
        hall.proxy.order("fault", Fault(plc, Kind.SLAM, lasts_us=doors_s * 1_000_000).plain())
    time.sleep(doors_s)
    pauses_ms = []
    for taken in hall.proxy.connections(since_us).values():
        opened = [each[0] for each in taken]
        pauses_ms += [(after - before) // 1000 for before, after in pairwise(opened)][4:]
    assert len(pauses_ms) >= len(hall.plcs), pauses_ms
    assert min(pauses_ms) >= SECOND_MS, f"L10: {min(pauses_ms)} ms between two connections, expected {SECOND_MS} or more"
    assert len({*pauses_ms}) > len(pauses_ms) // 2, f"L10: pauses without jitter: {pauses_ms}"
    rig.figures.times_ms["pause_between_knocks"] += pauses_ms
    rig.figures.counts["closed doors"] += 1
    return f"doors closed for {doors_s} s"


def second(rig: Rig) -> str:
    """A second service is started by mistake: it must refuse, name the first one, and disturb nobody."""
    hall = rig.hall
    with run_beside(["run", "--http", "127.0.0.1:0", *hall.service_arguments()], hall.folder / "second.log") as other:
        code = other.ended(LIMIT_S)
        said = other.text()
    assert code == JOURNAL_LOCKED, f"a second service ended with {code}, expected {JOURNAL_LOCKED}\n{said}"
    assert str(hall.service.process.pid) in said, f"it does not name the first one\n{said}"
    assert hall.service.alive
    rig.figures.counts["second services"] += 1
    return "second service refused"


def stop(rig: Rig) -> str:
    """SIGTERM in full run: it ends in good order, in time."""
    rig.hall.until_ready()
    rig.wait(0, 500)
    began = time.monotonic()
    code = rig.hall.service.terminate(LIMIT_S)
    rig.figures.times_ms["stop"].append(round((time.monotonic() - began) * 1000))
    assert code == 0, f"stopped with {code}, expected 0\n{rig.hall.service.text()[-3_000:]}"
    rig.figures.counts["stops"] += 1
    rig.start_service()
    return f"stop in {rig.figures.times_ms['stop'][-1]} ms"


def full(rig: Rig) -> str:
    """
    The disk is full for a while: no file may grow beyond a limit (RLIMIT_FSIZE), the log's no more than the journal's.

    The journal writes into segments that were made before, so with some room it goes on; else it ends by itself with the
    code of a full or broken disk, and the next run finds room again.
    """
    service = rig.hall.service
    limits = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
    room = ROOMS_BYTES[rig.stream.below(len(ROOMS_BYTES))]
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (room, limits[1]))
    lasted_ms = rig.wait(200, 2_000)
    rig.figures.counts["full disks"] += 1
    with suppress(ProcessLookupError):
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, limits)
    with suppress(NotSeen):
        code = service.ended(0.2)
        assert code in (JOURNAL_FULL, JOURNAL_POISONED), f"a full disk ended it with {code}\n{service.text()[-3_000:]}"
        rig.figures.counts["ended by full disks"] += 1
        rig.start_service()
        return f"room for {room} bytes a file, ended with {code}"
    return f"room for {room} bytes a file for {lasted_ms} ms, survived"


def reboot(rig: Rig) -> str:
    """A PLC loses power and memory, for a moment or a second and a half."""
    (plc,) = rig.some_plcs(1)
    rig.wait(0, 500)
    _off(rig, plc)
    off_ms = rig.wait(0, 1_500)
    _on(rig, [plc])
    return f"{plc} without power for {off_ms} ms"


def storm_reboot(rig: Rig) -> str:
    """PLCs lose power and memory in a storm; old telegrams meet their new lives."""
    lasts_ms = rig.plan("storm", 800, 2_500)
    struck = rig.some_plcs(2)
    before_ms = rig.wait(0, lasts_ms // 2)
    for plc in struck:
        _off(rig, plc)
    off_ms = rig.wait(0, lasts_ms // 4)
    _on(rig, struck, measured=False)
    time.sleep((lasts_ms - before_ms - off_ms) / 1000)
    return f"storm of {lasts_ms} ms with {', '.join(struck)} without power for {off_ms} ms"


def outage(rig: Rig) -> str:
    """The hall's power fails: the service dies, PLCs lose their memory, and come back in any order."""
    rig.wait(0, 1_000)
    struck = rig.some_plcs(len(rig.hall.plcs))
    if rig.stream.below(2):
        rig.kill()
    for plc in struck:
        _off(rig, plc)
    if rig.hall.service.alive:
        rig.kill()
    if rig.stream.below(2):
        _on(rig, struck, measured=False)
        rig.start_service()
    else:
        rig.start_service()
        for plc in mixed(rig.stream, struck):
            rig.wait(0, 300)
            _on(rig, [plc], measured=False)
    return f"outage: the service and {', '.join(sorted(struck))}"


def boots(rig: Rig) -> str:
    """A PLC with a loose plug: four new lives in two seconds, each granted or not."""
    (plc,) = rig.some_plcs(1)
    for _ in range(4):
        _off(rig, plc)
        rig.wait(0, 100)
        _on(rig, [plc], measured=False)
        rig.wait(0, 500)
    return f"{plc} boots four times"


def _off(rig: Rig, plc: str) -> None:
    rig.memory_lost = True
    rig.figures.counts["reboots"] += 1
    rig.hall.plant.order("off", plc)


def _on(rig: Rig, plcs: list[str], *, measured: bool = True) -> None:
    """Power is back; `measured` waits until each has its epoch and notes how long that took from the link's coming up."""
    hall = rig.hall
    since = {plc: int(hall.plant.order("on", plc)["mono_us"]) for plc in plcs}
    if not measured:
        return
    for plc in plcs:
        wait_for(lambda plc=plc: hall.plant.plc(plc)["epoch"], LIMIT_S, f"{plc} to get an epoch", hall.service, hall.plant)  # type: ignore[misc]
        granted_us = hall.plant.plc(plc)["peer_back_us"]
        opened_us = max(opened for opened, _, _ in hall.proxy.connections(since[plc])[plc] if opened <= granted_us)
        rig.figures.times_ms["link_up_to_epoch"].append((granted_us - opened_us) // 1000)
        rig.figures.times_ms["power_to_epoch"].append((granted_us - since[plc]) // 1000)


# --- until all is well -------------------------------------------------------------------------------------------------


def recover(rig: Rig) -> None:
    """Heal; then wait until every PLC hears packcenter, every machine runs and every sorter lets items in; note how long."""
    hall, times = rig.hall, rig.figures.times_ms
    healed_us = hall.proxy.heal()
    wait_for(hall.plant_hears, LIMIT_S, "every PLC to hear packcenter", hall.service, hall.plant)
    hall.until_ready(LIMIT_S)
    times["healing_to_heard"].append((mono_us() - healed_us) // 1000)

    def runs() -> bool:
        return all(plc["packml_state"] == EXECUTE for plc in hall.plant.plcs().values())

    wait_for(runs, LIMIT_S, "all machines to run", hall.service, hall.plant)
    # Only from here: a PLC lets items in for 800 ms more before it misses a service that was killed.
    heard_us = mono_us()
    limit = "the sorters to let items in and to be told where to"
    moved_us, decided_us = wait_for(lambda: moved_since(hall, heard_us), LIMIT_S, limit, hall.service, hall.plant)
    times["healing_to_infeed"].append((moved_us - healed_us) // 1000)
    times["healing_to_decision"].append((decided_us - healed_us) // 1000)


def moved_since(hall: Hall, since_us: int) -> tuple[int, int] | None:
    """
    When the last sorter let in an item after `since_us`, and when the last one took a decision about such an item.

    None while one of them has not. Where no item waits, both are now.
    """
    status = hall.plant.order("status")
    if not status["where"].get("agency") and not status["where"].get("queue"):
        return int(status["mono_us"]), int(status["mono_us"])
    sorters = [status["plcs"][plc] for plc in hall.plcs if hall.role[plc] == "sorter"]
    if min(sorter["decided_us"] for sorter in sorters) <= since_us:
        return None
    return max(sorter["decided_us"] for sorter in sorters), max(sorter["decision_us"] for sorter in sorters)


def run_on(hall: Hall, plant_s: float) -> None:
    """Wait until so much plant time has passed."""
    end_us = hall.plant.order("status")["plant_us"] + int(plant_s * 1_000_000)
    wait_for(
        lambda: hall.plant.order("status")["plant_us"] >= end_us,
        10 + 3 * plant_s / hall.speed,
        f"{plant_s} s of plant time",
        hall.plant,
    )


def reboot_and_wait(hall: Hall, plc: str) -> dict[str, Any]:
    """Take one PLC's power for a moment and wait until its machine runs again; what the PLC saw, and `granted_ms`."""
    before = hall.plant.plc(plc)
    hall.plant.order("reboot", plc)
    began = time.monotonic()

    def granted() -> dict[str, Any] | None:
        now = hall.plant.plc(plc)
        return now if now["nonce"] != before["nonce"] and now["epoch"] else None

    wait_for(granted, LIMIT_S, f"{plc} to get an epoch in its new life", hall.service, hall.plant)
    granted_ms = round((time.monotonic() - began) * 1000)
    wait_for(lambda: hall.plant.plc(plc)["packml_state"] == EXECUTE, LIMIT_S, f"{plc} to run again", hall.service, hall.plant)
    return {**hall.plant.plc(plc), "granted_ms": granted_ms}
