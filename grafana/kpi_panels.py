"""
Panels of the KPIs of ISO 22400-2: OEE with its three factors, failures and repairs, and where the machines' time goes.

A machine without an ideal cycle has no OEE and no effectiveness: its cells stay empty. Figures "of today" are the counters since
midnight, so they are what `packcenter books` says of the day.
"""

# ruff: noqa: E501  (sentences stay whole, and Chinese characters count double)

from __future__ import annotations

from grafana.panels import Board, plain_numbers
from grafana.words import say
from packcenter.projections import families as words
from packcenter.projections.elements import ELEMENTS

_FACTORS = ("oee", "availability", "effectiveness", "quality")


def _factor(board: Board, name: str) -> str:
    t = board.text
    return {
        "oee": t("OEE", "综合效率 OEE"),
        "availability": t("Availability", "可用率"),
        "effectiveness": t("Effectiveness", "有效率"),
        "quality": t("Quality", "合格率"),
    }[name]


def wall(board: Board, *, width: int, height: int) -> None:
    """OEE and its three factors of each machine today, one row a machine, the worst first: a wall shows seven of them."""
    t = board.text
    machine = t("Machine", "设备")
    headings = {name: _factor(board, name) for name in _FACTORS} | {"oee": "OEE"}  # in one line of a narrow table
    board.table(
        t("OEE today", "今日 OEE"),
        t(
            "Availability x effectiveness x quality of each machine since midnight (ISO 22400): how much it ran, how fast, how well.",
            "零点以来各设备的 可用率 × 有效率 × 合格率（ISO 22400）：开得够不够、快不快、好不好。",
        ),
        " or ".join(
            f'label_replace(plc:packcenter_{name}:ratio_day{{@}}, "what", "{heading}", "", "")' for name, heading in headings.items()
        ),
        {"plc\\what": machine, **{heading: heading for heading in headings.values()}},
        "percentunit", width=width, height=height, matrix=("plc", "what"), missing="null", decimals=0, sort=headings["oee"],
    )  # fmt: skip


def trends(board: Board) -> None:
    """OEE and its three factors over time, a line for each machine."""
    t = board.text
    about = {
        "oee": t(
            "Ideal cycle times good items over planned busy time, over 15 minutes.", "15 分钟内 理想节拍 × 合格件数 ÷ 计划忙时。"
        ),
        "availability": t("Production time over planned busy time, over 15 minutes.", "15 分钟内 生产时间 ÷ 计划忙时。"),
        "effectiveness": t(
            "Ideal cycle times items over production time, over 15 minutes. Above 1 the ideal cycle is wrong.",
            "15 分钟内 理想节拍 × 件数 ÷ 生产时间；大于 1 说明理想节拍有误。",
        ),
        "quality": t("Good items over all items, over 15 minutes.", "15 分钟内 合格件数 ÷ 总件数。"),
    }
    for name in _FACTORS:
        board.lines(
            _factor(board, name), about[name], [(f"plc:packcenter_{name}:ratio_rate15m{{@}}", "{{plc}}")], "percentunit",
            width=6, height=8, soft=1,
        )  # fmt: skip


def failures(board: Board, *, width: int, height: int) -> None:
    """How often each machine failed today, and how long its repairs took."""
    t = board.text
    failed, repaired, between, repair = (
        t("Failures", "故障"),
        t("Repairs", "修复"),
        t("MTBF", "MTBF 平均无故障"),
        t("MTTR", "MTTR 平均修复"),
    )
    parts = (
        ('plc:packcenter_failures:sum_day{@,plc=~"$plc"}', failed),
        ('plc:packcenter_repairs:sum_day{@,plc=~"$plc"}', repaired),
        ('plc:packcenter_mtbf_seconds:ratio_day{@,plc=~"$plc"}', between),
        ('plc:packcenter_mttr_seconds:ratio_day{@,plc=~"$plc"}', repair),
    )
    board.table(
        t("Failures and repairs today", "今日故障与修复"),
        t(
            "Faults since midnight, mean production time between them, and mean time until the machine produced again.",
            "零点以来的故障次数、平均无故障生产时间、到恢复生产的平均修复时间。",
        ),
        " or ".join(f'label_replace({expr}, "what", "{what}", "", "")' for expr, what in parts),
        {"plc\\what": "PLC", **{what: what for _, what in parts}},
        "s", width=width, height=height, matrix=("plc", "what"), missing="null", sort="PLC",
        properties={failed: plain_numbers(), repaired: plain_numbers()},
    )  # fmt: skip


def time_elements(board: Board, *, width: int, height: int) -> None:
    """Where each machine's time went in the shown period, by the causes it told."""
    t = board.text
    board.table(
        t("Time by element", "时间构成"),
        t(
            "Production, setup, delays by their cause, down time, and time in which the machine could not be heard (ISO 22400), in the shown period.",
            "所示时段内的生产、准备、各类延误、故障停机和失联时间（ISO 22400）。",
        ),
        'sum by (plc, element) (increase(packcenter_machine_time_seconds_total{@,plc=~"$plc"}[$__range]))',
        {"plc\\element": "PLC"} | {element: say(element, board.language) for element in ELEMENTS},
        "s", width=width, height=height, matrix=("plc", "element"), sort="PLC", decimals=1,
    )  # fmt: skip


def time_in_state(board: Board, *, width: int, height: int) -> None:
    """How long each machine was in which PackML states, in the shown period."""
    t = board.text
    board.table(
        t("Time in PackML states", "PackML 状态时间"),
        t("Time in each group of PackML states in the shown period.", "所示时段内各组 PackML 状态的时间。"),
        'sum by (plc, state) (increase(packcenter_machine_state_seconds_total{@,plc=~"$plc"}[$__range]))',
        {"plc\\state": "PLC"} | {state: say(state, board.language) for state in words.MACHINE_STATES},
        "s", width=width, height=height, matrix=("plc", "state"), sort="PLC", decimals=1,
    )  # fmt: skip
