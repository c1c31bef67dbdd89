"""
Checks of one site file: machines and their PLCs, lanes and infeeds, positions, waybills, addresses.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from packcenter.config import personal
from packcenter.config.check_cases import check_cases
from packcenter.config.errors import choice, quoted
from packcenter.config.models import Position, Site
from packcenter.config.names import Findings, known_names, unique_items, unique_numbers, unique_tables, unknown_name
from packcenter.config.people import PERSONAL
from packcenter.config.toml import KeyPath
from packcenter.config.validate import Loaded, Value

TRAVEL_MS_MAX = 30_000  # deadlines are compared modulo 65,536 ms, which is right for windows up to 32 s

_S10_INDICATOR = re.compile(r"[BCDEHLMNPRUVZ][A-Z]|Q[A-M]|A[V-Z]|G[AD]")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


class Address(NamedTuple):
    """Where a PLC listens; `host` is without the brackets of IPv6."""

    host: str
    port: int


def parse_address(text: str) -> Address | None:
    """`host:port` or `[IPv6]:port` with a port from 1 to 65535; None for anything else."""
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        return None
    if host.startswith("[") and host.endswith("]"):
        inner = _ip(host[1:-1])
        return Address(str(inner), int(port)) if isinstance(inner, ipaddress.IPv6Address) else None
    known = _ip(host) or (_HOST_NAME.fullmatch(host) and not re.fullmatch(r"[0-9.]*", host) and len(host) <= 253)
    return Address(host.lower(), int(port)) if known and ":" not in host else None


def check_site(site: Loaded[Site]) -> Findings:
    """Everything that a site file can be wrong in by itself."""
    yield from unique_items(site, ("agencies",), site.model.agencies, "agency")
    yield from unique_items(site, ("services",), site.model.services, "service")
    yield from _waybill_forms(site)
    yield from unique_tables(site, "mail_class", "name", [each.name for each in site.model.mail_class])
    yield from unique_tables(site, "plc", "name", [each.name for each in site.model.plc])
    yield from _addresses(site)
    yield from _machines(site)
    for at in range(len(site.model.sorter)):
        yield from _sorter(site, at)
    yield from _infeeds(site)
    yield from check_cases(site)
    yield from _positions(site)
    yield from _bands(site)
    yield from _discrepancies(site)
    yield from _waybills(site)
    yield from _http(site)
    yield from _reasons(site)
    yield from _folders(site)


def _discrepancies(site: Loaded[Site]) -> Findings:
    times, path = site.model.discrepancies, ("discrepancies", "secure_minutes")
    if site.sound(*path) and site.sound("discrepancies", "minutes") and times.secure_minutes > times.minutes:
        advice = "What may be an ID document is sought first; give it the shorter time."
        yield site.finding(path, "secure-later", Value(times.secure_minutes), f"at most minutes, {times.minutes}", advice)


def _waybill_forms(site: Loaded[Site]) -> Findings:
    yield from unique_items(site, ("waybill_forms",), site.model.waybill_forms, "form")
    for at, form in enumerate(site.model.waybill_forms):
        path: KeyPath = ("waybill_forms", at)
        if site.sound(*path) and not re.fullmatch(r"(?=.*#.*#.*#.*#)[A-Z0-9#@]{8,20}", form):
            expected = "8 to 20 of capital letters, digits, @ and #, at least four of them #"
            advice = "# stands for a digit, @ for a capital letter, everything else for itself, as in 1############."
            yield site.finding(path, "waybill-form", quoted(form), expected, advice)


def _addresses(site: Loaded[Site]) -> Findings:
    for at, plc in enumerate(site.model.plc):
        path: KeyPath = ("plc", at, "address")
        if site.sound(*path) and parse_address(plc.address) is None:
            expected = "host:port with a port from 1 to 65535"
            yield site.finding(path, "address", Value(plc.address), expected, "IPv6 hosts stand in brackets: [fd00::11]:4840.")


def _machines(site: Loaded[Site]) -> Findings:
    model = site.model
    uses: list[tuple[KeyPath, str, str]] = [(("sorter", at, "plc"), each.plc, "sorter") for at, each in enumerate(model.sorter)]
    uses += [(("bagger", at, "plc"), each.plc, "bagger") for at, each in enumerate(model.bagger)]
    uses.append((("rack", "plc"), model.rack.plc, "rack"))
    uses += [(("case_rack", at, "plc"), each.plc, "case_rack") for at, each in enumerate(model.case_rack)]
    plcs = known_names(site, "plc", "name")
    roles = {plc.name: plc.role for at, plc in enumerate(model.plc) if site.sound("plc", at, "role")}
    taken: dict[str, str] = {}
    for path, name, role in uses:
        if not site.sound(*path):
            continue
        if plcs is not None and name not in plcs:
            yield unknown_name(site, path, name, plcs, "PLC", "A machine needs a [[plc]] of its name, which says where it is.")
        elif roles.get(name, role) != role:
            advice = "A machine is driven by the commands of its role; correct the name or the PLC's role."
            yield site.finding(path, "role", f"{quoted(name)}, a {roles[name]}", f"a PLC whose role is {quoted(role)}", advice)
        elif name in taken:
            advice = "One PLC runs one machine; give each its own."
            yield site.finding(path, "repeated-plc", f"{quoted(name)}, as {taken[name]} already", "a PLC of its own", advice)
        taken.setdefault(name, f"{path[0]}")
    lists = ("sorter", "bagger", "case_rack")
    if all(site.sound(*path) for path, _, _ in uses) and all(site.sound(each) for each in lists):
        for at, plc in enumerate(model.plc):
            if site.sound("plc", at, "name") and plc.name not in taken:
                advice = "No sorter, bagger, rack or case rack names it; add the machine or take the PLC out."
                yield site.finding(("plc", at, "name"), "unused-plc", Value(plc.name), "the PLC of a machine", advice)


def _sorter(site: Loaded[Site], at: int) -> Findings:
    sorter = site.model.sorter[at]
    path: KeyPath = ("sorter", at)
    sound = [number for number in range(len(sorter.lane)) if site.sound(*path, "lane", number)]
    yield from unique_numbers(site, (*path, "lane"), [lane.number for lane in sorter.lane], "lane")
    if site.sound(*path, "exception_lane"):
        yield from _exception_lane(site, at)
    if not site.sound(*path, "belt_length_mm"):
        return
    for number in sound:
        if sorter.lane[number].distance_mm > sorter.belt_length_mm:
            advice = "A lane behind the belt's end can never be reached; measure both from the scanner."
            seen, where = Value(sorter.lane[number].distance_mm), (*path, "lane", number, "distance_mm")
            yield site.finding(where, "beyond-belt", seen, f"at most belt_length_mm, {sorter.belt_length_mm}", advice)
    travel_ms = sorter.belt_length_mm * 1000 // sorter.belt_speed_mm_per_s
    if site.sound(*path, "belt_speed_mm_per_s") and travel_ms > TRAVEL_MS_MAX:
        advice = "Deadlines on the wire are compared modulo 65,536 ms and are right for windows up to 32 s."
        expected = f"a belt of at most {TRAVEL_MS_MAX:,} ms"
        yield site.finding((*path, "belt_length_mm"), "belt-too-long", f"{travel_ms:,} ms at this speed", expected, advice)


def _exception_lane(site: Loaded[Site], at: int) -> Findings:
    sorter, path = site.model.sorter[at], ("sorter", at)
    if not site.sound(*path, "lane"):
        return
    number = next((each for each, lane in enumerate(sorter.lane) if lane.number == sorter.exception_lane), None)
    if number is None:
        expected = "the number of one of its lanes"
        advice = "Every decision falls back to this lane; it must be there."
        yield site.finding((*path, "exception_lane"), "unknown-lane", Value(sorter.exception_lane), expected, advice)
        return
    lane, where = sorter.lane[number], (*path, "lane", number)
    if lane.feeds is not None or lane.infeed is not None:
        key = "feeds" if lane.feeds is not None else "infeed"
        advice = "People empty the exception lane to the hand station; a machine would pack what nobody could read."
        yield site.finding((*where, key), "exception-lane", Value(getattr(lane, key)), "not there in the exception lane", advice)
    if any(other.distance_mm > lane.distance_mm for other in sorter.lane):
        advice = "It is the fallback, so it must lie behind every diverter, at the belt's end."
        seen, expected = Value(lane.distance_mm), f"at least {max(each.distance_mm for each in sorter.lane)}"
        yield site.finding((*where, "distance_mm"), "exception-lane", seen, expected, advice)
    secure = [each.name for each in site.model.mail_class if each.secure]
    if secure and not lane.secure and site.sound("mail_class"):
        advice = f"Documents of class {choice(secure)} that fall back end here."
        yield site.finding((*where, "secure"), "not-secure", Value(False), "true, because secure mail falls back to it", advice)


def _infeeds(site: Loaded[Site]) -> Findings:
    model = site.model
    baggers, racks = known_names(site, "bagger", "plc"), known_names(site, "case_rack", "plc")
    takers = None if baggers is None or racks is None else baggers | racks
    infeeds = {each.plc: each.infeeds for at, each in enumerate(model.bagger) if site.sound("bagger", at)}
    infeeds |= {each.plc: each.infeeds for at, each in enumerate(model.case_rack) if site.sound("case_rack", at)}
    holders: dict[tuple[str, int], str] = {}
    fed: set[str] = {outlet.feeds for rack in model.case_rack for outlet in rack.outlet}
    for at, sorter in enumerate(model.sorter):
        for number, lane in enumerate(sorter.lane):
            path: KeyPath = ("sorter", at, "lane", number)
            fed.add(lane.feeds or "")
            if not site.sound(*path) or not site.sound("sorter", at, "exception_lane") or lane.number == sorter.exception_lane:
                continue
            if lane.feeds is None or lane.infeed is None:
                key = "feeds" if lane.feeds is None else "infeed"
                advice = "Nobody would empty the lane; only the exception lane is emptied by people."
                yield site.finding((*path, key), "lane-not-fed", "missing", "the bagger and its infeed", advice, at_key=True)
            elif takers is not None and lane.feeds not in takers:
                yield unknown_name(site, (*path, "feeds"), lane.feeds, takers, "bagger", "Nobody would empty the lane.")
            else:
                yield from _infeed(site, path, infeeds.get(lane.feeds), holders, f"lane {lane.number} of {sorter.plc}")
    if not site.sound("sorter"):
        return
    for at, bagger in enumerate(model.bagger):
        if site.sound("bagger", at, "plc") and bagger.plc not in fed:
            advice = "The machine would stand still for ever; let a lane feed it or take it out."
            yield site.finding(("bagger", at, "plc"), "bagger-not-fed", Value(bagger.plc), "fed by at least one lane", advice)


def _infeed(site: Loaded[Site], path: KeyPath, infeeds: int | None, holders: dict[tuple[str, int], str], here: str) -> Findings:
    lane = site.model.sorter[int(path[1])].lane[int(path[3])]
    assert lane.feeds is not None, path
    assert lane.infeed is not None, path
    if infeeds is not None and lane.infeed > infeeds:
        advice = f"{lane.feeds} would be told to feed from an infeed that it does not have."
        yield site.finding(
            (*path, "infeed"), "infeed", Value(lane.infeed), f"1 to {infeeds}, the infeeds of {lane.feeds}", advice
        )
        return
    holder = holders.setdefault((lane.feeds, lane.infeed), here)
    if holder != here:
        advice = "Two lanes on one infeed mix their documents, and the order of what comes is lost."
        where = f"{lane.infeed} of {lane.feeds}, which {holder} feeds"
        yield site.finding((*path, "infeed"), "same-infeed", where, "an infeed of its own", advice)


def _positions(site: Loaded[Site]) -> Findings:
    rack = site.model.rack
    yield from unique_numbers(site, ("rack", "position"), [each.number for each in rack.position], "position")
    holders: dict[tuple[str, str], int] = {}
    for at, position in enumerate(rack.position):
        path: KeyPath = ("rack", "position", at)
        if not site.sound(*path):
            continue
        yield from unique_items(site, (*path, "services"), position.services, "service")
        taken = [(holders[key], key[1]) for key in _keys(position) if key in holders]
        holders |= {key: position.number for key in _keys(position) if key not in holders}
        if taken:
            advice = "A destination has one bag for each service, or one for all; which of the two would a parcel take?"
            by = f" by {quoted(taken[0][1])}" if taken[0][1] else ""
            seen = f"{quoted(position.destination)}{by}, as in position {taken[0][0]}"
            yield site.finding((*path, "destination"), "same-destination", seen, "a destination of its own", advice)
        yield from _services(site, at)
        if site.sound("rack", "reject_position") and position.number == rack.reject_position:
            advice = "Parcels for the hand station would fall into a mail bag."
            number = Value(rack.reject_position)
            where: KeyPath = ("rack", "reject_position")
            yield site.finding(where, "reject-position", number, "a position without a bag, such as 0", advice)


def _services(site: Loaded[Site], at: int) -> Findings:
    for number, service in enumerate(site.model.rack.position[at].services):
        path: KeyPath = ("rack", "position", at, "services", number)
        if site.sound("services") and site.sound(*path) and service not in site.model.services:
            advice = "The centre does not offer it; no parcel would ever fall there."
            yield site.finding(path, "unknown-service", Value(service), f"one of {choice(site.model.services)}", advice)


def _keys(position: Position) -> list[tuple[str, str]]:
    """What a position is for: its destination with each of its services, with "" for all others."""
    services: list[str] = [*position.services]
    return [(position.destination, service) for service in dict.fromkeys(services or [""])]


def _bands(site: Loaded[Site]) -> Findings:
    for at, each in enumerate(site.model.mail_class):
        if site.sound("mail_class", at) and each.grams_min > each.grams_max:
            advice = "No parcel could ever have the right weight."
            path: KeyPath = ("mail_class", at, "grams_max")
            yield site.finding(path, "weight-band", Value(each.grams_max), f"at least grams_min, {each.grams_min}", advice)


def _waybills(site: Loaded[Site]) -> Findings:
    waybills = site.model.waybills
    if not site.sound("waybills"):
        return
    if not _S10_INDICATOR.fullmatch(waybills.indicator):
        advice = "UPU S10 reserves it; EA to EZ are EMS, RA to RZ registered letters."
        indicator = Value(waybills.indicator)
        yield site.finding(("waybills", "indicator"), "s10", indicator, "an S10 service indicator in use", advice)
    if waybills.country == "CS":
        advice = "It marks old domestic numbers, whose check digit has no public rule; write CN."
        yield site.finding(("waybills", "country"), "s10", Value("CS"), "an ISO 3166-1 country", advice)
    serials = waybills.last - waybills.first + 1
    if serials < 1:
        expected = f"at least first, {waybills.first}"
        yield site.finding(("waybills", "last"), "waybill-range", Value(waybills.last), expected, "The range holds no number.")
    elif serials < waybills.day_items_max:
        advice = "The range would be used up before the day is over."
        seen = f"{waybills.last}, which leaves {serials:,} numbers"
        yield site.finding(("waybills", "last"), "waybill-range", seen, f"{waybills.day_items_max:,} numbers or more", advice)


def _reasons(site: Loaded[Site]) -> Findings:
    """Chinese text is what the list is for; a number of a person is none of anybody's reasons."""
    if site.model.acts is None or not site.sound("acts"):
        return
    reasons = site.model.acts.reasons
    yield from unique_items(site, ("acts", "reasons"), reasons, "reason")
    for at, reason in enumerate(reasons):
        kind = personal.number_in(reason)
        if site.sound("acts", "reasons", at) and kind:
            advice = "The journal keeps it for ever; say it without."
            yield site.finding(("acts", "reasons", at), "personal-data", PERSONAL[kind], "words that tell of nobody", advice)


def _http(site: Loaded[Site]) -> Findings:
    http = site.model.http
    if not site.sound("http"):
        return
    address = ipaddress.ip_address("127.0.0.1") if http.host == "localhost" else _ip(http.host)
    if address is None:
        expected = "an IP address of this machine"
        yield site.finding(("http", "host"), "http", Value(http.host), expected, "Names are not looked up at start.")
    elif not address.is_loopback and not http.beyond_loopback:
        advice = "The pages have no password; say http.beyond_loopback = true if other machines shall reach them."
        yield site.finding(("http", "host"), "http", Value(http.host), 'a loopback address such as "127.0.0.1"', advice)
    elif not address.is_loopback and site.model.acts is not None and http.tls is None:
        advice = "Whoever listens on the network would have the tokens; give [http.tls] a certificate, or take [acts] out."
        yield site.finding(("http", "host"), "acts-without-tls", Value(http.host), "a loopback address, or TLS", advice)


def _folders(site: Loaded[Site]) -> Findings:
    journal, manifests = site.model.journal.folder, site.model.manifests.folder
    if site.sound("journal", "folder") and site.sound("manifests", "folder") and journal.rstrip("/") == manifests.rstrip("/"):
        advice = "Agencies write into the one; nothing but the service may write into the other."
        yield site.finding(("manifests", "folder"), "same-folder", "the journal's folder too", "a folder of its own", advice)
    receipts, papers = site.model.receipts, site.model.papers
    taken = {journal.rstrip("/"): "[journal]", manifests.rstrip("/"): "[manifests]"}
    more: list[tuple[KeyPath, str]] = []
    if receipts is not None:
        more.append((("receipts", "folder"), receipts.folder))
    if papers is not None:
        more += [(("papers", "bills"), papers.bills), (("papers", "feed"), papers.feed)]
    for path, folder in more:
        if site.sound(*path) and taken.setdefault(folder.rstrip("/"), f"[{path[0]}]") != f"[{path[0]}]":
            seen = f"the folder of {taken[folder.rstrip('/')]} too"
            advice = "What lies there would be taken for something else."
            yield site.finding(path, "same-folder", seen, "a folder of its own", advice)


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
