/**
 * Memory in which one reader takes pages apart, with the kernels over it. Pages come and go, and what those of others need is not known before: then it is
 * a memory of its own, whose size is its high-water mark. Pages that we wrote are of bounded size: where the arena has room for them, it lies there, and
 * values are decoded right to where they are delivered.
 */
import { kernelExports } from '../../kernels/compiled-kernels.ts';
import { instantiate, type KernelExports } from '../../kernels/module.ts';
import type { Arena, Ptr, SharedMemory } from '../../memory/contract.ts';
import { writeZstdTables, ZSTD_SCRATCH_BYTES } from './zstd-tables.ts';

type GrowingMemory = SharedMemory & { grow(pages: number): number };
interface WebAssemblyNamespace {
  Memory: new (descriptor: { initial: number; maximum: number; shared: boolean }) => GrowingMemory;
}

const { Memory } = (globalThis as unknown as { WebAssembly: WebAssemblyNamespace }).WebAssembly;
const PAGE_BYTES = 65_536;
/** As the kernels' module has it: the most that there can be. */
const MOST_PAGES = 65_536;
/** Behind every region, for kernels that read and write in whole words. */
const SLACK = 64;

type Kernel = (...args: number[]) => number;

type DecoderName =
  | 'beginCharacters'
  | 'castBits'
  | 'copyBits'
  | 'copyBytes'
  | 'deltaDecode'
  | 'greatestIndex'
  | 'hybridDecode'
  | 'isOneRun'
  | 'longestText'
  | 'lz4Decode'
  | 'moveOffsets'
  | 'narrow'
  | 'packBits'
  | 'plainTexts'
  | 'popcount'
  | 'prefixedBytes'
  | 'prefixedTexts'
  | 'snappyDecode'
  | 'spreadIndices'
  | 'streamsDecode'
  | 'sumLengths'
  | 'take'
  | 'takeShortTexts'
  | 'takeVariable'
  | 'takeVariableBytes'
  | 'takeWithin'
  | 'utf8Check'
  | 'zstdDecode';

/** Those that take pages apart, as an object of few properties: among all exports each is looked up by its hash at every call. */
function decodersOf(all: PageKernels): Readonly<Record<DecoderName, Kernel>> {
  const kernel = (name: string): Kernel => all[name] as Kernel;
  return {
    beginCharacters: kernel('beginCharacters'),
    castBits: kernel('castBits'),
    copyBits: kernel('copyBits'),
    copyBytes: kernel('copyBytes'),
    deltaDecode: kernel('deltaDecode'),
    greatestIndex: kernel('greatestIndex'),
    hybridDecode: kernel('hybridDecode'),
    isOneRun: kernel('isOneRun'),
    longestText: kernel('longestText'),
    lz4Decode: kernel('lz4Decode'),
    moveOffsets: kernel('moveOffsets'),
    narrow: kernel('narrow'),
    packBits: kernel('packBits'),
    plainTexts: kernel('plainTexts'),
    popcount: kernel('popcount'),
    prefixedBytes: kernel('prefixedBytes'),
    prefixedTexts: kernel('prefixedTexts'),
    snappyDecode: kernel('snappyDecode'),
    spreadIndices: kernel('spreadIndices'),
    streamsDecode: kernel('streamsDecode'),
    sumLengths: kernel('sumLengths'),
    take: kernel('take'),
    takeShortTexts: kernel('takeShortTexts'),
    takeVariable: kernel('takeVariable'),
    takeVariableBytes: kernel('takeVariableBytes'),
    takeWithin: kernel('takeWithin'),
    utf8Check: kernel('utf8Check'),
    zstdDecode: kernel('zstdDecode'),
  };
}

export type PageKernels = Readonly<Record<string, Kernel>>;

/** Part of the arena. */
export interface PageLender {
  arena: Arena;
  /** Whom it is charged to. */
  owner: number;
}

export class PageMemory {
  readonly kernels: PageKernels;
  readonly decoders: Readonly<Record<DecoderName, Kernel>>;
  readonly #memory: GrowingMemory | undefined;
  readonly #lender: PageLender | undefined;
  #slabs: Ptr[] = [];
  #u8: Uint8Array;
  #top = SLACK;
  #zstd: Ptr = 0;

  /** @param lender whose memory it is; none: its own */
  constructor(lender?: PageLender) {
    this.#lender = lender;
    if (lender !== undefined) {
      this.#u8 = lender.arena.u8;
      this.kernels = kernelExports(lender.arena.memory) as unknown as PageKernels;
    } else {
      this.#memory = new Memory({ initial: 16, maximum: MOST_PAGES, shared: true });
      this.#u8 = new Uint8Array(this.#memory.buffer);
      this.kernels = instantiate(this.#memory) as KernelExports as unknown as PageKernels;
    }
    this.decoders = decodersOf(this.kernels);
  }

  /** All bytes. Changes when the memory grows. */
  get u8(): Uint8Array {
    return this.#u8;
  }

  /** Whether it is the arena's. */
  get isLent(): boolean {
    return this.#lender !== undefined;
  }

  /** Bytes that were ever used. */
  get bytes(): number {
    return this.#u8.length;
  }

  view(at: Ptr, bytes: number): Uint8Array {
    return this.#u8.subarray(at, at + bytes);
  }

  uint32(at: Ptr): number {
    return new DataView(this.#u8.buffer, at, 4).getUint32(0, true);
  }

  /** Forgets all regions. */
  reset(): void {
    this.#top = SLACK;
    this.#zstd = 0;
    for (const slab of this.#slabs.splice(0)) this.#lender?.arena.release(slab);
  }

  /** A place is not needed any more. In a memory of its own it stays until all are forgotten. */
  drop(at: Ptr): void {
    const index = this.#slabs.indexOf(at);
    if (index < 0) return;
    this.#slabs.splice(index, 1);
    this.#lender?.arena.release(at);
  }

  /** Scratch of the Zstandard kernel, with its constants. */
  zstdScratch(): Ptr {
    if (this.#zstd !== 0) return this.#zstd;
    this.#zstd = this.take(ZSTD_SCRATCH_BYTES);
    writeZstdTables(this.#u8, this.#zstd);
    return this.#zstd;
  }

  /** @throws RangeError when there is no more, ERR_MEMORY_EXHAUSTED where it is the arena's */
  take(bytes: number): Ptr {
    if (this.#lender !== undefined) {
      const slab = this.#lender.arena.alloc(bytes + SLACK, this.#lender.owner);
      this.#slabs.push(slab);
      return slab;
    }
    const at = this.#top;
    this.#top = 64 * Math.ceil((at + bytes + SLACK) / 64);
    const missing = this.#top - this.#u8.length;
    if (missing > 0) {
      this.#memory?.grow(Math.ceil(missing / PAGE_BYTES));
      this.#u8 = new Uint8Array((this.#memory as GrowingMemory).buffer);
    }
    return at;
  }
}

/** A place that grows: by doubling, so that what is left behind is never more than what is used. */
export class Region {
  at: Ptr = 0;
  readonly #memory: PageMemory;
  #capacity = 0;

  constructor(memory: PageMemory) {
    this.#memory = memory;
  }

  /** The memory was reset. */
  forget(): void {
    this.at = 0;
    this.#capacity = 0;
  }

  /** Room for so many bytes; the first `kept` stay. */
  ensure(bytes: number, kept = 0): Ptr {
    if (bytes <= this.#capacity && this.at !== 0) return this.at;
    const capacity = Math.max(bytes, 2 * this.#capacity, 4096);
    const at = this.#memory.take(capacity);
    if (kept > 0) this.#memory.u8.copyWithin(at, this.at, this.at + kept);
    if (this.at !== 0) this.#memory.drop(this.at);
    this.at = at;
    this.#capacity = capacity;
    return at;
  }
}

const idle: PageMemory[] = [];
/** A memory that grew beyond this is given back to the system rather than kept. */
const MOST_KEPT_BYTES = 32 * 2 ** 20;

/** A memory of this thread, used before or new. */
export function borrowMemory(): PageMemory {
  return idle.pop() ?? new PageMemory();
}

export function returnMemory(memory: PageMemory): void {
  memory.reset();
  if (!memory.isLent && memory.bytes <= MOST_KEPT_BYTES && idle.length < 4) idle.push(memory);
}
