import { formatBytes } from '@spillway/core/internal';
import type { BufferState, Progress } from '@spillway/workers';

const MEGABYTE = 1e6;

/** What a line is drawn from: how far the job is, and what its buffers hold. */
export interface ProgressView {
  progress: Progress;
  buffers: readonly BufferState[];
}

/** One line on how far the job is: rows, MB/s, time left, memory against the limit, buffers. */
export function progressText({ progress, buffers }: ProgressView): string {
  const [source] = progress.sources;
  const { memory } = progress;
  const used = Math.max(0, memory.rssBytes - memory.idleRssBytes);
  const parts = [`memory ${formatBytes(used)} of ${formatBytes(memory.limitBytes)}`];
  if (source !== undefined) {
    const share = source.totalRows === undefined ? '' : ` ${Math.floor((100 * source.rows) / source.totalRows)} %`;
    const eta = !source.etaMs ? '' : `, ${(source.etaMs / 1000).toFixed(1)} s left`;
    const rates = `${(source.rowsPerSecond / 1e6).toFixed(2)} Mrows/s, ${(source.bytesPerSecond / MEGABYTE).toFixed(1)} MB/s`;
    parts.unshift(`${source.name}${share} ${(source.rows / 1e6).toFixed(2)} Mrows, ${rates}${eta}`);
  }
  const filled = buffers.filter(({ rows }) => rows > 0);
  return [...parts, ...filled.map(({ text }) => text)].join(' | ');
}

/** Where the line goes: standard error, so that results stay alone on standard output. */
export interface ProgressTarget {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const PLAIN_EVERY_MS = 1000;

/** Draws the line in place on a terminal; elsewhere prints it plainly, at most once a second. */
export class ProgressLine {
  readonly #target: ProgressTarget;
  #isDrawn = false;
  #plainAtMs = 0;

  constructor(target: ProgressTarget) {
    this.#target = target;
  }

  show(view: ProgressView): void {
    const text = progressText(view);
    if (this.#target.isTTY) {
      this.#target.write(`\r\x1b[2K${text.slice(0, (this.#target.columns ?? 80) - 1)}`);
      this.#isDrawn = true;
    } else if (view.progress.elapsedMs >= this.#plainAtMs) {
      this.#target.write(`${text}\n`);
      this.#plainAtMs = view.progress.elapsedMs + PLAIN_EVERY_MS;
    }
  }

  /** Takes the line away, so that what follows starts in an empty one. */
  clear(): void {
    if (this.#isDrawn) this.#target.write('\r\x1b[2K');
    this.#isDrawn = false;
  }
}
