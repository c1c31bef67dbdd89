"""
The cyclic garbage collector, which has next to nothing to do here: records hold no cycles, and counting frees the rest.

A full round looks at all that is loaded, for 50 ms in which no decision leaves, and finds nothing. So what is loaded is
taken out of its rounds. What comes later is looked at as ever.
"""

from __future__ import annotations

import gc


def settle(*, batch: bool = False) -> None:
    """Call when everything that stays is loaded. `batch`: a command that runs to its end needs few rounds at all."""
    gc.freeze()
    if batch:
        gc.set_threshold(20_000, 20, 20)
