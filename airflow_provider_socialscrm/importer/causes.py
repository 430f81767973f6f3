"""Why rows are where they are, in words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.importer.errors import SystemicError
from airflow_provider_socialscrm.importer.recovery import blames_signer
from airflow_provider_socialscrm.importer.report import Cause

SHORTEST_NUMBER, LONGEST_NUMBER = 7, 15
"""Digits of a number with its country code: E.164 allows 15; the shortest in use have 7."""

NO_NUMBER: Final = Cause(
    "no-number", "The row has no whatsApp number.", "Give the customer's number with its country code."
)
BAD_NUMBER: Final = Cause(
    "bad-number",
    f"whatsApp is not {SHORTEST_NUMBER} to {LONGEST_NUMBER} digits.",
    "Write the number with its country code, as in 8615266667780.",
)
NO_AGENT: Final = Cause("no-agent", "The row has no agentAccount.", "Give the login of the agent the customer goes to.")
BAD_BIRTHDAY: Final = Cause(
    "bad-birthday", "birthday is no date of the form yyyy/MM/dd.", "Give a date column, or text such as 1990/03/08."
)
COMMA_IN_TAG: Final = Cause(
    "comma-in-tag", "A tag in the list contains a comma, which would make two tags of it.", "Rename the tag."
)
NOT_A_NUMBER: Final = Cause(
    "infinite", "A column holds an infinite number.", "Replace infinities by a number, or by nothing."
)
TOO_LARGE: Final = Cause(
    "too-large", "The row alone is larger than bytes_per_call.", "Shorten its texts, or raise bytes_per_call."
)

AGENT_HINT: Final = "Correct agentAccount in these rows, or create the agent in the CRM."

STOPPED: Final = Cause(
    "stopped", "The run stopped before this row was sent.", "Mend what stopped the run, and run it again."
)
NAMED: Final = Cause(
    "named", "The CRM took the call, and names this row as failed without a reason.", "Look the customer up in the CRM."
)
LEFT_OUT: Final = Cause(
    "left-out", "The CRM's answer names other rows of the call, but not this one.", "Look the customer up in the CRM."
)
CUT_SHORT: Final = Cause(
    "cut-short",
    "The worker was killed while this row may have been on its way, and sending it again could do harm.",
    "Look the customer up in the CRM; on_unknown='resend' sends such rows again.",
)


def together(causes: Sequence[Cause]) -> Cause:
    """Return all that is wrong with one row as one cause."""
    codes = " + ".join(str(cause.code) for cause in causes)
    return Cause(codes, " ".join(cause.meaning for cause in causes), " ".join(cause.hint for cause in causes))


def cause_of(failure: SocialSCRMError) -> Cause:
    """Return why the rows of a failed call are where they are."""
    code = failure.code
    if code and blames_signer(failure):
        return Cause(code.number, f"The row's agent cannot import customers: {code.meaning}", AGENT_HINT)
    if code:
        text = f" ({code.text})" if code.text else ""
        return Cause(code.number, f"{code.meaning}{text}", code.hint)
    name = f"HTTP {failure.http_status}" if failure.http_status not in (None, 200) else "no-answer"
    return Cause(name, str(failure), "Run the import again; if it stays so, ask the vendor.")


def systemic(failure: SocialSCRMError, positions: list[int]) -> SystemicError:
    """Return the error for calls that are refused alike whatever they carry.

    :param positions: the rows that were refused alone.
    """
    return SystemicError(
        f"Rows {', '.join(map(str, positions))} of different calls were refused alike, each alone, and no call was "
        f"taken in between, so no row is to blame. {failure} The other rows were not sent."
    )


def isolation_exhausted(failure: SocialSCRMError, calls: int) -> SystemicError:
    """Return the error for more bad rows than are worth finding one by one.

    :param calls: how many were spent on it.
    """
    return SystemicError(
        f"{calls:,} calls went into finding bad rows, which is more than the accepted ones are worth: too many rows "
        f"are bad. The last refusal: {failure} Mend the data first; the rows found so far are in the dead letter."
    )
