/** A real file system that is full, for spilling: a small one in memory. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuRows } from '@spillway/bench/memory/cpu-rows';
import { agg, createPipeline, type PipelineError } from '@spillway/core';
import { processArena } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { smallDisk } from '#support/memory-faults';

const MEBIBYTE = 2 ** 20;
/** 18 MiB of rows, of which a sort may hold four. */
const TICKS = 6550;
const REFUSED = 'mounting is not permitted here';

function sorted() {
  const columns = { n: agg.count(), system: agg.sum('system'), last: agg.last('time') };
  return createPipeline({ memoryLimit: '128MiB' })
    .source(cpuRows, { seed: 42, hosts: 100, ticks: TICKS })
    .sort({ by: 'user', memoryLimit: '4MiB' })
    .aggStream({ orderedOn: 'user', aggregations: { bins: { every: 1, columns } } })
    .bins.collect();
}

it('a full disk is an alert, then a failure that names it, and nothing is left', async ({ skip }) => {
  const disk = smallDisk(6 * MEBIBYTE);
  if (disk === undefined) return skip(REFUSED);
  try {
    const job = run([sorted()], { workers: 2, spillDirectory: disk.folder });
    const alerts: string[] = [];
    job.on('alert', ({ kind, message }) => {
      if (kind === 'spill') alerts.push(message);
    });
    const error = await job.done.then(
      () => expect.unreachable(),
      (thrown: PipelineError) => thrown,
    );
    expect(error).toMatchObject({ code: 'ERR_SPILL_DISK', stage: expect.stringContaining('sort') });
    expect(error.message).toContain(disk.folder);
    expect(alerts).toEqual([expect.stringMatching(/^sort waits: the disk is full/)]);
    expect(readdirSync(disk.folder)).toEqual([]);
    expect(processArena().usedSlabs()).toBe(0);
  } finally {
    disk.unmount();
  }
});

it('goes on where somebody makes room in time, with the same rows', async ({ skip }) => {
  const disk = smallDisk(64 * MEBIBYTE);
  if (disk === undefined) return skip(REFUSED);
  try {
    const onRoomyDisk = sorted();
    const expected = await run([onRoomyDisk], { workers: 2 }).rows(onRoomyDisk);
    const filler = join(disk.folder, 'filler');
    writeFileSync(filler, new Uint8Array(60 * MEBIBYTE));
    const sink = sorted();
    const job = run([sink], { workers: 2, debug: true, spillDirectory: disk.folder });
    let alerts = 0;
    job.on('alert', ({ kind }) => {
      if (kind !== 'spill') return; // that there is little room is told as well
      alerts += 1;
      rmSync(filler, { force: true });
    });
    expect(await job.rows(sink)).toEqual(expected);
    expect(alerts).toBe(1);
    expect(job.summary().spilledBytes).toBeGreaterThan(10 * MEBIBYTE);
    expect(readdirSync(disk.folder)).toEqual([]);
  } finally {
    disk.unmount();
  }
});
