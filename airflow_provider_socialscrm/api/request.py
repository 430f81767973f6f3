"""A call to any endpoint before it is signed: path, body, scheme, family, and whether a repeat is harmless. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from airflow_provider_socialscrm.api.codes import Family
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings, tenant_as_long
from airflow_provider_socialscrm.api.signing import Call, fields_call, header_call

METHODS: Final = ("GET", "POST", "PUT", "DELETE")
"""HTTP methods of a call. The vendor documents the first three."""

_FAMILIES: Final = (
    ("/wscrm-bus-api/customer/api/", Family.IMPORT),
    ("/se-api/user/", Family.USER_QUERY),
    ("/group-dispatch-api/user/", Family.AGENTS),
    ("/group-dispatch-api/whatsapp/", Family.NUMBERS),
    ("/wscrm-bus-api/open/message/", Family.CHATS),
    ("/wscrm-bus-api/open/scan/", Family.SCREENING),
    ("/wscrm-bus-api/open/mark/", Family.MASS_SEND),
    ("/group-dispatch-api/gsTask/assign/", Family.SEND),
    ("/group-dispatch-api/gsTask/queryExecuteStatus", Family.SEND_STATUS),
    ("/wscrm-bus-api/open/group/api/", Family.GROUP_LINKS),
    ("/wscrm-bus-api/open/customer/setPrincipalAsNull", Family.OWNERS),
)
"""How the paths of each family begin (vendor API 1.2 and 1.5)."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call that is not signed yet.

    :param path: of the endpoint, from its slash; it may have a query.
    :param body: what becomes JSON; ``None`` for a call without content, which sends ``{}`` unless it is a ``GET``.
    :param method: HTTP method.
    :param scheme: how the call is signed; ``None``: as the settings say.
    :param repeatable: whether a repeat does no harm, so that a call with an unknown outcome is sent again.
    :param names_tenant: header scheme: whether the body has ``tenantId``, as on some of the vendor's pages.
    :param names_user: header scheme: whether the body has ``userName``, as on some of them.
    :param user_name: the login that signs on the body scheme, or that the body names; ``None`` takes the connection's.
    :param pace_path: the path that the call counts for, where its own has an id in it.
    """

    path: str
    body: Any = field(default=None, repr=False)
    method: str = "POST"
    scheme: AuthScheme | None = AuthScheme.HEADER
    repeatable: bool = False
    names_tenant: bool = False
    names_user: bool = False
    user_name: str | None = None
    pace_path: str = ""

    @property
    def paced_as(self) -> str:
        """The path that the vendor counts this call for (vendor API 5.1)."""
        return self.pace_path or self.path.partition("?")[0]

    @property
    def family(self) -> Family:
        """The family whose table says what the codes of this call mean."""
        return family_of(self.path)


def family_of(path: str) -> Family:
    """Return the family of an endpoint; an unknown path has only the codes of every call."""
    return next((family for beginning, family in _FAMILIES if path.startswith(beginning)), Family.OTHER)


def request_to(
    path: str,
    body: Any = None,
    *,
    scheme: str | None = None,
    method: str = "POST",
    repeatable: bool = False,
    user_name: str | None = None,
) -> Request:
    """Return a call to any endpoint, after a check of what it is made of.

    :raises ValueError: in one sentence, if no call can be made of these values.
    """
    if not path.startswith("/") or path.startswith("//") or any(sign <= " " or sign > "~" for sign in path):
        raise ValueError(
            "The path of a call must begin with one slash and have neither host nor blanks, as in /se-api/user/query."
        )
    if method.upper() not in METHODS:
        raise ValueError(f"The method of a call must be one of {', '.join(METHODS)}.")
    if scheme is not None and scheme not in {*AuthScheme}:
        raise ValueError("The scheme of a call must be body or header, or None for the connection's.")
    if scheme == AuthScheme.BODY and method.upper() == "GET":
        raise ValueError("A GET has no body to sign: set scheme='header'.")
    return Request(
        path,
        body,
        method.upper(),
        scheme=None if scheme is None else AuthScheme(scheme),
        repeatable=repeatable,
        user_name=user_name,
    )


def signed(request: Request, settings: Settings, now: float) -> Call:
    """Return the signed call of a request.

    :param now: seconds since the epoch at the moment of sending.
    :raises ValueError: in one sentence, if the body is not JSON, or not an object where the body is signed.
    """
    scheme = request.scheme or settings.auth_scheme
    if scheme is AuthScheme.BODY:
        user_name = request.user_name or settings.user_name
        return fields_call(settings, request.path, user_name, _object(request), now, method=request.method)
    content = b"" if request.method == "GET" and request.body is None else _content(request, settings)
    return header_call(settings, request.path, content, now, method=request.method)


def _content(request: Request, settings: Settings) -> bytes:
    body = {} if request.body is None else request.body
    if request.names_user:
        body = {"userName": request.user_name or settings.user_name, **body}
    if request.names_tenant:
        body = {"tenantId": tenant_as_long(settings.tenant_id), **body}
    return _json(body)


def _object(request: Request) -> bytes:
    body = {} if request.body is None else request.body
    if request.method == "GET" or not isinstance(body, Mapping):
        raise ValueError("The body scheme signs in the body, so the call needs a body that is a dict, and not a GET.")
    return _json(dict(body))


def _json(body: Any) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, RecursionError):  # their texts may repeat a value
        raise ValueError(
            "The body of a call must consist of dicts, lists, texts, numbers, booleans and None."
        ) from None
