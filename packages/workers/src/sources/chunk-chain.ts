/**
 * What the lanes of a CSV source tell each other: where the rows of each chunk start, which only the chunk before can say. It lies
 * in shared memory, because it is asked for once a chunk.
 *
 * Hazard: an entry is used again sixteen chunks later. That chunk cannot be settled before the entry was read, because chunks are
 * settled in order, each from the entry of the one before.
 */

import type { Arena, Ptr } from '@spillway/core/internal';
import type { ChunkStart } from '@spillway/core/text';
import type { SourceGate } from '../channels/source-gate.ts';
import { WaitPlace, wake } from '../channels/wait.ts';

const MOST_LANES = 1024;
const ENTRIES = 16;
const SIGNAL_BYTES = 128;
const ENTRY_BYTES = 64;
const ENTRIES_AT = SIGNAL_BYTES + 4 * MOST_LANES;

/** Behind the entries: what is kept with them. */
const KEPT_AT = ENTRIES_AT + ENTRIES * ENTRY_BYTES;
const KEPT_BYTES = 64;

/** Bytes of a chain. They are all zeros at first. */
export const CHAIN_BYTES: number = KEPT_AT + KEPT_BYTES;

/** Where the chain tells where chunks start, and how many rows were bad: what a run needs to go on from a barrier. */
export function startsOf(chain: Uint8Array): Uint8Array {
  return chain.subarray(ENTRIES_AT);
}

/** The start of a chunk that was told last, or the one before, of what `startsOf` gives. */
export function startIn(starts: Uint8Array, chunk: number): ChunkStart {
  const at = (chunk % ENTRIES) * ENTRY_BYTES;
  const numbers = new Float64Array(starts.slice(at, at + ENTRY_BYTES).buffer);
  const [, byte = 0, sourceRow = 0, fileRow = 0, line = 0] = numbers;
  return { at: byte, sourceRow, fileRow, line };
}

/** Words: what has changed, whether somebody sleeps on it, bad rows so far. */
const SIGNAL = 0;
const BAD_ROWS = KEPT_AT / 4;
const ASLEEP = 16;
/** A lane that works on no chunk. */
const IDLE = 0;

export class ChunkChain {
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #place: WaitPlace;
  readonly #signal: AbortSignal;
  readonly #lane: number;
  readonly #wakeUp: () => void;
  #hasFailed = false;

  constructor(arena: Arena, at: Ptr, lane: number, signal: AbortSignal) {
    this.#words = new Int32Array(arena.buffer, at, CHAIN_BYTES / 4);
    this.#numbers = new Float64Array(arena.buffer, at, CHAIN_BYTES / 8);
    this.#place = new WaitPlace(this.#words, SIGNAL, ASLEEP);
    this.#lane = lane;
    this.#signal = signal;
    this.#wakeUp = () => wake(this.#words, SIGNAL, ASLEEP);
    signal.addEventListener('abort', this.#wakeUp);
  }

  /** Takes the next chunk. */
  claim(gate: SourceGate): number {
    // First lower than any chunk: others must not think that this lane is past theirs.
    Atomics.store(this.#words, this.#slot, 1);
    const chunk = gate.claim();
    Atomics.store(this.#words, this.#slot, chunk + 2);
    return chunk;
  }

  /** Counts bad rows of all lanes. */
  countBad(rows: number): number {
    return Atomics.add(this.#words, BAD_ROWS, rows) + rows;
  }

  /** This lane has no chunk in hand. */
  rest(): void {
    Atomics.store(this.#words, this.#slot, IDLE);
    this.#wakeUp();
  }

  /**
   * Where the rows of a chunk start.
   * @param firstRow row of the source that the first chunk begins with
   * @throws the reason of the signal when the run is stopped
   */
  startOf(chunk: number, firstRow: number): ChunkStart | Promise<ChunkStart> {
    if (chunk === 0) return { at: 0, sourceRow: firstRow, fileRow: 0, line: 0 };
    const entry = (ENTRIES_AT + (chunk % ENTRIES) * ENTRY_BYTES) / 4;
    return this.#place.until(() => {
      this.#signal.throwIfAborted();
      if (Atomics.load(this.#words, entry) !== chunk) return undefined;
      const at = entry / 2 + 1;
      const [byte, sourceRow, fileRow, line] = this.#numbers.subarray(at, at + 4) as unknown as [
        number,
        number,
        number,
        number,
      ];
      return { at: byte, sourceRow, fileRow, line };
    });
  }

  /** Tells where the rows of a chunk start. */
  publish(chunk: number, { at, sourceRow, fileRow, line }: ChunkStart): void {
    const entry = (ENTRIES_AT + (chunk % ENTRIES) * ENTRY_BYTES) / 4;
    this.#numbers.set([at, sourceRow, fileRow, line], entry / 2 + 1);
    // The number last: whoever sees it sees the rest.
    Atomics.store(this.#words, entry, chunk);
    this.#wakeUp();
  }

  /**
   * Waits until no lane works on a chunk before this one: an error of theirs is the one to be told. From then on this lane stays at
   * its chunk, so that no lane behind it tells its error meanwhile: they wait for the run to be stopped.
   */
  async failAt(chunk: number): Promise<void> {
    await this.#place.until(() => {
      this.#signal.throwIfAborted();
      for (let lane = 0; lane < MOST_LANES; lane++) {
        const working = Atomics.load(this.#words, SIGNAL_BYTES / 4 + lane);
        if (working !== IDLE && working < chunk + 2) return undefined;
      }
      return true;
    });
    this.#hasFailed = true;
  }

  close(): void {
    if (!this.#hasFailed) this.rest();
    this.#signal.removeEventListener('abort', this.#wakeUp);
  }

  get #slot(): number {
    return SIGNAL_BYTES / 4 + this.#lane;
  }
}
