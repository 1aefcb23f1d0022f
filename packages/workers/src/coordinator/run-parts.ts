/** Starts what is not a stage: readers and feeders before the stages, sinks and writers behind them. */

import type { MessagePort, Transferable } from 'node:worker_threads';
import { PipelineError } from '@spillway/core/base';
import type { SinkMark, SinkSpec, SourceSpec, StagedSink, StoreRunner } from '@spillway/core/internal';
import { WHOLE_LIBRARY_BYTES } from '@spillway/core/planner';
import { inTurn } from '../channels/in-turn.ts';
import type { Ring } from '../channels/ring.ts';
import type { SourceGate } from '../channels/source-gate.ts';
import type { CodecTask, ReadResult, ReadTask, WriteTask } from '../codecs/protocol.ts';
import { type Outcome, valueOf } from '../control/outcome.ts';
import { ActorStatistics } from '../monitor/actor-statistics.ts';
import type { Resume } from '../resume/resume.ts';
import { drainEdge } from '../sinks/drain-edge.ts';
import { readFiles } from '../sources/read-files.ts';
import type { Activities } from './activities.ts';
import type { ArenaLease } from './arena-lease.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { FailureLatch } from './failure.ts';
import { workerDied } from './lane-handle.ts';
import type { PlannedRun } from './plan-run.ts';
import type { RunEnds } from './run-ends.ts';
import type { ThreadPool } from './thread-pools.ts';
import type { EdgeEnd, Wiring } from './wiring.ts';
import { WrittenSink } from './written-sinks.ts';

export interface RunParts {
  planned: PlannedRun;
  wiring: Wiring;
  lease: ArenaLease;
  latch: FailureLatch;
  activities: Activities;
  codecs: ThreadPool | undefined;
  codecThreads: number;
  /** What the attempt goes on from. */
  from: Checkpoint | undefined;
  /** Of the run: what outlasts this attempt. */
  ends: RunEnds;
  /** Resident before the first row. */
  idleBytes: number;
  /** A thread of library codecs died at a task. */
  onCodecDeath(error: PipelineError): void;
}

function statisticsOf(parts: RunParts, end: EdgeEnd): ActorStatistics {
  return new ActorStatistics(parts.lease.arena.buffer, end.actor.place.actor);
}

async function runCodec<T>(
  parts: RunParts,
  name: string,
  task: CodecTask,
  transferList: Transferable[] = [],
): Promise<T> {
  const { codecs } = parts;
  if (codecs === undefined)
    throw new PipelineError('ERR_INTERNAL', `"${name}" needs the codec pool, which was not started`);
  let outcome: Outcome<T>;
  try {
    outcome = (await codecs.runner.run(task, { transferList })) as Outcome<T>;
  } catch (cause) {
    const died = workerDied(name, cause);
    parts.onCodecDeath(died);
    throw died;
  }
  return valueOf(outcome);
}

export function startReaders(parts: RunParts): void {
  const { planned, latch, activities, codecThreads, wiring } = parts;
  for (const end of wiring.readers) {
    const schedule = planned.schedules.get(end.node.id);
    const source = sourceOf(end, 'parquet');
    if (schedule === undefined)
      throw new PipelineError('ERR_INTERNAL', `source "${end.node.name}" was not looked at when the plan was made`);
    const statistics = statisticsOf(parts, end);
    statistics.enter('working');
    const gate = parts.wiring.gates.get(end.node.id) as SourceGate;
    const first = parts.from?.sources.get(end.node.id) ?? 0;
    const reading = readFiles({
      source,
      schedule,
      fields: (end.edges[0] as (typeof end.edges)[number]).fields,
      workers: codecThreads,
      task: {
        rings: end.rings.map((ring) => ring.handle),
        owner: end.owner,
        pool: wiring.memory.place,
        gate: gate.at,
        skipBelow: first,
      },
      gate,
      from: first,
      lasts: parts.ends.lastsOf(end.node.id),
      read: (task: ReadTask) => runCodec<ReadResult>(parts, end.node.name, task),
      onRead: (task) => statistics.countIn(task.rows, task.bytes),
      skip: async ({ firstSequence, packets }) => {
        const producers = end.rings.map((ring) => ring.producer());
        for (let sequence = firstSequence; sequence < firstSequence + packets; sequence += 1)
          if (sequence >= first) await Promise.all(producers.map((producer) => producer.publish(sequence, [])));
      },
      signal: latch.signal,
    }).then(() => {
      for (const ring of end.rings) ring.producer().end(schedule.packets);
      statistics.enter('done');
    });
    activities.watch(end.node.name, reading);
  }
}

export function startFeeders(parts: RunParts): void {
  const { latch, activities, ends } = parts;
  for (const end of parts.wiring.feeders) {
    const feed = ends.feedOf(end, sourceOf(end, 'fed'));
    const statistics = statisticsOf(parts, end);
    statistics.enter('waiting for input');
    const producers = end.rings.map((ring) => ring.producer());
    const isDrained = (): boolean => end.rings.every((ring) => ring.depth().packets === 0);
    const behind = ringsBehind(parts, end);
    const underWay = (): number => behind.reduce((sum, ring) => sum + ring.underWay(), 0);
    const gate = parts.wiring.gates.get(end.node.id) as SourceGate;
    latch.onFailure(() => feed.detach());
    activities.watch(
      end.node.name,
      feed.attach({ producers, gate, statistics, owner: end.owner, isDrained, underWay }),
    );
  }
}

/** The rings that a source's rows pass, or what is made of them. */
function ringsBehind({ planned, wiring }: RunParts, source: EdgeEnd): Ring[] {
  const { edges } = planned.physical;
  const reached = new Set(source.edges);
  for (const { consumer } of reached) {
    if (consumer.kind !== 'stage') continue;
    for (const edge of edges)
      if (edge.producer.kind === 'stage' && edge.producer.stage === consumer.stage) reached.add(edge);
  }
  return [...reached].map((edge) => wiring.rings[edges.indexOf(edge)] as Ring);
}

/** Loads what delivery needs: it belongs to the idle size, not to what a run may take. */
export async function loadDelivery({ mainSinks }: Wiring): Promise<void> {
  const givesArrow = mainSinks.some((end) => {
    const sink = sinkOf(end);
    return sink.type === 'iterate' || (sink.type === 'callback' && sink.takes === 'batch');
  });
  if (!givesArrow) return;
  const { loadArrow } = await import('@spillway/core/arrow');
  await loadArrow();
}

export function startMainSinks(parts: RunParts): void {
  const { activities, ends } = parts;
  for (const end of parts.wiring.mainSinks) {
    const taker = ends.takerOf(end, sinkOf(end));
    const { ring } = sinkEdge(end);
    // A delivery goes on when a worker has died, and stops when the run has failed.
    activities.watch(end.node.name, drainEdge(ring.consumer(), taker, statisticsOf(parts, end), ends.signal));
  }
}

function sourceOf<T extends SourceSpec['type']>(end: EdgeEnd, type: T): Extract<SourceSpec, { type: T }> {
  const { spec } = end.node;
  if (spec.kind === 'source' && spec.source.type === type) return spec.source as Extract<SourceSpec, { type: T }>;
  throw new PipelineError('ERR_INTERNAL', `"${end.node.name}" is not a source of type ${type}`);
}

function sinkOf(end: EdgeEnd): SinkSpec {
  const { spec } = end.node;
  if (spec.kind === 'sink') return spec.sink;
  throw new PipelineError('ERR_INTERNAL', `"${end.node.name}" is not a sink`);
}

/**
 * The run's sinks that write files, checked before anything starts; with `resume` they go on from its checkpoint.
 * @throws what `checkFileSink` refuses
 */
export async function openWriters(wiring: Wiring, resume: Resume | undefined): Promise<WrittenSink[]> {
  runs += 1;
  const id = resume === undefined ? `${process.pid}-${runs}` : `resume-${resume.options.id}`;
  return Promise.all(
    wiring.writers.map(async (end) => {
      const sink = await WrittenSink.open(end.node, `${id}-${end.node.id}`, sinkOf(end), sinkEdge(end).edge.fields);
      if (resume !== undefined) await sink.keepFrom(resume.markOf(end.node.id), resume.folder);
      return sink;
    }),
  );
}

/** Runs of this process so far: no two stage under one name. */
let runs = 0;

/** Whether the process may grow by so much, now that its stages have ended. */
function hasRoom({ planned, idleBytes }: RunParts, bytes: number): boolean {
  return process.memoryUsage.rss() - idleBytes + bytes <= planned.physical.memoryLimitBytes;
}

/** Starts a task for each sink that writes files; it lasts until the sink's edge has ended. */
export function startWriters(parts: RunParts, sinks: readonly WrittenSink[]): void {
  const { activities, planned, wiring } = parts;
  const share = planned.physical.memoryLimitBytes / 4 / Math.max(1, sinks.length);
  // Sinks commit at once, but for this: the memory for rows that are merged is there once.
  const alone = inTurn();
  wiring.writers.forEach((end, index) => {
    const { edge, ring } = sinkEdge(end);
    const sink = sinks[index] as WrittenSink;
    const { owner } = end;
    const { fields } = edge;
    const pool = wiring.memory.place;
    const task: Omit<WriteTask, 'control'> = {
      type: 'write',
      owner,
      pool,
      actor: end.actor.place.actor,
      fields,
      edge: edge.id,
      ring: ring.handle,
      sink: sink.spec,
      staging: sink.staging,
      isNamed: sink.isHeld,
      memoryLimitBytes: sinkLimit(end) ?? Math.max(LEAST_ROW_GROUP_BYTES, Math.floor(share)),
    };
    const runner: StoreRunner = {
      merge: (merging) =>
        alone(() => runCodec(parts, end.node.name, { type: 'merge', owner, pool, fields, task: merging })),
      stageForeign: (foreign) =>
        alone(() => runCodec(parts, end.node.name, { type: 'stageForeign', owner, pool, fields, task: foreign })),
      // The library writes them. Without one a log is only longer: where there is no room, a later version has it.
      checkpoint: async (table, version) => {
        await alone(async () => {
          if (!hasRoom(parts, WHOLE_LIBRARY_BYTES)) return;
          await runCodec(parts, end.node.name, { type: 'checkpoint', owner, pool, fields, table, version });
        });
      },
    };
    const write = (control: MessagePort, from: SinkMark | undefined): Promise<StagedSink> => {
      const whole: WriteTask = { ...task, control, ...(from !== undefined && { from }) };
      return runCodec<StagedSink>(parts, end.node.name, whole, [control]);
    };
    activities.watch(end.node.name, sink.write(write, runner));
  });
}

/** Smaller row groups cost more in metadata than they save in memory. */
const LEAST_ROW_GROUP_BYTES = 4 * 1024 * 1024;

/** The sink's own memory limit, if it was given one. */
function sinkLimit(end: EdgeEnd): number | undefined {
  const { spec } = end.node;
  const limit = spec.kind === 'sink' ? spec.triggers.memoryLimitBytes : undefined;
  return typeof limit === 'number' ? limit : undefined;
}

/** A sink has one edge. */
function sinkEdge(end: EdgeEnd): { edge: EdgeEnd['edges'][number]; ring: EdgeEnd['rings'][number] } {
  return { edge: end.edges[0] as EdgeEnd['edges'][number], ring: end.rings[0] as EdgeEnd['rings'][number] };
}
