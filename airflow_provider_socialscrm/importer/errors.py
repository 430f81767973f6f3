"""Errors of an import other than those of its calls, grouped by what to do next.

::

    ImporterError
    ├── InputError          the data or an argument cannot be used: fix it; no call was made
    │   ├── EmptyInputError         there is no input, or it has no rows
    │   └── MissingFileError        a file is not there: it may be late, so a retry looks again
    │       └── NoFileError             none is there, so it is an EmptyInputError, too
    ├── RejectedRowsError   everything was sent, and more rows were refused than allowed: see the dead letter
    ├── AccountingError     rows were lost or counted twice: a bug of ours, please report it
    ├── CheckpointError     the checkpoint cannot be read or saved: fix its storage, or retry
    │   └── SupersededError     another try of the task owns the checkpoint: leave it to that one
    ├── LedgerError         the ledger cannot be read or written: fix its storage, or retry
    │   └── UnusableLedgerError     it is damaged, another target's, or newer: restore it, or give another path
    ├── StoppedError        the task had to end: a retry resumes
    └── SystemicError       calls are refused whatever they carry: ask the vendor
        └── ExtensionFieldsError    no row with some extension field is accepted: leave it out, or create it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class ImporterError(Exception):
    """An import failed for a reason outside its calls."""


class InputError(ImporterError, ValueError):
    """The data or an argument cannot be used; no call was made.

    :param fix: arguments that would help, where the data shows which.
    """

    def __init__(self, *message: object, fix: Mapping[str, Any] | None = None) -> None:
        super().__init__(*message)
        self.fix = dict(fix or {})


class EmptyInputError(InputError):
    """There is no input, or it has no rows: nothing was returned, no file was found, or the file is empty."""


class MissingFileError(InputError):
    """A file of the input is not there. It may be late, so a retry may find it."""


class NoFileError(MissingFileError, EmptyInputError):
    """None of the input's files is there."""


class RejectedRowsError(ImporterError):
    """More rows were refused than ``max_rejected`` allows; everything that could be sent was sent.

    :param most: the code of the largest group of refused rows, where it is known.
    """

    def __init__(self, *message: object, most: int | str | None = None) -> None:
        super().__init__(*message)
        self.most = most


class AccountingError(ImporterError):
    """The buckets do not add up to the input."""


class CheckpointError(ImporterError):
    """The checkpoint cannot be read, or refused rows are missing, before any call; or a file cannot be written."""


class SupersededError(CheckpointError):
    """Another try of the same task owns the checkpoint, so this one sends and saves nothing more."""


class LedgerError(ImporterError):
    """The ledger cannot be read, and no call was made; or it cannot be written, and the run stops."""


class UnusableLedgerError(LedgerError):
    """The ledger is damaged, of something else, or newer than this provider, which a retry finds again."""


class StoppedError(ImporterError):
    """The task was terminated; the calls in flight are recorded, and a retry resumes from there."""


class SystemicError(ImporterError):
    """Calls are refused alike, whatever rows they carry, so no row is to blame."""


class ExtensionFieldsError(SystemicError):
    """No row with certain extension fields is accepted: the CRM does not know them, or accepts none of their values."""


FATAL_ERRORS = (InputError, RejectedRowsError, AccountingError, ExtensionFieldsError, UnusableLedgerError)
"""Errors that a retry cannot fix; a person has to."""
