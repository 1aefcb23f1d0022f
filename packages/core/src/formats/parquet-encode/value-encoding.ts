/** Which encoding suits a column: by its first page, and by how many rows may follow. */
import type { Ptr } from '../../memory/contract.ts';
import type { EncoderMemory, EncoderRegion } from './encoder-memory.ts';
import { MOST_ENTRIES, MOST_TEXT_BYTES, type ValueDictionary } from './value-dictionary.ts';

/** How values are written that are not numbers into a dictionary. */
export type DirectEncoding = 'plain' | 'delta' | 'streams';

/** Values of which differences are tried. */
const SAMPLE = 4096;
/** A dictionary is slower to make than deltas are, so it has to save this many bits. */
const WORTH_BITS = 1;
/** And this part of plain values. */
const WORTH_PART = 0.7;
/** Deltas have to save this many bits. */
const DELTA_BITS = 6;

/** Bits that a difference takes, with what is around it. `scratch` has room for the encoded sample. */
export function deltaBits(
  memory: EncoderMemory,
  values: Ptr,
  count: number,
  width: number,
  scratch: EncoderRegion,
): number {
  const sample = Math.min(count, SAMPLE);
  const out = scratch.ensure(deltaRoom(sample, width));
  const end = memory.kernels['deltaEncode']?.(values, sample, width, out) ?? out;
  return (8 * (end - out)) / sample;
}

/** Bytes that differences may take. */
export function deltaRoom(count: number, width: number): number {
  return Math.ceil((count * width * 9) / 8) + 1024;
}

/** Different values among `rows` when `count` of them held `distinct`, if any was as likely as any other. */
function distinctAmong(distinct: number, count: number, rows: number): number {
  if (distinct >= count * 0.98) return rows;
  let all = distinct;
  for (let i = 0; i < 30; i += 1) all = distinct / (1 - Math.exp(-count / all));
  return all * (1 - Math.exp(-rows / all));
}

/**
 * Whether a dictionary pays.
 * @param dictionary holds the different ones of `count` values, of which `rows` may come
 * @param plainBytes that a value takes without
 * @param bits that a value takes in differences; undefined where there are none
 */
export function dictionaryPays(
  dictionary: ValueDictionary,
  count: number,
  rows: number,
  plainBytes: number,
  bits: number | undefined,
): boolean {
  const distinct = distinctAmong(dictionary.count, count, rows);
  const entryBytes = dictionary.bytes(plainBytes) / dictionary.count;
  if (distinct > MOST_ENTRIES || distinct * entryBytes > Math.max(MOST_TEXT_BYTES, 8 * MOST_ENTRIES)) return false;
  const bitsEach = Math.ceil(Math.log2(Math.max(distinct, 1))) + (8 * distinct * entryBytes) / rows;
  if (bitsEach > WORTH_PART * 8 * plainBytes) return false;
  return bits === undefined || bitsEach + WORTH_BITS < bits;
}

/** Whether differences are enough shorter than the values. */
export function deltasPay(bits: number, width: number): boolean {
  return bits < 8 * width - DELTA_BITS;
}
