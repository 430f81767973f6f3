"""What a send returns: counts, ids and reasons, and no number. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from airflow_provider_socialscrm.importer.masking import masked
from airflow_provider_socialscrm.importer.results.report import shortened
from airflow_provider_socialscrm.sends.campaign import Campaign
from airflow_provider_socialscrm.sends.recipients import Recipients
from airflow_provider_socialscrm.sends.sending import Outcome, Result
from airflow_provider_socialscrm.sends.state import Call
from airflow_provider_socialscrm.wording import counted

MOST_DOUBTS: Final = 20
"""Calls in doubt that a manifest lists; the ledger has all."""


def manifest_of(campaign: str, recipients: Recipients, result: Result) -> dict[str, Any]:
    """Return the manifest of a send."""
    return {
        **_input(campaign, recipients),
        **{outcome.value: result.counts[outcome] for outcome in Outcome},
        "task_ids": result.task_ids,
        "doubts": [_doubt(call) for call in result.doubts[:MOST_DOUBTS]],
        "refusals": [
            *(refusal.as_dict() for refusal in recipients.tally.refusals.values()),
            *(
                {"code": each.code and each.code.number, "meaning": shortened(str(each))}
                for each in result.refusals[:1]
            ),
        ],
    }


def preview_of(campaign: Campaign, keys: Sequence[int], recipients: Recipients, part: int) -> dict[str, Any]:
    """Return the manifest of a dry run.

    :param keys: of the recipients in the campaign.
    :param part: recipients of a task at most.
    """
    holders = [campaign.state.holder(key) for key in keys]
    left = [place for place, call in enumerate(holders) if call is None]
    in_doubt = sum(call is not None and call.is_open for call in holders)
    pair = recipients.pair(left[0] if left else 0)
    return {
        "dry_run": True,
        **_input(campaign.name, recipients),
        "to_send": len(left),
        "sent_before": len(holders) - len(left) - in_doubt,
        "in_doubt": in_doubt,
        "tasks": -(-len(left) // part),
        "doubts": [_doubt(call) for call in list(campaign.state.open_calls())[:MOST_DOUBTS]],
        "refusals": [refusal.as_dict() for refusal in recipients.tally.refusals.values()],
        "example": {"from": masked(pair.sender), "to": masked(pair.recipient)},
    }


def doubt_sentence(result: Result, failure: object = None) -> str:
    """Return what a person has to do about calls in doubt.

    :param failure: of this try, if there was one.
    """
    shown = ", ".join(
        f"{call.claim.call} (task '{call.claim.name}' in the CRM, {counted(len(call.claim.numbers), 'recipient')})"
        for call in result.doubts[:MOST_DOUBTS]
    )
    example = result.doubts[0].claim.call
    why = f" {failure}" if failure else ""
    held = counted(
        result.counts[Outcome.IN_DOUBT],
        "recipient may have got the message, and nothing says whether they did, so they are not sent to again",
        "recipients may have got the message, and nothing says whether they did, so they are not sent to again",
    )
    return (
        f"{held}: calls {shown}. Look the tasks up in the CRM, give this task doubts={{'{example}': ...}} with the "
        f"task's id, 'sent' or 'not_sent', and clear it.{why}"
    )


def _input(campaign: str, recipients: Recipients) -> dict[str, Any]:
    return {
        "campaign": campaign,
        "rows": recipients.rows,
        "recipients": len(recipients),
        "invalid": recipients.invalid,
        "duplicate": recipients.duplicates,
    }


def _doubt(call: Call) -> dict[str, Any]:
    claim = call.claim
    return {"call": claim.call, "name": claim.name, "recipients": len(claim.numbers), "at": claim.at}
