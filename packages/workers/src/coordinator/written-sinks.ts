/** Sinks that write files: staged while the run goes on, visible only when all of it has succeeded. */
import { basename, join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Fields } from '@spillway/core';
import { errorFromData, errorToData, PipelineError } from '@spillway/core/base';
import type {
  CommitSummary,
  FileSinkSpec,
  PlanNode,
  SinkMark,
  SinkSpec,
  StagedSink,
  StoreRunner,
} from '@spillway/core/internal';
import type { EndedMark, WriterControl } from '../codecs/protocol.ts';
import { type ControlPort, openControl } from '../control/control-port.ts';
import { valueOf } from '../control/outcome.ts';
import { namedError } from './failure.ts';

/** Loaded only when a run writes files. */
type FileFunctions = typeof import('@spillway/core/files');

interface WritingTask {
  staged: Promise<StagedSink>;
  control: ControlPort<WriterControl>;
}

/** A sink at a barrier. */
export type WrittenMark = SinkMark | EndedMark;

export class WrittenSink {
  /** Of the plan. */
  readonly node: number;
  readonly name: string;
  readonly spec: FileSinkSpec;
  readonly fields: Fields;
  /** Where its rows wait. */
  readonly staging: string;
  readonly #files: FileFunctions;
  /** Of the folders that lead to it, the innermost one that was there before the run. */
  readonly #before: string;
  #staged: StagedSink | undefined;
  /** What its next writing task goes on from. */
  #from: WrittenMark | undefined;
  /** The writing task of this attempt. */
  #task: WritingTask | undefined;
  #runner: StoreRunner | undefined;
  #isCommitted = false;
  #overlaps = false;
  /** Folder of the checkpoints that name what is staged. */
  #holder: string | undefined;

  private constructor(
    files: FileFunctions,
    { node, name }: Pick<WrittenSink, 'node' | 'name'>,
    spec: FileSinkSpec,
    fields: Fields,
    staging: string,
  ) {
    this.#files = files;
    this.node = node;
    this.name = name;
    this.spec = spec;
    this.fields = fields;
    this.staging = staging;
    this.#before = files.folderBefore(spec, staging);
  }

  /**
   * Refuses, before anything starts, what could not be committed at the end.
   * @param id names run and sink, and makes `staging` its own
   */
  static async open(
    { id: node, name }: Pick<PlanNode, 'id' | 'name'>,
    id: string,
    spec: SinkSpec,
    fields: Fields,
  ): Promise<WrittenSink> {
    if (spec.type !== 'file' && spec.type !== 'store')
      throw new PipelineError('ERR_INTERNAL', `sink "${name}" writes no files`);
    const files = await import('@spillway/core/files');
    try {
      const complete = await files.checkFileSink(spec, fields);
      return new WrittenSink(files, { node, name }, complete, fields, files.stagingPath(spec, id));
    } catch (error) {
      throw namedError(error, name);
    }
  }

  /**
   * Takes the edge to its end, or does nothing where it had been at its end at the barrier.
   * @param start starts the writing task, which goes on from a mark, and listens to commands on a port
   * @param runner does the commit's reading and writing of Parquet, on a codec thread
   */
  async write(
    start: (control: MessagePort, from: SinkMark | undefined) => Promise<StagedSink>,
    runner: StoreRunner,
  ): Promise<void> {
    this.#runner = runner;
    const from = this.#from;
    if (from?.type === 'ended') {
      this.#staged = from.staged;
      return;
    }
    const { port1, port2 } = new MessageChannel();
    const control = openControl<WriterControl>(port1);
    const staged = start(port2, from);
    this.#task = { staged, control };
    try {
      const whole = await staged;
      this.#staged ??= whole;
    } finally {
      control.close();
    }
  }

  /**
   * Has what has come so far put on the disk.
   * @param needed the mark that a crash would go back to now
   * @param handsOver see `FileSink.mark`
   * @throws ERR_IO, ERR_VALUE
   */
  async mark(needed: WrittenMark | undefined, handsOver: boolean): Promise<WrittenMark> {
    const ended = this.#staged;
    if (ended !== undefined && handsOver) this.#staged = { ...ended, files: [] };
    if (ended !== undefined) return { type: 'ended', staged: ended };
    const { staged, control } = this.#task as WritingTask;
    const number = needed === undefined || needed.type === 'ended' ? 0 : needed.number;
    const outcome = await Promise.race([control.remote.mark(number, handsOver), staged]);
    if ('ok' in outcome) return valueOf(outcome);
    if (handsOver) this.#staged = { ...outcome, files: [] };
    return { type: 'ended', staged: outcome };
  }

  /** What a dataset is to commit of a mark that hands it over, and what the sink goes on from then. */
  durable(mark: WrittenMark): { staged: StagedSink; mark: WrittenMark } {
    if (mark.type === 'ended') return { staged: mark.staged, mark: { ...mark, staged: { ...mark.staged, files: [] } } };
    const { spec, fields, staging } = this;
    const files = mark.type === 'store' ? mark.files : [];
    const bytes = mark.type === 'store' ? files.reduce((sum, file) => sum + file.bytes, 0) : mark.bytes;
    const staged: StagedSink = { spec, fields, rows: mark.rows, bytes, files, staging };
    return { staged, mark: mark.type === 'store' ? { ...mark, files: [] } : mark };
  }

  /** Whether checkpoints name what is staged, for another process to go on with. */
  get isHeld(): boolean {
    return this.#holder !== undefined;
  }

  /** Where its rows go: sinks of one place commit one after the other. */
  get place(): string {
    return this.spec.type === 'store' ? join(this.spec.root, this.spec.path) : this.spec.path;
  }

  /** Does the commit's reading and writing of Parquet, on a codec thread; there once the sink is writing. */
  get runner(): StoreRunner | undefined {
    return this.#runner;
  }

  /**
   * What is staged is another process's too: it stays when the run fails.
   * @param mark where that one has come to
   * @param holder folder of the checkpoints that name what is staged
   */
  keepFrom(mark: WrittenMark | undefined, holder: string): Promise<void> {
    this.#holder = holder;
    return this.startAnew(mark);
  }

  /** The run begins again at a barrier, or at its start: what is staged since is dropped. */
  async startAnew(mark: WrittenMark | undefined): Promise<void> {
    this.#staged = undefined;
    this.#task = undefined;
    this.#from = mark;
    if (mark === undefined) await this.#files.discardSink(this.spec, this.staging);
    else if (mark.type !== 'ended') await this.#files.cutBackSink(this.staging, mark);
    const holder = this.#holder;
    if (holder !== undefined && this.spec.type === 'store') await this.#files.holdStaging(this.staging, holder);
  }

  async commit(): Promise<void> {
    if (this.#staged === undefined) throw new PipelineError('ERR_INTERNAL', `sink "${this.name}" has staged nothing`);
    this.note(await this.#named(this.#files.commitSink(this.#staged, this.#runner)));
    this.#isCommitted = true;
  }

  /** What a sink that leaves its files to somebody else has written, when it has committed; undefined of other sinks. */
  get left(): StagedSink | undefined {
    const { spec } = this;
    if (spec.type !== 'store' || spec.left === undefined || this.#staged === undefined) return undefined;
    const folder = spec.left;
    const files = this.#staged.files.map((file) => ({ ...file, path: join(folder, basename(file.path)) }));
    return { ...this.#staged, files };
  }

  /** Takes note of what its dataset has committed. */
  note(summary: CommitSummary | undefined): void {
    this.#overlaps ||= summary?.overlaps === true;
  }

  /** Whether rows that were committed lie between those that its dataset had. */
  get overlaps(): boolean {
    return this.#overlaps;
  }

  /** Removes what is staged and was not committed, and folders that the run has made. */
  async discard(): Promise<void> {
    if (!this.#isCommitted && this.#holder === undefined)
      await this.#files.discardSink(this.spec, this.staging, this.#before);
  }

  async #named<T>(step: Promise<T>): Promise<T> {
    try {
      return await step;
    } catch (error) {
      throw namedError(error, this.name);
    }
  }
}

/**
 * Makes all sinks visible at once, those of one place one after the other: each is atomic by itself, not all together.
 * @throws what the refusal of the first of them says; its hint names those that have been committed.
 */
export async function commitWriters(sinks: readonly Pick<WrittenSink, 'name' | 'place' | 'commit'>[]): Promise<void> {
  const last = new Map<string, Promise<void>>();
  const commits = sinks.map((sink) => {
    const done = (last.get(sink.place) ?? Promise.resolve()).then(() => sink.commit());
    last.set(sink.place, done);
    return done;
  });
  const outcomes = await Promise.allSettled(commits);
  const refused = outcomes.find((outcome) => outcome.status === 'rejected');
  if (refused === undefined) return;
  const committed = sinks.filter((_, index) => outcomes[index]?.status === 'fulfilled').map(({ name }) => `"${name}"`);
  throw committed.length === 0 ? refused.reason : afterCommitsOf(committed, refused.reason);
}

function afterCommitsOf(committed: readonly string[], error: unknown): PipelineError {
  const data = errorToData(error);
  const before = `already committed: ${committed.join(', ')}`;
  return errorFromData({ ...data, hint: data.hint === undefined ? before : `${data.hint}; ${before}` });
}

export async function discardWriters(sinks: readonly WrittenSink[]): Promise<void> {
  await Promise.all(sinks.map((sink) => sink.discard()));
}
