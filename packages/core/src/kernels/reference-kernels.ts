/** All kernels in plain TypeScript over one arena: the reference in tests. */
import type { Arena } from '../memory/contract.ts';
import { createReferenceAggregates } from './reference-aggregate.ts';
import * as arithmetic from './reference-arithmetic.ts';
import * as bitmaps from './reference-bitmap.ts';
import * as hashes from './reference-hash.ts';
import { asofMatch, dealRows, mergeMatch, rowsOfSegment, takePlaces } from './reference-join.ts';
import * as takes from './reference-take.ts';
import type { Twin } from './reference-twin.ts';
import type { JoinKernels, Kernels, VectorKernels } from './vector-contract.ts';

type Twins = VectorKernels & JoinKernels;

const TWINS: { readonly [K in keyof Twins]: Twin<K> } = {
  rowsOfSegment,
  asofMatch,
  dealRows,
  takePlaces,
  mergeMatch,
  arithmetic: arithmetic.arithmetic,
  unaryArithmetic: arithmetic.unaryArithmetic,
  compare: arithmetic.compare,
  cast: arithmetic.cast,
  castBits: arithmetic.castBits,
  scaleInt64: arithmetic.scaleInt64,
  bitmap: bitmaps.bitmap,
  bitmapNot: bitmaps.bitmapNot,
  kleene: bitmaps.kleene,
  popcount: bitmaps.popcount,
  copyBits: bitmaps.copyBits,
  fillBits: bitmaps.fillBits,
  selectIndices: bitmaps.selectIndices,
  take: takes.take,
  takeBits: takes.takeBits,
  takeVariableBytes: takes.takeVariableBytes,
  takeVariable: takes.takeVariable,
  choose: takes.choose,
  fill: takes.fill,
  iota: takes.iota,
  checksum: hashes.checksum,
  initKeyTable: hashes.initKeyTable,
  rehashKeyTable: hashes.rehashKeyTable,
  encodeInt32: hashes.encodeInt32,
  encodeInt64: hashes.encodeInt64,
  encodeText: hashes.encodeText,
  combineIds: hashes.combineIds,
};

/** All kernels in plain TypeScript, over the arena's memory. Slow and simple; the same results as the compiled ones. */
export function createReferenceKernels(arena: Pick<Arena, 'buffer'>): Kernels {
  let view = new DataView(arena.buffer);
  const memory = (): DataView => (view.buffer === arena.buffer ? view : (view = new DataView(arena.buffer)));
  const vectors = Object.fromEntries(
    Object.entries(TWINS).map(([name, twin]) => [
      name,
      (...args: unknown[]) => (twin as (view: DataView, ...args: unknown[]) => unknown)(memory(), ...args),
    ]),
  ) as unknown as Twins;
  return { ...createReferenceAggregates(memory), ...vectors };
}
