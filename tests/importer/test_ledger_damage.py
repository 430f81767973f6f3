"""Imports whose ledger is damaged, or whose storage fails: one sentence, no call without a claim, and nothing lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from errno import ENOSPC
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from airflow_provider_socialscrm.importer.changes import ledger_import as ledger_imports
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage, ObjectStorage
from airflow_provider_socialscrm.importer.errors import LedgerError
from airflow_provider_socialscrm.importer.run import Import
from tests.importer.changes.conftest import s3  # noqa: F401 - a fixture
from tests.importer.test_ledger import people
from tests.support.imports import OFFLINE, number_of
from tests.support.ledger_imports import RememberingCrm, Syncs, counts

NUMBERS = count()


def newest(folder: Path, pattern: str) -> Path:
    return max(folder.glob(pattern))


FILES: dict[str, str] = {
    "identity": "ledger.json",
    "generation": "generations/*.json",
    "base": "base/*/*.parquet",
    "log": "log/sync*/*.parquet",
    "log of a killed run": "log/killed/*.parquet",
    "claim": "log/claims/*.parquet",
}


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


def newer(content: bytes) -> bytes:
    values = json.loads(content) | {"format": 2} if content.startswith(b"{") else {"format": 2}
    return json.dumps(values).encode()


DAMAGES: dict[str, Callable[[bytes, bytes], bytes | None]] = {
    "missing": lambda *_: None,
    "empty": lambda *_: b"",
    "truncated": lambda content, _: content[: len(content) * 2 // 3],
    "flipped": lambda content, _: flipped(content),
    "of another ledger": lambda _, other: other,
    "newer": lambda content, _: newer(content),
}
FLIPPED = ("log of a killed run", "flipped")
"""Older versions of Arrow write something at that bit that is read, so that the file is named."""
HARMLESS = {
    ("generation", "missing"),  # the one before is read, with the logs that it does not name
    FLIPPED,  # where the bit is in nothing that is read; pages have checksums
    ("log of a killed run", "missing"),  # nobody can know of it
    ("log of a killed run", "of another ledger"),  # whose customers differ, and are sent again
}


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return two ledgers with files of all kinds, of two tenants."""
    made = []
    for tenant in ("1", "2"):
        folder = tmp_path_factory.mktemp(f"tenant-{tenant}")
        syncs = Syncs(folder, RememberingCrm(settings=replace(OFFLINE, tenant_id=tenant)))
        syncs.sync(people(50, tenant=tenant))
        rows = people(53, tenant=tenant)
        rows[51]["welcome"] = "Hello"
        syncs.sync(rows)
        late = newest(syncs.ledger_path, "log/dag_id*/*.parquet")
        killed = syncs.ledger_path / "log" / "killed"
        killed.mkdir()
        (killed / "1-0-000001-00.parquet").write_bytes(late.read_bytes())
        made.append(syncs.ledger_path)
    return made[0], made[1]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_file_is_named_in_one_sentence_before_any_call_or_does_no_harm(tmp_path, ledgers, kind, damage):
    syncs = Syncs(tmp_path)
    copytree(ledgers[0], syncs.ledger_path)
    pattern = FILES[kind].replace("log/sync", "log/dag_id")
    path, other = newest(syncs.ledger_path, pattern), newest(ledgers[1], pattern)
    content = DAMAGES[damage](path.read_bytes(), other.read_bytes())
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    rows = people(53, tenant="1")
    rows[51]["welcome"] = "Hello"

    run = syncs.made(rows)
    error = error_of(run)

    assert syncs.crm.welcomes.total() == 0
    if (kind, damage) in HARMLESS and not (error and (kind, damage) == FLIPPED):
        # The generation before and the logs say the same, and a log of nobody is read if it is a whole one.
        assert counts(run.manifest()).keys() <= {"unchanged", "accepted"}
    else:
        assert "ledger" in str(error)
        assert "\n" not in str(error)
        assert syncs.crm.calls == []


def error_of(run: Import) -> LedgerError | None:
    """Run an import, and return what its ledger's error was."""
    try:
        run.run()
    except LedgerError as failure:
        return failure
    return None


class Failing(LocalStorage):
    """A disk whose writes fail from some point on."""

    fails: Callable[[str, str], bool] = staticmethod(lambda *_: False)

    def write(self, name: str, content: bytes) -> None:
        self._fail("write", name)
        super().write(name, content)

    def create(self, name: str, content: bytes) -> bool:
        self._fail("create", name)
        return super().create(name, content)

    def _fail(self, method: str, name: str) -> None:
        kind = "claim" if name.startswith("log/claims") else name.partition("/")[0]
        if self.fails(method, kind):
            raise LedgerError(
                f"The ledger's file {name} cannot be written (No space left on device): check its storage."
            )


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> type[Failing]:
    class OfThisTest(Failing):
        pass

    monkeypatch.setattr(ledger_imports, "open_storage", OfThisTest)
    return OfThisTest


@pytest.mark.one_in(4)
@pytest.mark.parametrize("after", [0, 1, 2, 3])
@pytest.mark.parametrize("step", [("write", "log"), ("create", "claim"), ("create", "generations"), ("write", "base")])
@pytest.mark.parametrize("lasts", [True, False])
def test_no_call_is_made_without_a_claim_and_all_answers_are_found_when_the_disk_works_again(
    tmp_path, failing, step, after, lasts
):
    syncs = Syncs(tmp_path)
    rows = people(60)
    syncs.sync(rows[:40])
    for row in rows[:5]:
        row["friendName"] = "changed"
    for row in rows[45:]:
        row["welcome"] = "Hello"
    seen = count()
    failing.fails = lambda *found: found == step and (next(seen) >= after if lasts else next(seen) == after)
    syncs.now += 3600
    syncs.crm.forget()
    run = syncs.made(rows, rows_per_call=5, concurrency=2, save_interval=0.0)

    error = error_of(run)
    assert error is None or "No space left on device" in str(error)
    manifest, welcomes = run.manifest(), +syncs.crm.welcomes
    claimed = sorted((syncs.ledger_path / "log" / "claims").glob("*.parquet"))
    assert manifest["rows"]["total"] == 60 == sum(rows for name, rows in manifest["rows"].items() if name != "total")
    assert bool(welcomes) <= bool(claimed)
    assert error is not None or manifest["rows"]["accepted"] == 25 or not lasts

    failing.fails = lambda *_: False
    taken = set(syncs.crm.taken)
    second = syncs.sync(rows)

    assert max((welcomes + syncs.crm.welcomes).values()) == 1
    assert counts(second).keys() <= {"accepted", "unchanged"}
    assert syncs.crm.customers.keys() == {number_of(place) for place in range(60)}
    assert [row for row in rows if syncs.crm.customers[row["whatsApp"]]["friendName"] != row["friendName"]] == []
    again = taken & set(syncs.crm.taken)
    assert len(again) <= 4 * 5  # where the log could not be written: in flight, and answered since the last one
    assert counts(syncs.sync(rows)) == {"unchanged": 60}


def test_a_full_disk_is_named_without_what_its_error_quotes(tmp_path, monkeypatch):
    def full(*_: Any) -> None:
        raise OSError(ENOSPC, "No space left on device", "a secret path")

    syncs = Syncs(tmp_path)
    monkeypatch.setattr("airflow_provider_socialscrm.importer.changes.storage._write_private", full)

    with pytest.raises(LedgerError, match=r"cannot be written \(No space left on device\)") as raised:
        syncs.sync(people(3))

    assert "secret" not in str(raised.value)
    assert syncs.crm.calls == []


class Unreliable:
    """A file system whose requests fail now and then.

    :param fs: takes the requests that do not fail.
    """

    def __init__(self, fs: Any) -> None:
        self._fs = fs
        self.fails_at: set[int] = set()
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fs, name)

    def pipe_file(self, path: str, value: bytes, **more: Any) -> None:
        self.writes += 1
        if self.writes in self.fails_at:
            raise ConnectionError("https://user:password@host")
        self._fs.pipe_file(path, value, **more)


@pytest.fixture
def s3_syncs(
    tmp_path: Path,
    s3: Any,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Syncs, Unreliable]:
    fs, name = Unreliable(s3), f"crm/whole-{next(NUMBERS)}"
    storage = ObjectStorage(fs, name, "s3")
    storage._is_conditional = True  # as of the file system behind it
    monkeypatch.setattr(ledger_imports, "open_storage", lambda _: storage)
    return Syncs(tmp_path), fs


def test_whole_imports_on_s3(s3_syncs):
    syncs, _ = s3_syncs
    rows = people(200, welcome="")
    rows[3]["welcome"] = rows[190]["welcome"] = "Hello"

    first, second = syncs.sync(rows[:150]), syncs.sync(rows)
    rows[7]["friendName"] = "changed"
    third = syncs.sync(rows)

    assert [counts(each) for each in (first, second, third)] == [
        {"accepted": 150},
        {"unchanged": 150, "accepted": 50},
        {"unchanged": 199, "accepted": 1},
    ]


@pytest.mark.thorough
@pytest.mark.parametrize("at", range(1, 9))
def test_a_request_to_s3_that_fails_loses_nothing(s3_syncs, at):
    syncs, fs = s3_syncs
    rows = people(30)
    for row in rows[25:]:
        row["welcome"] = "Hello"
    syncs.sync(rows[:20])
    rows[0]["friendName"] = "changed"
    syncs.crm.forget()
    fs.fails_at = {fs.writes + at}
    run = syncs.made(rows, rows_per_call=5, concurrency=2)
    assert "password" not in str(error_of(run))
    assert run.manifest()["rows"]["total"] == 30
    welcomes = +syncs.crm.welcomes

    syncs.sync(rows)

    assert max((welcomes + syncs.crm.welcomes).values()) == 1
    assert syncs.crm.customers.keys() == {number_of(place) for place in range(30)}
    assert syncs.crm.customers[number_of(0)]["friendName"] == "changed"
    assert counts(syncs.sync(rows)) == {"unchanged": 30}
