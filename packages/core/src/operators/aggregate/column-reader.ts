/** Row access to a text column, for what kernels do not do: comparing and copying single texts. */
import type { Column } from '../../batch/contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { ArenaViews } from './arena-views.ts';

export interface TextReader {
  isValid(row: number): boolean;
  start(row: number): Ptr;
  length(row: number): number;
}

const always = (): boolean => true;

function validityReader(column: Column, u8: Uint8Array): (row: number) => boolean {
  const bits = column.validity;
  if (bits === 0 || column.nullCount === 0) return always;
  return (row) => (((u8[bits + (row >>> 3)] as number) >>> (row & 7)) & 1) === 1;
}

/** A reader for a utf8, binary or dictionary column of one batch; valid as long as the batch is held. */
export function readTexts(column: Column, views: ArenaViews): TextReader {
  const text = column.child ?? column;
  const offsets = text.offsets >>> 2;
  const codes = column.values >>> 2;
  const { i32 } = views;
  const entry = column.child === undefined ? (row: number) => row : (row: number) => i32[codes + row] as number;
  return {
    isValid: validityReader(column, views.u8),
    start: (row) => text.values + (i32[offsets + entry(row)] as number),
    length: (row) => {
      const at = offsets + entry(row);
      return (i32[at + 1] as number) - (i32[at] as number);
    },
  };
}
