/** How the row groups of Parquet files become numbered packets of an edge, known before a byte of data is read. */
import type { Fields } from '@spillway/core';
import type { ParquetInfo } from '@spillway/core/internal';
import { floorBytes, rowBytes as rowBytesOf } from '@spillway/core/planner';
import type { PositionSegment } from '../lanes/source-position.ts';

/** One row group of one file, as a task for a codec thread. */
export interface RowGroupTask {
  path: string;
  rowGroup: number;
  rows: number;
  /** Row of the file at which it starts. */
  firstRow: number;
  /** Row of the whole source at which it starts: batches and packets are cut at multiples of these. */
  sourceRow: number;
  /** Number of its first packet on the edge. */
  firstSequence: number;
  packets: number;
  /** Rows of its packets. */
  packetRows: number;
  /** Whether the source ends with it. */
  isLast: boolean;
  /** Bytes on disk. */
  bytes: number;
}

export interface RowGroupSchedule {
  tasks: RowGroupTask[];
  packets: number;
  rows: number;
  bytes: number;
}

/** Where a source goes on that earlier runs have read from. */
export interface ScheduleStart {
  /** Rows of the source before the first row group. */
  rowsBefore: number;
  /** Rows of a packet of the first row group, when some of them have been taken. */
  packetRows?: number;
}

/** Beyond so many times the packets that their bytes ask for, even ones are not worth their number. */
const MOST_CUTS = 8;
const LARGEST_ROWS = 65_536;

/**
 * Rows of a packet: a logical batch, or, where one would be larger than the largest batch of its edge, an even part of it. Rows
 * are as large as the footers say on average, encoded, or as their columns have to be, whichever is more.
 */
export function packetRowsOf(infos: readonly ParquetInfo[], fields: Fields, batchRows: number): number {
  const names = new Set(fields.map(({ name }) => name));
  let rowBytes = rowBytesOf(fields);
  for (const { rowGroups } of infos) {
    for (const { rows, chunks } of rowGroups) {
      const read = chunks.filter(({ column }) => names.has(column));
      rowBytes = Math.max(rowBytes, read.reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0) / Math.max(1, rows));
    }
  }
  const mostRows = Math.max(1, Math.min(LARGEST_ROWS, Math.floor(floorBytes(fields, batchRows) / rowBytes)));
  const least = Math.ceil(batchRows / mostRows);
  for (let parts = least; parts <= least * MOST_CUTS && parts <= batchRows; parts++)
    if (batchRows % parts === 0) return batchRows / parts;
  return batchRows;
}

/**
 * Numbers the packets of all row groups. Packets end at multiples of `packetRows`, counted from the source's first row,
 * and at the ends of row groups.
 * @param start where it goes on that earlier runs have read from
 * @param isOpen more comes in another run: the last batch is not whole
 */
export function scheduleRowGroups(
  infos: readonly ParquetInfo[],
  packetRows: number,
  columns?: readonly string[],
  { start = { rowsBefore: 0 }, isOpen = false }: { start?: ScheduleStart; isOpen?: boolean } = {},
): RowGroupSchedule {
  const tasks: RowGroupTask[] = [];
  let packets = 0;
  let rows = start.rowsBefore;
  let bytes = 0;
  for (const info of infos) {
    for (const group of info.rowGroups) {
      if (group.rows === 0) continue;
      const each = tasks.length === 0 ? (start.packetRows ?? packetRows) : packetRows;
      const count = Math.ceil((rows + group.rows) / each) - Math.floor(rows / each);
      const groupBytes = group.chunks
        .filter((chunk) => columns === undefined || columns.includes(chunk.column))
        .reduce((sum, chunk) => sum + chunk.bytes, 0);
      tasks.push({
        path: info.path,
        rowGroup: group.index,
        rows: group.rows,
        firstRow: group.firstRow,
        sourceRow: rows,
        firstSequence: packets,
        packets: count,
        packetRows: each,
        isLast: false,
        bytes: groupBytes,
      });
      packets += count;
      rows += group.rows;
      bytes += groupBytes;
    }
  }
  const last = tasks.at(-1);
  if (last !== undefined) last.isLast = !isOpen;
  return { tasks, packets, rows: rows - start.rowsBefore, bytes };
}

/** Where each packet of a schedule begins in its file. */
export function positionsOf(schedule: RowGroupSchedule): PositionSegment[] {
  return schedule.tasks.map((task) => ({
    firstSequence: task.firstSequence,
    file: task.path,
    firstRow: task.firstRow,
    morselRows: task.packetRows,
    missingRows: task.sourceRow % task.packetRows,
  }));
}
