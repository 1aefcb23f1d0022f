/** Removing files that no version within the retention has: replaced ones, and what writers that died have left. */
import type { Dirent } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { TEMPORARY_SUFFIX } from '../formats/durable-file.ts';
import { fileError } from '../formats/file-error.ts';
import type { Duration } from '../schema/durations.ts';
import { readWholeSnapshot } from './log/delta-log.ts';
import { LOG_FOLDER } from './log/log-listing.ts';
import { retentionMs, retentionOf } from './log/table-properties.ts';
import { isHeld } from './sinks/held-staging.ts';
import { STAGING_FOLDER } from './sinks/sink-commit.ts';

/** Options of `Store.vacuum`. */
export interface VacuumOptions {
  /**
   * Files that were replaced, or left by a writer, longer ago than this are removed: older versions cannot be read then, and a
   * writer or reader that takes longer loses its files. Default: the dataset's own, a week.
   */
  retention?: Duration;
  /** Only say what would be removed. */
  dryRun?: boolean;
}

/** What `vacuum` removed, or would. */
export interface VacuumSummary {
  files: number;
  bytes: number;
  /** Absolute. */
  paths: string[];
}

interface Found {
  path: string;
  bytes: number;
  changedAt: number;
}

async function found(path: string): Promise<Found | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { path, bytes: size, changedAt: mtimeMs };
  } catch {
    // Its writer was quicker.
    return undefined;
  }
}

/** All files below a folder. */
async function filesBelow(folder: string, isWanted: (entry: Dirent) => boolean = () => true): Promise<Found[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw await fileError(folder, error);
  }
  const files: Found[] = [];
  for (const entry of entries.filter(isWanted)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else {
      const file = await found(path);
      if (file !== undefined) files.push(file);
    }
  }
  return files;
}

/**
 * Files of a dataset that nothing within the retention needs.
 * @throws ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED, ERR_OPTIONS, ERR_IO
 */
async function unneeded(table: string, options: VacuumOptions): Promise<Found[]> {
  const snapshot = await readWholeSnapshot(table);
  if (snapshot === undefined) return [];
  const own = retentionOf(snapshot.metaData.configuration).deletedFilesMs;
  const before = Date.now() - retentionMs(options.retention, own, 'retention');
  const kept = new Set([...snapshot.files.keys()].map((path) => join(table, decodeURIComponent(path))));
  for (const { path, deletionTimestamp = 0 } of snapshot.tombstones.values())
    if (deletionTimestamp > before) kept.add(join(table, decodeURIComponent(path)));
  const removedAt = new Map(
    [...snapshot.tombstones.values()].map(({ path, deletionTimestamp = 0 }) => [
      join(table, decodeURIComponent(path)),
      deletionTimestamp,
    ]),
  );
  const data = await filesBelow(table, ({ name }) => !name.startsWith('_') && (!name.startsWith('.') || isOurs(name)));
  const staged = await stagedFiles(join(table, STAGING_FOLDER));
  const commits = await filesBelow(join(table, LOG_FOLDER), ({ name }) => isOurs(name));
  return [...data, ...staged, ...commits].filter(
    ({ path, changedAt }) => !kept.has(path) && (removedAt.get(path) ?? changedAt) <= before,
  );
}

/** What writers have staged, but for what a job that may be gone on with has. */
async function stagedFiles(folder: string): Promise<Found[]> {
  const runs = await readdir(folder).catch(() => []);
  const files = await Promise.all(
    runs.map(async (run) => ((await isHeld(join(folder, run))) ? [] : filesBelow(join(folder, run)))),
  );
  return files.flat();
}

/** A file under a temporary name, which its writer would have renamed or removed. */
function isOurs(name: string): boolean {
  return name.startsWith('.') && name.endsWith(TEMPORARY_SUFFIX);
}

/** See `Store.vacuum`. */
export async function vacuumTable(table: string, options: VacuumOptions): Promise<VacuumSummary> {
  const files = await unneeded(table, options);
  if (options.dryRun !== true) {
    for (const { path } of files) await rm(path, { force: true });
    await removeEmptyStaging(join(table, STAGING_FOLDER));
  }
  return {
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    paths: files.map((file) => file.path),
  };
}

/** Folders of runs that hold nothing any more. */
async function removeEmptyStaging(folder: string): Promise<void> {
  const { rmdir } = await import('node:fs/promises');
  let runs: string[];
  try {
    runs = await readdir(folder);
  } catch {
    // Nothing was ever staged, or it is gone.
    return;
  }
  for (const path of [...runs.map((run) => join(folder, run)), folder]) {
    try {
      await rmdir(path);
    } catch {
      // Somebody is writing there.
    }
  }
}
