/** The kernels that turn CSV bytes into columns. `csv-layout.ts` says what lies in their blocks. */
import type { Arena, Ptr } from '../memory/contract.ts';
import { kernelExports } from './compiled-kernels.ts';

/** Blocks of text have 64 readable bytes behind their end. */
export interface CsvKernels {
  /** Finds rows and fields as the block at `state` (`INDEX`) says. */
  csvIndex(state: Ptr): void;
  /** Lines that end in bytes [from, to) of a text. */
  csvLines(text: Ptr, from: number, to: number): number;
  /** Place of the first byte in [from, to) that begins no UTF-8 character, or `to`. */
  utf8Check(text: Ptr, from: number, to: number): number;
  /**
   * Values of `kind` from row `from` on, as the block at `state` (`CONVERT`) says. Returns the first row that is none, or the
   * number of rows. Validity has to be all ones before, bits of booleans all zeros.
   */
  csvValues(state: Ptr, kind: number, column: number, from: number, out: Ptr, validity: Ptr): number;
  /** Room that the texts of a column need at most; `csvTexts` may write 16 bytes more. */
  csvTextBytes(state: Ptr, column: number): number;
  /** Offsets (from 0) and bytes of a column of texts. */
  csvTexts(state: Ptr, column: number, offsets: Ptr, values: Ptr, validity: Ptr): void;
}

type Exported = (...args: number[]) => number;

/** The CSV kernels of this thread over an arena. @throws ERR_INTERNAL when the build has no kernels */
export function csvKernels(arena: Pick<Arena, 'memory'>): CsvKernels {
  const kernels = kernelExports(arena.memory) as unknown as Record<keyof CsvKernels, Exported>;
  return {
    csvIndex: (state) => void kernels.csvIndex(state),
    csvLines: (text, from, to) => kernels.csvLines(text, from, to) >>> 0,
    utf8Check: (text, from, to) => kernels.utf8Check(text, from, to) >>> 0,
    csvValues: (state, kind, column, from, out, validity) =>
      kernels.csvValues(state, kind, column, from, out, validity) >>> 0,
    csvTextBytes: (state, column) => kernels.csvTextBytes(state, column) >>> 0,
    csvTexts: (state, column, offsets, values, validity) =>
      void kernels.csvTexts(state, column, offsets, values, validity),
  };
}
