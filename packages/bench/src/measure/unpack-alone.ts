/** What Parquet files cost before a value of them is decoded: their pages read, their checksums compared, their codec undone. */
import { closeSync, openSync } from 'node:fs';
import { borrowPageMemory, ChunkPages, readParquetInfo, returnPageMemory } from '@spillway/core/internal';
import { median } from './alternate.ts';
import type { Bound } from './figure.ts';

const TURNS = 3;

async function unpackOnce(paths: readonly string[]): Promise<number> {
  const infos = await Promise.all(paths.map((path) => readParquetInfo(path)));
  const memory = borrowPageMemory();
  const startMs = performance.now();
  for (const { path, rowGroups } of infos) {
    const fd = openSync(path, 'r');
    for (const { chunks } of rowGroups)
      for (const chunk of chunks) {
        memory.reset();
        const pages = new ChunkPages(memory, { path, fd }, chunk, undefined);
        while (pages.next() !== undefined);
      }
    closeSync(fd);
  }
  const ms = performance.now() - startMs;
  returnPageMemory(memory);
  return ms;
}

/** By our own kernels on one thread, shared out evenly between so many. The files lie in the page cache. */
export async function unpackBound(paths: readonly string[], threads: number): Promise<Bound> {
  await unpackOnce(paths);
  const turns: number[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) turns.push(await unpackOnce(paths));
  return { what: 'pages read and unpacked on all threads', value: median(turns) / threads };
}
