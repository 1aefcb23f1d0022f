/** The plans that tasks run: those of sections, and those of the first passes of joins. */
import type { InputRef, LogicalPlan, OperatorSpec } from '../plan/logical.ts';
import type { ResolvedNode, ResolvedPlan } from '../plan/resolved.ts';
import type { Fields } from '../schema/types.ts';
import type { RunFiles } from './contract.ts';
import { keyText } from './key-order.ts';
import type { Section, Side, Tail } from './sections.ts';
import { plainNode, type RootNodes, resultSource, TaskPlan } from './task-plan.ts';

/** Where a task reads one side of a join. */
export interface SideNodes {
  rows: number;
  before?: number;
  after?: number;
}

/** Reads back what `TaskPlan` has written. */
export type TaskPlanText = LogicalPlan;

/** The plan of a section's tasks, where it reads its part and the sides of its joins, and the files that it writes. */
export interface SectionPlan {
  text: string;
  root: RootNodes;
  sides: SideNodes[];
  /** By step that looks back, where it reads what it needs. */
  looks: number[];
  /** By exit. */
  files: number[];
  /** By exit, where rows are sorted for another section. */
  runs: (RunFiles | undefined)[];
}

export function sectionPlan(plan: ResolvedPlan, section: Section): SectionPlan {
  const task = new TaskPlan(plan);
  const root = task.keepRoot(section.source);
  const sides: SideNodes[] = [];
  const looks: number[] = [];
  for (const node of section.nodes.slice(1)) {
    const tail = section.tails.find((one) => one.node === node);
    if (tail !== undefined) {
      const { source, last } = task.lookBack(tail, node.inputs);
      looks.push(source);
      task.keep({ ...plainNode(node), ...last });
      continue;
    }
    const side = section.sides.find(({ join }) => join === node);
    if (side === undefined) {
      task.keep(plainNode(node));
      continue;
    }
    const { nodes, end } = addSide(task, side);
    sides.push(nodes);
    const [left] = node.inputs as [InputRef];
    task.keep({ ...plainNode(node), inputs: [left, end] });
  }
  const runs = section.exits.map(({ from, sort }) => sort && writeRun(task, from, sort));
  const files = section.exits.map(
    ({ from, first, sink }, index) =>
      runs[index]?.rows ??
      (sink && task.leave(from, sink)) ??
      task.write(first === undefined ? from : task.add(`${first.of.name} of a partition`, first.spec, [from])),
  );
  return { text: task.text(), root, sides, looks, files, runs };
}

/** Of sorted rows one in so many tells its key. */
const SAMPLE_EVERY = 16;

/** The rows of a partition in the order of the sort that a section begins with, and keys of some of them. */
function writeRun(task: TaskPlan, from: InputRef, { source, sorted }: Section): RunFiles {
  const sort = task.add(`${source.name} of a partition`, source.spec, [from]);
  const expression = keyText((sorted as NonNullable<Section['sorted']>).key);
  const keys = task.add(`keys of ${source.name}`, { kind: 'select', columns: [{ name: 'key', expression }] }, [sort]);
  const some = task.add(`samples of ${source.name}`, { kind: 'slice', from: 0, step: SAMPLE_EVERY }, [keys]);
  return { rows: task.write(sort), samples: task.write(some), every: SAMPLE_EVERY };
}

/** The right side of a join: the rows that may match, between one row of each key of those before and behind. */
function addSide(task: TaskPlan, { join, chain, halo }: Side): { nodes: SideNodes; end: InputRef } {
  const last = chain.at(-1) as ResolvedNode;
  const on = rightOf(join).on;
  const fields = last.outputFields[join.inputs[1]?.port ?? 'out'] ?? [];
  const read = (name: string): InputRef => {
    const source = resultSource(fields, on);
    return task.add(`${join.name} ${name}`, { kind: 'source', source }, []);
  };
  const { root, end } = isSorted(chain) ? readSorted(task, read('side'), fields) : task.copy(chain);
  if (!halo.before && !halo.after) return { nodes: { rows: root.source }, end };
  const before = halo.before ? read('before') : undefined;
  const after = halo.after ? read('behind') : undefined;
  const inputs = [before && task.asItWas(before, fields), end, after && task.asItWas(after, fields)];
  const given = inputs.filter((input) => input !== undefined);
  const names = given.map((_, index) => String(index));
  return {
    nodes: { rows: root.source, ...(before && { before: before.node }), ...(after && { after: after.node }) },
    end: task.add(`${join.name} side`, { kind: 'mergeOrdered', names, on }, given),
  };
}

/** Whether a side begins with a sort: then the tasks of its ranges have written its rows. */
function isSorted([root]: readonly ResolvedNode[]): boolean {
  return root?.spec.kind === 'sort';
}

function readSorted(task: TaskPlan, read: InputRef, fields: Fields): { root: RootNodes; end: InputRef } {
  return { root: { source: read.node }, end: task.asItWas(read, fields) };
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
  /** Where they are sorted first. */
  rows?: number;
}

/** Finds out where the rows of a section's partition lie. Only the steps before its first join run. */
export function boundsPlan(
  plan: ResolvedPlan,
  { nodes, sides }: Section,
): { text: string; bounds: number; root: RootNodes } {
  const task = new TaskPlan(plan);
  const join = (sides[0] as Side).join;
  const path = pathTo(join.inputs[0]?.node ?? -1, nodes);
  const { end, root } = task.copy(path);
  const on = join.spec.kind === 'joinStream' ? (join.spec.sides[0]?.on ?? '') : '';
  return { bounds: writeBounds(task, end, on), text: task.text(), root };
}

/** The nodes from the source to this one. */
function pathTo(id: number, nodes: readonly ResolvedNode[]): ResolvedNode[] {
  const node = nodes.find((candidate) => candidate.id === id);
  return node === undefined ? [] : [...pathTo(node.inputs[0]?.node ?? -1, nodes), node];
}

/** Finds out where the rows of one part of a side lie, and its last and first rows of each key. */
export function sidePlan(plan: ResolvedPlan, { join, chain, halo }: Side): SideFiles & { root: RootNodes } {
  const task = new TaskPlan(plan);
  const { end, root } = task.copy(chain);
  const { on, by } = rightOf(join);
  const bounds = writeBounds(task, end, on);
  const files: Omit<SideFiles, 'text'> = {
    bounds,
    ...(halo.before && { before: task.write(task.add('last of each', { kind: 'tail', rows: 1, by }, [end])) }),
    ...(halo.after && { after: task.write(firstOfEach(task, end, by)) }),
    ...((halo.before || halo.after) && {
      empty: task.write(task.add('nothing', NOTHING, [end])),
    }),
    ...(isSorted(chain) && { rows: task.write(end) }),
  };
  return { ...files, text: task.text(), root };
}

/** What a pass over the rows of a section finds out for a step that looks back, by number of file. */
export interface TailPlan {
  text: string;
  root: RootNodes;
  file: number;
  empty: number;
  bounds?: number;
  /** Of the steps before it that look back. */
  looks: number[];
}

export function tailPlan(plan: ResolvedPlan, section: Section, { chain, spec }: Tail): TailPlan {
  const task = new TaskPlan(plan);
  const { end, looks, root } = task.copy(chain, section.tails);
  return {
    file: task.write(task.add('tail', spec, [end])),
    empty: task.write(task.add('nothing', NOTHING, [end])),
    ...(spec.on !== undefined && { bounds: writeBounds(task, end, spec.on) }),
    text: task.text(),
    root,
    looks,
  };
}

const NOTHING: OperatorSpec = { kind: 'slice', from: 0, to: 0, step: 1 };
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

/** The first row of each key, in the order of the rows. */
function firstOfEach(task: TaskPlan, from: InputRef, by: readonly string[]): InputRef {
  if (by.length === 0) return task.add('first row', { kind: 'slice', from: 0, to: 1, step: 1 }, [from]);
  return task.add('first of each', { kind: 'partitionUnique', by: [...by], keep: 'first' }, [from]);
}
