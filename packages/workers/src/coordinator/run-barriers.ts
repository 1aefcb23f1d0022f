/**
 * Barriers over the attempts of a run: when they are taken, which of them are durable, and what the next attempt goes on from. With `resume`
 * some are durable; where more input comes in another run, the last one is taken when all sources have come to their ends, and ends the run.
 */
import { PipelineError } from '@spillway/core/base';
import type { StoreRunner } from '@spillway/core/internal';
import type { JobEmitter } from '../job/events.ts';
import type { ParsedRunOptions } from '../job/run-options.ts';
import type { Summary } from '../job/summary.ts';
import type { Resume } from '../resume/resume.ts';
import type { Attempt } from './attempt.ts';
import { BarrierTimer } from './barrier-timer.ts';
import type { Barriers } from './barriers.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { FailureLatch } from './failure.ts';
import type { PlannedRun } from './plan-run.ts';
import type { RunEnds } from './run-ends.ts';
import type { WrittenMark, WrittenSink } from './written-sinks.ts';

export interface RunBarriersParts {
  options: ParsedRunOptions;
  emitter: JobEmitter;
  planned: PlannedRun;
  resume: Resume | undefined;
  /** Of the run. */
  latch: FailureLatch;
  sinks(): readonly WrittenSink[];
}

const LOOK_EVERY_MS = 5;

export class RunBarriers {
  /** What the next attempt goes on from; undefined for its start. */
  checkpoint: Checkpoint | undefined;
  readonly #parts: RunBarriersParts;
  #timer: BarrierTimer | undefined;
  #durableAtMs: number = performance.now();
  #isDurableAsked = false;

  constructor(parts: RunBarriersParts) {
    this.#parts = parts;
  }

  /** Number of the last barrier, 0 for none. */
  get epoch(): number {
    return this.checkpoint?.epoch ?? 0;
  }

  /** By source node, how far the last barrier has come; empty for none. */
  get passed(): ReadonlyMap<number, number> {
    return this.checkpoint?.sources ?? new Map();
  }

  /** Takes one at once, where any can be taken; its gates are closed when this returns. */
  async takeNow(): Promise<void> {
    await this.#timer?.takeNow();
  }

  /** Waits for an attempt's end, and takes a barrier now and then. @throws what stopped it */
  async settle(attempt: Attempt, ends: RunEnds, canRestart: boolean): Promise<void> {
    const { options, resume } = this.#parts;
    const barriers = canRestart || resume !== undefined ? attempt.barriers() : undefined;
    if (resume !== undefined && barriers === undefined) throw notResumable(attempt);
    if (barriers === undefined) return attempt.settled();
    const durableMs = resume === undefined ? Number.POSITIVE_INFINITY : options.checkpointEveryMs;
    const timer = new BarrierTimer({
      everyMs: Math.min(canRestart ? options.barrierEveryMs : Number.POSITIVE_INFINITY, durableMs),
      keptBytes: () => ends.keptBytes(),
      take: () => this.#take(attempt, barriers, ends),
    });
    this.#timer = timer;
    try {
      if (resume?.options.inputEnds !== 'more') return await attempt.settled();
      await Promise.race([attempt.settled(), this.#untilInputEnds(attempt, barriers, timer)]);
    } finally {
      this.#timer = undefined;
      await timer.close();
    }
  }

  /** Everything has arrived: the last durable barrier, at which sinks have ended. */
  async close(attempt: Attempt, ends: RunEnds, summary: Summary): Promise<void> {
    const { resume, planned, sinks } = this.#parts;
    const { wiring } = attempt;
    const schedules = planned.schedules;
    const sources = new Map(
      [...wiring.gates].map(([node, gate]) => [node, schedules.get(node)?.packets ?? gate.total() ?? 0] as const),
    );
    ends.mark(new Map([...sources.keys()].map((node) => [node, ends.fedUpTo(node) ?? 0])));
    const marks = await Promise.all(
      sinks().map(async (sink) => [sink.node, await sink.mark(undefined, true)] as const),
    );
    await (resume as Resume).decide(
      {
        sources,
        lanes: new Map(),
        sinks: new Map(marks),
        chains: wiring.chains,
        ended: new Set(planned.physical.stages.map(({ id }) => id)),
        statistics: new Uint8Array(),
        splits: attempt.splits(),
        files: new Map(),
      },
      this.#runOf(ends),
      { summary },
    );
  }

  async #take(attempt: Attempt, barriers: Barriers, ends: RunEnds): Promise<void> {
    const { resume, options, emitter, latch } = this.#parts;
    const since = performance.now();
    const isDue = this.#isDurableAsked || since - this.#durableAtMs >= options.checkpointEveryMs;
    const durable = isDue ? resume : undefined;
    try {
      const taken = await barriers.take(this.checkpoint, durable !== undefined, async (checkpoint) => {
        ends.mark(checkpoint.sources);
        await durable?.decide(checkpoint, this.#runOf(ends));
      });
      if (taken === undefined) return;
      this.checkpoint = durable === undefined ? taken.checkpoint : this.#withoutHandedOver(taken.checkpoint);
      if (durable !== undefined) {
        this.#durableAtMs = performance.now();
        this.#isDurableAsked = false;
      }
      const { epoch, files } = taken.checkpoint;
      let bytes = 0;
      for (const file of files.values()) bytes += file.bytes;
      await attempt.removeFiles(taken.stale);
      const elapsedMs = performance.now() - since;
      emitter.emit('barrier', { epoch, elapsedMs, bytes, ...(durable && { durable: durable.epoch }) });
    } catch (error) {
      // A checkpoint that cannot be written is no crash that a restart makes good.
      if (durable !== undefined && attempt.latch.error === undefined) latch.fail(error);
      throw error;
    }
  }

  /** Rows that datasets have are no sink's any more. */
  #withoutHandedOver(checkpoint: Checkpoint): Checkpoint {
    const sinks = new Map<number, WrittenMark>();
    for (const sink of this.#parts.sinks()) {
      const mark = checkpoint.sinks.get(sink.node);
      if (mark !== undefined) sinks.set(sink.node, sink.durable(mark).mark);
    }
    return { ...checkpoint, sinks };
  }

  #runOf(ends: RunEnds): {
    planned: PlannedRun;
    ends: RunEnds;
    sinks: readonly WrittenSink[];
    runnerOf(sink: WrittenSink): StoreRunner | undefined;
  } {
    const { planned, sinks } = this.#parts;
    return { planned, ends, sinks: sinks(), runnerOf: (sink) => sink.runner };
  }

  /** Ends the attempt when all sources wait at their ends and everything is in a durable barrier. */
  async #untilInputEnds({ wiring, latch, finish }: Attempt, barriers: Barriers, timer: BarrierTimer): Promise<void> {
    const gates = [...wiring.gates.values()];
    while (!gates.every((gate) => gate.isAtEnd)) {
      await new Promise<void>((resolve) => void setTimeout(resolve, LOOK_EVERY_MS));
      latch.check();
      // Who waits for a source that gives nothing more takes from the others what comes, so that these come to their ends too.
      if (gates.some((gate) => gate.isAtEnd)) barriers.keepAligning();
    }
    this.#isDurableAsked = true;
    while (this.#isDurableAsked) {
      await timer.takeNow();
      latch.check();
    }
    finish();
  }
}

function notResumable({ lanes }: Attempt): PipelineError {
  for (const { recovery, config } of lanes) {
    const index = recovery.findIndex((each) => each === 'from-start' || each === 'never');
    const name = config.stage.operators[index]?.name;
    if (index >= 0)
      return new PipelineError('ERR_OPTIONS', `"${name}" cannot save its state, which a run with resume needs`, {
        stage: config.stage.name,
        hint: 'declare the op stateless, or give it snapshot and restore; or run without resume',
      });
  }
  return new PipelineError('ERR_INTERNAL', 'barriers cannot be taken');
}
