"""How the sandbox parses group links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, kw_only=True)
class GroupLinkSettings:
    """The time that a link takes, and the response until then."""

    group_link_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description=(
                "Seconds until a group link is parsed, before that 538; our assumption (see docs/vendor-api.md, 1.10)."
            ),
        ),
    ] = 2.0
    group_link_pending: Annotated[
        Literal["call", "link"],
        Meta(
            description=(
                "Where 537 and 538 are: the code of the call, or of each link in the response; our assumption "
                "(see docs/vendor-api.md, 1.10)."
            )
        ),
    ] = "call"
