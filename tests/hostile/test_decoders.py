"""Every decoder of bytes from outside, given anything: it ends soon, with what it promises or with its own error and no other."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import msgspec
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from packcenter.config.load import TooLarge, Unreadable, bundled_site, check_paths, load_site
from packcenter.config.manifest import COLUMNS, Known, ManifestRefused, read_manifest
from packcenter.config.toml import Document, parse
from packcenter.core.controller import Controller
from packcenter.core.inputs import Started
from packcenter.core.record import decode, decode_input, encode
from packcenter.journal.frames import Draft, FrameError, decode_group, decode_header, encode_group
from packcenter.plc.checking import PlcError, opcua_words
from packcenter.plc.image import IN_WORDS, OUT_WORDS, ImageError, InImage, OutImage, decode_in, decode_out, encode_in, encode_out
from packcenter.plc.line import LineCommand, LineEvent
from packcenter.plc.opcua_bytes import Chunks, OpcUaAsked, check_reply

PATIENCE_S = 1.0
SOME = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@contextmanager
def soon() -> Iterator[None]:
    """By processor time, so that a busy machine is nobody's fault."""
    began_s = time.thread_time()
    yield
    assert time.thread_time() - began_s < PATIENCE_S


def spoilt(right: Callable[[], bytes]) -> st.SearchStrategy[bytes]:
    """Right bytes with some changed, cut out or put in; or anything."""

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        content = bytearray(right())
        for _ in range(draw(st.integers(1, 3))):
            at = draw(st.integers(0, max(0, len(content) - 1)))
            more = draw(
                st.sampled_from(
                    [b"", b"\0", b"\xff", b"\xff\xff\xff\x7f", b"\xfc\xff\xff\xff", b"\x80", b'"', b",", b"\n", b"[["]
                )
            )
            content[at : at + draw(st.integers(0, 8))] = more or draw(st.binary(max_size=9))
        return bytes(content)

    return st.one_of(changed(), changed(), st.binary(max_size=400))


# --- images --------------------------------------------------------------------------------------------------------------

_words = st.lists(st.integers(-1, 0x1_0000), max_size=OUT_WORDS + 1)


def _out() -> OutImage:
    events = tuple(LineEvent(number, 1, 7, code=f"EA{number}") for number in range(5, 9))
    return OutImage(1, 2, 3, 4, 6, 1, 0, 8, 0, 0, 0, events)


def _in() -> InImage:
    return InImage(1, 3, 2, 4, 5, tuple(LineCommand(number, 1, track=number) for number in range(1, 5)))


@st.composite
def altered(draw: st.DrawFn, right: list[int]) -> list[int]:
    words = list(right)
    for _ in range(draw(st.integers(1, 4))):
        words[draw(st.integers(0, len(words) - 1))] = draw(
            st.one_of(st.sampled_from([0, 1, 0x100, 0x7FFF, 0x8000, 0xFFFF]), st.integers(0, 0xFFFF))
        )
    return words


@SOME
@given(st.one_of(_words, altered(encode_out(_out()))), st.sampled_from(["ABCD", "CDAB"]))
def test_any_words_are_an_image_of_a_plc_or_an_image_error(words: list[int], order: str) -> None:
    """What is decoded encodes to what was read, so nothing was made up; but the text, which is made harmless."""
    with soon():
        try:
            image = decode_out(words, order)  # type: ignore[arg-type]
        except ImageError:
            return
    assert decode_out(encode_out(image, order), order) == image  # type: ignore[arg-type]


@SOME
@given(st.one_of(_words, altered(encode_in(_in()))), st.sampled_from(["ABCD", "CDAB"]))
def test_any_words_are_an_image_of_ours_or_an_image_error(words: list[int], order: str) -> None:
    """The PLC's side, which our simulated PLCs use."""
    with soon():
        try:
            image = decode_in(words, order)  # type: ignore[arg-type]
        except ImageError:
            return
    assert len(words) == IN_WORDS
    assert len(image.commands) <= 4


@pytest.mark.parametrize("at", range(16, 124))
@pytest.mark.parametrize("word", [1, 0x8000, 0xFFFF])
def test_one_spoilt_word_never_makes_an_event_of_an_empty_slot(at: int, word: int) -> None:
    """The CRC of 0xFFFF and zeros is 0: found by the fuzzer as event 4294901760 of kind 0, read off an idle PLC."""
    words = encode_out(msgspec.structs.replace(_out(), events=()))
    words[at] = word
    for order in ("ABCD", "CDAB"):
        try:
            assert decode_out(words, order).events == ()
        except ImageError:
            continue


# --- OPC UA --------------------------------------------------------------------------------------------------------------


@cache
def _read_reply() -> bytes:
    response = ua.ReadResponse()
    response.ResponseHeader.RequestHandle = 9
    response.Results = [ua.DataValue(ua.Variant(encode_out(_out()), ua.VariantType.UInt16))]
    return struct_to_binary(response)


@cache
def _publication() -> bytes:
    response = ua.PublishResponse()
    response.ResponseHeader.RequestHandle = 9
    value = ua.DataValue(ua.Variant(encode_out(_out()), ua.VariantType.UInt16))
    changed = ua.DataChangeNotification(MonitoredItems=[ua.MonitoredItemNotification(ClientHandle=ua.UInt32(1), Value=value)])
    response.Parameters.NotificationMessage.NotificationData = [changed]
    return struct_to_binary(response)


@cache
def _session() -> bytes:
    response = ua.CreateSessionResponse()
    response.ResponseHeader.RequestHandle = 9
    response.Parameters.RevisedSessionTimeout = 60_000.0
    response.Parameters.ServerEndpoints = [ua.EndpointDescription(UserIdentityTokens=[ua.UserTokenPolicy()])] * 3
    return struct_to_binary(response)


_REPLIES = {
    "read": (ObjectIds.ReadResponse_Encoding_DefaultBinary, ua.ReadResponse, _read_reply),
    "publish": (ObjectIds.PublishResponse_Encoding_DefaultBinary, ua.PublishResponse, _publication),
    "create session": (ObjectIds.CreateSessionResponse_Encoding_DefaultBinary, ua.CreateSessionResponse, _session),
}


@pytest.mark.parametrize("name", _REPLIES)
@SOME
@given(st.data())
def test_what_is_let_through_to_asyncua_is_decoded_whole_and_soon(name: str, data: st.DataObject) -> None:
    """The grammar and the library agree on where each field ends; or nothing is let through."""
    kind, response, right = _REPLIES[name]
    check_reply(right(), OpcUaAsked(kind, 9, 1))
    body = data.draw(spoilt(right))
    with soon():
        try:
            check_reply(body, OpcUaAsked(kind, 9, 1))
        except PlcError:
            return
        buffer = Buffer(body)
        if body[2:4] == struct.pack("<H", kind):
            try:
                struct_from_binary(response, buffer)
            except (ValueError, OverflowError):  # a number that no enumeration has
                return
            assert len(buffer) == 0


@SOME
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40), st.sampled_from([b"ACKF\x1c\0\0\0" + b"\0" * 20, b"MSGF\x20\0\0\0", b"MSGC\xff\xff\0\0"])
        ),
        max_size=20,
    )
)
def test_chunks_hold_no_more_than_one_chunk(parts: list[bytes]) -> None:
    """Whatever the headers say."""
    chunks = Chunks()
    with soon():
        try:
            for part in parts:
                list(chunks.feed(part))
                assert len(chunks._held) <= 0xFFFF + len(part)
        except PlcError:
            return


_plain = st.one_of(st.none(), st.integers(0, 0xFFFF), st.lists(st.integers(0, 0xFFFF), max_size=4), st.text(max_size=4))


@SOME
@given(_plain, st.sampled_from(list(ua.VariantType)), st.integers(0, 0xFFFF_FFFF), st.booleans())
def test_any_value_is_words_or_a_plc_error(content: object, kind: ua.VariantType, status: int, bare: bool) -> None:
    """Every type and every status."""
    variant = ua.Variant([], kind)
    variant.Value = content
    value = ua.DataValue(variant, ua.StatusCode(ua.UInt32(status)))
    if bare:
        value.Value = None
    try:
        words = opcua_words(value, 2, "Out")
    except PlcError:
        return
    assert words == content
    assert kind is ua.VariantType.UInt16
    assert status >> 30 == 0


# --- files ---------------------------------------------------------------------------------------------------------------

_KNOWN = Known(("id_card",), ("tax",))
_GOOD_ROW = "NJ-C0001,id_card,tax,EA473124829CN,210018,ems,,,,"
_MANIFEST = "".join(f"{row}\n" for row in (",".join(COLUMNS), _GOOD_ROW, _GOOD_ROW.replace("C0001", "C0002"))).encode()


@SOME
@given(spoilt(lambda: _MANIFEST), st.integers(1, 40))
def test_any_bytes_are_a_manifest_or_are_refused(content: bytes, step: int) -> None:
    """And it does not matter how they were cut."""
    with soon():
        results = []
        for size in (step, len(content) or 1):
            try:
                reading = read_manifest([content[at : at + size] for at in range(0, len(content), size)], _KNOWN)
                results.append((reading.lines, reading.refusals))
            except ManifestRefused as refused:
                results.append(([], list(refused.findings)))
    assert results[0] == results[1]


@cache
def _site() -> Path:
    return Path(bundled_site())


@SOME
@given(spoilt(lambda: _site().read_bytes()[:3000]))
@example(b"a" + b".a" * 20_000 + b" = 1")
@example(b"a = " + b"[" * 50_000)
@example(b"a = " + b"{b=" * 5_000)
@example(b'"\\u0000" = 1\n' * 3_000)
def test_any_bytes_are_toml_or_findings(content: bytes) -> None:
    """Deep, long or broken."""
    with soon():
        read = parse("site.toml", content)
    assert isinstance(read, Document) or (read and all(str(finding) for finding in read))


@settings(SOME, max_examples=40)
@given(spoilt(lambda: _site().read_bytes()))
def test_any_site_file_is_checked_to_its_end(content: bytes) -> None:
    """A configuration's faults are findings, never an exception."""

    def read(path: Path) -> bytes:
        try:
            return content if path == _site() else path.read_bytes()
        except OSError:
            raise Unreadable("missing") from None
        except ValueError:
            raise TooLarge(0) from None

    with soon():
        report = check_paths([_site()], read)
    assert report.ok or report.findings


# --- the journal ---------------------------------------------------------------------------------------------------------


@cache
def _body() -> bytes:
    configuration = load_site(bundled_site())
    happened = Started(1, "1.0", configuration.hall, configuration.digest)
    return encode(happened, Controller().step(1_772_409_600_000_000, happened))[0]


@SOME
@given(spoilt(_body))
def test_any_body_is_a_record_or_a_decode_error(body: bytes) -> None:
    """What a damaged disk gives back is never half believed."""
    with soon():
        for read in (lambda: decode(body), lambda: decode_input(body, len(body) // 2)):
            try:
                read()
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue


@cache
def _group() -> bytes:
    return encode_group([Draft(1, 2, 3, "sorter-1", 4, 5, b"body" * 9, 3)] * 2, 1, bytes(32), bytes(32)).content


@SOME
@given(spoilt(_group), st.integers(0, 3))
def test_any_bytes_are_a_group_of_the_journal_or_a_frame_error(content: bytes, first: int) -> None:
    """And a spoilt one is not believed."""
    with soon():
        for read in (lambda: decode_group(content, 0, first, bytes(32)), lambda: decode_header(content)):
            try:
                read()
            except FrameError:
                continue
