"""
Prints one digest of a virtual hall in which everything happens that network, disk and computers can do.

    python -m simulation.virtual.digest [seed]

It covers every record of the journal and every byte on every cable, with their times, and is the same on every Python
and under every hash seed, or order is luck somewhere.
"""

from __future__ import annotations

import sys
from hashlib import blake2b

from simulation.draws import Stream
from simulation.virtual.hall import HallSettings, VirtualHall, dense_day, reference_hall, run_hall
from simulation.virtual.net import Link

_SECOND_US = 1_000_000


async def eventful(hall: VirtualHall) -> str:
    """Half a minute in which everything happens once; the digest of all that was recorded and said."""
    said = blake2b(digest_size=16)

    def hear(link: Link, to_server: bool, connection: int, content: bytes) -> None:
        said.update(f"{hall.loop.now_us} {link.name} {to_server:d} {connection} {len(content)} ".encode() + content)

    hall.network.observer = hear
    luck = Stream(hall.settings.seed, "digest")
    await hall.open()
    hall.start_service()
    hall.bring_manifests()
    assert await hall.until(hall.ready, 20 * _SECOND_US), "the hall did not get ready"
    hall.release()
    await hall.sleep_us(5 * _SECOND_US)
    hall.kill_service()
    await hall.sleep_us(_SECOND_US // 2)
    hall.start_service()
    await hall.sleep_us(2 * _SECOND_US)
    hall.links["bagger-3"].stall()
    hall.links["sorter-2"].spoil(to_server=False, cut_after=100)
    hall.links["bagger-1"].reset()
    await hall.sleep_us(2 * _SECOND_US)
    hall.links["bagger-3"].restore()
    hall.links["rack-1"].spoil(to_server=True, piece_bytes=7)
    hall.links["bagger-2"].spoil(to_server=False, flip_after=500)
    hall.clock.step_wall(-7_200 * _SECOND_US)
    await hall.sleep_us(2 * _SECOND_US)
    await hall.reboot("sorter-1", off_us=_SECOND_US)
    hall.kill_service(power=luck)
    await hall.sleep_us(2 * _SECOND_US)
    hall.start_service()
    await hall.sleep_us(2 * _SECOND_US)
    hall.pause_service()
    await hall.sleep_us(3 * _SECOND_US)
    hall.resume_service()
    hall.kill_at_disk_operation(9)
    await hall.sleep_us(2 * _SECOND_US)
    if hall.life is None:
        hall.start_service()
    for link in hall.links.values():
        link.restore()
    await hall.sleep_us(10 * _SECOND_US)
    assert await hall.settle(), "the hall did not settle"
    assert not hall.loop.complaints, hall.loop.complaints
    said.update(hall.digest().encode())
    return said.hexdigest()


def main(seed: int) -> str:
    """The digest of a seed."""
    blueprint = reference_hall(speed=10)
    day = dense_day(blueprint.hall, seed, 600, over_s=300)
    return run_hall(eventful, blueprint, day, HallSettings(seed=seed, speed=10))


if __name__ == "__main__":
    print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
