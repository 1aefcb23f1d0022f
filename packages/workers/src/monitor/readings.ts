/** What the statistics of a running job add up to: by stage, by buffer, by source and sink. */
import type {
  Arena,
  LogicalPlan,
  MemoryHolding,
  MemoryPool,
  PhysicalPlan,
  PlanNode,
  StageSpec,
  Triggers,
} from '@spillway/core/internal';
import type { Actor } from '../coordinator/wiring.ts';
import { describeBuffer } from '../job/buffer-state.ts';
import type { StageSummary } from '../job/summary.ts';
import { ACTIVITIES, type Activity, type ActorReading, ActorStatistics } from './actor-statistics.ts';
import { endsOfEdge } from './gauges.ts';
import {
  addFlushes,
  type FlushCounts,
  noFlushes,
  type OperatorReading,
  OperatorStatistics,
} from './operator-statistics.ts';
import type { EndpointCount } from './progress.ts';
import type { BufferMetrics, EndpointMetrics, IsolateMetrics, LaneMetrics, StageMetrics } from './snapshot.ts';

interface ActorView {
  actor: Actor;
  reading: ActorReading;
  operators: OperatorReading[];
}

/** What a source gives in all, where it is known. */
export interface SourceTotals {
  rows?: number;
  bytes?: number;
}

/** Reads the statistics of one run; after `freeze` it goes on telling what they were at the end. */
export class JobReadings {
  readonly #logical: LogicalPlan;
  readonly #physical: PhysicalPlan;
  readonly #totals: ReadonlyMap<number, SourceTotals>;
  #read: () => ActorView[];
  #holdings: () => MemoryHolding[];

  constructor(
    logical: LogicalPlan,
    physical: PhysicalPlan,
    actors: readonly Actor[],
    pool: MemoryPool,
    arena: Arena,
    totals: ReadonlyMap<number, SourceTotals>,
  ) {
    this.#logical = logical;
    this.#physical = physical;
    this.#totals = totals;
    this.#holdings = () => pool.holdings();
    const slots = actors.map((actor) => ({
      actor,
      statistics: new ActorStatistics(arena.buffer, actor.place.actor),
      operators: actor.place.operators.map((place) => new OperatorStatistics(arena.buffer, place)),
    }));
    this.#read = () =>
      slots.map((slot) => ({
        actor: slot.actor,
        reading: slot.statistics.read(),
        operators: slot.operators.map((operator) => operator.read()),
      }));
  }

  /** Keeps the present readings; the shared memory behind them may then go. */
  freeze(): void {
    const last = this.#read();
    this.#read = () => last;
    const holdings = this.#holdings();
    this.#holdings = () => holdings;
  }

  /** Who holds what of the memory limit, by stage, largest first. */
  memory(): MemoryHolding[] {
    return this.#holdings();
  }

  actors(): ActorView[] {
    return this.#read();
  }

  /** Every operator that waits for triggers, over all its lanes. */
  buffers(): BufferMetrics[] {
    const views = this.#read();
    return this.#physical.stages.flatMap((stage) => {
      const lanes = lanesOf(views, stage);
      return stage.operators.flatMap((operator, index) => {
        // A partial half hands its states on with every morsel: the final half is the buffer.
        const triggers = operator.half === 'partial' ? undefined : triggersOf(operator);
        if (triggers === undefined) return [];
        const { held, limitBytes, ...counts } = sumOperators(lanes.flatMap(({ operators }) => operators[index] ?? []));
        return [{ ...describeBuffer(operator.name, stage.name, held, withLimit(triggers, limitBytes)), ...counts }];
      });
    });
  }

  stages(): StageSummary[] {
    const views = this.#read();
    return this.#physical.stages.map((stage) => {
      const lanes = lanesOf(views, stage);
      const takesStates = this.#takesStates(stage);
      const summary: StageSummary = {
        name: stage.name,
        lanes: stage.lanes,
        rowsIn: 0,
        rowsOut: 0,
        peakHeldBytes: 0,
        spilledBytes: 0,
        lateRows: 0,
        flushes: noFlushes(),
      };
      for (const { reading, operators } of lanes) {
        summary.rowsIn += takesStates ? 0 : reading.rowsIn;
        summary.rowsOut += reading.rowsOut;
        for (const operator of operators) {
          summary.peakHeldBytes += operator.peakBytes;
          summary.spilledBytes += operator.spilledBytes;
          summary.lateRows += operator.lateRows;
          addFlushes(summary.flushes, operator.flushes);
        }
      }
      return summary;
    });
  }

  /** The same with what its lanes do now, and have spent their time with. */
  stageMetrics(): StageMetrics[] {
    const views = this.#read();
    const summaries = this.stages();
    return this.#physical.stages.map((stage, index) => {
      const lanes = lanesOf(views, stage);
      return {
        ...(summaries[index] as StageSummary),
        bytesIn: lanes.reduce((sum, { reading }) => sum + reading.bytesIn, 0),
        laneActivities: lanes.map((view) => this.#laneMetrics(view)),
        spentMs: sumSpent(lanes),
      };
    });
  }

  /** Heaps of the lanes' threads. */
  isolates(): IsolateMetrics[] {
    return this.#read()
      .filter(({ actor }) => actor.kind === 'lane')
      .map(({ actor, reading }) => ({ name: `${actor.name}, lane ${actor.lane}`, ...reading.isolate }));
  }

  #laneMetrics({ actor, reading }: ActorView): LaneMetrics {
    const { rowsIn, rowsOut, activity: doing, waitsFor } = reading;
    const edge = this.#physical.edges.find(({ id }) => id === waitsFor);
    const lane = { lane: actor.lane, rowsIn, rowsOut, doing };
    if (edge === undefined) return lane;
    const { from, to } = endsOfEdge(this.#logical, this.#physical, edge);
    return { ...lane, waitsFor: doing === 'waiting for input' ? from : to };
  }

  /** Whether states of an aggregate come in: what lanes count there are words, not rows. */
  #takesStates({ input }: StageSpec): boolean {
    return input.kind === 'edge' && this.#physical.edges.some((edge) => edge.id === input.edge && edge.carriesStates);
  }

  flushes(): FlushCounts {
    const sum = noFlushes();
    for (const stage of this.stages()) addFlushes(sum, stage.flushes);
    return sum;
  }

  /** Rows of a source are counted where they are taken, so that a row group under way shows. */
  sources(): EndpointCount[] {
    const views = this.#read();
    return this.#nodes('source').map((node) => {
      const { rows, bytes } = countOf(node.name, this.#takersOf(views, node));
      const totals = this.#totals.get(node.id) ?? {};
      const { rows: totalRows, bytes: totalBytes } = totals;
      const isFile = totalRows !== undefined && totalBytes !== undefined;
      return {
        name: node.name,
        rows,
        bytes: isFile ? Math.round((totalBytes * rows) / Math.max(1, totalRows)) : bytes,
        ...(totalRows === undefined ? {} : { totalRows }),
        ...(totalBytes === undefined ? {} : { totalBytes }),
      };
    });
  }

  sinks(): EndpointCount[] {
    const views = this.#read();
    return this.#nodes('sink').map((node) => countOf(node.name, actorsOf(views, 'sink', node)));
  }

  sourceMetrics(): EndpointMetrics[] {
    const views = this.#read();
    const nodes = this.#nodes('source');
    return this.sources().map((count, index) => withDoing(count, actorsOf(views, 'feeder', nodes[index] as PlanNode)));
  }

  sinkMetrics(): EndpointMetrics[] {
    const views = this.#read();
    const nodes = this.#nodes('sink');
    return this.sinks().map((count, index) => withDoing(count, actorsOf(views, 'sink', nodes[index] as PlanNode)));
  }

  #nodes(kind: 'source' | 'sink'): PlanNode[] {
    return this.#logical.nodes.filter((node) => node.spec.kind === kind);
  }

  /** Who takes a source's rows first: its feeder, the lanes that make its splits, or the end of its first edge. */
  #takersOf(views: ActorView[], node: PlanNode): ActorView[] {
    const feeder = actorsOf(views, 'feeder', node);
    if (feeder.length > 0) return feeder;
    const split = this.#physical.stages.find(({ input }) => input.kind === 'splits' && input.node === node.id);
    if (split !== undefined) return lanesOf(views, split);
    const consumer = this.#physical.edges.find(
      ({ producer }) => producer.kind === 'reader' && producer.node === node.id,
    )?.consumer;
    const kind = consumer?.kind === 'stage' ? 'lane' : 'sink';
    const id = consumer?.kind === 'stage' ? consumer.stage : consumer?.node;
    return views.filter(({ actor }) => actor.kind === kind && actor.id === id);
  }
}

type OperatorSum = Pick<
  OperatorReading,
  'held' | 'limitBytes' | 'wishBytes' | 'peakBytes' | 'wantedBytes' | 'spilledBytes' | 'flushes'
>;

/** One operator over its lanes. */
function sumOperators(lanes: readonly OperatorReading[]): OperatorSum {
  const held = { inputs: 0, rows: 0, bytes: 0 };
  const { limitBytes = 0, wishBytes = 0 } = lanes[0] ?? {};
  const sum = { held, limitBytes, wishBytes, peakBytes: 0, wantedBytes: 0, spilledBytes: 0, flushes: noFlushes() };
  for (const lane of lanes) {
    held.inputs += lane.held.inputs;
    held.rows += lane.held.rows;
    held.bytes += lane.held.bytes;
    sum.peakBytes += lane.peakBytes;
    sum.wantedBytes += lane.wantedBytes;
    sum.spilledBytes += lane.spilledBytes;
    addFlushes(sum.flushes, lane.flushes);
  }
  return sum;
}

function lanesOf(views: ActorView[], stage: StageSpec): ActorView[] {
  return views.filter(({ actor }) => actor.kind === 'lane' && actor.id === stage.id);
}

function actorsOf(views: ActorView[], kind: Actor['kind'], { id }: PlanNode): ActorView[] {
  return views.filter(({ actor }) => actor.kind === kind && actor.id === id);
}

function withDoing(count: EndpointCount, views: ActorView[]): EndpointMetrics {
  return { ...count, doing: views.map(({ reading }) => reading.activity), spentMs: sumSpent(views) };
}

function sumSpent(views: ActorView[]): Record<Activity, number> {
  const sum = {} as Record<Activity, number>;
  for (const activity of ACTIVITIES)
    sum[activity] = views.reduce((total, { reading }) => total + reading.spentMs[activity], 0);
  return sum;
}

function countOf(name: string, views: ActorView[]): EndpointCount {
  let rows = 0;
  let bytes = 0;
  for (const { reading } of views) {
    rows += reading.rowsIn;
    bytes += reading.bytesIn;
  }
  return { name, rows, bytes };
}

/** With the limit that the governor has chosen by now. */
function withLimit(triggers: Triggers, limitBytes: number): Triggers {
  const isChosen = triggers.memoryLimitBytes === 'auto' && limitBytes > 0;
  return isChosen ? { ...triggers, memoryLimitBytes: limitBytes } : triggers;
}

/** The triggers of an operator that can hold something back; undefined for all others. */
export function triggersOf({ spec, shareBytes }: StageSpec['operators'][number]): Triggers | undefined {
  switch (spec.kind) {
    case 'op':
      return Object.keys(spec.triggers).length > 0 ? spec.triggers : undefined;
    case 'memoryBuffer':
    case 'memoryAccumulate':
    case 'aggStream':
      return spec.triggers;
    case 'sort':
    case 'joinStream':
      return shareBytes === undefined ? {} : { memoryLimitBytes: shareBytes };
    default:
      return shareBytes === undefined ? undefined : { memoryLimitBytes: shareBytes };
  }
}
