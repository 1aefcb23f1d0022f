/** What the two halves of an aggregate over windows have to know: states, how rows are grouped, and where windows lie. */
import type { ExpressionNode } from '../../expressions/node.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { AggregateColumn, AggregateSpec, AggregationSpec } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { Workspace } from '../aggregate/arena-views.ts';
import type { GroupedRows } from '../aggregate/row-groups.ts';
import {
  type LevelPlan,
  needsOf,
  orderAndKeys,
  planStates,
  type StatePlan,
  textStatesOf,
} from '../aggregate/state-plan.ts';
import { unitNsOf } from '../aggregate/value-type.ts';
import { isKernelColumn, isLattice } from './columns.ts';
import {
  CountCuts,
  cutGaps,
  cutSegments,
  eitherCut,
  KeyRunGroups,
  type NextCut,
  pointCuts,
  segmentGroups,
  windowCuts,
} from './cut-rows.ts';
import { type Grid, gridOf, type Points, pointsOf } from './grid.ts';

/** One aggregation over windows. */
export interface WindowLevelPlan extends LevelPlan {
  grid: Grid | undefined;
  points: Points | undefined;
  /** Longest gap inside a session. */
  gap: bigint | undefined;
  /** 1 where the right end of a bin (of the interval before a point) belongs to it. */
  shift: bigint;
  pointShift: bigint;
  isLabelledRight: boolean;
  showsEmpty: boolean;
  /** Which need has the ordered column's least and greatest value; -1 where nothing asks for them. */
  orderNeed: number;
}

export interface WindowPlan extends StatePlan {
  levels: WindowLevelPlan[];
  roots: WindowLevelPlan[];
}

/** Aggregations that see the same rows and go the same way: the short one, or over windows. */
export interface PartPlan {
  plan: StatePlan;
  /** The same plan, where it is of windows. */
  windows: WindowPlan | undefined;
  filter: ExpressionNode | undefined;
}

/** The parts of an aggregate, each with packets of its own. The specification has passed `aggregateOutputFields`. */
export function planParts(spec: AggregateSpec, fields: Fields): PartPlan[] {
  const parts = new Map<string, AggregationSpec[]>();
  for (const aggregation of spec.aggregations) {
    const id = isLattice(aggregation) ? '' : JSON.stringify(aggregation.filter ?? null);
    parts.set(id, [...(parts.get(id) ?? []), aggregation]);
  }
  return [...parts].map(([id, aggregations]): PartPlan => {
    if (id === '')
      return { plan: planStates({ ...spec, aggregations }, fields), windows: undefined, filter: undefined };
    const windows = planWindows(spec, aggregations, fields);
    return { plan: windows, windows, filter: aggregations[0]?.filter };
  });
}

/** Works out the aggregations of one filter. */
function planWindows(spec: AggregateSpec, aggregations: readonly AggregationSpec[], fields: Fields): WindowPlan {
  const ordered = fields.find((field) => field.name === spec.orderedOn) as Fields[number];
  const unitNs = unitNsOf(ordered.type) as bigint;
  const levels = aggregations.map((aggregation) => planLevel(spec, aggregation, fields, unitNs));
  const keepsCount = aggregations.some(({ bins }) => bins.kind === 'rows');
  return { ...orderAndKeys(spec, fields), levels, roots: levels, keepsCount };
}

function planLevel(spec: AggregateSpec, aggregation: AggregationSpec, fields: Fields, unitNs: bigint): WindowLevelPlan {
  const { bins, closed, label, empty, snapshots } = aggregation;
  const followsRows = bins.kind === 'rows' || bins.kind === 'sessions';
  const order: AggregateColumn[] = followsRows
    ? [
        { name: '', fn: 'min', column: spec.orderedOn },
        { name: '', fn: 'max', column: spec.orderedOn },
      ]
    : [];
  const needs = needsOf([...order, ...aggregation.columns.filter(isKernelColumn)], fields);
  const level = {
    aggregation,
    every: 1n,
    origin: 0n,
    needs,
    texts: textStatesOf(needs),
    children: [],
    isRoot: true,
    grid: gridOf(bins, unitNs),
    points: snapshots === undefined ? undefined : pointsOf(snapshots.at, unitNs),
    gap: bins.kind === 'sessions' ? BigInt(bins.gapNs) / unitNs : undefined,
    shift: closed === 'right' ? 1n : 0n,
    pointShift: snapshots?.closed === 'right' ? 1n : 0n,
    isLabelledRight: label === 'right',
    showsEmpty: empty === 'null',
    orderNeed: followsRows ? 0 : -1,
  };
  return { ...level, groupRows: groupingOf(level, spec.by.length > 0) };
}

function groupingOf(
  { aggregation, grid, points, gap, shift, pointShift }: Omit<WindowLevelPlan, 'groupRows'>,
  isKeyed: boolean,
): (kernels: Kernels, workspace: Workspace) => GroupedRows {
  const { bins } = aggregation;
  const atPoints: NextCut | undefined = points === undefined ? undefined : pointCuts(points, pointShift);
  return (kernels, workspace) => {
    const { views } = workspace;
    if (grid !== undefined)
      return segmentGroups(kernels, workspace, cutSegments(views, eitherCut(windowCuts(grid, shift), atPoints)));
    const rows = bins.kind === 'rows' ? bins.rows : undefined;
    if (isKeyed)
      return new KeyRunGroups(
        { ...(rows !== undefined && { rows }), ...(gap !== undefined && { gap }), nextCut: atPoints },
        workspace,
      );
    if (rows === undefined) return segmentGroups(kernels, workspace, cutGaps(views, gap as bigint));
    const counts = new CountCuts(views, rows, atPoints);
    return segmentGroups(kernels, workspace, counts.cut, counts);
  };
}
