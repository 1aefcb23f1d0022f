/**
 * Adding files to a dataset, or replacing what it holds, as one version of its table. What has been checked against the
 * version that was read holds for the version that is written, or the commit is checked again against the newer one.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { PipelineError } from '../errors.ts';
import { syncFolder } from '../formats/durable-file.ts';
import { fileError } from '../formats/file-error.ts';
import { compareOrdered, type OrderedValue, showOrdered } from '../formats/ordered-value.ts';
import { fieldIndex, sameColumns } from '../schema/fields.ts';
import type { Fields } from '../schema/types.ts';
import { addAction, datasetFile, type StagedFile } from './dataset-file.ts';
import {
  checkWritable,
  type DeltaAction,
  type MetaDataAction,
  type ProtocolAction,
  readSnapshot,
  type Snapshot,
  writeCommit,
} from './delta-log.ts';
import { fromSchemaString, needsNaiveTimestamps, toSchemaString } from './delta-schema.ts';

export interface CommitRequest {
  /** Folder of the table. */
  table: string;
  /** Key in words. */
  name: string;
  /** In the order of their rows. */
  files: readonly StagedFile[];
  mode: 'append' | 'overwrite';
  fields: Fields;
  orderedOn: string;
  /** The user's own, kept with the dataset. Left out, an append keeps what is there. */
  metadata?: Readonly<Record<string, string>>;
}

/** What is known of an append before its rows are. */
export type AppendRequest = Omit<CommitRequest, 'files' | 'mode'>;

/** What a commit did. */
export interface CommitSummary {
  /** Version of the dataset that has the rows. */
  version: number;
  /** Rows and files added. */
  rows: number;
  files: number;
}

export const PROPERTY = { orderedOn: 'spillway.orderedOn', metadata: 'spillway.metadata' } as const;

/** Attempts before giving up to other writers. */
const ATTEMPTS = 20;

/** The protocol that a table of these columns needs, or undefined when it has it. */
function newProtocol(fields: Fields, before: ProtocolAction | undefined): ProtocolAction | undefined {
  if (!needsNaiveTimestamps(fields))
    return before === undefined ? { minReaderVersion: 1, minWriterVersion: 2 } : undefined;
  if (before?.readerFeatures?.includes('timestampNtz')) return undefined;
  const readerFeatures = [...(before?.readerFeatures ?? []), 'timestampNtz'];
  // Version 2 stood for these two; a list of features has to name them.
  const implied =
    before === undefined
      ? []
      : before.minWriterVersion <= 2
        ? ['appendOnly', 'invariants']
        : (before.writerFeatures ?? []);
  return { minReaderVersion: 3, minWriterVersion: 7, readerFeatures, writerFeatures: [...implied, 'timestampNtz'] };
}

function metaDataOf(request: CommitRequest, before: MetaDataAction | undefined, now: number): MetaDataAction {
  const metadata =
    request.metadata === undefined ? before?.configuration[PROPERTY.metadata] : JSON.stringify(request.metadata);
  return {
    id: before?.id ?? randomUUID(),
    format: { provider: 'parquet', options: {} },
    schemaString:
      before === undefined || request.mode === 'overwrite' ? toSchemaString(request.fields) : before.schemaString,
    partitionColumns: [],
    configuration: {
      ...before?.configuration,
      [PROPERTY.orderedOn]: request.orderedOn,
      ...(metadata === undefined ? {} : { [PROPERTY.metadata]: metadata }),
    },
    createdTime: before?.createdTime ?? now,
  };
}

function describeColumns(fields: Fields): string {
  return fields.map((field) => `${field.name} ${field.type}`).join(', ');
}

function schemaError(request: AppendRequest, stored: string, given: string): PipelineError {
  return new PipelineError('ERR_SCHEMA', `dataset ${request.name} has ${stored}, the rows to append have ${given}`, {
    file: request.table,
    expected: stored,
    value: given,
    hint: "give the same columns in the same order, or replace the dataset with mode 'overwrite'",
  });
}

/**
 * What an append needs of the dataset: the same columns and order, and nothing stored behind its first row.
 * @throws ERR_SCHEMA, ERR_STORE_OVERLAP, ERR_STORE_UNSUPPORTED
 */
export function checkAppend(request: AppendRequest, snapshot: Snapshot, first?: OrderedValue): void {
  const stored = fromSchemaString(snapshot.metaData.schemaString);
  if (!sameColumns(stored, request.fields))
    throw schemaError(request, describeColumns(stored), describeColumns(request.fields));
  const orderedOn = snapshot.metaData.configuration[PROPERTY.orderedOn];
  if (orderedOn !== undefined && orderedOn !== request.orderedOn)
    throw schemaError(request, `its order on "${orderedOn}"`, `theirs on "${request.orderedOn}"`);
  const last = lastStored(request, snapshot, stored);
  if (first === undefined || last === undefined || compareOrdered(first, last) >= 0) return;
  const type = request.fields[fieldIndex(request.fields, request.orderedOn)]?.type ?? 'int64';
  throw new PipelineError(
    'ERR_STORE_OVERLAP',
    `dataset ${request.name} has rows up to ${showOrdered(last, type)}, the rows to append begin at ${showOrdered(first, type)}`,
    {
      file: request.table,
      column: request.orderedOn,
      value: showOrdered(first, type),
      expected: `at least ${showOrdered(last, type)}`,
      hint: "append later rows only, or replace the dataset with mode 'overwrite'",
    },
  );
}

/** Every file is looked at, so that a foreign one is refused. */
function lastStored(request: AppendRequest, snapshot: Snapshot, fields: Fields): OrderedValue | undefined {
  let last: OrderedValue | undefined;
  for (const action of snapshot.files.values()) {
    const { max } = datasetFile(request.table, action, fields, request.orderedOn);
    if (last === undefined || compareOrdered(max, last) > 0) last = max;
  }
  return last;
}

/** Columns that the dataset promises to have no nulls. */
function checkNulls(request: CommitRequest, fields: Fields): void {
  fields.forEach((field, i) => {
    if (field.nullable || request.files.every((file) => (file.nullCounts[i] ?? 0) === 0)) return;
    throw new PipelineError(
      'ERR_SCHEMA',
      `dataset ${request.name}: column "${field.name}" must not be null, and is in the rows to append`,
      {
        file: request.table,
        column: field.name,
        hint: "drop those rows, or replace the dataset with mode 'overwrite' and a nullable column",
      },
    );
  });
}

function nextSequence(snapshot: Snapshot | undefined): number {
  let next = 0;
  for (const { tags } of snapshot?.files.values() ?? [])
    next = Math.max(next, Number(tags?.['spillway.sequence'] ?? -1) + 1);
  return next;
}

/** The lines of the commit on top of `snapshot`. */
function actionsOf(
  request: CommitRequest,
  names: readonly string[],
  snapshot: Snapshot | undefined,
  now: number,
): DeltaAction[] {
  const isOverwrite = request.mode === 'overwrite';
  const metaData = metaDataOf(request, snapshot?.metaData, now);
  const isNewSchema =
    snapshot === undefined || isOverwrite || JSON.stringify(metaData) !== JSON.stringify(snapshot.metaData);
  const protocol = newProtocol(request.fields, snapshot?.protocol);
  const first = isOverwrite ? 0 : nextSequence(snapshot);
  const removed = isOverwrite ? [...(snapshot?.files.values() ?? [])] : [];
  return [
    {
      commitInfo: {
        timestamp: now,
        operation: 'WRITE',
        engineInfo: 'spillway/0.1.0',
        operationParameters: { mode: isOverwrite ? 'Overwrite' : 'Append', partitionBy: '[]' },
        isBlindAppend: false,
      },
    },
    ...(protocol === undefined ? [] : [{ protocol }]),
    ...(isNewSchema ? [{ metaData }] : []),
    ...removed.map(({ path, size }) => ({
      remove: { path, deletionTimestamp: now, dataChange: true, extendedFileMetadata: true, partitionValues: {}, size },
    })),
    ...request.files.map((file, i) => ({ add: addAction(file, names[i] ?? '', first + i, now) })),
  ];
}

/** Gives staged files their places. Until the log names them, they are not there for any reader. */
async function moveIntoPlace(request: CommitRequest): Promise<string[]> {
  const batch = randomBytes(8).toString('hex');
  const names = request.files.map((_, i) => `part-${String(i).padStart(5, '0')}-${batch}.parquet`);
  try {
    await mkdir(request.table, { recursive: true });
    for (const [i, file] of request.files.entries()) await rename(file.path, join(request.table, names[i] ?? ''));
    await syncFolder(request.table);
  } catch (error) {
    throw await fileError(request.table, error);
  }
  return names;
}

function conflict(request: CommitRequest, what: string): PipelineError {
  return new PipelineError('ERR_STORE_CONFLICT', `dataset ${request.name}: another writer ${what} at the same time`, {
    file: request.table,
    hint: 'this dataset was left as it was: run again',
  });
}

/** @throws what stands against the commit */
function checkCommit(request: CommitRequest, snapshot: Snapshot | undefined): void {
  if (snapshot === undefined) return;
  checkWritable(request.table, snapshot, request.mode === 'overwrite');
  if (request.mode === 'overwrite') return;
  checkAppend(request, snapshot, request.files[0]?.min);
  checkNulls(request, fromSchemaString(snapshot.metaData.schemaString));
}

/**
 * Commits staged files as one version. An append of no rows to a dataset that is there changes nothing.
 *
 * Two writers conflict cleanly: an append is tried again behind the other's commit when it still fits there; an overwrite
 * is refused, because it would drop rows that its writer never saw.
 * @throws ERR_STORE_OVERLAP, ERR_STORE_CONFLICT, ERR_SCHEMA, ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED, ERR_IO
 */
export async function commitFiles(request: CommitRequest): Promise<CommitSummary> {
  const rows = request.files.reduce((sum, file) => sum + file.rows, 0);
  const snapshot = await readSnapshot(request.table);
  checkCommit(request, snapshot);
  const summary = (version: number): CommitSummary => ({ version, rows, files: request.files.length });
  if (snapshot !== undefined && request.mode === 'append' && rows === 0) return summary(snapshot.version);
  const names = await moveIntoPlace(request);
  try {
    return summary(await commitMoved(request, names, snapshot));
  } catch (error) {
    for (const name of names) await rm(join(request.table, name), { force: true });
    throw error;
  }
}

/** @returns the version */
async function commitMoved(
  request: CommitRequest,
  names: readonly string[],
  read: Snapshot | undefined,
): Promise<number> {
  let snapshot = read;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const version = snapshot === undefined ? 0 : snapshot.version + 1;
    if (await writeCommit(request.table, version, actionsOf(request, names, snapshot, Date.now()))) return version;
    if (request.mode === 'overwrite') throw conflict(request, 'committed');
    snapshot = await readSnapshot(request.table);
    checkCommit(request, snapshot);
  }
  throw conflict(request, `committed ${ATTEMPTS} times`);
}
