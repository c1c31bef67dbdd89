"""
Alerts and recording rules as data: the source of `prometheus/rules/*.yml`, their promtool tests and the runbook in the README.

An alert is something that a person must act on. Each says in both languages what is wrong, what it means for the
mail and what to do, and stands with one case in which it fires and one, as near as possible, in which it is silent.
Series of the cases get `job` and `instance` by themselves. `{plc}` in a text is the alert's label of that name.
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

    `fires` are series with which it fires at `at` with `labels` (and those of its target, if it is `of_a_target`);
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
        'sum by (job, instance) (rate(packcenter_parcels_total{outcome="sealed"}[30m]))',
        "The same over half an hour, for forecasts.",
    ),
    Recording(
        "hall:packcenter_items_open:sum",
        'sum by (job, instance) (packcenter_items{place_kind=~"expected|belt|lane|pack"})',
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
    Recording(
        "job:packcenter_alerts_raised:count10m",
        'count by (job) (ALERTS{alertname=~"Packcenter.+",alertname!="PackcenterAlarmFlood",alertstate="firing",severity=~"critical|warning"} '
        'unless ALERTS{alertname=~"Packcenter.+",alertstate="firing",severity=~"critical|warning"} offset 10m)',
        "Alerts that stand now and did not ten minutes ago (ISA-18.2 counts them).",
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


ALERTS = (
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
        "PackcenterPlcDown",
        "critical",
        "10s",
        "packcenter_plc_up == 0",
        "maintenance",
        Words(
            "A PLC cannot be heard",
            "{plc} has no link or its heartbeat stands still. Its machine stops its infeed by itself; its state is unknown to us.",
            "Check that the PLC has power and is in RUN, then the cable and the switch, then run the doctor for it.",
        ),
        Words(
            "PLC 失联",
            "{plc} 无连接或心跳停止。该设备会自行停止进件，其状态未知。",
            "先看 PLC 是否通电并处于 RUN，再查网线和交换机，最后运行诊断。",
        ),
        (('packcenter_plc_up{plc="bagger-1"}', "1 0x80"),),
        (('packcenter_plc_up{plc="bagger-1"}', "1x80"),),
        labels=(("plc", "bagger-1"),),
    ),
    Alert(
        "PackcenterNoThroughput",
        "critical",
        "3m",
        'sum by (job, instance) (rate(packcenter_items_entered_total{place_kind=~"pack|hand"}[3m])) == 0 '
        'and sum by (job, instance) (packcenter_items{place_kind=~"belt|lane"}) > 0',
        "operator",
        Words(
            "Items wait and none is packed",
            "There are items on belts or in lanes, and for three minutes none has been packed or taken out.",
            "Look at the machine states: which bagger stands, and why? Clear it, or close its lanes.",
        ),
        Words(
            "有件不出",
            "皮带或格口里有件，但三分钟内没有一件装袋或取出。",
            "看各设备状态：哪台装袋机停了、为什么停。处理故障，或关闭它的格口。",
        ),
        (('packcenter_items_entered_total{place_kind="pack"}', "5x80"), ('packcenter_items{place_kind="lane"}', "12x80")),
        (('packcenter_items_entered_total{place_kind="pack"}', "5x80"), ('packcenter_items{place_kind="lane"}', "0x80")),
    ),
    Alert(
        "PackcenterItemLost",
        "critical",
        "30s",
        'sum by (job, instance, mail_class) (packcenter_items{place_kind="lost"}) > 0',
        "operator",
        Words(
            "An item is lost",
            "At least one item of class {mail_class} is nowhere to be seen. It counts as an open discrepancy until somebody finds it.",
            "Ask for its history (`packcenter item CODE`), search at the place where it was last, and scan it again at any sorter.",
        ),
        Words(
            "邮件丢失",
            "{mail_class} 类至少有一件下落不明，找到之前一直算未结差异。",
            "查它的经过（`packcenter item 条码`），到最后所在的位置寻找，找到后在任一分拣线重新扫描。",
        ),
        (('packcenter_items{place_kind="lost",mail_class="id_card"}', "0 1x80"),),
        (('packcenter_items{place_kind="lost",mail_class="id_card"}', "0x80"),),
        labels=(("mail_class", "id_card"),),
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
        "PackcenterEventGap",
        "critical",
        "0s",
        "increase(packcenter_plc_event_gaps_total[10m]) > 0",
        "maintenance",
        Words(
            "Events of a PLC are missing",
            "{plc} counted events that never reached us. What they said about items is not in the books.",
            "Check the items there against the books. Have the PLC program checked with the conformance tester.",
        ),
        Words(
            "PLC 事件缺号",
            "{plc} 的事件编号有缺口，这些事件从未送达，相关邮件的去向没有入账。",
            "把该处实物与账目核对；用一致性测试检查其 PLC 程序。",
        ),
        (('packcenter_plc_event_gaps_total{plc="sorter-2"}', "0x60 3x20"),),
        (('packcenter_plc_event_gaps_total{plc="sorter-2"}', "3x80"),),
        labels=(("plc", "sorter-2"),),
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
    ),
    Alert(
        "PackcenterEventQuarantined",
        "critical",
        "0s",
        "increase(packcenter_events_quarantined_total[1h]) > 0",
        "engineer",
        Words(
            "An event made the controller fail",
            "The controller met an event that it could not work with, restarted and set it aside. Its item is for the hand station.",
            "Take the item to the hand station, and send the journal to the engineers: this is a fault of ours.",
        ),
        Words(
            "事件使控制服务出错",
            "控制服务遇到无法处理的事件，已重启并隔离该事件；相关邮件需送人工台。",
            "把该件送人工台，并将日志账交给工程师：这是程序缺陷。",
        ),
        (("packcenter_events_quarantined_total", "0x60 1x20"),),
        (("packcenter_events_quarantined_total", "1x80"),),
    ),
    # --- machines -----------------------------------------------------------------------------------------------------
    Alert(
        "PackcenterMachineAborted",
        "warning",
        "30s",
        "packcenter_machine_state == 9",
        "operator",
        Words(
            "A machine is aborted",
            "{plc} stopped because of a fault and stays so until a person clears it.",
            "Read the fault on its panel, remove the cause, press Clear, then Reset and Start.",
        ),
        Words("设备急停中止", "{plc} 因故障中止，需人工清除后才能恢复。", "在设备面板查看故障，排除后按清除，再复位、启动。"),
        (('packcenter_machine_state{plc="bagger-3"}', "6 9x80"),),
        (('packcenter_machine_state{plc="bagger-3"}', "6x80"),),
        labels=(("plc", "bagger-3"),),
    ),
    Alert(
        "PackcenterMachineHeld",
        "warning",
        "2m",
        "packcenter_machine_state == 11",
        "operator",
        Words(
            "A machine is held",
            "{plc} has been held for two minutes by a cause of its own: material, a jam, a guard.",
            "Look at its material and jams, remove the cause, and let it go on.",
        ),
        Words("设备保持停机", "{plc} 因自身原因（耗材、卡件、护罩）已停两分钟。", "查看其耗材和卡件，排除后恢复运行。"),
        (('packcenter_machine_state{plc="bagger-2"}', "6x40 11x40"),),
        (('packcenter_machine_state{plc="bagger-2"}', "6x40 11x6 6x34"),),
        labels=(("plc", "bagger-2"),),
    ),
    Alert(
        "PackcenterMachineStopped",
        "warning",
        "2m",
        "packcenter_machine_state == 2 and on (job, instance) "
        'sum by (job, instance) (packcenter_items{place_kind=~"belt|lane|pack|rack"}) > 0',
        "operator",
        Words(
            "A machine is stopped while items are on the line",
            "{plc} is stopped and nobody has started it for two minutes.",
            "Start it, or close the lanes that lead to it if it is to stay out of use.",
        ),
        Words("线上有件而设备停止", "{plc} 已停止两分钟，线上还有邮件。", "启动该设备；若停用，请关闭通向它的格口。"),
        (('packcenter_machine_state{plc="rack-1"}', "2x80"), ('packcenter_items{place_kind="rack"}', "4x80")),
        (('packcenter_machine_state{plc="rack-1"}', "2x80"), ('packcenter_items{place_kind="rack"}', "0x80")),
        labels=(("plc", "rack-1"),),
    ),
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
    ),
    Alert(
        "PackcenterJam",
        "warning",
        "30s",
        "packcenter_machine_jams > 0",
        "operator",
        Words(
            "A jam",
            "A zone of {plc} is jammed. What was moving there is not trusted until it is read again.",
            "Clear the jam; bring loose items to the hand station.",
        ),
        Words("卡件", "{plc} 有区段卡件，该处的邮件重新读码之前不可信。", "清除卡件；散落的邮件送人工台。"),
        (('packcenter_machine_jams{plc="sorter-2"}', "0 1x80"),),
        (('packcenter_machine_jams{plc="sorter-2"}', "0x80"),),
        labels=(("plc", "sorter-2"),),
    ),
    Alert(
        "PackcenterConsumableLow",
        "warning",
        "1m",
        "packcenter_consumable_remaining_ratio < 0.1",
        "operator",
        Words(
            "Material runs out",
            "Less than 10 % of {consumable} is left at {plc}. It will be held when it is used up.",
            "Change it at the next pause.",
        ),
        Words("耗材将尽", "{plc} 的 {consumable} 剩余不足 10%，用完会停机。", "下次停顿时更换。"),
        (('packcenter_consumable_remaining_ratio{plc="bagger-1",consumable="film"}', "0.5 0.08x80"),),
        (('packcenter_consumable_remaining_ratio{plc="bagger-1",consumable="film"}', "0.12x80"),),
        labels=(("plc", "bagger-1"), ("consumable", "film")),
    ),
    # --- lanes and flow -----------------------------------------------------------------------------------------------
    Alert(
        "PackcenterLaneBlocked",
        "warning",
        "30s",
        "(packcenter_lane_state == 1 or packcenter_lane_state == 3) or packcenter_lane_fill_ratio > 0.95",
        "operator",
        Words(
            "A lane takes no items",
            "Lane {lane} of {plc} is full or jammed. Its items go to overflow lanes, then to the exception lane.",
            "Empty the lane or clear it; see whether its bagger runs.",
        ),
        Words(
            "格口堵塞",
            "{plc} 的 {lane} 号格口满格或卡件，来件改走溢出格口，再不行进异常格口。",
            "清空或疏通格口；看其装袋机是否在运行。",
        ),
        (('packcenter_lane_state{plc="sorter-1",lane="4"}', "0 3x80"),),
        (
            ('packcenter_lane_state{plc="sorter-1",lane="4"}', "2x80"),
            ('packcenter_lane_fill_ratio{plc="sorter-1",lane="4"}', "0.9x80"),
        ),
        labels=(("plc", "sorter-1"), ("lane", "4")),
    ),
    Alert(
        "PackcenterFallbackShareHigh",
        "warning",
        "5m",
        "plc:packcenter_diverts_fallback:ratio_rate15m > 0.02",
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
    ),
    Alert(
        "PackcenterHandShareHigh",
        "warning",
        "5m",
        "hall:packcenter_items_to_hand:ratio_rate15m > 0.05",
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
    ),
    Alert(
        "PackcenterNoReadShareHigh",
        "warning",
        "10m",
        "plc:packcenter_scans_no_read:ratio_rate15m > 0.03",
        "maintenance",
        Words(
            "Too many codes cannot be read",
            "More than 3 % of the reads at {plc} give no single code.",
            "Clean its scanner, then check the scanner's aim and the labels.",
        ),
        Words("无读率偏高", "{plc} 有 3% 以上的读码失败。", "清洁其扫描器，再检查角度和标签质量。"),
        (
            ('packcenter_scans_total{plc="sorter-1",outcome="no_identifier"}', "0+1x120"),
            ('packcenter_scans_total{plc="sorter-1",outcome="success"}', "0+20x120"),
        ),
        (
            ('packcenter_scans_total{plc="sorter-1",outcome="no_identifier"}', "0+1x120"),
            ('packcenter_scans_total{plc="sorter-1",outcome="success"}', "0+60x120"),
        ),
        at="29m",
        labels=(("plc", "sorter-1"),),
    ),
    Alert(
        "PackcenterBehindPlan",
        "warning",
        "15m",
        "hall:packcenter_items_open:sum > hall:packcenter_items_packed:rate30m "
        "* (packcenter_last_cutoff_timestamp_seconds - packcenter_clock_timestamp_seconds) "
        "and hall:packcenter_items_packed:rate30m > 0 "
        "and packcenter_last_cutoff_timestamp_seconds > packcenter_clock_timestamp_seconds",
        "operator",
        Words(
            "The day's mail will not be packed by the last cut-off",
            "At the rate of the last half hour more items are open than can be packed before the last cut-off.",
            "Start what stands, open closed lanes, or tell the carrier that mail will be left.",
        ),
        Words(
            "按现速赶不上末次封发",
            "按最近半小时的速度，末次截止前装不完待装邮件。",
            "启动停着的设备，打开关闭的格口，或通知运输方会有余量。",
        ),
        (
            ('packcenter_items{place_kind="expected"}', "9000x180"),
            ('packcenter_parcels_total{plc="bagger-1",outcome="sealed"}', "0+5x180"),
            ("packcenter_last_cutoff_timestamp_seconds", "10000x180"),
            ("packcenter_clock_timestamp_seconds", "0+15x180"),
        ),
        (
            ('packcenter_items{place_kind="expected"}', "2000x180"),
            ('packcenter_parcels_total{plc="bagger-1",outcome="sealed"}', "0+5x180"),
            ("packcenter_last_cutoff_timestamp_seconds", "10000x180"),
            ("packcenter_clock_timestamp_seconds", "0+15x180"),
        ),
        at="40m",
    ),
    # --- packing and bags ---------------------------------------------------------------------------------------------
    Alert(
        "PackcenterWrongDocumentStopped",
        "warning",
        "0s",
        "increase(packcenter_document_mismatches_total[10m]) > 0",
        "operator",
        Words(
            "A wrong document was stopped",
            "{plc} fed a document that is not proven to be the expected one. Its pouch is put out unsealed.",
            "Take the pouch to the hand station. If it happens again, check the order of the items in its lanes.",
        ),
        Words(
            "拦下一份不符的证照",
            "{plc} 送入的证照不能确认是应装的那一份，该袋已剔除、未封口。",
            "把该袋送人工台；若再发生，检查其各格口内的先后次序。",
        ),
        (('packcenter_document_mismatches_total{plc="bagger-4"}', "0x60 1x20"),),
        (('packcenter_document_mismatches_total{plc="bagger-4"}', "1x80"),),
        labels=(("plc", "bagger-4"),),
    ),
    Alert(
        "PackcenterBadParcelShareHigh",
        "warning",
        "5m",
        "plc:packcenter_parcels_bad:ratio_rate15m > 0.03",
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
    ),
    Alert(
        "PackcenterBagNotClosed",
        "warning",
        "5m",
        'packcenter_bags{state="closing"} > 0',
        "operator",
        Words(
            "A bag does not close",
            "A bag was asked to close five minutes ago and still hangs open.",
            "Look at the dispatch rack: is a bag caught, is the seal used up?",
        ),
        Words("总包未能封闭", "有总包五分钟前已要求封闭，至今未封。", "查看封发架：袋子是否卡住，封签是否用完。"),
        (('packcenter_bags{state="closing"}', "0 2x80"),),
        (('packcenter_bags{state="closing"}', "0 2x10 0x70"),),
        labels=(("state", "closing"),),
    ),
    Alert(
        "PackcenterBagSuspect",
        "warning",
        "0s",
        'packcenter_bags{state="suspect"} > 0',
        "operator",
        Words(
            "A bag holds what does not belong there",
            "A bag took a parcel of another destination or an unknown one. When it is closed it is for the hand station.",
            "Take the bag to the hand station, open it and scan every parcel.",
        ),
        Words("总包内有错件", "有总包混入其他寄达地或未知的邮件，封闭后须转人工台。", "把该包送人工台，拆包逐件扫描。"),
        (('packcenter_bags{state="suspect"}', "0 1x80"),),
        (('packcenter_bags{state="suspect"}', "0x80"),),
        labels=(("state", "suspect"),),
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
    ),
    Alert(
        "PackcenterPlcErrors",
        "warning",
        "5m",
        "plc:packcenter_plc_requests_failed:ratio_rate5m > 0.02 unless on (job, instance, plc) packcenter_plc_up == 0",
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
    ),
    Alert(
        "PackcenterPlcFlapping",
        "warning",
        "0s",
        "increase(packcenter_plc_link_losses_total[15m]) > 3",
        "maintenance",
        Words(
            "A link comes and goes",
            "The link to {plc} was lost more than three times in 15 minutes.",
            "Check plug and cable first, then the switch port, then who else talks to it.",
        ),
        Words(
            "PLC 连接时断时续",
            "15 分钟内与 {plc} 的连接断开超过三次。",
            "先查插头和网线，再查交换机端口，最后查还有谁在连它。",
        ),
        (('packcenter_plc_link_losses_total{plc="bagger-3"}', "0x40 0+1x40"),),
        (('packcenter_plc_link_losses_total{plc="bagger-3"}', "0x60 0 1 2x18"),),
        labels=(("plc", "bagger-3"),),
    ),
    Alert(
        "PackcenterPlcRestarts",
        "warning",
        "0s",
        "increase(packcenter_plc_lives_total[30m]) > 2",
        "maintenance",
        Words(
            "A PLC restarts again and again",
            "{plc} began more than two new lives in half an hour. What it tracked is lost each time.",
            "Check its power supply and its diagnostic buffer.",
        ),
        Words("PLC 反复重启", "{plc} 半小时内重启两次以上，每次都会丢失跟踪信息。", "检查其电源和诊断缓冲区。"),
        (('packcenter_plc_lives_total{plc="sorter-1"}', "1x40 1+1x40"),),
        (('packcenter_plc_lives_total{plc="sorter-1"}', "1x60 2x20"),),
        labels=(("plc", "sorter-1"),),
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
    ),
    Alert(
        "PackcenterCommandsRefused",
        "warning",
        "0s",
        'sum by (job, instance, plc) (increase(packcenter_plc_commands_total{result!~"done|late|place_not_open|nothing_there"}[10m])) > 5',
        "maintenance",
        Words(
            "A PLC does not do what it is asked",
            "{plc} refused more than five commands in ten minutes or never answered them.",
            "Look at the commands by result; an interlock is the machine's, a wrong state or a malformed command is the program's.",
        ),
        Words(
            "PLC 拒绝执行命令",
            "{plc} 十分钟内拒绝或不答复的命令超过五条。",
            "按结果查看命令：联锁是设备问题，状态错误或格式错误是程序问题。",
        ),
        (('packcenter_plc_commands_total{plc="bagger-2",result="interlock"}', "0x50 0+1x30"),),
        (('packcenter_plc_commands_total{plc="bagger-2",result="done"}', "0x50 0+9x30"),),
        labels=(("plc", "bagger-2"),),
    ),
    # --- the controller -----------------------------------------------------------------------------------------------
    Alert(
        "PackcenterJournalDiskLow",
        "warning",
        "5m",
        "packcenter_journal_free_bytes / packcenter_journal_size_bytes < 0.2",
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
    Alert(
        "PackcenterAlarmFlood",
        "warning",
        "0s",
        "job:packcenter_alerts_raised:count10m > 10",
        "operator",
        Words(
            "Too many alarms at once",
            "More than ten alarms came in ten minutes; the first cause is hard to see.",
            "Begin with the PLCs that cannot be heard, then with the machines; the rest mostly follows from these.",
        ),
        Words("报警泛滥", "十分钟内新增报警超过十条，难以看清最初的原因。", "先处理失联的 PLC，再处理设备；其余多由此引起。"),
        tuple(
            (f'ALERTS{{alertname="PackcenterJam",alertstate="firing",severity="warning",plc="m-{n}"}}', "_x48 1x32")
            for n in range(11)
        ),
        tuple(
            (f'ALERTS{{alertname="PackcenterJam",alertstate="firing",severity="warning",plc="m-{n}"}}', "_x48 1x32")
            for n in range(10)
        ),
        at="14m",
        of_a_target=False,
        labels=(("job", JOB),),
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
