"""Types of the arrays in which numbers, payloads and entries are compared."""

from __future__ import annotations

from typing import Any

import numpy as np

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]
Payloads = np.ndarray[tuple[int], np.dtype[np.uint64]]
Hashes = np.ndarray[tuple[int], np.dtype[np.uint32]]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Places = np.ndarray[tuple[int], np.dtype[np.int64]]
Column = np.ndarray[Any, np.dtype[Any]]
"""A column of a table, of any type; its first dimension is that of the rows."""

Records = np.ndarray[tuple[int], np.dtype[np.void]]
"""Structured arrays: one record for each row or entry, with named fields."""
