"""Links from a task in Airflow's UI to the CRM and to the rejected rows."""

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
"""Page that shows an object in a cloud storage's console, by the protocol of its path."""


class ImportLink(BaseOperatorLink):
    """A link to the URL in an attribute of the operator. Airflow reads it when the task ends, and stores it."""

    key: ClassVar[str]
    attribute: ClassVar[str]

    @property
    def xcom_key(self) -> str:
        """Key of the XCom in which Airflow stores the link."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow passes it
        """Return a URL, or an empty text: Airflow then shows no link."""
        return browsable(str(getattr(operator, self.attribute, None) or ""))


class ConsoleLink(ImportLink):
    """Link to the CRM that the task imports into, as soon as the task has read its connection."""

    name = "SocialsCRM"
    key = "socialscrm_console"
    attribute = "console_url"


class RejectsLink(ImportLink):
    """Link to the file of rejected rows, if one was written and a browser can show it."""

    name = "Rejected rows"
    key = "socialscrm_rejects"
    attribute = "written_rejects"


def browsable(path: str) -> str:
    """Return a path as a URL, or an empty text if a browser cannot open it from Airflow's page, like a local file."""
    protocol, _, place = path.partition("://")
    if protocol in {"http", "https"}:
        return path
    if protocol not in CONSOLES:
        return ""
    bucket, _, key = place.partition("/")
    bucket = bucket.rpartition("@")[2]  # a connection's id may come first
    return CONSOLES[protocol].format(bucket=bucket, key=quote(key, safe="/"))
