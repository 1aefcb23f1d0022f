/** The edges that one lane feeds: reserved one after the other, published one after the other, as a real lane does. */
import type { Edge, Packet } from './edge.ts';
import type { Row } from './rows.ts';

export class LaneOutputs {
  readonly edges: readonly Edge[];
  #reserved = 0;
  #sequence = 0;
  #packet: Packet | undefined;
  #published = 0;

  constructor(edges: readonly Edge[]) {
    this.edges = edges;
  }

  get isReserved(): boolean {
    return this.#reserved === this.edges.length;
  }

  get isPublishing(): boolean {
    return this.#packet !== undefined;
  }

  /** Reserves on the next edge; false when that has no room now. */
  reserve(sequence: number): boolean {
    if (!(this.edges[this.#reserved] as Edge).reserve(sequence)) return false;
    this.#reserved += 1;
    this.#sequence = sequence;
    return true;
  }

  /** Rows that were made under the reservation go out from now on. */
  send(sequence: number, rows: readonly Row[]): void {
    for (const edge of this.edges) edge.settle(sequence, rows.length);
    this.#start(sequence, { rows, barrier: 0 });
  }

  sendBarrier(sequence: number, barrier: number): void {
    this.giveBack();
    this.#start(sequence, { rows: [], barrier });
  }

  giveBack(): void {
    for (const edge of this.edges.slice(0, this.#reserved)) edge.release(this.#sequence);
    this.#reserved = 0;
  }

  /** Publishes on the next edge; false when that has to wait. */
  publish(): boolean {
    const { edges } = this;
    if (this.#packet === undefined) return false;
    const edge = edges[this.#published];
    if (edge !== undefined && !edge.publish(this.#sequence, this.#packet)) return false;
    this.#published += 1;
    if (this.#published >= edges.length) this.#packet = undefined;
    return true;
  }

  /** What it waits for, for people. */
  describe(): string {
    const index = this.isPublishing ? this.#published : this.#reserved;
    const edge = this.edges[index];
    return `room in its output to ${edge?.spec.to ?? '?'}`;
  }

  #start(sequence: number, packet: Packet): void {
    this.#reserved = 0;
    this.#sequence = sequence;
    this.#packet = packet;
    this.#published = 0;
  }
}
