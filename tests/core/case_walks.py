"""Random walks in a hall with a case rack: what `walks` does, and documents of cases, cells and parcels of several documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import halls
import walks

from packcenter.core import inputs as i
from packcenter.core.commands import Release
from packcenter.core.hall import Hall
from packcenter.core.records import cell_place

_RACK: Final = "cases-1"


class CaseWalk(walks.Walk):
    """One walk in the hall with a case rack."""

    def __init__(self, seed: int, *, calm: bool = False, thorough_every: int = 1, hall: Hall = halls.CASES) -> None:
        self._cases = 0
        self._stuck: list[int] = []  # cells whose counter counts one too many, whenever it does
        super().__init__(seed, calm=calm, thorough_every=thorough_every, hall=hall)

    def _actions(self) -> tuple[list[Callable[[walks.Walk], None]], list[int]]:
        actions, weights = super()._actions()
        more = (CaseWalk._stored, CaseWalk._released, CaseWalk._sticks)
        return [*actions, *more], [*weights, 24, 14, 1]  # type: ignore[list-item]

    def _halls(self) -> tuple[str, ...]:
        return ("cases", "cases", "small")

    def _manifest(self) -> None:
        """Mostly the documents of some cases; the last may be missing, one too many, or differ."""
        if self._random.random() < 0.3:
            super()._manifest()
            return
        self._manifests += 1
        lines: list[i.Line] = []
        for _ in range(self._random.randrange(1, 4)):
            self._cases += 1
            name = f"{self._random.choice(('NB', 'NB', 'PAIR', 'OT'))}-{self._cases:04d}"
            size = 2 if name.startswith("PAIR") else self._random.randrange(2, 4)
            waybill = f"EB{self._cases:08d}6CN" if self._random.random() < 0.3 else ""
            count = size + (self._random.choice((-1, -1, 0, 0, 1)) if not self._calm else 0)
            if self._some(0.2):  # one more of an earlier case
                name = f"NB-{self._random.randrange(1, self._cases + 1):04d}"
            lines += [self._case_line(name, size, waybill, at) for at in range(count)]
        if lines:
            self._random.shuffle(lines)
            self._happen(i.ManifestReceived(f"M{self._manifests}", 1, 1, 0, "digest", tuple(lines)))

    def _case_line(self, name: str, size: int, waybill: str, at: int) -> i.Line:
        self._items += 1
        mail_class = ("letter", "id_card")[at % 2]
        agency = "police" if mail_class == "id_card" else "tax"
        size += self._some(0.03)
        due_us = self._at_us + self._random.randrange(-600, 6000) * 1_000_000 if self._random.random() < 0.3 else 0
        postcode = 210005 if not self._some(0.05) else 215001
        return i.Line(f"NJ{self._items:06d}", mail_class, agency, waybill, postcode, "ems", name, size, due_us)

    def _fed(self) -> None:
        """Mostly one of the documents that are expected and not fed yet."""
        jobs = [
            (bagger.plc, job)
            for bagger in self._hall.baggers
            if (job := self._state.baggers[bagger.plc].feeding) is not None and job.others and not job.verdict
        ]
        if not jobs or self._some(0.1):
            super()._fed()
            return
        plc, job = self._random.choice(jobs)
        left = [name for name in job.expected() if name not in job.contents()]
        code = self._random.choice([*left, *left, *job.expected()] if self._some(0.2) else left)
        outcome, thickness = (8, 40) if self._some(0.05) else (0, 40)
        if self._some(0.05):
            code = self._code()
        self._happen(
            self._event(i.Fed, plc, job=job.number, scanner=1, outcome=outcome, thickness=thickness, code="" if outcome else code)
        )

    def _stored(self) -> None:
        job = self._state.case_racks[_RACK].storing if _RACK in self._hall.plcs() else None
        if job is None:
            self._confirm()
            return
        cell, code, outcome, number = job.cell, self._state.items[job.item].code, 0, job.number
        if self._some(0.08):
            cell = self._random.choice((0, 1, 2, 3, 9))
        if self._some(0.1):
            code, outcome = self._random.choice(((self._code(), 0), ("", 8), (code, 0), (code, 9)))
        if self._some(0.03):
            number = self._random.choice((0, number + 1))
        held = self._state.cells.get(cell_place(_RACK, cell))
        items = (len(held.items) + 1 if held is not None else 0) + self._some(0.05)
        fields = {"job": number, "cell": cell, "outcome": outcome, "items": items + (cell in self._stuck), "code": code}
        self._happen(self._event(i.Stored, _RACK, **fields))

    def _released(self) -> None:
        asked = [p.command for p in self._state.plcs[_RACK].pending.values() if isinstance(p.command, Release)]
        if not asked or _RACK not in self._hall.plcs():
            self._fed()
            return
        release = self._random.choice(asked)
        cell, outlet, number = release.cell, release.outlet, release.number
        if self._some(0.05):
            outlet = self._random.choice((0, 1, 2))
        if self._some(0.03):
            cell, number = self._random.choice((1, 2, 3)), self._random.choice((number, number + 1, 0))
        held = self._state.cells.get(cell_place(_RACK, cell))
        items = len(held.items) if held is not None else 0
        if self._some(0.08):
            items = max(0, items - 1)
        items += cell in self._stuck
        self._happen(self._event(i.Released, _RACK, job=number, cell=cell, outlet=outlet, items=items))

    def _sticks(self) -> None:
        """The counter of a cell breaks, or is mended."""
        cell = self._random.randrange(1, 4)
        if cell in self._stuck:
            self._stuck.remove(cell)
        elif not self._calm:
            self._stuck.append(cell)


class LetterWalk(CaseWalk):
    """One walk in that hall with a plan that combines letters: most of what comes is letters to few addressees."""

    def __init__(self, seed: int, *, calm: bool = False, thorough_every: int = 1) -> None:
        super().__init__(seed, calm=calm, thorough_every=thorough_every, hall=halls.LETTERS)

    def _halls(self) -> tuple[str, ...]:
        return ("letters",) * 9 + ("cases",)

    def _plans(self) -> tuple[str, ...]:
        return ("alone", "moved", "hasty", "hasty", "hasty", "hasty")

    def _manifest(self) -> None:
        """Mostly letters, of which several are for one addressee; now and then cases, which need the cells, too."""
        if self._random.random() < 0.15:
            super()._manifest()
            return
        self._manifests += 1
        lines = []
        for _ in range(self._random.randrange(1, 6)):
            self._items += 1
            token = f"A{self._random.randrange(1, 4):05d}" if not self._some(0.1) else ""
            mail_class = "letter" if not self._some(0.1) else "id_card"
            waybill = f"EC{self._items:08d}6CN" if self._some(0.1) else ""
            postcode = self._random.choice((210005, 210005, 210005, 210005, 210005, 215001))
            service = self._random.choice(("ems", "ems", "ems", "ems", "ems", "receipt-requested"))
            due_us = self._at_us + self._random.randrange(-600, 6000) * 1_000_000 if self._some(0.2) else 0
            agency = "police" if mail_class == "id_card" else "tax"
            name = f"NJ{self._items:06d}"
            lines.append(i.Line(name, mail_class, agency, waybill, postcode, service, "", 0, due_us, "", token))
        self._happen(i.ManifestReceived(f"M{self._manifests}", 1, 1, 0, "digest", tuple(lines)))
