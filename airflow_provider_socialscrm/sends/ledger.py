"""The ledger of sends: a folder with the claims of all campaigns of a tenant."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from airflow_provider_socialscrm.api.addresses import are_same
from airflow_provider_socialscrm.importer.changes.keys import KeyKind, Keyring
from airflow_provider_socialscrm.importer.changes.storage import Storage
from airflow_provider_socialscrm.importer.errors import InputError, UnusableLedgerError
from airflow_provider_socialscrm.sends.campaign import FOLDER, Campaign
from airflow_provider_socialscrm.sends.events import FORMAT, damaged

IDENTITY: Final = "sends.json"
"""The file that says whose sends a ledger is about."""

IMPORTS: Final = "ledger.json"
"""The file that the folder of an import's ledger has."""


class _Identity(msgspec.Struct, frozen=True):
    format: int
    target: tuple[str, str]
    key: str
    secret_check: str | None


class SendLedger:
    """The campaigns of a tenant in a folder.

    :param storage: the folder.
    :param base_url: of the tenant's API.
    :param tenant_id: of the tenant.
    :param secret: key by which the ledger has hashes instead of numbers; ``None`` has numbers.
    :param now: seconds since the epoch.
    :raises InputError: when the folder is an import's ledger.
    :raises LedgerError: when it is another tenant's, has other keys, is damaged, or is newer than this provider.
    """

    def __init__(
        self,
        storage: Storage,
        base_url: str,
        tenant_id: str,
        secret: str | None = None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.keyring = Keyring(KeyKind.HMAC if secret else KeyKind.NUMBER, secret=secret)
        self._storage = storage
        self._now = now
        self._identity = _Identity(FORMAT, (base_url, tenant_id), self.keyring.kind.value, self.keyring.check_value())
        if storage.read(IMPORTS) is not None:
            raise InputError("ledger is the folder of an import's ledger: give sends a folder of their own.")
        self._check(storage.read(IDENTITY))

    def make(self) -> None:
        """Make the ledger if it is not there. Safe to repeat, and by several tasks at once.

        :raises LedgerError: when it cannot be written, or another task made one for another tenant.
        """
        if self._storage.read(IDENTITY) is None:
            self._storage.create(IDENTITY, msgspec.json.encode(self._identity))
        self._check(self._storage.read(IDENTITY))

    def campaign(self, name: str) -> Campaign:
        """Return a campaign with all of its events.

        :raises LedgerError: when something cannot be read, or is damaged.
        """
        campaign = Campaign(self._storage, name, now=self._now)
        campaign.refresh()
        return campaign

    def _check(self, content: bytes | None) -> None:
        if content is None:
            if self._storage.names(FOLDER):
                raise damaged(IDENTITY)
            return
        try:
            found = msgspec.json.decode(content, type=_Identity)
        except msgspec.MsgspecError:
            raise damaged(IDENTITY) from None
        for is_wrong, sentence in self._differences(found):
            if is_wrong:
                raise UnusableLedgerError(f"{sentence} Nothing was sent.")

    def _differences(self, found: _Identity) -> list[tuple[Any, str]]:
        mine = self._identity
        return [
            (found.format > FORMAT, "The ledger of sends is newer than this provider knows: upgrade it."),
            (
                found.target[1] != mine.target[1] or not are_same(found.target[0], mine.target[0]),
                "The ledger of sends is of another host or tenant: give this connection a folder of its own.",
            ),
            (
                (found.key, found.secret_check) != (mine.key, mine.secret_check),
                (
                    "The ledger of sends was made with another ledger_secret, or without one: set the connection's "
                    "extra ledger_secret as it was."
                ),
            ),
        ]
