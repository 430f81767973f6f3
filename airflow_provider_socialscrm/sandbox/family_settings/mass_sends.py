"""How the sandbox takes mass sends to a stage, a tag or a group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

GroupText = Annotated[str, Meta(pattern=r"^[^=]+=([0-9]{7,15}(\|[0-9]{7,15})*)?$")]


@dataclass(frozen=True, kw_only=True)
class MassSendSettings:
    """Groups, the conditions on which a mass send is accepted, and its pace."""

    groups: Annotated[
        tuple[GroupText, ...],
        Meta(description="Groups of customers that a mass send may go to, as name=number|number."),
    ] = ("VIP=",)
    executors_as: Annotated[
        Literal["list", "text", "both"],
        Meta(
            description=(
                'How a mass send has its executors: list ("executorList": ["a"]), text ("executor": "[a]") or both; '
                "our assumption (see docs/vendor-api.md, 1.9)."
            )
        ),
    ] = "list"
    mass_send_names: Annotated[
        Literal["all", "unfinished"],
        Meta(
            description=(
                "Whose names are taken (521): those of all mass sends, or of unfinished ones only; our assumption "
                "(see docs/vendor-api.md, 1.9)."
            )
        ),
    ] = "all"
    mass_send_name_length: Annotated[
        int,
        Meta(
            ge=1,
            description=(
                "Characters of a mass send's name, above it -1; our assumption (see docs/vendor-api.md, 1.9)."
            ),
        ),
    ] = 100
    mass_send_data: Annotated[
        Literal["empty", "ids"],
        Meta(
            description=(
                "Data of the response to a mass send: empty, or the ids of the tasks; our assumption "
                "(see docs/vendor-api.md, 1.9)."
            )
        ),
    ] = "empty"
    mass_send_nobody: Annotated[
        Literal["accepted", "511"],
        Meta(
            description=(
                "Response to a mass send to a stage or tag that no customer has: accepted or 511; our assumption "
                "(see docs/vendor-api.md, 1.9)."
            )
        ),
    ] = "accepted"
    mass_send_speed: Annotated[
        float, Meta(gt=0, description="How much faster than its interval a mass send goes from customer to customer.")
    ] = 1.0
