import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fields, Shape } from '@spillway/core';
import type { AggregateColumn, AggregationSpec } from '@spillway/core/internal';
import {
  type AggregateSpec,
  type Arena,
  aggregateOutputFields,
  type Batch,
  batchToRows,
  createAggregateFinal,
  createAggregatePartial,
  createAggregateWhole,
  createArena,
  type FlushReason,
  instantiateKernels,
  type Kernels,
  LaneSpill,
  type MaybePromise,
  type Operator,
  type OperatorContext,
  PARTIAL_FIELDS,
  rowsToBatch,
  type Spill,
  sliceBatch,
} from '@spillway/core/internal';
import { afterEach, expect } from 'vitest';

export type Row = Record<string, unknown>;
export type Results = Record<string, Row[]>;

/** One arena for all runs of a test file, in debug mode so that use after release shows. Each test has to leave it empty. */
export function testArena(): Arena {
  const arena = createArena({ maximumBytes: 256 * 2 ** 20, debug: true });
  afterEach(() => expect(arena.usedSlabs()).toBe(0));
  return arena;
}

/** Columns of which all but `t` may be null. */
export function fieldsWithNulls(shape: Shape): Fields {
  return Object.entries(shape).map(([name, type]) => ({ name, type, nullable: name !== 't' }));
}

/** So many rows, each null but for `t`, which is 0, and what `row` says of it. */
export function rowsOf(fields: Fields, count: number, row: (index: number) => Row): Row[] {
  const blank = { ...Object.fromEntries(fields.map(({ name }) => [name, null])), t: 0n };
  return Array.from({ length: count }, (_, index) => ({ ...blank, ...row(index) }));
}

/** An aggregation in steps of the ordered column (`orderedOn` an int64). */
export function aggregation(
  name: string,
  every: number | bigint,
  columns: AggregateColumn[],
  origin: number | bigint = 0,
): AggregationSpec {
  return {
    name,
    bins: { kind: 'fixed', everyNs: String(every), originNs: String(origin), text: String(every) },
    columns,
  };
}

export function aggregateSpec(
  by: string[],
  aggregations: AggregationSpec[],
  rest: Partial<AggregateSpec> = {},
): AggregateSpec {
  return {
    kind: 'aggStream',
    orderedOn: 't',
    by,
    aggregations,
    triggers: {},
    accumulate: true,
    emitOpen: false,
    ...rest,
  };
}

export interface Emission {
  port: string;
  rows: Row[];
  inputs: number;
}

export interface Harness {
  operator: Operator;
  context: OperatorContext;
  emissions: Emission[];
  /** Of each emission. */
  logicalBytes: number[];
  flushes: { reason: FlushReason; inputs: number; rows: number }[];
  results(): Results;
}

type Create = (spec: AggregateSpec, context: OperatorContext) => Operator;

export interface HarnessOptions {
  create?: Create;
  lane?: number;
  emissionsVisible?: boolean;
  /** Receives what a partial half emits, instead of the record of emissions. */
  receive?: (batch: Batch) => MaybePromise;
  position?: () => { file?: string; row?: number };
  now?: () => number;
  shareBytes?: number;
  spill?: Spill;
  tiesUnseen?: boolean;
}

/** An aggregate operator with a context that records what it emits. */
export function aggregateHarness(
  arena: Arena,
  spec: AggregateSpec,
  inputFields: Fields,
  options: HarnessOptions = {},
  kernels: Kernels = instantiateKernels(arena),
): Harness {
  const emissions: Emission[] = [];
  const logicalBytes: number[] = [];
  const flushes: Harness['flushes'] = [];
  const outputFields = aggregateOutputFields(spec, inputFields);
  const record = (port: string) => ({
    push(batch: Batch): void {
      logicalBytes.push(batch.logicalBytes);
      emissions.push({ port, rows: batchToRows(batch), inputs: batch.inputs });
      batch.release();
    },
  });
  const { receive } = options;
  const context: OperatorContext = {
    arena,
    kernels,
    name: 'agg',
    owner: 7,
    lane: options.lane ?? 0,
    inputFields,
    outputFields: receive === undefined ? outputFields : { states: PARTIAL_FIELDS },
    outputs:
      receive === undefined
        ? Object.fromEntries(Object.keys(outputFields).map((port) => [port, record(port)]))
        : { states: { push: receive } },
    emissionsVisible: options.emissionsVisible ?? false,
    ...(options.tiesUnseen !== undefined && { tiesUnseen: options.tiesUnseen }),
    ...(options.spill !== undefined && { spill: options.spill }),
    ...(options.shareBytes !== undefined && { shareBytes: options.shareBytes }),
    now: options.now ?? (() => 0),
    signal: new AbortController().signal,
    onFlush: (reason, held) => flushes.push({ reason, inputs: held.inputs, rows: held.rows }),
    position: options.position ?? (() => ({})),
  };
  const operator = (options.create ?? createAggregateWhole)(spec, context);
  return {
    operator,
    context,
    emissions,
    logicalBytes,
    flushes,
    results() {
      const results: Results = Object.fromEntries(Object.keys(outputFields).map((port) => [port, []]));
      for (const { port, rows } of emissions) results[port]?.push(...rows);
      return results;
    },
  };
}

/** Rows cut into batches of the given sizes; the last size repeats. Every batch is one logical input. */
export function cutBatches(arena: Arena, fields: Fields, rows: readonly Row[], sizes: readonly number[]): Batch[] {
  const whole = rowsToBatch(
    arena,
    7,
    fields,
    Object.fromEntries(fields.map(({ name }) => [name, rows.map((row) => row[name])])),
  );
  const batches: Batch[] = [];
  for (let from = 0, piece = 0; from < rows.length; piece++) {
    const count = Math.min(sizes[Math.min(piece, sizes.length - 1)] ?? 1, rows.length - from);
    batches.push(sliceBatch(arena, 7, whole, from, count));
    from += count;
  }
  whole.release();
  return batches;
}

/** Runs the whole form over the batches. */
export async function runWhole(
  arena: Arena,
  spec: AggregateSpec,
  fields: Fields,
  batches: readonly Batch[],
  kernels?: Kernels,
  options: HarnessOptions = {},
): Promise<Results> {
  const harness = aggregateHarness(arena, spec, fields, options, kernels);
  try {
    for (const batch of batches) await harness.operator.push(batch);
    await harness.operator.end();
    return harness.results();
  } finally {
    harness.operator.close();
  }
}

/** Runs partial halves in `lanes` interleaved lanes (`laneOf` picks one for each batch) and the final half in order. */
export async function runLanes(
  arena: Arena,
  spec: AggregateSpec,
  fields: Fields,
  batches: readonly Batch[],
  lanes: number,
  laneOf: (index: number) => number,
  kernels?: Kernels,
  options: HarnessOptions = {},
): Promise<Results> {
  const packets: Batch[] = [];
  const final = aggregateHarness(arena, spec, fields, { ...options, create: createAggregateFinal }, kernels);
  const partials = Array.from({ length: lanes }, (_, lane) =>
    aggregateHarness(
      arena,
      spec,
      fields,
      { create: createAggregatePartial, lane, receive: (batch) => void packets.push(batch) },
      kernels,
    ),
  );
  try {
    for (const [index, batch] of batches.entries()) await partials[laneOf(index)]?.operator.push(batch);
    for (const packet of packets) await final.operator.push(packet);
    await final.operator.end();
    return final.results();
  } finally {
    for (const { operator } of [...partials, final]) operator.close();
  }
}

/** Calls with a place to spill, which has to be empty again afterwards. */
export async function withSpill(use: (spill: LaneSpill) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-aggregate-'));
  const spill = new LaneSpill({ folder, lane: '0' });
  try {
    await use(spill);
    const left = await readdir(folder);
    if (left.length > 0) throw new Error(`spill files are left: ${left.join()}`);
  } finally {
    spill.close();
    await rm(folder, { recursive: true, force: true });
  }
}
