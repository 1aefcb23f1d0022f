import type { Figure } from './figure.ts';

/** How the time of a workload grows with its rows. */
export interface Scaling {
  workload: string;
  what: string;
  /** Median milliseconds at each size, smallest first. */
  points: { rows: number; ms: number }[];
  /** What starting takes: the smallest size, which is hardly any work. */
  startMs: number;
  /** Of `ms − startMs = c · rows ^ exponent`; undefined where too few sizes stand out from starting. */
  exponent: number | undefined;
  /** The same of processor time, in which nothing that waits or works side by side is hidden; undefined where it was not taken. */
  processorExponent: number | undefined;
}

/** A size counts where its work is at least so much of what starting takes: below, noise decides. */
const LEAST_SHARE_OF_START = 0.25;

function slope(points: readonly { x: number; y: number }[]): number {
  const meanOf = (of: (point: { x: number; y: number }) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [meanOf(({ x }) => x), meanOf(({ y }) => y)];
  return meanOf(({ x, y }) => (x - meanX) * (y - meanY)) / meanOf(({ x }) => (x - meanX) ** 2);
}

function scalingOf(points: readonly { rows: number; ms: number }[]): Pick<Scaling, 'startMs' | 'exponent'> {
  const startMs = points[0]?.ms ?? 0;
  const counted = points.slice(1).filter(({ ms }) => ms - startMs >= LEAST_SHARE_OF_START * startMs);
  const logs = counted.map(({ rows, ms }) => ({ x: Math.log(rows), y: Math.log(ms - startMs) }));
  return { startMs, exponent: logs.length < 2 ? undefined : slope(logs) };
}

/** Of every workload that was measured at three sizes or more. */
export function scalingsOf(figures: readonly Figure[]): Scaling[] {
  const sizes = new Map<string, Map<number, Figure>>();
  for (const figure of figures) {
    if (figure.rows === undefined || figure.unit !== 'ms') continue;
    const key = `${figure.workload} ${figure.what}`;
    const ofWorkload = sizes.get(key) ?? new Map<number, Figure>();
    // The first at a size is of our side alone, as smaller sizes are: beside peers a workload takes longer.
    if (!ofWorkload.has(figure.rows)) sizes.set(key, ofWorkload.set(figure.rows, figure));
  }
  return [...sizes.values()]
    .filter((ofWorkload) => ofWorkload.size >= 3)
    .map((ofWorkload) => {
      const ordered = [...ofWorkload].sort(([a], [b]) => a - b);
      const points = ordered.map(([rows, { ours }]) => ({ rows, ms: ours }));
      const processor = ordered.flatMap(([rows, { processorMs: ms }]) => (ms === undefined ? [] : [{ rows, ms }]));
      const processorExponent = processor.length < points.length ? undefined : scalingOf(processor).exponent;
      const [[, { workload, what }]] = ordered as [[number, Figure]];
      return { workload, what, points, ...scalingOf(points), processorExponent };
    });
}

/** An exponent of time and, in parentheses, of processor time. */
export function exponentText({ exponent, processorExponent }: Scaling): string {
  const time = exponent === undefined ? 'below noise' : exponent.toFixed(2);
  return processorExponent === undefined ? time : `${time} (${processorExponent.toFixed(2)})`;
}
