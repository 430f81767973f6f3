"""The settings of a sandbox: each with its unit, its default and the source of the default.

Where the vendor's documentation is silent, a setting or a line of ``assumptions`` says what the sandbox does.
The settings of one family are in its module of ``family_settings``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from .family_settings.agents import AgentSettings
from .family_settings.chats import ChatSettings
from .family_settings.group_links import GroupLinkSettings
from .family_settings.imports import ImportSettings
from .family_settings.limits import LimitSettings
from .family_settings.mass_sends import MassSendSettings
from .family_settings.owners import OwnerSettings
from .family_settings.screening import ScreeningSettings
from .family_settings.sends import SendSettings
from .family_settings.service_numbers import ServiceNumberSettings
from .family_settings.signatures import CHECKS, SignatureSettings
from .family_settings.tenant import TenantSettings
from .family_settings.webhooks import WebhookSettings

SECRET_SETTINGS = frozenset({"api_key", "webhook_secret"})
"""Settings that no response ever shows. The page shows the ApiKey in a connection, unless somebody chose it."""


class SettingsError(ValueError):
    """A setting is unknown, or its value does not fit; the message names the setting."""


@dataclass(frozen=True, kw_only=True)
class SandboxSettings(  # a dataclass lists the fields of its last base first
    OwnerSettings,
    GroupLinkSettings,
    SendSettings,
    MassSendSettings,
    WebhookSettings,
    ScreeningSettings,
    ChatSettings,
    ServiceNumberSettings,
    AgentSettings,
    ImportSettings,
    LimitSettings,
    SignatureSettings,
    TenantSettings,
):
    """Everything that decides how one sandbox answers.

    Each setting's description is part of its type; the page, the command line and the error messages show it. "Our
    assumption" marks what the vendor does not document.
    """

    def __post_init__(self) -> None:
        if sorted(self.check_order) != sorted(CHECKS):
            raise SettingsError(
                f"setting check_order: give each of {', '.join(CHECKS)} once. It means: {description('check_order')}"
            )
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            raise SettingsError(
                f"setting time_zone: {self.time_zone!r} is not a known zone; give an IANA name such as Asia/Shanghai"
            ) from None

    def changed(self, changes: Mapping[str, Any], *, strict: bool = True) -> SandboxSettings:
        """Return a copy with some settings changed, each value checked against its type.

        :param changes: name to value, as in a JSON document
        :param strict: when False, read texts as numbers where a number belongs, as a command line needs it
        :raises SettingsError: when a setting does not exist or a value does not fit
        """
        if unknown := sorted(changes.keys() - set(FIELD_TYPES)):
            raise SettingsError(f"unknown setting {', '.join(unknown)}; the settings are {', '.join(FIELD_TYPES)}")
        values = {name: _converted(name, value, strict=strict) for name, value in changes.items()}
        return replace(self, **values)

    @property
    def has_own_key(self) -> bool:
        """Whether somebody chose the ApiKey; the default one is in the source, and not a secret."""
        return self.api_key != SandboxSettings().api_key

    def shown(self) -> dict[str, Any]:
        """Return every setting but the secret ones, as JSON values."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return {name: value for name, value in values.items() if name not in SECRET_SETTINGS}


FIELD_TYPES = get_type_hints(SandboxSettings, include_extras=True)


def description(name: str) -> str:
    """Return one setting's description, in one sentence."""
    return next(str(meta.description) for meta in get_args(FIELD_TYPES[name]) if isinstance(meta, Meta))


def _converted(name: str, value: Any, *, strict: bool) -> Any:
    try:
        return msgspec.convert(value, type=FIELD_TYPES[name], strict=strict)
    except msgspec.ValidationError as error:
        raise SettingsError(f"setting {name}: {error}. It means: {description(name)}") from None
