/**
 * One thread's reader of CSV chunks. Where a chunk's first row starts, and how many rows came before, only the chunk before can
 * tell, so reading goes in steps: `load` guesses that a row starts behind the first line end, which holds unless a quoted text
 * crosses the border, and finds the fields; `settle` is told, and looks again only if the guess was wrong. Then `batches` reads
 * the values. So what has to wait for the chunk before is nothing that takes time.
 *
 * Memory: the text of a chunk and the places of its fields, allocated once; the text grows for a row that does not fit.
 */
import type { Batch } from '../../batch/contract.ts';
import { emptyBatch, withInputs } from '../../batch/make-batch.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';
import { JsonIndexer } from '../ndjson/json-indexer.ts';
import { CHUNK_BYTES, columnsBytes, indexerBytes } from './chunk-sizes.ts';
import { type ChunkPlace, ChunkText } from './chunk-text.ts';
import { type BadValue, CsvColumns } from './csv-columns.ts';
import { type BadRow, badRowError, type RowProblem } from './csv-error.ts';
import { rowPlaces, type TextFormat } from './csv-format.ts';
import { CsvIndexer } from './csv-indexer.ts';
import type { FaultyRow, FoundRows, RowRange, TextIndexer } from './text-indexer.ts';

/** A row may be so long. */
const MOST_ROW_BYTES = 1 << 23;
/** Rows of a batch at most. */
const PIECE_ROWS = 65_536;
/** Of a bad row's text. */
const SHOWN_BYTES = 1000;
const LF = 10;
const CR = 13;

/** Where a chunk's first row starts, and what came before. */
export interface ChunkStart {
  /** Byte of the file. */
  at: number;
  /** Rows of the whole source, bad ones included. */
  sourceRow: number;
  /** Rows of the file. */
  fileRow: number;
  /** Lines of the file that have ended; -1 while nobody counts them. */
  line: number;
}

export interface ChunkReaderParts {
  arena: Arena;
  owner: number;
  fields: Fields;
  format: TextFormat;
  /** Most places of a row of any file (see `rowPlaces`). */
  width: number;
  batchRows: number;
  chunkBytes?: number;
  /** Told of every bad row; where there is nobody, the first one is thrown. */
  onBadRow?: (row: BadRow) => void;
}

export class TextChunkReader {
  readonly #parts: ChunkReaderParts;
  readonly #scratch: Ptr;
  readonly #text: ChunkText;
  readonly #indexer: TextIndexer;
  readonly #columns: CsvColumns;
  /** Found by `load`, from the place guessed. */
  #guess: { from: number; found: FoundRows } | undefined;
  #start: ChunkStart = { at: 0, sourceRow: 0, fileRow: 0, line: -1 };
  /** Found by `settle`; undefined where there is not room for all places at once. */
  #found: FoundRows | undefined;
  #hasRows = false;

  /** @throws ERR_MEMORY_EXHAUSTED */
  constructor(parts: ChunkReaderParts) {
    const { arena, owner, fields, format, width, chunkBytes = CHUNK_BYTES } = parts;
    this.#parts = parts;
    const indexBytes = indexerBytes(chunkBytes, width, format);
    this.#scratch = arena.alloc(indexBytes + columnsBytes(fields.length, format), owner);
    const made: { close(): void }[] = [{ close: () => arena.release(this.#scratch) }];
    try {
      this.#text = new ChunkText(arena, owner, chunkBytes);
      made.push(this.#text);
      this.#indexer =
        format.syntax === 'csv'
          ? new CsvIndexer(arena, this.#scratch, chunkBytes, width, format)
          : new JsonIndexer(arena, owner, this.#scratch, chunkBytes, fields);
    } catch (error) {
      for (const part of made) part.close();
      throw error;
    }
    this.#columns = new CsvColumns(arena, owner, this.#scratch + indexBytes, fields, format);
  }

  close(): void {
    this.#indexer.close();
    this.#parts.arena.release(this.#scratch);
    this.#text.close();
  }

  /** Reads a chunk, and finds its rows as far as can be guessed. @throws ERR_FILE_TRUNCATED, ERR_IO */
  load(place: ChunkPlace): void {
    const text = this.#text;
    text.load(place);
    this.#guess = undefined;
    const from = place.from === place.file.dataStart ? 0 : this.#lineStart();
    if (from < 0 || from >= text.limit) return;
    this.#tellText();
    this.#guess = { from, found: this.#indexer.find(this.#range(from)) };
  }

  /**
   * Takes where the chunk starts; gives where the next one does. `countsLines` costs a look at every byte.
   * @throws ERR_FILE_FORMAT when a row is too long, ERR_MEMORY_EXHAUSTED
   */
  settle(start: ChunkStart, countsLines: boolean): ChunkStart {
    const text = this.#text;
    const guess = this.#guess;
    const from = start.at - text.base;
    this.#start = start;
    this.#found = undefined;
    this.#hasRows = false;
    if (from >= text.limit) return start;
    const isRight = guess !== undefined && guess.from === from && !guess.found.needsMore;
    let found = isRight ? guess.found : this.#whole(from, (at) => this.#indexer.find(this.#range(at)));
    let { rows } = found;
    if (found.isStopped) {
      found = this.#whole(found.next, (at) => this.#indexer.count(this.#range(at)));
      rows += found.rows;
    } else this.#found = found;
    this.#hasRows = true;
    return {
      at: text.base + found.next,
      sourceRow: start.sourceRow + rows,
      fileRow: start.fileRow + rows,
      line: countsLines ? start.line + this.#linesIn(from, found.next) : -1,
    };
  }

  /**
   * The batches of the settled chunk; they end where logical batches do. `isLast`: the source ends with the chunk.
   * @throws ERR_FILE_FORMAT, ERR_VALUE, ERR_MEMORY_EXHAUSTED
   */
  batches(isLast: boolean): Batch[] {
    const made: Batch[] = [];
    const { arena, owner, fields, batchRows } = this.#parts;
    try {
      const rows = this.#hasRows ? this.#read(made) : 0;
      const isCut = (this.#start.sourceRow + rows) % batchRows !== 0;
      if (isLast && isCut) {
        const last = made.at(-1)?.inputs === 0 ? made.pop() : undefined;
        made.push(last === undefined ? emptyBatch(arena, owner, fields, 1) : withInputs(arena, owner, last, 1));
      }
      return made;
    } catch (error) {
      for (const batch of made) batch.release();
      throw error;
    }
  }

  #read(made: Batch[]): number {
    const { file } = this.#text.place;
    let rows = 0;
    let found = this.#found ?? this.#indexer.find(this.#range(this.#start.at - this.#text.base));
    for (;;) {
      // The values may have been given more room.
      this.#columns.setText(this.#indexer.values, rowPlaces(file, this.#parts.format), file.fieldIndex);
      if (!found.isAscii) found = this.#withoutBadText(found);
      this.#readFound(found, rows, made);
      rows += found.rows;
      if (!found.isStopped) return rows;
      found = this.#indexer.find(this.#range(found.next));
    }
  }

  /** Batches of the rows whose places are there; `rowsBefore` of the chunk came before. */
  #readFound(found: FoundRows, rowsBefore: number, made: Batch[]): void {
    const { arena, owner, fields, batchRows } = this.#parts;
    const stride = 4 * (rowPlaces(this.#text.place.file, this.#parts.format) + 1);
    let { entries } = this.#indexer;
    for (let ordinal = 0; ordinal < found.rows; ) {
      const row = this.#start.sourceRow + rowsBefore + ordinal;
      const count = Math.min(found.rows - ordinal, batchRows - (row % batchRows), PIECE_ROWS);
      const faulty = found.bad.filter((bad) => bad.ordinal >= ordinal && bad.ordinal < ordinal + count);
      const good = count - faulty.length;
      const inputs = (row + count) % batchRows === 0 ? 1 : 0;
      const values: BadValue[] = [];
      if (good > 0) made.push(this.#columns.read(entries, good, inputs, values));
      else if (inputs > 0) made.push(emptyBatch(arena, owner, fields, inputs));
      this.#report(withOrdinals(values, faulty, ordinal), rowsBefore);
      entries += good * stride;
      ordinal += count;
    }
  }

  /** Leaves out rows with bytes that are no UTF-8. */
  #withoutBadText(found: FoundRows): FoundRows {
    const from = this.#start.at - this.#text.base;
    const bad: FaultyRow[] = [];
    for (let at = from; at < found.next; ) {
      const byte = this.#indexer.firstBadByte(at, found.next);
      if (byte < 0) break;
      const row = this.#indexer.rowAt(byte, found.goodRows);
      // What is in no good row is in one that is left out already.
      if (row !== undefined) bad.push({ ...row, problem: { kind: 'utf8', byte: byte - row.start + 1 } });
      at = (row?.end ?? byte) + 1;
    }
    if (bad.length === 0) return found;
    return this.#indexer.leaveOut(found, bad);
  }

  /** Throws the first of several bad rows, or tells all. */
  #report(bad: readonly FaultyRow[], rowsBefore: number): void {
    const { onBadRow } = this.#parts;
    const [first] = bad;
    if (first === undefined) return;
    const { path } = this.#text.place.file;
    const rowOf = ({ ordinal }: FaultyRow): number => this.#start.fileRow + rowsBefore + ordinal;
    if (onBadRow === undefined) {
      const line = 1 + this.#linesBefore(this.#text.base + first.start);
      throw badRowError({ file: path, line, row: rowOf(first), problem: first.problem }, this.#parts.format.syntax);
    }
    const from = this.#start.at - this.#text.base;
    const keepsText = typeof this.#parts.format.onBadRow === 'object';
    for (const row of bad) {
      const line = 1 + this.#start.line + this.#linesIn(from, row.start);
      const text = keepsText ? { text: this.#textOf(row.start) } : {};
      onBadRow({ file: path, line, row: rowOf(row), problem: row.problem, ...text });
    }
  }

  /** Text of a row from its start on, up to the line end behind it or `SHOWN_BYTES`. */
  #textOf(start: number): string {
    const { text, bytes } = this.#text;
    const part = Buffer.from(this.#parts.arena.u8.slice(text + start, text + Math.min(bytes, start + SHOWN_BYTES)));
    const end = part.findIndex((letter) => this.#indexer.isLineEnd(letter));
    return part.subarray(0, end < 0 ? part.length : end).toString('utf8');
  }

  /** Lines of the file before a place. The text is another one afterwards. */
  #linesBefore(at: number): number {
    let lines = 0;
    let lastByte = 0;
    this.#text.reread(at, (bytes) => {
      const { u8 } = this.#parts.arena;
      const { text } = this.#text;
      this.#tellText();
      lines += this.#indexer.lines(0, bytes) - (this.#isOneEnd(lastByte, u8[text]) ? 1 : 0);
      lastByte = u8[text + bytes - 1] as number;
    });
    return lines;
  }

  /** Whether two bytes end one line together, each of which would by itself. */
  #isOneEnd(left: number | undefined, right: number | undefined): boolean {
    return left === CR && right === LF && this.#indexer.isLineEnd(CR);
  }

  /** Lines that end in [from, to) of the text. A line end that the border cuts counts before it. */
  #linesIn(from: number, to: number): number {
    const { u8 } = this.#parts.arena;
    const { text } = this.#text;
    if (to <= from) return 0;
    const isCut = from > 0 && this.#isOneEnd(u8[text + from - 1], u8[text + from]);
    return this.#indexer.lines(from, to) - (isCut ? 1 : 0);
  }

  /** What `look` finds, with as many bytes as it needs. @throws ERR_FILE_FORMAT when a row is too long */
  #whole(from: number, look: (at: number) => FoundRows): FoundRows {
    for (;;) {
      this.#tellText();
      const found = look(from);
      if (!found.needsMore) return found;
      const rowStart = found.next;
      if (this.#text.bytes - rowStart > MOST_ROW_BYTES) {
        const problem: RowProblem = { kind: 'tooLong', bytes: MOST_ROW_BYTES };
        const row = this.#start.fileRow + found.rows;
        const { path } = this.#text.place.file;
        throw badRowError(
          { file: path, line: 1 + this.#linesBefore(this.#text.base + rowStart), row, problem },
          this.#parts.format.syntax,
        );
      }
      this.#text.grow();
    }
  }

  #range(from: number): RowRange {
    const { bytes, limit, isEof } = this.#text;
    return { from, end: bytes, limit: Math.min(limit, bytes), isEof };
  }

  #tellText(): void {
    this.#indexer.setText(this.#text.text, this.#text.place.file);
  }

  /** Place behind the first line end of the text, -1 when there is none. */
  #lineStart(): number {
    const { u8 } = this.#parts.arena;
    const { text, bytes } = this.#text;
    for (let at = 0; at < bytes; at++) {
      if (this.#indexer.isLineEnd(u8[text + at])) return at + 1;
    }
    return -1;
  }
}

/** Bad values and bad rows of a piece in the order of the file, with numbers that count both. */
function withOrdinals(values: readonly BadValue[], faulty: readonly FaultyRow[], first: number): FaultyRow[] {
  const merged = values.map(({ row, start, problem }): FaultyRow => {
    let ordinal = first + row;
    for (const bad of faulty) if (bad.ordinal <= ordinal) ordinal += 1;
    return { ordinal, start, problem };
  });
  return [...merged, ...faulty].sort((a, b) => a.ordinal - b.ordinal);
}
