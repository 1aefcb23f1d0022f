/** `spillway import-oups` and `export-oups`: datasets from and to stores of the Python library OUPS. */
import { resolve } from 'node:path';
import {
  exportOups,
  importOups,
  type KeySchema,
  type OupsTransfer,
  openOupsStore,
  openStore,
  PipelineError,
  type WriteMode,
} from '@spillway/core';
import type { CommonOptions, Context } from '../context.ts';
import { amount } from '../output/text-table.ts';
import { keyText, openExisting, typedKey } from '../store/open-existing.ts';

export interface OupsOptions extends CommonOptions {
  match?: Record<string, string>;
  keys?: KeySchema;
  separator?: string;
  mode?: WriteMode;
  dryRun?: boolean;
}

interface Transfers {
  from: string;
  to: string;
  isDryRun: boolean;
  /** Those that are there already, in full or, in a dry run, by their sizes. */
  done: Pick<OupsTransfer, 'key' | 'rows' | 'rowGroups' | 'objects'>[];
}

function keysOption({ keys, separator }: OupsOptions): { keys?: KeySchema } {
  return keys === undefined ? {} : { keys: { ...keys, ...(separator !== undefined && { separator }) } };
}

/** Values of `--match` as the layout has them. */
function matchOption({ match, keys }: OupsOptions): { match?: Record<string, string | number> } {
  if (match === undefined) return {};
  const types = Object.assign({}, ...(keys?.levels ?? [])) as Readonly<Record<string, string>>;
  const entries = Object.entries(match).map(([field, value]) => [
    field,
    types[field] === 'integer' ? Number(value) : value,
  ]);
  return { match: Object.fromEntries(entries) as Record<string, string | number> };
}

async function tell(one: Transfers['done'][number], isDryRun: boolean, context: Context): Promise<void> {
  const what = `${amount(one.rows, 'row')} in ${amount(one.rowGroups, 'row group')}`;
  await context.results.line(`${keyText(one.key)}  ${isDryRun ? 'would be written: ' : ''}${what}`);
  const objects = Object.entries(one.objects).map(([name, type]) => `${name} (${type})`);
  if (objects.length > 0)
    context.note(`${keyText(one.key)}: metadata that is objects of Python stays behind: ${objects.join(', ')}`);
}

async function finish({ from, to, isDryRun, done }: Transfers, options: OupsOptions, context: Context): Promise<void> {
  const rows = done.reduce((sum, each) => sum + each.rows, 0);
  if (options.json === true)
    return context.results.line(JSON.stringify({ ok: true, dryRun: isDryRun, from, to, rows, datasets: done }));
  if (isDryRun) for (const one of done) await tell(one, true, context);
  context.note(
    done.length === 0
      ? `${from} has no datasets${options.match === undefined ? '' : ' that --match takes'}`
      : `${amount(done.length, 'dataset')}, ${amount(rows, 'row')}, ${isDryRun ? 'would be written to' : 'are in'} ${to}`,
  );
}

/** What was interrupted, with what is there of it. */
function interrupted(error: unknown, done: number): unknown {
  if (!(error instanceof PipelineError && error.code === 'ERR_ABORTED')) return error;
  return new PipelineError('ERR_ABORTED', `${error.message}; ${amount(done, 'dataset')} written, nothing of the next`, {
    hint: done === 0 ? 'run it again' : 'run it again with --match for those that are missing',
  });
}

/** Runs a transfer, telling of each dataset as it is written. */
async function transfer(
  run: (options: { signal: AbortSignal; onDataset: (one: OupsTransfer) => void }) => Promise<OupsTransfer[]>,
  options: OupsOptions,
  context: Context,
): Promise<OupsTransfer[]> {
  let done = 0;
  const onDataset = (one: OupsTransfer): void => {
    done += 1;
    // Nothing is waited for here: a line is small.
    if (options.json !== true) void tell(one, false, context).catch(() => {});
  };
  try {
    return await run({ signal: context.interruption(), onDataset });
  } catch (error) {
    throw interrupted(error, done);
  }
}

/** @throws what opening, reading and writing throw */
export async function importCommand(
  path: string,
  storePath: string,
  options: OupsOptions,
  context: Context,
): Promise<void> {
  const from = resolve(context.cwd, path);
  const source = await openOupsStore(from, keysOption(options));
  const to = resolve(context.cwd, storePath);
  const { match } = matchOption(options);
  if (options.dryRun === true) {
    const done: Transfers['done'] = [];
    for (const key of await source.datasets(match)) {
      const { rows, rowGroups, objects } = await source.dataset(key);
      done.push({ key, rows, rowGroups: rowGroups.length, objects });
    }
    return finish({ from, to, isDryRun: true, done }, options, context);
  }
  const store = await openStore(to);
  const given = { ...(match && { match }), ...(options.mode && { mode: options.mode }) };
  const done = await transfer((more) => importOups(source, store, { ...given, ...more }), options, context);
  return finish({ from, to, isDryRun: false, done }, options, context);
}

/** @throws what opening, reading and writing throw */
export async function exportCommand(
  storePath: string,
  path: string,
  options: OupsOptions,
  context: Context,
): Promise<void> {
  const store = await openExisting(storePath, context.cwd);
  const to = resolve(context.cwd, path);
  const match = options.match === undefined ? undefined : typedKey(store, options.match);
  if (options.dryRun === true) {
    const done: Transfers['done'] = [];
    for (const key of await store.datasets(match)) {
      const dataset = await store.dataset(key);
      done.push({ key, rows: dataset.rows, rowGroups: dataset.files().length, objects: {} });
    }
    return finish({ from: store.root, to, isDryRun: true, done }, options, context);
  }
  const given = { ...(match && { match }), ...keysOption(options) };
  const done = await transfer((more) => exportOups(store, to, { ...given, ...more }), options, context);
  return finish({ from: store.root, to, isDryRun: false, done }, options, context);
}
