"""From checked files to the hall and the settings of links and service."""

from __future__ import annotations

import dataclasses
import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from config_corpus import edited, plan, profile, site, texts, write

from packcenter.cli.site import plant_settings
from packcenter.config import (
    ConfigError,
    Configuration,
    bundled_site,
    hall_digest,
    load_site,
    profile_digest,
    profile_folder,
)
from packcenter.config.build import plan_digest
from packcenter.config.check_profile import HEARTBEAT_STEP_MS
from packcenter.config.check_site import Address, parse_address
from packcenter.config.models import IN_WORDS, OUT_WORDS, WATCHDOG_MS
from packcenter.core.hall import Hall, Lane, Waybills
from packcenter.core.packml import TR88_2015_OPCUA, TR88_2022
from packcenter.plc import image, limits, line
from packcenter.plc.link import LinkSettings
from simulation.clock import HeapClock
from simulation.lineplc import LinePlc
from simulation.plant.hall import Plant


@pytest.fixture(scope="module")
def reference() -> Configuration:
    return load_site(bundled_site())


def test_lanes(reference: Configuration) -> None:
    """Lanes 1 to 4 feed the first bagger of a sorter, 5 to 8 the second, lane 9 people."""
    for sorter, baggers in zip(reference.hall.sorters, (("bagger-1", "bagger-2"), ("bagger-3", "bagger-4")), strict=True):
        assert [(lane.feeds, lane.infeed) for lane in sorter.lanes] == [
            *((baggers[0], infeed) for infeed in (1, 2, 3, 4)),
            *((baggers[1], infeed) for infeed in (1, 2, 3, 4)),
            ("", 0),
        ]
        assert sorter.lanes[0] == Lane(1, baggers[0], 1, 6000, 40, False)
        assert (sorter.belt_mm_per_s, sorter.actuator_ms, sorter.scan_cycle_ms, sorter.link_ms) == (1500, 80, 10, 150)


def test_every_postcode_has_one_destination(reference: Configuration) -> None:
    """The destinations' ranges are disjoint and together every code from 000000 to 999999."""
    ranges = sorted(ends for destination in reference.hall.plan.destinations for ends in destination.postcodes)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 999_999
    assert all(one[1] + 1 == other[0] for one, other in pairwise(ranges))


@pytest.mark.parametrize(
    ("postcode", "destination"),
    [
        (210018, "nanjing-xuanwu"),
        (211100, "nanjing-jiangning"),
        (211600, "huaian"),
        (214500, "taizhou"),
        (214400, "wuxi"),
        (223700, "suqian"),
        (100000, "north"),
        (200001, "shanghai-zhejiang"),
        (999077, "other"),
    ],
)
def test_known_postcodes(reference: Configuration, postcode: int, destination: str) -> None:
    """Codes that everybody knows go where they belong."""
    (found,) = [d.name for d in reference.hall.plan.destinations if any(a <= postcode <= b for a, b in d.postcodes)]
    assert found == destination


def test_plan_words_become_numbers(reference: Configuration) -> None:
    """Cut-offs are minutes after midnight, lanes pairs, the waybill range as it stands."""
    hall = reference.hall
    assert hall.plan.bags.cutoff_minutes == (630, 840, 1050, 1200)
    assert hall.plan.groups[0].lanes == (("sorter-1", 1), ("sorter-1", 5), ("sorter-2", 1), ("sorter-2", 5))
    assert hall.waybills == Waybills("EA", 10_000_000, 19_999_999, "CN")
    assert {d.name for d in hall.plan.destinations} == {position.destination for position in hall.rack.positions}


def test_the_digest_is_the_halls(reference: Configuration) -> None:
    """Equal halls have equal digests, also after a journey through the journal; another hall has another."""
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(reference.hall), type=Hall)
    assert again == reference.hall
    assert hall_digest(again) == reference.digest
    assert hall_digest(msgspec.structs.replace(again, name="x")) != reference.digest


def test_each_plc_has_its_profile(reference: Configuration) -> None:
    """Settings come in the hall's order; the digest is the first four bytes of SHA-256 of the profile's file."""
    assert [plc.name for plc in reference.plcs] == list(reference.hall.plcs())
    rack = reference.plc("rack-1")
    content = (profile_folder() / "rack-modbus.toml").read_bytes()
    assert rack.profile_digest == profile_digest(content) == int(hashlib.sha256(content).hexdigest()[:8], 16)
    assert (rack.host, rack.port, rack.unit_id, rack.out_address, rack.in_address) == ("127.0.0.1", 5023, 1, 0, 200)
    assert rack.function_23
    sorter = reference.plc("sorter-1")
    assert (sorter.url, sorter.out_node, sorter.in_node) == ("opc.tcp://127.0.0.1:4840", "Out", "In")
    with pytest.raises(KeyError):
        reference.plc("nobody")


def test_settings_are_what_links_take(reference: Configuration) -> None:
    """Each field that a link and our settings share has the same name and fits."""
    shared = {field.name for field in msgspec.structs.fields(LinkSettings)} - {"plc", "security", "speed"}
    for plc in reference.plcs:
        values: dict[str, Any] = {name: getattr(plc, name) for name in shared}
        link = msgspec.convert({"plc": plc.name, **values}, LinkSettings, strict=True)
        assert link.profile_digest == plc.profile_digest


def test_other_addresses(reference: Configuration) -> None:
    """A simulation puts PLCs at free ports; the hall and everything else stay."""
    moved = reference.at({"sorter-1": ("127.0.0.1", 40001), "rack-1": ("::1", 40002)})
    assert moved.plc("sorter-1").url == "opc.tcp://127.0.0.1:40001"
    assert (moved.plc("rack-1").host, moved.plc("rack-1").port, moved.plc("rack-1").url) == ("::1", 40002, "")
    assert moved.hall is reference.hall
    assert moved.plc("bagger-1") == reference.plc("bagger-1")


def test_an_endpoint_path_survives_a_move(reference: Configuration) -> None:
    """The path of an OPC UA endpoint stays when host and port change."""
    plc = dataclasses.replace(reference.plc("sorter-1"), url="opc.tcp://127.0.0.1:4840/line")
    assert plc.at("fd00::11", 4841).url == "opc.tcp://[fd00::11]:4841/line"


def test_folders_are_beside_the_site_file(tmp_path: Path) -> None:
    """Relative folders begin at the site file, and a run can put them elsewhere."""
    settings = load_site(write(tmp_path, texts())).site
    assert settings.journal_folder == tmp_path / "run" / "journal"
    assert settings.manifests_results == tmp_path / "run" / "manifests" / "results"
    assert settings.below(Path("x")).manifests_in == Path("x/manifests/in")
    assert (settings.lab, settings.http_host, settings.http_port) == (True, "127.0.0.1", 9464)


def test_addresses_that_count_from_one(tmp_path: Path) -> None:
    """A profile may count registers as its source does; the wire counts from 0. A gateway's unit id is the PLC's."""
    made, _ = edited(
        (
            profile("address_base = 0", "address_base = 1"),
            profile("images.out = { address = 0", "images.out = { address = 1001"),
            profile('word_order = "ABCD"', 'word_order = "CDAB"'),
            profile("function_codes = [3, 16, 23]", "function_codes = [3, 16]"),
            site('address = "127.0.0.1:5020"', 'address = "127.0.0.1:5020"\nunit_id = 7'),
        )
    )
    plc = load_site(write(tmp_path, made)).plc("sorter-2")
    assert (plc.out_address, plc.in_address, plc.unit_id) == (1000, 199, 7)
    assert (plc.word_order, plc.function_23) == ("CDAB", False)


def test_one_gateway_for_two_plcs(tmp_path: Path) -> None:
    """Two Modbus PLCs may share an address if their unit ids differ."""
    made, _ = edited((site('"127.0.0.1:5023"', '"127.0.0.1:5022"\nunit_id = 2'),))
    assert load_site(write(tmp_path, made)).plc("rack-1").unit_id == 2


def test_security(tmp_path: Path) -> None:
    """An OPC UA channel's files are found beside the site file."""
    table = (
        '[plc.security]\ncertificate = "pki/own.der"\nprivate_key = "pki/own.pem"\n'
        'server_certificate = "pki/plc.der"\napplication_uri = "urn:x"\n'
    )
    made, _ = edited((site('address = "127.0.0.1:4840"', f'address = "127.0.0.1:4840"\n\n{table}'),))
    security = load_site(write(tmp_path, made)).plc("sorter-1").security
    assert security is not None
    assert (security.certificate, security.mode) == (str(tmp_path / "pki/own.der"), "SignAndEncrypt")


@pytest.mark.parametrize(
    ("shifts", "minutes"),
    [
        ('"08:00-17:30"', ((480, 1050),)),
        ('"14:00-22:00", "06:00-14:00"', ((360, 1320),)),
        ('"22:00-06:00"', ((0, 360), (1320, 1440))),
        ('"22:00-00:00", "09:00-12:00"', ((540, 720), (1320, 1440))),
        ('"00:00-00:00"', ((0, 1440),)),
        ("", ()),
    ],
)
def test_shifts(tmp_path: Path, shifts: str, minutes: tuple[tuple[int, int], ...]) -> None:
    """Planned busy time is pieces of the local day in order; one over midnight is two, and those that meet are one."""
    assert load_site(write(tmp_path, edited((site('"08:00-17:30"', shifts),))[0])).hall.shifts == minutes


def test_ideal_cycles_are_known_for_the_machines_that_have_one(tmp_path: Path) -> None:
    """A machine whose site file does not say it has none: not 0, not another one's."""
    hall = load_site(write(tmp_path, edited((site("ideal_cycle_ms = 400 # shortest gap between two drops", ""),))[0])).hall
    assert hall.ideal_cycles_us() == {plc: 900_000 for plc in hall.plcs() if plc != "rack-1"}


def test_a_profile_says_where_its_machines_can_be_held(tmp_path: Path) -> None:
    """The hold mask is the profile's: 2015 for the sorter whose profile says so, 2022 for all others; the simulated one obeys."""
    old = edited((profile('hold_from = "tr88_2022"', 'hold_from = "tr88_2015_opcua"'),))[0]
    configuration = load_site(write(tmp_path, old))
    assert {plc.name for plc in configuration.plcs if plc.hold_from == "tr88_2015_opcua"} == {"sorter-2"}
    settings = plant_settings(configuration, 1)
    clock = HeapClock()
    plcs = {name: LinePlc(name, nonce=1, plant_us=lambda: 0, wall_us=lambda: 0) for name in configuration.hall.plcs()}
    plant = Plant(configuration.hall, [], settings, clock, plcs)
    masks = {name: program.unit.hold_mask for name, program in plant.programs.items()}
    assert {name for name, mask in masks.items() if mask == TR88_2015_OPCUA} == {"sorter-2"}
    assert set(masks.values()) == {TR88_2015_OPCUA, TR88_2022}


def test_a_group_may_leave_a_sorter_out(tmp_path: Path) -> None:
    """`not_on` says that a sorter never sees this mail, and then no lane is missed there."""
    made, _ = edited(
        (
            plan(
                'lanes = ["sorter-1/2", "sorter-1/6", "sorter-2/2", "sorter-2/6"]',
                'lanes = ["sorter-1/2"]\nnot_on = ["sorter-2"]',
            ),
            plan('overflow = ["ids-elsewhere"]', "overflow = []"),
        )
    )
    assert load_site(write(tmp_path, made)).hall.plan.groups[1].lanes == (("sorter-1", 2),)


def test_a_wide_rule_after_narrow_ones(tmp_path: Path) -> None:
    """Narrow rules before a wide one are right: this is how exceptions are written."""
    narrow = '[[rule]]\nname = "court"\nagencies = ["letters-office"]\nmail_classes = ["official_letter"]\ngroup = "invoices"\n\n'
    made, _ = edited((plan('[[rule]]\nname = "tax-invoices"', narrow + '[[rule]]\nname = "tax-invoices"'),))
    assert [rule.name for rule in load_site(write(tmp_path, made)).hall.plan.rules][:2] == ["court", "tax-invoices"]


def test_a_loop_is_a_table_of_its_sorter_and_a_rate_a_key_of_its_lane(tmp_path: Path) -> None:
    """Without it the belt ends in the exception lane, as the other one's does."""
    loop = "loop = { laps_max = 2, round_length_mm = 6000, items_max = 30 }\nexception_lane = 9"
    made = texts()
    slow = "secure = false, rate_per_minute = 30 }"
    made["site.toml"] = made["site.toml"].replace("exception_lane = 9", loop, 1).replace("secure = false }", slow, 1)
    first, second = load_site(write(tmp_path, made)).hall.sorters
    assert [lane.rate_per_minute for lane in first.lanes] == [30, *[0] * 8]
    assert (first.laps_max, first.round_mm, first.loop_items_max) == (2, 6000, 30)
    assert (second.laps_max, second.round_mm, second.loop_items_max) == (0, 0, 0)


def test_a_plans_validity_is_local_time(tmp_path: Path) -> None:
    """Midnight of the hall, not of Greenwich; and the digest is that of all that the plan says."""
    made, _ = edited((plan("[bags]", 'valid_from = "2026-03-02 00:00"\nvalid_until = "2026-03-09 06:30"\n\n[bags]'),))
    found = load_site(write(tmp_path, made)).hall.plan
    assert (found.valid_from_us, found.valid_until_us) == (1_772_380_800_000_000, 1_773_009_000_000_000)
    plain = load_site(bundled_site()).hall.plan
    assert found.digest == plan_digest(found) != plain.digest == plan_digest(plain)
    assert plain.named() == f"reference-1@{plain.digest[:8]}"


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ('valid_from = "2026-02-30 00:00"', "no-such-day"),
        ('valid_until = "1970-01-01 00:00"', "no-such-day"),
        ('valid_from = "2026-03-02 00:00"\nvalid_until = "2026-03-02 00:00"', "validity"),
    ],
)
def test_a_plan_that_is_never_valid_is_refused(tmp_path: Path, keys: str, rule: str) -> None:
    """A day that no calendar has, and an end that is no later than the beginning."""
    made, _ = edited((plan("[bags]", f"{keys}\n\n[bags]"),))
    with pytest.raises(ConfigError) as raised:
        load_site(write(tmp_path, made))
    assert [finding.rule for finding in raised.value.findings] == [rule]


def test_numbers_shared_with_the_wire() -> None:
    """Configuration may not import the wire's modules; the numbers that both have are the same."""
    assert (OUT_WORDS, IN_WORDS) == (image.OUT_WORDS, image.IN_WORDS)
    assert WATCHDOG_MS * 1000 == line.HEARTBEAT_LIMIT_US
    assert HEARTBEAT_STEP_MS * 1000 == limits.HEARTBEAT_STEP_US


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.3.11:502", Address("10.0.3.11", 502)),
        ("[fd00::11]:4840", Address("fd00::11", 4840)),
        ("PLC-7.hall:4840", Address("plc-7.hall", 4840)),
        ("fd00::11:4840", None),
        ("[10.0.0.1]:5", None),
        ("10.0.0.256:502", None),
        ("10.0.0.1:0", None),
        ("10.0.0.1:65536", None),
        ("10.0.0.1", None),
        (":502", None),
        ("a b:502", None),
        ("opc.tcp://a:4840", None),
    ],
)
def test_addresses(text: str, address: Address | None) -> None:
    """Host and port are taken apart, or refused; nothing is guessed."""
    assert parse_address(text) == address
