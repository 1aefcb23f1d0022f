/**
 * One attempt at a run: its rings, counters, threads and everything that works on them, from the first batch (or the last barrier) to the
 * end. When a stage worker dies, the attempt is abandoned as a whole and the next one begins with fresh threads and fresh shared
 * memory: no slab has to be rescued, no half-done step repaired. What outlives attempts (the plan, what is collected, staged or fed) is the run's.
 */

import { rm } from 'node:fs/promises';
import { PipelineError } from '@spillway/core/base';
import type { PhysicalPlan, PlainBatch, SpilledFile, StageSpec } from '@spillway/core/internal';
import { boundedSources, type MemorySplit } from '@spillway/core/planner';
import { noted } from '../alerts/alert.ts';
import type { WarmTask } from '../codecs/protocol.ts';
import { AdaptiveLimits } from '../governor/adaptive-limits.ts';
import { Arbiter } from '../governor/arbiter.ts';
import { CascadeWatch } from '../governor/cascade-watch.ts';
import { isGoverned } from '../governor/governed.ts';
import { PressureSampler } from '../governor/pressure-sampler.ts';
import { SharedPressure } from '../governor/shared-pressure.ts';
import type { JobEmitter } from '../job/events.ts';
import type { ParsedRunOptions } from '../job/run-options.ts';
import { type Attention, attentionBits } from '../lanes/attention.ts';
import { ActorStatistics } from '../monitor/actor-statistics.ts';
import { RunGauges } from '../monitor/gauges.ts';
import { OperatorStatistics } from '../monitor/operator-statistics.ts';
import { JobReadings } from '../monitor/readings.ts';
import { orAborted } from '../sinks/drain-edge.ts';
import { Activities } from './activities.ts';
import { ringsBehind } from './arbitrated-lanes.ts';
import type { ArenaLease } from './arena-lease.ts';
import type { BadRowReports } from './bad-rows.ts';
import { Barriers } from './barriers.ts';
import type { Checkpoint } from './checkpoint.ts';
import { Cleanup } from './cleanup.ts';
import { FailureLatch } from './failure.ts';
import { type FlushMessage, LaneHandle, type LaneListener, workerDied } from './lane-handle.ts';
import { lastDeliveries } from './last-deliveries.ts';
import type { PlannedRun } from './plan-run.ts';
import { Replay, type SourceBatch } from './replay.ts';
import type { RunEnds } from './run-ends.ts';
import { type RunParts, startFeeders, startMainSinks, startReaders, startWriters } from './run-parts.ts';
import type { SpillPlace } from './spill-place.ts';
import { SplitOrder, type SplitOrderState } from './split-order.ts';
import { discardPool, lanePoolKind, type PoolKind, returnPool, type ThreadPool } from './thread-pools.ts';
import { type Wiring, wireRun } from './wiring.ts';
import type { WrittenSink } from './written-sinks.ts';

/** After a failure, threads that have not ended their part by then are ended. User code that never yields is the reason. */
const STOP_GRACE_MS = 400;

/** What the run gives each of its attempts. */
export interface AttemptParts {
  planned: PlannedRun;
  split: MemorySplit;
  lease: ArenaLease;
  options: ParsedRunOptions;
  emitter: JobEmitter;
  badRows: BadRowReports;
  /** Pools of stage threads, which are this attempt's. */
  pools: readonly ThreadPool[];
  codecs: ThreadPool | undefined;
  spill: SpillPlace | undefined;
  /** Of this attempt, from 0. */
  number: number;
  /** What it goes on from; undefined at the start. */
  from: Checkpoint | undefined;
  /** By source node: batches that are left out. */
  drops: ReadonlyMap<number, readonly number[]>;
  /** By source node: how far it begins batch by batch; undefined when it does not. */
  replayUpTo: ReadonlyMap<number, number> | undefined;
  /** Who listens to the run now. */
  attention(): Attention;
  /** Where snapshots go. */
  openPlace(): Promise<SpillPlace>;
  onDropped(batch: SourceBatch, rows: readonly PlainBatch[]): void;
  /** Code of users in a lane holds what only a new thread is without. */
  onUnmanaged(lane: LaneHandle, error: PipelineError): void;
  /** The run's sinks that write files, once they have been opened: the first attempt lays the plan out before that. */
  openWriters(wiring: Wiring): Promise<readonly WrittenSink[]>;
}

export class Attempt {
  readonly latch: FailureLatch = new FailureLatch();
  readonly wiring: Wiring;
  readonly readings: JobReadings;
  readonly gauges: RunGauges;
  readonly #parts: AttemptParts;
  readonly #cleanup: Cleanup = new Cleanup();
  readonly #activities: Activities = new Activities(this.latch);
  readonly #pressure: SharedPressure;
  readonly #arbiter: Arbiter;
  #pressureSampler: PressureSampler | undefined;
  #limits: AdaptiveLimits | undefined;
  #replay: Replay | undefined;
  #recycled: LaneHandle | undefined;
  #codecDeath: PipelineError | undefined;
  #lanes: LaneHandle[] = [];
  #splits: SplitOrder = new SplitOrder(this.latch);
  #written: readonly WrittenSink[] = [];
  #isClean = false;
  /** Code of users keeps what only new threads are without. */
  #keepsTooMuch = false;
  /** By source: the steps that have to have all their rows before it may end early; and those that have. */
  readonly #bounded: ReadonlyMap<number, ReadonlySet<string>>;
  readonly #satisfied: Set<string> = new Set();
  #ends: RunEnds | undefined;

  /** @throws ERR_MEMORY_EXHAUSTED when the rings alone do not fit */
  constructor(parts: AttemptParts) {
    const { planned, split, lease, spill, from } = parts;
    const { logical, physical } = planned;
    this.#parts = parts;
    this.#bounded = boundedSources(logical, parts.options.resume !== undefined);
    const wiring = wireRun({
      logical,
      physical,
      lease,
      cleanup: this.#cleanup,
      positionsOf: (node) => planned.positions.get(node) ?? [],
      rowGroupsOf: (node) => planned.schedules.get(node)?.tasks ?? [],
      split,
      spill,
      attempt: parts.number,
      drops: parts.drops,
      from,
      holdsEnds: parts.options.resume?.inputEnds === 'more',
    });
    if (from !== undefined) {
      wiring.statistics.set(from.statistics);
      for (const { place } of wiring.actors) new ActorStatistics(lease.arena.buffer, place.actor).startClock();
      for (const [stage, starts] of from.chains) wiring.chains.get(stage)?.set(starts);
      const bytes = [...from.files.values()].reduce((sum, file) => sum + file.bytes, 0);
      new BigInt64Array(lease.arena.buffer, wiring.spilled, 1)[0] = BigInt(bytes);
    }
    this.wiring = wiring;
    this.#pressure = new SharedPressure(lease.arena, wiring.pressure, wiring.memory.pool);
    this.#pressure.begin();
    this.#arbiter = new Arbiter(lease.arena.buffer, wiring.arbiter, wiring.memory.pool);
    this.#arbiter.begin();
    this.latch.onFailure(() => {
      for (const ring of wiring.rings) ring.fail();
      for (const gate of wiring.gates.values()) gate.fail();
    });
    this.readings = new JobReadings(logical, physical, wiring.actors, wiring.memory.pool, lease.arena, planned.totals);
    this.gauges = new RunGauges({ ...wiring, logical, physical, arena: lease.arena, pressure: this.#pressure });
    this.setListening(parts.attention());
  }

  /** The stage worker that died first, if one has. */
  get died(): LaneHandle | undefined {
    return this.#lanes.find((lane) => lane.death !== undefined && lane.death === this.latch.error);
  }

  /** What the death of a codec thread was reported as, if that ended the attempt. */
  get codecDeath(): PipelineError | undefined {
    return this.#codecDeath;
  }

  get lanes(): readonly LaneHandle[] {
    return this.#lanes;
  }

  /** Has every lane build its operators. They wait at the gates of their sources, or for those who do. */
  async prepare(): Promise<void> {
    const { wiring } = this;
    const written = this.#parts.openWriters(wiring);
    const { from } = this.#parts;
    this.#splits = new SplitOrder(this.latch, from?.splits);
    const { emitter } = this.#parts;
    const listener: LaneListener = {
      onFlush: (lane, message) => this.#onFlush(lane, message),
      onAlert: ({ alert }) => emitter.emit('alert', alert),
      onDropped: (lane, { input, sequence, batches }) =>
        this.#parts.onDropped({ node: sourceOf(lane, input, this.#parts.planned.physical), sequence }, batches),
      onUnmanaged: (lane, error) => {
        this.#keepsTooMuch = true;
        this.#parts.onUnmanaged(lane, error);
      },
      onEnough: (node) => this.#onEnough(node),
      onSplit: (lane, message) => this.#splits.add(lane.config.stage, message),
      onBadRows: (lane, { chunk, rows }) => this.#parts.badRows.add(lane.config.stage, chunk, rows),
    };
    // What had ended at the barrier is not begun again: whoever takes its rows is told that there are no more.
    const isLeft = (stage: number): boolean => from?.ended.has(stage) !== true;
    const left = wiring.lanes.filter(({ stage }) => isLeft(stage.id));
    this.#lanes = left.map(
      (config) => new LaneHandle(this.#poolOf(lanePoolKind(config.stage)) as ThreadPool, config, listener),
    );
    for (const lane of this.#lanes) {
      this.latch.onFailure(() => lane.stop());
      this.#activities.watch(
        lane.config.stage.name,
        lane.ended.catch((error: unknown) => this.#afterDelivery(lane, error)),
      );
    }
    const ready = Promise.all([...this.#lanes.map((lane) => lane.configured()), this.#warmCodecs()]);
    ready.catch(() => {}); // seen below, or the sinks' refusal is
    this.#written = await written;
    await ready;
    this.latch.check();
  }

  /** @param idleBytes what was resident before the first row */
  start(ends: RunEnds, idleBytes: number): void {
    const { planned, lease, codecs, options, emitter } = this.#parts;
    const { wiring } = this;
    this.#ends = ends;
    const parts: RunParts = {
      planned,
      wiring,
      lease,
      latch: this.latch,
      activities: this.#activities,
      codecs,
      codecThreads: codecs?.threads ?? 0,
      from: this.#parts.from,
      ends,
      idleBytes,
      onCodecDeath: (error) => this.#onCodecDeath(error),
    };
    this.#pressure.setIdle(idleBytes);
    if (isGoverned())
      this.#pressureSampler = new PressureSampler({
        shared: this.#pressure,
        rings: wiring.rings,
        emitter,
        describe: () => wiring.memory.pool.describe(),
        arbiter: this.#arbiter,
        cascade: new CascadeWatch({
          arbiter: this.#arbiter,
          ringsBehind: (lane) => ringsBehind(planned.physical, wiring.rings, lane),
          wake: (lane) => this.#lanes[lane]?.relieve(),
          emitter,
        }),
        maxSystemMemory: options.maxSystemMemory,
      });
    this.#limits = new AdaptiveLimits(planned.physical.stages, this.#statisticsOf, emitter);
    startMainSinks(parts);
    startWriters(parts, this.#written);
    const replay = this.#makeReplay(ends);
    if (replay === undefined && this.latch.error === undefined) for (const gate of wiring.gates.values()) gate.open();
    this.#endWhatHadEnded();
    this.#announceStages();
    startReaders(parts);
    startFeeders(parts);
    if (replay !== undefined) this.#activities.watch('replay', replay.run());
  }

  /** Resolves when all rows have gone all the way. @throws what stopped the attempt */
  async settled(): Promise<void> {
    await orAborted(this.#activities.settled(), this.latch.signal);
    this.latch.check();
  }

  /** Resident bytes beyond what is promised, if so many came on top. */
  overshootBytes(more: number): number {
    return this.#pressure.overshootBytes(more);
  }

  flush(name: string | undefined): void {
    for (const lane of this.#lanes) {
      if (name === undefined || lane.config.stage.operators.some((operator) => operator.name === name))
        lane.flush(name);
    }
  }

  /** Removes files that a barrier no longer needs, and takes them off the account. */
  async removeFiles(files: readonly SpilledFile[]): Promise<void> {
    const { lease } = this.#parts;
    for (const { path, bytes } of files) {
      await rm(path, { force: true });
      // After a failure the shared memory may be somebody else's.
      if (this.latch.error === undefined)
        Atomics.sub(new BigInt64Array(lease.arena.buffer, this.wiring.spilled, 1), 0, BigInt(bytes));
    }
  }

  /** Tells the lanes whether anybody listens to flush events, or watches. */
  setListening(attention: Attention): void {
    Atomics.store(this.#parts.lease.arena.i32, this.wiring.listening >>> 2, attentionBits(attention));
  }

  /**
   * Stops what still runs and gives the threads back: those of a clean attempt, in which no code keeps too much, to the next run. Shared memory stays as it is.
   * @returns whether everything has ended by itself; else `drained` tells when the rest has
   */
  async stop(): Promise<boolean> {
    const hasEnded = this.latch.error === undefined || (await this.#activities.settledWithin(STOP_GRACE_MS));
    this.#pressureSampler?.close();
    this.#limits?.close();
    this.#pressure.close();
    this.readings.freeze();
    this.gauges.freeze();
    this.latch.disarm();
    this.#isClean =
      hasEnded && this.#lanes.every((lane) => lane.death === undefined) && this.latch.error?.code !== 'ERR_WORKER_DIED';
    await Promise.all(this.#parts.pools.map(this.#isClean && !this.#keepsTooMuch ? returnPool : discardPool));
    return hasEnded;
  }

  /** After `stop`: everything has ended by itself, and gave back what it held. */
  get isClean(): boolean {
    return this.#isClean;
  }

  /** Resolves when nothing of it goes on any more: no task on a codec thread, no call of user code on the main thread. */
  drained(): Promise<void> {
    return this.#activities.settled();
  }

  /** Gives the shared memory back, piece by piece. After a crash nobody can: the lease then takes all of it at once. */
  giveBack(): Promise<void> {
    return this.#cleanup.run();
  }

  /** Ends the attempt, to begin again with new threads. */
  recycle(lane: LaneHandle, error: PipelineError): void {
    if (this.latch.error === undefined) this.#recycled = lane;
    this.latch.fail(error);
  }

  /** Stops what goes on: there is no more to be done. */
  readonly finish = (): void => {
    this.latch.fail(new PipelineError('ERR_ABORTED', 'the input of this run is worked through'));
  };

  /** How far the order of splits was compared. */
  splits(): SplitOrderState {
    return this.#splits.state();
  }

  /** The lane that was to be replaced, if that ended the attempt. */
  get recycled(): LaneHandle | undefined {
    return this.#recycled;
  }

  /** The batch that was on its way, alone, when a worker died. */
  get poison(): SourceBatch | undefined {
    return this.#replay?.current;
  }

  /** By source node: how far it got. */
  reached(): Map<number, number> {
    return new Map([...this.wiring.gates].map(([node, gate]) => [node, gate.announced()]));
  }

  #makeReplay(ends: RunEnds): Replay | undefined {
    const { replayUpTo: upTo, from } = this.#parts;
    // Where lanes share a join, a batch of one source alone does not go all the way.
    const isShared = this.#parts.planned.physical.stages.some(({ side }) => side !== undefined);
    if (upTo === undefined || isShared) return undefined;
    const { wiring } = this;
    this.#replay = new Replay({ wiring, barriers: this.#makeBarriers(), ends, from: from?.sources ?? new Map(), upTo });
    return this.#replay;
  }

  /**
   * What takes barriers of this attempt; undefined where an operator cannot save its state, so that the run can only begin again at its
   * start.
   */
  barriers(): Barriers | undefined {
    const cannot = this.#lanes.some(({ recovery }) => recovery.includes('from-start') || recovery.includes('never'));
    return cannot ? undefined : this.#makeBarriers();
  }

  #makeBarriers(): Barriers {
    const { planned, lease, emitter } = this.#parts;
    return new Barriers({
      physical: planned.physical,
      wiring: this.wiring,
      lanes: this.#lanes,
      splits: this.#splits,
      sinks: this.#written,
      latch: this.latch,
      i32: lease.arena.i32,
      openPlace: this.#parts.openPlace,
      isReplaying: () => this.#replay?.current !== undefined,
      onAlert: (message) => emitter.emit('alert', noted('spill', 'process', message)),
    });
  }

  #endWhatHadEnded(): void {
    const { from, planned } = this.#parts;
    if (from === undefined) return;
    planned.physical.edges.forEach(({ producer }, index) => {
      if (producer.kind === 'stage' && from.ended.has(producer.stage)) this.wiring.rings[index]?.producer().end(0);
    });
  }

  #poolOf(kind: PoolKind): ThreadPool | undefined {
    return this.#parts.pools.find((pool) => pool.kind === kind);
  }

  /** Counters of an operator in the only lane of its stage. */
  readonly #statisticsOf = (stage: StageSpec, operator: number): OperatorStatistics => {
    const lane = this.wiring.actors.find((actor) => actor.kind === 'lane' && actor.id === stage.id);
    return new OperatorStatistics(this.#parts.lease.arena.buffer, lane?.place.operators[operator] as number);
  };

  #announceStages(): void {
    const { emitter } = this.#parts;
    const counts = new Map<string, number>();
    for (const { config, ended } of this.#lanes) {
      const { name, lanes } = config.stage;
      if (!counts.has(name)) emitter.emit('stage', { stage: name, lanes, state: 'started' });
      counts.set(name, lanes);
      ended.then(
        () => {
          const left = (counts.get(name) as number) - 1;
          counts.set(name, left);
          if (left === 0) emitter.emit('stage', { stage: name, lanes, state: 'ended' });
        },
        () => {},
      );
    }
  }

  /** Ends the sources of which nothing more is needed. */
  #onEnough(node: string): void {
    this.#satisfied.add(node);
    if (this.latch.error !== undefined) return;
    for (const [source, steps] of this.#bounded) {
      if (![...steps].every((step) => this.#satisfied.has(step))) continue;
      this.wiring.gates.get(source)?.setEnough();
      this.#ends?.finish(source);
    }
  }

  /** @throws what a step has thrown, when what came before has been delivered; the death of a worker at once */
  #onCodecDeath(error: PipelineError): void {
    if (this.latch.error === undefined) this.#codecDeath = error;
    this.latch.fail(error);
  }

  /** One task for each thread: the pool gives a task to the thread that has the fewest. */
  async #warmCodecs(): Promise<void> {
    const { codecs } = this.#parts;
    if (codecs === undefined || codecs.isWarm) return;
    const task: WarmTask = { type: 'warm' };
    try {
      await Promise.all(Array.from({ length: codecs.threads }, () => codecs.runner.run(task)));
      codecs.isWarm = true;
    } catch (cause) {
      const died = workerDied('codecs', cause);
      this.#onCodecDeath(died);
      throw died;
    }
  }

  async #afterDelivery(lane: LaneHandle, error: unknown): Promise<never> {
    if (lane.death === undefined)
      await lastDeliveries(this.wiring, this.#parts.planned.physical.edges, this.latch, lane);
    throw error;
  }

  #onFlush(lane: LaneHandle, { node, reason, held }: FlushMessage): void {
    const { stage, lane: number } = lane.config;
    this.#parts.emitter.emit('flush', { node, stage: stage.name, lane: number, reason, held });
  }
}

/** The source node behind an input of a lane. */
function sourceOf({ config: { stage } }: LaneHandle, input: number, { edges }: PhysicalPlan): number {
  if (stage.input.kind === 'splits') return stage.input.node;
  const id = stage.input.kind === 'edge' ? stage.input.edge : stage.input.inputs[input]?.edge;
  const producer = edges.find((edge) => edge.id === id)?.producer;
  return producer === undefined || producer.kind === 'stage' ? -1 : producer.node;
}
