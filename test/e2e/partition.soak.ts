import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { digestTable } from '#support/digest';
import { runInPartitions } from '#support/partition-driver';
import { chooseSeed, randomFrom } from '#support/random';
import { randomCut } from '#support/random-cut';
import { randomWritten, writtenBothWays } from '#support/random-written';
import { quickFolder } from '#support/temporary-folder';

const PLANS = 150;

describe('plans in partitions', () => {
  it(`${PLANS} plans put together at random write what one process writes, in 1, 2, 7 and 64 partitions`, async () => {
    const random = randomFrom(chooseSeed());
    for (let number = 0; number < PLANS; number++) {
      const plan = randomWritten(random, quickFolder());
      const partitions = number % 10 === 0 ? random.pick([1, 2, 7, 64]) : random.integer(2, 12);
      const { got, expected } = await writtenBothWays(plan, partitions, random, quickFolder());
      expect(got, `${partitions} partitions, seed ${random.seed}, plan ${number}: ${plan.description}`).toEqual(
        expected,
      );
    }
  });

  it(`${PLANS} plans put together at random give what one process gives, in 1, 2, 7 and 64 partitions`, async () => {
    const random = randomFrom(chooseSeed());
    for (let number = 0; number < PLANS; number++) {
      const { description, plan } = await randomCut(random, quickFolder());
      const place = `seed ${random.seed}, plan ${number}: ${description}`;
      const whole = plan();
      const job = run(whole, { workers: 1 });
      const expected = await Promise.all(whole.map(async (sink) => digestTable(await job.table(sink))));
      for (const partitions of number % 10 === 0 ? [1, 2, 7, 64] : [random.integer(2, 12)]) {
        const sinks = plan();
        const merge = await runInPartitions(sinks, {
          partitions,
          folder: quickFolder(),
          workers: random.integer(1, 2),
          isTooLarge: () => random.chance(0.2),
        });
        const got = await Promise.all(sinks.map(async (sink) => digestTable(await merge.table(sink))));
        expect(got, `${partitions} partitions, ${place}`).toEqual(expected);
      }
    }
  });
});
