"""
Recording rules, and the alerts that only Prometheus can raise, as data. What calls people stands in `grafana.catalogue`.

The controller's own alarms (`packcenter.core.alarm_table`) are the catalogue of what calls people. An alert stands here only if
the controller cannot know its cause: that it is down, slow, short of disk or wrong; and what only a run of figures shows, such as
a share of the last quarter of an hour, or whether the day will be done in time. One cause calls once: an alert names in
`explained_by` the alarms and alerts that say its cause, and is silent while one of them does.

Each says in both languages what is wrong, what it means for the mail and what to do, and stands with one case in which it
fires and one, as near as possible, in which it is silent. Series of the cases get `job` and `instance` by themselves. `{plc}`
in a text is the alert's label of that name.
"""

# ruff: noqa: E501  (sentences stay whole, and Chinese characters count double)

from __future__ import annotations

from dataclasses import dataclass

JOB = "packcenter"
INSTANCE = "hall"

Series = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Recording:
    """A figure that rules and screens share; `text` is for people who read the rule file."""

    record: str
    expr: str
    text: str


@dataclass(frozen=True)
class Words:
    """What the alert says in one language: a title without values, what it means, and what to do."""

    title: str
    means: str
    do: str


@dataclass(frozen=True)
class Alert:
    """
    One alert. `hold` is how long the condition must last; `screen` the dashboard that shows more.

    `explained_by` has alarms of the controller and alerts that say the same cause better: while one of them stands anywhere in
    the hall, this alert is silent; `explained_there` has those that must stand at the same PLC. `fires` are series with which it fires at `at` with `labels` (and those of its target, if it is `of_a_target`);
    with `silent` it does not.
    """

    name: str
    severity: str
    hold: str
    expr: str
    screen: str
    en: Words
    zh: Words
    fires: Series
    silent: Series
    at: str = "20m"
    of_a_target: bool = True
    labels: tuple[tuple[str, str], ...] = ()
    explained_by: tuple[str, ...] = ()
    explained_there: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """What Prometheus evaluates: the condition, unless something else says its cause."""
        rule = f"({self.expr})" if self.explained_by or self.explained_there else self.expr
        for on, causes in (("job, instance", self.explained_by), ("job, instance, plc", self.explained_there)):
            alarms = "|".join(name for name in causes if not name.startswith("Packcenter"))
            alerts = "|".join(name for name in causes if name.startswith("Packcenter"))
            if alarms:
                listed = f'packcenter_alarm_listed{{alarm=~"{alarms}"}} > 0'
                if "plc" in on:
                    listed = f'label_replace({listed}, "plc", "$1", "subject", "([^/]+).*")'
                rule += f" unless on ({on}) ({listed})"
            if alerts:
                rule += f' unless on ({on}) ALERTS{{alertname=~"{alerts}",alertstate="firing"}}'
        return rule


PLC_SILENT = ("link_lost", "foreign_epoch", "link_unsteady")
"""Alarms of the controller that say why nothing sensible comes from a PLC."""

MACHINE_STANDS = ("machine_aborted", "jam", "consumable_empty", "machine_held", "command_unanswered")
"""Those that say why a machine does not work."""

LINE_STANDS = (*PLC_SILENT, "network_lost", *MACHINE_STANDS, "rack_refuses", "exception_lane_full", "cells_full")
"""Those that say why items do not come through the hall."""

_DAYS_ITEMS = '(sum by (job, instance) (packcenter_day_items{stage="packed"}) + hall:packcenter_items_open:sum)'
_BY_PLC = "sum by (job, instance, plc)"
_TIME = "packcenter_machine_time_seconds_total"
_IDEAL = "packcenter_machine_ideal_seconds_total"
_ITEMS = "packcenter_machine_items_total"
_PRODUCTION = f'{_TIME}{{element="production"}}'
_BUSY = f'{_TIME}{{element!="unplanned"}}'


def _kpis() -> tuple[Recording, ...]:
    """KPIs of ISO 22400-2: of the last 15 minutes, and of the day, which is what its counters have reached since midnight."""
    shares = (
        ("availability", _PRODUCTION, _BUSY, "Availability: production time over planned busy time"),
        ("effectiveness", _IDEAL, _PRODUCTION, "Effectiveness: ideal cycle times items over production time"),
        ("quality", f'{_ITEMS}{{result="good"}}', _ITEMS, "Quality ratio: good items over all"),
        ("oee", f'{_IDEAL}{{result="good"}}', _BUSY, "OEE: ideal cycle times good items over planned busy time"),
    )
    made = []
    for name, above, below, text in shares:
        rates = f"{_BY_PLC} (rate({above}[15m])) / ({_BY_PLC} (rate({below}[15m])) > 0)"
        made.append(Recording(f"plc:packcenter_{name}:ratio_rate15m", rates, f"{text}; the last 15 minutes."))
        made.append(Recording(f"plc:packcenter_{name}:ratio_day", _day(above, below), f"{text}; since midnight."))
    mtbf, mttr = (
        _day(_PRODUCTION, "packcenter_machine_failures_total"),
        _day("packcenter_machine_repair_seconds_total", "packcenter_machine_repairs_total"),
    )
    counts = ("failures", "Times a machine failed"), ("repairs", "Failures that were repaired")
    made += [
        Recording(f"plc:packcenter_{name}:sum_day", f"{_BY_PLC} (packcenter_machine_{name}_total)", f"{text}, since midnight.")
        for name, text in counts
    ]
    made.append(Recording("plc:packcenter_mtbf_seconds:ratio_day", mtbf, "Production time over failures, since midnight."))
    made.append(
        Recording("plc:packcenter_mttr_seconds:ratio_day", mttr, "Time of ended repairs over their number, since midnight.")
    )
    return tuple(made)


def _day(above: str, below: str) -> str:
    return f"{_BY_PLC} ({above}) / ({_BY_PLC} ({below}) > 0)"


RECORDINGS = (
    Recording(
        "hall:packcenter_items_packed:rate5m",
        'sum by (job, instance) (rate(packcenter_parcels_total{outcome="sealed"}[5m]))',
        "Parcels sealed well, a second.",
    ),
    Recording(
        "hall:packcenter_items_packed:rate30m",
        'sum by (job, instance) (rate(packcenter_items_entered_total{place_kind="rack"}[30m]))',
        "Items that left a bagger well, a second, over half an hour, for forecasts: a case is one parcel of many items.",
    ),
    Recording(
        "hall:packcenter_items_open:sum",
        'sum by (job, instance) (packcenter_items{place_kind=~"expected|belt|lane|cell|pack"})',
        "Items that are still to be packed.",
    ),
    Recording(
        "hall:packcenter_items_to_hand:ratio_rate15m",
        'sum by (job, instance) (rate(packcenter_items_entered_total{place_kind="hand"}[15m])) '
        '/ (sum by (job, instance) (rate(packcenter_items_entered_total{place_kind="belt"}[15m])) > 0)',
        "Share of the items on the belts that end at the hand station.",
    ),
    Recording(
        "plc:packcenter_scans_no_read:ratio_rate15m",
        'sum by (job, instance, plc) (rate(packcenter_scans_total{outcome!="success"}[15m])) '
        "/ (sum by (job, instance, plc) (rate(packcenter_scans_total[15m])) > 0)",
        "Share of reads without one readable code.",
    ),
    Recording(
        "plc:packcenter_parcels_bad:ratio_rate15m",
        'sum by (job, instance, plc) (rate(packcenter_parcels_total{outcome!="sealed"}[15m])) '
        "/ (sum by (job, instance, plc) (rate(packcenter_parcels_total[15m])) > 0)",
        "Share of parcels that did not end well, those without a pouch included.",
    ),
    Recording(
        "plc:packcenter_diverts_fallback:ratio_rate15m",
        'sum by (job, instance, plc) (rate(packcenter_diverts_total{disposition!~"as_asked|recirculated"}[15m])) '
        "/ (sum by (job, instance, plc) (rate(packcenter_diverts_total[15m])) > 0)",
        "Share of items that came into another lane than the one asked for.",
    ),
    *_kpis(),
    Recording(
        "plc:packcenter_route_decisions_late:ratio_rate5m",
        "sum by (job, instance, plc) (rate(packcenter_route_decisions_late_total[5m])) "
        "/ (sum by (job, instance, plc) (rate(packcenter_route_decisions_total[5m])) > 0)",
        "Share of decisions that missed their deadline.",
    ),
    Recording(
        "plc:packcenter_route_decision_duration_seconds:p99_rate5m",
        "histogram_quantile(0.99, sum by (job, instance, plc, le) (rate(packcenter_route_decision_duration_seconds_bucket[5m])))",
        "99th percentile from scan received to command handed out.",
    ),
    Recording(
        "plc:packcenter_plc_request_duration_seconds:p99_rate5m",
        "histogram_quantile(0.99, sum by (job, instance, plc, le) (rate(packcenter_plc_request_duration_seconds_bucket[5m])))",
        "99th percentile of a request to a PLC.",
    ),
    Recording(
        "plc:packcenter_plc_requests_failed:ratio_rate5m",
        'sum by (job, instance, plc) (rate(packcenter_plc_requests_total{result!~"ok|cancelled"}[5m])) '
        "/ (sum by (job, instance, plc) (rate(packcenter_plc_requests_total[5m])) > 0)",
        "Share of requests to a PLC that failed.",
    ),
)

_HISTOGRAM_SLOW = (('{le="0.05"}', "0+0x40"), ('{le="0.1"}', "0+0x40"), ('{le="0.25"}', "0+100x40"), ('{le="+Inf"}', "0+100x40"))
_HISTOGRAM_FAST = (
    ('{le="0.05"}', "0+100x40"),
    ('{le="0.1"}', "0+100x40"),
    ('{le="0.25"}', "0+100x40"),
    ('{le="+Inf"}', "0+100x40"),
)


def _histogram(name: str, rows: Series, label: str = "") -> Series:
    return tuple((f"{name}_bucket{row.replace('{', '{' + label)}", values) for row, values in rows)


OWN_ALERTS = (
    # --- a person acts at once ----------------------------------------------------------------------------------------
    Alert(
        "PackcenterControllerDown",
        "critical",
        "15s",
        'absent(up{job="packcenter"} == 1)',
        "engineer",
        Words(
            "The controller does not answer",
            "No packcenter service can be scraped. If it is not running, every PLC stops its infeed by itself and runs its belt out to "
            "the fallback lane.",
            "Look at the service (`systemctl status packcenter`) and at its last log lines. Restart it; it goes on from its journal.",
        ),
        Words(
            "控制服务没有应答",
            "采集不到 packcenter 服务。若服务已停，各 PLC 会自行停止进件，并把带上的邮件送到异常格口。",
            "查看服务状态（`systemctl status packcenter`）和最后几行日志，然后重启；服务会从日志账接着运行。",
        ),
        (("up", "0x80"),),
        (("up", "1x80"),),
        of_a_target=False,
    ),
    Alert(
        "PackcenterNoThroughput",
        "critical",
        "3m",
        'sum by (job, instance) (rate(packcenter_items_entered_total{place_kind=~"pack|hand"}[3m])) == 0 '
        'and sum by (job, instance) (packcenter_items{place_kind=~"belt|lane"}) > 0',
        "operator",
        Words(
            "Items wait, none is packed, and no alarm says why",
            "There are items on belts or in lanes, for three minutes none has been packed or taken out, and no machine has told of a fault.",
            "Look at the machine states: which machine was stopped and not started again? Start it, or close its lanes.",
        ),
        Words(
            "有件不出而无报警",
            "皮带或格口里有件，三分钟内没有一件装袋或取出，也没有设备报故障。",
            "看各设备状态：哪台停了而没有再启动。启动它，或关闭它的格口。",
        ),
        (('packcenter_items_entered_total{place_kind="pack"}', "5x80"), ('packcenter_items{place_kind="lane"}', "12x80")),
        (('packcenter_items_entered_total{place_kind="pack"}', "5x80"), ('packcenter_items{place_kind="lane"}', "0x80")),
        explained_by=LINE_STANDS,
    ),
    Alert(
        "PackcenterBooksDiffer",
        "critical",
        "1m",
        "sum by (job, instance) (abs(packcenter_books_difference_items)) "
        "+ abs(sum by (job, instance) (packcenter_items_arrived) - sum by (job, instance) (packcenter_items)) > 0",
        "engineer",
        Words(
            "The custody books do not balance",
            "What came and what is accounted for differ. This is a fault of the controller, not of the hall.",
            "Keep the journal folder as it is, run the strict replay, and call the engineer on duty. Count ID documents by hand.",
        ),
        Words(
            "账实不平",
            "来件数与去向合计不等。这是控制服务的故障，不是现场的问题。",
            "保留日志账目录原样，做严格回放，并通知值班工程师；证照类改为人工清点。",
        ),
        (
            ('packcenter_books_difference_items{place_kind="lane"}', "0 2x80"),
            ('packcenter_items_arrived{source="announced"}', "9x81"),
            ('packcenter_items{place_kind="lane"}', "9x81"),
        ),
        (
            ('packcenter_books_difference_items{place_kind="lane"}', "0x81"),
            ('packcenter_items_arrived{source="announced"}', "9x81"),
            ('packcenter_items{place_kind="lane"}', "9x81"),
        ),
    ),
    Alert(
        "PackcenterJournalDiskFull",
        "critical",
        "1m",
        "packcenter_journal_free_bytes / packcenter_journal_size_bytes < 0.1",
        "engineer",
        Words(
            "The journal's disk is nearly full",
            "Less than 10 % is free. The controller stops the infeed so that everything on the line can still be recorded.",
            "Free space on the journal's disk. The infeed starts again by itself.",
        ),
        Words(
            "日志账磁盘将满",
            "剩余空间不足 10%。控制服务会停止进件，以保证线上邮件都能记账。",
            "清理日志账所在磁盘；空间恢复后自动继续进件。",
        ),
        (("packcenter_journal_free_bytes", "9x80"), ("packcenter_journal_size_bytes", "100x80")),
        (("packcenter_journal_free_bytes", "11x80"), ("packcenter_journal_size_bytes", "100x80")),
    ),
    Alert(
        "PackcenterJournalSlow",
        "critical",
        "2m",
        "histogram_quantile(0.99, sum by (job, instance, le) (rate(packcenter_journal_commit_duration_seconds_bucket[5m]))) > 0.1",
        "engineer",
        Words(
            "The journal is slow",
            "One commit in a hundred takes more than 0.1 s. Decisions wait for the disk, and some will miss their diverter.",
            "Find what else writes to this disk and stop it; check the disk's health.",
        ),
        Words(
            "日志账写入慢",
            "每百次提交有一次超过 0.1 秒。判决要等磁盘，有的会错过分拣口。",
            "找出并停掉占用此磁盘的其他程序；检查磁盘健康。",
        ),
        _histogram("packcenter_journal_commit_duration_seconds", _HISTOGRAM_SLOW),
        _histogram("packcenter_journal_commit_duration_seconds", _HISTOGRAM_FAST),
        at="8m",
    ),
    Alert(
        "PackcenterDecisionsLate",
        "critical",
        "2m",
        "plc:packcenter_route_decisions_late:ratio_rate5m > 0.005",
        "engineer",
        Words(
            "Decisions come too late",
            "More than 5 in 1,000 items of {plc} pass their lane before the decision is made. They go to the exception lane.",
            "Look at decision time, journal and loop on the engineer's screen: which of them grew?",
        ),
        Words(
            "判决超时",
            "{plc} 每千件有五件以上在判决之前已过格口，只能进异常格口。",
            "在工程师画面看判决时间、日志账和主循环：哪一项变慢了。",
        ),
        (
            ('packcenter_route_decisions_late_total{plc="sorter-1"}', "0+1x80"),
            ('packcenter_route_decisions_total{plc="sorter-1",reason="plan"}', "0+10x80"),
        ),
        (
            ('packcenter_route_decisions_late_total{plc="sorter-1"}', "0+1x80"),
            ('packcenter_route_decisions_total{plc="sorter-1",reason="plan"}', "0+300x80"),
        ),
        labels=(("plc", "sorter-1"),),
        explained_by=("network_lost", "PackcenterJournalSlow"),
        explained_there=PLC_SILENT,
    ),
    # --- machines -----------------------------------------------------------------------------------------------------
    Alert(
        "PackcenterMachineFlapping",
        "warning",
        "0s",
        'sum by (job, instance, plc) (increase(packcenter_machine_stops_total{reason!~"starved|blocked|link_lost|plc_restart"}[15m])) > 6',
        "engineer",
        Words(
            "A machine stops again and again",
            "{plc} stopped more than six times in 15 minutes for causes of its own. Each stop makes its open parcels suspect.",
            "Look at the stops by reason, and have maintenance look at the machine.",
        ),
        Words(
            "设备频繁停机",
            "{plc} 15 分钟内因自身原因停机超过六次，每次停机都会使未封的邮件存疑。",
            "查看停机原因排行，请维修人员检查设备。",
        ),
        (('packcenter_machine_stops_total{plc="bagger-1",reason="own"}', "0x40 0+1x40"),),
        (('packcenter_machine_stops_total{plc="bagger-1",reason="starved"}', "0x40 0+1x40"),),
        labels=(("plc", "bagger-1"),),
        explained_by=("network_lost",),
        explained_there=(*PLC_SILENT, *MACHINE_STANDS),
    ),
    # --- lanes and flow -----------------------------------------------------------------------------------------------
    Alert(
        "PackcenterFallbackShareHigh",
        "warning",
        "5m",
        'plc:packcenter_diverts_fallback:ratio_rate15m > 0.02 and sum by (job, instance, plc) (increase(packcenter_diverts_total{disposition!~"as_asked|recirculated"}[15m])) >= 5',
        "engineer",
        Words(
            "Too many items miss their lane",
            "More than 2 % of the items of {plc} came into another lane than the one asked for.",
            "Look at diverts by disposition: late, full, closed and wrong have different causes.",
        ),
        Words("落错格口偏多", "{plc} 有 2% 以上的邮件没有进指定格口。", "看落格结果分类：超时、满格、关闭、错格的原因各不相同。"),
        (
            ('packcenter_diverts_total{plc="sorter-1",disposition="lane_full"}', "0+1x80"),
            ('packcenter_diverts_total{plc="sorter-1",disposition="as_asked"}', "0+30x80"),
        ),
        (
            ('packcenter_diverts_total{plc="sorter-1",disposition="lane_full"}', "0+1x80"),
            ('packcenter_diverts_total{plc="sorter-1",disposition="as_asked"}', "0+80x80"),
        ),
        labels=(("plc", "sorter-1"),),
        explained_by=(*LINE_STANDS, "wrong_lane", "PackcenterDecisionsLate"),
    ),
    Alert(
        "PackcenterHandShareHigh",
        "warning",
        "5m",
        'hall:packcenter_items_to_hand:ratio_rate15m > 0.05 and sum by (job, instance) (increase(packcenter_items_entered_total{place_kind="hand"}[15m])) >= 10',
        "operator",
        Words(
            "Too much goes to the hand station",
            "More than 5 % of the items end at the hand station. People will not keep up.",
            "Look at the reasons on the wall: unread codes, no lane, rejected parcels.",
        ),
        Words("人工台来件过多", "有 5% 以上的邮件转到人工台，人手会跟不上。", "看大屏上的原因：无读、无格口、装袋剔除。"),
        (
            ('packcenter_items_entered_total{place_kind="hand"}', "0+1x120"),
            ('packcenter_items_entered_total{place_kind="belt"}', "0+10x120"),
        ),
        (
            ('packcenter_items_entered_total{place_kind="hand"}', "0+1x120"),
            ('packcenter_items_entered_total{place_kind="belt"}', "0+40x120"),
        ),
        at="25m",
        explained_by=(
            *LINE_STANDS,
            "scanner_unread",
            "many_rejects",
            "bag_not_sealed",
            "waybills_used_up",
            "wrong_label",
            "PackcenterBadParcelShareHigh",
        ),
    ),
    Alert(
        "PackcenterBehindPlan",
        "warning",
        "15m",
        "hall:packcenter_items_open:sum > hall:packcenter_items_packed:rate30m "
        "* (packcenter_last_cutoff_timestamp_seconds - packcenter_clock_timestamp_seconds > 0 < 10800) "
        "and hall:packcenter_items_packed:rate30m > 0 "
        f"and hall:packcenter_items_open:sum > 0.02 * {_DAYS_ITEMS}",
        "operator",
        Words(
            "The day's mail will not be packed by the last cut-off",
            "Three hours or less before the last cut-off, more items are open than can be packed by then at the rate of the last half hour.",
            "Start what stands, open closed lanes, or tell the carrier that mail will be left.",
        ),
        Words(
            "按现速赶不上末次封发",
            "距末次截止不足三小时，按最近半小时的速度装不完待装邮件。",
            "启动停着的设备，打开关闭的格口，或通知运输方会有余量。",
        ),
        (
            ('packcenter_items{place_kind="expected"}', "9000x180"),
            ('packcenter_day_items{stage="packed"}', "9000x180"),
            ('packcenter_items_entered_total{place_kind="rack"}', "0+5x180"),
            ("packcenter_last_cutoff_timestamp_seconds", "10000x180"),
            ("packcenter_clock_timestamp_seconds", "0+15x180"),
        ),
        (
            ('packcenter_items{place_kind="expected"}', "2000x180"),
            ('packcenter_day_items{stage="packed"}', "9000x180"),
            ('packcenter_items_entered_total{place_kind="rack"}', "0+5x180"),
            ("packcenter_last_cutoff_timestamp_seconds", "10000x180"),
            ("packcenter_clock_timestamp_seconds", "0+15x180"),
        ),
        at="40m",
    ),
    # --- packing and bags ---------------------------------------------------------------------------------------------
    Alert(
        "PackcenterBadParcelShareHigh",
        "warning",
        "5m",
        'plc:packcenter_parcels_bad:ratio_rate15m > 0.03 and sum by (job, instance, plc) (increase(packcenter_parcels_total{outcome!="sealed"}[15m])) >= 5',
        "engineer",
        Words(
            "Too many parcels go wrong",
            "More than 3 % of the parcels of {plc} are put out, distrusted or given up.",
            "Look at parcel faults by reason: label, weight and feeding have different cures.",
        ),
        Words(
            "装袋不良率偏高", "{plc} 有 3% 以上的邮件被剔除、不予信任或放弃。", "看装袋不良原因：面单、重量、进件，处理办法不同。"
        ),
        (
            ('packcenter_parcels_total{plc="bagger-1",outcome="rejected"}', "0+1x120"),
            ('packcenter_parcels_total{plc="bagger-1",outcome="sealed"}', "0+20x120"),
        ),
        (
            ('packcenter_parcels_total{plc="bagger-1",outcome="rejected"}', "0+1x120"),
            ('packcenter_parcels_total{plc="bagger-1",outcome="sealed"}', "0+60x120"),
        ),
        at="25m",
        labels=(("plc", "bagger-1"),),
        explained_by=("network_lost", "waybills_used_up"),
        explained_there=(*PLC_SILENT, *MACHINE_STANDS, "wrong_label", "many_rejects"),
    ),
    # --- links --------------------------------------------------------------------------------------------------------
    Alert(
        "PackcenterPlcSlow",
        "warning",
        "5m",
        "plc:packcenter_plc_request_duration_seconds:p99_rate5m > 0.1",
        "maintenance",
        Words(
            "A PLC answers slowly",
            "One request in a hundred to {plc} takes more than 0.1 s. Decisions reach it late.",
            "Check its scan time, its other clients, and the network.",
        ),
        Words("PLC 应答慢", "对 {plc} 每百次请求有一次超过 0.1 秒，判决会送晚。", "检查其扫描周期、其他客户端和网络。"),
        _histogram("packcenter_plc_request_duration_seconds", _HISTOGRAM_SLOW, 'plc="sorter-1",'),
        _histogram("packcenter_plc_request_duration_seconds", _HISTOGRAM_FAST, 'plc="sorter-1",'),
        at="9m",
        labels=(("plc", "sorter-1"),),
        explained_by=("network_lost",),
        explained_there=(*PLC_SILENT, "PackcenterPlcErrors"),
    ),
    Alert(
        "PackcenterPlcErrors",
        "warning",
        "5m",
        "plc:packcenter_plc_requests_failed:ratio_rate5m > 0.02",
        "maintenance",
        Words(
            "Requests to a PLC fail",
            "More than 2 % of the requests to {plc} fail.",
            "Look at the errors by result; then cable, switch and the PLC's session limit.",
        ),
        Words("PLC 请求失败", "对 {plc} 的请求有 2% 以上失败。", "按结果查看错误，再查网线、交换机和 PLC 的会话数上限。"),
        (
            ('packcenter_plc_requests_total{plc="bagger-3",result="silent"}', "0+1x80"),
            ('packcenter_plc_requests_total{plc="bagger-3",result="ok"}', "0+30x80"),
        ),
        (
            ('packcenter_plc_requests_total{plc="bagger-3",result="silent"}', "0+1x80"),
            ('packcenter_plc_requests_total{plc="bagger-3",result="ok"}', "0+90x80"),
        ),
        labels=(("plc", "bagger-3"),),
        explained_by=("network_lost",),
        explained_there=PLC_SILENT,
    ),
    Alert(
        "PackcenterPlcDataStale",
        "warning",
        "10s",
        "packcenter_clock_timestamp_seconds - on (job, instance) group_right () packcenter_plc_last_data_timestamp_seconds > 5 and packcenter_plc_up == 1",
        "maintenance",
        Words(
            "A PLC is connected but says nothing",
            "No good image of {plc} for five seconds, though its link counts as up.",
            "Run the doctor for it.",
        ),
        Words("PLC 连着但无数据", "{plc} 已五秒没有有效报文，但连接仍显示正常。", "对其运行诊断。"),
        (
            ("packcenter_clock_timestamp_seconds", "0+15x80"),
            ('packcenter_plc_last_data_timestamp_seconds{plc="rack-1"}', "0x80"),
            ('packcenter_plc_up{plc="rack-1"}', "1x80"),
        ),
        (
            ("packcenter_clock_timestamp_seconds", "0+15x80"),
            ('packcenter_plc_last_data_timestamp_seconds{plc="rack-1"}', "0x80"),
            ('packcenter_plc_up{plc="rack-1"}', "0x80"),
        ),
        labels=(("plc", "rack-1"),),
        explained_by=("network_lost",),
        explained_there=(*PLC_SILENT, "PackcenterPlcErrors"),
    ),
    Alert(
        "PackcenterCommandsRefused",
        "warning",
        "0s",
        'sum by (job, instance, plc) (increase(packcenter_plc_commands_total{result!~"done|late|place_not_open|nothing_there|timed_out"}[10m])) > 5',
        "maintenance",
        Words(
            "A PLC does not do what it is asked",
            "{plc} refused more than five commands in ten minutes, and no alarm of the machine says why.",
            "Look at the commands by result; an interlock is the machine's, a wrong state or a malformed command is the program's.",
        ),
        Words(
            "PLC 拒绝执行命令",
            "{plc} 十分钟内拒绝的命令超过五条，且设备没有报警说明原因。",
            "按结果查看命令：联锁是设备问题，状态错误或格式错误是程序问题。",
        ),
        (('packcenter_plc_commands_total{plc="bagger-2",result="interlock"}', "0x50 0+1x30"),),
        (('packcenter_plc_commands_total{plc="bagger-2",result="done"}', "0x50 0+9x30"),),
        labels=(("plc", "bagger-2"),),
        explained_by=("network_lost",),
        explained_there=(*PLC_SILENT, *MACHINE_STANDS, "rack_refuses"),
    ),
    # --- the controller -----------------------------------------------------------------------------------------------
    Alert(
        "PackcenterJournalDiskLow",
        "warning",
        "5m",
        "packcenter_journal_free_bytes / packcenter_journal_size_bytes < 0.2 and packcenter_journal_free_bytes / packcenter_journal_size_bytes >= 0.1",
        "engineer",
        Words(
            "The journal's disk fills up",
            "Less than 20 % is free. Below 10 % the controller stops the infeed.",
            "Move old sealed segments away, or free other space on the disk.",
        ),
        Words(
            "日志账磁盘空间不足",
            "剩余空间不足 20%；低于 10% 时控制服务会停止进件。",
            "移走已封存的旧日志段，或清理磁盘其他内容。",
        ),
        (("packcenter_journal_free_bytes", "19x80"), ("packcenter_journal_size_bytes", "100x80")),
        (("packcenter_journal_free_bytes", "21x80"), ("packcenter_journal_size_bytes", "100x80")),
    ),
    Alert(
        "PackcenterPapersNotWritten",
        "warning",
        "1m",
        "packcenter_papers_failing == 1",
        "engineer",
        Words(
            "Bills and events cannot be written",
            "The folder of the bills or of the agencies' events refuses to be written. The line runs on; lorries and agencies get no papers.",
            "Look whether the folder's disk is full or gone, and who may write there. What is missing is written from the journal by itself.",
        ),
        Words(
            "路单和反馈写不出",
            "路单或反馈目录无法写入。生产照常，但车辆和委托单位得不到文件。",
            "检查该目录所在磁盘是否已满或脱机、权限是否正确；恢复后自动从日志账补写。",
        ),
        (("packcenter_papers_failing", "0x60 1x20"),),
        (("packcenter_papers_failing", "0x60 1x3 0x17"),),
    ),
    Alert(
        "PackcenterQueueFillingUp",
        "warning",
        "1m",
        "packcenter_input_queue_items / packcenter_input_queue_limit_items > 0.5",
        "engineer",
        Words(
            "Inputs pile up",
            "More than half of the input queue is in use: the journal or the loop is slower than the line.",
            "Look at journal and loop on the engineer's screen.",
        ),
        Words("输入积压", "输入队列已用一半以上：日志账或主循环跟不上线速。", "在工程师画面查看日志账和主循环。"),
        (("packcenter_input_queue_items", "5000x80"), ("packcenter_input_queue_limit_items", "8192x80")),
        (("packcenter_input_queue_items", "4000x80"), ("packcenter_input_queue_limit_items", "8192x80")),
        explained_by=("PackcenterJournalSlow", "PackcenterDecisionsLate", "PackcenterEventLoopLag"),
    ),
    Alert(
        "PackcenterEventLoopLag",
        "warning",
        "2m",
        "histogram_quantile(0.99, sum by (job, instance, le) (rate(packcenter_event_loop_lag_seconds_bucket[5m]))) > 0.05",
        "engineer",
        Words(
            "The control loop is held up",
            "One tick in a hundred comes more than 0.05 s late: something blocks the loop.",
            "Look at what runs beside the service on this machine.",
        ),
        Words("主循环受阻", "每百次节拍有一次晚到 0.05 秒以上：有东西阻塞了主循环。", "查看本机还有哪些程序在运行。"),
        _histogram("packcenter_event_loop_lag_seconds", _HISTOGRAM_SLOW),
        _histogram("packcenter_event_loop_lag_seconds", _HISTOGRAM_FAST),
        at="8m",
        explained_by=("PackcenterJournalSlow", "PackcenterDecisionsLate"),
    ),
    Alert(
        "PackcenterClockStepped",
        "warning",
        "0s",
        "increase(packcenter_clock_steps_total[10m]) > 0",
        "engineer",
        Words(
            "The wall clock jumped",
            "The machine's clock jumped by more than a second. Decisions do not depend on it; time stamps in other systems may.",
            "Check the time service of this machine.",
        ),
        Words("系统时钟跳变", "本机时钟跳变超过一秒。判决不受影响，但与其他系统的时间可能对不上。", "检查本机的对时服务。"),
        (("packcenter_clock_steps_total", "0x60 1x20"),),
        (("packcenter_clock_steps_total", "1x80"),),
    ),
    # --- to know ------------------------------------------------------------------------------------------------------
    Alert(
        "PackcenterManifestLinesRefused",
        "info",
        "0s",
        'increase(packcenter_manifest_lines_total{result="refused"}[15m]) > 0',
        "operator",
        Words(
            "Lines of a manifest were refused",
            "Some announced items will be unknown when they come.",
            "Send the result file back to the agency, so that it announces them again.",
        ),
        Words("清单有被拒行", "部分预告的邮件到达时会是未知件。", "把结果文件退回委托单位，请其重新预告。"),
        (('packcenter_manifest_lines_total{result="refused"}', "0x60 3x20"),),
        (('packcenter_manifest_lines_total{result="refused"}', "3x80"),),
        labels=(("result", "refused"),),
    ),
    Alert(
        "PackcenterNotLive",
        "info",
        "0s",
        'packcenter_run_mode{mode="live"} == 0',
        "operator",
        Words(
            "These figures are not the floor",
            "The service runs on a simulated hall or a replay.",
            "Do not act on the floor by these screens.",
        ),
        Words("非现场数据", "服务运行在仿真或回放上。", "不要据此画面在现场操作。"),
        (('packcenter_run_mode{mode="live"}', "0x80"),),
        (('packcenter_run_mode{mode="live"}', "1x80"),),
        labels=(("mode", "live"),),
    ),
)

WATCHDOG = Alert(
    "PackcenterWatchdog",
    "none",
    "0s",
    "vector(1)",
    "operator",
    Words(
        "Alerting works",
        "This alert always fires. If it stops arriving, alerts no longer reach anybody.",
        "If it is missing, look at Prometheus and Alertmanager.",
    ),
    Words("报警通道正常", "此报警常亮；收不到它，说明报警已送不出去。", "若缺失，检查 Prometheus 和 Alertmanager。"),
    (),
    (),
    of_a_target=False,
)
