import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPipeline, readCsv } from '@spillway/core';
import { unpackedStream } from '@spillway/core/text';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

// Made by zstd 1.5: a window of 8 KiB, several frames with one to be skipped between them, and runs of one byte.
const fixture = (name: string): string => fileURLToPath(new URL(`../../../fixtures/text/${name}`, import.meta.url));

function lines(rows: number): string {
  const line = (row: number): string =>
    `${row * 250},k${(row * 7919) % 1000},${'note '.repeat((row * row) % 7)}${row % 13}\n`;
  return `ts,key,note\n${Array.from({ length: rows }, (_, row) => line(row)).join('')}`;
}

/** Megabytes, of which later blocks see the last 8 KiB only. */
function slides(): string {
  const line = (row: number): string => `${(row % 2 === 0 ? 'a' : 'b').repeat(row % 50)}${row % 10}\n`;
  return `x\n${Array.from({ length: 150_000 }, (_, row) => line(row)).join('')}`;
}

async function textOf(path: string): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of unpackedStream({ path, packing: 'zstd' })) parts.push(part as Uint8Array);
  return Buffer.concat(parts).toString('utf8');
}

describe('text in Zstandard', () => {
  it.each([
    ['window-8k.csv.zst', lines(12_000)],
    ['frames.csv.zst', lines(12_000)],
    ['slides.csv.zst', slides()],
    ['runs.csv.zst', `x,y\n${'1,1\n'.repeat(200_000)}`],
  ])('unpacks %s', async (name, text) => {
    expect((await textOf(fixture(name))) === text).toBe(true);
  });

  it('is read as its text is', async () => {
    const sink = createPipeline({ memoryLimit: '256MiB' })
      .source(readCsv(fixture('frames.csv.zst'), { orderedOn: 'ts' }))
      .collect();
    const job = run([sink], { workers: 2 });
    await job.done;
    const rows = await job.rows(sink);
    expect([rows.length, rows.at(-1)]).toEqual([12_000, { ts: 2_999_750n, key: 'k81', note: `${'note '.repeat(1)}0` }]);
  });

  it('is refused by name when it is cut off or damaged', async () => {
    const bytes = readFileSync(fixture('window-8k.csv.zst'));
    const path = join(temporaryFolder(), 'bad.csv.zst');
    const damaged = Buffer.from(bytes);
    for (const at of [bytes.length - 2, 30_000]) damaged[at] = (damaged[at] as number) ^ 0x55;
    for (const content of [
      bytes.subarray(0, bytes.length - 100),
      damaged,
      Buffer.concat([bytes, Buffer.from('more')]),
    ]) {
      writeFileSync(path, content);
      const sink = createPipeline()
        .source(readCsv(path, { orderedOn: 'ts' }))
        .collect();
      await expect(run([sink]).done).rejects.toMatchObject({ code: 'ERR_FILE_FORMAT', file: path });
    }
  });
});
