import pidusage from 'pidusage';

const SAMPLE_EVERY_MS = 5;

/** Largest resident size that was seen of a process, sampled until it ends or the watch is stopped. */
export class OutsideWatch {
  peakBytes = 0;
  samples = 0;
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #isReading = false;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    pidusage.clear();
  }

  /** A reading takes a fraction of a millisecond; one that takes longer than the interval is not overtaken. */
  async #sample(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const { memory } = await pidusage(this.#pid);
      this.samples += 1;
      this.peakBytes = Math.max(this.peakBytes, memory);
    } catch {
      // The process has ended between two samples: there is nothing left to see.
    } finally {
      this.#isReading = false;
    }
  }
}
