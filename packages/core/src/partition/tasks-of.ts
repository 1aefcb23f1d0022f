/** The tasks of one step, with what the tasks of the step before have found out. */
import { PipelineError } from '../errors.ts';
import type {
  CutPlan,
  HaloRead,
  PartitionFile,
  PartitionRange,
  PartitionResult,
  PartitionTask,
  SideReads,
  TaskInput,
} from './contract.ts';
import { writePlanText } from './plan-text.ts';
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
  const { tasks, reads } = cut.steps[step] ?? { tasks: [], reads: [] };
  if (reads.length === 0) return tasks;
  const before = new ResultsOf(cut, step - 1, results);
  const all = [...tasks];
  for (const { tasks: own, bounds, sides } of reads) {
    const left = before.bounds(bounds);
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

/** Results of one step, the first of each task. */
class ResultsOf {
  readonly #cut: CutPlan;
  readonly #step: number;
  readonly #results: Map<number, PartitionResult> = new Map();

  constructor(cut: CutPlan, step: number, results: readonly PartitionResult[]) {
    this.#cut = cut;
    this.#step = step;
    for (const result of results)
      if (result.step === step && !this.#results.has(result.partition)) this.#results.set(result.partition, result);
  }

  /** Of a partition; several where it was cut into pieces. */
  files(partition: number, file: number): PartitionFile[] {
    const found = filesOf(this.#results.get(partition), file);
    if (found.length > 0) return found;
    throw new PipelineError('ERR_PLAN', `partition ${partition} of step ${this.#step} has no result`, {
      hint: 'ask for the tasks of a step when all tasks of the steps before have ended',
    });
  }

  /** What a task reads, for people. */
  part(partition: number): string {
    return this.#cut.steps[this.#step]?.tasks[partition]?.part ?? '';
  }

  bounds([from, to]: PartitionRange): Bounds[] {
    return Array.from({ length: to - from }, (_, index) => {
      const task = this.#cut.steps[this.#step]?.tasks[from + index];
      const found = this.files(from + index, task?.bounds ?? 0).filter(({ min }) => min !== null);
      const [first, last] = [found[0], found.at(-1)];
      if (first === undefined || last === undefined) return undefined;
      return { min: BigInt(first.min ?? 0), max: BigInt(last.max ?? 0) };
    });
  }
}

/** One side of a join, as each task reads it. */
class SideOfTasks {
  readonly #side: SideReads;
  readonly #results: ResultsOf;
  readonly #bounds: Bounds[];

  constructor(side: SideReads, results: ResultsOf) {
    this.#side = side;
    this.#results = results;
    this.#bounds = results.bounds(side.partitions);
    this.#checkOrder();
  }

  /** For a task whose rows lie there. */
  inputs(left: Bounds): TaskInput[] {
    const { rows, before, after, sources } = this.#side;
    const [from, to] = this.#parts(left);
    const source = joinParts(sources.slice(from, to));
    return [
      { node: rows, source: writePlanText(source, this.#side.name) },
      ...(before === undefined ? [] : [this.#halo(before, [0, from], left)]),
      ...(after === undefined ? [] : [this.#halo(after, [to, sources.length], left)]),
    ];
  }

  /** The parts of the side in which matches may lie; at least one, where there is none any that changes nothing. */
  #parts(left: Bounds): PartitionRange {
    const count = this.#side.sources.length;
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
    const [first] = this.#side.partitions;
    const parts = Array.from({ length: to - from }, (_, index) => from + index).filter((part) =>
      this.#isNear(part, left),
    );
    const files = parts.flatMap((part) => this.#results.files(first + part, file));
    return {
      node,
      source: '',
      files: files.length > 0 ? files : this.#results.files(first, empty).slice(0, 1),
    };
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
          `${this.#side.name}: ${this.#results.part(this.#side.partitions[0] + index)} begins at ${bounds.min} after ${before.max}`,
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
