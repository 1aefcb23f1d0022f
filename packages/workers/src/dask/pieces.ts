/** The tasks of a step as they are given out: partitions, and the pieces of those that were cut in two because they took too much memory. */
import { halveTask, joinResults, type PartitionResult, type PartitionTask } from '@spillway/core/partition';

/** A partition is cut so often at most, into as many pieces as that gives: what does not fit then does not fit for another reason. */
const MOST_CUTS = 6;

interface Unit {
  task: PartitionTask;
  /** Unit that it is half of. */
  whole?: number;
  /** What its halves have given so far. */
  halves?: [PartitionResult | undefined, PartitionResult | undefined];
}

export class Pieces {
  readonly #units: Unit[];

  constructor(tasks: readonly PartitionTask[]) {
    this.#units = tasks.map((task) => ({ task }));
  }

  task(unit: number): PartitionTask {
    return this.#unit(unit).task;
  }

  called(unit: number): string {
    const { partition, piece } = this.task(unit);
    return piece === undefined ? `partition ${partition}` : `piece ${piece} of partition ${partition}`;
  }

  /** @returns what makes its halves the next two units, and says how many that are; undefined where it cannot be cut */
  async cut(unit: number): Promise<(() => number) | undefined> {
    const { task } = this.#unit(unit);
    const halves = (task.piece ?? '').length < MOST_CUTS ? await halveTask(task) : undefined;
    return halves && (() => this.#add(unit, halves));
  }

  /** A unit has its result. @returns that of its partition when it was the last of it */
  finish(unit: number, result: PartitionResult): PartitionResult | undefined {
    const { task, whole } = this.#unit(unit);
    if (whole === undefined) return result;
    const { halves, task: own } = this.#unit(whole);
    if (halves === undefined) return undefined;
    halves[task.piece?.endsWith('1') === true ? 0 : 1] = result;
    const [first, second] = halves;
    if (first === undefined || second === undefined) return undefined;
    return this.finish(whole, joinResults(first, second, own.piece));
  }

  #add(whole: number, halves: readonly PartitionTask[]): number {
    this.#unit(whole).halves = [undefined, undefined];
    for (const task of halves) this.#units.push({ task, whole });
    return halves.length;
  }

  #unit(unit: number): Unit {
    return this.#units[unit] as Unit;
  }
}
