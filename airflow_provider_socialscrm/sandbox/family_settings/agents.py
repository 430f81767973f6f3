"""How the sandbox responds to queries for agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, kw_only=True)
class AgentSettings:
    """Responses to queries for agents."""

    unknown_agents: Annotated[
        Literal["530", "null"],
        Meta(
            description=(
                "Response to a query for an unknown login: 530, or null as data; our assumption "
                "(see docs/vendor-api.md, 1.4)."
            )
        ),
    ] = "530"
    agent_list: Annotated[
        Literal["userName", "username", "refused"],
        Meta(
            description=(
                "Field with the login in the list of agents, or refused: there is no list; our assumption "
                "(see docs/vendor-api.md, 1.6)."
            )
        ),
    ] = "userName"
