/** How hard memory presses, from calm to the last resort. Each level has one named action (see `PRESSURE_ACTIONS`). */
export const PRESSURE_LEVELS = ['normal', 'elevated', 'high', 'critical', 'exhausted'] as const;
/** How hard memory presses, the least first. */
export type PressureLevel = (typeof PRESSURE_LEVELS)[number];

/** What the governor does while a level holds. Each level does what the ones below it do, too. */
export const PRESSURE_ACTIONS: Readonly<Record<PressureLevel, string>> = {
  normal: 'none',
  elevated: 'credits to floors',
  high: 'pause sources, flush and cascade, spill',
  critical: 'run the stages nearest the sinks only',
  exhausted: 'fail a named consumer',
};

/** Fraction of the limit at which a level is entered; it is left `HYSTERESIS` lower. */
const ENTER_AT: readonly [PressureLevel, number][] = [
  ['elevated', 0.7],
  ['high', 0.8],
  ['critical', 0.9],
  ['exhausted', 1.0],
];

/**
 * A level is left only this far below where it is entered. Wider than the ±5 % by which RSS swings from one sample to the
 * next without anything happening, so that such a swing changes a level at most once.
 */
const HYSTERESIS = 0.11;

function levelEnteredAt(fraction: number): number {
  let level = 0;
  ENTER_AT.forEach(([, threshold], index) => {
    if (fraction >= threshold) level = index + 1;
  });
  return level;
}

function levelKeptAt(fraction: number): number {
  return levelEnteredAt(fraction + HYSTERESIS);
}

/**
 * The level after a look, as an index into `PRESSURE_LEVELS`: entered at once when a threshold is passed, left with
 * hysteresis. `fraction`: how much of the tightest limit is in use.
 */
export function nextPressure(level: number, fraction: number): number {
  const entered = levelEnteredAt(fraction);
  return entered > level ? entered : Math.min(level, Math.max(entered, levelKeptAt(fraction)));
}

/**
 * The pressure level over time: entered at once when a threshold is passed, left with hysteresis.
 *
 * @example
 * ```ts
 * const gauge = new PressureGauge();
 * gauge.update(0.83); // 'high'
 * gauge.update(0.75); // still 'high'
 * ```
 */
export class PressureGauge {
  #level = 0;

  get level(): PressureLevel {
    return PRESSURE_LEVELS[this.#level] ?? 'normal';
  }

  /** Takes the used fraction of the tightest limit; returns the level that holds from now on. */
  update(fraction: number): PressureLevel {
    this.#level = nextPressure(this.#level, fraction);
    return this.level;
  }
}
