import type { Batch, Column } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import { columnReader } from '../../batch/read-values.ts';
import { rowsToBatch } from '../../batch/rows-to-batch.ts';
import type { RollingSpec } from '../../plan/steps/specs.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import { Workspace } from '../aggregate/arena-views.ts';
import { unitNsOf } from '../aggregate/value-type.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { JoinInput, type SavedInput } from '../join/join-input.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { type RollingValue, rollingValue } from './rolling-values.ts';
import { keyReader, positionsOf } from './row-keys.ts';

/** The rows of one key that are in its window. */
interface Window {
  functions: RollingValue[];
  /** By column, the rows from `head` on. */
  values: unknown[][];
  times: bigint[];
  head: number;
  rows: number;
}

/** A window as plain data. */
interface SavedRows {
  key: string;
  functions: unknown[];
  values: unknown[][];
  times: bigint[];
  rows: number;
}

interface SavedRolling {
  windows: SavedList;
  clock: SavedInput | undefined;
}

/**
 * Columns with aggregates over the rows of a window that ends with each row. Holds the values of a window's columns for each key; over all
 * rows, only what the functions need.
 */
export class Rolling implements Operator {
  readonly #spec: RollingSpec;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #added: Fields;
  readonly #positions: readonly number[];
  readonly #keys: readonly number[] | undefined;
  readonly #workspace: Workspace;
  readonly #clock: JoinInput | undefined;
  readonly #period: bigint;
  readonly #windows: Map<string, Window> = new Map();
  #rows = 0;

  constructor(spec: RollingSpec, context: OperatorContext) {
    const { inputFields } = context;
    this.#spec = spec;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#added = (context.outputFields['out'] as Fields).slice(inputFields.length);
    this.#positions = spec.columns.map(({ column }) => inputFields.findIndex((field) => field.name === column));
    this.#keys = spec.by.length === 0 ? undefined : positionsOf(inputFields, spec.by);
    this.#workspace = new Workspace(context.arena, context.owner);
    const { on, period } = spec;
    this.#clock =
      on === undefined
        ? undefined
        : new JoinInput({ name: context.name, on, by: [] }, inputFields, undefined, context, this.#workspace);
    const type = inputFields.find((field) => field.name === on)?.type ?? 'int64';
    this.#period = period === undefined ? 0n : periodSteps(period, type);
  }

  push(batch: Batch): MaybePromise {
    let result: Batch;
    try {
      result = this.#roll(batch);
    } finally {
      batch.release();
    }
    return this.#output.push(result);
  }

  #roll(batch: Batch): Batch {
    const { arena, owner } = this.#context;
    const results = this.#results(batch);
    const values = Object.fromEntries(this.#added.map(({ name }, index) => [name, results[index] as unknown[]]));
    const added = rowsToBatch(arena, owner, this.#added, values, 0);
    try {
      const fields = this.#context.outputFields['out'] as Fields;
      return makeBatch(arena, owner, fields, [...batch.columns, ...added.columns], batch.rows, batch.inputs);
    } finally {
      added.release();
    }
  }

  #results(batch: Batch): unknown[][] {
    const { arena } = this.#context;
    const { minRows, isOwn } = this.#spec;
    const results: unknown[][] = this.#added.map(() => []);
    if (batch.rows === 0) return results;
    this.#clock?.prepare(batch);
    const times =
      this.#clock === undefined ? undefined : new BigInt64Array(arena.buffer, this.#clock.times, batch.rows);
    const keyOf = this.#keys === undefined ? () => '' : keyReader(arena, batch, this.#keys);
    const readers = this.#positions.map((position) =>
      position < 0 ? () => true : columnReader(arena, batch.columns[position] as Column),
    );
    const own = isOwn === undefined ? -1 : batch.fields.findIndex(({ name }) => name === isOwn);
    const readOwn = own < 0 ? () => 1 : columnReader(arena, batch.columns[own] as Column);
    for (let row = 0; row < batch.rows; row++) {
      const window = this.#windowOf(keyOf(row));
      this.#enter(window, readers, row, times?.[row]);
      const hasResults = window.rows >= minRows && readOwn(row) !== 0;
      window.functions.forEach((value, index) => {
        results[index]?.push(hasResults ? value.result() : null);
      });
    }
    return results;
  }

  #windowOf(key: string): Window {
    let window = this.#windows.get(key);
    if (window === undefined) {
      const { inputFields } = this.#context;
      const functions = this.#spec.columns.map((column, index) => {
        const type = inputFields[this.#positions[index] as number]?.type ?? 'int64';
        return rollingValue(column, type);
      });
      window = { functions, values: functions.map(() => []), times: [], head: 0, rows: 0 };
      this.#windows.set(key, window);
    }
    return window;
  }

  #enter(window: Window, readers: readonly ((row: number) => unknown)[], row: number, time: bigint | undefined): void {
    const { rows: size, period } = this.#spec;
    const isBounded = size !== undefined || period !== undefined;
    window.functions.forEach((rolling, index) => {
      const value = readers[index]?.(row) ?? null;
      if (value !== null) rolling.add(value);
      if (isBounded) window.values[index]?.push(value);
    });
    if (time !== undefined) window.times.push(time);
    window.rows += 1;
    this.#rows += 1;
    if (size !== undefined && window.rows > size) this.#leave(window);
    while (time !== undefined && (window.times[window.head] as bigint) <= time - this.#period) this.#leave(window);
  }

  #leave(window: Window): void {
    const at = window.head++;
    window.functions.forEach((rolling, index) => {
      const value = window.values[index]?.[at];
      if (value !== null) rolling.remove(value);
    });
    window.rows -= 1;
    this.#rows -= 1;
    if (window.head < 64 || 2 * window.head < window.head + window.rows) return;
    window.values = window.values.map((values) => values.slice(window.head));
    window.times = window.times.slice(window.head);
    window.head = 0;
  }

  flush(): void {}

  end(): void {}

  held(): HeldState {
    return { inputs: 0, rows: this.#rows, bytes: 8 * this.#rows * this.#added.length };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedRolling> {
    return { windows: await writer.list(this.#saved()), clock: this.#clock?.save() };
  }

  *#saved(): Generator<SavedRows, void> {
    for (const [key, { functions, values, times, head, rows }] of this.#windows)
      yield {
        key,
        functions: functions.map((rolling) => rolling.save()),
        values: values.map((column) => column.slice(head)),
        times: times.slice(head),
        rows,
      };
  }

  restore({ windows, clock }: SavedRolling, reader: SnapshotReader): void {
    if (clock !== undefined) this.#clock?.restore(clock);
    for (const { key, functions, values, times, rows } of reader.list<SavedRows>(windows)) {
      const window = this.#windowOf(key);
      for (const [index, rolling] of window.functions.entries()) rolling.restore(functions[index] as never);
      Object.assign(window, { values, times, rows });
      this.#rows += rows;
    }
  }

  close(): void {
    this.#windows.clear();
    this.#workspace.close();
  }
}

/** A period in steps of a column: of plain numbers it is one as it stands. */
export function periodSteps({ ns, text }: NonNullable<RollingSpec['period']>, type: TypeText): bigint {
  return /^u?int/.test(type) ? BigInt(text) : BigInt(ns) / (unitNsOf(type) ?? 1n);
}
