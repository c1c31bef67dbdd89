"""Modbus frames against our link's client and against our PLC's server, in one process, without sockets."""

from __future__ import annotations

import asyncio
import struct
from random import Random
from typing import Any

import msgspec
from fuzz_mutate import mutate_frame, mutate_session, pieces
from fuzz_report import Findings
from fuzz_strict import modbus_reply, modbus_stream, modbus_written
from hostile_links import CLOCK, DIGEST, PLATE, Machine

from packcenter.plc.checking import PlcError
from packcenter.plc.image import IN_WORDS, OUT_WORDS, ImageError, InImage, OutImage, decode_in, decode_out, encode_in
from packcenter.plc.line import LineCommand
from packcenter.plc.link import LinkSettings, Requests
from packcenter.plc.modbus import ModbusWire
from packcenter.real import RealNet
from simulation.lineplc import LinePlc
from simulation.servers.modbus import ModbusServer, _Requests

UNIT, OUT_AT, IN_AT = 7, 1000, 2000
_SLOW_S = 1.0


class Socket(asyncio.Transport):
    """A socket that keeps what is written, and is closed when it is told so."""

    def __init__(self, protocol: Any = None) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.closed:
            self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default


def _plc() -> LinePlc:
    plc = LinePlc("sorter-2", nonce=0xCAFE_0001, plant_us=CLOCK.mono_us, wall_us=CLOCK.mono_us, profile_digest=DIGEST)
    plc.program = Machine(plc)
    return plc


# --- replies to our client -----------------------------------------------------------------------------------------------


class ClientFuzz:
    """Each frame is a reply to a real request of a real wire. What the wire accepts must be the one right reply."""

    def __init__(self, luck: Random, findings: Findings) -> None:
        self._luck = luck
        self._findings = findings
        self._plc = _plc()
        self._image = encode_in(InImage(1, 3, 0xCAFE_0001, 1, 0, (LineCommand(1, 1, track=41, a=2),)))
        self._wire: ModbusWire | None = None

    async def frame(self) -> None:
        """One request and a reply to it that is spoilt, nine times in ten."""
        luck = self._luck
        wire = self._wire or self._fresh()
        socket = wire._client.ctx.transport
        assert isinstance(socket, Socket)
        socket.written.clear()
        words = None if luck.randrange(3) == 0 else self._image
        asking = asyncio.ensure_future(wire.exchange(words))
        while True:  # one or two requests, if nothing goes wrong
            await _settle(asking, socket)
            request = bytes(socket.written)
            socket.written.clear()
            if asking.done() or not request:
                break
            right = self._right(request)
            sent, what = (right, "right") if luck.randrange(10) == 0 else self._spoil(request, right)
            self._note(request, right, sent, what)
            for piece in pieces(luck, sent):
                wire._client.ctx.data_received(piece)
        await self._judge(asking, wire)

    def _fresh(self) -> ModbusWire:
        settings = LinkSettings(
            plc="sorter-2",
            protocol="modbus",
            profile_digest=DIGEST,
            host="127.0.0.1",
            unit_id=UNIT,
            out_address=OUT_AT,
            in_address=IN_AT,
            function_23=self._luck.randrange(2) == 0,
        )
        self._wire = wire = ModbusWire(settings, RealNet(), Requests("sorter-2", CLOCK, 60_000_000))
        wire._client.ctx.connection_made(Socket())
        return wire

    def _right(self, request: bytes) -> bytes:
        if request[7] == 16:
            return request[:4] + b"\0\6" + request[6:12]
        words = self._plc.out_words()
        return request[:4] + struct.pack(">HBBB125H", 3 + 250, request[6], request[7], 250, *words)

    def _spoil(self, request: bytes, right: bytes) -> tuple[bytes, str]:
        """A changed reply, one made by grammar, or several at once."""
        luck = self._luck
        draw = luck.randrange(8)
        if draw == 0:
            code = luck.randrange(256)
            return request[:4] + b"\0\3" + request[6:7] + bytes([request[7] | 0x80, code]), f"exception {code}"
        if draw == 1:
            count = luck.randrange(0, 130)
            ids = (struct.unpack(">H", request[:2])[0] + luck.choice((0, 0, 0, 1, -1))) & 0xFFFF
            head = struct.pack(">HHHBB", ids, luck.choice((0, 0, 0, 1)), 3 + 2 * count, request[6], luck.choice((3, 4, 16, 23)))
            return head + bytes([2 * count & 0xFF]) + luck.randbytes(2 * count), f"grammar, {count} registers"
        if draw == 2:
            return luck.randbytes(luck.randrange(1, 300)), "garbage"
        if draw == 3:
            return right * 2, "twice"
        spoilt, what = mutate_frame(luck, right, ">")
        return spoilt, what

    def _note(self, request: bytes, right: bytes, sent: bytes, what: str) -> None:
        self._request, self._right_reply, self._sent, self._what = request, right, sent, what

    async def _judge(self, asking: asyncio.Future[list[int] | None], wire: ModbusWire) -> None:
        if not asking.done():
            wire._client.ctx.connection_lost(None)
        try:
            words = await asking
        except PlcError as error:
            self._findings.count(f"refused: {error.cause}")
            if self._sent == self._right_reply:
                self._findings.wrong("a right reply was refused", self._case())
            if wire._broken is not None:
                self._wire = None
            return
        except Exception as error:
            self._findings.unexpected(error, self._case())
            self._wire = None
            return
        size = len(self._right_reply)  # bytes behind a right reply break the connection, the reply was right
        strict = modbus_reply(self._request, self._sent[:size])
        if strict != words or (len(self._sent) > size and wire._broken is None):
            self._findings.wrong("a wrong reply was accepted", self._case())
        if wire._broken is not None:
            self._wire = None
        self._findings.count("accepted")
        assert words is not None
        try:
            image = decode_out(words)
        except ImageError:
            self._findings.count("accepted by the wire, refused as an image")
            return
        right = decode_out(_registers(self._right_reply))
        if _lasting(image) != _lasting(right):
            self._findings.past_the_crc(self._case())

    def _case(self) -> dict[str, str]:
        return {"what": self._what, "request": self._request.hex(), "reply": self._sent.hex()}


def _lasting(image: OutImage) -> OutImage:
    """The image without the PLC's time, which no checksum covers, and what is reckoned with it."""
    events = tuple(msgspec.structs.replace(event, age_ms=0) for event in image.events)
    return msgspec.structs.replace(image, plc_ms=0, events=events)


async def _settle(asking: asyncio.Future[Any], socket: Socket) -> None:
    """Let the wire go on until it has asked something, or is done, or waits for more of a reply."""
    for _ in range(8):
        await asyncio.sleep(0)
        if asking.done() or socket.written:
            return


def _registers(reply: bytes) -> list[int]:
    return list(struct.unpack(">125H", reply[9:]))


# --- requests to our server ----------------------------------------------------------------------------------------------


class ServerFuzz:
    """Connections that say some requests, mostly spoilt. The PLC must get right writes alone, and each answer be a right one."""

    def __init__(self, luck: Random, findings: Findings) -> None:
        self._luck = luck
        self._findings = findings
        self._got: list[list[int]] = []

    async def connection(self, frames: int) -> int:
        """One connection with up to this many frames; gives how many the server heard before it had enough."""
        plc = _plc()
        got: list[list[int]] = []
        receive = plc.receive

        def noted(words: Any, *, complete: bool = True) -> None:
            got.append(list(words))
            receive(words, complete=complete)

        plc.receive = noted  # type: ignore[method-assign]
        server = ModbusServer(plc, nameplate=PLATE, unit=UNIT, out_address=OUT_AT, in_address=IN_AT)
        socket = Socket()
        connection = server.wire.wrap(lambda: _Requests(server))()
        connection.connection_made(socket)
        requests = [self._request() for _ in range(frames)]
        said, _ = mutate_session(self._luck, requests, ">") if self._luck.randrange(3) == 0 else (requests, [])
        said = [mutate_frame(self._luck, each, ">")[0] if self._luck.randrange(4) == 0 else each for each in said]
        heard = b""
        count = 0
        try:
            for frame in said:
                for piece in pieces(self._luck, frame):
                    if not socket.closed:
                        connection.data_received(piece)
                        heard += piece
                count += 1
                if socket.closed:
                    break
            for _ in range(2 + len(heard) // 8 // 8):
                await asyncio.sleep(0)
        except Exception as error:
            self._findings.unexpected(error, {"stream": heard.hex()})
        self._judge(heard, bytes(socket.written), got, socket.closed)
        connection.connection_lost(None)
        return count

    def _request(self) -> bytes:
        """A request by the grammar, mostly of a kind that we serve, with plausible numbers."""
        luck = self._luck
        function = luck.choice((3, 3, 4, 6, 16, 16, 22, 23, 23, 23, 43, luck.randrange(256)))
        near = luck.choice((OUT_AT, IN_AT, IN_AT, luck.randrange(0x1_0000))) + luck.choice((0, 0, 0, 1, -1, 100))
        count = luck.choice((1, 2, 40, IN_WORDS, IN_WORDS, OUT_WORDS, luck.randrange(200)))
        words = encode_in(InImage(luck.randrange(9), 3, 0xCAFE_0001, 1, 0))[:count]
        block = struct.pack(f">HB{len(words)}H", len(words), 2 * len(words) & 0xFF, *words)
        body = {
            3: lambda: struct.pack(">HH", near & 0xFFFF, count),
            4: lambda: struct.pack(">HH", near & 0xFFFF, count),
            6: lambda: struct.pack(">HH", near & 0xFFFF, luck.randrange(0x1_0000)),
            16: lambda: struct.pack(">H", IN_AT) + block,
            22: lambda: struct.pack(">HHH", near & 0xFFFF, luck.randrange(0x1_0000), luck.randrange(0x1_0000)),
            23: lambda: struct.pack(">HHH", OUT_AT, OUT_WORDS, IN_AT) + block,
            43: lambda: bytes([14, luck.randrange(6), luck.randrange(8)]),
        }.get(function, lambda: luck.randbytes(luck.randrange(9)))()
        return struct.pack(">HHHBB", luck.randrange(0x1_0000), 0, len(body) + 2, UNIT, function) + body

    def _judge(self, stream: bytes, answers: bytes, got: list[list[int]], closed: bool) -> None:
        case = {"stream": stream.hex(), "answers": answers.hex()}
        memory, expected, asked, bad_head = [0] * IN_WORDS, [], [], False
        for frame in modbus_stream(stream):
            if frame is None:
                bad_head = True
                break
            asked.append(frame)
            self._findings.count("frames")
            write = self._masked(frame, memory) if frame[7] == 22 else modbus_written(frame, UNIT, IN_AT, IN_WORDS)
            if write is not None and self._reads_well(frame):
                memory[write[0] - IN_AT : write[0] - IN_AT + len(write[1])] = write[1]
                expected.append(memory.copy())
        if got != expected:
            self._findings.wrong(f"the PLC got {len(got)} writes, expected {len(expected)}", case)
        if bad_head and not closed:
            self._findings.wrong("a header that is none did not end the connection", case)
        said = [frame for frame in modbus_stream(answers) if frame is not None]
        if b"".join(said) != answers or len(said) != len(asked):
            self._findings.wrong(f"{len(said)} answers to {len(asked)} requests", case)
        for question, answer in zip(asked, said, strict=False):
            if answer[:4] != question[:4] or answer[6] != question[6] or answer[7] & 0x7F != question[7] & 0x7F:
                self._findings.wrong("an answer to another request", case)

    def _reads_well(self, frame: bytes) -> bool:
        """Function 23 writes nothing unless what it reads is there."""
        if frame[7] != 23:
            return True
        address, count = struct.unpack_from(">HH", frame, 8)
        blocks = (range(OUT_AT, OUT_AT + OUT_WORDS), range(IN_AT, IN_AT + IN_WORDS))
        return all(any(at in block for block in blocks) for at in range(address, address + count))

    def _masked(self, frame: bytes, memory: list[int]) -> tuple[int, list[int]] | None:
        if len(frame) != 14 or frame[6] != UNIT:
            return None
        address, keep, put = struct.unpack_from(">HHH", frame, 8)
        if not IN_AT <= address < IN_AT + IN_WORDS:
            return None
        return address, [(memory[address - IN_AT] & keep) | (put & ~keep & 0xFFFF)]


def decoded(words: list[int]) -> InImage | None:
    """The image that a PLC would take these words for."""
    try:
        return decode_in(words)
    except ImageError:
        return None


async def fuzz_client(seed: int, frames: int, findings: Findings) -> None:
    """This many replies to our client."""
    fuzz = ClientFuzz(Random(seed), findings)
    for number in range(frames):
        with findings.timed(_SLOW_S):
            await fuzz.frame()
        findings.progress(number + 1)


async def fuzz_server(seed: int, frames: int, findings: Findings) -> None:
    """About this many requests to our server, some to a connection."""
    luck = Random(seed)
    fuzz = ServerFuzz(luck, findings)
    done = 0
    while done < frames:
        with findings.timed(_SLOW_S):
            done += await fuzz.connection(luck.randrange(1, 9))
        findings.progress(done)
