/** Typed events of a job. */
import type { PipelineError } from '@spillway/core';
import type { FlushReason, HeldState } from '@spillway/core/internal';
import type { AlertEvent } from '../alerts/alert.ts';
import type { PressureLevel } from '../governor/pressure.ts';
import type { Progress } from '../monitor/progress.ts';

/** What `job.on` can listen to. */
export interface JobEvents {
  /** A buffer has been emptied downstream. Within one lane events come in the order of the flushes. */
  flush: FlushEvent;
  /** Every `progressEvery` milliseconds while the job runs, and once at its end. */
  progress: Progress;
  /** Memory presses harder, or less hard, than before. */
  pressure: PressureEvent;
  /** The governor has moved the limit of a stage with `memoryLimit: 'auto'`. */
  limit: LimitEvent;
  /** A stage was made to give memory back, because it was short. */
  reclaim: ReclaimEvent;
  /** A stage has started or ended. */
  stage: { stage: string; lanes: number; state: 'started' | 'ended' };
  /** Something a person should look at; the job goes on. Listen in the turn of `run`: rules look only where somebody listens. */
  alert: AlertEvent;
  /** Everything has been brought to a state that the job can go on from. */
  barrier: BarrierEvent;
  /** A stage worker has died; the job goes on from its last barrier, or its start, with fresh threads. */
  restart: RestartEvent;
  /** Rows that a source has left out because they are not right: those of one chunk of a file. */
  badRows: { source: string; rows: { file: string; line: number; reason: string }[] };
  /** The job has ended, well or not. */
  end: { ok: boolean };
}

/** What `reclaim` tells: a stage was made to give memory back. */
export interface ReclaimEvent {
  stage: string;
  /** Whether what it held went downstream or to disk. */
  action: 'flush' | 'spill';
  /** What it held. */
  bytes: number;
}

/** What `pressure` tells: the level has changed. */
export interface PressureEvent {
  level: PressureLevel;
  /** What is done while the level holds. */
  action: string;
  /** Part of the tightest bound that is in use: of the arena's share of the limit, the control group, the machine. */
  fraction: number;
  /** The largest holders of the memory limit, in one line. */
  holders: string;
}

/** What `barrier` tells: a state that the run can go on from. */
export interface BarrierEvent {
  /** Number of the barrier, from 1. */
  epoch: number;
  /** How long sources stood still. */
  elapsedMs: number;
  /** What lies on disk for it. */
  bytes: number;
  /** Of a run with `resume`, when another process could go on from it: its number over all runs of the job. */
  durable?: number;
}

/** What `restart` tells: the run begins again at a barrier. */
export interface RestartEvent {
  /** `memory`: code of users held what only a new thread is without. */
  kind: 'crash' | 'memory';
  /** The stage whose worker died. */
  stage: string;
  /** What it died of. */
  reason: string;
  error: PipelineError;
  /** The barrier that it goes on from; 0 for the start. */
  epoch: number;
  /** Restarts so far, this one included. */
  restarts: number;
}

/** What `limit` tells: a limit of `'auto'` has moved. */
export interface LimitEvent {
  /** Name of the node. */
  node: string;
  stage: string;
  /** Bytes at which it flushes from now on. */
  limitBytes: number;
  /** Most that it may hold. */
  capBytes: number;
  /** What it would hold if it could. */
  wishBytes: number;
  /** Flushes since the last look that came earlier than it wished. */
  forced: number;
}

/** What `flush` tells: a buffer has handed on what it held. */
export interface FlushEvent {
  /** Name of the node that flushed. */
  node: string;
  stage: string;
  lane: number;
  reason: FlushReason;
  /** What it held when the trigger fired. */
  held: HeldState;
}

/** Stops listening. */
export type Unsubscribe = () => void;

/** Listeners by event. A listener that throws fails the job: `onError` gets what it threw. */
export class JobEmitter {
  readonly #listeners: Map<keyof JobEvents, Set<(event: never) => void>> = new Map();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  on<K extends keyof JobEvents>(name: K, listener: (event: JobEvents[K]) => void): Unsubscribe {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener as (event: never) => void);
    return () => void listeners.delete(listener as (event: never) => void);
  }

  hasListeners(name: keyof JobEvents): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<K extends keyof JobEvents>(name: K, event: JobEvents[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as (event: JobEvents[K]) => void)(event);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
