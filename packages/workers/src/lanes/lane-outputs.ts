/** How a lane's results get onto an edge. */
import type { Batch, MaybePromise, Output } from '@spillway/core/internal';
import { compactBatch } from '@spillway/core/lane';
import type { RingProducer } from '../channels/ring.ts';
import type { ActorStatistics } from '../monitor/actor-statistics.ts';

/** One edge as a lane sees it. */
export interface LaneOutput extends Output {
  /** What is pushed from now on comes of this morsel. */
  beginMorsel(sequence: number): void;
  /** All results of the morsel have been pushed. */
  endMorsel(): MaybePromise;
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
  readonly #owner: number | undefined;
  readonly #partBytes: number | undefined;
  #sequence = -1;
  #batches: Batch[] = [];
  #bytes = 0;

  /**
   * @param partBytes where the states of an aggregate travel, which are words and not rows, and may be more than the rows were: so much is held
   * before it goes out as a part
   * @param owner whom copies are charged to, of batches that keep far more memory than they use: a ring counts what is used
   */
  constructor(ring: RingProducer, edge: number, statistics: ActorStatistics, partBytes?: number, owner?: number) {
    this.#ring = ring;
    this.#edge = edge;
    this.#statistics = statistics;
    this.#partBytes = partBytes;
    this.#owner = owner;
  }

  beginMorsel(sequence: number): void {
    this.#sequence = sequence;
  }

  push(batch: Batch): MaybePromise {
    const bytes = batch.logicalBytes;
    const isFull = this.#bytes > 0 && this.#bytes + bytes > (this.#partBytes ?? Number.POSITIVE_INFINITY);
    const published = isFull ? this.#publish(true) : undefined;
    if (published === undefined) return this.#hold(batch, bytes);
    return published.then(
      () => this.#hold(batch, bytes),
      (error: unknown) => {
        batch.release();
        throw error;
      },
    );
  }

  endMorsel(): MaybePromise {
    return this.#publish(false);
  }

  end(morsels: number): void {
    this.#ring.end(morsels);
  }

  close(): void {
    for (const batch of this.#batches.splice(0)) batch.release();
  }

  #hold(batch: Batch, bytes: number): void {
    this.#bytes += bytes;
    this.#batches.push(this.#owner === undefined ? batch : compactBatch(batch, this.#owner));
  }

  #publish(isPart: boolean): MaybePromise {
    const batches = this.#batches;
    this.#batches = [];
    this.#bytes = 0;
    if (this.#partBytes === undefined) for (const batch of batches) this.#statistics.countOut(batch.rows);
    return whileWaiting(this.#ring.publish(this.#sequence, batches, isPart), this.#statistics, this.#edge);
  }
}

/** For a stage with one lane: every batch is published at once, numbered by this lane; inputs and outputs need not match. */
export class StreamOutput implements LaneOutput {
  readonly #ring: RingProducer;
  readonly #edge: number;
  readonly #statistics: ActorStatistics;
  readonly #owner: number | undefined;
  #next = 0;

  /** @param owner as of `MorselOutput` */
  constructor(ring: RingProducer, edge: number, statistics: ActorStatistics, owner?: number) {
    this.#ring = ring;
    this.#edge = edge;
    this.#statistics = statistics;
    this.#owner = owner;
  }

  beginMorsel(): void {}

  push(batch: Batch): MaybePromise {
    this.#statistics.countOut(batch.rows);
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
