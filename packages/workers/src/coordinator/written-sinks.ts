/** Sinks that write files: staged while the run goes on, visible only when all of it has succeeded. */
import type { Fields } from '@spillway/core';
import { errorFromData, errorToData, PipelineError } from '@spillway/core/base';
import type { FileSinkSpec, SinkSpec, StagedSink, StoreRunner } from '@spillway/core/internal';
import { namedError } from './failure.ts';

/** Loaded only when a run writes files. */
type FileFunctions = typeof import('@spillway/core/files');

export class WrittenSink {
  readonly name: string;
  readonly spec: FileSinkSpec;
  readonly fields: Fields;
  /** Where its rows wait. */
  readonly staging: string;
  readonly #files: FileFunctions;
  #staged: StagedSink | undefined;
  #runner: StoreRunner | undefined;
  #isCommitted = false;

  private constructor(files: FileFunctions, name: string, spec: FileSinkSpec, fields: Fields, staging: string) {
    this.#files = files;
    this.name = name;
    this.spec = spec;
    this.fields = fields;
    this.staging = staging;
  }

  /**
   * Refuses, before anything starts, what could not be committed at the end.
   * @param id names run and sink, and makes `staging` its own
   */
  static async open(name: string, id: string, spec: SinkSpec, fields: Fields): Promise<WrittenSink> {
    if (spec.type !== 'parquet' && spec.type !== 'store')
      throw new PipelineError('ERR_INTERNAL', `sink "${name}" writes no files`);
    const files = await import('@spillway/core/files');
    try {
      const complete = await files.checkFileSink(spec, fields);
      return new WrittenSink(files, name, complete, fields, files.stagingPath(spec, id));
    } catch (error) {
      throw namedError(error, name);
    }
  }

  /**
   * Keeps what the writing task has staged.
   * @param runner does the commit's reading and writing of Parquet, on a codec thread
   */
  async writeBy(task: Promise<StagedSink>, runner: StoreRunner): Promise<void> {
    this.#runner = runner;
    this.#staged = await task;
  }

  /** The run begins again: what is staged is dropped. */
  async startAnew(): Promise<void> {
    this.#staged = undefined;
    await this.discard();
  }

  async commit(): Promise<void> {
    if (this.#staged === undefined) throw new PipelineError('ERR_INTERNAL', `sink "${this.name}" has staged nothing`);
    await this.#named(this.#files.commitSink(this.#staged, this.#runner));
    this.#isCommitted = true;
  }

  /** Removes what is staged and was not committed. */
  async discard(): Promise<void> {
    if (!this.#isCommitted) await this.#files.discardSink(this.spec, this.staging);
  }

  async #named(step: Promise<unknown>): Promise<void> {
    try {
      await step;
    } catch (error) {
      throw namedError(error, this.name);
    }
  }
}

/**
 * Makes all sinks visible, one after the other: each is atomic by itself, not all together.
 * @throws what the first refusal says; its hint names the sinks that had been committed before.
 */
export async function commitWriters(sinks: readonly Pick<WrittenSink, 'name' | 'commit'>[]): Promise<void> {
  const committed: string[] = [];
  for (const sink of sinks) {
    try {
      await sink.commit();
    } catch (error) {
      throw committed.length === 0 ? error : afterCommitsOf(committed, error);
    }
    committed.push(`"${sink.name}"`);
  }
}

function afterCommitsOf(committed: readonly string[], error: unknown): PipelineError {
  const data = errorToData(error);
  const before = `already committed: ${committed.join(', ')}`;
  return errorFromData({ ...data, hint: data.hint === undefined ? before : `${data.hint}; ${before}` });
}

export async function discardWriters(sinks: readonly WrittenSink[]): Promise<void> {
  await Promise.all(sinks.map((sink) => sink.discard()));
}
