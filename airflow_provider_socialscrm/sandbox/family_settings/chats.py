"""The messages of the sandbox, and how their pages are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, kw_only=True)
class ChatSettings:
    """Messages, and the pages that list them."""

    chats_per_day: Annotated[
        int, Meta(ge=0, le=10_000_000, description="Messages a day of each agent; the same in every run.")
    ] = 100
    chat_order: Annotated[
        Literal["newest", "oldest", "unstable"],
        Meta(
            description=(
                "Which messages are first in a list: newest or oldest; unstable: messages of one second change places "
                "from call to call; our assumption (see docs/vendor-api.md, 1.7)."
            )
        ),
    ] = "newest"
    chat_total: Annotated[
        Literal["exact", "rounded", "capped", "missing"],
        Meta(
            description=(
                "The total of a list of messages: exact, rounded down to tens, capped at 10,000 or missing; our "
                "assumption (see docs/vendor-api.md, 1.7)."
            )
        ),
    ] = "exact"
    chat_page_size: Annotated[
        int,
        Meta(
            ge=1,
            description=(
                "Messages that a page has at most, whatever the call asks for; our assumption "
                "(see docs/vendor-api.md, 1.7)."
            ),
        ),
    ] = 500
    chat_past_end: Annotated[
        Literal["empty", "last"],
        Meta(
            description=(
                "The page behind the last one: empty, or the last one again; our assumption "
                "(see docs/vendor-api.md, 1.7)."
            )
        ),
    ] = "empty"
