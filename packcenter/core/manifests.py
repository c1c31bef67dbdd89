"""Manifests 清单: what the agencies announced. Lines are refused one by one, with reasons; the good ones are kept."""

from __future__ import annotations

from packcenter.core import cases, combining
from packcenter.core.facts import ItemExpected, LineRefused, ManifestOpened, ManifestPartTaken, ManifestTaken
from packcenter.core.inputs import Line, ManifestReceived
from packcenter.core.limits import MANIFEST_LINES_MAX
from packcenter.core.turn import Turn


def on_received(turn: Turn, received: ManifestReceived) -> None:
    """
    One part of a manifest came. A part that was taken before (the intake was interrupted) changes nothing.

    An item or waybill that is known already, from this manifest or another, is refused (G4).
    """
    assert len(received.lines) <= MANIFEST_LINES_MAX, len(received.lines)
    progress = turn.state.manifests.get(received.manifest)
    if progress is None:
        assert received.part == 1, received.part
        turn.emit(ManifestOpened(received.manifest, received.parts, received.refused, received.file_digest))
        progress = turn.state.manifests[received.manifest]
    assert received.file_digest == progress.file_digest, received.manifest
    if received.part <= progress.parts_taken:
        return
    assert received.part == progress.parts_taken + 1, (received.part, progress.parts_taken)
    for line in received.lines:
        reason = _refusal(turn, line)
        if reason:
            turn.emit(LineRefused(received.manifest, line.item, reason))
        else:
            turn.emit(ItemExpected(received.manifest, line))
            combining.on_announced(turn, turn.item(line.item))
    turn.emit(ManifestPartTaken(received.manifest, received.part))
    if received.part == progress.parts:
        turn.emit(ManifestTaken(received.manifest, progress.taken, progress.refused))


def _refusal(turn: Turn, line: Line) -> str:
    if line.item in turn.state.items:
        return "duplicate_item"
    if line.waybill and line.waybill in turn.state.waybills and not cases.shares_waybill(turn, line):
        return "duplicate_waybill"
    if line.mail_class not in turn.index.classes:
        return "unknown_class"
    if line.agency not in turn.index.agencies:
        return "unknown_agency"
    if line.outlet and line.outlet not in turn.index.outlets:
        return "unknown_outlet"
    return cases.refusal(turn, line)
