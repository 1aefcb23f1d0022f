/**
 * The life of one run: plan, admit, make attempts until one goes to the end, commit; and on every path: give back threads and shared
 * memory. The coordinator is not in the path of the rows, except for sources and sinks that live on the main thread.
 */

import { PipelineError } from '@spillway/core/base';
import type { LogicalPlan, ResolvedPlan } from '@spillway/core/internal';
import { type MemorySplit, preloadKernels, splitMemory } from '@spillway/core/planner';
import type { Advice } from '../advice/advice.ts';
import { noted } from '../alerts/alert.ts';
import type { JobEmitter } from '../job/events.ts';
import type { ParsedRunOptions } from '../job/run-options.ts';
import type { Summary } from '../job/summary.ts';
import { pathFrom } from '../monitor/gauges.ts';
import type { JobMonitor } from '../monitor/job-monitor.ts';
import type { JobReadings } from '../monitor/readings.ts';
import { RunWatch } from '../monitor/run-watch.ts';
import type { MetricsSnapshot } from '../monitor/snapshot.ts';
import type { Resume } from '../resume/resume.ts';
import type { CollectedRows } from '../sinks/collected-rows.ts';
import { orAborted } from '../sinks/drain-edge.ts';
import { Activities } from './activities.ts';
import { ArenaLease } from './arena-lease.ts';
import type { Attempt } from './attempt.ts';
import type { BadRowReports } from './bad-rows.ts';
import { Cleanup } from './cleanup.ts';
import { DeadLetters } from './dead-letters.ts';
import { refusePushes, settleSinks } from './ends.ts';
import { abortedError, FailureLatch, leakError } from './failure.ts';
import type { LaneHandle } from './lane-handle.ts';
import { type PlannedRun, planRun, type SinkInput, type Starts } from './plan-run.ts';
import type { SourceBatch } from './replay.ts';
import { type RestartCause, Restarts } from './restarts.ts';
import type { RunBarriers } from './run-barriers.ts';
import type { RunEnds } from './run-ends.ts';
import { RunThreads } from './run-threads.ts';
import type { SpillPlace } from './spill-place.ts';
import { summarize } from './summarize.ts';
import { preloadPiscina, takePool } from './thread-pools.ts';
import { isPacked, unpackInputs } from './unpack-inputs.ts';
import type { WrittenSink } from './written-sinks.ts';

type RunModules = typeof import('./run-modules.ts');

/** Does what comes before a plan can be run. Stops at the signal; what it has to tell goes to the listeners of the job. */
export type PlanMaker = (signal: AbortSignal, events: JobEmitter) => Promise<LogicalPlan>;

export class Execution {
  readonly latch: FailureLatch = new FailureLatch();
  /** There once the run has been wired. */
  readings: JobReadings | undefined;
  planned: PlannedRun | undefined;
  /** Sinks that write files. */
  written: WrittenSink[] | undefined;
  readonly #options: ParsedRunOptions;
  readonly #emitter: JobEmitter;
  readonly #cleanup: Cleanup = new Cleanup();
  /** What outlasts attempts: the feeding of sources by user code. */
  readonly #activities: Activities = new Activities(this.latch);
  readonly #restarts: Restarts;
  readonly #deadLetters: DeadLetters;
  #barriers: RunBarriers | undefined;
  /** Of a run that another process can go on with. */
  #resume: Resume | undefined;
  /** Lanes that were told to go on, though their code keeps too much, until they are replaced. */
  readonly #told: Set<LaneHandle> = new Set();
  readonly #watch: RunWatch;
  readonly #startedAt: number = performance.now();
  #endedAt: number | undefined;
  #advice: Advice | undefined;
  #isDecided = false;
  #threads: RunThreads | undefined;
  #attempt: Attempt | undefined;
  /** Over all attempts: a chunk that is read again is counted once. */
  #badRows: BadRowReports | undefined;
  #lease: ArenaLease | undefined;
  #monitor: JobMonitor | undefined;
  #modules: RunModules | undefined;
  #split: MemorySplit | undefined;
  #spill: SpillPlace | undefined;
  #ends: RunEnds | undefined;
  /** What a run that has nothing to do gives. */
  #stored: Summary | undefined;

  constructor(options: ParsedRunOptions, emitter: JobEmitter) {
    this.#options = options;
    this.#emitter = emitter;
    this.#watch = new RunWatch(emitter, options.alerts, (stage) => pathFrom(this.planned, stage));
    const { onPoisonBatch } = options;
    this.#restarts = new Restarts(options.restarts, onPoisonBatch !== undefined);
    this.#deadLetters = new DeadLetters(onPoisonBatch ?? (() => {}));
    this.latch.onFailure(() => this.#attempt?.latch.fail(this.latch.error));
  }

  /** Runs to the end. @throws the first failure, when everything has stopped and been given back */
  async run(sinks: readonly SinkInput[], given?: LogicalPlan | PlanMaker): Promise<Summary> {
    try {
      const planned = await this.#plan(sinks, given);
      if (this.#stored === undefined) await this.#runPlanned(planned);
    } catch (error) {
      this.latch.fail(error);
    }
    await this.#end();
    const { error } = this.latch;
    settleSinks(sinks, error);
    if (error !== undefined) this.#ends?.discard();
    if (error !== undefined) await refusePushes(sinks, error);
    this.latch.check();
    return this.#stored ?? this.summary(true);
  }

  async #runPlanned(planned: PlannedRun): Promise<void> {
    await this.#prepare(planned);
    if (isPacked(planned)) await unpackInputs(planned, await this.#openSpillPlace(), this.latch.signal);
    while (!(await this.#attemptRun(planned)));
    await orAborted(this.#activities.settled(), this.latch.signal);
    this.latch.check();
    this.#isDecided = true;
    await this.#commit();
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
    this.#attempt?.flush(name);
  }

  /** Tells the lanes that somebody listens to flush events. */
  listenToFlushes(): void {
    this.#attempt?.setListening(this.#watch.attention());
  }

  /** Everything that is shown of the run. From the first one that somebody looks at, lanes report their heaps as well. */
  snapshot(isLookedAt = true): MetricsSnapshot {
    const isFirst = isLookedAt && !this.#watch.isWatched;
    const limitBytes = this.planned?.physical.memoryLimitBytes ?? 0;
    const { readings } = this;
    const parts = {
      readings,
      gauges: this.#attempt?.gauges,
      limitBytes,
      elapsedMs: this.elapsedMs(),
      spillFolder: this.#spill?.folder,
    };
    const snapshot = this.#watch.snapshot(parts, isLookedAt);
    if (isFirst) this.#attempt?.setListening(this.#watch.attention());
    return snapshot;
  }

  arenaBytes(): number {
    return this.#lease?.usedBytes() ?? 0;
  }

  elapsedMs(): number {
    return (this.#endedAt ?? performance.now()) - this.#startedAt;
  }

  /** What a `collect()` sink has taken. @throws ERR_OPTIONS when it is no such sink of this run */
  collectedOf(sink: SinkInput): CollectedRows {
    const rows = this.#ends?.collectedOf(this.planned?.sinkIds.get(sink) ?? -1);
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
    const { idleBytes: idleRssBytes, peakBytes: peakRssBytes } = this.#watch.sampler;
    return summarize(this.readings, {
      ok,
      elapsedMs: this.elapsedMs(),
      memoryLimitBytes: this.planned?.physical.memoryLimitBytes ?? 0,
      ...{ idleRssBytes, peakRssBytes },
      restarts: this.#restarts.count,
      deadLetters: { ...this.#deadLetters.count },
      badRowsOf: (source) => this.#badRows?.countOf(source),
      overlaps: (sink) => this.written?.some(({ name, overlaps }) => name === sink && overlaps) === true,
      advice: this.#advice,
      error: this.latch.error,
    });
  }

  async #plan(sinks: readonly SinkInput[], given: LogicalPlan | PlanMaker | undefined): Promise<PlannedRun> {
    this.#watchSignal(this.#options.signal);
    preloadKernels();
    if (this.#options.ownThreadBytes === 0) void preloadPiscina();
    const plan = typeof given === 'function' ? await given(this.latch.signal, this.#emitter) : given;
    this.latch.check();
    const planned = await planRun(sinks, this.#options, (built, logical) => this.#goOn(built, logical), plan);
    this.planned = planned;
    if (planned.reduced !== undefined) this.#emitter.emit('alert', noted('memory', 'process', planned.reduced));
    this.latch.check();
    return planned;
  }

  /** What all attempts share, and the threads of the first. */
  async #prepare(planned: PlannedRun): Promise<void> {
    const { physical, logical } = planned;
    const split = splitMemory(logical, physical);
    this.#split = split;
    const lease = new ArenaLease(split.arenaBytes);
    this.#lease = lease;
    // Threads start while the rest is loaded and made ready.
    const threads = new RunThreads(physical, split, lease.arena.handle, await this.#takerFor(planned));
    this.#threads = threads;
    await this.#watch.keepHistory(planned, this.#options, this);
    await threads.ready();
    const modules = (this.#modules = await import('./run-modules.ts'));
    this.latch.check();
    this.#spill = await modules.spillPlace(physical, this.#options, this.#cleanup);
    this.#cleanup.add(() => this.#ends?.close());
    this.#barriers = new modules.RunBarriers({
      ...{ options: this.#options, emitter: this.#emitter, planned, resume: this.#resume, latch: this.latch },
      sinks: () => this.written ?? [],
    });
    this.#barriers.checkpoint = await this.#resume?.checkpoint(
      planned,
      async () => (await this.#openSpillPlace()).folder,
    );
  }

  async #takerFor(planned: PlannedRun): Promise<typeof takePool> {
    const { ownThreadBytes } = this.#options;
    return ownThreadBytes === 0 ? takePool : (await import('./own-thread.ts')).takerFor(planned, ownThreadBytes);
  }

  /** @returns false when a worker has died and the run begins again. @throws what fails the run */
  async #attemptRun(planned: PlannedRun): Promise<boolean> {
    const modules = this.#modules as RunModules;
    const threads = this.#threads as RunThreads;
    const attempt = new modules.Attempt({
      planned,
      split: this.#split as MemorySplit,
      lease: this.#lease as ArenaLease,
      options: this.#options,
      emitter: this.#emitter,
      badRows: (this.#badRows ??= new modules.BadRowReports(planned.logical, this.#emitter)),
      pools: await threads.stagePools(),
      codecs: await threads.codecs(),
      spill: this.#spill,
      number: this.#restarts.count,
      from: this.#barriers?.checkpoint,
      drops: this.#restarts.drops,
      replayUpTo: this.#restarts.replayUpTo(this.#barriers?.passed ?? new Map()),
      attention: () => this.#watch.attention(),
      openPlace: () => this.#openSpillPlace(),
      onDropped: (batch, rows) => this.#activities.watch('onPoisonBatch', this.#deadLetters.deliver(batch, rows)),
      onUnmanaged: (lane, error) => this.#activities.watch(lane.config.stage.name, this.#recycle(lane, error)),
      openWriters: async (wiring) => (this.written ??= await modules.openWriters(wiring, this.#resume)),
    });
    this.#attempt = attempt;
    threads.handOver();
    this.readings = attempt.readings;
    try {
      this.latch.check();
      await attempt.prepare();
      this.#ends ??= await this.#makeReady(attempt, planned);
      attempt.start(this.#ends, this.#watch.sampler.idleBytes);
      await (this.#barriers as RunBarriers).settle(attempt, this.#ends, this.#restarts.canRestart(attempt));
      return true;
    } catch (error) {
      attempt.latch.fail(error);
      const cause = this.latch.error === undefined ? this.#causeOf(attempt, planned) : undefined;
      if (cause === undefined) throw attempt.latch.error ?? error;
      await this.#restart(attempt, cause);
      return false;
    }
  }

  #causeOf(attempt: Attempt, planned: PlannedRun): RestartCause | undefined {
    const modules = this.#modules as RunModules;
    const describe = (batch: SourceBatch): string => modules.describeBatch(planned, batch);
    const facts = { lost: this.#ends?.lost, passed: this.#barriers?.passed ?? new Map(), describe };
    const cause = this.#restarts.causeOf(attempt, facts);
    if (cause?.batch === undefined) return cause;
    const { batch, stage, error } = cause;
    const source = planned.logical.nodes.find(({ id }) => id === batch.node)?.name ?? '';
    this.#deadLetters.expect({ ...batch, source, place: describe(batch), stage, error });
    return cause;
  }

  /**
   * A lane's code holds too much, and the lane waits: it gets a new thread, which goes on from a fresh barrier. Until that is complete the lane
   * works on what is on its way; where its code takes still more of that, the last barrier has to do.
   */
  async #recycle(lane: LaneHandle, error: PipelineError): Promise<void> {
    const attempt = this.#attempt as Attempt;
    if (attempt.latch.error !== undefined) return;
    if (!this.#restarts.canRecycle(attempt, lane.config.stage.name)) return attempt.latch.fail(error);
    if (this.#told.has(lane)) return attempt.recycle(lane, error);
    const isFirst = this.#told.size === 0;
    this.#told.add(lane);
    // Gates are closed before it goes on.
    const taken = isFirst ? this.#barriers?.takeNow() : undefined;
    lane.goOn();
    if (!isFirst) return;
    await taken;
    this.#told.clear();
    attempt.recycle(lane, error);
  }

  /** For runs whose operators never spill: snapshots may, and compressed text has to lie somewhere. */
  async #openSpillPlace(): Promise<SpillPlace> {
    const modules = this.#modules as RunModules;
    return (this.#spill ??= await modules.openSpillPlace(this.#options, this.#cleanup));
  }

  /** Before the first attempt starts: all threads are there, and nothing has been read. */
  async #makeReady(attempt: Attempt, planned: PlannedRun): Promise<RunEnds> {
    const modules = this.#modules as RunModules;
    await modules.loadDelivery(attempt.wiring);
    this.#watch.sampler.markIdle();
    this.#monitor = new modules.JobMonitor(this, this.#options, this.#emitter, this.#watch, this.#startedAt);
    const mainHeap = new modules.MainHeap({
      memory: () => (this.#attempt as Attempt).wiring.memory,
      leastBytes: (this.#split as MemorySplit).leastMainBytes,
      overshootBytes: (more) => this.#attempt?.overshootBytes(more) ?? 0,
    });
    return new modules.RunEnds({
      planned,
      lease: this.#lease as ArenaLease,
      latch: this.latch,
      activities: this.#activities,
      emitter: this.#emitter,
      mainHeap,
      spill: this.#spill,
      keeps: this.#restarts.canRestart(attempt),
      starts: this.#resume?.starts ?? new Map(),
    });
  }

  /** Stops everything, drops what the attempt has made, and takes fresh threads. */
  async #restart(attempt: Attempt, { kind, stage, reason, error }: RestartCause): Promise<void> {
    this.#emitter.emit('restart', {
      kind,
      stage,
      reason,
      error,
      epoch: this.#barriers?.epoch ?? 0,
      restarts: this.#restarts.count,
    });
    await attempt.stop();
    // User code on the main thread may still work on a batch; its memory must not be given to others meanwhile.
    await orAborted(attempt.drained(), this.latch.signal);
    await this.#ends?.saveForRestart();
    this.latch.check();
    (this.#lease as ArenaLease).startAnew();
    const marks = this.#barriers?.checkpoint?.sinks;
    await Promise.all((this.written ?? []).map((sink) => sink.startAnew(marks?.get(sink.node))));
    const modules = this.#modules as RunModules;
    await modules.emptySpillPlace(this.#spill, new Set(this.#barriers?.checkpoint?.files.keys()));
    await (this.#threads as RunThreads).renew(attempt.codecDeath !== undefined);
  }

  /** All rows have arrived: store sinks become visible now, each in one commit. */
  async #commit(): Promise<void> {
    const modules = this.#modules as RunModules;
    if (this.#resume === undefined) return modules.commitWriters(this.written ?? []);
    if (this.#resume.options.inputEnds === 'more') return;
    await this.#barriers?.close(this.#attempt as Attempt, this.#ends as RunEnds, this.summary(true));
  }

  /** Has the plan go on where an earlier run of its id has come to. */
  async #goOn(plan: LogicalPlan, logical: ResolvedPlan): Promise<Starts> {
    const { resume } = this.#options;
    if (resume === undefined) return undefined;
    this.#resume = await (await import('../resume/resume.ts')).Resume.open(resume, plan, logical);
    this.#stored = this.#resume.closedSummary(logical);
    return { starts: this.#resume.starts, isOpen: resume.inputEnds === 'more' };
  }

  async #end(): Promise<void> {
    const attempt = this.#attempt;
    const hasEnded = await (attempt?.stop() ?? true);
    const isClean = attempt?.isClean ?? true;
    this.#monitor?.close();
    this.latch.disarm();
    await this.#threads?.giveBack(isClean);
    if (!hasEnded) await attempt?.drained();
    await this.#activities.settled();
    const modules = this.#modules; // none where the run has not come so far
    await modules?.discardWriters(this.written ?? []);
    await this.#resume?.close();
    await this.#badRows?.write().catch((error: unknown) => this.latch.fail(error));
    await this.#giveBackMemory(isClean);
    this.#watch.close();
    this.#endedAt = performance.now();
    const { planned } = this;
    if (planned === undefined || this.readings === undefined) return;
    this.#advice = await this.#watch.conclude(
      planned,
      this.snapshot(false),
      this.summary(this.latch.error === undefined),
    );
  }

  async #giveBackMemory(isClean: boolean): Promise<void> {
    const reservedBytes = isClean ? (this.#attempt?.wiring.memory.leftBytes() ?? 0) : 0;
    try {
      await this.#attempt?.giveBack();
    } catch (error) {
      this.latch.fail(error);
    }
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
    if (leftBytes + reservedBytes > 0 && isClean && this.#options.debug)
      this.latch.fail(leakError(leftBytes, reservedBytes));
  }

  #watchSignal(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const stop = (): void => this.stop(abortedError(signal.reason));
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    this.#cleanup.add(() => signal.removeEventListener('abort', stop));
  }
}
