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

/** Where the batch that a lane works on came from. */
export class BatchPlace {
  readonly #segments: readonly PositionSegment[];
  #sequence = 0;
  #rowsBefore = 0;
  #origin: Required<SourcePosition> | undefined;

  constructor(segments: readonly PositionSegment[]) {
    this.#segments = segments;
  }

  /** @param origin of the morsel, where its input knows better than the segments */
  set(sequence: number, rowsBefore: number, origin: Required<SourcePosition> | undefined): void {
    this.#sequence = sequence;
    this.#rowsBefore = rowsBefore;
    this.#origin = origin;
  }

  position(): SourcePosition {
    if (this.#origin === undefined) return positionOf(this.#segments, this.#sequence, this.#rowsBefore);
    return { file: this.#origin.file, row: this.#origin.row + this.#rowsBefore };
  }
}
