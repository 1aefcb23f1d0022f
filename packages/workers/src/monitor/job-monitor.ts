/** Watches a running job: progress at an interval, and stages that do not get on. */
import type { PlannedRun } from '../coordinator/plan-run.ts';
import type { PressureLevel } from '../governor/pressure.ts';
import type { JobEmitter } from '../job/events.ts';
import type { ParsedRunOptions } from '../job/run-options.ts';
import type { ActorReading } from './actor-statistics.ts';
import { endpointProgress, type Progress } from './progress.ts';
import type { JobReadings } from './readings.ts';
import type { RunWatch } from './run-watch.ts';
import type { MetricsSnapshot } from './snapshot.ts';

/** A job, as far as it is watched. */
interface Watched {
  /** There once the run has been wired. */
  readonly readings: JobReadings | undefined;
  readonly planned: PlannedRun | undefined;
  arenaBytes(): number;
  snapshot(): MetricsSnapshot;
  /** Fails the run from outside. */
  stop(error: unknown): void;
}

const ALERTS_EVERY_MS = 1000;

export class JobMonitor {
  readonly #job: Watched;
  readonly #options: ParsedRunOptions;
  readonly #emitter: JobEmitter;
  readonly #watch: Pick<RunWatch, 'sampler' | 'alerts'>;
  readonly #startedAt: number;
  #pressure: PressureLevel = 'normal';
  readonly #timers: NodeJS.Timeout[] = [];
  /** What an actor had taken when last looked at, and since when. */
  readonly #lastSeen: Map<string, { packets: number; sinceMs: number }> = new Map();

  constructor(
    job: Watched,
    options: ParsedRunOptions,
    emitter: JobEmitter,
    watch: Pick<RunWatch, 'sampler' | 'alerts'>,
    startedAt: number,
  ) {
    this.#job = job;
    this.#options = options;
    this.#emitter = emitter;
    this.#watch = watch;
    this.#startedAt = startedAt;
    emitter.on('pressure', ({ level }) => {
      this.#pressure = level;
    });
    emitter.on('restart', () => {
      this.#pressure = 'normal';
    });
    const { progressEveryMs, stallTimeoutMs, alerts } = options;
    if (progressEveryMs > 0) this.#every(progressEveryMs, () => this.#report());
    if (stallTimeoutMs > 0) this.#every(Math.max(stallTimeoutMs / 4, 5), () => this.#lookForStalls());
    if (alerts !== undefined || emitter.hasListeners('alert'))
      this.#every(alerts?.everyMs ?? ALERTS_EVERY_MS, () => watch.alerts.look(job.snapshot()));
  }

  progress(): Progress {
    const { readings } = this.#job;
    const elapsedMs = performance.now() - this.#startedAt;
    return {
      elapsedMs,
      sources: (readings?.sources() ?? []).map((count) => endpointProgress(count, elapsedMs)),
      sinks: (readings?.sinks() ?? []).map((count) => endpointProgress(count, elapsedMs)),
      memory: {
        limitBytes: this.#job.planned?.physical.memoryLimitBytes ?? 0,
        arenaBytes: this.#job.arenaBytes(),
        rssBytes: this.#watch.sampler.sample(),
        idleRssBytes: this.#watch.sampler.idleBytes,
        peakRssBytes: this.#watch.sampler.peakBytes,
      },
      pressure: this.#pressure,
    };
  }

  /** Reports once more and stops watching. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#report();
  }

  #every(periodMs: number, action: () => void): void {
    const timer = setInterval(action, periodMs);
    timer.unref();
    this.#timers.push(timer);
  }

  #report(): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined && !this.#emitter.hasListeners('progress')) return;
    const progress = this.progress();
    try {
      onProgress?.(progress);
    } catch (error) {
      this.#job.stop(error);
    }
    this.#emitter.emit('progress', progress);
  }

  /**
   * A stage that works, or waits for room in its output, and takes nothing for the whole timeout is stalled. One that
   * waits for input is not: its source may be slow, and that is named where it is seen.
   */
  #lookForStalls(): void {
    const now = Date.now();
    const stalled = new Set<string>();
    for (const { actor, reading } of this.#job.readings?.actors() ?? []) {
      const key = `${actor.kind} ${actor.id} ${actor.lane}`;
      const seen = this.#lastSeen.get(key);
      if (
        seen === undefined ||
        seen.packets !== reading.packets ||
        reading.activity === 'done' ||
        reading.activity === 'waiting for input'
      ) {
        this.#lastSeen.set(key, { packets: reading.packets, sinceMs: now });
      } else if (now - seen.sinceMs >= this.#options.stallTimeoutMs) {
        stalled.add(actor.name);
        this.#raise(actor.name, reading, seen.sinceMs, now);
      }
    }
    for (const { kind, stage } of this.#watch.alerts.active())
      if (kind === 'stalled' && !stalled.has(stage)) this.#watch.alerts.clear(kind, stage);
  }

  #raise(stage: string, reading: ActorReading, sinceMs: number, nowMs: number): void {
    const message = `"${stage}" has taken nothing for ${Math.round((nowMs - sinceMs) / 1000)} s: ${this.#whatItDoes(reading)}`;
    this.#watch.alerts.raise({ kind: 'stalled', severity: 'critical', stage, message, sinceMs });
  }

  /** What an actor does; when it waits for room, who has to make it, what that one does, and so on to the last. */
  #whatItDoes({ activity, waitsFor }: ActorReading): string {
    const edge = this.#job.planned?.physical.edges.find((candidate) => candidate.id === waitsFor);
    const taker = activity === 'waiting for input' || edge === undefined ? undefined : this.#nameOf(edge.consumer);
    if (taker === undefined) return activity;
    const takers = (this.#job.readings?.actors() ?? []).filter(({ actor }) => actor.name === taker);
    // Edges go one way, so this comes to an end.
    const next = takers.find(({ reading }) => reading.activity !== 'done') ?? takers[0];
    const then = next === undefined ? '' : `; that one is ${this.#whatItDoes(next.reading)}`;
    return `${activity}, which "${taker}" takes${then}`;
  }

  #nameOf(end: { kind: string; stage?: number; node?: number }): string | undefined {
    const planned = this.#job.planned;
    if (end.stage !== undefined) return planned?.physical.stages.find((stage) => stage.id === end.stage)?.name;
    return planned?.logical.nodes.find((node) => node.id === end.node)?.name;
  }
}
