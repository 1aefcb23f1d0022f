/** What the runs of one plan have in common: input or memory that grows, seasons of the input, stages that need ever more for a row. */
import type { PastRun } from '../history/past-run.ts';
import type { StageMetrics } from '../monitor/snapshot.ts';
import type { Pattern, SeasonPattern } from './advice.ts';
import { middleOf, trendOf } from './trend.ts';

/** A change over all the runs that is less than this part is not worth a word. */
const LEAST_CHANGE = 0.2;
/** Part of the scatter of the input that its seasons have to explain. */
const SEASON_EXPLAINS = 0.6;
const LEAST_SEASON_FACTOR = 1.25;
/** Runs in each season before it is one. */
const LEAST_IN_SEASON = 2;
const LEAST_SEASONS = 2;
const DAY_MS = 86_400_000;

/** @param runs of one plan that ended well, oldest first */
export function patternsOf(runs: readonly PastRun[]): Pattern[] {
  const worked = runs.filter(({ summary }) => summary.ok && summary.rowsIn > 0);
  return [...growth(worked), ...seasons(worked), ...creeping(worked)];
}

function growth(runs: readonly PastRun[]): Pattern[] {
  const patterns: Pattern[] = [];
  const rows = changeOf(runs.map(({ summary }) => summary.rowsIn));
  if (rows !== undefined) patterns.push({ kind: 'growth', of: 'rows', runs: runs.length, perRun: rows.perRun });
  const used = runs.map(({ summary }) => Math.max(0, summary.peakRssBytes - summary.idleRssBytes));
  const memory = changeOf(used);
  if (memory === undefined) return patterns;
  const limit = runs.at(-1)?.summary.memoryLimitBytes ?? 0;
  const left = memory.perRun > 0 ? Math.max(0, Math.ceil((limit - (used.at(-1) as number)) / memory.slope)) : undefined;
  patterns.push({
    kind: 'growth',
    of: 'memory',
    runs: runs.length,
    perRun: memory.perRun,
    ...(left !== undefined && { runsUntilLimit: left }),
  });
  return patterns;
}

function changeOf(values: readonly number[]): { perRun: number; slope: number } | undefined {
  const trend = trendOf(values);
  if (trend === undefined || trend.middle <= 0) return undefined;
  const perRun = trend.slope / trend.middle;
  return Math.abs(perRun) * (values.length - 1) < LEAST_CHANGE ? undefined : { perRun, slope: trend.slope };
}

/** The finer of the two that explains the input; seasons are those of the place where the runs were. */
function seasons(runs: readonly PastRun[]): Pattern[] {
  const spanMs =
    runs.length === 0 ? 0 : Date.parse(runs.at(-1)?.startedAt ?? '') - Date.parse(runs[0]?.startedAt ?? '');
  const found: SeasonPattern[] = [];
  if (spanMs >= 2 * DAY_MS) found.push(...season(runs, 'hour', (time) => time.getUTCHours()));
  if (spanMs >= 14 * DAY_MS) found.push(...season(runs, 'weekday', (time) => time.getUTCDay()));
  return found;
}

function season(runs: readonly PastRun[], by: SeasonPattern['by'], of: (local: Date) => number): SeasonPattern[] {
  const inputs = runs.map(({ summary }) => summary.rowsIn);
  const groups = new Map<number, number[]>();
  for (const { startedAt, utcOffsetMinutes, summary } of runs) {
    const key = of(new Date(Date.parse(startedAt) + utcOffsetMinutes * 60_000));
    groups.set(key, [...(groups.get(key) ?? []), summary.rowsIn]);
  }
  const enough = [...groups.values()].every((group) => group.length >= LEAST_IN_SEASON);
  if (groups.size < LEAST_SEASONS || !enough || explained(inputs, [...groups.values()]) < SEASON_EXPLAINS) return [];
  const [peak, rows] = [...groups].reduce((best, group) => (mean(group[1]) > mean(best[1]) ? group : best));
  const factor = mean(rows) / mean(inputs);
  return factor < LEAST_SEASON_FACTOR ? [] : [{ kind: 'season', by, runs: runs.length, peak, factor }];
}

/** Part of the scatter of all values that lies between the groups (the correlation ratio). */
function explained(values: readonly number[], groups: readonly number[][]): number {
  const whole = mean(values);
  const total = values.reduce((sum, value) => sum + (value - whole) ** 2, 0);
  const between = groups.reduce((sum, group) => sum + group.length * (mean(group) - whole) ** 2, 0);
  return total === 0 ? 0 : between / total;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function creeping(runs: readonly PastRun[]): Pattern[] {
  const stages = runs.at(-1)?.snapshot.stages ?? [];
  return stages.flatMap(({ name, rowsIn }): Pattern[] => {
    if (rowsIn === 0) return [];
    return [
      ...creep(runs, name, 'time', ({ spentMs }) => spentMs.working),
      ...creep(runs, name, 'memory', ({ peakHeldBytes }) => peakHeldBytes),
    ];
  });
}

function creep(
  runs: readonly PastRun[],
  stage: string,
  of: 'time' | 'memory',
  measure: (stage: StageMetrics) => number,
): Pattern[] {
  const each = runs.flatMap(({ snapshot }) => {
    const found = snapshot.stages.find(({ name }) => name === stage);
    return found === undefined || found.rowsIn === 0 ? [] : [measure(found) / found.rowsIn];
  });
  const change = changeOf(each);
  if (change === undefined || change.slope <= 0) return [];
  const third = Math.floor(each.length / 3);
  const before = middleOf(each.slice(0, third));
  if (before <= 0) return [];
  const factor = middleOf(each.slice(-third)) / before;
  return factor < 1 + LEAST_CHANGE ? [] : [{ kind: 'creep', stage, of, runs: each.length, factor }];
}
