/** Between which the middle half of the turns lies. */
export type Spread = readonly [low: number, high: number];

/** Another engine on the same work. */
export interface PeerFigure {
  name: string;
  version?: string;
  /** Its median, in our unit; absent where it cannot do the work. */
  value?: number;
  spread?: Spread;
  /** Why there is no value, or what it was let off. */
  note?: string;
}

/** What the hardware alone needs for the bytes that the work has to touch, in the figure's unit. */
export interface Bound {
  what: string;
  value: number;
}

/** One line of the benchmark's table. */
export interface Figure {
  /** Name in the design: `W1`, `W7`, … or `flights`. */
  workload: string;
  /** The same at every size. */
  what: string;
  /** How many rows were worked on, where work grows with rows. */
  rows?: number;
  /** Our median. */
  ours: number;
  spread?: Spread;
  /** Processor time of all our threads in a turn, where it was taken. */
  processorMs?: number;
  unit: 'ms' | 'µs' | '×' | '%' | '1/s' | 'MiB';
  peer?: PeerFigure;
  /** How many times faster than the peer, or than the slower form of our own. */
  ratio?: number;
  /** The design's goal. */
  target?: { atLeastRatio: number } | { atMost: number };
  bound?: Bound;
}

/** True or false against the target; undefined without one. */
export function meetsTarget({ ours, ratio, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  if ('atMost' in target) return ours <= target.atMost;
  return ratio === undefined ? undefined : ratio >= target.atLeastRatio;
}

/** What the target says, for people. */
export function targetText({ target, unit }: Figure): string {
  if (target === undefined) return '';
  return 'atMost' in target ? `≤ ${target.atMost} ${unit}` : `≥ ${target.atLeastRatio} ×`;
}

/** A value with its unit: two or three digits that mean something. */
export function amountText(value: number, unit: Figure['unit']): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  const grouped = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit === '1/s' ? `${grouped}/s` : `${grouped} ${unit}`;
}

/** Rows as people say them: `50 M`, `500 k`. */
export function rowsText(rows: number): string {
  if (rows >= 1e6) return `${Number((rows / 1e6).toPrecision(3))} M`;
  return rows >= 1000 ? `${Number((rows / 1000).toPrecision(3))} k` : String(rows);
}
