import { expect, it } from 'vitest';
import { chooseSeed, randomFrom } from '../support/random.ts';
import { sharedFolder } from '../support/temporary-folder.ts';
import { partitionsIn } from './merge-crash-cases.ts';

it('a coordinator that dies at any change of the file system is gone on with: each partition is in the store once', async () => {
  const random = randomFrom(chooseSeed());
  const { changes, crash } = await partitionsIn(sharedFolder());
  expect(changes).toBeGreaterThan(10);
  for (const mode of ['kill', 'lose']) {
    const at = random.integer(1, changes);
    await crash(at, mode).catch((cause: unknown) => {
      throw new Error(`seed ${random.seed}: ${mode} at change ${at} of ${changes}`, { cause });
    });
  }
}, 60_000);
