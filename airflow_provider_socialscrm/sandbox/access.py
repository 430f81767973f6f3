"""Which requests the sandbox answers: by the name in ``Host``, and below ``/_sandbox/`` by the page that sent them.

Any web page that a person opens can make the browser send requests to this machine. A page cannot choose ``Host``, so
a foreign name in it shows that the page's own name was pointed here (DNS rebinding). Programs such as curl, requests
and Airflow send no ``Origin``, and nothing changes for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
"""Names of this machine that no foreign name server can give away."""
ANY = "*"
"""In place of a name or an origin: all of them."""

ADMIN_PREFIX = "/_sandbox"

WRONG_HOST = 421
"""HTTP status, Misdirected Request: this server does not answer for the name in ``Host``."""
FORBIDDEN = 403

SHOWN_LENGTH = 100
"""Characters of a refused name that the response repeats; our choice."""


class Access:
    """The names and the origins that are allowed.

    :param host: the name or address that the sandbox listens on, which is allowed too
    :param allow_hosts: further names in ``Host``, without a port; ``*`` allows every name
    :param allow_origins: origins of other pages, such as ``http://localhost:8080``, that may use the endpoints below
        ``/_sandbox/`` and the page's form; ``*`` allows every origin
    """

    def __init__(self, host: str, allow_hosts: Iterable[str] = (), allow_origins: Iterable[str] = ()) -> None:
        self.names = tuple(dict.fromkeys(_name(each) for each in (*LOCAL_NAMES, host, *allow_hosts)))
        self._origins = frozenset(origin.rstrip("/").lower() for origin in allow_origins)

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Return the status and the sentence that refuse a request, or None when it is allowed.

        :param headers: HTTP headers, looked up by lower-case name
        """
        host = headers.get("host", "")
        if ANY not in self.names and _name(host) not in self.names:
            name = _name(host)[:SHOWN_LENGTH]
            return (
                WRONG_HOST,
                f"the sandbox does not answer for the host {name!r}; --allow-host {name or 'NAME'} allows it",
            )
        if _changes_or_shows_all(method, path) and (sender := _foreign_sender(headers, host)):
            if ANY in self._origins or sender in self._origins:
                return None
            page = sender[:SHOWN_LENGTH]
            return FORBIDDEN, f"the sandbox takes no request of a page from {page}; start it with --allow-origin ORIGIN"
        return None


class Guard:
    """The ASGI application behind it, for the requests that are allowed."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with the sentence that refuses it."""
        answer = self._app
        if scope["type"] == "http":
            refusal = self._access.refusal(scope["method"], scope["path"], Headers(scope=scope))
            if refusal is not None:
                status, sentence = refusal
                content = msgspec.json.encode({"error": sentence})
                answer = Response(content, status, media_type="application/json")
        await answer(scope, receive, send)


def _name(host: str) -> str:
    """Return the name in a ``Host`` header, an address or an option, in lower case, without port and brackets."""
    text = host.strip().lower().rpartition("//")[2].partition("/")[0]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    if text.count(":") == 1:
        text = text.partition(":")[0]
    return text.rstrip(".")


def _changes_or_shows_all(method: str, path: str) -> bool:
    is_admin = path == ADMIN_PREFIX or path.startswith(f"{ADMIN_PREFIX}/")
    return is_admin or (path == "/" and method not in {"GET", "HEAD"})


def _foreign_sender(headers: Mapping[str, str], host: str) -> str | None:
    """Return the origin of the page that sent a request, unless it is the sandbox's own page, or no page at all."""
    page = (headers.get("origin") or headers.get("referer") or "").strip().lower()
    scheme, slashes, rest = page.partition("://")
    authority = rest.partition("/")[0]
    if page and (not slashes or authority != host.strip().lower()):
        return f"{scheme}://{authority}" if slashes else page
    is_of_another = headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
    return "another site" if is_of_another else None
