/** Typed arrays over the whole arena, and buffers in it that grow. Addresses are bytes; `ptr >>> 2` indexes 32-bit words. */
import type { KeyTable } from '../../kernels/key-table.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import type { SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

export interface ArenaViews {
  u8: Uint8Array;
  i32: Int32Array;
  u32: Uint32Array;
  i64: BigInt64Array;
  f64: Float64Array;
  data: DataView;
}

/** Views of the arena's memory, which never moves. */
function arenaViews(arena: Arena): ArenaViews {
  const buffer = arena.buffer;
  return {
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    i64: new BigInt64Array(buffer),
    f64: new Float64Array(buffer),
    data: new DataView(buffer),
  };
}

const DOUBLED_BYTES = 2 ** 20;

/** What grows from `have` gets to have room for `want`: twice as much while it is small, then half as much again. */
function grownBytes(want: number, have: number): number {
  return Math.max(want, have < DOUBLED_BYTES ? 2 * have : Math.ceil(1.5 * have));
}

/** A slab that is replaced by a larger one when it is too small (see `grownBytes`). Addresses change at `reserve` only. */
export class GrowingBuffer {
  ptr: Ptr = 0;
  bytes = 0;
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #u8: Uint8Array;

  constructor(arena: Arena, owner: number, u8: Uint8Array) {
    this.#arena = arena;
    this.#owner = owner;
    this.#u8 = u8;
  }

  /** Makes room for `bytes`, keeping the first `keep`. Returns the address. */
  reserve(bytes: number, keep = 0): Ptr {
    if (bytes <= this.bytes) return this.ptr;
    const room = Math.max(1024, grownBytes(bytes, this.bytes));
    const next = this.#arena.alloc(room, this.#owner);
    if (keep > 0) this.#u8.copyWithin(next, this.ptr, this.ptr + keep);
    if (this.ptr !== 0) this.#arena.release(this.ptr);
    this.ptr = next;
    this.bytes = room;
    return next;
  }

  /** Its first `bytes`, of those that it has. */
  save(bytes: number, writer: SnapshotWriter): Promise<SavedBytes> {
    return writer.bytes(this.#u8.subarray(this.ptr, this.ptr + Math.min(bytes, this.bytes)));
  }

  restore(saved: SavedBytes, reader: SnapshotReader): void {
    if (saved.bytes === 0) return;
    const at = this.reserve(saved.bytes);
    reader.bytes(saved, this.#u8.subarray(at, at + saved.bytes));
  }

  close(): void {
    if (this.ptr !== 0) this.#arena.release(this.ptr);
    this.ptr = 0;
    this.bytes = 0;
  }
}

/** What the parts of one aggregate operator allocate with. */
export class Workspace {
  readonly views: ArenaViews;
  readonly arena: Arena;
  readonly owner: number;
  readonly #buffers: GrowingBuffer[] = [];
  readonly #tables: KeyTable[] = [];
  #scratch: GrowingBuffer | undefined;

  constructor(arena: Arena, owner: number) {
    this.arena = arena;
    this.owner = owner;
    this.views = arenaViews(arena);
  }

  /** A buffer that lives until `close`. */
  buffer(): GrowingBuffer {
    const buffer = new GrowingBuffer(this.arena, this.owner, this.views.u8);
    this.#buffers.push(buffer);
    return buffer;
  }

  /** One buffer that everybody may overwrite: valid until the next call. */
  scratch(bytes: number): Ptr {
    this.#scratch ??= this.buffer();
    return this.#scratch.reserve(bytes);
  }

  /** A table that is released at `close`. */
  own(table: KeyTable): KeyTable {
    this.#tables.push(table);
    return table;
  }

  /** Bytes of all buffers and tables. */
  bytes(): number {
    let sum = 0;
    for (const buffer of this.#buffers) sum += buffer.bytes;
    for (const table of this.#tables) sum += table.heldBytes;
    return sum;
  }

  close(): void {
    for (const buffer of this.#buffers) buffer.close();
    for (const table of this.#tables.splice(0)) table.release();
  }
}

/** Copies a few bytes; short texts are faster in a loop than through `copyWithin`. */
export function copyBytes(u8: Uint8Array, target: Ptr, source: Ptr, length: number): void {
  if (length > 24) {
    u8.copyWithin(target, source, source + length);
    return;
  }
  for (let i = 0; i < length; i++) u8[target + i] = u8[source + i] as number;
}

/** Compares bytes as UTF-8 order does: negative, 0 or positive. */
export function compareBytes(u8: Uint8Array, a: Ptr, aLength: number, b: Ptr, bLength: number): number {
  const shared = Math.min(aLength, bLength);
  for (let i = 0; i < shared; i++) {
    const difference = (u8[a + i] as number) - (u8[b + i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}
