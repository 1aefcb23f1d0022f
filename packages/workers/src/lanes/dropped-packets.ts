/** Packets that killed a worker and are not worked on again: what was in them is handed back, in their place comes nothing. */
import { copyOut, emptyBatch } from '@spillway/core/data';
import type { Arena, PlainBatch } from '@spillway/core/internal';
import type { Morsel } from './morsel.ts';

export interface DroppedPacketsParts {
  arena: Arena;
  owner: number;
  /** By input: numbers of packets. */
  packets: readonly (readonly number[])[];
  onDropped(input: number, sequence: number, batches: PlainBatch[]): void;
}

export class DroppedPackets {
  readonly #parts: DroppedPacketsParts;
  readonly #packets: readonly ReadonlySet<number>[];

  constructor(parts: DroppedPacketsParts) {
    this.#parts = parts;
    this.#packets = parts.packets.map((packets) => new Set(packets));
  }

  /** Empties a morsel that is to be dropped; it still ends as many logical inputs. */
  apply(morsel: Morsel): void {
    const { sequence, packet = sequence, port = 0, batches } = morsel;
    const [first] = batches;
    if (first === undefined || this.#packets[port]?.has(packet) !== true) return;
    const { arena, owner, onDropped } = this.#parts;
    onDropped(
      port,
      packet,
      batches.map((batch) => copyOut(batch)),
    );
    const inputs = batches.reduce((sum, batch) => sum + batch.inputs, 0);
    const empty = inputs === 0 ? [] : [emptyBatch(arena, owner, first.fields, inputs)];
    for (const batch of batches.splice(0, batches.length, ...empty)) batch.release();
  }
}
