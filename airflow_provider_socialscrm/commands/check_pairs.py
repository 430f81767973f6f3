"""Several pairs after one option, as in ``--columns a=b c=d``, which argparse would take for the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

PAIRS: Final = ("--columns", "--defaults", "--values", "--empty")
"""Options of ``check`` whose values are pairs. They may be repeated, too."""

NAMES_A_FILE: Final = frozenset("/.*\\")
"""Characters of a path after its last ``=``, as in ``stage=New/1.csv``, which fields hardly have."""


def with_pairs(arguments: Sequence[str]) -> list[str]:
    """Return a command line in which each pair has an option of its own.

    :param arguments: the command line as it was given.
    """
    return [*_repeated(arguments)]


def _repeated(arguments: Sequence[str]) -> Iterator[str]:
    option, has_value = "", False
    for argument in arguments:
        if argument.startswith("--"):
            name, equals, _ = argument.partition("=")
            option, has_value = name if name in PAIRS else "", bool(equals)
        elif option and not has_value:
            has_value = True
        elif option and _is_pair(argument):
            yield option
        else:
            option = ""
        yield argument


def _is_pair(argument: str) -> bool:
    _, equals, after = argument.rpartition("=")
    return bool(equals) and NAMES_A_FILE.isdisjoint(after)
