"""
Mischief: what people, PLCs, printers and sensors do wrong at a moment that somebody chooses.

`simulation.luck` says what goes wrong with an item at a station, by rates; an *act* goes wrong now. `ACTS` has all of them by
name. An act draws from the stream that it is given and from nothing else, says in one line what it did, and notes in
`Truth.touched` whatever the ledger cannot know from it. Call acts between events of the clock, with the plant at the present.

    done = ACTS["lifts_from_lane"].do(plant, plcs, stream)     # None: there is nothing to do it to
    heal_all(plant, plcs)                                      # what lasts is over

After each of them, once healed and quiet, the books balance, no parcel holds documents of two (B1), and each thing is where
the ledger has it, or excused by the table of `simulation.truth`:

act                       what packcenter can notice, where                  what must hold in the end
------------------------  -------------------------------------------------  ------------------------------------------------
reboots, boot_storm,      another nonce: new epoch. Sorter: its items are    what was tracked is lost or was seen again; open
counters_wrap             lost until an eye sees them (ghosts). Bagger: its  pouches at the hand station; bags that may have
                          pouches are put out. Rack: orders said again       got a parcel unheard are opened. What nobody had
                                                                             heard of before is excused (unheard)
power_dips                the machine stops (fault): pouches suspect (B6)    all agrees; the core starts it again
goes_to_stop              the heartbeat stands: link lost; all waits in the  all agrees
                          ring and goes on in order
heartbeat_freezes         link lost, though the belt runs: items end in the  all agrees, when their scans are heard at last
                          exception lane, for nobody decides
scans_slowly              decisions come late, or link lost now and then;    all agrees: wrong lanes are told by their eyes
                          diverters swing behind their item
shows_old_, torn_image    CRC or counters are wrong: read again, reconnect   all agrees (nothing of it on `FastPlc`)
scanner_reads_nothing,    provisional item to the exception lane             provisional item at hand, paired by count
_reads_two, _misreads,
_reads_one_of_two
scanner_reads_another,    a duplicate, if that item is in custody; else      agree, or both are excused (mistaken): the feeder
_neighbour                nothing before the feeder reads it again           reads again, so nothing wrong is sealed (B4)
scanner_reads_citizen     masked (B7), a stranger: provisional item        provisional item at hand, paired by count
feeder_reads_nothing,     put out as the one expected, unproven              at hand; the lane behind may shift by one until
_reads_two, _misreads,                                                       the next good read
_reads_citizen,
_reads_one_of_two
feeder_reads_another,     not the one expected: put out. If the item is in   at hand or lost. Only if a wrong document stood at
_neighbour                a parcel already: that parcel is called back, too  the head AND the reader named the right one was a
                                                                             wrong one sealed: called back when the right one
                                                                             is fed, else excused (taken_for)
feeds_two                 too thick (B5): put out                            both at hand; the second is lost until found
prints_nothing, _late,    the machine reads the label back: put out. One     at hand; the lost one comes out at the rack, or
_previous, _another,      that does not check: packcenter turns the parcel   is lost when its time is over
_unreadably               and its twin out; if unread, all on their way
prints_twice              read back: put out, or the rack reads either       the bag of the first is suspect when the label
                          label                                              comes a second time; excused after that (labelled)
inserts_too_much,         weight not in the band: turned out (C4)            at hand. A scale that is stuck inside the band
scale_is_off, _stuck                                                         hides that; thickness and identity still hold
falls_off, jams,          lost, jam, wrong lane: told by the eyes            all agrees
diverts_late
drops_a_ghost             ghost (A7): to the exception lane                  provisional item at hand
eye_flickers              ghost, then lost                                   one lost provisional item too many (phantom)
eye_is_dark               lost, though it lies in its lane                   lost; found by the feeder with the next document
eye_is_blocked            jam: the machine holds                             all agrees
lane_full_stuck           full: other lanes. Not full: reservations count    all agrees (R2 does not need the sensor)
diverter_sticks           home: fell back, wrong lane. Out: wrong lane,      all agrees: what is in a wrong lane is put out
                          told by that lane's eye
track_is_reused           the first is lost, and a ghost when an eye sees  lost, and a provisional item at hand
                          it: to the exception lane
case_rack_reads_nothing,  its cell is suspect: to the hand station           at hand; the lane behind may shift by one until
_another, _neighbour                                                         the next good read
stores_in_another_cell    the rack says where: that cell is suspect          at hand
stores_two                the eye counts two: the cell is suspect            both at hand; the second is lost until found
leaves_one_in_its_cell    the eye counts one too few: what came out is put   at hand, or lost and found in the cell
                          out, and the cell is emptied once more
leaves_one_unseen         the bagger misses one: put out. The next one in    lost, found in the cell; excused (unseen)
                          that cell is one too many
position_closes           drop refused, or turned out                        at hand
lifts_from_queue          nothing: it was never seen                         expected: excused, it shows as not come
lifts_from_belt           the next eye misses it                             lost
lifts_from_lane           another document is fed, or nothing is there       lost (or at hand, if what came was unread)
lifts_from_hand           nothing today                                      hand: excused, a count finds it
adds_to_lane,             not the one expected: put out. Behind the last     at hand; else excused until something is fed there
brings_a_copy             one: nothing. A copy looks like the real one;
                          whichever comes second is a duplicate
adds_to_belt              ghost: to the exception lane                       provisional item at hand
adds_to_queue, puts_back  scanned like any other; or as the four above       agrees, or as above
swaps_in_lane,            not the one expected: put out; what it passed over lost or at hand
_between_lanes, _on_belt  is lost
opens_guard               aborted (fault): pouches suspect and put out (B6)  at hand; what is put back wrongly as adds_to_lane
stops_machine             stopped (operator): pouches suspect and put out    all agrees; not started before that person lets it
                          (B6); packcenter leaves it alone                   (E10)
takes_parcel              it does not come out of the rack in time           lost
takes_parcel_from_bag,    nothing today: nothing sees the mouth of a bag     place and bill excused (bagged). Its weight at
bags_wrongly              (its weight at closing is told, and not judged)    closing would tell; put back onto the conveyor
returns_parcel            its label comes a second time: the bag is suspect  its label betrays it
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from simulation.mischief import cases, line, people, plcs
from simulation.mischief.act import REGISTERED, Act, FaultyPlc, Plcs
from simulation.plant.hall import Plant

__all__ = ["ACTS", "Act", "FaultyPlc", "Plcs", "heal_all"]

_MODULES: Final = (cases, line, people, plcs)
"""They register their acts when they are imported."""

ACTS: Final[Mapping[str, Act]] = MappingProxyType(dict(sorted(REGISTERED.items())))
"""Every act by its name."""


def heal_all(plant: Plant, plcs: Plcs) -> None:
    """
    Everything that lasts is over: PLCs run, sensors and diverters are free, guards closed, places open, printers and scales
    right, and machines that were stopped by it may be started again. What people hold they keep.
    """
    for name, machine in plant.programs.items():
        plcs[name].heal()
        machine.make_ready()
