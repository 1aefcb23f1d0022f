/** What a Node process of a Dask worker does: it runs one partition after the other, as its parent asks on standard input, and answers on standard output. */
import { randomUUID } from 'node:crypto';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorToData, PipelineError } from '@spillway/core';
import type { PartitionResult } from '@spillway/core/partition';
import { readJsonLines } from './json-lines.ts';
import { writeRecord } from './shared-folder.ts';
import type { RunPartitionTask, TaskRequest } from './task-request.ts';

/** Between two looks at the parent. */
const LOOK_MS = 500;
/** What a process of the engine holds before the first row, in bytes, with the threads of one lane. */
const IDLE_BYTES = 128 * 2 ** 20;
/** Of its share, a process has so much; the rest is for Python, and for what the system keeps for both. */
const PART_OF_SHARE = 0.8;
/** RSS may pass a pipeline's limit by so much (promise P1). */
const OVER_LIMIT = 1.1;

/** What a task may use of the share of its process. */
export function memoryLimitOf(shareBytes: number | undefined): number | undefined {
  if (shareBytes === undefined) return undefined;
  return Math.max(1, Math.floor((shareBytes * PART_OF_SHARE - IDLE_BYTES) / OVER_LIMIT));
}

/** Standard output is for replies alone: what ops print goes to standard error. */
function takeOutput(): (message: object) => void {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return (message) => void write(`${JSON.stringify(message)}\n`);
}

/** @throws ERR_DASK_SHARED_PATH, ERR_OP_IMPORT */
async function probe({ token, modules }: Extract<TaskRequest, { kind: 'probe' }>): Promise<object> {
  const folder = dirname(token.path);
  const found = await readFile(token.path, 'utf8').catch((cause) => Promise.reject(unseen(folder, cause)));
  if (found !== token.text) throw unseen(folder, new Error('another file is there'));
  const own = join(folder, `probe-${randomUUID()}`);
  try {
    await writeFile(own, token.text);
  } catch (cause) {
    throw unwritable(folder, cause);
  } finally {
    await rm(own, { force: true });
  }
  for (const url of modules) await importOps(url);
  return { node: process.version };
}

function unseen(folder: string, cause: unknown): PipelineError {
  const hint = 'mount the folder there at the same path, or give another sharedPath that all workers see';
  return sharedPathError('does not see', folder, hint, cause);
}

function unwritable(folder: string, cause: unknown): PipelineError {
  const hint = 'make room there, or let the user that the worker runs as write to it';
  return sharedPathError('cannot write to', folder, hint, cause);
}

function sharedPathError(what: string, file: string, hint: string, cause: unknown): PipelineError {
  const message = `${what} the shared path ${file}: ${(cause as Error).message}`;
  return new PipelineError('ERR_DASK_SHARED_PATH', message, { file, hint, cause });
}

async function importOps(url: string): Promise<void> {
  try {
    if (url.startsWith('file:')) await access(new URL(url));
    await import(url);
  } catch (cause) {
    throw new PipelineError('ERR_OP_IMPORT', `the op module ${url} cannot be imported: ${(cause as Error).message}`, {
      hint: 'put the module at the same path on every worker, with what it imports',
      cause,
    });
  }
}

/** Disk errors of a task are about the shared path. */
function refused(error: unknown, output: string): unknown {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') return unwritable(dirname(output), cause);
  }
  return error;
}

async function runTask(
  { task, shareBytes, workers, isOnly }: Extract<TaskRequest, { kind: 'run' }>,
  run: RunPartitionTask,
): Promise<PartitionResult> {
  const memoryLimit = memoryLimitOf(shareBytes);
  try {
    const result = await run(task, {
      workers,
      ...(isOnly && { isOnly }),
      ...(memoryLimit !== undefined && { memoryLimit }),
    });
    if (task.isPassing !== true) await writeRecord(task.output, result);
    return result;
  } catch (error) {
    throw refused(error, task.output);
  }
}

async function answer(request: TaskRequest, run: RunPartitionTask): Promise<object> {
  const startedAt = performance.now();
  try {
    const result = request.kind === 'probe' ? await probe(request) : await runTask(request, run);
    return { result, elapsedMs: performance.now() - startedAt };
  } catch (error) {
    return { failed: errorToData(error) };
  }
}

/**
 * Serves until its parent has had enough: until its input ends, or it gets another parent. Then it ends the process.
 * @param load gives what runs tasks, before it says that it is ready
 * @param onRun done before the reply to a task is given
 */
export async function servePartitions(
  load: () => RunPartitionTask | Promise<RunPartitionTask>,
  onRun: () => void = () => {},
): Promise<void> {
  const say = takeOutput();
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(0), LOOK_MS).unref();
  const requests: TaskRequest[] = [];
  let wake = (): void => {};
  readJsonLines(process.stdin, (message) => {
    requests.push(message as unknown as TaskRequest);
    wake();
  }).finally(() => process.exit(0));
  const run = await load();
  say({ ready: process.version });
  for (;;) {
    const request = requests.shift();
    if (request === undefined) {
      await new Promise<void>((resolve) => (wake = resolve));
      continue;
    }
    const reply = await answer(request, run);
    if (request.kind === 'run') onRun();
    say(reply);
  }
}
