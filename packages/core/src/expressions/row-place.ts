/** Where a row is, as far as a lane knows: it knows where its morsel lies in the source, not which rows steps have dropped. */

/** Place of the morsel being worked on. */
export interface MorselPosition {
  file?: string;
  /** Row of the source at which the morsel starts, from 0. */
  row?: number;
  /** Rows of the morsel. */
  rows?: number;
}

const count = (value: number): string => value.toLocaleString('en-US');

/** `rows 65,536 to 131,071 of a.parquet`, or what is known of that. `batchRows` is the number of rows worked on. */
export function placeOfMorsel({ file, row, rows }: MorselPosition, batchRows: number): string {
  const inFile = file === undefined ? '' : ` of ${file}`;
  const length = rows ?? batchRows;
  if (row === undefined || length === 0) return `a batch of ${count(batchRows)} rows${inFile}`;
  const range = `rows ${count(row)} to ${count(row + length - 1)}${inFile}`;
  // Batches that were put together reach further back than the morsel that completed them.
  return batchRows > length ? `a batch of ${count(batchRows)} rows, completed by ${range}` : range;
}

/**
 * The place of one row of a batch: exact where the batch still has the rows of its morsel, else the row within the
 * batch and the rows of the morsel.
 */
export function placeOfRow(position: MorselPosition, row: number, batchRows: number): { text: string; row: number } {
  const isWhole = position.rows === undefined || position.rows === batchRows;
  const inFile = position.file === undefined ? '' : ` of ${position.file}`;
  if (position.row !== undefined && isWhole)
    return { text: `row ${count(position.row + row)}${inFile}`, row: position.row + row };
  return { text: `row ${count(row)} of ${placeOfMorsel(position, batchRows)}`, row: position.row ?? row };
}
