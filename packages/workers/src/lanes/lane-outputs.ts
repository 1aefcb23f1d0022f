/** How a lane's results get onto an edge. */
import type { Batch, MaybePromise, Output } from '@spillway/core/internal';
import { compactBatch } from '@spillway/core/lane';
import type { RingProducer } from '../channels/ring.ts';
import type { ActorStatistics } from '../monitor/statistics.ts';

/** One edge as a lane sees it. */
export interface LaneOutput extends Output {
  /** All results of this morsel have been pushed. */
  endMorsel(sequence: number): MaybePromise;
  /** All morsels of the stage are through. `morsels` counts those of all lanes. */
  end(morsels: number): MaybePromise;
  /** Drops what has not been published. */
  close(): void;
}

/**
 * For a stage with several lanes: the results of a morsel travel under the morsel's own number, so that the consumer
 * sees them in order, whichever lane was faster. An empty packet goes out too: its number must not be missing.
 */
export class MorselOutput implements LaneOutput {
  readonly #ring: RingProducer;
  readonly #edge: number;
  readonly #statistics: ActorStatistics;
  readonly #countsRows: boolean;
  readonly #owner: number | undefined;
  #batches: Batch[] = [];

  /**
   * @param countsRows false where the states of an aggregate travel, which are words and not rows
   * @param owner whom copies are charged to, of batches that keep far more memory than they use: a ring counts what is used
   */
  constructor(ring: RingProducer, edge: number, statistics: ActorStatistics, countsRows = true, owner?: number) {
    this.#ring = ring;
    this.#edge = edge;
    this.#statistics = statistics;
    this.#countsRows = countsRows;
    this.#owner = owner;
  }

  push(batch: Batch): void {
    this.#batches.push(this.#owner === undefined ? batch : compactBatch(batch, this.#owner));
  }

  endMorsel(sequence: number): MaybePromise {
    const batches = this.#batches;
    this.#batches = [];
    if (this.#countsRows) for (const batch of batches) this.#statistics.countOut(batch.rows);
    return whileWaiting(this.#ring.publish(sequence, batches), this.#statistics, this.#edge);
  }

  end(morsels: number): void {
    this.#ring.end(morsels);
  }

  close(): void {
    for (const batch of this.#batches.splice(0)) batch.release();
  }
}

/** For a stage with one lane: every batch is published at once, numbered by this lane; inputs and outputs need not match. */
export class StreamOutput implements LaneOutput {
  readonly #ring: RingProducer;
  readonly #edge: number;
  readonly #statistics: ActorStatistics;
  readonly #countsRows: boolean;
  readonly #owner: number | undefined;
  #next = 0;

  /** @param countsRows as of `MorselOutput`, as is `owner` */
  constructor(ring: RingProducer, edge: number, statistics: ActorStatistics, countsRows = true, owner?: number) {
    this.#ring = ring;
    this.#edge = edge;
    this.#statistics = statistics;
    this.#countsRows = countsRows;
    this.#owner = owner;
  }

  push(batch: Batch): MaybePromise {
    if (this.#countsRows) this.#statistics.countOut(batch.rows);
    return whileWaiting(
      this.#ring.publish(this.#next++, [this.#owner === undefined ? batch : compactBatch(batch, this.#owner)]),
      this.#statistics,
      this.#edge,
    );
  }

  endMorsel(): void {}

  end(): void {
    this.#ring.end(this.#next);
  }

  close(): void {}
}

function whileWaiting(published: MaybePromise, statistics: ActorStatistics, edge: number): MaybePromise {
  if (published === undefined) return undefined;
  statistics.enter('waiting for room in its output', edge);
  return published.then(() => statistics.enter('working'));
}
