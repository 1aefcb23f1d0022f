/** Charts over the run's time. Each redraws from the points that are kept; colours follow the theme. */
import type uPlotType from 'uplot';
import type { SeriesPoint } from '../dist/monitor/run-series.js';
import { element } from './elements.js';

const uPlot = (globalThis as unknown as { uPlot: typeof uPlotType }).uPlot;

/** One line or area. `of` gives its value at a point, undefined where there is none. */
export interface Series {
  label: string;
  color?: string;
  isDashed?: boolean;
  of(point: SeriesPoint, before: SeriesPoint | undefined): number | null;
}

export interface ChartOptions {
  label: string;
  /** Areas on top of each other, below the lines. */
  stacked?: Series[];
  lines?: Series[];
  format(value: number): string;
  /** Whether ticks stand at whole powers of two. */
  isBytes?: boolean;
  /** Least height of the axis. */
  top?: number;
}

const HEIGHT = 220;
/** Told apart by people who do not see all colours, on light and on dark. */
const COLORS = ['#3b7dd8', '#d9822b', '#2e9d73', '#b0569b', '#8a7a1f', '#5b8f9e', '#c2504b', '#7b68c8'];

/** Distances of ticks for bytes: from 1 KiB to 1 TiB. */
const POWERS = Array.from({ length: 31 }, (_, index) => 2 ** (10 + index));

export function colorOf(index: number): string {
  return COLORS[index % COLORS.length] as string;
}

export class Chart {
  readonly figure: HTMLElement;
  readonly #options: ChartOptions;
  readonly #caption: HTMLElement;
  readonly #place: HTMLElement;
  #plot: uPlotType | undefined;

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#place = element('div', { role: 'img', 'aria-label': options.label });
    this.#caption = element('figcaption');
    this.figure = element('figure', {}, this.#place, this.#caption);
  }

  /** @param now said below the chart: what it shows at its right end */
  draw(points: readonly SeriesPoint[], now: string): void {
    this.#caption.textContent = now;
    this.#place.setAttribute('aria-label', `${this.#options.label}: ${now}`);
    const data = this.#data(points);
    if (this.#plot !== undefined) return this.#plot.setData(data);
    if (this.#place.clientWidth === 0) return;
    this.#plot = new uPlot(this.#settings(), data, this.#place);
    new ResizeObserver(() => this.#plot?.setSize({ width: this.#place.clientWidth, height: HEIGHT })).observe(
      this.#place,
    );
  }

  /** Draws anew in the colours of the theme. */
  restyle(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  #data(points: readonly SeriesPoint[]): uPlotType.AlignedData {
    const { stacked = [], lines = [] } = this.#options;
    const times = points.map(({ elapsedMs }) => elapsedMs / 1000);
    const values = (series: Series): (number | null)[] =>
      points.map((point, index) => series.of(point, points[index - 1]));
    let below = points.map(() => 0);
    const areas = stacked.map((series) => {
      const own = values(series);
      below = below.map((sum, index) => sum + (own[index] ?? 0));
      return below;
    });
    // The tallest first: each area is painted down to the axis, and the next one over it.
    return [times, ...areas.toReversed(), ...lines.map(values)];
  }

  #settings(): uPlotType.Options {
    const { stacked = [], lines = [], format, top, isBytes } = this.#options;
    const style = getComputedStyle(document.documentElement);
    const [quiet, line] = ['--quiet', '--line'].map((name) => style.getPropertyValue(name));
    const axis = {
      stroke: quiet as string,
      grid: { stroke: line as string, width: 1 },
      ticks: { stroke: line as string },
    };
    const areas = stacked.map(({ label, color }, index) => ({
      label,
      stroke: color ?? colorOf(index),
      fill: color ?? colorOf(index),
      width: 0,
      points: { show: false },
      value: (plot: uPlotType, _: number, series: number, at: number | null) => this.#own(plot, series, at),
    }));
    return {
      width: this.#place.clientWidth,
      height: HEIGHT,
      scales: { x: { time: false }, y: { range: (_plot, _min, max) => [0, Math.max(max, top ?? 0) * 1.05 || 1] } },
      axes: [
        { ...axis, values: (_plot, ticks) => ticks.map((second) => `${second} s`) },
        { ...axis, size: 70, values: (_plot, ticks) => ticks.map(format), ...(isBytes === true && { incrs: POWERS }) },
      ],
      series: [
        { label: 'after', value: (_plot, second) => (second === null ? '' : `${second.toFixed(1)} s`) },
        ...areas.toReversed(),
        ...lines.map(({ label, color, isDashed }, index) => ({
          label,
          stroke: color ?? colorOf(index),
          width: 2,
          dash: isDashed === true ? [6, 4] : [],
          points: { show: false },
          value: (_plot: uPlotType, value: number | null) => (value === null ? '' : format(value)),
        })),
      ],
      legend: { live: true },
    };
  }

  /** Of an area, what it is by itself. */
  #own(plot: uPlotType, series: number, at: number | null): string {
    if (at === null) return '';
    const own = plot.data[series]?.[at] ?? 0;
    const isLowest = series >= (this.#options.stacked?.length ?? 0);
    return this.#options.format(own - (isLowest ? 0 : (plot.data[series + 1]?.[at] ?? 0)));
  }
}
