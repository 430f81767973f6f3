"""The endings of the names of files that an import reads; DAG files load this module when they are parsed."""

from __future__ import annotations

from typing import Final

TABLES: Final = (".parquet", ".csv", ".tsv", ".tab", ".jsonl", ".ndjson")
"""Endings of the formats."""

COMPRESSED: Final = (".gz", ".bz2", ".xz", ".zst")
"""Endings that the names of compressed files have after that of their format."""
