/** Plans of the model: any DAG of sources, parallel stages, stateful stages, joins and sinks. */

export type NodeKind = 'source' | 'map' | 'window' | 'buffer' | 'aggregate' | 'asof' | 'shared' | 'union' | 'sink';

/** One stage; operators that are fused count as one. */
export interface ModelNode {
  id: number;
  kind: NodeKind;
  /** Edges it reads, by input. Of a `shared` join the left one, and one for the right side of each lane. */
  inputs: number[];
  /** Edges it feeds, each with everything that it makes. */
  outputs: number[];
  /** Threads. More than one only in a `map` and a `shared` join. */
  lanes: number;
  /** Rows of the largest batch that it makes. */
  batchRows: number;
  /**
   * Rows of a source; rows that a `window` or `buffer` holds; length of an aggregate's bin; salt of a `map` and of the filter before a `shared`
   * join.
   */
  size: number;
  /** Source: time between its rows, at most. */
  step: number;
  /** How often it is its turn, against the others. */
  weight: number;
  /** By input: whether its rows have to be taken although another input is waited for. */
  elastic: boolean[];
}

export interface ModelEdge {
  id: number;
  from: number;
  to: number;
  /** Which input of its consumer it is. */
  port: number;
  batchRows: number;
  capacity: number;
}

export interface ModelPlan {
  nodes: ModelNode[];
  edges: ModelEdge[];
}

/** What a plan is made of, in numbers that fast-check can make smaller. */
export interface Recipe {
  sources: { rows: number; step: number; batchRows: number }[];
  nodes: {
    kind: Exclude<NodeKind, 'source' | 'sink'>;
    /** Whose output it reads, modulo the number of those before it. */
    left: number;
    right: number;
    lanes: number;
    batchRows: number;
    size: number;
    /** Whether a sink takes its output besides those that read it. */
    isTapped: boolean;
  }[];
  capacity: number;
  weights: number[];
}

/** @param sharesApartOnly joins whose inputs hang together elsewhere are on one lane, whatever the recipe says */
export function planOf(recipe: Recipe, sharesApartOnly = true): ModelPlan {
  // Whether inputs hang together is seen in the whole plan, which is the same for both kinds of joins but for the number of edges.
  const { nodes } = planWith(recipe, () => false);
  return planWith(recipe, (id) => !sharesApartOnly || !(nodes[id] as ModelNode).elastic.includes(true));
}

/** The plan, with joins on several lanes where the recipe says so and they may be. */
function planWith(recipe: Recipe, mayShare: (id: number) => boolean): ModelPlan {
  const nodes: ModelNode[] = [];
  const edges: ModelEdge[] = [];
  const { capacity, weights } = recipe;
  const add = (node: Pick<ModelNode, 'kind' | 'lanes' | 'size' | 'step'>, from: number[], batchRows?: number): void => {
    const id = nodes.length;
    const inputs = from.map((producer, port) => {
      const source = nodes[producer] as ModelNode;
      const edge = { id: edges.length, from: producer, to: id, port, batchRows: source.batchRows, capacity };
      edges.push(edge);
      source.outputs.push(edge.id);
      return edge.id;
    });
    const weight = weights[id % Math.max(1, weights.length)] ?? 1;
    const rows = batchRows ?? (nodes[from[0] as number] as ModelNode).batchRows;
    nodes.push({ id, ...node, inputs, outputs: [], batchRows: rows, weight, elastic: [] });
  };
  for (const { rows, step, batchRows } of recipe.sources)
    add({ kind: 'source', lanes: 1, size: rows, step }, [], batchRows);
  for (const { kind: asked, left, right, lanes: most, batchRows, size } of recipe.nodes) {
    const id = nodes.length;
    const [leftId, rightId] = [left % id, right % id];
    const isShared = asked === 'shared' && mayShare(id);
    const kind = asked === 'shared' && !isShared ? 'asof' : asked;
    const lanes = kind === 'map' || isShared ? most : 1;
    const from = [leftId, ...Array.from({ length: rightInputs(kind, lanes) }, () => rightId)];
    add({ kind, lanes, size, step: 0 }, from, kind === 'map' || isShared ? undefined : batchRows);
  }
  const made = nodes.length;
  for (let id = 0; id < made; id++) {
    const isTapped = recipe.nodes[id - recipe.sources.length]?.isTapped ?? false;
    if (isTapped || (nodes[id] as ModelNode).outputs.length === 0)
      add({ kind: 'sink', lanes: 1, size: 0, step: 0 }, [id]);
  }
  const plan = { nodes, edges };
  for (const node of nodes) node.elastic = entangledInputs(plan, node);
  return plan;
}

function rightInputs(kind: NodeKind, lanes: number): number {
  if (kind === 'shared') return lanes;
  return kind === 'asof' || kind === 'union' ? 1 : 0;
}

/**
 * Whether not taking from an input can keep rows of another from coming: where both hang together by any path that does not
 * go through the join itself, whatever the direction of its steps.
 */
function entangledInputs({ nodes, edges }: ModelPlan, join: ModelNode): boolean[] {
  const group = nodes.map((node) => node.id);
  const rootOf = (id: number): number => (group[id] === id ? id : rootOf(group[id] as number));
  for (const edge of edges) if (edge.to !== join.id) group[rootOf(edge.to)] = rootOf(edge.from);
  const roots = join.inputs.map((edge) => rootOf((edges[edge] as ModelEdge).from));
  return roots.map((root) => roots.filter((other) => other === root).length > 1);
}

/** The plan in a line or two, for a failure's message. */
export function describePlan({ nodes, edges }: ModelPlan): string {
  return nodes
    .map((node) => {
      const from = node.inputs.map((edge) => (edges[edge] as ModelEdge).from).join(',');
      const lanes = node.lanes > 1 ? `×${node.lanes}` : '';
      return `${node.id}:${node.kind}${lanes}(${from}) size ${node.size} batch ${node.batchRows}`;
    })
    .join(' · ');
}
