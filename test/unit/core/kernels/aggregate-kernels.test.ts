import {
  type AggregateKernels,
  addSum,
  createReferenceKernels,
  type ExactSum,
  instantiateKernels,
  type KernelType,
  OVERFLOW_RECORD_BYTES,
  readOverflowRecord,
  readSumState,
  type StateArrays,
} from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { type FakeArena, fakeArena, seededRandom } from '../../../support/fake-arena.ts';
import { ALL_TYPES, randomBits, randomColumn, SHAPES, type Shape } from './columns.ts';

const STATE_NAMES = ['count', 'sum', 'sumSquares', 'min', 'max', 'first', 'last'] as const;
type StateName = (typeof STATE_NAMES)[number];

const isFloat = (type: KernelType): boolean => type.startsWith('f');
const hasWideSquares = (type: KernelType): boolean => isFloat(type) || type.endsWith('64');

function widthOf(type: KernelType, name: StateName): number {
  if (name === 'first' || name === 'last') return 4;
  if (name === 'sum') return isFloat(type) ? 40 : 16;
  if (name === 'sumSquares') return hasWideSquares(type) ? 40 : 16;
  return 8;
}

function roomForStates(arena: FakeArena, type: KernelType, groups: number, wanted: readonly StateName[]): StateArrays {
  const states: StateArrays = { count: 0, sum: 0, sumSquares: 0, min: 0, max: 0, first: 0, last: 0 };
  for (const name of wanted) states[name] = arena.room(Math.max(1, groups) * widthOf(type, name));
  return states;
}

/** A sum as one comparable value: what it adds up to, and its flags. */
function sumKey(sum: ExactSum): string {
  let { numerator, exponent } = sum;
  while (numerator !== 0n && (numerator & 1n) === 0n) {
    numerator >>= 1n;
    exponent++;
  }
  return `${numerator}·2^${numerator === 0n ? 0 : exponent} flags ${sum.flags}`;
}

/** Reads all states of a group, sums with their overflow records, as comparable values. */
function readStates(
  arena: FakeArena,
  type: KernelType,
  states: StateArrays,
  groups: number,
  records: number,
  recordCount: number,
): Record<string, unknown>[] {
  const { view } = arena;
  const overflow = Array.from({ length: recordCount }, (_, i) => readOverflowRecord(view, records, i));
  return Array.from({ length: groups }, (_, group) => {
    const result: Record<string, unknown> = {};
    const count = states.count === 0 ? 1n : view.getBigUint64(states.count + 8 * group, true);
    for (const name of STATE_NAMES) {
      if (states[name] === 0) continue;
      const width = widthOf(type, name);
      const ptr = states[name] + width * group;
      if (width === 40) {
        const sum = readSumState(view, ptr);
        const which = name === 'sum' ? 0 : 1;
        for (const record of overflow) if (record.group === group && record.which === which) addSum(sum, record.part);
        result[name] = sumKey(sum);
      } else if (width === 16) {
        result[name] = (view.getBigInt64(ptr + 8, true) << 64n) | view.getBigUint64(ptr, true);
      } else if (width === 4) {
        result[name] = view.getUint32(ptr, true);
      } else if (name === 'count') {
        result[name] = count;
      } else if (count > 0n) {
        result[name] = isFloat(type) ? view.getFloat64(ptr, true) : view.getBigUint64(ptr, true);
      }
    }
    return result;
  });
}

interface Case {
  type: KernelType;
  shape: Shape;
  rows: number;
  nullShare: number;
  seed: number;
}

const RECORDS = 20_000;

/** Runs one call on both sets of kernels and compares all states. */
function expectEqualStates(
  arena: FakeArena,
  type: KernelType,
  groups: number,
  wanted: readonly StateName[],
  call: (kernels: AggregateKernels, states: StateArrays, overflow: { records: number; capacity: number }) => number,
): void {
  const both = [instantiateKernels(arena), createReferenceKernels(arena)].map((kernels) => {
    const states = roomForStates(arena, type, groups, wanted);
    const records = arena.room(RECORDS * OVERFLOW_RECORD_BYTES);
    const count = call(kernels, states, { records, capacity: RECORDS });
    expect(count).toBeGreaterThanOrEqual(0);
    return readStates(arena, type, states, groups, records, count);
  });
  expect(both[0]).toEqual(both[1]);
}

function casesOf(rowCounts: readonly number[]): Case[] {
  const cases: Case[] = [];
  let seed = 100;
  for (const rows of rowCounts) {
    for (const nullShare of [0, 0.3]) {
      for (const type of ALL_TYPES) {
        const shapes: Shape[] =
          type === 'f64'
            ? (Object.keys(SHAPES) as Shape[])
            : type === 'f32'
              ? ['prices', 'withZeros', 'wide', 'withNaN']
              : ['prices'];
        for (const shape of shapes) cases.push({ type, shape, rows, nullShare, seed: seed++ });
      }
    }
  }
  return cases;
}

const arena = fakeArena(24 << 20);

describe('segmentStates', () => {
  it.each(casesOf([1, 37, 9_001]))('equals its twin: $type $shape, $rows rows, nulls $nullShare, seed $seed', (it) => {
    arena.reset();
    const random = seededRandom(it.seed);
    const values = randomColumn(arena, it.type, it.rows, random, it.shape, it.seed % 4);
    const validity = it.nullShare === 0 ? 0 : randomBits(arena, it.rows, random, 1 - it.nullShare);
    const ends: number[] = [];
    for (let end = 0; end < it.rows; ends.push(end)) end = Math.min(it.rows, end + Math.floor(random() ** 4 * 6_000));
    const endsPtr = arena.room(ends.length * 4);
    ends.forEach((end, i) => arena.view.setUint32(endsPtr + 4 * i, end, true));
    const scratch = arena.room(instantiateKernels(arena).scratchBytes);
    expectEqualStates(arena, it.type, ends.length, STATE_NAMES, (kernels, states, overflow) =>
      kernels.segmentStates(it.type, values, validity, endsPtr, ends.length, states, overflow, scratch),
    );
  });

  it('makes only what is wanted', () => {
    const random = seededRandom(7);
    for (const type of ALL_TYPES) {
      for (const name of STATE_NAMES) {
        arena.reset();
        const values = randomColumn(arena, type, 300, random);
        const ends = arena.room(4);
        arena.view.setUint32(ends, 300, true);
        const scratch = arena.room(instantiateKernels(arena).scratchBytes);
        expectEqualStates(arena, type, 1, [name], (kernels, states, overflow) =>
          kernels.segmentStates(type, values, 0, ends, 1, states, overflow, scratch),
        );
      }
    }
  });

  it.each([0x00, 0x01, 0x02, 0x7f, 0xff, 'noise'])('does not mind what stands in scratch: %s', (content) => {
    for (const shape of Object.keys(SHAPES) as Shape[]) {
      arena.reset();
      const random = seededRandom(61);
      const rows = 9_000;
      const values = randomColumn(arena, 'f64', rows, random, shape);
      const ends = arena.room(4);
      arena.view.setUint32(ends, rows, true);
      const { scratchBytes } = instantiateKernels(arena);
      const scratch = arena.room(scratchBytes);
      const bytes = new Uint8Array(arena.buffer, scratch, scratchBytes);
      for (let i = 0; i < 1_024; i++) bytes[i] = typeof content === 'number' ? content : random() * 256;
      expectEqualStates(arena, 'f64', 1, ['sum', 'min', 'max'], (kernels, states, overflow) =>
        kernels.segmentStates('f64', values, 0, ends, 1, states, overflow, scratch),
      );
    }
  });

  it('tells when there is no room for the records', () => {
    arena.reset();
    const values = arena.room(32);
    [1e308, 5e-324, 1e-100, 1].forEach((value, i) => arena.view.setFloat64(values + 8 * i, value, true));
    const ends = arena.room(4);
    arena.view.setUint32(ends, 4, true);
    const kernels = instantiateKernels(arena);
    const scratch = arena.room(kernels.scratchBytes);
    const states = roomForStates(arena, 'f64', 1, ['sum']);
    expect(kernels.segmentStates('f64', values, 0, ends, 1, states, { records: 0, capacity: 0 }, scratch)).toBe(-1);
  });
});

describe('groupStates', () => {
  const cases = casesOf([1, 700, 9_001]).flatMap((it) => [3, 5_000].map((groups) => ({ ...it, groups })));
  it.each(cases)('equals its twin: $type $shape, $rows rows, $groups groups, nulls $nullShare, seed $seed', (it) => {
    arena.reset();
    const random = seededRandom(it.seed);
    const values = randomColumn(arena, it.type, it.rows, random, it.shape, it.seed % 4);
    const validity = it.nullShare === 0 ? 0 : randomBits(arena, it.rows, random, 1 - it.nullShare);
    const ids = arena.room(it.rows * 4);
    for (let row = 0; row < it.rows; row++) arena.view.setUint32(ids + 4 * row, random() * it.groups, true);
    const scratch = arena.room(instantiateKernels(arena).scratchBytes);
    expectEqualStates(arena, it.type, it.groups, STATE_NAMES, (kernels, states, overflow) =>
      kernels.groupStates(it.type, values, validity, ids, it.rows, it.groups, states, overflow, scratch),
    );
  });

  it('makes only what is wanted', () => {
    const random = seededRandom(8);
    for (const type of ALL_TYPES) {
      for (const name of STATE_NAMES) {
        arena.reset();
        const values = randomColumn(arena, type, 300, random);
        const ids = arena.room(1200);
        for (let row = 0; row < 300; row++) arena.view.setUint32(ids + 4 * row, random() * 7, true);
        const scratch = arena.room(instantiateKernels(arena).scratchBytes);
        expectEqualStates(arena, type, 7, [name], (kernels, states, overflow) =>
          kernels.groupStates(type, values, 0, ids, 300, 7, states, overflow, scratch),
        );
      }
    }
  });
});

describe('long columns', () => {
  // Across the borders of blocks and chunks, and from easy values to hard ones and back.
  it.each([1, 300, 6_000])('equal their twins in %s groups', (groups) => {
    arena.reset();
    const random = seededRandom(groups);
    const rows = 140_001;
    const values = arena.room(8 * rows);
    for (let row = 0; row < rows; row++) {
      const shape: Shape = row > 70_000 && row < 71_000 ? 'wide' : row > 100_000 ? 'steps' : 'prices';
      arena.view.setFloat64(values + 8 * row, SHAPES[shape](random), true);
    }
    const ids = arena.room(4 * rows);
    for (let row = 0; row < rows; row++) arena.view.setUint32(ids + 4 * row, random() * groups, true);
    const ends = arena.room(8);
    arena.view.setUint32(ends, 69_999, true);
    arena.view.setUint32(ends + 4, rows, true);
    const scratch = arena.room(instantiateKernels(arena).scratchBytes);
    const wanted = ['count', 'sum', 'min', 'max', 'first', 'last'] as const;
    expectEqualStates(arena, 'f64', groups, wanted, (kernels, states, overflow) =>
      kernels.groupStates('f64', values, 0, ids, rows, groups, states, overflow, scratch),
    );
    expectEqualStates(arena, 'f64', 2, wanted, (kernels, states, overflow) =>
      kernels.segmentStates('f64', values, 0, ends, 2, states, overflow, scratch),
    );
  });
});

describe('values without fractions that need a second number', () => {
  // The first call leaves the hint that there are none; the second has to notice that there are.
  const TROUBLE = { residue: 0.1, NaN, infinity: -Infinity, large: 2 ** 90, small: 2 ** -90, minusZero: -0, none: 3 };
  it.each(Object.entries(TROUBLE).flatMap(([what, value]) => [1, 300].map((groups) => ({ what, value, groups }))))(
    'are summed as they are until one is not: $what, $groups groups',
    ({ value, groups }) => {
      arena.reset();
      const random = seededRandom(groups);
      const rows = 3_000;
      const values = arena.room(8 * rows);
      const ids = arena.room(4 * rows);
      const write = (row: number, x: number): void => arena.view.setFloat64(values + 8 * row, x, true);
      for (let row = 0; row < rows; row++) {
        write(row, Math.floor(random() * 100) / 4);
        arena.view.setUint32(ids + 4 * row, random() * groups, true);
      }
      const scratch = arena.room(instantiateKernels(arena).scratchBytes);
      const wanted = ['count', 'sum', 'min', 'max', 'first', 'last'] as const;
      const compare = (): void =>
        expectEqualStates(arena, 'f64', groups, wanted, (kernels, states, overflow) =>
          kernels.groupStates('f64', values, 0, ids, rows, groups, states, overflow, scratch),
        );
      compare();
      write(1_234, value);
      compare();
      compare();
    },
  );
});

describe('mergeStates', () => {
  it.each(casesOf([2_000]))('equals its twin: $type $shape, nulls $nullShare, seed $seed', (it) => {
    arena.reset();
    const random = seededRandom(it.seed);
    const compiled = instantiateKernels(arena);
    const scratch = arena.room(compiled.scratchBytes);
    const wanted = ['count', 'sum', 'sumSquares', 'min', 'max'] as const;
    const groups = 40;
    const targets = arena.room(4 * groups);
    for (let i = 0; i < groups; i++) arena.view.setUint32(targets + 4 * i, random() * 9, true);
    const sources = [0, 1, 2].map(() => {
      const values = randomColumn(arena, it.type, it.rows, random, it.shape);
      const validity = it.nullShare === 0 ? 0 : randomBits(arena, it.rows, random, 1 - it.nullShare);
      const ids = arena.room(it.rows * 4);
      for (let row = 0; row < it.rows; row++) arena.view.setUint32(ids + 4 * row, random() ** 2 * groups, true);
      const states = roomForStates(arena, it.type, groups, wanted);
      const records = arena.room(RECORDS * OVERFLOW_RECORD_BYTES);
      compiled.groupStates(
        it.type,
        values,
        validity,
        ids,
        it.rows,
        groups,
        states,
        { records, capacity: RECORDS },
        scratch,
      );
      return states;
    });
    expectEqualStates(arena, it.type, 9, wanted, (kernels, states, overflow) => {
      kernels.initStates(it.type, states, 0, 9);
      let count = 0;
      for (const source of sources) {
        const room = { records: overflow.records + count * OVERFLOW_RECORD_BYTES, capacity: RECORDS - count };
        const written = kernels.mergeStates(it.type, source, targets, groups, states, room, scratch);
        expect(written).toBeGreaterThanOrEqual(0);
        count += written;
      }
      return count;
    });
  });
});

describe('mergeRows', () => {
  it.each(casesOf([2_000]))('equals its twin: $type $shape, nulls $nullShare, seed $seed', (it) => {
    arena.reset();
    const random = seededRandom(it.seed);
    const [slots, passes] = [40, 3];
    const values = randomColumn(arena, it.type, it.rows, random, it.shape);
    const validity = it.nullShare === 0 ? 0 : randomBits(arena, it.rows, random, 1 - it.nullShare);
    const targets = arena.room(4 * it.rows);
    for (let row = 0; row < it.rows; row++) arena.view.setUint32(targets + 4 * row, random() ** 2 * slots, true);
    const scratch = arena.room(instantiateKernels(arena).scratchBytes);
    const bytes = Number(/\d+/.exec(it.type)?.[0]) / 8;
    const edges = { first: arena.room(bytes * slots), last: arena.room(bytes * slots) };
    const seen: Uint8Array[] = [];
    expectEqualStates(arena, it.type, slots, ['count', 'sum', 'min', 'max'], (kernels, states, overflow) => {
      const memory = new Uint8Array(arena.buffer);
      for (const at of [edges.first, edges.last]) memory.fill(0, at, at + bytes * slots);
      kernels.initStates(it.type, states, 0, slots);
      let count = 0;
      for (let pass = 0; pass < passes; pass++) {
        const room = { records: overflow.records + count * OVERFLOW_RECORD_BYTES, capacity: RECORDS - count };
        const target = { ...states, ...edges };
        const written = kernels.mergeRows(it.type, values, validity, targets, it.rows, target, room, scratch);
        expect(written).toBeGreaterThanOrEqual(0);
        count += written;
      }
      seen.push(memory.slice(edges.first, edges.last + bytes * slots));
      return count;
    });
    expect(seen[0]).toEqual(seen[1]);
  });

  it.each(Object.keys(SHAPES) as Shape[])('leaves sums that merge and round as those of states do: %s', (shape) => {
    arena.reset();
    const random = seededRandom(77);
    const [rows, slots] = [600, 12];
    const compiled = instantiateKernels(arena);
    const scratch = arena.room(compiled.scratchBytes);
    const records = arena.room(RECORDS * OVERFLOW_RECORD_BYTES);
    const targets = arena.room(4 * rows);
    /** Merged row by row, or made at once; the last slot has none. */
    const statesOf = (isMerged: boolean): StateArrays => {
      const values = randomColumn(arena, 'f64', rows, random, shape);
      for (let row = 0; row < rows; row++) arena.view.setUint32(targets + 4 * row, random() ** 2 * (slots - 1), true);
      const states = roomForStates(arena, 'f64', slots, ['count', 'sum']);
      compiled.initStates('f64', states, 0, slots);
      const room = { records, capacity: RECORDS };
      if (isMerged) compiled.mergeRows('f64', values, 0, targets, rows, states, room, scratch);
      else compiled.groupStates('f64', values, 0, targets, rows, slots, states, room, scratch);
      return states;
    };
    const sources = [true, false, true, true, false].map((isMerged) => statesOf(isMerged));
    for (let slot = 0; slot < slots; slot++) arena.view.setUint32(targets + 4 * slot, random() * 5, true);
    // Parts that did not fit are left out, here as there.
    expectEqualStates(arena, 'f64', 5, ['count', 'sum'], (kernels, states, overflow) => {
      kernels.initStates('f64', states, 0, 5);
      let count = 0;
      for (const source of sources) {
        const room = { records: overflow.records + count * OVERFLOW_RECORD_BYTES, capacity: RECORDS - count };
        count += kernels.mergeStates('f64', source, targets, slots, states, room, scratch);
      }
      return count;
    });
    const bits = [compiled, createReferenceKernels(arena)].map((kernels) => {
      const out = arena.room(8 * slots);
      return sources.map(({ sum }) => {
        kernels.roundSums(sum, slots, out);
        return new Uint8Array(arena.buffer).slice(out, out + 8 * slots);
      });
    });
    expect(bits[0]).toEqual(bits[1]);
  });

  it('reads no values where only rows are counted', () => {
    arena.reset();
    const targets = arena.room(12);
    [1, 0, 1].forEach((slot, row) => arena.view.setUint32(targets + 4 * row, slot, true));
    const counts = arena.room(16);
    const target = { count: counts, sum: 0, sumSquares: 0, min: 0, max: 0, first: 0, last: 0 };
    const beyond = 2 ** 32 - 8;
    const room = { records: 0, capacity: 0 };
    const kernels = instantiateKernels(arena);
    const scratch = arena.room(kernels.scratchBytes);
    kernels.initStates('i8', target, 0, 2);
    kernels.mergeRows('i8', beyond, 0, targets, 3, target, room, scratch);
    expect([0, 8].map((at) => arena.view.getBigUint64(counts + at, true))).toEqual([1n, 2n]);
  });
});

describe('mergeFirst and mergeLast', () => {
  it.each([1, 2, 4, 8])('equal their twins: %i bytes', (width) => {
    arena.reset();
    const random = seededRandom(width);
    const [slots, count] = [50, 400];
    const targets = arena.room(4 * count);
    for (let i = 0; i < count; i++) arena.view.setUint32(targets + 4 * i, random() * slots, true);
    const countsOf = (elements: number): number => {
      const counts = arena.room(8 * elements);
      for (let i = 0; i < elements; i++)
        arena.view.setBigUint64(counts + 8 * i, random() < 0.5 ? 0n : random() < 0.5 ? 1n : 2n ** 32n, true);
      return counts;
    };
    const [counts, heldCounts] = [countsOf(count), countsOf(slots)];
    const bytesOf = (size: number): number => {
      const at = arena.room(size);
      for (let i = 0; i < size; i++) arena.view.setUint8(at + i, random() * 256);
      return at;
    };
    const values = bytesOf(width * count);
    const first = bytesOf(width * slots);
    const before = new Uint8Array(arena.buffer).slice(first, first + width * slots);
    const [a, b] = [instantiateKernels(arena), createReferenceKernels(arena)].map((kernels) => {
      const memory = new Uint8Array(arena.buffer);
      memory.set(before, first);
      kernels.mergeFirst(width, counts, values, targets, count, heldCounts, first);
      const firsts = memory.slice(first, first + before.length);
      kernels.mergeLast(width, counts, values, targets, count, first);
      return { firsts, lasts: memory.slice(first, first + before.length) };
    });
    expect(a).toEqual(b);
    expect(a?.firsts).not.toEqual(before);
    expect(a?.lasts).not.toEqual(a?.firsts);
  });
});

describe('roundSums', () => {
  it('equals its twin', () => {
    for (const shape of Object.keys(SHAPES) as Shape[]) {
      arena.reset();
      const random = seededRandom(31);
      const rows = 4_000;
      const values = randomColumn(arena, 'f64', rows, random, shape);
      const ends = arena.room(rows * 4);
      let segments = 0;
      for (let end = 0; end < rows; segments++) {
        end = Math.min(rows, end + Math.floor(random() * 8));
        arena.view.setUint32(ends + 4 * segments, end, true);
      }
      const compiled = instantiateKernels(arena);
      const scratch = arena.room(compiled.scratchBytes);
      const states = roomForStates(arena, 'f64', segments, ['sum']);
      const records = arena.room(RECORDS * OVERFLOW_RECORD_BYTES);
      compiled.segmentStates('f64', values, 0, ends, segments, states, { records, capacity: RECORDS }, scratch);
      const [a, b] = [compiled, createReferenceKernels(arena)].map((kernels) => {
        const out = arena.room(8 * segments);
        kernels.roundSums(states.sum, segments, out);
        return Array.from(new Float64Array(arena.buffer, out, segments));
      });
      expect(a).toEqual(b);
    }
  });
});
