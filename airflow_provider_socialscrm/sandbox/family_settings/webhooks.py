"""Where the sandbox sends webhooks, and how it signs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from .names import Name


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """Address, signature and pace of webhooks."""

    webhook_url: Annotated[
        str, Meta(pattern=r"^(https?://.+)?$", description="Address that webhooks are sent to; empty: none are sent.")
    ] = ""
    webhook_secret: Annotated[
        str, Meta(min_length=1, description="Secret that webhooks are signed with; never shown.")
    ] = "SANDBOXSECRET0123456789"  # noqa: S105 - the sandbox's own
    webhook_speed: Annotated[
        float, Meta(gt=0, description="How much faster than the vendor a webhook is repeated; 10: after 1, 3, 18 s ...")
    ] = 1.0
    webhook_signature: Annotated[
        Literal["headers", "body"],
        Meta(
            description=(
                "Where the signature of a webhook is: headers, or body as before June 2024; our assumption "
                "(see docs/vendor-api.md, 9.1)."
            )
        ),
    ] = "headers"
    webhook_names: Annotated[
        tuple[Name, Name, Name],
        Meta(
            description=(
                "Headers of a webhook with tenant, time and signature; our assumption (see docs/vendor-api.md, 9.1)."
            )
        ),
    ] = ("tenant_id", "timestamp", "access_token")
