/** Faults around memory, for a tenth of the time or less; `slow-and-greedy.soak.ts` has all of it. */
import { expectedDigests } from '@spillway/bench/memory/expected-digests';
import { describe, expect, it } from 'vitest';
import { blockedMain, hostile, inControlGroup, slowSink } from '#support/memory-faults';

const MEBIBYTE = 2 ** 20;

describe('the promise is kept and the answer is right', () => {
  it('with a sink a hundred times slower, and nobody calls that a stall', async () => {
    const { outcome, problem, peak } = await slowSink(3000, 2);
    expect([outcome, problem, peak?.alerts]).toEqual(['kept', undefined, []]);
    expect(peak?.summary.elapsedMs).toBeGreaterThanOrEqual(3000);
  });

  it('while the main thread answers nobody', async () => {
    const { outcome, problem } = await blockedMain(500, 1);
    expect([outcome, problem]).toEqual(['kept', undefined]);
  });

  it('with an op that takes more than its part of the memory and gives it back at every tenth batch', async () => {
    const { outcome, problem } = await hostile(128 * MEBIBYTE, 1.5, false);
    expect([outcome, problem]).toEqual(['kept', undefined]);
  });

  it('in a control group that has far less memory than the run may take', async ({ skip }) => {
    const peak = await inControlGroup(300 * MEBIBYTE, 0.2);
    if (peak === undefined) return skip('no control group can be made here');
    expect(peak.alerts).toEqual([
      expect.stringMatching(/control group .* may have 300.0 MiB: the run takes .* not 1.0 GiB/),
    ]);
    expect(peak.peakBytes).toBeLessThan(300 * MEBIBYTE);
    expect(peak.digests).toEqual(await expectedDigests('sort', peak.ticks));
  });
});

it('an op that takes several times the limit fails the run, which names it', async () => {
  // New threads are tried first, each of which gets on by some batches before the main thread hears of it: there is more than they get through.
  const { problem } = await hostile(64 * MEBIBYTE, 40, true);
  expect(problem).toMatch(
    /ERR_MEMORY_EXHAUSTED: the code of "takesMemory.*" keeps .* more .* than its part of memoryLimit/,
  );
});
