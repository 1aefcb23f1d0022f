/** The main thread's half of the sinks that write files: checking before, committing or discarding after. */
import { existsSync, readdirSync } from 'node:fs';
import { rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { PipelineError } from '../../errors.ts';
import { makeFolder, syncFolder, TEMPORARY_SUFFIX } from '../../formats/durable-file.ts';
import { fileError } from '../../formats/file-error.ts';
import { folderThatIs } from '../../formats/make-folders.ts';
import type { Fields } from '../../schema/types.ts';
import { commitFiles } from '../commit/commit.ts';
import { checkSchema } from '../commit/commit-checks.ts';
import type { CommitRequest, CommitSummary, StoreRunner } from '../commit/commit-contract.ts';
import { effectiveSettings, settingsFromProperties, type WriteSettings } from '../commit/write-settings.ts';
import { recordsOf } from '../files/dataset-file.ts';
import { showKey } from '../keys/key-path.ts';
import type { Snapshot } from '../log/delta-actions.ts';
import { readSnapshot } from '../log/delta-log.ts';
import { checkColumnNames } from '../log/delta-schema.ts';
import { LOG_FOLDER } from '../log/log-listing.ts';
import { storedColumns } from '../log/stored-types.ts';
import { checkRemovable, checkWritable } from '../log/table-features.ts';
import type { FileSinkSpec, SinkMark, StagedSink, StoreSpec } from './contract.ts';
import { checkOrder } from './file-sink.ts';
import { HOLDER_FILE } from './held-staging.ts';
import { checkKeys, cutBackKeys } from './keyed-sink.ts';
import { checkParts, cutBackParts, placeParts } from './parts-sink.ts';

/** Folder, inside a dataset's, of rows that no version has yet. Readers of Delta tables pass over names with this start. */
export const STAGING_FOLDER = '_staging';

/** Folder of a dataset. @param path inside the store, as its keys give it */
export function datasetFolder(root: string, path: string): string {
  return join(resolve(root), ...path.split('/'));
}

/**
 * Where a sink's files lie until they are committed: for a store a folder in the dataset's, for a file a hidden
 * name beside it. Both are on the file system of their destination, so that a rename moves them.
 * @param id names the run, and makes the path its own
 */
export function stagingPath(spec: FileSinkSpec, id: string): string {
  const left = leftBy(spec);
  if (spec.type === 'store' && left === undefined) return join(datasetFolder(spec.root, spec.path), STAGING_FOLDER, id);
  const path = resolve(left ?? spec.path);
  return join(dirname(path), `.${basename(path)}.${id}${TEMPORARY_SUFFIX}`);
}

function leftBy(spec: FileSinkSpec): string | undefined {
  return spec.type === 'store' ? spec.left : undefined;
}

/** A dataset inside another's folder would be taken for its files. */
function checkNesting({ root, path, key }: Extract<FileSinkSpec, { type: 'store' }>): void {
  const levels = path.split('/');
  const nested = (other: string): PipelineError =>
    new PipelineError('ERR_KEY', `the key ${showKey(key)} and that of ${other} are one inside the other`, {
      file: datasetFolder(root, path),
      hint: 'give every dataset of a store the same fields',
    });
  for (let depth = 1; depth < levels.length; depth += 1) {
    const above = join(resolve(root), ...levels.slice(0, depth));
    if (isTable(above)) throw nested(above);
  }
  // A dataset's own folder is not listed: it has a file for each version.
  const folder = datasetFolder(root, path);
  if (isTable(folder)) return;
  const other = names(folder).find((name) => !/^[._]|\.parquet$/.test(name));
  if (other !== undefined) throw nested(join(folder, other));
}

function isTable(folder: string): boolean {
  return existsSync(join(folder, LOG_FOLDER));
}

/** At once: a turn of threads takes longer than listing a folder. */
function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Nothing there yet.
    return [];
  }
}

/**
 * The row group of a dataset that takes most to be read, or undefined when there is no dataset.
 * @throws ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED, ERR_IO
 */
export async function largestStoredGroup(
  root: string,
  path: string,
): Promise<{ rows: number; bytes: number } | undefined> {
  const snapshot = await readSnapshot(datasetFolder(root, path));
  let largest: { rows: number; bytes: number } | undefined;
  for (const action of snapshot?.files.values() ?? []) {
    const rows = recordsOf(action);
    if (largest === undefined || action.size > largest.bytes) largest = { rows, bytes: action.size };
  }
  return largest;
}

/**
 * Refuses, before a run starts, a sink that could not be committed at its end.
 * @param stored what the dataset was just read to be; by default it is read
 * @returns the sink, with what it does not say as the dataset was written before
 * @throws ERR_KEY, ERR_OPTIONS (no ordered column), ERR_SCHEMA, ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED, ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED
 */
export async function checkFileSink(
  spec: FileSinkSpec,
  fields: Fields,
  stored?: { snapshot: Snapshot | undefined },
): Promise<FileSinkSpec> {
  if (spec.type === 'file') {
    if (spec.parts !== undefined) checkParts(spec.parts, fields);
    if (spec.keys !== undefined) checkKeys(spec.keys, fields);
    return spec;
  }
  const table = datasetFolder(spec.root, spec.path);
  checkColumnNames(fields);
  storedColumns(fields);
  checkOrder(spec, fields);
  if (spec.left !== undefined) return spec;
  checkNesting(spec);
  const { snapshot } = stored ?? { snapshot: await readSnapshot(table) };
  const known = settingsFromProperties(snapshot?.metaData.configuration);
  const complete: StoreSpec = { ...spec, ...known, ...settingsOf(spec) };
  effectiveSettings(spec.orderedOn, fields, complete);
  if (snapshot === undefined) return complete;
  checkWritable(table, snapshot);
  if (spec.mode === 'overwrite') checkRemovable(table, snapshot);
  if (spec.mode !== 'overwrite') {
    const target = {
      table,
      name: showKey(spec.key),
      fields,
      orderedOn: spec.orderedOn,
      settings: settingsOf(spec),
    };
    checkSchema(target, snapshot);
  }
  return complete;
}

function settingsOf({ duplicatesOn, rowGroupTarget, maxOffTargetRowGroups, schemaChange }: StoreSpec): WriteSettings {
  return {
    ...(duplicatesOn === undefined ? {} : { duplicatesOn }),
    ...(rowGroupTarget === undefined ? {} : { rowGroupTarget }),
    ...(maxOffTargetRowGroups === undefined ? {} : { maxOffTargetRowGroups }),
    ...(schemaChange === undefined ? {} : { schemaChange }),
  };
}

/**
 * Makes what a sink wrote part of its dataset, or a file under its name, in one step that happens whole or not at all.
 * @param runner runs what has to read or write Parquet; by default in this thread
 * @throws ERR_STORE_OVERLAP, ERR_STORE_CONFLICT, ERR_SCHEMA, ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED, ERR_IO
 */
export async function commitSink(
  staged: StagedSink,
  runner: StoreRunner = HERE,
  extra: Pick<CommitRequest, 'properties' | 'txn'> = {},
): Promise<CommitSummary> {
  const { spec, rows, staging } = staged;
  if (spec.type === 'store' && spec.left !== undefined) {
    await makeFolder(staging);
    await nameFile(resolve(spec.left), staging);
    return { version: 0, rows, files: staged.files.length, rowsRewritten: 0, overlaps: false };
  }
  if (spec.type === 'store') {
    const request = { ...requestOf(staged, spec), ...extra };
    const summary = await commitFiles(request, runner);
    await discardSink(spec, staging);
    return { ...summary, rows };
  }
  if (isSeveral(spec))
    return { version: 0, rows, files: await placeParts(spec.path, staging), rowsRewritten: 0, overlaps: false };
  await nameFile(resolve(spec.path), staging, spec.isPassing);
  return { version: 0, rows, files: 1, rowsRewritten: 0, overlaps: false };
}

function requestOf({ fields, files, staging, memoryLimitBytes }: StagedSink, spec: StoreSpec): CommitRequest {
  const { mode, orderedOn, metadata } = spec;
  return {
    table: datasetFolder(spec.root, spec.path),
    name: showKey(spec.key),
    files,
    mode,
    fields,
    orderedOn,
    settings: settingsOf(spec),
    staging,
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/**
 * Makes what a sink staged up to a durable barrier visible, once: where the dataset has come as far already, nothing is written. A file
 * becomes visible with the last one.
 * @param txn names run and sink, and the barrier
 * @returns what a dataset has committed
 * @throws as `commitSink`; nothing of what is staged is lost then
 */
export async function commitEpoch(
  staged: StagedSink,
  txn: { appId: string; version: number },
  isLast: boolean,
  runner: StoreRunner = HERE,
): Promise<CommitSummary | undefined> {
  const { spec, files, staging } = staged;
  let summary: CommitSummary | undefined;
  if (spec.type !== 'store') {
    if (!isLast) return undefined;
    if (isSeveral(spec)) await placeParts(spec.path, staging);
    else await nameFileOnce(resolve(spec.path), staging);
    return undefined;
  }
  if (files.length > 0 || isLast) {
    const request = requestOf(staged, spec);
    const isBegun = (await readSnapshot(request.table))?.txns.has(txn.appId) === true;
    // An overwrite replaces what was there before the run, not what the run has written.
    const mode = spec.mode === 'overwrite' && isBegun ? 'append' : spec.mode;
    summary = await commitFiles({ ...request, mode, txn, keepsStaged: true }, runner);
  }
  for (const name of names(staging)) if (name !== HOLDER_FILE) await rm(join(staging, name), { force: true });
  if (isLast) await discardSink(spec, staging);
  return summary;
}

/** Whether a sink of files stages a folder of them. */
function isSeveral({ parts, keys }: Extract<FileSinkSpec, { type: 'file' }>): boolean {
  return parts !== undefined || keys !== undefined;
}

/** Gives a staged file, or folder, its name. */
async function nameFile(path: string, staging: string, isPassing = false): Promise<void> {
  try {
    await rename(staging, path);
    if (!isPassing) await syncFolder(dirname(path));
  } catch (error) {
    throw await fileError(path, error);
  }
}

/** The same; one that is gone has got its name before. */
async function nameFileOnce(path: string, staging: string): Promise<void> {
  try {
    await nameFile(path, staging);
  } catch (error) {
    if ((error as PipelineError).code !== 'ERR_FILE_NOT_FOUND') throw error;
  }
}

/** In this thread, with memory of its own. */
const HERE: StoreRunner = {
  async merge(task) {
    const [{ mergeStaged }, { createArena }] = await Promise.all([
      import('../merge/merge-files.ts'),
      import('../../memory/process-arena.ts'),
    ]);
    return mergeStaged(createArena(), 0, task);
  },
  async stageForeign(task) {
    const [{ stageForeign }, { createArena }] = await Promise.all([
      import('../read/foreign-files.ts'),
      import('../../memory/process-arena.ts'),
    ]);
    return stageForeign(createArena(), 0, task);
  },
  async checkpoint(table, version) {
    await (await import('../log/log-maintenance.ts')).checkpointVersion(table, version);
  },
};

/** The innermost folder on the way to what a sink writes that is there before it writes anything. */
export function folderBefore(spec: FileSinkSpec, staging: string): string {
  return folderThatIs(isOfStore(spec) ? resolve(spec.root) : dirname(staging));
}

function isOfStore(spec: FileSinkSpec): spec is StoreSpec {
  return spec.type === 'store' && spec.left === undefined;
}

/**
 * Removes what is staged, whether its writer ended, failed or died. Folders that become empty go too.
 * @param before what was there before anything was staged, which stays: see `folderBefore`; by default the store, or the folder of the file
 */
export async function discardSink(spec: FileSinkSpec, staging: string, before?: string): Promise<void> {
  if (!isOfStore(spec)) {
    // A writer that died leaves its temporary file, whose name begins with that of the staged one.
    const mine = names(dirname(staging)).filter(
      (name) => name.startsWith(basename(staging)) || name.startsWith(`.${basename(staging)}`),
    );
    for (const name of mine) await rm(join(dirname(staging), name), { recursive: true, force: true });
    return removeEmptyFolders(before ?? dirname(staging), dirname(staging));
  }
  // Empty where everything has been committed.
  await rmdir(staging).catch(() => rm(staging, { recursive: true, force: true }));
  await removeEmptyFolders(before ?? resolve(spec.root), dirname(staging));
}

/** Removes what is staged and does not belong to a mark, before its sink goes on from there. */
export async function cutBackSink(staging: string, mark: SinkMark): Promise<void> {
  // A file is cut when it is opened.
  if (mark.type === 'file' && mark.keys !== undefined) return cutBackKeys(staging, mark);
  if (mark.type === 'file') return mark.parts === undefined ? undefined : cutBackParts(staging, mark);
  const kept = new Set([HOLDER_FILE, ...[...mark.files, ...mark.waiting].map(({ path }) => basename(path))]);
  for (const name of names(staging)) if (!kept.has(name)) await rm(join(staging, name), { force: true });
}

/** Removes a folder and those above it as long as they are empty. @param root stays */
export async function removeEmptyFolders(root: string, from: string): Promise<void> {
  for (let folder = from; folder.length > root.length; folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      // It holds something, or is gone: nothing above it is empty.
      return;
    }
  }
}
