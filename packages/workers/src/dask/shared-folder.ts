/**
 * A run's folder on the shared path. What lies there of a partition counts when its record is there, which is written last and under its name by
 * a rename; so another coordinator can go on from it. The coordinator renews a lease file while it lives: workers that see it stand
 * still end what they do for it, and another coordinator takes the folder over, or removes it.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeFolders, PipelineError } from '@spillway/core/base';
import type { PartitionFile, PartitionResult, PartitionTask, StoredPart } from '@spillway/core/partition';
import { checksumOf } from '../partition/describe-file.ts';
import { sharedPathError } from './problems.ts';

const PREFIX = 'spillway-run-';
const LEASE = 'lease';
const TOKEN = 'token';
const RECORD = '.result.json';
const STEP = 'step-';
/** What reading a file of a partition is refused with. */
const DAMAGE: ReadonlySet<string> = new Set(['ERR_FILE_FORMAT', 'ERR_FILE_NOT_FOUND', 'ERR_FILE_TRUNCATED']);
const RENEW_MS = 2000;
/** As of the workers' side. A folder whose lease is older belongs to nobody. */
const LEASE_MS = 30_000;

interface Holder {
  host: string;
  pid: number;
}

/** Writes down what a task has done, behind its files. */
export async function writeRecord(output: string, result: PartitionResult): Promise<void> {
  const path = output + RECORD;
  const aside = `${path}.${randomUUID()}`;
  await writeFile(aside, JSON.stringify(result), { flush: true });
  await rename(aside, path);
}

/** What is wrong with a file of a result; undefined when it is whole. Reads all of it. */
export async function damageOf({
  path,
  bytes,
  crc32: expected,
}: PartitionFile | StoredPart): Promise<string | undefined> {
  const found = await checksumOf(path).catch((error: Error) => error);
  if (found instanceof Error) return `${path} cannot be read: ${found.message}`;
  if (found.bytes !== bytes) return `${path} has ${found.bytes} bytes, not ${bytes}`;
  return found.sum === expected ? undefined : `${path} has another checksum than its writer gave it`;
}

/** What is wrong with the files of a result. */
export async function damageOfResult({ files, more = [] }: PartitionResult): Promise<string | undefined> {
  const all = [files, ...more].flat().flatMap((file): (PartitionFile | StoredPart)[] => file.stored ?? [file]);
  for (const file of all) {
    const damage = await damageOf(file);
    if (damage !== undefined) return damage;
  }
  return undefined;
}

export class SharedFolder {
  readonly path: string;
  readonly token: { path: string; text: string };
  readonly #timer: NodeJS.Timeout;

  /** Another coordinator may go on with what lies there. */
  readonly isKept: boolean;
  /** What this one has seen, of a run that nobody else goes on with. */
  readonly #seen: PartitionResult[] = [];
  /** How often a coordinator has begun a step of the run. */
  #generation = 0;

  private constructor(path: string, text: string, isKept: boolean) {
    this.path = path;
    this.isKept = isKept;
    this.token = { path: join(path, TOKEN), text };
    this.#timer = setInterval(() => void this.#renew(), RENEW_MS);
    this.#timer.unref();
  }

  /**
   * Makes the folder of a run, or takes over that of a run with the same id whose coordinator is gone.
   * @param id undefined for a run that nobody goes on with
   * @throws ERR_DASK_SHARED_PATH, ERR_RESUME_BUSY
   */
  static async open(sharedPath: string, id: string | undefined): Promise<SharedFolder> {
    try {
      await sweep(sharedPath, id);
      const path = join(sharedPath, `${PREFIX}${id ?? randomUUID()}`);
      await takeOver(path);
      const text = randomUUID();
      await writeFile(join(path, TOKEN), text);
      return new SharedFolder(path, text, id !== undefined);
    } catch (error) {
      if (error instanceof PipelineError) throw error;
      throw sharedPathError(sharedPath, `cannot be used: ${(error as Error).message}`, error);
    }
  }

  get lease(): string {
    return join(this.path, LEASE);
  }

  /** Path that the names of an attempt's files begin with. What workers still do for a coordinator that is gone, or for a step begun before, has other names. */
  output(
    { step, partition, piece = '' }: Pick<PartitionTask, 'step' | 'partition' | 'piece'>,
    attempt: number,
  ): string {
    const name = piece === '' ? `${partition}` : `${partition}-${piece}`;
    return join(this.path, `${STEP}${step}`, `${name}.${this.#generation}.${attempt}`);
  }

  /** To be called before its tasks are given out. */
  async beginStep(step: number): Promise<void> {
    this.#generation = await nextGeneration(this.path);
    makeFolders(join(this.path, `${STEP}${step}`));
  }

  /** What tells the run: another run under the same id does not go on from these files. @returns false where another lies there */
  async claim(fingerprint: string): Promise<boolean> {
    const path = join(this.path, 'plan');
    const found = await readFile(path, 'utf8').catch(() => undefined);
    if (found === undefined) await writeFile(path, fingerprint, { flush: true });
    return found === undefined || found === fingerprint;
  }

  /** A partition has its result. One that was run in pieces has no record yet: another coordinator goes on with it as with any other, if it finds it. */
  async keep(task: PartitionTask, result: PartitionResult, isJoined: boolean): Promise<void> {
    if (!this.isKept) this.#seen.push(result);
    else if (isJoined) await writeRecord(`${this.output(task, result.attempt)}-joined`, result).catch(() => {});
  }

  /** Results of these tasks that lie there whole, by partition; of several the first by name. */
  async results(step: number, tasks: readonly PartitionTask[]): Promise<Map<number, PartitionResult>> {
    const results = new Map<number, PartitionResult>();
    const known = this.isKept ? this.#recorded(join(this.path, `${STEP}${step}`)) : this.#seen;
    for await (const result of known) {
      const isWhole = result.step === step && result.piece === undefined && !results.has(result.partition);
      if (!isWhole || result.range !== tasks[result.partition]?.range || (await damageOfResult(result)) !== undefined)
        continue;
      results.set(result.partition, result);
    }
    return results;
  }

  async *#recorded(folder: string): AsyncGenerator<PartitionResult, void, undefined> {
    const names = (await readdir(folder)).filter((name) => name.endsWith(RECORD)).sort();
    for (const name of names) {
      const result = parsed<PartitionResult>(await readFile(join(folder, name), 'utf8'));
      if (result !== undefined) yield result;
    }
  }

  /** Whether this says that a file of a partition is not what it was when it was taken. */
  isDamage(error: unknown): error is PipelineError {
    if (!(error instanceof PipelineError) || error.file === undefined) return false;
    return DAMAGE.has(error.code) && error.file.startsWith(join(this.path, STEP));
  }

  /** Removes everything of the run, also what workers are still writing: a removed folder takes no more files. */
  async remove(): Promise<void> {
    clearInterval(this.#timer);
    const gone = join(this.path, '..', `${PREFIX}gone-${randomUUID()}`);
    await rename(this.path, gone).catch(() => {});
    await rm(gone, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  /** Leaves everything for a coordinator that goes on. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    await rm(this.lease, { force: true });
  }

  async #renew(): Promise<void> {
    const now = new Date();
    await utimes(this.lease, now, now).catch(() => {});
  }
}

/** Removes folders of runs that nobody holds, but for the one that is gone on with, and those with a name, which somebody may go on with. */
async function sweep(sharedPath: string, id: string | undefined): Promise<void> {
  makeFolders(sharedPath);
  for (const name of await readdir(sharedPath)) {
    if (!name.startsWith(PREFIX) || name === `${PREFIX}${id}`) continue;
    const isUnnamed = UNNAMED.test(name.slice(PREFIX.length));
    const path = join(sharedPath, name);
    // One that has just been made has no lease yet.
    if (isUnnamed && !(await isHeld(path)) && !(await isYoung(path)))
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Random names: nobody goes on with these. */
const UNNAMED = /^(gone-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @throws ERR_RESUME_BUSY */
async function takeOver(path: string): Promise<void> {
  if (await isHeld(path))
    throw new PipelineError('ERR_RESUME_BUSY', `${path} belongs to a run that is going on`, {
      file: path,
      hint: 'wait for its end, or give this run another resume id',
    });
  makeFolders(path);
  const holder: Holder = { host: hostname(), pid: process.pid };
  await writeFile(join(path, LEASE), JSON.stringify(holder));
}

async function nextGeneration(path: string): Promise<number> {
  const file = join(path, 'generation');
  const before = Number(await readFile(file, 'utf8').catch(() => '0'));
  await writeFile(`${file}.new`, String(before + 1), { flush: true });
  await rename(`${file}.new`, file);
  return before + 1;
}

/** Whoever holds it renews the lease; on this machine it can also be seen whether it is still there. */
async function isHeld(path: string): Promise<boolean> {
  const lease = join(path, LEASE);
  const text = await readFile(lease, 'utf8').catch(() => undefined);
  if (text === undefined || !(await isYoung(lease))) return false;
  const { host, pid } = parsed<Holder>(text) ?? { host: hostname(), pid: 0 };
  return host !== hostname() || isAlive(pid);
}

async function isYoung(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < LEASE_MS;
}

/** Undefined where its writer died over it. */
function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  if (pid === 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
