/**
 * Takes barriers in a running attempt. All gates are closed together; everything that is on its way is taken in, in the order of the plan: a
 * stage is quiet when all that its inputs got has been worked through, and then nothing more comes out of it. A quiet lane saves its
 * operators and holds still until the barrier is complete. So nothing is in flight, and what has to be kept is positions and states.
 *
 * A barrier that cannot be completed soon is given up, which costs nothing but the time: the one before stays where the run would begin again.
 * While a stage emits what it still held at the end of its input none is begun: what it holds half emitted has no state to save.
 */
import { errorToData, type PipelineError } from '@spillway/core/base';
import type { PhysicalPlan, SavedChain, SpilledFile, StageSpec } from '@spillway/core/internal';
import type { Ring } from '../channels/ring.ts';
import { type Checkpoint, laneKey } from './checkpoint.ts';
import type { FailureLatch } from './failure.ts';
import type { LaneHandle } from './lane-handle.ts';
import type { SplitOrder } from './split-order.ts';
import type { Wiring } from './wiring.ts';
import type { WrittenMark, WrittenSink } from './written-sinks.ts';

export interface BarrierParts {
  physical: PhysicalPlan;
  wiring: Wiring;
  lanes: readonly LaneHandle[];
  splits: SplitOrder;
  latch: FailureLatch;
  /** Those that write files. */
  sinks: readonly WrittenSink[];
  /** Where the lanes put what they save. */
  openPlace(): Promise<{ folder: string; limitBytes: number }>;
  i32: Int32Array;
  /** Sources go batch by batch: no barrier meanwhile. */
  isReplaying(): boolean;
  /** Told why a barrier was given up, when it was no matter of time. */
  onAlert(message: string): void;
}

/** Between two looks at what has not been worked through yet. */
const LOOK_EVERY_MS = 1;
/** A barrier that has not been aligned by then is given up: its sources stand still meanwhile. */
const PATIENCE_MS = 10_000;

export class Barriers {
  readonly #parts: BarrierParts;
  #keepsAligning = false;
  /** Files of snapshots that were given up, which operators may still use. */
  readonly #leftFiles: Map<string, SpilledFile> = new Map();

  constructor(parts: BarrierParts) {
    this.#parts = parts;
  }

  /**
   * Takes a barrier; undefined when it was given up. Calls must not overlap.
   * @param last the one before: its files that are needed no more are returned as `stale`
   * @param handsOver sinks give what they have staged away: see `FileSink.mark`
   * @param whileStill called when it is complete, before anything moves again
   */
  async take(
    last: Checkpoint | undefined,
    handsOver: boolean,
    whileStill: (checkpoint: Checkpoint) => Promise<void>,
  ): Promise<{ checkpoint: Checkpoint; stale: SpilledFile[] } | undefined> {
    if (!this.#canBegin()) return undefined;
    const { wiring, splits } = this.#parts;
    const saved = new Map<string, SavedChain>();
    const sources = this.#closeGates();
    try {
      if (!(await this.#align(sources, saved))) return this.#giveUp(saved);
      const sinks = await this.#markSinks(last, handsOver);
      const files = new Map([...saved.values()].flatMap((chain) => chain.files).map((file) => [file.path, file]));
      const checkpoint: Checkpoint = {
        epoch: (last?.epoch ?? 0) + 1,
        sources,
        lanes: saved,
        sinks,
        chains: new Map([...wiring.chains].map(([stage, starts]) => [stage, starts.slice()])),
        ended: this.#endedStages(),
        statistics: wiring.statistics.slice(),
        splits: splits.state(),
        files,
      };
      await whileStill(checkpoint);
      const known = new Map([...(last?.files ?? []), ...this.#leftFiles]);
      this.#leftFiles.clear();
      return { checkpoint, stale: [...known.values()].filter(({ path }) => !files.has(path)) };
    } finally {
      this.#openGates();
    }
  }

  /** Everything quiet, without saving: between two steps of a replay. False when it cannot be waited for. */
  async untilQuiet(sources: ReadonlyMap<number, number>): Promise<boolean> {
    return this.#align(sources, undefined);
  }

  /** While it is on, lanes with several inputs take from any of them. */
  setAligning(isOn: boolean): void {
    const { wiring, i32, latch } = this.#parts;
    if (latch.error === undefined) Atomics.store(i32, wiring.aligning >>> 2, isOn || this.#keepsAligning ? 1 : 0);
  }

  /** From now on they always do, and are woken. */
  keepAligning(): void {
    this.#keepsAligning = true;
    this.setAligning(true);
    for (const ring of this.#parts.wiring.rings) ring.nudge();
  }

  #closeGates(): Map<number, number> {
    const { wiring } = this.#parts;
    this.setAligning(true);
    return new Map([...wiring.gates].map(([node, gate]) => [node, gate.close()]));
  }

  #openGates(): void {
    const { wiring, lanes } = this.#parts;
    this.setAligning(false);
    for (const lane of lanes) lane.resume();
    if (this.#parts.latch.error === undefined) for (const gate of wiring.gates.values()) gate.open();
  }

  async #align(sources: ReadonlyMap<number, number>, saved: Map<string, SavedChain> | undefined): Promise<boolean> {
    const { physical, wiring } = this.#parts;
    const until = saved === undefined ? Number.POSITIVE_INFINITY : performance.now() + PATIENCE_MS;
    for (const stage of inOrder(physical)) {
      if (!(await this.#untilQuietStage(stage, sources, until))) return false;
      if (saved !== undefined && !(await this.#save(stage, saved))) return false;
    }
    const toSinks = [...wiring.mainSinks, ...wiring.writers].flatMap(({ edges, rings }) =>
      edges.map((edge, index) => ({ edge, ring: rings[index] as Ring })),
    );
    for (const { edge, ring } of toSinks) {
      const { producer } = edge;
      const total = producer.kind === 'stage' ? undefined : sources.get(producer.node);
      if (!(await this.#waitFor(() => isQuiet(ring, total), until))) return false;
    }
    return true;
  }

  async #untilQuietStage(stage: StageSpec, sources: ReadonlyMap<number, number>, until: number): Promise<boolean> {
    const { physical, wiring, splits } = this.#parts;
    const { input } = stage;
    if (this.#hasEnded(stage)) return true;
    if (input.kind === 'splits') {
      const end = sources.get(input.node) as number;
      const gate = wiring.gates.get(input.node);
      return this.#waitFor(() => gate?.isDone(end) === true && splits.hasSeen(stage, end), until);
    }
    const ids = input.kind === 'edge' ? [input.edge] : input.inputs.map(({ edge }) => edge);
    const rings = ids.map((id) => wiring.rings[physical.edges.findIndex((edge) => edge.id === id)] as Ring);
    const totals = ids.map((id) => {
      const producer = physical.edges.find((edge) => edge.id === id)?.producer;
      return producer === undefined || producer.kind === 'stage' ? undefined : sources.get(producer.node);
    });
    return this.#waitFor(() => rings.every((ring, index) => isQuiet(ring, totals[index])), until);
  }

  /**
   * Waits, and wakes whoever is left asleep: those of the stages behind too, for a lane with several inputs may sleep on one that has no more
   * before the barrier, while another one is full. False when it takes too long, or a stage has come to its end.
   */
  async #waitFor(isOver: () => boolean, until: number): Promise<boolean> {
    for (;;) {
      this.#parts.latch.check();
      if (isOver()) return true;
      if (performance.now() > until || this.#isEnding()) return false;
      for (const ring of this.#parts.wiring.rings) ring.nudge();
      await new Promise<void>((resolve) => void setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** Has the lanes of a quiet stage save their operators, and hold still. */
  async #save(stage: StageSpec, saved: Map<string, SavedChain>): Promise<boolean> {
    const lanes = this.#lanesOf(stage).filter(({ hasEnded, recovery }) => !hasEnded && recovery.includes('snapshot'));
    if (lanes.length === 0) return true;
    const { wiring, onAlert } = this.#parts;
    const place = { ...(await this.#parts.openPlace()), used: wiring.spilled };
    const chains = await Promise.all(
      lanes.map((lane) => lane.save(place).catch((error: PipelineError) => void onAlert(errorToData(error).message))),
    );
    chains.forEach((chain, index) => {
      if (chain !== undefined) saved.set(laneKey(stage.id, lanes[index]?.config.lane as number), chain);
    });
    return chains.every((chain) => chain !== undefined);
  }

  /** All is quiet: sinks put on the disk what has come. @throws what fails the run */
  async #markSinks(last: Checkpoint | undefined, handsOver: boolean): Promise<Map<number, WrittenMark>> {
    const { sinks, latch } = this.#parts;
    try {
      const marks = await Promise.all(
        sinks.map(async (sink) => [sink.node, await sink.mark(last?.sinks.get(sink.node), handsOver)] as const),
      );
      return new Map(marks);
    } catch (error) {
      latch.fail(error);
      throw error;
    }
  }

  /** What was saved is dropped by whoever removes files; what operators still use stays known. */
  #giveUp(saved: ReadonlyMap<string, SavedChain>): undefined {
    for (const { files } of saved.values()) for (const file of files) this.#leftFiles.set(file.path, file);
    return undefined;
  }

  #canBegin(): boolean {
    const { physical, wiring, latch, isReplaying } = this.#parts;
    if (isReplaying()) return false;
    if (latch.error !== undefined || this.#isEnding()) return false;
    return physical.stages.length === 0
      ? !wiring.rings.every((ring) => ring.isEnded())
      : !physical.stages.every((stage) => this.#hasEnded(stage));
  }

  /** Whether a stage has had all its input and has not ended yet. */
  #isEnding(): boolean {
    return this.#parts.physical.stages.some((stage) => !this.#hasEnded(stage) && this.#hasAllInput(stage));
  }

  #hasAllInput(stage: StageSpec): boolean {
    const { physical, wiring } = this.#parts;
    const { input } = stage;
    if (this.#lanesOf(stage).some(({ hasEnded }) => hasEnded)) return true;
    if (input.kind === 'splits') {
      const gate = wiring.gates.get(input.node);
      // An end that is held is none.
      return gate?.holdsEnd !== true && gate?.isExhausted() === true;
    }
    const ids = input.kind === 'edge' ? [input.edge] : input.inputs.map(({ edge }) => edge);
    return ids.every((id) => wiring.rings[physical.edges.findIndex((edge) => edge.id === id)]?.isEnded());
  }

  #endedStages(): Set<number> {
    return new Set(this.#parts.physical.stages.filter((stage) => this.#hasEnded(stage)).map(({ id }) => id));
  }

  /** Lanes of a stage that had ended at the barrier before were not started again. */
  #hasEnded(stage: StageSpec): boolean {
    return this.#lanesOf(stage).every(({ hasEnded }) => hasEnded);
  }

  #lanesOf(stage: StageSpec): LaneHandle[] {
    return this.#parts.lanes.filter(({ config }) => config.stage.id === stage.id);
  }
}

/** Everything worked through; of an edge from a source, also that everything before its gate has come. */
function isQuiet(ring: Ring, total: number | undefined): boolean {
  return (total === undefined || ring.hasAll(total)) && ring.isQuiet();
}

/** Stages, each behind those whose rows it takes. */
function inOrder({ stages, edges }: PhysicalPlan): StageSpec[] {
  const ordered: StageSpec[] = [];
  const visit = (stage: StageSpec): void => {
    if (ordered.includes(stage)) return;
    for (const { producer, consumer } of edges) {
      if (consumer.kind !== 'stage' || consumer.stage !== stage.id || producer.kind !== 'stage') continue;
      visit(stages.find(({ id }) => id === producer.stage) as StageSpec);
    }
    ordered.push(stage);
  };
  for (const stage of stages) visit(stage);
  return ordered;
}
