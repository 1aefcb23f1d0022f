import { join } from 'node:path';
import { expect, it } from 'vitest';
import { chooseSeed, randomFrom } from '../support/random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { crashCase, runChild, writeDays } from './store-resume-cases.ts';

it('a job that dies at any change of the file system is gone on with', async () => {
  const root = join(temporaryFolder(), 'job');
  const seed = chooseSeed();
  const random = randomFrom(seed);
  await writeDays(root);
  const changes = runChild(root, 0, 0, 'kill');
  expect(changes).toBeGreaterThan(30);
  for (const mode of [random.pick(['kill', 'fail'] as const), 'lose'] as const) {
    const change = random.integer(1, changes);
    const again = mode === 'lose' ? 0 : random.integer(1, 60);
    try {
      await crashCase(root, change, mode, again);
    } catch (error) {
      throw new Error(`seed ${seed}: ${mode} at change ${change} of ${changes}, then ${again}`, { cause: error });
    }
  }
}, 120_000);

it('commits before the checkpoint that decides them are found out', async () => {
  const root = join(temporaryFolder(), 'job');
  await writeDays(root);
  await expect(crashCase(root, 0, 'broken')).rejects.toThrow(/deeply equal/);
}, 60_000);
