/** Rows that sources have left out because they are not right: counted, told, and written to where the source's user wants them. */
import { writeFile } from 'node:fs/promises';
import { PipelineError } from '@spillway/core/base';
import type { LogicalPlan, StageSpec, TextFormat } from '@spillway/core/internal';
import type { JobEmitter } from '../job/events.ts';

/** A row that was left out. Lines count from 1; the text is shortened, and there only where it is written to a file. */
export interface LeftOutRow {
  file: string;
  line: number;
  reason: string;
  text?: string;
}

interface SourceRows {
  name: string;
  policy: TextFormat['onBadRow'];
  counts: Map<number, number>;
  /** By chunk; only where they are written to a file. */
  kept: Map<number, readonly LeftOutRow[]>;
}

export class BadRowReports {
  readonly #sources: Map<number, SourceRows> = new Map();
  readonly #emitter: JobEmitter;

  constructor({ nodes }: LogicalPlan, emitter: JobEmitter) {
    this.#emitter = emitter;
    for (const { id, name, spec } of nodes) {
      if (spec.kind !== 'source' || spec.source.type !== 'text' || spec.source.format.onBadRow === 'error') continue;
      this.#sources.set(id, { name, policy: spec.source.format.onBadRow, counts: new Map(), kept: new Map() });
    }
  }

  /** Takes the bad rows of one chunk. */
  add({ input }: StageSpec, chunk: number, rows: readonly LeftOutRow[]): void {
    const source = input.kind === 'splits' ? this.#sources.get(input.node) : undefined;
    if (source === undefined) return;
    const isKnown = source.counts.has(chunk);
    source.counts.set(chunk, rows.length);
    if (typeof source.policy === 'object') source.kept.set(chunk, rows);
    if (isKnown) return; // read again after a restart
    this.#emitter.emit('badRows', {
      source: source.name,
      rows: rows.map(({ file, line, reason }) => ({ file, line, reason })),
    });
  }

  /** How many a source has left out; undefined where bad rows are errors. */
  countOf(name: string): number | undefined {
    const counts = [...this.#sources.values()].find((source) => source.name === name)?.counts;
    return counts && [...counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Writes the rejects of every source that has a file for them, in the order of its rows. @throws ERR_IO */
  async write(): Promise<void> {
    for (const { policy, kept } of this.#sources.values()) {
      if (typeof policy !== 'object') continue;
      const rows = [...kept.entries()].sort(([a], [b]) => a - b).flatMap(([, some]) => some);
      const lines = rows.map((bad) => [bad.file, String(bad.line), bad.reason, bad.text ?? ''].map(quoted).join(','));
      try {
        await writeFile(policy.rejects, `${['file,line,reason,text', ...lines].join('\n')}\n`);
      } catch (cause) {
        throw new PipelineError('ERR_IO', `${policy.rejects}: ${(cause as Error).message}`, {
          file: policy.rejects,
          cause,
          hint: 'rejected rows could not be written: check the folder of the rejects file',
        });
      }
    }
  }
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
