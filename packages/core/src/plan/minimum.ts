/**
 * What a plan cannot run without. Below this sum a run is refused at its start; above it, it may be slow but cannot stand
 * still, because every lane of every edge owns room for one largest batch.
 *
 *     minimum = Σ edges (floor × (producing lanes + consuming lanes + 1)); of all the edges behind a stage of one lane
 *               only the largest counts a producing lane
 *             + PACKED_BYTES for the run, each edge and each lane
 *             + Σ lanes of buffers, and of ops and folds with triggers: one batch of their input, or what their triggers let gather where
 *               their flushes can be seen; twice as much where that is delivered whole on the main thread
 *             + Σ lanes of joins: two batches of each input, JOIN_BYTES
 *             + Σ sorts: SORT_BATCHES batches of their input, SORT_BYTES and, on the heap, SORT_HEAP_BYTES
 *             + Σ aggregates: STATE_BYTES for each aggregation where bins are merged (over windows twice, and what is open at once), with keys KEYED_BYTES, SCRATCH_BYTES for each lane where
 *               batches become states, three times their own limit where their flushes can be seen
 *             + Σ lanes that make rows: one batch of them; where they read row groups that we wrote, their pages; where they parse text, that and the places of its fields; where they
 *               unpack record batches of Arrow, the largest of those
 *             + what is outside the arena: see `budget.ts`
 *
 * Of an edge every producing lane has a batch in hand (the only lane of a stage sends batch by batch, so it has one for all its
 * edges), every consuming lane has one too, and one lies in the ring: with one producer as its least credit; with several it is the lowest
 * sequence, which passes without credit. Decision 011 says how this was found.
 *
 *     floor   = rows of a batch × bytes of a row, in whole pages of the arena; of text no more than one chunk gives (`batch-rows.ts`); what comes out of an aggregate comes in
 *               small pieces; between the halves of one, states of as many groups as a batch has rows, but no more than two packets
 *
 * One codec thread is counted: with more room the coordinator uses more of them. Bytes of a row are exact for fixed widths;
 * texts are taken at TEXT_BYTES, or from the file's own figures where it is a Parquet file.
 */

import { floorBytes, PIECE_ROWS, rowBytes, slabBytes } from '../batch/largest-batch.ts';
import { unpackedBytes } from '../formats/arrow-ipc/arrow-schedule.ts';
import { readerBytes } from '../formats/csv/chunk-sizes.ts';
import { rowPlaces } from '../formats/csv/csv-format.ts';
import { mostPacketBytes } from '../operators/aggregate/packet.ts';
import { packetBytes } from '../operators/aggregate/piece-rows.ts';
import { planParts } from '../operators/windows/window-plan.ts';
import type { Fields } from '../schema/types.ts';
import { mergingBytes, SCRATCH_BYTES, STATE_BYTES } from './aggregate-bytes.ts';
import { rowsFloor, textBatchBytes } from './batch-rows.ts';
import { type OutsideTerms, outsideTerms, readsInArena } from './budget.ts';
import { mostDeliveredRows } from './delivered-rows.ts';
import type { AggregateSpec, SourceSpec, Triggers } from './logical.ts';
import type { EdgeSpec, StageInput, StageOperator, StageSpec } from './physical.ts';
import type { ResolvedNode, ResolvedPlan } from './resolved.ts';
import { hasTraits, traitsOf } from './steps/traits.ts';

/** Keys of a join and places of their last rows. */
const JOIN_BYTES = 2 ** 20;
/** A sort copies a batch, and merges from several blocks on disk into one. */
const SORT_BATCHES = 3;
const SORT_BYTES = 2 ** 20;
/** Its keys and places of rows, some dozen words for each of 65,536. */
const SORT_HEAP_BYTES = 4 * 2 ** 20;

/** Slab that descriptors and other small pieces are packed into: one of the run, one for each thread that makes batches. */
const PACKED_BYTES = 64 * 1024;

/** What each term of the minimum comes to, for `explain`. */
export interface MinimumTerms extends OutsideTerms {
  floorBytes: number;
  stateBytes: number;
}

function stateBytes(nodes: readonly ResolvedNode[], stages: readonly StageSpec[], rows: number): number {
  let sum = 0;
  for (const { operators, lanes, input } of stages) {
    if (input.kind === 'splits' && (input.source.type === 'generated' || input.source.type === 'parquet'))
      sum += lanes * floorBytes(input.fields, rows);
    if (readsInArena(input)) sum += lanes * pagesBytes(nodes, input);
    if (input.kind === 'splits' && input.source.type === 'arrow')
      sum += lanes * (floorBytes(input.fields, rows) + unpackedBytes(input.source.files, input.fields));
    if (input.kind === 'splits' && input.source.type === 'text')
      sum += lanes * textSourceBytes(input.source, input.fields);
    for (const { spec, half, inputFields, emissionsVisible } of operators) {
      if (spec.kind === 'aggStream')
        sum += aggregateBytes(spec, half, lanes) + (emissionsVisible ? seenBytes(spec, half) : 0);
      else if (spec.kind === 'joinStream') sum += lanes * joinBytes(inputFields, rows);
      else if (hasTraits(spec)) sum += lanes * traitsOf(spec).stateBytes(spec, inputFields, rows);
      else if (spec.kind === 'sort') sum += SORT_HEAP_BYTES + sortBytes(inputFields[0] ?? [], rows);
      else if (
        spec.kind === 'memoryBuffer' ||
        spec.kind === 'memoryAccumulate' ||
        (spec.kind === 'op' && hasTriggers(spec))
      )
        sum +=
          lanes *
          (emissionsVisible
            ? gatheredBytes(spec.triggers, inputFields[0] ?? [], rows)
            : floorBytes(inputFields[0] ?? [], rows));
    }
  }
  return sum;
}

/** Slabs of a column that is read: of the bytes of the file, pages, numbers, values and validity. */
const COLUMN_SLABS = 8;

/** Room in the arena for the pages of a row group that we wrote: its places grow by doubling. */
function pagesBytes(nodes: readonly ResolvedNode[], input: StageInput): number {
  if (input.kind !== 'splits') return 0;
  const readBytes = nodes.find(({ id }) => id === input.node)?.codec?.readBytes ?? 0;
  return 2 * readBytes + COLUMN_SLABS * input.fields.length * PACKED_BYTES;
}

/** What one lane reads text with, and the batch that it makes. */
function textSourceBytes(source: Extract<SourceSpec, { type: 'text' }>, fields: Fields): number {
  const { files, format } = source;
  const width = files.reduce((widest, file) => Math.max(widest, rowPlaces(file, format)), fields.length + 1);
  return readerBytes(fields.length, format, width) + textBatchBytes(source, fields);
}

/** Of each side the batch at work and one that is made of it. */
export function joinBytes(sides: readonly Fields[], rows: number): number {
  return JOIN_BYTES + sides.reduce((sum, fields) => sum + 2 * floorBytes(fields, rows), 0);
}

/** The least that a sort can do with, its share. */
export function sortBytes(fields: Fields, rows: number): number {
  return SORT_BATCHES * floorBytes(fields, rows) + SORT_BYTES;
}

function aggregateBytes(
  { aggregations, by, triggers }: Pick<AggregateSpec, 'aggregations' | 'by' | 'triggers'>,
  half: StageOperator['half'],
  lanes: number,
): number {
  // Without keys one bin of each level is open: what its own limit lets gather, twice for growing, is all there is.
  const { memoryLimitBytes } = triggers;
  const isBounded = by.length === 0 && typeof memoryLimitBytes === 'number';
  const most = isBounded ? Math.max(STATE_BYTES, 3 * memoryLimitBytes) : Number.POSITIVE_INFINITY;
  const merging = half === 'partial' ? 0 : Math.min(most, mergingBytes({ aggregations, by }));
  const scratch = by.length === 0 ? SCRATCH_BYTES : 4 * SCRATCH_BYTES;
  return merging + (half === 'final' ? 0 : lanes * scratch);
}

/** Where flushes can be seen, pressure may not make them smaller: what a limit lets gather is held, sent and delivered. */
function seenBytes({ triggers }: { triggers: Triggers }, half: StageOperator['half']): number {
  const { memoryLimitBytes } = triggers;
  return half !== 'partial' && typeof memoryLimitBytes === 'number' ? 3 * memoryLimitBytes : 0;
}

/** Inputs may be of any size: no more of them are taken to be as large as the largest batch. */
const LARGE_INPUTS = 4;

/** What gathers until the first of some triggers fires, with the batch that fires it; one batch where none of them counts it. */
function gatheredBytes({ iterMax, rows: most, memoryLimitBytes }: Triggers, fields: Fields, rows: number): number {
  const floor = floorBytes(fields, rows);
  const bounds = [
    iterMax === undefined ? Number.POSITIVE_INFINITY : Math.min(iterMax, LARGE_INPUTS) * floor,
    most === undefined ? Number.POSITIVE_INFINITY : most * rowBytes(fields) + floor,
    typeof memoryLimitBytes === 'number' ? memoryLimitBytes + floor : Number.POSITIVE_INFINITY,
  ];
  const least = Math.min(...bounds);
  return Number.isFinite(least) ? Math.max(floor, Math.ceil(least)) : floor;
}

/** A flush that is more than a batch and is delivered whole: its pieces, and what is made of them. */
function deliveredBytes(plan: ResolvedPlan, edge: EdgeSpec, rows: number): number {
  const { consumer } = edge;
  const sink = consumer.kind === 'main' ? plan.nodes.find(({ id }) => id === consumer.node)?.spec : undefined;
  if (sink?.kind !== 'sink' || sink.sink.type === 'collect') return 0;
  const spec = plan.nodes.find(({ id }) => id === edge.source.node)?.spec;
  const most = consumer.kind === 'main' ? mostDeliveredRows(plan.nodes, consumer.node) : undefined;
  if (most !== undefined)
    return spec?.kind === 'aggStream' && typeof spec.triggers.memoryLimitBytes === 'number'
      ? 0
      : 2 * floorBytes(edge.fields, most);
  if (spec?.kind !== 'memoryBuffer' && spec?.kind !== 'op') return 0;
  const bytes = gatheredBytes(spec.triggers, edge.fields, rows);
  return bytes > floorBytes(edge.fields, rows) ? 2 * bytes : 0;
}

function hasTriggers(spec: { triggers: object }): boolean {
  return Object.values(spec.triggers).some((trigger) => trigger !== undefined);
}

/** Room for the largest packet of an edge: rows, or as many states of a batch as are sent at once. */
export function edgeFloor(plan: ResolvedPlan, edge: EdgeSpec, rows: number): number {
  const node = plan.nodes.find(({ id }) => id === edge.source.node);
  const spec = node && statesSpec(node, edge.carriesStates);
  if (node === undefined || spec === undefined) return rowsFloor(plan, edge, rows);
  const parts = planParts(spec, node.inputFields[0] ?? []);
  const most = Math.max(...parts.map(({ plan }) => mostPacketBytes(plan, Math.min(rows, PIECE_ROWS))));
  // What is more goes out in parts: one is held while the next packet is made.
  return Math.min(slabBytes(most), 2 * slabBytes(packetBytes(spec)));
}

/** The aggregate whose states an edge carries. */
function statesSpec({ spec }: ResolvedNode, carriesStates: boolean): AggregateSpec | undefined {
  if (spec.kind === 'makeStates') return spec.aggregate;
  return carriesStates && spec.kind === 'aggStream' ? spec : undefined;
}

/** Lanes at one end of an edge. */
export function lanesAt(stages: readonly StageSpec[], end: EdgeSpec['producer'] | EdgeSpec['consumer']): number {
  if (end.kind !== 'stage' || ('lane' in end && end.lane !== undefined)) return 1;
  return stages.find((stage) => stage.id === end.stage)?.lanes ?? 1;
}

function isFromOnlyLane(stages: readonly StageSpec[], { producer }: EdgeSpec): boolean {
  return producer.kind === 'stage' && lanesAt(stages, producer) === 1;
}

/** Bytes without which the plan cannot run, term by term. `rows`: of the largest batch of any source. */
export function minimumTerms(
  plan: ResolvedPlan,
  stages: readonly StageSpec[],
  edges: readonly EdgeSpec[],
  rows: number,
): MinimumTerms {
  const floorOf = (edge: EdgeSpec): number => edgeFloor(plan, edge, rows);
  const floors = edges.map((edge) => {
    const inHand = isFromOnlyLane(stages, edge) ? 0 : lanesAt(stages, edge.producer);
    return floorOf(edge) * (inHand + lanesAt(stages, edge.consumer) + 1);
  });
  for (const stage of stages.filter(({ lanes }) => lanes === 1))
    floors.push(Math.max(0, ...stage.outputs.map(({ edge }) => floorOf(edges[edge] as EdgeSpec))));
  const packers = 1 + edges.length + stages.reduce((sum, { lanes }) => sum + lanes, 0);
  floors.push(packers * PACKED_BYTES, ...edges.map((edge) => deliveredBytes(plan, edge, rows)));
  return {
    floorBytes: floors.reduce((sum, bytes) => sum + bytes, 0),
    stateBytes: stateBytes(plan.nodes, stages, rows),
    ...outsideTerms(plan, stages),
  };
}

/** The sum of the terms. */
export function sumOf(terms: MinimumTerms): number {
  return Object.values(terms as unknown as Record<string, number>).reduce((sum, bytes) => sum + bytes, 0);
}
