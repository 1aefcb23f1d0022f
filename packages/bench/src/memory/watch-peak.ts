/**
 * Promise P1 from outside: a process of its own runs a job, and this one reads what the kernel says is resident of it
 * every 5 ms. What the job's process says of itself is taken for one number only, its resident size when idle, which nobody
 * outside can know the moment of.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PipelineErrorData } from '@spillway/core';
import type { Summary } from '@spillway/workers';
import type { PeakJob } from './peak-jobs.ts';

const CHILD = fileURLToPath(new URL('./peak-child.js', import.meta.url));
const SAMPLE_EVERY_MS = 5;
const PAGE_BYTES = 4096;

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
  summary: Summary;
}

type Answer =
  | { ok: true; limitBytes: number; summary: Summary }
  | { ok: false; limitBytes: number; error: PipelineErrorData };

/** Resident bytes of a process, from a file that stays open. */
class OutsideReader {
  readonly #descriptor: number;
  readonly #text = Buffer.alloc(128);

  constructor(pid: number) {
    this.#descriptor = openSync(`/proc/${pid}/statm`, 'r');
  }

  /** 0 once the process has ended. */
  bytes(): number {
    try {
      const length = readSync(this.#descriptor, this.#text, 0, this.#text.length, 0);
      return Number(this.#text.toString('latin1', 0, length).split(' ')[1] ?? 0) * PAGE_BYTES;
    } catch {
      return 0;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Thrown when the watched job failed: what `run` rejected with, as data. */
export class PeakJobError extends Error {
  override readonly name = 'PeakJobError';
  readonly data: PipelineErrorData;

  constructor(data: PipelineErrorData) {
    super(`${data.code}: ${data.message}`);
    this.data = data;
  }
}

/** Runs a job in a process of its own and watches it. @throws PeakJobError */
export async function watchPeak(job: PeakJob): Promise<Peak> {
  const child = fork(CHILD, [JSON.stringify(job)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let answer: Answer | undefined;
  child.once('message', (message) => {
    answer = message as Answer;
  });
  const ended = once(child, 'close');
  const reader = new OutsideReader(child.pid as number);
  let peakBytes = 0;
  let samples = 0;
  const timer = setInterval(() => {
    samples += 1;
    peakBytes = Math.max(peakBytes, reader.bytes());
  }, SAMPLE_EVERY_MS);
  const [code] = await ended;
  clearInterval(timer);
  reader.close();
  if (answer === undefined) throw new Error(`the watched process ended with code ${String(code)} and said nothing`);
  if (!answer.ok) throw new PeakJobError(answer.error);
  const { limitBytes, summary } = answer;
  const idleBytes = summary.idleRssBytes;
  return {
    job,
    limitBytes,
    idleBytes,
    peakBytes,
    used: (peakBytes - idleBytes) / (limitBytes * PROMISED_FACTOR),
    samples,
    summary,
  };
}
