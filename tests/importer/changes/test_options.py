"""The user's ledger, and the guards."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_socialscrm.importer.changes.difference import Change, Counts
from airflow_provider_socialscrm.importer.changes.guards import check_guards
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.errors import InputError

DIGEST = "1790000000-" + "0a" * 16


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"resend": "all"},
        {"resend": "adopt"},
        {"resend": "{{ params.resend }}"},
        {"resend_after": timedelta(days=30)},
        {"resend_after": "{{ params.after }}"},
        {"resend_after": "30 days"},
        {"once": ()},
        {"once": ["welcome", "desc"], "ignore": {"source"}},
        {"once": ["{{ params.field }}"]},
        {"retry_rejected": "always"},
        {"retry_rejected": timedelta(days=1)},
        {"retry_rejected": "36 hours"},
        {"max_changes": 0},
        {"max_changes": 1000},
        {"max_changes": 0.0},
        {"max_changes": 0.25},
        {"max_gone": 0},
        {"max_gone": 0.1},
        {"max_gone": "{{ params.gone }}"},
        {"min_rows": 1},
        {"gone_path": "s3://crm/gone.csv"},
        {"expected_changes": DIGEST},
        {"expected_changes": "{{ ti.xcom_pull('dry_run')['changes']['digest'] }}"},
    ],
)
def test_these_options_are_taken(options):
    ledger = Ledger("s3://crm/ledger", **options)

    assert isinstance(ledger.once, tuple)
    assert isinstance(ledger.ignore, tuple)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"path": ""}, "path is '', not the path of a folder"),
        ({"path": None}, "path is None, not the path of a folder"),
        ({"resend": "every"}, "resend is 'every', not changed, all or adopt"),
        ({"resend": "chnaged"}, "resend is 'chnaged', not changed, all or adopt (is it 'changed'?)"),
        ({"resend": None}, "resend is None, not changed, all or adopt"),
        ({"resend_after": 30}, "resend_after is 30, not a time"),
        ({"resend_after": timedelta(0)}, "not a time above 0"),
        ({"resend_after": "0 days"}, "not a time above 0"),
        ({"resend_after": "30"}, "resend_after is '30', not a time, as in timedelta(days=30) or '30 days'"),
        ({"resend_after": "1 month"}, "resend_after is '1 month', not a time"),
        ({"resend_after": "9" * 400 + " days"}, "not a time"),
        ({"retry_rejected": "never"}, "retry_rejected is 'never', not changed or always, nor a time"),
        ({"retry_rejected": timedelta(days=-1)}, "not a time above 0"),
        ({"once": "welcome"}, "once is 'welcome', not a list of names"),
        ({"once": None}, "once is None, not a list of names"),
        ({"once": ("welcome", 1)}, "once has 1, which is not a field's name"),
        ({"once": ("whatsApp",)}, "once has 'whatsApp', without which no row is sent"),
        ({"ignore": ("agentAccount",)}, "ignore has 'agentAccount', without which no row is sent"),
        ({"once": [f"field {number}" for number in range(9)]}, "once has 9 fields, and at most 8 are possible"),
        ({"ignore": ("welcome",)}, "'welcome' is in once and in ignore: name it in one of them"),
        ({"max_changes": -1}, "max_changes is -1: give a whole number of rows, or a share"),
        ({"max_changes": 1.0}, "max_changes is 1.0: give a whole number of rows, or a share"),
        ({"max_changes": float("nan")}, "max_changes is nan"),
        ({"max_changes": True}, "max_changes is True"),
        ({"max_changes": "10%"}, "max_changes is '10%'"),
        ({"max_gone": -1}, "max_gone is -1: give a whole number of customers, or a share of the ledger"),
        ({"max_gone": 1.0}, "max_gone is 1.0: give a whole number of customers, or a share"),
        ({"max_gone": False}, "max_gone is False"),
        ({"min_rows": 0}, "min_rows is 0, not a whole number above 0"),
        ({"min_rows": 0.5}, "min_rows is 0.5, not a whole number above 0"),
        ({"gone_path": 1}, "gone_path is 1, not the path of a file"),
        ({"expected_changes": "abc"}, "expected_changes is not the digest of a dry run"),
        ({"expected_changes": 1}, "expected_changes is not the digest of a dry run"),
    ],
)
def test_these_options_are_refused(options, sentence):
    with pytest.raises(InputError) as caught:
        Ledger(**{"path": "ledger", **options})

    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("30 days", timedelta(days=30)),
        ("1 day", timedelta(days=1)),
        ("1.5 Hours", timedelta(minutes=90)),
        ("2 weeks", timedelta(days=14)),
        (" 45minutes ", timedelta(minutes=45)),
        *((str(each), each) for each in (timedelta(days=30), timedelta(days=1, hours=2), timedelta(seconds=90.5))),
    ],
)
def test_a_time_may_be_text_as_people_write_it_and_as_templates_print_it(text, time):
    ledger = Ledger("ledger", resend_after=text, retry_rejected=text)

    assert (ledger.resend_after, ledger.retry_rejected) == (time, time)


def test_names_of_fields_may_be_a_template_as_a_whole():
    assert Ledger("ledger", once="{{ params.once }}").once == "{{ params.once }}"


def test_all_mistakes_are_named_at_once():
    with pytest.raises(InputError, match=r"^ledger: resend is .*; max_changes is .*; min_rows is .*\.$"):
        Ledger("ledger", resend="x", max_changes=-1, min_rows=0)


def test_a_ledger_loads_nothing_heavy():
    script = (
        "import sys\nimport airflow_provider_socialscrm.importer.changes.options\n"
        "print([name for name in ('numpy', 'pyarrow', 'pandas', 'airflow') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=root).stdout

    assert output == "[]\n"


def counts(ledger: int = 100, gone: int = 0, newly_gone: int = 0, **rows: int) -> Counts:
    found = Counter({Change[name.upper()]: number for name, number in rows.items()})
    return Counts(found, ledger=ledger, gone=gone, newly_gone=newly_gone)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, counts(new=1_000)),
        ({"max_changes": 10}, counts(new=4, changed=3, retried=3, aged=90, unchanged=900, known_bad=90)),
        ({"max_changes": 0.1}, counts(new=10)),
        ({"max_changes": 0.29}, counts(new=29)),
        ({"max_changes": 0}, counts(aged=1, unchanged=1)),
        ({"min_rows": 100}, counts()),
        ({"expected_changes": DIGEST}, counts(new=3)),
        ({"max_changes": 1, "resend": "adopt"}, counts(new=1_000)),
        ({"max_gone": 10}, counts(gone=90, newly_gone=10)),
        ({"max_gone": 0.1}, counts(gone=90, newly_gone=10)),
        ({"max_gone": 0.29}, counts(newly_gone=29)),
        ({"max_gone": 0}, counts(gone=90, new=1_000)),
    ],
)
def test_guards_let_pass(options, found):
    check_guards(Ledger("ledger", **options), found, DIGEST, input_rows=100, is_first=False)


@pytest.mark.parametrize(
    ("options", "found", "sentence"),
    [
        ({"max_changes": 9}, counts(new=4, changed=3, retried=3), "10 changes (4 new, 3 changed, 3 retried)"),
        ({"max_changes": 0.1}, counts(changed=11), "max_changes is 0.1 of 100 customers, so no call was made"),
        ({"max_changes": 0}, counts(changed=1), "max_changes is 0, so no call was made"),
        ({"max_gone": 9}, counts(newly_gone=10), "lacks 10 customers that the last import had, and max_gone is 9, so"),
        ({"max_gone": 0}, counts(newly_gone=1), "lacks 1 customer that the last import had, and max_gone is 0, so"),
        ({"max_gone": 0.1}, counts(newly_gone=11), "max_gone is 0.1 of 100 customers, so no call was made"),
        ({"max_gone": 0, "resend": "adopt"}, counts(newly_gone=1), "max_gone is 0"),
        ({"min_rows": 101}, counts(), "The input has 100 rows, and min_rows is 101, so no call was made"),
        ({"min_rows": 101, "resend": "adopt"}, counts(), "min_rows is 101"),
        ({"expected_changes": DIGEST[:-1] + "b"}, counts(), "is not the one in expected_changes"),
    ],
)
def test_guards_stop_a_run(options, found, sentence):
    with pytest.raises(InputError) as caught:
        check_guards(Ledger("ledger", **options), found, DIGEST, input_rows=100, is_first=False)

    assert sentence in str(caught.value)


def test_the_first_run_may_have_any_number_of_changes_and_too_few_rows_never():
    check_guards(Ledger("ledger", max_changes=1), counts(0, new=10), DIGEST, input_rows=10, is_first=True)
    with pytest.raises(InputError, match="min_rows"):
        check_guards(Ledger("ledger", min_rows=11), counts(0, new=10), DIGEST, input_rows=10, is_first=True)


def test_the_manifest_has_plain_names():
    found = counts(new=1, changed=2, aged=3, retried=4, unchanged=5, known_bad=6)
    found.by_field["income"] = 2

    assert found.manifest() == {
        "new": 1, "changed": 2, "aged": 3, "retried": 4, "in_doubt": 0, "gone": 0, "newly_gone": 0,
        "ledger": 100, "by_field": {"income": 2}, "emptied": {},
    }  # fmt: skip
    assert (found.total, found.to_send) == (21, 10)
