/** A stage's input from an edge: packets in sequence; the lanes of a stage share them, each packet goes to one. */
import type { RingConsumer } from '../channels/ring.ts';
import type { LaneInput } from './lane-loop.ts';
import type { Morsel } from './morsel.ts';

export class RingInput implements LaneInput {
  readonly edge: number;
  readonly #consumer: RingConsumer;

  constructor(consumer: RingConsumer, edge: number) {
    this.#consumer = consumer;
    this.edge = edge;
  }

  next(): Morsel | undefined | Promise<Morsel | undefined> {
    return this.#consumer.next();
  }

  done({ isPart }: Morsel): void {
    if (isPart !== true) this.#consumer.countDone();
  }

  total(): number {
    return this.#consumer.total();
  }

  close(): void {}
}
