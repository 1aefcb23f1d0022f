/**
 * Text files in Zstandard (RFC 8878), unpacked from their start to their end in as much memory as their window takes. Blocks are unpacked by
 * the kernel that Parquet pages have. Every size is checked, and the checksum of each frame that has one.
 *
 * Memory: window, a megabyte of text, and a block, in a WebAssembly memory of its own that is used again.
 */
import {
  borrowMemory,
  type PageKernels,
  type PageMemory,
  Region,
  returnMemory,
} from '../parquet-native/page-memory.ts';

const MAGIC = 0xfd2fb528;
const SKIPPED = 0x184d2a50;
const MOST_BLOCK = 128 * 1024;
/** Larger windows are made on request only (`--long`, `--ultra`). */
const MOST_WINDOW = 128 * 1024 * 1024;
const INPUT_BYTES = 1 << 18;
const PIECE_BYTES = 1 << 20;
const SUM_BYTES = 32;
const SLACK = 64;
const BLOCK_HEAD = 3;

/** What a frame says of itself. */
interface FrameHead {
  window: number;
  /** Of its text, where it is known. */
  bytes: number | undefined;
  hasSum: boolean;
}

/** The compressed bytes, piece by piece. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #memory: PageMemory;
  readonly #at: number;
  #piece: Uint8Array = new Uint8Array();
  #from = 0;
  #to = 0;
  #isEnd = false;

  constructor(source: AsyncIterator<Uint8Array>, memory: PageMemory) {
    this.#source = source;
    this.#memory = memory;
    this.#at = memory.take(INPUT_BYTES + SLACK);
  }

  /** Address of the next `bytes`, which are then behind. @throws when they are not there */
  async take(bytes: number): Promise<number> {
    if (!(await this.has(bytes))) throw new Error('it ends in the middle of a frame');
    const at = this.#at + this.#from;
    this.#from += bytes;
    return at;
  }

  /** Whether there are so many bytes. */
  async has(bytes: number): Promise<boolean> {
    while (this.#to - this.#from < bytes && !this.#isEnd) await this.#fill();
    return this.#to - this.#from >= bytes;
  }

  async #fill(): Promise<void> {
    const { u8 } = this.#memory;
    u8.copyWithin(this.#at, this.#at + this.#from, this.#at + this.#to);
    this.#to -= this.#from;
    this.#from = 0;
    if (this.#piece.length === 0) {
      const { value, done } = await this.#source.next();
      this.#isEnd = done === true;
      this.#piece = done === true ? this.#piece : value;
    }
    const part = this.#piece.subarray(0, INPUT_BYTES - this.#to);
    this.#memory.u8.set(part, this.#at + this.#to);
    this.#to += part.length;
    this.#piece = this.#piece.subarray(part.length);
  }
}

/** The text of a frame, as far as later blocks may refer to it. */
class Output {
  readonly #memory: PageMemory;
  readonly #kernels: PageKernels;
  readonly #region: Region;
  readonly #sum: number;
  #at = 0;
  #window = 0;
  #used = 0;
  #given = 0;
  #summed = 0;
  #total = 0;

  constructor(memory: PageMemory) {
    this.#memory = memory;
    this.#kernels = memory.kernels;
    this.#region = new Region(memory);
    this.#sum = memory.take(SUM_BYTES);
  }

  begin(window: number): void {
    this.#window = window;
    this.#at = this.#region.ensure(window + PIECE_BYTES + MOST_BLOCK);
    this.#used = 0;
    this.#given = 0;
    this.#summed = 0;
    this.#total = 0;
    this.#kernels['checksumBegin']?.(this.#sum);
  }

  get total(): number {
    return this.#total;
  }

  /** Where a block goes, what it may refer to, and where it has to end. */
  get place(): { history: number; out: number; limit: number } {
    const out = this.#at + this.#used;
    return { history: this.#at, out, limit: out + MOST_BLOCK };
  }

  add(bytes: number): void {
    this.#used += bytes;
    this.#total += bytes;
  }

  /** Text that has come since the last time, once it is worth it or `isLast`; afterwards there is room for a block. */
  *give(isLast: boolean): Generator<Uint8Array> {
    if (!isLast && this.#used - this.#given < PIECE_BYTES) return;
    const whole = SUM_BYTES * Math.floor((this.#used - this.#summed) / SUM_BYTES);
    this.#kernels['checksumAdd']?.(this.#sum, this.#at + this.#summed, whole);
    this.#summed += whole;
    if (this.#used > this.#given) yield this.#memory.view(this.#at + this.#given, this.#used - this.#given).slice();
    this.#given = this.#used;
    const kept = Math.max(this.#window, this.#used - this.#summed);
    const left = this.#used - kept;
    if (isLast || left <= 0) return;
    this.#memory.u8.copyWithin(this.#at, this.#at + left, this.#at + this.#used);
    this.#used -= left;
    this.#given -= left;
    this.#summed -= left;
  }

  /** After the last `give`. */
  checksum(): number {
    const end = this.#kernels['checksumEnd'];
    return (end?.(this.#sum, this.#at + this.#summed, this.#used - this.#summed, this.#total) ?? 0) >>> 0;
  }
}

/** The unpacked bytes of all frames. Errors say what is wrong with them. */
export async function* zstdText(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]();
  const memory = borrowMemory();
  try {
    const scratch = memory.zstdScratch();
    const output = new Output(memory);
    const input = new Input(pieces, memory);
    while (await input.has(1)) {
      const magic = memory.uint32(await input.take(4));
      if ((magic & 0xffff_fff0) >>> 0 === SKIPPED) await skip(input, memory.uint32(await input.take(4)));
      else if (magic === MAGIC) yield* frameText(memory, scratch, input, output);
      else throw new Error('it goes on with something else behind a frame');
    }
  } finally {
    returnMemory(memory);
    await pieces.return?.();
  }
}

async function skip(input: Input, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; ) {
    const part = Math.min(left, MOST_BLOCK);
    await input.take(part);
    left -= part;
  }
}

async function* frameText(
  memory: PageMemory,
  scratch: number,
  input: Input,
  output: Output,
): AsyncGenerator<Uint8Array> {
  const head = await frameHead(memory, input);
  output.begin(head.window);
  memory.kernels['zstdBegin']?.(scratch);
  for (let isLast = false; !isLast; ) {
    const at = await input.take(BLOCK_HEAD);
    const block = memory.uint32(at) & 0xff_ffff;
    isLast = (block & 1) !== 0;
    output.add(await readBlock(memory, scratch, input, (block >> 1) & 3, block >> 3, output));
    yield* output.give(isLast);
  }
  if (head.bytes !== undefined && head.bytes !== output.total)
    throw new Error('a frame has not the length that it says');
  if (head.hasSum && memory.uint32(await input.take(4)) !== output.checksum())
    throw new Error('the checksum of a frame is another one');
}

/** Returns the bytes of text that a block gave. */
async function readBlock(
  memory: PageMemory,
  scratch: number,
  input: Input,
  kind: number,
  size: number,
  output: Output,
): Promise<number> {
  if (kind === 3 || size > MOST_BLOCK) throw new Error('a block is none');
  const at = await input.take(kind === 1 ? 1 : size);
  const { history, out, limit } = output.place;
  const { u8 } = memory;
  if (kind === 0) u8.copyWithin(out, at, at + size);
  if (kind === 1) u8.fill(u8[at] as number, out, out + size);
  if (kind !== 2) return size;
  const end = memory.kernels['zstdBlock']?.(scratch, at, at + size, history, out, limit) ?? 0;
  if (end === 0) throw new Error('a block does not unpack');
  return (end >>> 0) - out;
}

async function frameHead(memory: PageMemory, input: Input): Promise<FrameHead> {
  const flags = memory.u8[await input.take(1)] as number;
  if ((flags & 3) !== 0) throw new Error('it needs a dictionary');
  if ((flags & 8) !== 0) throw new Error('its format is a later one');
  const isSingle = (flags & 32) !== 0;
  let window = 0;
  if (!isSingle) {
    const descriptor = memory.u8[await input.take(1)] as number;
    const base = 2 ** (10 + (descriptor >> 3));
    window = base + (base / 8) * (descriptor & 7);
  }
  const sizeFlag = flags >> 6;
  const sizeBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 2 ** sizeFlag;
  const at = await input.take(sizeBytes);
  const bytes = sizeBytes === 0 ? undefined : contentBytes(memory, at, sizeBytes);
  window = isSingle ? (bytes as number) : window;
  if (window > MOST_WINDOW) throw new Error(`it needs a window of ${window} bytes; ${MOST_WINDOW} are the most`);
  return { window, bytes, hasSum: (flags & 4) !== 0 };
}

function contentBytes(memory: PageMemory, at: number, bytes: number): number {
  const low = memory.uint32(at);
  if (bytes === 1) return low & 0xff;
  if (bytes === 2) return (low & 0xffff) + 256;
  return bytes === 4 ? low : low + memory.uint32(at + 4) * 2 ** 32;
}
