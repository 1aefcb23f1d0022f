/**
 * Which states an aggregate keeps. Aggregations whose bins nest form a family: the finest is computed from rows (a
 * *root*), each coarser one is merged from the closed bins of the coarsest level that divides it. So a level keeps what
 * its own columns need and what the levels above it need.
 */

import type { Kernels } from '../../kernels/vector-contract.ts';
import type { AggregateColumn, AggregateFn, AggregateSpec, AggregationSpec } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import { cutSegments, segmentGroups, windowCuts } from '../windows/cut-rows.ts';
import { type Grid, gridOf, type Span } from '../windows/grid.ts';
import type { Workspace } from './arena-views.ts';
import type { BinWidth, GroupedRows } from './row-groups.ts';
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
export interface LevelPlan extends BinWidth {
  aggregation: AggregationSpec;
  needs: Need[];
  /** Text states among the needs, in the one order that everybody uses. */
  texts: { need: number; state: TextStateName }[];
  children: LevelPlan[];
  isRoot: boolean;
  /** Groups the rows where that is not by bins of one width. */
  groupRows?: (kernels: Kernels, workspace: Workspace) => GroupedRows;
  /** What stands in the output for a bin, where that is not its start among bins of one width. */
  labelOf?: (bin: bigint) => bigint;
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
  /** The grouping of rows counts them by key: every row is grouped once, and keys keep their numbers. */
  keepsCount?: boolean;
}

/** Works out levels, families and needs. The specification has passed `aggregateOutputFields`. */
export function planStates(spec: AggregateSpec, inputFields: Fields): StatePlan {
  const unitNs = unitNsOf((inputFields[fieldAt(inputFields, spec.orderedOn)] as Fields[number]).type) as bigint;
  const levels = spec.aggregations.map((aggregation): LevelPlan => {
    const { bins, closed, label } = aggregation;
    const needs = needsOf(aggregation.columns, inputFields);
    const base = { aggregation, needs, texts: [], children: [], isRoot: true };
    if (bins.kind === 'fixed' && closed === undefined && label === undefined)
      return { ...base, every: BigInt(bins.everyNs) / unitNs, origin: BigInt(bins.originNs) / unitNs };
    const grid = gridOf(bins, unitNs) as Grid;
    const shift = closed === 'right' ? 1n : 0n;
    return {
      ...base,
      every: 1n,
      origin: 0n,
      groupRows: (kernels, workspace) =>
        segmentGroups(
          kernels,
          workspace,
          cutSegments(workspace.views, windowCuts(grid, shift), (value) => grid.lastAt(value - shift)),
        ),
      labelOf: (bin) => (grid.at(bin) as Span)[label === 'right' ? 'end' : 'start'],
    };
  });
  nest(levels);
  for (const level of levels) level.texts = textStatesOf(level.needs);
  return { ...orderAndKeys(spec, inputFields), levels, roots: levels.filter((level) => level.isRoot) };
}

function fieldAt(fields: Fields, name: string): number {
  return fields.findIndex((field) => field.name === name);
}

/** What rows are ordered on and grouped by. */
export function orderAndKeys(
  { orderedOn, by }: Pick<AggregateSpec, 'orderedOn' | 'by'>,
  inputFields: Fields,
): Pick<StatePlan, 'orderedOn' | 'keys'> {
  const at = (name: string): KeyPlan => {
    const input = fieldAt(inputFields, name);
    return { input, name, value: valueTypeOf((inputFields[input] as Fields[number]).type) };
  };
  return { orderedOn: at(orderedOn), keys: by.map(at) };
}

/** The states that columns are computed from. */
export function needsOf(columns: readonly AggregateColumn[], inputFields: Fields): Need[] {
  const needs: Need[] = [];
  for (const { column, fn } of columns) {
    const input = column === undefined ? -1 : fieldAt(inputFields, column);
    const value = input < 0 ? ROWS : valueTypeOf((inputFields[input] as Fields[number]).type);
    addFunction(needOf(needs, input, value), fn);
  }
  return needs;
}

/** Text states among needs, in the one order that everybody uses. */
export function textStatesOf(needs: readonly Need[]): LevelPlan['texts'] {
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

/** Hangs every level of bins of one width under the coarsest other one whose bins it is made of, coarse ones last. */
function nest(all: readonly LevelPlan[]): void {
  const levels = all.filter(({ labelOf }) => labelOf === undefined);
  const byWidth = levels.sort((a, b) => (a.every < b.every ? -1 : a.every > b.every ? 1 : 0));
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
