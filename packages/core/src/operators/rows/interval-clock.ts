/** Since when something has been held, for steps that give it out after an interval; without one nothing is noted. */
export class IntervalClock {
  readonly #intervalMs: number | undefined;
  readonly #now: () => number;
  #since: number | undefined;

  constructor(intervalMs: number | undefined, now: () => number) {
    this.#intervalMs = intervalMs;
    this.#now = now;
  }

  /** Whether something is held now: the interval begins with the first, and ends with the last. */
  note(isHolding: boolean): void {
    if (this.#intervalMs === undefined) return;
    this.#since = isHolding ? (this.#since ?? this.#now()) : undefined;
  }

  /** Milliseconds on the lane's clock at which the interval is over; undefined while nothing is held. */
  dueAt(): number | undefined {
    return this.#intervalMs === undefined || this.#since === undefined ? undefined : this.#since + this.#intervalMs;
  }

  /** As plain data. */
  save(): number | undefined {
    return this.#since;
  }

  restore(since: number | undefined): void {
    this.#since = since;
  }
}
