"""The lineage of tasks for OpenLineage, where its provider is installed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable
from airflow_provider_socialscrm.runtime.paths import openable

if TYPE_CHECKING:
    from airflow_provider_socialscrm.api.settings import Settings
    from airflow_provider_socialscrm.importer.run import Import

log = logging.getLogger(__name__)


class LineageMixin:
    """Report the inputs and outputs of an operator to OpenLineage."""

    data: Any = None

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002 - OpenLineage passes it
        """Return the input files, and what the task has written, with the number of rows.

        OpenLineage also calls this after a failure, and adds the error itself.
        """
        lineage = _lineage_class()
        return lineage and lineage(inputs=_inputs(self.data), outputs=self._outputs())

    def _outputs(self) -> list[Any]:
        raise NotImplementedError


class ImportLineageMixin(LineageMixin):
    """Report the tenant's customers as the output, with the number of accepted rows."""

    _running: Import | None
    _settings: Settings | None

    def _outputs(self) -> list[Any]:
        if self._running is None or self._settings is None:  # a dry run, or a failure before the first row
            return []
        from airflow_provider_socialscrm.assets.socialscrm import customers_uri  # noqa: PLC0415 - not for parsing

        accepted = self._running.manifest()["rows"]["accepted"]
        uri = urlsplit(customers_uri(self._settings.base_url, self._settings.tenant_id))
        return [_output(f"{uri.scheme}://{uri.netloc}", uri.path.strip("/"), accepted)]


class FileLineageMixin(LineageMixin):
    """Report the file that a task has written as the output, with the number of its rows."""

    _written_file: tuple[Any, int] | None = None

    def _outputs(self) -> list[Any]:
        if self._written_file is None:
            return []
        path, rows = self._written_file
        return [_output(*dataset_of(path), rows)]


def _lineage_class() -> Any:
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage  # noqa: PLC0415 - optional
    except ImportError:
        log.info("OpenLineage's provider is not installed, so no lineage is reported")
        return None
    return OperatorLineage


def _inputs(data: Any) -> list[Any]:
    # A table from another task has no name outside Airflow; that task reports where it came from.
    if data is None or isinstance(data, HiddenTable):
        return []
    from airflow.providers.common.compat.openlineage.facet import Dataset  # noqa: PLC0415 - may bring OpenLineage

    found = [dataset_of(openable(path)) for path in (data if isinstance(data, list) else [data])]
    return [Dataset(namespace=namespace, name=name) for namespace, name in dict.fromkeys(found)]


def dataset_of(path: Any) -> tuple[str, str]:
    """Return OpenLineage's namespace and name for a path.

    :param path: a path or glob, of :mod:`pathlib` or of Airflow's object storage.
    """
    from airflow_provider_socialscrm.importer.paths import is_plain  # noqa: PLC0415 - not for parsing a DAG file

    if is_plain(path):
        return "file", str(path.absolute())
    if path.protocol in {"", "file", "local"}:
        return "file", str(path.path)
    if hasattr(path, "bucket"):
        return f"{path.protocol}://{path.bucket}", str(path.key).strip("/")
    scheme, _, place = str(path).rpartition("://")  # universal_pathlib's, with options of its file system
    bucket, _, key = place.partition("/")
    return f"{scheme}://{bucket}", key.strip("/")


def _output(namespace: str, name: str, rows: int) -> Any:
    from airflow.providers.common.compat.openlineage.facet import (  # noqa: PLC0415 - may bring OpenLineage
        OutputDataset,
        OutputStatisticsOutputDatasetFacet,
    )

    statistics = OutputStatisticsOutputDatasetFacet(rowCount=rows)
    return OutputDataset(namespace=namespace, name=name, outputFacets={"outputStatistics": statistics})
