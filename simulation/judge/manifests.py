"""Manifests: every line is taken or refused, once; an item and a waybill count once over all of them (A4, C2, G4)."""

from __future__ import annotations

from simulation.judge import cases, custody, letters
from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court, Item


def manifest_opened(court: Court, bench: Bench, fact: Said) -> None:
    """The first part of a manifest came."""
    _, manifest, parts, refused, digest = fact
    if manifest in court.manifests:
        court.blame("G4", f"manifest {manifest} is opened twice")
    if bench.name != "ManifestReceived" or [manifest, parts, refused, digest] != [bench.happened[1], *bench.happened[3:6]]:
        court.blame("G4", f"manifest {manifest} is opened in a record about something else")
    court.manifests.setdefault(manifest, [0, refused, set(), parts])


def item_expected(court: Court, bench: Bench, fact: Said) -> None:
    """An item is announced; nothing bears its code or its waybill yet."""
    _, manifest, line = fact
    name, mail_class, agency, waybill = line[:4]
    known = court.items.get(name)
    if known is not None:
        court.blame("G4", f"{name} is announced by {manifest}, and was announced before")
        return
    item = Item(name, line, name, (agency, mail_class), "expected")
    item.secure = court.hall is not None and mail_class in court.hall.classes and court.hall.classes[mail_class].secure
    court.items[name] = item
    custody.count_in(court, item)
    if waybill:
        if waybill in court.waybills and cases.shares(court, item, waybill):
            item.waybill = ""
        else:
            if waybill in court.waybills:
                court.blame("C2", f"waybill {waybill} of {name} is that of {court.waybills[waybill].id}")
            court.waybills[waybill] = item
    cases.announced(court, bench, item)
    letters.announced(court, item)
    if court.hall is not None and (mail_class not in court.hall.classes or agency not in court.hall.agencies):
        court.blame("G4", f"{name} is announced with class {mail_class!r} of {agency!r}, which the hall does not have")
    if court.hall is not None and len(line) > 9 and line[9] and not court.hall.destination_of(line):
        court.blame("G4", f"{name} is announced for outlet {line[9]}, which the plan does not have")
    if manifest in court.manifests:
        court.manifests[manifest][0] += 1


def line_refused(court: Court, bench: Bench, fact: Said) -> None:
    """A line is refused with a reason, and counted."""
    if fact[1] in court.manifests:
        court.manifests[fact[1]][1] += 1


def part_taken(court: Court, bench: Bench, fact: Said) -> None:
    """A part counts once."""
    _, manifest, part = fact
    counts = court.manifests.get(manifest)
    if counts is None or part in counts[2]:
        court.blame("G4", f"part {part} of manifest {manifest} is taken again, or before the manifest was opened")
    else:
        counts[2].add(part)


def manifest_taken(court: Court, bench: Bench, fact: Said) -> None:
    """At the end of a manifest its counts are those of its lines."""
    _, manifest, taken, refused = fact
    counts = court.manifests.get(manifest)
    if counts is None or [taken, refused] != counts[:2] or len(counts[2]) != counts[3]:
        court.blame("G4", f"manifest {manifest}: {taken} taken and {refused} refused, counted {counts and counts[:2]}")


def after_manifest(court: Court, bench: Bench) -> None:
    """Every line of a part that is new is taken or refused, in order; a part that was taken before changes nothing."""
    _, manifest, part, _, _, _, lines = bench.happened
    if ["ManifestPartTaken", manifest, part] not in bench.said.get("ManifestPartTaken", ()):
        counts = court.manifests.get(manifest)
        if bench.facts or counts is None or part not in counts[2]:
            court.blame("G4", f"part {part} of manifest {manifest} came, and was not taken")
        return
    counts = court.manifests.get(manifest)
    whole = counts is not None and len(counts[2]) == counts[3]
    if len(bench.said.get("ManifestTaken", ())) != int(whole):
        court.blame("G4", f"manifest {manifest} is {'' if whole else 'not '}whole, and that is not what is said")
    answers = [fact for fact in bench.facts if fact[0] in ("ItemExpected", "LineRefused")]
    for line, answer in zip(lines, answers, strict=False):
        said = answer[2] if answer[0] == "ItemExpected" else [answer[2], *line[1:]]
        if answer[1] != manifest or said != line:
            court.blame("G4", f"manifest {manifest}: line of {line[0]} is answered by {answer[:3]}")
            return
    if len(lines) != len(answers):
        court.blame("G4", f"part {part} of manifest {manifest} has {len(lines)} lines, {len(answers)} are answered")
