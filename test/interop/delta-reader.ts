/**
 * A reader of Delta tables written from the protocol alone: it shares nothing with the store that it checks. Parquet, of
 * data and of checkpoints, is DuckDB's affair.
 *
 * Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { type Cell, quote, sql } from '../support/duckdb.ts';

interface LogAction {
  protocol?: {
    minReaderVersion: number;
    minWriterVersion: number;
    readerFeatures?: string[];
    writerFeatures?: string[];
  };
  metaData?: { id: string; schemaString: string; partitionColumns: string[] };
  add?: { path: string; size: number; stats?: string; partitionValues: object };
  remove?: { path: string; dataChange: boolean };
  commitInfo?: object;
  txn?: object;
}

/** A version as the protocol has it. */
export interface DeltaVersion {
  version: number;
  files: { path: string; stats: { numRecords: number; nullCount: Record<string, number> } }[];
  columns: { name: string; type: unknown; nullable: boolean }[];
}

function nameOf(version: number): string {
  return String(version).padStart(20, '0');
}

/** Versions of a table that have a commit. */
export function versionsOf(table: string): number[] {
  const names = readdirSync(join(table, '_delta_log')).filter((name) => /^\d{20}\.json$/.test(name));
  return names.map((name) => Number(name.slice(0, 20))).sort((a, b) => a - b);
}

/** One action a line, each known, and no file named twice. */
function commitActions(table: string, version: number): LogAction[] {
  const text = readFileSync(join(table, '_delta_log', `${nameOf(version)}.json`), 'utf8');
  const actions = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LogAction);
  const known = new Set(['protocol', 'metaData', 'add', 'remove', 'commitInfo', 'txn']);
  for (const action of actions) {
    const [name, ...others] = Object.keys(action);
    if (name === undefined || others.length > 0 || !known.has(name))
      throw new Error(`no action: ${JSON.stringify(action)}`);
  }
  const paths = actions.flatMap(({ add }) => (add === undefined ? [] : [add.path]));
  if (new Set(paths).size !== paths.length) throw new Error(`version ${version} adds a file twice`);
  return actions;
}

async function checkpointActions(path: string): Promise<LogAction[]> {
  const table = await sql(`SELECT to_json(COLUMNS(*)) FROM read_parquet(${quote(path)})`);
  const names = (await sql(`DESCRIBE SELECT * FROM read_parquet(${quote(path)})`)).columns[0] as string[];
  const withoutNulls = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null))
      : value;
  return Array.from({ length: table.rows }, (_, row) => {
    const entries = names.map((name, i) => {
      const text: Cell = table.columns[i]?.[row] ?? null;
      return [name, typeof text === 'string' ? withoutNulls(JSON.parse(text)) : null] as const;
    });
    return Object.fromEntries(entries.filter(([, value]) => value !== null)) as LogAction;
  });
}

/**
 * What a version holds. With `useCheckpoint` the log before the last checkpoint is not looked at.
 * @throws Error where the table is not what the protocol says
 */
export async function deltaVersion(table: string, version: number, useCheckpoint: boolean): Promise<DeltaVersion> {
  const log = join(table, '_delta_log');
  const checkpoints = readdirSync(log)
    .filter((name) => /^\d{20}\.checkpoint\.parquet$/.test(name))
    .map((name) => Number(name.slice(0, 20)))
    .filter((each) => each <= version);
  const base = useCheckpoint ? Math.max(-1, ...checkpoints) : -1;
  const actions: LogAction[] = base < 0 ? [] : await checkpointActions(join(log, `${nameOf(base)}.checkpoint.parquet`));
  const live = new Map(actions.flatMap(({ add }) => (add === undefined ? [] : [[add.path, add] as const])));
  for (let each = base + 1; each <= version; each += 1) {
    const commit = commitActions(table, each);
    for (const { remove } of commit) {
      if (remove !== undefined && !live.delete(remove.path))
        throw new Error(`version ${each} removes ${remove.path}, not there`);
    }
    for (const { add } of commit) if (add !== undefined) live.set(add.path, add);
    actions.push(...commit);
  }
  const protocol = actions.findLast((action) => action.protocol !== undefined)?.protocol;
  const metaData = actions.findLast((action) => action.metaData !== undefined)?.metaData;
  if (protocol === undefined || metaData === undefined) throw new Error('no protocol or no schema');
  const columns = (JSON.parse(metaData.schemaString) as { fields: DeltaVersion['columns'] }).fields;
  checkProtocol(protocol, columns);
  const files = [...live.values()].map(({ path, size, stats }) => {
    const file = join(table, decodeURIComponent(path));
    if (!existsSync(file) || statSync(file).size !== size) throw new Error(`${file} is not of ${size} bytes`);
    return { path: file, stats: JSON.parse(stats ?? '{}') };
  });
  return { version, files, columns };
}

function checkProtocol(protocol: NonNullable<LogAction['protocol']>, columns: DeltaVersion['columns']): void {
  const isNaive = JSON.stringify(columns.map(({ type }) => type)).includes('timestamp_ntz');
  const features = [protocol.readerFeatures ?? [], protocol.writerFeatures ?? []];
  const isRight = isNaive
    ? protocol.minReaderVersion === 3 &&
      protocol.minWriterVersion === 7 &&
      features.every((each) => each.includes('timestampNtz'))
    : protocol.minReaderVersion <= 3;
  if (!isRight) throw new Error(`the protocol is ${JSON.stringify(protocol)}`);
}

/** Rows of a version as DuckDB reads them, as texts, sorted. Statistics are held against them. */
export async function deltaRows(version: DeltaVersion): Promise<string[]> {
  const names = version.columns.map(({ name }) => name);
  const rows: string[] = [];
  for (const { path, stats } of version.files) {
    const select = names.map((name) => `CAST("${name}" AS VARCHAR)`).join(', ');
    const table = await sql(`SELECT ${select} FROM read_parquet(${quote(path)})`);
    if (table.rows !== stats.numRecords)
      throw new Error(`${path} has ${table.rows} rows, its statistics say ${stats.numRecords}`);
    names.forEach((name, i) => {
      const nulls = table.columns[i]?.filter((value) => value === null).length;
      if (nulls !== stats.nullCount[name])
        throw new Error(`${path}: ${nulls} nulls in ${name}, not ${stats.nullCount[name]}`);
    });
    for (let row = 0; row < table.rows; row += 1) rows.push(JSON.stringify(table.columns.map((column) => column[row])));
  }
  return rows.sort();
}
