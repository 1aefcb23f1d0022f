import type { TypeText } from '@spillway/core';
import {
  type AggregateColumn,
  type AggregateFn,
  type AggregateSpec,
  createReferenceKernels,
  instantiateKernels,
} from '@spillway/core/internal';
import { expect, test } from 'vitest';
import {
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
  u: 'utf8',
  d: 'dictionary<utf8>',
  b: 'bool',
  i8: 'int8',
  i16: 'int16',
  i32: 'int32',
  i64: 'int64',
  u8: 'uint8',
  u32: 'uint32',
  u64: 'uint64',
  f32: 'float32',
  f64: 'float64',
  day: 'date32',
  at: 'timestamp[us]',
});

const TEXTS = ['', 'a', 'ab', 'zebra', 'é', 'z', '\u{1F600}', '\uFF5E', 'a much longer text than the others'];

function randomValue(type: TypeText, random: SeededRandom): unknown {
  if (random.chance(0.15)) return null;
  switch (type) {
    case 'utf8':
    case 'dictionary<utf8>':
      return random.pick(TEXTS);
    case 'bool':
      return random.chance(0.5);
    case 'int8':
      return random.integer(-128, 127);
    case 'int16':
      return random.integer(-32768, 32767);
    case 'uint8':
      return random.integer(0, 255);
    case 'uint32':
      return random.integer(0, 2 ** 32 - 1);
    case 'uint64':
      return BigInt(random.integer(0, 2 ** 50)) * 3n;
    case 'int64':
    case 'timestamp[us]':
      return BigInt(random.integer(-(2 ** 52), 2 ** 52)) * BigInt(random.integer(1, 9));
    case 'float32':
      return random.pick([0, -0, Math.fround(random.next()), random.integer(-9, 9), NaN, Infinity]);
    case 'float64':
      return random.pick([
        0,
        -0,
        random.next() * 10 ** random.integer(-5, 5),
        random.integer(-99, 99),
        random.chance(0.05) ? NaN : 1.5,
        random.chance(0.02) ? -Infinity : 2.25,
      ]);
    default:
      return random.integer(-20000, 20000);
  }
}

function randomRows(random: SeededRandom, count: number): Row[] {
  let t = BigInt(random.integer(-300, 0));
  return Array.from({ length: count }, () => {
    if (random.chance(0.4)) t += BigInt(random.integer(0, 12));
    return Object.fromEntries(FIELDS.map(({ name, type }) => [name, name === 't' ? t : randomValue(type, random)]));
  });
}

const SUMMABLE: TypeText[] = [
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint32',
  'uint64',
  'float32',
  'float64',
];

function randomColumns(random: SeededRandom): AggregateColumn[] {
  const columns: AggregateColumn[] = [];
  for (const { name, type } of FIELDS.slice(1)) {
    const fns: AggregateFn[] = [
      'first',
      'last',
      'min',
      'max',
      'count',
      ...(SUMMABLE.includes(type) ? (['sum', 'mean', 'var', 'std'] as const) : []),
    ];
    for (const fn of fns) if (random.chance(0.25)) columns.push({ name: `${fn}_${name}`, fn, column: name });
  }
  if (random.chance(0.5)) columns.push({ name: 'n', fn: 'count' });
  return columns;
}

function randomSpec(random: SeededRandom): AggregateSpec {
  const keys = ['u', 'd', 'b', 'i8', 'u64', 'day', 'at'].filter(() => random.chance(0.25));
  const widths = [7, 10, 20, 60, 100, 14];
  const aggregations = Array.from({ length: random.integer(1, 4) }, (_, index) =>
    aggregation(`a${index}`, random.pick(widths), randomColumns(random), random.pick([0, 0, 3, -10])),
  );
  return aggregateSpec(keys, aggregations);
}

function check(actual: unknown, expected: unknown): void {
  expect(actual).toEqual(expected);
}

for (let round = 0; round < 16; round++) {
  test(`whole, cut anyhow and over lanes, equals the model (${round})`, async () => {
    const random = seededRandom();
    const spec = randomSpec(random);
    const rows = randomRows(random, random.integer(0, 400));
    const expected = modelAggregate(spec, FIELDS, rows);
    const sizes = random.pick([[1000], [1], [7], [0, 13, 1, 50], [64, 3]]);
    const [one, other] = round % 2 === 0 ? kernels : kernels.toReversed();
    check(await runWhole(arena, spec, FIELDS, cutBatches(arena, FIELDS, rows, sizes), one), expected);
    const lanes = random.integer(1, 3);
    const laneOf = (): number => random.integer(0, lanes - 1);
    const cut = cutBatches(arena, FIELDS, rows, random.pick([[5], [40], [100, 1]]));
    check(await runLanes(arena, spec, FIELDS, cut, lanes, laneOf, other), expected);
  });
}

for (let round = 0; round < 16; round++) {
  test(`states that go to disk at every other packet come back the same (${round})`, async () => {
    const random = seededRandom();
    const accumulate = random.chance(0.5);
    const spec = { ...randomSpec(random), accumulate };
    const rows = randomRows(random, random.integer(50, 400));
    const expected = modelAggregate(spec, FIELDS, rows);
    const [one, other] = round % 2 === 0 ? kernels : kernels.toReversed();
    const options = { shareBytes: random.pick([1, 30_000, 60_000, 120_000]), emissionsVisible: random.chance(0.3) };
    await withSpill(async (spill) => {
      const cut = cutBatches(arena, FIELDS, rows, random.pick([[1000], [3], [7], [0, 13, 1, 50]]));
      check(await runWhole(arena, spec, FIELDS, cut, one, { ...options, spill }), expected);
    });
    await withSpill(async (spill) => {
      const lanes = random.integer(1, 3);
      const laneOf = (): number => random.integer(0, lanes - 1);
      const cut = cutBatches(arena, FIELDS, rows, random.pick([[5], [40], [100, 1]]));
      check(await runLanes(arena, spec, FIELDS, cut, lanes, laneOf, other, { ...options, spill }), expected);
    });
  });
}

for (let round = 0; round < 4; round++) {
  test(`where nobody sees the order inside a bin, bins stay in order and have the same rows (${round})`, async () => {
    const random = seededRandom();
    const spec = { ...randomSpec(random), accumulate: random.chance(0.5) };
    const rows = randomRows(random, random.integer(50, 400));
    const expected = modelAggregate(spec, FIELDS, rows);
    const shareBytes = random.pick([1, 60_000, Infinity]);
    await withSpill(async (spill) => {
      const cut = cutBatches(arena, FIELDS, rows, random.pick([[1000], [7], [0, 13, 1, 50]]));
      const given = await runWhole(arena, spec, FIELDS, cut, kernels[round % 2], {
        spill,
        shareBytes,
        tiesUnseen: true,
      });
      for (const [name, own] of Object.entries(expected)) {
        const found = given[name] ?? [];
        expect(found.map(({ t }) => t)).toEqual(own.map(({ t }) => t));
        expect(found.map(textOf).sort()).toEqual(own.map(textOf).sort());
      }
    });
  });
}

function textOf(row: Row): string {
  return Object.entries(row)
    .map(([name, value]) => `${name} ${Object.is(value, -0) ? '-0' : String(value)}`)
    .join();
}
