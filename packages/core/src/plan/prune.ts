/**
 * Which columns of a file a plan needs. Asked from the sinks up: a step that says what it reads lets go of the rest. An op
 * that declares its input gets that and what is used behind it; one that does not gets everything.
 */
import type { ExpressionNode } from '../expressions/node.ts';
import type { OpDefinition } from '../operators/op-definition.ts';
import type { Shape } from '../schema/types.ts';
import type { AggregateSpec } from './logical.ts';
import type { ResolvedNode } from './resolved.ts';
import type { Needed } from './steps/needed-columns.ts';
import { traitsOf } from './steps/traits.ts';

/** What an op or fold declares that it reads, by node; absent when it declares nothing. */
export type DeclaredInputs = ReadonlyMap<
  number,
  { input: Shape | undefined; output: OpDefinition['output'] | undefined }
>;

/** Columns that the plan needs of each source, by node id. */
export function neededColumns(nodes: readonly ResolvedNode[], declared: DeclaredInputs): Map<number, Needed> {
  const needed = new Map<string, Needed>();
  const sources = new Map<number, Needed>();
  const keyOf = (node: number, port: string): string => `${node}:${port}`;
  for (const node of [...nodes].reverse()) {
    const own = ports(node).map((port) => needed.get(keyOf(node.id, port)) ?? new Set<string>());
    if (node.spec.kind === 'source') sources.set(node.id, own[0] ?? new Set());
    for (const [index, input] of node.inputs.entries()) {
      const asked = neededOfInput(node, own, declared, index);
      const key = keyOf(input.node, input.port);
      needed.set(key, union(needed.get(key) ?? new Set(), asked));
    }
  }
  return sources;
}

function ports(node: ResolvedNode): string[] {
  return Object.keys(node.outputFields);
}

function union(left: Needed, right: Needed): Needed {
  return left === 'all' || right === 'all' ? 'all' : new Set([...left, ...right]);
}

function neededOfInput(
  node: ResolvedNode,
  outputs: readonly Needed[],
  declared: DeclaredInputs,
  index: number,
): Needed {
  const { spec } = node;
  const behind = outputs[0] ?? new Set<string>();
  switch (spec.kind) {
    case 'source':
      return new Set();
    case 'sink':
      return 'all';
    case 'filter':
      return union(behind, columnsOf([spec.predicate]));
    case 'select':
      return columnsOf(spec.columns.map((column) => column.expression));
    case 'withColumns': {
      const computed = new Set(spec.columns.map((column) => column.name));
      const passed = behind === 'all' ? 'all' : new Set([...behind].filter((name) => !computed.has(name)));
      return union(passed, columnsOf(spec.columns.map((column) => column.expression)));
    }
    case 'memoryBuffer':
      return behind;
    case 'sort':
      return union(behind, new Set(spec.by.map(({ column }) => column)));
    case 'aggStream':
      return neededByAggregate(spec);
    case 'makeStates':
      return neededByAggregate(spec.aggregate);
    case 'joinStream':
      return neededBySide(node, spec, behind, index);
    case 'op':
    case 'memoryAccumulate':
      return neededByUserCode(node, behind, declared);
    default:
      return traitsOf(spec).needed(spec, node, behind, index);
  }
}

function neededByAggregate({ orderedOn, by, aggregations }: AggregateSpec): Set<string> {
  return new Set([
    orderedOn,
    ...by,
    ...aggregations.flatMap(({ columns, filter }) => [
      ...columns.flatMap(({ column, other, custom }) => [column ?? [], other ?? [], custom?.columns ?? []].flat()),
      ...(filter === undefined ? [] : columnsOf([filter])),
    ]),
  ]);
}

function neededBySide(
  node: ResolvedNode,
  { sides, rightColumns = [] }: Extract<ResolvedNode['spec'], { kind: 'joinStream' }>,
  behind: Needed,
  index: number,
): Needed {
  const side = sides[index];
  const keys = new Set(side === undefined ? [] : [side.on, ...side.by]);
  if (index > 0) {
    const passed = rightColumns.filter(({ as }) => behind === 'all' || behind.has(as));
    return union(keys, new Set(passed.map(({ column }) => column)));
  }
  const names = (node.inputFields[0] ?? []).map((field) => field.name);
  return union(keys, behind === 'all' ? 'all' : new Set(names.filter((name) => behind.has(name))));
}

function neededByUserCode(node: ResolvedNode, behind: Needed, declared: DeclaredInputs): Needed {
  const definition = declared.get(node.id);
  if (definition?.input === undefined) return 'all';
  const reads = new Set(Object.keys(definition.input));
  // A fixed output is made from what is declared; otherwise columns pass through.
  const isFixed = definition.output === undefined || typeof definition.output === 'object';
  if (isFixed) return reads;
  if (behind === 'all') return 'all';
  const names = new Set((node.inputFields[0] ?? []).map((field) => field.name));
  return new Set([...reads, ...[...behind].filter((name) => names.has(name))]);
}

function columnsOf(expressions: readonly ExpressionNode[]): Set<string> {
  const names = new Set<string>();
  const visit = (node: ExpressionNode): void => {
    if (node.kind === 'col') names.add(node.name);
    else for (const child of childrenOf(node)) visit(child);
  };
  for (const expression of expressions) visit(expression);
  return names;
}

function childrenOf(node: ExpressionNode): ExpressionNode[] {
  switch (node.kind) {
    case 'col':
    case 'lit':
      return [];
    case 'binary':
      return [node.left, node.right];
    case 'coalesce':
      return node.args;
    case 'when':
      return [node.condition, node.then, node.otherwise];
    default:
      return [node.arg];
  }
}
