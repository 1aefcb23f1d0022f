/** Operators of stages with one lane. Each call makes at most one row, so that a stage can stop wherever its output is full. */

import type { ModelNode } from './plan.ts';
import { mix, type Row, rowOf, timeOf, valueOf } from './rows.ts';

/** What an operator did, or which input it cannot go on without. */
export type Step = { did: 'emitted'; row: Row } | { did: 'took' } | { did: 'nothing'; wants: number } | { did: 'all' };

/** Inputs as an operator sees them: the first row of each that it may work on. */
export interface Heads {
  peek(input: number): Row | undefined;
  pop(input: number): Row;
  hasEnded(input: number): boolean;
}

export interface Operator {
  step(heads: Heads): Step;
  /** Rows by which the state grows when one more is taken. */
  growth(): number;
  /** Plain data. */
  readonly state: Row[];
}

export function operatorOf({ kind, size }: ModelNode, state: readonly Row[]): Operator {
  const made = MAKERS[kind];
  if (made === undefined) throw new Error(`${kind} is no operator of one lane`);
  return made(size, [...state]);
}

const MAKERS: Partial<Record<ModelNode['kind'], (size: number, state: Row[]) => Operator>> = {
  window: (size, state) => ({ state, growth: () => (state.length < size ? 1 : 0), step: windowStep(size, state) }),
  buffer: (_, state) => ({ state, growth: () => 0, step: (heads) => passOn(heads) }),
  aggregate: (size, state) => ({ state, growth: () => 1 - state.length, step: aggregateStep(size, state) }),
  asof: (_, state) => ({ state, growth: () => 1 - state.length, step: asofStep(state) }),
  union: (_, state) => ({ state, growth: () => 0, step: unionStep }),
};

function passOn(heads: Heads): Step {
  if (heads.peek(0) !== undefined) return { did: 'emitted', row: heads.pop(0) };
  return heads.hasEnded(0) ? { did: 'all' } : { did: 'nothing', wants: 0 };
}

/** Each row with the one `size` rows before it. */
function windowStep(size: number, state: Row[]): Operator['step'] {
  return (heads) => {
    const passed = passOn(heads);
    if (passed.did !== 'emitted') return passed;
    state.push(passed.row);
    const before = state.length > size ? (state.shift() as Row) : 0;
    return { did: 'emitted', row: rowOf(timeOf(passed.row), mix(valueOf(passed.row), valueOf(before))) };
  };
}

/** One row for each bin of time, when a later row or the end closes it. */
function aggregateStep(size: number, state: Row[]): Operator['step'] {
  return (heads) => {
    const head = heads.peek(0);
    const open = state[0];
    const bin = (row: Row): number => Math.floor(timeOf(row) / size);
    if (open !== undefined && (head === undefined ? heads.hasEnded(0) : bin(head) !== bin(open))) {
      state.length = 0;
      return { did: 'emitted', row: rowOf(bin(open) * size, valueOf(open)) };
    }
    if (head === undefined) return heads.hasEnded(0) ? { did: 'all' } : { did: 'nothing', wants: 0 };
    const row = heads.pop(0);
    state[0] = open === undefined ? row : rowOf(timeOf(row), mix(valueOf(open), valueOf(row)));
    return { did: 'took' };
  };
}

/** Each left row with the last right row at or before it. */
function asofStep(state: Row[]): Operator['step'] {
  return (heads) => {
    const left = heads.peek(0);
    if (left === undefined) return heads.hasEnded(0) ? discardRest(heads) : { did: 'nothing', wants: 0 };
    const right = heads.peek(1);
    if (right === undefined && !heads.hasEnded(1)) return { did: 'nothing', wants: 1 };
    if (right !== undefined && timeOf(right) <= timeOf(left)) {
      state[0] = heads.pop(1);
      return { did: 'took' };
    }
    return { did: 'emitted', row: besideRight(heads.pop(0), state[0]) };
  };
}

/** Right rows behind the last left one: nobody needs them, but who makes them waits until they are taken. */
function discardRest(heads: Heads): Step {
  if (heads.peek(1) === undefined) return heads.hasEnded(1) ? { did: 'all' } : { did: 'nothing', wants: 1 };
  heads.pop(1);
  return { did: 'took' };
}

export function besideRight(left: Row, right: Row | undefined): Row {
  return rowOf(timeOf(left), mix(valueOf(left), right === undefined ? 0 : valueOf(right)));
}

/** Rows of both inputs by time; of equal ones the left first. */
function unionStep(heads: Heads): Step {
  const [left, right] = [heads.peek(0), heads.peek(1)];
  if (left === undefined && !heads.hasEnded(0)) return { did: 'nothing', wants: 0 };
  if (right === undefined && !heads.hasEnded(1)) return { did: 'nothing', wants: 1 };
  if (left === undefined && right === undefined) return { did: 'all' };
  const isLeft = right === undefined || (left !== undefined && timeOf(left) <= timeOf(right));
  return { did: 'emitted', row: heads.pop(isLeft ? 0 : 1) };
}
