"""A table on the sandbox's page, as a family of endpoints gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Some rows for a person to see.

    :param name: its anchor on the page, in lower case
    :param title: its heading
    :param columns: headings of the columns
    :param rows: values, one for each column
    :param empty: the sentence in place of rows
    :param note: a remark beside the heading
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    empty: str = "None."
    note: str = ""
