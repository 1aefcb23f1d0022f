/** Follows one run for its record: a few points while it goes on, and everything at its end. */
import { randomInt } from 'node:crypto';
import type { PlannedRun } from '../coordinator/plan-run.ts';
import type { Summary } from '../job/summary.ts';
import { RunSeries } from '../monitor/run-series.ts';
import type { MetricsSnapshot } from '../monitor/snapshot.ts';
import { workFingerprintOf } from '../resume/fingerprint.ts';
import { HistoryFolder } from './history-folder.ts';
import type { HistoryPlace } from './history-place.ts';
import type { PastRun } from './past-run.ts';

const EVERY_MS = 250;
/** Of a record: the shape of a run, not its moments. */
const MOST_POINTS = 60;

/** A run, as far as its record follows it. */
export interface FollowedRun {
  elapsedMs(): number;
  /** @param isLookedAt false: nobody looks, nothing is to be measured for it */
  snapshot(isLookedAt: boolean): MetricsSnapshot;
}

export interface RunHistoryParts {
  place: HistoryPlace;
  planned: Pick<PlannedRun, 'written' | 'physical'>;
  resume: string | undefined;
  run: FollowedRun;
}

export class RunHistory {
  readonly plan: string;
  readonly #parts: RunHistoryParts;
  readonly #series: RunSeries = new RunSeries(EVERY_MS, MOST_POINTS);
  readonly #timer: NodeJS.Timeout;

  constructor(parts: RunHistoryParts) {
    this.#parts = parts;
    this.plan = workFingerprintOf(parts.planned.written);
    const { run } = parts;
    this.#timer = setInterval(() => {
      if (this.#series.isDue(run.elapsedMs())) this.#series.add(run.snapshot(false));
    }, EVERY_MS);
    this.#timer.unref();
  }

  /** Earlier runs of the same work, oldest first. */
  async before(): Promise<PastRun[]> {
    return new HistoryFolder(this.#parts.place.folder).ofPlan(this.plan).catch(() => []);
  }

  /** Stops following. */
  close(): void {
    clearInterval(this.#timer);
  }

  /** Leaves the record. A run does not fail because of that: a folder that somebody named and that cannot be written is warned of. */
  async leave(record: PastRun): Promise<void> {
    const { place } = this.#parts;
    try {
      await HistoryFolder.at(place.folder).add(record);
    } catch (error) {
      if (!place.isGiven) return;
      process.emitWarning(
        `the record of the run could not be written to ${place.folder}: ${String(error)}`,
        'SpillwayWarning',
      );
    }
  }

  /** Of a run that has ended. @param last the snapshot at its end */
  record(summary: Summary, last: MetricsSnapshot): PastRun {
    const { planned, resume } = this.#parts;
    const { workers, minimumBytes } = planned.physical;
    const startedAt = new Date(last.atMs - last.elapsedMs);
    this.#series.add(last);
    return {
      version: 1,
      id: idAt(startedAt),
      startedAt: startedAt.toISOString(),
      utcOffsetMinutes: -startedAt.getTimezoneOffset(),
      plan: this.plan,
      title: [...summary.sources, ...summary.sinks].map(({ name }) => name).join(' → '),
      ...(resume !== undefined && { resume }),
      workers,
      minimumBytes,
      summary,
      snapshot: last,
      series: this.#series.points,
    };
  }
}

/** `20261122-174502-3f2a`: ids ascend with time, down to the millisecond. */
function idAt(time: Date): string {
  const [day = '', clock = ''] = time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').split('T');
  const letters = (value: number): string => value.toString(36).padStart(2, '0');
  return `${day}-${clock}-${letters(time.getUTCMilliseconds())}${letters(randomInt(36 ** 2))}`;
}
