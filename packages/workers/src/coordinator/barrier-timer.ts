/** When barriers are taken: every so often, sooner when fed sources keep much, and never so often that they cost much. */
export interface BarrierTimerParts {
  everyMs: number;
  /** About what fed sources keep since the last barrier. */
  keptBytes(): number;
  /** Takes one, or gives it up. */
  take(): Promise<void>;
}

/** Fed sources keep no more than this for long. */
const KEPT_BYTES = 64 * 2 ** 20;
/** So many times what a barrier took passes before the next: at most a twentieth of the time goes into them. */
const REST = 20;
const LOOK_EVERY_MS = 100;

export class BarrierTimer {
  readonly #parts: BarrierTimerParts;
  readonly #timer: NodeJS.Timeout;
  #lastAtMs: number = performance.now();
  #lastMs = 0;
  #taking: Promise<void> | undefined;

  constructor(parts: BarrierTimerParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#look(), Math.min(LOOK_EVERY_MS, parts.everyMs));
    this.#timer.unref();
  }

  /** Takes no further ones. Resolves when the one under way is over. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#taking;
  }

  /** Takes one at once: it has begun when this returns, unless one was under way. Resolves when it is complete, or given up. */
  async takeNow(): Promise<void> {
    if (this.#taking !== undefined) await this.#taking;
    this.#begin();
    await this.#taking;
  }

  #look(): void {
    if (this.#taking !== undefined) return;
    const { everyMs, keptBytes } = this.#parts;
    const passedMs = performance.now() - this.#lastAtMs;
    if (passedMs < REST * this.#lastMs) return;
    if (passedMs < everyMs && keptBytes() < KEPT_BYTES) return;
    this.#begin();
  }

  #begin(): void {
    const since = performance.now();
    // What fails the run is seen where the attempt is awaited.
    this.#taking = this.#parts
      .take()
      .catch(() => {})
      .finally(() => {
        this.#lastAtMs = performance.now();
        this.#lastMs = this.#lastAtMs - since;
        this.#taking = undefined;
      });
  }
}
