"""What a site file may say of a belt that goes round."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from packcenter.config.fields import Closed


class Loop(Closed):
    """How a sorter's belt goes round."""

    laps_max: Annotated[int, Field(ge=1, le=20)] = Field(
        description="How often an item whose lanes have no room goes round before it is put into the exception lane."
    )
    round_length_mm: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        description="Millimetres from the belt's end back to the scanner."
    )
    items_max: Annotated[int, Field(ge=6, le=10_000)] = Field(
        description="Most items on the whole loop; the infeed is held in time for it, and let go when there is room again."
    )
