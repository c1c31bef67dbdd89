"""What people do that no machine sees: with documents, guards and parcels."""

from __future__ import annotations

import msgspec

from packcenter.core.packml import State
from simulation.draws import Stream
from simulation.mischief.act import REGISTERED, Plcs, act, called, can_tell, lane_that, pick
from simulation.packml_unit import Machine
from simulation.plant.bagger import BaggerProgram
from simulation.plant.hall import Plant
from simulation.truth import Document, Why

_STOPPED_US = 2_000_000
"""A person who stops a machine at its panel has it stand at least so long."""


def _stranger(plant: Plant, stream: Stream, act: str) -> Document:
    """Something that nobody announced, with a code or without, as thick and heavy as a document."""
    code = f"XX-{stream.below(1_000_000):06d}" if stream.below(2) else ""
    document = Document(code, grams=stream.between(5, 40), thickness=60, announced=False, key=stream.below(1 << 32))
    plant.truth.appeared(document)
    plant.people.touch(document, Why.PUT, act)
    return document


def _copied(plant: Plant, stream: Stream, act: str) -> Document | None:
    """A second document with the code of another one, wherever that is."""
    first = pick(stream, [document for document in plant.truth.documents if document.code])
    if first is None:
        return None
    copy = msgspec.structs.replace(first, announced=False, key=stream.below(1 << 32))
    plant.truth.appeared(copy)
    for document in plant.truth.bearing(first.code):
        plant.people.touch(document, Why.COPY, act)
    return copy


def _at_hand(plant: Plant, stream: Stream, act: str) -> Document | None:
    """A document that a person has or can get: out of the hands, from the hand station, from an agency, or a stranger."""
    source = stream.below(4)
    if source == 0 and plant.people.documents:
        return plant.people.documents.pop(stream.below(len(plant.people.documents)))
    if source == 1 and len(plant.hand):
        document = plant.hand.take(stream.below(len(plant.hand)))
        plant.people.touch(document, Why.LIFTED, act)
        return document
    if source == 2 and (coming := plant.still_to_come()):
        return plant.fetch(coming[stream.below(min(20, len(coming)))])
    return _stranger(plant, stream, act)


@act("lifts_from_queue", "people")
def _lifts_from_queue(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    sorter = pick(stream, [sorter for sorter in plant.sorters if sorter.queue])
    if sorter is None:
        return None
    at = stream.below(len(sorter.queue))
    document = sorter.queue[at]
    del sorter.queue[at]
    plant.people.lift(document, "lifts_from_queue")
    return f"a person takes {called(document)} out of the queue of {sorter.name}"


@act("lifts_from_belt", "people")
def _lifts_from_belt(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    found = pick(stream, [(sorter, rider) for sorter in plant.sorters for rider in sorter.on_belt()])
    if found is None:
        return None
    sorter, rider = found
    document = sorter.lift(rider)
    plant.people.lift(document, "lifts_from_belt")
    return f"a person takes {called(document)} off the belt of {sorter.name}"


@act("lifts_from_lane", "people")
def _lifts_from_lane(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    found = lane_that(plant, plcs, stream, lambda lane: bool(lane.fifo))
    if found is None:
        return None
    sorter, lane = found
    document = plant.people.lift_from_lane(sorter, lane, stream.below(len(lane.fifo)), "lifts_from_lane")
    return f"a person takes {called(document)} out of lane {lane.number} of {sorter.name}"


@act("lifts_from_hand", "people")
def _lifts_from_hand(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    if not len(plant.hand):
        return None
    document = plant.hand.take(stream.below(len(plant.hand)))
    plant.people.lift(document, "lifts_from_hand")
    return f"a person takes {called(document)} away from the hand station"


@act("adds_to_lane", "people")
def _adds_to_lane(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    """Mostly into a lane where something lies: there it can do harm."""
    found = lane_that(plant, plcs, stream, lambda lane: bool(lane.fifo)) or lane_that(plant, plcs, stream, lambda lane: True)
    document = _at_hand(plant, stream, "adds_to_lane") if found is not None else None
    if found is None or document is None:
        return None
    sorter, lane = found
    at = stream.below(len(lane.fifo) + 1)
    plant.people.put_into_lane(sorter, lane, at, document, "adds_to_lane")
    return f"a person puts {called(document)} into lane {lane.number} of {sorter.name}, before {len(lane.fifo) - at - 1} others"


@act("adds_to_belt", "people")
def _adds_to_belt(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    sorter = pick(stream, [sorter for sorter in plant.sorters if can_tell(plcs, sorter)])
    document = _at_hand(plant, stream, "adds_to_belt") if sorter is not None else None
    if sorter is None or document is None:
        return None
    plant.people.lay_on_belt(sorter, stream.below(sorter.belt_end_us), document, "adds_to_belt")
    return f"a person lays {called(document)} onto the belt of {sorter.name}"


@act("adds_to_queue", "people")
def _adds_to_queue(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    sorter = plant.sorters[stream.below(len(plant.sorters))]
    document = _at_hand(plant, stream, "adds_to_queue")
    if document is None:
        return None
    plant.people.queue(sorter, document, "adds_to_queue")
    return f"a person puts {called(document)} into the queue of {sorter.name}"


@act("brings_a_copy", "people")
def _brings_a_copy(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    """Two physical documents with one code: in a queue, or at once in a lane."""
    copy = _copied(plant, stream, "brings_a_copy")
    if copy is None:
        return None
    found = lane_that(plant, plcs, stream, lambda lane: bool(lane.fifo)) if stream.below(2) else None
    if found is not None:
        sorter, lane = found
        plant.people.put_into_lane(sorter, lane, stream.below(len(lane.fifo) + 1), copy, "brings_a_copy")
        return f"another document with the code {copy.code} is put into lane {lane.number} of {sorter.name}"
    sorter = plant.sorters[stream.below(len(plant.sorters))]
    plant.people.queue(sorter, copy, "brings_a_copy")
    return f"another document with the code {copy.code} is put into the queue of {sorter.name}"


@act("puts_back", "people")
def _puts_back(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    """What a person holds is put somewhere: the hand station, a queue, a lane or a belt."""
    people = plant.people
    if not people.documents:
        return None
    sorter = plant.sorters[stream.below(len(plant.sorters))]
    where = stream.below(4) if can_tell(plcs, sorter) else stream.below(2)
    document = people.documents.pop(stream.below(len(people.documents)))
    if where == 0:
        people.bring_to_hand(plant.hand, document, "puts_back")
        return f"a person brings {called(document)} to the hand station"
    if where == 1:
        people.queue(sorter, document, "puts_back")
        return f"a person puts {called(document)} into the queue of {sorter.name}"
    if where == 2:
        lane = list(sorter.lanes.values())[stream.below(len(sorter.lanes))]
        people.put_into_lane(sorter, lane, stream.below(len(lane.fifo) + 1), document, "puts_back")
        return f"a person puts {called(document)} into lane {lane.number} of {sorter.name}"
    people.lay_on_belt(sorter, stream.below(sorter.belt_end_us), document, "puts_back")
    return f"a person lays {called(document)} onto the belt of {sorter.name}"


@act("swaps_in_lane", "people")
def _swaps_in_lane(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    found = lane_that(plant, plcs, stream, lambda lane: len(lane.fifo) > 1)
    if found is None:
        return None
    sorter, lane = found
    one = stream.below(len(lane.fifo))
    other = (one + 1 + stream.below(len(lane.fifo) - 1)) % len(lane.fifo)
    lane.fifo[one], lane.fifo[other] = lane.fifo[other], lane.fifo[one]
    plant.people.swap(lane.fifo[one], lane.fifo[other], "swaps_in_lane")
    sorter.tamper(lane, "swaps_in_lane")
    return f"{called(lane.fifo[one])} and {called(lane.fifo[other])} change places in lane {lane.number} of {sorter.name}"


@act("swaps_between_lanes", "people")
def _swaps_between_lanes(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    filled = [(sorter, lane) for sorter in plant.sorters for lane in sorter.lanes.values() if lane.fifo]
    if len(filled) < 2:
        return None
    first = stream.below(len(filled))
    second = (first + 1 + stream.below(len(filled) - 1)) % len(filled)
    (sorter, lane), (other_sorter, other_lane) = filled[first], filled[second]
    at, other_at = stream.below(len(lane.fifo)), stream.below(len(other_lane.fifo))
    lane.fifo[at], other_lane.fifo[other_at] = other_lane.fifo[other_at], lane.fifo[at]
    plant.people.swap(lane.fifo[at], other_lane.fifo[other_at], "swaps_between_lanes")
    sorter.tamper(lane, "swaps_between_lanes")
    other_sorter.tamper(other_lane, "swaps_between_lanes")
    return f"{called(other_lane.fifo[other_at])} and {called(lane.fifo[at])} change lanes"


@act("swaps_on_belt", "people")
def _swaps_on_belt(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    sorter = pick(stream, [sorter for sorter in plant.sorters if len(sorter.on_belt()) > 1])
    if sorter is None:
        return None
    riders = sorter.on_belt()
    first = stream.below(len(riders) - 1)
    one, other = riders[first], riders[first + 1]
    one.document, other.document = other.document, one.document
    plant.people.swap(one.document, other.document, "swaps_on_belt")
    return f"{called(one.document)} and {called(other.document)} change places on the belt of {sorter.name}"


# --- guards -------------------------------------------------------------------------------------------------------------


@act("opens_guard", "people", lasts=True)
def _opens_guard(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    """
    The machine aborts. A bagging machine's pouches are taken out; a person may put what was in them back wrongly.
    """
    machines = [machine for machine in plant.programs.values() if not machine.guard_open and can_tell(plcs, machine)]
    machine = pick(stream, machines)
    if machine is None or machine.unit.state in (State.ABORTED, State.ABORTING):
        return None
    pouches = machine.open_pouches() if isinstance(machine, BaggerProgram) else []
    machine.open_guard()
    said = [f"the guard of {machine.name} is opened"]
    for document in pouches:
        if stream.below(2) and plant.hand.has(document):
            said.append(_puts_wrongly(plant, plcs, stream, document, machine))
    return "; ".join(said)


@act("stops_machine", "people")
def _stops_machine(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    """Stop is pressed at a machine's panel, and for a while nobody but that person may start it."""
    machine = pick(
        stream, [each for each in plant.programs.values() if each.unit.state is State.EXECUTE and can_tell(plcs, each)]
    )
    if machine is None:
        return None
    for_us = stream.between(_STOPPED_US, 10 * _STOPPED_US)
    machine.stop_by_hand(for_us)
    return f"a person stops {machine.name} for {for_us / 1e6:.1f} s"


def _puts_wrongly(plant: Plant, plcs: Plcs, stream: Stream, document: Document, machine: Machine) -> str:
    """What was taken out of a pouch goes into a lane of its machine, or into somebody's hands."""
    plant.hand.take_this(document)
    lanes = machine.lanes if isinstance(machine, BaggerProgram) else []
    lane = pick(stream, lanes) if stream.below(3) else None
    if lane is None or not can_tell(plcs, plant.sorter_of(lane)):
        plant.people.lift(document, "opens_guard")
        return f"{called(document)} out of its pouch is kept"
    plant.people.put_into_lane(plant.sorter_of(lane), lane, stream.below(len(lane.fifo) + 1), document, "opens_guard")
    return f"{called(document)} out of its pouch is put into lane {lane.number}"


# --- parcels ------------------------------------------------------------------------------------------------------------


@act("takes_parcel", "people")
def _takes_parcel(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    parcel = pick(stream, plant.rack.on_way())
    if parcel is None:
        return None
    plant.people.take_parcel(plant.rack, parcel, "takes_parcel")
    return f"a person takes parcel {parcel.label} off the conveyor"


@act("takes_parcel_from_bag", "people")
def _takes_parcel_from_bag(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    found = pick(stream, [(bag, parcel) for bag in plant.rack.bags.values() for parcel in bag.parcels])
    if found is None:
        return None
    bag, parcel = found
    plant.people.take_out_of_bag(plant.rack, bag, parcel, "takes_parcel_from_bag")
    return f"a person takes parcel {parcel.label} out of the bag at position {bag.position}"


@act("bags_wrongly", "people")
def _bags_wrongly(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    """A parcel out of somebody's hands, off the conveyor or out of another bag is put into a bag."""
    people, rack = plant.people, plant.rack
    bag = pick(stream, list(rack.bags.values()))
    if not people.parcels:
        acts = (REGISTERED["takes_parcel"], REGISTERED["takes_parcel_from_bag"])
        acts[stream.below(2)].do(plant, plcs, stream)
    if bag is None or not people.parcels:
        return None
    parcel = people.parcels.pop(stream.below(len(people.parcels)))
    people.put_into_bag(rack, bag, parcel, "bags_wrongly")
    return f"a person puts parcel {parcel.label} into the bag at position {bag.position}"


@act("returns_parcel", "people")
def _returns_parcel(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    """A parcel that somebody holds is put onto the conveyor again, or opened at the hand station."""
    people = plant.people
    if not people.parcels:
        return None
    parcel = people.parcels.pop(stream.below(len(people.parcels)))
    if stream.below(2):
        plant.rack.convey(parcel)
        return f"a person puts parcel {parcel.label} onto the conveyor again"
    people.open_at_hand(plant.hand, parcel, "returns_parcel")
    return f"a person opens parcel {parcel.label} at the hand station"
