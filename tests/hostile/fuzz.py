"""
Fuzz both protocols in both directions: `python tests/hostile/fuzz.py --modbus 1000000 --opcua 200000 --direction both`.

`client` is what a hostile server says to our links, `server` what a hostile client says to our PLCs' servers. The bulk runs in
one process without sockets: real wires and real servers on transports that keep bytes. Prints a summary as JSON for each
run; exits 1 if anything wrong was accepted, anything unexpected raised, or anything took over a second.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from fuzz_report import Findings  # noqa: E402 - found only now

Fuzzer = Callable[[int, int, Findings], Awaitable[None]]


def fuzzers(protocol: str) -> dict[str, Fuzzer]:
    """The two directions of a protocol."""
    if protocol == "modbus":
        import fuzz_modbus

        return {"client": fuzz_modbus.fuzz_client, "server": fuzz_modbus.fuzz_server}
    import fuzz_opcua

    return {"client": fuzz_opcua.fuzz_client, "server": fuzz_opcua.fuzz_server}


def run(protocol: str, direction: str, seed: int, count: int, progress_s: float = 0) -> Findings:
    """Run one fuzzer to its end."""
    fuzz = fuzzers(protocol)[direction]  # which loads the libraries, so that they do not count as growth
    findings = Findings(f"{protocol} {direction}, seed {seed}", progress_s)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: _complain(findings, context))
        await fuzz(seed, count, findings)

    with quiet():
        asyncio.run(main())
    return findings


def _complain(findings: Findings, context: dict[str, object]) -> None:
    """What the loop would log: an exception that nobody took."""
    error = context.get("exception")
    if isinstance(error, Exception):
        findings.unexpected(error, {"message": str(context.get("message"))})


@contextmanager
def quiet() -> Iterator[None]:
    """The libraries complain of every frame, at length; here they do not."""
    loggers = [logging.getLogger(name) for name in ("asyncua", "pymodbus", "pymodbus.logging", "asyncio")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modbus", type=int, default=0, metavar="FRAMES")
    parser.add_argument("--opcua", type=int, default=0, metavar="SESSIONS")
    parser.add_argument("--direction", choices=("client", "server", "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    failed = False
    for protocol, count in (("modbus", asked.modbus), ("opcua", asked.opcua)):
        for direction in ("client", "server"):
            if count and asked.direction in (direction, "both"):
                findings = run(protocol, direction, asked.seed, count, progress_s=10)
                findings.tell()
                failed |= bool(findings.faults or findings.slow)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
