import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Fields } from '@spillway/core';
import {
  type Arena,
  type Batch,
  batchToRows,
  buildChain,
  createArena,
  fieldsFromShape,
  instantiateKernels,
  LaneSpill,
  nodeDisk,
  restoreOperators,
  rowsToBatch,
  SnapshotFiles,
  SnapshotSource,
  type SpillDisk,
  type StageChain,
  saveOperators,
} from '@spillway/core/internal';
import { afterEach, expect, test } from 'vitest';
import { chainServices } from '#support/driven-stage';
import { type SeededRandom, seededRandom } from '#support/random';
import { type Row, randomValue } from '#support/random-rows';
import { temporaryFolder } from '#support/temporary-folder';
import { SCALAR_TYPES } from '#support/type-lists';
import { makeStage } from '../../../../support/stage.ts';

interface Key {
  column: string;
  descending: boolean;
  nulls: 'first' | 'last';
}

const asc = (column: string): Key => ({ column, descending: false, nulls: 'last' });

interface Started {
  arena: Arena;
  chain: StageChain;
  spill: LaneSpill;
  folder: string;
  emitted: Batch[];
  push(rows: readonly Row[]): Promise<void>;
}

const started: Started[] = [];

afterEach(() => {
  for (const { arena, chain, spill, folder, emitted } of started.splice(0)) {
    void chain.close();
    for (const batch of emitted.splice(0)) batch.release();
    expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([]);
    spill.close();
    expect([arena.usedSlabs(), arena.usedBytes()]).toEqual([0, 0]);
  }
});

interface StartOptions {
  shareBytes?: number;
  disk?: SpillDisk;
  compiled?: boolean;
  signal?: AbortSignal;
  take?: (batch: Batch, arena: Arena) => number;
}

async function start(fields: Fields, by: Key[], options: StartOptions = {}): Promise<Started> {
  const arena = createArena({ maximumBytes: 256 * 2 ** 20, debug: options.compiled !== true });
  const folder = join(temporaryFolder(), 'run');
  const spill = new LaneSpill({
    folder,
    lane: '0',
    sleep: () => Promise.resolve(),
    ...(options.disk && { disk: options.disk }),
  });
  const stage = makeStage(fields, [{ name: 'sort', spec: { kind: 'sort', by } }]);
  const [operator] = stage.operators;
  if (options.shareBytes !== undefined && operator !== undefined) operator.shareBytes = options.shareBytes;
  const emitted: Batch[] = [];
  const take = (batch: Batch): void => void (options.take?.(batch, arena) ?? emitted.push(batch));
  const services = chainServices(arena, [{ push: take }], {
    ...(options.compiled === true && { kernels: instantiateKernels(arena) }),
    ...(options.signal && { signal: options.signal }),
    spill,
  });
  const chain = await buildChain(stage, services);
  const push = async (rows: readonly Row[]): Promise<void> => {
    await chain.push(rowsToBatch(arena, 2, fields, rows));
  };
  const result = { arena, chain, spill, folder, emitted, push };
  started.push(result);
  return result;
}

const SORTABLE = [...SCALAR_TYPES, 'timestamp[us, UTC]', 'duration[ms]', 'decimal(12, 3)', 'dictionary<utf8>'] as const;
const CARRIED = [
  'utf8',
  'fixed[5]',
  'list<int32>',
  'list<utf8>',
  'list<bool>',
  'list<list<float64>>',
  'bool',
  'dictionary<utf8>',
] as const;

function decimal(value: string): number {
  return Number(value);
}

function compareValues(type: string, a: unknown, b: unknown): number {
  if (type.startsWith('decimal')) return decimal(a as string) - decimal(b as string);
  if (a instanceof Uint8Array) return Buffer.compare(a, b as Uint8Array);
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

/** The stable sort of plain rows. */
function expected(fields: Fields, by: readonly Key[], rows: readonly Row[]): Row[] {
  const typeOf = (column: string): string => fields.find(({ name }) => name === column)?.type ?? '';
  return [...rows].sort((left, right) => {
    for (const { column, descending, nulls } of by) {
      const [a, b] = [left[column], right[column]];
      if (a === null || b === null) {
        if (a === b) continue;
        return (a === null) === (nulls === 'first') ? -1 : 1;
      }
      const order = compareValues(typeOf(column), a, b);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  });
}

function rowsOf({ emitted }: Started): Row[] {
  return emitted.flatMap((batch) => batchToRows(batch) as Row[]);
}

function randomKeys(random: SeededRandom, fields: Fields): Key[] {
  const count = random.integer(1, Math.min(3, fields.length));
  return fields.slice(0, count).map(({ name }) => ({
    column: name,
    descending: random.chance(0.4),
    nulls: random.pick(['first', 'last']),
  }));
}

/** Rows of few distinct values, so that there are ties. */
function tiedRows(random: SeededRandom, fields: Fields, count: number): Row[] {
  const values = fields.map(({ type, nullable }) =>
    Array.from({ length: random.integer(1, 12) }, () => randomValue(random, type, nullable)),
  );
  return Array.from({ length: count }, () =>
    Object.fromEntries(fields.map(({ name }, index) => [name, random.pick(values[index] as unknown[])])),
  );
}

async function pushCut(stage: Started, random: SeededRandom, rows: readonly Row[]): Promise<void> {
  for (let from = 0; from < rows.length; ) {
    const size = random.pick([0, 1, 2, 9, 40]);
    await stage.push(rows.slice(from, from + size));
    from += size;
  }
}

test('random columns, keys, ties, cuts and shares give the stable sort', async () => {
  const random = seededRandom();
  for (let round = 0; round < 25; round++) {
    const keyTypes = Array.from({ length: random.integer(1, 3) }, () => random.pick(SORTABLE));
    const types = [...keyTypes, random.pick(CARRIED)];
    const fields: Fields = types.map((type, index) => ({ name: `c${index}`, type, nullable: random.chance(0.7) }));
    const by = randomKeys(random, fields.slice(0, -1));
    const rows = tiedRows(random, fields, random.pick([0, 1, 2, 30, 100, 300]));
    const shareBytes = random.pick([60, 1000, 5000, 20_000, 2 ** 20]);
    const stage = await start(fields, by, { shareBytes });
    await pushCut(stage, random, rows);
    await stage.chain.end();
    expect(rowsOf(stage), `${JSON.stringify(by)} ${types.join()} share ${shareBytes}`).toEqual(
      expected(fields, by, rows),
    );
  }
});

test('another sort goes on from a snapshot, whatever the first did afterwards', async () => {
  const random = seededRandom();
  for (let round = 0; round < 15; round++) {
    const fields: Fields = ['int64', 'utf8', random.pick(CARRIED)].map((type, index) => ({
      name: `c${index}`,
      type: type as Fields[number]['type'],
      nullable: true,
    }));
    const by = randomKeys(random, fields.slice(0, -1));
    const rows = tiedRows(random, fields, random.pick([2, 30, 300]));
    const half = random.integer(0, rows.length);
    const shareBytes = random.pick([60, 1000, 20_000, 2 ** 20]);
    const first = await start(fields, by, { shareBytes });
    await pushCut(first, random, rows.slice(0, half));
    const files = new SnapshotFiles(first.arena, first.spill, 'sort');
    const saved = structuredClone(await saveOperators(first.chain.operators, files));
    const kept = files.finish();
    await pushCut(first, random, rows.slice(half));

    const second = await start(fields, by, { shareBytes });
    const source = new SnapshotSource(second.arena, second.spill, 'sort', kept);
    await restoreOperators(second.chain.operators, saved, source);
    source.close();
    await pushCut(second, random, rows.slice(half));
    await second.chain.end();
    expect(rowsOf(second), `${JSON.stringify(by)} share ${shareBytes}`).toEqual(expected(fields, by, rows));
    await first.chain.close();
    for (const { path } of kept) rmSync(path);
  }
});

test('random floats and integers with the compiled kernels', async () => {
  const random = seededRandom();
  const fields = fieldsFromShape({ x: 'float64', n: 'int64', row: 'int32', text: 'utf8' });
  for (const shareBytes of [3000, 100_000, 2 ** 22]) {
    const rows = Array.from({ length: 5000 }, (_, row) => ({
      x: random.chance(0.1) ? null : random.pick([0, -0, Number.NaN, Infinity, -Infinity, random.anyFloat(), 1.5]),
      n: BigInt(random.integer(-5, 5)),
      row,
      text: 'x'.repeat(random.integer(0, 30)),
    }));
    const stage = await start(fields, [asc('n'), { column: 'x', descending: true, nulls: 'first' }], {
      shareBytes,
      compiled: true,
    });
    await pushCut(stage, random, rows);
    await stage.chain.end();
    expect(rowsOf(stage)).toEqual(
      expected(fields, [asc('n'), { column: 'x', descending: true, nulls: 'first' }], rows),
    );
  }
});

const TS = fieldsFromShape({ ts: 'int64', row: 'int32' });

test('equal keys stay in the order of their rows, through several passes on disk', async () => {
  const rows = Array.from({ length: 3000 }, (_, row) => ({ ts: BigInt((row * 7) % 5), row }));
  const stage = await start(TS, [asc('ts')], { shareBytes: 2000 });
  for (let from = 0; from < rows.length; from += 100) await stage.push(rows.slice(from, from + 100));
  expect(stage.spill.spilledBytes).toBeGreaterThan(0);
  await stage.chain.end();
  expect(rowsOf(stage)).toEqual(expected(TS, [asc('ts')], rows));
});

test('every 65,536 rows are one logical input, the rest another, at every share', async () => {
  const rows = 150_000;
  for (const shareBytes of [300_000, 64 * 2 ** 20]) {
    const stage = await start(TS, [asc('ts')], { shareBytes, compiled: true });
    for (let from = 0; from < rows; from += 10_000)
      await stage.push(Array.from({ length: 10_000 }, (_, i) => ({ ts: BigInt(((from + i) * 7919) % rows), row: i })));
    await stage.chain.end();
    const inputs: number[] = [0];
    for (const batch of stage.emitted) {
      inputs[inputs.length - 1] = (inputs.at(-1) as number) + batch.rows;
      expect(batch.rows).toBeLessThanOrEqual(65_536);
      if (batch.inputs > 0) inputs.push(0);
    }
    expect(inputs).toEqual([65_536, 65_536, 18_928, 0]);
    const sorted = rowsOf(stage).map((row) => Number(row['ts']));
    expect(sorted.every((ts, index) => ts === index)).toBe(true);
  }
});

test('input in order is one run: nothing is compared row by row at the end, batches go on as they are', async () => {
  const stage = await start(TS, [asc('ts')]);
  for (let from = 0; from < 3; from++)
    await stage.push(Array.from({ length: 65_536 }, (_, row) => ({ ts: BigInt(from * 65_536 + row), row })));
  await stage.chain.end();
  expect(stage.emitted.map((batch) => batch.rows)).toEqual([65_536, 65_536, 65_536]);
});

test('no rows give no batch', async () => {
  const stage = await start(TS, [asc('ts')]);
  await stage.push([]);
  await stage.chain.end();
  expect(stage.emitted).toEqual([]);
});

test('holds no more than its share, one batch in and one piece out, and leaves no file', async () => {
  const random = seededRandom();
  const shareBytes = 2 ** 20;
  let [peak, rows] = [0, 0];
  const take = (batch: Batch, arena: Arena): number => {
    peak = Math.max(peak, arena.bytesOf(1));
    rows += batch.rows;
    batch.release();
    return rows;
  };
  const stage = await start(TS, [asc('ts')], { shareBytes, compiled: true, take });
  for (let round = 0; round < 25; round++) {
    await stage.push(Array.from({ length: 10_000 }, (_, row) => ({ ts: BigInt(random.integer(0, 1e9)), row })));
    peak = Math.max(peak, stage.arena.bytesOf(1));
  }
  await stage.chain.end();
  expect(peak).toBeLessThan(shareBytes * 1.25);
  // Beside its share and what the packing of small slabs takes, there is the batch that comes in: 10,000 rows.
  expect(stage.arena.highWaterBytes()).toBeLessThan(shareBytes * 1.5 + 10_000 * 40);
  expect(stage.spill.spilledBytes).toBeGreaterThan(200_000 * 12);
  expect(rows).toBe(250_000);
});

test('pressure puts what is held on disk', async () => {
  const stage = await start(TS, [asc('ts')]);
  for (let round = 0; round < 4; round++)
    await stage.push(Array.from({ length: 65_536 }, (_, row) => ({ ts: BigInt((row * 31) % 1000), row })));
  const before = stage.arena.bytesOf(1);
  await stage.chain.operators[0]?.flush('pressure');
  expect(stage.arena.bytesOf(1)).toBeLessThan(before / 10);
  expect(stage.emitted).toEqual([]);
  await stage.chain.end();
  expect(stage.emitted.reduce((sum, batch) => sum + batch.rows, 0)).toBe(4 * 65_536);
});

test('spills before its share is full where others hold the memory', async () => {
  const stage = await start(TS, [asc('ts')], { compiled: true, shareBytes: 2 ** 22 });
  const rows = Array.from({ length: 65_536 }, (_, row) => ({ ts: BigInt((row * 31) % 1000), row }));
  await stage.push(rows);
  await stage.push(rows);
  const batch = rowsToBatch(stage.arena, 2, TS, rows);
  stage.arena.setLimit(stage.arena.usedBytes() + 500_000);
  await stage.chain.push(batch);
  expect(stage.spill.spilledBytes).toBeGreaterThan(0);
  stage.arena.setLimit(256 * 2 ** 20);
  await stage.chain.end();
  expect(stage.emitted.reduce((sum, { rows: count }) => sum + count, 0)).toBe(3 * 65_536);
});

test('a disk that fails fails the sort, and everything is given back', async () => {
  let writes = 0;
  const disk: SpillDisk = {
    ...nodeDisk,
    write: (fd, views, position) => {
      if (++writes > 20) throw Object.assign(new Error('no'), { code: 'ENOSPC' });
      return nodeDisk.write(fd, views, position);
    },
  };
  const stage = await start(TS, [asc('ts')], { shareBytes: 3000, disk });
  const pushAll = async (): Promise<void> => {
    for (let round = 0; round < 200; round++)
      await stage.push(Array.from({ length: 100 }, (_, row) => ({ ts: BigInt((row * 31) % 100), row })));
    await stage.chain.end();
  };
  await expect(pushAll()).rejects.toMatchObject({ code: 'ERR_SPILL_DISK', stage: 'sort' });
});

test('a damaged file fails the sort in the end, and everything is given back', async () => {
  let reads = 0;
  const disk: SpillDisk = {
    ...nodeDisk,
    read: (fd, view, position) => {
      const read = nodeDisk.read(fd, view, position);
      if (++reads === 5) view[view.length - 1] = (view[view.length - 1] as number) ^ 1;
      return read;
    },
  };
  const stage = await start(TS, [asc('ts')], { shareBytes: 3000, disk });
  for (let round = 0; round < 50; round++)
    await stage.push(Array.from({ length: 100 }, (_, row) => ({ ts: BigInt((row * 31) % 100), row })));
  await expect(stage.chain.end()).rejects.toMatchObject({ code: 'ERR_SPILL_CORRUPT' });
});

test('stops between two batches when the run is aborted', async () => {
  const abort = new AbortController();
  const stage = await start(TS, [asc('ts')], { shareBytes: 3000, signal: abort.signal });
  for (let round = 0; round < 20; round++)
    await stage.push(Array.from({ length: 100 }, (_, row) => ({ ts: BigInt((row * 31) % 100), row })));
  abort.abort();
  await expect(stage.chain.end()).rejects.toMatchObject({ code: 'ERR_ABORTED' });
});
