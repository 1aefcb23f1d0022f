import { DelaySums, delayTable, meanDelay, worst } from '@spillway/bench/demo/delays';
import { expect, it } from 'vitest';

const sums = new DelaySums();
const seattle = { n: 10n, sum_delay: 100n, n_late: 2n, n_inbound: 8n, sum_inbound_delay: 20n, n_both_late: 1n };
sums.add('SEA', seattle);
sums.add('LAX', { n: 5n, sum_delay: 10n, n_late: 0n, n_inbound: 0n, sum_inbound_delay: null, n_both_late: null });
sums.add('SEA', { ...seattle, sum_delay: 60n, n_late: 3n, n_inbound: 2n });
const rows = sums.rows();

it('adds up what belongs to one name', () => {
  const both = { flights: 20n, delaySum: 160n, late: 5n, inbound: 10n, inboundDelaySum: 40n, bothLate: 2n };
  expect(rows[0]).toEqual({ name: 'SEA', ...both });
  expect(rows.map(meanDelay)).toEqual([8, 2]);
});

it('names the worst of those with enough flights', () => {
  expect(worst(rows, 1n, 1).map(({ name }) => name)).toEqual(['SEA']);
  expect(worst(rows, 6n, 5).map(({ name }) => name)).toEqual(['SEA']);
});

it('prints numbers to the right under their titles', () => {
  expect(delayTable('airport', rows).split('\n')).toEqual([
    '  airport  flights  delay, min    late  inbound  delay, min  both late',
    '  ────────────────────────────────────────────────────────────────────',
    '  SEA           20         8.0  25.0 %   50.0 %         4.0     20.0 %',
    '  LAX            5         2.0   0.0 %    0.0 %           –          –',
  ]);
});
