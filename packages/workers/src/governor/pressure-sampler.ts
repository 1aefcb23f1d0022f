/**
 * The main thread's part of the governor: looks on a timer, tells of changes, narrows the rings, reads what only one thread needs to
 * read (control group, machine), and asks for collections when more is resident than was promised.
 */

import { formatBytes } from '@spillway/core/base';
import { noted } from '../alerts/alert.ts';
import type { Ring } from '../channels/ring.ts';
import type { JobEmitter } from '../job/events.ts';
import type { Arbiter } from './arbiter.ts';
import type { CascadeWatch } from './cascade-watch.ts';
import type { CgroupMemory } from './cgroup.ts';
import { collectGarbage } from './collector.ts';
import { type MachineMemory, readMemoryStallUs } from './machine-memory.ts';
import { cgroupMemory, machineMemory } from './outside-readings.ts';
import { PRESSURE_ACTIONS, PRESSURE_LEVELS, type PressureLevel } from './pressure.ts';
import type { SharedPressure } from './shared-pressure.ts';

const SAMPLE_EVERY_MS = 10;
/** Control group and machine change slowly, and reading them takes some hundred microseconds. */
const OUTSIDE_EVERY_MS = 1000;
const COLLECT_EVERY_MS = 250;
/** Part of a control group's limit that may be in use before the group counts as full. */
const MOST_OF_GROUP = 0.9;
/** Where one of them is full the level is `high`, which this fraction enters: well below, nobody is slowed down. */
const FULL_OUTSIDE = 0.8;
/** Part of the time for which some task of the machine stood still waiting for memory, at which the machine counts as full. */
const MOST_OF_STALLS = 0.1;
/** What others use of the machine may slow a run down; it is no reason to fail it. */
const MOST_FROM_OUTSIDE = 0.95;

export interface PressureSamplerParts {
  shared: SharedPressure;
  rings: readonly Pick<Ring, 'setNarrow'>[];
  emitter: Pick<JobEmitter, 'emit'>;
  arbiter: Pick<Arbiter, 'arbitrate'>;
  cascade: Pick<CascadeWatch, 'look'>;
  /** Who holds most, in one line. */
  describe(): string;
  /** Part of the machine's memory that may be in use before it counts as full. */
  maxSystemMemory: number;
}

/** For tests: what stands for all looking while it is set. */
let injection: (() => number) | undefined;

/** For tests: every run of this process takes its pressure from here. Call again without a function to end that. */
export function injectPressure(fraction?: () => number): void {
  injection = fraction;
}

/** How full the fullest of control group and machine is, on the scale of levels. `stalled`: part of the time that somebody waited for memory. */
export function outsideFraction(
  maxSystemMemory: number,
  cgroup: CgroupMemory | undefined,
  machine: MachineMemory,
  stalled = 0,
): number {
  const group = cgroup === undefined ? 0 : cgroup.workingSetBytes / cgroup.limitBytes / MOST_OF_GROUP;
  const whole = (machine.totalBytes - machine.availableBytes) / machine.totalBytes / maxSystemMemory;
  return Math.min(MOST_FROM_OUTSIDE, FULL_OUTSIDE * Math.max(group, whole, stalled / MOST_OF_STALLS));
}

/** Part of the time, between two looks, for which some task of the machine waited for memory. */
export class StallMeter {
  readonly #read: () => number | undefined;
  #before: { us: number; atMs: number } | undefined;

  constructor(read: () => number | undefined = readMemoryStallUs) {
    this.#read = read;
  }

  part(nowMs: number): number {
    const us = this.#read();
    if (us === undefined) return 0;
    const before = this.#before;
    this.#before = { us, atMs: nowMs };
    if (before === undefined || nowMs <= before.atMs) return 0;
    return Math.min(1, Math.max(0, us - before.us) / 1000 / (nowMs - before.atMs));
  }
}

export class PressureSampler {
  readonly #parts: PressureSamplerParts;
  readonly #timer: NodeJS.Timeout;
  #level: PressureLevel = 'normal';
  #outsideAtMs = Number.NEGATIVE_INFINITY;
  #collectedAtMs = Number.NEGATIVE_INFINITY;
  #hasAlerted = false;
  readonly #stalls: StallMeter = new StallMeter();

  constructor(parts: PressureSamplerParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.sample(), injection === undefined ? SAMPLE_EVERY_MS : 1);
    this.#timer.unref();
    this.sample();
  }

  sample(): void {
    const { shared, emitter } = this.#parts;
    const now = performance.now();
    this.#readOutside(now);
    if (injection !== undefined) shared.inject(injection());
    shared.look();
    const { level } = shared;
    if (level !== this.#level) {
      this.#level = level;
      this.#setNarrow(level);
      emitter.emit('pressure', {
        level,
        action: PRESSURE_ACTIONS[level],
        fraction: shared.fraction(),
        holders: this.#parts.describe(),
      });
    }
    if (shared.isHigh) this.#parts.arbiter.arbitrate(shared.wantedBytes());
    this.#parts.cascade.look();
    this.#watchOvershoot(now);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #setNarrow(level: PressureLevel): void {
    const isNarrow = PRESSURE_LEVELS.indexOf(level) > 0;
    for (const ring of this.#parts.rings) ring.setNarrow(isNarrow);
  }

  #readOutside(now: number): void {
    if (now - this.#outsideAtMs < OUTSIDE_EVERY_MS) return;
    const stalled = this.#stalls.part(now);
    // The first look may take what an earlier run has just read; from then on each reads anew.
    const mostMs = this.#outsideAtMs === Number.NEGATIVE_INFINITY ? OUTSIDE_EVERY_MS : 0;
    this.#outsideAtMs = now;
    this.#parts.shared.setOutside(
      outsideFraction(this.#parts.maxSystemMemory, cgroupMemory.get(mostMs), machineMemory.get(mostMs), stalled),
    );
  }

  /** Flushing does not help here. Lanes whose code holds too much fail by themselves after the collection. */
  #watchOvershoot(now: number): void {
    const { shared, emitter } = this.#parts;
    const overshoot = shared.overshootBytes();
    if (overshoot === 0 || now - this.#collectedAtMs < COLLECT_EVERY_MS) return;
    this.#collectedAtMs = now;
    shared.askForCollection();
    collectGarbage('major');
    if (this.#hasAlerted) return;
    this.#hasAlerted = true;
    const message = `the process holds ${formatBytes(overshoot)} more than idle and memoryLimit × 1.1: collections are asked for (${this.#parts.describe()})`;
    emitter.emit('alert', noted('memory', 'process', message));
  }
}
