/** All panels of the page, in their order, and how each is brought up to date. */
import type { SeriesPoint } from '../dist/monitor/run-series.js';
import type { MetricsSnapshot } from '../dist/monitor/snapshot.js';
import { Chart, type ChartOptions, colorOf } from './charts.js';
import { element, type PanelWidth, panel } from './elements.js';
import { bytes, percent, rough } from './format.js';
import { PlanGraph } from './plan-graph.js';
import { alertsOf, endsOf, flushesOf, heapsOf, holdersOf, numbersOf, stagesOf } from './tables.js';

export interface Panels {
  draw(snapshot: MetricsSnapshot, points: readonly SeriesPoint[]): void;
  /** The theme has changed. */
  restyle(): void;
}

const PRESSURE_COLORS = { fraction: '#d9822b', level: '#c2504b' };

/** @param advice sentences about a run that has ended */
export function makePanels(place: HTMLElement, first: MetricsSnapshot, advice: readonly string[]): Panels {
  const graph = new PlanGraph();
  const charts = chartsOf(first);
  const tables: [HTMLElement, (snapshot: MetricsSnapshot) => HTMLElement][] = [];
  const tablePanel = (
    title: string,
    of: (snapshot: MetricsSnapshot) => HTMLElement,
    width?: PanelWidth,
  ): HTMLElement => {
    const body = element('div');
    tables.push([body, of]);
    return panel(title, body, width);
  };
  const plan = element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'the plan' }, graph.svg);
  const alerts = tablePanel('Alerts', alertsOf, 'wide');
  alerts.setAttribute('aria-live', 'polite');
  place.replaceChildren(
    tablePanel('Now', numbersOf, 'wide'),
    alerts,
    ...(advice.length === 0 ? [] : [panel('Advice', listOf(advice), 'wide')]),
    panel('Plan', plan, 'wide'),
    ...charts.map(({ title, chart }) => panel(title, chart.figure)),
    tablePanel('Stages', stagesOf, 'wide'),
    tablePanel('Sources and sinks', endsOf, 'double'),
    tablePanel('Flushes and cascades', flushesOf),
    tablePanel('Held memory', holdersOf),
    tablePanel('Heaps', heapsOf, 'double'),
  );
  return {
    draw: (snapshot, points) => {
      graph.draw(snapshot);
      for (const [body, of] of tables) keepFocus(body, of(snapshot));
      for (const { chart, now } of charts) chart.draw(points, now(snapshot));
    },
    restyle: () => {
      for (const { chart } of charts) chart.restyle();
    },
  };
}

function listOf(sentences: readonly string[]): HTMLElement {
  return element('ul', {}, ...sentences.map((sentence) => element('li', {}, sentence)));
}

/** Replaces what a panel shows; a part of it that somebody has gone to by keyboard is gone to again. */
function keepFocus(body: HTMLElement, next: HTMLElement): void {
  const label = document.activeElement?.getAttribute('aria-label');
  const isInside = body.contains(document.activeElement);
  const left = body.querySelector('.scroll')?.scrollLeft ?? 0;
  body.replaceChildren(next);
  const scrolled = body.querySelector('.scroll');
  if (scrolled !== null) scrolled.scrollLeft = left;
  if (isInside) body.querySelector<HTMLElement>(`[aria-label="${label}"][tabindex]`)?.focus();
}

interface TitledChart {
  title: string;
  chart: Chart;
  now(snapshot: MetricsSnapshot): string;
}

function chartsOf({ stages, memory: { limitBytes, promisedRssBytes, idleRssBytes } }: MetricsSnapshot): TitledChart[] {
  const names = stages.map(({ name }) => name);
  const add = (title: string, now: TitledChart['now'], options: Omit<ChartOptions, 'label'>): TitledChart => {
    return { title, now, chart: new Chart({ ...options, label: title }) };
  };
  const rate = (of: (point: SeriesPoint) => number) => (point: SeriesPoint, before: SeriesPoint | undefined) =>
    before === undefined ? null : ((of(point) - of(before)) * 1000) / Math.max(1, point.elapsedMs - before.elapsedMs);
  return [
    add(
      'Memory by stage',
      ({ memory }) => `${bytes(memory.rssBytes - idleRssBytes)} above idle, limit ${bytes(limitBytes)}`,
      {
        stacked: [
          ...names.map((label, index) => ({ label, of: (point: SeriesPoint) => point.stageBytes[index] ?? 0 })),
          {
            label: 'others',
            color: '#7d8794',
            of: (point) =>
              Math.max(
                0,
                point.managedBytes + point.reservedBytes - point.stageBytes.reduce((sum, one) => sum + one, 0),
              ),
          },
        ],
        lines: [
          { label: 'limit', color: '#c2504b', isDashed: true, of: () => limitBytes },
          { label: 'promised', color: '#b0569b', isDashed: true, of: () => promisedRssBytes - idleRssBytes },
          { label: 'resident above idle', color: '#c98a00', of: (point) => Math.max(0, point.rssBytes - idleRssBytes) },
        ],
        format: bytes,
        isBytes: true,
        top: limitBytes * 1.1,
      },
    ),
    add('Pressure', ({ pressure }) => `${pressure.level}, ${percent(pressure.fraction)} of the tightest bound`, {
      stacked: [{ label: 'level', color: PRESSURE_COLORS.level, of: (point) => point.pressure / 3 }],
      lines: [{ label: 'in use', color: PRESSURE_COLORS.fraction, of: (point) => point.fraction }],
      format: percent,
      top: 1,
    }),
    add('Rows a second', (snapshot) => `${rough(rowsPerSecond(snapshot))} rows/s over the whole run`, {
      lines: names.map((label, index) => ({
        label,
        color: colorOf(index),
        of: rate((point) => point.rowsIn[index] ?? 0),
      })),
      format: rough,
    }),
    add('Spill', ({ memory }) => `${bytes(memory.onDiskBytes)} on disk, ${bytes(memory.spilledBytes)} written in all`, {
      lines: [
        { label: 'on disk', color: '#3b7dd8', of: (point) => point.onDiskBytes },
        { label: 'written', color: '#d9822b', of: (point) => point.spilledBytes },
      ],
      format: bytes,
      isBytes: true,
    }),
    add('Flushes a second', ({ flushes }) => flushText(flushes), {
      lines: Object.keys(first(stages)?.flushes ?? {}).map((label, index) => ({
        label,
        of: rate((point) => point.flushes[index] ?? 0),
      })),
      format: rough,
    }),
    add('JavaScript heaps', ({ isolates }) => bytes(isolates.reduce((sum, { heapBytes }) => sum + heapBytes, 0)), {
      lines: [{ label: 'all threads', of: (point) => point.heapBytes }],
      format: bytes,
      isBytes: true,
    }),
  ];
}

function first<T>(list: readonly T[]): T | undefined {
  return list[0];
}

function rowsPerSecond({ sources, elapsedMs }: MetricsSnapshot): number {
  return (sources.reduce((sum, { rows }) => sum + rows, 0) * 1000) / Math.max(1, elapsedMs);
}

function flushText(flushes: MetricsSnapshot['flushes']): string {
  const some = Object.entries(flushes).filter(([, times]) => times > 0);
  return some.length === 0 ? 'none yet' : some.map(([reason, times]) => `${reason} ${rough(times)}`).join(', ');
}
