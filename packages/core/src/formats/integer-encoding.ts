/** Which encoding suits a column of integers: by a sample of its first rows, before its file is begun. */
import { isBitSet } from '../batch/bitmap.ts';
import { parseType } from '../schema/parse-type.ts';
import type { IpcColumn } from './ipc-columns.ts';

const SAMPLE_ROWS = 4096;
/** Rows whose deltas share a width: a miniblock of the encoder. */
const BLOCK_ROWS = 64;
/** A dictionary is several times slower to make than deltas are, so it has to save this much. */
const WORTH_BITS = 3;

/**
 * Whether deltas of neighbours take about as few bits as numbers in a dictionary of the values would: so for counters,
 * times and sums; not for a few identifiers far apart. True for a column without values.
 */
export function prefersDeltas(column: IpcColumn): boolean {
  const values = sampleOf(column);
  const distinct = new Set(values).size;
  // Mostly different values: the dictionary would hold them all.
  if (2 * distinct > values.length) return true;
  return deltaBits(values) <= Math.ceil(Math.log2(Math.max(1, distinct))) + WORTH_BITS;
}

/** As doubles: the low bits of great values do not matter for a width. */
function sampleOf(column: IpcColumn): number[] {
  const { byteWidth, domain } = parseType(column.type);
  const view = new DataView(column.values.buffer, column.values.byteOffset, column.values.byteLength);
  const isUnsigned = domain === 'uint';
  const values: number[] = [];
  for (let row = 0; row < Math.min(column.rows, SAMPLE_ROWS); row += 1) {
    if (column.validity === undefined || isBitSet(column.validity, row))
      values.push(integerAt(view, row * byteWidth, byteWidth, isUnsigned));
  }
  return values;
}

function integerAt(view: DataView, at: number, byteWidth: number, isUnsigned: boolean): number {
  if (byteWidth === 1) return isUnsigned ? view.getUint8(at) : view.getInt8(at);
  if (byteWidth === 2) return isUnsigned ? view.getUint16(at, true) : view.getInt16(at, true);
  if (byteWidth === 4) return isUnsigned ? view.getUint32(at, true) : view.getInt32(at, true);
  const high = isUnsigned ? view.getUint32(at + 4, true) : view.getInt32(at + 4, true);
  return high * 2 ** 32 + view.getUint32(at, true);
}

/** Mean width of a delta above the least one of its block. */
function deltaBits(values: readonly number[]): number {
  let bits = 0;
  for (let from = 1; from < values.length; from += BLOCK_ROWS) {
    const to = Math.min(values.length, from + BLOCK_ROWS);
    let [least, greatest] = [Infinity, -Infinity];
    for (let row = from; row < to; row += 1) {
      const delta = (values[row] as number) - (values[row - 1] as number);
      least = Math.min(least, delta);
      greatest = Math.max(greatest, delta);
    }
    bits += Math.ceil(Math.log2(greatest - least + 1)) * (to - from);
  }
  return bits / Math.max(1, values.length - 1);
}
