/**
 * A folder of records, one file a run, written under another name first and then renamed: a reader sees a whole record or none. The name
 * of a file says when the run began and which plan it had, so that listing and clearing need no file to be opened. Several processes may
 * write at once: each has names of its own, and a file that another has cleared away meanwhile is simply gone.
 */
import { existsSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolders, PipelineError } from '@spillway/core/base';
import type { PastRun } from './past-run.ts';

/** Records that are kept of one plan, and of all plans together. */
const MOST_OF_PLAN = 100;
const MOST_OF_ALL = 500;
/** What a writer that was killed has left goes after this. */
const LEFT_OVER_AFTER_MS = 3_600_000;
/** Beyond this a record goes without its series. */
const MOST_BYTES = 1024 * 1024;
/** For so long what other processes add to a folder is not looked for when it is cleared. */
const LIST_AGAIN_AFTER_MS = 1000;

const NAME = /^(\d{8}-\d{6}-[0-9a-z]{4})\.([0-9a-f]{32})\.json$/;

/** What the name of a record says. */
export interface RecordName {
  id: string;
  plan: string;
}

/** Folders that runs of this process have written to: one run after the other need not list them each time. */
const written = new Map<string, HistoryFolder>();

export class HistoryFolder {
  readonly path: string;
  /** Records as they were when last listed, and what this process has added since. */
  #listed: { names: RecordName[]; atMs: number } | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** The same object for all runs of the process. */
  static at(path: string): HistoryFolder {
    const folder = written.get(path) ?? new HistoryFolder(path);
    written.set(path, folder);
    return folder;
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
    const whole = JSON.stringify(run);
    const { id, plan } = run;
    this.#write(fileName(id, plan), whole.length > MOST_BYTES ? JSON.stringify({ ...run, series: [] }) : whole);
    await this.#clear({ id, plan });
  }

  /** Not through the thread pool: a run that has ended waits for this, and its turns there take many times as long as the writing. */
  #write(file: string, text: string): void {
    const temporary = join(this.path, `.${file}`);
    try {
      try {
        writeFileSync(temporary, text, { mode: 0o600 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        makeFolders(this.path, 0o700);
        writeFileSync(temporary, text, { mode: 0o600 });
      }
      renameSync(temporary, join(this.path, file));
    } catch (error) {
      if (existsSync(temporary)) unlinkSync(temporary);
      throw error;
    }
  }

  async #clear(added: RecordName): Promise<void> {
    const names = await this.#namesWith(added);
    const ofPlan = names.filter((name) => name.plan === added.plan);
    const beyond = new Set([
      ...ofPlan.slice(0, Math.max(0, ofPlan.length - MOST_OF_PLAN)),
      ...names.slice(0, Math.max(0, names.length - MOST_OF_ALL)),
    ]);
    if (beyond.size === 0) return;
    for (const { id, plan } of beyond) this.#remove(fileName(id, plan));
    if (this.#listed !== undefined) this.#listed.names = this.#listed.names.filter((name) => !beyond.has(name));
  }

  #remove(file: string): void {
    try {
      unlinkSync(join(this.path, file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /** All records, the one that was just added among them. Listing also removes what writers that were killed have left. */
  async #namesWith(added: RecordName): Promise<RecordName[]> {
    const now = performance.now();
    if (this.#listed !== undefined && now - this.#listed.atMs < LIST_AGAIN_AFTER_MS) {
      const { names } = this.#listed;
      const later = names.findLastIndex(({ id }) => id <= added.id);
      names.splice(later + 1, 0, added);
      return names;
    }
    const entries = await this.#entries();
    this.#listed = { names: namesIn(entries), atMs: now };
    const leftOvers = entries.filter((entry) => entry.startsWith('.') && NAME.test(entry.slice(1)));
    for (const entry of leftOvers) await this.#removeIfOld(entry);
    return this.#listed.names;
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
