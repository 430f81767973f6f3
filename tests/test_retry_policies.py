"""Every error the provider raises, and what becomes of the task that raised it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from airflow.sdk import DAG, task

from airflow_provider_socialscrm.api.codes import ADMIN_CANNOT_IMPORT, REFUSED, TABLES, Family, Recovery, look_up
from airflow_provider_socialscrm.api.errors import (
    ClockError,
    DataError,
    NotReadyError,
    RetriableError,
    ServiceError,
    SocialSCRMError,
    StopError,
    UncertainError,
    refusal,
)
from airflow_provider_socialscrm.importer import errors as importer_errors
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

pytest.importorskip("airflow.sdk.definitions.retry_policy", reason="Airflow 3.3 and newer have retry policies")

from airflow.sdk import RetryAction, RetryDecision

from airflow_provider_socialscrm.retry_policies import FIRST_DELAY, LONGEST_DELAY, SocialSCRMRetryPolicy

LATER = {502, 517, 538}
"""Codes after which a later retry may succeed."""
UNKNOWN = {507, 508, 531, 532, 533}
"""Codes caused by rows: the import operator handles them; other tasks have to decide themselves."""


def decision_on(failure: BaseException, try_number: int = 1, **arguments: float) -> RetryDecision:
    return SocialSCRMRetryPolicy(**arguments).evaluate(failure, try_number, max_tries=max(3, try_number))


@pytest.mark.parametrize(
    ("family", "code"),
    [
        pytest.param(family, code, id=f"{family.name}-{code.number}")
        for family, table in TABLES.items()
        for code in table
    ],
)
def test_each_code_leads_to_no_retry_a_later_one_or_airflows_own(family, code):
    number, asks_rows = code.number, code.number in UNKNOWN and code.recovery is not Recovery.STOP
    decision = decision_on(refusal(look_up(number, code.text, family=family)))

    expected = RetryAction.RETRY if number in LATER else RetryAction.DEFAULT if asks_rows else RetryAction.FAIL
    assert decision.action is expected
    assert decision.retry_delay == (timedelta(seconds=FIRST_DELAY) if number in LATER else None)
    assert str(number) in decision.reason
    assert code.meaning in decision.reason
    assert code.hint in decision.reason


@pytest.mark.parametrize(
    ("number", "text", "action"),
    [
        (REFUSED, ADMIN_CANNOT_IMPORT, RetryAction.FAIL),
        (REFUSED, "something else", RetryAction.DEFAULT),
        (535, "", RetryAction.DEFAULT),
        (999, "brand new", RetryAction.DEFAULT),
    ],
)
def test_a_code_or_a_text_that_nobody_knows_is_left_to_airflow(number, text, action):
    assert decision_on(refusal(look_up(number, text, family=Family.IMPORT))).action is action


@pytest.mark.parametrize(
    ("failure", "action"),
    [
        (ServiceError("HTTP 503", http_status=503), RetryAction.RETRY),
        (UncertainError("no answer"), RetryAction.RETRY),
        (ClockError("the clocks differ"), RetryAction.RETRY),
        (NotReadyError("still parsing"), RetryAction.RETRY),
        (StopError("HTTP 404", http_status=404), RetryAction.FAIL),
        (DataError("rows"), RetryAction.DEFAULT),
        (SocialSCRMError("of no kind"), RetryAction.DEFAULT),
        (importer_errors.InputError("no column"), RetryAction.FAIL),
        (importer_errors.MissingFileError("a.csv does not exist"), RetryAction.DEFAULT),
        (importer_errors.RejectedRowsError("too many"), RetryAction.FAIL),
        (importer_errors.AccountingError("lost rows"), RetryAction.FAIL),
        (importer_errors.SystemicError("refused alike"), RetryAction.DEFAULT),
        (importer_errors.ExtensionFieldsError("no such field"), RetryAction.FAIL),
        (importer_errors.StoppedError("SIGTERM"), RetryAction.RETRY),
        (importer_errors.CheckpointError("not readable"), RetryAction.DEFAULT),
        (importer_errors.LedgerError("the disk is full"), RetryAction.DEFAULT),
        (importer_errors.UnusableLedgerError("damaged"), RetryAction.FAIL),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value.value,
)
def test_each_kind_of_error_leads_to_its_action_with_its_message_as_the_reason(failure, action):
    decision = decision_on(failure)

    assert decision.action is action
    assert str(failure) in decision.reason


@pytest.mark.parametrize("failure", [ValueError("8615266667780"), KeyError("x"), KeyboardInterrupt()])
def test_errors_that_are_not_ours_are_left_to_airflow_without_a_word(failure):
    assert decision_on(failure) == RetryDecision.default()


def test_no_error_of_ours_is_forgotten():
    kinds = [kind for kind in vars(importer_errors).values() if isinstance(kind, type)]
    ours = [kind for kind in kinds if kind is not importer_errors.ImporterError]

    assert len(ours) > 5
    assert [kind.__name__ for kind in ours if decision_on(kind("why")).reason is None] == []


def test_a_stopped_task_is_retried_at_once():
    assert decision_on(importer_errors.StoppedError("stopped"), try_number=3).retry_delay == timedelta(0)


@pytest.mark.parametrize(
    ("try_number", "seconds"),
    [(1, 60), (2, 120), (3, 240), (6, 1920), (7, LONGEST_DELAY), (50, LONGEST_DELAY), (100_000, LONGEST_DELAY)],
)
def test_the_delay_doubles_with_each_try_up_to_an_hour(try_number, seconds):
    assert decision_on(ServiceError("unavailable"), try_number).retry_delay == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("retry_after", "try_number", "seconds"),
    [(None, 1, 60), (0.0, 1, 60), (30.0, 1, 60), (90.0, 1, 90), (90.0, 2, 120), (1e9, 1, LONGEST_DELAY)],
)
def test_what_the_crm_asks_for_counts_where_it_is_longer_within_the_bound(retry_after, try_number, seconds):
    failure = ServiceError("unavailable", retry_after=retry_after)

    assert decision_on(failure, try_number).retry_delay == timedelta(seconds=seconds)


@pytest.mark.parametrize(("try_number", "max_tries"), [(1, 0), (2, 1), (4, 3)])
@pytest.mark.parametrize(
    "failure",
    [
        ServiceError("unavailable", retry_after=5.0),
        UncertainError("no answer"),
        DataError("rows"),
        importer_errors.StoppedError("stopped"),
        importer_errors.CheckpointError("not readable"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_the_last_try_promises_no_retry(failure, try_number, max_tries):
    decision = SocialSCRMRetryPolicy(first_delay=5).evaluate(failure, try_number, max_tries)

    assert decision == RetryDecision(RetryAction.DEFAULT, reason=f"No retry is left: {failure}")


def test_the_last_try_fails_all_the_same_where_a_retry_could_not_help():
    assert SocialSCRMRetryPolicy().evaluate(StopError("wrong"), 1, 0).action is RetryAction.FAIL


def test_both_delays_can_be_chosen():
    delays = [
        decision_on(ServiceError("unavailable"), n, first_delay=5, longest_delay=12).retry_delay for n in (1, 2, 3)
    ]

    assert delays == [timedelta(seconds=seconds) for seconds in (5, 10, 12)]


def test_the_reason_carries_no_customer():
    name = "8615266667780 Xanthippe"
    said = look_up(999, name, family=Family.IMPORT, clean=lambda text: text.replace(name, "***"))

    reason = decision_on(refusal(said)).reason

    assert "***" in reason
    assert [secret for secret in ("8615266667780", "Xanthippe") if secret in reason] == []


def test_a_policy_comes_back_from_json_as_it_was():
    stored = json.loads(json.dumps(SocialSCRMRetryPolicy(1.5, 20.0).serialize()))

    restored = SocialSCRMRetryPolicy.deserialize(stored)

    assert restored.delay(RetriableError("unavailable"), 1) == timedelta(seconds=1.5)
    assert restored.delay(RetriableError("unavailable"), 9) == timedelta(seconds=20)


def test_any_task_takes_the_policy():
    policy = SocialSCRMRetryPolicy()
    with DAG("policies", schedule=None):

        @task(retries=2, retry_policy=policy)
        def query() -> None:
            """Call the hook."""

        operator = query().operator

    assert operator.retry_policy is policy


CHOSEN = SocialSCRMRetryPolicy(1.0)


@pytest.mark.parametrize(
    ("arguments", "default_args", "chosen"),
    [
        ({"retry_policy": CHOSEN}, {}, CHOSEN),
        ({"retry_policy": None}, {}, None),
        ({}, {"retry_policy": CHOSEN}, CHOSEN),
        ({}, {"retry_policy": None}, None),
        ({"retry_policy": CHOSEN}, {"retry_policy": None}, CHOSEN),
    ],
)
def test_a_policy_chosen_for_the_task_or_the_dag_goes_before_the_operators_own(arguments, default_args, chosen):
    with DAG("chosen", schedule=None, default_args=default_args):
        operator = SocialSCRMImportOperator(task_id="import_customers", data="x.csv", **arguments)

    assert operator.retry_policy is chosen


def test_the_operator_has_the_policy_by_default():
    operator = SocialSCRMImportOperator(task_id="import_customers", data="x.csv")

    assert operator.retry_policy.serialize() == {"first_delay": None, "longest_delay": None, "task_delay": False}


UNAVAILABLE = ServiceError("unavailable")


def mapped_task(default_args: dict[str, object], **arguments: object) -> SocialSCRMImportOperator:
    """Return one task of a map, as Airflow makes it when it runs."""
    with DAG("mapped", schedule=None, default_args=default_args):
        mapped = SocialSCRMImportOperator.partial(task_id="import_customers", **arguments).expand(data=["a.csv"])
    return mapped.unmap({"data": "a.csv"})


def plain_task(default_args: dict[str, object], **arguments: object) -> SocialSCRMImportOperator:
    with DAG("plain", schedule=None, default_args=default_args):
        return SocialSCRMImportOperator(task_id="import_customers", data="a.csv", **arguments)


@pytest.mark.parametrize("make", [plain_task, mapped_task])
def test_plain_and_mapped_tasks_have_the_policy_by_default(make):
    task = make({})
    decision = task.retry_policy.evaluate(UNAVAILABLE, 1, 3, {"task": task})
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=FIRST_DELAY))
    assert task.retry_policy.evaluate(StopError("wrong"), 1, 3, {"task": task}).action is RetryAction.FAIL


DELAYS = [
    {"retry_delay": timedelta(hours=2)},
    {"retry_delay": timedelta(seconds=1)},
    {"max_retry_delay": timedelta(hours=2)},
    {"retry_exponential_backoff": True},
    {"retry_delay": 7200},
]


@pytest.mark.parametrize("delays", DELAYS, ids=str)
@pytest.mark.parametrize("for_all", [False, True], ids=["task", "default_args"])
@pytest.mark.parametrize("make", [plain_task, mapped_task])
@pytest.mark.parametrize(
    "failure", [UNAVAILABLE, importer_errors.StoppedError("stopped")], ids=["unavailable", "stopped"]
)
def test_a_delay_that_the_user_sets_wins(make, for_all, delays, failure):
    task = make(delays) if for_all else make({}, **delays)
    decision = task.retry_policy.evaluate(failure, 1, 3, {"task": task})
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, None)


def test_a_delay_that_the_user_sets_wins_even_if_it_is_airflows_default():
    task = plain_task({}, retry_delay=timedelta(minutes=5))
    assert task.retry_policy.evaluate(UNAVAILABLE, 1, 3, {"task": task}).retry_delay is None


def test_delays_of_the_policy_win_over_those_of_the_task():
    task = mapped_task({}, retry_delay=timedelta(hours=2), retry_policy=SocialSCRMRetryPolicy(first_delay=5))
    assert task.retry_policy.evaluate(UNAVAILABLE, 1, 3, {"task": task}).retry_delay == timedelta(seconds=5)
