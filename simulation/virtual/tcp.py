"""
One end of a connection of the memory network: a transport for its program, a socket of its computer.

    write -> transport's buffer -> window -> the link (`net`) -> socket's buffer -> data_received
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final

from simulation.virtual.loop import OWNER, Process

if TYPE_CHECKING:
    from simulation.virtual.net import Link, Listener, Way

WINDOW_BYTES: Final = 1 << 16
"""Bytes of one direction that may be on their way or unread."""

READ_BYTES: Final = 1 << 18
"""Most that a protocol gets at once, as from asyncio."""

HIGH_WATER: Final = 1 << 16
"""A transport that holds more than this asks its protocol to pause; a quarter of it lets it go on."""

_FIN: Final = b""


class Socket:
    """What programs ask of a transport's or a server's socket."""

    def __init__(self, here: tuple[str, int], there: tuple[str, int] | None) -> None:
        self._here, self._there = here, there

    def getsockname(self) -> tuple[str, int]:
        return self._here

    def getpeername(self) -> tuple[str, int] | None:
        return self._there

    def setsockopt(self, *_: object) -> None:
        """Nothing here depends on options."""


class End(asyncio.Transport):
    """
    One end of a connection, as its program's transport and as its computer's socket.

    As a socket it goes on for a while when its program is dead or stands still; `owner` is that program.
    """

    peer: End
    context: Context

    def __init__(self, link: Link, number: int, is_client: bool) -> None:
        super().__init__()
        self.owner: Process | None = None
        self.listener: Listener | None = None
        self._link = link
        self._network = link._network
        self._loop = link._network.loop
        self._number = number
        self._is_client = is_client
        self._protocol: Any = None
        self._socket = Socket(("", 0), None)
        # sending
        self._out: deque[bytes] = deque()
        self._out_bytes = 0
        self._unread_bytes = 0  # sent and not read by the peer's program
        self._last_due_us = 0
        self._held: list[bytes | None] = []  # what a stalled way holds; None is a reset
        self._high, self._low = HIGH_WATER, HIGH_WATER // 4
        self._asked_to_pause = False
        # receiving
        self._inbox: deque[bytes] = deque()
        self._reset_came = False
        self._end_came = False
        self._reads = True
        self._reading_soon = False
        # its end
        self._closing = False
        self._fin_sent = False
        self._gone = False  # the socket is closed: what arrives is answered by a reset
        self._silent = False
        self._lost_told = False

    def join(self, peer: End, here: tuple[str, int], there: tuple[str, int], context: Context) -> None:
        """Put the two ends together; `context` is the program's."""
        self.peer = peer
        self.context = context.copy()
        self.owner = context.get(OWNER)
        self._socket = Socket(here, there)
        self._extra = {"peername": there, "sockname": here, "socket": self._socket}

    # --- its beginning -------------------------------------------------------------------------------------------------

    def accept(self, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        """The listening program takes the connection."""
        if not self._gone:
            self.begin(factory())

    def begin(self, protocol: asyncio.BaseProtocol) -> None:
        """The program's protocol is there: connected."""
        self._protocol = protocol
        protocol.connection_made(self)
        self.read_soon()

    # --- the program's transport -----------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, in order, when there is room."""
        if not data or self._closing or self._gone:
            return
        content = bytes(data)
        self._out.append(content)
        self._out_bytes += len(content)
        self._send()
        if self._out_bytes > self._high and not self._asked_to_pause:
            self._asked_to_pause = True
            self._protocol.pause_writing()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Say that no more comes; reading goes on."""
        self._out.append(_FIN)
        self._send()

    def close(self) -> None:
        """Send what is waiting, then end."""
        if self._closing or self._gone:
            return
        self._closing = True
        self._inbox.clear()
        if not self._fin_sent:
            self._out.append(_FIN)
        self._send()
        if not self._out:
            self._loop.call_soon(self._lose, None, context=self.context)

    def abort(self) -> None:
        """End now; what is waiting is not sent, and the peer hears a reset."""
        if self._gone:
            return
        self._closing = True
        self._out.clear()
        self._out_bytes = 0
        self._leave()
        self.peer.put(None)
        self._loop.call_soon(self._lose, None, context=self.context)

    def is_closing(self) -> bool:
        return self._closing or self._gone

    def pause_reading(self) -> None:
        self._reads = False

    def resume_reading(self) -> None:
        self._reads = True
        self.read_soon()

    def is_reading(self) -> bool:
        return self._reads

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high if high is not None else (4 * low if low is not None else HIGH_WATER)
        self._low = low if low is not None else self._high // 4

    def get_write_buffer_size(self) -> int:
        return self._out_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    # --- sending ---------------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        """Give the network what it has room for."""
        out = self._out
        while out and (not out[0] or self._unread_bytes < WINDOW_BYTES):
            content = out.popleft()
            self._out_bytes -= len(content)
            if content:
                self._unread_bytes += len(content)
                self._transmit(content)
            else:
                self._fin_sent = True
                self.peer.put(_FIN)

    def _transmit(self, content: bytes) -> None:
        way = self._link.way(self._is_client)
        if way.flip_after < 0 and way.cut_after < 0 and not way.piece_bytes:
            self.peer.put(content)
            return
        left = way.cut_after
        if left >= 0:
            way.cut_after = -1 if len(content) > left else left - len(content)
        for piece in way.pieces(content if left < 0 else content[:left]):
            self.peer.put(piece)
        if 0 <= left < len(content):
            self._link.reset()

    def _sent_on(self) -> None:
        """There is room again."""
        self._send()
        if self._asked_to_pause and self._out_bytes <= self._low:
            self._asked_to_pause = False
            self._protocol.resume_writing()
        if self._closing and not self._out and not self._gone:
            self._lose(None)

    # --- arriving --------------------------------------------------------------------------------------------------------

    def put(self, content: bytes | None) -> None:
        """Let bytes, an end (b"") or a reset (None) arrive here, after what is under way already."""
        due_us = self._loop.now_us + self._link.latency_us() + self._incoming().delay_us
        if due_us < self._last_due_us:
            due_us = self._last_due_us
        self._last_due_us = due_us
        self._loop.call_at_us(due_us, self._arrive, content, context=self._network.loop.world)

    def _incoming(self) -> Way:
        return self._link.to_client if self._is_client else self._link.to_server

    def release(self) -> None:
        """The way is open again: what it held arrives before what is still under way."""
        held, self._held = self._held, []
        for content in held:
            self._arrive(content)

    def _arrive(self, content: bytes | None) -> None:
        if self._incoming().stalled or self._held:
            self._held.append(content)
            return
        if self._gone:
            if content and not self._silent:
                self.peer.put(None)
            return
        if content is None:
            self._reset_came = True
            self._inbox.clear()
        elif content:
            if self._network.observer is not None:
                self._network.observer(self._link, not self._is_client, self._number, content)
            if self._closing:
                self.peer.read_by(len(content))  # close() stops reading
                return
            self._inbox.append(content)
        else:
            self._end_came = True
        owner = self.owner
        if owner is None or (owner.alive and not owner.paused):
            self._reading_soon = True
            self.context.run(self._read)

    def read_soon(self) -> None:
        """Let the program read what is there."""
        if not self._reading_soon and (self._inbox or self._end_came or self._reset_came):
            self._reading_soon = True
            self._loop.call_soon(self._read, context=self.context)

    def _read(self) -> None:
        self._reading_soon = False
        if self._gone or self._protocol is None:
            return
        if self._reset_came:
            self._leave()
            self._lose(ConnectionResetError(104, "Connection reset by peer"))
            return
        inbox = self._inbox
        while inbox and self._reads and not self._closing:
            content = inbox.popleft()
            while inbox and len(content) < READ_BYTES:
                content += inbox.popleft()
            self.peer.read_by(len(content))
            try:
                self._protocol.data_received(content)
            except Exception as error:
                self._fail(error)
                return
        if self._end_came and not inbox and not self._closing:
            self._end_came = False
            if not self._protocol.eof_received():
                self.close()

    def read_by(self, count: int) -> None:
        """The peer's program has read so many of our bytes."""
        self._unread_bytes -= count
        if self._out and not self._gone:
            self._loop.call_soon(self._sent_on, context=self.context)

    # --- its end ---------------------------------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        self._loop.call_exception_handler({"message": "protocol.data_received() failed", "exception": error})
        self._leave()
        self.peer.put(None)
        self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        """Tell the protocol, once."""
        if self._lost_told:
            return
        self._lost_told = True
        self._leave()
        if self._protocol is not None:
            self._protocol.connection_lost(error)
        if self.listener is not None:
            self.listener.left()

    def _leave(self) -> None:
        """The socket is closed."""
        if self._gone:
            return
        self._gone = self._closing = True
        self._inbox.clear()
        if self.peer._gone:
            self._link.ends.pop(self._number, None)

    def orphan(self, *, silently: bool) -> None:
        """The program is dead: its computer ends the connection for it, or is dead, too."""
        if self._gone:
            return
        unread = bool(self._inbox)
        self._silent = silently
        self._out.clear()
        self._leave()
        if not silently and not self._fin_sent:
            self.peer.put(None if unread else _FIN)
