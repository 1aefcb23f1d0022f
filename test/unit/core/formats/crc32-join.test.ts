import { crc32 } from 'node:zlib';
import { joinCrc32 } from '@spillway/core/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chooseSeed } from '../../../support/random.ts';

it('two sums joined are the sum of both runs of bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array({ maxLength: 5000 }), (first, second) => {
      const joined = joinCrc32(crc32(first), crc32(second), second.length);
      expect(joined).toBe(crc32(second, crc32(first)));
    }),
    { seed: chooseSeed() },
  );
});

it('and where the second is long', () => {
  const first = Uint8Array.from({ length: 77 }, (_, at) => at);
  const second = new Uint8Array(2 ** 24 + 3).fill(201);
  expect(joinCrc32(crc32(first), crc32(second), second.length)).toBe(crc32(second, crc32(first)));
});
