"""Code tables of the vendor's endpoints, one for each family: what a code means and what to do about it.

Numbers and texts are the vendor's (vendor API 4.2 to 4.6); 535 is in no source. The tables hold for responses to calls
only: webhook confirmations use the same numbers with other meanings (vendor API 4.7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

SUCCESS: Final = 200
"""``code`` of a call that succeeded (vendor API 1.3). The message beside it varies and is never tested."""

REFUSED: Final = -1
"""``code`` of a rejection that only its text explains (vendor API 4.6)."""

ADMIN_CANNOT_IMPORT: Final = "Admin Cannot import data"
"""The only text that is known to come with -1 (vendor API 4.6)."""


class Family(StrEnum):
    """Endpoints that share a table of codes."""

    IMPORT = "import"
    USER_QUERY = "user query"
    AGENTS = "agents"
    NUMBERS = "service numbers"
    CHATS = "chat records"
    SCREENING = "number screening"
    MASS_SEND = "mass send"
    SEND = "send to numbers"
    SEND_STATUS = "state of a send"
    GROUP_LINKS = "group links"
    OWNERS = "owners"
    OTHER = "other"  # a path in no family: only the codes of every call are known


class Recovery(StrEnum):
    """The recovery that a failure asks for; ``importer.sending.decision`` turns it into the next action."""

    RE_SIGN = "re-sign"  # with the server's time
    WAIT = "wait"  # the service is unavailable and took nothing: send again later
    UNCERTAIN = "outcome unknown"  # the CRM may have taken the call: send again later, where a repeat is harmless
    HALVE_BYTES = "halve by bytes"  # the call is too large
    PROBE_AGENT = "probe the agent"  # one call decides for all rows of an agent
    SPLIT_BY_EXTENSION = "split by extension fields"  # only rows that have some can be at fault
    ISOLATE = "isolate"  # halve until the bad row is alone
    ISOLATE_UNKNOWN = "isolate under a guard"  # cause unknown: halve, but stop when all rows fail alike
    STOP = "stop"  # a setting or the request is wrong: a retry cannot fix it
    POLL = "ask again later"  # not ready yet


class Blame(StrEnum):
    """Who is at fault, and so who can fix it."""

    CONNECTION = "connection"
    SIGNER = "signer"  # the connection's user, or the agent whom the rows name
    ROW = "row"
    REQUEST = "request"
    SERVICE = "service"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Code:
    """One line of a table.

    :param number: ``code`` of the response.
    :param text: the vendor's message, as printed in its table; redacted server text for an unknown code.
    :param meaning: the same in plain English.
    :param recovery: what to do about it.
    :param blame: who is at fault.
    :param hint: how a person can fix it, in one sentence.
    :param needs_text: whether only the text distinguishes this line from others with its number.
    :param proves_signature: whether the CRM has accepted the signature when it returns this code.
    """

    number: int
    text: str
    meaning: str
    recovery: Recovery
    blame: Blame
    hint: str
    needs_text: bool = False
    proves_signature: bool = False

    def matches(self, number: int, text: str) -> bool:
        """Return whether a response with this number and text means this line."""
        if self.number != number:
            return False
        return not self.needs_text or self.text.casefold() == text.strip().casefold()


_CHECK_SCHEME: Final = "Check that Auth scheme is the one your tenant uses, and that no proxy strips headers."
_CHECK_TASK: Final = "Correct the task's {}."
_LOST_DATA: Final = "Check that no proxy changes the body of calls, and report it to us: every call carries data."

_EVERY_CALL: Final = (
    Code(501, "appSecret error", "The CRM does not know the tenant or its key.", Recovery.STOP, Blame.CONNECTION,
         "Compare Tenant ID and ApiKey with what your administrator gave you; each region has its own keys."),
    Code(502, "timestamp timeout", "The time in the signature is too far from the CRM's clock.", Recovery.RE_SIGN,
         Blame.CONNECTION, "Check the worker's clock, and on the body scheme the connection's Time zone."),
    Code(506, "data is empty", "The call carries no data.", Recovery.STOP, Blame.REQUEST, _LOST_DATA,
         proves_signature=True),
    Code(516, "main userId is null", "The CRM finds no main account for this tenant.", Recovery.STOP, Blame.CONNECTION,
         "Check Tenant ID; if it is right, ask the vendor whether the company account is active."),
    # A database can fail after it saved something, so nothing says that the call was not taken.
    Code(517, "database error", "The CRM's database failed.", Recovery.UNCERTAIN, Blame.SERVICE,
         "Not caused by your data. Run the task again later, and report it to the vendor if it lasts."),
    Code(518, "timestamp is null", "The call carries no timestamp.", Recovery.STOP, Blame.CONNECTION,
         _CHECK_SCHEME),
    Code(519, "timestamp is error", "The call's timestamp cannot be read.", Recovery.STOP, Blame.CONNECTION,
         "Check that Auth scheme is the one your tenant uses, and that no proxy rewrites headers."),
    Code(522, "accessToken is error", "The CRM does not accept the signature.", Recovery.STOP, Blame.CONNECTION,
         "Check ApiKey first, then Tenant ID, User name and Auth scheme: each takes part in the signature."),
    Code(523, "tenantId is null", "The call names no tenant.", Recovery.STOP, Blame.CONNECTION,
         "Set Tenant ID in the connection."),
    Code(524, "userName is null", "The call names no user.", Recovery.STOP, Blame.CONNECTION,
         "Set User name in the connection, or give the data an agentAccount column."),
    Code(525, "token is null", "The call carries no token.", Recovery.STOP, Blame.CONNECTION, _CHECK_SCHEME),
    Code(526, "createTime is null", "The call carries no createTime.", Recovery.STOP, Blame.CONNECTION,
         "Check that Auth scheme is the one your tenant uses."),
    Code(529, "Non-professional Edition", "The tenant's plan does not include the API.", Recovery.STOP,
         Blame.CONNECTION, "Ask the vendor for a plan with API access (Professional Edition)."),
    Code(530, "action username error", "The user who signs the call does not exist.", Recovery.STOP, Blame.SIGNER,
         "Correct User name in the connection: it must be the login of an agent of this tenant."),
    Code(534, "whatsid list null", "The list of WhatsApp ids is empty.", Recovery.STOP, Blame.REQUEST, _LOST_DATA,
         proves_signature=True),
)  # fmt: skip

_IMPORT: Final = (
    Code(REFUSED, ADMIN_CANNOT_IMPORT, "Administrators cannot import customers.", Recovery.STOP, Blame.SIGNER,
         "Set User name to the login of an agent (seat), not of an administrator.", needs_text=True),
    Code(507, "data size big", "The call carries more data than the CRM takes at once.", Recovery.HALVE_BYTES,
         Blame.REQUEST, "Lower rows_per_call or bytes_per_call; if a single row is too large, shorten its texts."),
    Code(508, "no exist userName", "An executor named in the data does not exist.", Recovery.ISOLATE, Blame.ROW,
         "Correct the account named in this row, or create it in the CRM."),
    Code(531, "userName is error", "The row's agent does not exist in the CRM.", Recovery.PROBE_AGENT, Blame.ROW,
         "Correct agentAccount in these rows, or create the agent in the CRM."),
    Code(532, "customer whats id is null", "The row names a WhatsApp number the CRM does not have.", Recovery.ISOLATE,
         Blame.ROW, "Correct the number in this row."),
    Code(533, "extended field format error", "An extension field of the row has a format the CRM does not take.",
         Recovery.SPLIT_BY_EXTENSION, Blame.ROW,
         "Compare the row's extension fields with their type and choices in the CRM's field settings."),
)  # fmt: skip

_SCREENING: Final = (
    Code(507, "data size big", "The order has more numbers than the CRM takes at once.", Recovery.STOP, Blame.REQUEST,
         "Order fewer numbers in one call."),
)  # fmt: skip

_MASS_SEND: Final = (
    Code(503, "name is empty", "The task has no name.", Recovery.STOP, Blame.REQUEST, "Give the task a name."),
    Code(504, "executor error", "The executor cannot be read.", Recovery.STOP, Blame.REQUEST,
         _CHECK_TASK.format("executors")),
    Code(505, "executor is empty", "The task has no executor.", Recovery.STOP, Blame.REQUEST,
         "Name at least one executor."),
    Code(507, "data size big", "The call carries more tasks than the CRM takes at once.", Recovery.HALVE_BYTES,
         Blame.REQUEST, "Send fewer tasks in one call."),
    Code(508, "no exist userName", "An executor of the task does not exist.", Recovery.ISOLATE, Blame.ROW,
         "Correct the executor, or create the account in the CRM."),
    Code(509, "customer group is null", "The customer group is empty.", Recovery.STOP, Blame.REQUEST,
         "Name the stage, the tag or the group that gets the message."),
    Code(510, "customer group key error", "The customer group's key is wrong.", Recovery.STOP, Blame.REQUEST,
         _CHECK_TASK.format("kind of customer group")),
    Code(511, "customer group value error", "The customer group's value is wrong.", Recovery.STOP, Blame.REQUEST,
         _CHECK_TASK.format("stage, tag or group, as it is named in the CRM")),
    Code(512, "send type == 1 and startTime is not null", "An immediate task has a start time.", Recovery.STOP,
         Blame.REQUEST, "Remove the start time, or schedule the task."),
    Code(513, "start time is error", "The start time cannot be read.", Recovery.STOP, Blame.REQUEST,
         _CHECK_TASK.format("start time")),
    Code(514, "content is null", "The task has no content.", Recovery.STOP, Blame.REQUEST,
         "Give the task some content."),
    Code(515, "file is null", "The task has no file.", Recovery.STOP, Blame.REQUEST,
         "Give the task its file, or a content without one."),
    Code(520, "send interval is null", "The task has no sending interval.", Recovery.STOP, Blame.REQUEST,
         "Give the task an interval between messages."),
    Code(521, "task name repetition", "A task of this name exists.", Recovery.STOP, Blame.REQUEST,
         "Choose another name for the task."),
    Code(527, "group is error", "The group type cannot be read.", Recovery.STOP, Blame.REQUEST,
         _CHECK_TASK.format("type of chat group")),
    Code(528, "group is null", "The group does not exist.", Recovery.STOP, Blame.REQUEST,
         _CHECK_TASK.format("chat group")),
)  # fmt: skip

_SEND: Final = (
    Code(507, "data size big", "The task has more recipients or more text than the CRM takes at once.", Recovery.STOP,
         Blame.REQUEST, "Send to fewer numbers in one task, and shorten the message."),
    Code(513, "start time is error", "A time of the task cannot be used.", Recovery.STOP, Blame.REQUEST,
         "Correct start and end; if they are right, write them in the other form with times_as."),
    Code(514, "content is null", "The task has no content.", Recovery.STOP, Blame.REQUEST,
         "Give the task some content."),
    Code(515, "file is null", "A content of the task has no file.", Recovery.STOP, Blame.REQUEST,
         "Give the public address of the file as the content's url."),
    Code(531, "userName is error", "The agent who is to send does not exist in the CRM.", Recovery.STOP, Blame.REQUEST,
         "Correct the agent, or create it in the CRM."),
    Code(532, "customer whats id is null", "The task names a WhatsApp number that the CRM does not have.",
         Recovery.STOP, Blame.REQUEST, "Correct the numbers, or import the customers first."),
)  # fmt: skip

_GROUP_LINKS: Final = (
    Code(536, "groupLinkList is null", "The list of group links is empty.", Recovery.STOP, Blame.REQUEST,
         "Give at least one group link."),
    Code(537, "groupLink is not exist . Please reload it !", "The group link is unknown.", Recovery.STOP,
         Blame.REQUEST, "Import the link again."),
    Code(538, "parsing group link. Please try again later", "The group link is still being parsed.", Recovery.POLL,
         Blame.SERVICE, "Ask again in a minute."),
)  # fmt: skip

_OWNERS: Final = (
    Code(507, "data size big", "The call carries more numbers than the CRM takes at once.", Recovery.HALVE_BYTES,
         Blame.REQUEST, "Lower rows_per_call."),
    Code(532, "customer whats id is null", "The CRM does not have this customer.", Recovery.ISOLATE, Blame.ROW,
         "Correct the number in this row, or import the customer first."),
)  # fmt: skip

TABLES: Final[dict[Family, tuple[Code, ...]]] = {
    family: tuple(sorted((*own, *_EVERY_CALL), key=lambda code: code.number))
    for family, own in {
        Family.IMPORT: _IMPORT,
        Family.USER_QUERY: (),
        Family.AGENTS: (),
        Family.NUMBERS: (),
        Family.CHATS: (),
        Family.SCREENING: _SCREENING,
        Family.MASS_SEND: _MASS_SEND,
        Family.SEND: _SEND,
        Family.SEND_STATUS: (),
        Family.GROUP_LINKS: _GROUP_LINKS,
        Family.OWNERS: _OWNERS,
        Family.OTHER: (),
    }.items()
}
"""Every line of each family by number, those of every call included."""

_OTHER_ENDPOINT: Final = (
    "This code belongs to another endpoint: check that the Base URL leads to SocialsCRM, and report it to us."
)
_REFUSED: Final = "The CRM rejected the call without a code of its own."
_UNKNOWN: Final = "This code is not in the vendor's tables that we know."
_READ_THE_TEXT: Final = "Read the CRM's own text; if the row looks right, ask the vendor."


def look_up(number: int, text: str = "", *, family: Family, clean: Callable[[str], str] = str) -> Code:
    """Return the line for a response, by what its code means in the endpoint's family.

    A code of another family only means that the request is wrong for its endpoint.

    :param number: ``code`` of the response.
    :param text: ``message`` of the response as it came; it decides what -1 means.
    :param family: of the endpoint that was called.
    :param clean: removes customers' data from a text that is in no table.
    """
    if code := _line(TABLES[family], number, text):
        return code
    for others in TABLES.values():
        if code := _line(others, number, text):
            return replace(code, recovery=Recovery.STOP, blame=Blame.REQUEST, hint=_OTHER_ENDPOINT)
    meaning = _REFUSED if number == REFUSED else _UNKNOWN
    return Code(number, clean(text), meaning, Recovery.ISOLATE_UNKNOWN, Blame.UNKNOWN, _READ_THE_TEXT)


def _line(table: tuple[Code, ...], number: int, text: str) -> Code | None:
    return next((code for code in table if code.matches(number, text)), None)
