/** How much a stage with `memoryLimit: 'auto'` holds before it flushes. */

/** Inputs that the average goes over. */
const REMEMBERED = 100;
const LEAST_BYTES = 64 * 1024;

/** What a limit is told by the governor, and tells it. */
export interface LimitPlace {
  /** Most that it may be now. */
  capBytes(): number;
  /** What it is, and what it would be without the cap. */
  report(limitBytes: number, wishBytes: number): void;
}

/**
 * A limit of so many average inputs, the average over the last hundred; never more than the governor leaves the stage. Two
 * stages that hold the same rows, one with large and one with small inputs, so flush after the same number of inputs.
 */
export class AutoLimit {
  readonly #inputs: number;
  readonly #place: LimitPlace;
  readonly #sizes = new Float64Array(REMEMBERED);
  #count = 0;
  #sum = 0;

  constructor(inputs: number, place: LimitPlace) {
    this.#inputs = inputs;
    this.#place = place;
  }

  /** One logical input added so many bytes to what is held. */
  observe(bytes: number): void {
    const at = this.#count++ % REMEMBERED;
    this.#sum += bytes - (this.#sizes[at] as number);
    this.#sizes[at] = bytes;
  }

  /** Bytes at which to flush now. */
  limitBytes(): number {
    const average = this.#sum / Math.max(1, Math.min(this.#count, REMEMBERED));
    const wish = Math.max(LEAST_BYTES, Math.ceil(average * this.#inputs));
    const limit = Math.max(1, Math.min(wish, this.#place.capBytes()));
    this.#place.report(limit, wish);
    return limit;
  }
}
