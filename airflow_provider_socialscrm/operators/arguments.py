"""An operator's arguments, as the importer takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_socialscrm.importer.options import Options, Rules

if TYPE_CHECKING:
    from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator


def options_of(operator: SocialSCRMImportOperator) -> Options:
    """Return how an operator is to go about its import.

    :raises InputError: naming each argument that makes no sense.
    """
    rules = Rules(
        columns=operator.columns or {},
        defaults=operator.defaults or {},
        extension_fields=operator.extension_fields,
        default_region=operator.default_region,
        dayfirst=operator.dayfirst,
        empty=operator.empty,
        duplicates=operator.duplicates,
        on_invalid=operator.on_invalid,
    )
    return Options(
        rows_per_call=operator.rows_per_call,
        bytes_per_call=operator.bytes_per_call,
        concurrency=operator.concurrency,
        max_rejected=operator.max_rejected,
        on_unknown=operator.on_unknown,
        rules=rules,
        parallel_tasks=1 if operator.parallel_tasks is None else operator.parallel_tasks,
    )
