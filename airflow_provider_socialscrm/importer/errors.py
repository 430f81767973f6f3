"""What can go wrong around the calls, grouped by what to do next.

::

    ImporterError
    ├── InputError          the data or an argument cannot be taken: mend it; no call was made
    ├── RejectedRowsError   everything was sent, more rows were refused than allowed: look at the dead letter
    ├── AccountingError     rows were lost or counted twice: a bug of ours, please report it
    ├── CheckpointError     what is settled cannot be read or kept: mend where it is kept, or try again
    ├── StoppedError        the task was told to stop: try again, it goes on
    └── SystemicError       calls are refused whatever they carry: ask the vendor
        └── ExtensionFieldsError    no row with some extension field is accepted: leave it out, or create it
"""

from __future__ import annotations


class ImporterError(Exception):
    """The import cannot do what was asked."""


class InputError(ImporterError, ValueError):
    """The data, or an argument beside it, cannot be taken; no call was made."""


class RejectedRowsError(ImporterError):
    """More rows were refused than ``max_rejected`` allows; everything that could be sent was sent."""


class AccountingError(ImporterError):
    """The buckets do not add up to the input."""


class CheckpointError(ImporterError):
    """What is settled cannot be read, so nothing was sent; or it, or the dead letter, cannot be kept: the run stops."""


class StoppedError(ImporterError):
    """The task was told to stop; what was in flight is settled, and a retry goes on from there."""


class SystemicError(ImporterError):
    """Calls are refused alike whatever rows they carry, so no row is to blame."""


class ExtensionFieldsError(SystemicError):
    """No row with certain extension fields is accepted, so the CRM does not know them or takes no value of theirs."""


FATAL_ERRORS = (InputError, RejectedRowsError, AccountingError, ExtensionFieldsError)
"""Errors that a retry cannot mend; a person has to."""
