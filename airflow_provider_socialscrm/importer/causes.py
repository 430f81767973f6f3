"""Why rows are where they are, in words for a person."""

from __future__ import annotations

from typing import Final

from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.importer.errors import SystemicError
from airflow_provider_socialscrm.importer.recovery import blames_signer
from airflow_provider_socialscrm.importer.report import Cause

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


def isolation_exhausted(failure: SocialSCRMError, calls: float) -> SystemicError:
    """Return the error for more bad rows than are worth finding one by one.

    :param calls: how many were spent on it.
    """
    return SystemicError(
        f"{calls:,.0f} calls went into finding bad rows, which is more than the accepted ones are worth: too many rows "
        f"are bad. The last refusal: {failure} Mend the data first; the rows found so far are in the dead letter."
    )
