/** Which file and row a morsel came from, for error messages. */

/** Morsels that follow each other in one row group (or in a source without files). */
export interface PositionSegment {
  firstSequence: number;
  file?: string;
  /** Row, in the file or source, at which the first morsel starts. */
  firstRow: number;
  /** Rows of each morsel; the first lacks `missingRows`, the last may be short. */
  morselRows: number;
  missingRows: number;
}

export interface SourcePosition {
  file?: string;
  row?: number;
}

/** The start of a batch in its source; nothing when the morsels are not the source's own. */
export function positionOf(segments: readonly PositionSegment[], sequence: number, rowsBefore: number): SourcePosition {
  const segment = segments.findLast((candidate) => candidate.firstSequence <= sequence);
  if (segment === undefined) return {};
  const { firstRow, missingRows, morselRows, firstSequence, file } = segment;
  const row = Math.max(firstRow, firstRow - missingRows + (sequence - firstSequence) * morselRows) + rowsBefore;
  return file === undefined ? { row } : { file, row };
}
