/** A Parquet source: its row groups go to the codec pool in order, a few at a time; their borders are checked here. */
import type { Fields, PipelineError } from '@spillway/core';
import { compareOrdered, disorderError } from '@spillway/core/data';
import type { OrderedValue, SourceSpec } from '@spillway/core/internal';
import type { SourceGate } from '../channels/source-gate.ts';
import type { ReadResult, ReadTask } from '../codecs/protocol.ts';
import type { RowGroupSchedule, RowGroupTask } from './row-groups.ts';

export interface FileReaderParts {
  source: Extract<SourceSpec, { type: 'parquet' }>;
  schedule: RowGroupSchedule;
  fields: Fields;
  /** Row groups under way at once. */
  workers: number;
  task: Pick<ReadTask, 'rings' | 'owner' | 'pool' | 'gate' | 'skipBelow'>;
  /** Runs a task on the codec pool. */
  read(task: ReadTask): Promise<ReadResult>;
  onRead(task: RowGroupTask): void;
  /** Publishes the packets of a row group that nobody needs, without rows. */
  skip(task: RowGroupTask): Promise<void>;
  /** How far it may go. */
  gate: SourceGate;
  /** The packet to begin with: earlier ones were published by an earlier attempt. */
  from: number;
  /** The last value of each row group, by its first packet; what earlier attempts read is there. */
  lasts: Map<number, OrderedValue | undefined>;
  signal: AbortSignal;
}

/**
 * Reads all row groups. Results are checked in order, so that the first disorder is the one that is named. Stops handing
 * out row groups at the first error.
 */
export async function readFiles(parts: FileReaderParts): Promise<void> {
  const { schedule, workers, signal, gate, from } = parts;
  const underWay: { task: RowGroupTask; result: Promise<ReadResult> }[] = [];
  const tasks = schedule.tasks.filter((task) => task.firstSequence + task.packets > from);
  const before = schedule.tasks[schedule.tasks.length - tasks.length - 1];
  const borders = new BorderCheck(parts.source.orderedOn, parts.fields, parts.lasts.get(before?.firstSequence ?? -1));
  const finishFirst = async (): Promise<void> => {
    const { task, result } = underWay.shift() as (typeof underWay)[number];
    borders.check(task, await result);
    parts.lasts.set(task.firstSequence, borders.last);
    parts.onRead(task);
  };
  try {
    for (const task of tasks) {
      if (underWay.length >= workers) await finishFirst();
      gate.announce(task.firstSequence + task.packets);
      const passed = gate.pass(task.firstSequence);
      if (passed !== undefined) {
        passed.catch(() => {}); // seen below, or what fails first is
        while (underWay.length > 0) await finishFirst();
        await passed;
      }
      if (signal.aborted) throw signal.reason;
      if (gate.isEnough()) {
        while (underWay.length > 0) await finishFirst();
        await parts.skip(task);
        continue;
      }
      const result = parts.read(readTask(parts, task));
      result.catch(() => {}); // seen when its turn comes
      underWay.push({ task, result });
    }
    while (underWay.length > 0) await finishFirst();
    await gate.untilOpen();
  } finally {
    await Promise.allSettled(underWay.map(({ result }) => result));
  }
}

function readTask(parts: FileReaderParts, task: RowGroupTask): ReadTask {
  const { source, fields } = parts;
  const checksums = source.stored?.checksums[task.path];
  return {
    ...(checksums === undefined ? {} : { checksums }),
    type: 'read',
    ...parts.task,
    fields,
    path: task.path,
    rowGroups: task.rowGroups.map(({ index }) => index),
    columns: fields.map((field) => field.name),
    batchRows: source.batchRows,
    packetRows: task.packetRows,
    sourceRow: task.sourceRow,
    rows: task.rows,
    isLast: task.isLast,
    firstSequence: task.firstSequence,
    packets: task.packets,
    ...(source.orderedOn === undefined ? {} : { orderedOn: source.orderedOn }),
  };
}

/** The last value of each row group against the first of the next. */
class BorderCheck {
  readonly #column: string | undefined;
  readonly #fields: Fields;
  /** Of all row groups so far. */
  last: OrderedValue | undefined;
  /** Where that one is. */
  #lastFile: string | undefined;

  constructor(column: string | undefined, fields: Fields, last: OrderedValue | undefined) {
    this.#column = column;
    this.#fields = fields;
    this.last = last;
  }

  /** @throws ERR_INPUT_UNORDERED naming the file, the row group's first row and both values */
  check(task: RowGroupTask, { first, last }: ReadResult): void {
    if (first === undefined || this.#column === undefined) return;
    if (this.last !== undefined && compareOrdered(this.last, first) > 0) throw this.#disorder(task, this.last, first);
    this.last = last;
    this.#lastFile = task.path;
  }

  #disorder(task: RowGroupTask, before: OrderedValue, value: OrderedValue): PipelineError {
    const column = this.#column as string;
    const type = this.#fields.find((field) => field.name === column)?.type ?? 'int64';
    const previous = this.#lastFile !== undefined && { previousFile: this.#lastFile };
    return disorderError({ file: task.path, row: task.firstRow, column, type, ...previous }, before, value);
  }
}
