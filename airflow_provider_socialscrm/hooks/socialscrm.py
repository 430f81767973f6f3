"""Hook that turns a connection of type ``socialscrm`` into frozen settings and a client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from airflow_provider_socialscrm._compat import AirflowNotFoundException
from airflow_provider_socialscrm.api.customers import encoded_customer
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.hooks import form
from airflow_provider_socialscrm.hooks.agents import AgentMethods
from airflow_provider_socialscrm.hooks.chats import ChatMethods
from airflow_provider_socialscrm.hooks.connection import redis_url, settings_of
from airflow_provider_socialscrm.hooks.extras import extras_of, unknown_extras
from airflow_provider_socialscrm.hooks.group_links import GroupLinkMethods
from airflow_provider_socialscrm.hooks.mass_sends import MassSendMethods
from airflow_provider_socialscrm.hooks.owners import OwnerMethods
from airflow_provider_socialscrm.hooks.screening import ScreeningMethods
from airflow_provider_socialscrm.hooks.sends import SendMethods
from airflow_provider_socialscrm.hooks.service_numbers import NumberMethods
from airflow_provider_socialscrm.runtime.task_failures import ADMIN, named_connection, where_defined
from airflow_provider_socialscrm.wording import worded

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_socialscrm.api.client import Client
    from airflow_provider_socialscrm.api.paces import Paces
    from airflow_provider_socialscrm.api.request import Request


class SocialSCRMHook(
    AgentMethods,
    NumberMethods,
    ChatMethods,
    ScreeningMethods,
    MassSendMethods,
    SendMethods,
    GroupLinkMethods,
    OwnerMethods,
    BaseHook,
):
    """Turns a connection into a client of the SocialsCRM API.

    As a context manager it keeps one client open for all calls made in the block::

        with SocialSCRMHook() as hook:
            hook.import_customers([{"whatsApp": "8613800000000", "friendName": "Ann"}])

    :param socialscrm_conn_id: the connection's id. Default ``"socialscrm_default"``.
    """

    conn_name_attr: ClassVar[str] = "socialscrm_conn_id"
    default_conn_name: ClassVar[str] = "socialscrm_default"
    conn_type: ClassVar[str] = "socialscrm"
    hook_name: ClassVar[str] = "SocialsCRM"

    def __init__(self, socialscrm_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.socialscrm_conn_id = socialscrm_conn_id
        self._client: Client | None = None
        self._paces: Paces | None = None

    def __enter__(self) -> Self:
        """Open a client for the calls of the block.

        :raises SettingError: naming every missing or wrong field.
        """
        self._client = self.get_conn()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        client, self._client = self._client, None
        if client:
            client.close()
        if self._paces:
            self._paces.close()

    @staticmethod
    def get_ui_field_behaviour() -> dict[str, Any]:
        """Return the labels and placeholders of the form's standard fields; only Airflow 3.1 calls this."""
        return form.field_behaviour()

    @staticmethod
    def get_connection_form_widgets() -> dict[str, Any]:
        """Return the form's extra fields; only Airflow 3.1 calls this."""
        return form.widgets()

    def get_settings(self) -> Settings:
        """Return the connection as frozen settings.

        :raises SettingError: naming every missing or wrong field by its label in the form.
        :raises AirflowNotFoundException: if there is no such connection, or Pace connection names none.
        """
        connection = self._existing(self.socialscrm_conn_id, "create it, or correct socialscrm_conn_id")
        for secret in filter(None, (connection.password, (connection.password or "").strip())):
            mask_secret(secret)
        settings = settings_of(connection)
        proxies = settings.transport.proxies.values()
        passwords = (urlsplit(address).password for address in proxies)
        for secret in filter(None, (*settings.transport.headers.values(), *proxies, *passwords)):
            mask_secret(secret)
        if settings.ledger_secret:
            mask_secret(settings.ledger_secret)
        if unknown := unknown_extras(connection):
            names = ", ".join(unknown)
            extras = worded(len(unknown), f"extra {names} is", f"extras {names} are")
            self.log.warning("Connection %r: the %s not read", connection.conn_id, extras)
        if settings.transport.verify is False:
            self.log.warning(
                "Connection %r: Verify is false, so calls with customers may reach a server that only claims to be %s",
                connection.conn_id,
                settings.base_url,
            )
        pace_conn_id = extras_of(connection).get("pace_conn_id")
        if not pace_conn_id:
            return settings
        pace = self._existing(str(pace_conn_id), f"correct Pace connection in {connection.conn_id!r}, or create it")
        pace_url = redis_url(pace)
        mask_secret(pace_url)
        return replace(settings, pace_url=pace_url)

    def _existing(self, conn_id: str, otherwise: str) -> Connection:
        """Return a connection.

        :param conn_id: its id.
        :param otherwise: what to do where there is none.
        :raises AirflowNotFoundException: if there is none; Airflow retries, since a secrets backend may be unavailable.
        """
        try:
            return self.get_connection(conn_id)
        except AirflowNotFoundException:
            raise AirflowNotFoundException(
                f"The conn_id {conn_id!r} isn't defined: {otherwise} ({where_defined(conn_id)})."
            ) from None

    def get_conn(self, connections: int = 1) -> Client:
        """Return a client for the connection.

        :param connections: HTTP connections to keep open, one for each concurrent caller. Default 1, enough for
            sequential calls.
        :raises SettingError: naming every missing or wrong field.
        """
        from airflow_provider_socialscrm.api.client import Client  # noqa: PLC0415 - loads requests

        return Client(self.get_settings(), connections=connections)

    def import_customers(self, customers: Sequence[Mapping[str, str]], *, agent: str | None = None) -> Any:
        """Send customers in one import call, as they are, and return the response's ``data``.

        The operator checks, splits and retries; this does not. Safe to repeat without ``welcome``, as the operator's
        calls are (vendor API 3.5).

        :param customers: the API's fields of each customer, whose values are text.
        :param agent: body scheme: the login that signs. Default ``None``: the connection's user.
        :raises TypeError: when a value is not text, which the API would read in its own way.
        :raises SocialSCRMError: of the class that says what to do next.
        """
        rows = [encoded_customer(customer, place) for place, customer in enumerate(customers)]
        with self._open_client() as client:
            return client.import_customers(rows, agent=agent)

    def call(
        self,
        path: str,
        body: Any = None,
        *,
        scheme: str | None = None,
        method: str = "POST",
        repeatable: bool = False,
        user_name: str | None = None,
    ) -> Any:
        """Call any endpoint, signed and at the pace of its path, and return the response's ``data``.

        A call that the CRM certainly did not take is sent again within limits: after HTTP 429 or 503 with
        ``Retry-After``, without a connection, and once the clocks are found to differ (502). A call that it may have
        taken is sent again only if it is ``repeatable``.

        :param path: of the endpoint, such as ``/se-api/user/query``; it may have a query.
        :param body: dicts, lists, texts, numbers, booleans and ``None``, which become JSON.
        :param scheme: ``body`` adds the signature to the body, which must be a dict; ``header`` to the headers. Default
            ``None``: as in the connection.
        :param method: HTTP method. Default ``POST``.
        :param repeatable: whether a repeat does no harm. Default ``False``.
        :param user_name: body scheme: the login that signs. Default ``None``: the connection's user.
        :raises ValueError: in one sentence and before any call, if no call can be made of these values.
        :raises SocialSCRMError: of the class that says what to do next; an ``UncertainError`` if the CRM may have taken
            the call.
        """
        from airflow_provider_socialscrm.api.request import request_to  # noqa: PLC0415 - with the client

        return self.perform(
            request_to(path, body, scheme=scheme, method=method, repeatable=repeatable, user_name=user_name)
        )

    def perform(self, request: Request) -> Any:
        """Make a call at the pace of its path, repeat it within limits where that is harmless, and return ``data``.

        :raises ValueError: in one sentence and before any call, if no call can be made of the request.
        :raises SocialSCRMError: of the class that says what to do next.
        """
        from airflow_provider_socialscrm.api.repeats import perform  # noqa: PLC0415 - with the client

        with self._open_client() as client, self._open_paces(client.settings) as paces:
            return perform(request, client, paces, on_repeat=self._log_repeat)

    @contextmanager
    def _open_client(self) -> Iterator[Client]:
        with named_connection(self.socialscrm_conn_id):
            if self._client:
                yield self._client
                return
            with closing(self.get_conn()) as client:
                yield client

    @contextmanager
    def _open_paces(self, settings: Settings) -> Iterator[Paces]:
        from airflow_provider_socialscrm.api.paces import Paces  # noqa: PLC0415 - with the client

        if self._paces is None:
            self._paces = Paces(settings)
        try:
            yield self._paces
        finally:
            if settings.pace_url and not self._client:  # the rate is in Redis, so nothing is lost
                self._paces.close()

    def _log_repeat(self, failure: SocialSCRMError, delay: float) -> None:
        self.log.info("%s The call is sent again in %.1f s.", failure, delay)

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the connection works, with a message that names the wrong setting if it does not.

        Nothing changes on the server: the body scheme signs an import without rows; the header scheme looks up the
        user, or signs an import without rows if the connection names no user.
        """
        try:
            with closing(self.get_conn()) as client:
                return True, _probe(client)
        except SocialSCRMError as failure:
            # Airflow's Test button uses a temporary connection id, which means nothing to the user.
            said = str(failure).replace(f"Connection {self.socialscrm_conn_id!r}", "The connection")
            return False, said.replace(where_defined(self.socialscrm_conn_id), ADMIN)


def _probe(client: Client) -> str:
    settings = client.settings
    try:
        if settings.auth_scheme is AuthScheme.HEADER and settings.user_name:
            client.query_user()
        else:
            client.import_customers([])
    except SocialSCRMError as failure:
        if failure.code is None or not failure.code.proves_signature:
            raise
    who = f"tenant {settings.tenant_id}" + (f", user {settings.user_name}" if settings.user_name else "")
    return f"{settings.base_url} accepts the signature of {who} ({settings.auth_scheme} scheme)."
