/**
 * Binds a plan to the world before anything starts: files are looked at, ops imported, every column and type followed
 * from the sources to the sinks. What can be wrong is refused here, naming the step.
 */

import { rowBytes } from '../batch/largest-batch.ts';
import { PipelineError } from '../errors.ts';
import { resolveFold } from '../operators/fold-definition.ts';
import { resolveOp } from '../operators/op-definition.ts';
import type { Fields } from '../schema/types.ts';
import { aggregateIdentity } from './aggregate-identity.ts';
import { joinFields } from './join-fields.ts';
import type { LogicalPlan, PlanNode } from './logical.ts';
import { checkGenerated, checkOrderedOn, stepFields, withPlace } from './node-fields.ts';
import { withMergedFiles } from './overlapping-files.ts';
import { type DeclaredInputs, neededColumns } from './prune.ts';
import type { CodecNeeds, PlanProbes, ResolvedNode, ResolvedPlan } from './resolved.ts';
import { readableHint } from './sources.ts';
import { hasTraits, traitsOf } from './steps/traits.ts';
import { markUnseenTies } from './unseen-ties.ts';
import { trustVerifiedOrder } from './verified-order.ts';
import { checkTiming, markVisibility } from './visibility.ts';

/** Looks at real files. What reads them is loaded by the first plan that has some. */
export const fileProbes: PlanProbes = {
  readParquetInfo: async (path) => (await import('../formats/kept-footers.ts')).plannedFooter(path),
  expandPaths: async (patterns) => (await import('../formats/glob.ts')).expandPaths(patterns),
  largestStoredGroup: async (root, path) =>
    (await import('../store/sinks/sink-commit.ts')).largestStoredGroup(root, path),
};

/**
 * The plan with all columns bound. Parquet sources read only the columns that something uses.
 *
 * @throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_COLUMN_UNKNOWN, ERR_EXPRESSION, ERR_SCHEMA, ERR_OP_IMPORT,
 *   ERR_OPTIONS, ERR_TIMING_DEPENDENT, each naming the step
 */
export async function resolvePlan(plan: LogicalPlan, probes: PlanProbes = fileProbes): Promise<ResolvedPlan> {
  const files = new Map<string, ReturnType<PlanProbes['readParquetInfo']>>();
  const cached: PlanProbes = {
    ...probes,
    readParquetInfo: (path) => {
      const info = files.get(path) ?? probes.readParquetInfo(path);
      files.set(path, info);
      return info;
    },
  };
  const everything = await bind(plan.nodes, cached);
  const nodes = await bind(withMergedFiles(await pruned(everything, plan.nodes)), cached);
  markVisibility(nodes);
  markUnseenTies(nodes);
  trustVerifiedOrder(nodes);
  return { ...plan, nodes, timingDependence: checkTiming(nodes, plan.deterministic) };
}

/** One pass from the sources to the sinks. */
async function bind(nodes: readonly PlanNode[], probes: PlanProbes): Promise<ResolvedNode[]> {
  const bound: ResolvedNode[] = [];
  for (const node of nodes) {
    try {
      bound.push(await bindNode(node, bound, probes));
    } catch (error) {
      throw withPlace(error, node.name, { stage: node.name });
    }
  }
  return bound;
}

async function bindNode(node: PlanNode, before: readonly ResolvedNode[], probes: PlanProbes): Promise<ResolvedNode> {
  if (node.spec.kind === 'source') return bindSource(node, node.spec.source, probes);
  const inputs = node.inputs.map(({ node: id, port }) => {
    const producer = before.find((candidate) => candidate.id === id);
    return { fields: producer?.outputFields[port], ordered: producer?.ordered[port] };
  });
  const [first] = inputs;
  const inputFields = inputs.flatMap(({ fields }) => (fields === undefined ? [] : [fields]));
  if (first?.fields === undefined || inputFields.length < inputs.length) {
    throw new PipelineError('ERR_INTERNAL', 'its input is not in the plan', {
      hint: 'build plans with buildLogicalPlan()',
    });
  }
  const { spec, outputs, ordered } =
    node.spec.kind === 'joinStream'
      ? joinFields(node.spec, inputFields)
      : hasTraits(node.spec)
        ? traitsOf(node.spec).fields(
            node.spec,
            inputFields,
            inputs.map((input) => input.ordered),
          )
        : await stepFields(withIdentity(node, before), first.fields, first.ordered);
  const codec = await sinkNeeds(spec, first.fields, probes);
  const bound: ResolvedNode = { ...node, spec, inputFields, outputFields: outputs, ordered, emissionsVisible: false };
  return codec === undefined ? bound : { ...bound, codec };
}

/** What a sink of files takes on its codec thread. */
async function sinkNeeds(spec: PlanNode['spec'], fields: Fields, probes: PlanProbes): Promise<CodecNeeds | undefined> {
  if (spec.kind !== 'sink' || (spec.sink.type !== 'store' && spec.sink.type !== 'file')) return undefined;
  const { fileNeeds, storeNeeds } = await import('./codec-memory.ts');
  if (spec.sink.type === 'file') return fileNeeds(spec.sink, fields);
  const { root, path, mode, left } = spec.sink;
  const largest = mode === 'merge' && left === undefined ? await probes.largestStoredGroup?.(root, path) : undefined;
  return storeNeeds(fields, largest, rowBytes(fields));
}

type PlainStep = Parameters<typeof stepFields>[0];

/** A step; where it stores an aggregate and says nothing of equal rows, the last value of a bin replaces the others. */
function withIdentity(node: PlanNode, before: readonly ResolvedNode[]): PlainStep {
  const spec = node.spec as PlainStep;
  if (spec.kind !== 'sink' || spec.sink.type !== 'store' || spec.sink.duplicatesOn !== undefined) return spec;
  const duplicatesOn = aggregateIdentity(node, before);
  return duplicatesOn === undefined ? spec : { ...spec, sink: { ...spec.sink, duplicatesOn } };
}

type Source = Extract<PlanNode['spec'], { kind: 'source' }>['source'];

async function bindSource(node: PlanNode, given: Source, probes: PlanProbes): Promise<ResolvedNode> {
  await checkGenerated(given);
  const parquet =
    given.type === 'parquet' ? await (await import('./parquet-source.ts')).resolveParquet(given, probes) : undefined;
  const text = given.type === 'text' ? await (await import('./text-source.ts')).resolveText(given, probes) : undefined;
  const arrow =
    given.type === 'arrow' ? await (await import('./arrow-source.ts')).resolveArrow(given, probes) : undefined;
  const source: Source = parquet?.spec ?? text?.spec ?? arrow?.spec ?? given;
  const fields: Fields = parquet?.fields ?? text?.fields ?? arrow?.fields ?? ('fields' in given ? given.fields : []);
  const { orderedOn } = source;
  // An ordered column that nobody reads is checked, though not delivered.
  const isRead = orderedOn !== undefined && fields.some((field) => field.name === orderedOn);
  if (orderedOn !== undefined && (isRead || parquet === undefined)) checkOrderedOn(orderedOn, fields);
  return {
    ...node,
    spec: { kind: 'source', source },
    inputFields: [],
    outputFields: { out: fields },
    ordered: isRead ? { out: orderedOn } : {},
    emissionsVisible: false,
    ...(parquet && { files: parquet.files, codec: parquet.codec }),
  };
}

/** The same nodes, with file sources that read what is needed only. */
async function pruned(nodes: readonly ResolvedNode[], asked: readonly PlanNode[]): Promise<PlanNode[]> {
  const needed = neededColumns(nodes, await declaredInputs(nodes));
  return nodes.map(({ id, name, spec, inputs, ownStage, outputFields, files }) => {
    const node: PlanNode = { id, name, spec, inputs, ...(ownStage && { ownStage }) };
    if (spec.kind !== 'source' || !['parquet', 'text', 'arrow'].includes(spec.source.type)) return node;
    const names = (outputFields['out'] ?? []).map((field) => field.name);
    if (spec.source.type === 'text' || spec.source.type === 'arrow') {
      const read = columnsToRead(names, needed.get(id) ?? 'all', spec.source.orderedOn);
      // The ordered column is compared where it is delivered.
      const columns = names.filter((column) => read.includes(column) || column === spec.source.orderedOn);
      return { ...node, spec: { kind: 'source', source: { ...spec.source, columns } } };
    }
    const columns = columnsToRead(names, needed.get(id) ?? 'all', spec.source.orderedOn);
    const isNamed = asked.some(
      (given) =>
        given.id === id &&
        given.spec.kind === 'source' &&
        given.spec.source.type === 'parquet' &&
        given.spec.source.columns !== undefined,
    );
    if (needed.get(id) === 'all' && !isNamed) refuseUnsupported(name, files ?? []);
    return { ...node, spec: { kind: 'source', source: { ...spec.source, columns } } };
  });
}

/** In the order of the file; at least one, so that rows can be counted. */
function columnsToRead(
  names: readonly string[],
  needed: ReadonlySet<string> | 'all',
  orderedOn: string | undefined,
): string[] {
  if (needed === 'all') return [...names];
  const read = names.filter((name) => needed.has(name));
  const smallest = orderedOn !== undefined && names.includes(orderedOn) ? orderedOn : names[0];
  return read.length > 0 || smallest === undefined ? read : [smallest];
}

/** "All columns" must not mean "all but those that cannot be read", unless the user said so by naming columns. */
function refuseUnsupported(name: string, files: NonNullable<ResolvedNode['files']>): void {
  for (const file of files) {
    const [unread] = file.unsupported;
    if (unread === undefined) continue;
    throw new PipelineError(
      'ERR_TYPE_UNSUPPORTED',
      `${name}: all columns are wanted, but "${unread.name}" of ${file.path} cannot be read: ${unread.reason}`,
      {
        stage: name,
        file: file.path,
        column: unread.name,
        hint: readableHint('readParquet', file.fields),
      },
    );
  }
}

async function declaredInputs(nodes: readonly ResolvedNode[]): Promise<DeclaredInputs> {
  const declared = new Map<number, { input: OpInput; output: OpOutput }>();
  for (const { id, spec } of nodes) {
    if (spec.kind === 'op') {
      const { input, output } = await resolveOp(spec.op);
      declared.set(id, { input, output });
    } else if (spec.kind === 'memoryAccumulate') {
      declared.set(id, { input: (await resolveFold(spec.fold)).input, output: undefined });
    }
  }
  return declared;
}

type OpInput = Awaited<ReturnType<typeof resolveOp>>['input'];
type OpOutput = Awaited<ReturnType<typeof resolveOp>>['output'] | undefined;
