"""
Manifests 清单: what an agency announces, as a CSV file, read and checked row by row.

`MANIFEST-FORMAT.md` beside this file is the form as agencies see it. Three ideas carry the reader:

- **Good rows are kept, bad ones refused with a reason.** Only what makes every row doubtful (wrong encoding, wrong
  columns, a cut file) refuses the whole file. Rows that contradict each other are all refused, because nobody can
  know which is right, and a document in the wrong parcel is worse than one that waits.
- **No value ever leaves.** A file may carry personal data by mistake, in any field, even in the header. Refusals and
  exceptions name rows, columns and what is allowed, never what was there; an item code is given back only from a row
  whose every field was harmless. Exceptions are raised outside `except`, so that none carries the bytes that failed.
- **Bounded memory.** The reader is fed chunks, keeps at most one line of `LINE_BYTES_MAX`, and limits bytes and rows.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from packcenter.config import personal
from packcenter.core import s10
from packcenter.core.inputs import Line
from packcenter.core.words import Service

if TYPE_CHECKING:
    from packcenter.core.hall import Hall

FILE_BYTES_MAX = 64 * 1024 * 1024  # a day of the whole province (112,000 items) is about 12 MiB
ROWS_MAX = 200_000  # the same day with room; a row costs about 1 KiB while its file is being taken
LINE_BYTES_MAX = 4096  # all columns at their longest are under 300
CASE_SIZE_MAX = 99

REQUIRED = ("item", "mail_class", "agency", "destination", "service")
COLUMNS = (
    "item", "mail_class", "agency", "waybill", "destination", "service", "case", "case_size", "due", "arrives", "addressee_token",
)  # fmt: skip
WAYBILL_FORMS = (
    "1############",  # domestic EMS
    "8############",
    "9############",  # parcels
    "@@###########",
    "@############",
    "@@#########CS",  # older domestic EMS; CS is no country here
    "@@#########GD",
)
"""China Post's own forms of numbers, whose check digits are not public: taken as they are. # is a digit, @ a capital letter."""

SERVICES = ("ems", "registered", "receipt-requested", "outlet-pickup")

# Every reason to refuse a whole file, and what its sender is told. Braces hold our own words and numbers, never a value.
FILE_MESSAGES = {
    "too_large": "the file has more than {most:,} bytes. Send it in smaller files.",
    "too_many_rows": "the file has more than {most:,} rows. Send it in smaller files.",
    "empty": "the file is empty.",
    "no_rows": "the file has a header and no rows.",
    "unfinished": "the last line does not end in a line feed, so the file may be cut. Send it whole.",
    "bad_encoding": "byte {at} of the line (0x{byte:02x}) is not UTF-8. {guess}Save it as CSV UTF-8.",
    "nul_byte": "byte {at} of the line is NUL. The file is damaged, or is UTF-16 (Unicode text). Save it as CSV UTF-8.",
    "bad_line_ends": "lines end in a carriage return alone. Save the file with line feeds (LF or CRLF).",
    "no_header": "the first line is not the header. It must name the columns, parted by commas: {columns}.",
    "missing_column": "the column is missing.{hint}",
    "repeated_column": "column {at} has the name of column {first}. Leave one out.",
    "unknown_column": "column {at}{name} is not known, and may hold personal data. Leave it out. Known: {columns}.",
    "personal_column": "column {at}{name} is named like personal data ({word}), which must not be sent here. Leave it out.",
}

# Every reason to refuse one row.
ROW_MESSAGES = {
    "resident_id": "the field holds what looks like a resident ID number, which must not be sent here. Send an opaque code.",
    "mobile_number": "the field holds what looks like a mobile phone number, which must not be sent here. Send an opaque code.",
    "han_text": "the field holds Chinese characters, as names and addresses do. No column needs any.",
    "not_ascii": "the field holds a character that is not ASCII. No column needs any.",
    "row_too_long": "the line has more than {most} bytes. Is a line feed missing?",
    "bad_quotes": "quotes do not pair, or a field has a line break. No field of a manifest needs either.",
    "field_count": "the row has {seen} fields, the header {expected} columns. Is a comma missing or too many?",
    "bad_item": "the item code is {seen}. It has 4 to 32 of A-Z, 0-9 and hyphen, and does not begin with a hyphen.",
    "unknown_class": "the mail class is not known. {hint}",
    "unknown_agency": "the agency is not known. {hint}",
    "unknown_service": "the service is not known. {hint}",
    "bad_waybill": "the waybill is not a postal number of 13 characters (EA, nine digits, CN). Empty: we assign one.",
    "bad_waybill_check": "the check digit of the waybill does not agree with its serial (UPU S10). Is a digit wrong?",
    "bad_destination": "the destination is not a postcode of six digits.{hint}",
    "unknown_outlet": "the outlet is not known. Its code is asked of the centre; a postcode may stand there, too.",
    "bad_case": "the case has other characters than A-Z, 0-9 and hyphen, or not 4 to 32 of them, or is missing beside case_size.",
    "bad_case_size": "an item of a case needs case_size, the number of items of the case: 1 to {most}.",
    "bad_addressee_token": "the token is not of 8 to 32 of A-Z, 0-9 and hyphen with two digits or more: a code, never a name.",
    "bad_due": "due is neither a date such as 2026-03-02 nor a time with its offset such as 2026-03-02T17:00:00+08:00.",
    "repeated_row": "the row repeats row {other}; only the first one counts.",
    "duplicate_item": "the item stands in row {other} too, with something else beside it. Nobody can know which is right.",
    "duplicate_waybill": "the waybill stands in row {other} too. Only items of one case may share one.",
    "case_conflict": "rows of the case differ in case_size, destination, service or waybill, or are too many; see row {other}.",
}


class Known(msgspec.Struct, frozen=True):
    """The names a manifest may use, and the hall's offset from UTC, by which a date without a time is understood."""

    mail_classes: tuple[str, ...]
    agencies: tuple[str, ...]
    services: tuple[str, ...] = SERVICES
    utc_offset_minutes: int = 480
    outlets: frozenset[str] = frozenset()
    waybill_forms: tuple[str, ...] = WAYBILL_FORMS

    @staticmethod
    def of_hall(hall: Hall, services: tuple[str, ...] = SERVICES, waybill_forms: tuple[str, ...] = WAYBILL_FORMS) -> Known:
        """The names that a hall's configuration has."""
        outlets = frozenset(outlet for part in hall.plan.destinations for outlet in part.outlets)
        return Known(
            tuple(c.name for c in hall.mail_classes), hall.agencies, services, hall.utc_offset_minutes, outlets, waybill_forms
        )


class Refusal(msgspec.Struct, frozen=True):
    """
    One reason why a row, or the whole file, was refused.

    `row` is the line of the file as an editor counts it (the header is 1; 0 is the file itself); `column` is "" when
    the reason is not in one column. No field holds a value from the file.
    """

    row: int
    column: str
    code: str
    message: str

    def __str__(self) -> str:
        where = ", ".join(filter(None, (f"row {self.row}" if self.row else "", self.column)))
        return f"{where}: {self.message}" if where else self.message


class ManifestRefused(Exception):  # noqa: N818 - a manifest is refused; nothing of ours is in error
    """The whole file is refused; `findings` says why, every reason that could be seen at once."""

    def __init__(self, findings: Iterable[Refusal]) -> None:
        self.findings = tuple(findings)
        assert self.findings, "a refusal has a reason"
        super().__init__("\n".join(map(str, self.findings)))


class ManifestReading(msgspec.Struct, frozen=True):
    """
    What a manifest says: its good lines, and why the other rows were refused, in the order of the file.

    `line_rows` gives the row of each line. `refused_items` gives the item code of a refused row where that is safe to
    repeat, "" elsewhere. `rows` counts the rows that are not blank; `last_row` is the last of them. `digest` is SHA-256 in hex.
    """

    lines: list[Line]
    line_rows: list[int]
    refusals: list[Refusal]
    refused_items: dict[int, str]
    digest: str
    rows: int
    last_row: int


def check_size(size: int) -> None:
    """Refuse a file by its size alone, before anything of it is read."""
    if size > FILE_BYTES_MAX:
        raise _file_refused(0, "too_large", most=FILE_BYTES_MAX)


def read_manifest(chunks: Iterable[bytes], known: Known) -> ManifestReading:
    """Read a manifest from its bytes in any slicing; raises `ManifestRefused`, and nothing else of its own."""
    reader = ManifestReader(known)
    for chunk in chunks:
        reader.feed(chunk)
    return reader.finish()


_Fault = tuple[str, str, str]  # column, code, message


def _row_fault(column: str, code: str, **values: int | str) -> _Fault:
    return column, code, ROW_MESSAGES[code].format(**values)


def _file_refused(row: int, code: str, **values: int | str) -> ManifestRefused:
    return ManifestRefused([_file_refusal(row, "", code, **values)])


def _file_refusal(row: int, column: str, code: str, **values: int | str) -> Refusal:
    return Refusal(row, column, code, FILE_MESSAGES[code].format(**values))


# --- the reader ------------------------------------------------------------------------------------------------------


class ManifestReader:
    """
    Reads one manifest that is fed to it in chunks.

    Call `feed` for each chunk, then `finish` once. Either may raise `ManifestRefused`, after which the reader is done.
    """

    def __init__(self, known: Known) -> None:
        self._checks = _Checks(known)
        self._contradictions = _Contradictions()
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._rest = b""
        self._skipping = False
        self._row = 0
        self._rows = 0
        self._last_row = 0
        self._columns: tuple[str, ...] = ()
        self._lines: list[tuple[int, Line]] = []
        self._refusals: list[Refusal] = []
        self._refused_items: dict[int, str] = {}

    def feed(self, chunk: bytes) -> None:
        """Read on. Every line that ends in the chunk is checked at once, so the chunk's size bounds the time taken."""
        self._hash.update(chunk)
        self._bytes += len(chunk)
        check_size(self._bytes)
        *ended, rest = chunk.split(b"\n")
        for end in ended:
            self._take_line(self._rest + end)
            self._rest = b""
        self._rest += rest
        if len(self._rest) > LINE_BYTES_MAX:
            if self._row == 0:
                self._take_line(self._rest)
            self._skipping, self._rest = True, b""

    def finish(self) -> ManifestReading:
        """What the file said. A file whose last line does not end is refused: it may have been cut."""
        if self._bytes == 0:
            raise _file_refused(0, "empty")
        if self._rest or self._skipping:
            raise _file_refused(self._row + 1, "unfinished")
        if self._rows == 0:
            raise _file_refused(0, "no_rows")
        self._take_back()
        self._refusals.sort(key=lambda refusal: refusal.row)
        return ManifestReading(
            lines=[line for _, line in self._lines],
            line_rows=[row for row, _ in self._lines],
            refusals=self._refusals,
            refused_items=self._refused_items,
            digest=self._hash.hexdigest(),
            rows=self._rows,
            last_row=self._last_row,
        )

    def _take_back(self) -> None:
        """Refuse the rows that looked good until a later one contradicted them."""
        withdrawn = self._contradictions.withdrawn
        for row, line in self._lines:
            if row in withdrawn:
                self._refusals.append(Refusal(row, *withdrawn[row]))
                self._refused_items[row] = line.item
        self._lines = [(row, line) for row, line in self._lines if row not in withdrawn]

    def _take_line(self, content: bytes) -> None:
        """One line without its line feed; of one that was too long to keep, only its end."""
        self._row += 1
        if self._row == 1:
            self._columns = _read_header(content)
            return
        if self._row > ROWS_MAX + 1:
            raise _file_refused(self._row, "too_many_rows", most=ROWS_MAX)
        if self._skipping or len(content) > LINE_BYTES_MAX:
            self._skipping = False
            self._take_row("", [_row_fault("", "row_too_long", most=LINE_BYTES_MAX)])
            return
        text = _decoded(content, self._row).removesuffix("\r")
        if text:
            self._take_text(text)

    def _take_text(self, text: str) -> None:
        fields = _split(text)
        if personal.may_be_in(text) and (faults := self._personal(text, fields)):
            self._take_row("", faults)
        elif fields is None:
            self._take_row("", [_row_fault("", "bad_quotes")])
        elif len(fields) != len(self._columns):
            self._take_row("", [_row_fault("", "field_count", seen=len(fields), expected=len(self._columns))])
        else:
            self._take_fields(dict(zip(self._columns, fields, strict=True)))

    def _take_fields(self, fields: dict[str, str]) -> None:
        faults: list[_Fault] = []
        line = self._checks.line(fields, faults)
        if line is not None and (repeat := self._contradictions.take(self._row, line)):
            faults.append(repeat)
        elif line is not None:
            self._lines.append((self._row, line))
        self._take_row(fields["item"], faults)

    def _take_row(self, item: str, faults: list[_Fault]) -> None:
        """Count a row, and refuse it if it has faults; `item` is what its item column says, "" if that is not sure."""
        self._rows += 1
        self._last_row = self._row
        if faults:
            self._refusals += [Refusal(self._row, *fault) for fault in faults]
            self._refused_items[self._row] = item if _CODE.fullmatch(item) else ""

    def _personal(self, text: str, fields: list[str] | None) -> list[_Fault]:
        """Why a row must not be looked at any further; `fields` is None if it could not be split."""
        values = [text] if fields is None else fields
        columns = [""] if fields is None else [*self._columns, *[""] * len(values)]
        kinds = [
            (column, personal.kind_of(value))
            for column, value in zip(columns, values, strict=False)
            if not (column in ("due", "arrives") and _TIME_LIKE.fullmatch(value))  # without its punctuation it is many digits
        ]
        return [_row_fault(column, kind) for column, kind in kinds if kind]


# --- bytes, text and fields ------------------------------------------------------------------------------------------


def _decoded(content: bytes, row: int) -> str:
    """The text of a line; refuses the whole file where it is not UTF-8, saying what it probably is."""
    utf_16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    if b"\0" in content and not utf_16:
        raise _file_refused(row, "nul_byte", at=content.index(b"\0") + 1)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start
    # Outside the handler: the error above holds the bytes, and must not become the context of ours.
    kind = "UTF-16" if utf_16 else "GBK" if _is_gbk(content) else ""
    raise _file_refused(row, "bad_encoding", at=at + 1, byte=content[at], guess=f"The file is probably {kind}. " if kind else "")


def _is_gbk(content: bytes) -> bool:
    try:
        content.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def _split(text: str) -> list[str] | None:
    """The fields of a line by RFC 4180; None if its quotes do not pair or it has a line break inside."""
    if "\r" in text:
        return None
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error:
        return None


# --- the header ------------------------------------------------------------------------------------------------------

_PRINTABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{0,31}")


def _read_header(content: bytes) -> tuple[str, ...]:
    """The columns in the order of the file; refuses the file for every fault of its header at once."""
    if len(content) > LINE_BYTES_MAX:
        raise _file_refused(1, "no_header", columns=", ".join(COLUMNS))
    text = _decoded(content, 1).removeprefix("\ufeff").removesuffix("\r")
    if "\r" in text:
        raise _file_refused(1, "bad_line_ends")
    names = _split(text) or []
    if len(set(names) & set(COLUMNS)) < 2:  # one may be chance: a first row of values must not be taken for names
        raise _file_refused(1, "no_header", columns=", ".join(COLUMNS))
    findings = [*_missing_columns(names), *_strange_columns(names)]
    if findings:
        raise ManifestRefused(findings)
    return tuple(names)


def _missing_columns(names: list[str]) -> list[Refusal]:
    spare = [name for name in names if name not in COLUMNS and _is_printable(name)]
    findings = []
    for column in REQUIRED:
        if column not in names:
            near = difflib.get_close_matches(column, spare, 1)
            hint = f" Is it the column {near[0]!r}? Name it {column}." if near else ""
            findings.append(_file_refusal(1, column, "missing_column", hint=hint))
    return findings


def _strange_columns(names: list[str]) -> list[Refusal]:
    findings = []
    for at, name in enumerate(names, 1):
        shown = f" ({name!r})" if _is_printable(name) else ""
        if name in COLUMNS:
            first = names.index(name) + 1
            if first < at:
                findings.append(_file_refusal(1, name, "repeated_column", at=at, first=first))
        elif word := personal.column_word(name):
            findings.append(_file_refusal(1, "", "personal_column", at=at, name=shown, word=word))
        else:
            findings.append(_file_refusal(1, "", "unknown_column", at=at, name=shown, columns=", ".join(COLUMNS)))
    return findings


def _is_printable(name: str) -> bool:
    """Whether the name of a column may be repeated: a value can stand in the header by mistake, and most have digits."""
    return _PRINTABLE_NAME.fullmatch(name) is not None and sum(map(str.isdigit, name)) <= 3


# --- one row ---------------------------------------------------------------------------------------------------------

_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{3,31}")
_TOKEN_MIN = 8
_TOKEN_DIGITS = 2
"""A name in Latin letters has no digits, and few have eight characters together with two digits."""

_POSTCODE = re.compile(r"(?!000000)[0-9]{6}")
_OUTLET = re.compile(r"[A-Z][A-Z0-9-]{3,15}")
_SIZE = re.compile(r"[1-9][0-9]?")
_DUE_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DUE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_TIME_LIKE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9:]{5})?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DUE_YEARS = range(2000, 2100)
_REMEMBERED_MAX = 256  # a file of rubbish must not fill memory with what we found out about each value


def form_pattern(forms: Iterable[str]) -> re.Pattern[str]:
    """What matches a number of any of these forms; a form has nothing that could repeat, so it takes no time to match."""
    kinds = {"#": "[0-9]", "@": "[A-Z]"}
    return re.compile("|".join("".join(kinds.get(each, re.escape(each)) for each in form) for form in forms))


class _Checks:
    """The checks of one row by itself, by a file's `Known` names."""

    def __init__(self, known: Known) -> None:
        self._names = {
            "mail_class": ("unknown_class", {name: name for name in known.mail_classes}),
            "agency": ("unknown_agency", {name: name for name in known.agencies}),
            "service": ("unknown_service", {name: name for name in known.services}),
        }
        self._outlets = known.outlets
        self._own_waybill = form_pattern(known.waybill_forms)
        self._offset = timedelta(minutes=known.utc_offset_minutes)
        self._hints: dict[tuple[str, str], str] = {}
        self._dues: dict[str, int] = {}

    def line(self, fields: dict[str, str], faults: list[_Fault]) -> Line | None:
        """The row as a `Line`; None after adding to `faults` everything that is wrong with it."""
        get = fields.get
        item, waybill, destination = fields["item"], get("waybill", ""), fields["destination"]
        case, case_size = get("case", ""), get("case_size", "")
        if not _CODE.fullmatch(item):
            faults.append(_row_fault("item", "bad_item", seen="not of this form" if item else "missing"))
        mail_class = self._name("mail_class", fields["mail_class"], faults)
        agency = self._name("agency", fields["agency"], faults)
        if waybill and not s10.is_valid(waybill) and not self._own_waybill.fullmatch(waybill):
            faults.append(_row_fault("waybill", "bad_waybill_check" if s10.is_shaped(waybill) else "bad_waybill"))
        is_outlet = fields["service"] == Service.OUTLET_PICKUP and _OUTLET.fullmatch(destination) is not None
        if is_outlet and destination not in self._outlets:
            faults.append(_row_fault("destination", "unknown_outlet"))
        elif not is_outlet and not _POSTCODE.fullmatch(destination):
            faults.append(_row_fault("destination", "bad_destination", hint=_hint_of(destination, self._outlets)))
        service = self._name("service", fields["service"], faults)
        if case or case_size:
            _check_case(case, case_size, faults)
        token = get("addressee_token", "")
        if token and not (_CODE.fullmatch(token) and len(token) >= _TOKEN_MIN and sum(map(str.isdigit, token)) >= _TOKEN_DIGITS):
            faults.append(_row_fault("addressee_token", "bad_addressee_token"))
        due = get("due", "")
        due_us = self._due_us(due) if due else 0
        if due and not due_us:
            faults.append(_row_fault("due", "bad_due"))
        if faults:
            return None
        postcode, outlet = (0, destination) if is_outlet else (int(destination), "")
        return Line(item, mail_class, agency, waybill, postcode, service, case, int(case_size or 0), due_us, outlet, token)

    def _name(self, column: str, value: str, faults: list[_Fault]) -> str:
        code, names = self._names[column]
        if value in names:
            return names[value]  # ours, so that rows share one string
        faults.append(_row_fault(column, code, hint=self._hint(column, value[:64], list(names))))
        return ""

    def _hint(self, column: str, value: str, names: list[str]) -> str:
        """What was probably meant, without repeating what was written."""
        key = (column, value)
        if key not in self._hints:
            if len(self._hints) >= _REMEMBERED_MAX:
                self._hints.clear()
            near = difflib.get_close_matches(value.strip().lower(), names, 1)
            nearest = f"Nearest: {near[0]}. " if near else ""
            self._hints[key] = f"{nearest}Known: {', '.join(names)}."
        return self._hints[key]

    def _due_us(self, value: str) -> int:
        if value not in self._dues:
            if len(self._dues) >= _REMEMBERED_MAX:
                self._dues.clear()
            self._dues[value] = self._read_due(value)
        return self._dues[value]

    def _read_due(self, value: str) -> int:
        """Microseconds since the epoch; a date alone is the end of that day in the hall; 0 if it is no such time."""
        try:
            if _DUE_TIME.fullmatch(value):
                due = datetime.fromisoformat(value)
            elif _DUE_DATE.fullmatch(value):
                due = datetime.fromisoformat(value).replace(tzinfo=UTC) - self._offset + timedelta(days=1)
            else:
                return 0
        except (ValueError, OverflowError):
            return 0
        return (due - _EPOCH) // timedelta(microseconds=1) if due.year in _DUE_YEARS else 0


def _hint_of(destination: str, outlets: frozenset[str]) -> str:
    """What was probably meant by a destination that is none."""
    if destination in outlets:
        return " The code of an outlet needs the service outlet-pickup."
    short = len(destination) == 5 and destination.isdigit()
    return " A spreadsheet may have dropped a leading 0." if short else ""


def _check_case(case: str, case_size: str, faults: list[_Fault]) -> None:
    if not _CODE.fullmatch(case):
        faults.append(_row_fault("case", "bad_case"))
    if not _SIZE.fullmatch(case_size):
        faults.append(_row_fault("case_size", "bad_case_size", most=CASE_SIZE_MAX))


# --- rows against rows -----------------------------------------------------------------------------------------------


class _Case(msgspec.Struct):
    """The rows of one case so far, and what all of them must agree in; a broken one keeps only its first row."""

    parcel: tuple[int, int, str, str, str]
    rows: list[int]
    broken: bool = False


class _Contradictions:
    """
    Rows that are good alone and not together.

    A row that says exactly what an earlier one says is a repeat, and only it is refused. Rows that give one item,
    waybill or case differently are all refused; `withdrawn` says why, by row.
    """

    def __init__(self) -> None:
        self.withdrawn: dict[int, _Fault] = {}
        self._items: dict[str, tuple[int, Line]] = {}
        self._waybills: dict[str, tuple[int, str]] = {}
        self._cases: dict[str, _Case] = {}

    def take(self, row: int, line: Line) -> _Fault | None:
        """Compare a good row with those before it; the fault if it only repeats one."""
        first_row, first = self._items.setdefault(line.item, (row, line))
        if first_row != row:
            if first == line:
                return _row_fault("item", "repeated_row", other=first_row)
            self._withdraw("item", "duplicate_item", first_row, row)
        if line.waybill:
            self._take_waybill(row, line)
        if line.case:
            self._take_case(row, line)
        return None

    def _take_waybill(self, row: int, line: Line) -> None:
        """One waybill is one parcel: one item, or the items of one case."""
        first_row, first_case = self._waybills.setdefault(line.waybill, (row, line.case))
        if first_row != row and not (line.case and line.case == first_case):
            self._withdraw("waybill", "duplicate_waybill", first_row, row)

    def _take_case(self, row: int, line: Line) -> None:
        """A case is one parcel: its items agree in size, destination, service and waybill, and are not too many."""
        parcel = (line.case_size, line.destination, line.outlet, line.service, line.waybill)
        case = self._cases.setdefault(line.case, _Case(parcel, []))
        case.rows.append(row)
        if case.broken or parcel != case.parcel or len(case.rows) > line.case_size:
            case.broken = True
            for other in case.rows[:-1]:
                self._withdraw("case", "case_conflict", other, row)
            case.rows = case.rows[:1]

    def _withdraw(self, column: str, code: str, first: int, second: int) -> None:
        """Refuse two rows, each naming the other; a row that is refused already keeps its reason."""
        for row, other in ((first, second), (second, first)):
            self.withdrawn.setdefault(row, _row_fault(column, code, other=other))
