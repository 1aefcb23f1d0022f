import type { ParquetInfo } from '@spillway/core/internal';
import { packetRowsOf, positionOf, positionsOf, scheduleRowGroups } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

function info(path: string, rows: readonly number[]): ParquetInfo {
  let firstRow = 0;
  const rowGroups = rows.map((count, index) => {
    const group = {
      index,
      rows: count,
      firstRow,
      bytes: count * 8,
      uncompressedBytes: count * 8,
      chunks: [{ column: 'x', offset: 4, bytes: count * 8, uncompressedBytes: count * 8, codec: 0, encodings: [] }],
    };
    firstRow += count;
    return group;
  });
  return {
    path,
    fileBytes: 0,
    rows: firstRow,
    fields: [],
    unsupported: [],
    rowGroups,
    leaves: [],
    createdBy: undefined,
    metadata: {},
  };
}

it('cuts packets at multiples of batchRows over all files, and at row group ends', () => {
  const { tasks, packets, rows } = scheduleRowGroups([info('a', [25, 0, 5]), info('b', [10])], 10);
  expect(
    tasks.map((task) => [
      task.path,
      task.rowGroups[0]?.index,
      task.sourceRow,
      task.firstSequence,
      task.packets,
      task.isLast,
    ]),
  ).toEqual([
    ['a', 0, 0, 0, 3, false], // 10 10 5
    ['a', 2, 25, 3, 1, false], // 5, up to row 30
    ['b', 0, 30, 4, 1, true],
  ]);
  expect([packets, rows]).toEqual([5, 40]);
});

it('counts the packets of a row group that begins and ends inside batches', () => {
  const { tasks } = scheduleRowGroups([info('a', [7, 20, 3])], 10);
  expect(tasks.map((task) => task.packets)).toEqual([1, 3, 1]); // 7 | 3 10 7 | 3
});

it('has small row groups of a file read together, and numbers their packets as those of one', () => {
  const infos = [info('a', [200_000, 0, 200_000, 200_000]), info('b', [100_000])];
  const { tasks, packets } = scheduleRowGroups(infos, 65_536, undefined, { joins: true });
  expect(
    tasks.map(({ path, rowGroups, rows, firstRow, sourceRow, firstSequence }) => [
      path,
      rowGroups.map(({ index }) => index),
      ...[rows, firstRow, sourceRow, firstSequence],
    ]),
  ).toEqual([
    ['a', [0, 2], 400_000, 0, 0, 0],
    ['a', [3], 200_000, 400_000, 400_000, 7],
    ['b', [0], 100_000, 0, 600_000, 11],
  ]);
  expect(packets).toBe(13);
});

it('reads the row group alone of which another run has taken packets', () => {
  const start = { rowsBefore: 30, packetRows: 5 };
  const { tasks } = scheduleRowGroups([info('a', [20, 20, 20])], 10, undefined, { joins: true, start });
  expect(tasks.map(({ rowGroups, packetRows }) => [rowGroups.length, packetRows])).toEqual([
    [1, 5],
    [2, 10],
  ]);
});

it('finds file and row of any packet', () => {
  const schedule = scheduleRowGroups([info('a', [7, 20]), info('b', [15])], 10);
  const segments = positionsOf(schedule);
  const starts = Array.from({ length: schedule.packets }, (_, sequence) => positionOf(segments, sequence, 0));
  expect(starts).toEqual([
    { file: 'a', row: 0 },
    { file: 'a', row: 7 },
    { file: 'a', row: 10 },
    { file: 'a', row: 20 },
    { file: 'b', row: 0 },
    { file: 'b', row: 3 },
    { file: 'b', row: 13 },
  ]);
});

it('has nothing to read in empty files', () => {
  expect(scheduleRowGroups([info('a', []), info('b', [0])], 10)).toMatchObject({ tasks: [], packets: 0, rows: 0 });
});

it('makes packets of even parts of a batch where rows are larger than their columns tell', () => {
  const fields = [{ name: 'x', type: 'utf8', nullable: false }] as const;
  const wide = info('a', [10]);
  const rowGroups = wide.rowGroups.map((group) => ({
    ...group,
    chunks: [{ column: 'x', offset: 4, bytes: 10, uncompressedBytes: 10 * 280, codec: 0, encodings: [] }],
  }));
  expect(packetRowsOf([{ ...wide, rowGroups }], fields, 65_536)).toBe(4096);
  expect(packetRowsOf([info('a', [10])], fields, 65_536)).toBe(65_536);
  expect(packetRowsOf([info('a', [10])], fields, 1_000_000)).toBe(62_500);
  expect(packetRowsOf([{ ...wide, rowGroups }], fields, 7)).toBe(7);
});
