/** `spillway verify`: is everything there that the logs say, and unchanged? */
import type { DatasetKey, Store, VerifyResult } from '@spillway/core';
import type { CommonOptions, Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { amount } from '../output/text-table.ts';
import { keyText, matchingKeys, openExisting } from './open-existing.ts';

interface Verified extends VerifyResult {
  key: DatasetKey;
}

/** Tells of one dataset as soon as it has been read. */
function tell({ key, ok, files, rows, problems }: Verified, { style }: Context): string {
  const what = `${keyText(key)}  ${amount(rows, 'row')} in ${amount(files, 'file')}`;
  if (ok) return `${style.green('ok')}       ${what}`;
  const lines = problems.map(({ file, problem }) => `  ${file === undefined ? '' : `${file}: `}${problem}`);
  return [`${style.red('damaged')}  ${what}`, ...lines].join('\n');
}

async function verifyAll(
  store: Store,
  keys: readonly DatasetKey[],
  isJson: boolean,
  context: Context,
): Promise<Verified[]> {
  const verified: Verified[] = [];
  for (const key of keys) {
    const one = { key, ...(await store.verify(key)) };
    verified.push(one);
    if (!isJson) await context.results.line(tell(one, context));
  }
  return verified;
}

/** @returns the exit code: 1 when something is damaged */
export async function verifyStore(
  path: string,
  part: Readonly<Record<string, string>> | undefined,
  options: CommonOptions,
  context: Context,
): Promise<number> {
  const store = await openExisting(path, context.cwd);
  const keys = await matchingKeys(store, part);
  const datasets = await verifyAll(store, keys, options.json === true, context);
  const damaged = datasets.filter(({ ok }) => !ok);
  if (options.json === true)
    await context.results.line(JSON.stringify({ ok: damaged.length === 0, root: store.root, datasets }));
  if (keys.length === 0) context.note(`${store.root} holds no datasets`);
  if (damaged.length === 0) return EXIT.done;
  context.note(
    `${damaged.length} of ${amount(keys.length, 'dataset')} damaged. An older version may be whole: spillway ls ${path} KEY shows the version, ` +
      'spillway cat --dataset-version N reads one',
  );
  return EXIT.failed;
}
