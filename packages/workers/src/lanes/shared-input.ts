/** Splits of a table in shared memory: lanes claim batch after batch; the order is checked against the row before. */
import type { Fields } from '@spillway/core';
import { openBatch } from '@spillway/core/base';
import { disorderError, OrderCheck, orderedValue, parseType } from '@spillway/core/data';
import type { Arena, Batch, Column, Kernels, Ptr } from '@spillway/core/internal';
import type { SourceGate } from '../channels/source-gate.ts';
import type { LaneInput } from './lane-loop.ts';
import type { Morsel } from './morsel.ts';
import type { SplitSource } from './protocol.ts';

export interface SharedInputParts {
  arena: Arena;
  kernels: Kernels;
  source: Extract<SplitSource, { type: 'shared' }>;
  fields: Fields;
  /** By which batches are claimed. */
  gate: SourceGate;
  /** Descriptors of the table's batches. */
  batches: readonly Ptr[];
}

export class SharedInput implements LaneInput {
  readonly edge = -1;
  readonly #parts: SharedInputParts;
  readonly #verifies: boolean;

  constructor(parts: SharedInputParts) {
    this.#parts = parts;
    parts.gate.setTotal(parts.batches.length);
    this.#verifies = parts.source.orderedOn !== undefined && !parts.source.orderTrusted;
  }

  next(): Morsel | undefined | Promise<Morsel | undefined> {
    const { gate } = this.#parts;
    const sequence = gate.claim();
    const passed = gate.pass(sequence) ?? (sequence < this.total() ? undefined : gate.end());
    if (passed === undefined) return this.#take(sequence);
    return passed.then(() => (sequence < this.total() ? this.#take(sequence) : this.#end()));
  }

  done(): void {
    this.#parts.gate.countDone();
  }

  async #end(): Promise<undefined> {
    await this.#parts.gate.end();
  }

  #take(sequence: number): Morsel | undefined {
    const descriptor = this.#parts.batches[sequence];
    if (descriptor === undefined) return undefined;
    if (this.#parts.gate.isEnough()) return { sequence, batches: [] };
    const batch = this.#open(descriptor);
    try {
      if (this.#verifies) this.#verify(batch, sequence);
    } catch (error) {
      batch.release();
      throw error;
    }
    return { sequence, batches: [batch] };
  }

  total(): number {
    return this.#parts.batches.length;
  }

  close(): void {}

  /** A handle with a reference of its own: the table keeps its batches. */
  #open(descriptor: Ptr): Batch {
    const { arena, fields } = this.#parts;
    const batch = openBatch(arena, descriptor, fields);
    batch.retain();
    return batch;
  }

  /** @throws ERR_INPUT_UNORDERED naming the row and both values */
  #verify(batch: Batch, sequence: number): void {
    const { arena, kernels, source } = this.#parts;
    const column = batch.column(source.orderedOn as string);
    const type = kernelTypeOf(column);
    const firstRow = sequence * source.batchRows;
    const before = this.#valueBefore(sequence);
    if (type === undefined || column.nullCount > 0) {
      if (before !== undefined) compareFirst(arena, source.orderedOn as string, column, firstRow, before);
      new OrderCheck(arena, source.orderedOn as string, column.type).check(column, firstRow);
      return;
    }
    const disorder = kernels.firstUnordered(type, column.values, column.length, before as bigint | number | undefined);
    if (disorder < 0) return;
    const previous = disorder === 0 ? before : orderedValue(arena, column, disorder - 1);
    const at = { row: firstRow + disorder, column: source.orderedOn as string, type: column.type };
    throw disorderError(at, previous ?? 0, orderedValue(arena, column, disorder));
  }

  /** The last value of the batch before, which lies in memory as well. */
  #valueBefore(sequence: number): ReturnType<typeof orderedValue> | undefined {
    const { arena, fields, batches, source } = this.#parts;
    const descriptor = sequence === 0 ? undefined : batches[sequence - 1];
    if (descriptor === undefined) return undefined;
    const column = openBatch(arena, descriptor, fields).column(source.orderedOn as string);
    return column.length === 0 ? undefined : orderedValue(arena, column, column.length - 1);
  }
}

function compareFirst(
  arena: Arena,
  name: string,
  column: Column,
  firstRow: number,
  before: ReturnType<typeof orderedValue>,
): void {
  const check = new OrderCheck(arena, name, column.type);
  check.last = before;
  check.check(column, firstRow);
}

/** Types that the order kernel takes; the others are checked in plain JavaScript. */
function kernelTypeOf(column: Column): 'i32' | 'i64' | 'u32' | 'u64' | 'f64' | undefined {
  const { domain, byteWidth } = parseType(column.type);
  if (column.type === 'float64') return 'f64';
  if (domain === 'uint') return byteWidth === 8 ? 'u64' : byteWidth === 4 ? 'u32' : undefined;
  if (domain === 'int' || domain === 'temporal') return byteWidth === 8 ? 'i64' : byteWidth === 4 ? 'i32' : undefined;
  return undefined;
}
