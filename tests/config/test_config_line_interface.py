"""LINE-INTERFACE.md is true: its hex images are what the codec makes, its tables are the code's own numbers."""

from __future__ import annotations

import re
from enum import IntEnum

import pytest

from packcenter.config import profile_folder
from packcenter.core.packml import Command, State
from packcenter.core.words import CommandResult, Disposition, PlaceState, ReadOutcome, ReasonClass, is_past, plc_deadline
from packcenter.plc.image import InImage, OutImage, WordOrder, crc16, decode_in, decode_out, encode_in, encode_out
from packcenter.plc.line import CommandKind, EventKind, LineCommand, LineEvent

TEXT = (profile_folder() / "LINE-INTERFACE.md").read_text("utf-8")

NONCE = 0x1A2B3C4D
WAYBILL = "EA473124829CN"
SCAN = LineEvent(9, EventKind.SCANNED, 4711, 1, ReadOutcome.SUCCESS, 23, "NJ-C0001", plc_ms=65530, age_ms=10)


def out(**parts: object) -> OutImage:
    """An image of the PLC that the examples are about, as far as nothing else is said."""
    values: dict[str, object] = {
        "profile_digest": 0x592D4200,
        "nonce": NONCE,
        "epoch": 7,
        "heartbeat": 3,
        "packml_state": State.EXECUTE,
        "packml_mode": 1,
        "alarms": 0,
        "odometer": 0,
        "taken": 0,
        "places_open": 0x1FF,
        "plc_ms": 1000,
    }
    return OutImage(**{**values, **parts})  # type: ignore[arg-type]  # decoding the encoded image checks every type


def told(*commands: LineCommand, heartbeat: int = 12, acknowledged: int = 0) -> InImage:
    return InImage(heartbeat, 7, NONCE, 1, acknowledged, commands)


DIVERT = LineCommand(4, CommandKind.DIVERT, 4711, 3, 9, plc_deadline(65530, 5243))
OUT = {
    "out-new-life": out(epoch=0, packml_state=State.STOPPED),
    "out-granted": out(
        heartbeat=5,
        packml_state=State.STOPPED,
        odometer=2,
        places_open=0x17F,
        plc_ms=1250,
        events=(
            LineEvent(1, EventKind.STATE_CHANGED, a=State.STOPPED, plc_ms=1240, age_ms=10),
            LineEvent(2, EventKind.PLACE_STATE, a=8, b=PlaceState.CLOSED, c=3, plc_ms=1240, age_ms=10),
        ),
    ),
    "out-scan": out(heartbeat=900, odometer=9, taken=3, plc_ms=4, events=(SCAN,)),
    "out-diverted": out(
        heartbeat=954,
        odometer=10,
        taken=4,
        plc_ms=5358,
        events=(LineEvent(10, EventKind.DIVERTED, 4711, 3, Disposition.AS_ASKED, 5360, plc_ms=5354, age_ms=4),),
    ),
    "out-packed": out(
        heartbeat=2000,
        odometer=21,
        taken=13,
        places_open=0xF,
        plc_ms=20_000,
        events=(
            LineEvent(20, EventKind.FED, 12, 2, ReadOutcome.SUCCESS, 76, "NJ-C0001", plc_ms=18_900, age_ms=1100),
            LineEvent(21, EventKind.PACKED, 12, 0, 0, 31, WAYBILL, plc_ms=19_990, age_ms=10),
        ),
    ),
    "out-refused": out(
        heartbeat=2030,
        odometer=22,
        taken=13,
        places_open=0xF,
        plc_ms=23_000,
        events=(LineEvent(22, EventKind.COMMAND_RESULT, a=CommandResult.NOTHING_THERE, c=13, plc_ms=22_995, age_ms=5),),
    ),
}
IN: dict[str, tuple[InImage, WordOrder]] = {
    "in-grant": (told(), "ABCD"),
    "in-reset": (told(LineCommand(1, CommandKind.PACKML_COMMAND, a=Command.RESET), heartbeat=14, acknowledged=2), "ABCD"),
    "in-divert": (told(DIVERT, heartbeat=910, acknowledged=9), "ABCD"),
    "in-begin": (
        told(LineCommand(12, CommandKind.BEGIN_PARCEL, 2, 1, 2, 0, WAYBILL), heartbeat=1990, acknowledged=19),
        "ABCD",
    ),
    "in-grant-cdab": (told(), "CDAB"),
}
MADE = {name: encode_out(image) for name, image in OUT.items()} | {
    name: encode_in(image, order) for name, (image, order) in IN.items()
}
BLOCKS = dict(re.findall(r"^```words ([a-z-]+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))


def rows(words: list[int]) -> str:
    """Words as the text shows them: eight a row, rows of zeroes left out."""
    lines = []
    for at in range(0, len(words), 8):
        row = words[at : at + 8]
        if any(row):
            lines.append(f"{at:3d}: {' '.join(f'{word:04X}' for word in row)}\n")
    return "".join(lines)


def read(block: str, length: int) -> list[int]:
    """The words that a block of the text shows."""
    words = [0] * length
    for line in block.splitlines():
        at, _, row = line.partition(":")
        for offset, word in enumerate(row.split()):
            words[int(at) + offset] = int(word, 16)
    return words


def test_every_example_is_made_here() -> None:
    """No block of the text is unknown to this test, and none is missing."""
    assert sorted(BLOCKS) == sorted(MADE)


@pytest.mark.parametrize("name", sorted(MADE))
def test_example(name: str) -> None:
    """The hex of the text is what the codec writes."""
    assert BLOCKS[name] == rows(MADE[name]), f"{name} should be\n{rows(MADE[name])}"


@pytest.mark.parametrize("name", sorted(OUT))
def test_an_out_example_reads_back(name: str) -> None:
    """Whoever types the words from the text into a PLC is understood."""
    assert decode_out(read(BLOCKS[name], 125)) == OUT[name]


@pytest.mark.parametrize("name", sorted(IN))
def test_an_in_example_reads_back(name: str) -> None:
    """The CRC in the text is right, and the words mean what the sentence says."""
    image, order = IN[name]
    assert decode_in(read(BLOCKS[name], 114), order) == image


def test_what_the_sentences_say() -> None:
    """Numbers in the prose: the check value, the deadline, and when it has passed."""
    assert f"0x{crc16(b'123456789'):04X}" == "0x4B37"
    assert f"0x{DIVERT.deadline:08X}" == "0x00011475"
    assert f"0x{DIVERT.deadline:08X}" in TEXT
    assert not is_past(DIVERT.deadline, 0x1475)
    assert is_past(DIVERT.deadline, 0x1476)
    assert is_past(DIVERT.deadline, (0x1475 + 32767) & 0xFFFF)
    assert not is_past(DIVERT.deadline, (0x1475 + 32768) & 0xFFFF)


def table(title: str) -> dict[int, str]:
    """Number -> name of the first two columns of a table under a heading."""
    section = TEXT.split(f"### {title}\n")[1].split("\n###")[0].split("\n\n**")[0]
    return {int(number): name for number, name in re.findall(r"^\| (\d+) \| ([^|]+?) \|", section, re.MULTILINE)}


def sentence(title: str) -> dict[int, str]:
    """Number -> words of a line such as `Result: 0 done, 1 refused epoch.`"""
    (line,) = re.findall(rf"^{title}: (.*)\.$", TEXT, re.MULTILINE)
    return {int(number): name for number, name in re.findall(r"(\d+) ([^,(]+?)(?: \([^)]*\))?(?:,|$)", line)}


def words_of(kind: type[IntEnum]) -> dict[int, str]:
    return {member.value: member.name.lower().replace("_", " ") for member in kind}


def test_tables_of_kinds() -> None:
    """Every event and command of the code stands in the text under its number and name, and no other."""
    commands = {number: name.lower() for number, name in table("8.2 Commands").items()}
    assert table("8.1 Events") == words_of(EventKind)
    assert commands == words_of(CommandKind)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Read outcome", ReadOutcome),
        ("Disposition", Disposition),
        ("Place state", PlaceState),
        ("Reason class", ReasonClass),
        ("Result", CommandResult),
    ],
)
def test_numbered_words(title: str, kind: type[IntEnum]) -> None:
    """Each closed list of the text is the code's own."""
    assert sentence(title) == words_of(kind)


def test_packml_states() -> None:
    """The states of the text are those of the core, and so are the commands."""
    section = TEXT.split("### 8.3 PackML states\n")[1]
    states = {int(number): name for number, name in re.findall(r"(\d+) ([A-Z][a-z]+)", section.split("Hold is")[0])}
    assert states == {state.value: state.name.capitalize() for state in State if state}
    listed = re.search(r"\| 40 \| PackML command \|[^|]*\|[^|]*\| ([^|]*) \|", TEXT)
    assert listed is not None
    commands = {int(number): name for number, name in re.findall(r"(\d+) ([a-z]+)", listed[1])}
    assert commands == {command.value: command.name.lower() for command in Command}
