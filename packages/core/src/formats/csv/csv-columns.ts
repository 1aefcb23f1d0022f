/**
 * Fields of CSV text, by their places, as the columns of a batch. A value that is none of its column's type makes the row bad: it
 * is left out of the batch, and told. Nothing is read twice unless a row is bad.
 */
import { allocBatch, type BatchDraft, type DraftColumn } from '../../batch/alloc-batch.ts';
import type { Batch } from '../../batch/contract.ts';
import { instantiateKernels } from '../../kernels/compiled-kernels.ts';
import { type CsvKernels, csvKernels } from '../../kernels/csv-kernels.ts';
import { CONVERT, NO_QUOTE, VALUE_KIND, VALUE_STATUS } from '../../kernels/csv-layout.ts';
import { JSON_TEXT_MARK } from '../../kernels/json-layout.ts';
import { KeyTable } from '../../kernels/key-table.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';
import { TABLE_BYTES } from './chunk-sizes.ts';
import { type ColumnPlan, planColumn } from './column-plan.ts';
import type { RowProblem } from './csv-error.ts';
import type { TextFormat } from './csv-format.ts';
import { exactUtc } from './local-time.ts';
import { writeTables } from './value-tables.ts';

type ValueProblem = Extract<RowProblem, { kind: 'value' }>;

/** A row whose value is none, by its number among the rows of the call. */
export interface BadValue {
  row: number;
  /** Where the row starts in the text. */
  start: number;
  problem: ValueProblem;
}

/** Bytes that the kernel may write behind the texts of a column. */
const TEXT_SLACK = 16;

const WHY: Record<number, ValueProblem['why']> = {
  [VALUE_STATUS.noValue]: 'noValue',
  [VALUE_STATUS.outOfRange]: 'outOfRange',
  [VALUE_STATUS.tooFine]: 'tooFine',
};

/** Texts that are also values have to be asked for before the value is read. */
const LIKE_A_VALUE = /^[+\-.\d]|^(nan|inf|infinity|t|f|y|n|true|false|yes|no)$/i;

export class CsvColumns {
  readonly #arena: Arena;
  readonly #kernels: CsvKernels;
  readonly #owner: number;
  readonly #fields: Fields;
  readonly #block: Ptr;
  readonly #view: DataView;
  readonly #plans: ColumnPlan[];
  readonly #quote: string;
  readonly #isCsv: boolean;
  #stride = 0;
  #text: Ptr = 0;
  /** Field of each column. */
  #fieldIndex: readonly number[] = [];

  /** @param scratch `columnsBytes` of memory that stays the caller's */
  constructor(arena: Arena, owner: number, scratch: Ptr, fields: Fields, format: TextFormat) {
    this.#arena = arena;
    this.#kernels = csvKernels(arena);
    this.#owner = owner;
    this.#fields = fields;
    this.#quote = format.syntax === 'csv' ? format.quote : String.fromCharCode(JSON_TEXT_MARK);
    this.#isCsv = format.syntax === 'csv';
    this.#block = scratch;
    this.#view = new DataView(arena.buffer, scratch, CONVERT.bytes);
    const tables = writeTables(arena, scratch + CONVERT.bytes);
    this.#set(CONVERT.powers, tables.powers);
    this.#set(CONVERT.widePowers, tables.widePowers);
    this.#set(CONVERT.quote, this.#quote === '' ? NO_QUOTE : this.#quote.charCodeAt(0));
    let next = scratch + CONVERT.bytes + TABLE_BYTES;
    const place = (bytes: Uint8Array): Ptr => {
      arena.u8.set(bytes, next);
      const at = next;
      next += 8 * Math.ceil(bytes.length / 8);
      return at;
    };
    this.#set(CONVERT.nulls, format.nulls.length === 0 ? 0 : place(listOf(format.nulls)));
    this.#set(CONVERT.nullsFirst, format.nulls.some((text) => LIKE_A_VALUE.test(text)) ? 1 : 0);
    this.#plans = fields.map((field) => planColumn(field, format, place));
  }

  /** Tells where the text lies, how wide its rows are and which fields the columns are. */
  setText(text: Ptr, width: number, fieldIndex: readonly number[]): void {
    this.#text = text;
    this.#stride = 4 * (width + 1);
    this.#fieldIndex = fieldIndex;
    this.#set(CONVERT.text, text);
    this.#set(CONVERT.stride, this.#stride);
  }

  /**
   * A batch of the rows whose places begin at `entries`. Rows with values that are none are put on `bad`, and left out; the places
   * behind them move up.
   * @throws ERR_MEMORY_EXHAUSTED
   */
  read(entries: Ptr, rows: number, inputs: number, bad: BadValue[]): Batch {
    this.#set(CONVERT.entries, entries);
    const found: BadValue[] = [];
    let draft = this.#convert(rows, found);
    let good = rows;
    if (found.length > 0) {
      releaseDraft(this.#arena, draft);
      const left = new Set(found.map(({ row }) => row));
      good = this.#leaveOut(entries, rows, left);
      bad.push(...found.sort((a, b) => a.row - b.row).filter(({ row }, at) => row !== found[at - 1]?.row));
      draft = this.#convert(good, []);
    }
    const children = new Set(draft.columns.flatMap((column) => column.child?.slabs ?? []));
    const batch = draft.finish(good, inputs);
    for (const slab of children) this.#arena.release(slab); // the batch holds them
    return batch;
  }

  #convert(rows: number, bad: BadValue[]): BatchDraft {
    this.#set(CONVERT.rows, rows);
    const variableBytes = this.#plans.map(({ type }, index) =>
      type.physical === 'variable' ? this.#textBytes(index) : undefined,
    );
    const validity = this.#plans.map(() => true);
    const draft = allocBatch(this.#arena, this.#owner, this.#fields, rows, { variableBytes, validity });
    try {
      for (const [index, plan] of this.#plans.entries()) {
        const column = draft.columns[index] as DraftColumn;
        fillValidity(this.#arena, column.validity, rows);
        this.#set(CONVERT.nullCount, 0);
        if (plan.kind === undefined) this.#texts(index, column, rows);
        else this.#values(plan, plan.kind, index, column, rows, bad);
        column.nullCount = this.#get(CONVERT.nullCount);
      }
    } catch (error) {
      releaseDraft(this.#arena, draft);
      throw error;
    }
    return draft;
  }

  #textBytes(index: number): number {
    return this.#kernels.csvTextBytes(this.#block, this.#fieldIndex[index] as number) + TEXT_SLACK;
  }

  #texts(index: number, column: DraftColumn, rows: number): void {
    const field = this.#fieldIndex[index] as number;
    if (column.type === 'utf8') {
      this.#kernels.csvTexts(this.#block, field, column.offsets, column.values, column.validity);
      return;
    }
    const arena = this.#arena;
    const offsetBytes = 64 * Math.ceil((4 * (rows + 1)) / 64);
    const texts = arena.alloc(offsetBytes + this.#textBytes(index), this.#owner);
    const table = new KeyTable(arena, instantiateKernels(arena), this.#owner, true);
    try {
      this.#kernels.csvTexts(this.#block, field, texts, texts + offsetBytes, column.validity);
      table.encodeText(texts, texts + offsetBytes, 0, rows, column.values);
      column.child = dictionaryOf(arena, this.#owner, table);
    } finally {
      table.release();
      arena.release(texts);
    }
  }

  #values(plan: ColumnPlan, kind: number, index: number, column: DraftColumn, rows: number, bad: BadValue[]): void {
    const arena = this.#arena;
    const isDate64 = plan.type.text === 'date64';
    if (kind === VALUE_KIND.bool) arena.u8.fill(0, column.values, column.values + Math.ceil(rows / 8));
    this.#set(CONVERT.digits, plan.digits);
    this.#set(CONVERT.moreDigits, plan.moreDigits);
    this.#set(CONVERT.format, plan.format);
    const named = plan.zone === undefined ? 0 : arena.alloc(Math.ceil(rows / 8), this.#owner);
    if (named !== 0) arena.u8.fill(0, named, named + Math.ceil(rows / 8));
    this.#set(CONVERT.offsets, named);
    try {
      this.#run(plan, kind, index, column, rows, bad);
      if (isDate64) daysToMilliseconds(arena, column.values, rows);
      if (named !== 0) this.#toUtc(plan, index, column, rows, named, bad);
    } finally {
      if (named !== 0) arena.release(named);
    }
  }

  #run(plan: ColumnPlan, kind: number, index: number, column: DraftColumn, rows: number, bad: BadValue[]): void {
    const field = this.#fieldIndex[index] as number;
    for (let row = 0; row < rows; row++) {
      row = this.#kernels.csvValues(this.#block, kind, field, row, column.values, column.validity);
      if (row >= rows) return;
      const status = this.#get(CONVERT.status);
      if (status === VALUE_STATUS.ask) this.#writeDouble(plan, column, row, Number(this.#textOf(row, field)));
      else bad.push(this.#badValue(plan, field, row, WHY[status] ?? 'noValue'));
    }
  }

  #badValue(plan: ColumnPlan, field: number, row: number, why: ValueProblem['why']): BadValue {
    const { name: column, type } = plan.field;
    const place = (this.#get(CONVERT.entries) + row * this.#stride) >>> 2;
    const { i32 } = this.#arena;
    // Of lines of JSON the last place tells it: the others are places among the values.
    const start = this.#isCsv ? (i32[place] as number) + 1 : (i32[place + this.#stride / 4 - 1] as number);
    return { row, start, problem: { kind: 'value', column, type, text: this.#textOf(row, field), why } };
  }

  #writeDouble({ type }: ColumnPlan, column: DraftColumn, row: number, value: number): void {
    const view = new DataView(this.#arena.buffer, column.values + row * type.byteWidth, type.byteWidth);
    if (type.byteWidth === 4) view.setFloat32(0, value, true);
    else view.setFloat64(0, value, true);
  }

  /** Local times as instants. */
  #toUtc(plan: ColumnPlan, index: number, column: DraftColumn, rows: number, named: Ptr, bad: BadValue[]): void {
    const { u8 } = this.#arena;
    const zone = plan.zone as NonNullable<ColumnPlan['zone']>;
    const values = this.#arena.int64At(column.values, rows);
    const unit = 10n ** BigInt(plan.digits);
    const isSet = (bitmap: Ptr, row: number): boolean => (((u8[bitmap + (row >> 3)] as number) >> (row & 7)) & 1) !== 0;
    for (let row = 0; row < rows; row++) {
      if (!isSet(column.validity, row) || isSet(named, row)) continue;
      const value = values[row] as bigint;
      const part = ((value % unit) + unit) % unit;
      const utc = exactUtc(zone, Number((value - part) / unit));
      if (utc !== undefined) values[row] = BigInt(utc) * unit + part;
      else if (!bad.some((known) => known.row === row))
        bad.push(this.#badValue(plan, this.#fieldIndex[index] as number, row, 'local'));
    }
  }

  #textOf(row: number, field: number): string {
    const at = (this.#get(CONVERT.entries) + row * this.#stride + 4 * field) >>> 2;
    const [before, to] = [this.#arena.i32[at] as number, this.#arena.i32[at + 1] as number];
    const text = Buffer.from(this.#arena.u8.slice(this.#text + before + 1, this.#text + to)).toString('utf8');
    return this.#quote !== '' && text.startsWith(this.#quote) ? text.slice(1, -1) : text;
  }

  #leaveOut(entries: Ptr, rows: number, left: ReadonlySet<number>): number {
    let good = 0;
    for (let row = 0; row < rows; row++) {
      if (left.has(row)) continue;
      const from = entries + row * this.#stride;
      if (good !== row) this.#arena.u8.copyWithin(entries + good * this.#stride, from, from + this.#stride);
      good += 1;
    }
    return good;
  }

  #set(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  #get(offset: number): number {
    return this.#view.getUint32(offset, true);
  }
}

/** A count, then length and bytes of each. */
function listOf(texts: readonly string[]): Uint8Array {
  const word = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const encoded = texts.map((text) => Buffer.from(text));
  return Buffer.concat([word(texts.length), ...encoded.flatMap((text) => [word(text.length), text])]);
}

function releaseDraft(arena: Arena, draft: BatchDraft): void {
  for (const slab of new Set(draft.columns.flatMap((column) => column.child?.slabs ?? []))) arena.release(slab);
  draft.discard();
}

/** All ones, and zeros behind the last row. */
function fillValidity(arena: Arena, validity: Ptr, rows: number): void {
  const whole = rows >> 3;
  arena.u8.fill(0xff, validity, validity + whole);
  if ((rows & 7) !== 0) arena.u8[validity + whole] = (1 << (rows & 7)) - 1;
}

/** Days (int32) as milliseconds (int64), in place: from the last row on, because they grow. */
function daysToMilliseconds(arena: Arena, values: Ptr, rows: number): void {
  const days = arena.int32At(values, rows);
  const milliseconds = arena.int64At(values, rows);
  for (let row = rows - 1; row >= 0; row--) milliseconds[row] = BigInt(days[row] as number) * 86_400_000n;
}

/** The keys of a table as a column of its own slab, which the caller holds. */
function dictionaryOf(arena: Arena, owner: number, table: KeyTable): NonNullable<DraftColumn['child']> {
  const { size } = table;
  const offsetBytes = 64 * Math.ceil((4 * (size + 1)) / 64);
  const keys = arena.int32At(table.keys, size + 1);
  const valueBytes = keys[size] as number;
  const slab = arena.alloc(offsetBytes + valueBytes, owner);
  arena.int32At(slab, size + 1).set(keys);
  arena.u8.copyWithin(slab + offsetBytes, table.bytes, table.bytes + valueBytes);
  return {
    type: 'utf8',
    length: size,
    nullCount: 0,
    validity: 0,
    values: slab + offsetBytes,
    valueBytes,
    offsets: slab,
    child: undefined,
    slabs: [slab],
  };
}
