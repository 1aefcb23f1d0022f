import { type AutoShare, moveShares } from '@spillway/workers/internal';
import { expect, test } from 'vitest';
import { seededRandom } from '#support/random';

const MEBIBYTE = 2 ** 20;
const share = (capMebibytes: number, wishMebibytes: number, forced: number): AutoShare => ({
  capBytes: capMebibytes * MEBIBYTE,
  wishBytes: wishMebibytes * MEBIBYTE,
  forced,
});
const inMebibytes = (caps: readonly number[]): number[] => caps.map((bytes) => bytes / MEBIBYTE);

test('a stage that is made to flush early gets half of what another can spare', () => {
  expect(inMebibytes(moveShares([share(16, 40, 3), share(16, 4, 0)]))).toEqual([22, 10]);
});

test('it gets no more than it asks for', () => {
  expect(inMebibytes(moveShares([share(16, 17, 1), share(16, 4, 0)]))).toEqual([17, 15]);
});

test('several that are forced share what there is by what they lack', () => {
  expect(inMebibytes(moveShares([share(10, 20, 1), share(10, 40, 5), share(30, 10, 0)]))).toEqual([12.5, 17.5, 20]);
});

test('where nobody can spare anything, the one that is forced least gives a little', () => {
  expect(inMebibytes(moveShares([share(16, 40, 10), share(16, 40, 2)]))).toEqual([18, 14]);
  expect(inMebibytes(moveShares([share(16, 40, 10), share(16, 40, 8)]))).toEqual([16, 16]);
});

test('nothing moves while nobody is forced', () => {
  expect(inMebibytes(moveShares([share(16, 40, 0), share(16, 1, 0)]))).toEqual([16, 16]);
});

test('random shares: the sum stays, nobody falls below the least or gets more than asked', () => {
  const random = seededRandom();
  for (let round = 0; round < 500; round++) {
    const shares = Array.from({ length: random.integer(1, 6) }, () =>
      share(random.integer(1, 50), random.integer(0, 100), random.chance(0.5) ? 0 : random.integer(1, 20)),
    );
    const caps = moveShares(shares);
    const sum = (list: readonly number[]): number => list.reduce((total, bytes) => total + bytes, 0);
    expect(sum(caps)).toBe(sum(shares.map(({ capBytes }) => capBytes)));
    caps.forEach((bytes, index) => {
      const { capBytes, wishBytes } = shares[index] as AutoShare;
      expect(bytes).toBeGreaterThanOrEqual(Math.min(capBytes, MEBIBYTE / 4));
      if (bytes > capBytes) expect(bytes).toBeLessThanOrEqual(wishBytes);
    });
  }
});
