/**
 * Passes values from a writer that is told when to go on to a reader that asks for the next: what turns a callback with
 * backpressure into an iteration. It holds one value at most.
 */
export class Handoff<T> {
  #value: { value: T } | undefined;
  #ended: { error?: unknown } | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** Resolves when the reader asks for the value after this one, or has gone. */
  async put(value: T): Promise<void> {
    this.#value = { value };
    this.#wakeReader?.();
    await new Promise<void>((resolve) => {
      this.#wakeWriter = resolve;
    });
  }

  /** No value follows; with an error, the reader's next `take` throws it. */
  end(end: { error?: unknown } = {}): void {
    this.#ended ??= end;
    this.#wakeReader?.();
  }

  /** Lets a writer that waits go on, for good. */
  leave(): void {
    this.#wakeWriter?.();
  }

  /** The next value, or undefined at the end. */
  async take(): Promise<{ value: T } | undefined> {
    this.#wakeWriter?.();
    for (;;) {
      const value = this.#value;
      this.#value = undefined;
      if (value !== undefined) return value;
      if (this.#ended !== undefined) {
        if ('error' in this.#ended) throw this.#ended.error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }
}
