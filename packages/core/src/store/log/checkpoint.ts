/**
 * Checkpoints: the state of a table at one version as a Parquet file, so that a reader need not go through the log from its
 * beginning. Classic ones of the first specification are written; those of others are read, in one part or several.
 *
 * The Parquet library and apache-arrow are loaded when a checkpoint is written or needed, not before.
 */

import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { DurableFile, syncFolder, TEMPORARY_SUFFIX } from '../../formats/durable-file.ts';
import { fileError } from '../../formats/file-error.ts';
import { type ArrowModule, loadArrow } from '../../schema/load-arrow.ts';
import type { DeltaAction, WholeSnapshot } from './delta-actions.ts';
import { type CheckpointFiles, checkpointName, LAST_CHECKPOINT, LOG_FOLDER } from './log-listing.ts';
import { corrupt } from './log-replay.ts';

type Row = Record<string, unknown>;

/** The columns of a checkpoint. All can be null: each row has one of them. */
function columnTypes(arrow: ArrowModule): Record<string, InstanceType<ArrowModule['Struct']>> {
  const { Bool, Field, Int32, Int64, List, Map_, Struct, Utf8 } = arrow;
  const [text, long, flag, int] = [new Utf8(), new Int64(), new Bool(), new Int32()];
  const texts = new List(new Field('element', text, true));
  const pair = new Struct([new Field('key', text, false), new Field('value', text, true)]);
  const map = new Map_(new Field('key_value', pair, false) as never);
  const struct = (fields: Record<string, InstanceType<ArrowModule['DataType']>>): InstanceType<ArrowModule['Struct']> =>
    new Struct(Object.entries(fields).map(([name, type]) => new Field(name, type, true)));
  return {
    protocol: struct({ minReaderVersion: int, minWriterVersion: int, readerFeatures: texts, writerFeatures: texts }),
    metaData: struct({
      id: text,
      name: text,
      description: text,
      format: struct({ provider: text, options: map }),
      schemaString: text,
      partitionColumns: texts,
      configuration: map,
      createdTime: long,
    }),
    txn: struct({ appId: text, version: long, lastUpdated: long }),
    add: struct({
      path: text,
      partitionValues: map,
      size: long,
      modificationTime: long,
      dataChange: flag,
      stats: text,
      tags: map,
    }),
    remove: struct({
      path: text,
      deletionTimestamp: long,
      dataChange: flag,
      extendedFileMetadata: flag,
      partitionValues: map,
      size: long,
    }),
  };
}

const LONGS = new Set(['createdTime', 'version', 'lastUpdated', 'size', 'modificationTime', 'deletionTimestamp']);
const MAPS = new Set(['options', 'configuration', 'partitionValues', 'tags']);

/** An action as Arrow's builders take it: maps as maps, 64-bit numbers as bigints, null for what is not there. */
function toRow(action: object, type: InstanceType<ArrowModule['Struct']>): Row {
  const values = action as Row;
  const entry = (name: string, child: unknown): unknown => {
    const value = values[name] ?? null;
    if (value === null) return null;
    if (MAPS.has(name)) return new Map(Object.entries(value));
    if (LONGS.has(name)) return BigInt(value as number);
    return typeof child === 'object' && child !== null && 'children' in child && name === 'format'
      ? toRow(value, child as InstanceType<ArrowModule['Struct']>)
      : value;
  };
  return Object.fromEntries(type.children.map((field) => [field.name, entry(field.name, field.type)]));
}

/** What a checkpoint keeps. Tombstones older than `expired` are nobody's any more. */
export function checkpointActions(snapshot: WholeSnapshot, expired: number): DeltaAction[] {
  const tombstones = [...snapshot.tombstones.values()].filter((remove) => (remove.deletionTimestamp ?? 0) > expired);
  return [
    { protocol: snapshot.protocol },
    { metaData: snapshot.metaData },
    ...[...snapshot.txns.values()].map((txn) => ({ txn })),
    ...[...snapshot.files.values()].map((add) => ({ add: { ...add, dataChange: false } })),
    ...tombstones.map((remove) => ({ remove: { ...remove, dataChange: false } })),
  ];
}

async function encode(actions: readonly DeltaAction[]): Promise<Uint8Array> {
  const [arrow, { parquetLibrary, callLibrary }] = await Promise.all([
    loadArrow(),
    import('../../formats/parquet-library.ts'),
  ]);
  const columns = Object.entries(columnTypes(arrow)).map(([name, type]) => {
    const rows = actions.map((action) => {
      const value = action[name as keyof DeltaAction];
      return value === undefined ? null : toRow(value, type);
    });
    return [name, arrow.vectorFromArray(rows, type)];
  });
  const ipc = arrow.tableToIPC(new arrow.Table(Object.fromEntries(columns) as never), 'stream');
  const library = parquetLibrary();
  return callLibrary(library, () => library.api.writeParquet(library.api.Table.fromIPCStream(ipc)));
}

/**
 * Writes the checkpoint of a version, and points to it. A reader that comes in between is none the worse.
 * @param expired tombstones from before this time are left out
 * @throws ERR_IO
 */
export async function writeCheckpoint(table: string, snapshot: WholeSnapshot, expired: number): Promise<void> {
  const actions = checkpointActions(snapshot, expired);
  const bytes = await encode(actions);
  const folder = join(table, LOG_FOLDER);
  const file = await DurableFile.create(join(folder, checkpointName(snapshot.version)));
  try {
    await file.write(bytes);
    await file.seal();
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
  const pointer = {
    version: snapshot.version,
    size: actions.length,
    sizeInBytes: bytes.length,
    numOfAddFiles: snapshot.files.size,
  };
  const path = join(folder, LAST_CHECKPOINT);
  const temporary = join(folder, `.${LAST_CHECKPOINT}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`);
  try {
    await writeFile(temporary, JSON.stringify(pointer));
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    throw await fileError(path, error);
  }
}

/** A value of Arrow as the plain data that JSON would have; undefined for null. */
function plain(arrow: ArrowModule, type: InstanceType<ArrowModule['DataType']>, value: unknown): unknown {
  const { DataType } = arrow;
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'bigint') return Number(value);
  if (DataType.isMap(type)) return Object.fromEntries(value as Iterable<[string, unknown]>);
  if (DataType.isList(type))
    return Array.from(value as Iterable<unknown>, (element) => plain(arrow, type.children[0]?.type ?? type, element));
  if (!DataType.isStruct(type)) return value;
  const fields = type.children.map(
    (field) => [field.name, plain(arrow, field.type, (value as Row)[field.name])] as const,
  );
  return Object.fromEntries(fields.filter(([, each]) => each !== undefined));
}

async function decode(bytes: Uint8Array): Promise<DeltaAction[]> {
  const [arrow, { parquetLibrary, callLibrary }] = await Promise.all([
    loadArrow(),
    import('../../formats/parquet-library.ts'),
  ]);
  const library = parquetLibrary();
  const ipc = callLibrary(library, () => library.api.readParquet(bytes).intoIPCStream());
  const table = arrow.tableFromIPC(ipc);
  return table.toArray().map((row) => plain(arrow, new arrow.Struct(table.schema.fields), row) as DeltaAction);
}

/**
 * The actions of a checkpoint.
 * @throws ERR_STORE_CORRUPT when it cannot be read, ERR_IO
 */
export async function readCheckpoint(table: string, { names, version }: CheckpointFiles): Promise<DeltaAction[]> {
  const actions: DeltaAction[] = [];
  for (const name of names) {
    const path = join(table, LOG_FOLDER, name);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (error) {
      throw await fileError(path, error);
    }
    try {
      actions.push(...(await decode(bytes)));
    } catch (cause) {
      throw corrupt(table, `the checkpoint of version ${version} of its log is damaged`, cause);
    }
  }
  return actions;
}
