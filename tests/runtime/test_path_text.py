"""A path differs from the text of customers, and a path object is shown as its path."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath

import pytest
from airflow.sdk import DAG, ObjectStoragePath
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_socialscrm.importer.sources.endings import TABLES
from airflow_provider_socialscrm.importer.sources.files import FORMATS
from airflow_provider_socialscrm.operators.chats import SocialSCRMChatsToFileOperator
from airflow_provider_socialscrm.operators.group_links import SocialSCRMGroupLinksToFileOperator
from airflow_provider_socialscrm.operators.mass_sends import SocialSCRMMassSendOperator
from airflow_provider_socialscrm.operators.owners import SocialSCRMClearOwnersOperator
from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from airflow_provider_socialscrm.operators.sends import SocialSCRMSendOperator
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.path_text import GivenPath, as_text, is_path, is_path_template
from airflow_provider_socialscrm.sensors.sends import SocialSCRMSendSensor


@pytest.mark.parametrize(
    "text",
    [
        *(f"customers{ending}" for ending in TABLES),
        "a b.csv", "a,b.csv.gz", "A.CSV", "x/y.jsonl.zst", "customers.xlsx", "customers.json",
        "s3://crm/x", "s3://aws@crm/customers/*.parquet", "simplecache::s3://crm/x.csv", "file:///x",
        "/data/customers", "./x", "../x", "data/*", "part-?", "2026/[0-9]*", "/data/{{ ds }}/x.csv", "stage=A, B/0.csv",
    ],
)  # fmt: skip
def test_a_path_is_found_by_its_scheme_its_folder_its_wildcard_or_its_ending(text):
    assert is_path(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "None", "customers", "8619776600001", "Xanthippe Novak", "novak@example.com", "[]", "[1]",
        '{"whatsApp": "8619776600001"}', '[{"whatsApp": "1", "file": "a.csv"}]', "[{'whatsApp': '1*'}]", "['1']",
        "whatsApp,friendName\n8619776600001,Xanthippe", "a.csv\n", "a.csv\nb.csv", "a.csv\0", "a\x85b.csv",
        "whatsApp,friendName", "Who is it?", "{'a': 's3://x'}", '{"url": "s3://x/a.csv"}', "x" * 1_025 + ".csv",
    ],
)  # fmt: skip
def test_other_text_is_not_a_path(text):
    assert not is_path(text)


@pytest.mark.parametrize("name", ["None", " "])
def test_text_of_nothing_is_not_a_path_though_a_file_has_this_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    assert not is_path(name)


def test_a_file_or_folder_that_exists_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not is_path("customers")
    Path("customers").mkdir()
    assert is_path("customers")


@given(st.lists(st.dictionaries(st.text(min_size=1), st.text(), min_size=1), min_size=1))
def test_json_and_pythons_text_of_rows_are_not_a_path(rows):
    assert not is_path(json.dumps(rows))
    assert not is_path(json.dumps(rows, ensure_ascii=False))
    assert not is_path("\n".join(map(json.dumps, rows)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ ti.xcom_pull('extract') }}", True),
        ('{{ ti.xcom_pull("extract") }}', True),
        ("s3://crm/{{ ds }}/*.parquet", True),
        ("{% if params.full %}all.csv{% else %}new.csv{% endif %}", True),
        ("a.csv", False),
        ('[{"whatsApp": "{{ x }}"}]', False),
        ("whatsApp\n{{ x }}", False),
    ],
)
def test_a_template_may_become_a_path_unless_data_is_around_it(text, expected):
    assert is_path_template(text) is expected


class OwnPath(os.PathLike):
    def __fspath__(self):
        return "/x/a.csv"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Path("/x/a.csv"), "/x/a.csv"),
        (PurePosixPath("x/a.csv"), "x/a.csv"),
        (OwnPath(), "/x/a.csv"),
        (UPath("/x/a.csv"), "/x/a.csv"),
        (UPath("file:///x/a.csv"), "file:///x/a.csv"),
        (ObjectStoragePath("s3://aws@crm/a.csv"), "s3://aws@crm/a.csv"),
        (ObjectStoragePath("s3://crm/a.csv", conn_id="aws"), "s3://aws@crm/a.csv"),
        (ObjectStoragePath("file:///x/a.csv"), "file:///x/a.csv"),
        ("a.csv", "a.csv"),
        (None, None),
    ],
)
def test_a_path_object_becomes_text(value, text):
    assert as_text(value) == text
    assert type(as_text(value)) is type(text)


class Renderer:
    def render_template(self, text, context):
        return text.replace("{{ ds }}", context["ds"])


@pytest.mark.parametrize("text", ["memory://x/{{ ds }}.csv", "http://127.0.0.1/{{ ds }}.csv", "s3://crm/{{ ds }}.csv"])
def test_a_path_object_of_a_file_system_that_airflow_does_not_open_is_kept_and_shown_as_its_path(text):
    given = UPath(text)
    kept = as_text(given)
    rendered = kept.resolve({"task": Renderer(), "ds": "2026"})

    assert isinstance(kept, GivenPath)
    assert (str(kept), str(rendered)) == (text, text.replace("{{ ds }}", "2026"))
    assert kept.opened() is given
    assert (type(rendered.opened()), str(rendered.opened())) == (type(given), str(rendered))
    assert rendered.opened().fs.protocol == given.fs.protocol


def test_options_of_a_file_system_are_kept_and_not_shown():
    given = UPath("memory://x/{{ ds }}.csv", secret="hush")
    kept = as_text(given)
    rendered = kept.resolve({"task": Renderer(), "ds": "2026"})

    assert isinstance(kept, GivenPath)
    assert (str(kept), str(rendered)) == ("memory://x/{{ ds }}.csv", "memory://x/2026.csv")
    assert kept.opened() is given
    assert dict(rendered.opened().storage_options) == {"secret": "hush"}
    assert str(rendered.opened()) == "memory://x/2026.csv"


def test_every_format_has_its_ending_in_the_list():
    assert set(FORMATS) == set(TABLES)


OPERATORS = [
    SocialSCRMImportOperator,
    SocialSCRMClearOwnersOperator,
    SocialSCRMScreenOperator,
    SocialSCRMSendOperator,
    SocialSCRMMassSendOperator,
    SocialSCRMChatsToFileOperator,
    SocialSCRMGroupLinksToFileOperator,
    SocialSCRMSendSensor,
]
PATHS = {"path", "rejects_path", "checkpoint_path", "result_path", "ledger"}


@pytest.mark.parametrize(
    ("operator", "name"),
    [(each, name) for each in OPERATORS for name in each.template_fields if name in PATHS],
    ids=lambda each: getattr(each, "__name__", each),
)
@pytest.mark.parametrize("made", [Path, lambda text: ObjectStoragePath(f"file://{text}")], ids=["pathlib", "airflow"])
def test_a_path_object_of_mapped_tasks_is_text_that_airflow_renders(operator, name, made):
    with DAG("dag", schedule=None):
        mapped = operator.partial(task_id="task", **{name: made("/crm/{{ ds }}/x.csv")}).expand_kwargs([{}])

    shared = mapped.partial_kwargs[name]
    assert isinstance(shared, str)
    assert shared.endswith("/crm/{{ ds }}/x.csv")

    with DAG("dag", schedule=None):
        mapped = operator.partial(task_id="task").expand(**{name: [made("/crm/{{ ds }}/x.csv")]})
    assert mapped.expand_input.value[name] == [shared]
