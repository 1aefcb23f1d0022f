/**
 * The single-threaded executor: slow, simple, and right. It runs a plan on plain rows, one logical input after another,
 * without shared memory, kernels or any code of the parallel engine, and says for every sink which logical batches reach
 * it and for every buffer when and why it flushed. What it gives is what every other way of running has to give.
 *
 * `interval` triggers never fire here, pressure does not exist, and nothing is spilled. Store and Parquet sinks only
 * collect. Sources are read one after the other; a step with several inputs waits for the end of all.
 */
import { readFile } from 'node:fs/promises';
import { columnReader } from '../../batch/read-values.ts';
import { openBatch } from '../../batch/shared-batch.ts';
import { sharedTableBatches } from '../../batch/shared-table.ts';
import { PipelineError } from '../../errors.ts';
import { plainFileRows } from '../../formats/csv/plain-file.ts';
import { parquetLibrary } from '../../formats/parquet-library.ts';
import { processArena } from '../../memory/process-arena.ts';
import { resolveSource } from '../../operators/source-definition.ts';
import { type ArrowModule, loadArrow } from '../../schema/load-arrow.ts';
import type { ColumnsRecord, Fields } from '../../schema/types.ts';
import { buildLogicalPlan } from '../build.ts';
import { mostDeliveredRows } from '../delivered-rows.ts';
import { callbackOf, feederOf } from '../endpoints.ts';
import type { FedInput } from '../endpoints-contract.ts';
import type { FlushReason, SourceSpec } from '../logical.ts';
import { fileProbes, resolvePlan } from '../resolve.ts';
import type { PlanProbes, ResolvedNode, ResolvedPlan } from '../resolved.ts';
import type { Sink } from '../sinks.ts';
import type { ReferenceOperator } from './contract.ts';
import { makeOperator } from './operators.ts';
import type { Held } from './triggers.ts';
import {
  isRecordBatch,
  lentRows,
  objectsOfRows,
  type Row,
  rowsOfArrow,
  rowsOfColumns,
  rowsOfInput,
  toValue,
} from './values.ts';

/** One flush of one buffer. */
export interface ReferenceFlush extends Held {
  node: string;
  reason: FlushReason;
}

/** What reached one sink. */
export interface ReferenceOutput {
  fields: Fields;
  /** Logical batches, in order. */
  batches: Row[][];
}

export interface ReferenceResult {
  /** In the order of the sinks given. */
  outputs: ReferenceOutput[];
  flushes: ReferenceFlush[];
  plan: ResolvedPlan;
}

export interface ReferenceOptions {
  /** Rows to use in place of reading a source, by the source's name: logical inputs for a fed source, else all rows. */
  inputs?: Readonly<Record<string, readonly FedInput[]>>;
  probes?: PlanProbes;
  signal?: AbortSignal;
}

/** Runs the sinks' plan to its end. @throws what a parallel run would, by the same codes */
export async function runReference(sinks: readonly Sink[], options: ReferenceOptions = {}): Promise<ReferenceResult> {
  const plan = await resolvePlan(buildLogicalPlan(sinks), options.probes ?? fileProbes);
  const run = new ReferenceRun(plan, await loadArrow(), options);
  await run.run();
  const graphNodes = [...new Set(sinks.map((sink) => sink.node))];
  const sinkNodes = plan.nodes.filter((node) => node.spec.kind === 'sink');
  const outputs = sinks.map(
    (sink) => run.outputs.get((sinkNodes[graphNodes.indexOf(sink.node)] as ResolvedNode).id) as ReferenceOutput,
  );
  return { outputs, flushes: run.flushes, plan };
}

class ReferenceRun {
  readonly outputs = new Map<number, ReferenceOutput>();
  readonly flushes: ReferenceFlush[] = [];
  readonly #plan: ResolvedPlan;
  readonly #arrow: ArrowModule;
  readonly #options: ReferenceOptions;
  readonly #signal: AbortSignal;
  readonly #operators = new Map<number, ReferenceOperator>();

  constructor(plan: ResolvedPlan, arrow: ArrowModule, options: ReferenceOptions) {
    this.#plan = plan;
    this.#arrow = arrow;
    this.#options = options;
    this.#signal = options.signal ?? new AbortController().signal;
  }

  async run(): Promise<void> {
    try {
      for (const node of this.#plan.nodes) await this.#prepare(node);
      for (const node of this.#plan.nodes) if (node.spec.kind === 'source') await this.#feed(node, node.spec.source);
      for (const node of this.#plan.nodes) await this.#operators.get(node.id)?.end();
      this.#eachEndpoint((endpoint) => endpoint.end?.());
    } catch (error) {
      this.#eachEndpoint((endpoint) => endpoint.fail?.(error));
      throw error;
    }
  }

  #eachEndpoint(tell: (endpoint: ReturnType<typeof callbackOf>) => void): void {
    for (const { spec } of this.#plan.nodes) {
      if (spec.kind === 'sink' && (spec.sink.type === 'callback' || spec.sink.type === 'iterate'))
        tell(callbackOf(spec.sink.id));
    }
  }

  async #prepare(node: ResolvedNode): Promise<void> {
    if (node.spec.kind === 'sink') this.outputs.set(node.id, { fields: node.inputFields[0] as Fields, batches: [] });
    if (node.spec.kind === 'sink' || node.spec.kind === 'source') return;
    const operator = await makeOperator({
      node,
      arrow: this.#arrow,
      signal: this.#signal,
      emit: (port, rows) => this.#emit(node, port, rows),
      onFlush: (reason, held) => this.flushes.push({ node: node.name, reason, ...held }),
    });
    this.#operators.set(node.id, operator);
  }

  /** One logical input to everything that reads a port, in the order of the plan. */
  async #emit(node: ResolvedNode, port: string, rows: readonly Row[]): Promise<void> {
    this.#signal.throwIfAborted();
    for (const user of this.#plan.nodes) {
      for (const [index, input] of user.inputs.entries()) {
        if (input.node !== node.id || input.port !== port) continue;
        if (user.spec.kind === 'sink') await this.#deliver(user, rows);
        else await this.#operators.get(user.id)?.take(rows, index);
      }
    }
  }

  async #deliver(node: ResolvedNode, rows: readonly Row[]): Promise<void> {
    const output = this.outputs.get(node.id) as ReferenceOutput;
    output.batches.push([...rows]);
    if (node.spec.kind !== 'sink') return;
    const { sink } = node.spec;
    if (sink.type !== 'callback' && sink.type !== 'iterate') return;
    // A batch without rows counts as an input, but there is nothing to hand over.
    if (rows.length === 0) return;
    const endpoint = callbackOf(sink.id);
    const { fields } = output;
    const most = mostDeliveredRows(this.#plan.nodes, node.id) ?? rows.length;
    for (let from = 0; from < rows.length; from += most) {
      const part = rows.slice(from, from + most);
      await endpoint.call(
        endpoint.takes === 'batch' ? lentRows(this.#arrow, part, fields) : objectsOfRows(part, fields),
      );
    }
  }

  async #feed(node: ResolvedNode, source: SourceSpec): Promise<void> {
    const fields = node.outputFields['out'] as Fields;
    const inputs = this.#options.inputs?.[node.name];
    const order = new OrderCheck(source.orderedOn, fields);
    const give = async (rows: readonly Row[]): Promise<void> => {
      order.check(rows);
      await this.#emit(node, 'out', rows);
    };
    if (source.type === 'fed') {
      if (inputs !== undefined) for (const input of inputs) await give(rowsOfInput(input, fields, this.#arrow));
      else await feederOf(source.id).feed((input) => give(rowsOfInput(input, fields, this.#arrow)), this.#signal);
    } else if (source.type === 'generated') {
      await this.#generate(source, fields, give);
    } else if (source.type === 'text' && inputs === undefined) {
      for (const batch of await csvBatches(source, fields)) await give(batch);
    } else {
      const rows =
        inputs?.flatMap((input) => rowsOfInput(input, fields, this.#arrow)) ?? (await this.#readRows(source, fields));
      for (let from = 0; from < rows.length; from += source.batchRows)
        await give(rows.slice(from, from + source.batchRows));
    }
  }

  async #generate(
    source: Extract<SourceSpec, { type: 'generated' }>,
    fields: Fields,
    give: (rows: readonly Row[]) => Promise<void>,
  ): Promise<void> {
    const instance = (await resolveSource(source.source)).create(source.options);
    for (let split = 0; split < source.splits; split++) {
      const result = await instance.read(split);
      const pieces = result === null || result === undefined ? [] : Array.isArray(result) ? result : [result];
      await give(
        pieces.flatMap((piece: object) =>
          isRecordBatch(piece)
            ? rowsOfArrow(this.#arrow, piece, fields)
            : rowsOfColumns(piece as ColumnsRecord, fields),
        ),
      );
    }
    await instance.close?.();
  }

  async #readRows(
    source: Extract<SourceSpec, { type: 'parquet' | 'shared' | 'text' | 'arrow' }>,
    fields: Fields,
  ): Promise<Row[]> {
    if (source.type === 'shared') return sharedRows(source.tableId, fields);
    const rows: Row[] = [];
    if (source.type === 'text') return rows;
    for (const path of source.paths) {
      const bytes = await readFile(path);
      const isArrow = source.type === 'arrow';
      const stream = isArrow ? bytes : parquetLibrary().api.readParquet(bytes).intoIPCStream();
      const table = this.#arrow.tableFromIPC(stream);
      for (const batch of table.batches) for (const row of rowsOfArrow(this.#arrow, batch, fields)) rows.push(row);
    }
    return rows;
  }
}

/** Logical batches of CSV files: bad rows count, and are left out. */
async function csvBatches(source: Extract<SourceSpec, { type: 'text' }>, fields: Fields): Promise<Row[][]> {
  const rows: (Row | undefined)[] = [];
  for (const file of source.files) rows.push(...(await plainFileRows(file, fields, source.format)));
  const batches: Row[][] = [];
  for (let from = 0; from < rows.length; from += source.batchRows)
    batches.push(rows.slice(from, from + source.batchRows).filter((row) => row !== undefined));
  return batches;
}

function sharedRows(tableId: number, fields: Fields): Row[] {
  const arena = processArena();
  return sharedTableBatches(tableId).flatMap((descriptor) => {
    // The table keeps its reference: this handle is never released.
    const batch = openBatch(arena, descriptor, fields);
    const readers = batch.columns.map((column) => columnReader(arena, column));
    return Array.from({ length: batch.rows }, (_, row) =>
      fields.map((field, index) => toValue(field, readers[index]?.(row))),
    );
  });
}

/** Rows ascend on the source's ordered column. */
class OrderCheck {
  readonly #index: number;
  readonly #name: string;
  #last: bigint | number | undefined;
  #row = 0;

  constructor(orderedOn: string | undefined, fields: Fields) {
    this.#name = orderedOn ?? '';
    this.#index = fields.findIndex((field) => field.name === orderedOn);
  }

  check(rows: readonly Row[]): void {
    if (this.#index < 0) return;
    for (const row of rows) {
      const value = row[this.#index] as bigint | number | null;
      const isLess = value === null || Number.isNaN(value) || (this.#last !== undefined && value < this.#last);
      if (isLess) {
        throw new PipelineError(
          'ERR_INPUT_UNORDERED',
          `column "${this.#name}" is ${String(value)} in row ${this.#row}, after ${String(this.#last)}`,
          {
            column: this.#name,
            row: this.#row,
            value: String(value),
            hint: 'sort the input first, or leave orderedOn out',
          },
        );
      }
      this.#last = value;
      this.#row += 1;
    }
  }
}
