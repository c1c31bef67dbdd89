"""The real ports, on this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pymodbus.exceptions import ModbusException

from packcenter import ports
from packcenter.real import RealClock, RealDisk, RealIds, RealNet, RealRandom, kind_of_mount


def test_the_real_ports_are_ports(tmp_path: Path) -> None:
    """Checked by mypy too: each assignment holds only if every method is there with its types."""
    clock: ports.Clock = RealClock()
    random: ports.Random = RealRandom()
    ids: ports.Ids = RealIds()
    disk: ports.Disk = RealDisk(tmp_path)
    net: ports.Net = RealNet()
    assert all([clock, random, ids, disk, net])


# --- clock, luck, ids ---


def test_the_monotonic_clock_never_goes_back() -> None:
    clock = RealClock()
    seen = [clock.mono_us() for _ in range(1000)]
    assert seen == sorted(seen)


def test_the_wall_clock_is_in_microseconds_since_1970() -> None:
    assert 1_600_000_000_000_000 < RealClock().wall_us() < 4_000_000_000_000_000


def test_sleeping_takes_at_least_as_long_as_asked() -> None:
    clock = RealClock()

    async def run() -> None:
        for us in (-5, 0, 1, 999, 5_000):
            began = clock.mono_us()
            await clock.sleep_us(us)
            assert clock.mono_us() - began >= us

    asyncio.run(run())


def test_sleeping_goes_on_when_the_loop_wakes_it_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio may call a timer a clock tick too soon; a pause that a link owes its PLC must not end by that."""
    clock = RealClock()
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(seconds / 2))
    began = clock.mono_us()
    asyncio.run(clock.sleep_us(5_000))
    assert clock.mono_us() - began >= 5_000


def test_luck_stays_below_and_reaches_every_number() -> None:
    assert {RealRandom().below(3) for _ in range(300)} == {0, 1, 2}


def test_a_nonce_is_never_zero_and_fits_32_bits() -> None:
    seen = {RealIds().nonce() for _ in range(2000)}
    assert len(seen) > 1990
    assert min(seen) >= 1
    assert max(seen) < 1 << 32


def test_a_nonce_covers_both_ends_of_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    for drawn, nonce in ((lambda n: 0, 1), (lambda n: n - 1, 0xFFFF_FFFF)):
        monkeypatch.setattr("secrets.randbelow", drawn)
        assert RealIds().nonce() == nonce


# --- disk ---


def test_a_folder_is_made_with_all_above_it(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    assert disk.where() == tmp_path / "a" / "b" / "c"
    RealDisk(tmp_path / "a" / "b" / "c")


def test_a_folder_that_is_made_is_durable_in_the_one_that_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """J1: a power loss that takes the folder takes the journal in it."""
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink()))
    RealDisk(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]
    RealDisk(tmp_path / "a" / "b")
    assert len(synced) == 2


def test_a_file_keeps_what_is_written_where_it_is_written(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path)
    file = disk.open("x", create=True)
    file.pwrite(b"world", 6)
    file.pwrite(b"hello ", 0)
    file.fdatasync()
    assert (file.size(), file.pread(99, 0), file.pread(3, 6)) == (11, b"hello world", b"wor")
    file.truncate(5)
    assert (file.size(), file.pread(99, 0), file.pread(1, 50)) == (5, b"hello", b"")
    file.close()
    file.close()
    assert disk.open("x", create=True).size() == 5


def test_files_are_listed_renamed_over_each_other_and_removed(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path)
    for name in ("b", "a", "c"):
        file = disk.open(name, create=True)
        file.pwrite(name.encode(), 0)
        file.close()
    (tmp_path / "folder").mkdir()
    assert disk.list() == ["a", "b", "c"]
    disk.rename("a", "b")
    disk.remove("c")
    disk.sync_directory()
    assert disk.list() == ["b"]
    assert disk.open("b", create=False).pread(9, 0) == b"a"


def test_a_file_that_is_not_there_is_not_made_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RealDisk(tmp_path).open("x", create=False)


@pytest.mark.parametrize("name", ["a/b", "../x", "", ".", ".."])
def test_a_name_that_leaves_the_folder_is_our_mistake(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssertionError, match="is not the name of a file in one folder"):
        RealDisk(tmp_path).open(name, create=True)


def test_short_reads_and_writes_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system may do less than asked, at most 2 GiB at once on Linux."""
    pread, pwrite = os.pread, os.pwrite
    monkeypatch.setattr("os.pread", lambda fd, count, offset: pread(fd, min(count, 7), offset))
    monkeypatch.setattr("os.pwrite", lambda fd, content, offset: pwrite(fd, content[:5], offset))
    file = RealDisk(tmp_path).open("x", create=True)
    content = bytes(range(100))
    file.pwrite(content, 3)
    assert file.pread(100, 3) == content
    assert file.pread(500, 0) == b"\0\0\0" + content


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that cannot be synced")
def test_a_failed_sync_is_raised() -> None:
    file = RealDisk(Path("/proc/self"), read_only=True).open("stat", create=False)
    with pytest.raises(OSError, match="Invalid argument"):
        file.fdatasync()
    file.close()


def test_a_write_beyond_the_allowed_size_is_raised_as_such(tmp_path: Path) -> None:
    """A full disk without being root: the operating system's limit on file size."""
    script = (
        "import resource, sys, pathlib, signal\n"
        "from packcenter.real import RealDisk\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "file = RealDisk(pathlib.Path(sys.argv[1])).open('x', create=True)\n"
        "try:\n"
        "    file.pwrite(bytes(5000), 0)\n"
        "except OSError as error:\n"
        "    print(error.errno, file.size())\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["27", "1000"]


def test_the_lock_names_its_holder_until_it_is_given_back(tmp_path: Path) -> None:
    first, second = RealDisk(tmp_path), RealDisk(tmp_path)
    assert first.lock("pid 1 packcenter run, since 08:00") is None
    assert second.lock("pid 2") == "pid 1 packcenter run, since 08:00"
    first.unlock()
    first.unlock()
    assert second.lock("pid 2") is None
    assert first.lock("pid 1") == "pid 2"
    second.unlock()


def test_a_holder_that_left_no_name_still_holds(tmp_path: Path) -> None:
    first = RealDisk(tmp_path)
    first.lock("")
    assert RealDisk(tmp_path).lock("me") == "a process that left no name"
    first.unlock()


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from packcenter.real import RealDisk\n"
        "print(RealDisk(pathlib.Path(sys.argv[1])).lock('the other'), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "None\n"
        disk = RealDisk(tmp_path)
        assert disk.lock("me") == "the other"
        other.kill()
        other.wait(timeout=60)
    assert disk.lock("me") is None
    disk.unlock()


def test_a_read_only_folder_changes_nothing(tmp_path: Path) -> None:
    RealDisk(tmp_path).open("x", create=True).pwrite(b"1", 0)
    tool = RealDisk(tmp_path, read_only=True)
    file = tool.open("x", create=True)
    assert file.pread(1, 0) == b"1"
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.pwrite(b"2", 0)
    with pytest.raises(FileNotFoundError):
        tool.open("y", create=True)
    with pytest.raises(PermissionError, match="was opened for reading only"):
        tool.rename("x", "y")
    with pytest.raises(PermissionError, match="was opened for reading only"):
        tool.remove("x")
    with pytest.raises(PermissionError, match="was opened for reading only"):
        tool.lock("me")
    RealDisk(tmp_path / "absent", read_only=True)
    assert tool.list() == ["x"]
    assert not (tmp_path / "absent").exists()


def test_free_space_is_part_of_all_space(tmp_path: Path) -> None:
    free, total = RealDisk(tmp_path).free_bytes()
    assert 0 <= free <= total
    assert total > 0


MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:20 / /dev/shm rw - tmpfs tmpfs rw
24 22 0:21 / /srv/post rw,relatime shared:7 master:2 - nfs4 nas:/post rw,vers=4.2
25 24 8:2 / /srv/post/my\040disk rw - xfs /dev/sdb1 rw
26 22 0:22 / /srv/over rw - ext4 /dev/sdc1 rw
27 22 0:23 / /srv/over rw - overlay overlay rw
28 22 0:24 / /srv/\345\260\201 rw - btrfs /dev/sdd1 rw
this is no mount
29 22 0:25 / /srv/x rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/var/lib", "ext4"),
        ("/dev/shm/x", "tmpfs"),
        ("/srv/post", "nfs4"),
        ("/srv/posted", "ext4"),
        ("/srv/post/my disk/journal", "xfs"),
        ("/srv/over/x", "overlay"),
        ("/srv/封/x", "btrfs"),
        ("/srv/x", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert kind_of_mount(MOUNTS, Path(path)) == kind


def test_a_file_system_that_cannot_be_told_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind_of_mount("", Path("/")) == "unknown"

    def refuse(*args: object, **named: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert RealDisk(tmp_path).kind() == "unknown"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_machines_file_system_is_told(tmp_path: Path) -> None:
    seen = subprocess.run(["stat", "-f", "-c", "%T", str(tmp_path)], capture_output=True, text=True, check=True, timeout=60)
    told = RealDisk(tmp_path).kind()
    assert told in {"ext2/ext3": ("ext2", "ext3", "ext4")}.get(seen.stdout.strip(), (seen.stdout.strip(),))
    if Path("/dev/shm").is_dir():
        assert RealDisk(Path("/dev/shm"), read_only=True).kind() == "tmpfs"


# --- net ---


def test_an_opcua_client_does_nothing_on_its_own() -> None:
    client = RealNet().opcua_client("opc.tcp://127.0.0.1:4840/", timeout_s=0.7)
    assert client._watchdog_intervall == 10.0
    assert client._auto_reconnect is False
    assert client.session_timeout == 60_000
    assert client.uaclient._timeout == 0.7


def test_a_modbus_client_sends_nothing_twice_and_does_not_reconnect() -> None:
    """A peer that takes a request and never answers it sees it once."""

    async def run() -> None:
        requests: list[bytes] = []
        gone = asyncio.Event()

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while chunk := await reader.read(1000):
                requests.append(chunk)
            writer.close()
            gone.set()

        server = await asyncio.start_server(deaf, "127.0.0.1", 0)
        client = RealNet().modbus_client("127.0.0.1", server.sockets[0].getsockname()[1], timeout_s=0.1)
        assert client.ctx.comm_params.reconnect_delay == 0
        assert await client.connect()
        with pytest.raises(ModbusException, match="No response received"):
            await client.read_holding_registers(0, count=1)
        client.close()
        await asyncio.wait_for(gone.wait(), 30)
        assert len(requests) == 1
        server.close()
        await server.wait_closed()

    asyncio.run(run())


def test_clients_connect_nothing_when_they_are_made() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        port = listening.getsockname()[1]
        RealNet().opcua_client(f"opc.tcp://127.0.0.1:{port}/", timeout_s=1)

        async def modbus() -> None:
            RealNet().modbus_client("127.0.0.1", port, timeout_s=1)

        asyncio.run(modbus())
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_a_listening_socket_takes_clients_and_its_port_can_be_taken_again_at_once() -> None:
    """The server ends the connection first, so that its side waits; a restarted service must still get the port."""
    first = RealNet().listen("127.0.0.1", 0)
    port = first.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        served, _ = first.accept()
        served.close()
        first.close()
        assert client.recv(1) == b""
    second = RealNet().listen("127.0.0.1", port)
    with pytest.raises(OSError, match="already in use"):
        RealNet().listen("127.0.0.1", port)
    second.close()


def test_importing_the_ports_loads_neither_protocol_library() -> None:
    script = "import sys, packcenter.real\nprint([m for m in ('asyncua', 'pymodbus') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
