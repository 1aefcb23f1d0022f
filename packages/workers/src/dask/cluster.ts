/** What the coordinator needs of a cluster. The bridge is one; tests and the simulation of scheduling have their own. */
import type { PipelineErrorData } from '@spillway/core';

/** A worker as the scheduler tells of it. */
export interface WorkerView {
  address: string;
  threads: number;
  /** 0 where it has none. */
  memoryLimitBytes: number;
  /** Of its Python process. */
  residentBytes: number;
  /** Of its Node processes. */
  nodeBytes: number;
  /** Part of its share that the largest of them holds. */
  pressure: number;
}

/** A task that goes to one worker. */
export interface ClusterTask {
  /** Never used twice. */
  key: string;
  worker: string;
  /** What the Node process there gets, as JSON. */
  request: string;
  /** It is short: it may be sent with others of the kind, whose replies come together. */
  together: boolean;
}

/** What a worker answers. */
export type WorkerReply =
  | { result: unknown; elapsedMs: number }
  /** The engine refused or failed. */
  | { failed: PipelineErrorData }
  /** There was no engine to ask. */
  | { error: WorkerProblem };

export interface WorkerProblem {
  code: 'node-missing' | 'node-start' | 'node-died' | 'node-memory' | 'node-ended' | 'no-plugin';
  message: string;
}

export interface ClusterEvents {
  /** All workers that there are now. */
  workers(views: WorkerView[]): void;
  done(key: string, reply: WorkerReply): void;
  /** Nothing comes of a task: its worker is gone. */
  lost(key: string, why: string): void;
  /** The scheduler is gone. Nothing comes of any task, and no worker is to blame; there are none until workers are told of again. */
  interrupted(why: string): void;
  /** The cluster cannot be spoken with any more. */
  failed(error: Error): void;
}

export interface Cluster {
  submit(tasks: readonly ClusterTask[]): void;
  /** Nothing is said of these any more. What runs already may go on for a while. */
  cancel(keys: readonly string[]): void;
}
