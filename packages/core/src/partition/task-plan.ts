/** A plan of tasks being put together: parts of the whole plan, with sources for what a task is given and sinks for what leaves it. */
import type { ExpressionNode } from '../expressions/node.ts';
import type { InputRef, OperatorSpec, PlanNode, SourceSpec } from '../plan/logical.ts';
import type { ResolvedNode, ResolvedPlan } from '../plan/resolved.ts';
import type { Fields } from '../schema/types.ts';
import { effectiveSettings } from '../store/commit/write-settings.ts';
import type { StoreSpec } from '../store/sinks/contract.ts';
import { writePlanText } from './plan-text.ts';
import type { Tail } from './sections.ts';

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

/** Where a task reads what it is given a part of. Behind files of a sort there is a filter for the range that it sorts. */
export interface RootNodes {
  source: number;
  filter?: number;
}

/** Nodes that are there once more. */
interface Copied {
  root: RootNodes;
  end: InputRef;
  /** By step that looks back, where it reads what it needs. */
  looks: number[];
}

/** A plan being put together, with names and numbers that the whole plan does not have. */
export class TaskPlan {
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

  /** What a section begins with: a source; or a sort of the rows that the sorted files of all partitions have of a range. */
  keepRoot(root: ResolvedNode): RootNodes {
    if (root.spec.kind === 'source') {
      this.keep(withoutParts(plainNode(root)));
      return { source: root.id };
    }
    const { nodes, rows } = this.#readRange(root);
    this.keep({ ...plainNode(root), inputs: [rows] });
    return nodes;
  }

  /** Another one of these nodes, of which each feeds the next. */
  copy(chain: readonly ResolvedNode[], tails: readonly Tail[] = []): Copied {
    const [root, ...steps] = chain as [ResolvedNode, ...ResolvedNode[]];
    const ids = new Map<number, number>();
    const { name, spec } = withoutParts(plainNode(root));
    const range = root.spec.kind === 'source' ? undefined : this.#readRange(root);
    let end = this.add(name, spec, range === undefined ? [] : [range.rows]);
    ids.set(root.id, end.node);
    const looks: number[] = [];
    for (const { id, name, spec, inputs } of steps) {
      const own = inputs.map(({ node, port }) => ({ node: ids.get(node) ?? node, port }));
      const tail = tails.find(({ node }) => node.id === id);
      if (tail === undefined) end = this.add(name, spec, own);
      else {
        const { source, last } = this.lookBack(tail, own);
        looks.push(source);
        end = this.add(name, last.spec, last.inputs);
      }
      ids.set(id, end.node);
    }
    return { root: range?.nodes ?? { source: ids.get(root.id) as number }, end, looks };
  }

  /**
   * A step that looks back, in a task: what it needs of the partitions before goes in front of the rows, and what the step gives for it is left out again.
   * @returns where the task reads those rows, and the last of the steps, which is not there yet
   */
  lookBack(
    { node, spec }: Tail,
    [own]: readonly InputRef[],
  ): { source: number; last: Pick<PlanNode, 'spec' | 'inputs'> } {
    const fields = node.inputFields[0] ?? [];
    const names = (node.outputFields['out'] ?? []).map(({ name }) => name);
    let mark = 'is own';
    while (names.includes(mark) || fields.some(({ name }) => name === mark)) mark += '_';
    const marked = (from: InputRef, value: number): InputRef => {
      const expression = { kind: 'lit', type: 'int32', value } as const;
      return this.add(`mark ${value}`, { kind: 'withColumns', columns: [{ name: mark, expression }] }, [from]);
    };
    const read = this.add(`before ${node.name}`, { kind: 'source', source: resultSource(fields) }, []);
    const before = this.add(`end before ${node.name}`, spec, [this.asItWas(read, fields)]);
    const sides = [marked(before, 0), marked(own as InputRef, 1)];
    const all = this.add(`behind ${node.name}`, { kind: 'mergeOrdered', names: ['0', '1'], on: mark }, sides);
    const step = node.spec.kind === 'rolling' ? { ...node.spec, isOwn: mark } : node.spec;
    const done = this.add(`${node.name} of both`, step, [all]);
    const isOwn: ExpressionNode = { kind: 'col', name: mark };
    const one: ExpressionNode = { kind: 'lit', type: 'int32', value: 1 };
    const predicate: ExpressionNode = { kind: 'binary', fn: 'eq', left: isOwn, right: one };
    const kept = this.add(`own of ${node.name}`, { kind: 'filter', predicate }, [done]);
    const columns = names.map((name) => ({ name, expression: { kind: 'col', name } as const }));
    return { source: read.node, last: { spec: { kind: 'select', columns }, inputs: [kept] } };
  }

  #readRange(sort: ResolvedNode): { nodes: RootNodes; rows: InputRef } {
    const read = this.add(
      `rows for ${sort.name}`,
      { kind: 'source', source: resultSource(sort.inputFields[0] ?? []) },
      [],
    );
    const all = { kind: 'lit', type: 'bool', value: true } as const;
    const range = this.add(`range of ${sort.name}`, { kind: 'filter', predicate: all }, [read]);
    return { nodes: { source: read.node, filter: range.node }, rows: this.asItWas(range, sort.inputFields[0] ?? []) };
  }

  /** Rows of files of other tasks, with their dictionaries. */
  asItWas(rows: InputRef, fields: Fields): InputRef {
    const texts = withDictionaries(fields);
    return texts === undefined ? rows : this.add('texts', texts, [rows]);
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
