/** Rows through a sink of files that is lost now and then. */
import { randomUUID } from 'node:crypto';
import type { Fields } from '@spillway/core';
import { cutBackSink } from '@spillway/core/files';
import {
  commitSink,
  createArena,
  type FileSink,
  type FileSinkSpec,
  openFileSink,
  rowsToBatch,
  type SinkMark,
  stagingPath,
} from '@spillway/core/internal';
import { expect } from 'vitest';
import { randomFrom } from '#support/random';
import type { Row } from './write-rows.ts';

export const FIELDS: Fields = [
  { name: 'ts', type: 'int64', nullable: false },
  { name: 'key', type: 'utf8', nullable: true },
  { name: 'value', type: 'float64', nullable: true },
];

/** Writes rows through a sink that is lost now and then and goes on from its last mark. */
export async function writeWithCrashes(
  spec: FileSinkSpec,
  rows: readonly Row[],
  seed: number,
  fields: Fields = FIELDS,
): Promise<void> {
  const random = randomFrom(seed);
  const arena = createArena({ debug: true });
  const staging = stagingPath(spec, randomUUID());
  const open = (from?: SinkMark): Promise<FileSink> =>
    openFileSink({ spec, fields, arena, owner: 1, staging, ...(from && { from }) });
  let sink = await open();
  let mark: { at: number; of: SinkMark } | undefined;
  for (let at = 0; at < rows.length; ) {
    const end = Math.min(rows.length, at + random.integer(1, 60));
    await sink.push(rowsToBatch(arena, 1, fields, rows.slice(at, end)));
    at = end;
    if (random.integer(0, 3) === 0) mark = { at, of: await sink.mark(mark?.of.number ?? 0, false) };
    if (mark === undefined || random.integer(0, 5) > 0) continue;
    await sink.abort();
    await cutBackSink(staging, mark.of);
    sink = await open(mark.of);
    at = mark.at;
  }
  const staged = await sink.end();
  expect(arena.usedSlabs()).toBe(0);
  await commitSink(staged);
}
