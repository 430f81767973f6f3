"""The file with the numbers that a ledger has and the input has no more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from airflow_provider_socialscrm.api.customers import AGENT, NUMBER
from airflow_provider_socialscrm.importer.changes.keys import KeyKind, Keyring
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.results.dead_letter_formats import WRITERS
from airflow_provider_socialscrm.importer.whole_files import write_whole

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Records

SINCE: Final = "gone_since"
"""Name of the column with the moment of the first import that did not have the number, in UTC."""


def check_gone_path(path: Any, kind: KeyKind) -> None:
    """Raise if numbers cannot be written there.

    :raises InputError: if the ending is not one of a file that can be written, or the ledger has no numbers.
    """
    if kind is not KeyKind.NUMBER:
        raise InputError(
            "gone_path needs a ledger with numbers, and this connection has a ledger_secret, so the ledger has only "
            "hashes: leave gone_path out. The manifest has how many numbers are gone."
        )
    if PurePosixPath(path.name).suffix.lower() not in WRITERS:
        raise InputError(f"gone_path is {path}: let its name end in {', '.join(WRITERS)}.")


def write_gone(path: Any, blocks: Iterable[Records], keyring: Keyring, moment: int) -> None:
    """Write numbers to a file, in place of the one of an earlier import.

    :param blocks: keys, with the second since when each is gone; 0 for now.
    :param moment: the second that is now.
    :raises OSError: when it cannot be written.
    """
    names = [NUMBER, *([AGENT] if keyring.by_agent else []), SINCE]
    schema = pa.schema([(name, pa.string()) for name in names])
    ending = PurePosixPath(path.name).suffix.lower()

    def write(file: Any) -> None:
        writer = WRITERS[ending](file, schema)
        for block in blocks:
            columns = [pa.array(keyring.numbers(block["key"]).astype(str).tolist())]
            if keyring.by_agent:
                agents = keyring.agents.column(keyring.agent_places(block["key"]))
                columns.append(agents.cast(pa.string()))
            since = np.where(block["gone"] == 0, moment, block["gone"]).astype("datetime64[s]")
            columns.append(pa.array([f"{each}Z" for each in np.datetime_as_string(since).tolist()]))
            writer.write(pa.Table.from_arrays(columns, schema=schema))
        writer.close()

    write_whole(path, write)
