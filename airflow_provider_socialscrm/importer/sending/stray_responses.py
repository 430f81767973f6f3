"""What a failure that blames a setting means once calls have succeeded with the same settings. Pure."""

from __future__ import annotations

from airflow_provider_socialscrm.api.errors import ServiceError, SocialSCRMError, StopError, UncertainError


def after_success(failure: SocialSCRMError) -> SocialSCRMError:
    """Return a failure as what it means after calls have succeeded: a setting that worked is not wrong.

    A response without a code, such as HTTP 404 or a redirect, then comes from something on the way to the CRM: a
    gateway during a restart, a login page, a firewall. No source says for any of these statuses that the CRM had not
    taken the call before, so the outcome is uncertain. A failure of TLS comes before anything is sent.

    :param failure: what the client raised; returned unchanged if it has a code, or if a retry may fix it anyway.
    """
    if not isinstance(failure, StopError) or failure.code is not None:
        return failure
    if failure.http_status is None:
        return ServiceError(f"Earlier calls succeeded, so this may pass. {failure}")
    return UncertainError(
        f"The address answered HTTP {failure.http_status}, though earlier calls succeeded: something on the way, such "
        "as a gateway or a login page, answered in place of the CRM. It is not known whether the call was processed. "
        "If it always is the same rows, a firewall may object to what they contain.",
        http_status=failure.http_status,
        retry_after=failure.retry_after,
        clock_offset=failure.clock_offset,
    )
