"""The live page in a real browser over the real HTTP server: what people see of a hall, and when they see that it is old."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lived
import msgspec
import pytest
from browser import PROGRAM, Browser
from served import START_US, Served, Told, quiet_status, with_lane, with_machine

from packcenter.core.hall import Hall
from packcenter.projections.alarms import Call

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason="no chromium on the PATH")]

DAY = msgspec.structs.replace(
    quiet_status(),
    expected=15_800,
    to_come=6_200,
    in_hall={"belt": 33, "lane": 210, "pack": 12, "rack": 22, "bag": 811},
    dispatched=8_221,
    hand=291,
    packed_per_hour=3_105,
    exceptions={"no_read": 200, "weight": 91},
    bags={1: 7, 32: 40},
)


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "profile", width=1920, height=1080) as browser:
        yield browser


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "profile", width=390, height=844, phone=True) as browser:
        yield browser


def served(status: object = DAY, mode: str = "simulation", speed: int = 1, hall: Hall | None = None) -> Served:
    told = Told(mode, speed, hall)
    told.now = status  # type: ignore[assignment]
    return Served(told)


def shown(browser: Browser, selector: str) -> str:
    found: str = browser.value(f"document.querySelector({selector!r}).textContent")
    return found


COLOURS = """[...document.querySelectorAll('main *')].flatMap(node => {
  const style = getComputedStyle(node);
  return [style.color, style.backgroundColor, style.fill, style.stroke, style.borderLeftColor];
}).filter(colour => {
  const [r, g, b, a] = (colour.match(/[0-9.]+/g) || []).map(Number);
  return a !== 0 && Math.max(r, g, b) - Math.min(r, g, b) > 24;
}).length"""
"""How many parts of the page have a colour that is not a grey."""


def test_a_quiet_hall_is_grey_and_fits_a_wall(wall: Browser) -> None:
    """Nothing is coloured while nothing is wrong, all figures are there, and nobody has to scroll."""
    with served() as page:
        wall.open(page.address)
        wall.until("document.querySelector('#rate')?.textContent === '3,105'")
        figures = {
            key: shown(wall, f"[data-key={key}]") for key in ("to_come", "belt", "lane", "bag", "dispatched", "hand", "lost")
        }
        assert figures == {
            "to_come": "6,200", "belt": "33", "lane": "210", "bag": "811", "dispatched": "8,221", "hand": "291", "lost": "0"
        }  # fmt: skip
        assert wall.value(COLOURS) == 0
        assert "无需处理" in shown(wall, "#attention")
        assert "无读" in shown(wall, "#reasons")
        size = wall.value("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert size == [1920, 1080]
        assert wall.errors == []


def test_every_machine_and_lane_of_the_hall_is_drawn(wall: Browser) -> None:
    """Two sorters with nine lanes, four baggers, the rack and its 32 positions."""
    with served() as page:
        wall.open(page.address)
        wall.until("document.querySelectorAll('[data-plc]').length > 0")
        drawn = wall.value("[...document.querySelectorAll('[data-plc]')].map(node => node.dataset.plc).sort()")
        assert drawn == ["bagger-1", "bagger-2", "bagger-3", "bagger-4", "rack-1", "sorter-1", "sorter-2"]
        assert wall.value("document.querySelectorAll('[data-lane]').length") == 18
        assert "other" in shown(wall, "#rack")


UNFIT = (Path(__file__).parent / "unfit.js").read_text("utf-8")
"""Words of the page that lie over each other, outside their part of it, or off the screen."""

MOMENTS = {
    "ordinary-day": "10:30", "narrow-hall": "11:00", "case-rack-restarts": "11:01", "provincial-centre": "09:15"
}  # fmt: skip
"""A day of each hall, and when to look at it."""


@pytest.mark.parametrize("scenario", MOMENTS)
@pytest.mark.parametrize("size", [(1920, 1080), (1366, 768)])
def test_every_hall_fits_a_wall(scenario: str, size: tuple[int, int], tmp_path: Path) -> None:
    """On a wall of either size nobody has to scroll, nothing lies over anything and no word is cut off, in both languages."""
    moment = lived.at(scenario, MOMENTS[scenario])
    listed = [Call("link_lost", "bagger-2", 2, START_US), Call("cells_full", moment.hall.centre, 2, START_US)]
    troubled = with_machine(msgspec.structs.replace(moment.status, alarms=listed), "bagger-2", up=False, state=0)
    for status in (moment.status, troubled):
        with (
            Browser(tmp_path / f"profile-{status is troubled}", width=size[0], height=size[1]) as wall,
            served(status, hall=moment.hall) as page,
        ):
            for language in ("zh", "en"):
                wall.open(f"{page.address}/?lang={language}")
                wall.until("document.querySelectorAll('[data-plc]').length > 0 && document.fonts.status === 'loaded'")
                assert wall.value(UNFIT) == []
                scroll = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
                assert wall.value(scroll) == list(size)
                assert wall.errors == []


def test_case_racks_are_drawn_once_with_what_they_feed(wall: Browser) -> None:
    """Every machine of the hall is there once, whoever feeds it, each with its cells and its outlets."""
    moment = lived.at("case-rack-restarts", "11:01")
    with served(moment.status, hall=moment.hall) as page:
        wall.open(page.address)
        wall.until("document.querySelectorAll('[data-plc]').length > 0")
        drawn = wall.value("[...document.querySelectorAll('[data-plc]')].map(node => node.dataset.plc).sort()")
        assert drawn == sorted(moment.hall.plcs())
        assert wall.value("document.querySelectorAll('[data-cell]').length") == 120
        outlets = wall.value("[...document.querySelectorAll('[data-outlet]')].map(node => node.dataset.outlet)")
        assert outlets == ["cases-1/1", "cases-1/2", "cases-2/1"]
        assert wall.value("[...document.querySelectorAll('[data-to]')].map(node => node.dataset.to)") == ["cases-1", "cases-2"]
        assert "cases-1 ▸ 0  cases-2 ▸ 0" in shown(wall, "[data-from=bagger-2]")


def test_cells_in_doubt_and_full_racks_are_marked_in_words(wall: Browser) -> None:
    """A doubted cell has its sign and is named; a rack without a free cell says so; an ordinary one is grey."""
    doubted, full = lived.at("case-rack-restarts", "11:01"), lived.at("narrow-hall", "11:00")
    with served(doubted.status, hall=doubted.hall) as page:
        wall.open(page.address)
        wall.until("document.querySelectorAll('[data-says]').length === 2")
        signs = wall.value("[...document.querySelectorAll('[data-cell]')].filter(node => node.textContent.includes('?')).length")
        for plc, now in doubted.status.case_racks.items():
            named = [number for number, cell in now.cells.items() if cell.word == "suspect"]
            signs -= len(named)
            said = f"▲ 存疑 {len(named)}: {' '.join(map(str, named[:8]))}" if named else f"空格 {now.counts['free']}/60"
            assert said in shown(wall, f"[data-says={plc}]")
        assert signs == 0
        assert doubted.status.case_racks["cases-1"].counts["suspect"] > 8
    with served(full.status, hall=full.hall) as page:
        wall.open(page.address)
        wall.until("document.querySelectorAll('[data-says]').length === 2")
        assert shown(wall, "[data-says=cases-2]") == "▲ 格满"


def test_what_is_wrong_is_told_in_words_and_marks_and_worst_first(wall: Browser) -> None:
    """A lost PLC is unknown, not what it was last; each trouble comes with what to do; colour is never alone."""
    status = with_machine(DAY, "sorter-2", jams=[2], places={3: 1, 7: 3})
    status = with_machine(status, "bagger-2", state=11, consumables={1: 4})
    status = with_machine(status, "bagger-4", up=False, state=0)
    listed = [
        ("link_lost", "bagger-4", 2),
        ("jam", "sorter-2", 2),
        ("consumable_low", "bagger-2/1", 2),
        ("wrong_lane", "sorter-1", 1),
    ]
    status = msgspec.structs.replace(status, alarms=[Call(*each, START_US) for each in listed])
    with served(with_lane(status, "sorter-2", 3, 40)) as page:
        wall.open(page.address)
        wall.until("document.querySelectorAll('#attention li').length > 1")
        told = wall.value("[...document.querySelectorAll('#attention li')].map(node => node.textContent)")
        assert [text[:13] for text in told] == ["■ 1bagger-4PL", "▲ 2sorter-2卡件", "▼ 3bagger-2 膜", "sorter-1进错格口I"]
        assert "packcenter plc doctor" in told[0]
        assert "备好新卷" in told[2]
        assert told[3].endswith("✓ 已确认或消除")
        assert "未知" in shown(wall, "[data-plc=bagger-4]")
        assert "■ 1" in shown(wall, "[data-plc=bagger-4]")
        assert "保持" in shown(wall, "[data-plc=bagger-2]")
        assert "满" in shown(wall, "[data-lane='sorter-2/3']")
        assert "▼" in shown(wall, "[data-lane='sorter-2/3']")
        assert wall.value(COLOURS) > 0


def test_what_is_still_open_is_told_with_what_is_late(wall: Browser) -> None:
    """Only what there is; nothing is said of what is done."""
    status = msgspec.structs.replace(DAY, open={"cases": (46, 3), "receipts": (1_240, 0), "discrepancies": (0, 0)})
    with served(status) as page:
        wall.open(page.address)
        wall.until("document.querySelectorAll('#open li').length === 2")
        told = wall.value("[...document.querySelectorAll('#open li')].map(node => node.textContent)")
        assert told == ["一件事cases▲ 逾期 346", "回执receipts1,240"]
        page.told.now = DAY
        wall.until("document.querySelector('#open').textContent === '无none'")


def test_a_simulation_says_so_and_a_live_hall_does_not(wall: Browser) -> None:
    """Nobody takes simulated figures for a hall's."""
    with served(speed=5) as page:
        wall.open(page.address)
        wall.until("document.body.classList.contains('simulated')")
        assert "仿真数据 ×5" in shown(wall, "#mode")
        assert "SIMULATED DATA" in shown(wall, "#mode")
        assert wall.value("getComputedStyle(document.querySelector('#mode')).display") == "block"
    with served(mode="live") as page:
        wall.open(page.address)
        wall.until("document.querySelector('#rate')?.textContent === '3,105'")
        assert wall.value("getComputedStyle(document.querySelector('#mode')).display") == "none"


def test_silence_is_link_lost_and_the_page_comes_back_by_itself(wall: Browser) -> None:
    """Three seconds without figures dim them and say so; when the service is back, so are they, without a reload."""
    with served() as page:
        wall.open(page.address)
        wall.until("document.querySelector('#rate')?.textContent === '3,105'")
        port = page.port
        assert wall.value("document.body.classList.contains('lost')") is False
    wall.until("document.body.classList.contains('lost')")
    assert "失联" in shown(wall, "#lost")
    assert "LINK LOST" in shown(wall, "#lost")
    assert "08:00:00" in shown(wall, "#lost")  # the hall's time of the last figures
    assert wall.value("getComputedStyle(document.querySelector('main')).opacity") < "0.5"
    told = Told()
    told.now = msgspec.structs.replace(DAY, packed_per_hour=77)
    with Served(told, port):
        wall.until("document.querySelector('#rate').textContent === '77' && !document.body.classList.contains('lost')")


def test_a_service_that_stands_still_with_its_connection_open_is_link_lost(wall: Browser) -> None:
    """What counts is that figures come, not that a connection is there."""
    with served() as page:
        wall.open(page.address)
        wall.until("document.querySelector('#rate')?.textContent === '3,105'")
        page.told.running.clear()
        wall.until("document.body.classList.contains('lost')")
        page.told.running.set()
        wall.until("!document.body.classList.contains('lost')")


def test_a_new_run_of_the_service_is_drawn_anew(wall: Browser) -> None:
    """After a restart with another hall or mode the page asks what stands where once more."""
    with served() as page:
        wall.open(page.address)
        wall.until("document.querySelector('#rate')?.textContent === '3,105'")
        page.told.setup.mode = "replay"
        page.told.controller.state.run = 2
        page.told.now = msgspec.structs.replace(DAY, run=2)
        wall.until("document.querySelector('#mode').textContent.includes('回放数据')")


def test_one_switch_puts_english_first_and_is_remembered(wall: Browser) -> None:
    """Chinese stands first with English beside it until somebody asks for the reverse."""
    with served() as page:
        wall.open(page.address)
        wall.until("document.querySelector('#rate')?.textContent === '3,105'")
        assert shown(wall, "#attention-title") == "需要处理What needs you"
        wall.value("document.querySelector('#switch').click()")
        assert shown(wall, "#attention-title") == "What needs you需要处理"
        assert shown(wall, "[data-key=belt]") == "33"
        wall.open(page.address)
        wall.until("document.querySelector('#attention-title').textContent === 'What needs you需要处理'")


def test_a_phone_shows_it_all_in_its_width(phone: Browser) -> None:
    """Nothing is wider than the phone, and what needs somebody stands above the drawing."""
    with served(msgspec.structs.replace(DAY, alarms=[Call("machine_held", "bagger-2", 2, START_US)])) as page:
        phone.open(page.address)
        phone.until("document.querySelectorAll('#attention .p2').length === 1")
        assert phone.value("document.documentElement.scrollWidth") == 390
        top = "document.querySelector({!r}).getBoundingClientRect().top"
        assert phone.value(f"{top.format('#attention')} < {top.format('#lines')}")
        assert phone.value("document.querySelectorAll('[data-lane]').length") == 18


def test_the_page_speaks_to_nobody_but_the_service(wall: Browser) -> None:
    """Every request of the page goes to the address that served it, so that it works without the internet."""
    with served() as page:
        wall.open(page.address)
        wall.until("document.querySelector('#rate')?.textContent === '3,105'")
        asked = wall.value("performance.getEntriesByType('resource').map(entry => new URL(entry.name).origin)")
        assert set(asked) == {page.address}


def test_hall_time_is_the_halls_and_not_the_browsers(wall: Browser) -> None:
    """The clock on the wall shows the core time of the figures in the hall's zone."""
    moment = msgspec.structs.replace(DAY, at_us=START_US + 3_661_000_000)
    with served(moment) as page:
        wall.open(page.address)
        wall.until("document.querySelector('#time').textContent === '09:01:01'")
        assert shown(wall, "#date") == "2026-03-02"
