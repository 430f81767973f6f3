"""Reasons shown to users: why a row was not accepted, or what to know about a row that was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from airflow_provider_socialscrm.api.codes import TABLES, Family


class Bucket(StrEnum):
    """The outcome of a row; :data:`BUCKETS` says what each means."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    BLANK = "blank"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    UNCHANGED = "unchanged"
    KNOWN_BAD = "known_bad"


BUCKETS: Final[Mapping[Bucket, str]] = {
    Bucket.ACCEPTED: "The CRM answered 200. It does not say more, so we do not call the row imported.",
    Bucket.REJECTED: "The CRM refused this row.",
    Bucket.INVALID: "The row cannot be sent. This is found before any call.",
    Bucket.DUPLICATE: "Another row of the input has the same number and is sent instead.",
    Bucket.BLANK: "The row has no value in any column. It is not a failure, and it is not in the dead letter.",
    Bucket.UNKNOWN: "The CRM may have accepted the row: the response was lost, or does not say. A row with `welcome` "
    "is not sent again, also not from the dead letter, because the message may reach the customer twice; "
    "`on_unknown='resend'` sends it. The next try sends any other row, if the run stopped before it could send the row "
    "again.",
    Bucket.NOT_SENT: "The run stopped before it sent the row, or the CRM refused each call with it for certain, or "
    "another import with the same ledger is sending the number a `welcome`.",
    Bucket.UNCHANGED: "With a ledger: the CRM accepted the row as it is in an earlier import, so it is not sent.",
    Bucket.KNOWN_BAD: "With a ledger: the CRM rejected the row as it is in an earlier import, so it is not sent. It "
    "counts for `max_rejected`, with its old code.",
}
"""The meaning of each bucket. The documentation lists them."""

TO_LOOK_AT: Final = (Bucket.REJECTED, Bucket.INVALID, Bucket.UNKNOWN, Bucket.KNOWN_BAD)
"""Buckets whose rows count as refused: a person has to look at them."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows are in their bucket: one of the CRM's codes, or a short name of ours.

    :param code: the number the CRM answered, or our name for what is wrong.
    :param meaning: what is wrong.
    :param hint: what to do about it.
    :param is_passing: whether the cause is outside the row, such as a missing agent, and may be fixed there.
    """

    code: int | str
    meaning: str
    hint: str
    is_passing: bool = field(default=False, kw_only=True, compare=False)


OWN_COLUMNS: Final = tuple(
    f"socialscrm_{name}"
    for name in ("file", "position", "bucket", "code", "meaning", "hint", "attempts", "time", "import")
)
"""Columns that a dead letter adds to the row's own. They are ignored when the file is given back as data."""


BUCKET_COLUMN: Final = OWN_COLUMNS[2]
"""The column that names the row's bucket."""


POSITION_COLUMN: Final = OWN_COLUMNS[1]
"""The column with the row's place in the input."""


IMPORT_COLUMN: Final = OWN_COLUMNS[-1]
"""The column that names the import whose row it is. In a CSV file an apostrophe before it marks escaped cells."""


SHORTEST_NUMBER, LONGEST_NUMBER = 7, 15
"""Digits of a number with its country code: E.164 allows 15; the shortest in use have 7."""

NO_NUMBER: Final = Reason(
    "no-number", "The row has no whatsApp number.", "Give the customer's number with + and its country code."
)
BAD_NUMBER: Final = Reason(
    "bad-number",
    f"whatsApp is not one phone number of {SHORTEST_NUMBER} to {LONGEST_NUMBER} digits.",
    "Write one number, without an extension or a second one, with + and its country code, as in +8615266667780.",
)
NATIONAL_NUMBER: Final = Reason(
    "national-number",
    "whatsApp begins with 0, so it lacks its country code.",
    "Write the number with + and its country code, or set default_region to the country that these numbers belong to.",
)
ROUNDED_NUMBER: Final = Reason(
    "rounded-number",
    "whatsApp is a rounded number: its last digits are lost.",
    "Export the column as text: a spreadsheet or program wrote it as 8.6E+12, or it is a 32-bit float.",
)
NUMBER_NOT_IN_USE: Final = Reason(
    "number-not-in-use",
    "whatsApp is not a number in use: its country code is missing, or the code, the length or the digits after it are "
    "not valid.",
    "If the country code is missing, set default_region to the country that the number belongs to. If the number is "
    "right, write it with + and its country code. If it is not, correct it.",
)
AMBIGUOUS_NUMBER: Final = Reason(
    "ambiguous-number",
    "whatsApp could be a number in default_region, or a number in another country without its +.",
    "Write the number with + and its country code, or set ambiguous_numbers to 'national' or 'international'.",
)
TWO_COUNTRIES: Final = Reason(
    AMBIGUOUS_NUMBER.code,
    "whatsApp could be a mobile as it is dialled in China, or a number in North America without its +.",
    "Write the number with + and its country code. If every number begins with its country code, set "
    "ambiguous_numbers='international'. If those without it are American, set default_region='US'. If they are "
    "Chinese, set default_region='CN' and ambiguous_numbers='national'.",
)
"""The same without ``default_region``."""

OTHER_COUNTRIES: Final = Reason(
    AMBIGUOUS_NUMBER.code,
    TWO_COUNTRIES.meaning,
    "Write the number with + and its country code, or set ambiguous_numbers='international' if it is American.",
)
"""The same with a ``default_region`` that is neither of them."""

NO_PERSON: Final = Reason(
    "no-person",
    "whatsApp is the id of a group, a list or a hidden account (@g.us, @broadcast, @lid), which is not a phone number.",
    "Give the customer's own number, with + and its country code.",
)
NO_AGENT: Final = Reason(
    "no-agent", "The row has no agentAccount.", "Give the login of the agent that the customer belongs to."
)
UNKNOWN_AGENT: Final = Reason(
    "unknown-agent",
    "agentAccount is a login that the CRM does not know.",
    "Correct agentAccount in these rows, or create the agent in the CRM.",
)
BAD_BIRTHDAY: Final = Reason(
    "bad-birthday",
    "birthday is not a date such as 1990/03/08.",
    "Give a date column, or text such as 1990/03/08. A number such as 32940 is a spreadsheet's count of days: format "
    "the column as a date before you export it. Or set bad_values='omit' to send the rows without it.",
)
AMBIGUOUS_BIRTHDAY: Final = Reason(
    "ambiguous-birthday",
    "birthday could be read day first or month first.",
    "Set dayfirst to True or False, or write dates as 1990/03/08. Or set bad_values='omit' to send rows without them.",
)
COMMA_IN_TAG: Final = Reason(
    "comma-in-tag",
    "A tag in the list contains a comma, so the CRM would read it as two tags.",
    "Rename the tag. Or set bad_values='omit' to send the rows without these tags.",
)
NOT_A_NUMBER: Final = Reason(
    "infinite",
    "A column holds an infinite number, or one with thousands of digits.",
    "Replace such values with a number, or leave them empty. Or set bad_values='omit' to send rows without them.",
)
NOT_TEXT: Final = Reason(
    "not-text",
    "A column holds bytes that are not UTF-8 text.",
    "Decode the column before the import, or leave it out with columns={'NAME': None}. Or set bad_values='omit' to "
    "send the rows without these values.",
)
ODD_SEX: Final = Reason(
    "odd-sex",
    "sex is not unknown, male or female, nor a word that clearly means one of them.",
    "It is sent unchanged. Set values={'sex': {'1': 'male', '2': 'female'}}, with the words in your data, to translate "
    "them.",
)
_SEND_IT: Final = "Set duplicates='first' to send the first row instead, or 'send' to send all."
DUPLICATE: Final = Reason(
    "duplicate",
    "Another row of the input has the same whatsApp number and is sent instead.",
    f"See the dead letter for that row. {_SEND_IT}",
)
SUPERSEDED_BEFORE: Final = Reason(
    "duplicate",
    "An earlier import sent another row with the same whatsApp number instead of this one.",
    "Set duplicates='send' to send it anyway, or remove the column socialscrm_bucket from the file.",
)
TOO_LARGE: Final = Reason(
    "too-large", "The row alone is larger than bytes_per_call.", "Shorten its texts, or raise bytes_per_call."
)


STOPPED: Final = Reason(
    "stopped", "The run stopped before this row was sent.", "Fix what stopped the run, then run it again."
)
CLAIMED_ELSEWHERE: Final = Reason(
    "claimed-elsewhere",
    "Another import with the same ledger is sending this number a field that is sent once, so this one leaves the row.",
    "The next run sends what is left of it.",
)
NOTHING_SENT: Final = Reason(
    "nothing-sent",
    "The input has rows that cannot be sent, and on_invalid is 'fail'.",
    "Fix those rows or leave them out.",
)
NAMED: Final = Reason(
    "named", "The CRM took the call but names this row as failed, without a reason.", "Look the customer up in the CRM."
)
NOT_IN_RESPONSE: Final = Reason(
    "not-in-response",
    "The CRM's response names other rows of the call but not this one.",
    "Look the customer up in the CRM.",
)
BROKE_OFF: Final = Reason(
    "broke-off",
    "The run broke off before it recorded what became of this row's call.",
    "Run the task again: it sends the row again, unless it has a welcome message.",
)
EARLIER_TRY: Final = Reason(
    "earlier-try",
    "A call of an earlier try may have brought this row, and this try has not sent it.",
    "Run the task again: it sends the row again.",
)
IN_DOUBT_BEFORE: Final = Reason(
    "in-doubt",
    "An earlier import may have sent this customer the welcome: its dead letter, which is in data, has a row of the "
    "number as unknown.",
    "Look the customer up in the CRM. Where the message may have arrived, remove the value of welcome, and the row is "
    "sent without it. on_unknown='resend' sends the rows that still have one.",
)
"""Why a row of a dead letter is held when the file is given back as data."""

CUT_SHORT: Final = Reason(
    "cut-short",
    "An earlier try ended before it saved what became of this row's call (a killed worker, or a checkpoint that could "
    "not be written), and sending it again could do harm.",
    "Look the customer up in the CRM. Without a value of welcome the row can be imported again; with one it is sent "
    "only if on_unknown is 'resend'.",
)

NO_CHECKPOINT: Final = Reason(
    "no-checkpoint",
    "This is a retry that found no checkpoint, so an earlier try may have sent this row, and sending it again could do "
    "harm.",
    CUT_SHORT.hint,
)
STARTED_OVER: Final = Reason(
    "started-over",
    "The import started over because of a change since an earlier try, which may have sent this row, and sending it "
    "again could do harm.",
    CUT_SHORT.hint,
)
DECIDED_BEFORE: Final = Reason(
    "decided-before",
    "An earlier try sent this row or was about to, without having it accepted, and sending it again could do harm.",
    CUT_SHORT.hint,
)
HELD: Final = {str(reason.code): reason for reason in (NO_CHECKPOINT, STARTED_OVER)}
"""Why all rows with side effects are held, by the reason's code."""


TWO_FORMS: Final = Reason(
    "two-forms",
    "The data has two forms of one number, such as 5215512345678 and 525512345678 in Mexico.",
    "Both are sent. Keep one of them if they are one customer: the form that WhatsApp shows.",
)


FIXED_LINE: Final = Reason(
    "fixed-line",
    "whatsApp has no country code and is read as a fixed line in default_region.",
    "Fixed lines rarely have WhatsApp. If the number is a mobile of another country, write it with + and its country "
    "code.",
)


def together(reasons: Sequence[Reason]) -> Reason:
    """Combine all reasons of one row into one."""
    codes = " + ".join(str(reason.code) for reason in reasons)
    return Reason(codes, " ".join(reason.meaning for reason in reasons), " ".join(reason.hint for reason in reasons))


@dataclass(frozen=True, slots=True)
class AmbiguousNumberReason(Reason):
    """Why a number with two readings is ambiguous.

    :param countries: the countries of the readings, in words.
    :param counted: the reason that rows are counted under, whatever their countries.
    """

    countries: str = ""
    counted: Reason = AMBIGUOUS_NUMBER


def ambiguous_number(countries: str, region: str | None, *, is_between_others: bool) -> AmbiguousNumberReason:
    """Return the reason for a number with two readings, of which the user has chosen none.

    :param countries: the countries of the readings, in words.
    :param region: the user's ``default_region``.
    :param is_between_others: whether it is neither of them.
    """
    counted = TWO_COUNTRIES if region is None else OTHER_COUNTRIES if is_between_others else AMBIGUOUS_NUMBER
    return AmbiguousNumberReason(counted.code, _in_two(countries), counted.hint, countries, counted)


def taken_number(countries: str, ambiguous: str) -> AmbiguousNumberReason:
    """Return the remark about a number with two readings, of which the user has chosen one.

    :param countries: the countries of the readings, in words.
    :param ambiguous: the user's ``ambiguous_numbers``.
    """
    hint = f"It is read as the {ambiguous} number, because ambiguous_numbers is {ambiguous!r}."
    return AmbiguousNumberReason(AMBIGUOUS_NUMBER.code, _in_two(countries), hint, countries)


def _in_two(countries: str) -> str:
    return f"whatsApp could be a number in {countries}."


def fixed_line(region: str) -> Reason:
    """Return the remark about a number that is read as a fixed line in the user's ``default_region``."""
    return Reason(FIXED_LINE.code, f"whatsApp is read as a fixed line in {region}.", FIXED_LINE.hint)


def unknown_agent(login: str) -> Reason:
    """Return the reason for a row whose agent the CRM does not know.

    :param login: the agent's, which is the tenant's own datum and not a customer's.
    """
    return Reason(UNKNOWN_AGENT.code, f"The CRM does not know the agent '{login}'.", UNKNOWN_AGENT.hint)


def superseded_by(position: int | None) -> Reason:
    """Return the reason for a row whose number another row has.

    :param position: the other row's; ``None`` if an earlier import sent it.
    """
    if position is None:
        return SUPERSEDED_BEFORE
    return Reason(DUPLICATE.code, f"Row {position} has the same whatsApp number and is sent instead.", _SEND_IT)


def known_bad(code: str) -> Reason:
    """Return the reason for a row that the CRM refused as it is in an earlier import.

    :param code: of that refusal.
    """
    line = next((line for line in TABLES[Family.IMPORT] if str(line.number) == code and not line.needs_text), None)
    meaning = f" {line.meaning}" if line else ""
    hint = line.hint if line else "The dead letter of that import has the CRM's own text."
    return Reason(
        int(code) if line else code,
        f"The CRM rejected this row as it is in an earlier import, so it is not sent again.{meaning}",
        f"{hint} A row that changes is sent. To send it as it is, set retry_rejected='always' in the ledger for a run.",
    )


UNREADABLE: Final = Reason(
    "unreadable", "The row cannot be read from its file.", "Fix the lines that the log and the dead letter name."
)


def unreadable(where: str, what: str) -> Reason:
    """Return the reason for a row that cannot be read.

    :param where: file and line.
    :param what: what is wrong there, without any of its values.
    """
    return Reason(UNREADABLE.code, f"{where}: {what}", UNREADABLE.hint)


def counted_as(reason: Reason) -> Reason:
    """Return the reason that a row's own reason is counted under: without file and line, countries, or a login."""
    return reason.counted if isinstance(reason, AmbiguousNumberReason) else _COUNTED.get(reason.code, reason)


_COUNTED: Final = {reason.code: reason for reason in (UNREADABLE, UNKNOWN_AGENT)}


BIRTHDAY_OUT_OF_RANGE: Final = Reason(
    "birthday-out-of-range",
    "birthday is before 1900 or in the future.",
    "Correct it. Convert a year of another calendar, such as 2533 (Buddhist) or 1368 (Persian), to the Gregorian one. "
    "Or set bad_values='omit' to send the rows without it.",
)
BAD_DATE: Final = Reason(
    "bad-date",
    "A column of date_fields holds a value that is not a date such as 1990/03/08.",
    "Write 1990/03/08 or give a date column; where a spreadsheet shows 32940, format the column as a date. Or take the "
    "column out of date_fields to send its texts as they are. Or set bad_values='omit' to leave bad dates out.",
)
AMBIGUOUS_DATE: Final = Reason(
    "ambiguous-date",
    "A column of date_fields holds a date that could be read day first or month first.",
    "Set dayfirst to True or False, or write dates as 1990/03/08. Or set bad_values='omit' to send rows without them.",
)
BAD_TAGS: Final = Reason(
    "bad-tags",
    "The tags are in brackets but are not a list that can be read with certainty.",
    "Write names with commas between them, as in VIP,New, or a list, as in ['VIP', 'New']. Do not put a tag's own name "
    "in square brackets or braces. Or set bad_values='omit' to send the rows without these tags.",
)
OTHER_SEPARATOR: Final = Reason(
    "other-separator",
    "A tag contains a character that separates tags in other programs, such as a semicolon or a full-width comma.",
    "It is sent as one tag. If it is several tags, write plain commas between their names, as in VIP,New.",
)
NULL_WORD: Final = Reason(
    "null-word",
    "A value is a word that programs write for a missing value, such as NULL or NaN.",
    "It is sent unchanged. Set null_values=['NULL'], with the words in your data, to treat them as missing.",
)
INEXACT_NUMBER: Final = Reason(
    "inexact-number",
    "A column holds a number with more digits than a 64-bit float can hold, so its last digits may be wrong.",
    "It is sent unchanged. Export the column as text or as integers: pandas turns integers with gaps into floats.",
)
