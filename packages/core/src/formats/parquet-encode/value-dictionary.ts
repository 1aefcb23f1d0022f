/** The distinct values of a column chunk, numbered in the order in which they come, as far as they are few. */
import { KEY_TABLE_HEADER_BYTES } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import { type EncoderMemory, EncoderRegion } from './encoder-memory.ts';
import { DICTIONARY_BYTES } from './encoder-sizes.ts';

/** What a reader has to hold stays inside its cache, nearly. */
export const MOST_ENTRIES = 131_072;
export const MOST_TEXT_BYTES: number = 1024 * 1024;
const FIRST_ENTRIES = 2048;
const FIRST_TEXT_BYTES: number = 16 * 1024;
/** Places in the header of the kernels' table. */
const HEADER = { count: 0, texts: 24, textCapacity: 28, bytesUsed: 32 } as const;
const SLOT_BYTES = 8;
/** Of the kernel: texts that were looked up lately. */
const MEMO_BYTES = 24 * 4096;
/** Emptying the memo for fewer texts costs more than it saves. */
const MEMO_TEXTS = 4096;

export class ValueDictionary {
  readonly #memory: EncoderMemory;
  readonly #isText: boolean;
  readonly #header: EncoderRegion;
  #slots: EncoderRegion;
  readonly #keys: EncoderRegion;
  readonly #texts: EncoderRegion;
  #capacity: number;
  #textCapacity: number;

  private constructor(memory: EncoderMemory, isText: boolean) {
    this.#memory = memory;
    this.#isText = isText;
    this.#header = new EncoderRegion(memory);
    this.#slots = new EncoderRegion(memory);
    this.#keys = new EncoderRegion(memory);
    this.#texts = new EncoderRegion(memory);
    this.#capacity = FIRST_ENTRIES;
    this.#textCapacity = isText ? FIRST_TEXT_BYTES : 0;
    const header = this.#header.ensure(KEY_TABLE_HEADER_BYTES);
    const slots = this.#slots.ensure(2 * FIRST_ENTRIES * SLOT_BYTES);
    const keys = this.#keys.ensure(this.#keyBytes());
    const texts = isText ? this.#texts.ensure(FIRST_TEXT_BYTES) : 0;
    const { kernels } = memory;
    memory.dictionaryBytes += this.#ownBytes;
    kernels['initKeyTable']?.(header, slots, 2 * FIRST_ENTRIES, keys, FIRST_ENTRIES, texts, this.#textCapacity);
  }

  /** Undefined where the writers of this thread have as many as they may. */
  static begin(memory: EncoderMemory, isText: boolean): ValueDictionary | undefined {
    return memory.dictionaryBytes < DICTIONARY_BYTES ? new ValueDictionary(memory, isText) : undefined;
  }

  get count(): number {
    return this.#memory.uint32(this.#header.at + HEADER.count);
  }

  /** Values of 8 bytes each, or offsets of texts. */
  get keys(): Ptr {
    return this.#keys.at;
  }

  get texts(): Ptr {
    return this.#texts.at;
  }

  get textBytes(): number {
    return this.#isText ? this.#memory.uint32(this.#header.at + HEADER.bytesUsed) : 0;
  }

  /** Bytes that a page of it takes, nearly. */
  bytes(width: number): number {
    return this.#isText ? this.textBytes + 4 * this.count : width * this.count;
  }

  /** Numbers of values of 8 bytes, as u32 to `codes`. False when there are too many: some may have been added. */
  addNumbers(values: Ptr, count: number, codes: Ptr): boolean {
    const { kernels } = this.#memory;
    return this.#addAll(
      count,
      (from) => kernels['encodeInt64']?.(this.#header.at, values, 0, from, count, codes) ?? count,
    );
  }

  /** The same of texts. */
  addTexts(offsets: Ptr, values: Ptr, count: number, codes: Ptr): boolean {
    const { kernels } = this.#memory;
    const memo = this.#memo(count);
    if (memo !== undefined)
      return this.#addAll(
        count,
        (from) => kernels['encodeShortTexts']?.(this.#header.at, memo, offsets, values, from, count, codes) ?? count,
      );
    return this.#addAll(
      count,
      (from) => kernels['encodeText']?.(this.#header.at, offsets, values, 0, from, count, codes) ?? count,
    );
  }

  /** Undefined where it does not pay. */
  #memo(count: number): Ptr | undefined {
    const memory = this.#memory;
    const isOurs = memory.memoOf === this;
    if (!isOurs && count < MEMO_TEXTS) return undefined;
    const memo = memory.scratch.memo.ensure(MEMO_BYTES);
    if (!isOurs) memory.u8.fill(0, memo, memo + MEMO_BYTES);
    memory.memoOf = this;
    return memo;
  }

  #addAll(count: number, add: (from: number) => number): boolean {
    for (let done = add(0); done < count; done = add(done)) {
      const before = this.#ownBytes;
      const hasGrown = this.#memory.dictionaryBytes + 3 * before <= DICTIONARY_BYTES && this.#grow();
      this.#memory.dictionaryBytes += this.#ownBytes - before;
      if (!hasGrown) return false;
    }
    return true;
  }

  get #ownBytes(): number {
    return this.#slots.bytes + this.#keys.bytes + this.#texts.bytes;
  }

  /** To the next size of what is full. */
  #grow(): boolean {
    const { kernels } = this.#memory;
    if (this.count === this.#capacity) {
      if (this.#capacity === MOST_ENTRIES) return false;
      const kept = this.#keyBytes();
      this.#capacity *= 4;
      const keys = this.#keys.ensure(this.#keyBytes(), kept);
      const slots = new EncoderRegion(this.#memory);
      slots.ensure(2 * this.#capacity * SLOT_BYTES);
      kernels['rehashKeyTable']?.(this.#header.at, slots.at, 2 * this.#capacity, keys, this.#capacity);
      this.#slots.release();
      this.#slots = slots;
      return true;
    }
    if (this.#textCapacity >= MOST_TEXT_BYTES) return false;
    const used = this.textBytes;
    this.#textCapacity *= 4;
    const texts = this.#texts.ensure(this.#textCapacity, used);
    const view = new DataView(this.#memory.u8.buffer);
    view.setUint32(this.#header.at + HEADER.texts, texts, true);
    view.setUint32(this.#header.at + HEADER.textCapacity, this.#textCapacity, true);
    return true;
  }

  #keyBytes(): number {
    return this.#isText ? 4 * (this.#capacity + 1) : 8 * this.#capacity;
  }

  release(): void {
    if (this.#memory.memoOf === this) this.#memory.memoOf = undefined;
    this.#memory.dictionaryBytes -= this.#ownBytes;
    for (const region of [this.#header, this.#slots, this.#keys, this.#texts]) region.release();
  }
}
