import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { damageOf, SharedFolder, writeRecord } from '@spillway/workers/internal';
import type { PartitionResult } from '@spillway/workers/partition';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const NOBODY = 2 ** 22 + 1;

async function writeResult(
  folder: SharedFolder,
  partition: number,
  attempt: number,
  text = 'rows',
  more: Partial<PartitionResult> = {},
): Promise<void> {
  const output = folder.output({ step: 0, partition }, attempt);
  const path = `${output}-rows`;
  writeFileSync(path, text);
  const file = { path, rows: 1, bytes: 4, crc32: crc32('rows'), min: null, max: null };
  const result: PartitionResult = { step: 0, partition, attempt, files: [file], peakRss: 0, rows: 1, ...more };
  await writeRecord(output, result);
}

describe('SharedFolder', () => {
  test('has what another coordinator of the same run left there whole, by partition', async () => {
    const path = temporaryFolder();
    const first = await SharedFolder.open(path, 'nightly');
    await first.beginStep(0);
    await writeResult(first, 0, 1);
    await writeResult(first, 1, 1, 'half');
    await writeResult(first, 1, 2);
    await writeResult(first, 2, 1, 'torn!');
    writeFileSync(`${first.output({ step: 0, partition: 3 }, 5)}-rows`, 'no record');
    writeFileSync(`${first.output({ step: 0, partition: 4 }, 1)}.result.json`, '{"step":0,"parti');
    await first.leave();
    const second = await SharedFolder.open(path, 'nightly');
    await second.beginStep(0);
    const results = await second.results(0, []);
    expect([...results].map(([partition, { attempt }]) => [partition, attempt])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(second.output({ step: 0, partition: 3 }, 5)).not.toBe(first.output({ step: 0, partition: 3 }, 5));
    await second.remove();
    expect(readdirSync(path)).toEqual([]);
  });

  test('knows itself what it has of a run that nobody goes on with', async () => {
    const folder = await SharedFolder.open(temporaryFolder(), undefined);
    await folder.beginStep(0);
    for (const [partition, text] of ['rows', 'torn!'].entries()) {
      const path = `${folder.output({ step: 0, partition }, 1)}-rows`;
      writeFileSync(path, text);
      const file = { path, rows: 1, bytes: 4, crc32: crc32('rows'), min: null, max: null };
      const result: PartitionResult = { step: 0, partition, attempt: 1, files: [file], peakRss: 0, rows: 1 };
      await folder.keep({ step: 0, partition, plan: '', inputs: [], output: '' }, result, false);
    }
    expect([...(await folder.results(0, [])).keys()]).toEqual([0]);
    await folder.remove();
  });

  test('goes on with the range of a sort only where it has the same values again', async () => {
    const folder = await SharedFolder.open(temporaryFolder(), 'nightly');
    await folder.beginStep(0);
    await writeResult(folder, 0, 1, 'rows', { range: 't from 1 to 5' });
    await writeResult(folder, 1, 1, 'rows', { range: 't from 5 to 9' });
    const task = { step: 0, plan: '', inputs: [], output: '' };
    const tasks = ['t from 1 to 5', 't from 5 to 8'].map((range, partition) => ({ ...task, partition, range }));
    expect([...(await folder.results(0, tasks)).keys()]).toEqual([0]);
    await folder.remove();
  });

  test('is refused while another coordinator holds it', async () => {
    const path = temporaryFolder();
    const first = await SharedFolder.open(path, 'nightly');
    await expect(SharedFolder.open(path, 'nightly')).rejects.toMatchObject({ code: 'ERR_RESUME_BUSY' });
    await first.remove();
  });

  test('is taken over from a coordinator that is gone', async () => {
    const path = temporaryFolder();
    const gone = join(path, 'spillway-run-nightly');
    mkdirSync(gone);
    writeFileSync(join(gone, 'lease'), JSON.stringify({ host: hostname(), pid: NOBODY }));
    const folder = await SharedFolder.open(path, 'nightly');
    expect(folder.path).toBe(gone);
    await folder.remove();
  });

  test('removes folders of nameless runs that nobody holds, and no others', async () => {
    const path = temporaryFolder();
    const old = join(path, 'spillway-run-01234567-0123-0123-0123-0123456789ab');
    const named = join(path, 'spillway-run-weekly');
    for (const folder of [old, named]) mkdirSync(folder);
    utimesSync(old, 1, 1);
    const live = await SharedFolder.open(path, undefined);
    const folder = await SharedFolder.open(path, 'nightly');
    expect([old, named, live.path].map((name) => existsSync(name))).toEqual([false, true, true]);
    await Promise.all([folder.remove(), live.remove()]);
  });

  test('names the path where there can be none', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    await expect(SharedFolder.open(join(file, 'below'), undefined)).rejects.toMatchObject({
      code: 'ERR_DASK_SHARED_PATH',
      message: expect.stringContaining(file),
    });
  });
});

test('a file is damaged when it is shorter, longer, changed or not there', async () => {
  const path = join(temporaryFolder(), 'rows');
  const damage = (text: string | undefined): Promise<string | undefined> => {
    if (text !== undefined) writeFileSync(path, text);
    return damageOf({ path, rows: 1, bytes: 4, crc32: crc32('rows'), min: null, max: null });
  };
  expect(await damage(undefined)).toMatch(/cannot be read/);
  expect(await damage('row')).toMatch(/has 3 bytes, not 4/);
  expect(await damage('rows!')).toMatch(/has 5 bytes, not 4/);
  expect(await damage('Rows')).toMatch(/another checksum/);
  expect(await damage('rows')).toBeUndefined();
});
