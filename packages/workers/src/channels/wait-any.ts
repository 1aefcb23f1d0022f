/** Waiting for whichever of several places changes first. */

/** A word that changes whenever looking again may help, and the mark that somebody sleeps on it. */
export interface Signal {
  words: Int32Array;
  signal: number;
  asleep: number;
}

/** Looks before going to sleep. */
const LOOKS = 200;

/**
 * Sleeps on several words at once. A wait on a word that did not change stays armed, and serves the next sleep, so that a place which
 * stays silent costs nothing however often another one wakes the sleeper.
 */
export class WaitAny {
  readonly #signals: readonly Signal[];
  readonly #isArmed: boolean[];
  #wake: (() => void) | undefined;

  constructor(signals: readonly Signal[]) {
    this.#signals = signals;
    this.#isArmed = signals.map(() => false);
  }

  /** Runs `attempt` until it gives something. Returns the result itself when no sleep was needed. */
  until<T>(attempt: () => T | undefined): T | Promise<T> {
    for (let look = 0; look < LOOKS; look++) {
      const result = attempt();
      if (result !== undefined) return result;
    }
    return this.#sleepUntil(attempt);
  }

  /** Ends what is still armed. */
  close(): void {
    for (const { words, signal } of this.#signals) Atomics.notify(words, signal);
  }

  /** As in `WaitPlace`: read the signals, announce, look again, sleep on what was read. An armed wait is older, and as good. */
  async #sleepUntil<T>(attempt: () => T | undefined): Promise<T> {
    for (;;) {
      const seen = this.#signals.map(({ words, signal }) => Atomics.load(words, signal));
      for (const { words, asleep } of this.#signals) Atomics.store(words, asleep, 1);
      const result = attempt();
      if (result !== undefined) return result;
      await this.#change(seen);
    }
  }

  #change(seen: readonly number[]): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      for (const [index, { words, signal }] of this.#signals.entries()) {
        if (this.#isArmed[index] === true) continue;
        const wait = Atomics.waitAsync(words, signal, seen[index] as number);
        if (!wait.async) return resolve();
        this.#isArmed[index] = true;
        void wait.value.then(() => {
          this.#isArmed[index] = false;
          this.#wake?.();
        });
      }
    });
  }
}
