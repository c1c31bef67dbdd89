"""Manifests: what is taken, what is refused, and that nothing personal is ever repeated."""

import hashlib
import re
import traceback
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcenter.config import manifest
from packcenter.config.manifest import COLUMNS, Known, ManifestReading, ManifestRefused, Refusal, read_manifest
from packcenter.core.inputs import Line

KNOWN = Known(("id_card", "tax_invoice", "official_letter"), ("tax", "police-household", "letters-office"))
HEADER = ",".join(COLUMNS)
GOOD = "NJ-C0001,id_card,police-household,EA473124829CN,210018,ems,,,,,"
FORM = Path(manifest.__file__).with_name("MANIFEST-FORMAT.md")


def text(*rows: str, header: str = HEADER) -> bytes:
    return "".join(f"{row}\n" for row in (header, *rows)).encode()


def read(content: bytes) -> ManifestReading:
    return read_manifest([content], KNOWN)


def row(**changes: str) -> str:
    """The good row with some fields changed."""
    return ",".join({**dict(zip(COLUMNS, GOOD.split(","), strict=True)), **changes}.values())


def refused(content: bytes) -> tuple[Refusal, ...]:
    with pytest.raises(ManifestRefused) as caught:
        read(content)
    return caught.value.findings


def codes(reading: ManifestReading) -> list[tuple[int, str, str]]:
    return [(refusal.row, refusal.column, refusal.code) for refusal in reading.refusals]


# --- good rows -------------------------------------------------------------------------------------------------------


def test_a_good_row_becomes_a_line() -> None:
    """Every column goes to its field; `arrives` goes nowhere."""
    content = text(
        row(case="CASE-1", case_size="5", due="2026-03-04T17:00:00+08:00", arrives="08:30:00", addressee_token="T-2026-01")
    )
    reading = read(content)
    due_us = 1_772_614_800_000_000  # 2026-03-04 09:00 UTC
    line = Line("NJ-C0001", "id_card", "police-household", "EA473124829CN", 210018, "ems", "CASE-1", 5, due_us, "", "T-2026-01")
    assert reading.lines == [line]
    assert reading.refusals == []
    assert (reading.line_rows, reading.rows, reading.last_row) == ([2], 1, 2)
    assert reading.digest == hashlib.sha256(content).hexdigest()


def test_optional_columns_may_be_missing_and_columns_stand_in_any_order() -> None:
    """The five required columns are enough."""
    reading = read(text("ems,010010,tax,tax_invoice,NJ-B0001", header="service,destination,agency,mail_class,item"))
    assert reading.lines == [Line("NJ-B0001", "tax_invoice", "tax", "", 10010, "ems", "", 0, 0)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_either_line_end_and_a_byte_order_mark_are_taken(end: str, mark: bytes) -> None:
    """Spreadsheets write both."""
    reading = read(mark + f"{HEADER}{end}{GOOD}{end}".encode())
    assert [line.item for line in reading.lines] == ["NJ-C0001"]


def test_quoted_fields_are_read_by_the_book() -> None:
    """RFC 4180 quotes mean nothing more than their content."""
    quoted = ",".join(f'"{field}"' for field in GOOD.split(","))
    assert read(text(quoted)).lines == read(text(GOOD)).lines


def test_blank_lines_are_passed_over_and_still_counted_in_row_numbers() -> None:
    """Row numbers are those of an editor."""
    reading = read(text("", row(item="nj"), "", GOOD, ""))
    assert codes(reading) == [(3, "item", "bad_item")]
    assert (reading.line_rows, reading.rows, reading.last_row) == ([5], 2, 5)


@pytest.mark.parametrize(
    ("due", "due_us"),
    [
        ("2026-03-04", 1_772_640_000_000_000),  # the end of the day at +08:00 is 16:00 UTC
        ("2026-03-04T17:00:00Z", 1_772_643_600_000_000),
        ("2026-03-04T17:00+08:00", 1_772_614_800_000_000),
        ("", 0),
    ],
)
def test_due_is_a_date_or_a_time_with_its_offset(due: str, due_us: int) -> None:
    """A date alone is the end of that day where the hall is."""
    assert read(text(row(due=due))).lines[0].due_us == due_us


@pytest.mark.parametrize(
    "waybill", ["", "EA473124829CN", "1139000000001", "9912345678901", "PA12345678901", "KA12345678901", "EE123456789CS"]
)
def test_postal_numbers_are_taken(waybill: str) -> None:
    """S10 with its check digit, and China Post's own forms as they are."""
    assert read(text(row(waybill=waybill))).lines[0].waybill == waybill


def test_items_of_one_case_may_share_a_waybill() -> None:
    """A case is one parcel."""
    rows = [row(item=f"NJ-C000{at}", case="CASE-1", case_size="3") for at in range(2)]
    assert len(read(text(*rows)).lines) == 2


# --- refused rows ----------------------------------------------------------------------------------------------------

LONG = GOOD + "x" * manifest.LINE_BYTES_MAX

BAD_ROWS = [
    (row(item=""), "item", "bad_item"),
    (row(item="NJ1"), "item", "bad_item"),
    (row(item="-NJ1"), "item", "bad_item"),
    (row(item="nj-c0001"), "item", "bad_item"),
    (row(item="NJ C0001"), "item", "bad_item"),
    (row(item="A" * 33), "item", "bad_item"),
    (row(mail_class="id_cart"), "mail_class", "unknown_class"),
    (row(mail_class=""), "mail_class", "unknown_class"),
    (row(agency="police"), "agency", "unknown_agency"),
    (row(service="EMS"), "service", "unknown_service"),
    (row(waybill="EA473124828CN"), "waybill", "bad_waybill_check"),
    (row(waybill="EA47312482CN"), "waybill", "bad_waybill"),
    (row(waybill="2123456789012"), "waybill", "bad_waybill"),
    (row(destination="21001"), "destination", "bad_destination"),
    (row(destination="000000"), "destination", "bad_destination"),
    (row(destination="21001A"), "destination", "bad_destination"),
    (row(destination=" 210018"), "destination", "bad_destination"),
    (row(destination="NJ-PO-018"), "destination", "bad_destination"),
    (row(destination="NJ-PO-099", service="outlet-pickup"), "destination", "unknown_outlet"),
    (row(destination="NJ-", service="outlet-pickup"), "destination", "bad_destination"),
    (row(case="", case_size="2"), "case", "bad_case"),
    (row(case="c", case_size="2"), "case", "bad_case"),
    (row(case="CASE-1", case_size=""), "case_size", "bad_case_size"),
    (row(case="CASE-1", case_size="0"), "case_size", "bad_case_size"),
    (row(case="CASE-1", case_size="100"), "case_size", "bad_case_size"),
    (row(due="2026-03-04T17:00:00"), "due", "bad_due"),
    (row(due="2026-03-04 17:00:00+08:00"), "due", "bad_due"),
    (row(due="2026-02-30"), "due", "bad_due"),
    (row(due="2026-03-04T25:00:00+08:00"), "due", "bad_due"),
    (row(due="1969-03-04"), "due", "bad_due"),
    (row(due="0001-01-01"), "due", "bad_due"),
    (row(due="9999-12-31"), "due", "bad_due"),
    (row(addressee_token="T-20261"), "addressee_token", "bad_addressee_token"),
    (row(addressee_token="ZHANGSAN"), "addressee_token", "bad_addressee_token"),
    (row(addressee_token="ZHANG-SAN-1"), "addressee_token", "bad_addressee_token"),
    (row(addressee_token="ZHANG SAN 12"), "addressee_token", "bad_addressee_token"),
    (row(addressee_token="t-202603"), "addressee_token", "bad_addressee_token"),
    (row(addressee_token="T" * 31 + "12"), "addressee_token", "bad_addressee_token"),
    (row(addressee_token="13800138000"), "addressee_token", "mobile_number"),
    (row(addressee_token="11010519491231002X"), "addressee_token", "resident_id"),
    (row(addressee_token="张三"), "addressee_token", "han_text"),
    (GOOD + ",", "", "field_count"),
    (GOOD[:-1], "", "field_count"),
    ('"' + GOOD, "", "bad_quotes"),
    (row(item='"NJ"C0001'), "", "bad_quotes"),
    (row(service="ems\rems"), "", "bad_quotes"),
    (LONG, "", "row_too_long"),
    (row(item="11010519491231002X"), "item", "resident_id"),
    (row(arrives="NJ-110105-19491231-0021"), "arrives", "resident_id"),
    (row(case="13800138000"), "case", "mobile_number"),
    (row(arrives="138 0013 8000"), "arrives", "mobile_number"),
    (row(agency="公安局"), "agency", "han_text"),
    (row(service="éms"), "service", "not_ascii"),
    (row(item='"11010519491231002X"'), "item", "resident_id"),
    (GOOD + ",11010519491231002X", "", "resident_id"),
    ('"' + row(arrives="13800138000"), "", "mobile_number"),
]


@pytest.mark.parametrize(("bad", "column", "code"), BAD_ROWS)
def test_a_bad_row_is_refused_and_its_neighbours_are_kept(bad: str, column: str, code: str) -> None:
    """One bad row costs one row, and says where and why."""
    before, after = row(item="NJ-C0008", waybill=""), row(item="NJ-C0009", waybill="")
    reading = read(text(before, bad, after))
    assert (3, column, code) in codes(reading)
    assert {refusal.row for refusal in reading.refusals} == {3}
    assert [line.item for line in reading.lines] == ["NJ-C0008", "NJ-C0009"]
    assert reading.rows == 3


def test_every_fault_of_a_row_is_told_at_once() -> None:
    """Nobody has to send a file three times to see three faults."""
    reading = read(text(row(item="x", mail_class="y", destination="z")))
    assert codes(reading) == [(2, "item", "bad_item"), (2, "mail_class", "unknown_class"), (2, "destination", "bad_destination")]


def test_the_nearest_known_name_is_given() -> None:
    """A slip of the pen is answered with what was probably meant."""
    refusals = read(text(row(mail_class="id_crad", service="Registered", agency="zzz"))).refusals
    assert "Nearest: id_card." in refusals[0].message
    assert refusals[1].message == "the agency is not known. Known: tax, police-household, letters-office."
    assert "Nearest: registered." in refusals[2].message


@pytest.mark.parametrize(
    ("waybill", "taken"),
    [("X123456789012", False), ("XQ-1", False), ("1123456789012", False), ("XQ12345678Z", True), ("XQ12345678ZZ", False)],
)
def test_the_centre_says_which_domestic_numbers_it_takes(waybill: str, taken: bool) -> None:
    """Besides S10, whose check digit must be right; China Post's own forms hold only if the centre names none."""
    known = msgspec.structs.replace(KNOWN, waybill_forms=("XQ########@",))
    reading = read_manifest([text(row(waybill=waybill), row(item="NJ-C0002"))], known)
    assert [line.waybill for line in reading.lines] == [*([waybill] if taken else []), "EA473124829CN"]


def test_an_outlet_is_a_destination_of_what_is_fetched_there() -> None:
    """By its code, if the service says so; a postcode may stand there, too."""
    known = msgspec.structs.replace(KNOWN, outlets=frozenset({"NJ-PO-018"}))
    rows = (
        row(destination="NJ-PO-018", service="outlet-pickup"),
        row(item="NJ-C0002", waybill="", service="outlet-pickup"),
        row(item="NJ-C0003", waybill="", destination="NJ-PO-018"),
    )
    reading = read_manifest([text(*rows)], known)
    assert [(line.destination, line.outlet) for line in reading.lines] == [(0, "NJ-PO-018"), (210018, "")]
    assert [refusal.code for refusal in reading.refusals] == ["bad_destination"]
    assert "outlet-pickup" in reading.refusals[0].message


def test_a_lost_leading_zero_is_recognised() -> None:
    """Five digits are most often a spreadsheet's six."""
    assert "leading 0" in read(text(row(destination="10010"))).refusals[0].message


@pytest.mark.parametrize("due", ["2026-03-04T17:00:00.123456+08:00", "2026-03-02 17:00:00+08:00"])
def test_a_time_is_not_taken_for_a_person(due: str) -> None:
    """Without its punctuation a time has as many digits as an ID number."""
    assert [refusal.code for refusal in read(text(row(due=due))).refusals] == ["bad_due"]


# --- rows that contradict each other ---------------------------------------------------------------------------------


def test_a_row_said_twice_counts_once() -> None:
    """The repeat is refused and names the first."""
    reading = read(text(GOOD, row(item="NJ-C0002", waybill=""), GOOD))
    assert codes(reading) == [(4, "item", "repeated_row")]
    assert "row 2" in reading.refusals[0].message
    assert reading.line_rows == [2, 3]


def test_one_item_with_two_destinations_is_refused_in_both_rows() -> None:
    """Nobody can know which is right; each row names the other."""
    reading = read(text(GOOD, row(destination="850000", waybill=""), row(item="NJ-C0002", waybill="")))
    assert codes(reading) == [(2, "item", "duplicate_item"), (3, "item", "duplicate_item")]
    assert "row 3" in reading.refusals[0].message
    assert "row 2" in reading.refusals[1].message
    assert [line.item for line in reading.lines] == ["NJ-C0002"]
    assert reading.refused_items == {2: "NJ-C0001", 3: "NJ-C0001"}


def test_one_waybill_for_two_items_is_refused_in_both_rows() -> None:
    """One label, one addressee."""
    reading = read(text(GOOD, row(item="NJ-C0002"), row(item="NJ-C0003", waybill="")))
    assert codes(reading) == [(2, "waybill", "duplicate_waybill"), (3, "waybill", "duplicate_waybill")]
    assert reading.line_rows == [4]


@pytest.mark.parametrize(
    "change",
    [{"case_size": "3"}, {"destination": "850000"}, {"service": "registered"}, {"waybill": ""}],
    ids=lambda change: next(iter(change)),
)
def test_a_case_whose_rows_disagree_is_refused_whole(change: dict[str, str]) -> None:
    """A case is one parcel: one size, one destination, one service, one waybill. A later row cannot heal it."""
    case = {"case": "CASE-1", "case_size": "2"}
    rows = [row(**case), row(item="NJ-C0002", **{**case, **change}), row(item="NJ-C0003", **case)]
    reading = read(text(*rows))
    assert codes(reading) == [(at, "case", "case_conflict") for at in (2, 3, 4)]
    assert reading.lines == []


def test_a_case_with_too_many_rows_is_refused_whole() -> None:
    """Which of them is too many cannot be known."""
    reading = read(text(*(row(item=f"NJ-C000{at}", case="CASE-1", case_size="2") for at in range(3))))
    assert codes(reading) == [(at, "case", "case_conflict") for at in (2, 3, 4)]


def test_a_case_may_wait_for_items_of_other_manifests() -> None:
    """Fewer rows than case_size are in order: other agencies announce the rest."""
    assert len(read(text(row(case="CASE-1", case_size="5"))).lines) == 1


# --- refused files ---------------------------------------------------------------------------------------------------

UTF_8 = f"{HEADER}\n{GOOD}\n"
BAD_FILES = [
    (b"", 0, "empty"),
    (text(), 0, "no_rows"),
    (text("", ""), 0, "no_rows"),
    (text(GOOD)[:-1], 2, "unfinished"),
    (text(GOOD) + b"x" * 5000, 3, "unfinished"),
    (text(row(agency="公安")).decode().encode("gbk"), 2, "bad_encoding"),
    (UTF_8.encode("utf-16"), 1, "bad_encoding"),
    (UTF_8.encode("utf-16-le"), 1, "nul_byte"),
    (text(GOOD, GOOD[:9] + "\0"), 3, "nul_byte"),
    (UTF_8.replace("\n", "\r").encode() + b"\n", 1, "bad_line_ends"),
    (text(GOOD, header=GOOD), 1, "no_header"),
    (text(GOOD, header=HEADER.replace(",", ";")), 1, "no_header"),
    (text(GOOD, header=""), 1, "no_header"),
    (text(GOOD, header="# item,mail_class"), 1, "no_header"),
    (b"x" * 5000 + b"\n", 1, "no_header"),
    (b"x" * 5000, 1, "no_header"),
    (text(GOOD, header=HEADER.replace("agency", "agancy")), 1, "missing_column"),
    (text(GOOD, header=f"{HEADER},item"), 1, "repeated_column"),
    (text(GOOD, header=f"{HEADER},remark"), 1, "unknown_column"),
    (text(GOOD, header=f"{HEADER},"), 1, "unknown_column"),
    (text(GOOD, header=f"{HEADER},姓名"), 1, "personal_column"),
    (text(GOOD, header=f"{HEADER},id_number"), 1, "personal_column"),
]


@pytest.mark.parametrize(("content", "at", "code"), BAD_FILES)
def test_a_bad_file_is_refused_whole(content: bytes, at: int, code: str) -> None:
    """What makes every row doubtful refuses the file, and says in which line."""
    findings = refused(content)
    assert (findings[0].row, findings[0].code) == (at, code)


def test_too_many_rows_and_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are of the file, not of the chunks it comes in."""
    content = text(*(row(item=f"NJ-C{at:04d}", waybill="") for at in range(30)))
    assert len(read(content).lines) == 30
    monkeypatch.setattr(manifest, "ROWS_MAX", 29)
    assert refused(content)[0].code == "too_many_rows"
    monkeypatch.setattr(manifest, "FILE_BYTES_MAX", len(content) - 1)
    assert refused(content)[0].code == "too_large"


def test_wrong_encoding_says_which_byte_of_which_line_and_what_it_probably_is() -> None:
    """The sender can find it, and knows what to save it as."""
    (finding,) = refused(text(GOOD, row(agency="公安")).decode().encode("gbk"))
    assert str(finding) == "row 3: byte 18 of the line (0xb9) is not UTF-8. The file is probably GBK. Save it as CSV UTF-8."
    (finding,) = refused(UTF_8.encode("utf-16"))
    assert "byte 1 of the line (0xff)" in finding.message
    assert "UTF-16" in finding.message


def test_gbk_that_happens_to_be_utf_8_still_costs_the_row() -> None:
    """The GBK bytes of some words are valid UTF-8 of other letters; no letter beyond ASCII is ever taken."""
    content = text(GOOD, row(agency="某某")).decode().encode("gbk")
    assert codes(read(content)) == [(3, "agency", "not_ascii")]


def test_a_misnamed_column_is_named_with_what_it_should_be() -> None:
    """Missing and unknown are told together, with the known ones listed."""
    findings = refused(text(GOOD, header=HEADER.replace("agency", "agancy")))
    assert [str(finding) for finding in findings] == [
        "row 1, agency: the column is missing. Is it the column 'agancy'? Name it agency.",
        f"row 1: column 3 ('agancy') is not known, and may hold personal data. Leave it out. Known: {', '.join(COLUMNS)}.",
    ]


def test_a_personal_column_is_named_by_our_word() -> None:
    """The column can be found; a Chinese name is given by the part that is in our list."""
    (finding,) = refused(text(GOOD, header=f"{HEADER},收件人姓名"))
    assert finding.message.startswith("column 12 is named like personal data (姓名)")
    (finding,) = refused(text(GOOD, header=f"{HEADER},Mobile Phone"))
    assert finding.message.startswith("column 12 ('Mobile Phone') is named like personal data (mobile)")


def test_every_reason_is_tried_here_and_explained_to_senders() -> None:
    """No reason without a test and a line in MANIFEST-FORMAT.md."""
    pairs = {"repeated_row", "duplicate_item", "duplicate_waybill", "case_conflict"}
    assert {code for _, _, code in BAD_ROWS} | pairs == set(manifest.ROW_MESSAGES)
    assert {code for _, _, code in BAD_FILES} | {"too_large", "too_many_rows"} == set(manifest.FILE_MESSAGES)
    explained = set(re.findall(r"`([a-z0-9_]+)`", FORM.read_text(encoding="utf-8")))
    assert {*manifest.ROW_MESSAGES, *manifest.FILE_MESSAGES} <= explained


def test_the_example_in_the_form_is_a_good_manifest() -> None:
    """What senders copy works."""
    example = [line.strip() for line in FORM.read_text(encoding="utf-8").splitlines() if line.startswith("    ")]
    reading = read("".join(f"{line}\n" for line in example).encode())
    assert (len(reading.lines), reading.refusals) == (2, [])


# --- privacy ---------------------------------------------------------------------------------------------------------

CANARIES = ("11010519491231002X", "110105194912310021", "13800138000", "张三丰", "ZHANG SANFENG", "Zhang.Sanfeng")


def everything_said(content: bytes) -> str:
    """All that a reading lets out: refusals, exceptions with their contexts and arguments; not the good lines."""
    try:
        reading = read(content)
    except ManifestRefused as error:
        chain: list[BaseException | None] = [error, error.__cause__, error.__context__]
        return "".join(map(repr, chain)) + repr(error.args) + "".join(traceback.format_exception(error))
    return repr(reading.refusals) + repr(reading.refused_items) + "".join(map(str, reading.refusals))


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16"])
def test_a_planted_value_is_never_repeated(canary: str, encoding: str) -> None:
    """Whatever the column, the shape of the row and the encoding, what was written is not said again."""
    # `arrives` and `item` may hold Latin text that no check can know; it is not repeated either when the row is refused.
    files = [text(GOOD, row(**{column: canary, "destination": canary})) for column in COLUMNS]
    files += [text(f"{GOOD},{canary}"), text(f'"{canary}'), text(f"{canary}{LONG}"), text(f"{canary}\r{GOOD}")]
    files += [
        text(GOOD, header=header) for header in (canary, f"{HEADER},{canary}"[: len(HEADER)] + f",x{canary}9", f"{canary},{GOOD}")
    ]
    files += [text(GOOD) + canary.encode(), text(f"{canary}\0")]
    for content in files:
        said = everything_said(content.decode().encode(encoding))
        assert said
        if f"x{canary}9" in content.decode() and re.fullmatch(r"[A-Za-z ]+", canary):
            continue  # the name of a column in Latin letters is repeated: without it nobody would find it
        assert canary not in said
        assert canary.replace(" ", "") not in said


def test_a_row_in_doubt_does_not_give_its_item_back() -> None:
    """Where columns may have slipped, or the row holds personal data, nothing says that the first field is an item."""
    reading = read(text(f"{GOOD},", row(arrives="13800138000"), '"' + GOOD, row(destination="1")))
    assert reading.refused_items == {2: "", 3: "", 4: "", 5: "NJ-C0001"}


# --- bounded memory, any slicing, any bytes --------------------------------------------------------------------------


class Stream:
    """A header and then one endless line, made as it is read."""

    def __init__(self, total: int) -> None:
        self.left = total
        self.given = 0

    def chunks(self, start: bytes) -> Iterator[bytes]:
        yield start
        chunk = b"x" * 65536
        while self.left > 0:
            self.left -= len(chunk)
            self.given += len(chunk)
            yield chunk


@pytest.mark.parametrize(
    ("start", "code", "given_max"), [(b"", "no_header", 65536), (f"{HEADER}\n".encode(), "too_large", 64 << 20)]
)
def test_a_line_of_200_megabytes_is_never_in_memory(start: bytes, code: str, given_max: int) -> None:
    """It is refused at the limit of the file, and as a header at once, with a few hundred KiB of memory."""
    stream = Stream(200 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(ManifestRefused) as caught:
            read_manifest(stream.chunks(start), KNOWN)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.findings[0].code == code
    assert stream.given <= given_max
    assert peak < 1 << 20


def test_a_long_line_costs_its_row_alone() -> None:
    """The reader finds the next line again, however the long one was cut into chunks."""
    content = text(GOOD, LONG * 5, row(item="NJ-C0002", waybill=""))
    reading = read_manifest([content[at : at + 1000] for at in range(0, len(content), 1000)], KNOWN)
    assert codes(reading) == [(3, "", "row_too_long")]
    assert reading.line_rows == [2, 4]


ANY_ROW = st.one_of(
    st.just(GOOD),
    st.sampled_from([bad for bad, _, _ in BAD_ROWS if len(bad) < 200]),
    st.builds(lambda at: row(item=f"NJ-C000{at}", waybill=""), st.integers(0, 9)),
    st.text(max_size=40),
    st.lists(st.text(max_size=6), min_size=10, max_size=10).map(",".join),
)
SOME_FILE = st.lists(ANY_ROW, max_size=12).map(lambda rows: text(*rows))


def outcome(chunks: list[bytes]) -> ManifestReading | tuple[Refusal, ...]:
    try:
        return read_manifest(chunks, KNOWN)
    except ManifestRefused as error:
        return error.findings


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: text(GOOD) + tail) | SOME_FILE)
@settings(max_examples=300)
def test_no_bytes_raise_anything_but_a_refusal(content: bytes) -> None:
    """A file is read or refused with reasons; and every row is either a line or refused, never both, never neither."""
    reading = outcome([content])
    if isinstance(reading, tuple):
        assert all(finding.code in manifest.FILE_MESSAGES for finding in reading)
        return
    refused_rows = {refusal.row for refusal in reading.refusals}
    assert len(reading.lines) == len(reading.line_rows)
    assert not refused_rows & set(reading.line_rows)
    assert len(refused_rows) + len(reading.lines) == reading.rows
    assert set(reading.refused_items) == refused_rows
    assert all(first < second for first, second in pairwise(reading.line_rows))
    assert len({line.item for line in reading.lines}) == len(reading.lines)


@given(SOME_FILE, st.lists(st.integers(0, 600), max_size=6))
@settings(max_examples=150)
def test_how_a_file_is_cut_into_chunks_does_not_matter(content: bytes, cuts: list[int]) -> None:
    """The disk decides about chunks, not the meaning."""
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    assert outcome([content[a:b] for a, b in pairwise(edges)]) == outcome([content])
