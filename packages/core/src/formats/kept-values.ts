/** Values by name, up to a number of bytes: those that were asked for longest ago go first. */
export class KeptValues<T> {
  readonly #mostBytes: number;
  /** Those asked for longest ago first. */
  readonly #values: Map<string, { value: T; bytes: number }> = new Map();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** About what the values take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The value, which becomes the one that was asked for last. */
  get(name: string): T | undefined {
    const found = this.#values.get(name);
    if (found === undefined) return undefined;
    this.#values.delete(name);
    this.#values.set(name, found);
    return found.value;
  }

  /** One that is larger than all may take together is not kept. */
  keep(name: string, value: T, bytes: number): void {
    this.drop(name);
    if (bytes > this.#mostBytes) return;
    this.#values.set(name, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#values.keys()) {
      if (this.#bytes <= this.#mostBytes) return;
      this.drop(oldest);
    }
  }

  drop(name: string): void {
    this.#bytes -= this.#values.get(name)?.bytes ?? 0;
    this.#values.delete(name);
  }
}
