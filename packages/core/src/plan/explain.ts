/** A plan for people and for programs, without running it. */

import { describeExpression } from '../expressions/describe.ts';
import { isLattice } from '../operators/windows/columns.ts';
import type { Crossing } from '../partition/contract.ts';
import { formatBytes } from '../schema/sizes.ts';
import { largestBatchRows } from './batch-rows.ts';
import { type MemorySplit, splitMemory } from './budget.ts';
import { buildLogicalPlan } from './build.ts';
import type { AggregationSpec, FileParts, OperatorSpec, SinkSpec, SortKey, SourceSpec, Triggers } from './logical.ts';
import { type MinimumTerms, minimumTerms } from './minimum.ts';
import type { EdgeSpec, PhysicalPlan, StageOperator, StageSpec } from './physical.ts';
import { type RecoveryGap, recoveryGaps } from './recovery.ts';
import { fileProbes, resolvePlan } from './resolve.ts';
import type { PlanProbes, ResolvedPlan } from './resolved.ts';
import type { Sink } from './sinks.ts';
import { fitStages } from './stages.ts';
import { traitsOf } from './steps/traits.ts';

/** Options of `explain`. */
export interface ExplainOptions {
  /** Largest number of lanes of one stage. Default 2. */
  workers?: number;
  /** Hard total in bytes; default the pipeline's. */
  memoryLimitBytes?: number;
  /** Print how the limit is split, and the minimum term by term. */
  memory?: boolean;
  /** Say how the plan is cut for more than one machine: see `docs/scaling.md`. */
  dask?: boolean;
  probes?: PlanProbes;
}

/** A plan, explained. */
export interface Explanation {
  text: string;
  logical: ResolvedPlan;
  physical: PhysicalPlan;
  /** Terms of the smallest limit that the plan can run with. */
  minimum: MinimumTerms;
  /** How a run at this limit would split it. */
  split: MemorySplit;
  /** Steps that keep a run from going on from a barrier after the death of a worker. */
  recoveryGaps: RecoveryGap[];
  /** With `dask`: where each step runs. */
  crossings?: Crossing[];
}

/** See `explain` in `deferred.ts`. */
export async function explain(sinks: Sink | readonly Sink[], options: ExplainOptions = {}): Promise<Explanation> {
  const list = Array.isArray(sinks) ? (sinks as readonly Sink[]) : [sinks as Sink];
  const logical = await resolvePlan(buildLogicalPlan(list), options.probes ?? fileProbes);
  const { workers = 2, memoryLimitBytes } = options;
  const physical = fitStages(logical, { workers, ...(memoryLimitBytes !== undefined && { memoryLimitBytes }) });
  const rows = largestBatchRows(logical);
  const minimum = minimumTerms(logical, physical.stages, physical.edges, rows);
  const split = splitMemory(logical, physical);
  const gaps = await recoveryGaps(physical);
  const lines = [memoryHead(physical), ...(options.memory === true ? memoryLines(minimum, split) : [])];
  const text = [...lines, ...planLines(logical, physical), ...gaps.map(gapLine)].join('\n');
  return { text, logical, physical, minimum, split, recoveryGaps: gaps };
}

function memoryHead({ memoryLimitBytes, minimumBytes }: PhysicalPlan): string {
  const isLow = memoryLimitBytes < minimumBytes ? ': TOO LOW, the run would be refused' : '';
  return `memory limit ${formatBytes(memoryLimitBytes)}, at least ${formatBytes(minimumBytes)}${isLow}`;
}

function memoryLines(minimum: MinimumTerms, split: MemorySplit): string[] {
  const arena = minimum.floorBytes + minimum.stateBytes;
  const threads = split.codecThreads === 1 ? '1 thread' : `${split.codecThreads} threads`;
  const lines: [string, number, number, string][] = [
    ['process', minimum.processBytes, split.processBytes, ''],
    ['codecs', minimum.codecBytes, split.codecBytes, split.codecThreads === 0 ? 'none' : threads],
    ['lanes', minimum.laneBytes, split.laneBytes, ''],
    ['code of users', minimum.userBytes, split.userBytes, `${formatBytes(split.userBytesEach)} a lane`],
    ['main thread', minimum.mainBytes, split.mainBytes, 'what is delivered and fed there'],
    [
      'arena',
      arena,
      Math.max(0, split.arenaBytes),
      `at least floors ${formatBytes(minimum.floorBytes)}, state ${formatBytes(minimum.stateBytes)}`,
    ],
  ];
  return lines.map(
    ([name, least, given, note]) =>
      `  ${name.padEnd(14)} ${formatBytes(given).padStart(9)}  of it needed ${formatBytes(least).padStart(9)}${note === '' ? '' : `  (${note})`}`,
  );
}

function planLines(logical: ResolvedPlan, physical: PhysicalPlan): string[] {
  const { timingDependence } = physical;
  return [
    '',
    ...logical.nodes.flatMap((node) =>
      node.spec.kind === 'source'
        ? sourceLines(node.name, node.spec.source, node.outputFields['out']?.length ?? 0)
        : [],
    ),
    ...physical.stages.flatMap((stage) => stageLines(stage, logical, physical)),
    ...physical.edges.flatMap((edge) => sinkLines(edge, logical)),
    '',
    ...(timingDependence.length === 0
      ? ['the result does not depend on timing']
      : timingDependence.map(({ node, reason }) => `DEPENDS ON TIMING: ${node} ${reason}`)),
  ];
}

function gapLine({ node, outcome, reason }: RecoveryGap): string {
  return outcome === 'start'
    ? `NO BARRIERS: ${node} ${reason}; after the death of a worker the run begins again at its start`
    : `THE DEATH OF A WORKER FAILS THE RUN: ${node} ${reason}`;
}

function sourceLines(name: string, source: SourceSpec, columns: number): string[] {
  const order = source.orderedOn === undefined ? 'no known order' : `ordered on ${source.orderedOn}`;
  const format = formatOf(source);
  const what =
    format !== undefined && 'paths' in source
      ? `${source.paths.length} ${format} file${source.paths.length === 1 ? '' : 's'}`
      : source.type;
  return [`source ${name}: ${what}, ${columns} column${columns === 1 ? '' : 's'}, ${order}`];
}

const KINDS = { parquet: 'Parquet', csv: 'CSV', ndjson: 'NDJSON', arrow: 'Arrow' } as const;

function fileSinkLine({ path, format, parts, keys }: Extract<SinkSpec, { type: 'file' }>): string {
  const how = format.kind === 'arrow' ? format.layout : format.compression;
  const each = parts === undefined ? '' : `, one for each ${partLine(parts)}`;
  const folders = keys && `, in folders by ${keys.columns.join(', ')}, at most ${keys.mostOpen} open`;
  return `${KINDS[format.kind]} ${each || folders ? 'files' : 'file'} ${path}, ${how}${folders ?? ''}${each}`;
}

function partLine(parts: FileParts): string {
  if (parts.kind === 'rows') return `${parts.rows} rows`;
  return parts.kind === 'bytes' ? formatBytes(parts.bytes) : `${parts.every} of ${parts.on}`;
}

/** For people; undefined for what are no files. */
function formatOf(source: SourceSpec): string | undefined {
  if (source.type === 'text') return source.format.syntax === 'csv' ? 'CSV' : 'NDJSON';
  if (source.type === 'arrow') return 'Arrow';
  return source.type === 'parquet' ? 'Parquet' : undefined;
}

function nameOf(logical: ResolvedPlan, id: number): string {
  return logical.nodes.find((node) => node.id === id)?.name ?? String(id);
}

function stageLines(stage: StageSpec, logical: ResolvedPlan, physical: PhysicalPlan): string[] {
  const lanes = `${stage.lanes} lane${stage.lanes === 1 ? '' : 's'}${stage.blocking ? ', in the pool for blocking ops' : ''}`;
  return [
    '',
    `stage ${stage.id} (${lanes}) ← ${originOf(stage, logical, physical)}${sideOf(stage, logical, physical)}`,
    ...stage.operators.map((operator) => `  ${operatorLine(operator)}`),
  ];
}

function originOf(stage: StageSpec, logical: ResolvedPlan, physical: PhysicalPlan): string {
  const { input } = stage;
  if (input.kind === 'splits') return `${nameOf(logical, input.node)}, made in the lanes`;
  if (input.kind === 'edge') return edgeOrigin(input.edge, logical, physical);
  return input.inputs
    .map(({ edge, port, isElastic }) => {
      const ahead = isElastic ? ', may run ahead' : '';
      return `${port}: ${edgeOrigin(edge, logical, physical)}${ahead}`;
    })
    .join('; ');
}

function sideOf({ side, operators }: StageSpec, logical: ResolvedPlan, physical: PhysicalPlan): string {
  const spec = side && operators[side.operator]?.spec;
  if (side === undefined || spec?.kind !== 'joinStream') return '';
  return `; ${spec.sides[1]?.name}: ${edgeOrigin(side.edges[0] as number, logical, physical)}, all rows to each lane`;
}

function edgeOrigin(id: number, logical: ResolvedPlan, physical: PhysicalPlan): string {
  const edge = physical.edges.find((candidate) => candidate.id === id) as EdgeSpec;
  const from =
    edge.producer.kind === 'stage'
      ? `stage ${edge.producer.stage} (${portOf(edge, logical)})`
      : nameOf(logical, edge.producer.node);
  return `${from}${edge.carriesStates ? ', partial states' : ''}, credit ${formatBytes(edge.creditBytes)}`;
}

function portOf(edge: EdgeSpec, logical: ResolvedPlan): string {
  const name = nameOf(logical, edge.source.node);
  return edge.source.port === 'out' ? name : `${name}.${edge.source.port}`;
}

function operatorLine(operator: StageOperator): string {
  const half = operator.half === 'whole' ? '' : ` (${operator.half} half)`;
  const seen =
    operator.emissionsVisible && 'triggers' in operator.spec && operator.half !== 'partial'
      ? ', its flushes can be seen'
      : '';
  const share =
    operator.shareBytes === undefined
      ? ''
      : `, holds up to ${formatBytes(operator.shareBytes)}${isUnspillable(operator.spec) ? '' : ' and spills the rest'}`;
  return `${operator.name}${half}: ${describeSpec(operator.spec)}${seen}${share}`;
}

function describeSpec(spec: OperatorSpec): string {
  switch (spec.kind) {
    case 'source':
      return 'source';
    case 'filter':
      return `filter ${describeExpression(spec.predicate)}`;
    case 'select':
    case 'withColumns':
      return `${spec.kind} ${spec.columns.map(({ name, expression }) => (expression.kind === 'col' && expression.name === name ? name : `${name} = ${describeExpression(expression)}`)).join(', ')}`;
    case 'op':
      return `op ${spec.op.name}${spec.stateless ? ', stateless' : ''}${describeTriggers(spec.triggers)}`;
    case 'memoryBuffer':
      return `buffer${describeTriggers(spec.triggers)}`;
    case 'memoryAccumulate':
      return `fold ${spec.fold.name}${describeTriggers(spec.triggers)}`;
    case 'aggStream': {
      const bins = spec.aggregations
        .map(({ name, bins: { kind, text } }) => `${name} ${BINS[kind]} ${text}`)
        .join(', ');
      return `aggregate ${bins}${spec.by.length === 0 ? '' : ` by ${spec.by.join(', ')}`}${describeTriggers(spec.triggers)}`;
    }
    case 'joinStream': {
      const by = spec.sides[0]?.by ?? [];
      const within = spec.tolerance === undefined ? '' : `, within ${spec.tolerance.text}`;
      const direction = `${spec.direction === undefined ? '' : `, ${spec.direction}`}${spec.strict ? ', strict' : ''}`;
      const around = spec.interval === undefined ? '' : `, from ${spec.interval.from.text} to ${spec.interval.to.text}`;
      const sides = spec.sides.map(({ name, on }) => `${name}.${on}`).join(' = ');
      return `${spec.strategy} join on ${sides}${by.length === 0 ? '' : ` by ${by.join(', ')}`}${direction}${within}${around}`;
    }
    case 'sort':
      return `sort by ${spec.by.map(describeKey).join(', ')}`;
    case 'sink':
      return spec.sink.type;
    default:
      return traitsOf(spec).describe(spec);
  }
}

function describeKey({ column, descending, nulls }: SortKey): string {
  return `${column}${descending ? ' descending' : ''}${nulls === 'first' ? ' (nulls first)' : ''}`;
}

function describeTriggers({ iterMax, rows, memoryLimitBytes, intervalMs }: Triggers): string {
  const parts = [
    iterMax === undefined ? undefined : `${iterMax} inputs`,
    rows === undefined ? undefined : `${rows} rows`,
    memoryLimitBytes === undefined
      ? undefined
      : memoryLimitBytes === 'auto'
        ? 'memory as the governor decides'
        : formatBytes(memoryLimitBytes),
    intervalMs === undefined ? undefined : `${intervalMs} ms`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : `, flushes at ${parts.join(' or ')}`;
}

function sinkLines(edge: EdgeSpec, logical: ResolvedPlan): string[] {
  if (edge.consumer.kind === 'stage') return [];
  const { node: id, kind } = edge.consumer;
  const node = logical.nodes.find((candidate) => candidate.id === id);
  if (node?.spec.kind !== 'sink') return [];
  const where = kind === 'main' ? 'on the main thread' : 'on a codec thread';
  const from =
    edge.producer.kind === 'stage'
      ? `stage ${edge.producer.stage} (${portOf(edge, logical)})`
      : nameOf(logical, edge.producer.node);
  return [
    '',
    `sink ${node.name} ${where} ← ${from}, credit ${formatBytes(edge.creditBytes)}`,
    `  ${describeSink(node.spec)}`,
  ];
}

function describeSink(spec: Extract<OperatorSpec, { kind: 'sink' }>): string {
  const { sink } = spec;
  if (sink.type === 'file') return fileSinkLine(sink);
  if (sink.type !== 'store') return sink.type;
  const key = Object.entries(sink.key)
    .map(([field, value]) => `${field}=${value}`)
    .join('/');
  return `store ${sink.root}, dataset ${key}, ${sink.mode}, ordered on ${sink.orderedOn}`;
}

/** How bins of each kind are told. */
const BINS: Readonly<Record<AggregationSpec['bins']['kind'], string>> = {
  fixed: 'every',
  calendar: 'every',
  edges: 'between',
  rows: 'every',
  sessions: 'sessions with gaps of up to',
};

/** Open windows stay in memory. */
function isUnspillable(spec: OperatorSpec): boolean {
  return spec.kind === 'aggStream' && !spec.aggregations.some(isLattice);
}
