/** Keeping a log short: checkpoints now and then, and versions that have expired removed behind them. */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { fileError } from '../../formats/file-error.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { readWholeSnapshot } from './delta-log.ts';
import { commitName, LOG_FOLDER, listLog } from './log-listing.ts';
import { retentionOf } from './table-properties.ts';

const DAY = 86_400_000;

/** Whether a version that was just committed should have a checkpoint. */
export function isCheckpointDue(version: number, properties: Readonly<Record<string, string>> | undefined): boolean {
  return version > 0 && version % retentionOf(properties).checkpointInterval === 0;
}

/**
 * Writes the checkpoint of a version and removes what has expired.
 * @throws ERR_IO, ERR_STORE_CORRUPT
 */
export async function checkpointVersion(table: string, version: number): Promise<void> {
  const snapshot = await readWholeSnapshot(table, version);
  if (snapshot === undefined) return;
  const retention = retentionOf(snapshot.metaData.configuration);
  await writeCheckpoint(table, snapshot, Date.now() - retention.deletedFilesMs);
  if (retention.cleansLog) await cleanLog(table, Date.now() - retention.logMs);
}

/** The newest version that was committed at or before a time, by the age of its file. */
async function newestBefore(table: string, commits: readonly number[], time: number): Promise<number | undefined> {
  for (const version of [...commits].reverse()) {
    const path = join(table, LOG_FOLDER, commitName(version));
    try {
      if ((await stat(path)).mtimeMs <= time) return version;
    } catch (error) {
      throw await fileError(path, error);
    }
  }
  return undefined;
}

/**
 * Removes versions from before a time, by the protocol's rule: midnight before it decides, and the last checkpoint before
 * that, its commit and all that follows stay. Oldest first, so that one that is cut short leaves no hole.
 */
async function cleanLog(table: string, time: number): Promise<void> {
  const listing = await listLog(table);
  const cutOff = listing && (await newestBefore(table, listing.commits, Math.floor(time / DAY) * DAY));
  const kept = listing?.checkpoints.findLast(({ version }) => version <= (cutOff ?? -1));
  if (listing === undefined || kept === undefined) return;
  // Commits, checkpoints, checksums and compacted commits all begin with their version.
  const expired = listing.names.filter(
    (name) =>
      /^\d{20}\.(json|checkpoint\..*|crc|\d{20}\.compacted\.json)$/.test(name) &&
      Number(name.slice(0, 20)) < kept.version,
  );
  for (const name of expired) await rm(join(table, LOG_FOLDER, name), { force: true });
}
