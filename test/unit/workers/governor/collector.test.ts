import { collectGarbage, freeBuffersAtOnce, isolateBytes } from '@spillway/workers/internal';
import { beforeAll, expect, test } from 'vitest';

const MEBIBYTE = 2 ** 20;

beforeAll(() => {
  freeBuffersAtOnce();
  collectGarbage('major');
});

/** Array buffers that have been alive for some collections, and are no longer. */
function oldGarbage(): void {
  const kept = Array.from({ length: 8 }, () => new Uint8Array(MEBIBYTE));
  for (let i = 0; i < 3; i += 1) collectGarbage('minor');
  kept.length = 0;
}

test('a quick collection gives back what died young', () => {
  const before = isolateBytes();
  for (let i = 0; i < 8; i += 1) new Uint8Array(MEBIBYTE).fill(i);
  collectGarbage('minor');
  expect(isolateBytes() - before).toBeLessThan(2 * MEBIBYTE);
});

test('a whole collection gives back what died old', () => {
  const before = isolateBytes();
  oldGarbage();
  collectGarbage('minor');
  expect(isolateBytes() - before).toBeGreaterThan(7 * MEBIBYTE);
  collectGarbage('major');
  expect(isolateBytes() - before).toBeLessThan(2 * MEBIBYTE);
});
