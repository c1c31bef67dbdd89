"""
Checks of rules that combine letters to one addressee: a case rack gathers them, and no document of a secure class is among them.
"""

from __future__ import annotations

from collections.abc import Sequence

from packcenter.config.errors import choice, quoted
from packcenter.config.models import Plan, Site
from packcenter.config.names import Findings
from packcenter.config.toml import KeyPath
from packcenter.config.validate import Loaded, Value


def check_combining(site: Loaded[Site], plan: Loaded[Plan]) -> Findings:
    """A rule can combine only where letters can gather, and says how only if it does."""
    for at, rule in enumerate(plan.model.rule):
        path: KeyPath = ("rule", at)
        if not plan.sound(*path):
            continue
        for key in ("combine_minutes", "combine_pouch"):
            if key in rule.model_fields_set and not rule.combine:
                advice = "It would have no effect; set combine, or take it out."
                seen = f"{key} without combine"
                yield plan.finding((*path, key), "combine", seen, "combine = true beside it", advice, at_key=True)
        if rule.combine and not site.model.case_rack and site.sound("case_rack"):
            advice = (
                "Letters to one addressee gather in a cell of a case rack, and this site has none: they would all leave alone."
            )
            yield plan.finding((*path, "combine"), "combine", Value(True), "a site with a [[case_rack]]", advice)


def check_secure(site: Loaded[Site], plan: Loaded[Plan], at: int, classes: Sequence[str]) -> Findings:
    """`classes` are those that the rule decides about, after the rules before it."""
    if not plan.model.rule[at].combine or not site.sound("mail_class"):
        return
    secure = [each.name for each in site.model.mail_class if each.secure and each.name in classes]
    if secure:
        name = plan.model.rule[at].name
        seen = f"true in {quoted(name)}, which takes class {choice(secure)}"
        advice = "Such documents leave alone or with their case; narrow mail_classes to letters, or put a rule for them before."
        yield plan.finding(("rule", at, "combine"), "combine", seen, "a rule without secure classes", advice)
