"""One running SocialsCRM for many tests, as new for each."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow_provider_socialscrm.api.settings import AuthScheme, Settings

if TYPE_CHECKING:
    from airflow_provider_socialscrm.sandbox.server import Sandbox

NO_LIMIT = 100_000
"""Calls a second that no test reaches."""


def as_new(sandbox: Sandbox, **settings: Any) -> Sandbox:
    """Forget a sandbox's customers, faults and calls, and set its default settings but for those that are given."""
    defaults = type(sandbox.settings)(**settings)
    sandbox.reset()
    sandbox.configure(**asdict(defaults))
    return sandbox


def settings_of(sandbox: Sandbox, scheme: str = "header", **changes: Any) -> Settings:
    """Return the settings of a client that the sandbox accepts."""
    known = {
        "tenant_id": sandbox.settings.tenant_id,
        "api_key": sandbox.settings.api_key,
        "user_name": sandbox.settings.agents[0],
        "auth_scheme": AuthScheme(scheme),
        "calls_per_second": NO_LIMIT,
    }
    return Settings(sandbox.url, **known | changes)
