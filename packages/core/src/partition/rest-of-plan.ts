/** What is left of a cut plan for the coordinator: the nodes that run in no task, reading the files of the tasks. */
import { PARTIAL_FIELDS } from '../operators/aggregate/output-fields.ts';
import type { InputRef, LogicalPlan, PlanNode } from '../plan/logical.ts';
import type { ResolvedNode, ResolvedPlan } from '../plan/resolved.ts';
import type { MergeInput, PartitionRange } from './contract.ts';
import { isSameInput, type Section } from './sections.ts';
import { plainNode, resultSource } from './task-plans.ts';

export class RestOfPlan {
  readonly inputs: MergeInput[] = [];
  readonly #plan: ResolvedPlan;
  readonly #nodes: PlanNode[] = [];
  readonly #sources: PlanNode[] = [];
  #next: number;

  constructor(plan: ResolvedPlan, sections: readonly Section[]) {
    const inTasks = new Set(sections.flatMap(({ nodes }) => nodes.map(({ id }) => id)));
    this.#plan = plan;
    this.#next = 1 + Math.max(...plan.nodes.map(({ id }) => id));
    for (const node of plan.nodes) if (!inTasks.has(node.id)) this.#nodes.push(plainNode(node));
  }

  /** Reads what the tasks of a section give. */
  read({ exits }: Section, step: number, partitions: PartitionRange): void {
    for (const [file, { from, aggregate }] of exits.entries()) {
      const producer = this.#plan.nodes.find(({ id }) => id === from.node) as ResolvedNode;
      const source =
        aggregate === undefined
          ? resultSource(producer.outputFields[from.port] ?? [], producer.ordered[from.port])
          : resultSource(PARTIAL_FIELDS);
      const id = this.#next++;
      const name = this.#unused(`${aggregate?.name ?? producer.name} of partitions`);
      this.#sources.push({ id, name, spec: { kind: 'source', source }, inputs: [] });
      this.inputs.push({ node: id, step, partitions, file });
      this.#redirect(from, aggregate, { node: id, port: 'out' });
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

  #redirect(from: InputRef, aggregate: ResolvedNode | undefined, source: InputRef): void {
    for (const node of this.#nodes) {
      if (aggregate?.spec.kind === 'aggStream' && node.id === aggregate.id) {
        node.spec = { kind: 'mergeStates', aggregate: aggregate.spec, fields: aggregate.inputFields[0] ?? [] };
        node.inputs = [source];
      } else if (aggregate === undefined && node.spec.kind !== 'mergeStates')
        node.inputs = node.inputs.map((input) => (isSameInput(input, from) ? source : input));
    }
  }

  #unused(name: string): string {
    let free = name;
    for (let number = 2; [...this.#nodes, ...this.#sources].some((node) => node.name === free); number++)
      free = `${name}-${number}`;
    return free;
  }
}
