import type { Batch, SideRows } from '@spillway/core/internal';
import type { RingConsumer } from '../channels/ring.ts';
import { WaitAny } from '../channels/wait-any.ts';
import type { ActorStatistics } from '../monitor/actor-statistics.ts';

/** The right rows of a join that the lanes of its stage share: an edge that is this lane's alone. */
export class SideInput implements SideRows {
  readonly #consumer: RingConsumer;
  readonly #edge: number;
  readonly #statistics: ActorStatistics;
  readonly #wait: WaitAny;
  /** What has arrived and was not taken yet. */
  #next: Batch[] | 'end' | undefined;
  #arrival: Promise<void> | undefined;

  constructor(consumer: RingConsumer, edge: number, statistics: ActorStatistics) {
    this.#consumer = consumer;
    this.#edge = edge;
    this.#statistics = statistics;
    this.#wait = new WaitAny([consumer.arrivals]);
  }

  poll(): Batch[] | 'end' | undefined {
    const rows = this.#look();
    if (rows === undefined || rows === 'end') return rows;
    this.#next = undefined;
    this.#consumer.countDone();
    this.#statistics.countIn(rows.reduce((sum, batch) => sum + batch.rows, 0));
    return rows;
  }

  arrival(): Promise<void> {
    this.#arrival ??= this.#arrive().finally(() => {
      this.#arrival = undefined;
    });
    this.#arrival.catch(() => {}); // nobody may be waiting any more
    return this.#arrival;
  }

  /** Lets go of the rows that are left: no left row follows in this lane, and whoever brings them has others to bring them to. */
  async drain(): Promise<void> {
    for (let rows = this.poll(); rows !== 'end'; rows = this.poll()) {
      if (rows === undefined) await this.arrival();
      for (const batch of rows ?? []) batch.release();
    }
  }

  close(): void {
    if (Array.isArray(this.#next)) for (const batch of this.#next) batch.release();
    this.#next = undefined;
    this.#wait.close();
  }

  async #arrive(): Promise<void> {
    const arrived = this.#wait.until(() => this.#look());
    if (!(arrived instanceof Promise)) return;
    this.#statistics.enter('waiting for input', this.#edge);
    await arrived;
    this.#statistics.enter('working');
  }

  #look(): Batch[] | 'end' | undefined {
    if (this.#next !== undefined) return this.#next;
    const packet = this.#consumer.poll();
    this.#next = packet === undefined || packet === 'end' ? packet : packet.batches;
    return this.#next;
  }
}
