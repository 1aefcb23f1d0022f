import { addUp, delayTable, meanDelay, worst } from '@spillway/bench/demo/delays';
import { expect, it } from 'vitest';

const rows = addUp(['SEA', 'LAX', 'SEA'], [10n, 5n, 10n], [100n, 10n, 60n], [2n, 0n, 3n]);

it('adds up what belongs to one name', () => {
  expect(rows[0]).toEqual({ name: 'SEA', flights: 20n, delaySum: 160n, late: 5n });
  expect(rows.map(meanDelay)).toEqual([8, 2]);
});

it('names the worst of those with enough flights', () => {
  expect(worst(rows, 1n, 1).map(({ name }) => name)).toEqual(['SEA']);
  expect(worst(rows, 6n, 5).map(({ name }) => name)).toEqual(['SEA']);
});

it('prints numbers to the right under their titles', () => {
  expect(delayTable('airport', rows).split('\n')).toEqual([
    '  airport  flights  mean delay, min    late',
    '  ─────────────────────────────────────────',
    '  SEA           20              8.0  25.0 %',
    '  LAX            5              2.0   0.0 %',
  ]);
});
