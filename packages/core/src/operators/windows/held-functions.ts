/** Functions that hold words in the arena: the values themselves, what was different among them, or a sketch. */
import type { Batch, Column } from '../../batch/contract.ts';
import { columnReader } from '../../batch/read-values.ts';
import { QuantileBuckets, quantileOf, rankOf } from '../../kernels/quantiles.ts';
import {
  estimateUnique,
  hashBytes,
  hashWords,
  registerOf,
  type WideHash,
  zerosOf,
} from '../../kernels/unique-sketch.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { AggregateColumn } from '../../plan/logical.ts';
import type { GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import { readTexts } from '../aggregate/column-reader.ts';
import { KeyIndex } from '../aggregate/key-index.ts';
import { restoreKeys, type SavedKeys, saveKeys } from '../aggregate/saved-keys.ts';
import type { KeyPlan } from '../aggregate/state-plan.ts';
import { isFloat } from '../aggregate/value-type.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { addUp, HeldWords, keepDifferent, keepGreatest, type Reduce, type SavedWords } from './held-words.ts';
import { selectRank } from './select-rank.ts';
import type { SlotFunction } from './slot-function.ts';

abstract class HeldFunction implements SlotFunction {
  readonly canSave = true;
  protected readonly words: HeldWords;
  protected readonly workspace: Workspace;
  protected readonly input: KeyPlan;

  constructor(input: KeyPlan, workspace: Workspace, reduce: Reduce | undefined) {
    this.input = input;
    this.workspace = workspace;
    this.words = new HeldWords(workspace, reduce);
  }

  abstract begin(batch: Batch): (row: number, slot: number) => void;
  abstract finish(slot: number): unknown;

  grow(slots: number): void {
    this.words.grow(slots);
  }

  copy(from: number, to: number): void {
    this.words.copy(from, to);
  }

  move(map: Int32Array, slots: number): void {
    this.words.move(map, slots);
  }

  held(): { bytes: number; heap: number } {
    return { bytes: this.words.bytes, heap: 0 };
  }

  save(writer: SnapshotWriter): Promise<unknown> {
    return this.words.save(writer);
  }

  restore(saved: unknown, reader: SnapshotReader): void {
    this.words.restore(saved as SavedWords, reader);
  }

  /** Values of the column as the numbers nearest to them. */
  protected numbers(batch: Batch): (row: number) => number | undefined {
    const read = columnReader(this.workspace.arena, batch.columns[this.input.input] as Column);
    return (row) => {
      const value = read(row);
      return value === null ? undefined : Number(value);
    };
  }
}

const bits = new DataView(new ArrayBuffer(8));

/** `median` and `quantile`: every value, as a double. */
export class HeldQuantile extends HeldFunction {
  readonly #q: number;
  readonly #interpolation: NonNullable<AggregateColumn['interpolation']>;

  constructor({ quantile = 0.5, interpolation = 'linear' }: AggregateColumn, input: KeyPlan, workspace: Workspace) {
    super(input, workspace, undefined);
    this.#q = quantile;
    this.#interpolation = interpolation;
  }

  begin(batch: Batch): (row: number, slot: number) => void {
    const numbers = this.numbers(batch);
    return (row, slot) => {
      const value = numbers(row);
      if (value === undefined) return;
      bits.setFloat64(0, value, true);
      this.words.add(slot, bits.getUint32(0, true), bits.getUint32(4, true));
    };
  }

  finish(slot: number): number | null {
    const count = this.words.count(slot);
    if (count === 0) return null;
    const from = this.words.gather(slot) / 8;
    const { f64 } = this.workspace.views;
    return quantileOf(this.#q, this.#interpolation, count, (rank) => selectRank(f64, from, count, rank));
  }
}

/** `quantileApprox`: counts of buckets. */
export class SketchedQuantile extends HeldFunction {
  readonly #q: number;
  readonly #buckets: QuantileBuckets;

  constructor({ quantile = 0.5, relativeError = 0.01 }: AggregateColumn, input: KeyPlan, workspace: Workspace) {
    super(input, workspace, addUp);
    this.#q = quantile;
    this.#buckets = new QuantileBuckets(relativeError);
  }

  begin(batch: Batch): (row: number, slot: number) => void {
    const numbers = this.numbers(batch);
    return (row, slot) => {
      const value = numbers(row);
      // Buckets in order of their values: below 0 there are as many as above.
      if (value !== undefined) this.words.add(slot, 1, this.#buckets.bucketOf(value) + 2 ** 31);
    };
  }

  finish(slot: number): number | null {
    if (this.words.count(slot) === 0) return null;
    const { words: at, count } = this.words.reduce(slot);
    const { u32 } = this.workspace.views;
    const wordAt = (index: number): number => (at >>> 2) + 2 * index;
    let total = 0;
    for (let index = 0; index < count; index++) total += u32[wordAt(index)] as number;
    let left = rankOf(this.#q, total);
    let index = 0;
    while (left >= (u32[wordAt(index)] as number)) left -= u32[wordAt(index++)] as number;
    return this.#buckets.valueOf((u32[wordAt(index) + 1] as number) - 2 ** 31);
  }
}

/** What makes words of the values of a column: equal words for equal values. */
class WordsOf {
  readonly #input: KeyPlan;
  readonly #workspace: Workspace;
  readonly #texts: KeyIndex | undefined;
  readonly #codes: GrowingBuffer;

  constructor(input: KeyPlan, kernels: Kernels, workspace: Workspace, numbersTexts: boolean) {
    this.#input = input;
    this.#workspace = workspace;
    const isText = input.value.class === 'text';
    this.#texts = isText && numbersTexts ? new KeyIndex([input], kernels, workspace) : undefined;
    this.#codes = workspace.buffer();
  }

  /** Numbers that texts have been given. */
  async save(writer: SnapshotWriter): Promise<SavedKeys | undefined> {
    return this.#texts && saveKeys(this.#texts, this.#workspace, writer);
  }

  restore(saved: SavedKeys | undefined, reader: SnapshotReader): void {
    if (this.#texts !== undefined && saved !== undefined) restoreKeys(this.#texts, saved, this.#workspace, reader);
  }

  /** Gives a function that puts the words of a row's value into `into`; false for null. */
  reader(batch: Batch, into: WideHash): (row: number) => boolean {
    const column = batch.columns[this.#input.input] as Column;
    const { arena, views } = this.#workspace;
    if (this.#texts !== undefined) {
      const codes = this.#codes.reserve(4 * batch.rows) >>> 2;
      this.#texts.encode(batch, 4 * codes);
      const texts = readTexts(column, views);
      return (row) => {
        into.high = 0;
        into.low = views.u32[codes + row] as number;
        return texts.isValid(row);
      };
    }
    const read = columnReader(arena, column);
    const isDouble = isFloat(this.#input.value.kernel);
    return (row) => {
      const value = read(row);
      if (value === null) return false;
      if (isDouble) bits.setFloat64(0, Number.isNaN(value) ? NaN : (value as number) === 0 ? 0 : (value as number));
      else bits.setBigInt64(0, BigInt.asIntN(64, BigInt(value as bigint | number | boolean)));
      into.high = bits.getUint32(0);
      into.low = bits.getUint32(4);
      return true;
    };
  }
}

interface SavedUnique {
  words: unknown;
  texts: SavedKeys | undefined;
}

/** `nUnique`: all different values; of texts, the numbers that they have been given. */
export class HeldUnique extends HeldFunction {
  readonly #wordsOf: WordsOf;

  constructor(input: KeyPlan, kernels: Kernels, workspace: Workspace) {
    super(input, workspace, keepDifferent);
    this.#wordsOf = new WordsOf(input, kernels, workspace, true);
  }

  begin(batch: Batch): (row: number, slot: number) => void {
    const word = { high: 0, low: 0 };
    const read = this.#wordsOf.reader(batch, word);
    return (row, slot) => {
      if (read(row)) this.words.add(slot, word.low, word.high);
    };
  }

  finish(slot: number): number {
    return this.words.count(slot) === 0 ? 0 : this.words.reduce(slot).count;
  }

  override async save(writer: SnapshotWriter): Promise<SavedUnique> {
    return { words: await super.save(writer), texts: await this.#wordsOf.save(writer) };
  }

  override restore({ words, texts }: SavedUnique, reader: SnapshotReader): void {
    super.restore(words, reader);
    this.#wordsOf.restore(texts, reader);
  }
}

/** `nUniqueApprox`: registers that hold something. */
export class SketchedUnique extends HeldFunction {
  readonly #precision: number;
  readonly #wordsOf: WordsOf;

  constructor({ precision = 12 }: AggregateColumn, input: KeyPlan, kernels: Kernels, workspace: Workspace) {
    super(input, workspace, keepGreatest);
    this.#precision = precision;
    this.#wordsOf = new WordsOf(input, kernels, workspace, false);
  }

  begin(batch: Batch): (row: number, slot: number) => void {
    const hash = { high: 0, low: 0 };
    const hashed = this.input.value.class === 'text' ? this.#hashTexts(batch, hash) : this.#hashNumbers(batch, hash);
    return (row, slot) => {
      if (hashed(row)) this.words.add(slot, zerosOf(hash, this.#precision), registerOf(hash, this.#precision));
    };
  }

  finish(slot: number): number {
    if (this.words.count(slot) === 0) return 0;
    const { words: at, count } = this.words.reduce(slot);
    const { u32 } = this.workspace.views;
    const counts: number[] = [2 ** this.#precision - count];
    for (let index = 0; index < count; index++) {
      const zeros = u32[(at >>> 2) + 2 * index] as number;
      counts[zeros] = (counts[zeros] ?? 0) + 1;
    }
    return estimateUnique(counts, this.#precision);
  }

  #hashNumbers(batch: Batch, hash: WideHash): (row: number) => boolean {
    const read = this.#wordsOf.reader(batch, hash);
    return (row) => {
      if (!read(row)) return false;
      hashWords(hash.high | 0, hash.low | 0, hash);
      return true;
    };
  }

  #hashTexts(batch: Batch, hash: WideHash): (row: number) => boolean {
    const { views } = this.workspace;
    const texts = readTexts(batch.columns[this.input.input] as Column, views);
    return (row) => {
      if (!texts.isValid(row)) return false;
      hashBytes(views.u8, texts.start(row), texts.length(row), hash);
      return true;
    };
  }
}
