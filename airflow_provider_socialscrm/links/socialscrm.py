"""From a task in Airflow's UI to the CRM, and to the rows that did not go in."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

AMAZON: Final = "https://console.aws.amazon.com/s3/object/{bucket}?prefix={key}"
GOOGLE: Final = "https://console.cloud.google.com/storage/browser/_details/{bucket}/{key}"
CONSOLES: Final = {"s3": AMAZON, "s3a": AMAZON, "gs": GOOGLE, "gcs": GOOGLE}
"""Where a browser shows an object of a storage, by the protocol of its path."""


class ImportLink(BaseOperatorLink):
    """Leads to where an attribute of the operator says. Airflow asks, and keeps the answer, when the task ends."""

    key: ClassVar[str]
    attribute: ClassVar[str]

    @property
    def xcom_key(self) -> str:
        """Under which Airflow keeps the link."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow gives it
        """Return a URL, or nothing where there is none: Airflow then shows no link."""
        return browsable(str(getattr(operator, self.attribute, None) or ""))


class ConsoleLink(ImportLink):
    """Leads to the CRM that the task imported into, once the task read its connection."""

    name = "SocialsCRM"
    key = "socialscrm_console"
    attribute = "console_url"


class RejectsLink(ImportLink):
    """Leads to the file of the rows that did not go in, where one was written and a browser can show it."""

    name = "Rows that did not go in"
    key = "socialscrm_rejects"
    attribute = "written_rejects"


def browsable(path: str) -> str:
    """Return a path as a URL that a browser opens from Airflow's page, or nothing: there no local file opens."""
    protocol, _, place = path.partition("://")
    if protocol in {"http", "https"}:
        return path
    if protocol not in CONSOLES:
        return ""
    bucket, _, key = place.partition("/")
    bucket = bucket.rpartition("@")[2]  # a connection's id may come first
    return CONSOLES[protocol].format(bucket=bucket, key=quote(key, safe="/"))
