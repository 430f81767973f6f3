"""How a rejected chunk is split, by what its code blames. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container
from itertools import pairwise

from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sending.chunks import Chunk
from airflow_provider_socialscrm.importer.sending.refused_fields import Fields


def agent_of(row: Row) -> str | None:
    """Return the agent who signs, or whom the row names; ``None`` is the connection's user."""
    return row.agent or row.named_agent


def halved_by_rows(chunk: Chunk) -> list[Chunk]:
    """Return two chunks of half of the rows each, whatever their size."""
    # By rows and not by bytes, so that a bad row is found in log2(rows) steps.
    middle = len(chunk.rows) // 2
    return [Chunk(part, chunk.agent) for part in (chunk.rows[:middle], chunk.rows[middle:])]


def into_parts(chunk: Chunk, rows: int) -> list[Chunk]:
    """Return chunks of nearly equal size, none of more rows than this."""
    total = len(chunk.rows)
    count = -(-total // rows)
    bounds = [total * number // count for number in range(count + 1)]
    return [Chunk(chunk.rows[start:end], chunk.agent) for start, end in pairwise(bounds)]


def by_agent(chunk: Chunk) -> list[Chunk]:
    """Return a chunk for each agent, whose call decides for all of the agent's rows.

    A single chunk means that its agent is at fault. Rows that name no agent are halved.
    """
    if len(chunk.rows) > 1 and agent_of(chunk.rows[0]) is None:
        return halved_by_rows(chunk)
    groups: dict[str | None, list[Row]] = {}
    for row in chunk.rows:
        groups.setdefault(agent_of(row), []).append(row)
    return [Chunk(tuple(rows), chunk.agent) for rows in groups.values()]


def by_number(chunk: Chunk) -> list[Chunk]:
    """Return chunks in which each number occurs once, so that a response that names numbers is unambiguous."""
    groups: list[list[Row]] = []
    seen: Counter[int] = Counter()
    for row in chunk.rows:
        if seen[row.number] == len(groups):
            groups.append([])
        groups[seen[row.number]].append(row)
        seen[row.number] += 1
    return [Chunk(tuple(rows), chunk.agent) for rows in groups]


def by_extension(chunk: Chunk, has_new: Callable[[Fields], bool]) -> list[Chunk]:
    """Return parts of a chunk refused with 533: the rows without extension fields, and parts of those with some.

    The parts are halves. If the middle row has a field that no accepted row has, it is sent alone, since its verdict
    says most about the field.

    :param has_new: returns whether some of the fields are in no accepted row.
    """
    bare = [row for row in chunk.rows if not row.extension_fields]
    suspects = [row for row in chunk.rows if row.extension_fields]
    if not suspects:
        return halved_by_rows(chunk)
    suspected = Chunk(tuple(suspects), chunk.agent)
    alone = len(suspects) == 1 or has_new(suspects[len(suspects) // 2].extension_fields)
    parts = around_the_middle(suspected) if alone else halved_by_rows(suspected)
    return [Chunk(tuple(bare), chunk.agent), *parts] if bare else parts


def around_the_middle(chunk: Chunk) -> list[Chunk]:
    """Return the middle row alone, as a probe, and the rows before and after it."""
    middle = len(chunk.rows) // 2
    parts = (chunk.rows[middle : middle + 1], chunk.rows[:middle], chunk.rows[middle + 1 :])
    return [Chunk(part, chunk.agent) for part in parts if part]


def by_side_effects(chunk: Chunk) -> tuple[list[Row], Chunk | None]:
    """Return the rows with side effects, and the chunk without them, or ``None`` if it has no others."""
    harmful = [row for row in chunk.rows if row.has_side_effects]
    others = [row for row in chunk.rows if not row.has_side_effects]
    return harmful, (Chunk(tuple(others), chunk.agent) if others else None)


def without_agents(chunk: Chunk, rejected_agents: Container[str]) -> tuple[Chunk | None, dict[str, list[Row]]]:
    """Return the chunk without the rows of some agents, and those rows by agent."""
    others: list[Row] = []
    theirs: dict[str, list[Row]] = {}
    for row in chunk.rows:
        agent = agent_of(row)
        (theirs.setdefault(agent, []) if agent is not None and agent in rejected_agents else others).append(row)
    return (Chunk(tuple(others), chunk.agent) if others else None), theirs
