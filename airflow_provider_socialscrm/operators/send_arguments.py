"""The arguments of a send to numbers, in their types, and checked before anything else happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_socialscrm.api.contents import Content, check_content, contents_from
from airflow_provider_socialscrm.api.numbers import digits_of
from airflow_provider_socialscrm.api.sends import LARGEST_TASK, SendOptions, check_options
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.identity import ImportIdentity
from airflow_provider_socialscrm.importer.reasons import LONGEST_NUMBER, SHORTEST_NUMBER
from airflow_provider_socialscrm.mass_sends.names import default_name
from airflow_provider_socialscrm.runtime.rendered import time_of
from airflow_provider_socialscrm.wording import counted

ON_EMPTY: Final = ("fail", "skip")
"""Choices for an input without rows."""


@dataclass(frozen=True, slots=True)
class SendArguments:
    """A message and how it is sent, and the campaign that it is of.

    :param contents: what people get.
    :param options: how it is sent.
    :param campaign: within which a number gets one message.
    :param sender: digits of the service number that sends to all; empty with a column of senders.
    """

    contents: tuple[Content, ...]
    options: SendOptions
    campaign: str
    sender: str


def arguments_of(given: Mapping[str, Any], identity: ImportIdentity) -> SendArguments:
    """Return the arguments of a send.

    :param given: rendered, by name.
    :raises InputError: in one sentence, naming the argument that is wrong.
    """
    _check_plain(given)
    if given["content"] is None:
        raise InputError("content is missing: give a text, or an object such as Image. Nothing was sent.")
    try:
        contents = contents_from(given["content"])
        check_content(contents, given["channel"])
        options = SendOptions(
            channel=given["channel"],
            start=time_of("start", given["start"]),
            end=time_of("end", given["end"]),
            name=_name(given["name"], identity),
            agent=given["agent"],
            times_as=given["times_as"],
        )
        check_options(options)
    except (TypeError, ValueError) as wrong:
        raise InputError(f"{wrong} Nothing was sent.") from None
    return SendArguments(contents, options, _campaign(given["campaign"], identity), _sender(given))


def check_confirmed(confirmed: Any, recipients: int) -> None:
    """Check that somebody knows how many people will get a message.

    :param confirmed: ``confirm_recipients``.
    :raises InputError: if it is another number, or none.
    """
    if type(confirmed) is not int:
        raise InputError(
            "confirm_recipients must be the number of recipients, so that no wrong table reaches people: a dry run "
            "counts them. Nothing was sent."
        )
    if confirmed != recipients:
        found = counted(recipients, "recipient, and confirm_recipients is", "recipients, and confirm_recipients is")
        raise InputError(
            f"data has {found} {confirmed:,}, so nothing was sent: check the data, or confirm the other number."
        )


def _check_plain(given: Mapping[str, Any]) -> None:
    for name in ("check_executors", "dry_run"):
        if not isinstance(given[name], bool):
            raise InputError(f"{name} must be True or False. Nothing was sent.")
    part = given["recipients_per_task"]
    if type(part) is not int or not 0 < part <= LARGEST_TASK:
        raise InputError(f"recipients_per_task must be a whole number from 1 to {LARGEST_TASK:,}. Nothing was sent.")
    rejected = given["max_rejected"]
    is_share = isinstance(rejected, float) and 0 <= rejected < 1
    if rejected is not None and not is_share and not (type(rejected) is int and rejected >= 0):
        raise InputError("max_rejected must be a whole number, a share below 1, or None. Nothing was sent.")
    if given["on_empty"] not in ON_EMPTY:
        raise InputError("on_empty must be fail or skip. Nothing was sent.")
    doubts = given["doubts"]
    if doubts is not None and not (
        isinstance(doubts, Mapping) and all(isinstance(each, str | int) for pair in doubts.items() for each in pair)
    ):
        raise InputError("doubts must be a dictionary such as {'1a2b3c4d': 'not_sent'}. Nothing was sent.")


def _campaign(value: Any, identity: ImportIdentity) -> str:
    """Return the campaign: by default this task of this run, also where it is mapped."""
    if value is None:
        return f"{identity.dag_id}/{identity.task_id} {identity.run_id}"
    if not isinstance(value, str) or not value.strip():
        raise InputError("campaign must be a text that is not empty, or None. Nothing was sent.")
    return value


def _name(value: Any, identity: ImportIdentity) -> str:
    if value is None:
        return default_name(identity)
    if not isinstance(value, str) or not value.strip():
        raise InputError("name must be a text that is not empty, or None.")
    return value


def _sender(given: Mapping[str, Any]) -> str:
    sender, column = given["sender"], given["sender_column"]
    if (sender is None) == (column is None):
        raise InputError("Give sender or sender_column, and not both. Nothing was sent.")
    if sender is None:
        return ""
    digits = digits_of(sender) or ""
    if not SHORTEST_NUMBER <= len(digits) <= LONGEST_NUMBER or digits.startswith("0"):
        raise InputError("sender is not a service number: give its digits with the country code. Nothing was sent.")
    return digits
