/**
 * Writes Thrift's compact protocol: what `thrift-compact.ts` reads.
 *
 * Protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

const TRUE = 1;
const FALSE = 2;
const BYTE = 3;
const I16 = 4;
const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

/** One struct and those inside of it. Fields are added in ascending order of their numbers. */
export class ThriftWriter {
  #bytes = new Uint8Array(64);
  #length = 0;
  #last = 0;

  /** What was written, closed. Valid until `reset`. */
  finish(): Uint8Array {
    this.#byte(0);
    return this.#bytes.subarray(0, this.#length);
  }

  reset(): this {
    this.#length = 0;
    this.#last = 0;
    return this;
  }

  /** Up to 127. */
  byte(id: number, value: number): this {
    this.#field(id, BYTE).#byte(value);
    return this;
  }

  i16(id: number, value: number): this {
    return this.#field(id, I16).#zigzag(value);
  }

  i32(id: number, value: number): this {
    return this.#field(id, I32).#zigzag(value);
  }

  /** Exact up to 2^53. */
  i64(id: number, value: number): this {
    return this.#field(id, I64).#zigzag(value);
  }

  bool(id: number, value: boolean): this {
    return this.#field(id, value ? TRUE : FALSE);
  }

  binary(id: number, value: Uint8Array): this {
    return this.#field(id, BINARY).#raw(value);
  }

  text(id: number, value: string): this {
    return this.binary(id, Buffer.from(value));
  }

  struct(id: number, write: (inner: this) => void): this {
    return this.#field(id, STRUCT).#inner(write);
  }

  structs<T>(id: number, items: readonly T[], write: (inner: this, item: T, index: number) => void): this {
    this.#field(id, LIST).#listHead(STRUCT, items.length);
    items.forEach((item, index) => this.#inner((inner) => write(inner, item, index)));
    return this;
  }

  i32s(id: number, items: readonly number[]): this {
    this.#field(id, LIST).#listHead(I32, items.length);
    for (const item of items) this.#zigzag(item);
    return this;
  }

  texts(id: number, items: readonly string[]): this {
    this.#field(id, LIST).#listHead(BINARY, items.length);
    for (const item of items) this.#raw(Buffer.from(item));
    return this;
  }

  #inner(write: (inner: this) => void): this {
    const last = this.#last;
    this.#last = 0;
    write(this);
    this.#byte(0);
    this.#last = last;
    return this;
  }

  #field(id: number, type: number): this {
    const step = id - this.#last;
    this.#last = id;
    if (step > 0 && step < 16) this.#byte((step << 4) | type);
    else {
      this.#byte(type);
      this.#zigzag(id);
    }
    return this;
  }

  #listHead(type: number, length: number): void {
    if (length < 15) return this.#byte((length << 4) | type);
    this.#byte(0xf0 | type);
    this.#varint(length);
  }

  #raw(value: Uint8Array): this {
    this.#varint(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  #zigzag(value: number): this {
    this.#varint(value < 0 ? -2 * value - 1 : 2 * value);
    return this;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#byte((rest % 128) | 128);
    this.#byte(rest);
  }

  #byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const more = new Uint8Array(2 * (this.#length + bytes));
    more.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = more;
  }
}
