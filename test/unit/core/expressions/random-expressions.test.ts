import { type Fields, PipelineError, type TypeText } from '@spillway/core';
import {
  type Arena,
  batchToRows,
  compileExpression,
  createArena,
  createReferenceKernels,
  type EvaluationContext,
  type ExpressionNode,
  fieldsFromShape,
  instantiateKernels,
  interpretExpression,
  makeBatch,
  releaseColumn,
  rowsToBatch,
  sliceBatch,
  typeOfExpression,
} from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';
import { type SeededRandom, seededRandom } from '../../../support/random.ts';

const FIELDS: Fields = fieldsFromShape({
  b: 'bool',
  c: 'bool',
  i8: 'int8',
  i32: 'int32',
  i64: 'int64',
  u16: 'uint16',
  u64: 'uint64',
  f32: 'float32',
  f64: 'float64',
  x: 'float64',
  s: 'utf8',
  t: 'utf8',
  d: 'dictionary<utf8>',
  ts: 'timestamp[us]',
  tz: 'timestamp[ms, America/New_York]',
  day: 'date32',
  span: 'duration[ms]',
});

type Value = bigint | number | boolean | string | null;
type Row = Record<string, Value>;

const TEXTS = ['', 'a', 'A', 'ab', 'ba', 'Ärger', 'z', '  pad ', '東京', '😀b', 'abc'];
const FLOATS = [0, -0, 1, -1.5, 2.5, 0.1, Number.NaN, Infinity, -Infinity, 1e308, 5e-324, 12345.678];

function randomValue(random: SeededRandom, type: TypeText): Value {
  if (random.chance(0.2)) return null;
  const small = BigInt(random.integer(-3, 3));
  switch (type) {
    case 'bool':
      return random.chance(0.5);
    case 'int8':
      return random.chance(0.9) ? small : random.pick([-128n, 127n]);
    case 'int32':
      return random.chance(0.9) ? small : random.pick([-(2n ** 31n), 2n ** 31n - 1n]);
    case 'int64':
      return random.chance(0.95) ? small * 10n : random.pick([-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n]);
    case 'uint16':
      return BigInt(random.integer(0, 4));
    case 'uint64':
      return random.chance(0.95) ? BigInt(random.integer(0, 4)) : 2n ** 64n - 1n;
    case 'float32':
      return Math.fround(random.pick(FLOATS));
    case 'float64':
      return random.pick(FLOATS);
    case 'timestamp[us]':
      return BigInt(random.integer(-4e15, 4e15));
    case 'timestamp[ms, America/New_York]':
      return BigInt(random.integer(0, 2e12));
    case 'date32':
      return BigInt(random.integer(-20_000, 20_000));
    case 'duration[ms]':
      return BigInt(random.integer(-1e9, 1e9));
    default:
      return random.pick(TEXTS);
  }
}

const literal = (type: string, value: number | string | boolean | null): ExpressionNode => ({
  kind: 'lit',
  type,
  value,
});
const column = (name: string): ExpressionNode => ({ kind: 'col', name });

type Family = 'bool' | 'number' | 'text' | 'day' | 'span';
const PARTS = ['year', 'month', 'day', 'hour', 'minute', 'second', 'millisecond', 'weekday', 'dayOfYear'] as const;

/** A random expression whose type is of a family; not all are sound, and those are drawn again. */
function randomNode(random: SeededRandom, family: Family, depth: number): ExpressionNode {
  const sub = (of: Family): ExpressionNode => randomNode(random, of, depth - 1);
  const choice = random.next();
  if (depth > 0 && choice < 0.12)
    return { kind: 'when', condition: sub('bool'), then: sub(family), otherwise: sub(family) };
  if (depth > 0 && choice < 0.2) return { kind: 'coalesce', args: [sub(family), sub(family)] };
  if (choice > 0.97) return literal('null', null);
  switch (family) {
    case 'bool': {
      if (depth <= 0) return column(random.pick(['b', 'c']));
      const of = random.pick(['number', 'number', 'text', 'day', 'span', 'bool'] as const);
      if (random.chance(0.35))
        return { kind: 'binary', fn: random.pick(['and', 'or']), left: sub('bool'), right: sub('bool') };
      if (random.chance(0.15)) return { kind: 'unary', fn: random.pick(['isNull', 'isNotNull']), arg: sub(of) };
      if (random.chance(0.1)) return { kind: 'unary', fn: 'not', arg: sub('bool') };
      if (random.chance(0.1)) return { kind: 'unary', fn: 'isNaN', arg: sub('number') };
      if (random.chance(0.1))
        return {
          kind: 'string',
          fn: random.pick(['contains', 'startsWith', 'endsWith']),
          arg: sub('text'),
          argument: random.pick(['a', 'b', '', 'ä', '京']),
        };
      return { kind: 'binary', fn: random.pick(['eq', 'ne', 'lt', 'le', 'gt', 'ge']), left: sub(of), right: sub(of) };
    }
    case 'number': {
      if (random.chance(0.1))
        return random.pick([
          literal('int64', '2'),
          literal('float64', 1.5),
          literal('int8', -1),
          literal('uint64', '18446744073709551615'),
        ]);
      if (depth <= 0) return column(random.pick(['i8', 'i32', 'i64', 'u16', 'u64', 'f32', 'f64', 'x']));
      if (random.chance(0.2))
        return { kind: 'unary', fn: random.pick(['neg', 'abs', 'floor', 'ceil', 'round', 'sqrt']), arg: sub('number') };
      if (random.chance(0.15))
        return {
          kind: 'cast',
          to: random.pick(['float64', 'float32', 'int64', 'int32', 'uint8', 'int8']),
          arg: sub(random.pick(['number', 'bool'])),
        };
      if (random.chance(0.1)) return { kind: 'string', fn: 'length', arg: sub('text') };
      if (random.chance(0.15)) return { kind: 'dt', part: random.pick(PARTS), arg: sub('day') };
      return {
        kind: 'binary',
        fn: random.pick(['add', 'sub', 'mul', 'div', 'mod']),
        left: sub('number'),
        right: sub('number'),
      };
    }
    case 'text': {
      if (depth > 0 && random.chance(0.15))
        return { kind: 'cast', to: 'utf8', arg: sub(random.pick(['bool', 'number', 'day', 'span'])) };
      if (random.chance(0.1)) return literal('utf8', random.pick(TEXTS));
      if (depth <= 0) return column(random.pick(['s', 't', 'd', 'd']));
      if (random.chance(0.1))
        return {
          kind: 'string',
          fn: 'slice',
          arg: sub('text'),
          from: random.integer(-3, 3),
          ...(random.chance(0.6) && { to: random.integer(-3, 4) }),
        };
      if (random.chance(0.1)) return { kind: 'cast', to: random.pick(['utf8', 'dictionary<utf8>']), arg: sub('text') };
      return {
        kind: 'string',
        fn: random.pick(['lower', 'upper', 'trim', 'concat']),
        arg: sub('text'),
        argument: 'x😀',
      };
    }
    case 'day': {
      if (depth <= 0 || random.chance(0.4)) return column(random.pick(['ts', 'tz', 'day']));
      if (random.chance(0.3)) {
        const to = random.pick([
          'timestamp[ms, Europe/Paris]',
          'timestamp[s, +05:30]',
          'date32',
          'date64',
          'timestamp[us]',
        ]);
        return {
          kind: 'cast',
          to,
          arg: random.chance(0.5) ? sub('day') : { kind: 'cast', to: 'utf8', arg: sub('day') },
        };
      }
      if (random.chance(0.4))
        return { kind: 'cast', to: random.pick(['timestamp[s]', 'timestamp[ns]', 'timestamp[us]']), arg: column('ts') };
      return {
        kind: 'binary',
        fn: random.pick(['add', 'sub']),
        left: column(random.pick(['ts', 'tz'])),
        right: sub('span'),
      };
    }
    case 'span': {
      if (depth <= 0) return column('span');
      if (random.chance(0.3)) return { kind: 'binary', fn: 'mul', left: sub('span'), right: literal('int64', '3') };
      if (random.chance(0.3))
        return { kind: 'binary', fn: 'sub', left: column('ts'), right: column(random.pick(['ts', 'tz'])) };
      return { kind: 'binary', fn: random.pick(['add', 'sub']), left: sub('span'), right: sub('span') };
    }
  }
}

/** Integers as text, so that a number read from a narrow column equals the interpreter's bigint. */
function shown(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  return typeof value === 'bigint' ? `int ${value}` : value;
}

function evaluate(
  arena: Arena,
  context: EvaluationContext,
  node: ExpressionNode,
  rows: Row[],
  skip: number,
): { values: unknown[]; error?: unknown } {
  const compiled = compileExpression(node, FIELDS);
  // The rows as a slice of a larger batch, whose buffers begin at any byte.
  const whole = rowsToBatch(arena, 1, FIELDS, [...Array.from({ length: skip }, () => rows[0] as Row), ...rows]);
  const batch = sliceBatch(arena, 1, whole, skip, rows.length);
  whole.release();
  try {
    const result = compiled.evaluate(batch, context, 'out');
    const out = makeBatch(arena, 1, [{ name: 'out', type: compiled.type, nullable: true }], [result], rows.length);
    releaseColumn(arena, result);
    const isFloat = compiled.type === 'float64' || compiled.type === 'float32';
    const values = batchToRows(out).map((row) =>
      shown(typeof row['out'] === 'number' && !isFloat ? BigInt(row['out']) : row['out']),
    );
    expect(result.nullCount, 'null count').toBe(values.filter((value) => value === null).length);
    out.release();
    return { values };
  } catch (error) {
    return { values: [], error };
  } finally {
    batch.release();
  }
}

function interpretRow(node: ExpressionNode, row: Row): unknown {
  const values = FIELDS.map((field) => row[field.name] as Value);
  return shown(interpretExpression(node, values, FIELDS));
}

/** What each row gives, and which rows are refused. */
function expected(node: ExpressionNode, rows: Row[]): { values: unknown[]; refused: Set<number> } {
  const refused = new Set<number>();
  const values = rows.map((row, index) => {
    try {
      return interpretRow(node, row);
    } catch (error) {
      if (!(error instanceof PipelineError)) throw error;
      refused.add(index);
      return undefined;
    }
  });
  return { values, refused };
}

function soundNode(random: SeededRandom): ExpressionNode {
  for (;;) {
    const node = randomNode(random, random.pick(['bool', 'number', 'number', 'text', 'day', 'span'] as const), 4);
    try {
      typeOfExpression(node, FIELDS);
      return node;
    } catch {
      // The draw has no type; draw again.
    }
  }
}

describe('compiled expressions', () => {
  test.each([
    { kernels: 'plain', place: 'low' },
    { kernels: 'compiled', place: 'low' },
    { kernels: 'compiled', place: 'behind 2 GiB' }, // where 32-bit numbers are negative
  ])('equal a row interpreter on random expressions and columns: $kernels kernels, memory $place', (where) => {
    const random = seededRandom();
    const isHigh = where.place !== 'low';
    const arena = createArena(isHigh ? {} : { maximumBytes: 64 * 2 ** 20, debug: true });
    const below = isHigh ? arena.alloc(2 ** 31, 1) : 0; // reserved, never touched
    const kernels = where.kernels === 'plain' ? createReferenceKernels(arena) : instantiateKernels(arena);
    const context: EvaluationContext = { arena, kernels, owner: 1, name: 'test', position: () => ({}) };
    let failures = 0;
    for (let round = 0; round < 300; round++) {
      const node = soundNode(random);
      const text = JSON.stringify(node);
      const rows = Array.from(
        { length: random.pick([1, 7, 31, 64, 130]) },
        () => Object.fromEntries(FIELDS.map((field) => [field.name, randomValue(random, field.type)])) as Row,
      );
      const want = expected(node, rows);
      const got = evaluate(arena, context, node, rows, random.integer(0, 9));
      if (want.refused.size > 0) {
        failures += 1;
        const error = got.error as PipelineError;
        expect(error, text).toMatchObject({
          code: expect.stringMatching(/ERR_(VALUE|INTEGER_OVERFLOW)/),
          column: 'out',
        });
        expect(want.refused, text).toContain(error.row);
      } else {
        if (got.error !== undefined) throw new Error(text, { cause: got.error });
        expect(got.values, text).toEqual(want.values);
      }
      expect(arena.usedSlabs(), text).toBe(isHigh ? 1 : 0);
    }
    if (below !== 0) arena.release(below);
    expect(failures).toBeGreaterThan(0);
  });
});
