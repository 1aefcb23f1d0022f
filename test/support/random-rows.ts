import type { Fields, TypeText } from '@spillway/core';
import { fieldsFromShape, parseType } from '@spillway/core/internal';
import type { SeededRandom } from '#support/random';
import { SCALAR_TYPES } from '#support/type-lists';

export type Row = Record<string, unknown>;

const TYPES: readonly TypeText[] = [
  ...SCALAR_TYPES,
  'time64[us]',
  'timestamp[s]',
  'timestamp[ns, Europe/Paris]',
  'duration[ms]',
  'decimal(12, 3)',
  'dictionary<utf8>',
  'fixed[5]',
  'list<int32>',
  'list<utf8>',
  'list<bool>',
  'list<list<float64>>',
];

function randomText(random: SeededRandom): string {
  return random.pick(['', 'a', 'ABC', 'naïve', '€', '日本', 'x'.repeat(random.integer(0, 40)), '𝄞', '\ufeffbom']);
}

function randomBytes(random: SeededRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.integer(0, 255));
}

function randomInteger(random: SeededRandom, type: TypeText): number | bigint {
  const bits = Number(/\d+$/.exec(type)?.[0]);
  const value = BigInt(random.integer(0, 2 ** 32 - 1)) * BigInt(random.integer(0, 2 ** 32 - 1));
  const wrapped = type.startsWith('u') ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value);
  return bits === 64 ? wrapped : Number(wrapped);
}

function decimalText(random: SeededRandom): string {
  return `${random.pick(['', '-'])}${random.integer(1, 999_999)}.${String(random.integer(0, 999)).padStart(3, '0')}`;
}

/** A value of a type, in the form in which `columnReader` gives it; null now and then where that is allowed. */
export function randomValue(random: SeededRandom, type: TypeText, nullable: boolean): unknown {
  if (nullable && random.chance(0.2)) return null;
  const parsed = parseType(type);
  if (parsed.of !== undefined)
    return Array.from({ length: random.integer(0, 3) }, () => randomValue(random, parsed.of as TypeText, true));
  if (parsed.precision !== undefined) return decimalText(random);
  if (type === 'float32') return Math.fround(random.anyFloat());
  switch (parsed.domain) {
    case 'bool':
      return random.chance(0.5);
    case 'int':
    case 'uint':
      return randomInteger(random, type);
    case 'float':
      return random.anyFloat();
    case 'utf8':
      return randomText(random);
    case 'temporal': {
      const days = random.integer(-100_000, 100_000);
      if (type === 'date64') return BigInt(days) * 86_400_000n;
      return parsed.byteWidth === 4 ? days : BigInt(days) * 1_234_567n;
    }
    case 'opaque':
      return randomBytes(random, parsed.byteWidth > 0 ? parsed.byteWidth : random.integer(0, 6));
  }
}

/** A schema of some columns of any type. */
export function randomFields(random: SeededRandom): Fields {
  const shape = Array.from(
    { length: random.integer(1, 8) },
    (_, index) => [`c${index}`, { type: random.pick(TYPES), nullable: random.chance(0.7) }] as const,
  );
  return fieldsFromShape(Object.fromEntries(shape));
}

export function randomRows(random: SeededRandom, fields: Fields, count: number): Row[] {
  return Array.from({ length: count }, () =>
    Object.fromEntries(fields.map((field) => [field.name, randomValue(random, field.type, field.nullable)])),
  );
}
