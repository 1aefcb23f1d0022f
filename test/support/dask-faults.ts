/** A job on a real cluster to which something happens: in the end everything is in the store once, and nothing is left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { openStore } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect } from 'vitest';
import { daskJobSinks } from '#fixtures/dask-job';
import type { DaskProgramOptions } from '#fixtures/dask-program';
import type { TestCluster } from './dask-cluster.ts';
import { datasetDigests } from './dataset-digests.ts';
import type { SeededRandom } from './random.ts';

export const DASK_FAULTS = ['worker', 'node', 'memory', 'scheduler', 'torn', 'coordinator'] as const;
export type DaskFault = (typeof DASK_FAULTS)[number];

const PROGRAM = new URL('../dist/fixtures/dask-program.js', import.meta.url).pathname;
/** A healthy job takes some seconds. */
const PATIENCE_MS = 120_000;
/** Of a batch; a partition has some. */
const BATCH_MS = 20;

export interface FaultyJob {
  cluster: TestCluster;
  python: string;
  /** Fresh folders: of the store, of the shared path, and of what the test itself puts somewhere. */
  store: string;
  sharedPath: string;
  scratch: string;
  partitions: number;
}

/** The job as a process. */
class Program {
  readonly child: ChildProcess;
  #stepsStarted = 0;
  #said = '';

  constructor(job: FaultyJob) {
    const { cluster, store, python, sharedPath, partitions } = job;
    const options: DaskProgramOptions = {
      store,
      ms: BATCH_MS,
      trap: trapOf(job),
      scheduler: cluster.address,
      python,
      sharedPath,
      partitions,
      workers: 1,
      retries: 20,
      resume: 'job',
    };
    this.child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stderr?.on('data', (text) => {
      this.#said += String(text);
    });
    createInterface({ input: this.child.stdout as Readable }).on('line', (line) => {
      this.#said += `${line}\n`;
      if (line.startsWith('started ')) this.#stepsStarted += 1;
    });
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Whether all partitions have been run. */
  get isAtTheEnd(): boolean {
    return this.#said.includes('ended rows and states of partitions');
  }

  get said(): string {
    return this.#said;
  }

  /** Until so many steps have started, or the program has ended. */
  async untilStep(count: number): Promise<void> {
    while (!this.hasEnded && this.#stepsStarted < count) await setTimeout(5);
  }

  async kill(): Promise<void> {
    if (this.hasEnded) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

function trapOf({ scratch }: FaultyJob): string {
  return join(scratch, 'trap');
}

/** Files that partitions have left by now. */
function filesOf(sharedPath: string): string[] {
  return readdirSync(sharedPath, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(arrow|parquet)$/.test(name))
    .map((name) => join(sharedPath, name));
}

/** Tears a file while there are partitions to run: what is torn while the end reads it fails the job. */
async function tearOne({ sharedPath }: FaultyJob, program: Program, random: SeededRandom): Promise<void> {
  let files = filesOf(sharedPath);
  for (; files.length === 0 && !program.hasEnded; files = filesOf(sharedPath)) await setTimeout(5);
  if (!program.isAtTheEnd && files.length > 0) tear(random.pick(files));
}

function tear(file: string): void {
  try {
    truncateSync(file, Math.floor(statSync(file).size / 2));
  } catch {
    // its run has just removed it
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has just ended
  }
}

/** @returns the program that goes on */
async function commit(fault: DaskFault, program: Program, job: FaultyJob, random: SeededRandom): Promise<Program> {
  const { cluster } = job;
  switch (fault) {
    case 'worker':
      await cluster.replaceWorker(random.integer(0, cluster.workers.length - 1));
      break;
    case 'node': {
      const nodes = cluster.nodes();
      if (nodes.length > 0) endProcess(random.pick(nodes));
      break;
    }
    case 'memory':
      writeFileSync(trapOf(job), '');
      break;
    case 'scheduler':
      await cluster.killScheduler();
      await cluster.startScheduler();
      break;
    case 'torn':
      await tearOne(job, program, random);
      break;
    case 'coordinator':
      await program.kill();
      await setTimeout(random.integer(0, 500));
      return new Program(job);
  }
  return program;
}

/** Runs the job with these faults, each at a random time; then looks at store, shared path and processes. @returns what the last program said */
export async function runWithFaults(
  job: FaultyJob,
  faults: readonly DaskFault[],
  random: SeededRandom,
): Promise<string> {
  let program = new Program(job);
  let said = '';
  try {
    for (const fault of faults) {
      await program.untilStep(random.integer(1, 2));
      await setTimeout(random.integer(0, 600));
      const next = await commit(fault, program, job, random);
      if (next !== program) said += program.said;
      program = next;
    }
    await untilEnd(program, job);
  } finally {
    await program.kill();
  }
  expect(readdirSync(job.sharedPath)).toEqual([]);
  await expectNoOrphans(job.cluster);
  return said + program.said;
}

/** @throws what it said when it did not end well, or not in time */
async function untilEnd(program: Program, { cluster }: FaultyJob): Promise<void> {
  const endAt = performance.now() + PATIENCE_MS;
  while (!program.hasEnded && performance.now() < endAt) {
    await setTimeout(50);
  }
  expect(program.child.exitCode, `${program.said}\n${cluster.said}`).toBe(0);
}

/** What ends is ended at once, but by others: it may take a moment. */
async function expectNoOrphans(cluster: TestCluster): Promise<void> {
  await expect.poll(() => cluster.orphans()).toEqual([]);
}

/** What the job leaves in a store when nothing happens to it. */
export async function healthyDigests(folder: string): Promise<Record<string, string>> {
  await run(await daskJobSinks({ store: folder, ms: 0, trap: join(folder, 'no trap') }), { workers: 1 }).done;
  return digestsOf(folder);
}

export async function digestsOf(folder: string): Promise<Record<string, string>> {
  return datasetDigests(await openStore(folder));
}
