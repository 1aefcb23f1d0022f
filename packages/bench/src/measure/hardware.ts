/** What the machine can do at most, measured in the same run: every workload has to touch its bytes at least once. */
import { once } from 'node:events';
import { closeSync, constants, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createArena } from '@spillway/core/internal';
import { median } from './alternate.ts';
import type { Bound } from './figure.ts';
import type { MemoryTask, MemoryTimes } from './hardware-worker.ts';

/** Bytes a second. */
export interface Hardware {
  /** Memory, all threads together. */
  memoryRead: number;
  /** Memory, bytes that are copied. */
  memoryCopy: number;
  /** A file that lies in the page cache, one thread. */
  cachedRead: number;
  /** A file that does not, four reads in flight; absent where the file system cannot read past its cache. */
  diskRead?: number;
  /** A new file, until it is safe. */
  diskWrite: number;
}

/** Where nobody asks: bounds of nothing. */
export const UNMEASURED: Hardware = {
  memoryRead: Number.POSITIVE_INFINITY,
  memoryCopy: Number.POSITIVE_INFINITY,
  cachedRead: Number.POSITIVE_INFINITY,
  diskWrite: Number.POSITIVE_INFINITY,
};

const FILE_BYTES = 512 * 2 ** 20;
const BLOCK_BYTES = 8 * 2 ** 20;
const READS_IN_FLIGHT = 4;
const TURNS = 5;

async function memorySpeed(threads: number): Promise<Pick<Hardware, 'memoryRead' | 'memoryCopy'>> {
  const task: MemoryTask = { threads, turns: TURNS, barrier: new SharedArrayBuffer(4) };
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./hardware-worker.js', import.meta.url), { workerData: task }),
  );
  const answers = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as MemoryTimes));
  await Promise.all(workers.map((worker) => worker.terminate()));
  // All began together: a turn is over when the last thread is.
  const speed = (of: (times: MemoryTimes) => readonly number[]): number =>
    median(
      Array.from({ length: TURNS }, (_, turn) => {
        const slowestMs = Math.max(...answers.map((times) => of(times)[turn] ?? Number.NaN));
        return answers.reduce((sum, { bytes }) => sum + bytes, 0) / (slowestMs / 1000);
      }),
    );
  return { memoryRead: speed(({ readMs }) => readMs), memoryCopy: speed(({ copyMs }) => copyMs) };
}

function perSecond(startMs: number): number {
  return FILE_BYTES / ((performance.now() - startMs) / 1000);
}

function writeSpeed(path: string, block: Uint8Array): number {
  const startMs = performance.now();
  const file = openSync(path, 'w');
  for (let at = 0; at < FILE_BYTES; at += block.length) writeSync(file, block);
  fsyncSync(file);
  closeSync(file);
  return perSecond(startMs);
}

function cachedReadSpeed(path: string, block: Uint8Array): number {
  const file = openSync(path, 'r');
  const startMs = performance.now();
  for (let at = 0; at < FILE_BYTES; at += block.length) readSync(file, block, 0, block.length, at);
  const speed = perSecond(startMs);
  closeSync(file);
  return speed;
}

/** Past the page cache. Its buffers have to begin at a page, as an arena does. */
async function diskReadSpeed(path: string): Promise<number | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | (constants.O_DIRECT ?? 0));
    const { buffer } = createArena({ maximumBytes: READS_IN_FLIGHT * BLOCK_BYTES });
    const startMs = performance.now();
    const read = async (lane: number): Promise<void> => {
      const block = new Uint8Array(buffer, lane * BLOCK_BYTES, BLOCK_BYTES);
      for (let at = lane * BLOCK_BYTES; at < FILE_BYTES; at += READS_IN_FLIGHT * BLOCK_BYTES)
        await file.read(block, 0, BLOCK_BYTES, at);
    };
    await Promise.all(Array.from({ length: READS_IN_FLIGHT }, (_, lane) => read(lane)));
    const speed = perSecond(startMs);
    await file.close();
    return constants.O_DIRECT === undefined ? undefined : speed;
  } catch {
    // A file system that has no such reads, as one in memory.
    return undefined;
  }
}

/** @param folder where a file of half a gibibyte may lie for a moment */
export async function measureHardware(threads: number, folder: string): Promise<Hardware> {
  const path = join(folder, 'speed');
  const block = new Uint8Array(BLOCK_BYTES).map((_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
  try {
    const memory = await memorySpeed(threads);
    const diskWrite = writeSpeed(path, block);
    const cachedRead = cachedReadSpeed(path, block);
    const diskRead = await diskReadSpeed(path);
    return { ...memory, cachedRead, diskWrite, ...(diskRead !== undefined && { diskRead }) };
  } finally {
    rmSync(path, { force: true });
  }
}

/** The milliseconds that so many bytes take at least. */
export function boundOf(what: string, bytes: number, bytesPerSecond: number): Bound {
  return { what, value: (bytes / bytesPerSecond) * 1000 };
}
