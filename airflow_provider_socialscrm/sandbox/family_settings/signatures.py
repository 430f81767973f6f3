"""What the sandbox checks of a signature, and by which clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

MAX_CLOCK_OFFSET = 10 * 365 * 24 * 3600.0
"""Seconds, ten years; our choice: within it, dates can still express the skewed clock."""

CHECKS = ("tenant", "token", "time", "plan", "role")
"""What a signed call is checked for."""


@dataclass(frozen=True, kw_only=True)
class SignatureSettings:
    """The conditions on which a signed call is accepted."""

    window_seconds: Annotated[
        float, Meta(gt=0, description="Seconds a signature may be off; our assumption (see docs/vendor-api.md, 2.4).")
    ] = 60.0
    create_time_expires: Annotated[
        bool,
        Meta(
            description=(
                "Whether an old or a future createTime is rejected; our assumption (see docs/vendor-api.md, 2.4)."
            )
        ),
    ] = True
    check_order: Annotated[
        tuple[str, ...],
        Meta(
            description=(
                f"Order of the checks, the names {', '.join(CHECKS)}; our assumption (see docs/vendor-api.md, 3.5)."
            )
        ),
    ] = CHECKS
    time_zone: Annotated[
        str, Meta(description="Zone of createTime, an IANA name; our assumption (see docs/vendor-api.md, 2.3).")
    ] = "Asia/Shanghai"
    clock_offset: Annotated[
        float,
        Meta(
            ge=-MAX_CLOCK_OFFSET,
            le=MAX_CLOCK_OFFSET,
            description="Seconds the server's clock is ahead, also in the Date header; negative: behind.",
        ),
    ] = 0.0
    signers: Annotated[
        Literal["admins", "anybody"],
        Meta(
            description=(
                "Who signs mass sends, group links and cleared owners: admins, or anybody (agents, too); others get "
                "530; our assumption (see docs/vendor-api.md, 1.9)."
            )
        ),
    ] = "admins"
