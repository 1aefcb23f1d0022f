import { alternate, median, spreadOf, warmUp } from '@spillway/bench/measure/alternate';
import { meetsTarget } from '@spillway/bench/measure/figure';
import { expect, it } from 'vitest';

it('contestants take turns, after one turn each that does not count', async () => {
  const turns: string[] = [];
  const contestants = ['a', 'b'].map((name) => ({ name, run: async () => void turns.push(name) }));
  const timings = await alternate(contestants, 2);
  expect(turns.join('')).toBe('ababab');
  expect(timings.map(({ samplesMs }) => samplesMs.length)).toEqual([2, 2]);
});

it('each contestant is warmed up by itself: once where there is no time, and not for ever where turns are short', async () => {
  const turns: string[] = [];
  const contestants = ['a', 'b'].map((name) => ({ name, run: async () => void turns.push(name) }));
  await warmUp(contestants, 0);
  expect(turns.join('')).toBe('ab');
  await warmUp(contestants, 60_000);
  expect(turns.slice(2).join('')).toBe(`${'a'.repeat(150)}${'b'.repeat(150)}`);
});

it('the median of an even number is between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
});

it('the spread is that of the middle half', () => {
  expect(spreadOf([9, 1, 100, 2, 5])).toEqual([2, 9]);
  expect(spreadOf([7])).toEqual([7, 7]);
});

it('a target is a ratio to reach or a figure to stay below', () => {
  const figure = { workload: 'W1', what: 'x', ours: 5, unit: 'ms' as const };
  expect(meetsTarget({ ...figure, ratio: 19, target: { atLeastRatio: 20 } })).toBe(false);
  expect(meetsTarget({ ...figure, target: { atMost: 5 } })).toBe(true);
  expect(meetsTarget(figure)).toBeUndefined();
});

it('what one contestant leaves on the heap is collected before the next turn begins', async () => {
  const left: WeakRef<object>[] = [];
  const seen: boolean[] = [];
  const litter = async (): Promise<void> => void left.push(new WeakRef({ rows: new Array(1000).fill(0) }));
  const look = async (): Promise<void> => void seen.push(left.at(-1)?.deref() !== undefined);
  await alternate(
    [
      { name: 'litters', run: litter, leavesGarbage: true },
      { name: 'looks', run: look },
    ],
    2,
  );
  expect(seen).toEqual([false, false, false]);
});
