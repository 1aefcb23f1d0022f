import { it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { partitionsIn } from './merge-crash-cases.ts';

it('a coordinator that dies at every change of the file system is gone on with', async () => {
  const { changes, crash } = await partitionsIn(temporaryFolder());
  for (let at = 1; at <= changes; at += 1)
    for (const mode of ['kill', 'lose'])
      await crash(at, mode).catch((cause: unknown) => {
        throw new Error(`${mode} at change ${at} of ${changes}`, { cause });
      });
}, 1_200_000);
