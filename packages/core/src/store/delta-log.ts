/**
 * The log of one Delta table: what its newest version holds, and how a further version is added.
 *
 * A commit is a file that comes into being whole: it is written under a temporary name, put on the disk, and linked to
 * its own name, which fails when another writer was first. A rename would replace that writer's commit in silence.
 *
 * Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { PipelineError } from '../errors.ts';
import { syncFolder, TEMPORARY_SUFFIX } from '../formats/durable-file.ts';
import { fileError } from '../formats/file-error.ts';

export const LOG_FOLDER = '_delta_log';

export interface ProtocolAction {
  minReaderVersion: number;
  minWriterVersion: number;
  readerFeatures?: string[];
  writerFeatures?: string[];
}

export interface MetaDataAction {
  id: string;
  name?: string;
  format: { provider: string; options: Record<string, string> };
  schemaString: string;
  partitionColumns: string[];
  configuration: Record<string, string>;
  createdTime?: number;
}

export interface AddAction {
  path: string;
  partitionValues: Record<string, string | null>;
  size: number;
  modificationTime: number;
  dataChange: boolean;
  stats?: string;
  tags?: Record<string, string>;
  deletionVector?: unknown;
}

export interface RemoveAction {
  path: string;
  deletionTimestamp?: number;
  dataChange: boolean;
  extendedFileMetadata?: boolean;
  partitionValues?: Record<string, string | null>;
  size?: number;
}

/** One line of a commit: exactly one of these. */
export interface DeltaAction {
  protocol?: ProtocolAction;
  metaData?: MetaDataAction;
  add?: AddAction;
  remove?: RemoveAction;
  commitInfo?: Record<string, unknown>;
}

/** What one version of a table holds. */
export interface Snapshot {
  version: number;
  protocol: ProtocolAction;
  metaData: MetaDataAction;
  /** Live files by path, in the order in which they were added. */
  files: ReadonlyMap<string, AddAction>;
}

/** Features that reading or writing takes into account. */
const READER_FEATURES = new Set(['timestampNtz']);
const WRITER_FEATURES = new Set(['timestampNtz', 'appendOnly', 'invariants']);

function commitName(version: number): string {
  return `${String(version).padStart(20, '0')}.json`;
}

function corrupt(table: string, what: string, cause?: unknown): PipelineError {
  return new PipelineError('ERR_STORE_CORRUPT', `${table}: ${what}`, {
    file: table,
    cause,
    hint: 'restore the log from a copy; the data files themselves are untouched',
  });
}

function unsupported(table: string, what: string, hint: string): PipelineError {
  return new PipelineError('ERR_STORE_UNSUPPORTED', `${table}: ${what}`, { file: table, hint });
}

/** Versions in the log, ascending; undefined when there is no log. */
async function listVersions(table: string): Promise<{ versions: number[]; hasCheckpoint: boolean } | undefined> {
  let names: string[];
  try {
    names = await readdir(join(table, LOG_FOLDER));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw await fileError(join(table, LOG_FOLDER), error);
  }
  const versions = names.filter((name) => /^\d{20}\.json$/.test(name)).map((name) => Number(name.slice(0, 20)));
  return { versions: versions.sort((a, b) => a - b), hasCheckpoint: names.includes('_last_checkpoint') };
}

function checkVersions(table: string, versions: number[], hasCheckpoint: boolean): void {
  if (versions[0] !== 0 && hasCheckpoint) {
    throw unsupported(
      table,
      'its log begins with a checkpoint, which is not read',
      'rewrite the dataset with mode "overwrite" into a fresh key',
    );
  }
  versions.forEach((version, i) => {
    if (version !== i) throw corrupt(table, `version ${i} is missing from its log`);
  });
}

async function readCommit(table: string, version: number): Promise<DeltaAction[]> {
  const path = join(table, LOG_FOLDER, commitName(version));
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
  return actions;
}

/** @throws ERR_STORE_UNSUPPORTED when the table asks readers for something we do not do */
function checkReadable(table: string, { protocol, metaData }: Pick<Snapshot, 'protocol' | 'metaData'>): void {
  const unknown = (protocol.readerFeatures ?? []).filter((feature) => !READER_FEATURES.has(feature));
  const hint = 'another program changed the table: read it with that program';
  if (protocol.minReaderVersion > 3 || unknown.length > 0) {
    throw unsupported(
      table,
      `it needs ${unknown.join(', ') || `a reader of version ${protocol.minReaderVersion}`}`,
      hint,
    );
  }
  const mapping = metaData.configuration?.['delta.columnMapping.mode'] ?? 'none';
  if (mapping !== 'none') throw unsupported(table, `it maps columns by ${mapping}`, hint);
  if ((metaData.partitionColumns ?? []).length > 0) throw unsupported(table, 'it is partitioned', hint);
  if (metaData.format?.provider !== undefined && metaData.format.provider !== 'parquet') {
    throw unsupported(table, `its files are ${metaData.format.provider}`, hint);
  }
}

/** @throws ERR_STORE_UNSUPPORTED when the table asks writers for something we do not do */
export function checkWritable(table: string, { protocol, metaData }: Snapshot, isOverwrite: boolean): void {
  const unknown = (protocol.writerFeatures ?? []).filter((feature) => !WRITER_FEATURES.has(feature));
  const isKnown = protocol.minWriterVersion <= 2 || protocol.minWriterVersion === 7;
  const hint = 'another program changed the table: write it with that program, or write under another key';
  if (!isKnown || unknown.length > 0) {
    throw unsupported(
      table,
      `writing it needs ${unknown.join(', ') || `a writer of version ${protocol.minWriterVersion}`}`,
      hint,
    );
  }
  if (isOverwrite && metaData.configuration?.['delta.appendOnly'] === 'true') {
    throw unsupported(table, 'it only takes appends', "use mode 'append', or write under another key");
  }
}

/** The state after actions; `undefined` parts until they came. */
class Replay {
  protocol: ProtocolAction | undefined;
  metaData: MetaDataAction | undefined;
  readonly files = new Map<string, AddAction>();

  apply(table: string, action: DeltaAction): void {
    if (action.protocol !== undefined) this.protocol = action.protocol;
    if (action.metaData !== undefined) this.metaData = action.metaData;
    if (action.remove !== undefined) this.files.delete(action.remove.path);
    if (action.add === undefined) return;
    if (action.add.deletionVector !== undefined && action.add.deletionVector !== null) {
      throw unsupported(
        table,
        'rows of its files are deleted by vectors',
        'another program changed the table: read it with that program',
      );
    }
    this.files.delete(action.add.path);
    this.files.set(action.add.path, action.add);
  }
}

/**
 * What a table holds, or undefined when the folder has no log.
 * @param table folder of the table
 * @param version the newest when left out
 * @throws ERR_STORE_CORRUPT (a hole, damaged lines, no schema), ERR_STORE_UNSUPPORTED, ERR_STORE_NOT_FOUND (no such version), ERR_IO
 */
export async function readSnapshot(table: string, version?: number): Promise<Snapshot | undefined> {
  const listed = await listVersions(table);
  if (listed === undefined || (listed.versions.length === 0 && !listed.hasCheckpoint)) return undefined;
  checkVersions(table, listed.versions, listed.hasCheckpoint);
  const newest = listed.versions.length - 1;
  if (version !== undefined && (version < 0 || version > newest)) {
    throw new PipelineError('ERR_STORE_NOT_FOUND', `${table} has no version ${version}`, {
      file: table,
      hint: `there are versions 0 to ${newest}`,
    });
  }
  const replay = new Replay();
  for (const each of listed.versions.slice(0, (version ?? newest) + 1)) {
    for (const action of await readCommit(table, each)) replay.apply(table, action);
  }
  const { protocol, metaData, files } = replay;
  if (protocol === undefined || metaData === undefined) throw corrupt(table, 'its log names no protocol or no schema');
  const snapshot: Snapshot = { version: version ?? newest, protocol, metaData, files };
  checkReadable(table, snapshot);
  return snapshot;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Gives a file a further name. @returns false when the name is taken */
async function linkIfAbsent(table: string, from: string, to: string): Promise<boolean> {
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
 * @returns false when another writer has added this version first; nothing has changed then
 * @throws ERR_IO, ERR_STORE_UNSUPPORTED (a file system without links)
 */
export async function writeCommit(table: string, version: number, actions: readonly DeltaAction[]): Promise<boolean> {
  const folder = join(table, LOG_FOLDER);
  const path = join(folder, commitName(version));
  const temporary = join(folder, `.${commitName(version)}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`);
  try {
    // Not for later versions: a dataset that was deleted meanwhile must not come back with a log that has a hole.
    if (version === 0) await mkdir(folder, { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(`${actions.map((action) => JSON.stringify(action)).join('\n')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    const isFirst = await linkIfAbsent(table, temporary, path);
    if (isFirst) await syncFolder(folder);
    return isFirst;
  } catch (error) {
    throw error instanceof PipelineError ? error : await fileError(path, error);
  } finally {
    await rm(temporary, { force: true });
  }
}
