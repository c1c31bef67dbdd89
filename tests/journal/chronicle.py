"""
What the journal of a small hall holds, record by record, whatever crashes come between: the truth to compare with.

Record `n` depends on the seed and on `n` alone. So after any crash the hall goes on with the record after the last
one that was found, and what is found must be the beginning of this list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from packcenter.core import inputs as i
from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.core.hall import (
    Bagger,
    BagLimits,
    Destination,
    Group,
    Hall,
    Lane,
    MailClass,
    Plan,
    Position,
    Rack,
    Rule,
    Sorter,
    Waybills,
)
from packcenter.core.state import encode_state
from packcenter.journal import frames
from packcenter.journal.frames import Draft
from simulation.draws import Stream

_Event = TypeVar("_Event")
BEGIN_US: Final = 1_772_413_200_000_000

HALL: Final = Hall(
    name="small",
    centre="NJ",
    utc_offset_minutes=480,
    agencies=("tax",),
    mail_classes=(MailClass("letter", False, 5, 200, 1),),
    sorters=(
        Sorter(
            "sorter-1", 1000, 3000, 100, 10, 90, 1000, (Lane(1, "bagger-1", 1, 2000, 3, True), Lane(9, "", 0, 3000, 20, True)), 9
        ),
    ),
    baggers=(Bagger("bagger-1", 5000, 6000),),
    rack=Rack("rack-1", (Position(1, "nanjing"),), 0, 60_000, 20_000),
    waybills=Waybills("EA", 1, 99, "CN"),
    plan=Plan(
        version="plan-1",
        destinations=(Destination("nanjing", ((210000, 211999),)),),
        groups=(Group("all", (("sorter-1", 1),), "first", ()),),
        rules=(Rule("everything", (), (), (), (), "all"),),
        bags=BagLimits(3, 400, ()),
    ),
)


class Chronicle:
    """
    `drafts[n - 1]` is record `n`; `states[n]` the packed state and `digests[n]` the decision digest after it.

    `bodies[n - 1]` is the record's body alone.
    """

    def __init__(self, seed: int, count: int) -> None:
        self._luck = Stream(seed, "chronicle")
        self._controller = Controller()
        self._items = 0
        self._at_us = BEGIN_US
        self.drafts: list[Draft] = []
        self.states = [encode_state(self._controller.state)]
        self.digests = [frames.GENESIS]
        self._happen(i.Started(1, "0.1.0", HALL, "digest"))
        for plc in ("sorter-1", "bagger-1", "rack-1"):
            self._happen(i.LinkUp(plc, 1 + self._luck.below(1 << 31), 0))
        while len(self.drafts) < count:
            self._happen(self._next())
        self.bodies = [draft.body for draft in self.drafts]

    def _happen(self, happened: i.Input) -> None:
        self._at_us += 1 + self._luck.below(2_000_000)
        outcome = self._controller.step(self._at_us, happened)
        body, decision_at = record.encode(happened, outcome)
        plc, epoch, seq = getattr(happened, "plc", ""), getattr(happened, "epoch", 0), getattr(happened, "seq", 0)
        self.drafts.append(Draft(self._at_us, self._at_us - BEGIN_US, self._at_us + 7, plc, epoch, seq, body, decision_at))
        self.states.append(encode_state(self._controller.state))
        self.digests.append(frames.digest_after(self.digests[-1], body[decision_at:]))

    def _next(self) -> i.Input:
        """Short and long records: a manifest has kilobytes, a tick next to nothing."""
        luck = self._luck
        due_us = self._controller.next_deadline_us()
        if due_us is not None and due_us <= self._at_us:
            return i.Tick()
        kind = luck.below(12)
        if kind == 0:
            return self._manifest()
        if kind <= 4:
            code = f"NJ{1 + luck.below(self._items + 2):06d}"
            track = 1 + luck.below(60_000)
            return self._event(
                i.Scanned, "sorter-1", track=track, scanner=1, outcome=0, grams=20, code=code, age_us=900, plc_ms=5
            )
        if kind == 5:
            track = next(iter(self._controller.state.plcs["sorter-1"].tracks), 7)
            return self._event(i.DivertConfirmed, "sorter-1", track=track, lane=1, disposition=0, ms=9)
        if kind == 6:
            return self._event(i.JamChanged, "bagger-1", track=0, zone=3, on=luck.below(2) == 1)
        if kind == 7:
            return self._event(i.PlaceChanged, "sorter-1", place=1, state=luck.below(2), items=luck.below(4))
        if kind == 8:
            return self._event(i.ConsumableRead, "bagger-1", consumable=1, percent=luck.below(101))
        return i.ClockStepped(luck.below(9)) if kind == 9 else i.Tick()

    def _event(self, kind: Callable[..., _Event], plc: str, /, **fields: object) -> _Event:
        peer = self._controller.state.plcs[plc]
        return kind(plc=plc, epoch=peer.epoch, seq=peer.seq + 1, **fields)

    def _manifest(self) -> i.Input:
        lines = []
        for _ in range(self._luck.between(1, 9)):
            self._items += 1
            lines.append(i.Line(f"NJ{self._items:06d}", "letter", "tax", "", 210_000 + self._luck.below(900), "ems", "", 0, 0))
        return i.ManifestReceived(f"tax-{self._items}", 1, 1, 0, f"{self._items:064x}", tuple(lines))
