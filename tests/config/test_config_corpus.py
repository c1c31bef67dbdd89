"""Every kind of fault that a file can have: refused with its rule, key, line and column, and without any echo."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_corpus import Case, Expect, check, place, plan, profile, site, texts, write

from packcenter.config import check_paths

LANE_1 = '{ number = 1, feeds = "bagger-1", infeed = 1, distance_mm = 6000, capacity_items = 40, secure = false }'
LANE_2 = '{ number = 2, feeds = "bagger-1", infeed = 2, distance_mm = 7000, capacity_items = 40, secure = true }'
IDS_BY_EMS = """[[rule]]
name = «"ids-by-ems"
mail_classes = ["id_card"]
services = ["ems"]
group = "ids-nanjing"

"""
COURT = """[[rule]]
name = "court"
mail_classes = ["official_letter", "tax_invoice"]
agencies = ["letters-office"]
destinations = ["other"]
services = ["ems"]
group = "invoices"

[[rule]]
name = «"court-letters"
mail_classes = ["official_letter"]
agencies = ["letters-office"]
destinations = ["other", "wuxi"]
services = ["ems", "registered"]
group = "letters"

"""
BAGGER_9 = """[[plc]]
name = «"bagger-9"
role = "bagger"
profile = "bagger-opcua"
address = "127.0.0.1:4900"

"""

SCHEMA = [
    Case(
        "a key that nobody reads, with the nearest one",
        (site("grams_max = 250\n", "grams_max = 250\n«gram_min = 20\n"),),
        (Expect("unknown-key", "$.mail_class[4].gram_min", ("not a key here", 'nearest "grams_min"')),),
    ),
    Case(
        "a misspelt key, as unknown and as missing",
        (site('[[plc]]\nname = "rack-1"\nrole =', '[[«plc]]\nname = "rack-1"\n«rolle ='),),
        (
            Expect("missing-key", "$.plc[6].role", ("missing", '"sorter" or "bagger" or "rack"')),
            Expect("unknown-key", "$.plc[6].rolle", ('nearest "role"',)),
        ),
    ),
    Case(
        "a value with a unit where an integer belongs",
        (site('plc = "sorter-1"\nbelt_speed_mm_per_s = 1500', 'plc = "sorter-1"\nbelt_speed_mm_per_s = «"1.5 m/s"'),),
        (
            Expect(
                "bad-value", "$.sorter[0].belt_speed_mm_per_s", ('"1.5 m/s"', "an integer from 10 to 10,000", "1.5 m/s is 1500")
            ),
        ),
    ),
    Case(
        "a float where an integer belongs",
        (plan("grams_max = 15_000", "grams_max = «15.5"),),
        (Expect("bad-value", "$.bags.grams_max", ("15.5", "an integer from 100 to 100,000")),),
    ),
    Case(
        "true where an integer belongs",
        (profile("address_base = 0", "address_base = «true"),),
        (Expect("bad-value", "$.modbus.address_base", ("true", "an integer from 0 to 1")),),
    ),
    Case(
        "a word that is none of the known ones, with the nearest",
        (plan('name = "letters" # 公函\n', 'name = "letters" # 公函\n«balence = "least"\n'),),
        (Expect("unknown-key", "$.group[3].balence", ('nearest "balance"',)),),
    ),
    Case(
        "a service that the world does not have",
        (site('"receipt-requested", "outlet-pickup"]', '«"receipt-request", "outlet-pickup"]'),),
        (Expect("bad-value", "$.services[2]", ('"receipt-request"', 'nearest "receipt-requested"')),),
    ),
    Case(
        "a name in capital letters",
        (site('"letters-office"]', '"letters-office", «"Letters-Office"]'),),
        (Expect("bad-value", "$.agencies[5]", ('"Letters-Office"', "lower-case letters", "Agencies that send mail")),),
    ),
    Case(
        "more positions than the image has bits",
        (site('  { number = 32, destination = "other" },', '  { number = «33, destination = "other" },'),),
        (Expect("bad-value", "$.rack.position[31].number", ("33", "an integer from 1 to 32")),),
    ),
    Case(
        "a time of day that no clock shows",
        (plan('"20:00"]', '«"24:00"]'),),
        (Expect("bad-value", "$.bags.cutoffs[3]", ('"24:00"', '"00:00" to "23:59"')),),
    ),
    Case(
        "a shift without an end",
        (site('["08:00-17:30"]', '[«"08:00"]'),),
        (Expect("bad-value", "$.shifts[0]", ('"08:00"', '"22:00-06:00"')),),
    ),
    Case(
        "a machine that needs no time for an item",
        (site("ideal_cycle_ms = 400", "ideal_cycle_ms = «0"),),
        (Expect("bad-value", "$.rack.ideal_cycle_ms", ("design speed",)),),
    ),
    Case(
        "an edition of PackML that nobody published",
        (profile('hold_from = "tr88_2022"', 'hold_from = «"tr88_2012"'),),
        (Expect("bad-value", "$.packml.hold_from", ('"tr88_2015_opcua"',)),),
    ),
    Case(
        "a postcode of five digits",
        (plan('"221000-221999"', '«"21000-221999"'),),
        (Expect("bad-value", "$.destination[12].postcodes[0]", ("six digits",)),),
    ),
    Case(
        "another version of the line interface",
        (profile("version = 0x0100", "version = «0x0200"),),
        (Expect("bad-value", "$.line.version", ("512", "256")),),
    ),
    Case(
        "an empty list where there must be one",
        (plan('postcodes = ["221000-221999"]', "postcodes = «[]"),),
        (Expect("no-postcodes", "$.destination[12].postcodes", ("at least one postcode",)),),
    ),
    Case(
        "a whole table too little",
        (
            site(
                '[journal]\nfolder = "run/journal"\nlab = true # a laboratory may lie on any file system; a real site must not\n',
                "",
            ),
        ),
        (Expect("missing-key", "$.journal", ("missing", "a table", "Where the journal lies")),),
    ),
]

SITE = [
    Case(
        "a lane that feeds a bagger nobody has",
        (site('  { number = 4, feeds = "bagger-1"', '  { number = 4, feeds = «"bager-1"'),),
        (Expect("unknown-bagger", "$.sorter[0].lane[3].feeds", ('nearest "bagger-1"',)),),
    ),
    Case(
        "a lane without bagger that is not the exception lane",
        (site(f"  {LANE_1},", "  «{ number = 1, infeed = 1, distance_mm = 6000, capacity_items = 40, secure = false },"),),
        (Expect("lane-not-fed", "$.sorter[0].lane[0].feeds", ("missing",)),),
    ),
    Case(
        "two lanes with one number",
        (site(LANE_2, LANE_2.replace("number = 2", "number = «1")),),
        (
            Expect("repeated", "$.sorter[0].lane[1].number", ("1 again",)),
            Expect("unknown-lane", "$.group[1].lanes[0]", ('"sorter-1/2"',)),
        ),
    ),
    Case(
        "two lanes on one infeed",
        (site(LANE_2, LANE_2.replace("infeed = 2", "infeed = «1")),),
        (Expect("same-infeed", "$.sorter[0].lane[1].infeed", ("lane 1 of sorter-1",)),),
    ),
    Case(
        "an infeed that the bagger does not have",
        (site(LANE_2, LANE_2.replace("infeed = 2", "infeed = «5")),),
        (Expect("infeed", "$.sorter[0].lane[1].infeed", ("1 to 4",)),),
    ),
    Case(
        "an exception lane that is not there",
        (
            site(
                'exception_lane = 9\nlane = [\n  { number = 1, feeds = "bagger-1"',
                'exception_lane = «10\nlane = [\n  { number = 1, feeds = "bagger-1"',
            ),
        ),
        (
            Expect("unknown-lane", "$.sorter[0].exception_lane", ("10",)),
            Expect("lane-not-fed", "$.sorter[0].lane[8].feeds", ("missing",)),
        ),
    ),
    Case(
        "a lane behind the exception lane, which could not catch what it misses",
        (
            site(
                '{ number = 8, feeds = "bagger-4", infeed = 4, distance_mm = 13000',
                '{ number = 8, feeds = "bagger-4", infeed = 4, distance_mm = «14500',
            ),
        ),
        (
            Expect("beyond-belt", "$.sorter[1].lane[7].distance_mm", ("14500", "14000")),
            Expect("exception-lane", "$.sorter[1].lane[8].distance_mm", ("14000", "at least 14500")),
        ),
    ),
    Case(
        "discrepancies on ID documents that may wait longer than others",
        (site("[waybills]\n", "[discrepancies]\nminutes = 60\nsecure_minutes = «90\n\n[waybills]\n"),),
        (Expect("secure-later", "$.discrepancies.secure_minutes", ("90", "at most minutes, 60")),),
    ),
    Case(
        "a belt so long that deadlines can't be compared",
        (
            site(
                'plc = "sorter-2"\nbelt_speed_mm_per_s = 1500\nbelt_length_mm = 14_000',
                'plc = "sorter-2"\nbelt_speed_mm_per_s = 1500\nbelt_length_mm = «50_000',
            ),
        ),
        (Expect("belt-too-long", "$.sorter[1].belt_length_mm", ("33,333 ms", "30,000 ms")),),
    ),
    Case(
        "an exception lane that is open to hands though secure mail falls back to it",
        (
            site(
                "secure = true },\n]\n\n# --- bagging",
                "secure = «false },\n]\n\n# --- bagging",
            ),
        ),
        (Expect("not-secure", "$.sorter[1].lane[8].secure", ("id_card",)),),
    ),
    Case(
        "a machine whose PLC nobody has",
        (site('[[bagger]]\nplc = "bagger-3"', '[[bagger]]\nplc = «"bagger-5"'),),
        (
            Expect("unused-plc", "$.plc[4].name", ("bagger-3",)),
            Expect("unknown-bagger", "$.sorter[1].lane[0].feeds", ("bagger-3",)),
            Expect("unknown-bagger", "$.sorter[1].lane[1].feeds"),
            Expect("unknown-bagger", "$.sorter[1].lane[2].feeds"),
            Expect("unknown-bagger", "$.sorter[1].lane[3].feeds"),
            Expect("unknown-plc", "$.bagger[2].plc", ('"bagger-5"', "nearest")),
            Expect("bagger-not-fed", "$.bagger[2].plc"),
        ),
    ),
    Case(
        "a machine on a PLC of another role",
        (site('[rack]\nplc = "rack-1"', '[rack]\nplc = «"bagger-4"'),),
        (
            Expect("unused-plc", "$.plc[6].name", ("rack-1",)),
            Expect("role", "$.rack.plc", ("a bagger",)),
        ),
    ),
    Case(
        "a PLC that no machine uses",
        (
            site(
                "# --- sorting lines",
                BAGGER_9 + "# --- sorting lines",
            ),
        ),
        (Expect("unused-plc", "$.plc[7].name", ("bagger-9",)),),
    ),
    Case(
        "two PLCs at one address, however it is written",
        (site('"127.0.0.1:5023"', '«"localhost:5022"'),),
        (Expect("same-address", "$.plc[6].address", ("bagger-4",)),),
    ),
    Case(
        "an address without a port",
        (site('"127.0.0.1:5023"', '«"127.0.0.1"'),),
        (Expect("address", "$.plc[6].address", ("host:port",)),),
    ),
    Case(
        "two positions with one number",
        (site("{ number = 31, destination", "{ number = «30, destination"),),
        (Expect("repeated", "$.rack.position[30].number", ("30 again",)),),
    ),
    Case(
        "a reject position that has a bag",
        (site("reject_position = 0", "reject_position = «32"),),
        (Expect("reject-position", "$.rack.reject_position", ("32",)),),
    ),
    Case(
        "a weight band upside down",
        (site("grams_min = 20\ngrams_max = 250", "grams_min = 300\ngrams_max = «250"),),
        (Expect("weight-band", "$.mail_class[4].grams_max", ("250", "300")),),
    ),
    Case(
        "a waybill range without a number",
        (site("last = 19_999_999", "last = «9_999_999"),),
        (Expect("waybill-range", "$.waybills.last", ("at least first",)),),
    ),
    Case(
        "a waybill range that one day uses up",
        (site("last = 19_999_999", "last = «10_000_999"),),
        (Expect("waybill-range", "$.waybills.last", ("1,000 numbers", "20,000")),),
    ),
    Case(
        "a service indicator that S10 reserves",
        (site('indicator = "EA"', 'indicator = «"JA"'),),
        (Expect("s10", "$.waybills.indicator", ("S10",)),),
    ),
    Case(
        "a country that is none",
        (site('country = "CN"', 'country = «"CS"'),),
        (Expect("s10", "$.waybills.country"),),
    ),
    Case(
        "pages that the network can reach without saying so",
        (site('host = "127.0.0.1"', 'host = «"0.0.0.0"'),),
        (Expect("http", "$.http.host", ("beyond_loopback",)),),
    ),
    Case(
        "a host name where an address belongs",
        (site('host = "127.0.0.1"', 'host = «"wall.example"'),),
        (Expect("http", "$.http.host", ("IP address",)),),
    ),
    Case(
        "a form of waybills that anything would fit",
        (site("shifts = [", 'waybill_forms = ["1############", «"@@@@@@@@###"]\nshifts = ['),),
        (Expect("waybill-form", "$.waybill_forms[1]", ("at least four",)),),
    ),
    Case(
        "an office of exchange that is too short",
        (plan('outlets = ["SZ-PO-001"]', 'outlets = ["SZ-PO-001"]\noffice = «"SUZ"'),),
        (Expect("bad-value", "$.destination[14].office", ("six capital letters",)),),
    ),
    Case(
        "an outlet in two destinations",
        (plan('outlets = ["SZ-PO-001"]', 'outlets = [«"NJ-PO-018"]'),),
        (Expect("repeated-outlet", "$.destination[14].outlets[0]", ('"nanjing-xuanwu"',)),),
    ),
    Case(
        "an outlet that could be a postcode",
        (plan('outlets = ["SZ-PO-001"]', 'outlets = [«"215001"]'),),
        (Expect("bad-value", "$.destination[14].outlets[0]", ("a letter first",)),),
    ),
    Case(
        "two bags of one destination for one service",
        (
            site('destination = "northwest" }', 'destination = "northwest", services = ["ems"] }'),
            site('{ number = 32, destination = "other" }', '{ number = 32, destination = «"northwest", services = ["ems"] }'),
        ),
        (
            Expect("same-destination", "$.rack.position[31].destination", ('by "ems", as in position 31',)),
            Expect("no-position", "$.rack.position[31].services", ('"registered"',)),
            Expect("no-position", "$.destination[31].name", ('"other"',)),
        ),
    ),
    Case(
        "a bag for a service that the centre does not offer",
        (
            site('services = ["ems", "registered", ', 'services = ["ems", '),
            site('destination = "northwest" }', 'destination = "northwest", services = [«"registered", "ems"] }'),
        ),
        (
            Expect("unknown-service", "$.rack.position[30].services[0]", ("does not offer",)),
            Expect("no-position", "$.rack.position[30].services", ('"receipt-requested"',)),
        ),
    ),
    Case(
        "files of receipts in the agencies' folder",
        (site('folder = "run/receipts"', 'folder = «"run/manifests/"'),),
        (Expect("same-folder", "$.receipts.folder", ("[manifests]",)),),
    ),
    Case(
        "bills in the folder of receipts, the feed with them",
        (site('bills = "run/bills"', 'bills = «"run/receipts"'), site('feed = "run/feed"', 'feed = "run/receipts/"')),
        (
            Expect("same-folder", "$.papers.bills", ("[receipts]",)),
            Expect("same-folder", "$.papers.feed", ("[receipts]",)),
        ),
    ),
    Case(
        "the journal in the agencies' folder",
        (site('folder = "run/manifests"', 'folder = «"run/journal/"'),),
        (Expect("same-folder", "$.manifests.folder"),),
    ),
    Case(
        "a class twice",
        (site('name = "exit_entry_permit"', 'name = «"id_card"'),),
        (
            Expect("repeated", "$.mail_class[2].name", ('"id_card" again',)),
            Expect("unknown-mail-class", "$.rule[1].mail_classes[1]", ("exit_entry_permit",)),
            Expect("unknown-mail-class", "$.rule[2].mail_classes[1]", ("exit_entry_permit",)),
        ),
    ),
]

PLAN = [
    Case(
        "a rule for a class that the site does not have",
        (plan('mail_classes = ["official_letter"]', 'mail_classes = [«"official_leter"]'),),
        (Expect("unknown-mail-class", "$.rule[3].mail_classes[0]", ('nearest "official_letter"',)),),
    ),
    Case(
        "a rule for an agency that the site does not have",
        (plan('mail_classes = ["official_letter"]', 'mail_classes = ["official_letter"]\nagencies = [«"police-houshold"]'),),
        (Expect("unknown-agency", "$.rule[3].agencies[0]", ('nearest "police-household"',)),),
    ),
    Case(
        "a rule for a group that nobody has",
        (plan('group = "ids-elsewhere"', 'group = «"ids-elsewere"'),),
        (Expect("unknown-group", "$.rule[2].group", ('nearest "ids-elsewhere"',)),),
    ),
    Case(
        "a rule for a destination that nobody has",
        (plan('"nanjing-luhe", "nanjing-lishui"', '«"nanjing-lihe", "nanjing-lishui"'),),
        (Expect("unknown-destination", "$.rule[1].destinations[8]", ('nearest "nanjing-luhe"',)),),
    ),
    Case(
        "a lane that the sorter does not have",
        (plan('"sorter-2/5"', '«"sorter-2/15"'),),
        (Expect("unknown-lane", "$.group[0].lanes[3]", ('"sorter-2/15"',)),),
    ),
    Case(
        "an exception lane in a group",
        (plan('"sorter-2/5"', '«"sorter-2/9"'),),
        (Expect("exception-lane", "$.group[0].lanes[3]"),),
    ),
    Case(
        "a group that overflows to itself",
        (plan('overflow = ["letters"]', 'overflow = [«"invoices", "letters"]'),),
        (Expect("group-cycle", "$.group[0].overflow[0]", ("the group itself",)),),
    ),
    Case(
        "an overflow to a group that nobody has",
        (plan('overflow = ["letters"]', 'overflow = [«"leters"]'),),
        (Expect("unknown-group", "$.group[0].overflow[0]", ('nearest "letters"',)),),
    ),
    Case(
        "a secure class that overflows, over two steps, to a lane open to hands",
        (plan('overflow = ["ids-nanjing"]', 'overflow = ["letters"]'),),
        (
            Expect("not-secure", "$.rule[1].group", ('by overflow to "letters"',)),
            Expect("not-secure", "$.rule[1].group", ('by overflow to "invoices"',)),
            Expect("not-secure", "$.rule[2].group", ('by overflow to "letters"',)),
            Expect("not-secure", "$.rule[2].group", ('by overflow to "invoices"',)),
        ),
    ),
    Case(
        "a secure class routed to lanes open to hands",
        (site('name = "official_letter" # 公函文书\nsecure = false', 'name = "official_letter" # 公函文书\nsecure = true'),),
        (
            Expect("not-secure", "$.rule[3].group", ("official_letter", "sorter-1/4")),
            Expect("not-secure", "$.rule[3].group", ('by overflow to "invoices"',)),
        ),
    ),
    Case(
        "a group without a lane on one of the sorters",
        (
            plan('lanes = ["sorter-1/2", "sorter-1/6", "sorter-2/2", "sorter-2/6"]', 'lanes = «["sorter-1/2", "sorter-1/6"]'),
            plan('overflow = ["ids-elsewhere"]', "overflow = []"),
        ),
        (Expect("no-lane", "$.group[1].lanes", ('"sorter-2"', "not_on")),),
    ),
    Case(
        "two ranges with a postcode in common",
        (plan('"214600-214999"', '"214550-214999"'), plan('"214500-214599"', '«"214500-214599"')),
        (Expect("overlapping-postcodes", "$.destination[21].postcodes[0]", ('"214550-214999"', "214550")),),
    ),
    Case(
        "a range upside down",
        (plan('"221000-221999"', '«"221999-221000"'),),
        (Expect("postcode-range", "$.destination[12].postcodes[0]"),),
    ),
    Case(
        "two destinations for all the rest",
        (
            plan('postcodes = ["221000-221999"]', "everything_else = true"),
            plan("everything_else = true # Hong", "everything_else = «true # Hong"),
        ),
        (Expect("everything-else", "$.destination[31].everything_else", ("xuzhou",)),),
    ),
    Case(
        "a destination without a position in the rack",
        (plan('name = "other"', 'name = «"elsewhere"'),),
        (
            Expect("unknown-destination", "$.rack.position[31].destination", ('"other"',)),
            Expect("no-position", "$.destination[31].name", ('"elsewhere"',)),
        ),
    ),
    Case(
        "cut-offs out of order",
        (plan('"14:00", "17:30"', '"17:30", «"14:00"'),),
        (Expect("cutoffs", "$.bags.cutoffs[2]", ('later than "17:30"',)),),
    ),
    Case(
        "a rule that earlier ones leave nothing",
        (
            plan(
                "# --- destinations",
                IDS_BY_EMS + "# --- destinations",
            ),
        ),
        (Expect("dead-rule", "$.rule[4].name", ('"ids-for-nanjing" or "ids-for-elsewhere"',)),),
    ),
    Case(
        "two rules that cross, by name, with an item that both want",
        (
            plan(
                '[[rule]]\nname = "tax-invoices"',
                COURT + '[[rule]]\nname = "tax-invoices"',
            ),
        ),
        (
            Expect("overlapping-rules", "$.rule[5].name", ('"official-letters", which crosses "court"',)),
            Expect(
                "overlapping-rules",
                "$.rule[1].name",
                ('"court"', "mail class official_letter", "agency letters-office", "destination other", "service ems"),
            ),
        ),
    ),
    Case(
        "a combination without a rule",
        (
            plan(
                'mail_classes = ["official_letter"]\n',
                'mail_classes = ["official_letter"]\nservices = ["ems", "registered", "receipt-requested"]\n',
            ),
        ),
        (Expect("gap", "$.rule[3]", ("mail class official_letter", "service outlet-pickup", "160 combinations")),),
    ),
    Case(
        "a group twice in the plan",
        (plan('name = "letters" #', 'name = «"invoices" #'),),
        (
            Expect("unknown-group", "$.group[0].overflow[0]"),
            Expect("repeated", "$.group[3].name", ('"invoices" again',)),
            Expect("group-cycle", "$.group[3].overflow[0]"),
            Expect("unknown-group", "$.rule[3].group"),
        ),
    ),
]

PROFILE = [
    Case(
        "images that overlap",
        (profile("images.in = { address = 200", "images.in = { address = «124"),),
        (Expect("overlapping-images", "$.modbus.images.in.address", ("124 to 237", "clear of out, 0 to 124")),),
    ),
    Case(
        "an image of another length",
        (profile("count = 125 }", "count = «124 }"),),
        (Expect("image-count", "$.modbus.images.out.count", ("124", "125")),),
    ),
    Case(
        "an image beyond the last register",
        (profile("images.in = { address = 200", "images.in = { address = «65_500"),),
        (Expect("image-address", "$.modbus.images.in.address", ("0 to 65535",)),),
    ),
    Case(
        "register 0 of a file that counts from 1",
        (profile("address_base = 0", "address_base = 1"), profile("images.out = { address = 0", "images.out = { address = «0")),
        (Expect("image-address", "$.modbus.images.out.address", ("from 1 to 65536",)),),
    ),
    Case(
        "functions that can't write",
        (profile("function_codes = [3, 16, 23]", "function_codes = «[3, 6]"),),
        (Expect("function-codes", "$.modbus.function_codes", ("3, and 16 or 23",)),),
    ),
    Case(
        "function 23 alone on a device that can't carry an image in one request",
        (
            profile("max_read_registers = 125", "max_read_registers = 100"),
            profile("[3, 16, 23]", "«[3, 23]"),
            profile("request_timeout_ms = 300", "request_timeout_ms = 200"),
        ),
        (Expect("register-limit", "$.modbus.function_codes", ("16 too",)),),
    ),
    Case(
        "a profile for another role",
        (site('profile = "profile.toml"', 'profile = «"rack-modbus"'),),
        (Expect("profile-role", "$.plc[1].profile", ("a profile for a rack", "a profile for a sorter")),),
    ),
    Case(
        "a shipped profile that is not there",
        (site('profile = "rack-modbus"', 'profile = «"rack-mudbus"'),),
        (Expect("unknown-profile", "$.plc[6].profile", ('nearest "rack-modbus"',)),),
    ),
    Case(
        "a profile file that is not there",
        (site('profile = "profile.toml"', 'profile = «"profil.toml"'),),
        (Expect("missing-file", "$.plc[1].profile", ('nearest "profile.toml"',)),),
    ),
    Case(
        "a plan file that is not there",
        (site('plan = "plan.toml"', 'plan = «"plans.toml"'),),
        (Expect("missing-file", "$.plan", ('nearest "plan.toml"',)),),
    ),
    Case(
        "the table of the other protocol",
        (profile('protocol = "modbus"', 'protocol = "opcua"'), profile("[modbus]", "[«modbus]")),
        (Expect("other-protocol", "$.modbus", ("not there",)), Expect("missing-key", "$.opcua", ("missing",))),
    ),
    Case(
        "a watchdog of its own",
        (profile("watchdog_ms = 800", "watchdog_ms = «1000"),),
        (Expect("watchdog", "$.fail_safe.watchdog_ms", ("1000", "800")),),
    ),
    Case(
        "an answer time that lets the watchdog bite",
        (profile("request_timeout_ms = 300", "request_timeout_ms = «700"),),
        (Expect("watchdog", "$.line.request_timeout_ms", ("810 ms", "less than 800 ms")),),
    ),
    Case(
        "a link so slow that the first lanes can't be reached in time",
        (
            site(
                'plc = "sorter-2"\nbelt_speed_mm_per_s = 1500',
                'plc = "sorter-2"\nbelt_speed_mm_per_s = 6000',
            ),
            site('feeds = "bagger-3", infeed = 1, distance_mm = 6000', 'feeds = "bagger-3", infeed = 1, distance_mm = «6000'),
        ),
        (
            Expect(
                "deadline",
                "$.sorter[1].lane[0].distance_mm",
                ("1,000 ms", "1,050 ms or more", "link 910, deciding 50, PLC 10, actuator 80"),
            ),
        ),
    ),
    Case(
        "a link budget that leaves no time to decide",
        (
            site(
                'plc = "sorter-2"\nbelt_speed_mm_per_s = 1500\nbelt_length_mm = 14_000\nactuator_ms = 80\nlink_budget_ms = 150',
                'plc = "sorter-2"\nbelt_speed_mm_per_s = 1500\nbelt_length_mm = 14_000\nactuator_ms = 80\nlink_budget_ms = 4000',
            ),
            site('feeds = "bagger-3", infeed = 1, distance_mm = 6000', 'feeds = "bagger-3", infeed = 1, distance_mm = «6000'),
        ),
        (Expect("deadline", "$.sorter[1].lane[0].distance_mm", ("more than 4,090 ms",)),),
    ),
    Case(
        "a point inside an image",
        (
            profile(
                "",
                '\n[[point]]\nname = "motor"\ntable = "holding_register"\naddress = «313\ntype = "uint32"\nmeans = "current"\n',
            ),
        ),
        (Expect("overlapping-images", "$.point[0].address", ("clear of in, 200 to 313",)),),
    ),
    Case(
        "a point without an address",
        (profile("", '\n[[«point]]\nname = "motor"\ntable = "coil"\ntype = "bool"\nmeans = "runs"\n'),),
        (Expect("missing-key", "$.point[0].address", ("protocol",)),),
    ),
    Case(
        "a unit id where there is none",
        (site('address = "127.0.0.1:4840"', 'address = "127.0.0.1:4840"\nunit_id = «3'),),
        (Expect("other-protocol", "$.plc[0].unit_id", ("OPC UA",)),),
    ),
]

SEVERAL = [
    Case(
        "several faults in several files, all in one run",
        (
            site('"127.0.0.1:5023"', '«"127.0.0.1:0"'),
            site("grams_max = 250\n", "grams_max = 250\n«colour = 3\n"),
            plan('mail_classes = ["tax_invoice"]', 'mail_classes = [«"tax_invoices"]'),
            plan('"sorter-2/5"', '«"sorter-3/5"'),
            profile("images.in = { address = 200", "images.in = { address = «100"),
            profile("scan_cycle_ms = 10", "scan_cycle_ms = «0"),
        ),
        (
            Expect("unknown-key", "$.mail_class[4].colour"),
            Expect("address", "$.plc[6].address"),
            Expect("unknown-lane", "$.group[0].lanes[3]"),
            Expect("unknown-mail-class", "$.rule[0].mail_classes[0]"),
            Expect("bad-value", "$.line.scan_cycle_ms"),
            Expect("overlapping-images", "$.modbus.images.in.address"),
        ),
    ),
    Case(
        "a syntax fault in the plan beside faults in the other two files",
        (
            plan('version = "reference-1"', "version = «reference-1"),
            site("utc_offset_minutes = 480", "utc_offset_minutes = «4800"),
            profile('word_order = "ABCD"', 'word_order = «"BADC"'),
        ),
        (
            Expect("bad-value", "$.utc_offset_minutes"),
            Expect("syntax", "", ("broken: invalid value",)),
            Expect("bad-value", "$.modbus.word_order", ('"ABCD" or "CDAB"',)),
        ),
    ),
    Case(
        "a key that stands twice, with the line of the first",
        (plan("[bags]\nitems_max = 50\n", "[bags]\nitems_max = 50\n«items_max = 60\n"),),
        (Expect("repeated-key", "$.bags.items_max", ("there again", "line 6")),),
    ),
]

CASES = [*SCHEMA, *SITE, *PLAN, *PROFILE, *SEVERAL]


def test_the_unedited_files_have_no_fault(tmp_path: Path) -> None:
    """What every case edits is good before, so that a finding is the edit's."""
    report = check_paths([write(tmp_path, texts())])
    assert report.ok, str(report)
    assert [Path(file).name for file in report.files][:3] == ["site.toml", "plan.toml", "sorter-opcua.toml"]


@pytest.mark.parametrize("case", CASES, ids=[case.says for case in CASES])
def test_refused(case: Case, tmp_path: Path) -> None:
    """Exactly the expected findings come, each with its words, and every mark is where one of them points."""
    report, marks = check(tmp_path, case.edits)
    seen = sorted((finding.rule, finding.key) for finding in report.findings)
    assert seen == sorted((expect.rule, expect.key) for expect in case.expects), str(report)
    for expect in case.expects:
        fitting = [str(each) for each in report.findings if (each.rule, each.key) == (expect.rule, expect.key)]
        assert any(all(word in text for word in expect.words) for text in fitting), (expect, fitting)
    places = {place(finding) for finding in report.findings}
    assert set(marks) <= places, (marks, places, str(report))
    assert all(finding.advice and finding.seen and finding.expected for finding in report.findings), str(report)
