/** Row groups of a file onto the edges that its source feeds. */
import { parseChecksums, readParquetRows } from '@spillway/core/files';
import type { Arena, Batch } from '@spillway/core/internal';
import { attachRing, type RingProducer } from '../channels/ring.ts';
import { SourceGate } from '../channels/source-gate.ts';
import { PacketPieces } from '../sources/packet-pieces.ts';
import type { ReadResult, ReadTask } from './protocol.ts';

export async function readRowGroup(arena: Arena, task: ReadTask): Promise<ReadResult> {
  const rings = task.rings.map((handle) => attachRing(arena, handle));
  const packets = new PacketPublisher(
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

/** Publishes packets under their numbers, unless an earlier attempt has. */
class PacketPublisher {
  readonly #task: ReadTask;
  readonly #producers: readonly RingProducer[];
  readonly #gate: SourceGate;
  readonly #pieces: PacketPieces;
  #sequence: number;

  constructor(task: ReadTask, producers: readonly RingProducer[], gate: SourceGate) {
    this.#task = task;
    this.#gate = gate;
    this.#producers = producers;
    this.#pieces = new PacketPieces(task);
    this.#sequence = task.firstSequence;
  }

  async add(piece: Batch): Promise<void> {
    const packet = this.#pieces.add(piece);
    if (packet !== undefined) await this.#publish(packet);
  }

  close(): void {
    this.#pieces.close();
  }

  async #publish(packet: Batch[]): Promise<void> {
    const sequence = this.#sequence++;
    const drop = (): void => packet.forEach((piece) => piece.release());
    if (sequence < this.#task.skipBelow) return drop();
    try {
      await this.#gate.pass(sequence);
    } catch (error) {
      drop();
      throw error;
    }
    for (let extra = 1; extra < this.#producers.length; extra += 1) for (const piece of packet) piece.retain();
    await Promise.all(this.#producers.map((producer) => producer.publish(sequence, packet)));
  }
}
