"""The file of people while the service runs: read again when it changes, all or nothing, and the log says what happened once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from packcenter.config.errors import ConfigError
from packcenter.config.load import Exposed, Unreadable
from packcenter.config.people import Person, digest, to_toml
from packcenter.service.badges import Badges, PeopleFile

DIGEST = digest("op-17.secret", bytes(16))
ONE = to_toml([Person("op-17", DIGEST, roles=("operator",))]).encode()
NONE = to_toml([]).encode()


class Disk:
    """A file that says what the test wants."""

    def __init__(self, content: bytes | Exception) -> None:
        self.content = content

    def read(self) -> bytes:
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


async def inline(call: Callable[..., Any], *arguments: Any) -> Any:
    return call(*arguments)


def badges_of(disk: Disk) -> Badges:
    badges = Badges(PeopleFile("people.toml", disk.read))
    badges.load()
    return badges


@pytest.mark.parametrize("fault", [Unreadable("missing"), Exposed(0o644), b"schema = 1"])
def test_a_start_needs_a_sound_file(fault: bytes | Exception) -> None:
    """Else nobody would know why nobody may act."""
    with pytest.raises(ConfigError, match=r"people\.toml"):
        badges_of(Disk(fault))


async def test_a_revoked_token_is_of_no_use_after_the_next_look() -> None:
    """What changed is taken whole."""
    disk = Disk(ONE)
    badges = badges_of(disk)
    assert badges.people.whose("op-17.secret") is not None
    disk.content = NONE
    with capture_logs() as logs:
        await badges.look(inline)
        await badges.look(inline)
    assert badges.people.whose("op-17.secret") is None
    assert [(each["event"], each["people"]) for each in logs] == [("people_known", 0)]


@pytest.mark.parametrize(
    "fault", [Unreadable("missing"), Exposed(0o666), b"[[person]]", b'schema = "packcenter.people/1"\nx = 1']
)
async def test_a_file_with_faults_changes_nothing_and_is_logged_once(fault: bytes | Exception) -> None:
    """Those who could act still can; the log says what is wrong, and when it is well again."""
    disk = Disk(ONE)
    badges = badges_of(disk)
    disk.content = fault
    with capture_logs() as logs:
        await badges.look(inline)
        await badges.look(inline)
        assert badges.people.whose("op-17.secret") is not None
        disk.content = ONE
        await badges.look(inline)
        await badges.look(inline)
    assert [each["event"] for each in logs] == ["people_refused", "people_known"]
    assert DIGEST not in str(logs)
    assert "op-17" not in str(logs)
