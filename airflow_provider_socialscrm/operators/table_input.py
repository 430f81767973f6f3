"""What tasks with a table in ``data`` share: Airflow never sees the rows, and rendered arguments have their types."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_socialscrm._compat import AirflowSkipException, made_in, refers_to_tasks
from airflow_provider_socialscrm.importer.errors import FATAL_ERRORS, EmptyInputError, InputError
from airflow_provider_socialscrm.operators.arguments import check_data
from airflow_provider_socialscrm.operators.ledgers import check_ledger, shown
from airflow_provider_socialscrm.runtime.gaps import Gaps, Place
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable, wrap
from airflow_provider_socialscrm.runtime.inputs import read_input, to_open
from airflow_provider_socialscrm.runtime.literal_rows import hide_rows
from airflow_provider_socialscrm.runtime.path_text import as_text, is_resolved
from airflow_provider_socialscrm.runtime.rendered import rendered_fields, renders_natively, typed_arguments
from airflow_provider_socialscrm.runtime.stored_rows import check_default_args, check_params, check_task_group
from airflow_provider_socialscrm.runtime.task_failures import no_retry_after
from airflow_provider_socialscrm.runtime.upstream import Upstream, name_tasks, returned_nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow.sdk import Context
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

CHECKED_PATHS = ("rejects_path", "checkpoint_path")
"""Arguments that are paths to write to, and checked when the DAG is parsed."""

PATHS = frozenset({*CHECKED_PATHS, "path"})
"""Arguments that are paths to write to."""


class TableInput:
    """A task with a table, or its path, in ``data``. Goes before ``BaseOperator`` among the bases."""

    text_rendered: ClassVar[tuple[str, ...]] = ()
    """Templated arguments whose text stays text, also in a DAG that renders templates to Python's objects."""

    _templates: Mapping[str, Any]
    _upstream: Upstream
    upstream_task_ids: set[str]
    task_id: str
    params: Any
    on_empty: str
    socialscrm_conn_id: str

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Return what ``expand`` makes mapped tasks of, with rows hidden from the serialized DAG."""
        task_id = kwargs.get("task_id", "")
        dag, task_group = made_in(kwargs.get("dag"), kwargs.get("task_group"))
        for default_args in (getattr(dag, "default_args", None), getattr(task_group, "default_args", None)):
            check_default_args(task_id, default_args)
        check_default_args(task_id, kwargs.get("default_args"))
        check_task_group(task_id, kwargs.items())
        check_params(task_id, kwargs.get("data"), kwargs.get("params"), getattr(dag, "params", None))
        hidden = {name: hide_argument(name, value, task_id) for name, value in kwargs.items()}
        owner: Any = cls
        made: OperatorPartial = hide_rows(super().partial(**hidden), _hiding(owner))  # type: ignore[misc]
        return made

    def _check_input(self, kwargs: Mapping[str, Any]) -> None:
        """Check the data and the paths of a task that is not mapped: no rows may be stored with the DAG.

        :param kwargs: the arguments of ``BaseOperator``.
        :raises InputError: naming the task and the argument, without its value.
        """
        paths = {name: getattr(self, name) for name in CHECKED_PATHS if hasattr(self, name)}
        check_data(self.task_id, self.data, **paths)
        check_default_args(self.task_id, kwargs.get("default_args"))
        check_task_group(self.task_id, [("data", self.data)])
        check_params(self.task_id, self.data, self.params, getattr(kwargs.get("dag"), "params", None))

    @contextmanager
    def _task_failures(self, context: Context) -> Iterator[None]:
        """Turn errors that no retry can fix into failures of the task, and an empty input into what ``on_empty`` says.

        Each error says what only a task knows: its connection, and whether a retry comes.

        :raises AirflowFailException: when no retry can help.
        :raises AirflowSkipException: when there is no input, and the task is to be skipped then.
        """
        with no_retry_after(context, self.socialscrm_conn_id, *FATAL_ERRORS, instead=self._instead_of_clearing):
            try:
                yield
            except EmptyInputError as nothing:
                if self._skips:
                    raise AirflowSkipException(str(nothing)) from None
                raise

    def _instead_of_clearing(self) -> str:
        """Return what to do rather than clear the task after a failure; nothing where clearing does no harm."""
        return ""

    @property
    def data(self) -> Any:
        """The input, wrapped so that Airflow cannot render its rows."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        # Airflow renders plain and mapped tasks on different paths, but both set the attribute: first to the DAG file's
        # value, with its templates, or to another task's for a mapped task; then to the rendered one.
        is_first = "_data" not in vars(self)
        with _not_too_deep():
            if is_first:
                self._upstream = Upstream(value)
            wrapped = wrap(value, is_template=is_first)
        # Airflow must still know a path of another task by its identity, as it would render a new text.
        self._data = value if is_resolved(self, "_data") and not isinstance(wrapped, HiddenTable) else wrapped

    def _set_types(self, context: Context) -> None:
        """Give the arguments the types that they are documented with, whatever the DAG renders templates to."""
        for name, value in typed_arguments(rendered_fields(self, self._templates, context)).items():
            setattr(self, name, value)
        if renders_natively(self, context):  # Airflow shows what it rendered, such as 100000.0 where 1e5 is sent
            self.overwrite_rtif_after_execution = True

    def _given(self, context: Context) -> Any:
        """Return what is in ``data``: a table to open, one path or several, as path objects. Paths are then shown.

        A mapped task without output is as ordinary as a skipped one, so the others are taken. So are the others of a
        list if ``on_empty`` says to skip what is empty.

        :raises EmptyInputError: when there is nothing.
        :raises InputError: when it is not data, or when an item of a list has no value.
        """
        maps = self._upstream.maps(context)
        self._upstream.check_maps(maps, self._skip_hint("if there may be none"))

        def silent(items: int) -> set[Place]:
            return self._upstream.silent_items(maps, items)

        skips = self._skips
        gaps = Gaps(self._nothing, self._skip_hint("to leave it out"), silent, skips, skips or bool(maps))
        with _not_too_deep():
            self.data = read_input(self.data, gaps)
        return to_open(self.data, self._nothing(None, 0))

    @property
    def _skips(self) -> bool:
        return getattr(self, "on_empty", "") == "skip"

    def _skip_hint(self, when: str) -> str:
        return f", or set on_empty='skip' {when}" if hasattr(self, "on_empty") and not self._skips else ""

    def _nothing(self, place: Place | None, items: int) -> str:
        """Return why data has no value, to end a sentence.

        :param place: of the item that has none; ``None`` for all of the data.
        :param items: of the data; 0 if it is not a list.
        """
        known = self._upstream.task_ids or sorted(self.upstream_task_ids)
        if place is not None:
            if tasks := self._upstream.of_item(place, items):
                return returned_nothing(tasks)
            return f": look at the log of {name_tasks(known)}" if known else ""
        if not known:
            return ": give a table or a path"
        pronoun = "they" if items and len(known) > 1 else "it"
        hint = self._skip_hint(f"if {pronoun} may return nothing")
        return returned_nothing(known, hint, are_all=bool(items))


@contextmanager
def _not_too_deep() -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise InputError(
            "data is nested too deeply, or contains itself: give a table, a path, or a list of these."
        ) from None


@cache
def _hiding(owner: Any) -> Callable[[str, Any], Any]:
    """Return what hides an argument of an operator's mapped tasks, given its name and its value."""
    constructors = [vars(kind)["__init__"] for kind in owner.__mro__ if "__init__" in vars(kind)]
    known = {name for each in constructors for name in signature(each).parameters}

    def hide(name: str, value: Any) -> Any:
        if name in known:
            return hide_argument(name, value)
        return value if refers_to_tasks(value) else HiddenTable(value)  # rows whose columns were taken for arguments

    return hide


def hide_argument(name: str, value: Any, task_id: str = "") -> Any:
    """Return an argument of a mapped task without rows to show, and with paths as text.

    :raises InputError: when it is data as text.
    """
    if name in PATHS:
        if name in CHECKED_PATHS:
            check_data(task_id, None, **{name: value})
        return as_text(value)
    if name == "ledger":
        check_ledger(task_id, made := shown(value))
        return made
    if name != "data":
        return value
    hidden = wrap(value, is_template=True)
    check_data(task_id, hidden)
    return hidden
