"""
Small days on which the mutants are made: scripts as in `tests/scripts`, performed by the real core.

Each is sound, and the judge finds nothing in it. What they show is told by their first line.
"""

from __future__ import annotations

from functools import cache

import walked
from scripts import FOLDER, _scenario
from writer import Record, copied

DAY = """
# Letters and ID cards come from the manifest into two bags, which are closed and dispatched; one scan reads nothing.
given hall small
given 70.000 place sorter-1 2 open
given 70.500 consumable bagger-1 consumable=1 percent=80
given item NJ0001 letter 210005 waybill=EA777777775CN
given item NJ0002 letter 211000
given item NJ0003 id_card 211999
given item NJ0004 id_card 210000
given item NJ0005 letter 215001
given item NJ0006 letter 215001
given 80.000 scan NJ0001 track=1
given 81.000 scan NJ0002 track=2
given 83.000 confirmed sorter-1 track=1 lane=2
given 84.000 confirmed sorter-1 track=2 lane=2
given 84.100 fed bagger-1 NJ0001 job=1
given 84.200 packed bagger-1 EA777777775CN job=1 grams=100
given 84.300 fed bagger-1 NJ0002 job=3
given 84.400 packed bagger-1 EA000000014CN job=3 grams=100
given 85.000 scan NJ0003 track=3
given 85.100 scan NJ0004 track=4
given 87.000 confirmed sorter-1 track=3 lane=1
given 87.100 confirmed sorter-1 track=4 lane=1
given 87.200 fed bagger-1 NJ0003 job=5
given 87.300 packed bagger-1 EA000000028CN job=5 grams=30
given 87.400 fed bagger-1 NJ0004 job=7 thickness=80
given 87.500 packed bagger-1 EA000000031CN job=7 grams=30
given 88.000 scan - track=5 outcome=no_identifier
given 89.000 dropped EA777777775CN position=1 grams=100
given 89.100 dropped EA000000014CN position=1 grams=100
given 89.200 dropped EA000000028CN position=1 grams=30
given 89.300 dropped EA000000031CN position=1 grams=30
given 89.500 shut 1 seal=S4711 grams=300
given 90.000 scan NJ0005 track=6
given 90.100 scan NJ0006 track=7
given 93.000 confirmed sorter-1 track=6 lane=2
given 93.100 confirmed sorter-1 track=7 lane=2
given 93.200 fed bagger-1 NJ0005 job=9
given 93.300 packed bagger-1 EA000000045CN job=9 grams=40
given 93.400 fed bagger-1 NJ0006 job=11
given 93.500 packed bagger-1 EA000000059CN job=11 grams=40
given 94.000 confirmed sorter-1 track=5 lane=9
given 95.000 dropped EA000000045CN position=2 grams=40
given 95.100 dropped EA000000059CN position=2 grams=40
given 96.000 shut 2 seal=S4712 grams=100
given 97.000 clock-step by_us=70000
given 98.000 stop operator
"""

TROUBLE = """
# Everything that goes wrong in a hall once: unknown, lost and found items, wrong lanes, double feeds, gaps, repeats, jams.
given hall small
given item NJ0001 letter 210005
given item NJ0002 letter 210005
given item NJ0003 letter 210005
given item NJ0004 letter 210005
given item NJ0005 letter 210005
given item NJ0006 id_card 210005
given 10.000 scan NJ0001 track=1
given 11.000 lost sorter-1 track=1 eye=3
given 12.000 scan NJ0001 track=2
given 15.000 confirmed sorter-1 track=2 lane=2
given 15.500 scan NJ0001 track=3
given 16.000 fed bagger-1 NJ0001 job=1
given 16.500 machine bagger-1 held reason_class=own
given 17.000 machine bagger-1 execute
given 18.000 packed bagger-1 EA000000014CN job=1
given 19.000 dropped EA000000014CN position=0
given 21.500 confirmed sorter-1 track=3 lane=9
given 22.000 scan X1 track=4
given 28.000 confirmed sorter-1 track=4 lane=9
given 29.000 scan NJ0002 track=5
given 30.000 scan NJ0003 track=6
given 32.000 confirmed sorter-1 track=5 lane=2
given 33.000 confirmed sorter-1 track=6 lane=2
given 34.000 fed bagger-1 NJ0002 job=3
given 35.000 fed bagger-1 NJ0003 job=3
given 36.000 packed bagger-1 EA000000028CN job=3
given 37.000 dropped EA000000028CN position=0
given 38.000 scan NJ0004 track=7
given 41.000 confirmed sorter-1 track=7 lane=3 disposition=wrong_lane
given 42.000 fed bagger-2 NJ0004 job=1
given 43.000 packed bagger-2 - job=1 result=1
given 44.000 machine rack-1 execute seq=9
given 45.000 machine rack-1 execute seq=9
given 46.000 machine rack-1 execute epoch=3 seq=10
given 47.000 scan NJ0005 track=8
given 50.000 confirmed sorter-1 track=8 lane=2
given 51.000 ended bagger-1 command=9 result=interlock
given 52.000 tick
given 53.000 fed bagger-1 NJ0005 job=10
given 54.000 packed bagger-1 - job=10
given 55.000 dropped - position=0 reason=2
given 56.000 ghost sorter-1 track=9
given 60.000 confirmed sorter-1 track=9 lane=9
given 61.000 quarantined sorter-1 epoch=1 seq=99 code=NJ0006
"""

RATES = """
# A lane takes two items a minute; the third one in it goes to the hand station, one a minute later does not.
given hall slow
given item NJ0001 letter 210005
given item NJ0002 letter 210005
given item NJ0003 letter 210005
given item NJ0004 letter 210005
given 0.000 scan NJ0001 track=1 plc=sorter-2
given 1.000 scan NJ0002 track=2 plc=sorter-2
given 2.000 scan NJ0003 track=3 plc=sorter-2
given 2.100 confirmed sorter-2 track=1 lane=1
given 3.100 confirmed sorter-2 track=2 lane=1
given 8.000 confirmed sorter-2 track=3 lane=9
given 60.100 scan NJ0004 track=4 plc=sorter-2
given 62.000 confirmed sorter-2 track=4 lane=1
"""

LOOPS = """
# An item goes round twice and then to the exception lane; another comes round to an open lane; the infeed is held and let go.
given hall loop
given item NJ0001 letter 210005
given item NJ0002 letter 210005
given item NJ0003 letter 210005
given item NJ0004 letter 210005
given item NJ0005 letter 210005
given 0.100 place sorter-2 1 full
given 1.000 scan NJ0001 track=1 plc=sorter-2
given 1.100 scan NJ0002 track=2 plc=sorter-2
given 1.200 scan NJ0003 track=3 plc=sorter-2
given 1.300 scan NJ0004 track=4 plc=sorter-2
given 1.400 place sorter-2 0 closed
given 7.000 confirmed sorter-2 track=1 lane=0 disposition=recirculated
given 7.100 confirmed sorter-2 track=2 lane=0 disposition=recirculated
given 7.200 lost sorter-2 track=3 eye=1
given 7.300 confirmed sorter-2 track=4 lane=9 disposition=lane_closed
given 7.400 place sorter-2 0 open
given 11.000 scan NJ0001 track=5 plc=sorter-2
given 12.000 place sorter-2 1 open
given 12.100 scan NJ0002 track=6 plc=sorter-2
given 14.100 confirmed sorter-2 track=6 lane=1
given 15.000 place sorter-2 1 full
given 17.000 confirmed sorter-2 track=5 lane=0 disposition=recirculated
given 21.000 scan NJ0001 track=7 plc=sorter-2
given 27.000 confirmed sorter-2 track=7 lane=9
given 28.000 scan NJ0005 track=8 plc=sorter-2
given 34.000 confirmed sorter-2 track=8 lane=0 disposition=recirculated
given 35.000 link-up sorter-2 nonce=8
"""

PLANS = """
# Two plans are switched to, one is refused; a restart keeps what was switched to, and the next one brings another site's plan.
given hall daily
given item NJ0001 letter 211000
given item NJ0002 letter 211000
given item NJ0003 letter 210000
given 1.000 scan NJ0001 track=1
given 1.500 switch lane-7
given 2.000 switch night
given 2.500 switch night-changed
given 3.000 confirmed sorter-1 track=1 lane=1
given 3.100 scan NJ0002 track=2
given 3.200 fed bagger-1 NJ0001 job=1
given 3.400 packed bagger-1 EA000000014CN job=1
given 4.000 dropped EA000000014CN position=1
given 5.100 confirmed sorter-1 track=2 lane=1
given 5.200 fed bagger-1 NJ0002 job=3
given 5.400 packed bagger-1 EA000000028CN job=3
given 6.000 dropped EA000000028CN position=2
given 7.000 restart
given 7.100 link-up sorter-1 epoch=1 nonce=7
given 7.200 machine sorter-1 execute
given 8.000 scan NJ0003 track=3
given 11.000 withheld long.toml no_such_plan
given 12.000 switch short
given 20.000 tick
given 20.500 restart
given 21.000 restart hall=small
"""

DEAF = """
# A sorter takes no commands: six items pass it without an answer. So does a parcel at the rack; one more was told nothing indeed.
given hall small
given alarms
given item NJ0001 letter 210005
given item NJ0002 letter 210005
given item NJ0003 letter 210005
given item NJ0004 letter 210005
given item NJ0005 letter 210005
given item NJ0006 letter 210005
given item NJ0007 letter 210005
given item NJ0008 letter 210005
given 0.000 scan NJ0008 track=8
given 2.000 confirmed sorter-1 track=8 lane=2
given 3.000 fed bagger-1 NJ0008 job=1
given 4.000 packed bagger-1 EA000000014CN job=1
given 6.000 dropped EA000000014CN position=0 reason=1
given 9.000 scan NJ0007 track=7 age=40
given 10.100 scan NJ0001 track=1
given 10.200 scan NJ0002 track=2
given 10.300 scan NJ0003 track=3
given 10.400 scan NJ0004 track=4
given 10.500 scan NJ0005 track=5
given 10.600 scan NJ0006 track=6
given 13.000 confirmed sorter-1 track=7 lane=9 disposition=no_answer
given 13.100 confirmed sorter-1 track=1 lane=9 disposition=no_answer
given 13.200 confirmed sorter-1 track=2 lane=9 disposition=no_answer
given 13.300 confirmed sorter-1 track=3 lane=9 disposition=no_answer
given 13.400 confirmed sorter-1 track=4 lane=9 disposition=no_answer
given 13.500 confirmed sorter-1 track=5 lane=9 disposition=no_answer
given 13.600 confirmed sorter-1 track=6 lane=9 disposition=no_answer
"""

LIVES = """
# PLCs restart with items on the belt, a document in a pouch, a parcel on its way and a bag open; then the controller does.
given hall small
given item NJ0001 letter 210005
given item NJ0002 letter 210005
given item NJ0003 letter 210005
given item NJ0004 letter 210005
given item NJ0005 letter 210005
given 10.000 scan NJ0001 track=1
given 13.000 confirmed sorter-1 track=1 lane=2
given 14.000 fed bagger-1 NJ0001 job=1
given 15.000 packed bagger-1 EA000000014CN job=1
given 16.000 dropped EA000000014CN position=1
given 17.000 scan NJ0002 track=2
given 20.000 confirmed sorter-1 track=2 lane=2
given 21.000 fed bagger-1 NJ0002 job=3
given 22.000 packed bagger-1 EA000000028CN job=3
given 23.000 link-lost rack-1 heartbeat
given 24.000 link-up rack-1 nonce=8 epoch=0
given 24.100 machine rack-1 execute
given 25.000 dropped EA000000028CN position=1
given 26.000 shut 1 seal=S1
given 27.000 scan NJ0003 track=3
given 28.000 link-up sorter-1 nonce=9 epoch=0
given 28.100 machine sorter-1 execute
given 29.000 scan NJ0003 track=1
given 32.000 confirmed sorter-1 track=1 lane=2
given 33.000 fed bagger-1 NJ0003 job=5
given 34.000 link-up bagger-1 nonce=10 epoch=0
given 34.100 machine bagger-1 execute
given 35.000 scan NJ0004 track=2
given 38.000 confirmed sorter-1 track=2 lane=2
given 39.000 fed bagger-1 NJ0004 job=1
given 40.000 restart
given 41.000 link-up sorter-1 nonce=9 epoch=2
given 41.100 link-up bagger-1 nonce=10 epoch=2
given 41.200 link-up rack-1 nonce=8 epoch=0
given 42.000 packed bagger-1 EA000000045CN job=1
given 43.000 dropped EA000000045CN position=0
"""

VAIN = """
# What is sought and not there, what overflows, what no eye confirms, machines that stop and start, a bag that refuses.
given hall small
given item NJ0001 letter 210005
given item NJ0002 letter 210005
given item NJ0003 letter 210005
given item NJ0004 letter 210005
given item NJ0005 id_card 210005 waybill=EA777777775CN
given item NJ0006 letter 210005
given item NJ0007 letter 210005
given item NJ0008 id_card 210005
given 10.000 machine sorter-2 stopped
given 10.100 machine sorter-2 idle
given 10.200 machine sorter-2 execute
given 11.000 machine sorter-2 stopped reason_class=operator
given 12.000 machine bagger-2 held reason_class=own
given 20.000 scan NJ0001 track=1
given 20.100 scan NJ0002 track=2
given 20.200 scan NJ0003 track=3
given 23.000 confirmed sorter-1 track=1 lane=2
given 23.100 confirmed sorter-1 track=2 lane=2
given 23.500 ended bagger-1 command=1 result=nothing_there
given 24.200 confirmed sorter-1 track=3 lane=3
given 25.000 scan NJ0004 track=4
given 28.000 confirmed sorter-1 track=4 lane=2
given 28.500 fed bagger-1 NJ0004 job=2
given 29.000 packed bagger-1 - job=2 result=1
given 30.000 scan NJ0005 track=5
given 32.000 confirmed sorter-1 track=5 lane=1
given 33.000 fed bagger-1 NJ0005 job=4
given 34.000 packed bagger-1 EA777777775CN job=4 grams=40
given 36.000 dropped EA777777775CN position=1
given 36.100 scan NJ0008 track=20
given 38.100 confirmed sorter-1 track=20 lane=1
given 38.500 fed bagger-1 NJ0008 job=6
given 39.000 packed bagger-1 - job=6 grams=40
given 39.500 dropped - position=0 reason=2
given 39.900 dropped EA777777775CN position=0 reason=1
given 40.000 scan NJ0006 track=6
given 47.000 tick
given 52.000 tick
given 60.000 scan NJ0007 track=7
given 61.000 machine sorter-1 held reason_class=own
given 67.000 tick
given 32400.000 tick
given 32401.000 link-up rack-1 nonce=8 epoch=0
given 32402.000 machine rack-1 execute
given 32403.000 shut 1 seal=S1
"""

PEOPLE = """
# What people ask for: a lane closed and opened, a machine stopped and let run, maintenance, a bag, verdicts, refusals.
given hall small
given item NJ0001 letter 210005
given item NJ0002 letter 210005
given item NJ0003 letter 210005
given item NJ0004 letter 210005
given item NJ0005 letter 210005
given 10.000 lane sorter-1 2 closed
given 10.100 place sorter-1 2 closed
given 11.000 scan NJ0001 track=1
given 15.000 confirmed sorter-1 track=1 lane=3
given 15.500 fed bagger-2 NJ0001 job=1
given 16.000 packed bagger-2 EA000000014CN job=1
given 17.000 dropped EA000000014CN position=1
given 18.000 link-up sorter-1 nonce=8
given 18.100 machine sorter-1 execute
given 19.000 lane sorter-1 2 open
given 19.100 ended sorter-1 command=2 result=done
given 20.000 lane sorter-1 2 open
given 21.000 bag 1
given 21.500 bag 1
given 22.000 shut 1 seal=S1
given 30.000 command bagger-1 stop
given 30.100 machine bagger-1 execute
given 30.200 machine bagger-1 stopping reason_class=operator
given 30.300 machine bagger-1 stopped
given 31.000 maintenance bagger-1 30
given 32.000 command bagger-1 reset role=maintenance
given 32.100 machine bagger-1 resetting
given 32.200 machine bagger-1 idle
given 33.000 command bagger-1 stop
given 34.000 maintenance bagger-1 0
given 35.000 command bagger-1 stop role=maintenance
given 36.000 command bagger-1 start
given 36.100 machine bagger-1 starting
given 36.200 machine bagger-1 execute
given 40.000 command bagger-2 hold
given 40.100 machine bagger-2 holding
given 40.200 machine bagger-2 held
given 41.000 maintenance bagger-2 1
given 42.000 machine bagger-2 unholding
given 43.000 machine bagger-2 execute
given 101.000 tick
given 110.000 scan - track=1 outcome=no_identifier
given 112.000 confirmed sorter-1 track=1 lane=9
given 113.000 verdict ?no_read:000001 code NJ0002 role=operator
given 114.000 verdict NJ0002 reinduct role=operator
given 115.000 scan NJ0002 track=2
given 121.000 confirmed sorter-1 track=2 lane=9
given 122.000 verdict NJ0002 remake
given 123.000 verdict NJ0003 withdraw
given 124.000 scan NJ0003 track=3
given 130.000 confirmed sorter-1 track=3 lane=9
given 131.000 verdict NJ0003 return
given 332.000 verdict NJ0004 remake
given 333.000 verdict NJ0004 withdraw role=operator
given 340.000 command bagger-2 suspend role=engineer
given 340.100 machine bagger-2 suspending reason_class=controller_lost
given 340.200 machine bagger-2 suspended reason_class=controller_lost
given 340.300 ended bagger-2 command=5 result=wrong_state
"""

ALARMS = """
# Alarms: a jam that explains a hold, a lost link, a missing ID card, a gap, all that people do about them, a flood.
given hall small
given alarms
given item NJ0001 id_card 210005
given item NJ0002 letter 210005
given 0.000 jam sorter-1 zone=1 on=1
given 0.100 machine sorter-1 held reason_class=own
given 10.000 acknowledge jam sorter-1
given 11.000 jam sorter-1 zone=1 on=0
given 11.500 machine sorter-1 unholding
given 12.000 machine sorter-1 execute
given 13.000 machine bagger-1 held reason_class=own
given 43.000 tick
given 44.000 machine bagger-1 execute
given 45.000 acknowledge machine_held bagger-1
given 46.000 acknowledge machine_held bagger-1
given 50.000 jam bagger-2 zone=1 on=1
given 51.000 link-lost bagger-2 heartbeat
given 61.000 tick
given 70.000 link-up bagger-2 epoch=1
given 71.000 jam bagger-2 zone=1 on=0
given 72.000 acknowledge jam bagger-2
given 80.000 scan NJ0001 track=1
given 81.000 lost sorter-1 track=1
given 82.000 scan NJ0001 track=2
given 90.000 consumable bagger-1 consumable=1 percent=9 seq=20
given 91.000 consumable bagger-1 consumable=1 percent=0
given 92.000 acknowledge events_missing bagger-1
given 93.000 shelve consumable_empty bagger-1/1 minutes=1
given 153.000 tick
given 160.000 take-out jam rack-1
given 161.000 jam rack-1 zone=1 on=1
given 162.000 take-out jam rack-1 out=0
given 163.000 shelve jam rack-1 minutes=500
given 164.000 machine bagger-1 aborted reason_class=fault
given 165.000 machine bagger-2 aborted reason_class=fault
given 166.000 consumable bagger-2 consumable=1 percent=0
given 167.000 consumable bagger-2 consumable=2 percent=0
given 168.000 consumable bagger-2 consumable=3 percent=0
given 169.000 machine rack-1 aborted reason_class=fault
given 170.000 place sorter-1 9 full
given 770.000 tick
given 800.000 link-lost bagger-2 heartbeat
given 801.000 link-up bagger-2 epoch=1
given 900.000 link-lost bagger-2 heartbeat
given 901.000 link-up bagger-2 epoch=1
given 1000.000 link-lost bagger-2 heartbeat
given 1001.000 link-up bagger-2 epoch=1
given 1010.000 scan - track=11 outcome=no_identifier
given 1011.000 scan - track=12 outcome=no_identifier
given 1012.000 scan - track=13 outcome=no_identifier
given 1013.000 scan - track=14 outcome=no_identifier
given 1014.000 scan - track=15 outcome=no_identifier
given 1015.000 scan - track=16 outcome=no_identifier
"""

RECEIPTS = """
# Court documents: receipts come by hand, by a file and too late; one is given up and comes after all.
given hall court
given alarms
given item NJ0001 letter 210005 service=receipt-requested
given item NJ0002 letter 210005
given item NJ0003 letter 210005 service=receipt-requested
given item NJ0004 letter 210005 service=receipt-requested
given 10.000 scan NJ0001 track=1
given 11.000 scan NJ0002 track=2
given 13.000 confirmed sorter-1 track=1 lane=2
given 14.000 confirmed sorter-1 track=2 lane=2
given 14.100 fed bagger-1 NJ0001 job=1
given 14.200 packed bagger-1 EA000000014CN job=1
given 14.300 fed bagger-1 NJ0002 job=3
given 14.400 packed bagger-1 EA000000028CN job=3
given 15.000 scan NJ0003 track=3
given 18.000 confirmed sorter-1 track=3 lane=2
given 18.100 fed bagger-1 NJ0003 job=5
given 18.200 packed bagger-1 EA000000031CN job=5
given 20.000 dropped EA000000014CN position=3
given 21.000 dropped EA000000028CN position=1
given 22.000 dropped EA000000031CN position=3
given 30.000 shut 3
given 40.000 receipt EA000000014CN
given 41.000 receipt NJ0001
given 42.000 receipt NJ0002
given 43.000 receipt NJ0099
given due tick
given 4000.000 receipt NJ0003 returned=0 role=supervisor
given 4001.000 receipt NJ0003 returned=0 role=supervisor
given 4002.000 receipts F1 NJ0001,EA000000031CN,NJ0004,X1
given 4003.000 receipt NJ0003 returned=0
"""

SERVICES = """
# One destination, three services, two bags of them closed: court documents, letters, what is fetched at an outlet.
given hall court
given item NJ0001 letter 210005 service=receipt-requested
given item NJ0002 letter 210005 service=registered
given item NJ0003 letter 0 service=outlet-pickup outlet=NJ-PO-1
given item NJ0004 letter 0 service=outlet-pickup outlet=SZ-PO-9
given 10.000 scan NJ0001 track=1
given 11.000 scan NJ0002 track=2
given 12.000 scan NJ0003 track=3
given 13.000 confirmed sorter-1 track=1 lane=2
given 14.000 confirmed sorter-1 track=2 lane=2
given 14.100 fed bagger-1 NJ0001 job=1
given 14.200 packed bagger-1 EA000000014CN job=1
given 14.300 fed bagger-1 NJ0002 job=3
given 14.400 packed bagger-1 EA000000028CN job=3
given 16.000 confirmed sorter-1 track=3 lane=3
given 16.100 fed bagger-2 NJ0003 job=1
given 16.200 packed bagger-2 EA000000031CN job=1
given 20.000 dropped EA000000014CN position=3
given 21.000 dropped EA000000028CN position=1
given 22.000 dropped EA000000031CN position=4
given 29.000 bag 3
given 29.500 bag 4
given 30.000 shut 1 seal=S1
given 31.000 shut 4 seal=S2
"""

SHIFTS = """
# Discrepancies of every kind, closed by themselves, by one person or by two; two shifts counted, signed and closed.
given hall small
given item NJ0001 letter 210005
given item NJ0002 letter 210005
given item NJ0003 letter 999999
given item ID0001 id_card 210005
given item ID0002 id_card 999999
given 0.000 scan NJ0001 track=1
given 0.500 lost sorter-1 track=1
given 1.000 discrepancies
given 2.000 scan NJ0001 track=2
given 3.000 lost sorter-1 track=2
given 4.000 finding 2 lost_for_good role=supervisor
given 5.000 scan NJ0001 track=3
given 6.000 scan ID0001 track=4
given 7.000 lost sorter-1 track=4
given 8.000 scan ID0001 track=5
given 9.000 finding 4 found person=op-1
given 10.000 finding 4 explained person=op-2
given 11.000 finding 4 explained person=op-2
given 12.000 finding 4 explained person=op-1
given 13.000 confirmed sorter-1 track=3 lane=2
given 14.000 scan - track=6 outcome=no_identifier
given 15.000 confirmed sorter-1 track=5 lane=1
given 16.000 scan NJ0003 track=7
given 16.500 scan ID0002 track=8
given 20.000 confirmed sorter-1 track=6 lane=9
given 21.000 verdict ?no_read:000001 code NJ0002
given 22.000 confirmed sorter-1 track=7 lane=9
given 22.500 confirmed sorter-1 track=8 lane=9
given 23.000 scan ID0002 track=9
given 24.000 scan ID0002 track=10
given 29.000 confirmed sorter-1 track=9 lane=9
given 30.000 confirmed sorter-1 track=10 lane=9
given 31.000 ended bagger-1 command=1 result=nothing_there
given 32.000 fed bagger-1 ID0001 job=2
given 33.000 packed bagger-1 EA000000028CN job=2
given 34.000 jam sorter-1 zone=1 on=1 seq=40
given 35.000 link-up sorter-2 nonce=9
given 36.000 report damaged NJ0003 person=op-1
given 37.000 report lost NJ0003
given 38.000 finding 10 explained person=op-1
given 39.000 finding 10 explained person=op-2
given 40.000 shift-end
given 41.000 count hand/letter/tax=1 hand/id_card/police=2 person=op-1
given 42.000 shift-end
given 43.000 count hand/letter/tax=2 hand/id_card/police=2 hand//=1 person=op-3
given 44.000 shift-end
given 45.000 finding 12 explained person=op-2 role=supervisor
given 46.000 verdict NJ0003 return
given 47.000 shift-end
given 48.000 dropped EA000000028CN position=1
given 50.000 shut 1 seal=S1
given 60.000 count hand/letter/tax=1 hand/id_card/police=1 hand//=1 person=op-3
given 61.000 shift-end
given 61.200 scan NJ0002 track=11
given 61.300 confirmed sorter-1 track=11 lane=2
given 61.400 fed bagger-1 - job=4 outcome=8
given 61.500 packed bagger-1 - job=4 result=1
given 61.600 scan NJ0002 track=12
given 62.000 quarantined sorter-1 epoch=1 seq=60
given 7300.000 tick
given 28900.000 tick
"""

OVERDUE = """
# A discrepancy is overdue, and an alarm, until two people have closed it.
given hall small
given alarms
given 1.000 discrepancies minutes=60 secure_minutes=1
given 2.000 scan - track=3 outcome=no_identifier
given 70.000 tick
given 71.000 finding 1 explained person=op-1
given 72.000 finding 1 explained person=op-2
"""

CASES = """
# Two cases are gathered: one is whole, of the other a document is missing, and what is there leaves as a part; then a stranger.
given hall cases
given item NB1 id_card 210005 case=NB-0001/2
given item NB2 letter 210005 case=NB-0001/2
given item NB3 letter 211000 case=NB-0002/2
given item ONE letter 210005
given 0.000 scan NB1 track=1
given 1.000 scan NB3 track=2
given 3.000 confirmed sorter-1 track=1 lane=3
given 4.000 stored NB1 job=1 cell=1 items=1
given 5.000 confirmed sorter-1 track=2 lane=3
given 6.000 stored NB3 job=2 cell=2 items=1
given 10.000 scan NB2 track=3
given 13.000 confirmed sorter-1 track=3 lane=3
given 14.000 stored NB2 job=3 cell=1 items=2
given 16.000 released 1 1 job=4 items=2
given 17.000 fed bagger-2 NB2 job=1
given 18.000 fed bagger-2 NB1 job=1
given 19.000 packed bagger-2 EA000000014CN job=1 grams=60
given 20.000 dropped EA000000014CN position=1
given 3606.000 tick
given 3608.000 released 2 1 job=5 items=1
given 3609.000 fed bagger-2 NB3 job=3
given 3610.000 packed bagger-2 EA000000028CN job=3 grams=40
given 3611.000 dropped EA000000028CN position=1
given 3620.000 scan ONE track=4
given 3623.000 confirmed sorter-1 track=4 lane=3
given 3624.000 stored ONE job=6 cell=0 items=0
given 3630.000 bag 1
given 3640.000 shut 1 seal=S1 grams=100
"""

CELLS = """
# What is in cells comes into doubt: a document that was not read, another count, and a rack that lost its memory.
given hall cases
given item NB1 id_card 210005 case=NB-0001/2
given item NB2 letter 210005 case=NB-0001/2
given item NB3 letter 211000 case=NB-0002/3
given item NB4 letter 211000 case=NB-0002/3
given 0.000 scan NB1 track=1
given 3.000 confirmed sorter-1 track=1 lane=3
given 4.000 stored - job=1 cell=1 items=1 outcome=no_identifier
given 6.000 released 1 0 job=2 items=1
given 10.000 scan NB3 track=2
given 13.000 confirmed sorter-1 track=2 lane=3
given 14.000 stored NB3 job=3 cell=1 items=1
given 15.000 scan NB4 track=3
given 18.000 confirmed sorter-1 track=3 lane=3
given 19.000 stored NB4 job=4 cell=1 items=2
given 20.000 link-lost cases-1
given 30.000 link-up cases-1 nonce=8
given 31.000 machine cases-1 execute
given 33.000 released 1 0 job=1 items=2
"""

COUNTERS = """
# A cell counts what cannot be: emptied again and again, left alone, tried after a stop and a new life; another one by itself.
given hall cases
given alarms
given item NB1 letter 210005 case=NB-0001/2
given item NB2 letter 210005 case=NB-0001/2
given item NB3 letter 210005 case=NB-0002/2
given 0.000 scan NB1 track=1
given 1.000 scan NB2 track=2
given 3.000 confirmed sorter-1 track=1 lane=3
given 3.500 confirmed sorter-1 track=2 lane=3
given 4.000 stored NB1 job=1 cell=1 items=1
given 5.000 stored NB2 job=2 cell=1 items=2
given 7.000 released 1 1 job=3 items=3
given 8.000 fed bagger-2 NB1 job=1
given 8.500 fed bagger-2 NB2 job=1
given 9.500 packed bagger-2 - job=1 result=1
given 9.800 released 1 0 job=4 items=1
given 11.000 released 1 0 job=5 items=1
given 15.000 machine cases-1 stopped reason_class=operator
given 17.000 machine cases-1 execute
given 19.000 released 1 0 job=6 items=1
given 20.000 link-lost cases-1
given 21.000 link-up cases-1 nonce=8
given 22.000 machine cases-1 execute
given 24.000 released 1 0 job=1 items=0
given 30.000 scan NB3 track=3
given 33.000 confirmed sorter-1 track=3 lane=3
given 34.000 stored NB3 job=2 cell=1 items=2
given 36.000 released 1 0 job=3 items=1
given 38.000 ended cases-1 command=4 result=nothing_there
"""

EYE = """
# The eye that the cells of a rack have in common counts wrongly: three cells are left alone; tried again, two are sound.
given hall roomy
given alarms
given item NB1 letter 210005 case=NB-0001/2
given item NB2 letter 210005 case=NB-0002/2
given item NB3 letter 210005 case=NB-0003/2
given 0.000 scan NB1 track=1
given 3.000 confirmed sorter-1 track=1 lane=3
given 4.000 stored NB1 job=1 cell=1 items=2
given 5.000 released 1 0 job=2 items=1
given 6.000 ended cases-1 command=3 result=nothing_there
given 10.000 scan NB2 track=2
given 13.000 confirmed sorter-1 track=2 lane=3
given 14.000 stored NB2 job=4 cell=2 items=2
given 15.000 released 2 0 job=5 items=1
given 16.000 ended cases-1 command=6 result=nothing_there
given 20.000 scan NB3 track=3
given 23.000 confirmed sorter-1 track=3 lane=3
given 24.000 stored NB3 job=7 cell=3 items=2
given 25.000 released 3 0 job=8 items=1
given 26.000 ended cases-1 command=9 result=nothing_there
given 30.000 machine cases-1 stopped reason_class=operator
given 31.000 machine cases-1 execute
given 32.000 released 1 0 job=10 items=0
given 33.000 released 2 0 job=11 items=0
given 34.000 released 3 0 job=12 items=1
"""

WORN = """
# What wears out: a sorter jams again and again, a bagger reads one document after the other not, a bag leaves without its seal.
given hall small
given item NJ1 letter 215001 waybill=EA777777775CN
given item L1 letter 210005
given item L2 letter 210005
given item L3 letter 210005
given item L4 letter 210005
given item L5 letter 210005
given item L6 letter 210005
given item L7 letter 210005
given item L8 letter 210005
given alarms
given 0.000 jam sorter-1 zone=1 on=1
given 5.000 jam sorter-1 zone=1 on=0
given 20.000 jam sorter-1 zone=1 on=1
given 25.000 jam sorter-1 zone=1 on=0
given 40.000 jam sorter-1 zone=1 on=1
given 45.000 jam sorter-1 zone=1 on=0
given 60.000 jam sorter-1 zone=1 on=1
given 65.000 jam sorter-1 zone=1 on=0
given 80.000 jam sorter-1 zone=2 on=1
given 200.000 tick
given 201.000 jam sorter-1 zone=2 on=0
given 202.000 acknowledge jam sorter-1
given 300.000 scan L1 track=1
given 302.000 confirmed sorter-1 track=1 lane=2
given 303.000 fed bagger-1 - job=1 outcome=no_identifier
given 304.000 packed bagger-1 - job=1 result=1
given 310.000 scan L2 track=2
given 312.000 confirmed sorter-1 track=2 lane=2
given 313.000 fed bagger-1 - job=3 outcome=no_identifier
given 314.000 packed bagger-1 - job=3 result=1
given 320.000 scan L3 track=3
given 322.000 confirmed sorter-1 track=3 lane=2
given 323.000 fed bagger-1 - job=5 outcome=no_identifier
given 324.000 packed bagger-1 - job=5 result=1
given 330.000 scan L4 track=4
given 332.000 confirmed sorter-1 track=4 lane=2
given 333.000 fed bagger-1 - job=7 outcome=no_identifier
given 334.000 packed bagger-1 - job=7 result=1
given 340.000 scan L5 track=5
given 342.000 confirmed sorter-1 track=5 lane=2
given 343.000 fed bagger-1 L5 job=9
given 344.000 packed bagger-1 EA000000056CN job=9
given 350.000 scan L6 track=6
given 352.000 confirmed sorter-1 track=6 lane=2
given 353.000 fed bagger-1 - job=11 outcome=no_identifier
given 354.000 packed bagger-1 - job=11 result=1
given 360.000 scan L7 track=7
given 362.000 confirmed sorter-1 track=7 lane=2
given 363.000 fed bagger-1 - job=13 outcome=no_identifier
given 364.000 packed bagger-1 - job=13 result=1
given 370.000 scan L8 track=8
given 372.000 confirmed sorter-1 track=8 lane=2
given 373.000 fed bagger-1 - job=15 outcome=no_identifier
given 374.000 packed bagger-1 - job=15 result=1
given 400.000 scan NJ1 track=9
given 402.000 confirmed sorter-1 track=9 lane=2
given 403.000 fed bagger-1 NJ1 job=17
given 404.000 packed bagger-1 EA777777775CN job=17
given 405.000 dropped EA777777775CN position=2
given 406.000 shut 2 seal=-
given 640.500 jam sorter-1 zone=1 on=1
"""

LETTERS = """
# Letters to two addressees gather in two cells; of each set one is left behind; they leave in parcels, and receipts come back.
given hall letters
given item L1 letter 210005 to=A00001 service=receipt-requested
given item L2 letter 210005 to=A00001 service=receipt-requested
given item L3 letter 210005 to=A00001 service=receipt-requested
given item M1 letter 210005 to=A00002
given item M2 letter 210005 to=A00002
given item W1 letter 210005 to=A00001 waybill=EB000000019CN service=receipt-requested
given item C1 id_card 210005 to=A00002
given 0.000 scan L1 track=1
given 1.000 scan M1 track=2
given item M3 letter 210005 to=A00002
given 4.000 confirmed sorter-1 track=1 lane=3
given 5.000 stored L1 job=1 cell=1 items=1
given 5.500 confirmed sorter-1 track=2 lane=3
given 6.000 stored M1 job=2 cell=2 items=1
given 10.000 scan L2 track=3
given 14.000 confirmed sorter-1 track=3 lane=3
given 15.000 stored L2 job=3 cell=1 items=2
given 3605.000 tick
given 3606.000 tick
given 3608.000 released 1 1 job=4 items=2
given 3609.000 fed bagger-2 L1 job=1
given 3610.000 fed bagger-2 L2 job=1
given 3611.000 packed bagger-2 EA000000014CN job=1 grams=60
given 3612.000 dropped EA000000014CN position=1
given 3613.000 released 2 1 job=5 items=1
given 3614.000 fed bagger-2 M1 job=3
given 3615.000 packed bagger-2 EA000000028CN job=3 grams=40
given 3616.000 dropped EA000000028CN position=1
given 3620.000 scan L3 track=4
given 3624.000 confirmed sorter-1 track=4 lane=2
given 3630.000 switch alone
given 3631.000 scan M2 track=5
given 3640.000 bag 1
given 3641.000 shut 1 seal=S1 grams=100
given 3650.000 receipts F1 EA000000014CN,L2
"""

ALL = {
    "letters": LETTERS,
    "services": SERVICES,
    "receipts": RECEIPTS,
    "shifts": SHIFTS,
    "overdue": OVERDUE,
    "alarms": ALARMS,
    "cases": CASES,
    "cells": CELLS,
    "counters": COUNTERS,
    "eye": EYE,
    "worn": WORN,
    "day": DAY,
    "trouble": TROUBLE,
    "lives": LIVES,
    "vain": VAIN,
    "people": PEOPLE,
    "plans": PLANS,
    "deaf": DEAF,
    "loops": LOOPS,
    "rates": RATES,
}


@cache
def _performed(text: str) -> tuple[Record, ...]:
    scenario = _scenario(FOLDER / "day", text.strip("\n").split("\n"))
    return tuple(walked.scenario_records(scenario))


def records(text: str) -> list[Record]:
    """The records of a day, to be changed at will."""
    return copied(_performed(text))
