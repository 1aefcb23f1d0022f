/** Text columns of the output: plain, or as codes into a dictionary of the piece's own texts. */
import { allocColumn, type DraftColumn, finishColumn } from '../../batch/alloc-batch.ts';
import type { Ptr } from '../../memory/contract.ts';
import { copyBytes, type Workspace } from './arena-views.ts';
import { NO_TEXT } from './text-slots.ts';

/** The texts of a piece's rows. */
export interface TextRowsOutput {
  /** `NO_TEXT` for null. */
  length(row: number): number;
  start(row: number): Ptr;
  /** False when no row is null. */
  hasNulls: boolean;
  /** Equal for equal texts. */
  identity(row: number): number | string;
}

export function totalTextBytes(texts: TextRowsOutput, rows: number): number {
  let bytes = 0;
  for (let row = 0; row < rows; row++) {
    const length = texts.length(row);
    if (length !== NO_TEXT) bytes += length;
  }
  return bytes;
}

/** Writes offsets and bytes. */
export function writeTexts(texts: TextRowsOutput, rows: number, draft: DraftColumn, workspace: Workspace): void {
  const { u8, i32 } = workspace.views;
  const offsets = draft.offsets >>> 2;
  let used = 0;
  i32[offsets] = 0;
  for (let row = 0; row < rows; row++) {
    const length = texts.length(row);
    if (length !== NO_TEXT && length > 0) {
      copyBytes(u8, draft.values + used, texts.start(row), length);
      used += length;
    }
    i32[offsets + row + 1] = used;
  }
}

/** Writes codes and makes the dictionary. Returns its slab, which the caller releases when the batch is finished. */
export function writeDictionary(texts: TextRowsOutput, rows: number, draft: DraftColumn, workspace: Workspace): Ptr {
  const { i32 } = workspace.views;
  const codes = new Map<number | string, number>();
  const firstRows: number[] = [];
  for (let row = 0; row < rows; row++) {
    let code: number | undefined = 0;
    if (texts.length(row) !== NO_TEXT) {
      const identity = texts.identity(row);
      code = codes.get(identity);
      if (code === undefined) {
        code = firstRows.length;
        codes.set(identity, code);
        firstRows.push(row);
      }
    }
    i32[(draft.values >>> 2) + row] = code;
  }
  const entries: TextRowsOutput = {
    length: (entry) => texts.length(firstRows[entry] as number),
    start: (entry) => texts.start(firstRows[entry] as number),
    identity: (entry) => entry,
    hasNulls: false,
  };
  const count = firstRows.length;
  const { column, slab } = allocColumn(workspace.arena, workspace.owner, 'utf8', count, {
    variableBytes: totalTextBytes(entries, count),
  });
  writeTexts(entries, count, column, workspace);
  draft.child = finishColumn(workspace.arena, column, count, slab);
  return slab;
}
