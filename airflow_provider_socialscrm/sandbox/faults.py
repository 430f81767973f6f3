"""Trouble on request: the kinds of fault, and what each makes of a call's reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from .answers import Answer
from .codes import TEXTS
from .replies import HTML_TYPE, Reply, reply_of

GATEWAY_PAGE = b"""<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>
</html>
"""

Seconds = Annotated[float, Meta(ge=0, le=3600)]
Status = Annotated[int, Meta(ge=200, le=599)]


class FaultError(ValueError):
    """A fault's kind is unknown, or one of its options is not what it takes."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every kind of fault can be told.

    :param times: how often it strikes; default until it is removed
    :param rate: probability with which it strikes a call, 0 to 1; default every call
    :param after: calls it lets pass first; default none
    :param path: the end of the API paths it strikes, such as ``batchImport``; default all
    """

    times: Annotated[int, Meta(ge=1)] | None = None
    rate: Annotated[float, Meta(ge=0, le=1)] = 1.0
    after: Annotated[int, Meta(ge=0)] = 0
    path: str = ""

    @property
    def kind(self) -> str:
        """The fault's name in rules and in the list of calls."""
        return str(self.__struct_config__.tag)


class Latency(Rule, frozen=True, tag="latency"):
    """The call waits for some ``seconds`` before it is looked at; it can strike together with another fault."""

    seconds: Seconds = 1.0


class ResetBefore(Rule, frozen=True, tag="reset_before"):
    """The connection is reset, and nothing was stored."""


class ResetAfter(Rule, frozen=True, tag="reset_after"):
    """The connection is reset although the customers were stored."""


class Truncated(Rule, frozen=True, tag="truncated"):
    """The customers were stored, but the connection closes after half of the answer."""


class NotJson(Rule, frozen=True, tag="not_json"):
    """The customers were stored, but the answer is no JSON."""


class Empty(Rule, frozen=True, tag="empty"):
    """The customers were stored, but the answer's body is empty."""


class NoCode(Rule, frozen=True, tag="no_code"):
    """The customers were stored, but the answer is a JSON object without ``code``."""


class Html(Rule, frozen=True, tag="html"):
    """A gateway answers with its HTML page and a ``status``; ``commit`` says whether the customers were stored."""

    status: Status = 502
    commit: bool = False


class Http(Rule, frozen=True, tag="http"):
    """A gateway answers with a ``status``, and ``retry_after`` seconds or an HTTP date; ``commit`` as for HTML."""

    status: Status = 503
    retry_after: int | str | None = None
    commit: bool = False


class Code(Rule, frozen=True, tag="code"):
    """The CRM answers with a business ``code``; nothing was stored. ``message`` defaults to the vendor's text."""

    code: int = 517
    message: str | None = None


Fault = Latency | ResetBefore | ResetAfter | Truncated | NotJson | Empty | NoCode | Html | Http | Code
KINDS: dict[str, type[Rule]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (Latency, ResetBefore, ResetAfter, Truncated, NotJson, Empty, NoCode, Html, Http, Code)
}


def parse_fault(rule: Mapping[str, Any], *, strict: bool = True) -> Fault:
    """Read one rule, such as ``{"kind": "latency", "seconds": 0.2, "rate": 0.1}``.

    :param strict: when False, texts are read as numbers where a number belongs, as a command line needs it
    :raises FaultError: when the kind does not exist, or an option does not fit it
    """
    kind = KINDS.get(str(rule.get("kind")))
    if kind is None:
        raise FaultError(f"there is no fault of kind {rule.get('kind')!r}; the kinds are {', '.join(KINDS)}")
    try:
        fault: Fault = msgspec.convert(dict(rule), type=Fault, strict=strict)
    except msgspec.ValidationError as error:
        options = ", ".join(kind.__struct_fields__)
        raise FaultError(f"fault {rule['kind']}: {error}; its options are {options}") from None
    return fault


def reaches_crm(fault: Fault) -> bool:
    """Tell whether a struck call is carried out, and its customers stored, all the same."""
    match fault:
        case Html(commit=commit) | Http(commit=commit):
            return commit
        case ResetBefore() | Code():
            return False
        case _:
            return True


def spoiled(reply: Reply, fault: Fault) -> Reply:
    """Return what becomes of a call's reply; the reply of a call that never reached the CRM is not looked at."""
    match fault:
        case ResetBefore() | ResetAfter():
            reply = Reply(None)
        case Truncated():
            reply = replace(reply, content=reply.content[: len(reply.content) // 2], promised=len(reply.content))
        case NotJson():
            reply = Reply(200, b"<<< not JSON >>>")
        case Empty():
            reply = Reply(200)
        case NoCode():
            reply = Reply(200, b'{"message":"Success","data":""}')
        case Html(status=status):
            reply = Reply(status, GATEWAY_PAGE, content_type=HTML_TYPE)
        case Http(status=status, retry_after=retry_after):
            reply = Reply(status, headers={} if retry_after is None else {"Retry-After": str(retry_after)})
        case Code(code=code, message=message):
            reply = reply_of(Answer(code, TEXTS.get(code, "") if message is None else message))
    return reply
