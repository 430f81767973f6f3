"""The sentences of failures, completed by what only a task knows."""

from __future__ import annotations

import logging
import shlex

import pytest

from airflow_provider_socialscrm.__main__ import main
from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import (
    DataError,
    NotReadyError,
    RequestError,
    ServiceError,
    SettingError,
    SocialSCRMError,
    refusal,
)
from airflow_provider_socialscrm.importer.errors import (
    CheckpointError,
    ImporterError,
    InputError,
    NoFileError,
    RejectedRowsError,
    StoppedError,
    SupersededError,
    SystemicError,
)
from airflow_provider_socialscrm.importer.sources.text_lines import EmptyFileError
from airflow_provider_socialscrm.runtime.task_failures import (
    complete,
    instead_of_clearing,
    named_connection,
    no_retry_after,
    where_defined,
)
from tests.support.airflow import FakeTaskInstance

WHERE = "Admin > Connections, or where it is defined: AIRFLOW_CONN_CRM_PROD or a secrets backend"
NAMED = f"These fields are in the connection 'crm_prod' ({WHERE})."
ONE_NAMED = NAMED.replace("These fields are", "This field is")


def said(failure: Exception, **ti: int) -> str:
    complete(failure, {"ti": FakeTaskInstance(**ti)}, "crm_prod")
    return str(failure)


@pytest.mark.parametrize("number", [501, 516, 518, 519, 522, 523, 524, 525, 526, 530])
def test_a_code_that_blames_a_field_names_the_connection(number):
    failure = refusal(look_up(number, family=Family.IMPORT))
    before = str(failure)

    assert said(failure) == f"{before} {NAMED if number in (501, 522) else ONE_NAMED}"


@pytest.mark.parametrize(
    "failure",
    [
        SettingError("The address answers HTTP 404: this is not the SocialsCRM API. Check Base URL; it has no path."),
        RequestError("The server answered HTTP 400: it does not accept this request. Check Auth scheme."),
        ServiceError("The proxy p:3128 cannot be reached (x), so nothing was sent. Check Proxies in the connection."),
    ],
)
def test_a_sentence_that_names_a_field_says_which_connection_has_it(failure):
    assert ONE_NAMED in said(failure)


@pytest.mark.parametrize(
    "failure",
    [
        SettingError("Connection 'crm_prod': ApiKey is missing. Fix it."),
        DataError("The row is wrong."),
        SettingError("A Certificate, a Header and a Portal are not fields."),
        InputError("The input has no column Base URL."),
    ],
)
def test_a_sentence_of_no_field_or_with_the_connection_in_it_stays_as_it_is(failure):
    before = str(failure)

    assert said(failure) == before


def test_the_connection_is_named_once_by_the_hook_and_by_the_task():
    failure = SettingError("Check Tenant ID.")
    with pytest.raises(SettingError), named_connection("crm_prod"):
        raise failure

    assert said(failure) == f"Check Tenant ID. {ONE_NAMED}"


def test_a_connection_is_looked_for_under_the_name_of_its_variable():
    assert "AIRFLOW_CONN_CRM_EU " in where_defined("crm_eu")


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (ServiceError("No."), "clear the task once calls succeed again."),
        (NotReadyError("No."), "clear the task to run it again."),
        (StoppedError("No."), "clear the task to run it again."),
        (CheckpointError("No."), "clear the task once this is fixed."),
        (SocialSCRMError("No."), "clear the task once this is fixed."),
        (ImporterError("No."), "clear the task once this is fixed."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
@pytest.mark.parametrize(("try_number", "max_tries"), [(1, 0), (3, 2)])
def test_the_last_try_says_that_no_retry_is_left(failure, sentence, try_number, max_tries):
    expected = f"No. This was try {try_number} of {try_number}, so no retry is left: {sentence}"

    assert said(type(failure)("No."), try_number=try_number, max_tries=max_tries) == expected


WELCOMED = {
    "rows": {"total": 9, "accepted": 1, "unknown": 0},
    "changes": None,
    "has_welcome": True,
    "rejects_path": "/r/x.csv",
    "rejects_written": True,
}
"""Of a manifest, what says that clearing the task sends a welcome again."""


@pytest.mark.parametrize(
    ("other", "instead"),
    [
        ({}, "do not clear the task, which would send each welcome again, but import the rows in '/r/x.csv'"),
        (
            {"rows": {"total": 9, "accepted": 0, "unknown": 1}, "rejects_written": False},
            "do not clear the task, which would send each welcome again, but import only the rows that are left",
        ),
        ({"rows": {"total": 9, "accepted": 0, "unknown": 0}}, ""),
        ({"has_welcome": False}, ""),
        ({"changes": {}}, ""),
    ],
    ids=["accepted", "unknown", "none", "without welcomes", "with a ledger"],
)
def test_a_task_is_not_to_be_cleared_where_that_sends_a_welcome_again(other, instead):
    assert instead_of_clearing(WELCOMED | other) == instead


def test_the_last_try_says_what_to_do_rather_than_clear_the_task():
    failure = ServiceError("No.")

    complete(failure, {"ti": FakeTaskInstance(try_number=1, max_tries=0)}, "crm_prod", instead="import the rest")

    assert str(failure) == ("No. This was try 1 of 1, so no retry is left: import the rest once calls succeed again.")


def test_an_earlier_try_says_that_a_retry_follows_where_that_is_certain():
    assert said(ServiceError("No.")) == "No. This was try 1 of 3, and a retry follows."
    assert [said(kind("No.")) for kind in (StoppedError, CheckpointError, DataError)] == ["No."] * 3


@pytest.mark.parametrize("kind", [SettingError, InputError, SupersededError])
def test_an_error_that_no_retry_follows_says_nothing_about_one(kind):
    assert said(kind("No."), try_number=3, max_tries=2) == "No."


def test_an_error_that_is_not_ours_stays_as_it_is():
    assert said(ValueError("Check ApiKey."), max_tries=0) == "Check ApiKey."


def test_outside_airflow_nothing_is_said_about_tries():
    failure = ServiceError("No.")
    complete(failure, {}, "crm_prod")

    assert str(failure) == "No."


@pytest.mark.parametrize("is_last", [False, True])
def test_an_error_that_a_task_takes_for_final_stops_the_retries_and_says_nothing_about_them(is_last):
    ti = FakeTaskInstance(try_number=3 if is_last else 1)
    with pytest.raises(AirflowFailException, match=r"^No\.$"), no_retry_after({"ti": ti}, "crm_prod", SystemicError):
        raise SystemicError("No.")


def test_an_error_that_may_pass_keeps_its_class_and_says_that_a_retry_follows():
    with pytest.raises(ServiceError, match="a retry follows"), no_retry_after({"ti": FakeTaskInstance()}, "crm_prod"):
        raise ServiceError("No.")


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (refusal(look_up(522, family=Family.IMPORT)), "522"),
        (ServiceError("No."), "ServiceError"),
        (CheckpointError("No."), "CheckpointError"),
        (InputError("No."), "InputError"),
        (NoFileError("No."), "NoFileError"),
        (EmptyFileError("No."), "EmptyFileError"),
        (RejectedRowsError("No."), "RejectedRowsError"),
        (RejectedRowsError("No.", most=530), "530"),
        (RejectedRowsError("No.", most=-1), "-1"),
        (RejectedRowsError("No.", most=777), "777"),
        (RejectedRowsError("No.", most="rounded-number"), "rounded-number"),
        (RejectedRowsError("No.", most="HTTP 503"), "'HTTP 503'"),
    ],
)
def test_the_log_of_a_failed_task_names_the_command_that_explains_it(caplog, failure, words):
    with caplog.at_level(logging.INFO):
        said(failure)

    (line,) = caplog.messages
    assert line == f"To read what to do: python -m airflow_provider_socialscrm explain {words}"
    assert main(["explain", *shlex.split(words)]) == 0
