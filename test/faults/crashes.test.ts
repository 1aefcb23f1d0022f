import { expect, it } from 'vitest';
import { chooseSeed } from '#support/random';
import { crashCase } from './crash-cases.ts';

it('20 injected crashes: same digest, no slab in use, no spill file left', async () => {
  const first = chooseSeed();
  let restarts = 0;
  for (let seed = first; seed < first + 20; seed++) restarts += await crashCase(seed);
  expect(restarts).toBeGreaterThan(5);
}, 120_000);
