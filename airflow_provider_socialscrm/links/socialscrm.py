"""From a task in Airflow's UI to the CRM, and to the rows that did not go in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

CONSOLES: Final = {
    "s3": "https://console.aws.amazon.com/s3/object/{bucket}?prefix={key}",
    "gs": "https://console.cloud.google.com/storage/browser/_details/{bucket}/{key}",
}
"""Where a browser shows an object of a storage, by the protocol of its path."""


class ConsoleLink(BaseOperatorLink):
    """Leads to the CRM that the task imported into."""

    name = "SocialsCRM"

    @property
    def xcom_key(self) -> str:
        """Under which Airflow keeps the link."""
        return "socialscrm_console"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow gives it
        """Return the connection's base URL, or nothing where the task did not come to read it."""
        return str(getattr(operator, "console_url", ""))


class RejectsLink(BaseOperatorLink):
    """Leads to the file of the rows that did not go in."""

    name = "Rows that did not go in"

    @property
    def xcom_key(self) -> str:
        """Under which Airflow keeps the link."""
        return "socialscrm_rejects"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow gives it
        """Return where the file is, as a URL, or nothing where none was written."""
        path = getattr(operator, "written_rejects", None)
        return browsable(str(path)) if path else ""


def browsable(path: str) -> str:
    """Return a path as a URL that a browser opens, as far as there is one."""
    protocol, separator, place = path.partition("://")
    if not separator:
        return Path(path).absolute().as_uri()
    if protocol not in CONSOLES:
        return path
    bucket, _, key = place.rpartition("@")[2].partition("/")  # a connection's id may come first
    return CONSOLES[protocol].format(bucket=bucket, key=quote(key, safe="/"))
