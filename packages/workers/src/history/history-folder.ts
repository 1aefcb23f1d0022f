/**
 * A folder of records, one file a run, written under another name first and then renamed: a reader sees a whole record or none. The name
 * of a file says when the run began and which plan it had, so that listing and clearing need no file to be opened. Several processes may
 * write at once: each has names of its own, and a file that another has cleared away meanwhile is simply gone.
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PipelineError } from '@spillway/core/base';
import type { PastRun } from './past-run.ts';

/** Records that are kept of one plan, and of all plans together. */
const MOST_OF_PLAN = 100;
const MOST_OF_ALL = 500;
/** What a writer that was killed has left goes after this. */
const LEFT_OVER_AFTER_MS = 3_600_000;
/** Beyond this a record goes without its series. */
const MOST_BYTES = 1024 * 1024;

const NAME = /^(\d{8}-\d{6}-[0-9a-z]{4})\.([0-9a-f]{32})\.json$/;

/** What the name of a record says. */
export interface RecordName {
  id: string;
  plan: string;
}

export class HistoryFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Of every run, oldest first. */
  async names(): Promise<RecordName[]> {
    return namesIn(await this.#entries());
  }

  /** @returns undefined where it is gone, or none of ours */
  async read({ id, plan }: RecordName): Promise<PastRun | undefined> {
    try {
      const run = JSON.parse(await readFile(join(this.path, fileName(id, plan)), 'utf8')) as PastRun;
      return run.version === 1 ? run : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** The last runs of a plan, oldest first. */
  async ofPlan(plan: string, most: number = MOST_OF_PLAN): Promise<PastRun[]> {
    const names = (await this.names()).filter((name) => name.plan === plan).slice(-most);
    return (await Promise.all(names.map((name) => this.read(name)))).filter((run) => run !== undefined);
  }

  /**
   * @param asked an id or as much of it as tells which; `last`
   * @throws ERR_OPTIONS when it is none, or several
   */
  async find(asked: string): Promise<PastRun> {
    const names = await this.names();
    const fitting = asked === 'last' ? names.slice(-1) : names.filter(({ id }) => id.startsWith(asked));
    const [name] = fitting;
    if (name === undefined || fitting.length > 1) throw notOne(asked, fitting, this.path);
    const run = await this.read(name);
    if (run === undefined) throw notOne(asked, [], this.path);
    return run;
  }

  /** Leaves a record, and clears away what is beyond the bounds. */
  async add(run: PastRun): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const whole = JSON.stringify(run);
    const text = whole.length > MOST_BYTES ? JSON.stringify({ ...run, series: [] }) : whole;
    const file = fileName(run.id, run.plan);
    const temporary = join(this.path, `.${file}`);
    try {
      await writeFile(temporary, text, { mode: 0o600 });
      await rename(temporary, join(this.path, file));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await this.#clear(run.plan);
  }

  async #clear(plan: string): Promise<void> {
    const entries = await this.#entries();
    const names = namesIn(entries);
    const ofPlan = names.filter((name) => name.plan === plan);
    const beyond = new Set([
      ...ofPlan.slice(0, Math.max(0, ofPlan.length - MOST_OF_PLAN)),
      ...names.slice(0, Math.max(0, names.length - MOST_OF_ALL)),
    ]);
    for (const name of beyond) await rm(join(this.path, fileName(name.id, name.plan)), { force: true });
    const leftOvers = entries.filter((entry) => entry.startsWith('.') && NAME.test(entry.slice(1)));
    for (const entry of leftOvers) await this.#removeIfOld(entry);
  }

  async #removeIfOld(entry: string): Promise<void> {
    const path = join(this.path, entry);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > LEFT_OVER_AFTER_MS) await rm(path, { force: true });
  }

  async #entries(): Promise<string[]> {
    try {
      return await readdir(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }
}

/** Oldest first. */
function namesIn(entries: readonly string[]): RecordName[] {
  return entries
    .flatMap((entry) => {
      const [, id, plan] = NAME.exec(entry) ?? [];
      return id === undefined || plan === undefined ? [] : [{ id, plan }];
    })
    .sort((left, right) => (left.id < right.id ? -1 : 1));
}

function fileName(id: string, plan: string): string {
  return `${id}.${plan}.json`;
}

function notOne(asked: string, fitting: readonly RecordName[], folder: string): PipelineError {
  const message =
    fitting.length > 1
      ? `"${asked}" is the beginning of ${fitting.length} runs`
      : `no run "${asked}" is recorded in ${folder}`;
  const hint =
    fitting.length > 1
      ? `write more of it: ${fitting
          .slice(0, 3)
          .map(({ id }) => id)
          .join(', ')} …`
      : 'spillway runs lists them';
  return new PipelineError('ERR_OPTIONS', message, { value: asked, hint });
}
