/**
 * Sorting over partitions by sampled ranges (sample sort: Frazer and McKellar, 1970). Each partition sorts its rows and tells the keys of some of
 * them; values between these divide all rows into ranges of about the same size, and a task for each sorts what the partitions have of it. Rows
 * of one value are never divided, so the order among them stays that of the partitions, and one value of very many rows is one large range.
 */
import type { ExpressionNode } from '../expressions/node.ts';
import { classOf } from '../expressions/step.ts';
import type { PartitionFile, PartitionRange, RangeKey, RunIndex, TaskInput } from './contract.ts';
import { type KeyValue, keyOrder, type Order } from './key-order.ts';
import { writePlanText } from './plan-text.ts';

/** What a task reads of the sorted rows of all partitions. */
export interface RangeInput extends Pick<TaskInput, 'range'> {
  files: PartitionFile[];
  blocks: NonNullable<TaskInput['blocks']>;
  predicate: string;
  /** Bytes. */
  size: number;
}

/** A value where a range begins. */
interface Splitter {
  text: string;
  value: KeyValue;
}

/** A file of a partition, with its samples as values. */
interface Run {
  file: PartitionFile;
  index: RunIndex;
  samples: KeyValue[];
}

/** Above the integers of all columns. */
const BEYOND = 2n ** 64n;

/** The ranges of one sort. */
export class SortRanges {
  readonly #key: RangeKey;
  readonly #order: Order;
  readonly #runs: readonly Run[];
  /** Where ranges begin but the first, in the order of the sort. */
  readonly #splitters: readonly Splitter[];

  /**
   * @param files of all partitions, in their order
   * @param cut into how many ranges of about the same size; or where they begin but the first
   */
  constructor(key: RangeKey, files: readonly PartitionFile[], cut: number | readonly string[]) {
    this.#key = key;
    this.#order = keyOrder(key);
    this.#runs = files.map((file) => {
      const index = file.run ?? { blocks: [], every: 1, samples: [] };
      return { file, index, samples: index.samples.map(this.#order.parse) };
    });
    this.#splitters =
      typeof cut === 'number'
        ? splittersOf(this.#runs, cut, this.#order)
        : cut.map((text) => ({ text, value: this.#order.parse(text) }));
  }

  /** For people, and what tells a result of these values from others. */
  called(range: number): string {
    const [from, to] = this.#ends(range).map((end) => (end === undefined ? '' : JSON.stringify(end.text)));
    return this.#isEmpty(range) ? 'nothing' : `${this.#key.column} from ${from || 'the first'} to ${to || 'the last'}`;
  }

  /** Between which values a range lies at most, of a key that ascends and is stored as an integer; undefined where there are no rows. */
  boundsOf(range: number): { min: bigint; max: bigint } | undefined {
    if (this.#isEmpty(range)) return undefined;
    const [from, to] = this.#ends(range);
    const firsts = this.#runs.flatMap(({ samples }) => samples[0] ?? []).sort(this.#order.compare);
    const least = from?.value ?? firsts[0];
    return least === undefined
      ? undefined
      : { min: toInteger(least), max: to === undefined ? BEYOND : toInteger(to.value) };
  }

  input(range: number): RangeInput {
    const [from, to] = this.#ends(range);
    const ends = { ...(from && { from: from.text }), ...(to && { to: to.text }) };
    const input: RangeInput = {
      files: [],
      blocks: [],
      predicate: writePlanText(this.#predicate(from, to), this.#key.column),
      ...(!this.#isEmpty(range) && { range: { key: this.#key, ...ends } }),
      size: 0,
    };
    for (const run of this.#isEmpty(range) ? [] : this.#runs) {
      const blocks = this.#blocksOf(run, from, to);
      if (blocks[0] === blocks[1]) continue;
      input.files.push(run.file);
      input.blocks.push(blocks);
      for (const { bytes } of run.index.blocks.slice(...blocks)) input.size += bytes;
    }
    // A file that says which columns there are.
    const [any] = this.#runs;
    if (input.files.length > 0 || any === undefined) return input;
    return { ...input, files: [any.file], blocks: [[0, 0]] };
  }

  /** From and up to which value, that one not included. */
  #ends(range: number): [from: Splitter | undefined, to: Splitter | undefined] {
    return [this.#splitters[range - 1], this.#splitters[range]];
  }

  /** There may be fewer values than ranges. */
  #isEmpty(range: number): boolean {
    return range > this.#splitters.length;
  }

  /** The record batches of a run in which rows of a range may lie. */
  #blocksOf({ index, samples }: Run, from: Splitter | undefined, to: Splitter | undefined): PartitionRange {
    const { blocks, every } = index;
    const samplesBefore = (end: Splitter): number =>
      firstIndex(samples, (sample) => this.#order.compare(sample, end.value) >= 0);
    const firstRow = from === undefined ? 0 : Math.max(0, samplesBefore(from) - 1) * every;
    const endSample = to === undefined ? samples.length : samplesBefore(to);
    const endRow = endSample === samples.length ? Infinity : endSample * every;
    let row = 0;
    let [first, last] = [0, 0];
    for (const [at, { rows }] of blocks.entries()) {
      if (row + rows <= firstRow) first = at + 1;
      else if (row < endRow && rows > 0) last = at + 1;
      row += rows;
    }
    return last > first ? [first, last] : [0, 0];
  }

  #predicate(from: Splitter | undefined, to: Splitter | undefined): ExpressionNode {
    const behind: ExpressionNode | undefined = from && { kind: 'unary', fn: 'not', arg: this.#isBefore(from) };
    const before = to && this.#isBefore(to);
    if (behind === undefined || before === undefined)
      return behind ?? before ?? { kind: 'lit', type: 'bool', value: true };
    return { kind: 'binary', fn: 'and', left: behind, right: before };
  }

  /** As the sort has it: NaN above all numbers, nulls first or last whatever the direction. */
  #isBefore({ text }: Splitter): ExpressionNode {
    const { column, type, descending, nulls } = this.#key;
    const left: ExpressionNode = { kind: 'col', name: column };
    const right: ExpressionNode = { kind: 'lit', type: classOf(type) === 'text' ? 'utf8' : type, value: text };
    const compared: ExpressionNode = { kind: 'binary', fn: descending ? 'gt' : 'lt', left, right };
    const isBefore: ExpressionNode =
      descending && classOf(type) === 'float'
        ? { kind: 'binary', fn: 'or', left: { kind: 'unary', fn: 'isNaN', arg: left }, right: compared }
        : compared;
    return { kind: 'coalesce', args: [isBefore, { kind: 'lit', type: 'bool', value: nulls === 'first' }] };
  }
}

/**
 * Two inputs for what one reads: in front of the value in the middle of its samples, and from it on. Undefined where all samples have one value: rows
 * of one value are not divided.
 */
export function halveRange({ files = [], range }: TaskInput): [RangeInput, RangeInput] | undefined {
  if (range === undefined) return undefined;
  const { key, from, to } = range;
  const { parse, compare } = keyOrder(key);
  const isInside = (value: KeyValue): boolean =>
    (from === undefined || compare(value, parse(from)) >= 0) && (to === undefined || compare(value, parse(to)) < 0);
  const samples = files
    .flatMap(({ run }) => run?.samples ?? [])
    .map((text) => ({ text, value: parse(text) }))
    .filter(({ value }) => isInside(value))
    .sort((a, b) => compare(a.value, b.value));
  const least = samples[0];
  const isBetween = ({ value }: Splitter): boolean => isValue(value) && compare(value, (least as Splitter).value) > 0;
  const behind = samples.slice(samples.length >>> 1) as Splitter[];
  const middle = behind.find(isBetween) ?? (samples as Splitter[]).findLast(isBetween);
  if (middle === undefined) return undefined;
  const ends = [from, middle.text, to].filter((end) => end !== undefined);
  const ranges = new SortRanges(key, files, ends);
  const first = from === undefined ? 0 : 1;
  return [ranges.input(first), ranges.input(first + 1)];
}

/** Null and NaN are none. */
function isValue(value: KeyValue): boolean {
  return value !== null && !Number.isNaN(value);
}

function toInteger(value: KeyValue): bigint {
  return typeof value === 'bigint' ? value : BigInt(Math.floor(Number(value)));
}

/** Of the first that has it, where all behind it have it too; the length where none has. */
function firstIndex<T>(items: readonly T[], has: (item: T) => boolean): number {
  let [from, to] = [0, items.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (has(items[middle] as T)) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** Values that divide the rows into so many parts of about the same size, or fewer. Null and NaN are none. */
function splittersOf(runs: readonly Run[], count: number, order: Order): Splitter[] {
  const all = runs.flatMap(({ index, samples }) =>
    samples.map((value, at) => ({ value, text: index.samples[at] as string, weight: index.every })),
  );
  all.sort((a, b) => order.compare(a.value, b.value));
  const total = all.reduce((sum, { weight }) => sum + weight, 0);
  const splitters: Splitter[] = [];
  let [rows, part] = [0, 1];
  for (const { value, text, weight } of all) {
    if (rows * count >= part * total && part < count) {
      part = Math.floor((rows * count) / total) + 1;
      const last = splitters.at(-1);
      if (isValue(value) && (last === undefined || order.compare(last.value, value) < 0))
        splitters.push({ text, value });
    }
    rows += weight;
  }
  return splitters;
}
