/** Arrow IPC files as plain data of a plan: their columns, and where their record batches lie. */
import type { FieldSpec } from '../../schema/types.ts';

/** How the values of a column lie in its buffers. `large`: offsets of 64 bits; `view`: 16 bytes a value, which name where it lies. */
export type ArrowStorage = 'bits' | 'fixed' | 'text' | 'large' | 'view' | 'list' | 'large-list';

/** A column of a file, and where its nodes and buffers begin among those of a record batch. */
export interface ArrowColumn {
  field: FieldSpec;
  storage: ArrowStorage;
  node: number;
  buffer: number;
  /** Of a view: which of the counts of further buffers is its own. */
  variadic: number;
  dictionary?: { id: number; indexBytes: number; isSigned: boolean };
  /** Of a list. */
  child?: ArrowColumn;
}

/** A column that cannot be read. */
export interface UnreadableColumn {
  name: string;
  reason: string;
}

/** A message with a body. */
export interface ArrowBlock {
  /** Of the flatbuffer, and its bytes. */
  at: number;
  bytes: number;
  bodyAt: number;
  bodyBytes: number;
}

export interface ArrowBatchBlock extends ArrowBlock {
  rows: number;
  isCompressed: boolean;
  /** Which of the file's sets of dictionaries its codes are of. */
  dictionaries: number;
}

/** One file, looked at when the plan is resolved. */
export interface ArrowFile {
  path: string;
  /** What messages call it, where that is not its path. */
  called?: string;
  bytes: number;
  rows: number;
  columns: ArrowColumn[];
  unreadable: UnreadableColumn[];
  batches: ArrowBatchBlock[];
  /** Sets of dictionaries: by id the messages that make it up, first to last. */
  dictionaries: { id: number; blocks: ArrowBlock[] }[][];
  /** Of dictionaries, by id: how their texts lie. */
  values: { id: number; storage: ArrowStorage }[];
}
