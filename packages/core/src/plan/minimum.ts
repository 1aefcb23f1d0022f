/**
 * What a plan cannot run without. Below this sum a run is refused at its start; above it, it may be slow but cannot stand
 * still, because every lane of every edge owns room for one largest batch.
 *
 *     minimum = Σ edges (floor × (producing lanes + consuming lanes))
 *             + Σ buffers, ops and folds with triggers: one batch of their input
 *             + Σ joins: two batches of each input, JOIN_BYTES
 *             + Σ aggregates: STATE_BYTES for each aggregation where bins are merged, SCRATCH_BYTES where batches become states
 *             + CODEC_BYTES + the largest row group's bytes on disk (columns read)     when Parquet is read
 *             + CODEC_BYTES + one floor                                                when Parquet is written
 *             + Σ lanes LANE_BYTES
 *
 *     floor   = rows of a batch × bytes of a row, in whole pages of the arena; what comes out of an aggregate comes in
 *               small pieces
 *
 * One codec thread is counted: with more room the coordinator uses more of them. Bytes of a row are exact for fixed widths;
 * texts are taken at TEXT_BYTES, or from the file's own figures where it is a Parquet file.
 */
import type { ParquetInfo } from '../formats/parquet-info.ts';
import { PAGE_BYTES } from '../memory/layout.ts';
import { PIECE_ROWS as AGGREGATE_PIECE_ROWS } from '../operators/aggregate/piece-rows.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import type { EdgeSpec, StageOperator, StageSpec } from './physical.ts';
import type { ResolvedNode, ResolvedPlan } from './resolved.ts';

/** One instance of the Parquet library, measured. */
const CODEC_BYTES = 28 * 2 ** 20;
/** Growth of a lane's heap and kernels while it works. */
const LANE_BYTES = 2 * 2 ** 20;
/** One level of an aggregate: some thousand closed bins that wait to be a batch, the open ones, and room to grow. */
const STATE_BYTES = 2 * 2 ** 20;
/** Keys of a join and places of their last rows. */
const JOIN_BYTES = 2 ** 20;
/** What turns a batch into states, in one lane. */
const SCRATCH_BYTES = 2 ** 19;
const TEXT_BYTES = 24;
const LIST_BYTES = 64;
/** Rows of a physical batch at most. */
const PIECE_ROWS = 65_536;

/** What each term of the minimum comes to, for `explain`. */
export interface MinimumTerms {
  floorBytes: number;
  stateBytes: number;
  codecBytes: number;
  laneBytes: number;
}

function typeBytes(type: TypeText): number {
  const { physical, byteWidth } = parseType(type);
  if (physical === 'bits') return 1 / 8;
  if (physical === 'variable') return 4 + TEXT_BYTES;
  return physical === 'list' ? 4 + LIST_BYTES : byteWidth;
}

/** Logical bytes of a row, estimated. */
export function rowBytes(fields: Fields): number {
  return fields.reduce((sum, field) => sum + typeBytes(field.type) + (field.nullable ? 1 / 8 : 0), 0);
}

/** Room for one largest batch of these columns. */
export function floorBytes(fields: Fields, rows: number): number {
  return Math.max(PAGE_BYTES, Math.ceil((Math.min(rows, PIECE_ROWS) * rowBytes(fields)) / PAGE_BYTES) * PAGE_BYTES);
}

/** Rows of the largest batch that a source sends, as far as it is known before. */
export function batchRowsOf(node: ResolvedNode | undefined): number {
  if (node?.spec.kind !== 'source') return PIECE_ROWS;
  const { source } = node.spec;
  if (source.type === 'parquet')
    return Math.min(source.batchRows, Math.max(1, ...(node.files ?? []).map((file) => file.rows)));
  return source.type === 'shared' ? Math.min(source.batchRows, Math.max(1, source.rows)) : PIECE_ROWS;
}

/** Rows of the largest batch of an edge, when its sources send up to `rows`. */
export function edgeRows(plan: ResolvedPlan, edge: Pick<EdgeSpec, 'source'>, rows: number): number {
  let node = plan.nodes.find(({ id }) => id === edge.source.node);
  while (node !== undefined && isRowWise(node)) {
    const input = node.inputs[0]?.node;
    node = plan.nodes.find(({ id }) => id === input);
  }
  return node?.spec.kind === 'aggStream' ? AGGREGATE_PIECE_ROWS : rows;
}

function isRowWise({ spec }: ResolvedNode): boolean {
  return spec.kind === 'filter' || spec.kind === 'select' || spec.kind === 'withColumns';
}

/** Largest row group on disk, of the columns that are read. */
function largestRowGroup(files: readonly ParquetInfo[], columns: ReadonlySet<string>): number {
  const groups = files.flatMap((file) => file.rowGroups);
  return Math.max(
    0,
    ...groups.map((group) =>
      group.chunks.reduce((sum, chunk) => sum + (columns.has(chunk.column) ? chunk.bytes : 0), 0),
    ),
  );
}

function codecBytes(plan: ResolvedPlan): number {
  let reading = 0;
  let writing = 0;
  for (const node of plan.nodes) {
    if (node.files !== undefined) {
      const columns = new Set((node.outputFields['out'] ?? []).map((field) => field.name));
      reading = Math.max(reading, CODEC_BYTES + largestRowGroup(node.files, columns));
    }
    const isWriter =
      node.spec.kind === 'sink' && (node.spec.sink.type === 'parquet' || node.spec.sink.type === 'store');
    if (isWriter) writing = Math.max(writing, CODEC_BYTES + floorBytes(node.inputFields[0] ?? [], PIECE_ROWS));
  }
  // Readers and writers take turns on a codec thread.
  return Math.max(reading, writing);
}

function stateBytes(stages: readonly StageSpec[], rows: number): number {
  let sum = 0;
  for (const { operators, lanes } of stages) {
    for (const { spec, half, inputFields } of operators) {
      if (spec.kind === 'aggStream') sum += aggregateBytes(spec.aggregations.length, half, lanes);
      else if (spec.kind === 'joinStream') sum += joinBytes(inputFields, rows);
      else if (
        spec.kind === 'memoryBuffer' ||
        spec.kind === 'memoryAccumulate' ||
        (spec.kind === 'op' && hasTriggers(spec))
      )
        sum += lanes * floorBytes(inputFields[0] ?? [], rows);
    }
  }
  return sum;
}

/** Of each side the batch at work and one that is made of it. */
function joinBytes(sides: readonly Fields[], rows: number): number {
  return JOIN_BYTES + sides.reduce((sum, fields) => sum + 2 * floorBytes(fields, rows), 0);
}

function aggregateBytes(levels: number, half: StageOperator['half'], lanes: number): number {
  const merging = half === 'partial' ? 0 : levels * STATE_BYTES;
  return merging + (half === 'final' ? 0 : lanes * SCRATCH_BYTES);
}

function hasTriggers(spec: { triggers: object }): boolean {
  return Object.values(spec.triggers).some((trigger) => trigger !== undefined);
}

/** Bytes without which the plan cannot run, term by term. `rows`: of the largest batch of any source. */
export function minimumTerms(
  plan: ResolvedPlan,
  stages: readonly StageSpec[],
  edges: readonly EdgeSpec[],
  rows: number,
): MinimumTerms {
  const lanesOf = (id: number): number => stages.find((stage) => stage.id === id)?.lanes ?? 1;
  const floors = edges.map((edge) => {
    const producers = edge.producer.kind === 'stage' ? lanesOf(edge.producer.stage) : 1;
    const consumers = edge.consumer.kind === 'stage' ? lanesOf(edge.consumer.stage) : 1;
    return floorBytes(edge.fields, edgeRows(plan, edge, rows)) * (producers + consumers);
  });
  return {
    floorBytes: floors.reduce((sum, bytes) => sum + bytes, 0),
    stateBytes: stateBytes(stages, rows),
    codecBytes: codecBytes(plan),
    laneBytes: stages.reduce((sum, stage) => sum + stage.lanes, 0) * LANE_BYTES,
  };
}

/** The sum of the terms. */
export function sumOf(terms: MinimumTerms): number {
  return terms.floorBytes + terms.stateBytes + terms.codecBytes + terms.laneBytes;
}
