"""The vendor's codes on its API endpoints: what each means, what it asks for, what a person should mend.

The numbers and texts are those of the vendor's error table (vendor API 4). They hold for API
calls only: webhook confirmations use the same numbers with other meanings (vendor API 4.7). 535 is in no source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

SUCCESS = 200
"""``code`` of an answer that took the whole call (vendor API 1.3). The message beside it varies and is never tested."""

REFUSED = -1
"""``code`` of a refusal that only its text explains (vendor API 4.6)."""

ADMIN_CANNOT_IMPORT = "Admin Cannot import data"
"""The one text that is known to come with -1 (vendor API 4.6)."""


class Recovery(StrEnum):
    """What a failure asks for; ``importer.recovery`` turns it into the next step."""

    SETTLE = "settle"  # nothing failed
    RE_SIGN = "re-sign"  # sign again with the server's time
    WAIT = "wait"  # the service is ill and took nothing: send again later
    UNCERTAIN = "outcome unknown"  # sent, no readable answer: send again where a repeat is harmless
    SHRINK = "shrink"  # too large: halve by bytes
    BLAME_AGENT = "blame the agent"  # one agent's rows share the verdict
    BLAME_EXTENSION = "blame the extension fields"  # rows that carry them are suspect first
    ISOLATE = "isolate"  # halve until the bad row is alone
    GUARD = "isolate under a guard"  # cause unknown: halve, but stop when everything fails alike
    STOP = "stop"  # a setting or the request is wrong: no retry mends it
    POLL = "poll later"  # not ready yet


@dataclass(frozen=True, slots=True)
class Code:
    """One line of the code table.

    :param number: ``code`` in the answer's envelope.
    :param text: the vendor's message, as printed in its table; redacted server text for an unknown code.
    :param meaning: the same in plain English.
    :param recovery: what the importer does about it.
    :param hint: what a person can mend, in one sentence.
    """

    number: int
    text: str
    meaning: str
    recovery: Recovery
    hint: str


_ELSE = "This code belongs to another endpoint: check that the Base URL leads to SocialsCRM, and report it to us."

_TABLE = (
    Code(SUCCESS, "Success", "The CRM took the call.", Recovery.SETTLE, "Nothing to mend."),
    Code(501, "appSecret error", "The CRM knows no such tenant or key.", Recovery.STOP,
         "Compare Tenant ID and ApiKey with what your administrator gave you; each region has its own keys."),
    Code(502, "timestamp timeout", "The time in the signature is too far from the CRM's clock.", Recovery.RE_SIGN,
         "Check the worker's clock, and on the body scheme the connection's Time zone."),
    Code(503, "name is empty", "The task has no name.", Recovery.STOP, _ELSE),
    Code(504, "executor error", "The executor cannot be read.", Recovery.STOP, _ELSE),
    Code(505, "executor is empty", "The task has no executor.", Recovery.STOP, _ELSE),
    Code(506, "data is empty", "The call carries no data.", Recovery.STOP, _ELSE),
    Code(507, "data size big", "The call carries more data than the CRM takes at once.", Recovery.SHRINK,
         "Lower rows_per_call or bytes_per_call; a single row this large needs shorter texts."),
    Code(508, "no exist userName", "An executor named in the data does not exist.", Recovery.ISOLATE,
         "Correct the account named in this row, or create it in the CRM."),
    Code(509, "customer group is null", "The customer group is empty.", Recovery.STOP, _ELSE),
    Code(510, "customer group key error", "The customer group's key is wrong.", Recovery.STOP, _ELSE),
    Code(511, "customer group value error", "The customer group's value is wrong.", Recovery.STOP, _ELSE),
    Code(512, "send type == 1 and startTime is not null", "An immediate task has a start time.", Recovery.STOP,
         _ELSE),
    Code(513, "start time is error", "The start time cannot be read.", Recovery.STOP, _ELSE),
    Code(514, "content is null", "The task has no content.", Recovery.STOP, _ELSE),
    Code(515, "file is null", "The task has no file.", Recovery.STOP, _ELSE),
    Code(516, "main userId is null", "The CRM finds no main account for this tenant.", Recovery.STOP,
         "Check Tenant ID; if it is right, ask the vendor whether the company account is active."),
    Code(517, "database error", "The CRM's database failed.", Recovery.WAIT,
         "Nothing in your data: the CRM was ill. Run the task again later, and tell the vendor when it lasts."),
    Code(518, "timestamp is null", "The call carries no timestamp.", Recovery.STOP,
         "Check that Auth scheme is the one your tenant uses, and that no proxy strips headers."),
    Code(519, "timestamp is error", "The call's timestamp cannot be read.", Recovery.STOP,
         "Check that Auth scheme is the one your tenant uses, and that no proxy rewrites headers."),
    Code(520, "send interval is null", "The task has no sending interval.", Recovery.STOP, _ELSE),
    Code(521, "task name repetition", "A task of this name exists.", Recovery.STOP, _ELSE),
    Code(522, "accessToken is error", "The CRM does not accept the signature.", Recovery.STOP,
         "Check ApiKey first, then Tenant ID, User name and Auth scheme: each takes part in the signature."),
    Code(523, "tenantId is null", "The call names no tenant.", Recovery.STOP, "Set Tenant ID in the connection."),
    Code(524, "userName is null", "The call names no user.", Recovery.STOP,
         "Set User name in the connection, or give the data an agentAccount column."),
    Code(525, "token is null", "The call carries no token.", Recovery.STOP,
         "Check that Auth scheme is the one your tenant uses, and that no proxy strips headers."),
    Code(526, "createTime is null", "The call carries no createTime.", Recovery.STOP,
         "Check that Auth scheme is the one your tenant uses."),
    Code(527, "group is error", "The group type cannot be read.", Recovery.STOP, _ELSE),
    Code(528, "group is null", "The group does not exist.", Recovery.STOP, _ELSE),
    Code(529, "Non-professional Edition", "The tenant's plan does not include the API.", Recovery.STOP,
         "Ask the vendor for a plan with API access (Professional Edition)."),
    Code(530, "action username error", "The user who signs the call does not exist.", Recovery.STOP,
         "Correct User name in the connection: it must be the login of an agent of this tenant."),
    Code(531, "userName is error", "The row's agent does not exist in the CRM.", Recovery.BLAME_AGENT,
         "Correct agentAccount in these rows, or create the agent in the CRM."),
    Code(532, "customer whats id is null", "The row names a WhatsApp number the CRM does not have.", Recovery.ISOLATE,
         "Correct the number in this row."),
    Code(533, "extended field format error", "An extension field of the row has a format the CRM does not take.",
         Recovery.BLAME_EXTENSION,
         "Compare the row's extension fields with their type and choices in the CRM's field settings."),
    Code(534, "whatsid list null", "The list of WhatsApp ids is empty.", Recovery.STOP, _ELSE),
    Code(536, "groupLinkList is null", "The list of group links is empty.", Recovery.STOP, _ELSE),
    Code(537, "groupLink is not exist . Please reload it !", "The group link is unknown.", Recovery.STOP, _ELSE),
    Code(538, "parsing group link. Please try again later", "The group link is still being parsed.", Recovery.POLL,
         "Ask again in a minute."),
)  # fmt: skip

CODES = {code.number: code for code in _TABLE}
"""Every code of the source document, and 200, by number."""

_ADMIN = Code(REFUSED, ADMIN_CANNOT_IMPORT, "Administrators cannot import customers.", Recovery.STOP,
              "Set User name to the login of an agent (seat), not of an administrator.")  # fmt: skip

_REFUSED = "The CRM refused the call without a code of its own."
_UNKNOWN = "This code is in no table of the vendor's that we know."
_READ_THE_TEXT = "Read the CRM's own text; if the row looks right, ask the vendor."


def look_up(number: int, text: str = "", *, clean: Callable[[str], str] = str) -> Code:
    """Return the table's entry for an answer.

    :param number: ``code`` of the answer.
    :param text: ``message`` of the answer as it came; it decides what -1 means.
    :param clean: takes customers' data out of a text that is in no table, before an entry keeps it.
    """
    if number in CODES:
        return CODES[number]
    if number == REFUSED and text.strip().lower() == ADMIN_CANNOT_IMPORT.lower():
        return _ADMIN
    meaning = _REFUSED if number == REFUSED else _UNKNOWN
    return Code(number, clean(text), meaning, Recovery.GUARD, _READ_THE_TEXT)
