/** One line of the benchmark's table. */
export interface Figure {
  /** Name in the design: `W1`, `W7`, … or `flights`. */
  workload: string;
  what: string;
  /** Our median. */
  ours: number;
  unit: 'ms' | 'µs' | '×' | '%';
  /** The peer's median in the same unit. */
  peer?: { name: string; value: number };
  /** How many times faster than the peer, or than the slower form of our own. */
  ratio?: number;
  /** The design's goal. */
  target?: { atLeastRatio: number } | { atMost: number };
}

/** True or false against the target; undefined without one. */
export function meetsTarget({ ours, ratio, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  if ('atMost' in target) return ours <= target.atMost;
  return ratio !== undefined && ratio >= target.atLeastRatio;
}

/** What the target says, for people. */
export function targetText({ target, unit }: Figure): string {
  if (target === undefined) return '';
  return 'atMost' in target ? `≤ ${target.atMost} ${unit}` : `≥ ${target.atLeastRatio} ×`;
}
