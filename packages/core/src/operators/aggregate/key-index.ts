/**
 * Dense numbers for key tuples. Every key column has a table from value to *code*; with several columns, pairs (number so
 * far, next code) get numbers in turn, and the last number is the key's *id*. With one column the code is the id. Null is a
 * value like any other here; it only sorts differently.
 */
import { isBitSet } from '../../batch/bitmap.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { KeyTable } from '../../kernels/key-table.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import type { KeyColumnArea, PacketSizes } from './packet.ts';
import type { KeyPlan } from './state-plan.ts';
import { setBits } from './write-bits.ts';

/** Values of one key column: int64 keys (narrower ones widened, bools 0 and 1) or texts. */
export interface KeyColumn {
  plan: KeyPlan;
  table: KeyTable;
}

export class KeyIndex {
  readonly columns: KeyColumn[];
  /** `pairs[s]` numbers (number after step s, code of column s + 1), as low and high half of an int64. */
  readonly pairs: KeyTable[];
  readonly #kernels: Kernels;
  readonly #workspace: Workspace;
  readonly #codes: GrowingBuffer;
  readonly #wide: GrowingBuffer;
  readonly #entries: GrowingBuffer;

  constructor(keys: readonly KeyPlan[], kernels: Kernels, workspace: Workspace) {
    const table = (isText: boolean): KeyTable =>
      workspace.own(new KeyTable(workspace.arena, kernels, workspace.owner, isText));
    this.#kernels = kernels;
    this.#workspace = workspace;
    this.columns = keys.map((plan) => ({ plan, table: table(plan.value.class === 'text') }));
    this.pairs = keys.slice(1).map(() => table(false));
    this.#codes = workspace.buffer();
    this.#wide = workspace.buffer();
    this.#entries = workspace.buffer();
  }

  /** Ids are below this. */
  get size(): number {
    return (this.pairs.at(-1) ?? (this.columns[0] as KeyColumn).table).size;
  }

  /** Code of column `column` in key `id`. */
  codeOf(id: number, column: number): number {
    const { u32 } = this.#workspace.views;
    let number = id;
    for (let step = this.pairs.length; step > column; step--) {
      number = u32[((this.pairs[step - 1] as KeyTable).keys >>> 2) + 2 * number] as number;
    }
    return column === 0 ? number : (u32[((this.pairs[column - 1] as KeyTable).keys >>> 2) + 2 * number + 1] as number);
  }

  /**
   * Writes the key id (u32) of every row to `ids`. `plans`: where the key columns lie in this batch, and of what type they are, for batches of
   * another stream than the index was made for.
   */
  encode(batch: Batch, ids: Ptr, plans?: readonly KeyPlan[]): void {
    const { rows } = batch;
    for (const [position, { plan: own, table }] of this.columns.entries()) {
      const plan = plans?.[position] ?? own;
      const codes = position === 0 ? ids : this.#codes.reserve(4 * rows);
      this.#encodeColumn(batch.columns[plan.input] as Column, plan, table, rows, codes);
      if (position === 0) continue;
      const wide = this.#wide.reserve(8 * rows);
      this.#kernels.combineIds(ids, codes, rows, wide);
      (this.pairs[position - 1] as KeyTable).encodeInt64(wide, 0, rows, ids);
    }
  }

  /**
   * Writes the ids (u32) of `count` tuples from tuple `from` on, which lie column by column as packets have them, to `ids`.
   */
  encodeTuples(columns: readonly KeyColumnArea[], from: number, count: number, ids: Ptr): void {
    for (const [position, { table }] of this.columns.entries()) {
      const { values, bytes, validity } = columns[position] as KeyColumnArea;
      const codes = position === 0 ? ids : this.#codes.reserve(4 * count);
      const there = validity === 0 || from === 0 ? validity : this.#shiftBits(validity, from, count);
      if (table.isText) table.encodeText(values + 4 * from, bytes, there, count, codes);
      else table.encodeInt64(values + 8 * from, there, count, codes);
      if (position === 0) continue;
      const wide = this.#wide.reserve(8 * count);
      this.#kernels.combineIds(ids, codes, count, wide);
      (this.pairs[position - 1] as KeyTable).encodeInt64(wide, 0, count, ids);
    }
  }

  /** Bits [from, from + count) as a bitmap of their own. */
  #shiftBits(bits: Ptr, from: number, count: number): Ptr {
    const { u8 } = this.#workspace.views;
    const target = this.#entries.reserve((count + 7) >>> 3);
    setBits(u8, target, count, (row) => isBitSet(u8, bits * 8 + from + row));
    return target;
  }

  /** Forgets all keys but those with the given ids (u32, each once): they are numbered in their order, from 0. */
  keep(ids: Ptr, count: number): void {
    const kept: { slab: Ptr; area: KeyColumnArea }[] = [];
    try {
      for (const [column, { table }] of this.columns.entries()) kept.push(this.#copyValues(table, column, ids, count));
      this.shrink();
      const areas = kept.map(({ area }) => area);
      this.encodeTuples(areas, 0, count, ids);
    } finally {
      for (const { slab } of kept) this.#workspace.arena.release(slab);
    }
  }

  /** The values of one key column for the given ids, in a slab of their own. */
  #copyValues(table: KeyTable, column: number, ids: Ptr, count: number): { slab: Ptr; area: KeyColumnArea } {
    const { arena, owner, views } = this.#workspace;
    const { u8, u32 } = views;
    const codes = this.#codes.reserve(4 * count);
    for (let i = 0; i < count; i++) u32[(codes >>> 2) + i] = this.codeOf(u32[(ids >>> 2) + i] as number, column);
    const textBytes = table.isText ? this.#kernels.takeVariableBytes(table.keys, codes, count) : 0;
    const bits = (count + 64) >>> 3;
    const valueBytes = table.isText ? 4 * (count + 1) : 8 * count;
    const slab = arena.alloc(valueBytes + bits + textBytes + 64, owner);
    const validity = slab + valueBytes;
    const bytes = validity + bits;
    if (table.isText) this.#kernels.takeVariable(table.keys, table.bytes, codes, count, slab, bytes);
    else this.#kernels.take(8, table.keys, codes, count, slab);
    const { nullId } = table;
    if (nullId !== undefined) setBits(u8, validity, count, (row) => u32[(codes >>> 2) + row] !== nullId);
    return { slab, area: { codes: count, values: slab, bytes, validity: nullId === undefined ? 0 : validity } };
  }

  /** Forgets all keys: ids begin with 0 again. The room for them stays. */
  clear(): void {
    for (const table of this.tables) table.clear();
  }

  /** As `clear`, and gives their memory back. */
  shrink(): void {
    for (const table of this.tables) table.shrink();
  }

  /** Bytes of the arena that the keys take. */
  get heldBytes(): number {
    return this.tables.reduce((sum, table) => sum + table.heldBytes, 0);
  }

  /** Bytes that they would take at most, with the new ones of a packet. */
  bytesWith({ keyColumns, pairs }: Pick<PacketSizes, 'keyColumns' | 'pairs'>): number {
    const columns = this.columns.map(({ table }, position) => {
      const { codes, textBytes } = keyColumns[position] as PacketSizes['keyColumns'][number];
      return table.bytesWith(codes, textBytes);
    });
    const steps = this.pairs.map((table, step) => table.bytesWith(pairs[step] as number, 0));
    return [...columns, ...steps].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** All of its tables, always in the same order. */
  get tables(): KeyTable[] {
    return [...this.columns.map(({ table }) => table), ...this.pairs];
  }

  #encodeColumn(column: Column, { value }: KeyPlan, table: KeyTable, rows: number, codes: Ptr): void {
    const validity = column.nullCount > 0 ? column.validity : 0;
    if (column.child !== undefined) {
      this.#encodeDictionary(column, column.child, table, rows, codes);
    } else if (value.class === 'text') {
      table.encodeText(column.offsets, column.values, validity, rows, codes);
    } else if (value.byteWidth === 8) {
      table.encodeInt64(column.values, validity, rows, codes);
    } else if (value.kernel === 'i32') {
      table.encodeInt32(column.values, validity, rows, codes);
    } else {
      const wide = this.#wide.reserve(8 * rows);
      if (value.type === 'bool') this.#kernels.castBits(column.values, 'i64', rows, wide);
      else this.#kernels.cast(value.kernel, 'i64', column.values, validity, rows, wide);
      table.encodeInt64(wide, validity, rows, codes);
    }
  }

  /** Each used dictionary entry is hashed once a batch; its rows only copy the code. */
  #encodeDictionary(column: Column, dictionary: Column, table: KeyTable, rows: number, codes: Ptr): void {
    const { u8, i32, u32 } = this.#workspace.views;
    const used = this.#entries.reserve(4 * dictionary.length + 8 * rows + 4);
    const list = used + 4 * dictionary.length;
    u32.fill(0, used >>> 2, list >>> 2);
    const isValid = (row: number): boolean =>
      column.nullCount === 0 || (((u8[column.validity + (row >>> 3)] as number) >>> (row & 7)) & 1) === 1;
    let count = 0;
    for (let row = 0; row < rows; row++) {
      const at = (used >>> 2) + (i32[(column.values >>> 2) + row] as number);
      if (!isValid(row) || u32[at] !== 0) continue;
      u32[(list >>> 2) + count++] = at - (used >>> 2);
      u32[at] = count;
    }
    const found = list + 4 * rows;
    this.#encodeEntries(dictionary, table, list, count, found);
    const nullCode = column.nullCount === 0 ? 0 : this.#nullCode(table);
    for (let row = 0; row < rows; row++) {
      const entry = i32[(column.values >>> 2) + row] as number;
      i32[(codes >>> 2) + row] = isValid(row)
        ? (i32[(found >>> 2) + (u32[(used >>> 2) + entry] as number) - 1] as number)
        : nullCode;
    }
  }

  #encodeEntries(dictionary: Column, table: KeyTable, list: Ptr, count: number, found: Ptr): void {
    const bytes = this.#kernels.takeVariableBytes(dictionary.offsets, list, count);
    const offsets = this.#wide.reserve(4 * (count + 1) + bytes + 64);
    const values = Math.ceil((offsets + 4 * (count + 1)) / 16) * 16;
    this.#kernels.takeVariable(dictionary.offsets, dictionary.values, list, count, offsets, values);
    table.encodeText(offsets, values, 0, count, found);
  }

  #nullCode(table: KeyTable): number {
    if (table.nullId !== undefined) return table.nullId;
    const at = this.#wide.reserve(64);
    this.#workspace.views.u8.fill(0, at, at + 64);
    table.encodeText(at, at, at + 16, 1, at + 32);
    return this.#workspace.views.u32[(at + 32) >>> 2] as number;
  }
}
