"""Values that an earlier try saved, checked before any of them is used: a file may have been cut short or edited."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

import msgspec

MOST: Final = 2**53
"""The largest whole number that every program reads from JSON as it was written."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
"""A number of rows or calls, or a place in the order of sending."""

Sum = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
"""A sum over the content of rows, as :func:`as_hex` writes it."""

UNREADABLE: Final = (ValueError, TypeError, KeyError, OverflowError, RecursionError, SystemError, msgspec.MsgspecError)
"""What reading a value of another form can raise. Up to version 0.20 msgspec goes on after an ``OverflowError``, which
Python 3.12 and newer report as a ``SystemError``."""

_T = TypeVar("_T")


class DamagedError(Exception):
    """A saved value is not what this version saves; the text says where, without the value."""


def checked(value: Any, kind: type[_T]) -> _T:
    """Return a saved value as its type. Keys that the type does not have are ignored, as a newer version may add some.

    :raises DamagedError: if it is something else.
    """
    try:
        return msgspec.convert(value, kind)
    except UNREADABLE as failure:
        raise DamagedError(what(failure)) from None


def what(failure: BaseException) -> str:
    """Return what is wrong with a value, without anything of its content."""
    if isinstance(failure, RecursionError):
        return "it is nested too deeply"
    return str(failure) if isinstance(failure, msgspec.ValidationError) else type(failure).__name__


def as_hex(number: int) -> str:
    """Return a sum as it is saved."""
    return f"{number:016x}"
