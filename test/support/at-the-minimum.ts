import { explain, type PipelineError } from '@spillway/core';
import { run } from '@spillway/workers';
import { digestTable } from './digest.ts';
import { largePlan } from './large-plan.ts';
import { randomFrom } from './random.ts';

const ROOMY_BYTES = 2 ** 30;
/** A run of some seconds that takes so long stands still. */
const STANDS_STILL_MS = 120_000;

/** A plan run with much memory, and with exactly what it needs at least. */
export interface AtTheMinimum {
  description: string;
  minimumBytes: number;
  spilledBytes: number;
  expected: string[];
  actual: string[];
}

async function digests(seed: number, rows: number, limitBytes: number, workers: number) {
  const { sinks } = largePlan(randomFrom(seed), rows, limitBytes);
  const job = run(sinks, { workers, debug: true, signal: AbortSignal.timeout(STANDS_STILL_MS) });
  const { spilledBytes } = await job.done;
  const tables = await Promise.all(sinks.map((sink) => job.table(sink)));
  return { digests: tables.map(digestTable), spilledBytes };
}

/** @throws what a run fails with, naming the plan */
export async function atTheMinimum(seed: number, rows: number, workers: number): Promise<AtTheMinimum> {
  const { sinks, description } = largePlan(randomFrom(seed), rows, ROOMY_BYTES);
  const { physical } = await explain(sinks, { workers });
  const { minimumBytes } = physical;
  try {
    const roomy = await digests(seed, rows, ROOMY_BYTES, workers);
    const tight = await digests(seed, rows, minimumBytes, workers);
    return {
      description,
      minimumBytes,
      spilledBytes: tight.spilledBytes,
      expected: roomy.digests,
      actual: tight.digests,
    };
  } catch (cause) {
    const { code, message } = cause as PipelineError;
    throw new Error(`${code}: ${message}\n  at ${minimumBytes} bytes, ${workers} workers: ${description}`, { cause });
  }
}
