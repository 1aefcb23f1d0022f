/** Sinks that write files: staged while the run goes on, visible only when all of it has succeeded. */
import { type Fields, PipelineError } from '@spillway/core';
import { checkFileSink, commitSink, discardSink, type FileSinkSpec, type SinkSpec, type StagedSink, stagingPath } from '@spillway/core/internal';
import { namedError } from './failure.ts';

export class WrittenSink {
  readonly name: string;
  readonly spec: FileSinkSpec;
  readonly fields: Fields;
  /** Where its rows wait. */
  readonly staging: string;
  #staged: StagedSink | undefined;
  #isCommitted = false;

  /** @param id names run and sink, and makes `staging` its own */
  constructor(name: string, id: string, spec: SinkSpec, fields: Fields) {
    if (spec.type !== 'parquet' && spec.type !== 'store') throw new PipelineError('ERR_INTERNAL', `sink "${name}" writes no files`);
    this.name = name;
    this.spec = spec;
    this.fields = fields;
    this.staging = stagingPath(spec, id);
  }

  /** Refuses, before anything starts, what could not be committed at the end. */
  check(): Promise<void> {
    return this.#named(checkFileSink(this.spec, this.fields));
  }

  /** Keeps what the writing task has staged. */
  async writeBy(task: Promise<StagedSink>): Promise<void> {
    this.#staged = await task;
  }

  async commit(): Promise<void> {
    if (this.#staged === undefined) throw new PipelineError('ERR_INTERNAL', `sink "${this.name}" has staged nothing`);
    await this.#named(commitSink(this.#staged));
    this.#isCommitted = true;
  }

  /** Removes what is staged and was not committed. */
  async discard(): Promise<void> {
    if (!this.#isCommitted) await discardSink(this.spec, this.staging);
  }

  async #named(step: Promise<unknown>): Promise<void> {
    try {
      await step;
    } catch (error) {
      throw namedError(error, this.name);
    }
  }
}

/** Makes all sinks visible, one after the other: each is atomic by itself, not all together. */
export async function commitWriters(sinks: readonly WrittenSink[]): Promise<void> {
  for (const sink of sinks) await sink.commit();
}

export async function discardWriters(sinks: readonly WrittenSink[]): Promise<void> {
  await Promise.all(sinks.map((sink) => sink.discard()));
}
