/** Reads small flatbuffers. Layout: https://flatbuffers.dev/internals/ */
import { isUtf8 } from 'node:buffer';

/**
 * One flatbuffer, read in place. A position is a byte offset; 0 is "not there". Every access is bounds-checked by DataView: what does not parse
 * is a RangeError.
 */
export class FlatReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  root(): number {
    return this.#view.getUint32(0, true);
  }

  /** Bytes of the whole. */
  get bytes(): number {
    return this.#bytes.length;
  }

  /** Of a table that is not there all fields are not there. */
  #field(table: number, id: number): number {
    if (table === 0) return 0;
    const vtable = table - this.#view.getInt32(table, true);
    const entry = 4 + id * 2;
    if (entry >= this.#view.getUint16(vtable, true)) return 0;
    const offset = this.#view.getUint16(vtable + entry, true);
    return offset === 0 ? 0 : table + offset;
  }

  i8(table: number, id: number, otherwise: number): number {
    const at = this.#field(table, id);
    return at === 0 ? otherwise : this.#view.getInt8(at);
  }

  i16(table: number, id: number, otherwise: number): number {
    const at = this.#field(table, id);
    return at === 0 ? otherwise : this.#view.getInt16(at, true);
  }

  /** @throws RangeError for a number that a double cannot hold */
  i64(table: number, id: number, otherwise: number): number {
    const at = this.#field(table, id);
    return at === 0 ? otherwise : this.int64At(at);
  }

  int64At(at: number): number {
    const value = Number(this.#view.getBigInt64(at, true));
    if (!Number.isSafeInteger(value)) throw new RangeError(`number ${value}`);
    return value;
  }

  int32At(at: number): number {
    return this.#view.getInt32(at, true);
  }

  /** Places of structs that lie one after the other. */
  structs(table: number, id: number, bytes: number): number[] {
    const at = this.table(table, id);
    if (at === 0) return [];
    const length = this.#view.getUint32(at, true);
    if (at + 4 + length * bytes > this.#bytes.length) throw new RangeError('list runs past the end');
    return Array.from({ length }, (_, index) => at + 4 + index * bytes);
  }

  i32(table: number, id: number, otherwise: number): number {
    const at = this.#field(table, id);
    return at === 0 ? otherwise : this.#view.getInt32(at, true);
  }

  table(table: number, id: number): number {
    const at = this.#field(table, id);
    return at === 0 ? 0 : at + this.#view.getUint32(at, true);
  }

  text(table: number, id: number): string | undefined {
    const at = this.table(table, id);
    if (at === 0) return undefined;
    const length = this.#view.getUint32(at, true);
    if (at + 4 + length > this.#bytes.length) throw new RangeError('text runs past the end');
    const bytes = this.#bytes.subarray(at + 4, at + 4 + length);
    if (!isUtf8(bytes)) throw new RangeError('a name that is not UTF-8');
    return Buffer.from(bytes).toString('utf8');
  }

  tables(table: number, id: number): number[] {
    const at = this.table(table, id);
    if (at === 0) return [];
    const length = this.#view.getUint32(at, true);
    if (at + 4 + length * 4 > this.#bytes.length) throw new RangeError('list runs past the end');
    return Array.from({ length }, (_, i) => at + 4 + i * 4 + this.#view.getUint32(at + 4 + i * 4, true));
  }
}
