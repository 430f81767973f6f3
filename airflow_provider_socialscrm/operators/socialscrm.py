"""The import of customers into SocialsCRM, as a task."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.bases.xcom import BaseXCom

from airflow_provider_socialscrm.api.errors import StopError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.errors import ImporterError
from airflow_provider_socialscrm.importer.options import DEFAULT_BYTES, DEFAULT_CONCURRENCY, DEFAULT_ROWS, Options
from airflow_provider_socialscrm.operators.hidden import HiddenTable, hide

try:
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # Airflow 3.1 has it elsewhere
    from airflow.exceptions import AirflowFailException  # type: ignore[no-redef]  # only one of the two is there

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath

    from airflow_provider_socialscrm.importer.run import Import


class SocialSCRMImportOperator(BaseOperator):
    """Import the customers of a table into SocialsCRM, and account for each row.

    Columns bear the API's field names; any other column goes along as an extension field. Each row ends in one bucket
    of the manifest, which is the task's return value: ``accepted`` (the CRM answered 200 for it), ``rejected`` (the
    CRM refused it), ``invalid`` (not sendable), ``duplicate``, ``unknown`` (sent, the answer lost, and sending again
    could do harm) or ``not_sent``. It is pushed to XCom also when the task fails. No customer shows in logs, XCom or
    rendered fields.

    Safe to repeat: the import is an upsert, as far as the vendor lets on; a row with ``welcome`` is never sent again
    unless it is known that the CRM did not take it.

    :param data: a pandas DataFrame or Arrow table, as a rule the output of the task before; or the path of a Parquet,
        CSV or JSONL file (local or object storage).
    :param socialscrm_conn_id: the connection of type ``socialscrm``.
    :param rows_per_call: rows a call carries at most.
    :param bytes_per_call: bytes a call's body has at most.
    :param concurrency: calls in flight.
    :param max_rejected: rows that may be refused before the task fails, after all that could be sent was sent: a
        number, or a fraction of the input as a float below 1. Default 0: no refused row goes unnoticed.
    :param rejects_path: where to write the rows that did not go in, each with its position, code, meaning and hint; its
        name ends in ``.parquet``, ``.csv`` or ``.jsonl`` (local or object storage). It holds customers' data.
    :raises AirflowFailException: when no retry can help: a wrong setting, data that cannot be taken, refused rows.
    :raises RetriableError: when the CRM was ill for longer than a task should wait; Airflow's retry goes on from there.
    """

    template_fields: Sequence[str] = ("data", "socialscrm_conn_id", "rejects_path")
    ui_color = "#d9f2e3"

    def __init__(
        self,
        *,
        data: Any,
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name,
        rows_per_call: int = DEFAULT_ROWS,
        bytes_per_call: int = DEFAULT_BYTES,
        concurrency: int = DEFAULT_CONCURRENCY,
        max_rejected: float = 0,
        rejects_path: str | ObjectStoragePath | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.data = data
        self.socialscrm_conn_id = socialscrm_conn_id
        self.rows_per_call = rows_per_call
        self.bytes_per_call = bytes_per_call
        self.concurrency = concurrency
        self.max_rejected = max_rejected
        self.rejects_path = rejects_path

    @property
    def data(self) -> Any:
        """The table, behind a face without customers. Airflow shows template fields in its UI, as text."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        # Here and not at rendering: plain and mapped tasks render on different paths, but both set the attribute.
        self._data = hide(value)

    def execute(self, context: Context) -> dict[str, Any]:
        """Import the table and return the manifest."""
        try:
            return self._import(context)
        except (StopError, ImporterError) as failure:
            raise AirflowFailException(str(failure)) from None

    def _import(self, context: Context) -> dict[str, Any]:
        # Imported here, because DAG files are parsed often and need none of it.
        from airflow_provider_socialscrm.importer.run import Import  # noqa: PLC0415
        from airflow_provider_socialscrm.importer.source import open_source  # noqa: PLC0415

        source = open_source(self.data.table if isinstance(self.data, HiddenTable) else _path(self.data))
        client = SocialSCRMHook(self.socialscrm_conn_id).get_conn(self.concurrency)
        with closing(client):
            run = Import(source, client, self._options(), _path(self.rejects_path) if self.rejects_path else None)
            self.log.info(
                "Importing a %s into tenant %s at %s",
                source.describe,
                client.settings.tenant_id,
                client.settings.base_url,
            )
            return self._run(run, context)

    def _run(self, run: Import, context: Context) -> dict[str, Any]:
        try:
            run.run()
        except Exception:
            # A failed task returns nothing, yet what became of the rows matters then most of all.
            context["ti"].xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value=run.manifest())
            raise
        finally:
            self._log_outcome(run.manifest())
        return run.manifest()

    def _log_outcome(self, manifest: dict[str, Any]) -> None:
        rows = ", ".join(f"{count:,} {bucket}" for bucket, count in manifest["rows"].items() if count)
        self.log.info(
            "Rows: %s; %s calls in %.1f s", rows or "none", manifest["calls"]["sent"], manifest["seconds"]["total"]
        )
        for refusal in manifest["refusals"]:
            self.log.warning(
                "%(rows)s rows %(bucket)s, code %(code)s: %(meaning)s %(hint)s First positions: %(first_positions)s",
                refusal,
            )
        if where := manifest["rejects_path"]:
            self.log.info("Rows that did not go in are in %s, each with its reason", where)
        elif manifest["refusals"]:
            self.log.warning("Set rejects_path to have the rows that did not go in written to a file, with reasons")

    def _options(self) -> Options:
        return Options(
            rows_per_call=self.rows_per_call,
            bytes_per_call=self.bytes_per_call,
            concurrency=self.concurrency,
            max_rejected=self.max_rejected,
        )


def _path(value: Any) -> Any:
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415

    return ObjectStoragePath(value) if isinstance(value, str) else value
