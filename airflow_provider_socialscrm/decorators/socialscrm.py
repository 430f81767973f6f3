"""``@task.socialscrm_import``: one task of a function that returns customers, and their import."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.sdk.bases.decorator import DecoratedOperator, task_decorator_factory

from airflow_provider_socialscrm._compat import determine_kwargs, is_mapped
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.awaiting import finished
from airflow_provider_socialscrm.runtime.gaps import Place
from airflow_provider_socialscrm.runtime.hidden_tables import unwrap, wrap_argument
from airflow_provider_socialscrm.runtime.literal_rows import hide_rows
from airflow_provider_socialscrm.runtime.stored_rows import check_params, check_task_group

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.decorator import TaskDecorator


class SocialSCRMDecoratedOperator(DecoratedOperator, SocialSCRMImportOperator):
    """Import what a function returns or yields, also an ``async`` one.

    The table stays in one process: it is not an XCom, and is not logged. Tables among the function's arguments show
    only their shape.

    :param python_callable: returns a table or a path, as for the operator's ``data``, or yields tables. A path is not
        rendered.
    :param op_args: the function's positional arguments (templated). Default ``None``: no arguments.
    :param op_kwargs: the function's keyword arguments (templated). Default ``None``: no arguments.
    """

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *SocialSCRMImportOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **SocialSCRMImportOperator.template_fields_renderers,
    }
    custom_operator_name = "@task.socialscrm_import"
    overwrite_rtif_after_execution = True  # the returned table is known only then

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, data=None, **kwargs)
        if not is_mapped(self):
            named = [*enumerate(self.op_args, 1), *self.op_kwargs.items()]
            check_task_group(self.task_id, [(f"argument {name}", value) for name, value in named])
            of_dag = getattr(kwargs.get("dag"), "params", None)
            for name, value in named:
                check_params(self.task_id, unwrap(value), self.params, of_dag, argument=f"argument {name}")

    @property
    def op_args(self) -> Collection[Any]:
        """Positional arguments of the function. Those that may hold customers are wrapped."""
        return self._op_args

    @op_args.setter
    def op_args(self, value: Collection[Any]) -> None:
        # The first value is the DAG file's, with its templates; each later one is rendered. An override of
        # render_template_fields would miss mapped tasks, which Airflow renders through the mapped operator.
        is_template = "_op_args" not in vars(self)
        self._op_args = [wrap_argument(each, is_template=is_template) for each in value]

    @property
    def op_kwargs(self) -> Mapping[str, Any]:
        """Keyword arguments of the function. Those that may hold customers are wrapped."""
        return self._op_kwargs

    @op_kwargs.setter
    def op_kwargs(self, value: Mapping[str, Any]) -> None:
        is_template = "_op_kwargs" not in vars(self)
        self._op_kwargs = {name: wrap_argument(each, is_template=is_template) for name, each in value.items()}

    def execute(self, context: Context) -> dict[str, Any]:
        """Call the function, import what it returns, and return the manifest."""
        args = [unwrap(each) for each in self.op_args]
        named = {name: unwrap(each) for name, each in self.op_kwargs.items()}
        # A copy of the context, so that callbacks do not find the tables in it.
        asked_for = determine_kwargs(self.python_callable, args, {**context, **named})
        self.data = finished(self.python_callable(*args, **asked_for))
        manifest: dict[str, Any] = super().execute(context)
        return manifest

    def _nothing(self, place: Place | None, _items: int) -> str:
        if place is not None:
            return ""
        name = getattr(self.python_callable, "__name__", "")
        return (
            f", which is not a table: the function {name} returned nothing. Let it return a table or a path"
            f"{self._skip_hint('if it may return nothing')}"
        )


def socialscrm_import_task(
    python_callable: Callable[..., Any] | None = None, *, multiple_outputs: bool = False, **kwargs: Any
) -> TaskDecorator:
    """Make a function that returns customers a task: ``@task.socialscrm_import``.

    :param python_callable: the function; it returns a table or a path. Default ``None``: the decorated one.
    :param multiple_outputs: whether each key of the manifest is an XCom of its own, too. Default ``False``, whatever
        type the function is annotated to return, since the task returns its manifest.
    :param kwargs: arguments of :class:`SocialSCRMImportOperator` except ``data``, and of any task.
    """
    kwargs = _hidden(kwargs)
    made: Any = task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=SocialSCRMDecoratedOperator,
        **kwargs,
    )
    if python_callable is not None:
        return cast("TaskDecorator", hide_rows(made, _hide, _hidden))
    return cast("TaskDecorator", lambda function: hide_rows(made(function), _hide, _hidden))


def _hidden(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of the decorator, with those of the function in them hidden.

    :raises TypeError: when they have ``data``, which the function returns.
    """
    if "data" in arguments:
        raise TypeError("@task.socialscrm_import takes no argument 'data': the function returns it")
    hidden = dict(arguments)
    if "op_args" in arguments:
        hidden["op_args"] = [_hide("", each) for each in arguments["op_args"] or ()]
    if "op_kwargs" in arguments:
        hidden["op_kwargs"] = {name: _hide(name, each) for name, each in (arguments["op_kwargs"] or {}).items()}
    return hidden


def _hide(_name: str, value: Any) -> Any:
    return wrap_argument(value, is_template=True)
