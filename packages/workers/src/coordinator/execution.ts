/**
 * The life of one run: plan, admit, wire, configure every lane, start, wait for all parts, commit; and on every path:
 * stop what still runs, give back threads and shared memory. The coordinator is not in the path of the rows, except for
 * sources and sinks that live on the main thread.
 */
import { PipelineError } from '@spillway/core/base';
import type { ArenaHandle, PhysicalPlan, StageSpec } from '@spillway/core/internal';
import { type MemorySplit, splitMemory } from '@spillway/core/planner';
import type { WarmTask } from '../codecs/protocol.ts';
import { MainHeap } from '../governor/main-heap.ts';
import { PressureSampler } from '../governor/pressure-sampler.ts';
import { SharedPressure } from '../governor/shared-pressure.ts';
import type { JobEmitter } from '../job/events.ts';
import type { ParsedRunOptions } from '../job/run-options.ts';
import type { Summary } from '../job/summary.ts';
import type { JobMonitor } from '../monitor/job-monitor.ts';
import type { JobReadings } from '../monitor/readings.ts';
import { ResidentSampler } from '../monitor/resident.ts';
import type { CollectedRows } from '../sinks/collected-rows.ts';
import { orAborted } from '../sinks/drain-edge.ts';
import { Activities } from './activities.ts';
import { ArenaLease } from './arena-lease.ts';
import { Cleanup } from './cleanup.ts';
import { refusePushes, settleSinks } from './ends.ts';
import { abortedError, FailureLatch } from './failure.ts';
import type { FlushMessage, LaneHandle, LaneListener } from './lane-handle.ts';
import { type PlannedRun, planRun, type SinkInput } from './plan-run.ts';
import type { RunParts } from './run-parts.ts';
import { checkOutPool, discardPool, type PoolKind, preloadPools, returnPool, type ThreadPool } from './thread-pools.ts';
import type { Wiring } from './wiring.ts';
import { commitWriters, discardWriters, type WrittenSink } from './written-sinks.ts';

type RunModules = typeof import('./run-modules.ts');

/** After a failure, threads that have not ended their part by then are ended. User code that never yields is the reason. */
const STOP_GRACE_MS = 400;

export class Execution {
  readonly latch: FailureLatch = new FailureLatch();
  /** There once the run has been wired. */
  readings: JobReadings | undefined;
  planned: PlannedRun | undefined;
  /** Rows that `collect` sinks hold, by node id. */
  readonly collected: Map<number, CollectedRows> = new Map();
  readonly #options: ParsedRunOptions;
  readonly #emitter: JobEmitter;
  readonly #cleanup: Cleanup = new Cleanup();
  readonly #activities: Activities = new Activities(this.latch);
  readonly #pools: ThreadPool[] = [];
  #poolsReady: Promise<unknown> = Promise.resolve();
  readonly #written: WrittenSink[] = [];
  readonly #sampler: ResidentSampler = new ResidentSampler();
  readonly #startedAt: number = performance.now();
  #endedAt: number | undefined;
  #isDecided = false;
  #lanes: LaneHandle[] = [];
  #wiring: Wiring | undefined;
  #lease: ArenaLease | undefined;
  #monitor: JobMonitor | undefined;
  #modules: RunModules | undefined;
  #pressure: SharedPressure | undefined;
  #pressureSampler: PressureSampler | undefined;
  #mainHeap: MainHeap | undefined;

  constructor(options: ParsedRunOptions, emitter: JobEmitter) {
    this.#options = options;
    this.#emitter = emitter;
  }

  /** Runs to the end. @throws the first failure, when everything has stopped and been given back */
  async run(sinks: readonly SinkInput[]): Promise<Summary> {
    try {
      const planned = await this.#plan(sinks);
      await this.#prepare(planned);
      this.#start();
      await orAborted(this.#activities.settled(), this.latch.signal);
      this.latch.check();
      this.#isDecided = true;
      await this.#commit();
    } catch (error) {
      this.latch.fail(error);
    }
    await this.#end();
    const { error } = this.latch;
    settleSinks(sinks, error);
    if (error !== undefined) for (const rows of this.collected.values()) rows.discard();
    if (error !== undefined) await refusePushes(sinks, error);
    this.latch.check();
    return this.summary(true);
  }

  /**
   * Fails the run from outside: abort, listeners, progress. No longer once its commits have begun: an error then would say
   * that nothing was committed.
   */
  stop(error: unknown): void {
    if (!this.#isDecided) return this.latch.fail(error);
    if ((error as { code?: unknown }).code !== 'ERR_ABORTED')
      process.emitWarning(`after the job's work was done: ${String(error)}`, 'SpillwayWarning');
  }

  /** Flushes one buffer by its node's name, or all of them. */
  flush(name: string | undefined): void {
    for (const lane of this.#lanes) {
      if (name === undefined || lane.config.stage.operators.some((operator) => operator.name === name))
        lane.flush(name);
    }
  }

  /** Tells the lanes whether anybody listens to flush events. */
  setListening(listens: boolean): void {
    if (this.#wiring !== undefined && this.#lease !== undefined)
      Atomics.store(this.#lease.arena.i32, this.#wiring.listening >>> 2, listens ? 1 : 0);
  }

  arenaBytes(): number {
    return this.#lease?.usedBytes() ?? 0;
  }

  elapsedMs(): number {
    return (this.#endedAt ?? performance.now()) - this.#startedAt;
  }

  /** What a `collect()` sink has taken. @throws ERR_OPTIONS when it is no such sink of this run */
  collectedOf(sink: SinkInput): CollectedRows {
    const rows = this.collected.get(this.planned?.sinkIds.get(sink) ?? -1);
    if (rows !== undefined) return rows;
    throw new PipelineError(
      'ERR_OPTIONS',
      'table() and rows() were given something else than a collect() sink of this run',
      {
        hint: 'keep the sink: const sink = stream.collect(); const job = run([sink]); await job.table(sink)',
      },
    );
  }

  summary(ok: boolean): Summary {
    const { readings } = this;
    const sources = (readings?.sources() ?? []).map(({ name, rows }) => ({ name, rows }));
    const sinks = (readings?.sinks() ?? []).map(({ name, rows }) => ({ name, rows }));
    return {
      ok,
      rowsIn: sources.reduce((sum, source) => sum + source.rows, 0),
      rowsOut: sinks.reduce((sum, sink) => sum + sink.rows, 0),
      elapsedMs: this.elapsedMs(),
      memoryLimitBytes: this.planned?.physical.memoryLimitBytes ?? 0,
      peakRssBytes: this.#sampler.peakBytes,
      idleRssBytes: this.#sampler.idleBytes,
      spilledBytes: readings?.stages().reduce((sum, stage) => sum + stage.spilledBytes, 0) ?? 0,
      flushes: readings?.flushes() ?? { iterations: 0, rows: 0, memory: 0, interval: 0, pressure: 0, end: 0 },
      stages: readings?.stages() ?? [],
      sources,
      sinks,
      ...(this.latch.error === undefined ? {} : { error: this.latch.error.toJSON() }),
    };
  }

  async #plan(sinks: readonly SinkInput[]): Promise<PlannedRun> {
    this.#watchSignal(this.#options.signal);
    void preloadPools();
    const planned = await planRun(sinks, this.#options);
    this.planned = planned;
    this.latch.check();
    return planned;
  }

  async #prepare(planned: PlannedRun): Promise<void> {
    const { physical, logical } = planned;
    const split = splitMemory(logical, physical);
    const lease = new ArenaLease(split.arenaBytes);
    this.#lease = lease;
    // Threads start while the rest is loaded and made ready.
    this.#takePools(physical, lease.arena.handle, split);
    await this.#poolsReady;
    const modules = await import('./run-modules.ts');
    this.#modules = modules;
    this.latch.check();
    const spill = await modules.spillPlace(physical, this.#options, this.#cleanup);
    const wiring = modules.wireRun({
      logical,
      physical,
      lease,
      cleanup: this.#cleanup,
      positionsOf: (node) => planned.positions.get(node) ?? [],
      userBytesEach: split.userBytesEach,
      spill,
    });
    this.#wiring = wiring;
    this.#pressure = new SharedPressure(lease.arena, wiring.pressure);
    this.#pressure.begin();
    this.latch.onFailure(() => {
      for (const ring of wiring.rings) ring.fail();
    });
    this.readings = new modules.JobReadings(logical, physical, wiring.actors, lease.arena.buffer, planned.totals);
    this.setListening(this.#emitter.hasListeners('flush'));
    this.#written.push(...(await modules.openWriters(wiring)));
    await this.#startThreads(wiring, modules);
    await modules.loadDelivery(wiring);
    this.#sampler.markIdle();
    const pressure = this.#pressure;
    pressure.setIdle(this.#sampler.idleBytes);
    this.#mainHeap = new MainHeap({
      budgetBytes: split.mainBytes,
      memoryLimitBytes: physical.memoryLimitBytes,
      overshootBytes: (more) => pressure.overshootBytes(more),
    });
  }

  /** One thread a lane; those of ops that block in a pool of their own. */
  #takePools({ stages }: PhysicalPlan, arena: ArenaHandle, split: MemorySplit): void {
    const { heapLimitMebibytes, nurseryMebibytes, codecThreads } = split;
    const lanesOf = (kind: PoolKind): number =>
      stages.reduce((sum, stage) => sum + (lanePoolKind(stage) === kind ? stage.lanes : 0), 0);
    const take = async (kind: PoolKind, threads: number): Promise<void> => {
      if (threads > 0)
        this.#pools.push(await checkOutPool({ kind, threads, heapLimitMebibytes, nurseryMebibytes, arena }));
    };
    this.#poolsReady = Promise.all([
      take('lanes', lanesOf('lanes')),
      take('blocking', lanesOf('blocking')),
      take('codecs', codecThreads),
    ]);
    this.#poolsReady.catch(() => {}); // awaited on every path
  }

  #poolOf(kind: PoolKind): ThreadPool | undefined {
    return this.#pools.find((pool) => pool.kind === kind);
  }

  async #startThreads(wiring: Wiring, modules: RunModules): Promise<void> {
    const splits = new modules.SplitOrder(this.latch);
    const listener: LaneListener = {
      onFlush: (lane, message) => this.#onFlush(lane, message),
      onAlert: (lane, { message }) =>
        this.#emitter.emit('alert', { kind: 'spill', stage: lane.config.stage.name, message }),
      onSplit: (lane, message) => splits.add(lane.config.stage, message),
    };
    this.#lanes = wiring.lanes.map(
      (config) => new modules.LaneHandle(this.#poolOf(lanePoolKind(config.stage)) as ThreadPool, config, listener),
    );
    for (const lane of this.#lanes) {
      this.latch.onFailure(() => lane.stop());
      this.#activities.watch(lane.config.stage.name, lane.ended);
    }
    await Promise.all([...this.#lanes.map((lane) => lane.configure()), warmCodecs(this.#poolOf('codecs'))]);
    this.latch.check();
  }

  #start(): void {
    const wiring = this.#wiring as Wiring;
    const modules = this.#modules as RunModules;
    const parts: RunParts = {
      planned: this.planned as PlannedRun,
      wiring,
      lease: this.#lease as ArenaLease,
      latch: this.latch,
      activities: this.#activities,
      codecs: this.#poolOf('codecs'),
      codecThreads: this.#poolOf('codecs')?.threads ?? 0,
      mainHeap: this.#mainHeap as MainHeap,
      collected: this.collected,
    };
    this.#monitor = new modules.JobMonitor(this, this.#options, this.#emitter, this.#sampler, this.#startedAt);
    this.#pressureSampler = new PressureSampler({
      shared: this.#pressure as SharedPressure,
      rings: wiring.rings,
      emitter: this.#emitter,
      maxSystemMemory: this.#options.maxSystemMemory,
    });
    modules.startMainSinks(parts);
    modules.startWriters(parts, this.#written);
    for (const lane of this.#lanes) lane.start();
    this.#announceStages();
    modules.startReaders(parts);
    modules.startFeeders(parts);
  }

  /** All rows have arrived: store sinks become visible now, each in one commit. */
  async #commit(): Promise<void> {
    await commitWriters(this.#written);
  }

  async #end(): Promise<void> {
    const hasEnded = await this.#stopAll();
    this.#monitor?.close();
    this.#pressureSampler?.close();
    this.#pressure?.close();
    this.readings?.freeze();
    this.latch.disarm();
    await this.#poolsReady.catch(() => {});
    const isClean =
      hasEnded && this.#lanes.every((lane) => !lane.hasDied) && this.latch.error?.code !== 'ERR_WORKER_DIED';
    await Promise.all(this.#pools.splice(0).map(isClean ? returnPool : discardPool));
    if (!hasEnded) await this.#activities.settled();
    await discardWriters(this.#written);
    await this.#giveBackMemory(isClean);
    this.#sampler.close();
    this.#endedAt = performance.now();
  }

  async #stopAll(): Promise<boolean> {
    if (this.latch.error === undefined) return true;
    return this.#activities.settledWithin(STOP_GRACE_MS);
  }

  async #giveBackMemory(isClean: boolean): Promise<void> {
    try {
      await this.#cleanup.run();
    } catch (error) {
      this.latch.fail(error);
    }
    const lease = this.#lease;
    if (lease === undefined) return;
    lease.arena.trim();
    const leftBytes = lease.usedBytes();
    if (leftBytes > 0) lease.reclaim();
    lease.release();
    if (leftBytes > 0 && isClean && this.#options.debug) {
      this.latch.fail(
        new PipelineError('ERR_INTERNAL', `${leftBytes} bytes of shared memory were not given back`, {
          hint: 'this is a bug: report it with the plan',
        }),
      );
    }
  }

  #watchSignal(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const stop = (): void => this.stop(abortedError(signal.reason));
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    this.#cleanup.add(() => signal.removeEventListener('abort', stop));
  }

  #announceStages(): void {
    const counts = new Map<string, number>();
    for (const { config, ended } of this.#lanes) {
      const { name, lanes } = config.stage;
      if (!counts.has(name)) this.#emitter.emit('stage', { stage: name, lanes, state: 'started' });
      counts.set(name, lanes);
      ended.then(
        () => {
          const left = (counts.get(name) as number) - 1;
          counts.set(name, left);
          if (left === 0) this.#emitter.emit('stage', { stage: name, lanes, state: 'ended' });
        },
        () => {},
      );
    }
  }

  #onFlush(lane: LaneHandle, { node, reason, held }: FlushMessage): void {
    const { stage, lane: number } = lane.config;
    this.#emitter.emit('flush', { node, stage: stage.name, lane: number, reason, held });
  }
}

function lanePoolKind(stage: StageSpec): PoolKind {
  return stage.blocking ? 'blocking' : 'lanes';
}

/** One task for each thread: the pool gives a task to the thread that has the fewest. */
async function warmCodecs(pool: ThreadPool | undefined): Promise<void> {
  const task: WarmTask = { type: 'warm' };
  await Promise.all(Array.from({ length: pool?.threads ?? 0 }, () => pool?.piscina.run(task)));
}
