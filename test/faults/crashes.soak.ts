import { expect, it } from 'vitest';
import { chooseSeed } from '#support/random';
import { crashCase } from './crash-cases.ts';

it('500 injected crashes: same digest, no slab in use, no spill file left', async () => {
  const first = chooseSeed();
  let restarts = 0;
  let seed = first;
  for (; restarts < 500; seed++) restarts += await crashCase(seed);
  process.stdout.write(`${restarts} crashes in ${seed - first} runs from seed ${first}\n`);
  expect(restarts).toBeGreaterThanOrEqual(500);
}, 3_000_000);
