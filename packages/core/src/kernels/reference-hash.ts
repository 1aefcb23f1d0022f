/** TypeScript twins of checksum and key tables. The tables' slots are the kernels' own; ids and keys are the same. */
import type { Ptr } from '../memory/contract.ts';
import { KEY_TABLE } from './key-table.ts';
import { isSet } from './reference-column.ts';
import type { Twin } from './reference-twin.ts';

const MASK = 0xffff_ffff_ffff_ffffn;
const PRIMES = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;

const rotate = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & MASK;
const round = (acc: bigint, input: bigint): bigint =>
  (rotate((acc + input * PRIMES[1]) & MASK, 31n) * PRIMES[0]) & MASK;
const mergeRound = (hash: bigint, acc: bigint): bigint => ((hash ^ round(0n, acc)) * PRIMES[0] + PRIMES[3]) & MASK;

/** xxHash64. */
export function checksum(view: DataView, ptr: Ptr, bytes: number, seed: bigint): bigint {
  let at = ptr;
  const end = ptr + bytes;
  let hash = (seed + PRIMES[4]) & MASK;
  if (bytes >= 32) {
    const lanes = [seed + PRIMES[0] + PRIMES[1], seed + PRIMES[1], seed, seed - PRIMES[0]].map((lane) => lane & MASK);
    for (; at + 32 <= end; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i] as bigint, view.getBigUint64(at + 8 * i, true));
    }
    const shifts = [1n, 7n, 12n, 18n] as const;
    hash = lanes.reduce((sum, lane, i) => (sum + rotate(lane, shifts[i] as bigint)) & MASK, 0n);
    for (const lane of lanes) hash = mergeRound(hash, lane);
  }
  hash = (hash + BigInt(bytes)) & MASK;
  for (; at + 8 <= end; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * PRIMES[0] + PRIMES[3]) & MASK;
  }
  if (at + 4 <= end) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * PRIMES[0]) & MASK), 23n) * PRIMES[1] + PRIMES[2]) & MASK;
    at += 4;
  }
  for (; at < end; at++)
    hash = (rotate(hash ^ ((BigInt(view.getUint8(at)) * PRIMES[4]) & MASK), 11n) * PRIMES[0]) & MASK;
  hash = ((hash ^ (hash >> 33n)) * PRIMES[1]) & MASK;
  hash = ((hash ^ (hash >> 29n)) * PRIMES[2]) & MASK;
  return hash ^ (hash >> 32n);
}

const NO_ID = 0xffff_ffff;

export const initKeyTable: Twin<'initKeyTable'> = (
  view,
  header,
  slots,
  slotCount,
  keys,
  keyCapacity,
  bytes,
  byteCapacity,
) => {
  const fields: [number, number][] = [
    [KEY_TABLE.count, 0],
    [KEY_TABLE.nullId, NO_ID],
    [KEY_TABLE.bytes, bytes],
    [KEY_TABLE.byteCapacity, byteCapacity],
    [KEY_TABLE.bytesUsed, 0],
  ];
  for (const [offset, value] of fields) view.setUint32(header + offset, value, true);
  if (byteCapacity > 0) view.setUint32(keys, 0, true);
  rehashKeyTable(view, header, slots, slotCount, keys, keyCapacity);
};

/** The twin finds keys through a Map that it rebuilds on each call; only the header is kept. */
export const rehashKeyTable: Twin<'rehashKeyTable'> = (view, header, slots, slotCount, keys, keyCapacity) => {
  const fields: [number, number][] = [
    [KEY_TABLE.slots, slots],
    [KEY_TABLE.slotMask, slotCount - 1],
    [KEY_TABLE.keys, keys],
    [KEY_TABLE.keyCapacity, keyCapacity],
  ];
  for (const [offset, value] of fields) view.setUint32(header + offset, value, true);
};

interface TableAccess<K> {
  keyOfRow(row: number): K;
  keyOfId(id: number): K;
  /** False when there is no room for the key. */
  append(id: number, key: K | undefined): boolean;
}

/** Shared by both kinds: looks rows up, appends what is new, stops where there is no room. */
function encode<K>(
  view: DataView,
  header: Ptr,
  validity: Ptr,
  from: number,
  rows: number,
  ids: Ptr,
  access: TableAccess<K>,
): number {
  let count = view.getUint32(header + KEY_TABLE.count, true);
  const capacity = view.getUint32(header + KEY_TABLE.keyCapacity, true);
  let nullId = view.getUint32(header + KEY_TABLE.nullId, true);
  const known = new Map<K, number>();
  for (let id = 0; id < count; id++) if (id !== nullId) known.set(access.keyOfId(id), id);
  for (let row = from; row < rows; row++) {
    const key = isSet(view, validity, row) ? access.keyOfRow(row) : undefined;
    let id = key === undefined ? (nullId === NO_ID ? undefined : nullId) : known.get(key);
    if (id === undefined) {
      if (count === capacity || !access.append(count, key)) return row;
      id = count++;
      view.setUint32(header + KEY_TABLE.count, count, true);
      if (key === undefined) view.setUint32(header + KEY_TABLE.nullId, (nullId = id), true);
      else known.set(key, id);
    }
    view.setUint32(ids + 4 * row, id, true);
  }
  return rows;
}

export const encodeInt64: Twin<'encodeInt64'> = (view, header, values, validity, from, rows, ids) => {
  const keyOfRow = (row: number): bigint => view.getBigInt64(values + 8 * row, true);
  return encodeIntegers(view, header, validity, from, rows, ids, keyOfRow);
};

export const encodeInt32: Twin<'encodeInt32'> = (view, header, values, validity, from, rows, ids) => {
  const keyOfRow = (row: number): bigint => BigInt(view.getInt32(values + 4 * row, true));
  return encodeIntegers(view, header, validity, from, rows, ids, keyOfRow);
};

function encodeIntegers(
  view: DataView,
  header: Ptr,
  validity: Ptr,
  from: number,
  rows: number,
  ids: Ptr,
  keyOfRow: (row: number) => bigint,
): number {
  const keys = view.getUint32(header + KEY_TABLE.keys, true);
  return encode<bigint>(view, header, validity, from, rows, ids, {
    keyOfRow,
    keyOfId: (id) => view.getBigInt64(keys + 8 * id, true),
    append(id, key) {
      view.setBigInt64(keys + 8 * id, key ?? 0n, true);
      return true;
    },
  });
}

/** Bytes as a text of one character a byte: equal exactly when the bytes are. */
function bytesAsText(view: DataView, ptr: Ptr, length: number): string {
  return Buffer.from(new Uint8Array(view.buffer, ptr, length)).toString('latin1');
}

export const encodeText: Twin<'encodeText'> = (view, header, offsets, values, validity, from, rows, ids) => {
  const keys = view.getUint32(header + KEY_TABLE.keys, true);
  const bytes = view.getUint32(header + KEY_TABLE.bytes, true);
  const capacity = view.getUint32(header + KEY_TABLE.byteCapacity, true);
  const textOf = (starts: Ptr, base: Ptr, index: number): string => {
    const start = view.getUint32(starts + 4 * index, true);
    return bytesAsText(view, base + start, view.getUint32(starts + 4 * index + 4, true) - start);
  };
  return encode<string>(view, header, validity, from, rows, ids, {
    keyOfRow: (row) => textOf(offsets, values, row),
    keyOfId: (id) => textOf(keys, bytes, id),
    append(id, key = '') {
      const used = view.getUint32(header + KEY_TABLE.bytesUsed, true);
      if (used + key.length > capacity) return false;
      new Uint8Array(view.buffer).set(Buffer.from(key, 'latin1'), bytes + used);
      view.setUint32(header + KEY_TABLE.bytesUsed, used + key.length, true);
      view.setUint32(keys + 4 * id + 4, used + key.length, true);
      return true;
    },
  });
};

export function combineIds(view: DataView, left: Ptr, right: Ptr, rows: number, out: Ptr): void {
  for (let row = 0; row < rows; row++) {
    const high = BigInt(view.getUint32(right + 4 * row, true)) << 32n;
    view.setBigUint64(out + 8 * row, high | BigInt(view.getUint32(left + 4 * row, true)), true);
  }
}
