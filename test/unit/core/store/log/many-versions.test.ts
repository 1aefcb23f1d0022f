/** What a commit costs does not grow with the versions that its dataset has had. */
import { cpSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type Fields, openStore } from '@spillway/core';
import { describe, expect, test } from 'vitest';

import { countFiles } from '../../../../support/counted-files.ts';
import { quickFolder } from '../../../../support/temporary-folder.ts';
import { writeRows } from '../write-rows.ts';

const FEW = 10;
const MANY = 500;
const fields: Fields = [{ name: 'ts', type: 'int64', nullable: false }];
const key = { a: 'b' };
/** Until files count as old enough to be kept. */
const SETTLED_MS = 60;

describe('a dataset that has been overwritten many times', () => {
  test('asks no more of the file system for a write, and to be opened, than after a few times', async () => {
    const root = quickFolder();
    const store = await openStore(root);
    // Checkpoints are due now and then, and cost what there is to be cleaned up later.
    await store.write(key, [{ ts: 0n }], {
      schema: { ts: 'int64' },
      orderedOn: 'ts',
      properties: { 'delta.checkpointInterval': '10000' },
    });
    const overwrite = (ts: number) => writeRows(root, key, fields, [{ ts: BigInt(ts) }], { mode: 'overwrite' });
    const counted = async () => {
      // What has just been written is read again, and how much that is depends on the clock.
      await setTimeout(SETTLED_MS);
      await store.dataset(key);
      const [write, open] = [await countFiles(() => overwrite(-1)), await countFiles(() => store.dataset(key))];
      version += 1;
      // Nothing is known of a dataset in another folder; its log is listed once.
      const copy = quickFolder();
      cpSync(root, copy, { recursive: true });
      const unknown = await openStore(copy);
      return { write, open, firstOpen: (await countFiles(() => unknown.dataset(key))).calls };
    };
    let version = 0;
    const overwriteTo = async (end: number) => {
      while (version < end) ({ version } = await overwrite(version));
    };
    await overwriteTo(FEW);
    const few = await counted();
    await overwriteTo(MANY);
    const many = await counted();
    expect(few.write.calls).toBeGreaterThan(10);
    expect(many).toEqual(few);
    expect((await store.dataset(key)).version).toBe(MANY + 1);
  });
});
