/**
 * The main thread's part of a cascade: wakes a victim that waits for input, and finds out when what it emitted has gone through to the
 * sinks. Ring by ring, in the order in which rows pass them: what lies in one when the ring before it was drained has to be taken.
 */
import type { Ring } from '../channels/ring.ts';
import type { JobEmitter } from '../job/events.ts';
import type { Arbiter, Arbitration } from './arbiter.ts';

/** A victim that has not acted by then is probably waiting for input. */
const WAKE_AFTER_MS = 5;

export interface CascadeWatchParts {
  arbiter: Pick<Arbiter, 'reading' | 'acknowledge' | 'place'>;
  /** Rings behind a lane: those that it feeds, then those that their consumers feed, and so on. */
  ringsBehind(lane: number): readonly (readonly Pick<Ring, 'mark' | 'hasTaken'>[])[];
  wake(lane: number): void;
  emitter: Pick<JobEmitter, 'emit'>;
}

export class CascadeWatch {
  readonly #parts: CascadeWatchParts;
  #before: Arbitration | undefined;
  /** Rings that are still to be drained, with what lay in the first of them. */
  #behind: (readonly Pick<Ring, 'mark' | 'hasTaken'>[])[] = [];
  #marks: number[] = [];

  constructor(parts: CascadeWatchParts) {
    this.#parts = parts;
  }

  look(): void {
    const { arbiter, wake, ringsBehind } = this.#parts;
    const now = arbiter.reading();
    if (now.state === 'chosen' && now.forMs >= WAKE_AFTER_MS) wake(now.lane);
    if (now.state === 'draining' && this.#before?.state !== 'draining') {
      this.#tell(now);
      this.#behind = [...ringsBehind(now.lane)];
      this.#mark();
    }
    this.#before = now;
    if (now.state !== 'draining') return;
    while (this.#behind.length > 0 && this.#isFirstDrained()) {
      this.#behind.shift();
      this.#mark();
    }
    if (this.#behind.length === 0) arbiter.acknowledge();
  }

  #isFirstDrained(): boolean {
    return this.#behind[0]?.every((ring, index) => ring.hasTaken(this.#marks[index] as number)) ?? true;
  }

  #mark(): void {
    this.#marks = (this.#behind[0] ?? []).map((ring) => ring.mark());
  }

  #tell({ lane, heldBytes }: Arbitration): void {
    const victim = this.#parts.arbiter.place.lanes.find((candidate) => candidate.lane === lane);
    if (victim !== undefined)
      this.#parts.emitter.emit('reclaim', { stage: victim.stage, action: victim.gives, bytes: heldBytes });
  }
}
