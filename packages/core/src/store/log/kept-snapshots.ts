/**
 * The newest version of each table that this process has seen, so that the next look at it costs what has been committed since, and not what was
 * ever committed: neither is the log listed, nor is a version read again.
 *
 * Versions follow each other without a hole, and who cleans a log up removes the oldest ones first. So a version that is known holds as long as its
 * commit is the same file, and the newest is the last one in the row behind it. A commit that is younger than the steps of the file system's clock
 * could be another file by the next look without showing it: the version kept is the last one that is old enough, and those behind it are read again.
 */
import { readFileSync } from 'node:fs';

import { stampIfThere, stampOf } from '../../formats/kept-readings.ts';
import { KeptValues } from '../../formats/kept-values.ts';
import { commitPath, committedAt, parseCommit } from './commit-file.ts';
import type { DeltaAction, Snapshot } from './delta-actions.ts';
import { LogReplay } from './log-replay.ts';

interface KeptSnapshot {
  snapshot: Snapshot;
  /** Of its commit. */
  stamp: string;
  /** The last version that was seen: where it is not there any more, the log has a hole, or was cut. */
  newest: number;
}

/** A commit as it was read. */
export interface ReadCommit {
  version: number;
  actions: readonly DeltaAction[];
  /** Its file as it was before it was read; undefined where it may change without showing it. */
  stamp: string | undefined;
}

/** What all tables may take together, about. */
const MOST_KEPT_BYTES = 4 * 2 ** 20;
/** About what an action takes on the heap, for each byte of text, and besides. */
const HEAP_BYTES = 2;
const ACTION_BYTES = 512;

const tables: KeptValues<KeptSnapshot> = new KeptValues(MOST_KEPT_BYTES);

/** What names a commit's file, once it is old enough; taken before the file is read. */
export function settledStamp(table: string, version: number): string | undefined {
  const stamp = stampOf(commitPath(table, version));
  return stamp?.isSettled === true ? stamp.text : undefined;
}

function bytesOf({ files, txns, metaData }: Snapshot): number {
  let bytes = ACTION_BYTES + HEAP_BYTES * JSON.stringify(metaData).length;
  for (const { path, stats, tags } of files.values()) {
    bytes += ACTION_BYTES + HEAP_BYTES * (2 * path.length + (stats?.length ?? 0));
    for (const tag of Object.values(tags ?? {})) bytes += HEAP_BYTES * (tag?.length ?? 0);
  }
  for (const appId of txns.keys()) bytes += ACTION_BYTES + HEAP_BYTES * appId.length;
  return bytes;
}

/**
 * The version that commits lead to; the last one that will show any change is kept for the next look.
 * @param replay the state before them
 * @param commits in order, at least one
 * @throws ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED, ERR_IO
 */
export async function replayAndKeep(
  table: string,
  replay: LogReplay,
  commits: readonly ReadCommit[],
): Promise<Snapshot> {
  const newest = commits.at(-1)?.version ?? 0;
  const last = commits.findLastIndex(({ stamp }) => stamp !== undefined);
  let snapshot: Snapshot | undefined;
  for (const [i, { version, actions, stamp }] of commits.entries()) {
    replay.apply(actions);
    if (i !== last && version !== newest) continue;
    snapshot = replay.snapshot(version, await committedAt(table, version, actions));
    if (stamp !== undefined) tables.keep(table, { snapshot, stamp, newest }, bytesOf(snapshot));
  }
  const kept = tables.get(table);
  if (kept !== undefined) kept.newest = Math.max(kept.newest, newest);
  return snapshot as Snapshot;
}

/** Those behind a version. At once: a turn of threads takes longer than reading the few that there are. */
function commitsAfter(table: string, version: number): ReadCommit[] {
  const commits: ReadCommit[] = [];
  for (let next = version + 1; ; next += 1) {
    const path = commitPath(table, next);
    const stamp = stampIfThere(path);
    if (stamp === undefined) return commits;
    const actions = parseCommit(table, next, readFileSync(path, 'utf8'));
    commits.push({ version: next, actions, stamp: stamp.isSettled ? stamp.text : undefined });
  }
}

/** The newest version, going on from the one that is known; undefined where none is, or the log has to be read as a whole to tell what is wrong. */
export async function newestFromKept(table: string): Promise<Snapshot | undefined> {
  const known = tables.get(table);
  if (known === undefined) return undefined;
  try {
    const { snapshot, stamp, newest } = known;
    const commits = commitsAfter(table, snapshot.version);
    const isWhole = (commits.at(-1)?.version ?? snapshot.version) >= newest;
    // Looked at last: as long as it is there, nobody has removed what comes behind it.
    if (isWhole && stampOf(commitPath(table, snapshot.version))?.text === stamp)
      return commits.length === 0 ? snapshot : await replayAndKeep(table, new LogReplay(table, snapshot), commits);
  } catch {
    // Reading the whole log says it better, if it is still so.
  }
  tables.drop(table);
  return undefined;
}
