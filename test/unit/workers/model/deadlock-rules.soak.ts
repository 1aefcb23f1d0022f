/** The same as `deadlock-rules.test.ts`, for long: `npm run test:soak -- model`; `SPILLWAY_MODEL_CASES` for another number. */

import { expect, it } from 'vitest';
import { PARALLEL_KINDS, SHARED_KINDS } from '#support/model/cases';
import { tryCases } from '#support/model/property';
import { ALL_RULES, type Rules } from '#support/model/rules';
import { seededRandom } from '#support/random';

const CASES = Number(process.env['SPILLWAY_MODEL_CASES'] ?? 10_000);

function soak(rules: Rules, cases: number, kinds?: Parameters<typeof tryCases>[3]): void {
  const { seed } = seededRandom();
  const tried = tryCases(rules, cases, seed, kinds);
  console.log(`seed ${seed}: ${JSON.stringify(tried)}`);
  expect(tried.cases).toBe(cases);
}

it(`finds no deadlock in ${CASES} cases`, () => soak(ALL_RULES, CASES));

it('finds none in plans of parallel stages behind each other', () => soak(ALL_RULES, CASES / 5, PARALLEL_KINDS));

it('finds none where lanes share joins', () => {
  soak(ALL_RULES, CASES, SHARED_KINDS);
  soak({ ...ALL_RULES, discipline: 'credits' }, CASES / 5, SHARED_KINDS);
});

it('finds none in channels as they are built', () => {
  soak({ ...ALL_RULES, discipline: 'credits' }, CASES / 5);
  soak({ ...ALL_RULES, discipline: 'credits' }, CASES / 5, PARALLEL_KINDS);
});

it('finds none with barriers and channels as they are built', () => {
  soak({ ...ALL_RULES, barriers: 'standing still' }, CASES);
  soak({ ...ALL_RULES, barriers: 'standing still', discipline: 'credits' }, CASES / 5);
});
