import { orderedSeries } from '@spillway/bench/generators/ordered-series';
import { expect, it } from 'vitest';

it('an ordered series never goes back in time and is the same in slices', () => {
  const whole = orderedSeries(1, 0, 10_000);
  for (let i = 1; i < 10_000; i += 1) expect((whole.ts[i] as bigint) >= (whole.ts[i - 1] as bigint)).toBe(true);
  const tail = orderedSeries(1, 9_000, 10_000);
  expect(tail.ts).toEqual(whole.ts.slice(9_000));
  expect(tail.value).toEqual(whole.value.slice(9_000));
});
