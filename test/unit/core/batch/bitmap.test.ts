import { copyBits, countSetBits, fillBits, isBitSet } from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '#support/random';

const BITS = 200;

function randomBits(random: SeededRandom): Uint8Array {
  return Uint8Array.from({ length: BITS / 8 }, () => random.integer(0, 255));
}

function toFlags(bytes: Uint8Array): boolean[] {
  return Array.from({ length: BITS }, (_, bit) => isBitSet(bytes, bit));
}

it('counts the bits of any range', () => {
  const random = seededRandom();
  for (let round = 0; round < 300; round += 1) {
    const bytes = randomBits(random);
    const from = random.integer(0, BITS);
    const rows = random.integer(0, BITS - from);
    expect(countSetBits(bytes, from, rows)).toBe(
      toFlags(bytes)
        .slice(from, from + rows)
        .filter(Boolean).length,
    );
  }
});

it('copies any range to any place, and touches nothing beside it', () => {
  const random = seededRandom();
  for (let round = 0; round < 300; round += 1) {
    const [source, target] = [randomBits(random), randomBits(random)];
    const from = random.integer(0, BITS);
    const to = random.integer(0, BITS);
    const rows = random.integer(0, BITS - Math.max(from, to));
    const expected = toFlags(target);
    expected.splice(to, rows, ...toFlags(source).slice(from, from + rows));
    copyBits(source, from, target, to, rows);
    expect(toFlags(target)).toEqual(expected);
  }
});

it('fills any range, and touches nothing beside it', () => {
  const random = seededRandom();
  for (let round = 0; round < 300; round += 1) {
    const target = randomBits(random);
    const from = random.integer(0, BITS);
    const rows = random.integer(0, BITS - from);
    const expected = toFlags(target).fill(round % 2 === 0, from, from + rows);
    fillBits(target, from, rows, round % 2 === 0);
    expect(toFlags(target)).toEqual(expected);
  }
});

it('addresses bits beyond 2^32', () => {
  const bytes = new Uint8Array(2 ** 29 + 8);
  fillBits(bytes, 2 ** 32 + 3, 9, true);
  expect([countSetBits(bytes, 2 ** 32, 32), isBitSet(bytes, 2 ** 32 + 2), isBitSet(bytes, 2 ** 32 + 3)]).toEqual([
    9,
    false,
    true,
  ]);
});
