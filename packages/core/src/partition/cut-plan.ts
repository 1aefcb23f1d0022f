/**
 * Cuts a plan into tasks over ordered partitions of its sources and a rest that merges what they give. Pure planning: files are looked at, none
 * is written, nothing runs. From each source the steps that cross a cut go into its tasks; aggregates leave their states there; the first step
 * that depends on rows of other partitions, and all behind it, belongs to the rest.
 */
import { PipelineError } from '../errors.ts';
import { PARTIAL_FIELDS } from '../operators/aggregate/output-fields.ts';
import { buildLogicalPlan } from '../plan/build.ts';
import type { InputRef, LogicalPlan, OperatorSpec, PlanNode, SourceSpec } from '../plan/logical.ts';
import { resolvePlan } from '../plan/resolve.ts';
import type { ResolvedNode, ResolvedPlan } from '../plan/resolved.ts';
import type { Sink } from '../plan/sinks.ts';
import type { Crossing, CutPlan, MergeInput, PartitionTask } from './contract.ts';
import { crossingOf } from './crossing.ts';
import { writePlanText } from './plan-text.ts';
import { splitSource, whyWhole } from './split-source.ts';

export interface CutOptions {
  /** Most partitions of one source. */
  partitions: number;
  /** Folder that all processes see, for the files of the tasks. Default: their names are relative. */
  folder?: string;
}

/** The steps behind one source that run in its tasks. */
interface Section {
  source: ResolvedNode;
  /** The source first; inputs before users. */
  nodes: ResolvedNode[];
  /** What leaves: rows of a port, or the states of an aggregate. */
  exits: Exit[];
}

interface Exit {
  from: InputRef;
  aggregate?: ResolvedNode;
}

/**
 * The plan of these sinks in parts.
 * @throws what `resolvePlan` refuses; ERR_PLAN for what cannot go to another process; ERR_OPTIONS
 */
export async function cutPlan(sinks: readonly Sink[], options: CutOptions): Promise<CutPlan> {
  const { partitions } = options;
  if (!Number.isSafeInteger(partitions) || partitions < 1)
    throw new PipelineError('ERR_OPTIONS', `partitions is ${String(partitions)}`, {
      value: String(partitions),
      expected: 'a whole number from 1 on',
      hint: 'give about four for each worker',
    });
  return cutResolved(await resolvePlan(buildLogicalPlan(sinks)), options);
}

/** The same of a plan whose columns are known. */
export function cutResolved(plan: ResolvedPlan, { partitions, folder }: CutOptions): CutPlan {
  const { sections, crossings } = findSections(plan.nodes);
  const rest = new RestOfPlan(plan, sections);
  const tasks: PartitionTask[] = [];
  for (const section of sections) {
    const from = tasks.length;
    const text = sectionText(plan, section);
    for (const source of splitSource(section.source, partitions)) {
      const partition = tasks.length;
      const inputs = [{ node: section.source.id, source: writePlanText(source, section.source.name) }];
      tasks.push({ step: 0, partition, plan: text, inputs, output: outputOf(folder, partition) });
    }
    rest.read(section, [from, tasks.length]);
  }
  const steps = tasks.length === 0 ? [] : [{ name: 'rows and states of each partition', tasks }];
  return { steps, rest: rest.plan(), inputs: rest.inputs, crossings };
}

function outputOf(folder: string | undefined, partition: number): string {
  const name = `part-0-${String(partition).padStart(6, '0')}`;
  return folder === undefined ? name : `${folder}/${name}`;
}

/** Which nodes run in tasks, and how all of them cross. */
function findSections(nodes: readonly ResolvedNode[]): { sections: Section[]; crossings: Crossing[] } {
  const placed = new Map<number, Section>();
  const halved = new Map<number, Section>();
  const crossings: Crossing[] = [];
  for (const node of nodes) {
    const section = placed.get(node.inputs[0]?.node ?? -1);
    if (node.spec.kind === 'source') {
      const reason = whyWhole(node);
      if (reason === undefined) placed.set(node.id, { source: node, nodes: [node], exits: [] });
      crossings.push({ node: node.name, runs: reason === undefined ? 'tasks' : 'end', ...(reason && { reason }) });
      continue;
    }
    const { kind, reason } = crossingOf(node);
    if (section === undefined) crossings.push({ node: node.name, runs: 'end', reason: 'its rows are not cut' });
    else if (kind === 'stateless') {
      placed.set(node.id, section);
      section.nodes.push(node);
      crossings.push({ node: node.name, runs: 'tasks' });
    } else if (kind === 'mergeable') {
      halved.set(node.id, section);
      crossings.push({ node: node.name, runs: 'halves' });
    } else crossings.push({ node: node.name, runs: 'end', reason });
  }
  const sections = [...new Set(placed.values())].filter((section) => {
    section.exits = exitsOf(section, nodes, halved);
    // A source alone is read where its rows are needed.
    return section.nodes.length > 1 || section.exits.some(({ aggregate }) => aggregate !== undefined);
  });
  const kept = new Set(sections.map(({ source }) => source.name));
  for (const crossing of crossings) {
    const isSource = nodes.some(({ name, spec }) => name === crossing.node && spec.kind === 'source');
    if (isSource && crossing.runs === 'tasks' && !kept.has(crossing.node))
      Object.assign(crossing, { runs: 'end', reason: 'nothing behind it can be cut' });
  }
  return { sections, crossings };
}

/** What the nodes of a section give to others. */
function exitsOf(section: Section, nodes: readonly ResolvedNode[], halved: ReadonlyMap<number, Section>): Exit[] {
  const inside = new Set(section.nodes.map(({ id }) => id));
  const exits: Exit[] = [];
  for (const node of nodes) {
    if (inside.has(node.id)) continue;
    for (const from of node.inputs) {
      if (!inside.has(from.node)) continue;
      if (halved.has(node.id)) exits.push({ from, aggregate: node });
      else if (!exits.some((exit) => exit.aggregate === undefined && isSame(exit.from, from))) exits.push({ from });
    }
  }
  return exits;
}

function isSame(left: InputRef, right: InputRef): boolean {
  return left.node === right.node && left.port === right.port;
}

function plainNode({ id, name, spec, inputs, ownStage }: PlanNode): PlanNode {
  return { id, name, spec, inputs, ...(ownStage && { ownStage }) };
}

/** The plan that all tasks of a section run, each with a source of its own. */
function sectionText(plan: ResolvedPlan, { nodes, exits, source }: Section): string {
  const { memoryLimitBytes, deterministic } = plan;
  const own = nodes.map((node) =>
    node === source ? { ...plainNode(node), spec: withoutParts(node.spec) } : plainNode(node),
  );
  let next = 1 + Math.max(...plan.nodes.map(({ id }) => id));
  for (const [index, { from, aggregate }] of exits.entries()) {
    let last = from;
    if (aggregate?.spec.kind === 'aggStream') {
      const spec: OperatorSpec = { kind: 'makeStates', aggregate: aggregate.spec };
      own.push({ id: next, name: aggregate.name, spec, inputs: [from] });
      last = { node: next++, port: 'out' };
    }
    const sink: OperatorSpec = {
      kind: 'sink',
      sink: { type: 'file', path: String(index), format: { kind: 'arrow', layout: 'file' } },
      triggers: {},
    };
    own.push({ id: next++, name: `part ${index}`, spec: sink, inputs: [last] });
  }
  return own
    .map((node) => writePlanText(node, node.name))
    .reduce((text, node, index) => `${text}${index === 0 ? '' : ','}${node}`, '{"nodes":[')
    .concat(`],"memoryLimitBytes":${memoryLimitBytes},"deterministic":${deterministic}}`);
}

/** The source of a plan for all partitions: each task has the part that it reads. */
function withoutParts(spec: OperatorSpec): OperatorSpec {
  if (spec.kind !== 'source' || !('paths' in spec.source)) return spec;
  const source = { ...spec.source, paths: [], ...('files' in spec.source && { files: [] }) } as SourceSpec;
  return { kind: 'source', source };
}

/** What is left for the coordinator: the other nodes, reading the files of the tasks. */
class RestOfPlan {
  readonly inputs: MergeInput[] = [];
  readonly #plan: ResolvedPlan;
  readonly #nodes: PlanNode[] = [];
  readonly #inTasks: ReadonlySet<number>;
  #next: number;

  constructor(plan: ResolvedPlan, sections: readonly Section[]) {
    this.#plan = plan;
    this.#inTasks = new Set(sections.flatMap(({ nodes }) => nodes.map(({ id }) => id)));
    this.#next = 1 + Math.max(...plan.nodes.map(({ id }) => id));
    for (const node of plan.nodes) if (!this.#inTasks.has(node.id)) this.#nodes.push(plainNode(node));
  }

  /** Reads what the tasks of a section give. */
  read({ exits }: Section, partitions: [number, number]): void {
    for (const [file, { from, aggregate }] of exits.entries()) {
      const producer = this.#plan.nodes.find(({ id }) => id === from.node) as ResolvedNode;
      const orderedOn = aggregate === undefined ? producer.ordered[from.port] : undefined;
      const source: SourceSpec = {
        type: 'arrow',
        paths: [],
        files: [],
        batchRows: 65_536,
        expected: aggregate === undefined ? (producer.outputFields[from.port] ?? []) : PARTIAL_FIELDS,
        ...(orderedOn !== undefined && { orderedOn }),
      };
      const id = this.#next++;
      const name = `${aggregate?.name ?? producer.name} of partitions`;
      this.#nodes.unshift({ id, name: this.#unused(name), spec: { kind: 'source', source }, inputs: [] });
      this.inputs.push({ node: id, step: 0, partitions, file });
      this.#redirect(from, aggregate, id);
    }
  }

  plan(): LogicalPlan {
    const { memoryLimitBytes, deterministic } = this.#plan;
    return { nodes: this.#nodes, memoryLimitBytes, deterministic };
  }

  #redirect(from: InputRef, aggregate: ResolvedNode | undefined, id: number): void {
    const source = { node: id, port: 'out' };
    for (const node of this.#nodes) {
      if (aggregate !== undefined && node.id === aggregate.id && aggregate.spec.kind === 'aggStream') {
        node.spec = { kind: 'mergeStates', aggregate: aggregate.spec, fields: aggregate.inputFields[0] ?? [] };
        node.inputs = [source];
      } else if (aggregate === undefined && node.spec.kind !== 'mergeStates')
        node.inputs = node.inputs.map((input) => (isSame(input, from) ? source : input));
    }
  }

  #unused(name: string): string {
    let free = name;
    for (let number = 2; this.#nodes.some((node) => node.name === free); number++) free = `${name}-${number}`;
    return free;
  }
}
