"""
Letters to few addressees, and a plan that combines them: halls with a case rack, in the runs that have the class `letters`.

No other run has them; so those that were kept before mean what they meant.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from packcenter.config.build import plan_digest
from packcenter.core import hall as h
from simulation.demand import Row
from simulation.draws import Stream

NAME: Final = "letters"
_CLASS: Final = "letter"
_POUCH: Final = 3


def with_letters(hall: h.Hall, hard: int) -> h.Hall:
    """The hall with rules that combine what they take of letters, which wait for a minute or up to three; and cells for them."""
    plan = hall.plan
    rules = tuple(
        replace(rule, combine_minutes=hard, combine_pouch=_POUCH) if rule.mail_classes == (_CLASS,) else rule
        for rule in plan.rules
    )
    made = replace(plan, rules=rules)
    racks = tuple(replace(rack, cells=2 * rack.cells) for rack in hall.case_racks)
    return replace(hall, plan=replace(made, digest=plan_digest(made)) if plan.digest else made, case_racks=racks)


def addressed(files: dict[str, list[Row]], seed: int) -> dict[str, list[Row]]:
    """
    The same rows; what is of no case is letters to one of a few addressees, and most of them go where that one lives.

    A few keep a waybill, or another place or service than the others to their addressee: they leave alone.
    """
    stream = Stream(seed, "explore/letters")
    addressees = 1 + stream.below(3)
    lives: dict[str, Row] = {}

    def to(row: Row) -> Row:
        number, odd = stream.below(addressees), stream.below(12)
        if row.case:
            return row
        row = row._replace(mail_class=_CLASS)
        token = f"A-{number:06d}"
        like = lives.setdefault(f"{row.agency} {token}", row)
        if odd:
            row = row._replace(destination=like.destination, service=like.service)
        return row._replace(addressee_token=token, waybill=row.waybill if odd == 1 else "")

    return {name: [to(row) for row in rows] for name, rows in files.items()}
