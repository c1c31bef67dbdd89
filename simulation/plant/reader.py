"""What a code reader makes of a document: its code, nothing, somebody else's, or a citizen's number."""

from __future__ import annotations

from typing import Final

from packcenter.core import resident_id
from packcenter.core.words import ReadOutcome
from simulation.luck import Fate, Luck, Stage
from simulation.truth import Document, Truth

_FAILED: Final = {
    Fate.NO_READ: ReadOutcome.NO_IDENTIFIER,
    Fate.MULTIPLE: ReadOutcome.MULTIPLE_IDENTIFIERS,
    Fate.READ_ERROR: ReadOutcome.READ_ERROR,
}
_NOWHERE: Final = "999999"  # a region that there is not, so that no number is anybody's
_MISREAD: Final = {Stage.SCANNER: Stage.MISREAD, Stage.FEEDER: Stage.FEEDER_MISREAD, Stage.CELL_READER: Stage.CELL_MISREAD}
_WHOSE: Final = {
    Stage.SCANNER: Stage.WHOSE_CODE,
    Stage.FEEDER: Stage.WHOSE_CODE_FED,
    Stage.CELL_READER: Stage.WHOSE_CODE_STORED,
}


class Reader:
    """The scanner of a sorter, the reader of a feeder or of a case rack (`stage`), at the machine called `name`."""

    __slots__ = ("_act", "_luck", "_stage", "_truth")

    def __init__(self, name: str, stage: Stage, luck: Luck, truth: Truth) -> None:
        self._act = f"reader of {name}"
        self._stage = stage
        self._luck = luck
        self._truth = truth

    def read(self, document: Document, fate: Fate, behind: Document | None, now_us: int) -> tuple[ReadOutcome, str, bool]:
        """
        Outcome, code, and whether that is the code of another thing in the world; `behind` is the document after this one.

        The reader cannot know that it read wrong, and nor can the ledger: the things concerned are touched.
        """
        failed = _FAILED.get(fate)
        if failed is not None:
            return (failed if document.code else ReadOutcome.NO_IDENTIFIER), "", False
        if fate is Fate.ONE_OF_TWO and document.code and behind is not None and behind.code:
            named = (document, behind)[self._luck.below(2, document.key, _WHOSE[self._stage])]
            return ReadOutcome.MULTIPLE_IDENTIFIERS, named.code, False
        code = self._seen(document, fate, behind)
        if not code:
            return ReadOutcome.NO_IDENTIFIER, "", False
        if code == document.code:
            return ReadOutcome.SUCCESS, code, False
        others = self._truth.mistaken(document, code, self._act, now_us)
        return ReadOutcome.SUCCESS, code, bool(others)

    def _seen(self, document: Document, fate: Fate, behind: Document | None) -> str:
        if fate is Fate.OTHER_CODE:
            return self._elsewhere(document)
        if fate is Fate.NEIGHBOUR_CODE and behind is not None and behind.code:
            return behind.code
        if fate is Fate.CITIZENS_NUMBER:
            body = f"{_NOWHERE}19900101{self._luck.below(1000, document.key, _WHOSE[self._stage]):03}"
            return body + resident_id.check_character(body)
        if fate is Fate.MISREAD and document.code:
            return self._luck.misread(document.code, document.key, _MISREAD[self._stage])
        return document.code

    def _elsewhere(self, document: Document) -> str:
        """The code of a document that may be anywhere, drawn by this one's key."""
        everything = self._truth.documents
        first = self._luck.below(len(everything), document.key, _WHOSE[self._stage])
        around = (everything[(first + at) % len(everything)].code for at in range(len(everything)))
        return next((code for code in around if code not in ("", document.code)), document.code)
