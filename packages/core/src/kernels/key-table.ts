/**
 * A table from keys to ids (0, 1, 2 … in order of first appearance) in the arena, growing by doubling. It is one thread's own.
 */
import type { Arena, Ptr } from '../memory/contract.ts';
import { KEY_TABLE_HEADER_BYTES, type VectorKernels } from './vector-contract.ts';

/** Offsets into a key table's header. */
export const KEY_TABLE = {
  count: 0,
  nullId: 4,
  slots: 8,
  slotMask: 12,
  keys: 16,
  keyCapacity: 20,
  bytes: 24,
  byteCapacity: 28,
  bytesUsed: 32,
  /** From here on only compiled kernels know. Whether a key of an int64 table does not fit into 32 bits. */
  hasWide: 36,
  /** How many places the slots are, where integers have places; and the least and greatest number seen (int64). */
  places: 40,
  leastSeen: 48,
  greatestSeen: 56,
} as const;

const FIRST_KEYS = 512;
const FIRST_BYTES_A_KEY = 16;
const SLOT_BYTES = 8;

/** Twice as many slots as keys: probes stay short. */
function slotCountOf(keyCapacity: number): number {
  return 2 * keyCapacity;
}

/**
 * Ids of int64 keys or of texts. Null is a key of its own. Keys are kept: `keys` is an int64 array, or u32 offsets into `bytes`.
 * Memory is charged to `owner` and given back by `release`.
 * @throws ERR_MEMORY_EXHAUSTED when it cannot grow.
 */
export class KeyTable {
  readonly isText: boolean;
  readonly #arena: Arena;
  readonly #kernels: VectorKernels;
  readonly #owner: number;
  readonly #view: DataView;
  readonly #header: Ptr;
  #keyCapacity = FIRST_KEYS;
  #byteCapacity = 0;
  #slots: Ptr = 0;
  #keys: Ptr = 0;
  #bytes: Ptr = 0;

  constructor(arena: Arena, kernels: VectorKernels, owner: number, isText: boolean) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#owner = owner;
    this.isText = isText;
    this.#view = new DataView(arena.buffer);
    this.#header = arena.alloc(KEY_TABLE_HEADER_BYTES, owner);
    this.#begin();
  }

  #keyBytes(capacity: number): number {
    return this.isText ? 4 * (capacity + 1) : 8 * capacity;
  }

  #field(offset: number): number {
    return this.#view.getUint32(this.#header + offset, true);
  }

  /** Number of ids given out. */
  get size(): number {
    return this.#field(KEY_TABLE.count);
  }

  /** Id of null, or undefined when there was none. Its key is 0, or an empty text. */
  get nullId(): number | undefined {
    const id = this.#field(KEY_TABLE.nullId);
    return id === 0xffff_ffff ? undefined : id;
  }

  /** Keys by id: int64 each, or u32 offsets (size + 1) into `bytes`. Moves when the table grows. */
  get keys(): Ptr {
    return this.#keys;
  }

  /** Bytes of the texts; 0 for an int64 table. Moves when the table grows. */
  get bytes(): Ptr {
    return this.#bytes;
  }

  /** Bytes of the arena that the table holds. */
  get heldBytes(): number {
    const tables = slotCountOf(this.#keyCapacity) * SLOT_BYTES + this.#keyBytes(this.#keyCapacity);
    return KEY_TABLE_HEADER_BYTES + tables + this.#byteCapacity;
  }

  /** Writes the ids (u32) of int64 keys to `ids`. */
  encodeInt64(values: Ptr, validity: Ptr, rows: number, ids: Ptr): void {
    let row = 0;
    while ((row = this.#kernels.encodeInt64(this.#header, values, validity, row, rows, ids)) < rows) this.#grow(0);
  }

  /** As `encodeInt64` of int32 values. */
  encodeInt32(values: Ptr, validity: Ptr, rows: number, ids: Ptr): void {
    let row = 0;
    while ((row = this.#kernels.encodeInt32(this.#header, values, validity, row, rows, ids)) < rows) this.#grow(0);
  }

  /** Writes the ids (u32) of texts to `ids`. */
  encodeText(offsets: Ptr, values: Ptr, validity: Ptr, rows: number, ids: Ptr): void {
    let row = 0;
    while ((row = this.#kernels.encodeText(this.#header, offsets, values, validity, row, rows, ids)) < rows) {
      const start = this.#view.getInt32(offsets + 4 * row, true);
      this.#grow(this.#view.getInt32(offsets + 4 * row + 4, true) - start);
    }
  }

  /** Makes room for one more key, of `textBytes`. */
  #grow(textBytes: number): void {
    if (this.isText && this.#field(KEY_TABLE.bytesUsed) + textBytes > this.#byteCapacity) this.#growBytes(textBytes);
    if (this.size >= this.#keyCapacity) this.#growKeys();
  }

  #growBytes(textBytes: number): void {
    const used = this.#field(KEY_TABLE.bytesUsed);
    const capacity = Math.max(2 * this.#byteCapacity, used + textBytes);
    const bytes = this.#arena.alloc(capacity, this.#owner);
    this.#arena.u8.copyWithin(bytes, this.#bytes, this.#bytes + used);
    this.#arena.release(this.#bytes);
    this.#bytes = bytes;
    this.#byteCapacity = capacity;
    this.#view.setUint32(this.#header + KEY_TABLE.bytes, bytes, true);
    this.#view.setUint32(this.#header + KEY_TABLE.byteCapacity, capacity, true);
  }

  #growKeys(): void {
    const { size } = this;
    const capacity = 2 * this.#keyCapacity;
    const keys = this.#arena.alloc(this.#keyBytes(capacity), this.#owner);
    let slots: Ptr;
    try {
      slots = this.#arena.alloc(slotCountOf(capacity) * SLOT_BYTES, this.#owner);
    } catch (error) {
      this.#arena.release(keys);
      throw error;
    }
    this.#arena.u8.copyWithin(keys, this.#keys, this.#keys + (this.isText ? 4 * (size + 1) : 8 * size));
    this.#kernels.rehashKeyTable(this.#header, slots, slotCountOf(capacity), keys, capacity);
    this.#arena.release(this.#keys);
    this.#arena.release(this.#slots);
    this.#keys = keys;
    this.#slots = slots;
    this.#keyCapacity = capacity;
  }

  /** Forgets all keys: ids begin with 0 again. The room for them stays. */
  clear(): void {
    this.#init();
  }

  /** As `clear`, and gives back the memory beyond that of a new table. */
  shrink(): void {
    this.#releaseParts();
    this.#begin();
  }

  /** Bytes that the table would hold, and need while it grows, with so many more keys. */
  bytesWith(keys: number, textBytes: number): number {
    const size = this.size + keys;
    const bytes = this.isText ? this.#field(KEY_TABLE.bytesUsed) + textBytes : 0;
    let { heldBytes } = this;
    if (bytes > this.#byteCapacity) heldBytes += Math.max(2 * this.#byteCapacity, bytes);
    if (size <= this.#keyCapacity) return heldBytes;
    const capacity = this.#keyCapacity * 2 ** Math.ceil(Math.log2(size / this.#keyCapacity));
    return heldBytes + slotCountOf(capacity) * SLOT_BYTES + this.#keyBytes(capacity);
  }

  #begin(): void {
    this.#keyCapacity = FIRST_KEYS;
    this.#byteCapacity = this.isText ? FIRST_KEYS * FIRST_BYTES_A_KEY : 0;
    this.#slots = this.#arena.alloc(slotCountOf(FIRST_KEYS) * SLOT_BYTES, this.#owner);
    this.#keys = this.#arena.alloc(this.#keyBytes(FIRST_KEYS), this.#owner);
    if (this.isText) this.#bytes = this.#arena.alloc(this.#byteCapacity, this.#owner);
    this.#init();
  }

  #init(): void {
    this.#kernels.initKeyTable(
      this.#header,
      this.#slots,
      slotCountOf(this.#keyCapacity),
      this.#keys,
      this.#keyCapacity,
      this.#bytes,
      this.#byteCapacity,
    );
  }

  /** Gives all memory back. The table is not used afterwards. */
  release(): void {
    this.#releaseParts();
    this.#arena.release(this.#header);
  }

  #releaseParts(): void {
    const parts = [this.#slots, this.#keys, this.#bytes];
    // First, so that nothing is given back twice where making new ones fails.
    this.#slots = this.#keys = this.#bytes = 0;
    for (const slab of parts) if (slab !== 0) this.#arena.release(slab);
  }
}
