/** Rows of nearly as many keys travel as they are, and as states where keys come again: the same comes of both. */
import {
  type AggregateColumn,
  type Batch,
  createAggregatePartial,
  createReferenceKernels,
  instantiateKernels,
} from '@spillway/core/internal';
import { expect, test } from 'vitest';
import {
  aggregateHarness,
  aggregateSpec,
  aggregation,
  cutBatches,
  fieldsWithNulls,
  type Row,
  runLanes,
  runWhole,
  testArena,
  withSpill,
} from '../../../support/aggregate-harness.ts';
import { modelAggregate } from '../../../support/aggregate-model.ts';
import { type SeededRandom, seededRandom } from '../../../support/random.ts';

const arena = testArena();
const kernels = [instantiateKernels(arena), createReferenceKernels(arena)];

const FIELDS = fieldsWithNulls({
  t: 'int64',
  long: 'int64',
  int: 'int32',
  short: 'uint16',
  text: 'utf8',
  yes: 'bool',
  city: 'dictionary<utf8>',
  price: 'float64',
  half: 'float32',
  size: 'int32',
  tiny: 'uint8',
  wide: 'uint64',
  day: 'date32',
});

const PRICES = [0, -0, 1.5, NaN, Infinity, -Infinity, 1e300, 3e-310, -1e300, 0.1];

/** Keys in three parts: all new, few, all new again. */
function randomRows(random: SeededRandom, count: number, mayLack: boolean): Row[] {
  let t = BigInt(random.integer(-50, 50));
  const orNull = <T>(value: T): T | null => (mayLack && random.chance(0.1) ? null : value);
  return Array.from({ length: count }, (_, row) => {
    if (random.chance(0.02)) t += BigInt(random.integer(0, 9));
    const isMiddle = row > count * 0.6 && row < count * 0.75;
    const key = isMiddle ? random.integer(0, 7) : random.integer(0, 2 ** 20);
    return {
      t,
      long: orNull(BigInt(key) << BigInt(random.pick([0, 0, 0, 40]))),
      int: orNull(key - 2 ** 19),
      short: orNull(key % 65_536),
      text: orNull(`${'k'.repeat(key % 20)}${key}`),
      yes: orNull(key % 2 === 0),
      city: orNull(`c${key % 3}`),
      price: orNull(random.chance(0.2) ? random.pick(PRICES) : random.integer(-9999, 9999) / 100),
      half: orNull(Math.fround(random.next())),
      size: orNull(random.integer(-9, 9) * 2 ** 27),
      tiny: orNull(random.integer(0, 255)),
      wide: orNull(BigInt(random.integer(0, 2 ** 50))),
      day: orNull(random.integer(-20_000, 20_000)),
    };
  });
}

const FUNCTIONS = ['count', 'sum', 'min', 'max', 'first', 'last'] as const;

function randomColumns(random: SeededRandom): AggregateColumn[] {
  const columns: AggregateColumn[] = [{ name: 'n', fn: 'count' }];
  for (const column of ['price', 'half', 'size', 'tiny', 'wide', 'yes'])
    for (const fn of FUNCTIONS) if (random.chance(0.4)) columns.push({ name: `${fn}_${column}`, fn, column });
  for (const fn of ['min', 'last'] as const) columns.push({ name: `${fn}_day`, fn, column: 'day' });
  return columns;
}

const KEYS = [['int'], ['long'], ['text'], ['short', 'long'], ['text', 'int', 'yes'], ['int', 'city']];

/** Packets of rows among those that one lane makes. */
async function packetsOfRows(spec: ReturnType<typeof aggregateSpec>, batches: readonly Batch[]): Promise<boolean[]> {
  const asRows: boolean[] = [];
  const receive = (packet: Batch): void => {
    const base = packet.columns[0]?.values as number;
    asRows.push(((new DataView(arena.buffer).getUint32(base + 4, true) >>> 4) & 1) === 1);
    packet.release();
  };
  const { operator } = aggregateHarness(arena, spec, FIELDS, { create: createAggregatePartial, receive });
  for (const batch of batches) await operator.push(batch);
  operator.close();
  return asRows;
}

for (const [round, by] of KEYS.entries()) {
  test(`keys ${by.join(' and ')} give what the model gives, whole, over lanes and by way of the disk`, async () => {
    const random = seededRandom();
    const rows = randomRows(random, 4000, random.chance(0.7));
    const columns = randomColumns(random);
    const spec = aggregateSpec(by, [aggregation('a', 7, columns), aggregation('b', 21, columns)]);
    const expected = modelAggregate(spec, FIELDS, rows);
    const [one, other] = round % 2 === 0 ? kernels : kernels.toReversed();
    const cut = (): Batch[] => cutBatches(arena, FIELDS, rows, random.pick([[800], [1500, 0, 700], [250]]));
    expect(await runWhole(arena, spec, FIELDS, cut(), one)).toEqual(expected);
    await withSpill(async (spill) => {
      const options = { spill, shareBytes: random.pick([1, 400_000, 2_000_000]) };
      const laneOf = (): number => random.integer(0, 1);
      expect(await runLanes(arena, spec, FIELDS, cut(), 2, laneOf, other, options)).toEqual(expected);
    });
  });
}

test('rows go as they are while most of their keys are new, and as states where a look finds that keys come again', async () => {
  const random = seededRandom();
  const spec = aggregateSpec(['int'], [aggregation('a', 1000, [{ name: 'n', fn: 'count' }])]);
  const rows = Array.from({ length: 70_000 }, (_, row) => ({
    ...randomRows(random, 1, false)[0],
    t: 0n,
    int: row < 20_000 ? row : row % 50,
  }));
  const asRows = await packetsOfRows(spec, cutBatches(arena, FIELDS, rows, [500]));
  expect(asRows.slice(0, 6)).toEqual([false, false, false, true, true, true]);
  expect(asRows.slice(-10)).toEqual(Array.from({ length: 10 }, () => false));
});

test('a long batch behind short ones goes in packets that are not larger than those of states', async () => {
  const random = seededRandom();
  const spec = aggregateSpec(['text'], [aggregation('a', 1000, [{ name: 's', fn: 'sum', column: 'price' }])]);
  const [row] = randomRows(random, 1, false);
  const rows = Array.from({ length: 44_000 }, (_, index) => {
    // First few keys, for which batches need not be cut; then short batches of new ones.
    const key = index < 30_000 ? index % 10 : index;
    return { ...row, t: 0n, text: `${'long '.repeat(20)}${key}` };
  });
  const packets: number[] = [];
  const receive = (packet: Batch): void => {
    packets.push(8 * packet.rows);
    packet.release();
  };
  const { operator } = aggregateHarness(arena, spec, FIELDS, { create: createAggregatePartial, receive });
  for (const batch of cutBatches(arena, FIELDS, rows, [8192, 16_384, 5424, 600, 600, 600, 12_200]))
    await operator.push(batch);
  operator.close();
  expect(Math.max(...packets)).toBeLessThanOrEqual(2 ** 20);
  expect(packets.length).toBeGreaterThan(8);
});

test.each([
  { what: 'a square', by: ['int'], column: { name: 's', fn: 'var' as const, column: 'price' } },
  { what: 'a text', by: ['int'], column: { name: 's', fn: 'min' as const, column: 'text' } },
  { what: 'a key behind codes', by: ['int', 'city'], column: { name: 's', fn: 'sum' as const, column: 'size' } },
])('$what makes states of all rows', async ({ by, column }) => {
  const random = seededRandom();
  const rows = randomRows(random, 4000, false).map((row, index) => ({ ...row, int: index }));
  const spec = aggregateSpec(by, [aggregation('a', 7, [column])]);
  expect(await packetsOfRows(spec, cutBatches(arena, FIELDS, rows, [500]))).not.toContain(true);
});
