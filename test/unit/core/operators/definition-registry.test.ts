import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineFold, defineOp, defineSource } from '@spillway/core';
import { resolveFold, resolveOp, resolveSource } from '@spillway/core/internal';
import { expect, test } from 'vitest';
import { runNode } from '#support/process';
import { temporaryFolder } from '#support/temporary-folder';

const CORE = import.meta.resolve('@spillway/core');
const INTERNAL = import.meta.resolve('@spillway/core/internal');

const defineText = (name: string) =>
  `export const ${name} = defineOp(import.meta.url, { name: '${name}', output: 'same', create: () => ({ process: () => null }) });`;

/** A module with two ops, in a folder that is removed after the test. */
async function moduleWithOps(): Promise<string> {
  const path = join(temporaryFolder(), 'ops.mjs');
  await writeFile(path, `import { defineOp } from '${CORE}';\n${defineText('first')}\n${defineText('second')}\n`);
  return path;
}

test('an op is found again by its module and its place in it, importing the module when needed', async () => {
  const url = pathToFileURL(await moduleWithOps()).href;
  const script = `import { resolveOp } from '${INTERNAL}';
    const op = await resolveOp({ url: '${url}', ordinal: 1, name: 'x' });
    console.log(op.ref.name, op.ref.ordinal);`;
  const { stdout, stderr } = await runNode(['--input-type=module', '-e', script]);
  expect(stderr).toBe('');
  expect(stdout).toBe('second 1\n');
});

test('an op that is not at its place is refused', async () => {
  const url = pathToFileURL(await moduleWithOps()).href;
  await expect(resolveOp({ url, ordinal: 5, name: 'third' })).rejects.toMatchObject({
    code: 'ERR_OP_IMPORT',
    stage: 'third',
  });
});

test('a module that cannot be imported is refused with why', async () => {
  const path = join(temporaryFolder(), 'broken.mjs');
  await writeFile(path, "throw new Error('no licence');");
  await expect(resolveOp({ url: pathToFileURL(path).href, ordinal: 0, name: 'broken' })).rejects.toMatchObject({
    code: 'ERR_OP_IMPORT',
    message: 'the module of "broken" cannot be imported: no licence',
  });
});

test('an op in the main script is refused, however the script is named', async () => {
  const folder = temporaryFolder();
  const text = `import { defineOp } from '${CORE}';
    import { resolveOp } from '${INTERNAL}';
    ${defineText('own')}
    await resolveOp(own.ref).catch((error) => console.log(error.code, error.hint));`;
  await writeFile(join(folder, 'index.js'), text);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const name of [join(folder, 'index.js'), join(folder, 'index'), folder]) {
    const { stdout } = await runNode([name]);
    expect(stdout).toBe('ERR_OP_IMPORT move it to its own module and import it from there\n');
  }
});

test('ops, folds and sources of one module count together, and none stands for another', async () => {
  const url = 'file:///somewhere/mixed.js';
  const op = defineOp(url, { output: 'same', create: () => ({ process: () => null }) });
  const fold = defineFold(url, { output: { n: 'int64' }, init: () => 0, update: (n) => n, finish: () => null });
  const source = defineSource(url, { schema: { t: 'int64' }, splits: () => 1, create: () => ({ read: () => null }) });
  expect([op, fold, source].map(({ ref }) => ref.ordinal)).toEqual([0, 1, 2]);
  await expect(resolveFold(fold.ref)).resolves.toBe(fold);
  await expect(resolveSource(source.ref)).resolves.toBe(source);
  await expect(resolveOp(fold.ref)).rejects.toMatchObject({ code: 'ERR_OP_IMPORT' });
});

test('an op cannot both add columns and say all of them', () => {
  const define = () =>
    defineOp(import.meta.url, { output: { a: 'int8' }, adds: { b: 'int8' }, create: () => ({ process: () => null }) });
  expect(define).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
});

test('options checked by a function may be changed by it, and what it throws is named', () => {
  const op = defineOp(import.meta.url, {
    name: 'limited',
    output: 'same',
    options: (raw: { limit: string }) => {
      if (Number.isNaN(Number(raw.limit))) throw new RangeError(`${raw.limit} is no number`);
      return { limit: Number(raw.limit) };
    },
    create: () => ({ process: () => null }),
  });
  expect(op.parseOptions({ limit: '5' }, 'limited')).toEqual({ limit: 5 });
  expect(() => op.parseOptions({ limit: 'x' }, 'limited')).toThrow('op "limited" refuses its options: x is no number');
});
