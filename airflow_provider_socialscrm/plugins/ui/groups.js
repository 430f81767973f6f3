// Mapped imports summed per run, with their parts.

import { groupKey } from "./api.js";
import { refusedIn } from "./buckets.js";

/** Group the imports of one task in one run; a group of one is that import, and a larger one has `parts`. */
export function grouped(found) {
  const groups = new Map();
  for (const one of found) {
    const key = groupKey(one.instance);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((parts) => (parts.length === 1 ? parts[0] : summed(parts)));
}

// The state that a person has to know of first.
const WORST = ["failed", "up_for_retry", "upstream_failed", "running", "restarting", "queued", "scheduled", null];

function summed(parts) {
  const states = parts.map(({ instance }) => instance.state);
  const state = WORST.find((one) => states.includes(one)) ?? states[0];
  const manifests = parts.map(({ manifest }) => manifest).filter(Boolean);
  const instance = { ...parts[0].instance, state, map_index: -1 };
  const sentence = parts.find((part) => part.sentence && part.instance.state === state)?.sentence ?? null;
  const inOrder = parts.toSorted((one, other) => one.instance.map_index - other.instance.map_index);
  return { instance, manifest: manifests.length ? sumOf(manifests) : null, progress: progressOf(parts), sentence, parts: inOrder };
}

/** Sum the progress of the parts that run, and the rows of those that have ended; null if none runs. */
function progressOf(parts) {
  const running = parts.map(({ progress }) => progress).filter((progress) => progress?.rows !== undefined);
  if (!running.length) return null;
  const ended = parts.map(({ manifest }) => manifest?.rows).filter(Boolean);
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const done = sum(ended.map(({ total }) => total));
  return {
    rows: done + sum(running.map(({ rows }) => rows)),
    total: done + sum(running.map(({ total }) => total)),
    refused: sum(running.map(({ refused }) => refused)) + sum(ended.map(refusedIn)),
    rows_per_second: sum(running.map(({ rows_per_second: rate }) => rate)),
    seconds_left: Math.max(...running.map(({ seconds_left: left }) => left)),
    ...longestWait(running),
  };
}

/** Return the wait of the part that has waited longest; nothing if a part has calls that succeed. */
function longestWait(running) {
  if (!running.every(({ waiting }) => waiting >= 0)) return {};
  const [{ waiting, next_call_in, given_up_after }] = running.toSorted((one, other) => other.waiting - one.waiting);
  return { waiting, next_call_in, given_up_after };
}

function sumOf(all) {
  const sent = all.filter((manifest) => !manifest.dry_run);
  const manifests = sent.length ? sent : all; // what a dry run found is not added to what was sent
  const rows = {};
  for (const manifest of manifests) {
    for (const [name, number] of Object.entries(manifest.rows)) rows[name] = (rows[name] ?? 0) + number;
  }
  const refusals = new Map();
  for (const refusal of manifests.flatMap((manifest) => manifest.refusals)) {
    const key = `${refusal.bucket} ${refusal.code}`;
    refusals.set(key, { ...refusal, rows: refusal.rows + (refusals.get(key)?.rows ?? 0) });
  }
  const most = [...refusals.values()].sort((one, other) => other.rows - one.rows);
  const changes = manifests.some((manifest) => manifest.changes) ? {} : null;
  const broke = manifests.map((manifest) => manifest.broke_off).find(Boolean) ?? null;
  return { rows, refusals: most, changes, dry_run: !sent.length, broke_off: broke };
}
