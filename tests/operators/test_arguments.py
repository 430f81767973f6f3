"""Arguments that are always wrong fail when the DAG is parsed; those that only a run knows are checked in the run."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk import DAG, task

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.options import Rules
from airflow_provider_socialscrm.operators.arguments import options_of
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator


def operator(task_id="import_customers", **arguments):
    return SocialSCRMImportOperator(task_id=task_id, **{"data": "customers.csv"} | arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"rows_per_call": 0}, "rows_per_call is 0"),
        ({"max_rejected": 2.5}, "max_rejected is 2.5: give a whole number of rows, a share of them"),
        ({"max_rejected": True}, "max_rejected is True"),
        ({"default_region": "cn"}, "default_region is 'cn': write 'CN'"),
        ({"ambiguous_numbers": "guess"}, "ambiguous_numbers is 'guess'"),
        ({"bad_values": "skip"}, "bad_values is 'skip'"),
        ({"dayfirst": "yes"}, "dayfirst is 'yes'"),
        ({"extension_fields": "Level"}, "extension_fields is 'Level'"),
        ({"extension_fields": ["email"]}, "extension_fields names 'email'"),
        ({"date_fields": ["birthday"]}, "date_fields names 'birthday'"),
        ({"columns": {"mobile": "WhatsAp"}}, "columns maps 'mobile' to 'WhatsAp'"),
        ({"defaults": {"stages": "New"}}, "defaults names 'stages'"),
        ({"values": {"sexes": {}}}, "values names 'sexes'"),
        ({"empty": {"whatsApp": "send"}}, "empty cannot send an empty 'whatsApp'"),
        ({"encoding": "utf8mb4"}, "encoding='utf8mb4' is not known"),
        ({"delimiter": ";;"}, "delimiter=';;' cannot separate values"),
        ({"on_unknown": "guess"}, "on_unknown is 'guess'"),
        ({"rejects_path": "~/rejects/"}, "Task import_customers: rejects_path begins with ~"),
        ({"checkpoint_path": Path("s3://crm/state/")}, "Task import_customers: checkpoint_path begins with s3:/ and"),
        ({"ledger": "file:/data/ledger"}, "Task import_customers: ledger begins with file:/ and"),
        ({"data": ["/a.csv", "file:/data/a.csv"]}, "Task import_customers: data begins with file:/ and"),
        ({"data": Path("~/a.csv")}, "Task import_customers: data begins with ~"),
    ],
)
def test_an_argument_that_is_always_wrong_fails_when_the_dag_is_parsed(arguments, sentence):
    with pytest.raises(InputError) as caught:
        operator(**arguments)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"max_rejected": "5%"}, "Task nightly: max_rejected is '5%'"),
        ({"dry_run": "perhaps", "max_rejected": 1}, "Task nightly: dry_run is 'perhaps'"),
        ({"delimiter": ";;"}, "delimiter=';;' cannot separate values"),
        ({"columns": {"mobile": "WhatsAp"}, "extension_fields": None}, "columns maps 'mobile' to 'WhatsAp'"),
        ({"rejects_path": "~/rejects/"}, "Task nightly: rejects_path begins with ~"),
        ({"checkpoint_path": 5}, "Task nightly: checkpoint_path is a int, not a path"),
        ({"data": "dbfs:/x.csv"}, "Task nightly: data begins with dbfs:/ and"),
    ],
)
def test_an_argument_of_a_map_that_is_always_wrong_fails_when_the_dag_is_parsed(arguments, sentence):
    with DAG("parsed"), pytest.raises(InputError) as caught:
        SocialSCRMImportOperator.partial(task_id="nightly", retries=2, **arguments)
    assert sentence in str(caught.value)


def test_what_each_task_of_a_map_may_have_is_left_to_the_run():
    with DAG("parsed"):
        fields = {"columns": {"tier": "Level"}, "dry_run": "{{ params.dry }}", "max_rejected": None}
        partial = SocialSCRMImportOperator.partial(task_id="nightly", data="a.csv", **fields)
        partial.expand(extension_fields=[["Level"], "all"])


def test_an_argument_that_only_a_run_knows_is_left_to_the_run():
    with DAG("parsed"):

        @task
        def decide():
            return {}

        operator(columns={"mobile": "{{ params.field }}"}, defaults=decide(), default_region="{{ params.region }}")
        operator(
            "import_others",
            extension_fields=decide(),
            columns={"tier": "Level"},
            max_rejected="{% if true %}1{% endif %}",
        )


def test_an_argument_that_is_not_given_has_the_importers_default():
    assert options_of(vars(operator())).rules == Rules()
    empty = operator(columns=None, values=None, date_fields=None, null_values=None)
    assert options_of(vars(empty)).rules == Rules()
    assert options_of(vars(operator(max_rejected=None))).max_rejected is None


def test_all_wrong_arguments_are_named_at_once_with_the_tasks_id():
    with pytest.raises(InputError) as caught:
        operator("nightly", rows_per_call=0, default_region="UK")
    assert str(caught.value) == (
        "Task nightly: rows_per_call is 0, not a whole number above 0 or 'auto'. default_region is 'UK': write 'GB'."
    )
