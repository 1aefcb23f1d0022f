/** The Python library OUPS itself: stores that it writes, read by us; stores that we write, read and merged into by it. */
import { join } from 'node:path';
import {
  type Dataset,
  exportOups,
  importOups,
  type OupsDataset,
  openOupsStore,
  openStore,
  type Shape,
} from '@spillway/core';
import { batchToRows, createArena } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { type SeededRandom, seededRandom } from '../support/random.ts';
import { plainTemporaryFolder } from '../support/temporary-folder.ts';
import { hasOups, oups } from './oups-environment.ts';

type Row = Record<string, unknown>;
type PlainRow = Record<string, string | boolean | null>;
type Columns = Record<string, [kind: string, values: unknown[]]>;
interface State {
  rows: PlainRow[];
  groups: number[];
}

const VERSIONS = ['newest', 'oldest'] as const;
const key = { symbol: 'AAPL', freq: '1h' };
const keys = { levels: [{ symbol: 'text', freq: 'text' }] } as const;

async function rowsOf(dataset: Dataset | OupsDataset): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const batch of dataset.batches(createArena(), {})) {
    rows.push(...batchToRows(batch));
    batch.release();
  }
  return rows;
}

function floatText(value: number): string | null {
  if (Number.isNaN(value)) return null;
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0.0' : /^-?\d+$/.test(String(value)) ? `${value}.0` : String(value);
}

/** Rows as the Python script prints them. `types` are of what is read: times count nanoseconds. */
function asPython(rows: readonly Row[], types: Shape): PlainRow[] {
  const text = (name: string, value: unknown): PlainRow[string] => {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
    const type = types[name] ?? '';
    if (type.startsWith('float')) return floatText(value as number);
    return String(type.startsWith('timestamp[us') ? (value as bigint) * 1000n : value);
  };
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, text(name, value)])));
}

function typesOf(dataset: Dataset | OupsDataset): Shape {
  return Object.fromEntries(dataset.fields.map(({ name, type }) => [name, type]));
}

describe.skipIf(!hasOups())('a store that OUPS writes', () => {
  const hours = [0, 1, 1, 5, 9].map((hour) => hour * 3_600_000_000_000);
  const columns: Columns = {
    ts: ['timestamp', hours],
    zoned: ['zoned', hours],
    n: ['int64', [1, 2, 3, 4, 2 ** 40]],
    small: ['uint16', [0, 1, 2, 3, 65_535]],
    maybe: ['Int64', [1, null, 3, null, 5]],
    x: ['float64', [0.5, null, -1, 3, 1e300]],
    f: ['float32', [0.5, null, -1, 3, 2]],
    s: ['object', ['a', 'ä', '', 'x'.repeat(200), 'e']],
    c: ['category', ['a', 'b', 'a', 'b', 'a']],
    ok: ['bool', [true, false, true, false, true]],
  };
  const options = { ordered_on: 'ts', row_group_target_size: 2 };

  test.each(VERSIONS)('is read and taken over (%s)', async (version) => {
    const path = plainTemporaryFolder();
    const metadata =
      "{'text': 'ä', 'n': 5, 'x': 2.0, 'list': [1, 'a', None], 'when': pandas.Timestamp('2024'), 'flag': True}";
    const { rows, groups } = oups(version, 'write', { path, columns, options, metadata }) as State;
    const dataset = await (await openOupsStore(path, { keys })).dataset(key);
    expect(dataset.orderedOn).toBe('ts');
    expect(dataset.fields.find(({ name }) => name === 'zoned')?.type).toMatch(/, Europe\/Paris\]$/);
    expect(dataset.rowGroups.map((group) => group.rows)).toEqual(groups);
    expect(dataset.metadata).toEqual({ text: 'ä', n: 5n, x: 2, list: [1n, 'a', null], flag: true });
    expect(dataset.objects).toEqual({ when: expect.stringContaining('imestamp') });
    expect(asPython(await rowsOf(dataset), typesOf(dataset))).toEqual(rows);

    const home = await openStore(plainTemporaryFolder());
    await importOups(path, home, { keys });
    const taken = await home.dataset(key);
    expect(asPython(await rowsOf(taken), typesOf(taken))).toEqual(rows);
    const back = plainTemporaryFolder();
    await exportOups(home, back, { keys });
    const there = oups(version, 'read', { path: back }) as State & { metadata: Record<string, string> };
    expect(there.rows).toEqual(rows);
    expect(there.metadata).toEqual({ text: "'ä'", n: '5', x: '2.0', list: "[1, 'a', None]", flag: 'True' });
  });
});

describe.skipIf(!hasOups())('a store that we write', () => {
  const schema = {
    ts: 'timestamp[us]',
    zoned: 'timestamp[ms, Europe/Paris]',
    utc: 'timestamp[us, UTC]',
    n: 'int64',
    byte: 'uint8',
    huge: 'uint64',
    maybe: 'int32',
    never: 'int64',
    x: 'float64',
    s: 'utf8',
    tag: 'dictionary<utf8>',
    day: 'date32',
    ok: 'bool',
    maybeNot: 'bool',
    bytes: 'binary',
  } as const satisfies Shape;

  function randomRows(random: SeededRandom, count: number): Row[] {
    const maybe = <T>(value: T): T | null => (random.chance(0.2) ? null : value);
    const times = Array.from({ length: count }, () => random.integer(-500, 500)).sort((a, b) => a - b);
    return times.map((hour) => ({
      ts: BigInt(hour) * 3_600_000_001n,
      zoned: BigInt(hour) * 7_200_000n,
      utc: maybe(BigInt(hour)),
      n: 2n ** 60n - BigInt(hour),
      byte: random.integer(0, 255),
      huge: 2n ** 64n - BigInt(random.integer(1, 99)),
      maybe: maybe(hour),
      never: null,
      x: maybe(random.pick([1.5, -0, Infinity, 0.1])),
      s: maybe(random.pick(['', 'ä', 'x'.repeat(100)])),
      tag: maybe(random.pick(['a', 'b'])),
      day: maybe(hour),
      ok: random.chance(0.5),
      maybeNot: maybe(random.chance(0.5)),
      bytes: random.pick([Uint8Array.of(), Uint8Array.of(0, 255)]),
    }));
  }

  test.each(VERSIONS)('is read with the rows that we read there ourselves (%s)', async (version) => {
    const random = seededRandom();
    const store = await openStore(plainTemporaryFolder());
    await store.write(key, randomRows(random, 50), {
      schema,
      orderedOn: 'ts',
      rowGroupTarget: random.pick([1, 7, 100]),
      metadata: { by: 'us', odd: '\u0000ä"' },
    });
    const path = plainTemporaryFolder();
    await exportOups(store, path, { keys });
    const there = oups(version, 'read', { path }) as State & { keys: string[]; orderedOn: string; metadata: object };
    const dataset = await (await openOupsStore(path, { keys })).dataset(key);
    expect(there).toMatchObject({ keys: ['AAPL-1h'], orderedOn: 'ts', metadata: { by: "'us'" } });
    expect(there.rows).toEqual(asPython(await rowsOf(dataset), typesOf(dataset)));
    expect(there.groups).toEqual(dataset.rowGroups.map((group) => group.rows));
  });

  test.each(VERSIONS)('is merged into, and read back (%s)', async (version) => {
    const store = await openStore(plainTemporaryFolder());
    const plain = { ts: 'timestamp[us]', n: 'int64', s: 'utf8' } as const;
    const hour = 3_600_000_000;
    const row = (at: number, n: number) => ({ ts: BigInt(at * hour), n: BigInt(n), s: `s${n}` });
    const rows = Array.from({ length: 10 }, (_, i) => row(i, i));
    await store.write(key, rows, { schema: plain, orderedOn: 'ts', rowGroupTarget: 4 });
    const path = plainTemporaryFolder();
    await exportOups(store, path, { keys });
    const columns: Columns = {
      ts: ['timestamp', [3, 3.5, 20].map((at) => at * hour * 1000)],
      n: ['int64', [30, 35, 200]],
      s: ['object', ['s30', 's35', 's200']],
    };
    const options = { ordered_on: 'ts', row_group_target_size: 4, duplicates_on: 'ts' };
    oups(version, 'write', { path, columns, options });
    await importOups(path, store, { keys, mode: 'overwrite' });
    const expected = [row(0, 0), row(1, 1), row(2, 2), row(3, 30), row(3.5, 35), ...rows.slice(4), row(20, 200)];
    const nanoseconds = expected.map((each) => ({ ...each, ts: each.ts * 1000n }));
    expect(await rowsOf(await store.dataset(key))).toEqual(nanoseconds);
  });
});

describe.skipIf(!hasOups())('random writes', () => {
  interface History {
    options: {
      ordered_on: 'ts';
      row_group_target_size: number | string;
      duplicates_on: string[] | string | null;
      max_n_off_target_rgs: number | null;
    };
    writes: (Columns | null)[];
  }
  const PERIODS: Record<string, string> = { '6h': '6h', D: '1d', MS: '1mo' };

  /** Of rows that are equal in these columns and the ordered one the last. */
  function keepLast(rows: PlainRow[], on: string | string[] | null): PlainRow[] {
    if (on === null) return rows;
    const names = typeof on === 'string' ? [on] : on.length === 0 ? ['k', 'n', 'w'] : on;
    const identity = (row: PlainRow): string => ['ts', ...names].map((name) => row[name]).join('|');
    const last = new Map(rows.map((row, i) => [identity(row), i]));
    return rows.filter((row, i) => last.get(identity(row)) === i);
  }

  function columnsOf(rows: PlainRow[], isTime: boolean): Columns {
    const numbers = (name: string): unknown[] => rows.map((row) => Number(row[name]));
    return {
      ts: [isTime ? 'timestamp' : 'int64', numbers('ts')],
      k: ['object', rows.map((row) => row['k'])],
      n: ['int64', numbers('n')],
      w: ['int64', numbers('w')],
    };
  }

  function randomHistory(random: SeededRandom): History {
    const isTime = random.chance(0.5);
    const span = random.pick([5, 60, 400]);
    const duplicatesOn = random.pick([null, 'ts', ['k'], ['k', 'n'], []]);
    const writes = Array.from({ length: random.integer(2, 6) }, (_, i): Columns | null => {
      const count = i === 0 ? random.integer(1, 80) : random.pick([0, 1, 2, 15, 80]);
      if (count === 0) return null;
      const steps = Array.from({ length: count }, () => random.integer(0, span)).sort((a, b) => a - b);
      const rows = steps.map((step): PlainRow => {
        const ts = isTime ? step * 3_600_000_000_000 : step;
        return { ts: String(ts), k: random.pick(['a', 'b', 'c']), n: String(random.integer(0, 3)), w: String(i) };
      });
      // Of rows that are equal among themselves OUPS may lose others: it counts them before it drops some.
      return columnsOf(keepLast(rows, duplicatesOn), isTime);
    });
    return {
      options: {
        ordered_on: 'ts',
        row_group_target_size: random.pick([1, 3, 10, 1000, ...(isTime ? Object.keys(PERIODS) : [])]),
        duplicates_on: duplicatesOn,
        max_n_off_target_rgs: random.pick([null, 1, 2, 4]),
      },
      writes,
    };
  }

  /** The state after each write of ours. */
  async function ourStates({ options, writes }: History): Promise<State[]> {
    const store = await openStore(plainTemporaryFolder());
    const isTime = writes[0]?.['ts']?.[0] === 'timestamp';
    const states: State[] = [];
    for (const columns of writes) {
      const steps = columns?.['ts']?.[1] ?? [];
      const rows = steps.map((ts, i) => ({
        ts: BigInt(ts as number),
        ...Object.fromEntries(['k', 'n', 'w'].map((name) => [name, columns?.[name]?.[1][i]])),
      }));
      const { duplicates_on: on, row_group_target_size: target } = options;
      await store.write(key, rows, {
        schema: { ts: isTime ? 'timestamp[ns]' : 'int64', k: 'utf8', n: 'int64', w: 'int64' },
        orderedOn: 'ts',
        duplicatesOn: typeof on === 'string' ? [on] : on,
        rowGroupTarget: typeof target === 'number' ? target : (PERIODS[target] ?? target),
        maxOffTargetRowGroups: options.max_n_off_target_rgs,
      });
      const dataset = await store.dataset(key);
      const found = asPython(await rowsOf(dataset), typesOf(dataset));
      states.push({ rows: found, groups: dataset.files().map((file) => file.rows) });
    }
    return states;
  }

  /** Stored rows before new ones, stable; of equal rows the last. */
  function modelStates({ options, writes }: History): PlainRow[][] {
    let rows: PlainRow[] = [];
    return writes.map((columns) => {
      const added = (columns?.['ts']?.[1] ?? []).map((_, i) =>
        Object.fromEntries(Object.entries(columns ?? {}).map(([name, [, values]]) => [name, String(values[i])])),
      );
      const all = [...rows, ...added].sort((a, b) => Number(a['ts']) - Number(b['ts']));
      rows = keepLast(all, options.duplicates_on);
      return rows;
    });
  }

  /** Whether row groups share a value. Where they do, OUPS sorts them anew and keeps neither their order nor apart what is equal. */
  function sharesValues({ rows, groups }: State): boolean {
    let end = 0;
    return groups.slice(0, -1).some((count) => {
      end += count;
      return rows[end - 1]?.['ts'] === rows[end]?.['ts'];
    });
  }

  test.each(VERSIONS)('give the rows and row groups that OUPS gives (%s)', async (version) => {
    const random = seededRandom();
    const histories = Array.from({ length: 25 }, () => randomHistory(random));
    const path = join(plainTemporaryFolder(), 'histories');
    const theirs = oups(version, 'histories', { path, histories }) as (State | { error: string })[][];
    let compared = 0;
    for (const [i, history] of histories.entries()) {
      const ours = await ourStates(history);
      expect(
        ours.map(({ rows }) => rows),
        JSON.stringify(history),
      ).toEqual(modelStates(history));
      const states = theirs[i] ?? [];
      const end = states.findIndex((state) => 'error' in state || sharesValues(state));
      const comparable = end < 0 ? states : states.slice(0, end);
      expect(ours.slice(0, comparable.length), JSON.stringify(history)).toEqual(comparable);
      compared += comparable.length;
    }
    expect(compared).toBeGreaterThan(30);
  });
});
