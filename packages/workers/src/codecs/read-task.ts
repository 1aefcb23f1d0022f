/** Row groups of a file onto the edges that its source feeds. */
import { parseChecksums, readParquetRows } from '@spillway/core/files';
import type { Arena, Batch } from '@spillway/core/internal';
import { attachRing, type RingProducer } from '../channels/ring.ts';
import { SourceGate } from '../channels/source-gate.ts';
import type { ReadResult, ReadTask } from './protocol.ts';

export async function readRowGroup(arena: Arena, task: ReadTask): Promise<ReadResult> {
  const rings = task.rings.map((handle) => attachRing(arena, handle));
  const packets = new PacketCutter(
    task,
    rings.map((ring) => ring.producer()),
    new SourceGate(arena, task.gate),
  );
  try {
    const { first, last } = await readParquetRows({
      arena,
      owner: task.owner,
      path: task.path,
      rowGroups: task.rowGroups,
      columns: task.columns,
      types: task.fields,
      batchRows: task.batchRows,
      pieceRows: task.packetRows,
      firstRow: task.sourceRow,
      isLast: task.isLast,
      ...(task.orderedOn === undefined ? {} : { orderedOn: task.orderedOn }),
      ...(task.checksums === undefined ? {} : { checksums: parseChecksums(task.checksums) }),
      publish: (batch) => packets.add(batch),
    });
    return { first, last };
  } finally {
    packets.close();
  }
}

/**
 * Groups the pieces that the reader cuts by its memory and at the ends of row groups into packets, which end at even numbers of rows or where
 * the task does: only so are the numbers of a task's packets known before it is read.
 */
class PacketCutter {
  readonly #task: ReadTask;
  readonly #producers: readonly RingProducer[];
  readonly #gate: SourceGate;
  #pieces: Batch[] = [];
  #sequence: number;
  #rows = 0;

  constructor(task: ReadTask, producers: readonly RingProducer[], gate: SourceGate) {
    this.#task = task;
    this.#gate = gate;
    this.#producers = producers;
    this.#sequence = task.firstSequence;
  }

  async add(piece: Batch): Promise<void> {
    this.#pieces.push(piece);
    this.#rows += piece.rows;
    const { sourceRow, packetRows, rows } = this.#task;
    if (this.#rows < rows && (sourceRow + this.#rows) % packetRows !== 0) return;
    await this.#publish();
  }

  close(): void {
    for (const piece of this.#pieces.splice(0)) piece.release();
  }

  async #publish(): Promise<void> {
    const sequence = this.#sequence++;
    if (sequence < this.#task.skipBelow) return this.close();
    const passed = this.#gate.pass(sequence);
    if (passed !== undefined) await passed;
    const pieces = this.#pieces.splice(0);
    for (let extra = 1; extra < this.#producers.length; extra += 1) for (const piece of pieces) piece.retain();
    await Promise.all(this.#producers.map((producer) => producer.publish(sequence, pieces)));
  }
}
