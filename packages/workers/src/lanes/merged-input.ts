/**
 * Several edges as the input of one lane. The operator says which input it needs; the lane waits for that one and leaves the rest in their
 * rings, where credits bound them. An input that the needed one may depend on (see `StagePort.isElastic`) is taken from all the same, when
 * the needed one has nothing: not taking it could keep the needed one's rows from ever coming.
 */
import type { RingConsumer } from '../channels/ring.ts';
import { WaitAny } from '../channels/wait-any.ts';
import type { LaneInput } from './lane-loop.ts';
import type { Morsel } from './morsel.ts';

/** One of the edges. */
export interface MergedPort {
  edge: number;
  consumer: RingConsumer;
  isElastic: boolean;
}

export class MergedInput implements LaneInput {
  readonly #ports: readonly MergedPort[];
  readonly #wants: () => number;
  readonly #isOpen: boolean[];
  /** By port: sleeps on it and on those that are taken from meanwhile. */
  readonly #waits: readonly WaitAny[];
  readonly #others: readonly (readonly number[])[];
  readonly #isAligning: () => boolean;
  #wanted = 0;
  #morsels = 0;

  /**
   * `wants`: the port that the operator needs next, never one that has ended. `isAligning`: a barrier waits for all inputs to be empty, and
   * whoever begins it wakes this one.
   */
  constructor(ports: readonly MergedPort[], wants: () => number, isAligning: () => boolean) {
    this.#ports = ports;
    this.#wants = wants;
    this.#isAligning = isAligning;
    this.#isOpen = ports.map(() => true);
    const elastic = [...ports.keys()].filter((index) => ports[index]?.isElastic);
    this.#others = ports.map(({ isElastic }, port) => (isElastic ? elastic.filter((index) => index !== port) : []));
    this.#waits = ports.map(
      (_, port) =>
        new WaitAny(
          [port, ...(this.#others[port] ?? [])].map((index) => (ports[index] as MergedPort).consumer.arrivals),
        ),
    );
  }

  get edge(): number {
    return this.#ports[this.#wanted]?.edge ?? -1;
  }

  next(): Morsel | undefined | Promise<Morsel | undefined> {
    if (!this.#isOpen.includes(true)) return undefined;
    this.#wanted = this.#wants();
    return (this.#waits[this.#wanted] as WaitAny).until(() => this.#attempt());
  }

  done({ port, isLast }: Morsel): void {
    if (port !== undefined && isLast !== true) this.#ports[port]?.consumer.countDone();
  }

  total(): number {
    return this.#morsels;
  }

  close(): void {
    for (const wait of this.#waits) wait.close();
  }

  #attempt(): Morsel | undefined {
    let morsel = this.#poll(this.#wanted);
    for (const other of this.#others[this.#wanted] ?? []) morsel ??= this.#poll(other);
    // While sources stand still the wanted port may have nothing more before the barrier.
    if (morsel === undefined && this.#isAligning()) for (const port of this.#ports.keys()) morsel ??= this.#poll(port);
    return morsel;
  }

  #poll(port: number): Morsel | undefined {
    if (this.#isOpen[port] !== true) return undefined;
    const taken = (this.#ports[port] as MergedPort).consumer.poll();
    if (taken === undefined) return undefined;
    const sequence = this.#morsels++;
    if (taken !== 'end') return { sequence, batches: taken.batches, port, packet: taken.sequence };
    this.#isOpen[port] = false;
    return { sequence, batches: [], port, isLast: true };
  }
}
