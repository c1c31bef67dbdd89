"""What readers, printers, scales, sensors and diverters do wrong: now, or with the next thing that comes to them."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.draws import Stream
from simulation.luck import Fate, Stage
from simulation.mischief.act import Plcs, act, can_tell, lane_that, pick
from simulation.packml_unit import Machine
from simulation.plant.hall import Plant
from simulation.plant.lane import SOUND, STUCK_HOME, STUCK_OUT


def _arm(machines: Sequence[Machine], stage: Stage, fate: Fate, stream: Stream) -> str:
    machine = machines[stream.below(len(machines))]
    machine.arm(stage, fate)
    return f"{machine.name}: the next at the {stage.name.lower()} meets {fate.name.lower()}"


def _arms(name: str, kind: str, stage: Stage, fate: Fate) -> None:
    """An act that arms a fate at a sorter or a bagger."""

    @act(name, kind)
    def _(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
        machines: Sequence[Machine] = plant.sorters if stage in (Stage.SCANNER, Stage.BELT) else plant.baggers
        return _arm(machines, stage, fate, stream)


for _stage, _word in ((Stage.SCANNER, "scanner"), (Stage.FEEDER, "feeder")):
    _arms(f"{_word}_reads_nothing", "scanner", _stage, Fate.NO_READ)
    _arms(f"{_word}_misreads", "scanner", _stage, Fate.MISREAD)
    _arms(f"{_word}_reads_two", "scanner", _stage, Fate.MULTIPLE)
    _arms(f"{_word}_reads_one_of_two", "scanner", _stage, Fate.ONE_OF_TWO)
    _arms(f"{_word}_reads_another", "scanner", _stage, Fate.OTHER_CODE)
    _arms(f"{_word}_reads_neighbour", "scanner", _stage, Fate.NEIGHBOUR_CODE)
    _arms(f"{_word}_reads_citizen", "scanner", _stage, Fate.CITIZENS_NUMBER)
_arms("prints_twice", "printer", Stage.POUCH, Fate.LABEL_TWICE)
_arms("prints_nothing", "printer", Stage.POUCH, Fate.LABEL_NONE)
_arms("prints_late", "printer", Stage.POUCH, Fate.LABEL_LATE)
_arms("prints_previous", "printer", Stage.POUCH, Fate.LABEL_WRONG)
_arms("prints_another", "printer", Stage.POUCH, Fate.LABEL_OTHER)
_arms("prints_unreadably", "printer", Stage.POUCH, Fate.LABEL_UNREADABLE)
_arms("inserts_too_much", "line", Stage.POUCH, Fate.WRONG_INSERT)
_arms("feeds_two", "line", Stage.FEEDER, Fate.DOUBLE_FEED)
_arms("falls_off", "line", Stage.BELT, Fate.FALLS)
_arms("drops_a_ghost", "line", Stage.BELT, Fate.GHOST)
_arms("jams", "line", Stage.BELT, Fate.JAMS)
_arms("diverts_late", "line", Stage.BELT, Fate.WRONG_LANE)


@act("scale_is_off", "scale", lasts=True)
def _scale_is_off(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    bagger = plant.baggers[stream.below(len(plant.baggers))]
    bagger.scale_off = stream.between(-40, 200)
    return f"{bagger.name}: the scale shows {bagger.scale_off} g too much"


@act("scale_is_stuck", "scale", lasts=True)
def _scale_is_stuck(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    bagger = plant.baggers[stream.below(len(plant.baggers))]
    bagger.scale_stuck = stream.below(100)
    return f"{bagger.name}: the scale shows {bagger.scale_stuck} g whatever lies on it"


# --- sensors and actuators of the line ----------------------------------------------------------------------------------


@act("lane_full_stuck", "line", lasts=True)
def _lane_full_stuck(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    found = lane_that(plant, plcs, stream, lambda lane: lane.full_stuck is None)
    if found is None:
        return None
    sorter, lane = found
    shows = stream.below(2) == 1
    sorter.set_full_stuck(lane, shows)
    return f"{sorter.name} lane {lane.number}: the sensor says {'full' if shows else 'not full'} for ever"


@act("eye_is_dark", "line", lasts=True)
def _eye_is_dark(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    found = lane_that(plant, plcs, stream, lambda lane: not lane.eye_dark)
    if found is None:
        return None
    sorter, lane = found
    lane.eye_dark = True
    return f"{sorter.name} lane {lane.number}: the eye sees nothing enter"


@act("eye_is_blocked", "line", lasts=True)
def _eye_is_blocked(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    found = lane_that(plant, plcs, stream, lambda lane: not (lane.jammed or lane.eye_blocked))
    if found is None:
        return None
    sorter, lane = found
    sorter.block_eye(lane)
    return f"{sorter.name} lane {lane.number}: the eye is covered"


@act("eye_flickers", "line")
def _eye_flickers(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    found = lane_that(plant, plcs, stream, lambda lane: True)
    if found is None:
        return None
    sorter, lane = found
    if not sorter.moves:
        return None
    sorter.flicker(lane)
    return f"{sorter.name} lane {lane.number}: the eye sees what is not there"


@act("diverter_sticks", "line", lasts=True)
def _diverter_sticks(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    found = lane_that(plant, plcs, stream, lambda lane: lane.diverter == SOUND and not plant.is_exception(lane))
    if found is None:
        return None
    sorter, lane = found
    stuck = (STUCK_HOME, STUCK_OUT)[stream.below(2)]
    sorter.set_diverter(lane, stuck)
    return f"{sorter.name} lane {lane.number}: the diverter is stuck {stuck}"


@act("track_is_reused", "line")
def _track_is_reused(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    sorter = plant.sorters[stream.below(len(plant.sorters))]
    rider = pick(stream, [rider for rider in sorter.on_belt() if rider.track])
    if rider is None:
        return None
    track = rider.track
    sorter.lose_tracks([rider])
    return f"{sorter.name}: track {track} is given to the next"


@act("position_closes", "line", lasts=True)
def _position_closes(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    position = pick(stream, list(plant.rack.bags))
    if position is None or not can_tell(plcs, plant.rack):
        return None
    plant.rack.close_position(position)
    return f"{plant.rack.name}: position {position} is closed"
