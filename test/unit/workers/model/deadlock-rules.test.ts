/**
 * The rules that make a run free of deadlock, tried on random plans, schedules, barriers and crashes at the admission minimum; and that
 * each rule is needed. A failure prints the seed: `SPILLWAY_SEED=… npx vitest run --root test unit/workers/model`.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelCases, PARALLEL_KINDS, SHARED_KINDS } from '#support/model/cases';
import { type FoundDeadlock, findDeadlock, tryCases } from '#support/model/property';
import { ALL_RULES, type Rules } from '#support/model/rules';
import { runModel } from '#support/model/run-model';
import { seededRandom } from '#support/random';

const CASES = 500;

function deadlockWithout(rule: Partial<Rules>, kinds?: Parameters<typeof tryCases>[3]): FoundDeadlock {
  const rules = { ...ALL_RULES, ...rule };
  const { seed } = seededRandom();
  const found = findDeadlock(rules, { cases: CASES, seed, ...(kinds && { kinds }) });
  if (found === undefined) throw new Error(`no deadlock in ${CASES} cases from seed ${seed}`);
  const again = findDeadlock(rules, { cases: 1, seed, path: found.path, ...(kinds && { kinds }) });
  expect(again?.message).toBe(found.message);
  return found;
}

it(`finds no deadlock in ${CASES} cases: complete and in order, exactly once, within the budget, nothing held at the end`, () => {
  const { seed } = seededRandom();
  const tried = tryCases(ALL_RULES, CASES, seed);
  console.log(`seed ${seed}: ${JSON.stringify(tried)}`);
  expect(tried.barriers).toBeGreaterThan(100);
  expect(tried.crashes).toBeGreaterThan(50);
  expect(tried.spilledRows).toBeGreaterThan(100);
});

it('finds none with memory granted to whoever asks: floors alone are enough, the order of grants is for speed', () => {
  tryCases({ ...ALL_RULES, grantsFromSinks: false }, CASES / 5, seededRandom().seed);
});

it('finds none in channels as they are built, whose packets wait for credit', () => {
  tryCases({ ...ALL_RULES, discipline: 'credits' }, CASES / 5, seededRandom().seed);
  tryCases({ ...ALL_RULES, discipline: 'credits' }, CASES / 5, seededRandom().seed, PARALLEL_KINDS);
});

it('finds none with barriers as they are built: sources stand still until everything on its way has been taken in', () => {
  const tried = tryCases({ ...ALL_RULES, barriers: 'standing still' }, CASES, seededRandom().seed);
  expect(tried.barriers).toBeGreaterThan(100);
  expect(tried.crashes).toBeGreaterThan(50);
});

it('finds none where lanes share joins, each with an edge of its own for the right rows', () => {
  const tried = tryCases(ALL_RULES, CASES / 2, seededRandom().seed, SHARED_KINDS);
  expect(tried.spilledRows).toBeGreaterThan(100);
  tryCases({ ...ALL_RULES, discipline: 'credits' }, CASES / 5, seededRandom().seed, SHARED_KINDS);
});

it('never holds more largest batches on an edge than admission counts: one a lane, and one', () => {
  const { seed } = seededRandom();
  for (const modelCase of fc.sample(modelCases(PARALLEL_KINDS), { seed, numRuns: CASES / 5 })) {
    const { edgePeaks } = runModel(modelCase, { ...ALL_RULES, discipline: 'credits' });
    for (const { rows, batchRows, producers, consumers } of edgePeaks)
      expect(rows).toBeLessThanOrEqual(batchRows * (producers + consumers + 1));
  }
});

describe('a rule taken away', () => {
  it('deadlocks without floors', () => {
    deadlockWithout({ hasFloors: false });
  });

  it('deadlocks when an operator of several inputs does not drain the others while a barrier aligns', () => {
    const { smallest } = deadlockWithout({ drainsWhileAligning: false });
    expect(smallest.barrierEvery).toBeGreaterThan(0);
  });

  it('deadlocks when it does not drain them while sources stand still', () => {
    const { smallest } = deadlockWithout({ barriers: 'standing still', drainsWhileAligning: false });
    expect(smallest.barrierEvery).toBeGreaterThan(0);
  });

  it('deadlocks when a join takes only what it wants from inputs that hang together', () => {
    deadlockWithout({ spillsEntangled: false });
  });

  it('deadlocks when the lowest sequence has no room of its own', () => {
    deadlockWithout({ roomOfLowest: 'none' }, PARALLEL_KINDS);
  });

  it('deadlocks when a lane of a shared join takes no right rows while it waits for room in its output', () => {
    deadlockWithout({ discipline: 'credits', takesSideMeanwhile: false }, SHARED_KINDS);
  });

  it('keeps memory, or somebody waiting, when a lane of a shared join leaves the right rows behind its last left ones', () => {
    const withoutDraining = { ...ALL_RULES, drainsSide: false };
    expect(() => tryCases(withoutDraining, CASES, seededRandom().seed, SHARED_KINDS)).toThrow('Property failed');
  });

  it('deadlocks when lanes share a join whose inputs hang together', () => {
    deadlockWithout({ sharesApartOnly: false }, SHARED_KINDS);
  });

  it('deadlocks when only the sequence that equals the count of packets taken passes without credit', () => {
    const rules = { ...ALL_RULES, discipline: 'credits', passesWithoutCredit: 'equal to taken' } as const;
    const found = findDeadlock(rules, { cases: 2000, seed: seededRandom().seed, kinds: PARALLEL_KINDS });
    expect(found).toBeDefined();
    expect(() =>
      runModel((found as FoundDeadlock).smallest, { ...rules, passesWithoutCredit: 'up to taken' }),
    ).not.toThrow();
  });
});
