/** Two runs side by side: what each did, and by how much the first differs. */
import { formatBytes } from '@spillway/core/words';
import type { PastRun } from '../../history/past-run.ts';
import { forcedFlushes } from '../../monitor/operator-statistics.ts';
import { timeText } from '../../monitor/progress-text.ts';
import type { Style } from '../output/style.ts';
import { grouped, textTable } from '../output/text-table.ts';
import { usedBytes } from './list-runs.ts';

interface Measure {
  title: string;
  of(run: PastRun): number;
  text(value: number): string;
}

const MEASURES: readonly Measure[] = [
  { title: 'time', of: ({ summary }) => summary.elapsedMs, text: timeText },
  { title: 'rows in', of: ({ summary }) => summary.rowsIn, text: grouped },
  { title: 'rows out', of: ({ summary }) => summary.rowsOut, text: grouped },
  { title: 'workers', of: ({ workers }) => workers, text: grouped },
  { title: 'memory limit', of: ({ summary }) => summary.memoryLimitBytes, text: formatBytes },
  { title: 'peak beyond idle', of: ({ summary }) => usedBytes(summary), text: formatBytes },
  { title: 'spilled', of: ({ summary }) => summary.spilledBytes, text: formatBytes },
  { title: 'forced flushes', of: ({ summary }) => forcedFlushes(summary.flushes), text: grouped },
  { title: 'restarts', of: ({ summary }) => summary.restarts, text: grouped },
];

/** Of stages that both have, by name. */
function stageMeasures(run: PastRun, other: PastRun): Measure[] {
  const stageOf = ({ snapshot }: PastRun, name: string) => snapshot.stages.find((stage) => stage.name === name);
  const both = run.snapshot.stages.filter(({ name }) => stageOf(other, name) !== undefined);
  return both.flatMap(({ name }): Measure[] => [
    { title: `${name}: working`, of: (one) => stageOf(one, name)?.spentMs.working ?? 0, text: timeText },
    { title: `${name}: peak held`, of: (one) => stageOf(one, name)?.peakHeldBytes ?? 0, text: formatBytes },
    { title: `${name}: spilled`, of: (one) => stageOf(one, name)?.spilledBytes ?? 0, text: formatBytes },
    {
      title: `${name}: forced flushes`,
      of: (one) => forcedFlushes(stageOf(one, name)?.flushes ?? run.summary.flushes),
      text: grouped,
    },
  ]);
}

/** `+12 %`; empty where nothing has changed. */
function changeText(now: number, before: number): string {
  if (now === before) return '';
  if (before === 0) return 'new';
  const percent = Math.round((now / before - 1) * 100);
  return percent === 0 ? '' : `${percent > 0 ? '+' : '−'}${grouped(Math.abs(percent))} %`;
}

export function againstText(run: PastRun, other: PastRun, style: Style): string {
  const stages = stageMeasures(run, other).filter(({ of }) => of(run) > 0 || of(other) > 0);
  const cells = [...MEASURES, ...stages].map(({ title, of, text }) => {
    const [now, before] = [of(run), of(other)];
    return [title, text(before), text(now), changeText(now, before)];
  });
  const columns = [
    { title: '', align: 'left' },
    { title: other.id, align: 'right' },
    { title: run.id, align: 'right' },
    { title: 'change', align: 'right' },
  ] as const;
  const same = run.plan === other.plan ? 'the same plan' : 'another plan';
  return [`${style.bold(run.id)}  ${run.title}`, `against ${other.id}: ${same}`, '', textTable(columns, cells)].join(
    '\n',
  );
}
