"""Figures of discrepancies: open ones by cause, those opened, what is overdue and what keeps a shift open."""

from __future__ import annotations

from test_alarm_metrics import Alarming

from packcenter.core import inputs as i
from packcenter.core.record import Record
from packcenter.projections.history import History


def test_discrepancies_are_shown_by_cause_and_counted_when_opened() -> None:
    """Closing one takes it from the open ones, not from those that were opened; a restart goes on with both."""
    feed = Alarming()
    feed.happen(i.CustodyRulesGiven(1, 480, 120))
    feed.happen(i.JamChanged("bagger-1", 1, 9, 0, 1, True))
    feed.happen(i.JamChanged("bagger-2", 1, 9, 0, 1, True))
    assert feed.value("discrepancies", cause="gap") == 2
    feed.happen(i.DiscrepancyJudged("op-7", "operator", "seen", 1, "explained"))
    assert feed.value("discrepancies", cause="gap") == 1
    assert feed.value("discrepancies_opened_total", cause="gap") == 2
    feed.happen(i.ShiftCounted("op-7", "operator", "shift over", (i.Counted("hand", "", "", 1),)))
    assert (feed.value("discrepancies_unsigned"), feed.value("discrepancies_overdue")) == (1, 0)


def test_the_history_of_an_item_tells_its_discrepancies() -> None:
    """Who opened them, who signed and who closed, also where the fact names only their number."""
    feed = Alarming()
    feed.happen(i.CustodyRulesGiven(1, 480, 120))
    sorter = feed.hall.sorters[0].plc
    feed.happen(i.Scanned(sorter, 1, 1, 1, 1, 0, 0, "X1", 0, 0))
    feed.happen(i.DiscrepancyJudged("op-7", "operator", "seen", 1, "explained"))
    feed.happen(i.DiscrepancyJudged("op-8", "operator", "seen", 1, "explained"))
    history = History("?X1")
    for sequence, each in enumerate(feed.records, 1):
        history.read(sequence, each.at_us, Record(each.input, each.facts, each.commands))
    told = [(line.what, line.detail) for line in history.happenings if line.what.startswith("discrepancy")]
    assert told == [
        ("discrepancy", "1: unknown, opened by packcenter"),
        ("discrepancy signed", "1: explained, by op-7"),
        ("discrepancy closed", "1: explained, by op-7 op-8"),
    ]
