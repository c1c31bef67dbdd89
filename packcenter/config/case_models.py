"""What may stand in a site file about case racks and cases, key by key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from packcenter.config.fields import PLACES_MAX, Closed, IdealCycle, Millis, Name, Place, PlcName

PREFIX_PATTERN = r"^[A-Z0-9-]{0,32}$"


class Outlet(Closed):
    """Where a case rack lays out a case for a bagger."""

    number: Annotated[int, Field(ge=1, le=32)] = Field(
        description="Number of the outlet; 0 is the hand station and always there."
    )
    feeds: PlcName = Field(description="Bagger that packs what is laid out there.")
    infeed: Place = Field(description="Infeed of that bagger.")


class CaseRack(Closed):
    """A rack with a cell for each case whose documents come one by one."""

    plc: PlcName = Field(description="Name of the case rack's PLC.")
    infeeds: Place = Field(description="How many infeeds the machine has; lanes feed them as they feed a bagger's.")
    cells: Annotated[int, Field(ge=1, le=999)] = Field(description="How many cells it has, numbered from 1.")
    cell_documents: Annotated[int, Field(ge=2, le=20)] = Field(description="Documents that fit into a cell.")
    store_timeout_ms: Millis = Field(description="Longest time from a store order to the document in its cell.")
    release_timeout_ms: Millis = Field(description="Longest time to empty a cell into an outlet.")
    ideal_cycle_ms: IdealCycle = None
    outlet: Annotated[list[Outlet], Field(min_length=1, max_length=PLACES_MAX)] = Field(description="Where cases are laid out.")


class CaseType(Closed):
    """What the cases whose code begins alike have in common."""

    name: Name = Field(description="Name of the type.")
    prefix: Annotated[str, Field(pattern=PREFIX_PATTERN, examples=["NB-"])] = Field(
        description="What the code of its cases begins with; empty fits all. The first type that fits is a case's."
    )
    mail_classes: Annotated[list[Name], Field(max_length=20)] = Field(
        default_factory=list,
        description="The documents of a case, one of each class; empty: as many as case_size says, of any class.",
    )
    wait_minutes: Annotated[int, Field(ge=1, le=100_000)] = Field(
        description="How long the others have after the first document is in its cell, if the manifest has no due time."
    )
    when_missing: Literal["wait", "part_ship", "hand"] = Field(
        description='"wait": people are told; "part_ship": what is there leaves, the rest follows; "hand": the hand station.'
    )
    pouch: Annotated[int, Field(ge=0, le=65535)] = Field(
        description="Size of the pouch that the bagger takes for the whole case."
    )
