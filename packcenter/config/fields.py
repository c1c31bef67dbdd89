"""What the models of all files share: a table without room for unknown keys, and the kinds of values that many keys have."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PLACES_MAX = 32  # words 14 and 15 of `Out` have one bit for each lane or position

NAME_PATTERN = r"^[a-z][a-z0-9_-]{0,47}$"
PLC_NAME_PATTERN = r"^[a-z][a-z0-9-]{0,31}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN, examples=["name-1"])]
PlcName = Annotated[str, Field(pattern=PLC_NAME_PATTERN, examples=["plc-1"])]
Place = Annotated[int, Field(ge=1, le=PLACES_MAX)]
Millis = Annotated[int, Field(ge=1, le=3_600_000)]
IdealCycle = Annotated[
    Millis | None,
    Field(description="Milliseconds for one item at design speed, from the machine's data sheet; effectiveness and OEE need it."),
]


class Closed(BaseModel):
    """A table without room for keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
