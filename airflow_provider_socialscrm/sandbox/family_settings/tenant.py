"""Whom the sandbox knows: the tenant, its people, and what they may call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

from .names import Name

ExtensionType = Annotated[str, Meta(pattern=r"^(text|number|date|select:.+)$")]


@dataclass(frozen=True, kw_only=True)
class TenantSettings:
    """Company, logins, extension fields and plan."""

    tenant_id: Annotated[str, Meta(min_length=1, description="Company id that every call must carry.")] = "1"
    api_key: Annotated[
        str, Meta(min_length=1, description="ApiKey that tokens are verified with; shown only if it is this default.")
    ] = "SANDBOXKEY0123456789"
    admins: Annotated[
        tuple[Name, ...], Meta(description="Administrator logins; they cannot import (see docs/vendor-api.md, 2.5).")
    ] = ("admin",)
    agents: Annotated[tuple[Name, ...], Meta(description="Agent logins that can get customers.")] = (
        "agent_wang",
        "agent_silva",
        "agent_okafor",
        "agent_novak",
    )
    extension_fields: Annotated[
        dict[Name, ExtensionType],
        Meta(
            description=(
                "Configured extension fields: name to text, number, date or select:a|b (see docs/vendor-api.md, 3.3)."
            )
        ),
    ] = field(default_factory=lambda: {"Loyalty Level": "select:Bronze|Silver|Gold", "Last Order": "date"})
    plan: Annotated[
        Literal["professional", "basic"], Meta(description="professional or basic; basic has no API: code 529.")
    ] = "professional"
