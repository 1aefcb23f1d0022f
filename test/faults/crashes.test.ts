import { expect, it } from 'vitest';
import { chooseSeed } from '#support/random';
import { crashCase } from './crash-cases.ts';

it('12 injected crashes: same digest, no slab in use, no spill file left', async () => {
  const first = chooseSeed();
  let restarts = 0;
  for (let seed = first; seed < first + 12; seed++) restarts += await crashCase(seed);
  expect(restarts).toBeGreaterThan(3);
}, 120_000);
