/** `spillway ls`: what a store holds. */
import type { Dataset, Store } from '@spillway/core';
import { showOrdered } from '@spillway/core/values';
import { formatBytes } from '@spillway/core/words';
import type { CommonOptions, Context } from '../context.ts';
import { amount, grouped, textTable } from '../output/text-table.ts';
import { keyText, matchingKeys, openExisting } from './open-existing.ts';

/** One dataset, in words and numbers. */
interface Listed {
  key: Dataset['key'];
  version: number;
  committedAt: string | undefined;
  orderedOn: string;
  rows: number;
  files: number;
  bytes: number;
  from: string | undefined;
  to: string | undefined;
  columns: { name: string; type: string; nullable: boolean }[];
  metadata: Readonly<Record<string, string>>;
}

function describe(dataset: Dataset): Listed {
  const { key, version, orderedOn, rows, fields, metadata, committedAt } = dataset;
  const own = dataset.files();
  const all = [...own, ...dataset.foreignFiles()];
  const type = fields.find(({ name }) => name === orderedOn)?.type ?? 'int64';
  const [first, last] = [own[0], own.at(-1)];
  return {
    key,
    version,
    committedAt: committedAt?.toISOString(),
    orderedOn,
    rows,
    files: all.length,
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    from: first === undefined ? undefined : showOrdered(first.min, type),
    to: last === undefined ? undefined : showOrdered(last.max, type),
    columns: fields.map(({ name, type: text, nullable }) => ({ name, type: text, nullable })),
    metadata,
  };
}

function tableOf(listed: readonly Listed[]): string {
  const columns = [
    { title: 'key', align: 'left' },
    { title: 'rows', align: 'right' },
    { title: 'from', align: 'left' },
    { title: 'to', align: 'left' },
    { title: 'files', align: 'right' },
    { title: 'size', align: 'right' },
    { title: 'version', align: 'right' },
  ] as const;
  const cells = listed.map((each) => [
    keyText(each.key),
    grouped(each.rows),
    each.from ?? '',
    each.to ?? '',
    grouped(each.files),
    formatBytes(each.bytes),
    String(each.version),
  ]);
  return textTable(columns, cells);
}

function detailOf(each: Listed, { style }: Context): string {
  const range = each.from === undefined ? 'no rows' : `${each.from} to ${each.to}`;
  const widest = Math.max(...each.columns.map(({ name }) => name.length));
  return [
    style.bold(keyText(each.key)),
    `  rows      ${grouped(each.rows)} in ${amount(each.files, 'file')}, ${formatBytes(each.bytes)}`,
    `  order     ${each.orderedOn}: ${range}`,
    `  version   ${each.version}${each.committedAt === undefined ? '' : `, of ${each.committedAt}`}`,
    ...Object.entries(each.metadata).map(([name, value]) => `  metadata  ${name}=${value}`),
    '  columns',
    ...each.columns.map(
      ({ name, type, nullable }) => `    ${name.padEnd(widest)}  ${type}${nullable ? '' : ', never null'}`,
    ),
  ].join('\n');
}

async function describeAll(store: Store, part: Readonly<Record<string, string>> | undefined): Promise<Listed[]> {
  const listed: Listed[] = [];
  for (const key of await matchingKeys(store, part)) listed.push(describe(await store.dataset(key)));
  return listed;
}

/** Datasets of a store as a table; those under a key, in detail. */
export async function listStore(
  path: string,
  part: Readonly<Record<string, string>> | undefined,
  options: CommonOptions,
  context: Context,
): Promise<void> {
  const store = await openExisting(path, context.cwd);
  const datasets = await describeAll(store, part);
  const { results } = context;
  if (options.json === true) return results.line(JSON.stringify({ ok: true, root: store.root, datasets }));
  if (datasets.length === 0) return context.note(`${store.root} holds no datasets yet: spillway ingest writes some`);
  if (part === undefined) return results.line(tableOf(datasets));
  return results.line(datasets.map((each) => detailOf(each, context)).join('\n\n'));
}
