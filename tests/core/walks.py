"""
Random walks: a controller is led through plausible and implausible inputs, drawn from a seed.

A walk looks into the controller's state to make inputs that mean something (the document that the bagger waits for,
the drop that the rack was asked for) and, now and then, ones that no sound machine would send: wrong jobs, tracks
given twice, other lanes, huge numbers, gaps, events of any kind from any PLC. PLC names are always those of the hall,
because the service has links to no other.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final, get_type_hints

import halls
import msgspec
from invariants import Watch

from packcenter.core import inputs as i
from packcenter.core.alarm_table import ALARMS, VERSION
from packcenter.core.commands import CloseBag, Drop
from packcenter.core.custody_life import in_custody
from packcenter.core.discrepancies import VERSION as CUSTODY
from packcenter.core.hall import Hall
from packcenter.core.lifecycle import FINAL
from packcenter.core.limits import MANIFEST_LINES_MAX
from packcenter.core.packml import LEGAL
from packcenter.core.packml import Command as UnitCommand
from packcenter.core.packml import State as Unit
from packcenter.core.plans import WITHHELD
from packcenter.core.shifts import unsigned
from packcenter.core.state import State, lane_place
from packcenter.core.words import MASKED, HandVerdict

_WORD_MAX: Final = 0xFFFF
_LONG_MAX: Final = 0xFFFF_FFFF
_POSTCODES: Final = (210000, 210005, 211999, 215001, 100001, 830000, 999999, 0)
_SERVICES: Final = ("ems", "ems", "registered", "receipt-requested", "receipt-requested", "outlet-pickup")
_OUTLETS: Final = ("NJ-PO-1", "NJ-PO-2", "NJ-PO-3")
_NAMES: Final = [kind for kind in i.PlcEvent.__args__ if kind is not i.Scanned]


class Walk:
    """One walk. `step` makes one input and hands it to the controller under watch; `calm` keeps to sound machines."""

    def __init__(self, seed: int, *, calm: bool = False, thorough_every: int = 1, hall: Hall | None = None) -> None:
        self.watch = Watch(thorough_every)
        self._random = Random(seed)
        self._calm = calm
        self._at_us = halls.BASE_US + self._random.randrange(0, 86_400_000_000)
        self._items = 0
        self._manifests = 0
        self._tracks = 0
        self._nonces = 7
        self._runs = 1
        self._hall = halls.SMALL if calm else halls.HALLS[self._random.choice(("small", "court", "poor", "loop"))]
        if hall is not None:
            self._hall = hall
        self._happen(i.Started(1, "test", self._hall, "digest"))
        self._happen(i.AlarmTableGiven(VERSION))
        self._happen(i.CustodyRulesGiven(CUSTODY, 480, 5))
        for plc in self._hall.plcs():
            self._happen(i.LinkUp(plc, self._nonces, 0))
            self._happen(self._event(i.MachineChanged, plc, state=int(Unit.EXECUTE), reason_class=0, reason=0))
        self._manifest()

    @property
    def _state(self) -> State:
        return self.watch.controller.state

    def step(self) -> None:
        """Let some time pass, ticking as the driver does, and let one thing happen."""
        draw = self._random.random()
        if draw < 0.004 and not self._calm:
            self._pass(self._random.randrange(0, 8 * 3_600_000_000))
        else:
            self._pass(self._random.randrange(0, 1_500_000))
        actions, weights = self._actions()
        action = self._random.choices(actions, weights)[0]
        getattr(self, action.__name__)()  # by its name: a walk of another kind of hall has actions of its own

    def _actions(self) -> tuple[list[Callable[[Walk], None]], list[int]]:
        """What may happen, and how often."""
        return (_CALM, _CALM_WEIGHTS) if self._calm else (_ACTIONS, _WEIGHTS)

    def _halls(self) -> tuple[str, ...]:
        """Halls with which the controller may start again."""
        return ("small", "court", "poor", "rebuilt", "daily", "narrow", "loop", "slow")

    def _pass(self, us: int) -> None:
        """Time passes; a Tick comes when it is due, or, if the driver is busy, a little later."""
        until_us = self._at_us + us
        for _ in range(200):
            due_us = self.watch.controller.next_deadline_us()
            if due_us is None or due_us > until_us:
                break
            self._at_us = max(self._at_us, due_us)
            if not self._calm and self._random.random() < 0.1:
                break
            self._happen(i.Tick())
        self._at_us = until_us

    def _happen(self, happened: i.Input) -> None:
        self.watch.step(self._at_us, happened)

    def _event(self, kind: type, plc: str, /, **fields: object) -> Any:
        """An event of a PLC with the next number, rarely with another one or of another life."""
        peer = self._state.plcs[plc]
        epoch, seq = peer.epoch, peer.seq + 1
        if not self._calm:
            draw = self._random.random()
            if draw < 0.01:
                seq = max(1, seq - self._random.randrange(1, 4))
            elif draw < 0.02:
                seq += self._random.randrange(1, 5)
            elif draw < 0.025:
                epoch = self._random.randrange(0, epoch + 2)
        return kind(plc=plc, epoch=epoch, seq=seq, **fields)

    def _some(self, chance: float) -> bool:
        return not self._calm and self._random.random() < chance

    # --- what people and the outside do ------------------------------------------------------------------------------

    def _manifest(self) -> None:
        self._manifests += 1
        lines = []
        for _ in range(self._random.randrange(4, 12)):
            self._items += 1
            name = f"NJ{self._items:06d}"
            if self._some(0.05):
                name = f"NJ{self._random.randrange(1, self._items + 9):06d}"
            mail_class = self._random.choice(("letter", "id_card"))
            agency = "police" if mail_class == "id_card" else "tax"
            if self._some(0.05):
                mail_class, agency = self._random.choice((("parcel", "tax"), ("letter", "customs"), ("id_card", "tax")))
            waybill = ""
            if self._random.random() < 0.3:
                waybill = f"EB{self._items:08d}5CN"
            if self._some(0.05):
                waybill = self._random.choice(("EA000000014CN", "EA000000059CN", f"EB{self._items - 1:08d}5CN"))
            postcode = self._random.choice(_POSTCODES[:4] if self._calm else _POSTCODES)
            service = "ems" if self._calm else self._random.choice(_SERVICES)
            outlet = self._random.choice(_OUTLETS) if service == "outlet-pickup" and self._random.random() < 0.5 else ""
            lines.append(i.Line(name, mail_class, agency, waybill, 0 if outlet else postcode, service, "", 0, 0, outlet))
        assert len(lines) <= MANIFEST_LINES_MAX
        self._happen(i.ManifestReceived(f"M{self._manifests}", 1, 1, 0, "digest", tuple(lines)))

    def _restart(self) -> None:
        """The process dies; rarely it comes back with another hall, and then with the first again."""
        self.watch.restart()
        self._runs += 1
        if self._some(0.2):
            self._hall = halls.HALLS[self._random.choice(self._halls())]
        self._happen(i.Started(self._runs, "test", self._hall, "digest"))
        self._happen(i.AlarmTableGiven(VERSION if not self._some(0.05) else 0))
        self._happen(i.CustodyRulesGiven(CUSTODY if not self._some(0.05) else 0, 480, 5))
        for plc in self._hall.plcs():
            if not self._some(0.1):
                self._link_up(plc)

    def _link(self) -> None:
        plc = self._random.choice(self._hall.plcs())
        if self._state.plcs[plc].up and self._random.random() < 0.5:
            self._happen(i.LinkLost(plc, "heartbeat"))
        else:
            self._link_up(plc)

    def _link_up(self, plc: str) -> None:
        peer = self._state.plcs[plc]
        draw = self._random.random()
        if draw < 0.8 and peer.epoch:
            self._happen(i.LinkUp(plc, peer.nonce, peer.epoch if self._random.random() < 0.9 else 0))
        elif draw < 0.85 and not self._calm:
            self._happen(i.LinkUp(plc, self._random.randrange(1, 9), self._random.randrange(0, 9)))
        else:
            self._nonces += 1
            self._happen(i.LinkUp(plc, self._nonces, 0))
        peer = self._state.plcs[plc]
        if peer.up and not self._some(0.2):
            self._happen(self._event(i.MachineChanged, plc, state=int(Unit.EXECUTE), reason_class=0, reason=0))

    def _set_apart(self) -> None:
        plc = self._random.choice(self._hall.plcs())
        peer = self._state.plcs[plc]
        track = self._random.choice([*peer.tracks, *self._job_numbers(plc), 0, 1, 99])
        self._happen(i.Quarantined(plc, peer.epoch, peer.seq + self._random.randrange(0, 3), track, self._code(), "KeyError"))

    def _odds(self) -> None:
        self._happen(self._random.choice((i.ClockStepped(-5_000_000), i.StopRequested("test"), i.Tick())))

    def _answer_alarm(self) -> None:
        """A person answers an alarm that stands, or another; not always one that the role may."""
        open_ = [key for key, alarm in self._state.alarms.items() if alarm.raised]
        keys = [*open_[:4], *list(self._state.alarms)[:4], f"{self._random.choice(list(ALARMS))}/{self._hall.rack.plc}"]
        name, _, subject = self._random.choice(keys).partition("/")
        role = self._random.choice(("operator", "maintenance", "visitor"))
        acts = (
            i.AlarmAcknowledged("4711", role, "drawn", name, subject),
            i.AlarmAcknowledged("4711", role, "drawn", name, subject),
            i.AlarmShelved("4711", role, "drawn", name, subject, self._random.choice((0, 1, 5, 480, 481))),
            i.AlarmTakenOut("4711", role, "drawn", name, subject, self._random.random() < 0.5),
        )
        self._happen(self._random.choice(acts))

    def _judge_discrepancy(self) -> None:
        """Somebody looks into a discrepancy, the last ones first; or reports one."""
        numbers = [*list(self._state.discrepancies)[-6:], 0]
        person = self._random.choice(("4711", "4712", "4713", "packcenter"))
        role = self._random.choice(("operator", "supervisor", "supervisor", "visitor"))
        finding = self._random.choice(("found", "found", "explained", "lost_for_good", "forgotten"))
        items = [*list(self._state.items)[-9:], "none"]
        cause = self._random.choice(("missing", "damaged", "surplus", "lost"))
        if self._random.random() < 0.25:
            self._happen(i.DiscrepancyReported(person, role, "drawn", cause, self._random.choice(items)))
        else:
            self._happen(i.DiscrepancyJudged(person, role, "drawn", self._random.choice(numbers), finding))

    def _close_shift(self) -> None:
        """People count the hall, mostly right, and close the shift, mostly when they may."""
        lines = []
        for account, kinds in in_custody(self._state).items():
            mail_class, _, agency = account.partition("/")
            lines += [
                i.Counted(kind, mail_class, agency, kinds[kind] + (self._random.choice((-1, 1, 9)) if self._some(0.2) else 0))
                for kind in kinds
                if kind in ("hand", "lane", "cell", "bag") and not self._some(0.05)
            ]
        if self._some(0.1):
            lines.append(self._random.choice((i.Counted("hand", "letter", "none", 1), i.Counted("belt", "", "", 1), *lines)))
        if self._random.random() < 0.7:
            self._happen(i.ShiftCounted("4711", self._random.choice(("operator", "visitor")), "drawn", tuple(lines)))
        if self._random.random() < 0.7:
            for number in unsigned(self._state):
                self._happen(i.DiscrepancyJudged("4712", "supervisor", "drawn", number, "explained"))
            self._happen(i.ShiftEnded("4713", self._random.choice(("supervisor", "supervisor", "operator")), "drawn"))

    def _plans(self) -> tuple[str, ...]:
        return ("night", "night", "day", "day", *halls.PLANS)

    def _switch(self) -> None:
        """A person switches to a plan, often one that this hall cannot be sorted by."""
        role = self._random.choice(("operator", "supervisor", "engineer", "maintenance"))
        name = self._random.choice(self._plans())
        person = f"op-{self._random.randrange(9)}"
        self._happen(i.PlanSwitched(person, role, "asked", f"{name}.toml", halls.PLANS[name]))
        if self._some(0.1):
            self._happen(i.PlanWithheld(person, role, "asked", f"{name}.toml", self._random.choice([*WITHHELD])))

    # --- sorters -----------------------------------------------------------------------------------------------------

    def _code(self) -> str:
        """Something that a scanner may read: mostly an announced code, which may be anywhere by now."""
        if self._some(0.15):
            return self._random.choice(("", MASKED, "X1", "X2", "no_read:000001", f"X{self._random.randrange(40)}", "a" * 32))
        waiting = [
            item.id for item in self._state.items.values() if item.place in ("expected", "hand", "lost") and item.announced
        ]
        if waiting and not self._some(0.1):
            return self._random.choice(waiting)
        return f"NJ{self._random.randrange(1, self._items + 1):06d}"

    def _scan(self) -> None:
        sorter = self._random.choice(self._hall.sorters).plc
        self._tracks += 1
        track = self._tracks
        if self._some(0.05):
            track = self._random.choice([*(t for t in self._state.plcs[sorter].tracks if t >= 0), 0, _LONG_MAX])
        age_us = self._random.randrange(0, 300_000)
        if self._some(0.1):
            age_us = self._random.choice((1_800_000, 2_900_000, 5_800_001, 65_535_000, 2**62))
        outcome = self._random.choice((8, 9, 10, 77)) if self._some(0.08) else 0
        fields = {"track": track, "scanner": 1, "outcome": outcome, "grams": 0, "code": self._code(), "age_us": age_us}
        self._happen(self._event(i.Scanned, sorter, plc_ms=self._random.randrange(_WORD_MAX + 1), **fields))

    def _tracked(self) -> tuple[str, int, int]:
        """(sorter, track, lane asked for) of something on a belt, else of nothing."""
        riders = [
            (sorter.plc, track, self._state.items[name].lane)
            for sorter in self._hall.sorters
            for track, name in self._state.plcs[sorter.plc].tracks.items()
            if track >= 0
        ]
        if not riders or self._some(0.03):
            return self._random.choice(self._hall.sorters).plc, self._random.randrange(9), 1
        return self._random.choice(riders[:4])

    def _confirm(self) -> None:
        sorter, track, lane = self._tracked()
        disposition = 0
        if self._some(0.2):
            lane, disposition = self._random.choice(((9, 3), (9, 99), (1, 9), (2, 9), (3, 9), (77, 0), (0, 6)))
        self._happen(self._event(i.DivertConfirmed, sorter, track=track, lane=lane, disposition=disposition, ms=0))

    def _lose(self) -> None:
        sorter, track, _ = self._tracked()
        self._happen(self._event(i.TrackLost, sorter, track=track, eye=3))

    def _ghost(self) -> None:
        self._tracks += 1
        sorter = self._random.choice(self._hall.sorters).plc
        track = (
            self._tracks
            if not self._some(0.2)
            else self._random.choice([*(t for t in self._state.plcs[sorter].tracks if t >= 0), 0])
        )
        self._happen(self._event(i.GhostAppeared, sorter, track=track, eye=1))

    # --- baggers -----------------------------------------------------------------------------------------------------

    def _job_numbers(self, plc: str) -> list[int]:
        bagger = self._state.baggers.get(plc)
        jobs = (bagger.feeding, bagger.sealing) if bagger is not None else ()
        return [job.number for job in jobs if job is not None]

    def _fed(self) -> None:
        plcs = [b.plc for b in self._hall.baggers]
        waiting = [p for p in plcs if (job := self._state.baggers[p].feeding) is not None and not job.inside]
        if not waiting and not self._some(0.05):
            self._scan()
            return
        plc = self._random.choice(waiting or plcs)
        job = self._state.baggers[plc].feeding
        number = job.number if job is not None else 1
        code = self._state.items[job.item].code if job is not None else self._code()
        outcome, thickness = 0, 40
        if self._some(0.2):
            other = self._random.choice([*self._behind(plc), self._code()])
            reads = ((8, 0, ""), (0, 90, code), (0, _WORD_MAX, code), (0, 40, other), (0, 40, other))
            outcome, thickness, code = self._random.choice(reads)
            number = self._random.choice([*self._job_numbers(plc), number, 99])
        fields = {"job": number, "scanner": 1, "outcome": outcome, "thickness": thickness, "code": code}
        self._happen(self._event(i.Fed, plc, **fields))

    def _behind(self, plc: str) -> list[str]:
        """What stands behind another document in a lane of this bagger."""
        lanes = [(sorter.plc, lane) for sorter in self._hall.sorters for lane in sorter.lanes if lane.feeds == plc]
        return [name for sorter, lane in lanes for name in self._state.lanes[lane_place(sorter, lane.number)].items[1:]]

    def _packed(self) -> None:
        jobs = [
            (bagger.plc, job)
            for bagger in self._hall.baggers
            for job in (self._state.baggers[bagger.plc].sealing, self._state.baggers[bagger.plc].feeding)
            if job is not None and (job.inside or self._some(0.1))
        ]
        if not jobs:
            self._confirm()
            return
        plc, job = self._random.choice(jobs)
        pending = self._state.plcs[plc].pending.get(job.verdict)
        sealed = pending is not None and type(pending.command).__name__ == "SealParcel"
        label, grams, result = job.waybill, self._random.randrange(20, 50), 0 if sealed else 1
        if self._some(0.2):
            on_way = [item.waybill for item in self._state.items.values() if item.place in ("rack", "hand") and item.waybill]
            label = self._random.choice(("", MASKED, "EZ999999999CN", *on_way, *list(self._state.waybills)[-2:]))
        if self._some(0.1):
            grams, result = self._random.choice(((0, 0), (_LONG_MAX, 0), (300, 0), (30, 1), (30, 7), (30, 0)))
        self._happen(self._event(i.Packed, plc, job=job.number, result=result, grams=grams, label=label))

    # --- rack --------------------------------------------------------------------------------------------------------

    def _dropped(self) -> None:
        rack = self._hall.rack.plc
        drops = [p.command for p in self._state.plcs[rack].pending.values() if isinstance(p.command, Drop)]
        drop = self._random.choice(drops[:3]) if drops else None
        waybill, position = (drop.waybill, drop.position) if drop is not None else ("EZ999999999CN", 0)
        if drop is None and not self._some(0.05):
            self._confirm()
            return
        if self._some(0.25):
            waybill = self._random.choice((waybill, "", MASKED, "EZ999999999CN", *list(self._state.waybills)[-5:]))
            position = self._random.choice((0, 1, 2, 3, _WORD_MAX, position))
        self._happen(self._event(i.Dropped, rack, position=position, reason=0, grams=40, waybill=waybill))

    def _shut(self) -> None:
        rack = self._hall.rack.plc
        asked = [p.command.position for p in self._state.plcs[rack].pending.values() if isinstance(p.command, CloseBag)]
        if not asked and not (self._state.bags and self._some(0.1)):
            self._scan()
            return
        position = self._random.choice(asked or list(self._state.bags))
        reason, seal = 0, f"S{len(self.watch.steps)}"
        if self._some(0.15):
            used = next(iter(self._state.seals), "S1")
            reason, seal = self._random.choice(((0, ""), (1, ""), (9, ""), (1, seal), (0, MASKED), (0, used), (0, used)))
        fields = {"position": position, "reason": reason, "grams": 90, "seal": seal}
        self._happen(self._event(i.BagShut, rack, **fields))

    # --- any PLC -----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        asked = [(plc, number) for plc in self._hall.plcs() for number in self._state.plcs[plc].pending]
        plc, number = self._random.choice(asked or [(self._hall.rack.plc, 1)])
        self._happen(
            self._event(i.CommandEnded, plc, command=number, result=self._random.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 99)))
        )

    def _machine(self) -> None:
        plc = self._random.choice(self._hall.plcs())
        state = int(Unit.EXECUTE) if self._random.random() < 0.8 else self._random.choice([*range(20), _WORD_MAX])
        self._happen(self._event(i.MachineChanged, plc, state=state, reason_class=self._random.randrange(8), reason=1))

    def _place(self) -> None:
        plc = self._random.choice(self._hall.plcs())
        state = 0 if self._random.random() < 0.6 else self._random.choice((1, 2, 3, 99))
        self._happen(self._event(i.PlaceChanged, plc, place=self._random.choice((1, 2, 3, 9, 500)), state=state, items=1))

    def _jam(self) -> None:
        plc = self._random.choice(self._hall.plcs())
        self._happen(self._event(i.JamChanged, plc, track=0, zone=self._random.randrange(4), on=self._random.random() < 0.3))

    # --- people ------------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        """A person asks for something, mostly something that can be, in a role that mostly may."""
        role = self._random.choice(("supervisor", "supervisor", "operator", "engineer", "maintenance", "visitor"))
        by = {"person": f"op-{self._random.randrange(9)}", "role": role, "reason": "asked"}
        make = self._random.choice((self._lane_act, self._machine_act, self._bag_act, self._verdict, self._maintenance))
        self._happen(make(by))

    def _lane_act(self, by: dict[str, str]) -> i.Act:
        sorter = self._random.choice(self._hall.sorters)
        barred = [(sorter.plc, lane) for sorter in self._hall.sorters for lane in self._state.plcs[sorter.plc].barred]
        if barred and self._random.random() < 0.6:
            plc, lane = self._random.choice(barred)
            return i.LaneOrdered(**by, plc=plc, lane=lane, open=True)
        lane = self._random.choice((*(lane.number for lane in sorter.lanes), 77))
        plc = self._random.choice((sorter.plc, sorter.plc, sorter.plc, self._hall.rack.plc, "nowhere"))
        return i.LaneOrdered(**by, plc=plc, lane=lane, open=self._random.random() < 0.2)

    def _machine_act(self, by: dict[str, str]) -> i.Act:
        plc = self._random.choice((*self._hall.plcs(), "nowhere"))
        peer = self._state.plcs.get(plc)
        if peer is not None and peer.state <= Unit.COMPLETED and self._random.random() < 0.6:
            legal = [command for command in UnitCommand if LEGAL[command] >> peer.state & 1] or [UnitCommand.STOP]
            return i.MachineOrdered(**by, plc=plc, command=int(self._random.choice(legal)))
        return i.MachineOrdered(**by, plc=plc, command=self._random.choice((*range(12), _WORD_MAX)))

    def _bag_act(self, by: dict[str, str]) -> i.Act:
        return i.BagOrdered(**by, position=self._random.choice((*self._state.bags, 1, 2, 99)))

    def _verdict(self, by: dict[str, str]) -> i.Act:
        at_hand = [item for item in self._state.items.values() if item.place == "hand"]
        names = [item.id for item in at_hand] if at_hand and self._random.random() < 0.8 else [*self._state.items, "NJ-nobody"]
        verdict = self._random.choice((*HandVerdict, HandVerdict.CODE, *[HandVerdict.WITHDRAW] * 4, "burn"))
        if verdict == HandVerdict.WITHDRAW and self._random.random() < 0.7:
            names = [item.id for item in self._state.items.values() if item.place not in FINAL] or names
        strangers = [item.id for item in at_hand if not item.announced]
        if verdict == HandVerdict.CODE and strangers and self._random.random() < 0.8:
            names = strangers
        return i.VerdictPassed(**by, item=self._random.choice(names), verdict=str(verdict), code=self._code())

    def _maintenance(self, by: dict[str, str]) -> i.Act:
        plc = self._random.choice((*self._hall.plcs(), "nowhere"))
        if plc in self._state.plcs and self._random.random() < 0.7:  # it stands, as it must
            self._happen(self._event(i.MachineChanged, plc, state=int(Unit.HELD), reason_class=1, reason=1))
        minutes = self._random.choice((1, 30, 30, 480, 481, 0, 0, -5))
        return i.MaintenanceOrdered(**by, plc=plc, minutes=minutes)

    def _receipt(self) -> None:
        """A receipt comes back by hand or in a file, mostly of something that left; or somebody gives one up."""
        open_ = [name for name, each in self._state.receipts.items() if each.state in ("awaited", "overdue")]
        codes = [*open_[:5], *list(self._state.receipts)[:3], *list(self._state.waybills)[:3], "NJ-nobody"]
        code = self._random.choice(open_ if open_ and self._random.random() < 0.7 else codes)
        if self._random.random() < 0.3:
            others = [self._random.choice(codes) for _ in range(self._random.randrange(4))]
            self._happen(i.ReceiptsReceived(f"F{self._random.randrange(9)}", (code, *others)))
            return
        role = self._random.choice(("supervisor", "supervisor", "supervisor", "operator", "visitor"))
        self._happen(i.ReceiptTold("4711", role, "drawn", code, self._random.random() < 0.5))

    def _anything(self) -> None:
        """An event of any kind from any PLC with any words in it."""
        kind = self._random.choice([*_NAMES, i.Scanned])
        plc = self._random.choice(self._hall.plcs())
        fields: dict[str, object] = {}
        hints = get_type_hints(kind)
        for field in msgspec.structs.fields(kind):
            if field.name in ("plc", "epoch", "seq"):
                continue
            if hints[field.name] is str:
                fields[field.name] = self._random.choice((self._code(), *list(self._state.waybills)[-3:]))
            elif hints[field.name] is bool:
                fields[field.name] = self._random.random() < 0.5
            else:
                fields[field.name] = self._random.choice((0, 1, 2, 3, 8, 9, self._random.randrange(99), _WORD_MAX, _LONG_MAX))
        self._happen(self._event(kind, plc, **fields))


_Actions = list[Callable[[Walk], None]]
_CALM_TABLE: Final[dict[Callable[[Walk], None], int]] = {
    Walk._manifest: 4,
    Walk._scan: 14,
    Walk._confirm: 20,
    Walk._fed: 24,
    Walk._packed: 24,
    Walk._dropped: 24,
    Walk._shut: 8,
}
_WILD_TABLE: Final[dict[Callable[[Walk], None], int]] = _CALM_TABLE | {
    Walk._lose: 2,
    Walk._ghost: 2,
    Walk._link: 2,
    Walk._restart: 1,
    Walk._set_apart: 2,
    Walk._odds: 1,
    Walk._end: 3,
    Walk._machine: 5,
    Walk._place: 3,
    Walk._jam: 2,
    Walk._answer_alarm: 3,
    Walk._anything: 4,
    Walk._act: 6,
    Walk._judge_discrepancy: 4,
    Walk._close_shift: 2,
    Walk._switch: 2,
    Walk._receipt: 1,
}
_CALM: Final[_Actions] = list(_CALM_TABLE)
_CALM_WEIGHTS: Final = list(_CALM_TABLE.values())
_ACTIONS: Final[_Actions] = list(_WILD_TABLE)
_WEIGHTS: Final = list(_WILD_TABLE.values())
