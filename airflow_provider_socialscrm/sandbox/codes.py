"""The codes this CRM answers with, and the vendor's text for each (contract 4.1)."""

from __future__ import annotations

SUCCESS = 200
OTHER = -1
"""Refusals without a number of their own; the message says which (contract 2.6)."""

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


class Refused(Exception):  # noqa: N818 - the CRM's verdict on a call or a row, not an error of this program
    """The CRM refuses a call or a row.

    :param code: number in the answer's ``code``
    :param message: text in the answer's ``message``; default the vendor's text for the number
    """

    def __init__(self, code: int, message: str | None = None) -> None:
        self.code = code
        self.message = TEXTS.get(code, "") if message is None else message
        super().__init__(f"{code} {self.message}")
