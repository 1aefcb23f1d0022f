/**
 * Writes structs in Thrift's compact protocol, for the footer of a small Parquet file. Fields come in ascending order.
 *
 * Protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

/** A field's value: an integer of 32 or 64 bits, bytes, a struct, a list of one kind, or a boolean. */
export type ThriftField =
  | { i32: number }
  | { i64: number }
  | { binary: Uint8Array | string }
  | { struct: ThriftFields }
  | { list: readonly ThriftField[] }
  | { bool: boolean };
export type ThriftFields = readonly (readonly [id: number, value: ThriftField])[];

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

function zigzag(value: number): number[] {
  const wide = BigInt(value);
  return varint(wide < 0n ? -2n * wide - 1n : 2n * wide);
}

function typeOf(value: ThriftField): number {
  if ('bool' in value) return value.bool ? 1 : 2;
  if ('i32' in value) return 5;
  if ('i64' in value) return 6;
  if ('binary' in value) return 8;
  return 'list' in value ? 9 : 12;
}

function valueBytes(value: ThriftField): Buffer {
  if ('i32' in value) return Buffer.from(zigzag(value.i32));
  if ('i64' in value) return Buffer.from(zigzag(value.i64));
  if ('struct' in value) return Buffer.from(thriftStruct(value.struct));
  if ('binary' in value) {
    const bytes = Buffer.from(value.binary);
    return Buffer.concat([Buffer.from(varint(BigInt(bytes.length))), bytes]);
  }
  // A boolean field is its type.
  if ('bool' in value) return Buffer.alloc(0);
  const { list } = value;
  const type = list[0] === undefined ? 12 : typeOf(list[0]);
  const head = list.length < 15 ? [(list.length << 4) | type] : [0xf0 | type, ...varint(BigInt(list.length))];
  return Buffer.concat([Buffer.from(head), ...list.map(valueBytes)]);
}

/** One struct. Field numbers differ by less than 16. */
export function thriftStruct(fields: ThriftFields): Uint8Array {
  let last = 0;
  const parts = fields.map(([id, value]) => {
    const head = ((id - last) << 4) | typeOf(value);
    last = id;
    return Buffer.concat([Buffer.from([head]), valueBytes(value)]);
  });
  return Buffer.concat([...parts, Buffer.from([0])]);
}
