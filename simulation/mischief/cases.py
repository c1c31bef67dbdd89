"""What the reader and the handler of a case rack do wrong with the next document or cell."""

from __future__ import annotations

from simulation.draws import Stream
from simulation.luck import Fate, Stage
from simulation.mischief.act import Plcs, act
from simulation.plant.hall import Plant

NAMES: list[str] = []
"""The acts that need a case rack."""


def _arms(name: str, kind: str, stage: Stage, fate: Fate) -> None:
    """An act that arms a fate at a case rack; there is nothing to do where no rack is."""

    NAMES.append(name)

    @act(name, kind)
    def _(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
        if not plant.case_racks:
            return None
        rack = plant.case_racks[stream.below(len(plant.case_racks))]
        rack.arm(stage, fate)
        return f"{rack.name}: the next at the {stage.name.lower()} meets {fate.name.lower()}"


_arms("case_rack_reads_nothing", "scanner", Stage.CELL_READER, Fate.NO_READ)
_arms("case_rack_reads_another", "scanner", Stage.CELL_READER, Fate.OTHER_CODE)
_arms("case_rack_reads_neighbour", "scanner", Stage.CELL_READER, Fate.NEIGHBOUR_CODE)
_arms("stores_in_another_cell", "line", Stage.HANDLER, Fate.OTHER_CELL)
_arms("stores_two", "line", Stage.HANDLER, Fate.TAKES_TWO)
_arms("leaves_one_in_its_cell", "line", Stage.RELEASE, Fate.LEAVES_ONE)
_arms("leaves_one_unseen", "line", Stage.RELEASE, Fate.LEAVES_ONE_UNSEEN)
