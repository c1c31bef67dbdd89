"""
Files of receipts in an exploration: the delivery side brings some, and each is answered once and truly, whatever is killed when.

They are in runs with all services only (`services`), which are those in which receipts are waited for.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from packcenter.core import facts as f
from packcenter.core import inputs as i
from packcenter.core.state import State
from packcenter.core.words import ReceiptState
from packcenter.service.intake import Folders, Patience
from packcenter.service.receipt_files import ReceiptFiles
from simulation.disk import SimDisk
from simulation.draws import Stream
from simulation.explore import services
from simulation.explore.paperwork import quiet
from simulation.explore.scenarios import put
from simulation.explore.striking import SECOND, Fault
from simulation.explore.waits import ComputerClock, Submission

if TYPE_CHECKING:
    from simulation.explore.process import Life
    from simulation.explore.protocol import ProtocolWorld

_LOOK_US: Final = 700_000
_PATIENCE: Final = Patience(settle_us=300_000, unfinished_us=20_000_000, retry_us=2_000_000)
_FILES_MAX: Final = 40


def folders() -> tuple[SimDisk, ...]:
    """In, done, refused, results."""
    return tuple(SimDisk() for _ in range(4))


def begin(life: Life, disks: tuple[SimDisk, ...]) -> None:
    """What the service's task does, from the start of a life on."""

    async def submit(received: i.ReceiptsReceived) -> tuple[f.Fact, ...]:
        (outcome,) = await Submission([received])
        return tuple(outcome.facts)

    files = ReceiptFiles(Folders(*disks), submit=submit, note=life.note, patience=_PATIENCE)
    life.drive(files.watch(ComputerClock(life.world), _LOOK_US), None)


def _brings(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
    """A file of codes: some that are waited for, some that are not, some twice; now and then one that is none, or cut."""
    life = world.life
    if not world.options.has(services.NAME) or life is None or not life.serving or len(world.brought) >= _FILES_MAX:
        return None
    state = life.controller.state
    waited = [name for name, each in state.receipts.items() if each.state in (ReceiptState.AWAITED, ReceiptState.OVERDUE)]
    codes = [*waited, *list(state.waybills)[-3:], *list(state.items)[-2:], "NJ-NOBODY", "no code"]
    rows = [codes[stream.below(len(codes))] for _ in range(1 + stream.below(5))]
    name = f"brought-{world.next_serial()}"
    text = "\n".join(["code" if stream.below(8) else "receipt", *rows]) + ("\n" if stream.below(8) else "")
    world.brought[name] = text.encode()
    incoming = world.receipts[0]
    hook, incoming.hook = incoming.hook, quiet  # it is somebody else who writes
    put(incoming, f"{name}.csv", world.brought[name])
    incoming.hook = hook
    return f"{name}: {', '.join(rows)}"


RECEIPT_FILE_FAULTS: Final[tuple[Fault[ProtocolWorld], ...]] = (Fault("brings_receipts", "manifest", 20 * SECOND, _brings),)
"""They came later than all others, and are drawn behind them."""


def faults(world: ProtocolWorld) -> Iterator[str]:
    """What is wrong with the answers at rest."""
    life = world.life
    if life is None or not world.brought:
        return
    _, done, refused, results = (disk.files() for disk in world.receipts)
    for name, content in world.brought.items():
        answers = [kind for kind in ("result", "refused") if f"{name}.{kind}.csv" in results]
        kept = {"result": done, "refused": refused}
        if len(answers) != 1:
            yield f"file {name} of receipts is answered by {answers}"
        elif kept[answers[0]].get(f"{name}.csv") != content:
            yield f"file {name} of receipts is not kept as it came"
        elif answers == ["result"]:
            yield from _untrue(name, content, results[f"{name}.result.csv"], life.controller.state)
    world.notes.looked["receipt files"] += len(world.brought)


def _untrue(name: str, content: bytes, answer: bytes, state: State) -> Iterator[str]:
    """Each row is answered, and what is said to be returned is."""
    rows = list(csv.DictReader(io.StringIO(answer.decode(), newline="")))
    sent = content.decode().split("\n")[1:]
    if [int(row["row"]) for row in rows] != [at for at, code in enumerate(sent, 2) if code]:
        yield f"file {name} of receipts has {len(sent)} rows, answered are {[row['row'] for row in rows]}"
    for row in rows:
        item = state.waybills.get(row["code"], row["code"])
        receipt = state.receipts.get(item)
        returned = receipt is not None and receipt.state == ReceiptState.RETURNED
        if row["outcome"] == "returned" and not returned:
            yield f"file {name} of receipts: {row['code']} is said to be returned, the books have {receipt}"
