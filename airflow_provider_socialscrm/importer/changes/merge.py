"""Apply what became known to entries: for a number the later answer wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from airflow_provider_socialscrm.importer.changes.entries import LAST_ANSWER, Outcome
from airflow_provider_socialscrm.importer.changes.table import Table

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.arrays import Column, Flags, Numbers, Places

_OF_ANSWERS: Final = ("payload", "agent", "code", "outcome", "seen", "fields")
"""Columns that an answer replaces."""

_BITS: Final = 63
"""Bits of an integer without its sign."""


def apply(entries: Table, events: Table) -> Table:
    """Return entries with events applied, one for each key, sorted by key.

    :param entries: sorted by key, each key once. Columns that they lack are left out.
    :param events: entries of logs, in any order of keys. Events of one second are applied in their order.
    """
    if not len(events):
        return entries
    events = events.take(np.lexsort((events["seen"], events["key"])))
    starts = np.flatnonzero(np.append(True, events["key"][1:] != events["key"][:-1]))
    keys = events["key"].take(starts)
    at, known = find(entries["key"], keys)
    states = _states(entries, at, known, events.take(starts))
    counts = np.diff(np.append(starts, len(events)))
    for turn in range(int(counts.max())):
        chosen = np.flatnonzero(counts > turn)
        after = _after(states.take(chosen), events.take(starts[chosen] + turn))
        for name in after.names:
            states[name][chosen] = after[name]
    is_left = (states["outcome"] != 0) & ((states["outcome"] != Outcome.CLAIMED) | (states["once"] != 0))
    updated = known & is_left
    columns = {name: entries[name].copy() for name in entries.names}
    for name, column in columns.items():
        column[at[updated]] = states[name][updated]
    if updated.all():
        return Table(columns)
    left = np.ones(len(entries), bool)
    left[at[known & ~is_left]] = False
    kept, new = np.flatnonzero(left), np.flatnonzero(is_left & ~known)
    both = Table.joined([Table(columns).take(kept), states.take(new)])
    return both.take(np.argsort(both["key"], kind="stable"))  # which merges two parts that are in order


def find(ordered: Numbers, keys: Numbers) -> tuple[Places, Flags]:
    """Return for each key a place in an ordered list, and whether the list has it there."""
    at = np.searchsorted(ordered, keys)
    if not len(ordered):
        return at, np.zeros(len(keys), bool)
    at[at == len(ordered)] = 0
    return at, ordered.take(at) == keys


def in_order(keys: Numbers) -> tuple[Numbers, Places]:
    """Return keys in order, and their places; those of equal keys are in any order."""
    if not len(keys):
        return keys, np.empty(0, np.int64)
    least = int(keys.min())
    bits = len(keys).bit_length()
    if (int(keys.max()) - least).bit_length() + bits > _BITS:
        order = keys.argsort()
        return keys.take(order), order
    # Keys with their places behind them in one integer are sorted in a quarter of the time.
    both = ((keys - least) << bits) | np.arange(len(keys))
    both.sort()
    return (both >> bits) + least, both & ((1 << bits) - 1)


def _states(entries: Table, at: Places, known: Flags, firsts: Table) -> Table:
    """Return what is known of customers, given the first event of each."""
    columns: dict[str, Column] = {}
    for name in entries.names:
        columns[name] = np.zeros_like(firsts[name])
        columns[name][known] = entries[name].take(at[known], axis=0)
    columns["key"] = firsts["key"]
    if "agent" in columns:
        columns["agent"] = np.where(known, columns["agent"], firsts["agent"])
    return Table(columns)


def _after(states: Table, events: Table) -> Table:
    """Return states after one event each."""
    kind, before, is_later = events["outcome"], states["outcome"], events["seen"] >= states["seen"]
    is_answer = kind <= LAST_ANSWER
    answered = is_answer & (is_later | (before == Outcome.CLAIMED) | (before == 0))
    accepted = kind == Outcome.ACCEPTED
    adds, removes = accepted | (kind == Outcome.CLAIMED), (is_answer & ~accepted) | (kind == Outcome.RELEASED)
    once = np.where(adds, states["once"] | events["once"], states["once"])
    taken = states["taken"] | np.where(accepted, events["once"], 0).astype(np.uint8)
    after = {
        # What was accepted stays, also where clocks differ and a claim of another run seems to be released later.
        "once": np.where(removes, once & ~events["once"], once) | taken,
        "taken": taken,
        "was_accepted": states["was_accepted"] | accepted,
    }
    for name in states.names:
        if name in _OF_ANSWERS:
            chosen = answered if states[name].ndim == 1 else answered[:, None]
            after[name] = np.where(chosen, events[name], states[name])
        elif name == "first":
            after[name] = np.where(answered & (before != kind), events[name], states[name])
    # No payload is the one that the CRM has, so each is sent: also the one from before, if the input has it again.
    after["payload"] = np.where((kind == Outcome.SENDING) & is_later & (before != 0), 0, after["payload"])
    after["outcome"] = np.where((kind == Outcome.CLAIMED) & (before == 0), Outcome.CLAIMED, after["outcome"])
    gone = np.where(answered | (kind == Outcome.BACK), 0, states["gone"])
    leaves = (kind == Outcome.GONE) & is_later & (before != 0) & (states["gone"] == 0)
    after["gone"] = np.where(leaves, events["seen"], gone)
    return states.replaced(after)
