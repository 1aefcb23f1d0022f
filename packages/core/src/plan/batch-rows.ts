/**
 * How many rows the largest batches of a plan have, as far as it is known before there are any. Text is read in chunks of bytes, and a row of CSV has
 * at least a byte for each of its fields: of wide tables batches have few rows, and floors that were added up for 65,536 of them
 * would refuse limits that are ample.
 */
import { floorBytes, PIECE_ROWS, rowBytes, slabBytes } from '../batch/largest-batch.ts';
import { CHUNK_BYTES } from '../formats/csv/chunk-sizes.ts';
import { PIECE_ROWS as AGGREGATE_PIECE_ROWS } from '../operators/aggregate/piece-rows.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields } from '../schema/types.ts';
import type { SourceSpec } from './logical.ts';
import type { EdgeSpec, StageInput } from './physical.ts';
import type { ResolvedNode, ResolvedPlan } from './resolved.ts';

type TextSource = Extract<SourceSpec, { type: 'text' }>;

/** Rows of the largest batch that a source sends, as far as it is known before, or of those that steps gather from what it sends. */
export function batchRowsOf(node: ResolvedNode | undefined): number {
  if (node?.spec.kind !== 'source') return PIECE_ROWS;
  const { source } = node.spec;
  if (source.type === 'parquet')
    return Math.min(source.batchRows, Math.max(1, ...(node.files ?? []).map((file) => file.rows)));
  if (source.type === 'arrow')
    return Math.min(
      PIECE_ROWS,
      source.files.reduce((sum, { rows }) => sum + rows, 1),
    );
  return source.type === 'shared' ? Math.min(source.batchRows, Math.max(1, source.rows)) : PIECE_ROWS;
}

/** Rows of the largest batch that any source sends. */
export function largestBatchRows({ nodes }: Pick<ResolvedPlan, 'nodes'>): number {
  return Math.max(1, ...nodes.filter(({ spec }) => spec.kind === 'source').map(batchRowsOf));
}

/** Rows of the largest batch that a node gives, when sources send up to `rows`. */
export function rowsFrom({ nodes }: Pick<ResolvedPlan, 'nodes'>, from: number | undefined, rows: number): number {
  const node = above(nodes, from, isRowWise);
  const text = textOf(node);
  if (text !== undefined) return Math.min(rows, textBatchRows(text));
  return node?.spec.kind === 'aggStream' ? AGGREGATE_PIECE_ROWS : rows;
}

/** Room for the largest batch of rows of an edge, when sources send up to `rows`. */
export function rowsFloor(
  plan: ResolvedPlan,
  { source, fields }: Pick<EdgeSpec, 'source' | 'fields'>,
  rows: number,
): number {
  const text = textOf(above(plan.nodes, source.node, ({ spec }) => spec.kind === 'filter'));
  return text === undefined ? floorBytes(fields, rowsFrom(plan, source.node, rows)) : textBatchBytes(text, fields);
}

/** Room for the largest batch that a lane makes of what it reads. */
export function madeBytes(input: StageInput): number {
  if (input.kind !== 'splits') return 0;
  const { source, fields } = input;
  return source.type === 'text' ? textBatchBytes(source, fields) : floorBytes(fields, PIECE_ROWS);
}

/** Room for the rows of one chunk. */
export function textBatchBytes(source: TextSource, fields: Fields): number {
  const rows = textBatchRows(source);
  // Texts are no longer than the chunk, and the end of its last row.
  const others = rowBytes(fields.map((field) => (isText(field) ? { ...field, type: 'int32' as const } : field)));
  const exact = slabBytes(rows * others + (fields.some(isText) ? 2 * CHUNK_BYTES : 0));
  return Math.min(floorBytes(fields, rows), exact);
}

function isText({ type }: Fields[number]): boolean {
  return parseType(type).physical === 'variable';
}

function textBatchRows({ files, format }: TextSource): number {
  if (format.syntax !== 'csv') return PIECE_ROWS;
  const fewest = Math.max(1, Math.min(...files.map(({ names }) => names.length)));
  return Math.min(PIECE_ROWS, Math.ceil(CHUNK_BYTES / fewest) + 1);
}

function textOf(node: ResolvedNode | undefined): TextSource | undefined {
  const source = node?.spec.kind === 'source' ? node.spec.source : undefined;
  return source?.type === 'text' ? source : undefined;
}

/** The node, or the first before it that is no such step. */
function above(
  nodes: readonly ResolvedNode[],
  from: number | undefined,
  isStep: (node: ResolvedNode) => boolean,
): ResolvedNode | undefined {
  let node = nodes.find(({ id }) => id === from);
  while (node !== undefined && isStep(node)) {
    const input = node.inputs[0]?.node;
    node = nodes.find(({ id }) => id === input);
  }
  return node;
}

function isRowWise({ spec }: ResolvedNode): boolean {
  return spec.kind === 'filter' || spec.kind === 'select' || spec.kind === 'withColumns';
}
