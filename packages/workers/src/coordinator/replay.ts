/**
 * Replays what was on its way when workers died, one batch of one source at a time, each to the very end of the plan before the next: when a
 * worker dies again, the batch that it died of is known. Sources go as far as they had got before; then all gates are opened.
 */
import { positionOf } from '../lanes/source-position.ts';
import type { Barriers } from './barriers.ts';
import type { PlannedRun } from './plan-run.ts';
import type { RunEnds } from './run-ends.ts';
import type { Wiring } from './wiring.ts';

/** A batch of a source: a packet of its edge, or a split. */
export interface SourceBatch {
  node: number;
  sequence: number;
}

export interface ReplayParts {
  wiring: Wiring;
  barriers: Barriers;
  ends: RunEnds;
  /** By source node: what the attempt begins with. */
  from: ReadonlyMap<number, number>;
  /** By source node: how far it had got in the attempts that failed. */
  upTo: ReadonlyMap<number, number>;
}

export class Replay {
  readonly #parts: ReplayParts;
  readonly #next: Map<number, number>;
  #current: SourceBatch | undefined;

  /** All gates are shut from here on: call it before anything starts. */
  constructor(parts: ReplayParts) {
    this.#parts = parts;
    this.#next = new Map([...parts.wiring.gates.keys()].map((node) => [node, parts.from.get(node) ?? 0]));
    for (const [node, gate] of parts.wiring.gates) gate.limit(this.#next.get(node) as number);
  }

  /** The batch that is on its way. */
  get current(): SourceBatch | undefined {
    return this.#current;
  }

  /** Goes to the end of the replay. @throws what stops the attempt */
  async run(): Promise<void> {
    const { wiring, barriers } = this.#parts;
    barriers.setAligning(true);
    try {
      for (let node = this.#pick(); node !== undefined; node = this.#pick()) {
        const sequence = this.#next.get(node) as number;
        this.#current = { node, sequence };
        this.#next.set(node, sequence + 1);
        wiring.gates.get(node)?.limit(sequence + 1);
        if (!(await barriers.untilQuiet(this.#next))) break;
      }
    } finally {
      barriers.setAligning(false);
    }
    this.#current = undefined;
    for (const gate of wiring.gates.values()) gate.open();
  }

  /** The source that is furthest behind where it had got. */
  #pick(): number | undefined {
    let best: number | undefined;
    let most = 0;
    for (const [node, next] of this.#next) {
      const left = Math.min(this.#parts.upTo.get(node) ?? 0, this.#endOf(node)) - next;
      if (left <= most) continue;
      most = left;
      best = node;
    }
    return best;
  }

  /** What there is: a program is not waited for, and splits come to an end. */
  #endOf(node: number): number {
    const { wiring, ends } = this.#parts;
    return ends.fedUpTo(node) ?? wiring.gates.get(node)?.total() ?? Number.POSITIVE_INFINITY;
  }
}

/** A batch of a source for people: its number, and its file and row as far as they are known. */
export function describeBatch({ logical, positions }: PlannedRun, { node, sequence }: SourceBatch): string {
  const name = logical.nodes.find(({ id }) => id === node)?.name ?? '';
  const { file, row } = positionOf(positions.get(node) ?? [], sequence, 0);
  const place = file === undefined ? '' : `, which begins at row ${row} of ${file}`;
  return `batch ${sequence} of source "${name}"${place}`;
}
