/**
 * A run that another process can go on with. At a durable barrier sinks have their rows on the disk; then a checkpoint is written, which decides;
 * then each dataset commits its rows under the barrier's number; then what was staged goes. Who comes later takes the newest checkpoint, has
 * the datasets that are behind it commit, and goes on from there.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { PipelineError } from '@spillway/core/base';
import { commitEpoch, RESUME_FOLDER } from '@spillway/core/files';
import type { LogicalPlan, OrderedValue, ResolvedPlan, SpilledFile, StoreRunner } from '@spillway/core/internal';
import { type Checkpoint, laneKey } from '../coordinator/checkpoint.ts';
import type { PlannedRun } from '../coordinator/plan-run.ts';
import type { RunEnds } from '../coordinator/run-ends.ts';
import type { WrittenMark, WrittenSink } from '../coordinator/written-sinks.ts';
import type { Summary } from '../job/summary.ts';
import type { SourceStart } from '../sources/source-start.ts';
import type { DurableCheckpoint } from './checkpoint-file.ts';
import { fingerprintOf } from './fingerprint.ts';
import { MergeThread } from './merge-thread.ts';
import { ResumeFolder } from './resume-folder.ts';
import { goOn, type KnownFiles, knownFilesOf, positionAt, type SourcePosition } from './source-positions.ts';

export interface ResumeOptions {
  id: string;
  inputEnds: 'more' | 'final';
  /** Where the ids lie; by default in the first store that the plan writes. */
  directory: string | undefined;
}

export class Resume {
  readonly options: ResumeOptions;
  /** By source node. */
  readonly starts: ReadonlyMap<number, SourceStart>;
  readonly #folder: ResumeFolder;
  readonly #fingerprint: string;
  readonly #from: DurableCheckpoint | undefined;
  readonly #known: ReadonlyMap<number, KnownFiles>;
  readonly #history: string;
  #epoch: number;

  private constructor(
    options: ResumeOptions,
    folder: ResumeFolder,
    fingerprint: string,
    from: DurableCheckpoint | undefined,
    sources: { starts: ReadonlyMap<number, SourceStart>; known: ReadonlyMap<number, KnownFiles> },
  ) {
    this.options = options;
    this.starts = sources.starts;
    this.#folder = folder;
    this.#fingerprint = fingerprint;
    this.#from = from;
    this.#known = sources.known;
    this.#history = from?.history ?? randomUUID();
    this.#epoch = from?.epoch ?? 0;
  }

  /**
   * Takes hold of the id, brings datasets up to its newest checkpoint, and has the plan's sources go on from there.
   * @throws ERR_RESUME_BUSY, ERR_RESUME_PLAN, ERR_RESUME_SOURCE, ERR_RESUME_CORRUPT, ERR_OPTIONS, ERR_IO, and what committing refuses
   */
  static async open(options: ResumeOptions, plan: LogicalPlan, logical: ResolvedPlan): Promise<Resume> {
    checkSinks(plan);
    const folder = await ResumeFolder.hold(join(directoryOf(options, plan), options.id), options.id);
    try {
      const from = await folder.newest();
      const fingerprint = fingerprintOf(plan);
      if (from !== undefined) {
        checkPlan(from, fingerprint, options);
        await commitAll(options.id, from, plan.memoryLimitBytes);
        await folder.forgetBefore(from.epoch);
      }
      return new Resume(options, folder, fingerprint, from, await openSources(logical, from, options));
    } catch (error) {
      await folder.release();
      throw error;
    }
  }

  /** Where its checkpoints lie. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Number of the last durable barrier; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  /** What the runs of this id have done, when nothing can follow and nothing new is there. @throws ERR_RESUME_CLOSED when there is */
  closedSummary(logical: ResolvedPlan): Summary | undefined {
    if (this.#from?.isClosed !== true) return undefined;
    const source = logical.nodes.find(hasInput);
    if (source === undefined) return this.#from.summary as Summary;
    throw new PipelineError(
      'ERR_RESUME_CLOSED',
      `the input of resume id "${this.options.id}" has ended, and source "${source.name}" has more`,
      {
        stage: source.name,
        hint: "give inputEnds: 'more' to runs that others follow; to read everything again, use another id and an empty dataset",
      },
    );
  }

  /** What sinks go on from. */
  markOf(node: number): WrittenMark | undefined {
    return new Map(this.#from?.sinks ?? []).get(node)?.mark;
  }

  /** What the first attempt goes on from. @param folder where this run keeps what is on disk of states */
  async checkpoint({ physical }: PlannedRun, folder: () => Promise<string>): Promise<Checkpoint | undefined> {
    const from = this.#from;
    if (from === undefined) return undefined;
    const places =
      from.files.length === 0 ? new Map<string, string>() : await this.#folder.takeStates(from, await folder());
    const states = new Map(from.operators);
    const kept = from.files.map(({ path, bytes }): SpilledFile => ({ path, bytes }));
    const ended = endedStages(physical, new Set(from.ended), this.options.id);
    const lanes: Checkpoint['lanes'] = new Map(
      physical.stages.flatMap(({ id, operators }) => {
        const saved = operators.map(({ node, half }) => (half === 'partial' ? undefined : states.get(node)));
        if (saved.every((state) => state === undefined) || ended.has(id)) return [];
        return [[laneKey(id, 0), { operators: saved, files: kept, places }] as const];
      }),
    );
    const files = new Map(
      kept.map(({ path, bytes }) => {
        const place = places.get(path) as string;
        return [place, { path: place, bytes }] as const;
      }),
    );
    return {
      epoch: from.epoch,
      sources: new Map([...this.starts].map(([node, { first }]) => [node, first])),
      lanes,
      sinks: new Map(from.sinks.map(([node, { mark }]) => [node, mark])),
      chains: new Map(),
      ended,
      statistics: new Uint8Array(),
      splits: new Map(
        physical.stages.flatMap(({ id, input }) => {
          const start = input.kind === 'splits' ? this.starts.get(input.node) : undefined;
          return start === undefined ? [] : [[id, { next: start.first, last: start.last }] as const];
        }),
      ),
      files,
    };
  }

  /**
   * Makes a barrier durable, and everything up to it visible.
   * @param end at the end of input: nothing is to follow
   */
  async decide(
    checkpoint: Omit<Checkpoint, 'epoch'>,
    run: {
      planned: PlannedRun;
      ends: RunEnds;
      sinks: readonly WrittenSink[];
      runnerOf(sink: WrittenSink): StoreRunner | undefined;
    },
    end?: { summary: Summary },
  ): Promise<void> {
    const { planned } = run;
    const epoch = this.#epoch + 1;
    const durable: DurableCheckpoint = {
      epoch,
      history: this.#history,
      fingerprint: this.#fingerprint,
      isClosed: end !== undefined,
      sources: this.#positions(checkpoint, run),
      operators: operatorsOf(checkpoint, planned),
      files: await this.#folder.keepStates(epoch, checkpoint.files.values()),
      ended: planned.physical.stages
        .filter(({ id }) => checkpoint.ended.has(id))
        .flatMap(({ operators }) => operators.map(({ node }) => node)),
      sinks: run.sinks.map((sink) => [sink.node, sink.durable(checkpoint.sinks.get(sink.node) as WrittenMark)]),
      ...(end && { summary: end.summary }),
    };
    await this.#folder.decide(durable);
    this.#epoch = epoch;
    for (const [node, { staged }] of durable.sinks) {
      const sink = run.sinks.find((candidate) => candidate.node === node) as WrittenSink;
      const txn = txnOf(this.options.id, durable, node);
      sink.note(await commitEpoch(staged, txn, durable.isClosed, run.runnerOf(sink)));
    }
    await this.#folder.forgetBefore(epoch);
  }

  /** Lets go of the id. */
  close(): Promise<void> {
    return this.#folder.release();
  }

  #positions(
    checkpoint: Omit<Checkpoint, 'epoch'>,
    { planned, ends }: { planned: PlannedRun; ends: RunEnds },
  ): [number, SourcePosition][] {
    const lastOfSplits = (node: number): OrderedValue | undefined => {
      const stage = planned.physical.stages.find(({ input }) => input.kind === 'splits' && input.node === node);
      const state = stage && checkpoint.splits.get(stage.id);
      return state === undefined ? this.starts.get(node)?.last : state.last;
    };
    const parts = {
      planned,
      sources: checkpoint.sources,
      chains: checkpoint.chains,
      lastsOf: (node: number) => ends.lastsOf(node),
      splitLast: lastOfSplits,
      rowsOf: (node: number) => ends.rowsTaken(node),
      before: new Map(this.#from?.sources ?? []),
      known: this.#known,
    };
    return planned.logical.nodes
      .filter(({ spec }) => spec.kind === 'source')
      .map((node) => [node.id, positionAt(parts, node)]);
  }
}

function txnOf(id: string, { history, epoch }: DurableCheckpoint, node: number): { appId: string; version: number } {
  return { appId: `spillway/${id}/${history}/${node}`, version: epoch };
}

/** Datasets that are behind the checkpoint commit what it names, within the limit of the run that is to come. */
async function commitAll(id: string, from: DurableCheckpoint, limitBytes: number): Promise<void> {
  const runner = new MergeThread(limitBytes);
  try {
    for (const [node, { staged }] of from.sinks)
      await commitEpoch(staged, txnOf(id, from, node), from.isClosed, runner);
  } finally {
    await runner.close();
  }
}

async function openSources(
  logical: ResolvedPlan,
  from: DurableCheckpoint | undefined,
  { inputEnds }: ResumeOptions,
): Promise<{ starts: Map<number, SourceStart>; known: Map<number, KnownFiles> }> {
  const before = new Map(from?.sources ?? []);
  const starts = new Map<number, SourceStart>();
  const known = new Map<number, KnownFiles>();
  for (const node of logical.nodes) {
    if (node.spec.kind !== 'source') continue;
    starts.set(node.id, await goOn(node, before.get(node.id)));
    known.set(node.id, await knownFilesOf(node));
    const { source } = node.spec;
    if (inputEnds === 'more' && (source.type === 'text' || source.type === 'arrow')) source.isOpen = true;
  }
  return { starts, known };
}

/** Whether a source of an id that is closed has something that was not read. */
function hasInput({ spec, files }: ResolvedPlan['nodes'][number]): boolean {
  if (spec.kind !== 'source') return false;
  const { source } = spec;
  if (source.type === 'parquet') return (files ?? []).some(({ rows }) => rows > 0);
  if (source.type === 'arrow') return source.files.some(({ rows }) => rows > 0);
  return source.type === 'text' && source.files.some(({ bytes, dataStart }) => bytes > dataStart);
}

function checkPlan(from: DurableCheckpoint, fingerprint: string, { id }: ResumeOptions): void {
  if (from.fingerprint === fingerprint) return;
  throw new PipelineError('ERR_RESUME_PLAN', `the resume id "${id}" belongs to another plan`, {
    hint: 'run the plan that it was begun with (files, workers and memoryLimit may differ), or give this plan another id',
  });
}

/** Rows that were handed to a program cannot be handed over again by another process. */
function checkSinks({ nodes }: LogicalPlan): void {
  const sink = nodes.find(({ spec }) => spec.kind === 'sink' && spec.sink.type === 'collect');
  if (sink === undefined) return;
  throw new PipelineError('ERR_OPTIONS', `sink "${sink.name}" collects rows, which a run with resume cannot keep`, {
    stage: sink.name,
    hint: 'write to a store or a file, or take rows with forEach, which sees some of them again after a crash',
  });
}

function directoryOf({ directory }: ResumeOptions, { nodes }: LogicalPlan): string {
  if (directory !== undefined) return directory;
  for (const { spec } of nodes)
    if (spec.kind === 'sink' && spec.sink.type === 'store') return join(spec.sink.root, RESUME_FOLDER);
  throw new PipelineError('ERR_OPTIONS', 'nothing says where a run with resume keeps its checkpoints', {
    hint: 'give resumeDirectory: plans that write no store have no place of their own',
  });
}

/** By node, of the lanes that have a state. */
function operatorsOf({ lanes, ended }: Omit<Checkpoint, 'epoch'>, { physical }: PlannedRun): [number, unknown][] {
  return physical.stages.flatMap(({ id, operators }) => {
    const saved = ended.has(id) ? undefined : lanes.get(laneKey(id, 0));
    return operators.flatMap(({ node }, index): [number, unknown][] => {
      const state = saved?.operators[index];
      return state === undefined ? [] : [[node, state]];
    });
  });
}

/** Stages may be cut otherwise than they were. @throws ERR_RESUME_PLAN when one had ended in part */
function endedStages({ stages }: PlannedRun['physical'], nodes: ReadonlySet<number>, id: string): Set<number> {
  const ended = new Set<number>();
  for (const { id: stage, name, operators } of stages) {
    const count = operators.filter(({ node }) => nodes.has(node)).length;
    if (count > 0 && count === operators.length) ended.add(stage);
    else if (count > 0)
      throw new PipelineError('ERR_RESUME_PLAN', `stage "${name}" of resume id "${id}" had ended in part`, {
        stage: name,
        hint: 'go on with as many workers, and the memoryLimit, that the run was begun with',
      });
  }
  return ended;
}
