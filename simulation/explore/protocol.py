"""
The fast level: the whole hall, its PLCs and the controller in one thread of virtual time, without sockets and asyncio.

    plant and PLCs <-> cables (`path`) <-> a life of the controller (`process`) <-> disk and manifest folders

A run: faults strike for `safety_us`; then all is healed and the hall must come to rest in time. What must never be is looked
for all the time by the witness and by the product's own assertions; what must be so at rest by `checks`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from packcenter.config.manifest import Known
from packcenter.core.facts import EventTaken
from packcenter.core.inputs import Input, Scanned
from packcenter.core.words import ReceiptState
from packcenter.journal.frames import Identity
from packcenter.service.output_commit import Recorded
from simulation.clock import FAULT, HeapClock
from simulation.disk import Crash, SimDisk
from simulation.draws import Stream
from simulation.explore import checks, letters, paperwork, receipt_files, scenarios, services
from simulation.explore.faults import Faults
from simulation.explore.options import Options, Outcome
from simulation.explore.path import Cable
from simulation.explore.process import Life, identity_of
from simulation.explore.shared_faults import rates_of
from simulation.explore.staff import Staff
from simulation.explore.watched import WatchedPlc
from simulation.explore.world import PROFILE_DIGEST, RELEASE, SEGMENTS_OF_A_DISK, Run
from simulation.plant.hall import Plant

_SLICE_US = 1_000_000
_HEARD = 200
_FEW = 3
_GROUPS = (64, 64, _FEW, 1)
"""
Records of a group at most: what is decided at once may become durable in several (a full group, or one of 4 MiB, does).
Sixty-four fit the small segments of a run.
"""
_AGE_MAX_US = 65_535_000
_AGE_OFF_US = 10_000_000
"""How long an image may be under way, or be one that was shown before, at most."""


class ProtocolWorld(Run):
    """
    One run of one seed. `run` gives its outcome.

    `disk` and `folders` are what the computer's disks hold now; `life` the controller's present process, None between two.
    `group_records` is how many records of what was decided at once the journal takes at most in one group.
    """

    clock: HeapClock

    def __init__(self, options: Options) -> None:
        served = options.has(services.NAME) > 0
        place = scenarios.place(options.hall, served)
        if options.has(scenarios.LOOPS):
            place = scenarios.with_loops(place, options.has(scenarios.LOOPS))
        to_few = options.has(letters.NAME) > 0 and bool(place.hall.case_racks)
        if to_few:
            place = replace(place, hall=letters.with_letters(place.hall, options.has(letters.NAME)))
        late = options.has(scenarios.LATE)
        day = scenarios.day_of(place, options.seed, options.items, options.safety_us, served=served, late=late, to_few=to_few)
        super().__init__(options, HeapClock(), place, day, Stream(options.seed, "explore/restart"))
        self.hall_digest = _digest_of(f"{options.hall}{' served' if served else ''}")
        self.release = RELEASE
        self.profile_digest = PROFILE_DIGEST
        self.known = Known.of_hall(self.hall)
        self.opens_us = self.day.opens_us
        self.wall_offset_us = 0
        self.group_records = _GROUPS[Stream(options.seed, "explore/groups").below(len(_GROUPS))]
        large = len(msgspec.msgpack.encode(self.hall)) // 2048
        self.segment_bytes = _segment_bytes(options.items, self.group_records, large)
        if options.has("switches_plan"):
            self.segment_bytes += _PLANS_BYTES
        self.disk = SimDisk(total_bytes=SEGMENTS_OF_A_DISK * (1 + large + 4 * options.has("panel")) * self.segment_bytes)
        self.folders = tuple(SimDisk() for _ in range(4))
        self.papers = paperwork.folders()
        self.receipts = receipt_files.folders()
        self.brought: dict[str, bytes] = {}
        self._paper_luck = Stream(options.seed, "explore/papers/power")
        self.disk_hook: Callable[[str, str, str], None] | None = None
        self.life: Life | None = None
        self.armed_plcs: dict[str, tuple[str, int]] = {}
        self.lives = 0
        self._commits = Stream(options.seed, "explore/commit")
        self._nonces = Stream(options.seed, "explore/nonce")
        self._slow_us = self._slow_until_us = self._stalled_until_us = 0
        self._build()
        self.faults = Faults(self)
        self.staff = Staff(self)

    def _build(self) -> None:
        options, clock = self.options, self.clock
        pieces = Stream(options.seed, "explore/pieces")
        in_pieces = {name: pieces.below(6) == 0 for name in self.hall.plcs()}
        self.plcs = {
            name: WatchedPlc(
                name,
                nonce=self.nonce(),
                plant_us=self._now_us,
                wall_us=self._now_us,
                profile_digest=PROFILE_DIGEST,
                ring_size=self.place.ring_events,
                order="CDAB" if in_pieces[name] else "ABCD",
                witness=self.witness,
            )
            for name in self.hall.plcs()
        }
        documents = [document for delivery in self.day.deliveries for document in delivery.documents]
        settings = scenarios.with_luck(self.place, options.seed, rates_of(options))
        self.plant = Plant(self.hall, documents, settings, clock, self.plcs)
        for name, plc in self.plcs.items():
            plc.program = self.plant.programs[name]
            plc.misnames = pieces.below(3) == 0
            plc.on_point = partial(self._plc_point, name)
        self.heard: deque[Input] = deque(maxlen=_HEARD)
        self.cables = {
            name: Cable(plc, clock, options.seed, self.notes, in_pieces=in_pieces[name]) for name, plc in self.plcs.items()
        }

    def _now_us(self) -> int:
        return self.clock.now_us

    # --- what a life of the controller asks ----------------------------------------------------------------------------

    def wall_us(self) -> int:
        """The wall clock of the controller's computer."""
        return self.opens_us + self.clock.now_us + self.wall_offset_us

    def commit_us(self) -> int:
        """How long the next group is under way."""
        now_us = self.clock.now_us
        slow_us = self._slow_us if now_us < self._slow_until_us else 0
        return 300 + self._commits.below(1500) + slow_us

    def stalled_us(self) -> int:
        """How long the disk will do nothing yet."""
        return max(0, self._stalled_until_us - self.clock.now_us)

    def identity(self) -> Identity:
        """Who writes the journal."""
        return identity_of(self.hall.centre, RELEASE, self.hall_digest)

    def serving(self, life: Life) -> None:
        """A life has begun to connect."""
        self.notes.tell(self.clock.now_us, f"life {life.number} runs")

    def read(self, recorded: Recorded) -> None:
        """A durable record is handed out."""
        self.witness.released(recorded)
        taken = any(isinstance(fact, EventTaken) for fact in recorded.facts)
        if isinstance(recorded.input, Scanned) and taken and not self.options.has("pause"):
            self._look_at_age(recorded.input, recorded.received_us)
        self.checker.read(recorded, self.life.controller.state if self.life is not None else None, self.clock.now_us)

    def _look_at_age(self, scan: Scanned, received_us: int) -> None:
        """R7: a scan may look older than it is, never much younger. A process that stood still met an image that was old."""
        made_us = self.plcs[scan.plc].made_us(scan.epoch, scan.seq)
        if made_us is not None and scan.age_us < min(received_us - made_us, _AGE_MAX_US) - _AGE_OFF_US:
            told = f"{scan.age_us / 1e6:.1f} s old when it came, it was {(received_us - made_us) / 1e6:.1f} s"
            self.witness.wrong("R7", f"{scan.plc}: scan {scan.epoch}/{scan.seq} is said to be {told}")

    def nonce(self) -> int:
        """A boot nonce that no life of a PLC had."""
        return 1 + self._nonces.below(0xFFFF_FFFE)

    # --- life and death of the controller --------------------------------------------------------------------------------

    def start_life(self, _: None = None) -> None:
        """The supervisor starts the controller."""
        if self.life is not None:
            return
        self.lives += 1
        self.life = Life(self, self.lives, self.faults.arm_life(self.lives))
        self.life.at(0, self.life.boot, None)

    def died(self, life: Life, how: str, why: str = "") -> None:
        """The controller's process ended, by a crash point or by itself."""
        self.notes.kills[how] += 1
        if why and not self.faults.explains(how):
            self.witness.wrong("J", f"life {life.number} ended by itself: {how}: {why}")
        self._bury(life, how, power=self.faults.power_fails())

    def kill(self, how: str) -> bool:
        """The controller is killed from outside, whatever it does; False if there is none."""
        life = self.life
        if life is None:
            return False
        self.notes.kills[how] += 1
        power = self.faults.power_fails()
        if life.group_under_way:
            self._write_in_part(life)
        self._bury(life, how, power)
        return True

    def _write_in_part(self, life: Life) -> None:
        """A group is under way: nothing of it is written yet, or it is written and not synced, or synced and not told."""
        how_far = self._restarts.below(3)
        left = how_far

        def hook(when: str, what: str, name: str) -> None:
            nonlocal left
            if when == "before" and what in ("pwrite", "fdatasync"):
                if left == 0:
                    raise Crash
                left -= 1

        life.disk.hook = hook
        try:
            life.write_in_part()
        except (Crash, OSError):
            pass
        except Exception as error:
            self.notes.tell(self.clock.now_us, f"life {life.number} was writing: {error}")

    def _bury(self, life: Life, how: str, power: bool) -> None:
        in_pouches = any(place.startswith("pack/") for _, place in self.plant.truth.everywhere())
        self.checker.died(self.clock.now_us, life.controller.state if life.recovered else None, in_pouches)
        if life.recovered:
            self.witness.left(life.journal.end.sequence + life.commits.held, life.controller.state)
        life.alive = False
        self.life = None
        for cable in self.cables.values():
            cable.caller = None
            cable.plc.heard()
            cable.keep_ticking()
        luck = self._restarts
        self.disk = life.disk.image(luck) if power else life.disk.survivor()
        self.folders = tuple(folder.image(luck) if power else folder.survivor() for folder in self.folders)
        disks = self.paper_disks()
        bills, feed, *receipts = (disk.image(self._paper_luck) if power else disk.survivor() for disk in disks)
        self.papers, self.receipts = (bills, feed), tuple(receipts)
        self.notes.tell(self.clock.now_us, f"life {life.number} is dead: {how}{', power lost' if power else ''}")
        self._start_again(power_lost=power)

    def broke(self, life: Life, error: Exception) -> None:
        """The controller made a mistake: a broken assertion, or an exception that nobody foresaw."""
        self.witness.wrong("A", f"life {life.number}: {type(error).__name__}: {error}")
        self.broken = True

    def pause(self, us: int) -> bool:
        """The controller's process stands still."""
        life = self.life
        if life is None or not life.sound:
            return False
        for cable in self.cables.values():
            cable.flush()
        life.pause(us)
        return True

    def _plc_point(self, plc: str, name: str) -> None:
        life = self.life
        if life is not None and life.passes(name):
            self.clock.at(0, FAULT, self._kill_at_plc, None)
        point, left = self.armed_plcs.get(plc, ("", 0))
        if point == name:
            self.armed_plcs[plc] = (point, left - 1)
            if left == 1:
                del self.armed_plcs[plc]
                self.clock.at(0, FAULT, self.reboot, plc)

    def _kill_at_plc(self, _: None) -> None:
        self.kill("at a PLC")

    # --- PLCs ----------------------------------------------------------------------------------------------------------------

    def reboot(self, name: str) -> None:
        """A PLC loses its power and memory."""
        cable = self.cables[name]
        cable.flush()
        self.plcs[name].reboot(self.nonce())
        cable.lost_memory()
        cable.hang_up()
        cable.keep_ticking()

    # --- disk, clock and folders ------------------------------------------------------------------------------------------------

    def slow_disk(self, by_us: int, for_us: int) -> None:
        """Each sync takes longer for a while."""
        self._slow_us, self._slow_until_us = by_us, self.clock.now_us + for_us

    def stall_disk(self, for_us: int) -> None:
        """No sync ends before this is over."""
        self._stalled_until_us = self.clock.now_us + for_us

    def hook_disk(self, hook: Callable[[str, str, str], None] | None) -> None:
        """Let a fault listen to the disk, or nobody."""
        self.disk_hook = hook
        if self.life is not None:
            self.life.listen()

    def incoming_is_empty(self) -> bool:
        """Whether nobody has put anything into the manifest folder."""
        return not self.folders[0].list()

    def paper_disks(self) -> tuple[SimDisk, ...]:
        """Those of bills, feeds and files of receipts."""
        return (*self.papers, *self.receipts)

    def flush(self) -> None:
        """Something is about to happen in the plant: play out what was left out on all cables."""
        for cable in self.cables.values():
            cable.flush()

    def settle(self) -> None:
        """It has happened: go on."""
        for cable in self.cables.values():
            cable.keep_ticking()
            cable.trouble()

    # --- a run -----------------------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Run the seed: faults, healing, rest."""
        options = self.options
        self._send_manifests(self.faults.late_manifests(list(self.day.manifests)))
        self.start_life()
        self.faults.begin()
        try:
            self._run_until(options.safety_us)
            if not self.broken:
                self.heal()
                self._come_to_rest()
        except Exception as error:
            letter = "E5" if "ring is full" in str(error) else "P"
            self.witness.wrong(letter, f"{type(error).__name__}: {error}")
        return self.outcome()

    def _run_until(self, us: int) -> None:
        while self.clock.now_us < us and not self.broken:
            self.clock.run_until(min(us, self.clock.now_us + _SLICE_US))

    def _bring(self, name: str, content: bytes) -> None:
        scenarios.put(self.folders[0], name, content)

    def heal(self) -> None:
        """All faults stop; what is broken is mended; who is dead is started."""
        self.faults.heal()
        self.healed = True
        if self.life is None:
            self.clock.at(0, FAULT, self.start_life, None)
        self.notes.tell(self.clock.now_us, "all faults are over")

    def _awaits_receipts(self) -> bool:
        """Whether the time of a receipt, which is a minute in a hall with services, is not over yet."""
        if self.life is None or not self.options.has(services.NAME):
            return False
        receipts = self.life.controller.state.receipts
        return any(each.state == ReceiptState.AWAITED for each in receipts.values())

    def _come_to_rest(self) -> None:
        healed_us = self.clock.now_us
        self.checker.healed(self, healed_us)
        for _ in range(checks.REST_LIMIT_US // _SLICE_US):
            self._run_until(self.clock.now_us + _SLICE_US)
            if self.broken:
                return
            self.staff.settle()
            self.staff.let_go()
            self.checker.look(self, healed_us)
            if checks.at_rest(self) and self.incoming_is_empty() and not self.receipts[0].list() and not self._awaits_receipts():
                break
        self.checker.at_rest(self)
        for letter, text in paperwork.faults(self, healed_us):
            self.witness.wrong(letter, text)
        for text in receipt_files.faults(self):
            self.witness.wrong("G4", text)


_PLANS_BYTES = 96 * 1024
"""Each switch holds a plan twice, some 7 kB, and a dozen of them may wait for a disk that stands still (seed 2162)."""


def _segment_bytes(items: int, group_records: int, large: int) -> int:
    """
    As small as the largest group allows, so that journals have many segments: a manifest's part, or what waited for a disk that
    stood still (30 kB at seed 219738), or the begin of a life, which holds the hall twice: 8.3 kB of the reference hall (seed
    620471). `large` is its size in units of 2 KiB; a hundred lives with all that their PLCs say must fit the disk (seed 620320).
    """
    return 4096 + 4096 * ((10 if group_records > _FEW else 2) + min(items, 1000) // 8 + 2 * large)


def _digest_of(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def explore(options: Options) -> Outcome:
    """Run one seed at the protocol level."""
    return ProtocolWorld(options).run()
