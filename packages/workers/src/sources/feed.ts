/**
 * One source that a program feeds, for a whole run. User code gives inputs here; the attempt at hand takes the pieces from the log, in order,
 * and publishes them to every stage that reads the source. When an attempt is abandoned, the next one begins with what the log has kept.
 * The promises of `write` are the backpressure.
 */
import { PipelineError } from '@spillway/core/base';
import { rowTooLarge } from '@spillway/core/data';
import type { Arena, Batch, FedInput, MaybePromise } from '@spillway/core/internal';
import type { RingProducer } from '../channels/ring.ts';
import type { SourceGate } from '../channels/source-gate.ts';
import type { ActorStatistics } from '../monitor/actor-statistics.ts';
import type { FeedLog } from './feed-log.ts';
import type { Piece, PieceMaker } from './piece-maker.ts';
import { type RowLease, until, untilRoom } from './row-lease.ts';

/** Where the pieces of one attempt go. */
export interface FeedTarget {
  producers: readonly RingProducer[];
  gate: SourceGate;
  statistics: ActorStatistics;
  /** Whom pieces are charged to. */
  owner: number;
  /** Whether everything published has been taken. */
  isDrained(): boolean;
  /** Packets that some thread has yet to work through, between this source and the sinks. */
  underWay(): number;
}

export interface FeedParts {
  arena: Arena;
  name: string;
  maker: PieceMaker;
  log: FeedLog;
  /** Waits while what the program makes fills this thread's part of the limit. */
  room(): MaybePromise;
  /** The run's, for rows larger than the largest batch. */
  lease: RowLease;
  /** Inputs that may be under way before `write` waits; undefined for as many as there is room for. */
  maxInFlight?: number | undefined;
  /** Aborts when the run has failed. */
  signal: AbortSignal;
}

export class Feed {
  readonly log: FeedLog;
  readonly #parts: FeedParts;
  #target: FeedTarget | undefined;
  /** Pieces before this one are out in this attempt. */
  #sent = 0;
  #hasEnded = false;
  #waiting: (() => void)[] = [];

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.log = parts.log;
    parts.signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  /**
   * Resolves when every piece of the input has found room downstream, and no more inputs are under way than may be.
   * @throws the run's failure, ERR_ROW_TOO_LARGE, and what is wrong with its values
   */
  write(input: FedInput): MaybePromise {
    const waited = this.#parts.room();
    const piece = waited === undefined ? this.#smallPiece(input) : undefined;
    return piece === undefined ? this.#write(input, waited) : this.#sendSmall(piece);
  }

  /** No input follows. */
  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /** Feeds one attempt, first with what is kept. Resolves at the end of input. @throws ERR_ABORTED when the attempt is over before */
  async attach(target: FeedTarget): Promise<void> {
    const { log } = this;
    log.setOwner(target.owner);
    this.#sent = log.first;
    this.#target = target;
    this.#wake();
    try {
      await this.#publishAll(target);
    } finally {
      // What is on its way to disk lies in shared memory, which may be laid out anew from here on.
      await log.untilSaved();
    }
  }

  async #publishAll(target: FeedTarget): Promise<void> {
    const { log } = this;
    while (this.#sent < log.next || !this.#hasEnded) {
      if (this.#target !== target) throw new PipelineError('ERR_ABORTED', 'the attempt that was fed is over');
      await (this.#sent < log.next ? this.#publish(target) : this.#change());
    }
    await target.gate.untilOpen();
    for (const producer of target.producers) producer.end(log.next);
    target.statistics.enter('done');
  }

  /** Nothing goes to the attempt at hand any more; what is given now waits for the next. */
  detach(): void {
    this.#target = undefined;
    this.#wake();
  }

  close(): void {
    this.#target = undefined;
    this.log.close();
  }

  async #write(input: FedInput, waited: MaybePromise): Promise<void> {
    const { maker, maxInFlight, signal } = this.#parts;
    if (waited !== undefined) await waited;
    for (const piece of await maker.cut(input)) {
      if (piece.largeBytes > 0) await this.#sendLarge(piece);
      else await this.#send(piece);
    }
    if (maxInFlight !== undefined) await until(() => (this.#target?.underWay() ?? Infinity) <= maxInFlight, signal);
  }

  /** An input that is one piece, laid out, where it can be sent without waiting for anybody but the one who takes it. */
  #smallPiece(input: FedInput): Batch | undefined {
    const target = this.#target;
    if (target?.producers.length !== 1 || this.#parts.maxInFlight !== undefined) return undefined;
    return this.#sent < this.log.next || this.log.isFull ? undefined : this.#parts.maker.small(input, target.owner);
  }

  /** As `#send`, without a promise where there is room: what a program gives may be thousands of small inputs in a few milliseconds. */
  #sendSmall(piece: Batch): MaybePromise {
    const { log } = this;
    const { gate, producers, statistics } = this.#target as FeedTarget;
    const { rows, logicalBytes } = piece;
    const sequence = log.next;
    log.add(piece.retain());
    gate.announce(sequence + 1);
    if (gate.isOpen && producers[0]?.tryPublish(sequence, [piece]) === true) {
      statistics.countIn(rows, logicalBytes);
      this.#sent = sequence + 1;
      return log.settle(sequence);
    }
    piece.release();
    this.#wake();
    return this.#untilSent(log.next);
  }

  async #send(piece: Piece): Promise<void> {
    while (this.#target === undefined) await this.#change();
    // Without a pause: between attempts shared memory is laid out anew.
    this.log.add(piece.layOut(this.#target.owner));
    this.#wake();
    await this.#untilSent(this.log.next);
  }

  async #untilSent(next: number): Promise<void> {
    while (this.#sent < next) await this.#change();
  }

  /** One row that no floor covers. */
  async #sendLarge(piece: Piece): Promise<void> {
    const { arena, lease, name, signal } = this.#parts;
    const { largeBytes: bytes, row } = piece;
    if (bytes > arena.limit()) throw rowTooLarge(name, row, bytes, arena.limit());
    await lease.exclusive(async () => {
      const hasRoom = await untilRoom(arena, bytes, signal);
      if (!hasRoom) throw rowTooLarge(name, row, bytes, arena.limit() - arena.usedBytes());
      await this.#send(piece);
      await until(() => this.#target?.isDrained() ?? false, signal);
    });
  }

  async #publish({ producers, statistics, gate }: FeedTarget): Promise<void> {
    const sequence = this.#sent;
    gate.announce(sequence + 1);
    const passed = gate.pass(sequence);
    if (passed !== undefined) await passed;
    const piece = this.log.take(sequence);
    const { rows, logicalBytes } = piece;
    for (let extra = 1; extra < producers.length; extra += 1) piece.retain();
    statistics.enter('waiting for room in its output');
    const published = producers.map((producer) => producer.publish(sequence, [piece]));
    if (published.some((each) => each !== undefined)) await Promise.all(published);
    statistics.enter('waiting for input');
    statistics.countIn(rows, logicalBytes);
    const settled = this.log.settle(sequence);
    if (settled !== undefined) await settled;
    this.#sent = sequence + 1;
    this.#wake();
  }

  /** Something here has changed. @throws the run's failure */
  async #change(): Promise<void> {
    this.#parts.signal.throwIfAborted();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#parts.signal.throwIfAborted();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
