/** From the graph of a fluent chain to a plan as plain data. */
import { resolve } from 'node:path';
import { PipelineError } from '../errors.ts';
import type { GraphNode } from './graph.ts';
import type { LogicalPlan, PlanNode, SinkSpec } from './logical.ts';
import type { Sink } from './sinks.ts';

/**
 * The plan of everything that the given sinks need: nodes with inputs before users, each once however many branches
 * share it, under unique names. A name that the user chose twice is refused; others get a number.
 *
 * @throws ERR_PLAN; ERR_KEY for a key that cannot name a dataset
 */
export function buildLogicalPlan(sinks: readonly Sink[]): LogicalPlan {
  const [first] = sinks;
  if (sinks.length === 0) throw refuse('there are no sinks to run', 'give at least one: run([stream.collect()])');
  for (const sink of sinks) {
    if (sink?.node === undefined || sink.settings === undefined)
      throw refuse(
        'one of the sinks is not a sink',
        'end each stream with collect(), forEach(), toIterable(), toParquet() or toStore()',
      );
  }
  const { settings } = first as Sink;
  for (const sink of sinks) {
    if (sink.settings !== settings)
      throw refuse('the sinks belong to different pipelines', 'make all streams of a run from one createPipeline()');
  }
  const graph = topological([...new Set(sinks.map((sink) => sink.node))]);
  const names = uniqueNames(graph);
  const ids = new Map(graph.map((node, id) => [node, id]));
  const nodes = graph.map(
    (node, id): PlanNode => ({
      id,
      name: names[id] as string,
      spec: node.spec,
      inputs: node.inputs.map((input) => ({ node: ids.get(input.node) as number, port: input.port })),
      ...(node.ownStage && { ownStage: true }),
    }),
  );
  refuseSharedTargets(nodes);
  return { nodes, memoryLimitBytes: settings.memoryLimitBytes, deterministic: settings.deterministic };
}

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_PLAN', problem, { hint });
}

/** Two sinks that write the same place would undo each other. */
function refuseSharedTargets(nodes: readonly PlanNode[]): void {
  const writers = new Map<string, string>();
  for (const { name, spec } of nodes) {
    const target = spec.kind === 'sink' ? targetOf(spec.sink) : undefined;
    if (target === undefined) continue;
    const other = writers.get(target);
    if (other !== undefined)
      throw refuse(`"${other}" and "${name}" both write ${target}`, 'give each sink a file or a key of its own');
    writers.set(target, name);
  }
}

function targetOf(sink: SinkSpec): string | undefined {
  if (sink.type === 'file') return resolve(sink.path);
  if (sink.type !== 'store') return undefined;
  return resolve(sink.root, sink.path);
}

/** Depth first from the sinks in their order, so that names and ids do not depend on anything else. */
function topological(sinks: readonly GraphNode[]): GraphNode[] {
  const ordered = new Set<GraphNode>();
  const visit = (node: GraphNode): void => {
    if (ordered.has(node)) return;
    for (const input of node.inputs) visit(input.node);
    ordered.add(node);
  };
  for (const sink of sinks) visit(sink);
  // Behind the sinks that were asked for, whose order is known by.
  for (const node of ordered) for (const tap of node.taps ?? []) visit(tap);
  return [...ordered];
}

function uniqueNames(graph: readonly GraphNode[]): string[] {
  const taken = new Set<string>();
  for (const node of graph.filter((candidate) => candidate.isNamed)) {
    if (taken.has(node.baseName))
      throw refuse(`two steps are named "${node.baseName}"`, 'give each step a name of its own, or leave name out');
    taken.add(node.baseName);
  }
  return graph.map((node) => {
    if (node.isNamed) return node.baseName;
    let name = node.baseName;
    for (let number = 2; taken.has(name); number++) name = `${node.baseName}-${number}`;
    taken.add(name);
    return name;
  });
}
