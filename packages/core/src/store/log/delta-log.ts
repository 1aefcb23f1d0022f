/**
 * The log of one Delta table: what a version holds, and how a further version is added.
 *
 * A commit is a file that comes into being whole: it is written under a temporary name, put on the disk, and linked to
 * its own name, which fails when another writer was first. A rename would replace that writer's commit in silence.
 *
 * Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
 */
import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { PipelineError } from '../../errors.ts';
import { makeFolder, syncFolder, TEMPORARY_SUFFIX } from '../../formats/durable-file.ts';
import { fileError } from '../../formats/file-error.ts';
import { KeptReadings } from '../../formats/kept-readings.ts';
import type { DeltaAction, Snapshot } from './delta-actions.ts';
import { type CheckpointFiles, commitName, LOG_FOLDER, type LogListing, listLog } from './log-listing.ts';
import { corrupt, LogReplay, unsupported } from './log-replay.ts';
import { checkReadable } from './table-features.ts';

/** One version as the log tells it. */
export interface VersionEntry {
  version: number;
  /** Milliseconds since 1970. */
  committedAt: number;
  /** What the writer called it. */
  operation: string | undefined;
}

/** Commits that are read from the first on rather than from a checkpoint, whose decoder takes a while to load. */
export const FEW_COMMITS = 100;
/** Checkpoints of the second specification, with names of their own. */
const UNKNOWN_CHECKPOINT = /^\d{20}\.checkpoint\.[0-9a-f-]{36}\./;

/** Commits are written once; what they say is kept for the next look at their table, up to about so many bytes. */
const MOST_KEPT_BYTES = 4 * 2 ** 20;
/** About what the actions of a commit take on the heap, for each byte of text; and each commit besides. */
const HEAP_BYTES = 2;
const COMMIT_BYTES = 512;

interface Commit {
  actions: readonly DeltaAction[];
  textBytes: number;
}

const commits: KeptReadings<Commit> = new KeptReadings(MOST_KEPT_BYTES);

async function readCommit(table: string, version: number): Promise<readonly DeltaAction[]> {
  const path = join(table, LOG_FOLDER, commitName(version));
  const commit = await commits.get(
    path,
    () => parseCommit(table, path, version),
    ({ textBytes }) => COMMIT_BYTES + HEAP_BYTES * textBytes,
  );
  return commit.actions;
}

async function parseCommit(table: string, path: string, version: number): Promise<Commit> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw await fileError(path, error);
  }
  const actions: DeltaAction[] = [];
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    try {
      const action: unknown = JSON.parse(line);
      if (typeof action !== 'object' || action === null) throw new SyntaxError('not an action');
      actions.push(action);
    } catch (cause) {
      throw corrupt(table, `line ${i + 1} of version ${version} of its log is damaged`, cause);
    }
  });
  return { actions, textBytes: text.length };
}

/** When a commit was made: as it says, or as old as its file is. */
async function committedAt(table: string, version: number, actions: readonly DeltaAction[]): Promise<number> {
  const said = actions.find(({ commitInfo }) => typeof commitInfo?.timestamp === 'number')?.commitInfo?.timestamp;
  if (said !== undefined) return said;
  const path = join(table, LOG_FOLDER, commitName(version));
  try {
    return Math.floor((await stat(path)).mtimeMs);
  } catch (error) {
    throw await fileError(path, error);
  }
}

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

/**
 * What a table holds, or undefined when the folder has no log.
 * @param table folder of the table
 * @param version the newest when left out
 * @throws ERR_STORE_CORRUPT (a hole, damaged lines, no schema), ERR_STORE_UNSUPPORTED, ERR_STORE_NOT_FOUND (no such version), ERR_IO
 */
export async function readSnapshot(table: string, version?: number): Promise<Snapshot | undefined> {
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
  const { begin, commits } = await beginReplay(table, listing, target);
  const replay = new LogReplay(table);
  replay.apply(begin);
  const read = await Promise.all(commits.map((each) => readCommit(table, each)));
  for (const actions of read) replay.apply(actions);
  const last = read.at(-1) ?? (listing.commits.includes(target) ? await readCommit(table, target) : undefined);
  const snapshot = replay.snapshot(target, last && (await committedAt(table, target, last)));
  checkReadable(table, snapshot);
  return snapshot;
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

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Gives a file a further name. @returns false when the name is taken @throws ERR_STORE_UNSUPPORTED where files cannot be linked, ERR_IO */
export async function linkIfAbsent(table: string, from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return false;
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOSYS') {
      throw unsupported(
        table,
        'its file system cannot link files, so commits would not be safe',
        'put the store on a local file system',
      );
    }
    throw await fileError(to, error);
  }
}

/**
 * Adds a version to the log, durably.
 * @param before has to be done before the version is there: what it names is on the disk then
 * @returns false when another writer has added this version first; nothing has changed then
 * @throws ERR_IO, ERR_STORE_UNSUPPORTED (a file system without links)
 */
export async function writeCommit(
  table: string,
  version: number,
  actions: readonly DeltaAction[],
  before: () => Promise<void> = async () => {},
): Promise<boolean> {
  const folder = join(table, LOG_FOLDER);
  const path = join(folder, commitName(version));
  const temporary = join(folder, `.${commitName(version)}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`);
  try {
    // Not for later versions: a dataset that was deleted meanwhile must not come back with a log that has a hole.
    if (version === 0) await makeFolder(folder);
    await bothDone(before(), writeSynced(temporary, `${actions.map((action) => JSON.stringify(action)).join('\n')}\n`));
    const isFirst = await linkIfAbsent(table, temporary, path);
    await bothDone(isFirst ? syncFolder(folder) : Promise.resolve(), rm(temporary, { force: true }));
    return isFirst;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error instanceof PipelineError ? error : await fileError(path, error);
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Waits for both, also where one fails: neither goes on behind its caller's back. */
async function bothDone(first: Promise<void>, second: Promise<void>): Promise<void> {
  for (const outcome of await Promise.allSettled([first, second]))
    if (outcome.status === 'rejected') throw outcome.reason;
}
