/** What a lane tells of its thread's heap while somebody watches; before that it costs one load of a shared word between two morsels. */
import { getHeapStatistics } from 'node:v8';
import type { ActorStatistics } from '../monitor/actor-statistics.ts';
import { CollectionMeter } from '../monitor/collection-meter.ts';

const REPORT_EVERY_MS = 100;

export class IsolateReport {
  readonly #statistics: Pick<ActorStatistics, 'setIsolate'>;
  readonly #isWatched: () => boolean;
  #meter: CollectionMeter | undefined;
  #reportAtMs = 0;

  constructor(statistics: Pick<ActorStatistics, 'setIsolate'>, isWatched: () => boolean) {
    this.#statistics = statistics;
    this.#isWatched = isWatched;
  }

  /** Called between two morsels. */
  look(): void {
    if (!this.#isWatched()) return;
    const now = performance.now();
    if (now < this.#reportAtMs) return;
    this.#reportAtMs = now + REPORT_EVERY_MS;
    this.#meter ??= new CollectionMeter();
    const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics();
    const { collections, collectionMs } = this.#meter;
    this.#statistics.setIsolate({ heapBytes, externalBytes, collections, collectionMs });
  }

  close(): void {
    this.#meter?.close();
  }
}
