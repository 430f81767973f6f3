"""The task that imports customers into SocialsCRM."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from airflow_provider_socialscrm._compat import (
    BaseXCom,
    is_mapped,
)
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.errors import EmptyInputError, ImporterError
from airflow_provider_socialscrm.importer.options import (
    AMBIGUOUS_NUMBERS,
    BAD_VALUES,
    DEFAULT_BYTES,
    DEFAULT_CONCURRENCY,
    DUPLICATES,
    EMPTY,
    ON_EMPTY,
    ON_INVALID,
    ON_UNKNOWN,
)
from airflow_provider_socialscrm.links.socialscrm import ConsoleLink, RejectsLink
from airflow_provider_socialscrm.operators.arguments import check_constants, check_partial, options_of
from airflow_provider_socialscrm.operators.files import files_of
from airflow_provider_socialscrm.operators.ledgers import LedgerArgument, check_ledger, ledger_values, not_skipped_below
from airflow_provider_socialscrm.operators.retries import with_retry_policy
from airflow_provider_socialscrm.operators.table_input import TableInput
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable
from airflow_provider_socialscrm.runtime.lineage import ImportLineageMixin
from airflow_provider_socialscrm.runtime.mapped_tasks import parallel_tasks
from airflow_provider_socialscrm.runtime.path_text import PathArgument
from airflow_provider_socialscrm.runtime.progress import report_progress
from airflow_provider_socialscrm.runtime.rendered import TEXT_RENDERED
from airflow_provider_socialscrm.runtime.reporting import log_outcome, log_preview, log_start
from airflow_provider_socialscrm.runtime.task_failures import instead_of_clearing
from airflow_provider_socialscrm.runtime.task_identity import identity_of

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from airflow_provider_socialscrm.api.client import Client
    from airflow_provider_socialscrm.api.settings import Settings
    from airflow_provider_socialscrm.importer.options import Options
    from airflow_provider_socialscrm.importer.paths import OpenablePath
    from airflow_provider_socialscrm.importer.results.progress import ProgressCallback
    from airflow_provider_socialscrm.importer.run import Import
    from airflow_provider_socialscrm.importer.sources.base import Source

__all__ = ["Ledger", "SocialSCRMImportOperator"]

log = logging.getLogger(__name__)


class SocialSCRMImportOperator(TableInput, ImportLineageMixin, BaseOperator):
    """Import a table of customers into SocialsCRM, and account for each row.

    A column fills the API's field of the same name, or the field that ``columns`` maps it to; other columns are not
    sent unless ``extension_fields`` names them. The input is read and checked to its end before the first call, so that
    errors in it are found before anything is sent. Each row ends in one bucket of the manifest, which the task returns:
    ``accepted`` (the CRM answered 200), ``rejected`` (the CRM rejected it), ``invalid`` (it cannot be sent),
    ``duplicate``, ``blank`` (it has no value at all), ``unknown`` (the CRM may have accepted it, and it is not sent
    again, or not in this try) or ``not_sent``; with a ledger also ``unchanged`` and ``known_bad`` (the CRM accepted or
    rejected it as it is in an earlier import, so it is not sent). A task that fails pushes its manifest to XCom, too.
    No customer shows in logs, XCom or rendered fields.

    Safe to repeat: an import updates the customers that exist, as far as the vendor documents it. A row with
    ``welcome`` is sent again only if the CRM is known not to have taken it.

    :param data: a pandas DataFrame, anything with the Arrow PyCapsule interface (polars, DuckDB, pyarrow) or a list of
        dictionaries, usually the output of an upstream task; or a path or glob of Parquet, CSV or JSONL files (local
        or object storage, as text or a path object), which are streamed; or a list of tables or of paths, the output
        of a mapped task, or an iterator of tables, as of ``pandas.read_csv(chunksize=...)``, which are read one after
        the other. Prefer files above some tens of thousands of rows.
    :param columns: the API's field for a column, as in ``{"mobile": "whatsApp"}``; ``None`` leaves a column out.
        Default ``None``: each column fills the field of the same name, regardless of case, blanks and underscores. This
        also applies to columns that the argument does not name.
    :param defaults: values of fields for the rows that have none, as in ``{"stage": "New Customer"}``. Default
        ``None``: missing values are not filled.
    :param values: replacements for values, by field, applied before any other rule: ``{"sex": {"M": "male"}}``;
        ``None`` makes a value missing. Default ``None``: no value is replaced.
    :param extension_fields: the columns beside the API's own fields that are sent, or ``"all"``. Default ``None``: no
        column is sent unasked; the log names those that are not sent.
    :param date_fields: the extension fields that are dates: read like birthdays, and sent as ``yyyy/MM/dd``. Default
        ``None``: their text is sent unchanged.
    :param null_values: texts that mean a missing value in any column, as in ``["NULL", "n/a"]``. Default ``None``: such
        words are sent, and counted in the log.
    :param default_region: the country of numbers without a country code, as in ``"CN"``; all numbers are then checked
        by the ``phonenumbers`` library. Default ``None``, because a country must not be guessed: each number needs its
        country code, and without ``+`` or ``00`` it must be valid in that country.
    :param ambiguous_numbers: how to read a number without ``+`` that is valid both in ``default_region`` and in another
        country: ``"reject"`` it (default, because a message to a stranger cannot be taken back), or take the
        ``"national"`` or the ``"international"`` reading. A number that can be a mobile in China or a number in North
        America is ambiguous without ``default_region``, and with one that is neither. Without ``default_region``
        ``"international"`` says that all numbers begin with their country code, and checks only their length.
    :param dayfirst: whether a birthday 01/02/2020 is the first of February. Default ``None``: a birthday with two
        readings is rejected.
    :param empty: how to send a missing or blank value: not at all (``"omit"``, default: the field is neither set nor
        cleared) or as empty text (``"send"``), for all fields or by field, as in ``{"desc": "send"}``. ``"send"`` for
        all fields excludes ``whatsApp``, ``agentAccount``, ``welcome`` and ``cancelTabName``.
    :param bad_values: whether a row with an optional value that cannot be sent is rejected (``"reject"``, default: a
        person decides) or sent without that value (``"omit"``), which the log counts.
    :param duplicates: which row is sent when several share a number: the ``"last"`` that can be sent (default, assumed
        to be the newest), the ``"first"``, or all (``"send"``).
    :param on_invalid: when rows cannot be sent: send the others (``"reject"``, default), or nothing (``"fail"``).
    :param on_empty: when there are no rows: succeed with a table or file that has none (``"succeed"``, default; a
        missing file or ``None`` is an error), or skip the task, also when there is no input (``"skip"``). ``"skip"``
        also leaves out the items of a list that are ``None``. It skips nothing if the ledger has ``min_rows``: an empty
        or missing input then fails the task.
    :param check_agents: whether each agent that the rows name is looked up once before the first row is sent, at most
        1,000 of them. Rows of agents that the CRM does not know are ``invalid``, and the task fails before any row is
        sent if the CRM does not say. A dry run looks up nothing. Default ``False``: the CRM refuses such rows itself.
    :param encoding: of CSV and JSONL files, by its name in Python. Default ``"utf-8"``, which most programs write.
    :param delimiter: between the values of CSV files, one character. Default ``","``.
    :param ledger: the folder of what earlier imports had accepted, the same in every run, local or in object storage;
        or a :class:`Ledger` with more. Only rows that differ are sent, and ``welcome`` is sent to each number once.
        Default ``None``: each run sends every row.
    :param dry_run: read and check everything, but make no call and write no dead letter: log what would be sent, and
        return the counts. Default ``False``.
    :param socialscrm_conn_id: the id of the connection of type ``socialscrm``. Default ``"socialscrm_default"``.
    :param rows_per_call: rows in a call at most, or ``"auto"``: the run begins with 100 and finds how many a call may
        carry, within ``bytes_per_call`` and half of the connection's time-out; a killed worker then repeats more rows.
        Rows with ``welcome`` keep calls of their own. Default ``None``: ``auto`` with a ledger, else 100, since the
        vendor states no limit, and one bad row in a hundred is found in some fourteen calls.
    :param bytes_per_call: bytes in the body of a call at most. Default 1,048,576 (1 MiB), which web servers commonly
        accept.
    :param concurrency: calls in flight. A retry after a killed worker repeats at most these, and those answered
        since the last save, about a second's worth. Default 16, which keeps the default pace of 45 calls a second while
        responses take up to 350 ms.
    :param max_rejected: rows that may be rejected without failing the task; it fails only after all other rows were
        sent. An int is a number of rows, a float from 0.0 to 1.0 a share of the input, ``None`` allows all. Default 0:
        no rejected row goes unnoticed.
    :param rejects_path: where to write the rows that were not accepted, each with its position, code, meaning and hint,
        local or in object storage: a folder, whose path ends in ``/``, in which each import has a file of its own; or a
        file whose name ends in ``.parquet``, ``.csv`` or ``.jsonl``, to which a mapped task adds ``-{map_index}``. A
        file with rows of another import fails the task before any call. It holds customers' data. Default ``None``:
        such rows are only counted, with their first positions.
    :param on_unknown: what to do with a row with ``welcome`` that the CRM may have accepted: ``hold`` it as
        unknown (default, because the customer may have got the message) or ``resend`` it. The same for a row that
        the dead letter of an earlier import, given as ``data``, has as unknown.
    :param checkpoint_path: where to save the checkpoint that a retry resumes from, local or in object storage: a
        folder, whose path ends in ``/``, in which each import has a file of its own; or a small file, to whose name a
        mapped task adds ``-{map_index}``. Default ``None``: the checkpoint is in the task's state on Airflow 3.3, and
        before 3.3 a retry sends every row again.
    :param allow_missing_rejects: whether a retry goes on if rows that earlier tries recorded as not accepted are in no
        file that it finds, for example because a worker's disk is lost. Default ``False``: it fails before any call
        and names the rows.
    :param parallel_tasks: tasks of the tenant that run at once, this one included. They divide the connection's calls a
        second, unless the connection names a Redis through which they share them. Default ``None``: as many tasks of a
        map as can run at once, by its length, ``max_active_tis_per_dag``, ``max_active_tis_per_dagrun`` and
        ``max_active_tasks``; 1 without a map.
    :raises AirflowFailException: when no retry can help: a wrong setting, unusable data, too many rejected rows.
    :raises MissingFileError: when a file of ``data`` is not there; it may be late, and Airflow's retry looks again.
    :raises RetriableError: when the CRM was unavailable for longer than a task should wait; Airflow's retry resumes.
    """

    template_fields: Sequence[str] = ("data", *TEXT_RENDERED)
    text_rendered = TEXT_RENDERED
    template_fields_renderers: ClassVar[dict[str, str]] = dict.fromkeys(("columns", "defaults", "values"), "json")
    operator_extra_links = (ConsoleLink(), RejectsLink())
    ui_color = "#d9f2e3"
    rejects_path = PathArgument()
    checkpoint_path = PathArgument()
    ledger = LedgerArgument()

    _running: Import | None = None
    _written_rejects: OpenablePath | None = None
    _settings: Settings | None = None
    _killed = False

    def __init__(
        self, *,
        data: Any, encoding: str = "utf-8", delimiter: str = ",",
        columns: Mapping[str, str | None] | None = None, extension_fields: Sequence[str] | str | None = None,
        defaults: Mapping[str, Any] | None = None, values: Mapping[str, Mapping[Any, Any]] | None = None,
        null_values: Sequence[str] | None = None, empty: str | Mapping[str, str] = EMPTY[0],
        default_region: str | None = None, ambiguous_numbers: str = AMBIGUOUS_NUMBERS[0],
        dayfirst: bool | None = None, date_fields: Sequence[str] | None = None,
        bad_values: str = BAD_VALUES[0], duplicates: str = DUPLICATES[0],
        on_invalid: str = ON_INVALID[0], on_empty: str = ON_EMPTY[0], on_unknown: str = ON_UNKNOWN[0],
        max_rejected: float | None = 0,
        rejects_path: str | PathLike[str] | ObjectStoragePath | None = None,
        checkpoint_path: str | PathLike[str] | ObjectStoragePath | None = None, allow_missing_rejects: bool = False,
        ledger: str | PathLike[str] | ObjectStoragePath | Ledger | None = None,
        check_agents: bool = False,
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name, dry_run: bool = False,
        rows_per_call: int | str | None = None, bytes_per_call: int = DEFAULT_BYTES,
        concurrency: int = DEFAULT_CONCURRENCY, parallel_tasks: int | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**with_retry_policy(kwargs, is_mapped=is_mapped(self)))
        self.data, self.encoding, self.delimiter = data, encoding, delimiter
        self.socialscrm_conn_id, self.max_rejected = socialscrm_conn_id, max_rejected
        self.rows_per_call, self.bytes_per_call = rows_per_call, bytes_per_call
        self.concurrency, self.parallel_tasks = concurrency, parallel_tasks
        self.rejects_path, self.checkpoint_path = rejects_path, checkpoint_path
        self.allow_missing_rejects = allow_missing_rejects
        self.on_unknown, self.on_invalid, self.on_empty, self.duplicates = on_unknown, on_invalid, on_empty, duplicates
        self.columns, self.defaults, self.values = columns, defaults, values
        self.extension_fields, self.date_fields, self.null_values = extension_fields, date_fields, null_values
        self.default_region, self.ambiguous_numbers, self.dayfirst = default_region, ambiguous_numbers, dayfirst
        self.empty, self.bad_values = empty, bad_values
        self.check_agents, self.dry_run, self.ledger = check_agents, dry_run, ledger
        self._templates = {name: getattr(self, name) for name in TEXT_RENDERED}
        check_constants(self.task_id, self._arguments)
        check_ledger(self.task_id, self.ledger)
        if not is_mapped(self):  # whose data may be another task's
            self._check_input(kwargs)

    @property
    def dry_run(self) -> Any:
        """Whether to do everything but the calls; it hides a method of BaseOperator, which Airflow does not call."""
        return self._dry_run

    @dry_run.setter
    def dry_run(self, value: Any) -> None:
        self._dry_run = value

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Return what ``expand`` makes mapped tasks of, once the arguments that they share are checked."""
        check_partial(kwargs.get("task_id", ""), kwargs)
        return super().partial(**kwargs)

    @property
    def console_url(self) -> str:
        """The CRM's address, once the task has read its connection."""
        return self._settings.base_url if self._settings else ""

    @property
    def written_rejects(self) -> Any:
        """The path of the rows that were not accepted, once the import has written it."""
        return self._written_rejects if self._running and self._running.wrote_rejects else None

    def execute(self, context: Context) -> dict[str, Any]:
        """Import the table and return the manifest."""
        with self._task_failures(context):
            self._set_types(context)
            return self._import(context)

    def on_kill(self) -> None:
        """Send nothing more, and let the calls in flight finish. Airflow calls this to end the task."""
        self._killed = True
        if self._running:
            self._running.stop()

    @property
    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.template_fields if hasattr(self, name)}

    def _import(self, context: Context) -> dict[str, Any]:
        # Not imported at the top: DAG files are parsed often and need none of it.
        from airflow_provider_socialscrm.importer.run import Import  # noqa: PLC0415
        from airflow_provider_socialscrm.runtime.task_state import (  # noqa: PLC0415
            checkpoint_store_for,
            forgotten_if_empty,
        )

        options = self._options()
        if self.parallel_tasks is None:
            options = replace(options, parallel_tasks=parallel_tasks(context))
        identity = identity_of(context)
        ledger = ledger_values(self.ledger)
        with not_skipped_below(ledger, skips=self._skips):
            data = self._given(context)
        path = None if isinstance(self.data, HiddenTable) else data
        files = files_of(identity, path, self.rejects_path, self.checkpoint_path, ledger)
        # As early as this, so that a retry knows of a try that failed before its first row.
        store = None if self.dry_run else checkpoint_store_for(context, files.checkpoint_path)
        hook = SocialSCRMHook(self.socialscrm_conn_id)
        with forgotten_if_empty(store, is_skipped=self._skips):
            with not_skipped_below(ledger, skips=self._skips):
                source = self._source(data)
            with closing(hook.get_conn(self.concurrency)) as client, report_progress(context) as on_progress:
                self._settings = client.settings
                log_start(source, client.settings, dry_run=self.dry_run)
                if self.dry_run:
                    return self._preview(
                        source, client, options, ledger=files.ledger, on_progress=on_progress, context=context
                    )
                self._running = Import(
                    source, client, options, files.rejects_path, store,
                    identity=identity, ledger=files.ledger, on_progress=on_progress,
                )  # fmt: skip
                if self._killed:
                    self._running.stop()
                self._written_rejects = files.rejects_path
                return self._run(self._running, context)

    def _instead_of_clearing(self) -> str:
        return instead_of_clearing(self._running.manifest()) if self._running else ""

    def _source(self, data: Any) -> Source:
        from airflow_provider_socialscrm.importer.sources.open_source import open_source  # noqa: PLC0415

        if isinstance(self.data, HiddenTable):
            self.data.warn_if_large()
        return open_source(data, encoding=self.encoding, delimiter=self.delimiter)

    def _run(self, run: Import, context: Context) -> dict[str, Any]:
        from airflow_provider_socialscrm.assets.socialscrm import customers_uri  # noqa: PLC0415
        from airflow_provider_socialscrm.runtime.metrics import emit_metrics  # noqa: PLC0415
        from airflow_provider_socialscrm.runtime.outlets import add_outlet_events  # noqa: PLC0415

        def report() -> None:
            log_outcome(run.manifest(), run.ledger_path)
            emit_metrics(run.manifest(), run.before, {"dag_id": self.dag_id, "task_id": self.task_id})

        own = customers_uri(self.console_url, self._settings.tenant_id if self._settings else "")
        try:
            run.run()
            add_outlet_events(self.outlets, context, run.manifest(), own)
        except EmptyInputError:  # which says all there is to say
            raise
        except BaseException:  # Airflow's time-out is not an Exception
            self._push(context, run.manifest())
            report()
            raise
        report()
        return run.manifest()

    def _preview(
        self,
        source: Source,
        client: Client,
        options: Options,
        *,
        ledger: Ledger | None,
        on_progress: ProgressCallback,
        context: Context,
    ) -> dict[str, Any]:
        from airflow_provider_socialscrm.importer.dry_run import preview_import  # noqa: PLC0415
        from airflow_provider_socialscrm.importer.results.progress import ProgressObserver  # noqa: PLC0415
        from airflow_provider_socialscrm.importer.run import ledger_import  # noqa: PLC0415
        from airflow_provider_socialscrm.runtime.outlets import outlets_of_dry_run  # noqa: PLC0415

        self.outlets = outlets_of_dry_run(self.outlets, context)
        observer = ProgressObserver(on_progress, options.clock.now, options.progress_interval)
        with (
            nullcontext()
            if ledger is None
            else closing(ledger_import(ledger, client.settings, options, identity_of(context), source)) as compared
        ):
            found = preview_import(
                observer.observe(source), options, client.settings, client.envelope_size, ledger=compared
            )
        log_preview(found, ledger.path if ledger else None)
        try:
            found.check(options)
        except ImporterError:
            self._push(context, found.manifest())
            raise
        return found.manifest()

    def _push(self, context: Context, manifest: dict[str, Any]) -> None:
        """Push the manifest of a task that fails: it returns nothing, but its manifest is needed most."""
        if not self.do_xcom_push:
            return
        try:
            context["ti"].xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value=manifest)
        except Exception as failure:  # noqa: BLE001 - must not hide why the task fails
            log.warning("The manifest could not be pushed to XCom (%s); see the counts", type(failure).__name__)

    def _options(self) -> Options:
        return options_of(self._arguments)
