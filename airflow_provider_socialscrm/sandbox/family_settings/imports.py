"""How the sandbox responds to an import of customers with bad rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, kw_only=True)
class ImportSettings:
    """The response to a call with bad rows, and whether its good rows stay."""

    refusal: Annotated[
        Literal["atomic", "partial"],
        Meta(
            description=(
                "atomic: one bad row rejects the whole call; partial: good rows stay; our assumption "
                "(see docs/vendor-api.md, 6.1)."
            )
        ),
    ] = "atomic"
    failures: Annotated[
        Literal["unnamed", "whats_ids", "lists"],
        Meta(
            description=(
                "How the response names rows: unnamed, whats_ids or lists; our assumption "
                "(see docs/vendor-api.md, 6.2)."
            )
        ),
    ] = "unnamed"
    strangers: Annotated[
        Literal["none", "extra", "missing"],
        Meta(description="extra: a response that names rows adds a number nobody sent; missing: it omits one; none."),
    ] = "none"
