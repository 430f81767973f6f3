"""``ledger``: show, verify and compact a ledger, and leave customers out of it."""

from __future__ import annotations

import json
import os
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from airflow_provider_socialscrm.commands import DISAGREES, OK, USAGE
from airflow_provider_socialscrm.commands.check_page import shown
from airflow_provider_socialscrm.commands.ledger_options import SECRET, STDIN
from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.deletion import delete_old
from airflow_provider_socialscrm.importer.changes.entries import Layout
from airflow_provider_socialscrm.importer.changes.forgetting import forget
from airflow_provider_socialscrm.importer.changes.inspection import disagreements, sizes, summary_of
from airflow_provider_socialscrm.importer.changes.keys import KeyKind
from airflow_provider_socialscrm.importer.changes.storage import open_storage
from airflow_provider_socialscrm.importer.changes.store import MOST_TRIES, LedgerStore
from airflow_provider_socialscrm.importer.columns.text import as_text
from airflow_provider_socialscrm.importer.errors import ImporterError, InputError, LedgerError
from airflow_provider_socialscrm.importer.fields.phones import check_region, whatsapp_numbers
from airflow_provider_socialscrm.runtime.paths import openable
from airflow_provider_socialscrm.wording import counted, first_of, worded

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Numbers
    from airflow_provider_socialscrm.importer.changes.generation import Generation

RUN: Final = "ledger compact"
"""Who commits, for people."""

WIDTH: Final = 100
MOST_LINES: Final = 10
"""Lines of a file that an error names."""


def run(given: Namespace) -> int:
    """Run one of the commands, and return the exit code.

    :param given: the parsed command line.
    """
    try:
        return _ACTIONS[given.action](given)
    except ImporterError as failure:
        sys.stderr.write(f"{shown(str(failure))}\n")
    except OSError as failure:
        sys.stderr.write(f"The command failed: {failure.strerror or type(failure).__name__}.\n")
    return USAGE


def _show(given: Namespace) -> int:
    store = _store(given)
    found = _figures(given.path, store)
    if given.json:
        sys.stdout.write(f"{json.dumps(found, indent=1)}\n")
        return OK
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in _lines(found):
        table.add_row(name, shown(value))
    console = Console(markup=False, emoji=False, highlight=False, width=WIDTH)
    with console.capture() as page:
        console.print(table)
    sys.stdout.write(re.sub(" +$", "", page.get(), flags=re.MULTILINE))
    return OK


def _figures(path: str, store: LedgerStore) -> dict[str, Any]:
    snapshot, kept = store.snapshot(), store.kept()
    newest, summary = snapshot.generation, summary_of(store, snapshot)
    files = sizes((*newest.base, *snapshot.logs))
    return {
        "path": path,
        "target": {"host": store.target.base_url, "tenant": store.target.tenant_id, "scheme": store.target.scheme},
        "key": store.keyring.kind.value,
        "by_agent": store.keyring.by_agent,
        "generation": newest.number,
        "generations": len(kept),
        "run": newest.run,
        "committed_at": _time(newest.committed_at),
        "customers": summary.customers,
        "outcomes": dict(summary.outcomes.most_common()),
        "gone": summary.gone,
        "once": dict(summary.once),
        "fields": list(newest.fields),
        "buckets": newest.buckets,
        "base": sizes(newest.base),
        "logs": sizes(newest.logs),
        "unread_logs": sizes(snapshot.unnamed),
        "bytes_per_customer": round(files["bytes"] / summary.customers, 1) if summary.customers else None,
    }


def _lines(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    target, key = found["target"], "numbers" if found["key"] == KeyKind.NUMBER else "hashes of numbers"
    one_each = ", one customer for each agent" if found["by_agent"] else ""
    lines = [
        ("ledger", found["path"]),
        ("about", f"{target['host']}, tenant {target['tenant']}, auth scheme {target['scheme']}"),
        ("keys", key + one_each),
        ("generation", _generation(found)),
        ("customers", f"{found['customers']:,}"),
    ]
    lines += [(f"  {outcome}", f"{rows:,}") for outcome, rows in found["outcomes"].items()]
    lines += [("  gone", f"{found['gone']:,} that the input had no more")] if found["gone"] else []
    lines += [(f"  had {name}", f"{rows:,}") for name, rows in found["once"].items()]
    lines += [(name, _size(found[part])) for name, part in _PARTS.items()]
    if found["bytes_per_customer"] is not None:
        lines.append(("bytes a customer", f"{found['bytes_per_customer']:,}"))
    return lines


def _generation(found: Mapping[str, Any]) -> str:
    if not found["generation"]:
        return "none yet"
    kept = counted(found["generations"], "generation")
    return f"{found['generation']} of {found['committed_at']} by {found['run']}; {kept} kept"


_PARTS: Final = {"base": "base", "logs": "logs", "unread logs": "unread_logs"}


def _size(part: Mapping[str, int]) -> str:
    return f"{counted(part['files'], 'file')}, {counted(part['rows'], 'row')}, {counted(part['bytes'], 'byte')}"


def _verify(given: Namespace) -> int:
    found = list(disagreements(_store(given)))
    if given.json:
        sys.stdout.write(f"{json.dumps({'agrees': not found, 'disagreements': found}, indent=1)}\n")
    else:
        sys.stdout.write("".join(f"{shown(sentence)}\n" for sentence in found) or "All files of the ledger agree.\n")
    return DISAGREES if found else OK


def _compact(given: Namespace) -> int:
    store = _store(given)
    before = sizes((newest := store.newest()).base + newest.logs)
    after = _compacted(store)
    delete_old(store)
    shown_now = sizes(after.base + after.logs)
    sys.stdout.write(
        f"Generation {after.number} has {_size(shown_now)}; generation {newest.number} had {_size(before)}.\n"
    )
    return OK


def _compacted(store: LedgerStore) -> Generation:
    for _ in range(MOST_TRIES):
        newest = store.newest()
        committed = store.commit(RUN, (), Layout(newest.fields, newest.once))  # also the logs of killed runs
        if not committed.logs:
            return committed
        if after := compact(store, RUN):
            return after
    raise LedgerError("Other imports commit to the ledger all the time: retry later.")


def _forget(given: Namespace) -> int:
    numbers = _numbers(given)
    store = _store(given, secret=_secret(given.conn_id))
    if store.keyring.kind is KeyKind.HMAC and not store.keyring.has_secret:
        raise InputError(
            f"The ledger has hashes instead of numbers, so their secret is needed: give --conn-id, or set {SECRET}."
        )
    customers = forget(store, numbers)
    sys.stdout.write(
        f"{counted(len(numbers), 'number')} forgotten: the ledger had {counted(customers, 'customer')} of "
        f"{worded(len(numbers), 'it', 'them')}.\n"
    )
    young = store.storage.unfinished("")
    if young:
        files = counted(len(young), "file of the ledger was", "files of the ledger were")
        sys.stderr.write(
            f"{files} just being written, or left by a run that was killed a moment ago: "
            "run the command again in a minute.\n"
        )
    return DISAGREES if young else OK


def _numbers(given: Namespace) -> Numbers:
    if (given.number is None) == (given.file is None):
        raise InputError("Give a number, or a file of numbers with --file.")
    if given.default_region:
        check_region(given.default_region)
    lines = [given.number] if given.file is None else _file_lines(given.file)
    places = [place for place, line in enumerate(lines) if line]
    found = whatsapp_numbers(as_text(pa.array([lines[place] for place in places], pa.string())), given.default_region)
    wrong = {
        place: reason.meaning.rstrip(".")
        for reason, mask in found.problems
        for place, is_wrong in zip(places, mask.to_pylist(), strict=True)
        if is_wrong
    }
    if given.file is not None and places and not any(map(str.isdigit, lines[places[0]])):
        wrong.pop(places[0], None)  # a file's first line may be the name of its column
    if wrong:
        raise InputError(_unreadable(wrong, is_file=given.file is not None))
    numbers = found.text.drop_null().cast(pa.int64()).to_numpy()
    if not len(numbers):
        raise InputError("The file has no numbers.")
    return np.unique(numbers)


def _file_lines(path: str) -> list[str]:
    try:
        content = sys.stdin.read() if path == STDIN else Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("The file of numbers is not UTF-8 text.") from None
    except OSError as failure:
        raise InputError(f"The file of numbers cannot be read: {failure.strerror}.") from None
    return [line.strip().removesuffix(",").strip().strip('"').strip() for line in content.splitlines()]


def _unreadable(wrong: Mapping[int, str], *, is_file: bool) -> str:
    if not is_file:
        return f"The number cannot be used, so nothing was forgotten: {', '.join(wrong.values())}."
    lines = [f"line {place + 1} ({wrong[place]})" for place in sorted(wrong)]
    return f"Nothing was forgotten, because of {first_of(lines, MOST_LINES)}: write each number with its country code."


def _secret(conn_id: str | None) -> str | None:
    if conn_id is None:
        return os.environ.get(SECRET) or None
    try:
        from airflow.sdk import BaseHook  # noqa: PLC0415 - heavy, and not needed without a connection

        from airflow_provider_socialscrm.hooks.extras import extras_of  # noqa: PLC0415

        secret = extras_of(BaseHook.get_connection(conn_id)).get("ledger_secret")
    except Exception as failure:  # noqa: BLE001 - whatever a secrets backend raises may quote the connection
        raise InputError(
            f"The connection {conn_id!r} cannot be read here ({type(failure).__name__}): set {SECRET} instead."
        ) from None
    if not secret:
        raise InputError(f"The connection {conn_id!r} has no extra ledger_secret.")
    return str(secret)


def _store(given: Namespace, secret: str | None = None) -> LedgerStore:
    return LedgerStore.found(open_storage(openable(given.path)), secret)


def _time(second: int) -> str | None:
    return datetime.fromtimestamp(second, UTC).isoformat() if second else None


_ACTIONS: Final[Mapping[str, Callable[[Namespace], int]]] = {
    "show": _show,
    "verify": _verify,
    "compact": _compact,
    "forget": _forget,
}
