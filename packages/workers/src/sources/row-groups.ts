/** How the row groups of Parquet files become numbered packets of an edge, known before a byte of data is read. */
import type { ParquetInfo } from '@spillway/core/internal';
import type { PositionSegment } from '../lanes/source-position.ts';

/** One row group of one file, as a task for a codec thread. */
export interface RowGroupTask {
  path: string;
  rowGroup: number;
  rows: number;
  /** Row of the file at which it starts. */
  firstRow: number;
  /** Row of the whole source at which it starts: batches are cut at multiples of `batchRows` of these. */
  sourceRow: number;
  /** Number of its first packet on the edge. */
  firstSequence: number;
  packets: number;
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

/**
 * Numbers the packets of all row groups. Batches end at multiples of `batchRows`, counted from the source's first row,
 * and at the ends of row groups.
 */
export function scheduleRowGroups(
  infos: readonly ParquetInfo[],
  batchRows: number,
  columns?: readonly string[],
): RowGroupSchedule {
  const tasks: RowGroupTask[] = [];
  let packets = 0;
  let rows = 0;
  let bytes = 0;
  for (const info of infos) {
    for (const group of info.rowGroups) {
      if (group.rows === 0) continue;
      const count = Math.ceil((rows + group.rows) / batchRows) - Math.floor(rows / batchRows);
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
        isLast: false,
        bytes: groupBytes,
      });
      packets += count;
      rows += group.rows;
      bytes += groupBytes;
    }
  }
  const last = tasks.at(-1);
  if (last !== undefined) last.isLast = true;
  return { tasks, packets, rows, bytes };
}

/** Where each packet of a schedule begins in its file. */
export function positionsOf(schedule: RowGroupSchedule, batchRows: number): PositionSegment[] {
  return schedule.tasks.map((task) => ({
    firstSequence: task.firstSequence,
    file: task.path,
    firstRow: task.firstRow,
    morselRows: batchRows,
    missingRows: task.sourceRow % batchRows,
  }));
}
