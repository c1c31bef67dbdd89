"""
The clocks and the luck that asyncua and pymodbus help themselves to, given by the virtual world instead.

Both libraries run on the event loop's time, but asyncua paces its publishing and its sessions by `time.monotonic()`, stamps
values by `datetime.now()` and draws nonces from the operating system. Unpatched, a run would depend on the computer's speed.
Nothing of the libraries' logic is touched: `installed` replaces the names `time`, `datetime` and `os` in the modules of
`USERS`, and puts them back. It also gives asyncua's session numbers a fresh start, which it counts per process for ever,
and pymodbus's note of the last server.

`USERS` lists every module of both libraries that asks for time or chance, and what becomes of it. A test compares the list
with the installed sources (`found_users`), so that a release with another user of the clock is noticed before a digest is.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from simulation.draws import Stream

GIVEN: Final = "given"
"""The module gets the virtual clock, or virtual luck."""

LIBRARIES: Final = ("asyncua", "pymodbus")

USERS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    # What the hall's servers and clients run through.
    "asyncua.common.connection": (GIVEN, ("datetime.now",)),
    "asyncua.common.subscription": (GIVEN, ("time.monotonic",)),
    "asyncua.common.ua_utils": (GIVEN, ("datetime.now",)),
    "asyncua.common.utils": (GIVEN, ("os.urandom",)),
    "asyncua.crypto.security_policies": (GIVEN, ("time.monotonic",)),
    "asyncua.observer": (GIVEN, ("time.monotonic",)),
    "asyncua.server.address_space": (GIVEN, ("datetime.now",)),
    "asyncua.server.internal_server": (GIVEN, ("datetime.now",)),
    "asyncua.server.internal_session": (GIVEN, ("time.monotonic",)),
    "asyncua.server.internal_subscription": (GIVEN, ("time.monotonic",)),
    "asyncua.server.server": (GIVEN, ("datetime.now",)),
    "asyncua.server.uaprocessor": (GIVEN, ("time.monotonic",)),
    "asyncua.ua.uaprotocol_auto": (GIVEN, ("datetime.now",)),
    # What they do not.
    "asyncua.client.client": ("keeps a session in a file over restarts, which is not asked of it", ("time.time",)),
    "asyncua.client.ha.reconciliator": ("the client for redundant servers", ("time.monotonic",)),
    "asyncua.common.statemachine": ("state machines are not served", ("datetime.now",)),
    "asyncua.common.structures104": ("generated code of custom structures, which are not served", ("datetime.now", "uuid.uuid4")),
    "asyncua.crypto.cert_gen": ("makes certificates, which a run gets ready-made", ("datetime.now",)),
    "asyncua.crypto.uacrypto": ("prints certificates", ("datetime.now",)),
    "asyncua.crypto.validator": ("our servers have a validator of their own", ("datetime.now",)),
    "asyncua.pubsub.dataset": ("PubSub is not used", ("uuid.uuid4",)),
    "asyncua.pubsub.utils": ("PubSub is not used", ("datetime.now",)),
    "asyncua.server.event_generator": ("events are not generated", ("datetime.now", "time.localtime", "uuid.uuid4")),
    "asyncua.server.history": ("history is not kept", ("datetime.now",)),
    "asyncua.server.history_sql": ("history is not kept", ("datetime.now",)),
    "asyncua.tools": ("command line tools", ("datetime.now",)),
    "asyncua.ua.uatypes": ("defaults of DateTime and Guid variants, which are not served", ("datetime.now", "uuid.uuid4")),
    "pymodbus.client.serial": ("the synchronous serial client", ("time.sleep", "time.time")),
    "pymodbus.client.tcp": ("the synchronous client", ("time.time",)),
    "pymodbus.datastore.simulator": (
        "pymodbus's own simulator",
        ("datetime.now", "random.randint", "random.uniform"),
    ),
    "pymodbus.server.startstop": ("starts servers in threads", ("time.sleep",)),
    "pymodbus.transaction.transaction": ("the synchronous client", ("time.monotonic",)),
}
"""Module -> (what becomes of it, what it asks for)."""

_ASKED: Final[dict[str, frozenset[str]]] = {
    "time": frozenset({"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep", "localtime"}),
    "datetime": frozenset({"now", "utcnow", "today"}),
    "date": frozenset({"today"}),
    "os": frozenset({"urandom", "getrandom"}),
    "uuid": frozenset({"uuid1", "uuid4"}),
}
_ANY_OF: Final = frozenset({"random", "secrets"})  # modules of which every function is asked

_HINT: Final = re.compile(r"\b(?:" + "|".join(sorted({*_ANY_OF}.union(*_ASKED.values()))) + r")\b(?!['\"])")


class _Virtual(type):
    """Real datetimes are instances of the virtual class, too: the libraries ask."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


def _datetime_by(wall_us: Callable[[], int]) -> type:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    class VirtualDatetime(datetime, metaclass=_Virtual):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            moment = epoch + timedelta(microseconds=wall_us())
            return moment.astimezone(tz) if tz is not None else moment.replace(tzinfo=None)

    return VirtualDatetime


@contextmanager
def installed(mono_us: Callable[[], int], wall_us: Callable[[], int], seed: int) -> Iterator[None]:
    """
    Both libraries by the virtual clock while the `with` lasts; nests.

    `mono_us` is the loop's time, `wall_us` the wall clock of whoever asks. Nonces are drawn from `seed`.
    """
    luck = Stream(seed, "shim/nonces")
    given = {
        "time": SimpleNamespace(monotonic=lambda: mono_us() / 1e6, time=lambda: wall_us() / 1e6),
        "datetime": _datetime_by(wall_us),
        "os": SimpleNamespace(urandom=lambda count: bytes(luck.below(256) for _ in range(count))),
    }
    before: list[tuple[Any, str, Any]] = []

    def put(holder: Any, name: str, value: Any) -> None:
        before.append((holder, name, getattr(holder, name)))
        setattr(holder, name, value)

    try:
        for module, (becomes, asked) in USERS.items():
            if becomes == GIVEN:
                for name in sorted({each.partition(".")[0] for each in asked}):
                    put(importlib.import_module(module), name, given[name])
        sessions = importlib.import_module("asyncua.server.internal_session").InternalSession
        for name, value in (("_counter", 10), ("_auth_counter", 1000), ("_current_connections", 0)):
            put(sessions, name, value)
        put(importlib.import_module("pymodbus.server.base").ModbusBaseServer, "active_server", None)
        yield
    finally:
        for holder, name, value in reversed(before):
            setattr(holder, name, value)


def found_users(library: str) -> dict[str, tuple[str, ...]]:
    """Module -> what it asks of clocks and chance, sorted, from the installed sources of a library."""
    spec = find_spec(library)
    assert spec is not None, f"{library} is not installed"
    assert spec.origin is not None, f"{library} has no sources"
    root = Path(spec.origin).parent
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(root.rglob("*.py")):
        text = path.read_text("utf-8")
        # Parsing all of asyncua's generated files takes twenty seconds; most hold none of these words.
        asked = _asked_in(ast.parse(text, str(path))) if _HINT.search(text) else set()
        if asked:
            dotted = ".".join((library, *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
            found[dotted] = tuple(sorted(asked))
    return found


def _asked_in(tree: ast.Module) -> set[str]:
    """`holder.name` of every call of a clock or of chance; names that were imported bare count as their module's."""
    bare: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            for alias in node.names:
                if alias.name in _ASKED.get(node.module, ()) or node.module in _ANY_OF:
                    bare[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    asked: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in bare:
            asked.add(bare[node.id])
        elif isinstance(node, ast.Attribute):
            holder = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
            if node.attr in _ASKED.get(holder, ()) or holder in _ANY_OF:
                asked.add(f"{holder}.{node.attr}")
    return asked
