"""
The hand station 人工台: where people put everything that the machines could not finish.

What lies here stays here, unless a person takes it. A person who asks what is to be done with a document holds it meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simulation.truth import Document


class HandStation:
    """The documents on its table, in the order they came, each with where it came from; those that are held; those sent off."""

    __slots__ = ("_documents", "_held", "_sent")

    def __init__(self) -> None:
        self._documents: list[tuple[Document, str]] = []
        self._held: list[tuple[Document, str]] = []
        self._sent: list[tuple[Document, str]] = []

    def put(self, documents: Iterable[Document], source: str) -> None:
        """A person or a chute brings documents from `source` (a machine's name)."""
        self._documents.extend((document, source) for document in documents)

    def take(self, at: int) -> Document:
        """A person takes a document away from here."""
        return self._documents.pop(at)[0]

    def has(self, document: Document) -> bool:
        """Whether this very thing lies here."""
        return any(each is document for each, _ in self._documents)

    def take_this(self, document: Document) -> None:
        """A person takes this very thing away from here."""
        self._documents = [entry for entry in self._documents if entry[0] is not document]

    def hold(self, document: Document) -> None:
        """A person holds this very thing, which lies here, until it is decided on."""
        self._held += [entry for entry in self._documents if entry[0] is document]
        self.take_this(document)

    def lay_back(self, document: Document) -> None:
        """It stays here."""
        self._documents += [entry for entry in self._held if entry[0] is document]
        self._held = [entry for entry in self._held if entry[0] is not document]

    def let_go(self, document: Document) -> None:
        """It is laid onto a sorter."""
        self._held = [entry for entry in self._held if entry[0] is not document]

    def send_off(self, document: Document, place: str) -> None:
        """It leaves the hall: "returned" to its agency, or void and "remade"."""
        self.let_go(document)
        self._sent.append((document, place))

    def table(self) -> list[Document]:
        """What lies here and is not held."""
        return [document for document, _ in self._documents]

    def __len__(self) -> int:
        return len(self._documents)

    def sources(self) -> list[tuple[str, str]]:
        """(code, machine it came from) of everything here, in the order it came."""
        return [(document.code, source) for document, source in self._documents]

    def contents(self) -> Iterator[tuple[Document, str]]:
        """Everything here, and what was sent off, for `Truth`."""
        yield from ((document, "hand") for document, _ in (*self._documents, *self._held))
        yield from self._sent
