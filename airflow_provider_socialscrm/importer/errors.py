"""What can go wrong around the calls, grouped by what to do next.

::

    ImporterError
    ├── InputError          the data or an argument cannot be taken: mend it; no call was made
    ├── RejectedRowsError   everything was sent, more rows were refused than allowed: look at the dead letter
    └── AccountingError     rows were lost or counted twice: a bug of ours, please report it
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
