/** What can be wrong with a cluster, in words: every refusal names its place and what to do. */
import { errorFromData, PipelineError, type PipelineErrorData } from '@spillway/core';
import type { WorkerProblem } from './cluster.ts';

/** As the bridge tells it. */
export interface BridgeProblem {
  code: 'no-distributed' | 'no-scheduler' | 'too-old' | 'failed';
  message: string;
  python?: string;
}

const OLDEST = '2022.12';

export function noPython(python: string, cause: unknown): PipelineError {
  return new PipelineError('ERR_DASK_PYTHON', `${python} cannot be started: ${(cause as Error).message}`, {
    hint: 'install Python 3.9 or newer, or name it with the option python (or SPILLWAY_PYTHON)',
    cause,
  });
}

export function bridgeError(problem: BridgeProblem, python: string): PipelineError {
  switch (problem.code) {
    case 'no-distributed':
      return new PipelineError('ERR_DASK_PYTHON', `${python} has no distributed: ${problem.message}`, {
        hint: `run ${python} -m pip install distributed, or name another Python with the option python`,
      });
    case 'no-scheduler':
      return new PipelineError('ERR_DASK_SCHEDULER', problem.message, {
        hint: "start one with `dask scheduler`, give its address (tcp://HOST:8786), or 'local' for a cluster of this machine",
      });
    case 'too-old':
      return new PipelineError('ERR_DASK_VERSION', problem.message, {
        expected: `${OLDEST} or newer`,
        hint: `install distributed ${OLDEST} or newer there, the same version everywhere`,
      });
    default:
      return new PipelineError('ERR_DASK_SCHEDULER', `the bridge to Dask failed: ${problem.message}`, {
        hint: 'look at what the scheduler and the bridge wrote to standard error',
      });
  }
}

export function bridgeEnded(code: number | null, said: string): PipelineError {
  return new PipelineError('ERR_DASK_PYTHON', `the bridge to Dask ended with exit code ${code}${said}`, {
    hint: 'run it again; with resume it goes on from the partitions that are done',
  });
}

const REMEDIES: Record<WorkerProblem['code'], string> = {
  'node-missing': 'install Node 20.19 or newer on that worker, or name it there with SPILLWAY_NODE',
  'node-start':
    'install @spillway/workers on that worker at the same path, or name it there with SPILLWAY_WORKER_ENTRY',
  'node-died': 'look at that worker; give more retries if such deaths are to be expected',
  'node-memory': 'give more partitions, or workers with more memory',
  'node-ended': 'look at why that worker is closing',
  'no-plugin': 'look at why that worker does not load plugins',
};

/** A worker that cannot run the engine, or on which a partition failed too often. */
export function workerError(worker: string, problem: WorkerProblem, where = ''): PipelineError {
  const code = problem.code === 'node-memory' ? 'ERR_MEMORY_EXHAUSTED' : 'ERR_DASK_WORKER';
  return new PipelineError(code, `worker ${worker}${where}: ${problem.message}`, { hint: REMEDIES[problem.code] });
}

/** What the engine refused there, with the worker named. */
export function engineError(worker: string, data: PipelineErrorData, where = ''): PipelineError {
  return errorFromData({ ...data, message: `worker ${worker}${where}: ${data.message}` });
}

export function workerLost(worker: string, why: string, where: string): PipelineError {
  return new PipelineError('ERR_DASK_WORKER', `worker ${worker}${where}: ${why}`, {
    hint: 'look at what ends the workers (`dask worker` writes it to standard error); more partitions take less memory each',
  });
}

export function noWorkers(address: string, seconds: number): PipelineError {
  return new PipelineError('ERR_DASK_WORKER', `the scheduler at ${address} has had no usable worker for ${seconds} s`, {
    hint: `start workers: dask worker ${address}`,
  });
}

export function sharedPathError(path: string, what: string, cause?: unknown): PipelineError {
  return new PipelineError('ERR_DASK_SHARED_PATH', `the shared path ${path} ${what}`, {
    file: path,
    hint: 'give a folder that the coordinator and all workers see at the same path and may write to',
    ...(cause !== undefined && { cause }),
  });
}
