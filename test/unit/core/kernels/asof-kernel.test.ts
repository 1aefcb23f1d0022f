import { createReferenceKernels, instantiateKernels, type Kernels } from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { fakeArena } from '#support/fake-arena';
import { chooseSeed, randomFrom, type SeededRandom } from '#support/random';

const arena = fakeArena(1 << 20);
const NONE = 0xffff_ffff;

/** Ascending times of so many rows, and their keys, of which some equal nothing. */
function side(
  random: SeededRandom,
  rows: number,
  keys: number,
  step: number,
): [times: number, keys: number, rows: number] {
  const times = arena.room(8 * rows + 8);
  const numbers = arena.room(4 * rows + 4);
  let time = -100n;
  for (let row = 0; row < rows; row++) {
    time += BigInt(random.integer(0, step));
    arena.view.setBigInt64(times + 8 * row, time, true);
    arena.view.setUint32(numbers + 4 * row, random.chance(0.1) ? NONE : random.integer(0, keys - 1), true);
  }
  return [times, numbers, rows];
}

function words(at: number, count: number): number[] {
  return Array.from({ length: count }, (_unused, i) => arena.view.getUint32(at + 4 * i, true));
}

/** A match with keys of which every other one has had a row: what it comes to, and what is known of the keys then. */
function oneMatch(random: SeededRandom): (kernels: Kernels) => unknown {
  const [leftRows, rightRows] = [random.integer(0, 40), random.integer(0, 30)];
  const keys = random.integer(1, 6);
  const tolerance = random.chance(0.4) ? -1n : BigInt(random.integer(0, 40));
  const flags = [random.integer(0, 1), random.integer(0, 1)] as [0 | 1, 0 | 1];
  const from = [random.integer(0, leftRows), random.integer(0, rightRows)] as const;
  const left = side(random, leftRows, keys, random.integer(0, 12));
  const right = side(random, rightRows, keys, random.integer(0, 12));
  return (kernels) => {
    const cursor = arena.room(8);
    from.forEach((row, index) => void arena.view.setUint32(cursor + 4 * index, row, true));
    const lastRows = arena.room(4 * keys + 4) + 4;
    const lastTimes = arena.room(8 * keys + 8) + 8;
    for (let key = -1; key < keys; key++) {
      arena.view.setUint32(lastRows + 4 * key, (key & 1) === 0 ? key : NONE, true);
      arena.view.setBigInt64(lastTimes + 8 * key, -110n, true);
    }
    const out = arena.room(4 * leftRows + 4);
    const [isLast, isStrict] = flags;
    kernels.asofMatch(cursor, ...left, ...right, isLast, 1000, lastRows, lastTimes, tolerance, isStrict, out);
    const [end = 0, applied] = words(cursor, 2);
    return {
      end,
      applied,
      places: words(out + 4 * from[0], end - from[0]),
      lastRows: words(lastRows - 4, keys + 1),
      lastTimes: words(lastTimes, 2 * keys),
    };
  };
}

it('asofMatch matches runs of left rows as its twin does one by one', () => {
  const random = randomFrom(chooseSeed());
  const [compiled, twin] = [instantiateKernels(arena), createReferenceKernels(arena)];
  for (let round = 0; round < 500; round += 1) {
    arena.reset();
    const match = oneMatch(random);
    expect(match(compiled), `round ${round}, seed ${random.seed}`).toEqual(match(twin));
  }
});
