/**
 * Reads the structs of Arrow's C data interface out of a 32-bit WebAssembly memory: how the Parquet library hands over
 * decoded columns without serializing them. Addresses are valid until the owner frees the batch; views made here are
 * valid until the next call into the library (it may grow its memory).
 *
 * Layout: https://arrow.apache.org/docs/format/CDataInterface.html
 */

/** One column, or part of one, in foreign memory. */
export interface ForeignArray {
  length: number;
  /** -1 when the writer did not count. */
  nullCount: number;
  /** Rows to skip at the start of every buffer. */
  offset: number;
  /** Addresses; 0 is "no buffer". */
  buffers: number[];
  children: ForeignArray[];
  dictionary: ForeignArray | undefined;
}

/** Rows `from` … `from + rows` of one decoded column. */
export interface Piece {
  array: ForeignArray;
  from: number;
  rows: number;
}

/** What a column is. `format` is the interface's type string ("g" is float64, "tsu:UTC" a timestamp, …). */
export interface ForeignField {
  name: string;
  format: string;
  children: ForeignField[];
  dictionary: ForeignField | undefined;
}

function textAt(view: DataView, address: number): string {
  if (address === 0) return '';
  let end = address;
  while (view.getUint8(end) !== 0) end += 1;
  return new TextDecoder().decode(new Uint8Array(view.buffer, address, end - address));
}

function pointers(view: DataView, address: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => view.getUint32(address + i * 4, true));
}

function int64At(view: DataView, address: number): number {
  return Number(view.getBigInt64(address, true));
}

/** Reads an ArrowSchema struct. */
export function readForeignField(view: DataView, address: number): ForeignField {
  const children = pointers(view, view.getUint32(address + 32, true), int64At(view, address + 24));
  const dictionary = view.getUint32(address + 36, true);
  return {
    format: textAt(view, view.getUint32(address, true)),
    name: textAt(view, view.getUint32(address + 4, true)),
    children: children.map((child) => readForeignField(view, child)),
    dictionary: dictionary === 0 ? undefined : readForeignField(view, dictionary),
  };
}

/** Reads an ArrowArray struct. */
export function readForeignArray(view: DataView, address: number): ForeignArray {
  const children = pointers(view, view.getUint32(address + 44, true), int64At(view, address + 32));
  const dictionary = view.getUint32(address + 48, true);
  return {
    length: int64At(view, address),
    nullCount: int64At(view, address + 8),
    offset: int64At(view, address + 16),
    buffers: pointers(view, view.getUint32(address + 40, true), int64At(view, address + 24)),
    children: children.map((child) => readForeignArray(view, child)),
    dictionary: dictionary === 0 ? undefined : readForeignArray(view, dictionary),
  };
}
