"""Which ledger an error is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_provider_socialscrm.importer.errors import LedgerError


@contextmanager
def located(path: Any) -> Iterator[None]:
    """Name the ledger's path in the errors of its files, which know their names only, once.

    :param path: of the ledger's folder; ``None`` if there is no ledger.
    """
    try:
        yield
    except LedgerError as failure:
        if path is not None and (where := f"The ledger is {path}.") not in str(failure):
            failure.args = (f"{failure} {where}",)
        raise
