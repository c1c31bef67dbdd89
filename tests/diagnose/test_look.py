"""Looking at real PLC servers: what a sound one gives, what each fault looks like, and that nothing is changed by looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from plcbench import CLOCK, DIGEST, Bench, SimulatedPlc, free_port, settings_of

from packcenter.diagnose.checks import diagnose, is_unreachable
from packcenter.diagnose.evidence import Evidence, WriteTest
from packcenter.diagnose.finding import Level
from packcenter.diagnose.probe import EXCHANGES, Direct
from packcenter.plc.image import InImage, encode_in
from packcenter.plc.link import LinkSettings
from packcenter.plc.mailbox import Cause
from packcenter.real import RealNet
from simulation.lineplc import Counts
from simulation.servers.opcua import OpcUaServer

pytestmark = pytest.mark.slow

Make = Callable[[Bench], SimulatedPlc]
BOTH: list[Make] = [Bench.modbus, Bench.opcua]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def look(bench: Bench, settings: LinkSettings, **options: Any) -> Evidence:
    """One look, from the bench's loop or it would not be one of many clients."""
    write_test = options.pop("write_test", False)

    async def looking() -> Evidence:
        return await Direct(settings, CLOCK, RealNet(), **options).look(write_test=write_test)

    return bench.call(looking())


def problems(seen: Evidence) -> dict[str, Level]:
    return {finding.check: finding.level for finding in diagnose(seen) if finding.is_problem}


@pytest.mark.parametrize("make", BOTH)
def test_a_sound_plc_is_seen_whole(bench: Bench, make: Make) -> None:
    """Fifty images, its nameplate, its rights; nothing wrong but that nobody has started it."""
    simulated = make(bench)
    reads: list[tuple[int, int]] = []
    seen = look(bench, settings_of(simulated), progress=lambda made, of: reads.append((made, of)))
    assert seen.failure is None
    assert len(seen.samples) == len(seen.round_trip_us) == EXCHANGES
    assert reads == [(made, EXCHANGES) for made in range(1, EXCHANGES + 1)]
    assert seen.identity is not None
    assert ("maker", "Hall Works") in seen.identity.plate
    assert seen.identity.called == simulated.plc.name
    assert problems(seen) == {"machine": Level.WARNING}
    assert simulated.opened == 1


@pytest.mark.parametrize("make", BOTH)
def test_looking_changes_nothing(bench: Bench, make: Make) -> None:
    """No image reaches the PLC, its counts and registers are as before, and nobody stays connected (O4)."""
    simulated = make(bench)
    look(bench, settings_of(simulated))
    assert simulated.plc.counts == Counts()
    assert (simulated.plc.epoch, simulated.plc.taken, simulated.plc.odometer) == (0, 0, 0)
    bench.until(lambda: simulated.server.wire.connections == 0)


def test_date_and_rights_are_read_over_opcua(bench: Bench) -> None:
    """OPC UA tells both, Modbus neither."""
    seen = look(bench, settings_of(bench.opcua()))
    assert seen.wall_clock is not None
    assert abs(seen.wall_clock.ahead_us) < 60_000_000  # the same computer's clock, read within the look
    assert seen.in_access is not None
    assert seen.in_access.writable is True
    modbus = look(bench, settings_of(bench.modbus()))
    assert modbus.wall_clock is None
    assert modbus.in_access is not None
    assert modbus.in_access.writable is None


def test_in_that_may_not_be_written_is_a_fault(bench: Bench) -> None:
    """Access rights are read, not tried."""
    simulated = bench.opcua()
    server = simulated.server
    assert isinstance(server, OpcUaServer)

    async def forbid() -> None:
        assert server._server is not None
        await server._server.get_node(server._id("In")).set_read_only()

    bench.call(forbid())
    seen = look(bench, settings_of(simulated))
    assert problems(seen)["in image"] is Level.FAULT


@pytest.mark.parametrize("make", BOTH)
def test_another_profile_is_found(bench: Bench, make: Any) -> None:
    """E11 seen from outside: who loaded what."""
    seen = look(bench, settings_of(make(bench, digest=DIGEST + 1)))
    assert problems(seen)["profile"] is Level.FAULT


@pytest.mark.parametrize("make", BOTH)
def test_a_frozen_program_is_found(bench: Bench, make: Make) -> None:
    """The server answers every read, and the heartbeat stands."""
    simulated = make(bench)
    simulated.run = False
    seen = look(bench, settings_of(simulated))
    assert problems(seen)["heartbeat"] is Level.FAULT
    assert "reachable" not in problems(seen)


@pytest.mark.parametrize("protocol", ["modbus", "opcua"])
def test_a_plc_that_does_not_listen_is_unreachable(bench: Bench, protocol: Any) -> None:
    """One line, that it cannot be reached, and where to look."""
    port = free_port()
    settings = LinkSettings(
        plc="bagger-3", protocol=protocol, profile_digest=DIGEST, host="127.0.0.1", port=port, url=f"opc.tcp://127.0.0.1:{port}"
    )
    seen = look(bench, settings)
    assert is_unreachable(seen)
    (finding,) = diagnose(seen)
    assert (finding.check, finding.level) == ("reachable", Level.FAULT)
    assert str(port) in finding.next_step


@pytest.mark.parametrize("make", BOTH)
def test_a_plc_behind_a_pulled_cable_is_unreachable(bench: Bench, make: Make) -> None:
    """The connection is accepted and then nothing comes: a deadline ends the look."""
    simulated = make(bench)
    bench._loop.call_soon_threadsafe(simulated.server.wire.cut)
    seen = look(bench, settings_of(simulated))
    assert is_unreachable(seen)
    assert seen.failure is not None
    assert seen.failure.cause is Cause.SILENT


def test_a_wrong_unit_is_an_answer_that_says_so(bench: Bench) -> None:
    """A gateway answers for a unit that is not there: reachable, but not what the profile says."""
    settings = msgspec.structs.replace(settings_of(bench.modbus()), unit_id=7)
    seen = look(bench, settings)
    assert not is_unreachable(seen)
    (finding,) = diagnose(seen)
    assert (finding.check, finding.level) == ("out image", Level.FAULT)
    assert "unit 7" in finding.seen


def test_a_wrong_address_is_no_line_interface(bench: Bench) -> None:
    """Registers that are there but hold something else show by the version in word 0."""
    settings = msgspec.structs.replace(settings_of(bench.modbus()), out_address=200, max_read_registers=114)
    (finding,) = diagnose(look(bench, settings))
    assert finding.check == "out image"
    assert finding.is_problem


def test_a_wrong_node_is_told(bench: Bench) -> None:
    """An OPC UA server that has no such variable."""
    settings = msgspec.structs.replace(settings_of(bench.opcua()), out_node="Output")
    (finding,) = diagnose(look(bench, settings))
    assert (finding.check, finding.level) == ("out image", Level.FAULT)
    assert "Output" in finding.seen


@pytest.mark.parametrize("make", BOTH)
def test_a_slow_plc_is_found(bench: Bench, make: Make) -> None:
    """Each exchange takes 70 ms: no decision would come in time."""
    simulated = make(bench)
    simulated.slow(0.07)
    seen = look(bench, settings_of(simulated), exchanges=20)
    assert problems(seen)["round trip"] is Level.WARNING


def test_the_wrong_plc_at_the_right_address_is_found(bench: Bench) -> None:
    """Its own name is not the site's."""
    settings = settings_of(bench.modbus("bagger-3", called="bagger-4"), "bagger-3")
    assert problems(look(bench, settings))["identity"] is Level.WARNING


# --- the write test ------------------------------------------------------------------------------------------------------


def grant(simulated: SimulatedPlc, heartbeat: int) -> list[int]:
    return encode_in(InImage(heartbeat, 1, simulated.plc.nonce, 1, 0))


@pytest.mark.parametrize("make", BOTH)
def test_the_write_test_writes_back_what_it_read(bench: Bench, make: Make) -> None:
    """The PLC gets the image once more that it has, and is as it was."""
    simulated = make(bench)

    async def written() -> None:
        settings = settings_of(simulated)
        import asyncio

        from packcenter.diagnose.probe import make_probe
        from packcenter.plc.link import Requests

        probe = make_probe(settings, RealNet(), Requests(settings.plc, CLOCK, settings.request_timeout_us))
        await probe.connect(asyncio.Event())
        await probe.write_in(grant(simulated, 1))
        await probe.close()

    bench.call(written())
    bench.until(lambda: simulated.plc.counts.images == 1)
    before = (simulated.plc.epoch, simulated.plc.taken, simulated.plc.odometer, simulated.plc.packml_state)
    seen = look(bench, settings_of(simulated), write_test=True)
    assert seen.write_test == WriteTest()
    assert simulated.plc.counts == Counts(images=2)
    assert (simulated.plc.epoch, simulated.plc.taken, simulated.plc.odometer, simulated.plc.packml_state) == before


def test_the_write_test_is_left_out_while_somebody_else_writes(bench: Bench) -> None:
    """In changes between two reads: a controller is at work, and an old image of its must not come again."""
    simulated = bench.modbus()
    from packcenter.diagnose.modbus import ModbusProbe

    reads = iter([grant(simulated, 1), grant(simulated, 2)])

    async def read_in(self: ModbusProbe) -> list[int]:
        return next(reads)

    async def looking() -> Evidence:
        direct = Direct(settings_of(simulated), CLOCK, RealNet())
        direct._probe.in_access = direct._probe.identity  # type: ignore[method-assign,assignment]  # it reads In as well
        direct._probe.read_in = read_in.__get__(direct._probe)  # type: ignore[method-assign]
        return await direct.look(write_test=True)

    seen = bench.call(looking())
    assert seen.write_test is not None
    assert seen.write_test.skipped.startswith("somebody else writes In")
    assert simulated.plc.counts == Counts()
