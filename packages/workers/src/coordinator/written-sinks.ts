/** Sinks that write files: staged while the run goes on, visible only when all of it has succeeded. */
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Fields, PipelineError } from '@spillway/core';
import type { SinkSpec } from '@spillway/core/internal';
import type { StagedFiles, WrittenSinkSpec } from '../codecs/protocol.ts';
import { namedError } from './failure.ts';

export class WrittenSink {
  readonly name: string;
  readonly spec: WrittenSinkSpec;
  readonly fields: Fields;
  /** Path of the file under which a Parquet sink waits. */
  readonly staging: string;
  #files: StagedFiles | undefined;
  #isCommitted = false;

  constructor(name: string, id: number, spec: SinkSpec, fields: Fields) {
    if (spec.type !== 'parquet' && spec.type !== 'store') throw new PipelineError('ERR_INTERNAL', `sink "${name}" writes no files`);
    this.name = name;
    this.spec = spec;
    this.fields = fields;
    // In the folder of the result: the rename at the end must not cross file systems.
    this.staging = spec.type === 'parquet' ? join(dirname(spec.path), `.${basename(spec.path)}.${process.pid}-${id}.staged`) : '';
  }

  /** Keeps what the writing task has staged. */
  async writeBy(task: Promise<StagedFiles>): Promise<void> {
    this.#files = await task;
  }

  async commit(): Promise<void> {
    const files = this.#files;
    if (files === undefined) throw new PipelineError('ERR_INTERNAL', `sink "${this.name}" has staged nothing`);
    try {
      if (this.spec.type === 'parquet') await rename(this.staging, this.spec.path);
      this.#isCommitted = true;
    } catch (cause) {
      throw namedError(cause, this.name);
    }
  }

  /** Removes what is staged and was not committed. */
  async discard(): Promise<void> {
    if (this.#isCommitted) return;
    if (this.spec.type === 'parquet') await rm(this.staging, { force: true });
  }
}

/** Makes all sinks visible, one after the other: each is atomic by itself, not all together. */
export async function commitWriters(sinks: readonly WrittenSink[]): Promise<void> {
  for (const sink of sinks) await sink.commit();
}

export async function discardWriters(sinks: readonly WrittenSink[]): Promise<void> {
  await Promise.all(sinks.map((sink) => sink.discard()));
}
