/** What is left of a cut plan for the coordinator: the nodes that run in no task, reading the files of the tasks. */
import { PARTIAL_FIELDS } from '../operators/aggregate/output-fields.ts';
import type { InputRef, LogicalPlan, OperatorSpec, PlanNode } from '../plan/logical.ts';
import type { ResolvedNode, ResolvedPlan } from '../plan/resolved.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields } from '../schema/types.ts';
import type { MergeInput, TasksBefore } from './contract.ts';
import { type FirstHalf, isSameInput, type Section } from './sections.ts';
import { plainNode, resultSource, withDictionaries } from './task-plan.ts';

export class RestOfPlan {
  readonly inputs: MergeInput[] = [];
  readonly #plan: ResolvedPlan;
  readonly #nodes: PlanNode[] = [];
  readonly #sources: PlanNode[] = [];
  /** Nodes that read what the tasks have made for them. */
  readonly #redirected: Set<number> = new Set();
  #next: number;

  constructor(plan: ResolvedPlan, sections: readonly Section[]) {
    const inTasks = new Set(sections.flatMap(({ nodes }) => nodes.map(({ id }) => id)));
    this.#plan = plan;
    this.#next = 1 + Math.max(...plan.nodes.map(({ id }) => id));
    for (const node of plan.nodes) if (!inTasks.has(node.id)) this.#nodes.push(plainNode(node));
  }

  /** Reads what the tasks of a section give. */
  read(section: Section, { step, partitions, files }: TasksBefore & { files: readonly number[] }): void {
    for (const [exit, { from, first, sort, sink }] of section.exits.entries()) {
      if (sort !== undefined) continue;
      const file = files[exit] as number;
      const producer = this.#plan.nodes.find(({ id }) => id === from.node) as ResolvedNode;
      const fields = first?.spec.kind === 'makeStates' ? PARTIAL_FIELDS : (producer.outputFields[from.port] ?? []);
      const keepsOrder = first === undefined || first.spec.kind === 'distinct' || first.spec.kind === 'slice';
      const source = resultSource(
        fields,
        keepsOrder ? orderIn(section, producer.ordered[from.port], fields) : undefined,
      );
      const read = this.#add(`${first?.of.name ?? producer.name} of partitions`, { kind: 'source', source }, []);
      this.inputs.push({ node: read.node, step, partitions, file, ...(sink && { sink: sink.id }) });
      const texts = withDictionaries(fields);
      const rows = texts === undefined ? read : this.#add(`texts of ${producer.name}`, texts, [read]);
      this.#redirect(from, first?.of ?? sink, rows);
      if (first?.spec.kind === 'makeStates') this.#mergeStates(first);
    }
  }

  /** Without what only tasks need. */
  plan(): LogicalPlan {
    const { memoryLimitBytes, deterministic } = this.#plan;
    const all = [...this.#sources, ...this.#nodes];
    const needed = new Set<number>();
    for (const { id, spec, inputs } of [...all].reverse())
      if (spec.kind === 'sink' || needed.has(id))
        for (const at of [id, ...inputs.map(({ node }) => node)]) needed.add(at);
    return { nodes: all.filter(({ id }) => needed.has(id)), memoryLimitBytes, deterministic };
  }

  /** @param only who reads what is there; by default all that are left */
  #redirect(from: InputRef, only: ResolvedNode | undefined, source: InputRef): void {
    for (const node of this.#nodes) {
      if (only === undefined && !this.#redirected.has(node.id))
        node.inputs = node.inputs.map((input) => (isSameInput(input, from) ? source : input));
      if (only?.id !== node.id) continue;
      this.#redirected.add(node.id);
      node.inputs = [source];
    }
  }

  #mergeStates({ of, spec }: FirstHalf): void {
    const node = this.#nodes.find(({ id }) => id === of.id);
    if (node !== undefined && spec.kind === 'makeStates')
      node.spec = { kind: 'mergeStates', aggregate: spec.aggregate, fields: of.inputFields[0] ?? [] };
  }

  #add(name: string, spec: OperatorSpec, inputs: InputRef[]): InputRef {
    const id = this.#next++;
    this.#sources.push({ id, name: this.#unused(name), spec, inputs });
    return { node: id, port: 'out' };
  }

  #unused(name: string): string {
    let free = name;
    for (let number = 2; [...this.#nodes, ...this.#sources].some((node) => node.name === free); number++)
      free = `${name}-${number}`;
    return free;
  }
}

/** The column that rows of a section ascend on. A source refuses null and NaN there, a sort does not. */
function orderIn({ sorted }: Section, column: string | undefined, fields: Fields): string | undefined {
  const field = fields.find(({ name }) => name === column);
  const isSure = sorted === undefined || (field?.nullable === false && parseType(field.type).domain !== 'float');
  return isSure ? column : undefined;
}
