/** How the rows of text files are written, and where they lie, as plain data of a plan. */

/** What becomes of a row that is not right: its fields are too many or too few, a value is none of its type, its bytes are not UTF-8. */
export type BadRowPolicy = 'error' | 'skip-and-report' | { rejects: string };

/** What is the same for all formats of text. */
export interface ValueFormat {
  /** By column: a format as of strftime, or `epoch[s]`, `epoch[ms]`, `epoch[us]`, `epoch[ns]`. ISO 8601 where there is none. */
  timeFormats: Record<string, string>;
  /** Zone of times without an offset; default the zone of the column's type, else UTC. */
  timeZone?: string;
  /** Texts without quotes that stand for null, beside the empty one. */
  nulls: string[];
  onBadRow: BadRowPolicy;
  /** Bad rows after which a run fails all the same. */
  maxBadRows: number;
}

/** How to read CSV. */
export interface CsvFormat extends ValueFormat {
  syntax: 'csv';
  /** One ASCII character. */
  delimiter: string;
  /** One ASCII character, or '' when nothing quotes. */
  quote: string;
  hasHeader: boolean;
}

/** How to read lines of JSON. */
export interface JsonFormat extends ValueFormat {
  syntax: 'ndjson';
}

export type TextFormat = CsvFormat | JsonFormat;

/** One file of a source, looked at when the plan is resolved. */
export interface TextFile {
  path: string;
  /** Of its text; of a compressed file its own, until it has been unpacked. */
  bytes: number;
  /** `none`: plain text that comes through a pipe. */
  packing?: 'gzip' | 'zstd' | 'none';
  /** It can be read only once. */
  isPiped?: true;
  /** Where its text lies, once it has been unpacked. */
  unpacked?: string;
  /** Byte at which the first row behind the header starts. */
  dataStart: number;
  /** Lines before it. */
  headLines: number;
  /** Of a part in the middle of a file: where the first row of the file starts. */
  firstByte?: number;
  /** Rows before it, of a file that an earlier run has begun to read. */
  rowsBefore?: number;
  /** Of the header; of lines of JSON the columns that are read. */
  names: string[];
  /** By column of the source: which field of a row it is. */
  fieldIndex: number[];
}

/** Places that the reader keeps for a row, beside the one before it. */
export function rowPlaces({ names }: Pick<TextFile, 'names'>, { syntax }: Pick<TextFormat, 'syntax'>): number {
  return syntax === 'csv' ? names.length : names.length + 1;
}
