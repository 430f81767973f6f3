"""A path whose file system is not on the worker fails at once, and the sentence names what to install."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, ObjectStoragePath
from airflow.sdk.io.fs import _register_filesystems
from airflow.sdk.io.store import _STORE_CACHE
from fsspec.implementations.memory import MemoryFileSystem
from upath import UPath

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.operators.chats import SocialSCRMChatsToFileOperator
from airflow_provider_socialscrm.operators.group_links import SocialSCRMGroupLinksToFileOperator
from airflow_provider_socialscrm.operators.mass_sends import SocialSCRMMassSendOperator
from airflow_provider_socialscrm.operators.owners import SocialSCRMClearOwnersOperator
from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.file_systems import FILE_SYSTEMS, check_file_systems
from airflow_provider_socialscrm.runtime.paths import openable
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance


@pytest.fixture(autouse=True)
def registered() -> Iterator[dict[str, Any]]:
    """Return the file systems that Airflow's providers registered: none but this machine's, whatever is installed."""
    registered: Any = _register_filesystems()
    before = dict(registered)
    for scheme in before.keys() - {"file", "local"}:
        del registered[scheme]
    _STORE_CACHE.clear()
    yield registered
    registered.clear()
    registered.update(before)
    _STORE_CACHE.clear()


def lacks(package: str, message: str | None = None) -> Any:
    """Return what a provider registers, where the package that it needs is not installed."""

    def get_fs(conn_id: str | None, storage_options: dict[str, str] | None = None) -> Any:
        raise ModuleNotFoundError(message or f"No module named '{package}'", name=package)

    return get_fs


S3 = "'airflow-provider-socialscrm[s3]'"
GCS = "'airflow-provider-socialscrm[gcs]'"
AZURE = "apache-airflow-providers-microsoft-azure"
SFTP = "'apache-airflow-providers-sftp[sshfs]'"


@pytest.mark.parametrize(
    ("scheme", "provider", "library", "install"),
    [
        *((scheme, "apache-airflow-providers-amazon", "s3fs", S3) for scheme in ("s3", "s3a")),
        *((scheme, "apache-airflow-providers-google", "gcsfs", GCS) for scheme in ("gs", "gcs")),
        *((scheme, AZURE, "adlfs", AZURE) for scheme in ("abfs", "abfss", "adl")),
        *((scheme, "apache-airflow-providers-sftp", "sshfs", SFTP) for scheme in ("sftp", "ssh")),
    ],
)
def test_the_provider_and_the_extra_are_named_where_the_provider_is_missing(scheme, provider, library, install):
    with pytest.raises(InputError) as caught:
        check_file_systems(openable(f"{scheme}://novak:secret@crm/a.csv"))
    assert str(caught.value) == (
        f"No file system for {scheme}:// is installed: run pip install {install} on the workers, which brings "
        f"{provider} with {library}."
    )


@pytest.mark.parametrize("scheme", ["s3", "gs", "abfs", "sftp"])
def test_the_library_and_the_extra_are_named_where_the_provider_lacks_it(registered, scheme):
    known = FILE_SYSTEMS[scheme]
    registered[scheme] = lacks(known.library)
    for path in (openable(f"{scheme}://crm/a.csv"), ObjectStoragePath(f"{scheme}://crm/a.csv", conn_id="store")):
        with pytest.raises(InputError) as caught:
            check_file_systems(path)
        assert str(caught.value) == (
            f"The file system for {scheme}:// needs {known.library}, which cannot be imported: run pip install "
            f"{known.install} on the workers."
        )


def test_a_package_of_another_file_system_is_named_as_that_one_names_it(registered):
    registered["hdfs"] = lacks("nn", "Install nn to call novak@example.com")
    with pytest.raises(InputError) as caught:
        check_file_systems(openable("hdfs://crm/a.csv"))
    assert str(caught.value) == (
        "The file system for hdfs:// lacks a package: Install nn to call [hidden]. Install it, or download the file in "
        "an upstream task and pass the path of the copy."
    )


@pytest.mark.parametrize("scheme", ["memory", "http", "https", "foo", "s33", "c", "wasb", "oss"])
def test_a_scheme_that_no_provider_has_is_named(scheme):
    with pytest.raises(InputError, match=f"{scheme}:// (is installed. Install the Airflow|lacks a package: Install)"):
        check_file_systems(openable(f"{scheme}://crm/a.csv"))


def test_a_file_system_that_is_there_passes_and_its_own_errors_stay(registered):
    registered["abfs"] = lambda *_: MemoryFileSystem()
    check_file_systems(openable("abfs://crm/a.csv"), [openable("abfs://crm/b.csv"), Path("a.csv")], None, "text")
    check_file_systems(UPath("memory://crm/a.csv", key="y"), openable("file:///a.csv"))

    def lacks_a_setting(conn_id: str | None, storage_options: Any = None) -> Any:
        raise ValueError("account_name is missing")

    class WithoutASetting:
        protocol = "memory"  # which fsspec has, and Airflow has not

        @property
        def fs(self) -> Any:
            return lacks_a_setting(None)

    with pytest.raises(ValueError, match=r"^account_name is missing$"):
        check_file_systems(WithoutASetting())
    registered["adl"] = lacks_a_setting
    with pytest.raises(ValueError, match=r"^account_name is missing$"):
        check_file_systems(openable("adl://crm/a.csv"))


@pytest.mark.parametrize("argument", ["data", "rejects_path", "checkpoint_path"])
@pytest.mark.parametrize(
    "case",
    [
        ("s3://crm/a.csv", "No file system for s3:// is installed: run pip install 'airflow-provider-socialscrm[s3]'"),
        (ObjectStoragePath("gs://crm/a.csv"), "The file system for gs:// needs gcsfs, which cannot be imported: run"),
        ("foo://crm/a.csv", "No file system for foo:// is installed. Install the Airflow provider"),
        ("s3://crm/folder/", "No file system for s3:// is installed: run"),
    ],
)
def test_the_task_fails_at_once_and_is_not_retried(connected_crm: Sandbox, registered, tmp_path, argument, case):
    path, sentence = case
    registered["gs"] = lacks("gcsfs")
    (tmp_path / "a.csv").write_text("whatsApp\n8619776600001\n", encoding="utf-8")
    with DAG("dag", schedule=None):
        operator = SocialSCRMImportOperator(task_id="task", **{"data": str(tmp_path / "a.csv"), argument: path})

    with pytest.raises(AirflowFailException) as caught:
        operator.execute({"ti": FakeTaskInstance()})

    assert str(caught.value).startswith(sentence)
    assert connected_crm.calls() == []
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_a_path_in_a_list_counts_as_well(connected_crm: Sandbox, tmp_path):
    operator = SocialSCRMImportOperator(task_id="task", data=[str(tmp_path / "a.csv"), "s3://crm/a.csv"])
    with pytest.raises(AirflowFailException, match="No file system for s3:// is installed"):
        operator.execute({"ti": FakeTaskInstance()})


ROWS = [{"whatsApp": "8619776600001"}]

OTHERS = {
    "chats": (
        SocialSCRMChatsToFileOperator,
        {"start": "2024-10-05T00:00:00Z", "end": "2024-10-06T00:00:00Z"},
        ["path"],
    ),
    "group links": (SocialSCRMGroupLinksToFileOperator, {"links": ["https://chat.whatsapp.com/AbCdEf"]}, ["path"]),
    "screening": (
        SocialSCRMScreenOperator,
        {"data": ROWS, "kind": "gender", "country": "CN", "max_numbers": 600, "path": "screened.csv"},
        ["path", "data"],
    ),
    "owners": (SocialSCRMClearOwnersOperator, {"data": ROWS}, ["data", "rejects_path", "checkpoint_path"]),
    "mass sends": (
        SocialSCRMMassSendOperator,
        {"executors": ["agent_wang"], "group": {"stage": "New", "id": "1"}, "content": "Hi"},
        ["checkpoint_path"],
    ),
}
"""Operators, arguments that are right, and which of the arguments are paths."""


@pytest.fixture
def in_a_folder_of_its_own(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("in_a_folder_of_its_own")
@pytest.mark.parametrize("scheme", ["s3", "foo"])
@pytest.mark.parametrize(
    ("operator", "argument"), [(name, argument) for name, (*_, paths) in OTHERS.items() for argument in paths]
)
def test_every_operator_names_what_to_install(connected_crm: Sandbox, operator, argument, scheme):
    kind, arguments, _ = OTHERS[operator]
    path = f"{scheme}://crm/a.{'json' if argument == 'checkpoint_path' else 'csv'}"
    with DAG("dag", schedule=None):
        made = kind(task_id="task", **arguments | {argument: path})

    with pytest.raises(AirflowFailException, match=rf"^No file system for {scheme}:// is installed"):
        made.execute({"ti": FakeTaskInstance()})

    assert connected_crm.calls() == []
