import type { Progress } from './progress.ts';
import { progressLine, progressLines } from './progress-text.ts';

/** Where progress goes: standard error, so that results stay alone on standard output. */
export interface ProgressTarget {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** Between two plain lines. */
const PLAIN_EVERY_MS = 5000;
const DEFAULT_COLUMNS = 80;

/** Bars that are drawn over and over in place on a terminal; elsewhere a plain line every few seconds. */
export class ProgressDisplay {
  readonly #target: ProgressTarget;
  #drawnLines = 0;
  #plainAtMs = PLAIN_EVERY_MS;

  constructor(target: ProgressTarget) {
    this.#target = target;
  }

  show(progress: Progress): void {
    if (this.#target.isTTY === true) this.#draw(progressLines(progress));
    else this.#writePlain(progress.elapsedMs, () => progressLine(progress));
  }

  /** One line for work that is no job. */
  showText(text: string, elapsedMs: number): void {
    if (this.#target.isTTY === true) this.#draw([text]);
    else this.#writePlain(elapsedMs, () => text);
  }

  #writePlain(elapsedMs: number, text: () => string): void {
    if (elapsedMs < this.#plainAtMs) return;
    this.#plainAtMs = elapsedMs + PLAIN_EVERY_MS;
    this.#target.write(`${text()}\n`);
  }

  /** A line above the bars, which come again with the next report. */
  say(text: string): void {
    this.clear();
    this.#target.write(`${text}\n`);
  }

  /** Takes the bars away, so that what follows starts in an empty line. */
  clear(): void {
    if (this.#drawnLines > 0) this.#target.write(`\x1b[${this.#drawnLines}A\x1b[J`);
    this.#drawnLines = 0;
  }

  /** In one write, so that a terminal never shows half of it. Lines are cut: one that wraps could not be drawn over. */
  #draw(lines: readonly string[]): void {
    const width = (this.#target.columns ?? DEFAULT_COLUMNS) - 1;
    const up = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A` : '';
    const text = lines.map((line) => `${line.slice(0, width)}\x1b[K\n`).join('');
    this.#target.write(`${up}${text}\x1b[J`);
    this.#drawnLines = lines.length;
  }
}

/**
 * Shows how a run gets on: on a terminal a bar for each source and sink with rows, rates and the time left, and memory against its limit;
 * elsewhere a plain line every five seconds.
 *
 * @param target Default: standard error.
 * @example
 * ```ts
 * import { terminalProgress } from '@spillway/workers/progress';
 *
 * await run(sinks, { onProgress: terminalProgress() }).done;
 * ```
 */
export function terminalProgress(target: ProgressTarget = process.stderr): (progress: Progress) => void {
  const display = new ProgressDisplay(target);
  return (progress) => display.show(progress);
}
