"""What telegrams on one cable meet just now."""

from __future__ import annotations


class Rates:
    """How often a telegram meets a fault, in thousandths; all 0 on a sound cable. `cut`: nothing goes through at all."""

    __slots__ = ("corrupt", "cut", "cut_frame", "delay", "drop", "duplicate", "lost_ways", "reset")

    def __init__(self) -> None:
        self.drop = self.delay = self.duplicate = self.corrupt = self.cut_frame = self.reset = 0
        self.lost_ways: frozenset[str] = frozenset()  # half-open: requests or replies vanish
        self.cut = False

    @property
    def sound(self) -> bool:
        """Whether telegrams simply arrive."""
        return not (
            self.drop
            or self.delay
            or self.duplicate
            or self.corrupt
            or self.cut_frame
            or self.reset
            or self.cut
            or self.lost_ways
        )
