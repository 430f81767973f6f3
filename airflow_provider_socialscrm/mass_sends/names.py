"""Names of mass sends, which no two of them share."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.identity import ImportIdentity

LONGEST_NAME: Final = 100
"""Characters of a name; our choice, since the vendor documents no limit."""

SHORTEST_LIMIT: Final = 20
"""Characters that a limit must leave, so that a shortened name still says something beside its digest."""

_DIGEST_BYTES: Final = 6


def default_name(identity: ImportIdentity, place: int | None = None, longest: int = LONGEST_NAME) -> str:
    """Return a name that only this task of this run has, the same in each try.

    ``dag/task[map index]#place run``. A longer one is cut, and ends in a digest of the whole.

    :param identity: which task of Airflow it is.
    :param place: among several mass sends of the task, from 1; ``None`` if it has only one.
    :param longest: characters at most.
    :raises InputError: if the limit is too small.
    """
    if isinstance(longest, bool) or not isinstance(longest, int) or longest < SHORTEST_LIMIT:
        raise InputError(f"name_limit must be a whole number of characters, at least {SHORTEST_LIMIT}.")
    mapped = "" if identity.map_index is None else f"[{identity.map_index}]"
    several = "" if place is None else f"#{place}"
    name = f"{identity.dag_id}/{identity.task_id}{mapped}{several} {identity.run_id}"
    if len(name) <= longest:
        return name
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{name[: longest - len(digest) - 1]}~{digest}"
