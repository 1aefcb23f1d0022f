/** Counts the garbage collections of the thread that makes it, and the time they take. */
import { PerformanceObserver } from 'node:perf_hooks';

export class CollectionMeter {
  collections = 0;
  collectionMs = 0;
  readonly #observer: PerformanceObserver;

  constructor() {
    this.#observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        this.collections += 1;
        this.collectionMs += duration;
      }
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  close(): void {
    this.#observer.disconnect();
  }
}
