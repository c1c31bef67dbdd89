"""What may stand in the file of people, key by key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from packcenter.config.fields import Closed, Name

PEOPLE_SCHEMA = "packcenter.people/1"

PEOPLE_MAX = 1_000  # a centre has some hundred; the file stays far below what is read of one
AGENCIES_MAX = 200

STAFF_PATTERN = r"^[A-Za-z0-9._-]{0,31}[0-9][A-Za-z0-9._-]{0,31}$"
DIGEST_PATTERN = r"^sha256:[0-9a-f]{32}:[0-9a-f]{64}$"
DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

REASON_CHARACTERS_MAX = 64
REASONS_MAX = 100

REASONS = (
    "换膜", "换色带", "换面单纸", "卡件已清除", "皮带磨损", "设备保养", "试运行", "早高峰", "提前发车", "交接班",
    "标签完好", "已人工核对", "已找到", "证件损坏需重制", "机构要求退回", "回执已扫描",
)  # fmt: skip
"""Reasons of acts in Chinese that a site has if it names none: film, ribbon or labels changed, jam cleared, belt worn, ..."""

PersonRole = Literal["operator", "engineer", "maintenance", "supervisor"]


Digest = Annotated[str, Field(pattern=DIGEST_PATTERN, examples=[f"sha256:{'0' * 32}:{'0' * 64}"])]
Day = Annotated[str, Field(pattern=DATE_PATTERN, examples=["2027-01-31"])]


class Person(Closed):
    """One person who may act."""

    id: Annotated[str, Field(pattern=STAFF_PATTERN, max_length=32, examples=["staff-1"])] = Field(
        description="Staff number, which journal and screens show; never a name."
    )
    roles: Annotated[list[PersonRole], Field(min_length=1, max_length=4)] = Field(
        description="Roles in which the person may act."
    )
    token: Digest = Field(description="Salt and SHA-256 of the person's token, which itself is written nowhere.")
    expires: Day | None = Field(
        default=None, description="Last day of the token, in UTC; without it the token lasts until it is revoked."
    )


class AgencyToken(Closed):
    """One agency that may ask for its feed from other machines."""

    id: Name = Field(description="The agency's name in the site file.")
    token: Digest = Field(description="Salt and SHA-256 of the agency's token, which itself is written nowhere.")
    expires: Day | None = Field(
        default=None, description="Last day of the token, in UTC; without it the token lasts until it is revoked."
    )


class People(Closed):
    """Who may act, which agencies may ask for their feed, and how they are known."""

    schema_: Literal["packcenter.people/1"] = Field(alias="schema", description="Kind and version of this file.")
    person: Annotated[list[Person], Field(max_length=PEOPLE_MAX)] = Field(default_factory=list, description="The people.")
    agency: Annotated[list[AgencyToken], Field(max_length=AGENCIES_MAX)] = Field(
        default_factory=list, description="Agencies with a token; the feed of another is for this machine alone."
    )
