"""Prints one digest of everything that three walks led to; `test_core_determinism` runs it in other interpreters."""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from walks import Walk

from packcenter.core.state import encode_state

_ENCODER = msgspec.msgpack.Encoder()


def digest(steps: int = 400) -> str:
    """BLAKE2b over inputs, facts, commands and last states of a calm walk and two wild ones."""
    seen = blake2b(digest_size=16)
    for walk in (Walk(11, calm=True, thorough_every=1000), Walk(12, thorough_every=1000), Walk(13, thorough_every=1000)):
        for _ in range(steps):
            walk.step()
        for step in walk.watch.steps:
            seen.update(_ENCODER.encode((step.at_us, step.happened, step.outcome)))
        seen.update(encode_state(walk.watch.controller.state))
    return seen.hexdigest()


if __name__ == "__main__":
    print(digest())
