/** Expressions as people would write them, for messages and plans. */
import type { BinaryFn, ExpressionNode } from './node.ts';

const SIGNS: Record<BinaryFn, string> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  mod: '%',
  eq: '=',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  and: 'and',
  or: 'or',
};

/** `price * qty > 100 and symbol = "A"`, cut at 200 characters. */
export function describeExpression(node: ExpressionNode): string {
  const text = describe(node);
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

function describe(node: ExpressionNode): string {
  switch (node.kind) {
    case 'col':
      return node.name;
    case 'lit':
      return node.type === 'utf8' ? JSON.stringify(node.value) : String(node.value);
    case 'unary':
      return `${node.fn}(${describe(node.arg)})`;
    case 'binary':
      return `${operand(node.left)} ${SIGNS[node.fn]} ${operand(node.right)}`;
    case 'cast':
      return `cast(${describe(node.arg)} as ${node.to})`;
    case 'coalesce':
      return `coalesce(${node.args.map(describe).join(', ')})`;
    case 'when':
      return `when(${describe(node.condition)}, ${describe(node.then)}, ${describe(node.otherwise)})`;
    case 'dt':
      return `${node.part}(${describe(node.arg)})`;
    case 'string': {
      const more = [node.argument === undefined ? undefined : JSON.stringify(node.argument), node.from, node.to].filter(
        (item) => item !== undefined,
      );
      return `${node.fn}(${[describe(node.arg), ...more].join(', ')})`;
    }
  }
}

function operand(node: ExpressionNode): string {
  return node.kind === 'binary' ? `(${describe(node)})` : describe(node);
}
