"""Panels of what is still open: bags, cases, receipts, discrepancies, documents in doubt, the shift, papers; case racks and loops."""

# ruff: noqa: E501  (sentences stay whole, and Chinese characters count double)

from __future__ import annotations

from grafana.panels import RED, RUNNING, Board, alarming_from, mapped, rising, value_map
from packcenter.projections.hall_figures import CASE_PARCELS, CASE_STATES

ALARMS_AN_HOUR_MAX = 6
"""What one person can answer, by ISA-18.2."""

_OPEN = {
    "bags_closing": ("bags to be closed", "待封总包", 'sum(packcenter_bags{@,state="closing"})', ""),
    "bags_suspect": ("bags in doubt", "存疑总包", 'sum(packcenter_bags{@,state="suspect"})', ""),
    "cases": ("cases", "一件事", 'sum(packcenter_cases{@,state!="announced"})', 'sum(packcenter_cases{@,state="overdue"})'),
    "receipts": ("receipts", "回执", "sum(packcenter_receipts{@})", 'sum(packcenter_receipts{@,state="overdue"})'),
    "discrepancies": ("discrepancies", "差异", "sum(packcenter_discrepancies{@})", "sum(packcenter_discrepancies_overdue{@})"),
    "documents": ("documents in doubt", "存疑证件", "sum(packcenter_documents_doubtful{@})", ""),
}
"""What can be open: English, Chinese, how many are, how many of them should not be any more."""


def still_open(board: Board, *, width: int, height: int) -> None:
    """The wall: what somebody has yet to finish, and what of it is late."""
    t = board.text
    at = 1 if board.language == "zh" else 0
    found = [
        f'label_replace(label_replace({expr}, "what", "{name}", "", ""), "column", "{column}", "", "")'
        for name, (_, _, opened, overdue) in _OPEN.items()
        for column, expr in (("open", opened), ("overdue", overdue))
        if expr
    ]
    what, overdue = t("What", "事项"), t("Overdue", "逾期")
    board.table(
        t("Still open", "未了事项"),
        t("What is not finished, and what of it is late. Details: packcenter discrepancies, receipts, remakes.", "尚未了结的事项及其中逾期数；详见 packcenter discrepancies、receipts、remakes。"),
        " or ".join(found), {"what\\column": what, "open": t("Open", "未了"), "overdue": overdue}, "none", width=width, height=height,
        matrix=("what", "column"), missing="null",
        properties={what: mapped({name: (texts[at], "") for name, texts in _OPEN.items()}, width=170), overdue: alarming_from(1)},
    )  # fmt: skip


def alarm_rate(board: Board, *, width: int, height: int) -> None:
    """How many alarms people get in an hour, against what one of them can answer."""
    t = board.text
    board.lines(
        t("Alarms an hour", "每小时报警"),
        t("Alarms that people were told of in the last hour. The line is what one operator can answer (ISA-18.2).", "最近一小时发给人的报警数；横线为一名操作员能处理的上限（ISA-18.2）。"),
        [("sum(increase(packcenter_alarms_raised_total{@}[1h]))", t("alarms", "报警"))],
        "none", width=width, height=height, decimals=0, limit=ALARMS_AN_HOUR_MAX, soft=8,
    )  # fmt: skip


def services(board: Board) -> None:
    """The engineer: cases, receipts, the plan, numbers, the shift, and what is written for others."""
    t = board.text
    board.lines(
        t("Open cases", "未了一件事"),
        t("Cases by how far they are: nothing here yet, documents missing, missing at their due time, on their way out.", "一件事按进度：未到、待齐、逾期缺件、发出途中。"),
        [("sum by (state) (packcenter_cases{@})", "{{state}}")], "none", width=8, height=7, words=CASE_STATES, decimals=0, soft=5,
    )  # fmt: skip
    board.lines(
        t("Parcels of cases", "合包邮件"),
        t("Parcels of several documents that were proven and sealed, whole or a part, and cases that ran over their time, in 15 minutes.", "15 分钟内核对无误并封好的合包邮件（全套、部分）和到期缺件数。"),
        [
            ("sum by (parcel) (increase(packcenter_case_parcels_total{@}[15m]))", "{{parcel}}"),
            ("sum(increase(packcenter_cases_overdue_total{@}[15m]))", t("documents missing", "缺件")),
        ],
        "none", width=8, height=7, words=CASE_PARCELS, decimals=0, soft=5,
    )  # fmt: skip
    board.lines(
        t("Return receipts", "回执"),
        t("Receipts that are awaited and overdue, and those that came back or were given up in 15 minutes.", "待回和逾期的回执，以及 15 分钟内返回或销号的回执。"),
        [
            ('sum(packcenter_receipts{@,state="awaited"})', t("awaited", "待回")),
            ('sum(packcenter_receipts{@,state="overdue"})', t("overdue", "逾期")),
            ("sum(increase(packcenter_receipts_ended_total{@}[15m]))", t("ended", "已了结")),
        ],
        "none", width=8, height=7, decimals=0, soft=5,
    )  # fmt: skip
    board.timeline(
        t("Sort plan in force", "现行分拣方案"),
        t("The plan by which items are sorted, and since when; red while it is not meant for now.", "现行方案及其生效时间；不在有效期时为红色。"),
        "max by (plan) (packcenter_config_info{@} * on (job, instance) group_left () packcenter_plan_valid{@})", "{{plan}}",
        value_map({"0": (t("not valid now", "不在有效期"), RED), "1": (t("in force", "生效"), RUNNING)}),
        width=8, height=5,
    )  # fmt: skip
    board.stat(
        t("Waybill numbers left", "剩余邮件号码"),
        t("Numbers of the centre's own range that nobody has yet.", "本中心号段中尚未使用的号码。"),
        'min(packcenter_waybills{@,state="stock"})', "none", width=4, height=5, decimals=0,
    )  # fmt: skip
    board.stat(
        t("Waybill numbers given", "已用邮件号码"),
        t("Numbers of the range that were given out in the shown period; the shift books say where each is.", "所示时段内发出的号码数；各号去向见交班账。"),
        'sum(delta(packcenter_waybills{@,state="issued"}[$__range]))', "none", width=4, height=5, decimals=0,
    )  # fmt: skip
    board.stat(
        t("Shift open for", "本班已开"),
        t("Time since the last shift was closed.", "距上次交班的时间。"),
        "max(packcenter_clock_timestamp_seconds{@} - packcenter_shift_begun_timestamp_seconds{@} < 1e8)", "dthms", width=4, height=5,
    )  # fmt: skip
    board.lines(
        t("Bills and events written", "路单与反馈写出"),
        t("Bills of bags and events for agencies written a minute, and how many wait.", "每分钟写出的路单和对委托单位的反馈，以及待写数。"),
        [
            ("60 * sum by (kind) (rate(packcenter_papers_written_total{@}[5m]))", "{{kind}}"),
            ("sum(packcenter_papers_waiting{@})", t("waiting", "待写")),
        ],
        "none", width=4, height=5, words=("bills", "events"), decimals=0,
    )  # fmt: skip


def racks_and_loops(board: Board, *, width: int, height: int) -> None:
    """Maintenance: cells of the case racks, and how full each loop is."""
    t = board.text
    at = '{@,plc=~"$plc"}'
    cells = f'label_replace(sum by (plc, state) (packcenter_case_cells{at}), "what", "$1", "state", "(.+)")'
    loops = " or ".join(
        f'label_replace(sum by (plc) ({expr}), "what", "{what}", "", "")'
        for what, expr in (
            ("loop_items", f"packcenter_belt_items{at} and on (plc) packcenter_loop_limit_items{at}"),
            ("loop_limit", f"packcenter_loop_limit_items{at}"),
            ("held_now", f"packcenter_infeed_held{at}"),
            ("holds", f"increase(packcenter_infeed_holds_total{at}[$__range])"),
        )
    )
    none = 'on () label_replace(label_replace(vector(0), "plc", "–", "", ""), "what", "free", "", "")'
    headings = {
        "free": t("Cells free", "空格"), "closed": t("Cells closed", "停用格"), "used": t("Cells used", "占用格"), "suspect": t("Cells in doubt", "存疑格"),
        "loop_items": t("On the loop", "回流在途"), "loop_limit": t("Loop bears", "回流上限"),
        "held_now": t("Held now", "进件暂停"), "holds": t("Times held", "暂停次数"),
    }  # fmt: skip
    board.table(
        t("Case racks and loops", "合包架与回流线"),
        t("Cells of each case rack, items on each loop against what it bears, and how often its infeed was held in the shown period.", "各合包架的格位、各回流线在途件数与上限，以及所示时段内暂停进件的次数。"),
        f"sum by (plc, what) ({cells}) or sum by (plc, what) ({loops}) or {none}", {"plc\\what": "PLC"} | headings, "none", width=width, height=height,
        matrix=("plc", "what"), missing="null", decimals=0,
        properties={headings["suspect"]: alarming_from(1), headings["held_now"]: alarming_from(1)},
    )  # fmt: skip


def papers_failing(board: Board, *, width: int, height: int) -> None:
    """Whether bills and events can be written."""
    t = board.text
    board.stat(
        t("Papers not written", "文件写不出"),
        t("1 while bills or events for agencies cannot be written.", "路单或反馈文件写不出时为 1。"),
        "max(packcenter_papers_failing{@})", "none", rising(1, None), width=width, height=height, decimals=0,
    )  # fmt: skip
