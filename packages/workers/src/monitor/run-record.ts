/** What happened in a run, for whoever looks later: counts, and the last few of each kind. */
import type { JobEmitter, JobEvents, Unsubscribe } from '../job/events.ts';
import type { RecentEvents } from './snapshot.ts';

/** Of each kind; older ones go. */
const KEPT = 64;

export class RunRecord {
  readonly #recent: RecentEvents = { cascades: [], pressure: [], restarts: [], limits: [] };
  barriers = 0;
  lastBarrier: JobEvents['barrier'] | undefined;
  restarts = 0;
  readonly #off: Unsubscribe[];

  /** @param pathFrom the stages and sinks behind a stage, it first */
  constructor(emitter: Pick<JobEmitter, 'on'>, pathFrom: (stage: string) => string[]) {
    const recent = this.#recent;
    this.#off = [
      emitter.on('reclaim', (event) =>
        keep(recent.cascades, { atMs: Date.now(), ...event, path: pathFrom(event.stage) }),
      ),
      emitter.on('pressure', ({ level, fraction }) => keep(recent.pressure, { atMs: Date.now(), level, fraction })),
      emitter.on('restart', ({ stage, reason, kind }) => {
        this.restarts += 1;
        keep(recent.restarts, { atMs: Date.now(), stage, reason, kind });
      }),
      emitter.on('limit', (event) => keep(recent.limits, { atMs: Date.now(), ...event })),
      emitter.on('barrier', (event) => {
        this.barriers += 1;
        this.lastBarrier = event;
      }),
    ];
  }

  /** As of now: what happens later does not change it. */
  copyRecent(): RecentEvents {
    const { cascades, pressure, restarts, limits } = this.#recent;
    return {
      cascades: [...cascades],
      pressure: [...pressure],
      restarts: [...restarts],
      limits: [...limits],
    };
  }

  close(): void {
    for (const off of this.#off) off();
  }
}

function keep<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > KEPT) list.shift();
}
