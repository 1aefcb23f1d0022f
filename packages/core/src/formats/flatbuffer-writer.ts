/**
 * Writes small flatbuffers front to back: a table, then what it refers to. Every field gets an eight-byte slot, which
 * wastes a few bytes of a schema and makes every alignment rule hold by itself.
 *
 * Layout: https://flatbuffers.dev/internals/
 */

/** One field of a table. `undefined` leaves it out. */
export type FlatField =
  | { i8: number }
  | { i16: number }
  | { i32: number }
  | { i64: number }
  | { text: string }
  | { table: FlatTable }
  | { tables: readonly FlatTable[] }
  /** Structs of 64-bit numbers, one after the other. */
  | { int64s: readonly number[]; perStruct: number }
  | undefined;

/** The fields of a table by their ids, from 0. */
export type FlatTable = readonly FlatField[];

class Writer {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  reserve(count: number): number {
    const at = this.length;
    while (at + count > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.length += count;
    return at;
  }

  alignTo(remainder: number): void {
    this.reserve((remainder - (this.length % 8) + 8) % 8);
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  scalar(at: number, field: NonNullable<FlatField>): boolean {
    if ('i8' in field) this.#view.setInt8(at, field.i8);
    else if ('i16' in field) this.#view.setInt16(at, field.i16, true);
    else if ('i32' in field) this.#view.setInt32(at, field.i32, true);
    else if ('i64' in field) this.#view.setBigInt64(at, BigInt(field.i64), true);
    else return false;
    return true;
  }

  /** Vtable, table, then the referred; returns the position of the table. */
  table(fields: FlatTable): number {
    this.alignTo(0);
    const vtable = this.reserve(4 + fields.length * 2);
    this.alignTo(0);
    const table = this.reserve(8 + fields.length * 8);
    this.#view.setUint16(vtable, 4 + fields.length * 2, true);
    this.#view.setUint16(vtable + 2, 8 + fields.length * 8, true);
    this.#view.setInt32(table, table - vtable, true);
    const later: (() => void)[] = [];
    fields.forEach((field, id) => {
      if (field === undefined) return;
      const slot = 8 + id * 8;
      this.#view.setUint16(vtable + 4 + id * 2, slot, true);
      if (!this.scalar(table + slot, field))
        later.push(() => this.u32(table + slot, this.referred(field) - (table + slot)));
    });
    for (const write of later) write();
    return table;
  }

  referred(field: NonNullable<FlatField>): number {
    if ('table' in field) return this.table(field.table);
    if ('text' in field) return this.#text(field.text);
    if ('tables' in field) return this.#tables(field.tables);
    if ('int64s' in field) return this.#int64s(field.int64s, field.perStruct);
    throw new TypeError('a number is not referred to');
  }

  #text(text: string): number {
    const bytes = new TextEncoder().encode(text);
    this.alignTo(0);
    const at = this.reserve(4 + bytes.length + 1);
    this.u32(at, bytes.length);
    this.#bytes.set(bytes, at + 4);
    return at;
  }

  #tables(tables: readonly FlatTable[]): number {
    this.alignTo(0);
    const at = this.reserve(4 + tables.length * 4);
    this.u32(at, tables.length);
    tables.forEach((table, i) => {
      const slot = at + 4 + i * 4;
      this.u32(slot, this.table(table) - slot);
    });
    return at;
  }

  #int64s(values: readonly number[], perStruct: number): number {
    // The length comes first and is half a word, the structs behind it begin at a whole one.
    this.alignTo(4);
    const at = this.reserve(4 + values.length * 8);
    this.u32(at, values.length / perStruct);
    values.forEach((value, i) => this.#view.setBigInt64(at + 4 + i * 8, BigInt(value), true));
    return at;
  }

  finish(): Uint8Array {
    this.alignTo(0);
    return this.#bytes.subarray(0, this.length);
  }
}

/** The bytes of a flatbuffer with this root table, padded to eight. */
export function encodeFlatbuffer(root: FlatTable): Uint8Array {
  const writer = new Writer();
  const slot = writer.reserve(8);
  writer.u32(slot, writer.table(root));
  return writer.finish();
}
