/** How the row groups of Parquet files become numbered packets of an edge, known before a byte of data is read. */
import type { Fields } from '@spillway/core';
import type { ParquetInfo, ParquetRowGroup } from '@spillway/core/internal';
import { floorBytes, rowBytes as rowBytesOf } from '@spillway/core/planner';
import type { PositionSegment } from '../lanes/source-position.ts';

/** Row groups of one file, one after the other: a task for a codec thread. */
export interface RowGroupTask {
  path: string;
  /** None without rows. */
  rowGroups: { index: number; rows: number }[];
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
/** Of row groups that are read together: a task costs about a millisecond of all threads, and threads take turns by tasks. */
const TASK_ROWS = 524_288;
const TASK_BYTES = 16 * 2 ** 20;

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

interface ReadTogether {
  path: string;
  groups: ParquetRowGroup[];
  bytes: number;
}

/** Row groups with rows, small ones of a file together. @param isFirstAlone another run has taken some of the first one's packets */
function* readTogether(
  infos: readonly ParquetInfo[],
  columns: readonly string[] | undefined,
  joins: boolean,
  isFirstAlone: boolean,
): Generator<ReadTogether, void> {
  let isAlone = isFirstAlone;
  for (const { path, rowGroups } of infos) {
    let part: ReadTogether = { path, groups: [], bytes: 0 };
    let [rows, unpacked] = [0, 0];
    for (const group of rowGroups) {
      if (group.rows === 0) continue;
      const read = group.chunks.filter(({ column }) => columns === undefined || columns.includes(column));
      const more = read.reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0);
      const isFull = isAlone || !joins || rows + group.rows > TASK_ROWS || unpacked + more > TASK_BYTES;
      if (part.groups.length > 0 && isFull) {
        yield part;
        isAlone = false;
        part = { path, groups: [], bytes: 0 };
        [rows, unpacked] = [0, 0];
      }
      part.groups.push(group);
      part.bytes += read.reduce((sum, { bytes }) => sum + bytes, 0);
      rows += group.rows;
      unpacked += more;
    }
    if (part.groups.length === 0) continue;
    yield part;
    isAlone = false;
  }
}

/**
 * Numbers the packets of all row groups. Packets end at multiples of `packetRows`, counted from the source's first row,
 * and at the ends of tasks.
 * @param start where it goes on that earlier runs have read from
 * @param isOpen more comes in another run: the last batch is not whole
 * @param joins small row groups are read by one task: where several take no more memory than one
 */
export function scheduleRowGroups(
  infos: readonly ParquetInfo[],
  packetRows: number,
  columns?: readonly string[],
  {
    start = { rowsBefore: 0 },
    isOpen = false,
    joins = false,
  }: { start?: ScheduleStart; isOpen?: boolean; joins?: boolean } = {},
): RowGroupSchedule {
  const tasks: RowGroupTask[] = [];
  let packets = 0;
  let sourceRow = start.rowsBefore;
  let bytes = 0;
  for (const part of readTogether(infos, columns, joins, start.packetRows !== undefined)) {
    const each = tasks.length === 0 ? (start.packetRows ?? packetRows) : packetRows;
    const rows = part.groups.reduce((sum, group) => sum + group.rows, 0);
    const count = Math.ceil((sourceRow + rows) / each) - Math.floor(sourceRow / each);
    tasks.push({
      path: part.path,
      rowGroups: part.groups.map((group) => ({ index: group.index, rows: group.rows })),
      rows,
      firstRow: part.groups[0]?.firstRow ?? 0,
      sourceRow,
      firstSequence: packets,
      packets: count,
      packetRows: each,
      isLast: false,
      bytes: part.bytes,
    });
    packets += count;
    sourceRow += rows;
    bytes += part.bytes;
  }
  const last = tasks.at(-1);
  if (last !== undefined) last.isLast = !isOpen;
  return { tasks, packets, rows: sourceRow - start.rowsBefore, bytes };
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
