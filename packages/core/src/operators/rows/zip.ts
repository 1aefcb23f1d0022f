import type { Batch } from '../../batch/contract.ts';
import { emptyBatch, makeBatch } from '../../batch/make-batch.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { ZipSpec } from '../../plan/steps/specs.ts';
import type { Fields } from '../../schema/types.ts';
import type { SavedPlaces } from '../batch-files.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { HeldRows } from '../join/held-rows.ts';
import { pushAll } from '../outputs.ts';
import type { SavedBatch, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

const DEFAULT_SHARE_BYTES = 64 * 2 ** 20;

/** Rows of one input, in order. */
interface Side {
  waiting: HeldRows;
  batch: Batch | undefined;
  row: number;
  hasEnded: boolean;
}

interface SavedSide {
  waiting: SavedPlaces;
  batch: SavedBatch | undefined;
  row: number;
}

interface SavedZip {
  sides: SavedSide[];
  isOver: boolean;
  openRows: number;
}

/**
 * The first rows of all inputs side by side, then the second ones, and so on, until one input has ended: what others have left is left
 * out. Columns are shared, not copied. Logical inputs are those of the first input.
 *
 * Memory: rows of one input that are ahead of another, beyond the share on disk.
 */
export class Zip implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #fields: Fields;
  readonly #inputs: readonly Fields[];
  readonly #sides: readonly Side[];
  #isOver = false;
  /** Rows that went on since the last end of a logical input. */
  #openRows = 0;

  constructor(spec: ZipSpec, inputs: readonly Fields[], context: OperatorContext) {
    const { arena, owner, spill, name } = context;
    const share = Math.min(spec.memoryLimitBytes ?? Infinity, context.shareBytes ?? DEFAULT_SHARE_BYTES);
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#fields = context.outputFields['out'] as Fields;
    this.#inputs = inputs;
    this.#sides = inputs.map((fields) => ({
      waiting: new HeldRows({ arena, owner, fields, limitBytes: share / 2 / inputs.length, spill, name }),
      batch: undefined,
      row: 0,
      hasEnded: false,
    }));
  }

  push(batch: Batch, input = 0): MaybePromise {
    if (this.#isOver) return batch.release();
    const held = this.#side(input).waiting.append(batch);
    return held instanceof Promise ? held.then(() => this.#goOn()) : this.#goOn();
  }

  endInput(input: number): MaybePromise {
    this.#side(input).hasEnded = true;
    return this.#goOn();
  }

  wants(): number {
    const needed = this.#sides.findIndex(({ batch, hasEnded }) => batch === undefined && !hasEnded);
    return needed >= 0 && !this.#isOver ? needed : this.#sides.findIndex(({ hasEnded }) => !hasEnded);
  }

  async flush(reason: FlushReason): Promise<void> {
    if (reason === 'pressure') for (const { waiting } of this.#sides) await waiting.spill();
  }

  end(): void {}

  held(): HeldState {
    const rows = this.#sides.reduce((sum, { waiting }) => sum + waiting.rows, 0);
    return { inputs: 0, rows, bytes: this.#sides.reduce((sum, { waiting }) => sum + waiting.bytes, 0) };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedZip> {
    const sides: SavedSide[] = [];
    for (const { waiting, batch, row } of this.#sides)
      sides.push({ waiting: await waiting.save(writer), batch: batch && (await writer.batch(batch)), row });
    return { sides, isOver: this.#isOver, openRows: this.#openRows };
  }

  restore({ sides, isOver, openRows }: SavedZip, reader: SnapshotReader): void {
    for (const [index, side] of this.#sides.entries()) {
      const { waiting, batch, row } = sides[index] as SavedSide;
      side.waiting.restore(waiting, reader);
      side.batch = batch && reader.batch(batch, this.#inputs[index] as Fields, this.#context.owner);
      side.row = row;
    }
    this.#isOver = isOver;
    this.#openRows = openRows;
  }

  close(): void {
    for (const side of this.#sides) this.#clear(side);
  }

  #side(input: number): Side {
    return this.#sides[input] as Side;
  }

  #clear(side: Side): void {
    side.batch?.release();
    side.batch = undefined;
    side.waiting.close();
  }

  #goOn(): MaybePromise {
    return pushAll(this.#output, this.#zipped());
  }

  *#zipped(): Generator<Batch, void> {
    while (!this.#isOver) {
      yield* this.#openFirst();
      const [first, ...others] = this.#sides as [Side, ...Side[]];
      if (first.batch === undefined) {
        if (first.hasEnded) yield* this.#finish();
        return;
      }
      for (const side of others) while (side.batch === undefined && this.#open(side)) this.#dropEmpty(side);
      const missing = others.filter(({ batch }) => batch === undefined);
      if (missing.some(({ hasEnded }) => hasEnded)) yield* this.#finish();
      else if (missing.length === 0) yield this.#beside();
      else return;
    }
  }

  /** Takes the next batch of an input to work, if one waits. */
  #open(side: Side): boolean {
    side.batch = side.waiting.take();
    side.row = 0;
    return side.batch !== undefined;
  }

  #dropEmpty(side: Side): void {
    if (side.batch?.rows !== 0) return;
    side.batch.release();
    side.batch = undefined;
  }

  /** Empty inputs of the first side go on in their place. */
  *#openFirst(): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    const first = this.#side(0);
    while (first.batch === undefined && this.#open(first)) {
      const { inputs } = first.batch as unknown as Batch;
      this.#dropEmpty(first);
      if (first.batch !== undefined || inputs === 0) continue;
      this.#openRows = 0;
      yield emptyBatch(arena, owner, this.#fields, inputs);
    }
  }

  /** One input is through: the last logical input may still be open. */
  *#finish(): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    this.#isOver = true;
    for (const side of this.#sides) this.#clear(side);
    if (this.#openRows > 0) yield emptyBatch(arena, owner, this.#fields, 1);
  }

  #beside(): Batch {
    const { arena, owner } = this.#context;
    const rows = Math.min(...this.#sides.map(({ batch, row }) => (batch as Batch).rows - row));
    const first = this.#side(0);
    const isEnd = first.row + rows === (first.batch as Batch).rows;
    const slices: Batch[] = [];
    try {
      for (const { batch, row } of this.#sides) slices.push(sliceBatch(arena, owner, batch as Batch, row, rows, 0));
      const columns = slices.flatMap((slice) => [...slice.columns]);
      const inputs = isEnd ? (first.batch as Batch).inputs : 0;
      this.#openRows = inputs > 0 ? 0 : this.#openRows + rows;
      return makeBatch(arena, owner, this.#fields, columns, rows, inputs);
    } finally {
      for (const slice of slices) slice.release();
      for (const side of this.#sides) {
        side.row += rows;
        if (side.row < (side.batch as Batch).rows) continue;
        side.batch?.release();
        side.batch = undefined;
      }
    }
  }
}
