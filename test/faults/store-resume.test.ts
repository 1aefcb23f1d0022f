import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { chooseSeed, randomFrom } from '../support/random.ts';
import { sharedFolder } from '../support/temporary-folder.ts';
import { crashCase, runChild, writeDays } from './store-resume-cases.ts';

const root = join(sharedFolder(), 'job');

beforeAll(() => writeDays(root), 60_000);

it('a job that dies at any change of the file system is gone on with', async () => {
  const seed = chooseSeed();
  const random = randomFrom(seed);
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
  await expect(crashCase(root, 0, 'broken')).rejects.toThrow(/deeply equal/);
}, 60_000);
