/** What the partitions of a job have done so far: for its progress and its summary. */
import type { PartitionResult, PartitionTask } from '@spillway/core/partition';
import { PRESSURE_LEVELS, type PressureLevel } from '../governor/pressure.ts';
import type { Summary } from '../job/summary.ts';
import { endpointProgress, type Progress } from '../monitor/progress.ts';
import type { WorkerView } from './cluster.ts';

/** Parts of a worker's share from which on the levels are told; the engine in it stays below 0.8. */
const LEVELS_FROM = [0.7, 0.76, 0.82, 0.88];

interface StepCount {
  name: string;
  tasks: number;
  done: number;
  rows: number;
}

export class PartitionCounts {
  /** Attempts that had to be made again. */
  retries = 0;
  peakRssBytes = 0;
  readonly #startedAt: number = performance.now();
  /** Up to the one that runs. */
  readonly #steps: StepCount[] = [];
  /** Rows by the source that gave them, and the step that read it. */
  readonly #rows: Map<string, Map<number, number>> = new Map();
  /** Undefined where a task reads what other tasks gave. */
  #sourceOf: (result: PartitionResult) => string | undefined = () => '';
  #views: readonly WorkerView[] = [];
  #peakClusterBytes = 0;

  /** A step begins, the first of all again when they are gone over once more. */
  begin(at: number, name: string, tasks: readonly PartitionTask[]): void {
    this.#steps.splice(at, Infinity, { name, tasks: tasks.length, done: 0, rows: 0 });
    for (const bySteps of this.#rows.values()) bySteps.delete(at);
    this.#sourceOf = ({ partition }) => {
      const { inputs = [] } = tasks[partition] ?? {};
      return inputs[0]?.files === undefined ? inputs.map(({ node }) => node).join() : undefined;
    };
  }

  /** Name of the one that runs. */
  get step(): string {
    return this.#steps.at(-1)?.name ?? '';
  }

  add(result: PartitionResult): void {
    const step = this.#steps.at(-1);
    if (step === undefined) return;
    step.done += 1;
    step.rows += result.rows;
    this.peakRssBytes = Math.max(this.peakRssBytes, result.peakRss);
    const source = this.#sourceOf(result);
    if (source === undefined) return;
    const bySteps = this.#rows.get(source) ?? new Map<number, number>();
    this.#rows.set(source, bySteps.set(result.step, (bySteps.get(result.step) ?? 0) + result.rows));
  }

  see(views: readonly WorkerView[]): void {
    this.#views = views;
  }

  /** Rows that the sources gave: one that several steps read counts once. */
  get rows(): number {
    let rows = 0;
    for (const bySteps of this.#rows.values()) rows += Math.max(0, ...bySteps.values());
    return rows;
  }

  /** As of `run`: each step is told of as a source, and the memory is that of the workers' Node processes. */
  progress(): Progress {
    const elapsedMs = performance.now() - this.#startedAt;
    const sources = this.#steps.map(({ name, tasks, done, rows }) => {
      const total = done === 0 ? {} : { totalRows: Math.round((rows * tasks) / done) };
      return endpointProgress({ name, rows, bytes: 0, ...total }, elapsedMs);
    });
    const rssBytes = this.#views.reduce((sum, { nodeBytes }) => sum + nodeBytes, 0);
    this.#peakClusterBytes = Math.max(this.#peakClusterBytes, rssBytes);
    const limitBytes = this.#views.reduce((sum, { memoryLimitBytes }) => sum + memoryLimitBytes, 0);
    const memory = { limitBytes, arenaBytes: 0, rssBytes, idleRssBytes: 0, peakRssBytes: this.#peakClusterBytes };
    return { elapsedMs, sources, sinks: [], memory, pressure: this.#pressure() };
  }

  /** The summary of the whole job, from that of its end. @param fed names of sources at the end that read what the partitions gave */
  summary(end: Summary, fed: ReadonlySet<string>): Summary {
    const rowsAtTheEnd = end.sources.reduce((sum, { name, rows }) => (fed.has(name) ? sum : sum + rows), 0);
    return {
      ...end,
      rowsIn: this.rows + rowsAtTheEnd,
      peakRssBytes: Math.max(end.peakRssBytes, this.peakRssBytes),
      restarts: end.restarts + this.retries,
    };
  }

  #pressure(): PressureLevel {
    const most = Math.max(0, ...this.#views.map(({ pressure }) => pressure));
    return PRESSURE_LEVELS[LEVELS_FROM.filter((from) => most >= from).length] ?? 'normal';
  }
}
