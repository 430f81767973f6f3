"""How much the sandbox takes: in one call, and in a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """Sizes of a call, and calls a second."""

    rows_per_call: Annotated[
        int,
        Meta(ge=1, description="Rows one call may carry, above it 507; our assumption (see docs/vendor-api.md, 5.2)."),
    ] = 1000
    bytes_per_call: Annotated[
        int,
        Meta(ge=1, description="Bytes one body may have, above it 507; our assumption (see docs/vendor-api.md, 5.2)."),
    ] = 4 * 1024 * 1024
    calls_per_second: Annotated[
        int, Meta(ge=1, description="Calls a second one path takes (see docs/vendor-api.md, 5.1).")
    ] = 50
    over_limit: Annotated[
        Literal["429", "429-retry-after", "517"],
        Meta(
            description=(
                "Response above calls_per_second: 429, 429-retry-after or 517; our assumption "
                "(see docs/vendor-api.md, 5.1)."
            )
        ),
    ] = "429-retry-after"
