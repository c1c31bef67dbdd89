"""
From checked files to what the service runs by: the core's `Hall`, each PLC's link settings, the site's own settings.

Nothing here can fail on a configuration that `load` has checked; what would have is an `AssertionError`, ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from packcenter.config.check_plan import minute_of, postcode_range, time_of_day
from packcenter.config.check_site import parse_address
from packcenter.config.manifest import WAYBILL_FORMS
from packcenter.config.models import Destination as DestinationTable
from packcenter.config.models import Plan as PlanTable
from packcenter.config.models import Plc as PlcTable
from packcenter.config.models import Profile, Site
from packcenter.config.models import Security as SecurityTable
from packcenter.config.models import Sorter as SorterTable
from packcenter.config.people_models import REASONS
from packcenter.config.validate import Loaded
from packcenter.core.hall import (
    Bagger,
    BagLimits,
    CaseRack,
    CaseType,
    Destination,
    Group,
    Hall,
    Lane,
    MailClass,
    Outlet,
    Plan,
    Position,
    Rack,
    Rule,
    Sorter,
    Waybills,
)
from packcenter.core.limits import DISCREPANCY_MINUTES, DISCREPANCY_SECURE_MINUTES

POSTCODE_LAST = 999_999
DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """How an OPC UA channel is secured; the fields of `packcenter.plc.link.Security`."""

    policy: Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]
    mode: Literal["Sign", "SignAndEncrypt"]
    certificate: str
    private_key: str
    server_certificate: str
    application_uri: str


@dataclass(frozen=True, slots=True)
class PlcSettings:
    """
    How to reach one PLC and how to speak with it.

    Addresses are PDU addresses, counted from 0. A Modbus PLC has `url`, `namespace_uri`, `out_node` and `in_node`
    empty; an OPC UA PLC has the register fields 0. Nodes are the texts of string NodeIds in the namespace. `hold_from`
    names the machine's PackML hold mask (`packcenter.core.packml.HOLD_MASKS`).
    """

    name: str
    role: Literal["sorter", "bagger", "rack", "case_rack"]
    protocol: Literal["opcua", "modbus"]
    host: str
    port: int
    url: str
    unit_id: int
    out_address: int
    in_address: int
    function_23: bool
    word_order: Literal["ABCD", "CDAB"]
    max_read_registers: int
    max_write_registers: int
    namespace_uri: str
    out_node: str
    in_node: str
    poll_gap_us: int
    request_timeout_us: int
    profile_name: str
    profile_digest: int
    hold_from: Literal["tr88_2022", "tr88_2015_opcua"] = "tr88_2022"
    security: SecuritySettings | None = None

    def at(self, host: str, port: int) -> PlcSettings:
        """The same PLC at another address, as a simulation needs it that listens on free ports."""
        path = self.url.removeprefix(_url(self.host, self.port, "")) if self.url else ""
        return replace(self, host=host, port=port, url=_url(host, port, path) if self.url else "")


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files of our certificate and its private key, in PEM."""

    certificate: Path
    private_key: Path


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """
    What the service needs besides hall and PLCs. Folders are relative where the path of the site file was.

    `people` is the file of those who may act; None: the service only shows. `discrepancy_minutes` are those until a discrepancy
    is overdue, and those on ID documents. `plans` is the folder of the sort plans to which the running hall may be switched,
    None: to none; `file` the site file itself, by which they are checked, and `plan` its own plan.
    `receipts` is the folder of files of receipts, None: they are not tracked. `bills` and `feed` are where papers are written;
    None: they are not.
    """

    name: str
    centre: str
    services: tuple[str, ...]
    waybill_forms: tuple[str, ...]
    journal_folder: Path
    lab: bool
    manifests_in: Path
    manifests_done: Path
    manifests_results: Path
    http_host: str
    http_port: int
    beyond_loopback: bool
    http_names: tuple[str, ...] = ()
    tls: TlsSettings | None = None
    people: Path | None = None
    reasons: tuple[str, ...] = REASONS
    discrepancy_minutes: tuple[int, int] = (DISCREPANCY_MINUTES, DISCREPANCY_SECURE_MINUTES)
    plans: Path | None = None
    file: Path | None = None
    plan: Path | None = None
    receipts: Path | None = None
    bills: Path | None = None
    feed: Path | None = None

    def below(self, folder: Path) -> SiteSettings:
        """The same settings with journal and manifests below another folder, as a run of the simulation needs them."""
        manifests = folder / "manifests"
        return replace(
            self,
            journal_folder=folder / "journal",
            manifests_in=manifests / "in",
            manifests_done=manifests / "done",
            manifests_results=manifests / "results",
            receipts=folder / "receipts" if self.receipts is not None else None,
            bills=folder / "bills" if self.bills is not None else None,
            feed=folder / "feed" if self.feed is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Configuration:
    """
    A checked configuration. `plcs` has one entry for each name of `hall.plcs()`, in that order.

    `digest` is SHA-256 of the hall in hex (`hall_digest`); `files` are (name, SHA-256 in hex) of every file read,
    named as the site names them.
    """

    hall: Hall
    digest: str
    site: SiteSettings
    plcs: tuple[PlcSettings, ...]
    files: tuple[tuple[str, str], ...]

    def plc(self, name: str) -> PlcSettings:
        """The settings of one PLC; `KeyError` if there is none of that name."""
        for plc in self.plcs:
            if plc.name == name:
                return plc
        raise KeyError(name)

    def at(self, addresses: Mapping[str, tuple[str, int]]) -> Configuration:
        """The same configuration with some PLCs at other addresses (name -> host, port); the hall does not change."""
        plcs = tuple(plc.at(*addresses[plc.name]) if plc.name in addresses else plc for plc in self.plcs)
        return replace(self, plcs=plcs)


def hall_digest(hall: Hall) -> str:
    """SHA-256 in hex of the hall's MessagePack form: equal halls have equal digests, on every Python."""
    return hashlib.sha256(msgspec.msgpack.encode(hall)).hexdigest()


_RULE_FIELDS = 6
"""Fields of a rule that every release has; what follows says how it combines letters."""


def plan_digest(plan: Plan) -> str:
    """
    SHA-256 in hex of a plan's MessagePack form without its digest: what a plan says is what it is.

    A rule that combines nothing counts as earlier releases wrote it: a plan that somebody switched to stays in force when the
    service is started with a newer release.
    """
    said = msgspec.to_builtins(msgspec.structs.replace(plan, digest=""))
    said[3] = [rule if rule[_RULE_FIELDS] else rule[:_RULE_FIELDS] for rule in said[3]]
    return hashlib.sha256(msgspec.msgpack.encode(said)).hexdigest()


def build(path: Path, site: Loaded[Site], plan: Loaded[PlanTable], profiles: Mapping[str, Loaded[Profile]]) -> Configuration:
    """Put checked files together; `path` is the site file's, which folders are relative to."""
    assert site.whole, site.holes
    assert plan.whole, plan.holes
    hall = _hall(site.model, plan.model, profiles)
    tables = {plc.name: plc for plc in site.model.plc}
    settings = tuple(_plc(path.parent, tables[name], profiles[tables[name].profile]) for name in hall.plcs())
    documents = [(path.name, site.document), (site.model.plan, plan.document)]
    documents += [(name, profile.document) for name, profile in sorted(profiles.items())]
    files = tuple((name, hashlib.sha256(document.content).hexdigest()) for name, document in documents)
    return Configuration(hall, hall_digest(hall), _site(path, site.model), settings, files)


def _hall(site: Site, plan: PlanTable, profiles: Mapping[str, Loaded[Profile]]) -> Hall:
    profile_of = {plc.name: profiles[plc.profile].model for plc in site.plc}
    return Hall(
        name=site.name,
        centre=site.centre,
        utc_offset_minutes=site.utc_offset_minutes,
        agencies=tuple(site.agencies),
        mail_classes=tuple(
            MailClass(each.name, each.secure, each.grams_min, each.grams_max, each.pouch, each.thickness_um_max // 10)
            for each in site.mail_class
        ),
        sorters=tuple(_sorter(each, profile_of[each.plc]) for each in site.sorter),
        baggers=tuple(
            Bagger(each.plc, each.feed_timeout_ms, each.verdict_timeout_ms, each.ideal_cycle_ms or 0) for each in site.bagger
        ),
        rack=Rack(
            plc=site.rack.plc,
            positions=tuple(Position(each.number, each.destination, tuple(each.services)) for each in site.rack.position),
            reject_position=site.rack.reject_position,
            drop_timeout_ms=site.rack.drop_timeout_ms,
            close_timeout_ms=site.rack.close_timeout_ms,
            ideal_cycle_ms=site.rack.ideal_cycle_ms or 0,
        ),
        waybills=Waybills(site.waybills.indicator, site.waybills.first, site.waybills.last, site.waybills.country),
        plan=_plan(plan, site.utc_offset_minutes),
        shifts=_shifts(site.shifts),
        receipt_minutes=site.receipts.hours * 60 if site.receipts is not None else 0,
        receptacles=(kept.origin, kept.category, kept.subclass) if (kept := site.receptacles) is not None else (),
        case_racks=tuple(
            CaseRack(
                each.plc,
                each.cells,
                each.cell_documents,
                tuple(Outlet(outlet.number, outlet.feeds, outlet.infeed) for outlet in each.outlet),
                each.store_timeout_ms,
                each.release_timeout_ms,
                each.ideal_cycle_ms or 0,
            )
            for each in site.case_rack
        ),
        case_types=tuple(
            CaseType(each.name, each.prefix, tuple(each.mail_classes), each.wait_minutes, each.when_missing, each.pouch)
            for each in site.case_type
        ),
    )


def _shifts(texts: list[str]) -> tuple[tuple[int, int], ...]:
    """Minutes of the day, rising and apart: a shift over midnight is two pieces, and those that touch are one."""
    pieces: list[tuple[int, int]] = []
    for text in texts:
        begin, end = (time_of_day(part) for part in text.split("-"))
        pieces += [(begin, end)] if begin < end else [(0, end), (begin, DAY_MINUTES)]
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(piece for piece in pieces if piece[0] < piece[1]):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return tuple(joined)


def _sorter(sorter: SorterTable, profile: Profile) -> Sorter:
    lanes = tuple(
        Lane(
            each.number,
            each.feeds or "",
            each.infeed or 0,
            each.distance_mm,
            each.capacity_items,
            each.secure,
            each.rate_per_minute or 0,
        )
        for each in sorter.lane
    )
    return Sorter(
        plc=sorter.plc,
        belt_mm_per_s=sorter.belt_speed_mm_per_s,
        belt_mm=sorter.belt_length_mm,
        actuator_ms=sorter.actuator_ms,
        scan_cycle_ms=profile.line.scan_cycle_ms,
        link_ms=sorter.link_budget_ms,
        confirm_slack_ms=sorter.confirm_slack_ms,
        lanes=lanes,
        exception_lane=sorter.exception_lane,
        ideal_cycle_ms=sorter.ideal_cycle_ms or 0,
        laps_max=sorter.loop.laps_max if sorter.loop is not None else 0,
        round_mm=sorter.loop.round_length_mm if sorter.loop is not None else 0,
        loop_items_max=sorter.loop.items_max if sorter.loop is not None else 0,
    )


def _plan(plan: PlanTable, utc_offset_minutes: int) -> Plan:
    made = Plan(
        version=plan.version,
        destinations=_destinations(plan.destination),
        groups=tuple(
            Group(each.name, tuple(_lane(lane) for lane in each.lanes), each.balance, tuple(each.overflow)) for each in plan.group
        ),
        rules=tuple(
            Rule(
                each.name,
                tuple(each.mail_classes),
                tuple(each.agencies),
                tuple(each.destinations),
                tuple(each.services),
                each.group,
                each.combine_minutes if each.combine else 0,
                (each.combine_pouch or 0) if each.combine else 0,
            )
            for each in plan.rule
        ),
        bags=BagLimits(plan.bags.items_max, plan.bags.grams_max, tuple(time_of_day(each) for each in plan.bags.cutoffs)),
        valid_from_us=_moment_us(plan.valid_from, utc_offset_minutes),
        valid_until_us=_moment_us(plan.valid_until, utc_offset_minutes),
    )
    return msgspec.structs.replace(made, digest=plan_digest(made))


def _moment_us(text: str | None, utc_offset_minutes: int) -> int:
    """Core time of a checked local moment; 0 if there is none."""
    minute = minute_of(text) if text is not None else None
    return 0 if minute is None else max(1, (minute - utc_offset_minutes) * 60_000_000)


def _destinations(tables: list[DestinationTable]) -> tuple[Destination, ...]:
    taken = sorted(postcode_range(text) for each in tables for text in each.postcodes)
    made: list[Destination] = []
    for each in tables:
        own = [postcode_range(text) for text in each.postcodes]
        if each.everything_else:
            own += _left(taken)
        made.append(Destination(each.name, tuple(_joined(sorted(own))), tuple(each.outlets), each.office or ""))
    return tuple(made)


def _left(taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The postcodes between sorted disjoint ranges."""
    left: list[tuple[int, int]] = []
    free = 0
    for first, last in taken:
        if first > free:
            left.append((free, first - 1))
        free = last + 1
    if free <= POSTCODE_LAST:
        left.append((free, POSTCODE_LAST))
    return left


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted disjoint ranges with neighbours made one."""
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and first == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def _lane(text: str) -> tuple[str, int]:
    sorter, _, number = text.partition("/")
    return sorter, int(number)


def _plc(folder: Path, plc: PlcTable, loaded: Loaded[Profile]) -> PlcSettings:
    profile, line = loaded.model, loaded.model.line
    address = parse_address(plc.address)
    assert address is not None, plc.address
    modbus, opcua = profile.modbus, profile.opcua
    assert (modbus is None) != (opcua is None), loaded.document.name
    unit_id = modbus.unit_id if modbus is not None and plc.unit_id is None else plc.unit_id or 0
    return PlcSettings(
        name=plc.name,
        role=plc.role,
        protocol=profile.protocol,
        host=address.host,
        port=address.port,
        url=_url(address.host, address.port, opcua.path) if opcua is not None else "",
        unit_id=unit_id,
        out_address=modbus.images.out.address - modbus.address_base if modbus is not None else 0,
        in_address=modbus.images.in_.address - modbus.address_base if modbus is not None else 0,
        function_23=modbus is not None and 23 in modbus.function_codes,
        word_order=modbus.word_order if modbus is not None else "ABCD",
        max_read_registers=modbus.max_read_registers if modbus is not None else 0,
        max_write_registers=modbus.max_write_registers if modbus is not None else 0,
        namespace_uri=opcua.namespace_uri if opcua is not None else "",
        out_node=opcua.images.out.node if opcua is not None else "",
        in_node=opcua.images.in_.node if opcua is not None else "",
        poll_gap_us=line.poll_gap_ms * 1000,
        request_timeout_us=line.request_timeout_ms * 1000,
        profile_name=plc.profile,
        profile_digest=profile_digest(loaded.document.content),
        hold_from=profile.packml.hold_from,
        security=_security(folder, plc.security) if plc.security is not None else None,
    )


def _security(folder: Path, table: SecurityTable) -> SecuritySettings:
    return SecuritySettings(
        policy=table.policy,
        mode=table.mode,
        certificate=str(folder / table.certificate),
        private_key=str(folder / table.private_key),
        server_certificate=str(folder / table.server_certificate),
        application_uri=table.application_uri,
    )


def profile_digest(content: bytes) -> int:
    """The first 32 bits of SHA-256 of a profile file's bytes, as words 1 and 2 of `Out` carry it."""
    return int.from_bytes(hashlib.sha256(content).digest()[:4], "big")


def _url(host: str, port: int, path: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"opc.tcp://{shown}:{port}{path}"


def _site(path: Path, site: Site) -> SiteSettings:
    folder = path.parent
    manifests = folder / site.manifests.folder
    tls = site.http.tls
    return SiteSettings(
        name=site.name,
        centre=site.centre,
        services=tuple(site.services),
        waybill_forms=tuple(site.waybill_forms) or WAYBILL_FORMS,
        journal_folder=folder / site.journal.folder,
        lab=site.journal.lab,
        manifests_in=manifests / "in",
        manifests_done=manifests / "done",
        manifests_results=manifests / "results",
        http_host=site.http.host,
        http_port=site.http.port,
        beyond_loopback=site.http.beyond_loopback,
        http_names=tuple(site.http.names),
        tls=TlsSettings(folder / tls.certificate, folder / tls.private_key) if tls is not None else None,
        people=folder / site.acts.people if site.acts is not None else None,
        reasons=tuple(site.acts.reasons) if site.acts is not None else REASONS,
        discrepancy_minutes=(site.discrepancies.minutes, site.discrepancies.secure_minutes),
        plans=folder / site.plans if site.plans is not None else None,
        file=path,
        plan=folder / site.plan,
        receipts=folder / site.receipts.folder if site.receipts is not None else None,
        bills=folder / site.papers.bills if site.papers is not None else None,
        feed=folder / site.papers.feed if site.papers is not None else None,
    )
