/**
 * The log of one Delta table: what its versions hold, and which there are.
 *
 * Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
 */
import { join } from 'node:path';

import { PipelineError } from '../../errors.ts';
import { committedAt, readCommit } from './commit-file.ts';
import type { DeltaAction, Snapshot, WholeSnapshot } from './delta-actions.ts';
import { newestFromKept, type ReadCommit, replayAndKeep, settledStamp } from './kept-snapshots.ts';
import { type CheckpointFiles, LOG_FOLDER, type LogListing, listLog } from './log-listing.ts';
import { corrupt, LogReplay, unsupported } from './log-replay.ts';
import { checkReadable } from './table-features.ts';
import { FEW_COMMITS } from './table-properties.ts';
import { readVersionChecksum } from './version-checksum.ts';

/** One version as the log tells it. */
export interface VersionEntry {
  version: number;
  /** Milliseconds since 1970. */
  committedAt: number;
  /** What the writer called it. */
  operation: string | undefined;
}

/** Checkpoints of the second specification, with names of their own. */
const UNKNOWN_CHECKPOINT = /^\d{20}\.checkpoint\.[0-9a-f-]{36}\./;

/** The last checkpoint to begin with, and the commits behind it. */
function planReplay(
  table: string,
  { commits, checkpoints, names }: LogListing,
  version: number,
): { checkpoint: CheckpointFiles | undefined; commits: number[] } {
  const present = new Set(commits);
  const firstMissing = (from: number): number => {
    let each = from;
    while (each <= version && present.has(each)) each += 1;
    return each;
  };
  const isShort = version < FEW_COMMITS && firstMissing(0) > version;
  const checkpoint = isShort ? undefined : checkpoints.findLast((each) => each.version <= version);
  const first = checkpoint === undefined ? 0 : checkpoint.version + 1;
  const missing = firstMissing(first);
  if (missing > version) return { checkpoint, commits: commits.filter((each) => each >= first && each <= version) };
  if (checkpoint === undefined && names.some((name) => UNKNOWN_CHECKPOINT.test(name)))
    throw unsupported(table, 'it has checkpoints of the second kind', 'read it with the program that wrote it');
  throw corrupt(table, `version ${missing} is missing from its log`);
}

/**
 * What a checkpoint says, and the commits behind it. Where it is damaged, an older one or the whole log says the same, as long as nothing was
 * removed behind it.
 */
async function beginReplay(
  table: string,
  listing: LogListing,
  version: number,
): Promise<{ begin: DeltaAction[]; commits: number[] }> {
  const { checkpoint, commits } = planReplay(table, listing, version);
  if (checkpoint === undefined) return { begin: [], commits };
  const { readCheckpoint } = await import('./checkpoint.ts');
  try {
    return { begin: await readCheckpoint(table, checkpoint), commits };
  } catch (damaged) {
    const older = listing.checkpoints.filter((each) => each.version < checkpoint.version);
    try {
      return await beginReplay(table, { ...listing, checkpoints: older }, version);
    } catch {
      throw damaged;
    }
  }
}

/** The newest version from its last checksum on; undefined where there is none to begin with. */
async function beginAtChecksum(
  table: string,
  { checksums, commits }: LogListing,
  newest: number,
): Promise<{ begin: DeltaAction[]; commits: number[] } | undefined> {
  const at = checksums.findLast((version) => version <= newest);
  if (at === undefined || newest - at >= FEW_COMMITS) return undefined;
  // The commit of the checksum's own version says nothing new, but when it was.
  const behind = commits.filter((version) => version >= at);
  if (behind.length !== newest - at + 1) return undefined;
  const begin = await readVersionChecksum(table, at);
  return begin && { begin, commits: behind };
}

/** Checkpoints that cannot be read, and why. @throws ERR_IO */
export async function damagedCheckpoints(table: string): Promise<{ path: string; problem: string }[]> {
  const { checkpoints = [] } = (await listLog(table)) ?? {};
  const { readCheckpoint } = await import('./checkpoint.ts');
  const damaged: { path: string; problem: string }[] = [];
  for (const checkpoint of checkpoints) {
    try {
      await readCheckpoint(table, checkpoint);
    } catch (error) {
      if (!(error instanceof PipelineError)) throw error;
      damaged.push({ path: join(table, LOG_FOLDER, checkpoint.names[0] ?? ''), problem: error.message });
    }
  }
  return damaged;
}

function notFound(table: string, what: string, { commits, checkpoints }: LogListing): PipelineError {
  const known = [...commits, ...checkpoints.map(({ version }) => version)];
  const [first, last] = [Math.min(...known), Math.max(...known)];
  return new PipelineError('ERR_STORE_NOT_FOUND', `${table} has no version ${what}`, {
    file: table,
    hint: `there are versions ${first} to ${last}`,
  });
}

/** Versions that can be read: those that a checkpoint, or the beginning, comes before without a hole. */
function oldestReadable({ commits, checkpoints }: LogListing): number {
  return commits[0] === 0 ? 0 : (checkpoints[0]?.version ?? commits[0] ?? 0);
}

/** What the log has for a version: where to begin, and how to go on. */
interface Reading {
  version: number;
  replay: LogReplay;
  commits: ReadCommit[];
}

/**
 * The log of a table, listed and read, up to a version. Undefined where the folder has no log.
 * @param isWhole what was removed is asked for too
 */
async function readLog(table: string, version: number | undefined, isWhole: boolean): Promise<Reading | undefined> {
  const listing = await listLog(table);
  const newest = listing && newestOf(listing);
  if (listing === undefined || newest === undefined) {
    if (listing?.names.some((name) => UNKNOWN_CHECKPOINT.test(name)))
      throw unsupported(table, 'it has checkpoints of the second kind', 'read it with the program that wrote it');
    return undefined;
  }
  if (version !== undefined && (version > newest || version < oldestReadable(listing) || !Number.isInteger(version)))
    throw notFound(table, String(version), listing);
  const target = version ?? newest;
  const quickly = version === undefined && !isWhole ? await beginAtChecksum(table, listing, newest) : undefined;
  const { begin, commits } = quickly ?? (await beginReplay(table, listing, target));
  const replay = new LogReplay(table);
  replay.apply(begin);
  // Behind a checkpoint of this very version its commit says when that was, and nothing new.
  if (commits.length === 0 && listing.commits.includes(target)) commits.push(target);
  const read = commits.map(async (each) => {
    const stamp = settledStamp(table, each);
    return { version: each, actions: await readCommit(table, each), stamp };
  });
  return { version: target, replay, commits: await Promise.all(read) };
}

/** A version that was read, with nothing kept of it. */
async function snapshotOf(table: string, { version, replay, commits }: Reading): Promise<Snapshot> {
  for (const { actions } of commits) replay.apply(actions);
  const last = commits.at(-1)?.actions;
  return replay.snapshot(version, last && (await committedAt(table, version, last)));
}

/**
 * What a table holds, or undefined when the folder has no log. Of the newest version the process keeps what it was when it was last asked for.
 * @param table folder of the table
 * @param version the newest when left out
 * @throws ERR_STORE_CORRUPT (a hole, damaged lines, no schema), ERR_STORE_UNSUPPORTED, ERR_STORE_NOT_FOUND (no such version), ERR_IO
 */
export async function readSnapshot(table: string, version?: number): Promise<Snapshot | undefined> {
  const snapshot =
    (version === undefined ? await newestFromKept(table) : undefined) ?? (await readFromLog(table, version));
  if (snapshot !== undefined) checkReadable(table, snapshot);
  return snapshot;
}

async function readFromLog(table: string, version: number | undefined): Promise<Snapshot | undefined> {
  const reading = await readLog(table, version, false);
  if (reading === undefined) return undefined;
  const { replay, commits } = reading;
  if (version === undefined && commits.length > 0) return replayAndKeep(table, replay, commits);
  return snapshotOf(table, reading);
}

/** As `readSnapshot`, always from the files, with what was removed. @throws as `readSnapshot` */
export async function readWholeSnapshot(table: string, version?: number): Promise<WholeSnapshot | undefined> {
  const reading = await readLog(table, version, true);
  if (reading === undefined) return undefined;
  const snapshot = await snapshotOf(table, reading);
  checkReadable(table, snapshot);
  return { ...snapshot, tombstones: reading.replay.tombstones };
}

function newestOf({ commits, checkpoints }: LogListing): number | undefined {
  const newest = Math.max(commits.at(-1) ?? -1, checkpoints.at(-1)?.version ?? -1);
  return newest < 0 ? undefined : newest;
}

/** The last version that the log names, whether or not it can be read; undefined when there is none. @throws ERR_IO */
export async function newestVersion(table: string): Promise<number | undefined> {
  const listing = await listLog(table);
  return listing && newestOf(listing);
}

/**
 * The versions that the log still has, oldest first; undefined when there is no log. Times never go back.
 * @throws ERR_STORE_CORRUPT, ERR_IO
 */
export async function readHistory(table: string): Promise<VersionEntry[] | undefined> {
  const listing = await listLog(table);
  if (listing === undefined || newestOf(listing) === undefined) return undefined;
  const entries: VersionEntry[] = [];
  for (const version of listing.commits.filter((each) => each >= oldestReadable(listing))) {
    const actions = await readCommit(table, version);
    const time = Math.max(await committedAt(table, version, actions), entries.at(-1)?.committedAt ?? 0);
    const operation = actions.find(({ commitInfo }) => commitInfo !== undefined)?.commitInfo?.operation;
    entries.push({ version, committedAt: time, operation });
  }
  return entries;
}

/**
 * The version that was the newest at a time.
 * @throws ERR_STORE_NOT_FOUND when the log does not go back so far
 */
export async function versionAt(table: string, time: number): Promise<number | undefined> {
  const history = await readHistory(table);
  if (history === undefined) return undefined;
  const entry = history.findLast((each) => each.committedAt <= time);
  if (entry !== undefined) return entry.version;
  const first = history[0]?.committedAt;
  throw new PipelineError('ERR_STORE_NOT_FOUND', `${table} has no version of ${new Date(time).toISOString()}`, {
    file: table,
    hint: first === undefined ? 'its log is empty' : `its oldest is of ${new Date(first).toISOString()}`,
  });
}
