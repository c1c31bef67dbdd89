"""The feeds of agencies over real sockets: each is told to that agency alone, and what is wrong is said in the one shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Served, Told
from structlog.testing import capture_logs
from test_http import ask

from packcenter.projections.agency_events import AgencyEvent
from packcenter.service import feed_http
from packcenter.service.gate import REASONS, WRONG_AT_ONCE
from packcenter.service.papers import Page


class OnePage:
    """Papers with one event; `broken`: whose folder cannot be read."""

    broken = False

    async def page(self, agency: str, after: int) -> Page:
        """The event of record 7, if it is asked for."""
        if self.broken:
            raise OSError(5, "Input/output error")
        event = AgencyEvent(7, "2026-03-02T08:00:00+08:00", "NJ-C67700001", "dispatched", "EMC", bag="NJ01-01-000001")
        return Page(agency, [event] if after < 7 else [], 7, False)


@pytest.fixture
def page() -> Iterator[Served]:
    """A service that writes feeds, and gives nobody a token."""
    with Served(Told()) as served:
        served.told.papers = OnePage()  # type: ignore[assignment]  # papers by shape
        yield served


@pytest.fixture
def tokens(page: Served) -> dict[str, str]:
    """The tokens of one person and of two agencies of the same service."""
    return page.told.let_act({"op-17": ("operator",)}, agencies=("tax", "residence"))


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks sits at another machine."""
    monkeypatch.setattr(feed_http, "is_loopback", lambda host: False)


def why(page: Served, path: str = "/feed/tax", token: str | None = None, **headers: str) -> tuple[int, str]:
    """The status and the word of an answer; "" where the feed was told."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    status, kind, body = ask(page, path, sent)
    assert kind == "application/json"
    return status, json.loads(body).get("why", "")


# --- what is told ----------------------------------------------------------------------------------------------------------


def test_the_feed_tells_an_agency_what_is_new(page: Served) -> None:
    """From the record that it knows on; the answer says with which one to go on."""
    status, kind, body = ask(page, "/feed/tax")
    assert (status, kind) == (200, "application/json")
    found = json.loads(body)
    assert [event["item"] for event in found["events"]] == ["NJ-C67700001"]
    assert (found["agency"], found["next"], found["more"]) == ("tax", 7, False)
    assert json.loads(ask(page, f"/feed/tax?after={found['next']}")[2])["events"] == []


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/feed/customs", 404, "unknown_agency"),
        ("/feed/tax?after=-1", 400, "malformed_query"),
        ("/feed/tax?after=x", 400, "malformed_query"),
        ("/feed/tax?after=" + "9" * 20, 400, "malformed_query"),
    ],
)
def test_what_the_feed_cannot_answer_is_said(page: Served, path: str, status: int, word: str) -> None:
    """In the one shape of trouble."""
    assert why(page, path) == (status, word)


def test_a_service_without_papers_or_with_a_dead_folder_has_no_feed(page: Served) -> None:
    """Each is told apart."""
    page.told.papers = None
    assert why(page) == (404, "no_feed")
    page.told.papers = papers = OnePage()  # type: ignore[assignment]  # papers by shape
    papers.broken = True
    assert why(page) == (503, "feed_unreadable")


# --- to whom ---------------------------------------------------------------------------------------------------------------


def test_without_tokens_other_machines_are_not_told(page: Served, far: None) -> None:
    """Who asks from this machine was known to whoever let them in; of others we know nothing."""
    assert why(page) == (403, "local_only")
    assert why(page, token="tax.guess") == (403, "local_only")


def test_an_agency_with_a_token_is_told_from_anywhere(page: Served, tokens: dict[str, str], far: None) -> None:
    """And no other agency's feed is told for it."""
    assert why(page, token=tokens["tax"]) == (200, "")
    assert why(page, "/feed/residence", tokens["residence"]) == (200, "")
    assert why(page, "/feed/residence", tokens["tax"]) == (403, "not_your_feed")
    assert why(page, "/feed/exit-entry", tokens["tax"]) == (403, "not_your_feed")


@pytest.mark.parametrize(
    ("token", "word"),
    [(None, "no_token"), ("", "no_token"), ("tax.guess", "wrong_token"), ("op-17.secret-of-op-17", "wrong_token")],
)
@pytest.mark.parametrize("path", ["/feed/tax", "/feed/exit-entry", "/feed/nobody"])
def test_from_elsewhere_only_a_right_token_is_told_anything(
    page: Served, tokens: dict[str, str], far: None, path: str, token: str | None, word: str
) -> None:
    """Not even which agencies there are; a person's token is none of an agency's."""
    assert why(page, path, token) == (401, word)


def test_on_this_machine_an_agency_with_a_token_needs_it_as_well(page: Served, tokens: dict[str, str]) -> None:
    """A proxy on this machine asks for the whole world; one without a token is told here as before."""
    assert why(page) == (401, "no_token")
    assert why(page, token=tokens["tax"]) == (200, "")
    assert why(page, "/feed/exit-entry") == (200, "")


def test_an_agencys_token_lets_nobody_act(page: Served, tokens: dict[str, str]) -> None:
    """It is looked for among the agencies alone."""
    assert why(page, "/acts/recent", tokens["tax"]) == (401, "wrong_token")
    assert ask(page, "/acts/recent", {"authorization": f"Bearer {tokens['op-17']}"})[0] == 200


def test_a_token_lasts_to_its_last_day(page: Served, far: None) -> None:
    """And is told apart from a wrong one."""
    tokens = page.told.let_act({}, "2020-01-01", ("tax",))
    assert why(page, token=tokens["tax"]) == (401, "expired")


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"sec_fetch_site": "cross-site"}, {"host": "evil.example"}]
)
def test_a_web_page_cannot_make_a_browser_ask(page: Served, headers: dict[str, str]) -> None:
    """Also not on this machine, by a name that was made to point here (DNS rebinding)."""
    assert why(page, "/feed/exit-entry", **headers) == (403, "other_site")
    tokens = page.told.let_act({}, agencies=("tax",))
    assert why(page, "/feed/tax", tokens["tax"], **headers) == (403, "other_site")


# --- how often -------------------------------------------------------------------------------------------------------------


def test_an_agency_is_told_only_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says when to come again; another agency is not concerned; time gives it back."""
    monkeypatch.setattr(feed_http, "AT_ONCE", 4)  # the door's own turns are too few for thirty in a test
    with Served(Told()) as page:
        page.told.papers = OnePage()  # type: ignore[assignment]  # papers by shape
        tokens = page.told.let_act({}, agencies=("tax", "residence"))
        now = [page.told.clock.mono_us()]
        monkeypatch.setattr(page.told.clock, "mono_us", lambda: now[0])
        assert [why(page, token=tokens["tax"])[0] for _ in range(5)] == [200] * 4 + [429]
        assert why(page, "/feed/residence", tokens["residence"]) == (200, "")
        now[0] += feed_http.EACH_US
        assert why(page, token=tokens["tax"]) == (200, "")


def test_wrong_tokens_are_limited_wherever_they_are_tried(page: Served, tokens: dict[str, str], far: None) -> None:
    """Feeds and acts count together, no log line repeats a token, and a right one is served all the same."""
    with capture_logs() as logs:
        found = [why(page, path, "tax.guess")[0] for path in ("/feed/tax", "/acts/recent") * WRONG_AT_ONCE]
    assert found == [401] * WRONG_AT_ONCE + [429] * WRONG_AT_ONCE
    assert [each["event"] for each in logs] == ["token_refused"] * WRONG_AT_ONCE
    assert "guess" not in str(logs)
    assert why(page, token=tokens["tax"]) == (200, "")


def test_every_trouble_of_the_gate_is_met() -> None:
    """What the gate can say is what these tests have heard, or those of acts."""
    heard = Path(__file__).read_text("utf-8") + Path(__file__).with_name("test_acts_http.py").read_text("utf-8")
    assert [each for each in REASONS if f'"{each}"' not in heard and each != "too_slow"] == []
