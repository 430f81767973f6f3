"""The CRM's codes with the vendor's text for each (vendor API 4), and how a code reaches the client.

An endpoint returns an :class:`Answer` or raises :class:`Rejected`; either becomes the :class:`Reply` that faults change
and ``app`` sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

JSON_TYPE = "application/json;charset=UTF-8"
HTML_TYPE = "text/html"

SUCCESS = 200
OTHER = -1
"""Rejections without a number of their own; the message says which (vendor API 4.6)."""

ADMIN_CANNOT_IMPORT = "Admin Cannot import data"

TEXTS = {
    200: "Success",
    501: "appSecret error",
    502: "timestamp timeout",
    503: "name is empty",
    504: "executor error",
    505: "executor is empty",
    506: "data is empty",
    507: "data size big",
    508: "no exist userName",
    509: "customer group is null",
    510: "customer group key error",
    511: "customer group value error",
    512: "send type == 1 and startTime is not null",
    513: "start time is error",
    514: "content is null",
    515: "file is null",
    516: "main userId is null",
    517: "database error",
    518: "timestamp is null",
    519: "timestamp is error",
    520: "send interval is null",
    521: "task name repetition",
    522: "accessToken is error",
    523: "tenantId is null",
    524: "userName is null",
    525: "token is null",
    526: "createTime is null",
    527: "group is error",
    528: "group is null",
    529: "Non-professional Edition",
    530: "action username error",
    531: "userName is error",
    532: "customer whats id is null",
    533: "extended field format error",
    534: "whatsid list null",
    536: "groupLinkList is null",
    537: "groupLink is not exist . Please reload it !",
    538: "parsing group link. Please try again later",
}


class Rejected(Exception):  # noqa: N818 - the CRM's verdict on a call or a row, not an error of this program
    """The CRM rejects a call or a row.

    :param code: number in the envelope's ``code``
    :param message: text in the envelope's ``message``; default the vendor's text for the number
    """

    def __init__(self, code: int, message: str | None = None) -> None:
        self.code = code
        self.message = TEXTS.get(code, "") if message is None else message
        super().__init__(f"{code} {self.message}")


class WrongMethod(Exception):  # noqa: N818 - as Rejected
    """The CRM does not know the path with the method of the call: HTTP 405."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The envelope ``{"code", "message", "data"}``; ``data`` is an empty text unless the endpoint returns something."""

    code: int = SUCCESS
    message: str = TEXTS[SUCCESS]
    data: Any = ""

    @classmethod
    def of(cls, rejected: Rejected) -> Answer:
        """Return the answer to a rejected call: the code, its text and an empty ``data`` (vendor API 6.1)."""
        return cls(rejected.code, rejected.message)


@dataclass(frozen=True, slots=True)
class Dripping:
    """A reply that arrives in pieces.

    :param pieces: how many there are; blanks ahead of the content make it long enough
    :param pause: seconds before each
    :param with_headers: whether the status line and the headers arrive in pieces, too
    """

    pieces: int
    pause: float
    with_headers: bool


@dataclass(frozen=True, slots=True)
class Compressed:
    """A reply whose content is compressed behind many blanks.

    :param encoding: ``gzip`` or ``deflate``
    :param blanks: how many blanks, in bytes
    """

    encoding: str
    blanks: int


@dataclass(frozen=True, slots=True)
class Reply:
    """The bytes that a client receives: a whole HTTP response, a part of one, or none.

    :param status: the HTTP status, or None when the connection is reset without a response
    :param content: the bytes of the body that are sent
    :param promised: bytes that Content-Length promises when the connection closes before all are sent; else None
    :param content_type: media type
    :param headers: further HTTP headers
    :param code: the business code in the body, None when it has none
    :param message: the text beside the code
    :param delivery: how the bytes travel, None when they arrive as they are
    """

    status: int | None
    content: bytes = b""
    promised: int | None = None
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    code: int | None = None
    message: str = ""
    delivery: Dripping | Compressed | None = None

    @classmethod
    def of(cls, answer: Answer) -> Reply:
        """Return the reply that carries an answer: HTTP 200 whatever the business code (vendor API 1.3)."""
        return cls(200, msgspec.json.encode(answer), code=answer.code, message=answer.message)

    @classmethod
    def throttled(cls, over_limit: str) -> Reply:
        """Return the reply to a call above the rate limit, by the setting ``over_limit`` (our assumption)."""
        if over_limit == "517":
            return cls.of(Answer.of(Rejected(517)))
        headers = {"Retry-After": "1"} if over_limit == "429-retry-after" else {}
        return cls(429, b"too many requests", content_type="text/plain", headers=headers)

    @property
    def is_complete(self) -> bool:
        """Whether the client gets a whole HTTP response."""
        return self.status is not None and self.promised is None
