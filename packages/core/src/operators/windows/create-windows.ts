/**
 * `aggStream` in general: aggregations of bins that follow each other, whose columns kernels compute, go the short way of the `aggregate` folder, all of them together; the
 * others, over whatever windows, are taken in parts, one for each filter. Each part has its own partial states and its own final half; packets of the parts
 * travel over one edge and carry the number of their part.
 */
import type { Batch } from '../../batch/contract.ts';
import { emptyBatch } from '../../batch/make-batch.ts';
import type { ExpressionNode } from '../../expressions/node.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { AggregateSpec } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import { FinalStates } from '../aggregate/final-states.ts';
import { LaneStates, type SavedCounts } from '../aggregate/lane-states.ts';
import type { MaybePromise, OperatorContext } from '../contract.ts';
import { Filter } from '../filter.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { isKernelColumn } from './columns.ts';
import { OutsideCheck } from './outside-check.ts';
import { type Definitions, RowExtras, type RowFeed } from './row-extras.ts';
import { type PartPlan, planParts } from './window-plan.ts';
import { type FinalPart, WindowStates } from './window-states.ts';

/** Byte of a packet's header where the number of its part lies (u32). */
const PART_AT = 36;

/** The states of batches, one packet a part. */
export class PartialParts {
  readonly #parts: PartialPart[];
  readonly #u32: Uint32Array;

  /** `feeds`: told of the rows behind each packet, by part; `namesKeys`: see `LaneStates`. */
  constructor(spec: AggregateSpec, context: OperatorContext, feeds: RowFeed[] = [], namesKeys = false) {
    this.#u32 = new Uint32Array(context.arena.buffer);
    this.#parts = planParts(spec, context.inputFields).map((part) => new PartialPart(part, spec, context, namesKeys));
    feeds.push(...this.#parts.map(({ feed }) => feed));
  }

  /** The packets of one batch, which stays the caller's; the last one ends its logical inputs. */
  *pack(batch: Batch): Generator<Batch, void> {
    for (const [number, part] of this.#parts.entries()) {
      const inputs = number === this.#parts.length - 1 ? batch.inputs : 0;
      for (const packet of part.pack(batch, inputs)) {
        this.#u32[((packet.columns[0]?.values as Ptr) + PART_AT) >>> 2] = number;
        yield packet;
      }
    }
  }

  /** What is kept from one batch to the next, by part: nothing, but where bins are of so many rows. */
  async save(writer: SnapshotWriter): Promise<(SavedCounts | undefined)[]> {
    const saved: (SavedCounts | undefined)[] = [];
    for (const part of this.#parts) saved.push(await part.states.save(writer));
    return saved;
  }

  restore(saved: readonly (SavedCounts | undefined)[], reader: SnapshotReader): void {
    for (const [index, { states }] of this.#parts.entries()) states.restore(saved[index], reader);
  }

  close(): void {
    for (const part of this.#parts) part.close();
  }
}

class PartialPart {
  readonly feed: RowFeed;
  readonly states: LaneStates;
  readonly #filter: RowFilter | undefined;
  readonly #checks: OutsideCheck[];

  constructor({ plan, windows, filter }: PartPlan, spec: AggregateSpec, context: OperatorContext, namesKeys: boolean) {
    this.states = new LaneStates(spec, plan, context, namesKeys, windows === undefined && !namesKeys);
    this.#filter = filter === undefined ? undefined : new RowFilter(filter, context);
    this.#checks = windows === undefined ? [] : OutsideCheck.of(windows, context);
    this.feed = { batch: undefined, from: 0, rows: 0, serial: 0, groups: (root) => this.states.groupsOf(root) };
  }

  *pack(batch: Batch, inputs: number): Generator<Batch, void> {
    const rows = this.#filter?.select(batch);
    try {
      for (const check of this.#checks) check.check(rows ?? batch);
      for (const packet of this.states.pack(rows ?? batch, inputs, batch)) {
        const { lastSlice } = this.states;
        Object.assign(this.feed, { ...lastSlice, batch: rows ?? batch, serial: this.feed.serial + 1 });
        yield packet;
      }
    } finally {
      this.feed.batch = undefined;
      rows?.release();
    }
  }

  close(): void {
    this.states.close();
  }
}

/** The rows of a batch that pass a condition. */
class RowFilter {
  readonly #filter: Filter;
  readonly #context: OperatorContext;
  #passed: Batch | undefined;

  constructor(predicate: ExpressionNode, context: OperatorContext) {
    this.#context = context;
    const output = { push: (batch: Batch): void => void (this.#passed = batch) };
    this.#filter = new Filter(predicate, {
      ...context,
      outputFields: { out: context.inputFields },
      outputs: { out: output },
    });
  }

  /** A batch of the caller's own. */
  select(batch: Batch): Batch {
    this.#passed = undefined;
    this.#filter.push(batch.retain());
    const { arena, owner, inputFields } = this.#context;
    // A piece of an input of which no row passes goes nowhere.
    return this.#passed ?? emptyBatch(arena, owner, inputFields, 0);
  }
}

/** All parts of a final half. */
export class FinalParts implements FinalPart {
  readonly #parts: FinalPart[];
  readonly #u32: Uint32Array;

  /** `feeds`: of the partial half in the same lane, where functions need rows. */
  constructor(
    spec: AggregateSpec,
    context: OperatorContext,
    isCounting: boolean,
    feeds: readonly RowFeed[] = [],
    definitions: Definitions = new Map(),
  ) {
    this.#u32 = new Uint32Array(context.arena.buffer);
    const { inputFields } = context;
    const parts = planParts(spec, inputFields);
    const { shareBytes } = context;
    const share = shareBytes === undefined ? {} : { shareBytes: Math.floor(shareBytes / parts.length) };
    const partContext = { ...context, ...share };
    this.#parts = parts.map(({ plan, windows }, part): FinalPart => {
      if (windows === undefined) return new FinalStates(plan, inputFields, partContext, isCounting);
      return new WindowStates(
        windows,
        inputFields,
        partContext,
        (root, { aggregation: { name, columns } }, workspace) => {
          const feed = feeds[part];
          if (feed === undefined || columns.every(isKernelColumn)) return undefined;
          const outputs = context.outputFields[name] as Fields;
          const isKeyed = plan.keys.length > 0;
          return new RowExtras({
            root,
            columns,
            fields: inputFields,
            outputs,
            feed,
            definitions,
            isKeyed,
            workspace,
            context,
          });
        },
      );
    });
  }

  merge(states: Batch): MaybePromise {
    const number = this.#u32[((states.columns[0]?.values as Ptr) + PART_AT) >>> 2] as number;
    return (this.#parts[number] as FinalPart).merge(states);
  }

  settle(): MaybePromise {
    return inTurn(this.#parts, (part) => part.settle());
  }

  prepare(least: number): MaybePromise {
    return inTurn(this.#parts, (part) => part.prepare(least));
  }

  roll(): void {
    for (const part of this.#parts) part.roll();
  }

  finish(): void {
    for (const part of this.#parts) part.finish();
  }

  mostClosedRows(): number {
    return this.#parts.reduce((most, part) => Math.max(most, part.mostClosedRows()), 0);
  }

  countClosed(): { rows: number; bytes: number } {
    let [rows, bytes] = [0, 0];
    for (const part of this.#parts) {
      const closed = part.countClosed();
      rows += closed.rows;
      bytes += closed.bytes;
    }
    return { rows, bytes };
  }

  heldRows(): number {
    return this.#parts.reduce((sum, part) => sum + part.heldRows(), 0);
  }

  get isShort(): boolean {
    return this.#parts.some(({ isShort }) => isShort);
  }

  heldBytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.heldBytes(), 0);
  }

  *emit(least: number): ReturnType<FinalPart['emit']> {
    for (const part of this.#parts) yield* part.emit(least);
  }

  get canSave(): boolean {
    return this.#parts.every((part) => part.canSave);
  }

  async save(writer: SnapshotWriter): Promise<unknown[]> {
    const saved: unknown[] = [];
    for (const part of this.#parts) saved.push(await part.save(writer));
    return saved;
  }

  restore(saved: readonly unknown[], reader: SnapshotReader): void {
    for (const [index, part] of this.#parts.entries()) part.restore(saved[index] as never, reader);
  }

  close(): void {
    for (const part of this.#parts) part.close();
  }
}

/** One after the other, waiting only where one asks for it. */
function inTurn(parts: readonly FinalPart[], call: (part: FinalPart) => MaybePromise): MaybePromise {
  for (const [index, part] of parts.entries()) {
    const wait = call(part);
    if (wait !== undefined) return wait.then(() => inTurn(parts.slice(index + 1), call));
  }
}
