/**
 * How rows lie in a packet where they travel as they are: behind the header of `packet.ts` the sizes (one u32 each), then the values of each key column,
 * row by row; for each root the numbers (i64) of its bins, the exclusive end row (u32) of each, and the values of each column that states are kept of.
 */
import type { Ptr } from '../../memory/contract.ts';
import { Cursor, HEADER_BYTES, type KeyColumnArea, layOutKeys, type PacketSizes, valueBytes } from './packet.ts';
import type { StatePlan } from './state-plan.ts';

/** What varies from packet to packet. */
export interface RowSizes {
  rows: number;
  fileNameBytes: number;
  keyColumns: { textBytes: number; nulls: number }[];
  /** By root: how many bins, and of which needs some values are null. */
  roots: { bins: number; nulls: number[] }[];
}

/** Values of one need, in the width of its column; 0 where only rows are counted. */
export interface RowColumn {
  values: Ptr;
  /** Bitmap; 0 where none is null. */
  validity: Ptr;
}

export interface RowRoot {
  bins: number;
  numbers: Ptr;
  ends: Ptr;
  needs: RowColumn[];
}

export interface RowLayout {
  bytes: number;
  keyColumns: KeyColumnArea[];
  roots: RowRoot[];
  fileName: Ptr;
}

/** Whether rows can travel as they are: they have keys, and what is kept of their columns `mergeRows` can merge. */
export function canTravelAsRows({ keys, roots, keepsCount }: StatePlan): boolean {
  const isPlain = roots.every(({ needs, texts }) => texts.length === 0 && needs.every((need) => !need.sumSquares));
  return keys.length > 0 && keepsCount !== true && isPlain;
}

/** Addresses of all sections of a packet that starts at `base`. */
export function layOutRows(plan: StatePlan, sizes: RowSizes, base: Ptr): RowLayout {
  const { rows } = sizes;
  const cursor = new Cursor(base + HEADER_BYTES);
  cursor.take(4 * sizeCount(plan));
  const fileName = cursor.take(sizes.fileNameBytes);
  const keyColumns = layOutKeys(plan, asStates(sizes).keyColumns, cursor);
  const bitmap = (nulls: number | undefined): Ptr => cursor.takeIf(nulls === 1, (rows + 7) >>> 3);
  const roots = plan.roots.map(({ needs }, root): RowRoot => {
    const { bins, nulls } = sizes.roots[root] as RowSizes['roots'][number];
    const numbers = cursor.take(8 * bins);
    const ends = cursor.take(4 * bins);
    return {
      bins,
      numbers,
      ends,
      needs: needs.map((need, index) => ({
        values: cursor.takeIf(need.value.class === 'number', valueBytes(need) * rows),
        validity: bitmap(nulls[index]),
      })),
    };
  });
  return { bytes: cursor.at - base, keyColumns, roots, fileName };
}

/** Rows as the groups that they may be at most: one each, with a key of its own. */
export function asStates({ rows, fileNameBytes, keyColumns, roots }: RowSizes): PacketSizes {
  return {
    fileNameBytes,
    keyColumns: keyColumns.map((column) => ({ codes: rows, ...column })),
    pairs: keyColumns.slice(1).map(() => rows),
    roots: roots.map(() => ({ groups: rows, overflows: 0, textBytes: [] })),
  };
}

function sizeCount({ keys, roots }: StatePlan): number {
  return 1 + 2 * keys.length + roots.reduce((sum, { needs }) => sum + 1 + needs.length, 0);
}

/** Writes the sizes behind the header. */
export function writeRowSizes(u32: Uint32Array, base: Ptr, sizes: RowSizes): void {
  u32[(base + 32) >>> 2] = sizes.fileNameBytes;
  let at = (base + HEADER_BYTES) >>> 2;
  const put = (value: number): void => {
    u32[at++] = value;
  };
  put(sizes.rows);
  for (const { textBytes, nulls } of sizes.keyColumns) {
    put(textBytes);
    put(nulls);
  }
  for (const { bins, nulls } of sizes.roots) {
    put(bins);
    for (const some of nulls) put(some);
  }
}

/** Reads back what `writeRowSizes` wrote. */
export function readRowSizes(u32: Uint32Array, base: Ptr, { keys, roots }: StatePlan): RowSizes {
  let at = (base + HEADER_BYTES) >>> 2;
  const next = (): number => u32[at++] as number;
  return {
    fileNameBytes: u32[(base + 32) >>> 2] as number,
    rows: next(),
    keyColumns: keys.map(() => ({ textBytes: next(), nulls: next() })),
    roots: roots.map(({ needs }) => ({ bins: next(), nulls: needs.map(next) })),
  };
}
