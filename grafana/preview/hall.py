"""The reference hall as previews and tests of the screens need it: 2 sorters, 4 baggers, a rack with 32 positions."""

from __future__ import annotations

from packcenter.core.hall import (
    Bagger,
    BagLimits,
    Destination,
    Group,
    Hall,
    Lane,
    MailClass,
    Plan,
    Position,
    Rack,
    Rule,
    Sorter,
    Waybills,
)

CLASSES = ("tax_invoice", "id_card", "exit_entry_permit", "residence_permit", "official_letter")
DISTRICTS = (
    "xuanwu", "qinhuai", "jianye", "gulou", "pukou", "qixia", "yuhuatai", "jiangning", "luhe", "lishui", "gaochun",
)  # fmt: skip
CITIES = (
    "wuxi", "xuzhou", "changzhou", "suzhou", "nantong", "lianyungang", "huaian", "yancheng", "yangzhou", "zhenjiang",
    "taizhou", "suqian",
)  # fmt: skip
REGIONS = ("north", "northeast", "east", "southeast", "central", "south", "southwest", "northwest")


def reference_hall(utc_offset_minutes: int = 480) -> Hall:
    """The hall that the metric budget is stated for; another offset moves its cut-offs."""
    names = (*DISTRICTS, *CITIES, *REGIONS)
    destinations = tuple(
        Destination(name, ((100_000 + 20_000 * n, 100_000 + 20_000 * n + 19_999),)) for n, name in enumerate(names)
    )
    positions = (*(Position(n, name) for n, name in enumerate(names, 1)), Position(32, "elsewhere"))
    sorters = ("sorter-1", "sorter-2")
    baggers = tuple(Bagger(f"bagger-{n}", 15_000, 20_000, 3_000) for n in (1, 2, 3, 4))

    def group(name: str, lanes: tuple[int, ...], *overflow: str) -> Group:
        return Group(name, tuple((s, n) for s in sorters for n in lanes), "least", overflow)

    return Hall(
        name="Smart government mail operations centre",
        centre="NJ01",
        utc_offset_minutes=utc_offset_minutes,
        agencies=("tax", "police", "immigration", "offices"),
        mail_classes=tuple(MailClass(name, name not in ("tax_invoice", "official_letter"), 10, 120, 1, 300) for name in CLASSES),
        sorters=tuple(
            Sorter(
                plc=plc,
                belt_mm_per_s=1_500,
                belt_mm=24_000,
                actuator_ms=60,
                scan_cycle_ms=10,
                link_ms=100,
                confirm_slack_ms=1_500,
                lanes=tuple(
                    Lane(
                        n,
                        "" if n == 9 else baggers[2 * s + (n > 4)].plc,
                        0 if n == 9 else (n - 1) % 4 + 1,
                        1_500 + 2_200 * n,
                        1_000 if n == 9 else 40,
                        True,
                    )
                    for n in range(1, 10)
                ),
                exception_lane=9,
                ideal_cycle_ms=1_200,
            )
            for s, plc in enumerate(sorters)
        ),
        baggers=baggers,
        rack=Rack("rack-1", positions, 0, 60_000, 60_000, 600),
        waybills=Waybills("EE", 10_000_000, 19_999_999, "CN"),
        plan=Plan(
            version="2026-11-a",
            destinations=destinations,
            groups=(
                group("documents", (1, 2, 3, 4, 5)),
                group("invoices", (6,), "letters"),
                group("letters", (7, 8), "invoices"),
            ),
            rules=(
                Rule("invoices", ("tax_invoice",), (), (), (), "invoices"),
                Rule("letters", ("official_letter",), (), (), (), "letters"),
                Rule("documents", (), (), (), (), "documents"),
            ),
            bags=BagLimits(25, 20_000, (720, 990, 1140)),
        ),
    )
