"""What each fault does to a call's reply."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from http import HTTPStatus
from itertools import cycle
from typing import Any

import msgspec

from . import faults
from .codes import HTML_TYPE, SUCCESS, Answer, Compressed, Dripping, Rejected, Reply

GATEWAY_PAGE = b"""<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>
</html>
"""
LOGIN_PATH = "/login"
"""Where a stray redirect leads: nowhere."""

MEBIBYTE = 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SUCCESS_IN_CHINESE = "操作成功"
FAILURE_IN_CHINESE = "操作失败"

NUMBER = re.compile(r"[0-9]{7,15}")
SPELLINGS: dict[str, Callable[[str], str | int]] = {
    "c.us": lambda number: f"{number}@c.us",
    "plus": lambda number: f"+{number}",
    "integer": int,
    "spaces": lambda number: " ".join(number[at : at + 3] for at in range(0, len(number), 3)),
}
"""Other ways to write a number: the first as WhatsApp's own programs do, the others as tables do."""
CODE_SPELLINGS: dict[str, Callable[[int], str]] = {
    "float": lambda code: f"{code}.0",
    "text": lambda code: f'"{code}"',
    "exponent": lambda code: f"{Decimal(code).normalize():e}".replace("e+", "e"),
}


def reply_after(fault: faults.Fault | None, reply: Reply) -> Reply:
    """Return what a fault makes of a reply.

    :param reply: what the CRM replies; it does not matter when the call never reached the CRM
    """
    match fault:
        case faults.ResetBefore() | faults.ResetAfter() | faults.OrderResponseLost() | faults.Outage(by="closed"):
            reply = Reply(None)
        case faults.NotJson():
            reply = Reply(200, b"<<< not JSON >>>")
        case faults.Empty():
            reply = Reply(200)
        case faults.NoCode():
            reply = Reply(200, b'{"message":"Success","data":""}')
        case faults.Html(status=status):
            reply = Reply(status, GATEWAY_PAGE, content_type=HTML_TYPE)
        case faults.Http(status=status, retry_after=retry_after):
            reply = Reply(status, headers={} if retry_after is None else {"Retry-After": str(retry_after)})
        case faults.Code(code=code, message=message):
            reply = Reply.of(Answer.of(Rejected(code, message)))
        case faults.Outage(by=by):
            reply = _page(503) if by == "503" else Reply.of(Answer.of(Rejected(517)))
        case faults.Stray(status=status):
            reply = _page(status)
        case _:
            reply = _changed(fault, reply)
    return reply


def _changed(fault: faults.Fault | None, reply: Reply) -> Reply:
    """Return the reply with what a fault changes in it, where it does not replace it."""
    content = reply.content
    match fault:
        case faults.Truncated():
            reply = replace(reply, content=content[: len(content) // 2], promised=len(content))
        case faults.Drip(seconds=seconds, pause=pause, headers=with_headers):
            reply = replace(reply, delivery=Dripping(max(1, round(seconds / pause)), pause, with_headers))
        case faults.Bomb(mebibytes=mebibytes, encoding=encoding):
            reply = replace(reply, delivery=Compressed(encoding, mebibytes * MEBIBYTE))
        case faults.NumberSpelling(spelling=spelling):
            reply = replace(reply, content=_with_numbers_spelled(content, spelling))
        case faults.CodeSpelling(spelling=spelling) if reply.code is not None:
            usual, other = f'"code":{reply.code},', f'"code":{CODE_SPELLINGS[spelling](reply.code)},'
            reply = replace(reply, content=content.replace(usual.encode(), other.encode(), 1))
        case faults.ByteOrderMark():
            reply = replace(reply, content=BYTE_ORDER_MARK + content)
        case faults.Gbk():
            message = SUCCESS_IN_CHINESE if reply.code == SUCCESS else FAILURE_IN_CHINESE
            text = msgspec.json.encode(msgspec.json.decode(content) | {"message": message}).decode()
            reply = replace(reply, content=text.encode("gbk", errors="replace"), message=message)
    return reply


def _page(status: int) -> Reply:
    """Return the HTML page that servers have for a status; 200 has the page of a login."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    title = "Sign in" if status == HTTPStatus.OK else f"{status} {phrase}".strip()
    content = f"<html>\n<head><title>{title}</title></head>\n<body><center><h1>{title}</h1></center></body>\n</html>\n"
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return Reply(
        status, content.encode(), content_type=HTML_TYPE, headers={"Location": LOGIN_PATH} if is_redirect else {}
    )


def _with_numbers_spelled(content: bytes, spelling: str) -> bytes:
    ways = cycle(SPELLINGS.values() if spelling == "mixed" else [SPELLINGS[spelling]])

    def spelled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: spelled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [spelled(each) for each in value]
        return next(ways)(value) if isinstance(value, str) and NUMBER.fullmatch(value) else value

    envelope = msgspec.json.decode(content)
    return msgspec.json.encode(envelope | {"data": spelled(envelope["data"])})
