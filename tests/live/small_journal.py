"""
`packcenter run` with a journal of small segments and a snapshot every few seconds, so that kills meet both.

Run as a program with the arguments of `packcenter run`.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from packcenter.cli import main, serving
from packcenter.config.build import Configuration
from packcenter.service.service import Setup

SEGMENT_BYTES = 256 << 10
SNAPSHOT_EVERY = 150

_setup_of = serving.setup_of


def setup_of(configuration: Configuration, options: serving.Options) -> Setup:
    """The parts of the service as they are, but for the two sizes."""
    return replace(_setup_of(configuration, options), segment_bytes=SEGMENT_BYTES, snapshot_every=SNAPSHOT_EVERY)


if __name__ == "__main__":
    serving.setup_of = setup_of
    sys.exit(main.run(sys.argv[1:]))
