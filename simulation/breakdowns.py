"""
Breakdowns of a machine or its PLC that a scenario asks for by name, at a machine that it names.

`simulation.mischief` draws where something goes wrong; here the file says it. What lasts is mended by a person after `for_s`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from packcenter.core.packml import Command, State
from packcenter.core.words import ReasonClass
from simulation.draws import Stream
from simulation.fast import FastHall
from simulation.mischief.act import nonce
from simulation.plant.bagger import BaggerProgram
from simulation.plant.caserack import CaseRackProgram

_REASON_AIR: Final = 92  # no compressed air, on the machine's panel

_STOP_US: Final = 20_000_000
"""From Stop to Start at the panel."""

Begin = Callable[[FastHall, str, Stream], bool]
End = Callable[[FastHall, str, Stream], None]


class Breakdown(msgspec.Struct, frozen=True):
    """
    One of them. `begin` breaks the machine of a PLC, and says whether there was anything to break; `end` mends it, None if it is
    over at once or mends itself.
    """

    text: str
    begin: Begin
    end: End | None = None


def _heals(hall: FastHall, plc: str, stream: Stream) -> None:
    hall.plcs[plc].heal()


def _reboots(hall: FastHall, plc: str, stream: Stream) -> bool:
    hall.plcs[plc].reboot(nonce(stream))
    return True


def _skips(hall: FastHall, plc: str, stream: Stream) -> bool:
    return hall.plcs[plc].skip(1 + stream.below(3))


def _is_given_back(hall: FastHall, plc: str, stream: Stream) -> None:
    """The other controller is switched off, and the PLC restarted, as the alarm's text says."""
    hall.plcs[plc].reboot(nonce(stream))


def _holds(hall: FastHall, plc: str, stream: Stream) -> bool:
    return hall.plant.programs[plc].unit.ask(Command.HOLD, ReasonClass.OWN, _REASON_AIR)


def _has_air(hall: FastHall, plc: str, stream: Stream) -> None:
    unit = hall.plant.programs[plc].unit
    if unit.state is State.HELD:
        unit.ask(Command.UNHOLD, ReasonClass.OPERATOR)


def _opens(hall: FastHall, plc: str, stream: Stream) -> bool:
    hall.plant.programs[plc].open_guard()
    return True


def _closes(hall: FastHall, plc: str, stream: Stream) -> None:
    hall.plant.programs[plc].make_ready()


def _runs_out(hall: FastHall, plc: str, stream: Stream) -> bool:
    machine = hall.plant.programs[plc]
    return isinstance(machine, BaggerProgram) and machine.run_out()


def _case_rack(hall: FastHall, plc: str) -> CaseRackProgram | None:
    return next((each for each in hall.plant.case_racks if each.name == plc), None)


def _miscounts(hall: FastHall, plc: str, stream: Stream) -> bool:
    """The counter of the first cell that holds something, else of the first one, counts one too many."""
    rack = _case_rack(hall, plc)
    if rack is not None:
        rack.miscount(next((number for number, held in rack.cells.items() if held), 1), 1, 1)
    return rack is not None


def _blurs(hall: FastHall, plc: str, stream: Stream) -> bool:
    """The eye that all cells of a case rack have in common sees one too many in each."""
    rack = _case_rack(hall, plc)
    if rack is not None:
        for number in rack.cells:
            rack.miscount(number, 1, 1)
    return rack is not None


def _counts(hall: FastHall, plc: str, stream: Stream) -> None:
    """Somebody has mended the counter, and stops and starts the rack, as the alarm's text says."""
    rack = _case_rack(hall, plc)
    if rack is not None:
        rack.overcounts.clear()
        rack.stop_by_hand(_STOP_US)


FAULTS: Final[Mapping[str, Breakdown]] = MappingProxyType({
    "halts": Breakdown("in STOP", lambda hall, plc, _: hall.plcs[plc].halt(), _heals),
    "reboots": Breakdown("its memory is lost", _reboots),
    "dips": Breakdown("power is away for a moment, memory is kept", lambda hall, plc, _: hall.plcs[plc].dip()),
    "freezes": Breakdown("no heartbeat", lambda hall, plc, _: hall.plcs[plc].freeze(), _heals),
    "seized": Breakdown("works for another controller", lambda hall, plc, _: hall.plcs[plc].seize(), _is_given_back),
    "skips": Breakdown("numbers are missing among its events", _skips),
    "babbles": Breakdown("tells of what the line interface does not know", lambda hall, plc, _: hall.plcs[plc].babble()),
    "deaf": Breakdown("takes commands and does nothing", lambda hall, plc, _: hall.plcs[plc].deafen(), _heals),
    "poisons": Breakdown("its next event makes the controller fail", lambda hall, plc, _: hall.plcs[plc].poison()),
    "holds": Breakdown("the machine holds by its own cause", _holds, _has_air),
    "aborts": Breakdown("a guard is opened", _opens, _closes),
    "miscounts": Breakdown("the counter of a cell counts one too many", _miscounts, _counts),
    "blurs": Breakdown("the eye of all cells of a case rack counts one too many", _blurs, _counts),
    "runs_out": Breakdown("the film of a bagger is used up at once, until a person has brought a new roll", _runs_out),
})  # fmt: skip
"""Every breakdown by its name."""
