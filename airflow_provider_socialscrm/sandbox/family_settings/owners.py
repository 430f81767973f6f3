"""How the sandbox clears the owners of customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, kw_only=True)
class OwnerSettings:
    """The signing of such calls, and the response for unknown customers."""

    unknown_customers: Annotated[
        Literal["named", "532"],
        Meta(
            description=(
                "Response when the owner of a customer is cleared whom the CRM does not have: named as failed, or 532; "
                "our assumption (see docs/vendor-api.md, 1.11)."
            )
        ),
    ] = "named"
    owners_signing: Annotated[
        Literal["both", "body"],
        Meta(
            description=(
                "How clearing owners may be signed: both ways, or body only; our assumption "
                "(see docs/vendor-api.md, 1.11)."
            )
        ),
    ] = "both"
