/**
 * The matrix of promise P1: every job at its minimum and at fixed limits, on inputs ten times the limit (forty times up to 128 MiB). A cell
 * holds when the resident size stayed inside the promise and the answer is the one that plain loops, or DuckDB over the files that were
 * written, give; a cell below the minimum holds when it was refused with that number.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CPU_START_US } from '../generators/cpu-only.ts';
import { openDuckDb, quote } from '../peers/duckdb.ts';
import { expectedDigests, expectedTotals, type Totals } from './expected-digests.ts';
import type { PeakJob } from './peak-jobs.ts';
import { type Peak, PeakJobError, watchPeak, watchPeakIn } from './watch-peak.ts';

const MEBIBYTE = 2 ** 20;

/** Limits of the matrix, in order. */
export const MATRIX_LIMITS: readonly PeakJob['memoryLimit'][] = [
  'minimum',
  ...[64, 128, 256, 1024].map((size) => size * MEBIBYTE),
];

/** Jobs of the matrix. */
export const MATRIX_JOBS = ['aggregate', 'keyed', 'sort', 'asof', 'merge', 'fanout', 'append', 'holding'] as const;

const MOST_FOR_LARGE_INPUTS = 128 * MEBIBYTE;

export interface Cell {
  job: PeakJob;
  outcome: 'kept' | 'refused' | 'broken';
  /** Why it is broken; of a refused one its minimum in bytes. */
  minimumBytes?: number;
  problem?: string;
  peak?: Peak;
}

/** How many times the limit the input of a cell is. Minima are below 128 MiB, or near it. */
export function timesLimitOf(memoryLimit: PeakJob['memoryLimit']): number {
  return memoryLimit === 'minimum' || memoryLimit <= MOST_FOR_LARGE_INPUTS ? 40 : 10;
}

/** Of the columns of `tableRow`. */
export const TABLE_TITLES = [
  'job',
  'limit, MiB',
  'input',
  'idle',
  'peak',
  'peak − idle',
  'of limit × 1.1',
  'spilled',
  'time',
] as const;

function mebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(0);
}

/** A cell as a line of the table of peaks. */
export function tableRow({ job, outcome, minimumBytes = 0, problem = '', peak }: Cell): string[] {
  const told = outcome === 'refused' ? `refused: needs ${mebibytes(minimumBytes)}` : problem;
  if (peak === undefined)
    return [
      job.job,
      typeof job.memoryLimit === 'number' ? mebibytes(job.memoryLimit) : job.memoryLimit,
      '',
      '',
      '',
      '',
      told,
      '',
      '',
    ];
  const { limitBytes, idleBytes, peakBytes, inputBytes, used, summary } = peak;
  return [
    job.job,
    `${mebibytes(limitBytes)}${job.memoryLimit === 'minimum' ? ' (minimum)' : ''}`,
    `${(inputBytes / 2 ** 30).toFixed(1)} GiB`,
    ...[idleBytes, peakBytes, peakBytes - idleBytes].map(mebibytes),
    `${(used * 100).toFixed(0)} %${told === '' ? '' : `: ${told}`}`,
    summary.spilledBytes === 0 ? '' : `${(summary.spilledBytes / 2 ** 30).toFixed(1)} GiB`,
    `${(summary.elapsedMs / 1000).toFixed(1)} s`,
  ];
}

/** Runs one cell and checks it. */
export async function runCell(job: PeakJob): Promise<Cell> {
  try {
    return await (job.job === 'append' ? appended(job) : delivered(job));
  } catch (error) {
    if (!(error instanceof PeakJobError)) throw error;
    const { code, expected, message } = error.data;
    const minimumBytes = Number(expected);
    if (code === 'ERR_MEMORY_MINIMUM' && job.memoryLimit !== 'minimum' && minimumBytes > job.memoryLimit)
      return { job, outcome: 'refused', minimumBytes };
    return { job, outcome: 'broken', problem: `${code}: ${message}` };
  }
}

function judged(peak: Peak, answerProblem: string | undefined): Cell {
  const { job, used } = peak;
  const grown = `grew by ${((peak.peakBytes - peak.idleBytes) / MEBIBYTE).toFixed(0)} MiB`;
  const problem =
    answerProblem ?? (used > 1 ? `${grown}, which is ${(used * 100).toFixed(0)} % of the promise` : undefined);
  return problem === undefined ? { job, outcome: 'kept', peak } : { job, outcome: 'broken', problem, peak };
}

async function delivered(job: PeakJob): Promise<Cell> {
  const peak = await watchPeak(job);
  const expected = await expectedDigests(job.job, peak.ticks);
  if (expected === undefined || expected.join() === peak.digests.join()) return judged(peak, undefined);
  return judged(peak, `another answer: ${peak.digests.join(' and ')} instead of ${expected.join(' and ')}`);
}

/** Two runs, the second one behind the first; the peak is the larger one of both. */
async function appended(job: PeakJob): Promise<Cell> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-peak-'));
  try {
    const first = await watchPeakIn(folder, { ...job, half: 0 });
    // What is stored counts in the minimum: the second run may need more, for the same rows.
    const second = await watchPeakIn(folder, { ...job, half: 1, ticks: first.ticks });
    const peak = first.used > second.used ? first : second;
    const [stored, expected] = [await totalsOf(folder), await expectedTotals(peak.ticks)];
    const problem =
      JSON.stringify(stored) === JSON.stringify(expected)
        ? undefined
        : `stored ${JSON.stringify(stored)} instead of ${JSON.stringify(expected)}`;
    return judged({ ...peak, job }, problem);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What DuckDB reads from the files of a dataset. */
async function totalsOf(folder: string): Promise<Totals> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet'));
  const db = await openDuckDb(1);
  try {
    const list = files.map((name) => quote(join(folder, name))).join(', ');
    const [row] =
      await db.rows(`SELECT count(*)::DOUBLE, sum(tick)::DOUBLE, sum(host)::DOUBLE, sum(u), sum(s), sum(u * host), sum(u * (tick % 1009))
      FROM (SELECT (epoch_us(time) - ${CPU_START_US}) // 10000000 AS tick, host, "user" AS u, system AS s FROM read_parquet([${list}]))`);
    const [rows, ticks, hosts, user, system, userByHost, userByTick] = row as number[];
    return { rows, ticks, hosts, user, system, userByHost, userByTick } as Totals;
  } finally {
    db.close();
  }
}
