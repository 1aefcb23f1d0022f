/** Which of several inputs have not ended, for operators that take what comes. */
export class OpenInputs {
  readonly #isOpen: boolean[];
  #last = 0;

  constructor(count: number) {
    this.#isOpen = Array.from({ length: count }, () => true);
  }

  end(input: number): void {
    this.#isOpen[input] = false;
  }

  isOpen(input: number): boolean {
    return this.#isOpen[input] === true;
  }

  /** An open one, each in turn. */
  next(): number {
    const count = this.#isOpen.length;
    for (let step = 1; step <= count; step++) {
      const input = (this.#last + step) % count;
      if (!this.isOpen(input)) continue;
      this.#last = input;
      return input;
    }
    return 0;
  }
}
