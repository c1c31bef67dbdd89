"""
Checks of the case racks and case types of a site file: what feeds them, what they lay out for whom, and which cases they know.
"""

from __future__ import annotations

from packcenter.config.errors import choice, quoted
from packcenter.config.models import Site
from packcenter.config.names import Findings, check_names, known_names, unique_numbers, unique_tables, unknown_name
from packcenter.config.toml import KeyPath
from packcenter.config.validate import Loaded, Value


def check_cases(site: Loaded[Site]) -> Findings:
    """Everything that case racks and case types can be wrong in by themselves, or against the machines around them."""
    for at, rack in enumerate(site.model.case_rack):
        yield from unique_numbers(site, ("case_rack", at, "outlet"), [each.number for each in rack.outlet], "outlet")
    yield from _outlets(site)
    yield from _feeding_lanes(site)
    yield from _types(site)


def _outlets(site: Loaded[Site]) -> Findings:
    """An outlet stands before an infeed of a bagger, which nothing else feeds."""
    model = site.model
    baggers = known_names(site, "bagger", "plc")
    infeeds = {each.plc: each.infeeds for at, each in enumerate(model.bagger) if site.sound("bagger", at)}
    holders = {
        (lane.feeds, lane.infeed): f"lane {lane.number} of {sorter.plc}"
        for sorter in model.sorter
        for lane in sorter.lane
        if lane.feeds is not None
    }
    for at, rack in enumerate(model.case_rack):
        for number, outlet in enumerate(rack.outlet):
            path: KeyPath = ("case_rack", at, "outlet", number)
            if not site.sound(*path):
                continue
            if baggers is not None and outlet.feeds not in baggers:
                yield unknown_name(site, (*path, "feeds"), outlet.feeds, baggers, "bagger", "Nobody would pack the cases.")
                continue
            here = f"outlet {outlet.number} of {rack.plc}"
            holder = holders.setdefault((outlet.feeds, outlet.infeed), here)
            if outlet.infeed > infeeds.get(outlet.feeds, outlet.infeed):
                advice = f"{outlet.feeds} would be told to feed from an infeed that it does not have."
                expected = f"1 to {infeeds[outlet.feeds]}, the infeeds of {outlet.feeds}"
                yield site.finding((*path, "infeed"), "infeed", Value(outlet.infeed), expected, advice)
            elif holder != here:
                advice = "Documents of two citizens would stand in one row; give each its own infeed."
                seen = f"{outlet.infeed} of {outlet.feeds}, which {holder} feeds"
                yield site.finding((*path, "infeed"), "same-infeed", seen, "an infeed of its own", advice)


def _feeding_lanes(site: Loaded[Site]) -> Findings:
    """Documents of a case can come on any sorter, and may need a lane that is closed in."""
    model = site.model
    if not model.case_rack or not site.sound("sorter") or not site.sound("case_rack"):
        return
    racks = {rack.plc for rack in model.case_rack}
    for at, rack in enumerate(model.case_rack):
        if not any(lane.feeds == rack.plc for sorter in model.sorter for lane in sorter.lane):
            advice = "Nothing would ever be stored there; let a lane feed it or take it out."
            path: KeyPath = ("case_rack", at, "plc")
            yield site.finding(path, "case-rack-not-fed", Value(rack.plc), "fed by at least one lane", advice)
    secure = sorted(each.name for each in model.mail_class if each.secure)
    for at, sorter in enumerate(model.sorter):
        lanes = [(number, lane) for number, lane in enumerate(sorter.lane) if lane.feeds in racks]
        if not lanes:
            advice = "Whatever of a case it scans would go to the exception lane; give it a lane that feeds a case rack."
            yield site.finding(("sorter", at, "plc"), "no-case-lane", Value(sorter.plc), "a sorter with a lane for cases", advice)
        for number, lane in lanes:
            if secure and not lane.secure and site.sound("mail_class"):
                advice = f"Documents of class {choice(secure)} can belong to a case; none of them may wait there."
                where: KeyPath = ("sorter", at, "lane", number, "secure")
                yield site.finding(where, "not-secure", Value(False), "true, because a case may have secure documents", advice)


def _types(site: Loaded[Site]) -> Findings:
    model = site.model
    yield from unique_tables(site, "case_type", "name", [each.name for each in model.case_type])
    classes = known_names(site, "mail_class", "name")
    limit = max((rack.cell_documents for rack in model.case_rack), default=0)
    for at, kind in enumerate(model.case_type):
        path: KeyPath = ("case_type", at)
        if not site.sound(*path):
            continue
        yield from check_names(site, (*path, "mail_classes"), kind.mail_classes, classes, "mail class")
        if len(kind.mail_classes) == 1 or len(set(kind.mail_classes)) < len(kind.mail_classes):
            advice = "A case has several documents, one of each class; leave it empty to go by the manifests' case_size."
            yield site.finding(
                (*path, "mail_classes"), "case-classes", Value(len(kind.mail_classes)), "two or more, each once", advice
            )
        if model.case_rack and len(kind.mail_classes) > limit:
            advice = "No cell could ever hold such a case."
            expected = f"at most {limit}, the documents of a cell"
            yield site.finding((*path, "mail_classes"), "case-classes", Value(len(kind.mail_classes)), expected, advice)
        shadow = next((each for each in model.case_type[:at] if kind.prefix.startswith(each.prefix)), None)
        if shadow is not None:
            advice = "The first type that fits is a case's; put the longer prefix first."
            seen = f"{quoted(kind.prefix)}, of which {quoted(shadow.name)} takes every case first"
            yield site.finding((*path, "prefix"), "dead-type", seen, "a prefix that some case reaches", advice)
    if model.case_rack and not model.case_type and site.sound("case_type"):
        advice = "Nobody says what happens to a case of which a document is missing."
        yield site.finding(("case_rack", 0, "plc"), "no-case-type", "no case types", "at least one [[case_type]]", advice)
    if model.case_type and not model.case_rack and site.sound("case_rack"):
        advice = "Without a case rack every document leaves alone; add the rack or take the types out."
        yield site.finding(("case_type", 0, "name"), "no-case-rack", "no case rack", "a [[case_rack]]", advice)
