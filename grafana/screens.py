"""
The three screens, each in English and Chinese: the operator's wall, the engineer's and the maintenance screen.

The wall answers four questions from four metres away: is the line running, are we on plan, what needs me, what do I do.
"""

# ruff: noqa: E501  (sentences stay whole, and Chinese characters count double)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grafana import kpi_panels, open_panels
from grafana.alerts import OWN_ALERTS
from grafana.catalogue import SEVERITIES
from grafana.panels import (
    AMBER,
    BLUE_GREY,
    LIGHT,
    NORMAL,
    QUIET,
    RED,
    RUNNING,
    SCREENS,
    Board,
    alarming_from,
    falling,
    mapped,
    patterns,
    rising,
    value_map,
    wide,
)
from grafana.words import PACKML, say
from packcenter.core.alarm_table import ALARMS as CATALOGUE
from packcenter.core.alarm_table import Text
from packcenter.core.discrepancies import CAUSES as DISCREPANCIES
from packcenter.core.lifecycle import IN_HALL
from packcenter.projections import families as words

LANGUAGES = ("en", "zh")
CAUSES = tuple(DISCREPANCIES)
ALARM_NAMES = tuple(CATALOGUE)
PACE = "max(deriv(packcenter_clock_timestamp_seconds{@}[5m]) > 0)"
"""Hall seconds in a real second: 1 on the floor, up to 10 in a paced simulation, where rates an hour are of the hall's hours."""
_CLASSES = (
    "tax_invoice", "id_card", "exit_entry_permit", "residence_permit", "official_letter", "birth_certificate", "household_register",
    "vaccination_record", "social_security_card", "infant_health_book", "service_document", "driving_licence",
    "real_estate_certificate", "court_document", words.UNANNOUNCED,
)  # fmt: skip
_WORST, _TOGETHER, _OTHERS = 4, "~together", "~others"
"""The wall's books: so many classes by name, and the rows of all and of the others."""
_TAKEN = "~taken"
"""Severity of an alarm for which nobody has to come any more; it sorts behind all others."""

_PACKML_COLORS = {0: LIGHT, 2: "#3a4047", 4: "#3a4047", 5: BLUE_GREY, 6: RUNNING, 8: RED, 9: RED, 10: AMBER, 11: AMBER}


def boards() -> dict[str, Any]:
    """Every dashboard by file name without its ending."""
    made = {}
    for language in LANGUAGES:
        for name, make in (("operator", operator), ("engineer", engineer), ("maintenance", maintenance)):
            made[f"{name}-{language}"] = make(language).build()
    return made


def _board(name: str, language: str, english: str, chinese: str, refresh: str, span: str) -> Board:
    titles = dict(zip(LANGUAGES, SCREENS[name], strict=True))
    return Board(name, language, titles, {"en": english, "zh": chinese}, refresh=refresh, span=span)


def _machine_states(language: str) -> list[Any]:
    at = LANGUAGES.index(language)
    return value_map({str(code): (texts[at], _PACKML_COLORS.get(code, QUIET)) for code, texts in PACKML.items()})


def operator(language: str) -> Board:
    """The wall: one glance for the line, one row for what needs a person."""
    board = _board(
        "operator",
        language,
        "Is the line running, are we on plan, what needs me, what do I do. Grey is normal; amber and red need a person.",
        "线在不在跑、进度够不够、什么需要我、该怎么做。灰色为正常，琥珀色和红色需要人处理。",
        "5s",
        "30m",
    )
    _operator_numbers(board)
    _operator_states(board, language)
    _operator_flow(board)
    _operator_stock(board, language)
    return board


def _operator_numbers(board: Board) -> None:
    t = board.text
    board.stat(
        t("Packed per hour", "每小时装袋"),
        t("Parcels sealed well, at the rate of the last five minutes.", "封好的邮件数，按最近五分钟折算到小时。"),
        f"3600 * sum(hall:packcenter_items_packed:rate5m{{@}}) / {PACE}", "none", width=3, height=3, decimals=0,
    )  # fmt: skip
    board.stat(
        t("Packed today", "今日进度"),
        t("Items packed since midnight, of those and all that are still to be packed.", "零点以来已装袋件数，占已装与待装总数的比例。"),
        'sum(packcenter_day_items{@,stage="packed"}) / (sum(packcenter_day_items{@,stage="packed"}) + sum(hall:packcenter_items_open:sum{@}))',
        "percentunit", width=3, height=3, decimals=1,
    )  # fmt: skip
    board.stat(
        t("To spare at last cut-off", "末次封发余量"),
        t(
            "Time left before the last cut-off minus what the open items need at the pace of the best half hour of the last three hours. Below 0 they will not be packed in time. A dash until the hall has packed for half an hour, and after the last cut-off.",
            "到末次封发的时间，减去按最近三小时内最好半小时的速度装完待装件所需的时间。负数表示赶不上。开工满半小时前和末次封发后显示「–」。",
        ),
        f"min(packcenter_last_cutoff_timestamp_seconds{{@}} - packcenter_clock_timestamp_seconds{{@}} > 0) - sum(hall:packcenter_items_open:sum{{@}}) * {PACE} "
        "/ (sum(max_over_time(hall:packcenter_items_packed:rate30m{@}[3h])) > 0) "
        'and on () sum(packcenter_day_items{@,stage="packed"} offset 30m) > 0',
        "dthms", ((None, RED), (-1800, AMBER), (0, NORMAL)), width=3, height=3,
    )  # fmt: skip
    board.stat(
        t("Next cut-off in", "距下次封发"),
        t("Time until open bags are closed.", "距开袋总包封发的时间。"),
        "min(packcenter_next_cutoff_timestamp_seconds{@} - packcenter_clock_timestamp_seconds{@})", "dthms", width=3, height=3,
    )  # fmt: skip
    board.stat(
        t("To hand station", "转人工台"),
        t("Share of the items on the belts that end at the hand station, over 15 minutes.", "最近 15 分钟上线邮件中转人工台的比例。"),
        "max(hall:packcenter_items_to_hand:ratio_rate15m{@})", "percentunit", rising(0.03, 0.05), width=3, height=3, decimals=1,
    )  # fmt: skip
    board.stat(
        t("Machines standing", "停着的设备"),
        t("Machines that neither run nor wait for a neighbour.", "既未运行也不是等待邻机的设备数。"),
        "count(packcenter_machine_state{@} != 6 and packcenter_machine_state{@} != 5) or vector(0)",
        "none", rising(1, 3), width=3, height=3, decimals=0,
    )  # fmt: skip
    board.stat(
        t("PLCs not heard", "失联 PLC"),
        t("PLCs without a moving heartbeat.", "没有心跳的 PLC 数。"),
        "count(packcenter_plc_up{@} == 0) or vector(0)", "none", rising(None, 1), width=3, height=3, decimals=0,
    )  # fmt: skip
    board.stat(
        t("Figures from", "数据来源"),
        t("Live figures of the floor, or a simulation or replay by which nobody may act.", "现场实况，或仿真、回放（不可据此操作）。"),
        "max by (mode) (packcenter_run_mode{@} == 1)", "none", width=3, height=3, legend="{{mode}}", words=["live"], amber=["simulation", "replay"],
        text_mode="name",
    )  # fmt: skip


def _operator_states(board: Board, language: str) -> None:
    t = board.text
    board.timeline(
        t("Machine states", "设备状态"),
        t("PackML state of each machine. A machine that cannot be heard is unknown.", "各设备的 PackML 状态；失联设备显示未知。"),
        "packcenter_machine_state{@}", "{{plc}}", _machine_states(language), width=7, height=9,
    )  # fmt: skip
    _alarm_table(board, language, width=11, height=9)
    kpi_panels.wall(board, width=6, height=9)


def _alarm_table(board: Board, language: str, *, width: int, height: int) -> None:
    """
    What wants a person: what, where, what to do. The controller's own alarms, and those of Prometheus that it cannot know.

    Texts come from the two tables of alarms, since a series carries none. What somebody has acknowledged, or what is over and
    nobody has seen, stands below.
    """
    t = board.text
    says = {name: (_said(entry.title, language), _said(entry.response, language)) for name, entry in CATALOGUE.items()}
    for alert in OWN_ALERTS:
        text = alert.zh if language == "zh" else alert.en
        says[alert.name] = text.title, text.do.replace("`", "")
    severity, what, where, act = t("Severity", "级别"), t("What", "报警"), t("Where", "位置"), t("Do", "处理")
    colors = {"critical": RED, "warning": AMBER, "watch": QUIET}
    shown = {name: (say(name, language), color) for name, color in colors.items()} | {
        _TAKEN: (t("seen or over", "已处理"), QUIET)
    }
    others = 'ALERTS{job=~"$job|",alertname=~"Packcenter.+",alarm="",alertstate="firing",severity=~"critical|warning"}'
    joined = f'label_join({others}, "where", " ", "plc", "lane", "consumable", "mail_class")'
    standing = f'{_listed()} or label_replace({joined}, "act", "$1", "alertname", "(.+)")'
    board.table(
        t("What needs you now", "现在需要处理"),
        t("Standing alarms, the critical ones first, with what to do.", "当前报警，紧急的在前，附处理办法。"),
        f'{standing} or on () label_replace(vector(1), "alertname", "none", "", "")',
        {"severity": severity, "alertname": what, "where": where, "act": act}, "none", width=width, height=height, sort=severity,
        hidden=("alertstate", "plc", "lane", "consumable", "mail_class", "state", "mode", "result", "place_kind", "alarm", "priority", "subject"),
        properties={
            severity: mapped(shown, colored=True, width=108),
            what: mapped({"none": (t("Nothing stands.", "无报警。"), "")} | {name: (title, "") for name, (title, _) in says.items()}, width=210),
            where: patterns(_where(language), 150),
            act: mapped({name: (do, "") for name, (_, do) in says.items()}),
        },
    )  # fmt: skip


def _listed() -> str:
    """The controller's list with the labels of an alert: its name, where, what to do, and how severe it is or that it is taken."""
    found = "packcenter_alarm_listed{@} == 2"
    for priority, severity in SEVERITIES.items():
        found = f'label_replace({found}, "severity", "{severity}", "priority", "{priority.value}")'
    found = f'label_replace({found}, "act", "$1", "alarm", "(.+)")'
    found = f'({found} or label_replace(packcenter_alarm_listed{{@}} == 1, "severity", "{_TAKEN}", "", ""))'
    for label, source in (("alertname", "alarm"), ("where", "subject")):
        found = f'label_replace({found}, "{label}", "$1", "{source}", "(.+)")'
    return found


def _said(text: Text, language: str) -> str:
    return text.zh if language == "zh" else text.en


def _where(language: str) -> dict[str, str]:
    """Patterns over "plc lane consumable class", any of which may be empty, to what people read."""
    lane = "$1 / $2"
    shown = {r"^(\S+) {3}$": "$1", r"^(\S+) (\d+) {2}$": lane, r"^ *$": "–"}
    shown |= {rf"^(\S+) {{2}}{word} $": f"$1 {say(word, language)}" for word in words.CONSUMABLES.values()}
    shown |= {rf"^(bagger\S*)/{number}$": f"$1 {say(word, language)}" for number, word in words.CONSUMABLES.items()}
    return shown | {rf"^ {{3}}{name}$": say(name, language) for name in _CLASSES}


def _operator_flow(board: Board) -> None:
    t = board.text
    board.bars(
        t("Fullest lanes", "最满格口"),
        t("Items in a lane over its capacity; amber from 80 %, red from 95 %.", "格口内件数与容量之比；80% 起琥珀色，95% 起红色。"),
        "sort_desc(topk(6, packcenter_lane_fill_ratio{@}))", "{{plc}} / {{lane}}", "percentunit",
        rising(0.8, 0.95), width=5, height=6, ceiling=1, decimals=0,
    )  # fmt: skip
    sorted_, packed, needed = t("into lanes", "入格口"), t("packed", "装袋"), t("needed until last cut-off", "末次封发前所需")
    board.lines(
        t("Throughput per hour", "每小时通过量"),
        t("Items into lanes and parcels sealed, and the rate that packs all open items before the last cut-off.", "入格口和装袋的件数，以及末次封发前装完所需的速度。"),
        [
            (f'3600 * sum(rate(packcenter_items_entered_total{{@,place_kind="lane"}}[5m])) / {PACE}', sorted_),
            (f"3600 * sum(hall:packcenter_items_packed:rate5m{{@}}) / {PACE}", packed),
            (
                "3600 * sum(hall:packcenter_items_open:sum{@}) "
                "/ min(packcenter_last_cutoff_timestamp_seconds{@} - packcenter_clock_timestamp_seconds{@} > 60)",
                needed,
            ),
        ],
        "none", width=8, height=6, decimals=0, dashed=f"/{needed}/",
    )  # fmt: skip
    board.bars(
        t("To hand station by reason", "转人工台原因"),
        t("Items that came to the hand station in the shown period.", "所示时段内转人工台的件数，按原因。"),
        "sort_desc(topk(6, sum by (reason) (increase(packcenter_items_to_hand_total{@}[$__range])) >= 0.5))", "{{reason}}", "none",
        width=5, height=6, words=words.HAND_REASONS, decimals=0,
    )  # fmt: skip
    board.bars(
        t("Bags nearest to closing", "最满总包"),
        t("How near a bag is to its limit of items or weight.", "总包离件数或重量上限有多近。"),
        "sort_desc(topk(6, packcenter_bag_fill_ratio{@}))", "{{position}} {{destination}}", "percentunit",
        width=6, height=6, ceiling=1, decimals=0,
    )  # fmt: skip


def _operator_stock(board: Board, language: str) -> None:
    t = board.text
    _books(board, language, width=13, height=9)
    board.bars(
        t("Material running low", "最少耗材"),
        t("Share left; amber below 20 %, red below 10 %.", "剩余比例；低于 20% 琥珀色，低于 10% 红色。"),
        "sort(bottomk(5, packcenter_consumable_remaining_ratio{@} >= 0))", "{{plc}} {{consumable}}", "percentunit",
        falling(0.1, 0.2), width=6, height=9, ceiling=1, decimals=0,
        rename={f"(.+) {word}": f"$1 {say(word, language)}" for word in words.CONSUMABLES.values()},
    )  # fmt: skip
    open_panels.still_open(board, width=5, height=9)


def _books(board: Board, language: str, *, width: int, height: int) -> None:
    """
    Who has what: one row a class, one column a kind of place. A wall has nobody who scrolls: all classes together, those with the
    most to find or to decide about by name, and what is left of the others, so that every item is on it.
    """
    t = board.text
    items = "sum by (mail_class, place_kind) (packcenter_items{@})"
    parts = (
        ('place_kind="lost"', " * 1e10"),
        ('place_kind="hand"', " * 1e5"),
        ('place_kind=~"expected|belt|lane|cell|pack"', ""),
    )
    weight = " + ".join(f"sum by (mail_class) (packcenter_items{{@,{where}}}){times}" for where, times in parts)
    worst = f"topk({_WORST}, {weight})"
    others = f'label_replace(sum by (place_kind) ({items} unless on (mail_class) {worst}), "mail_class", "{_OTHERS}", "", "")'
    together = f'label_replace(sum by (place_kind) ({items}), "mail_class", "{_TOGETHER}", "", "")'
    sums = {_TOGETHER: (t("All together", "合计"), ""), _OTHERS: (t("Other classes", "其余种类"), "")}
    _books_table(
        board, language,
        t("The custody books: all items by kind of place, and the classes of which most is lost, at the hand station or to be packed. Lost items are an open discrepancy.", "账目：各处件数合计，以及丢失、在人工台、待装最多的种类。丢失为未结差异。"),
        f"{together} or ({items} and on (mail_class) {worst}) or {others}", sums, width=width, height=height,
    )  # fmt: skip


def _all_books(board: Board, language: str) -> None:
    """The same with every class: a desk has a mouse."""
    t = board.text
    _books_table(
        board, language,
        t("The custody books: items by mail class and kind of place. Lost items are an open discrepancy.", "账目：各类邮件在各处的件数。丢失为未结差异。"),
        "sum by (mail_class, place_kind) (packcenter_items{@})", {}, width=24, height=17,
    )  # fmt: skip


def _books_table(
    board: Board, language: str, about: str, expr: str, sums: Mapping[str, tuple[str, str]], *, width: int, height: int
) -> None:
    first, lost = board.text("Mail class", "邮件种类"), say("lost", language)
    names: Mapping[str, tuple[str, str]] = {name: (say(name, language), "") for name in _CLASSES}
    board.table(
        board.text("Where every item is", "每件去向"), about, expr,
        {"mail_class\\place_kind": first} | {kind: say(kind, language) for kind in words.PLACE_KINDS}, "none",
        width=width, height=height, matrix=("mail_class", "place_kind"), sort=lost, descending=True,
        properties={first: mapped({**names, **sums}, width=150), lost: alarming_from(1), say("dispatched", language): [wide(94)]},
    )  # fmt: skip


def engineer(language: str) -> Board:
    """Why the line does what it does: decisions, latency, flow, losses, journal and loop."""
    board = _board(
        "engineer",
        language,
        "Decisions, latency, flow and losses, and the controller itself: journal and loop.",
        "判决、时延、流量与损失，以及控制服务本身：日志账和主循环。",
        "15s",
        "3h",
    )
    t = board.text
    board.note(t("Controller started", "控制服务启动"), "increase(packcenter_controller_starts_total{@}[1m]) > 0")
    _engineer_decisions(board)
    _engineer_flow(board)
    _engineer_losses(board, language)
    _engineer_alarms(board)
    _engineer_discrepancies(board)
    open_panels.services(board)
    _engineer_controller(board)
    _all_books(board, language)
    return board


def _engineer_decisions(board: Board) -> None:
    t = board.text
    board.lines(
        t("Decision time", "判决时间"),
        t("Scan received to command handed out, 50th and 99th percentile; the journal is part of it.", "从收到扫描到发出指令，50 与 99 百分位，含写日志账。"),
        [
            ("histogram_quantile(0.5, sum by (plc, le) (rate(packcenter_route_decision_duration_seconds_bucket{@}[r])))", "{{plc}} p50"),
            ("plc:packcenter_route_decision_duration_seconds:p99_rate5m{@}", "{{plc}} p99"),
        ],
        "s", width=8, height=8, dashed="/p50$/",
    )  # fmt: skip
    board.lines(
        t("Time to spare at the deadline", "判决余量"),
        t("The lowest one in a hundred: how long before its deadline a decision was made.", "最紧的百分之一：判决早于时限多少。"),
        [("histogram_quantile(0.01, sum by (plc, le) (rate(packcenter_route_deadline_slack_seconds_bucket{@}[5m])))", "{{plc}} p1")],
        "s", width=8, height=8,
    )  # fmt: skip
    board.lines(
        t("Late decisions and unconfirmed items", "超时判决与未确认件"),
        t("Decisions that missed their deadline, and items that no eye confirmed in time, in each interval.", "每个间隔内超时的判决数和光眼未及时确认的件数。"),
        [
            ("sum by (plc) (increase(packcenter_route_decisions_late_total{@}[5m]))", t("{{plc}} late", "{{plc}} 超时")),
            ("sum by (plc) (increase(packcenter_items_unconfirmed_total{@}[5m]))", t("{{plc}} unconfirmed", "{{plc}} 未确认")),
        ],
        "none", width=8, height=8, decimals=0, soft=5, dashed=t("/unconfirmed$/", "/未确认$/"),
    )  # fmt: skip
    board.bars(
        t("Decisions by reason", "判决依据"),
        t("Why items got their lane, in the shown period.", "所示时段内邮件得到格口的依据。"),
        "sort_desc(topk(6, sum by (reason) (increase(packcenter_route_decisions_total{@}[$__range])) >= 0.5))", "{{reason}}", "none",
        width=6, height=7, words=words.ROUTE_REASONS, decimals=0,
    )  # fmt: skip
    board.bars(
        t("Diverts by disposition", "落格结果"),
        t("How items came into their lane, in the shown period.", "所示时段内邮件如何进入格口。"),
        "sort_desc(topk(6, sum by (disposition) (increase(packcenter_diverts_total{@}[$__range])) >= 0.5))", "{{disposition}}", "none",
        width=6, height=7, words=words.DISPOSITIONS, decimals=0,
    )  # fmt: skip
    board.bars(
        t("Busiest lanes", "最忙格口"),
        t("Items into each lane in the shown period.", "所示时段内各格口进件数。"),
        "sort_desc(topk(6, sum by (plc, lane) (increase(packcenter_lane_entries_total{@}[$__range]))))",
        "{{plc}} / {{lane}}", "none", width=6, height=7, decimals=0,
    )  # fmt: skip
    board.lines(
        t("Into another lane than asked", "落入非指定格口"),
        t("Share of diverts that fell back, over 15 minutes. The line is the alert's threshold.", "15 分钟内回落的比例；横线为报警阈值。"),
        [("plc:packcenter_diverts_fallback:ratio_rate15m{@}", "{{plc}}")], "percentunit", width=6, height=7, limit=0.02, soft=0.03,
    )  # fmt: skip


def _engineer_flow(board: Board) -> None:
    t = board.text
    in_hall = IN_HALL
    board.lines(
        t("Items on the line", "线上在制"),
        t("Items by kind of place; the sum is the work in process.", "各处件数；合计为在制品。"),
        [('sum by (place_kind) (packcenter_items{@,place_kind=~"belt|lane|cell|pack|rack|hand"})', "{{place_kind}}")],
        "none", width=8, height=8, decimals=0, words=(*in_hall[:5], "hand"),
    )  # fmt: skip
    board.lines(
        t("How long items stay", "停留时间"),
        t("95th percentile of the time at each kind of place up to the bag. The longest is the bottleneck.", "入包前各处停留时间的 95 百分位；最长处即瓶颈。"),
        [("histogram_quantile(0.95, sum by (place_kind, le) (rate(packcenter_item_stay_duration_seconds_bucket{@,place_kind!=\"bag\"}[15m]))) >= 0", "{{place_kind}}")],
        "s", width=8, height=8, words=in_hall[:5],
    )  # fmt: skip
    littles = t("lane time by Little's law", "按利特尔法则的格口时间")
    board.lines(
        t("Belts", "皮带"),
        t("Items that each sorter tracks.", "各分拣线正在跟踪的件数。"),
        [("packcenter_belt_items{@}", "{{plc}}")], "none", width=4, height=8, decimals=0,
    )  # fmt: skip
    board.lines(
        t("Little's law", "利特尔法则"),
        t(
            "Items in lanes over the rate at which they are fed: the stay that the flow implies. It should agree with the measured stay.",
            "格口内件数除以送入速度，即流量推算的停留时间，应与实测一致。",
        ),
        [
            (
                'sum(packcenter_items{@,place_kind="lane"}) / sum(rate(packcenter_items_entered_total{@,place_kind="pack"}[15m]))',
                littles,
            )
        ],
        "s", width=4, height=8,
    )  # fmt: skip
    board.lines(
        t("Parcel time", "单件装袋时间"),
        t("Parcel asked for to parcel sealed, 95th percentile of each bagger.", "从下达到封好的时间，各装袋机 95 百分位。"),
        [("histogram_quantile(0.95, sum by (plc, le) (rate(packcenter_parcel_duration_seconds_bucket{@}[15m])))", "{{plc}}")],
        "s", width=12, height=7,
    )  # fmt: skip
    board.lines(
        t("Bad parcels", "装袋不良率"),
        t("Share of parcels that did not end well, over 15 minutes. The line is the alert's threshold.", "15 分钟内装袋不良的比例；横线为报警阈值。"),
        [("plc:packcenter_parcels_bad:ratio_rate15m{@}", "{{plc}}")], "percentunit", width=12, height=7, limit=0.03, soft=0.04,
    )  # fmt: skip
    kpi_panels.trends(board)


def _engineer_losses(board: Board, language: str) -> None:
    t = board.text
    board.bars(
        t("Stops by reason", "停机原因排行"),
        t("Times a machine left Execute, in the shown period.", "所示时段内设备离开运行状态的次数。"),
        "sort_desc(topk(6, sum by (reason) (increase(packcenter_machine_stops_total{@}[$__range])) >= 0.5))", "{{reason}}", "none",
        width=6, height=7, words=words.STOP_REASONS, decimals=0,
    )  # fmt: skip
    board.bars(
        t("Items lost by reason", "丢失原因"),
        t("Items that nobody saw any more, in the shown period.", "所示时段内失去踪迹的件数。"),
        "sort_desc(sum by (reason) (increase(packcenter_items_lost_total{@}[$__range])) >= 0.5)", "{{reason}}", "none",
        width=6, height=7, words=words.LOST_REASONS, decimals=0,
    )  # fmt: skip
    board.bars(
        t("Objects without an announcement", "未预告的来件"),
        t("Objects that no manifest line stands for, in the shown period.", "所示时段内清单上没有的来件。"),
        "sort_desc(sum by (reason) (increase(packcenter_objects_seen_total{@}[$__range])) >= 0.5)", "{{reason}}", "none",
        width=6, height=7, words=words.SEEN_REASONS, decimals=0,
    )  # fmt: skip
    board.bars(
        t("Bags closed by reason", "总包封闭原因"),
        t("Bags closed and sealed, in the shown period.", "所示时段内封闭的总包数。"),
        "sort_desc(sum by (reason) (increase(packcenter_bags_closed_total{@}[$__range])) >= 0.5)", "{{reason}}", "none",
        width=6, height=7, words=words.CLOSE_REASONS, decimals=0,
    )  # fmt: skip
    lost, found, suspects, mismatches = (
        t("lost", "丢失"),
        t("found again", "找回"),
        t("suspect bags", "错包"),
        t("wrong documents stopped", "拦下不符件"),
    )
    board.lines(
        t("What must stay rare", "应当罕见的事"),
        t("Items lost and found again, suspect bags and wrong documents, in 15 minutes.", "15 分钟内丢失、找回、错包和拦下不符件的数目。"),
        [
            ("sum(increase(packcenter_items_lost_total{@}[15m]))", lost),
            ("sum(increase(packcenter_items_found_total{@}[15m]))", found),
            ("sum(increase(packcenter_bags_suspected_total{@}[15m]))", suspects),
            ("sum(increase(packcenter_document_mismatches_total{@}[15m]))", mismatches),
        ],
        "none", width=10, height=7, decimals=0, soft=5,
    )  # fmt: skip
    board.stat(
        t("Came and accounted for", "来件与去向"),
        t("Items that came into the books, and items that are in them; the two must be equal.", "入账件数与各处件数之和，两者必须相等。"),
        "sum(packcenter_items_arrived{@})", "none", width=4, height=7, decimals=0,
    )  # fmt: skip
    board.stat(
        t("Books difference", "账目差异"),
        t("Items in which facts and balances disagree, and came minus accounted for. Anything but 0 is a fault of the controller.", "事实与余额之差，以及来件与去向之差；不为 0 即程序故障。"),
        "sum(abs(packcenter_books_difference_items{@})) + abs(sum(packcenter_items_arrived{@}) - sum(packcenter_items{@}))",
        "none", rising(None, 1), width=4, height=7, decimals=0,
    )  # fmt: skip
    board.stat(
        t("Manifest lines", "清单行"),
        t("Lines of manifests taken and refused in the shown period.", "所示时段内收下和拒收的清单行数。"),
        "sum by (result) (increase(packcenter_manifest_lines_total{@}[$__range]))", "none", width=6, height=7, decimals=0,
        legend="{{result}}", words=words.LINE_RESULTS, text_mode="value_and_name",
    )  # fmt: skip


def _engineer_alarms(board: Board) -> None:
    t = board.text
    board.bars(
        t("Alarms raised", "报警次数"),
        t("Alarms that people were told of, in the shown period: the few that make most of the load come first.", "所示时段内发给人的报警次数，最多的在前。"),
        "sort_desc(topk(6, sum by (alarm) (increase(packcenter_alarms_raised_total{@}[$__range])) >= 0.5))", "{{alarm}}", "none",
        width=6, height=7, words=ALARM_NAMES, decimals=0,
    )  # fmt: skip
    board.lines(
        t("Alarms by state", "报警状态"),
        t("Alarms in each state of ISA-18.2. Shelved and suppressed ones call nobody.", "按 ISA-18.2 各状态的报警数；搁置和抑制的不通知人。"),
        [("sum by (state) (packcenter_alarms{@})", "{{state}}")],
        "none", width=8, height=7, words=words.ALARM_STATES, decimals=0,
    )  # fmt: skip
    open_panels.alarm_rate(board, width=4, height=7)
    board.stat(
        t("Chattering alarms", "抖动报警"),
        t("Alarms raised three times or more in a minute: mend their cause.", "一分钟内出现三次以上的报警，应消除其原因。"),
        "sum(packcenter_alarms_chattering{@})", "none", rising(1, None), width=3, height=7, decimals=0,
    )  # fmt: skip
    board.stat(
        t("Alarm flood", "报警泛滥"),
        t("1 while more than ten alarms came in ten minutes.", "十分钟内报警超过十次时为 1。"),
        "max(packcenter_alarm_flood{@})", "none", rising(None, 1), width=3, height=7, decimals=0,
    )  # fmt: skip


def _engineer_discrepancies(board: Board) -> None:
    t = board.text
    board.bars(
        t("Open discrepancies", "未结差异"),
        t("What the books cannot explain, by cause: packcenter discrepancies lists each with who closes it.", "账目无法解释的差异，按原因；packcenter discrepancies 列出各项及结案人数。"),
        "sort_desc(sum by (cause) (packcenter_discrepancies{@}) > 0)", "{{cause}}", "none",
        width=6, height=7, words=CAUSES, decimals=0,
    )  # fmt: skip
    board.bars(
        t("Discrepancies opened", "新增差异"),
        t("Discrepancies opened in the shown period, by cause.", "所示时段内新增的差异，按原因。"),
        "sort_desc(sum by (cause) (increase(packcenter_discrepancies_opened_total{@}[$__range])) >= 0.5)", "{{cause}}", "none",
        width=6, height=7, words=CAUSES, decimals=0,
    )  # fmt: skip
    board.bars(
        t("Documents in doubt", "证件完好性"),
        t("Documents that came out of a machine bad or in doubt, and those that are good again, in the shown period.", "所示时段内从设备退出的破损或存疑证件，以及复核完好的证件。"),
        "sort_desc(sum by (integrity) (increase(packcenter_integrity_set_total{@}[$__range])) >= 0.5)", "{{integrity}}", "none",
        width=4, height=7, words=("good", "bad", "unknown"), decimals=0,
    )  # fmt: skip
    board.stat(
        t("Overdue discrepancies", "逾期差异"),
        t("Not closed by the time they had to be; ID documents have the shorter time.", "未在规定时限内结案；证件类时限更短。"),
        "sum(packcenter_discrepancies_overdue{@})", "none", rising(1, None), width=4, height=7, decimals=0,
    )  # fmt: skip
    board.stat(
        t("Unsigned differences of the count", "清点差异未签"),
        t("They keep the shift from being closed until a supervisor has signed each.", "须由主管逐项签认后方可交班。"),
        "sum(packcenter_discrepancies_unsigned{@})", "none", rising(1, None), width=4, height=7, decimals=0,
    )  # fmt: skip


def _engineer_controller(board: Board) -> None:
    t = board.text
    board.lines(
        t("Loop and journal", "主循环与日志账"),
        t("99th percentile of the loop's lag and of a commit with its sync.", "主循环滞后与一次提交（含落盘）的 99 百分位。"),
        [
            ("histogram_quantile(0.99, sum by (le) (rate(packcenter_event_loop_lag_seconds_bucket{@}[r])))", t("loop lag", "循环滞后")),
            ("histogram_quantile(0.99, sum by (le) (rate(packcenter_journal_commit_duration_seconds_bucket{@}[r])))", t("journal commit", "日志账提交")),
        ],
        "s", width=7, height=7, limit=0.05, soft=0.06,
    )  # fmt: skip
    board.lines(
        t("Records a second", "每秒记录数"),
        t("Durable records of the journal.", "日志账写入的记录数。"),
        [("sum(rate(packcenter_journal_records_total{@}[r]))", t("records", "记录"))], "ops", width=4, height=7,
    )  # fmt: skip
    board.lines(
        t("Input queue", "输入队列"),
        t("Share of the queue in use. The line is the alert's threshold.", "队列占用比例；横线为报警阈值。"),
        [("max(packcenter_input_queue_items{@} / packcenter_input_queue_limit_items{@})", t("in use", "占用"))],
        "percentunit", width=4, height=7, limit=0.5, soft=0.6,
    )  # fmt: skip
    board.stat(
        t("Journal disk free", "日志账磁盘剩余"),
        t("Free space where the journal lies. Below 10 % the infeed stops.", "日志账所在磁盘剩余；低于 10% 停止进件。"),
        "min(packcenter_journal_free_bytes{@} / packcenter_journal_size_bytes{@})", "percentunit", falling(0.1, 0.2), width=3, height=7, decimals=0,
    )  # fmt: skip
    board.stat(
        t("Faults of ours", "程序异常"),
        t("Events set aside because they made the controller fail, clock jumps, and facts without a series, since midnight.", "零点以来被隔离的事件、时钟跳变和没有指标的事实数。"),
        "sum(increase(packcenter_events_quarantined_total{@}[$__range])) + sum(increase(packcenter_clock_steps_total{@}[$__range])) "
        "+ sum(increase(packcenter_metrics_unlisted_total{@}[$__range]))",
        "none", rising(1, None), width=3, height=7, decimals=0,
    )  # fmt: skip
    open_panels.papers_failing(board, width=3, height=7)
    board.table(
        t("What runs", "运行版本"),
        t("Release, hall and plan in force; the number is the age of the figures.", "发行版、生效的中心配置和分拣方案。"),
        "packcenter_build_info{@} * on (job, instance) group_left (digest, plan) packcenter_config_info{@}",
        {"instance": t("Hall", "中心"), "version": t("Release", "版本"), "revision": t("Revision", "修订"), "plan": t("Plan", "方案"), "digest": t("Hall digest", "配置摘要")},
        "none", width=24, height=3,
    )  # fmt: skip


def maintenance(language: str) -> Board:
    """One PLC after the other: is it heard, how fast, how often do we lose it, what does it refuse."""
    board = _board(
        "maintenance",
        language,
        "Links and machines: is a PLC heard, how fast, how often is it lost, what does it refuse, what wears.",
        "连接与设备：PLC 是否在线、多快、多久断一次、拒绝了什么、什么在损耗。",
        "15s",
        "3h",
    )
    board.with_plc()
    t = board.text
    board.note(t("PLC began a new life", "PLC 重新启动"), 'increase(packcenter_plc_lives_total{@,plc=~"$plc"}[1m]) > 0')
    _maintenance_links(board)
    _maintenance_events(board, language)
    _maintenance_machines(board, language)
    return board


def _maintenance_links(board: Board) -> None:
    t = board.text
    board.timeline(
        t("Links", "连接"),
        t("Whether each PLC is heard.", "各 PLC 是否在线。"),
        'packcenter_plc_up{@,plc=~"$plc"}', "{{plc}}", value_map({"0": (t("not heard", "失联"), RED), "1": (t("heard", "在线"), RUNNING)}),
        width=12, height=8,
    )  # fmt: skip
    board.lines(
        t("Request time", "请求耗时"),
        t("99th percentile of a request. The line is the alert's threshold.", "一次请求的 99 百分位；横线为报警阈值。"),
        [('plc:packcenter_plc_request_duration_seconds:p99_rate5m{@,plc=~"$plc"}', "{{plc}}")], "s", width=12, height=8, limit=0.1, soft=0.12,
    )  # fmt: skip
    board.lines(
        t("Failed requests", "失败的请求"),
        t("Requests that failed, by result.", "失败的请求，按结果。"),
        [('sum by (result) (rate(packcenter_plc_requests_total{@,plc=~"$plc",result!="ok"}[r]))', "{{result}}")],
        "reqps", width=8, height=7, words=words.REQUEST_RESULTS[1:], soft=1,
    )  # fmt: skip
    board.lines(
        t("Share of failed requests", "请求失败率"),
        t("By PLC, over five minutes. The line is the alert's threshold.", "各 PLC 五分钟内的失败率；横线为报警阈值。"),
        [('plc:packcenter_plc_requests_failed:ratio_rate5m{@,plc=~"$plc"}', "{{plc}}")], "percentunit", width=8, height=7, limit=0.02, soft=0.03,
    )  # fmt: skip
    board.bars(
        t("Silent for", "静默时间"),
        t("Time since the last good image. Amber from 1 s, red from 5 s.", "距最近一次有效报文的时间；1 秒起琥珀色，5 秒起红色。"),
        'sort_desc(packcenter_clock_timestamp_seconds{@} - on (job, instance) group_right () packcenter_plc_last_data_timestamp_seconds{@,plc=~"$plc"})',
        "{{plc}}", "s", rising(1, 5), width=8, height=7, decimals=1,
    )  # fmt: skip


def _maintenance_events(board: Board, language: str) -> None:
    t = board.text
    plc, count = "PLC", t("Count", "次数")
    board.table(
        t("How often each link was made and lost", "连接与断开次数"),
        t("Connections made, links lost, lives begun and events missing, in the shown period.", "所示时段内建立连接、断开、重启和缺号的次数。"),
        " or ".join(
            f'label_replace(round(sum by (plc) (increase({name}{{@,plc=~"$plc"}}[$__range]))), "what", "{what}", "", "")'
            for name, what in (
                ("packcenter_plc_connections_total", t("connected", "建立连接")),
                ("packcenter_plc_link_losses_total", t("lost", "断开")),
                ("packcenter_plc_lives_total", t("new life", "重启")),
                ("packcenter_plc_event_gaps_total", t("events missing", "事件缺号")),
            )
        ),
        {
            "plc\\what": plc,
            t("connected", "建立连接"): t("connected", "建立连接"),
            t("lost", "断开"): t("lost", "断开"),
            t("new life", "重启"): t("new life", "重启"),
            t("events missing", "事件缺号"): t("events missing", "事件缺号"),
        },
        "none", width=8, height=9, matrix=("plc", "what"), sort=plc,
    )  # fmt: skip
    board.table(
        t("Events that changed nothing", "未起作用的事件"),
        t("Events that were set aside, by PLC and reason, in the shown period.", "所示时段内被搁置的事件，按 PLC 和原因。"),
        'round(sum by (plc, reason) (increase(packcenter_plc_events_set_aside_total{@,plc=~"$plc"}[$__range]))) > 0',
        {"plc": plc, "reason": t("Reason", "原因"), "Value": count}, "none", width=8, height=9, sort=count, descending=True, empty="plc",
        properties={t("Reason", "原因"): mapped({word: (say(word, language), "") for word in words.ASIDE_REASONS})},
    )  # fmt: skip
    board.table(
        t("Commands that were not done", "未完成的命令"),
        t("Commands that a PLC refused or never answered, in the shown period.", "所示时段内被拒绝或未答复的命令。"),
        'round(sum by (plc, result) (increase(packcenter_plc_commands_total{@,plc=~"$plc",result!="done"}[$__range]))) > 0',
        {"plc": plc, "result": t("Result", "结果"), "Value": count}, "none", width=8, height=9, sort=count, descending=True, empty="plc",
        properties={t("Result", "结果"): mapped({word: (say(word, language), "") for word in words.COMMAND_RESULTS})},
    )  # fmt: skip
    board.lines(
        t("Events a second", "每秒事件数"),
        t("Events taken from each PLC.", "从各 PLC 收到的事件。"),
        [('sum by (plc) (rate(packcenter_plc_events_total{@,plc=~"$plc"}[r]))', "{{plc}}")], "cps", width=12, height=7,
    )  # fmt: skip
    board.lines(
        t("Commands under way", "在途命令"),
        t("Commands that are not answered yet.", "尚未答复的命令数。"),
        [('packcenter_plc_commands_pending{@,plc=~"$plc"}', "{{plc}}")], "none", width=12, height=7, decimals=0,
    )  # fmt: skip


def _maintenance_machines(board: Board, language: str) -> None:
    t = board.text
    board.timeline(
        t("Machine states", "设备状态"),
        t("PackML state of each machine.", "各设备的 PackML 状态。"),
        'packcenter_machine_state{@,plc=~"$plc"}', "{{plc}}", _machine_states(language), width=12, height=12,
    )  # fmt: skip
    lane_states = {
        "-1": (t("unknown", "未知"), LIGHT),
        "0": (t("open", "开"), RUNNING),
        "1": (t("full", "满格"), AMBER),
        "2": (t("closed", "关闭"), QUIET),
        "3": (t("jammed", "卡件"), RED),
    }
    board.timeline(
        t("Lane states", "格口状态"),
        t("State of every lane; unknown while its sorter cannot be heard.", "各格口状态；分拣线失联时为未知。"),
        'packcenter_lane_state{@,plc=~"$plc"}', "{{plc}} / {{lane}}", value_map(lane_states), width=12, height=12,
    )  # fmt: skip
    board.bars(
        t("Jammed zones", "卡件区段"),
        t("Zones that are jammed now.", "当前卡件的区段数。"),
        'sort_desc(packcenter_machine_jams{@,plc=~"$plc"} > 0)', "{{plc}}", "none", rising(1, None), width=5, height=8, decimals=0,
    )  # fmt: skip
    board.bars(
        t("Material left", "耗材剩余"),
        t("The six lowest shares; amber below 20 %, red below 10 %.", "剩余最少的六项；低于 20% 琥珀色，低于 10% 红色。"),
        'sort(bottomk(6, packcenter_consumable_remaining_ratio{@,plc=~"$plc"} >= 0))', "{{plc}} {{consumable}}", "percentunit",
        falling(0.1, 0.2), width=7, height=8, ceiling=1, decimals=0,
        rename={f"(.+) {word}": f"$1 {say(word, language)}" for word in words.CONSUMABLES.values()},
    )  # fmt: skip
    board.lines(
        t("Codes not read", "无读率"),
        t("Share of reads without one readable code, over 15 minutes. Above the line the window wants wiping; six of the last 32 are an alarm.", "15 分钟内读码失败的比例；高于横线应擦拭镜窗，最近 32 件中 6 件未读即报警。"),
        [('plc:packcenter_scans_no_read:ratio_rate15m{@,plc=~"$plc"}', "{{plc}}")], "percentunit", width=12, height=8, limit=0.03, soft=0.04,
    )  # fmt: skip
    kpi_panels.failures(board, width=9, height=8)
    kpi_panels.time_elements(board, width=15, height=8)
    board.table(
        t("What went wrong at the baggers", "装袋不良明细"),
        t("Parcels that did not end well, by bagger and reason, in the shown period.", "所示时段内装袋不良的邮件，按设备和原因。"),
        'round(sum by (plc, reason) (increase(packcenter_parcel_faults_total{@,plc=~"$plc"}[$__range]))) > 0',
        {"plc": "PLC", "reason": t("Reason", "原因"), "Value": t("Count", "次数")}, "none", width=6, height=8, sort=t("Count", "次数"), descending=True, empty="plc",
        properties={t("Reason", "原因"): mapped({word: (say(word, language), "") for word in words.PARCEL_REASONS})},
    )  # fmt: skip
    board.table(
        t("Stops by machine", "停机明细"),
        t("Times a machine left Execute, by reason, in the shown period.", "所示时段内设备离开运行状态的次数，按原因。"),
        'round(sum by (plc, reason) (increase(packcenter_machine_stops_total{@,plc=~"$plc"}[$__range]))) > 0',
        {"plc": "PLC", "reason": t("Reason", "原因"), "Value": t("Count", "次数")}, "none", width=6, height=8, sort=t("Count", "次数"), descending=True, empty="plc",
        properties={t("Reason", "原因"): mapped({word: (say(word, language), "") for word in words.STOP_REASONS})},
    )  # fmt: skip
    open_panels.racks_and_loops(board, width=12, height=8)
    kpi_panels.time_in_state(board, width=24, height=8)
