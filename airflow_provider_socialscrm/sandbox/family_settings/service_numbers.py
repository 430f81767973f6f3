"""The service numbers that the agents of the sandbox work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from .names import Name

ServiceNumberText = Annotated[str, Meta(pattern=r"^[^=]+=[0-9]{7,15}(@(pc|mobile|cloud))?$")]


@dataclass(frozen=True, kw_only=True)
class ServiceNumberSettings:
    """The numbers, which of them are online, and the form in which they are listed."""

    service_numbers: Annotated[
        tuple[ServiceNumberText, ...],
        Meta(description="Numbers that agents work with, as agent=number, or agent=number@mobile or @cloud."),
    ] = ("agent_wang=8613900000001", "agent_silva=5511900000002@mobile")
    offline: Annotated[tuple[Name, ...], Meta(description="Service numbers that are not online.")] = ()
    numbers_as: Annotated[
        Literal["objects", "texts"],
        Meta(
            description=(
                "How lists whose items are not documented have service numbers: objects or texts; our assumption "
                "(see docs/vendor-api.md, 1.6)."
            )
        ),
    ] = "objects"
