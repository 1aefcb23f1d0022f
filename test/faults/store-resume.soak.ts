import { join } from 'node:path';
import { expect, it } from 'vitest';
import { chooseSeed, randomFrom } from '../support/random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { crashCase, runChild, writeDays } from './store-resume-cases.ts';

it('300 crashes of a job that others go on with, at every change, by kill, loss and failure', async () => {
  const root = join(temporaryFolder(), 'job');
  const seed = chooseSeed();
  const random = randomFrom(seed);
  await writeDays(root);
  const changes = runChild(root, 0, 0, 'kill');
  let crashes = 0;
  for (let change = 1; crashes < 300; change = (change % changes) + 1) {
    const mode = (['kill', 'lose', 'fail'] as const)[crashes % 3] ?? 'kill';
    const again = random.integer(0, 1) * random.integer(1, 80);
    try {
      await crashCase(root, change, mode, again);
    } catch (error) {
      throw new Error(`seed ${seed}: ${mode} at change ${change} of ${changes}, then ${again}`, { cause: error });
    }
    crashes += again > 0 ? 2 : 1;
  }
  process.stdout.write(`${crashes} crashes over ${changes} changes\n`);
  expect(crashes).toBeGreaterThanOrEqual(300);
}, 3_000_000);

it('60 jobs that are killed at any time are gone on with', async () => {
  const root = join(temporaryFolder(), 'job');
  const seed = chooseSeed();
  const random = randomFrom(seed);
  await writeDays(root);
  const since = performance.now();
  runChild(root, 0, 0, 'kill');
  const mostMs = Math.ceil(performance.now() - since);
  for (let crash = 0; crash < 60; crash += 1) {
    const afterMs = random.integer(1, mostMs);
    try {
      await crashCase(root, afterMs, 'timed');
    } catch (error) {
      throw new Error(`seed ${seed}: killed after ${afterMs} of ${mostMs} ms`, { cause: error });
    }
  }
}, 3_000_000);
