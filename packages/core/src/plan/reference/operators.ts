/** The steps of a plan, each taking one logical input at a time: rows in, rows out, nothing clever. */
import { PipelineError } from '../../errors.ts';
import { type FoldDefinition, resolveFold } from '../../operators/fold-definition.ts';
import { type OpDefinition, type OpResult, resolveOp } from '../../operators/op-definition.ts';
import type { ColumnsRecord, Fields } from '../../schema/types.ts';
import type { FlushReason, OperatorSpec } from '../logical.ts';
import type { ResolvedNode } from '../resolved.ts';
import { ReferenceAggregation } from './aggregate.ts';
import { computationOf } from './aggregate-functions.ts';
import type { Emit, OperatorParts, ReferenceOperator } from './contract.ts';
import { interpret } from './interpret.ts';
import { joinStream } from './join.ts';
import { sortRows } from './sort.ts';
import { referenceStep } from './steps/steps.ts';
import { ReferenceTriggers } from './triggers.ts';
import { arrowOfRows, isRecordBatch, lentRows, logicalBytes, type Row, rowsOfArrow, rowsOfColumns } from './values.ts';

type SpecOf<K extends OperatorSpec['kind']> = Extract<OperatorSpec, { kind: K }>;

/** Makes the step of a node that is neither source nor sink. */
export async function makeOperator(parts: OperatorParts): Promise<ReferenceOperator> {
  const { node, emit } = parts;
  const { spec } = node;
  const input = node.inputFields[0] as Fields;
  switch (spec.kind) {
    case 'filter':
      return stateless((rows) => rows.filter((row) => interpret(spec.predicate, row, input) === true), emit);
    case 'select':
      return stateless(
        (rows) => rows.map((row) => spec.columns.map(({ expression }) => interpret(expression, row, input))),
        emit,
      );
    case 'withColumns':
      return stateless((rows) => rows.map((row) => withColumns(spec, row, node)), emit);
    case 'op':
      return registeredOp(parts, spec, await resolveOp(spec.op));
    case 'memoryBuffer':
      return memoryBuffer(parts, spec);
    case 'memoryAccumulate':
      return memoryAccumulate(parts, spec, await resolveFold(spec.fold));
    case 'aggStream':
      return aggStream(parts, spec);
    case 'joinStream':
      return joinStream(spec, node.inputFields, emit);
    case 'sort':
      return sort(parts, spec);
    case 'source':
    case 'sink':
      throw new PipelineError('ERR_INTERNAL', `${node.name} is not a step`);
    default:
      return referenceStep(spec, parts);
  }
}

function stateless(change: (rows: readonly Row[]) => readonly Row[], emit: Emit): ReferenceOperator {
  return { take: (rows) => emit('out', change(rows)), end: () => Promise.resolve() };
}

function withColumns(spec: SpecOf<'withColumns'>, row: Row, node: ResolvedNode): Row {
  const input = node.inputFields[0] as Fields;
  return (node.outputFields['out'] as Fields).map((field) => {
    const computed = spec.columns.find((column) => column.name === field.name);
    return interpret(computed?.expression ?? { kind: 'col', name: field.name }, row, input);
  });
}

/** Rows of what user code gave back. */
function rowsOfResult(
  parts: OperatorParts,
  result: OpResult,
  given?: { fields: Fields; rows: readonly Row[]; keeps: boolean },
): Row[] {
  const fields = parts.node.outputFields['out'] as Fields;
  const pieces = result === null || result === undefined ? [] : Array.isArray(result) ? result : [result];
  return pieces.flatMap((piece: object) =>
    isRecordBatch(piece)
      ? rowsOfArrow(parts.arrow, piece, fields)
      : rowsOfColumns(piece as ColumnsRecord, fields, given?.keeps === true ? given : undefined),
  );
}

async function callUser<T>(name: string, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    throw new PipelineError(
      'ERR_OP_FAILED',
      `op "${name}" failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      { stage: name, cause },
    );
  }
}

function registeredOp(parts: OperatorParts, spec: SpecOf<'op'>, definition: OpDefinition): ReferenceOperator {
  const { node, emit, arrow, onFlush } = parts;
  const input = node.inputFields[0] as Fields;
  const output = node.outputFields['out'] as Fields;
  const shape = Object.fromEntries(input.map((field) => [field.name, field.type]));
  const declared =
    typeof definition.output === 'function' ? definition.output(shape, spec.options as never) : definition.output;
  const instance = definition.create(spec.options, { name: node.name, input, output, signal: parts.signal });
  const triggers = new ReferenceTriggers(spec.triggers);
  const waits = spec.accumulate && triggers.any;
  let waiting: Row[] = [];

  const flush = async (reason: FlushReason): Promise<void> => {
    const own = rowsOfResult(parts, await callUser(node.name, () => instance.flush?.()));
    // Without triggers nothing waits: the end of such an op is no flush unless it still gives rows.
    if (own.length === 0 && (triggers.isEmpty || !triggers.any)) return;
    onFlush(reason, triggers.reset());
    const rows = [...waiting, ...own];
    waiting = [];
    if (waits || own.length > 0) await emit('out', rows);
  };
  const process = async (rows: readonly Row[]): Promise<Row[]> => {
    if (rows.length === 0 && !spec.observesBatches) return [];
    const result = await callUser(node.name, () => instance.process(lentRows(arrow, rows, input)));
    return rowsOfResult(parts, result, { fields: input, rows, keeps: declared === 'same' });
  };
  return {
    async take(rows) {
      const results = await process(rows);
      const reason = triggers.take(results.length, logicalBytes(results, output));
      if (waits) waiting.push(...results);
      else await emit('out', results);
      if (reason !== undefined) await flush(reason);
    },
    async end() {
      await flush('end');
      await instance.close?.();
    },
  };
}

function memoryBuffer(parts: OperatorParts, spec: SpecOf<'memoryBuffer'>): ReferenceOperator {
  const { node, emit, onFlush } = parts;
  const fields = node.inputFields[0] as Fields;
  const triggers = new ReferenceTriggers(spec.triggers);
  let waiting: Row[] = [];
  const flush = async (reason: FlushReason): Promise<void> => {
    onFlush(reason, triggers.reset());
    const rows = waiting;
    waiting = [];
    if (spec.accumulate) await emit('out', rows);
  };
  return {
    async take(rows) {
      const reason = triggers.take(rows.length, logicalBytes(rows, fields));
      if (spec.accumulate) waiting.push(...rows);
      if (reason !== undefined) await flush(reason);
      if (!spec.accumulate) await emit('out', rows);
    },
    async end() {
      if (!triggers.isEmpty && (spec.accumulate || triggers.any)) await flush('end');
    },
  };
}

function memoryAccumulate(
  parts: OperatorParts,
  spec: SpecOf<'memoryAccumulate'>,
  fold: FoldDefinition,
): ReferenceOperator {
  const { node, emit, onFlush, arrow } = parts;
  const fields = node.inputFields[0] as Fields;
  const triggers = new ReferenceTriggers(spec.triggers);
  const { options } = spec;
  let state: unknown = fold.init(options);
  const flush = async (reason: FlushReason): Promise<void> => {
    const rows = rowsOfResult(parts, await callUser(node.name, () => fold.finish(state, options)));
    if (spec.resetOnFlush) state = fold.init(options);
    onFlush(reason, triggers.reset());
    await emit('out', rows);
  };
  return {
    async take(rows) {
      const reason = triggers.take(rows.length, logicalBytes(rows, fields));
      if (rows.length > 0)
        state = await callUser(node.name, () => fold.update(state, arrowOfRows(arrow, rows, fields), options));
      if (reason !== undefined) await flush(reason);
    },
    async end() {
      if (!triggers.isEmpty) await flush('end');
    },
  };
}

/** Emits logical batches of 65,536 rows, and one with the rest. */
function sort(parts: OperatorParts, spec: SpecOf<'sort'>): ReferenceOperator {
  const { node, emit, onFlush } = parts;
  const fields = node.inputFields[0] as Fields;
  const triggers = new ReferenceTriggers({});
  const all: Row[] = [];
  return {
    async take(rows) {
      triggers.take(rows.length, logicalBytes(rows, fields));
      for (const row of rows) all.push(row);
    },
    async end() {
      if (!triggers.isEmpty) onFlush('end', triggers.reset());
      const sorted = sortRows(all.splice(0), spec.by, fields);
      for (let from = 0; from < sorted.length; from += 65_536) await emit('out', sorted.slice(from, from + 65_536));
    },
  };
}

/** A flush emits the closed bins; an aggregation of which none is closed emits nothing, not an empty batch. */
async function aggStream(parts: OperatorParts, spec: SpecOf<'aggStream'>): Promise<ReferenceOperator> {
  const { node, emit, onFlush } = parts;
  const fields = node.inputFields[0] as Fields;
  const aggregations = await Promise.all(
    spec.aggregations.map(
      async (aggregation) =>
        new ReferenceAggregation(spec, aggregation, fields, await computationOf(aggregation.columns, fields)),
    ),
  );
  const triggers = new ReferenceTriggers(spec.triggers);
  const closed = new Map<string, Row[]>();
  const close = (all: boolean): { rows: number; bytes: number } => {
    let [rows, bytes] = [0, 0];
    for (const { port, rows: taken } of aggregations.flatMap((aggregation) => aggregation.take(all))) {
      closed.set(port, [...(closed.get(port) ?? []), ...taken]);
      rows += taken.length;
      bytes += logicalBytes(taken, node.outputFields[port] as Fields);
    }
    return { rows, bytes };
  };
  const emitClosed = async (): Promise<void> => {
    for (const [port, rows] of closed) {
      closed.set(port, []);
      if (rows.length > 0) await emit(port, rows);
    }
  };
  return {
    async take(rows) {
      for (const row of rows) for (const aggregation of aggregations) aggregation.add(row);
      const newly = close(false);
      const reason = triggers.take(newly.rows, newly.bytes);
      if (reason !== undefined) onFlush(reason, triggers.reset());
      if (reason !== undefined || !spec.accumulate) await emitClosed();
    },
    async end() {
      close(true);
      onFlush('end', triggers.reset());
      await emitClosed();
    },
  };
}
