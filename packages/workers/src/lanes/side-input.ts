import type { Batch, SideRows } from '@spillway/core/internal';
import type { RingConsumer } from '../channels/ring.ts';
import type { ActorStatistics } from '../monitor/statistics.ts';

/** The right rows of a join that the lanes of its stage share: an edge that is this lane's alone. */
export class SideInput implements SideRows {
  readonly #consumer: RingConsumer;
  readonly #edge: number;
  readonly #statistics: ActorStatistics;
  #isUnderWay = false;
  #hasEnded = false;

  constructor(consumer: RingConsumer, edge: number, statistics: ActorStatistics) {
    this.#consumer = consumer;
    this.#edge = edge;
    this.#statistics = statistics;
  }

  next(): Batch[] | undefined | Promise<Batch[] | undefined> {
    if (this.#isUnderWay) this.#consumer.countDone();
    this.#isUnderWay = false;
    const packet = this.#consumer.next();
    if (!(packet instanceof Promise)) return this.#taken(packet?.batches);
    this.#statistics.enter('waiting for input', this.#edge);
    return packet.then((arrived) => {
      this.#statistics.enter('working');
      return this.#taken(arrived?.batches);
    });
  }

  /** Lets go of the rows that are left: no left row follows in this lane, and whoever brings them has others to bring them to. */
  async drain(): Promise<void> {
    while (!this.#hasEnded) for (const batch of (await this.next()) ?? []) batch.release();
  }

  #taken(batches: Batch[] | undefined): Batch[] | undefined {
    this.#hasEnded = batches === undefined;
    this.#isUnderWay = batches !== undefined;
    this.#statistics.countIn((batches ?? []).reduce((sum, { rows }) => sum + rows, 0));
    return batches;
  }
}
