/** Which versions and checkpoints a table's log has. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { fileError } from '../../formats/file-error.ts';

export const LOG_FOLDER = '_delta_log';
export const LAST_CHECKPOINT = '_last_checkpoint';

/** A checkpoint, in one file or in all of its parts. */
export interface CheckpointFiles {
  version: number;
  /** Names in the log's folder. */
  names: string[];
}

export interface LogListing {
  /** Versions that have a commit, ascending. */
  commits: number[];
  /** Whole ones, ascending. */
  checkpoints: CheckpointFiles[];
  /** Versions that have a checksum, ascending. */
  checksums: number[];
  /** All names in the folder. */
  names: string[];
}

export function commitName(version: number): string {
  return `${String(version).padStart(20, '0')}.json`;
}

export function checkpointName(version: number): string {
  return `${String(version).padStart(20, '0')}.checkpoint.parquet`;
}

export function checksumName(version: number): string {
  return `${String(version).padStart(20, '0')}.crc`;
}

/** What lies in the log's folder, listed at once: a turn of threads takes longer. Undefined when there is none. @throws ERR_IO */
export async function listLog(table: string): Promise<LogListing | undefined> {
  let names: string[];
  try {
    names = readdirSync(join(table, LOG_FOLDER)).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw await fileError(join(table, LOG_FOLDER), error);
  }
  const versionsOf = (pattern: RegExp): number[] =>
    names.filter((name) => pattern.test(name)).map((name) => Number(name.slice(0, 20)));
  const [commits, checksums] = [versionsOf(/^\d{20}\.json$/), versionsOf(/^\d{20}\.crc$/)];
  return { commits, checkpoints: checkpointsOf(names), checksums, names };
}

/** Names are in order, and so are the parts of a checkpoint. */
function checkpointsOf(names: readonly string[]): CheckpointFiles[] {
  const whole: CheckpointFiles[] = [];
  const parts = new Map<string, string[]>();
  for (const name of names) {
    const match = /^(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet$/.exec(name);
    if (match === null) continue;
    const version = Number(match[1]);
    if (match[2] === undefined) {
      whole.push({ version, names: [name] });
      continue;
    }
    const group = `${match[1]}/${match[3]}`;
    parts.set(group, [...(parts.get(group) ?? []), name]);
    if (parts.get(group)?.length === Number(match[3])) whole.push({ version, names: parts.get(group) ?? [] });
  }
  return whole.sort((a, b) => a.version - b.version);
}
