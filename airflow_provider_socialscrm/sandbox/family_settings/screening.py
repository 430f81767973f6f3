"""How the sandbox screens numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, kw_only=True)
class ScreeningSettings:
    """Screening orders, and the form of their results."""

    screening_seconds: Annotated[float, Meta(ge=0, description="Seconds that a screening order takes.")] = 2.0
    screening_limit: Annotated[
        Literal["507", "-1"],
        Meta(
            description=(
                "Response to an order of fewer than 500 or more than 20,000 numbers: 507 or -1; our assumption "
                "(see docs/vendor-api.md, 1.8)."
            )
        ),
    ] = "507"
    screening_method: Annotated[
        Literal["POST", "GET"],
        Meta(
            description=(
                "Method that reads a screening's result, POST or GET; with the other one HTTP 405; our assumption "
                "(see docs/vendor-api.md, 1.8)."
            )
        ),
    ] = "POST"
    screening_result: Annotated[
        Literal["objects", "map", "lists", "numbers"],
        Meta(
            description=(
                "Form of a screening's result: objects, map (by number), lists (by verdict) or numbers (those found); "
                "our assumption (see docs/vendor-api.md, 1.8)."
            )
        ),
    ] = "objects"
