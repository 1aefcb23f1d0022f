/** The tasks of one step, with what the tasks of the step before have found out. */
import { PipelineError } from '../errors.ts';
import type {
  CutPlan,
  HaloRead,
  PartitionFile,
  PartitionRange,
  PartitionResult,
  PartitionTask,
  RangeReads,
  SideReads,
  TailReads,
  TaskInput,
  TasksBefore,
} from './contract.ts';
import { writePlanText } from './plan-text.ts';
import { SortRanges } from './sort-ranges.ts';
import { joinParts } from './split-source.ts';

/** Files of one sink of a task, in order; none where there is no result. */
export function filesOf(result: PartitionResult | undefined, file: number): PartitionFile[] {
  if (result === undefined) return [];
  return [result.files, ...(result.more ?? [])].flatMap((files) => files[file] ?? []);
}

/** Where the rows of a partition lie; undefined where it has none. */
type Bounds = { min: bigint; max: bigint } | undefined;

/**
 * To be called when all tasks of the steps before have ended. `results`: of these, in any order.
 * @throws ERR_PLAN when one is missing; ERR_INPUT_UNORDERED when rows of a partition lie before those of the one before
 */
export function tasksOf(cut: CutPlan, step: number, results: readonly PartitionResult[]): PartitionTask[] {
  const { tasks, reads, ranges, tails } = cut.steps[step] ?? { tasks: [], reads: [], ranges: [], tails: [] };
  if (reads.length === 0 && ranges.length === 0 && tails.length === 0) return tasks;
  const before = new ResultsBefore(cut, results);
  const all = [...tasks];
  const sorted = new Map<number, SortRanges>();
  for (const read of ranges) sorted.set(read.tasks[0], addRanges(all, read, before));
  for (const read of tails) addTails(all, read, before);
  for (const { tasks: own, bounds, sides } of reads) {
    const left = bounds === undefined ? boundsOfRanges(sorted.get(own[0]), own) : before.bounds(bounds);
    for (const side of sides) {
      const right = new SideOfTasks(side, before);
      for (const [index, at] of left.entries()) {
        const task = all[own[0] + index] as PartitionTask;
        all[own[0] + index] = { ...task, inputs: [...task.inputs, ...right.inputs(at)] };
      }
    }
  }
  return all;
}

/** Gives each task the range that it reads. */
function addRanges(
  all: PartitionTask[],
  { tasks: [from, to], runs, file, key, source: node, filter }: RangeReads,
  before: ResultsBefore,
): SortRanges {
  const ranges = new SortRanges(key, before.allFiles(runs, file), to - from);
  for (let at = from; at < to; at++) {
    const task = all[at] as PartitionTask;
    const { predicate, size, ...own } = ranges.input(at - from);
    const input: TaskInput = { node, source: '', ...own, filter: { node: filter, predicate } };
    const range = ranges.called(at - from);
    all[at] = { ...task, inputs: [input, ...task.inputs], size, range, part: `${task.part ?? ''}, ${range}` };
  }
  return ranges;
}

/** Gives each task the last rows of the partitions before it, as far as it looks back. */
function addTails(all: PartitionTask[], read: TailReads, before: ResultsBefore): void {
  const { tasks, of, file, empty, node, rows = Infinity, period } = read;
  const bounds = period === undefined ? undefined : before.bounds(of);
  const filesOf = (part: number): PartitionFile[] =>
    before.files(of.step, of.partitions[0] + part, file).filter((one) => one.rows > 0);
  for (let part = 0; part < tasks[1] - tasks[0]; part++) {
    const files: PartitionFile[] = [];
    const first = bounds?.[part]?.min;
    for (let other = part - 1, found = 0; other >= 0 && found < rows; other--) {
      const last = bounds?.[other]?.max;
      if (bounds !== undefined && (first === undefined || (last !== undefined && last <= first - (period ?? 0n))))
        break;
      const own = filesOf(other);
      files.unshift(...own);
      found += own.reduce((sum, one) => sum + one.rows, 0);
    }
    if (files.length === 0) files.push(...before.files(of.step, of.partitions[0], empty).slice(0, 1));
    const task = all[tasks[0] + part] as PartitionTask;
    all[tasks[0] + part] = { ...task, inputs: [...task.inputs, { node, source: '', files }], isWhole: true };
  }
}

function boundsOfRanges(ranges: SortRanges | undefined, [from, to]: PartitionRange): Bounds[] {
  return Array.from({ length: to - from }, (_, range) => ranges?.boundsOf(range));
}

/** Results of the steps before, the first of each task. */
class ResultsBefore {
  readonly #cut: CutPlan;
  readonly #steps: Map<number, Map<number, PartitionResult>> = new Map();

  constructor(cut: CutPlan, results: readonly PartitionResult[]) {
    this.#cut = cut;
    for (const result of results) {
      const ofStep = this.#steps.get(result.step) ?? new Map<number, PartitionResult>();
      this.#steps.set(result.step, ofStep);
      if (!ofStep.has(result.partition)) ofStep.set(result.partition, result);
    }
  }

  /** Of a partition; several where it was cut into pieces. */
  files(step: number, partition: number, file: number): PartitionFile[] {
    const found = filesOf(this.#steps.get(step)?.get(partition), file);
    if (found.length > 0) return found;
    throw new PipelineError('ERR_PLAN', `partition ${partition} of step ${step} has no result`, {
      hint: 'ask for the tasks of a step when all tasks of the steps before have ended',
    });
  }

  allFiles({ step, partitions: [from, to] }: TasksBefore, file: number): PartitionFile[] {
    return Array.from({ length: to - from }, (_, index) => this.files(step, from + index, file)).flat();
  }

  /** What a task reads, for people. */
  part(step: number, partition: number): string {
    return this.#cut.steps[step]?.tasks[partition]?.part ?? '';
  }

  bounds({ step, partitions: [from, to] }: TasksBefore): Bounds[] {
    return Array.from({ length: to - from }, (_, index) => {
      const task = this.#cut.steps[step]?.tasks[from + index];
      const found = this.files(step, from + index, task?.bounds ?? 0).filter(({ min }) => min !== null);
      const [first, last] = [found[0], found.at(-1)];
      if (first === undefined || last === undefined) return undefined;
      return { min: BigInt(first.min ?? 0), max: BigInt(last.max ?? 0) };
    });
  }
}

/** One side of a join, as each task reads it. */
class SideOfTasks {
  readonly #side: SideReads;
  readonly #results: ResultsBefore;
  readonly #bounds: Bounds[];

  constructor(side: SideReads, results: ResultsBefore) {
    this.#side = side;
    this.#results = results;
    this.#bounds = results.bounds(side.tasks);
    this.#checkOrder();
  }

  /** For a task whose rows lie there. */
  inputs(left: Bounds): TaskInput[] {
    const { before, after } = this.#side;
    const [from, to] = this.#parts(left);
    return [
      this.#rows([from, to]),
      ...(before === undefined ? [] : [this.#halo(before, [0, from], left)]),
      ...(after === undefined ? [] : [this.#halo(after, [to, this.#bounds.length], left)]),
    ];
  }

  #rows([from, to]: PartitionRange): TaskInput {
    const { rows: node, parts, name } = this.#side;
    if ('sources' in parts) return { node, source: writePlanText(joinParts(parts.sources.slice(from, to)), name) };
    return { node, source: '', files: this.#files([from, to], parts.file) };
  }

  #files([from, to]: PartitionRange, file: number): PartitionFile[] {
    const { step, partitions } = this.#side.tasks;
    return this.#results.allFiles({ step, partitions: [partitions[0] + from, partitions[0] + to] }, file);
  }

  /** The parts of the side in which matches may lie; at least one, where there is none any that changes nothing. */
  #parts(left: Bounds): PartitionRange {
    const count = this.#bounds.length;
    if (left === undefined) return [0, 1];
    const { scales, from, to } = this.#side;
    const least = left.min * scales[0] + from;
    const most = left.max * scales[0] + to;
    const first = this.#bounds.findIndex((right) => right !== undefined && right.max * scales[1] >= least);
    if (first < 0) return [count - 1, count];
    const last = this.#bounds.findLastIndex((right) => right !== undefined && right.min * scales[1] <= most);
    return [first, Math.max(first, last) + 1];
  }

  #halo({ node, file, empty }: HaloRead, [from, to]: PartitionRange, left: Bounds): TaskInput {
    const parts = Array.from({ length: to - from }, (_, index) => from + index).filter((part) =>
      this.#isNear(part, left),
    );
    const files = parts.flatMap((part) => this.#files([part, part + 1], file));
    return { node, source: '', files: files.length > 0 ? files : this.#files([0, 1], empty).slice(0, 1) };
  }

  /** Whether a row of a part can still be a match. */
  #isNear(part: number, left: Bounds): boolean {
    const { scales, tolerance } = this.#side;
    const right = this.#bounds[part];
    if (right === undefined || left === undefined) return false;
    if (tolerance === undefined) return true;
    const isTooEarly = right.max * scales[1] < left.min * scales[0] - tolerance;
    return !isTooEarly && right.min * scales[1] <= left.max * scales[0] + tolerance;
  }

  #checkOrder(): void {
    let before: Bounds;
    for (const [index, bounds] of this.#bounds.entries()) {
      if (bounds === undefined) continue;
      if (before !== undefined && bounds.min < before.max)
        throw new PipelineError(
          'ERR_INPUT_UNORDERED',
          `${this.#side.name}: ${this.#results.part(this.#side.tasks.step, this.#side.tasks.partitions[0] + index)} begins at ${bounds.min} after ${before.max}`,
          {
            stage: this.#side.name,
            value: String(bounds.min),
            expected: `${before.max} or later`,
            hint: 'it begins before the part before it ends: sort the right side, or list its files in order',
          },
        );
      before = bounds;
    }
  }
}
