"""The buckets that an earlier import's dead letter names, for rows that are given back as data."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.columns.values import as_utf8
from airflow_provider_socialscrm.importer.fields.mapping import own_name
from airflow_provider_socialscrm.importer.reasons import BUCKET_COLUMN, Bucket
from airflow_provider_socialscrm.importer.sources.base import Batch

Places = np.ndarray[tuple[int], np.dtype[np.int64]]

NONE: Final = np.empty(0, np.int64)
"""No row."""


def rows_in_bucket(batch: Batch, bucket: Bucket) -> Places:
    """Return the rows, by their place in the batch, that a dead letter has in a bucket."""
    found: Places = NONE
    for place, name in enumerate(batch.records.schema.names):
        if own_name(name) == BUCKET_COLUMN:
            buckets = pc.utf8_lower(as_text(as_utf8(batch.records.column(place))))
            marked = pc.equal(buckets, bucket.value).fill_null(False).to_numpy(zero_copy_only=False)
            found = np.union1d(found, np.flatnonzero(marked))
    return found


def superseded_before(batch: Batch) -> Places:
    """Return the rows, by their place in the batch, whose dead letter says that another row was sent instead.

    Given back as data they are older than what the CRM has of the customer by now.
    """
    return rows_in_bucket(batch, Bucket.DUPLICATE)


def in_doubt_before(batch: Batch) -> Places:
    """Return the rows, by their place in the batch, whose dead letter says that the CRM may have accepted them."""
    return rows_in_bucket(batch, Bucket.UNKNOWN)
