"""The task that asks SocialsCRM about numbers before they are imported, which costs money."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_socialscrm._compat import default_deferrable, is_mapped
from airflow_provider_socialscrm.api.customers import NUMBER
from airflow_provider_socialscrm.api.errors import NotReadyError, StopError
from airflow_provider_socialscrm.api.screening import check_screening
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.operators.retries import with_retry_policy
from airflow_provider_socialscrm.operators.table_input import TableInput
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable
from airflow_provider_socialscrm.runtime.lineage import FileLineageMixin
from airflow_provider_socialscrm.runtime.own_paths import required_own_path
from airflow_provider_socialscrm.runtime.path_text import PathArgument
from airflow_provider_socialscrm.runtime.paths import check_apart
from airflow_provider_socialscrm.runtime.task_failures import no_retry_after
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from airflow_provider_socialscrm.wording import counted, out_of, worded

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath

    from airflow_provider_socialscrm.importer.sources.base import Source
    from airflow_provider_socialscrm.screening.numbers import TableNumbers
    from airflow_provider_socialscrm.screening.order_store import OrderStore
    from airflow_provider_socialscrm.screening.orders import Wanted
    from airflow_provider_socialscrm.screening.output import Output

log = logging.getLogger(__name__)

POLL_INTERVAL: Final = 60.0
"""Seconds from one question to the next whether orders are finished; our choice, the vendor documents no duration."""

MAX_WAIT: Final = 86_400.0
"""Seconds that a try waits for its orders, a day; our choice, for the same reason."""

HOLD: Final = "hold"

FILE: Final = "screened.parquet"
"""Name of the output in a folder."""


class SocialSCRMScreenOperator(TableInput, FileLineageMixin, BaseOperator):
    """Have the numbers in a table screened, which costs money, and write the table with what the CRM found out.

    Each number is ordered once, in orders of 500 to 20,000 numbers. The orders are saved before the task waits for
    them, so that neither a retry nor clearing the task pays for a number again; an order that the CRM may have taken is
    held until a person says what became of it. A new run of the DAG orders again.

    The output has all rows and columns of the input, ``screened`` (``yes`` or ``no`` where the CRM's response can only
    mean that, else the CRM's own text; empty where it says nothing) and ``screened_raw`` (the CRM's item about the
    number, as JSON). Give its path to an import as ``task.output["path"]``. The task returns a manifest: ``orders``,
    ``numbers``, ``rows``, ``written``, ``verdicts`` (numbers by verdict), ``kind``, ``country`` and ``path``. No number
    shows in logs, XCom, rendered fields or the trigger.

    :param data: a table, or a path or glob of Parquet, CSV or JSONL files, as for
        :class:`~airflow_provider_socialscrm.operators.socialscrm.SocialSCRMImportOperator`. It is read again after the
        wait.
    :param column: the column with the numbers. Default ``"whatsApp"``.
    :param kind: what to find out about a number: whether it ``is_whatsapp``, is ``active``, or its owner's ``gender``.
    :param country: the two letters of the numbers' country, as in ``"IN"``, which the CRM asks for.
    :param activity: how active, for ``kind="active"``: ``frequent``, ``recent`` or ``recently``, which are the vendor's
        words. Default ``None``: the CRM's default.
    :param path: where to write the output, local or in object storage: a folder, whose path ends in ``/``, in which
        each run has a file of its own; or a file whose name ends in ``.parquet``, ``.csv`` or ``.jsonl``, to which a
        mapped task adds ``-{map_index}``. It holds customers' data.
    :param max_numbers: different numbers to pay for at most. With more of them the task fails and orders nothing. It
        has no default.
    :param only: verdicts whose rows are written, as in ``["yes"]``. Default ``None``: all rows.
    :param result_column: the column with the verdict. Default ``"screened"``.
    :param orders: ids of orders that the CRM took although their responses were lost, as its pages show them. Default
        ``None``: none.
    :param on_unknown: what to do with an order that the CRM may have taken: ``hold`` it and fail (default), or
        ``order`` again, which may pay twice.
    :param default_region: the country of numbers without a country code, as in ``"IN"``. Default ``None``: each number
        needs its own.
    :param encoding: of CSV and JSONL files, by its name in Python. Default ``"utf-8"``.
    :param delimiter: between the values of CSV files, one character. Default ``","``.
    :param deferrable: whether to wait in the triggerer. Default ``None``: as Airflow's ``operators.default_deferrable``
        says.
    :param poll_interval: seconds from one question to the next whether the orders are finished. Default 60.
    :param max_wait: seconds that a try waits for its orders. Then it fails, and a retry waits for the same orders.
        Default 86,400, a day. ``None`` waits without end.
    :param socialscrm_conn_id: the id of the connection of type ``socialscrm``. Default ``"socialscrm_default"``.
    :raises AirflowFailException: when no retry can help: unusable data, a wrong setting, an order in doubt.
    :raises RetriableError: when the CRM was unavailable, or the orders are not finished in time; a retry goes on.
    """

    text_rendered = (
        "column", "kind", "country", "activity", "path", "max_numbers", "only", "result_column", "orders",
        "on_unknown", "default_region", "encoding", "delimiter", "socialscrm_conn_id",
    )  # fmt: skip
    template_fields: Sequence[str] = ("data", *text_rendered)
    ui_color = "#d9f2e3"
    path = PathArgument()

    def __init__(
        self, *,
        data: Any, column: str = NUMBER, kind: str, country: str, activity: str | None = None,
        path: str | PathLike[str] | ObjectStoragePath, max_numbers: int,
        only: Sequence[str] | str | None = None, result_column: str = "screened",
        orders: Sequence[str] | str | None = None, on_unknown: str = HOLD,
        default_region: str | None = None, encoding: str = "utf-8", delimiter: str = ",",
        deferrable: bool | None = None, poll_interval: float = POLL_INTERVAL, max_wait: float | None = MAX_WAIT,
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**with_retry_policy(kwargs, is_mapped=is_mapped(self)))
        self.data, self.column, self.encoding, self.delimiter = data, column, encoding, delimiter
        self.kind, self.country, self.activity, self.default_region = kind, country, activity, default_region
        self.path, self.only, self.result_column = path, only, result_column
        self.max_numbers, self.orders, self.on_unknown = max_numbers, orders, on_unknown
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.poll_interval, self.max_wait = poll_interval, max_wait
        self.socialscrm_conn_id = socialscrm_conn_id
        self._templates = {name: getattr(self, name) for name in self.text_rendered}
        if not is_mapped(self):  # whose data may be another task's
            self._check_input(kwargs)

    def execute(self, context: Context) -> dict[str, Any]:
        """Order what was not ordered yet, wait for the orders, write the output and return the manifest."""
        from airflow_provider_socialscrm.screening.orders import HeldOrderError  # noqa: PLC0415 - loads Arrow

        with no_retry_after(context, self.socialscrm_conn_id, InputError, HeldOrderError):
            output, store = self._begun(context)
            try:
                source = self._source(output, context)
                numbers, orders = self._ordered(source, output, store)
                with SocialSCRMHook(self.socialscrm_conn_id) as hook:
                    if not all(map(hook.screening_finished, orders)):
                        self._wait(hook, orders)
                return self._delivered(self._written(source, numbers, orders, output), store, context)
            finally:
                store.release()

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Write the output of finished orders, and return the manifest.

        :raises NotReadyError: if the orders were not finished in time.
        """
        from airflow_provider_socialscrm.screening.orders import (  # noqa: PLC0415 - loads Arrow
            HeldOrderError,
            check_unchanged,
        )

        with no_retry_after(context, self.socialscrm_conn_id, InputError, HeldOrderError):
            if event["status"] == "failed":
                raise StopError(event["message"])
            if event["status"] == "pending":
                raise _late(event["pending"])
            output, store = self._begun(context)
            try:
                source = self._source(output, context)
                numbers = self._numbers(source, output)
                check_unchanged(self._wanted(numbers), store)
                manifest = self._written(source, numbers, event["orders"], output)
                return self._delivered(manifest, store, context)
            finally:
                store.release()

    def _begun(self, context: Context) -> tuple[Output, OrderStore]:
        """Check the arguments, and return where the output goes and where the orders are saved."""
        from airflow_provider_socialscrm.runtime.order_places import order_store_for  # noqa: PLC0415 - loads Arrow
        from airflow_provider_socialscrm.screening.output import Output  # noqa: PLC0415 - loads Arrow

        self._set_types(context)
        path = required_own_path(identity_of(context), "path", self.path, file=FILE)
        store = order_store_for(context, path)  # before anything else can fail, so that a retry knows of this try
        self._check_arguments()
        return Output(path, self.result_column, tuple(_texts("only", self.only))), store

    def _check_arguments(self) -> None:
        if isinstance(self.max_numbers, bool) or not isinstance(self.max_numbers, int) or self.max_numbers < 1:
            raise InputError("max_numbers must be a whole number: the different numbers to pay for at most.")
        for name, value in (("poll_interval", self.poll_interval), ("max_wait", self.max_wait)):
            if value is not None and (not isinstance(value, int | float) or value < 0):
                raise InputError(f"{name} must be a number of seconds.")
        if self.on_unknown not in {HOLD, "order"}:
            raise InputError("on_unknown must be hold or order.")
        try:
            check_screening(self.kind, self.country, self.activity)
        except ValueError as wrong:
            raise InputError(str(wrong)) from None

    def _source(self, output: Output, context: Context) -> Source:
        from airflow_provider_socialscrm.importer.sources.open_source import open_source  # noqa: PLC0415 - loads Arrow

        data = self._given(context)
        if isinstance(self.data, HiddenTable):
            self.data.warn_if_large()
        else:
            check_apart(data=data, path=output.path)
        return open_source(data, encoding=self.encoding, delimiter=self.delimiter)

    def _numbers(self, source: Source, output: Output) -> TableNumbers:
        from airflow_provider_socialscrm.screening.numbers import read_numbers  # noqa: PLC0415 - loads Arrow
        from airflow_provider_socialscrm.screening.output import check_output  # noqa: PLC0415 - loads Arrow

        check_output(output, source.columns)
        return read_numbers(source, self.column, self.default_region)

    def _ordered(self, source: Source, output: Output, store: OrderStore) -> tuple[TableNumbers, list[str]]:
        from airflow_provider_socialscrm.screening.numbers import check_count  # noqa: PLC0415 - loads Arrow
        from airflow_provider_socialscrm.screening.orders import place_orders  # noqa: PLC0415 - loads Arrow

        numbers = self._numbers(source, output)
        wanted = self._wanted(numbers)
        check_count(numbers, self.max_numbers, may_be_few=bool(wanted.given))
        log.info("%s %s", counted(numbers.rows, "row has", "rows have"), counted(len(numbers), "different number"))
        with SocialSCRMHook(self.socialscrm_conn_id) as hook:
            orders = place_orders(
                wanted, store, lambda part: hook.order_screening(part, self.kind, self.country, activity=self.activity)
            )
        return numbers, orders

    def _wanted(self, numbers: TableNumbers) -> Wanted:
        from airflow_provider_socialscrm.screening.orders import Wanted  # noqa: PLC0415 - loads Arrow

        settings = SocialSCRMHook(self.socialscrm_conn_id).get_settings()
        asked = (settings.base_url, settings.tenant_id, self.kind, self.country.upper(), str(self.activity))
        return Wanted(numbers.distinct, "\n".join(asked), tuple(_texts("orders", self.orders)), self.on_unknown)

    def _wait(self, hook: SocialSCRMHook, orders: Sequence[str]) -> None:
        deadline = None if self.max_wait is None else time.time() + self.max_wait
        if self.deferrable:
            from airflow_provider_socialscrm.triggers.screening import SocialSCRMScreenTrigger  # noqa: PLC0415 - core

            trigger = SocialSCRMScreenTrigger(
                orders=orders,
                socialscrm_conn_id=self.socialscrm_conn_id,
                poll_interval=self.poll_interval,
                deadline=deadline,
            )
            self.defer(trigger=trigger, method_name="execute_complete")
        pending = list(orders)
        while pending := [order for order in pending if not hook.screening_finished(order)]:
            if deadline is not None and time.time() >= deadline:
                raise _late(pending)
            log.info("Not finished yet: %s", ", ".join(pending))
            time.sleep(self.poll_interval)

    def _written(self, source: Source, numbers: TableNumbers, orders: Sequence[str], output: Output) -> dict[str, Any]:
        from airflow_provider_socialscrm.screening.output import write_screened  # noqa: PLC0415 - loads Arrow
        from airflow_provider_socialscrm.screening.verdicts import (  # noqa: PLC0415 - loads Arrow
            check_only,
            fetch_results,
            joined,
        )

        with SocialSCRMHook(self.socialscrm_conn_id) as hook:
            results = fetch_results(orders, hook.screening_data, output.path)
        verdicts = joined(numbers, results)
        check_only(output.only, verdicts)
        written = write_screened(source, numbers, verdicts, output)
        self._written_file = output.path, written
        log.info("%s in %s: %s", out_of(written, numbers.rows, "row", "is", "are"), output.path, verdicts.counts)
        return {
            "orders": list(orders),
            "numbers": len(numbers),
            "rows": numbers.rows,
            "written": written,
            "verdicts": verdicts.counts,
            "kind": self.kind,
            "country": self.country,
            "path": str(output.path),
        }

    def _delivered(self, manifest: dict[str, Any], store: OrderStore, context: Context) -> dict[str, Any]:
        """Save that the results are delivered, and return the manifest."""
        store.mark_delivered()
        if self.do_xcom_push:  # so that task.output["path"] finds it
            context["ti"].xcom_push(key="path", value=manifest["path"])
        return manifest


def _late(pending: Sequence[str]) -> NotReadyError:
    return NotReadyError(
        f"The {worded(len(pending), 'order')} {', '.join(pending)} {worded(len(pending), 'is', 'are')} not finished "
        "within max_wait. A retry, or clearing the task, waits for the same orders and does not pay again."
    )


def _texts(name: str, values: Any) -> list[str]:
    if values is None or values == "":
        return []
    listed = [values] if isinstance(values, str) else values
    if not isinstance(listed, list | tuple | set) or not all(isinstance(each, str | int) and each for each in listed):
        raise InputError(f"{name} must be a list of texts.")
    return [str(each) for each in listed]
