/** Tables that we write, read by others; tables that others write, read and updated by us. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, openStore, type Store } from '@spillway/core';
import { describe, expect, test } from 'vitest';

import { type SeededRandom, seededRandom } from '../support/random.ts';
import { plainTemporaryFolder } from '../support/temporary-folder.ts';
import { MIXED_SHAPE } from '../support/type-lists.ts';
import { deltaRows, deltaVersion, versionsOf } from './delta-reader.ts';
import { python } from './python-environment.ts';

type Plain = Record<string, string | boolean | null>;
type Row = Record<string, unknown>;

const key = { symbol: 'A/B' };
const schema = MIXED_SHAPE;

function randomRows(random: SeededRandom, count: number): Row[] {
  const hours = Array.from({ length: count }, () => random.integer(-500, 500)).sort((a, b) => a - b);
  const maybe = <T>(value: T): T | null => (random.chance(0.1) ? null : value);
  return hours.map((hour) => ({
    ts: BigInt(hour) * 3_600_000_001n,
    naive: maybe(BigInt(hour) * 1000n),
    n: maybe(BigInt(random.integer(-5, 5)) * 2n ** 55n),
    small: random.integer(0, 65_535),
    huge: maybe(2n ** 64n - BigInt(random.integer(1, 99))),
    x: random.pick([1.5, -0, NaN, Infinity, null, 0.1]),
    s: maybe(random.pick(['', 'ä', 'x'.repeat(100), 'O\'Brien "q"'])),
    tag: maybe(random.pick(['a', 'b'])),
    day: maybe(hour),
    ok: maybe(random.chance(0.5)),
  }));
}

/** Appends, merges, replacements and compactions, with checkpoints in between. */
async function writeHistory(random: SeededRandom): Promise<{ store: Store; table: string }> {
  const store = await openStore(plainTemporaryFolder());
  const properties = { 'delta.checkpointInterval': '3' };
  await store.write(key, randomRows(random, 200), { schema, orderedOn: 'ts', rowGroupTarget: '2w', properties });
  for (let write = 0; write < 6; write += 1) {
    await store.write(key, randomRows(random, random.pick([1, 20, 100])), {
      duplicatesOn: random.pick([null, ['ts'], ['ts', 'tag']]),
      rowGroupTarget: random.pick([40, '1mo']),
      ...(random.chance(0.5) ? { maxOffTargetRowGroups: 2 } : {}),
    });
  }
  await store.write(key, randomRows(random, 50), { mode: 'overwrite' });
  return { store, table: join(store.root, store.pathOf(key)) };
}

function pad(value: bigint, digits: number): string {
  return String(value).padStart(digits, '0');
}

/** A time as Python prints it. */
function timeText(micros: bigint, zone: string): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const text = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, 19).replace('T', ' ');
  return `${text}${fraction === 0n ? '' : `.${pad(fraction, 6)}`}${zone}`;
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0.0' : Number.isInteger(value) ? `${value}.0` : String(value);
}

/** A row as the Python script prints it. */
function asPython(row: Row): Plain {
  const texts: Record<string, (value: never) => string | boolean> = {
    ts: (value: bigint) => timeText(value, '+00:00'),
    naive: (value: bigint) => timeText(value * 1000n, ''),
    x: floatText,
    s: String,
    tag: String,
    day: (value: number) => new Date(value * 86_400_000).toISOString().slice(0, 10),
    ok: Boolean,
  };
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value === null ? null : (texts[name] ?? String)(value as never)]),
  );
}

async function ourRows(dataset: Dataset): Promise<Row[]> {
  const { batchToRows, createArena } = await import('@spillway/core/internal');
  const rows: Row[] = [];
  for await (const batch of dataset.batches(createArena(), {})) {
    rows.push(...batchToRows(batch));
    batch.release();
  }
  return rows;
}

const sorted = (rows: readonly Plain[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

describe('tables that we write', () => {
  test('every version has equal rows for deltalake and polars', async () => {
    const { store, table } = await writeHistory(seededRandom());
    for (const version of versionsOf(table)) {
      const ours = sorted((await ourRows(await store.dataset(key, { version }))).map(asPython));
      expect(sorted(python('read', { path: table, version }) as Plain[]), `deltalake, version ${version}`).toEqual(
        ours,
      );
      expect(sorted(python('read_polars', { path: table, version }) as Plain[]), `polars, version ${version}`).toEqual(
        ours,
      );
    }
  });

  test('every version is what the protocol says, with and without checkpoints', async () => {
    const { store, table } = await writeHistory(seededRandom());
    for (const version of versionsOf(table)) {
      const fromLog = await deltaVersion(table, version, false);
      const fromCheckpoint = await deltaVersion(table, version, true);
      expect(fromCheckpoint.files.map(({ path }) => path).sort()).toEqual(fromLog.files.map(({ path }) => path).sort());
      const dataset = await store.dataset(key, { version });
      const rows = await deltaRows(fromCheckpoint);
      expect(rows).toHaveLength(dataset.rows);
      expect(fromLog.files.map(({ path }) => path).sort()).toEqual(
        dataset
          .files()
          .map(({ path }) => path)
          .sort(),
      );
    }
  });

  test('statistics let others skip files, and never rows', async () => {
    const { store, table } = await writeHistory(seededRandom());
    const rows = await ourRows(await store.dataset(key));
    for (const bound of [-(2n ** 57n), 0n, 2n ** 56n]) {
      const expected = rows.filter(({ n }) => n !== null && (n as bigint) >= bound).length;
      expect(python('count_polars', { path: table, column: 'n', value: String(bound) })).toBe(expected);
    }
  });

  test('others append, compact and delete; we read on and sort in', async () => {
    const store = await openStore(plainTemporaryFolder());
    const table = join(store.root, 'a=b');
    const plain = { ts: 'int64', s: 'utf8' } as const;
    const row = (ts: number, s = `s${ts}`) => ({ ts: BigInt(ts), s });
    await store.write({ a: 'b' }, [row(1), row(5), row(9)], { schema: plain, orderedOn: 'ts', rowGroupTarget: 2 });
    python('write', { path: table, columns: { ts: ['int64', [7, 3, 11]], s: ['string', ['s7', 's3', null]] } });
    const read = async () => (await ourRows(await store.dataset({ a: 'b' }))).map(({ ts }) => Number(ts));
    expect(await read()).toEqual([1, 3, 5, 7, 9, 11]);
    await store.write({ a: 'b' }, [row(4)]);
    expect((await store.dataset({ a: 'b' })).foreignFiles()).toEqual([]);
    expect(await read()).toEqual([1, 3, 4, 5, 7, 9, 11]);
    python('optimize', { path: table });
    expect(await read()).toEqual([1, 3, 4, 5, 7, 9, 11]);
    python('delete', { path: table, predicate: 'ts = 5' });
    expect(await read()).toEqual([1, 3, 4, 7, 9, 11]);
    await store.write({ a: 'b' }, [row(5)]);
    expect(sorted(python('read', { path: table }) as Plain[])).toEqual(
      sorted([1, 3, 4, 5, 7, 9, 11].map((ts) => ({ ts: String(ts), s: ts === 11 ? null : `s${ts}` }))),
    );
    expect((await (await store.dataset({ a: 'b' })).verify()).problems).toEqual([]);
  });
});

describe('tables that others write', () => {
  const columns = (from: number, count: number) => ({
    ts: ['timestamp', Array.from({ length: count }, (_, i) => (from + i) * 1_000_000)],
    n: ['int64', Array.from({ length: count }, (_, i) => from + i)],
  });

  test('are read in order and updated, checkpoints and a cut log included', async () => {
    const store = await openStore(plainTemporaryFolder());
    const table = join(store.root, 'from=python');
    const at = { from: 'python' };
    for (const from of [20, 0, 10]) python('write', { path: table, columns: columns(from, 10) });
    const numbers = async () => (await ourRows(await store.dataset(at, { orderedOn: 'ts' }))).map(({ n }) => Number(n));
    expect(await numbers()).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(python('checkpoint', { path: table })).toBe(2);
    rmSync(join(table, '_delta_log', '00000000000000000000.json'));
    expect(await numbers()).toEqual(Array.from({ length: 30 }, (_, i) => i));
    const correction = [{ ts: 15_000_000n, n: -15n }];
    await store.write(at, correction, { orderedOn: 'ts', duplicatesOn: ['ts'] });
    expect(await numbers()).toEqual(Array.from({ length: 30 }, (_, i) => (i === 15 ? -15 : i)));
    const theirs = python('read', { path: table }) as Plain[];
    expect(theirs.map(({ n }) => Number(n)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, i) => (i === 15 ? -15 : i)).sort((a, b) => a - b),
    );
  });

  test('a table with deletion vectors or partitions is refused by name', async () => {
    const store = await openStore(plainTemporaryFolder());
    const table = join(store.root, 'from=python');
    const configuration = { 'delta.enableDeletionVectors': 'true' };
    python('write', { path: table, columns: columns(0, 3), configuration });
    await expect(store.dataset({ from: 'python' }, { orderedOn: 'ts' })).rejects.toMatchObject({
      code: 'ERR_STORE_UNSUPPORTED',
      file: table,
    });
  });
});
