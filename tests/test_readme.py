from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from airflow_provider_socialscrm.get_provider_info import get_provider_info
from airflow_provider_socialscrm.importer.reasons import Bucket
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.file_systems import FILE_SYSTEMS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BUCKETS = (ROOT / "docs" / "reference" / "buckets.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs" / "reference" / "results.md").read_text(encoding="utf-8")
CONNECT = (ROOT / "docs" / "howto" / "connect.md").read_text(encoding="utf-8")
ARGUMENTS = (ROOT / "docs" / "reference" / "operators.md").read_text(encoding="utf-8")
EXAMPLES = (ROOT / "docs" / "howto" / "examples.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("bucket", Bucket)
def test_every_bucket_is_explained(bucket):
    assert f"| `{bucket.value}` |" in BUCKETS


@pytest.mark.parametrize("key", [*Report().manifest(), "rejects_path", "rows_per_call"])
def test_every_key_of_the_manifest_is_shown(key):
    assert f'"{key}"' in RESULTS


def test_every_field_of_the_form_is_explained():
    (connection_type,) = get_provider_info()["connection-types"]
    labels = [
        *connection_type["ui-field-behaviour"]["relabeling"].values(),
        *(field["label"] for field in connection_type["conn-fields"].values()),
    ]

    assert [label for label in labels if f"| {label} |" not in CONNECT] == []


def test_every_argument_of_the_operator_is_listed():
    section = ARGUMENTS.split("## SocialSCRMImportOperator\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| \*\*`(\w+)`\*\* \| ", section, re.MULTILINE)
    arguments = inspect.signature(SocialSCRMImportOperator.__init__.__wrapped__).parameters
    assert listed == [name for name, argument in arguments.items() if argument.kind is argument.KEYWORD_ONLY]


def test_every_extra_for_users_is_listed_and_those_that_errors_name_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].keys() - {"demo", "dev", "cluster", "docs"}

    assert set(re.findall(r"^\| `(\w+)` \| .* \| `(?:apache-airflow|redis)", README, re.MULTILINE)) == extras
    named = {extra for each in FILE_SYSTEMS.values() for extra in re.findall(r"socialscrm\[(\w+)\]", each.install)}
    assert named == {"s3", "gcs"}
    assert named <= extras


def test_every_example_dag_is_listed():
    listed = re.findall(r"^\| \[(\w+\.py)\]\(\.\./\.\./dags/\1\) \|", EXAMPLES, re.MULTILINE)

    assert sorted(listed) == sorted(path.name for path in (ROOT / "dags").glob("*.py"))


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_every_example_is_valid_python(block):
    ast.parse(block)
