/**
 * Memory of this thread in which columns become pages, with the kernels over it. Several writers share it; what one gives back,
 * the next one takes. Its size is its high-water mark.
 */
import type { Ptr } from '../../memory/contract.ts';
import { type PageKernels, PageMemory } from '../parquet-native/page-memory.ts';

/** Regions that all columns of all writers use in turn: nothing in them outlives a call. */
const SCRATCH_NAMES: readonly ScratchName[] = [
  ...(['raw', 'rawOffsets', 'dense', 'denseOffsets', 'validity', 'indices', 'body', 'compressed'] as const),
  ...(['table', 'codes', 'wide', 'marks', 'map', 'present', 'bounds', 'memo'] as const),
];

type ScratchName =
  | ('raw' | 'rawOffsets' | 'dense' | 'denseOffsets' | 'validity' | 'indices' | 'body' | 'compressed')
  | ('table' | 'codes' | 'wide' | 'marks' | 'map' | 'present' | 'bounds' | 'memo');

export type EncoderScratch = Readonly<Record<ScratchName, EncoderRegion>>;

/** Least piece. */
const LEAST_LOG = 10;
/** Beyond this the memory is given back to the system when nobody uses it. */
const MOST_KEPT_BYTES = 32 * 2 ** 20;

export class EncoderMemory {
  /** Of all writers. */
  heldBytes = 0;
  dictionaryBytes = 0;
  stagedBytes = 0;
  /** Whose texts the memo has: it is emptied for everybody else. */
  memoOf: unknown;
  readonly scratch: EncoderScratch;
  readonly #pages = new PageMemory();
  /** Pieces that were given back, by the logarithm of their size. */
  readonly #free = new Map<number, Ptr[]>();

  constructor() {
    const regions = SCRATCH_NAMES.map((name) => [name, new EncoderRegion(this)]);
    this.scratch = Object.fromEntries(regions) as EncoderScratch;
  }

  get kernels(): PageKernels {
    return this.#pages.kernels;
  }

  /** All bytes. Changes when the memory grows. */
  get u8(): Uint8Array {
    return this.#pages.u8;
  }

  /** Bytes that were ever used. */
  get bytes(): number {
    return this.#pages.bytes;
  }

  view(at: Ptr, bytes: number): Uint8Array {
    return this.#pages.view(at, bytes);
  }

  uint32(at: Ptr): number {
    return this.#pages.uint32(at);
  }

  /** A piece of at least so many bytes, with the room behind it that kernels want. */
  take(bytes: number): { at: Ptr; bytes: number } {
    const log = Math.max(LEAST_LOG, Math.ceil(Math.log2(bytes)));
    return { at: this.#free.get(log)?.pop() ?? this.#pages.take(2 ** log), bytes: 2 ** log };
  }

  give(piece: { at: Ptr; bytes: number }): void {
    const log = Math.log2(piece.bytes);
    const pieces = this.#free.get(log) ?? [];
    pieces.push(piece.at);
    this.#free.set(log, pieces);
  }
}

/** A place that grows, by doubling at least. */
export class EncoderRegion {
  at: Ptr = 0;
  readonly #memory: EncoderMemory;
  #bytes = 0;

  constructor(memory: EncoderMemory) {
    this.#memory = memory;
  }

  /** Room for so many bytes; the first `kept` stay. */
  ensure(bytes: number, kept = 0): Ptr {
    if (bytes <= this.#bytes) return this.at;
    const piece = this.#memory.take(bytes);
    if (kept > 0) this.#memory.u8.copyWithin(piece.at, this.at, this.at + kept);
    this.release();
    this.at = piece.at;
    this.#bytes = piece.bytes;
    return piece.at;
  }

  get bytes(): number {
    return this.#bytes;
  }

  release(): void {
    if (this.#bytes > 0) this.#memory.give({ at: this.at, bytes: this.#bytes });
    this.at = 0;
    this.#bytes = 0;
  }
}

let shared: EncoderMemory | undefined;
let users = 0;

/** This thread's memory. Every call is followed by one of `leaveEncoderMemory`. */
export function enterEncoderMemory(): EncoderMemory {
  users += 1;
  shared ??= new EncoderMemory();
  return shared;
}

export function leaveEncoderMemory(): void {
  users -= 1;
  if (users === 0 && shared !== undefined && shared.bytes > MOST_KEPT_BYTES) shared = undefined;
}
