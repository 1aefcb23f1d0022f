/**
 * Which states an aggregate keeps. Aggregations whose bins nest form a family: the finest is computed from rows (a
 * *root*), each coarser one is merged from the closed bins of the coarsest level that divides it. So a level keeps what
 * its own columns need and what the levels above it need.
 */
import type { AggregateFn, AggregationSpec } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { AggregateSpec } from './output-fields.ts';
import { unitNsOf, type ValueType, valueTypeOf } from './value-type.ts';

/** States of a text column, each one text a group. */
export const TEXT_STATES = ['first', 'last', 'min', 'max'] as const;
export type TextStateName = (typeof TEXT_STATES)[number];

/** States kept of one input column in one level. `count` is always kept: it says whether the others mean anything. */
export interface Need {
  /** Position of the column in the input; -1 for the rows themselves (`count()`). */
  input: number;
  value: ValueType;
  sum: boolean;
  sumSquares: boolean;
  min: boolean;
  max: boolean;
  first: boolean;
  last: boolean;
  /** Position of the same column in the needs of the level it is merged from. */
  parentNeed: number;
}

/** One aggregation and its place in the family. */
export interface LevelPlan {
  aggregation: AggregationSpec;
  /** Width and origin of the bins, in steps of the ordered column. */
  every: bigint;
  origin: bigint;
  needs: Need[];
  /** Text states among the needs, in the one order that everybody uses. */
  texts: { need: number; state: TextStateName }[];
  children: LevelPlan[];
  isRoot: boolean;
}

export interface KeyPlan {
  input: number;
  name: string;
  value: ValueType;
}

export interface StatePlan {
  orderedOn: { input: number; name: string; value: ValueType };
  keys: KeyPlan[];
  /** In the order of the specification. */
  levels: LevelPlan[];
  roots: LevelPlan[];
}

/** Works out levels, families and needs. The specification has passed `aggregateOutputFields`. */
export function planStates(spec: AggregateSpec, inputFields: Fields): StatePlan {
  const inputOf = (name: string): number => inputFields.findIndex((field) => field.name === name);
  const valueAt = (input: number): ValueType => valueTypeOf((inputFields[input] as Fields[number]).type);
  const ordered = inputOf(spec.orderedOn);
  const unitNs = unitNsOf((inputFields[ordered] as Fields[number]).type) as bigint;
  const levels = spec.aggregations.map((aggregation): LevelPlan => {
    const needs: Need[] = [];
    for (const column of aggregation.columns) {
      const input = column.column === undefined ? -1 : inputOf(column.column);
      addFunction(needOf(needs, input, input < 0 ? ROWS : valueAt(input)), column.fn);
    }
    const every = BigInt(aggregation.bins.everyNs) / unitNs;
    return {
      aggregation,
      every,
      origin: BigInt(aggregation.bins.originNs) / unitNs,
      needs,
      texts: [],
      children: [],
      isRoot: true,
    };
  });
  nest(levels);
  for (const level of levels) level.texts = textStatesOf(level.needs);
  return {
    orderedOn: { input: ordered, name: spec.orderedOn, value: valueAt(ordered) },
    keys: spec.by.map((name) => ({ input: inputOf(name), name, value: valueAt(inputOf(name)) })),
    levels,
    roots: levels.filter((level) => level.isRoot),
  };
}

function textStatesOf(needs: readonly Need[]): LevelPlan['texts'] {
  return needs.flatMap((need, index) =>
    need.value.class === 'text'
      ? TEXT_STATES.filter((state) => need[state]).map((state) => ({ need: index, state }))
      : [],
  );
}

const ROWS: ValueType = valueTypeOf('fixed[0]');

function needOf(needs: Need[], input: number, value: ValueType): Need {
  const found = needs.find((need) => need.input === input);
  if (found !== undefined) return found;
  const need: Need = {
    input,
    value,
    sum: false,
    sumSquares: false,
    min: false,
    max: false,
    first: false,
    last: false,
    parentNeed: -1,
  };
  needs.push(need);
  return need;
}

function addFunction(need: Need, fn: AggregateFn): void {
  if (fn === 'sum' || fn === 'mean' || fn === 'var' || fn === 'std') need.sum = true;
  if (fn === 'var' || fn === 'std') need.sumSquares = true;
  if (fn === 'min' || fn === 'max' || fn === 'first' || fn === 'last') need[fn] = true;
}

/** Hangs every level under the coarsest other level whose bins it is made of, coarse ones last. */
function nest(levels: LevelPlan[]): void {
  const byWidth = [...levels].sort((a, b) => (a.every < b.every ? -1 : a.every > b.every ? 1 : 0));
  const parents = new Map<LevelPlan, LevelPlan>();
  for (const [position, level] of byWidth.entries()) {
    const parent = byWidth.slice(0, position).findLast((finer) => divides(finer, level));
    if (parent === undefined) continue;
    parents.set(level, parent);
    parent.children.push(level);
    level.isRoot = false;
  }
  for (const level of byWidth.toReversed()) {
    const parent = parents.get(level);
    if (parent !== undefined) for (const need of level.needs) lend(parent, need);
  }
  for (const [level, parent] of parents) {
    for (const need of level.needs) need.parentNeed = parent.needs.findIndex((own) => own.input === need.input);
  }
}

function divides(finer: LevelPlan, coarser: LevelPlan): boolean {
  return coarser.every % finer.every === 0n && (coarser.origin - finer.origin) % finer.every === 0n;
}

/** The parent keeps whatever its child needs. */
function lend(parent: LevelPlan, need: Need): void {
  const own = needOf(parent.needs, need.input, need.value);
  for (const state of ['sum', 'sumSquares', 'min', 'max', 'first', 'last'] as const) own[state] ||= need[state];
}
