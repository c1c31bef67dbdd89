"""
Lives of PLCs, counting of events and commands, links, clocks, quarantine (E1, E2, E4, E6, E9, E12, B6, G2, T1 to T3).

What the journal cannot show is not judged: heartbeats, acknowledgements on the wire, the ring in the PLC.
"""

from __future__ import annotations

from typing import Final

from simulation.judge import cases, counters, people, plans
from simulation.judge.grammar import Said
from simulation.judge.hall import Hall
from simulation.judge.ledger import Bench, Court, Machine

EXECUTE: Final = 6
_STOPPED: Final = frozenset({1, 2, 7, 8, 9, 10, 11})
"""PackML states that a machine enters for its own cause: clearing, stopped, stopping, aborting, aborted, holding, held."""

_OPERATOR: Final = 4
_BY_THEMSELVES: Final = (2, 3, 6)
"""Reason classes of stops that nobody asked for: starved, blocked, packcenter lost."""
_BROUGHT_BY: Final = {1: (2, 17), 2: (4,)}
"""PackML command -> states in which it brings a machine on: reset Stopped and Completed, start Idle."""

_ENDED_BARELY: Final = ("CommandMachine", "SetPlace")
"""Commands that a bare "done" may answer: the machine or place was so already."""

_OWN_CAUSES: Final = frozenset({1, 4, 5})
"""Reason classes that are no neighbour's: own, operator, fault."""

_CLOSED: Final = 2
"""State of a place that is closed."""

MIRRORS: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "MachineChanged": ("MachineEntered", (1, 4, 5, 6)),
    "PlaceChanged": ("PlaceSet", (1, 4, 5, 6)),
    "JamChanged": ("JamSet", (1, 5, 6)),
    "ConsumableRead": ("ConsumableSet", (1, 4, 5)),
    "ClockStepped": ("ClockStepNoted", (1,)),
}
"""Inputs that are kept as they came: the fact that says so, and which fields it repeats."""


# --- lives and links ---


def hall_adopted(court: Court, bench: Bench, fact: Said) -> None:
    """A run begins: what it says of the hall is what it was started with, and no link is trusted yet."""
    if bench.name != "Started" or fact[1:] != bench.happened[1:]:
        court.blame("G2", "HallAdopted differs from what the run was started with")
    run = fact[1]
    if run != court.run + 1:
        court.blame("G2", f"run {run} begins after run {court.run}")
    court.run = run
    court.runs += 1
    plans.adopted(court, bench, Hall(fact[3]))
    for machine in court.machines.values():
        suspect_pouches(bench, machine, "controller restart")


def link_state_set(court: Court, bench: Bench, fact: Said) -> None:
    """A link is up only to a life and epoch that we granted."""
    _, plc, up, reason = fact
    machine = court.machines[plc]
    machine.up = up
    if not up:
        return
    if bench.name != "LinkUp" or bench.happened[1] != plc:
        court.blame("E4", f"the link of {plc} is up without a LinkUp")
        return
    _, _, nonce, epoch = bench.happened
    granted = any(each[1:3] == [plc, nonce] for each in bench.said.get("EpochGranted", ()))
    known = nonce == machine.nonce and machine.epoch > 0 and epoch in (0, machine.epoch)
    if not (known or (granted and epoch == 0)):
        court.blame("E4", f"the link of {plc} is up ({reason}) to life {nonce} in epoch {epoch}, which was never granted it")


def after_link_up(court: Court, bench: Bench) -> None:
    """A PLC that can be heard is said to be so, and one without an epoch is told its own, once."""
    _, plc, nonce, epoch = bench.happened
    states = [fact for fact in bench.said.get("LinkStateSet", ()) if fact[1] == plc]
    if len(states) != 1:
        court.blame("E6", f"{plc} can be heard, and {len(states)} facts say whether its link is up, expected one")
    grants = sum(command[0] == "GrantEpoch" for command in bench.commands)
    wanted = int(court.machines[plc].up and epoch == 0)
    if "EpochGranted" in bench.said:
        people.told_closed(court, bench, court.machines[plc])
    if grants != wanted:
        court.blame("E4", f"{plc} came with nonce {nonce}, epoch {epoch}; {grants} grants follow, expected {wanted}")


def epoch_granted(court: Court, bench: Bench, fact: Said) -> None:
    """A new life gets the next epoch, and what the old life tracked was accounted for first."""
    _, plc, nonce, epoch = fact
    machine = court.machines[plc]
    if bench.name != "LinkUp" or bench.happened[1:] != [plc, nonce, 0]:
        court.blame("E4", f"epoch {epoch} of {plc} is granted to life {nonce}, which did not ask for one")
    if epoch != machine.highest + 1:
        court.blame("E4", f"{plc} gets epoch {epoch} after epoch {machine.highest}")
    if nonce in (0, machine.nonce):
        court.blame("E4", f"{plc} gets a second epoch {epoch} for its life {nonce}")
    belt = [scan.item.id for scan in machine.tracks.values()]
    if belt:
        court.blame("E12", f"{plc} lost its memory, yet {', '.join(belt[:3])} is still on its belt, expected lost")
    open_jobs = [number for number, job in machine.jobs.items() if job.inside]
    if machine.jobs:
        court.blame("B6", f"{plc} lost its memory, yet its jobs {[*machine.jobs][:3]} go on ({open_jobs[:3]} hold a document)")
    cases.lost_memory(court, plc)
    counters.may_be_mended(court.bench, plc, "plc_restart")
    if court.hall is not None and plc == court.hall.rack:
        taint_ways(court, machine, "rack restart")
        for _, _, _, position, tag in [each for each in machine.asked.values() if each[0] == "CloseBag"]:
            if position in court.open_bags and tag in (court.open_bags[position].tag, court.open_bags[position].printed):
                court.blame("D3", f"{plc} lost its memory, bag {tag} may be shut, and its tag is used on")
    machine.epoch, machine.nonce, machine.highest = epoch, nonce, max(epoch, machine.highest)
    machine.seq, machine.number, machine.state, machine.held = 0, 0, 0, False
    for job in machine.jobs.values():
        for item in job.wanted:
            if item.awaited is job:
                item.awaited = None
    for known in (machine.asked, machine.places, machine.tracks, machine.jobs):
        known.clear()


def grant_epoch(court: Court, bench: Bench, command: Said) -> None:
    """A grant repeats what is durable: this epoch for this life."""
    _, plc, nonce, epoch = command
    machine = court.machines[plc]
    if (nonce, epoch) != (machine.nonce, machine.epoch):
        court.blame("E4", f"{plc} is told epoch {epoch} for life {nonce}, durable is {machine.epoch} for {machine.nonce}")
    elif bench.name != "LinkUp" or bench.happened[1:] != [plc, nonce, 0]:
        court.blame("E4", f"{plc} is granted epoch {epoch}, though it did not ask for one")


# --- events ---


def event_taken(court: Court, bench: Bench, fact: Said) -> None:
    """Each event is taken once, in order, and what is missing before it is a gap that is said."""
    _, plc, epoch, seq = fact
    if (plc, epoch, seq) != (bench.plc, bench.epoch, bench.seq):
        court.blame("E1", f"event {plc}/{epoch}/{seq} is taken in the record of {bench.plc}/{bench.epoch}/{bench.seq}")
        return
    machine = court.machines[plc]
    if bench.state == "stale":
        court.blame("E4", f"event {seq} of {plc} is of epoch {epoch} and taken, in force is {machine.epoch}")
    elif bench.state == "repeated":
        court.blame("E1", f"event {plc}/{epoch}/{seq} is taken again, {machine.seq} was the last one")
    else:
        if seq != machine.seq + 1 and ["GapSeen", plc, epoch, machine.seq + 1, seq] not in bench.said.get("GapSeen", ()):
            court.blame("E2", f"event {seq} of {plc} in epoch {epoch} follows {machine.seq}, and no gap is said")
        machine.seq = seq


def gap_seen(court: Court, bench: Bench, fact: Said) -> None:
    """Events that never came: an open discrepancy, and whatever they may have been about is suspect."""
    _, plc, epoch, expected, seen = fact
    machine = court.machines[plc]
    court.gaps += 1
    last = machine.seq - 1 if bench.seq == machine.seq else machine.seq
    if (plc, epoch, seen) != (bench.plc, bench.epoch, bench.seq) or expected >= seen or bench.state != "taken":
        court.blame("E2", f"a gap {expected} to {seen} of {plc}/{epoch} is said at event {bench.plc}/{bench.epoch}/{bench.seq}")
    elif bench.seq != machine.seq and expected != last + 1:
        court.blame("E2", f"a gap from {expected} of {plc} is said, {last} was the last event")
    suspect_pouches(bench, machine, "gap")
    cases.missed_events(court, bench, plc)
    counters.may_be_mended(bench, plc, "gap")
    if court.hall is not None and plc == court.hall.rack:
        taint_bags(court, machine, "gap")


def suspect_pouches(bench: Bench, machine: Machine, why: str) -> None:
    """Every open pouch of a bagger that holds a document is suspect, and the record says so (B6)."""
    for job in machine.jobs.values():
        if job.inside and not job.suspect:
            job.suspect = why
            bench.doubted.append(job)


def after_doubts(court: Court, bench: Bench) -> None:
    """A pouch that became suspect, and was to be sealed, is said to be so."""
    said = bench.said.get("JobSuspected", ())
    for job in bench.doubted:
        told = any(fact[1:3] == [job.plc, job.number] for fact in said) or any(each.suspect for each in job.inside)
        if job.verdict and not told and court.machines[job.plc].jobs.get(job.number) is job:
            court.blame("B6", f"the pouch of job {job.number} of {job.plc} is suspect ({job.suspect}), and nothing says so")


def taint_ways(court: Court, machine: Machine, why: str) -> None:
    """A parcel on its way to a position may have fallen there unheard, until it comes out after all (D1)."""
    for item, parcel in court.in_rack.items():
        if parcel.ordered and parcel.position is not None and court.hall is not None and parcel.position in court.hall.positions:
            machine.tainted.setdefault(parcel.position, {})[item] = why


def taint_bags(court: Court, machine: Machine, why: str) -> None:
    """An event of the rack is unknown: what is in the bags is no longer known (D1)."""
    taint_ways(court, machine, why)
    for bag in court.open_bags.values():
        bag.tainted = why


def machine_entered(court: Court, bench: Bench, fact: Said) -> None:
    """After a stop for its own cause no open pouch is trusted."""
    machine = court.machines[fact[1]]
    machine.state = fact[2]
    if machine.state in _STOPPED or (machine.state != EXECUTE and fact[3] in _OWN_CAUSES):
        suspect_pouches(bench, machine, "stop")
    if machine.state in _STOPPED:
        counters.may_be_mended(bench, machine.name, "machine_stopped")


def jam_set(court: Court, bench: Bench, fact: Said) -> None:
    """Nor after a jam."""
    if fact[3]:
        suspect_pouches(bench, court.machines[fact[1]], "jam")


def place_set(court: Court, bench: Bench, fact: Said) -> None:
    """A PLC says whether a place is open (0), full, closed or jammed."""
    court.machines[fact[1]].places[fact[2]] = fact[3]


def quarantine_noted(court: Court, bench: Bench, fact: Said) -> None:
    """An event that nobody could decide on is set down as it came; what it may have been about is suspect."""
    _, plc, epoch, seq, _, error = fact
    if bench.name != "Quarantined" or [plc, epoch, seq, error] != [*bench.happened[1:4], bench.happened[6]]:
        court.blame("E1", f"the quarantine of {plc}/{epoch}/{seq} is noted in a record about another event")
    elif bench.state == "taken" and court.hall is not None and plc == court.hall.rack:
        taint_bags(court, court.machines[plc], "quarantine")
    elif bench.state == "taken":
        cases.missed_events(court, bench, plc)


_BEYOND: Final = ("hand", "lost", "dispatched", "returned", "remade", "outside")
"""Where an item is with people, or has left: a code of it that is read in the hall is another thing's."""


def after_quarantined(court: Court, bench: Bench) -> None:
    """The item that it named is with people, or will be put out."""
    for _, _, _, _, name, _ in bench.said.get("QuarantineNoted", ()):
        item = court.items.get(name)
        if item is None:
            if name:
                court.blame("A5", f"the quarantine names {name!r}, which never appeared")
        elif bench.state == "taken" and item.place not in _BEYOND and not item.suspect:
            sound = item.parcel is None or item.parcel.sound
            if sound:
                court.blame("B6", f"{name} is in {item.place} as if nothing had been, though an event about it is unknown")
    if not bench.said.get("QuarantineNoted"):
        court.blame("E1", "a quarantined event is not noted")


# --- commands ---


def numbered(court: Court, bench: Bench, command: Said) -> None:
    """Commands of a life are numbered from 1 without a hole."""
    name, plc, number = command[:3]
    machine = court.machines[plc]
    if not machine.epoch:
        court.blame("E4", f"{plc} gets {name} {number} before it has an epoch")
    if number != machine.number + 1:
        court.blame("E9", f"{plc} gets {name} with number {number}, expected {machine.number + 1}")
    machine.number = number
    if (plc, number) in bench.revoked:
        bench.revoked.remove((plc, number))
    else:
        machine.asked[number] = command


def command_machine(court: Court, bench: Bench, command: Said) -> None:
    """A machine is brought to run from where it waits; what a person, a fault or a jam stopped is left to people (E10)."""
    _, plc, _, order = command
    if bench.name == "MachineOrdered":
        people.ordered(court, bench, command)
        return
    state = court.machines[plc].state
    if court.machines[plc].stopped_by:
        court.blame("E10", f"{plc} is told PackML command {order}, though {court.machines[plc].stopped_by} stopped it")
    elif state not in _BROUGHT_BY.get(order, ()):
        court.blame("E10", f"{plc} is told PackML command {order} in state {state}")
    elif bench.name == "MachineChanged" and bench.happened[5] == _OPERATOR:
        court.blame("E10", f"{plc} is told PackML command {order}, though an operator stopped it")


def after_machine_changed(court: Court, bench: Bench) -> None:
    """The state is kept as it came, and answers whatever the machine was told before."""
    after_mirror(court, bench)
    machine = court.machines[bench.plc]
    if bench.happened[4] == EXECUTE and machine.stopped_by and not people.is_being_stopped(machine):
        court.blame("E10", f"{bench.plc} runs, and is said to be stopped by {machine.stopped_by}")
    fresh = [command[2] for command in bench.commands]
    for number, command in court.machines[bench.plc].asked.items():
        if command[0] == "CommandMachine" and number not in fresh and _leads_to(command[3], *bench.happened[4:6]):
            court.blame("E9", f"PackML command {number} of {bench.plc} stays open, though the machine entered a state")
            return


def command_answered(court: Court, bench: Bench, fact: Said) -> None:
    """A command is answered once; what its own event must answer no bare "done" can."""
    _, plc, number, result = fact
    command = court.machines[plc].asked.pop(number, None)
    if command is None:
        if any(each[1:3] == [plc, number] and each[0] != "GrantEpoch" for each in bench.commands):
            bench.revoked.append((plc, number))  # given up in the very record that asks for it
        else:
            court.blame("E9", f"command {number} of {plc} is answered, but it was not asked or was answered before")
        return
    if command[0] == "Drop":
        for parcel in court.labels.get(command[4], ()):
            parcel.ordered = False
    if bench.name == "CommandEnded" and bench.plc == plc and bench.happened[4] == number:
        if bench.happened[5] != result:
            court.blame("E9", f"command {number} of {plc} ended with {bench.happened[5]}, yet {result} is its answer")
        elif not result and command[0] not in _ENDED_BARELY:
            court.blame("E9", f"{command[0]} {number} of {plc} is answered by a bare 'done', expected an event of its own")
    elif result:
        court.blame("E9", f"command {number} of {plc} is answered with {result}, which no machine said")
    elif command[0] == "CommandMachine" and bench.name == "MachineChanged" and not _leads_to(command[3], *bench.happened[4:6]):
        court.blame("E10", f"PackML command {command[3]} of {plc} passes for done by state {bench.happened[4]}")


def _leads_to(order: int, state: int, reason: int) -> bool:
    """Whether a state answers a PackML command: what ends Execute only where it leads to and by nothing else, the others any."""
    return order not in people.ENDS or (state in people.ENDS[order] and reason not in _BY_THEMSELVES)


def command_timed_out(court: Court, bench: Bench, fact: Said) -> None:
    """Only what is asked and open can be waited for in vain."""
    _, plc, number, kind, _ = fact
    command = court.machines[plc].asked.get(number)
    if command is None or kind not in ("", command[0]):
        court.blame("E9", f"{kind or 'a command'} {number} of {plc} is waited for, but it is not open")


def after_over(court: Court, bench: Bench) -> None:
    """A command about an object that left is over, unless this record asks it anew."""
    fresh = [(command[1], command[2]) for command in bench.commands]
    for plc, name, what in bench.over:
        for number, command in court.machines[plc].asked.items():
            about = command[3 if name == "Divert" else 4] if command[0] == name else None
            if about == what and about is not None and (plc, number) not in fresh:
                court.blame("E9", f"{name} {number} of {plc} stays open, though what it is about left")
                break


def after_mirror(court: Court, bench: Bench) -> None:
    """What a PLC or the clock says is kept as it came."""
    name, places = MIRRORS[bench.name]
    expected = [name, *(bench.happened[place] for place in places)]
    if expected not in bench.said.get(name, ()) and "EventSetAside" not in bench.said:
        court.blame("T3" if bench.name == "ClockStepped" else "A1", f"{bench.name} came, and no {name} repeats it")


def after_place_changed(court: Court, bench: Bench) -> None:
    """The place is kept as it came, and answers the oldest order about it if that is what it was told to be."""
    after_mirror(court, bench)
    place, is_open = bench.happened[4], bench.happened[5] != _CLOSED
    orders = [command for command in court.machines[bench.plc].asked.values() if command[0] == "SetPlace" and command[3] == place]
    answered = any(fact[1] == bench.plc for fact in bench.said.get("CommandAnswered", ()))
    if orders and orders[0][4] == is_open and not answered:
        court.blame("E9", f"command {orders[0][2]} of {bench.plc} stays open, though place {place} is as it was told to be")


def after_command_ended(court: Court, bench: Bench) -> None:
    """A command that ended is answered, unless it is unknown, or still owes an event of its own."""
    number, result = bench.happened[4:6]
    command = court.machines[bench.plc].asked.get(number)
    owes = command is not None and not result and command[0] not in _ENDED_BARELY
    if "EventSetAside" in bench.said:
        if command is not None and not owes:
            court.blame("E9", f"command {number} of {bench.plc} ended with {result}, and that is not believed")
    elif command is not None or "CommandAnswered" not in bench.said:
        court.blame("E9", f"command {number} of {bench.plc} ended, and is not answered")
    job = court.machines[bench.plc].jobs.get(number)
    answered = any(each[1:3] == [bench.plc, number] for each in bench.said.get("CommandAnswered", ()))
    goes_out = job is not None and job.inside and job.verdict is False
    if job is not None and "EventSetAside" not in bench.said and (answered or command is not None) and not goes_out:
        court.blame("B3", f"{bench.plc} refused to begin job {number}, which goes on")


def after_link_lost(court: Court, bench: Bench) -> None:
    """A machine that cannot be heard is shown as unknown."""
    if court.machines[bench.happened[1]].up:
        court.blame("E6", f"{bench.happened[1]} cannot be heard, and its link is still up")


def after_started(court: Court, bench: Bench) -> None:
    """A run that starts adopts its hall, and trusts no link that it has not heard."""
    if "HallAdopted" not in bench.said:
        court.blame("G2", "a run starts and adopts no hall")
    for plc, machine in court.machines.items():
        if machine.up:
            court.blame("E6", f"a run starts, and does not say that {plc} was not heard yet")
            machine.up = False


def after_stop(court: Court, bench: Bench) -> None:
    """A stop that was asked for is noted."""
    if "StopNoted" not in bench.said:
        court.blame("O1", "a stop was asked for, and is not noted")
