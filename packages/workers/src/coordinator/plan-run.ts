/** From the sinks of a run to its stages, before anything is started. */
import type { Sink } from '@spillway/core';
import { formatBytes } from '@spillway/core/base';
import type { LogicalPlan, PhysicalPlan, ResolvedPlan, TextFile } from '@spillway/core/internal';
import { buildLogicalPlan, feederOf, fitStages, planStages, resolvePlan } from '@spillway/core/planner';
import { groupRoom } from '../governor/group-room.ts';
import { cgroupMemory } from '../governor/outside-readings.ts';
import type { ParsedRunOptions } from '../job/run-options.ts';
import type { PositionSegment } from '../lanes/source-position.ts';
import type { SourceTotals } from '../monitor/readings.ts';
import { packetRowsOf, positionsOf, type RowGroupSchedule, scheduleRowGroups } from '../sources/row-groups.ts';
import type { SourceStart } from '../sources/source-start.ts';

/** The end of one branch of a pipeline, as `run` takes it. */
export type SinkInput = Sink;

export interface PlannedRun {
  /** As it was before sources and stores were looked at. */
  written: LogicalPlan;
  logical: ResolvedPlan;
  physical: PhysicalPlan;
  /** Node ids of the sinks. */
  sinkIds: Map<SinkInput, number>;
  /** Of file sources, by node id. */
  schedules: Map<number, RowGroupSchedule>;
  positions: Map<number, PositionSegment[]>;
  /** Of sources that know how much they have, by node id. */
  totals: Map<number, SourceTotals>;
  /** Why the limit is less than was asked for, where it is. */
  reduced?: string;
}

/** Where sources begin that earlier runs have read from, by node. Undefined where a run is not to be gone on with. */
export type Starts = { starts: ReadonlyMap<number, SourceStart>; isOpen: boolean } | undefined;

/** `given`: the plan to run for these sinks, in whose order its own are. @throws what `buildLogicalPlan`, `resolvePlan` and `planStages` refuse */
export async function planRun(
  sinks: readonly SinkInput[],
  options: ParsedRunOptions,
  goOn: (plan: LogicalPlan, logical: ResolvedPlan) => Promise<Starts>,
  given?: LogicalPlan,
): Promise<PlannedRun> {
  const built = given ?? buildLogicalPlan(sinks);
  const plan = {
    ...built,
    deterministic: built.deterministic || options.deterministic,
    memoryLimitBytes: options.memoryLimitBytes ?? built.memoryLimitBytes,
  };
  const logical = await resolvePlan(plan);
  const starts = await goOn(plan, logical);
  const { physical, reduced } = planInGroup(logical, {
    workers: options.workers,
    joinsOnOneLane: options.keepsBarriers,
  });
  const planned: PlannedRun = {
    written: plan,
    logical,
    physical,
    sinkIds: sinkIdsOf(sinks, logical),
    schedules: new Map(),
    positions: new Map(),
    totals: new Map(),
    ...(reduced !== undefined && { reduced }),
  };
  for (const node of logical.nodes) describeSource(planned, node, starts);
  return planned;
}

/** Runs in quick succession share a reading of the control group. */
const GROUP_READING_MS = 50;

/** Never less than the plan needs: what a group leaves is an estimate, and no reason to refuse a run. */
function planInGroup(
  logical: ResolvedPlan,
  options: { workers: number; joinsOnOneLane: boolean },
): { physical: PhysicalPlan; reduced?: string } {
  const physical = planStages(logical, options);
  const group = cgroupMemory.get(GROUP_READING_MS);
  if (group === undefined) return { physical };
  const lanes = physical.stages.reduce((sum, stage) => sum + stage.lanes, 0);
  const found = groupRoom(lanes + physical.workers, group, process.memoryUsage.rss());
  if (found.roomBytes >= physical.memoryLimitBytes) return { physical };
  const fitted = fitStages(logical, { ...options, memoryLimitBytes: found.roomBytes });
  const memoryLimitBytes = Math.max(found.roomBytes, fitted.minimumBytes);
  if (memoryLimitBytes >= physical.memoryLimitBytes) return { physical };
  return {
    physical: planStages(logical, { ...options, workers: fitted.workers, memoryLimitBytes }),
    reduced:
      `the control group ${found.group} may have ${formatBytes(found.groupLimitBytes)}: ` +
      `the run takes ${formatBytes(memoryLimitBytes)} for its memoryLimit, not ${formatBytes(physical.memoryLimitBytes)}`,
  };
}

/** Sinks become nodes in the order in which they are given, each once. */
function sinkIdsOf(sinks: readonly SinkInput[], logical: ResolvedPlan): Map<SinkInput, number> {
  const distinct = [...new Set(sinks.map((sink) => sink.node))];
  const ids = logical.nodes.filter((node) => node.spec.kind === 'sink').map((node) => node.id);
  return new Map(sinks.map((sink) => [sink, ids[distinct.indexOf(sink.node)] as number]));
}

function describeSource(planned: PlannedRun, node: ResolvedPlan['nodes'][number], goOn: Starts): void {
  if (node.spec.kind !== 'source') return;
  const { source } = node.spec;
  if (source.type === 'shared') planned.totals.set(node.id, { rows: source.rows });
  if (source.type === 'text') planned.totals.set(node.id, { bytes: textBytes(source.files) });
  if (source.type === 'arrow') {
    const rows = source.files.reduce((sum, file) => sum + file.rows, 0);
    planned.totals.set(node.id, { rows, bytes: source.files.reduce((sum, file) => sum + file.bytes, 0) });
  }
  if (source.type === 'fed') {
    const { totalRows } = feederOf(source.id);
    if (totalRows !== undefined) planned.totals.set(node.id, { rows: totalRows });
  }
  if (source.type !== 'parquet') return;
  const packetRows = packetRowsOf(node.files ?? [], node.outputFields['out'] ?? [], source.batchRows);
  const start = goOn?.starts.get(node.id);
  const schedule = scheduleRowGroups(node.files ?? [], packetRows, source.columns, {
    ...(start && { start }),
    isOpen: goOn?.isOpen ?? false,
    // The library holds a whole row group at a time.
    joins: node.codec?.libraryBytes === undefined,
  });
  planned.schedules.set(node.id, schedule);
  planned.positions.set(node.id, positionsOf(schedule));
  planned.totals.set(node.id, { rows: schedule.rows, bytes: schedule.bytes });
}

function textBytes(files: readonly TextFile[]): number {
  return files.reduce((sum, { bytes, dataStart }) => sum + Math.max(0, bytes - dataStart), 0);
}

/** Counts the text of sources again, when compressed files have been unpacked. */
export function retotal({ logical, totals }: PlannedRun): void {
  for (const { id, spec } of logical.nodes)
    if (spec.kind === 'source' && spec.source.type === 'text') totals.set(id, { bytes: textBytes(spec.source.files) });
}
