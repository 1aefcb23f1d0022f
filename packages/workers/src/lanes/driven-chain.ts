/** The chain as the loop drives it: flushes by name or by time, and what is held written into the statistics. */
import type { FlushReason, HeldState, MaybePromise, StageChain } from '@spillway/core/internal';
import { givesUnderPressure } from '@spillway/core/lane';
import type { OperatorStatistics } from '../monitor/operator-statistics.ts';
import type { LaneChain } from './lane-loop.ts';
import type { LaneConfig } from './protocol.ts';

export class DrivenChain implements LaneChain {
  readonly #chain: StageChain;
  readonly #names: readonly string[];
  readonly #statistics: readonly OperatorStatistics[];
  /** Operators that can hold something, by index; most stages have none, and then nothing is asked between morsels. */
  readonly #holding: readonly number[];
  readonly #timed: readonly number[];
  /** Of those, the ones that pressure can get something out of. */
  readonly #giving: ReadonlySet<number>;
  #heldBytes = 0;
  #stuck: { bytes: number; operator: number } = { bytes: 0, operator: 0 };

  constructor(chain: StageChain, config: LaneConfig, statistics: readonly OperatorStatistics[]) {
    this.#chain = chain;
    this.#giving = new Set(
      config.stage.operators.flatMap((operator, index) => (givesUnderPressure(operator) === undefined ? [] : [index])),
    );
    this.#names = config.stage.operators.map((operator) => operator.name);
    this.#statistics = statistics;
    const indices = chain.operators.map((_, index) => index);
    this.#holding = indices.filter((index) => chain.operators[index]?.held !== undefined);
    this.#timed = indices.filter((index) => chain.operators[index]?.dueAt !== undefined);
  }

  push(batch: Parameters<StageChain['push']>[0], port?: number): MaybePromise {
    return this.#chain.push(batch, port);
  }

  endInput(port: number): MaybePromise {
    return this.#chain.endInput(port);
  }

  endMorsel(): MaybePromise {
    return this.#chain.endMorsel();
  }

  end(): MaybePromise {
    return this.#chain.end();
  }

  async flush(reason: FlushReason, name?: string): Promise<void> {
    for (const [index, operator] of this.#chain.operators.entries()) {
      if (name === undefined || this.#names[index] === name) await operator.flush(reason);
    }
  }

  async flushDue(): Promise<void> {
    for (const index of this.#timed) {
      const operator = this.#chain.operators[index];
      const dueAt = operator?.dueAt?.();
      if (dueAt !== undefined && dueAt <= Date.now()) await operator?.flush('interval');
    }
  }

  dueAt(): number | undefined {
    let earliest: number | undefined;
    for (const index of this.#timed) {
      const dueAt = this.#chain.operators[index]?.dueAt?.();
      if (dueAt !== undefined && (earliest === undefined || dueAt < earliest)) earliest = dueAt;
    }
    return earliest;
  }

  heldBytes(): number {
    return this.#heldBytes;
  }

  stuck(): { bytes: number; operator: number } {
    return this.#stuck;
  }

  reportHeld(): void {
    this.#heldBytes = 0;
    let mostBytes = 0;
    this.#stuck = { bytes: 0, operator: this.#holding[0] ?? 0 };
    for (const index of this.#holding) {
      const held: HeldState | undefined = this.#chain.operators[index]?.held?.();
      if (held === undefined) continue;
      if (this.#giving.has(index)) this.#heldBytes += held.bytes;
      else {
        this.#stuck.bytes += held.bytes;
        if (held.bytes > mostBytes) this.#stuck.operator = index;
        mostBytes = Math.max(mostBytes, held.bytes);
      }
      this.#statistics[index]?.setHeld(held);
    }
  }
}
