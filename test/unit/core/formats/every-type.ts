import type { Fields, TypeText } from '@spillway/core';
import { SCALAR_TYPES } from '#support/type-lists';
import type { SeededRandom } from '../../../support/random.ts';

const INTEGERS: Record<string, [bigint, bigint]> = {
  int8: [-128n, 127n],
  int16: [-32_768n, 32_767n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 255n],
  uint16: [0n, 65_535n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

function bits(random: SeededRandom, count: number): bigint {
  let value = 0n;
  for (let i = 0; i < count; i += 16) value = (value << 16n) | BigInt(random.integer(0, 65_535));
  return value & ((1n << BigInt(count)) - 1n);
}

function integer(random: SeededRandom, [min, max]: [bigint, bigint]): bigint {
  if (random.chance(0.1)) return random.pick([min, max]);
  return min + (bits(random, 64) % (max - min + 1n));
}

const letters = ['', 'a', 'ab', 'naïve', '日本', '🌊', 'x'.repeat(40), 'line\nbreak', '"', 'LAS', 'SFO', 'ATL'];

/** A random value of a type, in the form in which batches take and give values. */
export function randomValue(random: SeededRandom, type: TypeText): unknown {
  const range = INTEGERS[type];
  if (range !== undefined) return type.endsWith('64') ? integer(random, range) : Number(integer(random, range));
  if (type === 'bool') return random.chance(0.5);
  if (type === 'float64') return random.pick([random.anyFloat(), random.next(), -0, Infinity]);
  if (type === 'float32') return Math.fround(random.next() * 1e6);
  if (type === 'utf8' || type === 'dictionary<utf8>') return random.pick(letters);
  if (type === 'binary') return Uint8Array.from({ length: random.integer(0, 5) }, () => random.integer(0, 255));
  if (type.startsWith('fixed')) return Uint8Array.from({ length: 5 }, () => random.integer(0, 255));
  if (type === 'date32') return random.integer(-700_000, 700_000);
  if (type === 'date64') return BigInt(random.integer(-700_000, 700_000)) * 86_400_000n;
  if (type.startsWith('time32')) return random.integer(0, 86_399);
  if (type.startsWith('time64')) return BigInt(random.integer(0, 2 ** 36));
  if (type.startsWith('decimal'))
    return `${random.chance(0.5) ? '-' : ''}${bits(random, 60) % 10n ** 8n}.${String(random.integer(0, 99)).padStart(2, '0')}`;
  if (type.startsWith('list'))
    return Array.from({ length: random.integer(0, 4) }, () => (random.chance(0.2) ? null : random.integer(-100, 100)));
  return BigInt(random.integer(-(2 ** 40), 2 ** 40));
}

const TYPES: TypeText[] = [
  ...SCALAR_TYPES,
  'time32[ms]',
  'time64[us]',
  'time64[ns]',
  'timestamp[s]',
  'timestamp[ms]',
  'timestamp[us]',
  'timestamp[ns]',
  'timestamp[s, UTC]',
  'timestamp[ms, Europe/Paris]',
  'timestamp[us, UTC]',
  'timestamp[ns, America/New_York]',
  'duration[s]',
  'duration[ms]',
  'duration[us]',
  'duration[ns]',
  'decimal(10, 2)',
  'decimal(38, 2)',
  'dictionary<utf8>',
  'fixed[5]',
  'list<int32>',
];

/** One nullable column for each type that a batch can have. */
export const everyType: Fields = TYPES.map((type, i) => ({
  name: `c${i}_${type.replaceAll(/\W+/g, '_')}`,
  type,
  nullable: true,
}));

/** Rows of `everyType` after an ascending, never null `ts`. */
export function randomRows(random: SeededRandom, fields: Fields, rows: number): Record<string, unknown>[] {
  let at = 978_307_200_000_000n;
  return Array.from({ length: rows }, () => {
    at += BigInt(random.integer(0, 5_000_000));
    const values = fields.map(({ name, type, nullable }) => [
      name,
      nullable && random.chance(0.2) ? null : randomValue(random, type),
    ]);
    return { ...Object.fromEntries(values), ts: at } as Record<string, unknown>;
  });
}

export const tsField: Fields = [{ name: 'ts', type: 'timestamp[us, UTC]', nullable: false }];

/** Rows in which columns differ in how many values they have, how these follow each other, and how many are null. */
export function shapedRows(random: SeededRandom, columns: Fields, count: number): Record<string, unknown>[] {
  const shapes = new Map(
    columns.map(({ name, type, nullable }) => [
      name,
      {
        values: Array.from({ length: random.pick([1, 2, 40, 5000]) }, () => randomValue(random, type)),
        run: random.pick([1, 1, 3, 30]),
        nulls: nullable ? random.pick([0, 0, 0.1, 0.95, 1]) : 0,
        at: 0,
      },
    ]),
  );
  let ts = 978_307_200_000_000n;
  return Array.from({ length: count }, (_, row) => {
    ts += BigInt(random.integer(0, 5_000_000));
    const value = (name: string): unknown => {
      const shape = shapes.get(name);
      if (shape === undefined || random.chance(shape.nulls)) return null;
      if (row % shape.run === 0) shape.at = random.integer(0, shape.values.length - 1);
      return shape.values[shape.at];
    };
    return { ...Object.fromEntries(columns.map(({ name }) => [name, value(name)])), ts };
  });
}
