import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DatasetKey, type Fields, type KeySchema, openStore } from '@spillway/core';
import { type FileSinkSpec, SchemaKeys } from '@spillway/core/internal';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oupsCase } from '../../../../support/oups-cases.ts';
import { chooseSeed } from '../../../../support/random.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';
import { commitStaged, stageRows, storeSpec } from '../write-rows.ts';

const fields: Fields = [{ name: 'ts', type: 'int64', nullable: false }];
const schema: KeySchema = { levels: [{ exchange: 'text' }, { symbol: 'text', year: 'integer' }] };

async function put(root: string, path: string, key: DatasetKey): Promise<void> {
  const spec: FileSinkSpec = { ...storeSpec(root, { a: 'b' }), key: { ...key }, path } as FileSinkSpec;
  await commitStaged(spec, await stageRows(spec, fields, [{ ts: 1n }]));
}

describe('paths', () => {
  test.each<[DatasetKey, string]>([
    [{ exchange: 'NYSE', symbol: 'AAPL', year: 2024 }, 'NYSE/AAPL,2024'],
    [{ exchange: '', symbol: '..', year: -3 }, '~/~2E.,-3'],
    [{ exchange: '_delta_log', symbol: 'BTC/USD, spot', year: 0 }, '~5Fdelta_log/BTC~2FUSD~2C~20spot,0'],
    [{ exchange: '東京', symbol: '%', year: 1 }, '~E6~9D~B1~E4~BA~AC/~25,1'],
  ])('%j is %s', (key, path) => {
    const keys = new SchemaKeys(schema);
    expect(keys.toPath(key)).toBe(path);
    expect(keys.toKey(path)).toEqual(key);
  });

  test('any text and integer goes there and back, whatever parts them', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 });
    fc.assert(
      fc.property(text, text, fc.maxSafeInteger(), fc.constantFrom(',', '.', '+', '@', '-'), (a, b, n, separator) => {
        const keys = new SchemaKeys({ levels: [{ a: 'text', n: 'integer' }, { b: 'text' }], separator });
        const path = keys.toPath({ a, b, n });
        expect(path.split('/')).toHaveLength(2);
        expect(path).not.toMatch(/(^|\/)[._]/);
        expect(keys.toKey(path)).toEqual({ a, b, n: n + 0 });
      }),
      { seed: chooseSeed() },
    );
  });

  test.each<[string, DatasetKey]>([
    ['a field less', { exchange: 'a', symbol: 'b' }],
    ['a field more', { exchange: 'a', symbol: 'b', year: 1, x: 'c' }],
    ['a text for an integer', { exchange: 'a', symbol: 'b', year: '1' }],
    ['a fraction', { exchange: 'a', symbol: 'b', year: 1.5 }],
    ['a name too long', { exchange: 'x'.repeat(300), symbol: 'b', year: 1 }],
  ])('a key with %s is refused', (_, key) => {
    expect(() => new SchemaKeys(schema).toPath(key)).toThrow(
      expect.objectContaining({ code: 'ERR_KEY', hint: expect.any(String) }),
    );
  });

  test.each(['NYSE', 'NYSE/AAPL', 'NYSE/AAPL,x', 'NYSE/AAPL,01', 'a/b,1/c', '_x/b,1', 'a/~2c,1'])(
    'the path %s is no key',
    (path) => {
      expect(new SchemaKeys(schema).toKey(path)).toBeUndefined();
    },
  );

  test.each<[string, unknown]>([
    ['without levels', { levels: [] }],
    ['with an empty level', { levels: [{ a: 'text' }, {}] }],
    ['with a field twice', { levels: [{ a: 'text' }, { a: 'text' }] }],
    ['of another type', { levels: [{ a: 'date' }] }],
    ['parted by a slash', { levels: [{ a: 'text' }], separator: '/' }],
  ])('a schema %s is refused', (_, wrong) => {
    expect(() => new SchemaKeys(wrong as KeySchema)).toThrow(expect.objectContaining({ code: 'ERR_KEY' }));
  });
});

describe('a store with a schema of keys', () => {
  test('finds its datasets, and needs no schema to be opened again', async () => {
    const root = temporaryFolder();
    const store = await openStore(root, { keys: schema });
    const keys = [
      { exchange: 'NASDAQ', symbol: 'AAPL', year: 2023 },
      { exchange: 'NASDAQ', symbol: 'AAPL', year: 2024 },
      { exchange: 'NYSE', symbol: 'T', year: 2024 },
    ];
    for (const key of keys) await put(root, store.pathOf(key), key);
    mkdirSync(join(root, 'notes', 'of mine'), { recursive: true });
    const again = await openStore(root);
    expect(await again.datasets()).toEqual(keys);
    expect(await again.datasets({ year: 2024 })).toEqual(keys.slice(1));
    expect((await again.dataset(keys[2] as DatasetKey)).rows).toBe(1);
    expect(again.keyOf('NYSE/T,2024')).toEqual(keys[2]);
  });

  test('is not opened with another, nor given one when it has datasets', async () => {
    const root = temporaryFolder();
    await openStore(root, { keys: schema });
    await expect(openStore(root, { keys: { levels: [{ a: 'text' }] } })).rejects.toMatchObject({ code: 'ERR_KEY' });
    const named = temporaryFolder();
    await put(named, 'a=b', { a: 'b' });
    await expect(openStore(named, { keys: schema })).rejects.toMatchObject({ code: 'ERR_KEY' });
  });

  test('a damaged schema is refused by name', async () => {
    const root = temporaryFolder();
    writeFileSync(join(root, '_keys.json'), '{"levels":');
    await expect(openStore(root)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT', file: join(root, '_keys.json') });
  });
});

describe('delete', () => {
  test('removes a dataset and the folders that were only its own', async () => {
    const root = temporaryFolder();
    for (const b of ['1', '2']) await put(root, `a=x/b=${b}`, { a: 'x', b });
    const store = await openStore(root);
    await store.delete({ a: 'x', b: '1' });
    expect(await store.datasets()).toEqual([{ a: 'x', b: '2' }]);
    // As who died while he deleted another one leaves it.
    mkdirSync(join(root, '.deleted-0123', '_delta_log'), { recursive: true });
    await store.delete({ a: 'x', b: '2' });
    expect(readdirSync(root)).toEqual([]);
    await expect(store.delete({ a: 'x', b: '2' })).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
  });

  test('rows that were staged before are not committed into what is gone', async () => {
    const root = temporaryFolder();
    await put(root, 'a=b', { a: 'b' });
    const spec = storeSpec(root, { a: 'b' });
    const staged = await stageRows(spec, fields, [{ ts: 2n }]);
    await (await openStore(root)).delete({ a: 'b' });
    await expect(commitStaged(spec, staged)).rejects.toMatchObject({ code: 'ERR_FILE_NOT_FOUND' });
    expect(existsSync(join(root, 'a=b', '_delta_log'))).toBe(false);
  });
});

test.skipIf(oupsCase('store-01-key-path-mapping-and-discovery') === undefined)(
  'OUPS store/indexer: keys and paths, both ways, and what is found',
  () => {
    const found = oupsCase('store-01-key-path-mapping-and-discovery') as OupsIndexer;
    type Nested = (string | number | Nested)[];
    // The last field of a level may be a level of its own: the next folder.
    const flatten = (fields: Nested): (string | number)[][] => {
      const last = fields.at(-1);
      return Array.isArray(last)
        ? [fields.slice(0, -1) as (string | number)[], ...flatten(last)]
        : [fields as string[]];
    };
    found.input.keys.forEach(({ fields: nested }, i) => {
      const levels = flatten(nested as Nested);
      const named = levels.map((level, depth) => level.map((value, at) => [`f${depth}_${at}`, value] as const));
      const keys = new SchemaKeys({
        levels: named.map((level) =>
          Object.fromEntries(level.map(([name, value]) => [name, typeof value === 'number' ? 'integer' : 'text'])),
        ),
        separator: found.params.field_sep,
        encoding: 'none',
      });
      const key = Object.fromEntries(named.flat());
      const expected = found.expected.keys[i];
      if (expected?.error !== undefined) {
        expect(() => keys.toPath(key)).toThrow(expect.objectContaining({ code: 'ERR_KEY' }));
        return;
      }
      expect(keys.toPath(key)).toBe(expected?.path);
      expect(keys.toKey(expected?.path ?? '')).toEqual(key);
    });
    for (const separator of found.params.discovery_field_sep) {
      const keys = new SchemaKeys({
        levels: [
          { capital: 'text', quantity: 'text' },
          { area: 'text', season: 'text' },
        ],
        separator,
        encoding: 'none',
      });
      const paths = found.input.tree.map((path) => /^store\/(.*)_opdmd$/.exec(path)?.[1]);
      const discovered = paths.flatMap((path) => (path === undefined ? [] : [keys.toKey(path)])).filter(Boolean);
      const texts = discovered.map((key) => Object.values(key ?? {}).join('.'));
      expect(texts.sort()).toEqual(found.expected.discovered[separator]);
    }
  },
);

interface OupsIndexer {
  input: { keys: { fields: unknown[] }[]; tree: string[] };
  params: { field_sep: string; discovery_field_sep: string[] };
  expected: { keys: { path?: string; error?: unknown }[]; discovered: Record<string, string[]> };
}
