"""What ended a run early, for the manifest."""

from __future__ import annotations

from typing import Final

from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.importer.errors import ImporterError
from airflow_provider_socialscrm.importer.results.report import shortened

LONGEST_SENTENCE: Final = 600
"""Characters of an error's message, as JSON writes them: more than all but lists of names take, so that the manifest
stays under 16 KiB."""


def broke_off(failure: BaseException, stage: str) -> dict[str, str]:
    """Return the kind of an error, what the run was doing, and the message, if the error is of this provider.

    Messages of others may have a customer's values, which ours never have.

    :param failure: what ended the run.
    :param stage: what the run was doing.
    """
    found = {"error": type(failure).__name__, "while": stage}
    if isinstance(failure, ImporterError | SocialSCRMError):
        found["sentence"] = shortened(str(failure)[:LONGEST_SENTENCE], LONGEST_SENTENCE)
    return found
