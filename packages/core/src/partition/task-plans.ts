/** The plans that tasks run: parts of the whole plan, with sinks for what leaves it. */
import type { InputRef, LogicalPlan, OperatorSpec, PlanNode, SourceSpec } from '../plan/logical.ts';
import type { ResolvedNode, ResolvedPlan } from '../plan/resolved.ts';
import type { Fields } from '../schema/types.ts';
import type { StoreSpec } from '../store/file-sink.ts';
import { effectiveSettings } from '../store/write-settings.ts';
import { writePlanText } from './plan-text.ts';
import type { Section, Side } from './sections.ts';

/** A node as the plan has it, without what was found out about it. */
export function plainNode({ id, name, spec, inputs, ownStage }: PlanNode): PlanNode {
  return { id, name, spec, inputs, ...(ownStage && { ownStage }) };
}

/** A source for all partitions: each task has the part that it reads. */
function withoutParts(node: PlanNode): PlanNode {
  const { spec } = node;
  if (spec.kind !== 'source' || !('paths' in spec.source)) return node;
  const source = { ...spec.source, paths: [], ...('files' in spec.source && { files: [] }) } as SourceSpec;
  return { ...node, spec: { kind: 'source', source } };
}

/** Reads files of other tasks. */
export function resultSource(expected: Fields, orderedOn?: string): SourceSpec {
  return {
    type: 'arrow',
    paths: [],
    files: [],
    batchRows: 65_536,
    expected,
    ...(orderedOn !== undefined && { orderedOn }),
  };
}

/** What gives rows from result files the columns that they had: our Arrow files hold texts without dictionaries. Undefined where nothing is missing. */
export function withDictionaries(fields: Fields): OperatorSpec | undefined {
  if (!fields.some(({ type }) => type === 'dictionary<utf8>')) return undefined;
  const columns = fields.map(({ name, type }) => {
    const column = { kind: 'col', name } as const;
    const expression = type === 'dictionary<utf8>' ? ({ kind: 'cast', to: type, arg: column } as const) : column;
    return { name, expression };
  });
  return { kind: 'select', columns };
}

/** Where a task reads one side of a join. */
export interface SideNodes {
  rows: number;
  before?: number;
  after?: number;
}

/** A plan being put together, with names and numbers that the whole plan does not have. */
class TaskPlan {
  readonly #plan: ResolvedPlan;
  readonly #nodes: PlanNode[] = [];
  readonly #names: Set<string>;
  #next: number;
  #files = 0;

  constructor(plan: ResolvedPlan) {
    this.#plan = plan;
    this.#names = new Set(plan.nodes.map(({ name }) => name));
    this.#next = 1 + Math.max(...plan.nodes.map(({ id }) => id));
  }

  keep(node: PlanNode): void {
    this.#nodes.push(node);
  }

  add(name: string, spec: OperatorSpec, inputs: InputRef[]): InputRef {
    const id = this.#next++;
    let free = name;
    for (let number = 2; this.#names.has(free); number++) free = `${name}-${number}`;
    this.#names.add(free);
    this.#nodes.push({ id, name: free, spec, inputs });
    return { node: id, port: 'out' };
  }

  /** Another one of these nodes, of which each feeds the next. */
  copy(chain: readonly ResolvedNode[]): { source: number; end: InputRef } {
    const ids = new Map<number, number>();
    for (const node of chain) {
      const { name, spec, inputs } = withoutParts(plainNode(node));
      const own = inputs.map(({ node: id, port }) => ({ node: ids.get(id) ?? id, port }));
      ids.set(node.id, this.add(name, spec, own).node);
    }
    const [first, last] = [chain[0], chain.at(-1)] as [ResolvedNode, ResolvedNode];
    return { source: ids.get(first.id) as number, end: { node: ids.get(last.id) as number, port: 'out' } };
  }

  /** Writes what comes from there to a file. Returns its number. */
  write(from: InputRef): number {
    const file = this.#files++;
    const sink = { type: 'file', path: String(file), format: { kind: 'arrow', layout: 'file' } } as const;
    this.add(`part ${file}`, { kind: 'sink', sink, triggers: {} }, [from]);
    return file;
  }

  /** Leaves what comes from there as files of a store. Returns their number. */
  leave(from: InputRef, { name, spec, inputFields }: ResolvedNode): number {
    if (spec.kind !== 'sink' || spec.sink.type !== 'store') throw new TypeError(`${name} writes no store`);
    const file = this.#files++;
    const sink = leftFiles(spec.sink, inputFields[0] ?? [], String(file));
    this.add(`part ${file}`, { ...spec, sink }, [from]);
    return file;
  }

  text(): string {
    const { memoryLimitBytes, deterministic } = this.#plan;
    const settings = writePlanText({ memoryLimitBytes, deterministic }, 'the plan');
    const nodes = this.#nodes.map((node) => writePlanText(node, node.name));
    return `{"nodes":[${nodes.join(',')}],${settings.slice(1)}`;
  }
}

/** The sink of a task: with what decides over its files, and nothing else of the dataset. */
function leftFiles(sink: StoreSpec, fields: Fields, left: string): StoreSpec {
  const { duplicatesOn, target } = effectiveSettings(sink.orderedOn, fields, sink);
  const nowhere = { root: '', key: {}, path: '', mode: 'append' } as const;
  const settings = { duplicatesOn: duplicatesOn ?? null, rowGroupTarget: target };
  return { type: 'store', ...nowhere, orderedOn: sink.orderedOn, ...settings, left };
}

/** Reads back what `TaskPlan` has written. */
export type TaskPlanText = LogicalPlan;

/** The plan of a section's tasks, and where it reads the sides of its joins. */
export function sectionPlan(plan: ResolvedPlan, section: Section): { text: string; sides: SideNodes[] } {
  const task = new TaskPlan(plan);
  const sides: SideNodes[] = [];
  for (const node of section.nodes) {
    const side = section.sides.find(({ join }) => join === node);
    if (side === undefined) {
      task.keep(withoutParts(plainNode(node)));
      continue;
    }
    const { nodes, end } = addSide(task, side);
    sides.push(nodes);
    const [left] = node.inputs as [InputRef];
    task.keep({ ...plainNode(node), inputs: [left, end] });
  }
  for (const { from, first, sink } of section.exits)
    if (sink !== undefined) task.leave(from, sink);
    else task.write(first === undefined ? from : task.add(`${first.of.name} of a partition`, first.spec, [from]));
  return { text: task.text(), sides };
}

/** The right side of a join: the rows that may match, between one row of each key of those before and behind. */
function addSide(task: TaskPlan, { join, chain, halo }: Side): { nodes: SideNodes; end: InputRef } {
  const { source, end } = task.copy(chain);
  if (!halo.before && !halo.after) return { nodes: { rows: source }, end };
  const last = chain.at(-1) as ResolvedNode;
  const on = rightOf(join).on;
  const fields = last.outputFields[join.inputs[1]?.port ?? 'out'] ?? [];
  const texts = withDictionaries(fields);
  const read = (name: string): InputRef => {
    const source = resultSource(fields, on);
    return task.add(`${join.name} ${name}`, { kind: 'source', source }, []);
  };
  const asItWas = (read: InputRef): InputRef =>
    texts === undefined ? read : task.add(`${join.name} texts`, texts, [read]);
  const before = halo.before ? read('before') : undefined;
  const after = halo.after ? read('behind') : undefined;
  const inputs = [before && asItWas(before), end, after && asItWas(after)].filter((input) => input !== undefined);
  const names = inputs.map((_, index) => String(index));
  return {
    nodes: { rows: source, ...(before && { before: before.node }), ...(after && { after: after.node }) },
    end: task.add(`${join.name} side`, { kind: 'mergeOrdered', names, on }, inputs),
  };
}

function rightOf({ spec, name }: ResolvedNode): { on: string; by: string[] } {
  const right = spec.kind === 'joinStream' ? spec.sides[1] : undefined;
  if (right === undefined) throw new TypeError(`${name} is no join`);
  return right;
}

/** What the first pass over one part of a side finds out, by number of file. */
export interface SideFiles {
  text: string;
  bounds: number;
  before?: number;
  after?: number;
  empty?: number;
}

/** Finds out where the rows of a section's partition lie. Only the steps before its first join run. */
export function boundsPlan(
  plan: ResolvedPlan,
  { nodes, sides }: Section,
): { text: string; bounds: number; source: number } {
  const task = new TaskPlan(plan);
  const join = (sides[0] as Side).join;
  const path = pathTo(join.inputs[0]?.node ?? -1, nodes);
  const { source, end } = task.copy(path);
  const on = join.spec.kind === 'joinStream' ? (join.spec.sides[0]?.on ?? '') : '';
  return { bounds: writeBounds(task, end, on), text: task.text(), source };
}

/** The nodes from the source to this one. */
function pathTo(id: number, nodes: readonly ResolvedNode[]): ResolvedNode[] {
  const node = nodes.find((candidate) => candidate.id === id);
  return node === undefined ? [] : [...pathTo(node.inputs[0]?.node ?? -1, nodes), node];
}

/** Finds out where the rows of one part of a side lie, and its last and first rows of each key. */
export function sidePlan(plan: ResolvedPlan, { join, chain, halo }: Side): SideFiles & { source: number } {
  const task = new TaskPlan(plan);
  const { source, end } = task.copy(chain);
  const { on, by } = rightOf(join);
  const bounds = writeBounds(task, end, on);
  const names =
    (chain.at(-1) as ResolvedNode).outputFields[join.inputs[1]?.port ?? 'out']?.map(({ name }) => name) ?? [];
  const files: Omit<SideFiles, 'text'> = {
    bounds,
    ...(halo.before && { before: task.write(oneOfEach(task, end, by, 'last', names)) }),
    ...(halo.after && { after: task.write(oneOfEach(task, end, by, 'first', names)) }),
    ...((halo.before || halo.after) && {
      empty: task.write(task.add('nothing', { kind: 'slice', from: 0, to: 0, step: 1 }, [end])),
    }),
  };
  return { ...files, text: task.text(), source };
}

const EVERYTHING = String(2n ** 62n);

/** One row, or a few: `first` and `last`, the ordered column as integers. */
function writeBounds(task: TaskPlan, from: InputRef, on: string): number {
  const at = { name: 'at', expression: { kind: 'cast', to: 'int64', arg: { kind: 'col', name: on } } } as const;
  const values = task.add('times', { kind: 'select', columns: [at] }, [from]);
  const bins = { kind: 'fixed', unit: 'step', everyNs: EVERYTHING, originNs: '0', text: EVERYTHING } as const;
  const columns = [
    { name: 'first', fn: 'first', column: 'at' },
    { name: 'last', fn: 'last', column: 'at' },
  ] as const;
  const spec: OperatorSpec = {
    kind: 'aggStream',
    orderedOn: 'at',
    by: [],
    aggregations: [{ name: 'bounds', bins, columns: [...columns] }],
    triggers: {},
    accumulate: true,
    emitOpen: false,
  };
  const { node } = task.add('bounds', spec, [values]);
  return task.write({ node, port: 'bounds' });
}

/** One row of each key, in the order of the rows. */
function oneOfEach(
  task: TaskPlan,
  from: InputRef,
  by: readonly string[],
  keep: 'first' | 'last',
  names: readonly string[],
): InputRef {
  if (by.length > 0) return task.add(`${keep} of each`, { kind: 'partitionUnique', by: [...by], keep }, [from]);
  let key = 'key';
  while (names.includes(key)) key += '_';
  const one = { name: key, expression: { kind: 'lit', type: 'int32', value: 0 } } as const;
  const keyed = task.add('one key', { kind: 'withColumns', columns: [one] }, [from]);
  const row = task.add(`${keep} of all`, { kind: 'partitionUnique', by: [key], keep }, [keyed]);
  const columns = names.map((name) => ({ name, expression: { kind: 'col', name } as const }));
  return task.add('row', { kind: 'select', columns }, [row]);
}
