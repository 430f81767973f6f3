"""The reason that the rows of a failed call get, and the error that stops the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from airflow_provider_socialscrm.api.codes import Blame, Recovery
from airflow_provider_socialscrm.api.errors import SettingError, SocialSCRMError, StopError, TooLargeError
from airflow_provider_socialscrm.importer.errors import ExtensionFieldsError, SystemicError
from airflow_provider_socialscrm.importer.reasons import CUT_SHORT, STOPPED, Reason
from airflow_provider_socialscrm.importer.sending.refused_fields import REFUSED_ROWS, Culprits, Fields
from airflow_provider_socialscrm.wording import counted

AGENT_HINT: Final = "Correct agentAccount in these rows, or create the agent in the CRM."


def reason_of(failure: SocialSCRMError) -> Reason:
    """Return why the rows of a failed call were not accepted."""
    code = failure.code
    if code:
        text = f" ({code.text})" if code.text else ""
        return Reason(code.number, f"{code.meaning}{text}", code.hint)
    name = f"HTTP {failure.http_status}" if failure.http_status not in (None, 200) else "no-answer"
    return Reason(name, failure.meaning, _hint(failure))


def agent_reason(failure: SocialSCRMError) -> Reason:
    """Return why all rows of an agent are rejected, who signed their call or whom they name."""
    if failure.code and failure.code.blame is Blame.SIGNER:
        meaning = f"The row's agent cannot import customers: {failure.code.meaning}"
        return Reason(failure.code.number, meaning, AGENT_HINT, is_passing=True)
    return replace(reason_of(failure), is_passing=True)


def reason_if_unknown(failure: SocialSCRMError) -> Reason:
    """Return the reason of rows that may have been taken and must not be sent twice."""
    return replace(reason_of(failure), hint=CUT_SHORT.hint)


def _hint(failure: SocialSCRMError) -> str:
    if isinstance(failure, TooLargeError):
        return "Shorten the texts of this row, which alone is larger than the server takes."
    if isinstance(failure, StopError):
        return STOPPED.hint
    return failure.advice or "Run the task again; if it happens again, ask the vendor."


def final_failure(failure: SocialSCRMError, re_signed: int) -> SocialSCRMError:
    """Return the error that stops the run: the failure itself, or for 502 the wrong setting that it means.

    :param failure: the last one.
    :param re_signed: how often the call was signed again with the server's time.
    """
    if failure.recovery is not Recovery.RE_SIGN:
        return failure
    if failure.clock_offset is None:
        found = "Its responses carry no Date, so the difference is unknown"
    elif re_signed and failure.clock_offset:
        found = f"Its clock is {failure.clock_offset:+,.0f} s from ours, and signing with its own time did not help"
    else:
        found = "Its clock agrees with ours"
    return SettingError(
        f"SocialsCRM rejects the time of the signature (502). {found}. Check the worker's clock; on the body scheme "
        "set Time zone to the zone in which the CRM reads createTime.",
        code=failure.code,
        clock_offset=failure.clock_offset,
    )


def unavailable(failure: SocialSCRMError, seconds: float) -> SocialSCRMError:
    """Return the error for an outage that lasts, of the class of the last failure.

    :param failure: the last one.
    :param seconds: how long no call has succeeded.
    """
    return type(failure)(
        f"No call to SocialsCRM has succeeded for {seconds:.0f} s, so the rest was not sent. "
        f"The last failure: {failure}",
        code=failure.code,
        http_status=failure.http_status,
        retry_after=failure.retry_after,
        clock_offset=failure.clock_offset,
    )


def systemic(failure: SocialSCRMError, positions: list[int]) -> SystemicError:
    """Return the error for calls that the CRM rejects whatever they carry.

    :param positions: of the rows that were rejected alone.
    """
    rows = ", ".join(map(str, sorted(positions)))
    return SystemicError(
        f"Rows {rows} of different calls were rejected alike, each alone, and no call was accepted in between, so no "
        f"row is at fault. {failure} The other rows were not sent."
    )


def isolation_exhausted(failure: SocialSCRMError, calls: int) -> SystemicError:
    """Return the error for more bad rows than are worth finding one by one.

    :param calls: how many were spent on it.
    """
    too_many = counted(
        calls, "call, too many for the rows that were accepted", "calls, too many for the rows that were accepted"
    )
    return SystemicError(
        f"Finding bad rows took {too_many}: too many rows are "
        f"bad. The last rejection: {failure} Fix the data first; the rows found so far are in rejects_path, if it is "
        "set."
    )


def unknown_fields(culprits: Culprits) -> ExtensionFieldsError:
    """Return the error for extension fields with which the CRM accepts no row."""
    suspects, others = _quoted(culprits.suspects), _quoted(culprits.accepted)
    several = len(culprits.suspects) > 1
    if culprits.suspects == culprits.accepted:
        found = f"no row with exactly {suspects}, though it accepted each of these fields in other rows"
    else:
        found = f"no row with {'any of ' if several else ''}{suspects}"
        found += f", while it accepted rows with {others}" if others else ""
    return ExtensionFieldsError(
        f"SocialsCRM rejected {REFUSED_ROWS} rows, each alone, for their extension fields (533), and accepted {found}. "
        f"It does not know {'at least one of these fields' if several else 'this field'}, or accepts none of its "
        f"values. Remove {'such a field' if several else 'it'} from extension_fields (in place of 'all' list the "
        "fields that the CRM has), or create it in the CRM under exactly this name and with the type of its values. "
        "The other rows were not sent."
    )


def _quoted(fields: Fields) -> str:
    return ", ".join(f"'{name}'" for name in sorted(fields))
