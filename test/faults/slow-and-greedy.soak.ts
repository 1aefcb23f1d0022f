/** Faults around memory, for as long as they are promised to be stood: `npm run test:soak -- faults`. */
import { expectedDigests } from '@spillway/bench/memory/expected-digests';
import type { Cell } from '@spillway/bench/memory/matrix';
import { TABLE_TITLES, tableRow } from '@spillway/bench/memory/matrix';
import { afterAll, expect, it } from 'vitest';
import { blockedMain, hostile, inControlGroup, slowSink } from '#support/memory-faults';

const MEBIBYTE = 2 ** 20;
const cells: Cell[] = [];

afterAll(() => {
  console.log([TABLE_TITLES, ...cells.map(tableRow)].map((line) => line.join(' | ')).join('\n'));
});

it.each([
  ['a sink a hundred times slower for a minute', () => slowSink(60_000, 8)],
  ['a main thread that answers nobody for five seconds', () => blockedMain(5000, 4)],
  [
    'an op that takes its part of the memory and gives it back at every tenth batch',
    () => hostile(256 * MEBIBYTE, 20, false),
  ],
] as const)('%s', async (_, runFault) => {
  const cell = await runFault();
  cells.push(cell);
  expect(cell).toMatchObject({ outcome: 'kept' });
  expect(cell.peak?.alerts).toEqual([]);
});

it.each([200, 300, 600])('a control group of %s MiB', async (mebibytes) => {
  const peak = await inControlGroup(mebibytes * MEBIBYTE, 2);
  if (peak === undefined) return console.log('no control group can be made here');
  expect(peak.peakBytes).toBeLessThan(mebibytes * MEBIBYTE);
  expect(peak.digests).toEqual(await expectedDigests('sort', peak.ticks));
});
