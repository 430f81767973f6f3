"""What goes back over the wire for one call: an HTTP answer, a part of one, or nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .answers import Answer

JSON_TYPE = "application/json;charset=UTF-8"
HTML_TYPE = "text/html"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as the client sees it.

    :param status: the HTTP status, or None when the connection is dropped without an answer
    :param content: the body's bytes that are really sent
    :param promised: bytes that Content-Length promises when the connection breaks before all are sent; else None
    :param content_type: media type
    :param headers: further HTTP headers
    :param code: the business code in the body, None when it has none
    :param message: the text beside the code
    """

    status: int | None
    content: bytes = b""
    promised: int | None = None
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    code: int | None = None
    message: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the client gets a whole HTTP answer."""
        return self.status is not None and self.promised is None


def reply_of(answer: Answer) -> Reply:
    """Return an envelope's reply: HTTP 200 whatever the business code (contract 3)."""
    return Reply(200, answer.encoded(), code=answer.code, message=answer.message)


def too_many_calls(over_limit: str) -> Reply:
    """Return the reply to a call above the rate limit, by the setting ``over_limit``; unknown, so our assumption."""
    if over_limit == "517":
        return reply_of(Answer(517, "database error"))
    headers = {"Retry-After": "1"} if over_limit == "429-retry-after" else {}
    return Reply(429, b"too many requests", content_type="text/plain", headers=headers)
