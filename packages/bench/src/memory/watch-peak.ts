/**
 * Promise P1 from outside: a process of its own runs a job, and this one reads what the kernel says is resident of it
 * every 5 ms. What the job's process says of itself is taken for one number only, its resident size when idle, which nobody
 * outside can know the moment of.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PipelineErrorData } from '@spillway/core';
import type { Summary } from '@spillway/workers';
import { OutsideWatch } from './outside-watch.ts';
import { inputBytesOf, type PeakJob } from './peak-jobs.ts';

const CHILD = fileURLToPath(new URL('./peak-child.js', import.meta.url));

/** The promise: resident at most idle and the limit and a tenth of it. */
export const PROMISED_FACTOR = 1.1;

export interface Peak {
  job: PeakJob;
  limitBytes: number;
  idleBytes: number;
  peakBytes: number;
  /** Share of the promise that was used: (peak − idle) ÷ (limit × 1.1). Above 1 it is broken. */
  used: number;
  samples: number;
  /** Of the cpu-only table, that the job read; both halves where it is run twice. */
  ticks: number;
  /** Of its columns; 0 where the job reads a file. */
  inputBytes: number;
  /** Of the results that were delivered. */
  digests: string[];
  /** What the run said that somebody should look at. */
  alerts: string[];
  summary: Summary;
}

type Answer =
  | { ok: true; limitBytes: number; ticks: number; digests: string[]; alerts: string[]; summary: Summary }
  | { ok: false; limitBytes: number; error: PipelineErrorData };

/** Thrown when the watched job failed: what `run` rejected with, as data. */
export class PeakJobError extends Error {
  override readonly name = 'PeakJobError';
  readonly data: PipelineErrorData;

  constructor(data: PipelineErrorData) {
    super(`${data.code}: ${data.message}`);
    this.data = data;
  }
}

/** Runs a job in a process of its own and watches it; what it writes does not last. @throws PeakJobError */
export async function watchPeak(job: PeakJob): Promise<Peak> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-peak-'));
  try {
    return await watchPeakIn(folder, job);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same for a job that writes into a folder which is the caller's to remove. @param onSpawn told of the process before it does anything. @throws PeakJobError */
export async function watchPeakIn(folder: string, job: PeakJob, onSpawn?: (pid: number) => void): Promise<Peak> {
  const child = fork(CHILD, [JSON.stringify(job), folder], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  onSpawn?.(child.pid as number);
  let answer: Answer | undefined;
  child.once('message', (message) => {
    answer = message as Answer;
  });
  const ended = once(child, 'close');
  const watch = new OutsideWatch(child.pid as number);
  const [code] = await ended;
  watch.stop();
  if (answer === undefined) throw new Error(`the watched process ended with code ${String(code)} and said nothing`);
  if (!answer.ok) throw new PeakJobError(answer.error);
  const { limitBytes, ticks, digests, alerts, summary } = answer;
  const { peakBytes, samples } = watch;
  const idleBytes = summary.idleRssBytes;
  return {
    job,
    limitBytes,
    idleBytes,
    peakBytes,
    used: (peakBytes - idleBytes) / (limitBytes * PROMISED_FACTOR),
    samples,
    ticks,
    inputBytes: inputBytesOf(job, ticks),
    digests,
    alerts,
    summary,
  };
}
