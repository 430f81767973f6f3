"""The import of customers into SocialsCRM, as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.bases.xcom import BaseXCom

from airflow_provider_socialscrm.api.errors import StopError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.errors import FATAL_ERRORS
from airflow_provider_socialscrm.importer.options import (
    AMBIGUOUS_NUMBERS,
    BAD_VALUES,
    DEFAULT_BYTES,
    DEFAULT_CONCURRENCY,
    DEFAULT_ROWS,
    DUPLICATES,
    EMPTY,
    ON_INVALID,
    ON_UNKNOWN,
)
from airflow_provider_socialscrm.links.socialscrm import ConsoleLink, RejectsLink
from airflow_provider_socialscrm.operators.arguments import check_constants, options_of
from airflow_provider_socialscrm.operators.versions import AirflowFailException, with_policy
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable, hide
from airflow_provider_socialscrm.runtime.lineage import Lineage
from airflow_provider_socialscrm.runtime.mapped_tasks import check_own_files, parallel_tasks
from airflow_provider_socialscrm.runtime.paths import check_apart, openable
from airflow_provider_socialscrm.runtime.progress import report_progress
from airflow_provider_socialscrm.runtime.reporting import log_outcome, log_preview, log_start

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath

    from airflow_provider_socialscrm.api.client import Client
    from airflow_provider_socialscrm.api.settings import Settings
    from airflow_provider_socialscrm.importer.options import Options
    from airflow_provider_socialscrm.importer.results.progress import ProgressCallback
    from airflow_provider_socialscrm.importer.run import Import
    from airflow_provider_socialscrm.importer.sources.base import Source


class SocialSCRMImportOperator(Lineage, BaseOperator):
    """Import the customers of a table into SocialsCRM, and account for each row.

    Columns go to the API's field they are called like, or are mapped to by ``columns``; any other column is left out
    unless ``extension_fields`` names it. The table is read once to its end before the first call, so that what breaks
    off is found before anything is sent. Each row ends in one bucket of the manifest, which is the task's return value:
    ``accepted`` (the CRM answered 200 for it), ``rejected`` (the CRM refused it), ``invalid`` (not sendable),
    ``duplicate``, ``blank`` (no value at all), ``unknown`` (sent, the answer lost, and sending again could do harm) or
    ``not_sent``. It is pushed to XCom also when the task fails. No customer shows in logs, XCom or rendered fields.

    Safe to repeat: the import is an upsert, as far as the vendor lets on; a row with ``welcome`` is never sent again
    unless it is known that the CRM did not take it.

    :param data: a pandas DataFrame, anything with the Arrow PyCapsule interface (polars, DuckDB, pyarrow) or a list of
        dictionaries, as a rule the output of the task before; or a path or glob of Parquet, CSV or JSONL files (local
        or object storage), which are streamed: the better way for more than some tens of thousands of rows.
    :param columns: the API's field for a column, as in ``{"mobile": "whatsApp"}``; ``None`` leaves a column out.
        Columns that are not named go to the field they are called like, regardless of case, blanks and underscores.
        Default ``None``: that is all of them.
    :param defaults: values of fields for the rows that have none, as in ``{"stage": "New Customer"}``. Default
        ``None``: what a row has not is left out.
    :param values: what a value of a field becomes, by field, before any other rule: ``{"sex": {"M": "male"}}``;
        ``None`` takes it for missing. Default ``None``: values stay as they are.
    :param extension_fields: the columns and fields beside the API's own that go along, or ``"all"``. Default ``None``:
        none of them, so that no column of a table leaves unasked; the log names those that are left out.
    :param date_fields: which of the extension fields are dates, read as birthdays are and sent as ``yyyy/MM/dd``.
        Default ``None``: text is sent as it is.
    :param null_values: texts that mean a missing value in any column, as in ``["NULL", "n/a"]``. Default ``None``: such
        words are sent, and counted in the log.
    :param default_region: the country of numbers without country code, as in ``"CN"``; all numbers are then checked by
        the ``phonenumbers`` library. Default ``None``, as no country can be guessed: numbers need their country code,
        and a length that is possible there.
    :param ambiguous_numbers: what becomes of a number without ``+`` that can be one of ``default_region``, and one of
        another country: ``"reject"`` (default, as a message to a stranger cannot be taken back), or the ``"national"``
        or the ``"international"`` reading.
    :param dayfirst: whether a birthday 01/02/2020 is the first of February. Default ``None``: what can be read both
        ways is rejected rather than guessed.
    :param empty: whether a missing or blank value is left out (``"omit"``, default: it neither sets nor clears the
        field) or sent as an empty text (``"send"``), for all fields or by field, as in ``{"desc": "send"}``. For all,
        ``whatsApp``, ``agentAccount``, ``welcome`` and ``cancelTabName`` are not meant.
    :param bad_values: whether a row with an optional value that cannot be sent is rejected (``"reject"``, default: a
        person decides) or sent without that value (``"omit"``), which the log counts.
    :param duplicates: which row goes of those with one number: the ``"last"`` that can be sent (default, as it is taken
        to be the newest), the ``"first"``, or all (``"send"``).
    :param on_invalid: whether rows that cannot be sent are kept back and the others sent (``"reject"``, default), or
        nothing is sent (``"fail"``).
    :param encoding: of CSV and JSONL files, by its name in Python. Default ``"utf-8"``, as most programs write it.
    :param delimiter: between the values of CSV files, one character. Default ``","``.
    :param dry_run: do all of it but the calls, say in the log what would be sent, and return the counts. Default
        ``False``.
    :param socialscrm_conn_id: the id of the connection of type ``socialscrm``. Default ``"socialscrm_default"``.
    :param rows_per_call: rows a call carries at most. Default 100: the vendor states no limit, and a bad row among a
        hundred is found in some fourteen calls.
    :param bytes_per_call: bytes a call's body has at most. Default 1,048,576 (1 MiB), what web servers commonly take.
    :param concurrency: calls in flight, which is also what a killed worker may have sent twice. Default 16, which
        keeps the default pace of 45 calls a second with answers that take up to 350 ms.
    :param max_rejected: rows that may be refused before the task fails, after all that could be sent was sent: an int
        is a number of rows, a float from 0.0 to 1.0 a share of the input, ``None`` never fails the task. Default 0: no
        refused row goes unnoticed.
    :param rejects_path: where to write the rows that did not go in, each with its position, code, meaning and hint; its
        name ends in ``.parquet``, ``.csv`` or ``.jsonl`` (local or object storage). It holds customers' data. Each
        run and each mapped task needs its own: ``{{ run_id }}``, ``{{ ti.map_index }}``. Default ``None``: such rows
        are counted, with their positions, and written nowhere.
    :param on_unknown: what becomes of a row with ``welcome`` whose call was sent and whose answer was lost: ``hold`` it
        as unknown (default, as the customer may have the message already) or ``resend`` it.
    :param checkpoint_path: a small file that keeps what is settled, for a retry to go on from (local or object
        storage). Each run and each mapped task needs its own. Default ``None``: on Airflow 3.3 the task's state does
        it, before that a retry sends every row again.
    :param parallel_tasks: tasks of the tenant that run at once, this one included: the connection's calls a second are
        divided by them unless it names a Redis through which they share them. Default ``None``: as many tasks of a map
        as can run at once, by its length, ``max_active_tis_per_dag``, ``max_active_tis_per_dagrun`` and
        ``max_active_tasks``; 1 without a map.
    :raises AirflowFailException: when no retry can help: a wrong setting, data that cannot be taken, refused rows.
    :raises RetriableError: when the CRM was ill for longer than a task should wait; Airflow's retry goes on from there.
    """

    template_fields: Sequence[str] = (
        "data", "socialscrm_conn_id", "columns", "defaults", "rejects_path", "checkpoint_path",
    )  # fmt: skip
    operator_extra_links = (ConsoleLink(), RejectsLink())
    ui_color = "#d9f2e3"

    def __init__(
        self, *,
        data: Any, encoding: str = "utf-8", delimiter: str = ",",
        columns: Mapping[str, str | None] | None = None, extension_fields: Sequence[str] | str | None = None,
        defaults: Mapping[str, Any] | None = None, values: Mapping[str, Mapping[Any, Any]] | None = None,
        null_values: Sequence[str] | None = None, empty: str | Mapping[str, str] = EMPTY[0],
        default_region: str | None = None, ambiguous_numbers: str = AMBIGUOUS_NUMBERS[0],
        dayfirst: bool | None = None, date_fields: Sequence[str] | None = None,
        bad_values: str = BAD_VALUES[0], duplicates: str = DUPLICATES[0],
        on_invalid: str = ON_INVALID[0], on_unknown: str = ON_UNKNOWN[0], max_rejected: float | None = 0,
        rejects_path: str | ObjectStoragePath | None = None,
        checkpoint_path: str | ObjectStoragePath | None = None,
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name, dry_run: bool = False,
        rows_per_call: int = DEFAULT_ROWS, bytes_per_call: int = DEFAULT_BYTES,
        concurrency: int = DEFAULT_CONCURRENCY, parallel_tasks: int | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**with_policy(kwargs))
        self.data, self.encoding, self.delimiter = data, encoding, delimiter
        self.socialscrm_conn_id, self.max_rejected = socialscrm_conn_id, max_rejected
        self.rows_per_call, self.bytes_per_call = rows_per_call, bytes_per_call
        self.concurrency, self.parallel_tasks = concurrency, parallel_tasks
        self.rejects_path, self.checkpoint_path = rejects_path, checkpoint_path
        self.on_unknown, self.on_invalid, self.duplicates = on_unknown, on_invalid, duplicates
        self.columns, self.defaults, self.values = columns, defaults, values
        self.extension_fields, self.date_fields, self.null_values = extension_fields, date_fields, null_values
        self.default_region, self.ambiguous_numbers, self.dayfirst = default_region, ambiguous_numbers, dayfirst
        self.empty, self.bad_values = empty, bad_values
        self._dry_run = dry_run  # every operator has a method dry_run, which renders its templates
        self._running: Import | None = None
        self._settings: Settings | None = None
        self._killed = False
        check_constants(self)

    @property
    def data(self) -> Any:
        """The table, behind a face without customers. Airflow shows template fields in its UI, as text."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        # Here and not at rendering: plain and mapped tasks render on different paths, but both set the attribute.
        self._data = hide(value)

    @property
    def console_url(self) -> str:
        """Where the CRM is, once the task read its connection."""
        return self._settings.base_url if self._settings else ""

    @property
    def written_rejects(self) -> Any:
        """The path of the rows that did not go in, once the import began."""
        return self.rejects_path if self._running else None

    def execute(self, context: Context) -> dict[str, Any]:
        """Import the table and return the manifest."""
        try:
            return self._import(context)
        except (StopError, *FATAL_ERRORS) as failure:
            raise AirflowFailException(str(failure)) from None

    def on_kill(self) -> None:
        """Let the calls in flight finish and send nothing more; Airflow calls this when the task is to end."""
        self._killed = True
        if self._running:
            self._running.stop()

    def _import(self, context: Context) -> dict[str, Any]:
        # Imported here, because DAG files are parsed often and need none of it.
        from airflow_provider_socialscrm.importer.run import Import  # noqa: PLC0415
        from airflow_provider_socialscrm.runtime.task_state import checkpoint_store_for  # noqa: PLC0415

        options = self._options()
        if self.parallel_tasks is None:
            options = replace(options, parallel_tasks=parallel_tasks(context))
        rejects_path, checkpoint_path = openable(self.rejects_path), openable(self.checkpoint_path)
        check_apart(data=openable(self.data), rejects_path=rejects_path, checkpoint_path=checkpoint_path)
        check_own_files(context, "rejects_path", "checkpoint_path")
        source = self._source()
        hook = SocialSCRMHook(self.socialscrm_conn_id)
        with closing(hook.get_conn(self.concurrency)) as client, report_progress(context) as on_progress:
            self._settings = client.settings
            log_start(source, client.settings, dry_run=self._dry_run)
            if self._dry_run:
                return self._preview(source, client, options, on_progress)
            store = checkpoint_store_for(context, checkpoint_path)
            self._running = Import(source, client, options, rejects_path, store, on_progress=on_progress)
            if self._killed:
                self._running.stop()
            return self._run(self._running, context)

    def _source(self) -> Source:
        from airflow_provider_socialscrm.importer.sources.open_source import open_source  # noqa: PLC0415

        data = openable(self.data)
        if isinstance(data, HiddenTable):
            data.warn_if_large()
            data = data.table
        return open_source(data, encoding=self.encoding, delimiter=self.delimiter)

    def _run(self, run: Import, context: Context) -> dict[str, Any]:
        from airflow_provider_socialscrm.runtime.metrics import count_import  # noqa: PLC0415
        from airflow_provider_socialscrm.runtime.outlets import tell_outlets  # noqa: PLC0415

        try:
            run.run()
        except Exception:
            # A failed task returns nothing, yet what became of the rows matters then most of all.
            context["ti"].xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value=run.manifest())
            raise
        finally:
            log_outcome(run.manifest())
            count_import(run.manifest(), run.before, {"dag_id": self.dag_id, "task_id": self.task_id})
        tell_outlets(self.outlets, context, run.manifest())
        return run.manifest()

    def _preview(
        self, source: Source, client: Client, options: Options, on_progress: ProgressCallback
    ) -> dict[str, Any]:
        from airflow_provider_socialscrm.importer.dry_run import preview_import  # noqa: PLC0415
        from airflow_provider_socialscrm.importer.results.progress import ProgressObserver  # noqa: PLC0415
        from airflow_provider_socialscrm.runtime.outlets import outlets_of_dry_run  # noqa: PLC0415

        self.outlets = outlets_of_dry_run(self.outlets)
        observer = ProgressObserver(on_progress, options.clock.now, options.progress_interval)
        found = preview_import(observer.observe(source), options, client.settings, client.envelope_size)
        log_preview(found)
        found.check(options)
        return found.manifest()

    def _options(self) -> Options:
        return options_of(self)
