/**
 * Moves memory between the stages with `memoryLimit: 'auto'`. Each begins with an equal share, and asks for what some average
 * inputs take (see `AutoLimit`). One that is made to flush before that, by its cap or by pressure, gets from those that need less;
 * where nobody needs less, from the one that is made to flush least. What all of them may hold together stays the same.
 */
import type { StageSpec } from '@spillway/core/internal';
import type { JobEmitter } from '../job/events.ts';
import type { OperatorStatistics } from '../monitor/operator-statistics.ts';

const EVERY_MS = 100;
/** A cap is not taken below this. */
const LEAST_BYTES = 256 * 1024;
/** Of what can be spared so much goes at once: shares that follow every moment never come to rest. */
const STEP = 1 / 2;
/** Where nobody has more than it asks for. */
const HARD_STEP = 1 / 8;

/** One stage's part. */
export interface AutoShare {
  capBytes: number;
  wishBytes: number;
  /** Flushes since the last look that came earlier than it wished. */
  forced: number;
}

/** The caps as they should be now. Their sum stays what it is. */
export function moveShares(shares: readonly AutoShare[]): number[] {
  const caps = shares.map(({ capBytes }) => capBytes);
  const needs = shares.map(({ capBytes, wishBytes, forced }) => (forced > 0 ? Math.max(0, wishBytes - capBytes) : 0));
  if (needs.every((need) => need === 0)) return caps;
  const spare = shares.map(({ capBytes, wishBytes, forced }) =>
    forced > 0 ? 0 : Math.floor(Math.max(0, capBytes - Math.max(wishBytes, LEAST_BYTES)) * STEP),
  );
  if (spare.every((bytes) => bytes === 0)) spareOfCalmest(shares, spare, needs);
  const asked = needs.reduce((sum, need) => sum + need, 0);
  if (asked === 0) return caps;
  const given = Math.min(
    asked,
    spare.reduce((sum, bytes) => sum + bytes, 0),
  );
  const total = spare.reduce((sum, bytes) => sum + bytes, 0);
  let left = given;
  spare.forEach((bytes, index) => {
    const taken = total === 0 ? 0 : Math.floor((bytes * given) / total);
    caps[index] = (caps[index] as number) - taken;
    left -= taken;
  });
  let rest = given - left;
  needs.forEach((need, index) => {
    const got = Math.min(rest, Math.ceil((need * (given - left)) / asked));
    caps[index] = (caps[index] as number) + got;
    rest -= got;
  });
  return caps;
}

/** A stage that is forced less than half as often as another gives some of what it needs itself. */
function spareOfCalmest(shares: readonly AutoShare[], spare: number[], needs: number[]): void {
  const most = Math.max(...shares.map(({ forced }) => forced));
  let calmest = -1;
  for (const [index, { forced, capBytes }] of shares.entries()) {
    const isCalm = forced * 2 < most && capBytes > LEAST_BYTES;
    if (isCalm && (calmest < 0 || forced < (shares[calmest] as AutoShare).forced)) calmest = index;
  }
  const share = shares[calmest];
  if (share === undefined) return;
  needs[calmest] = 0;
  spare[calmest] = Math.floor(Math.min(share.capBytes * HARD_STEP, share.capBytes - LEAST_BYTES));
}

interface Member {
  stage: string;
  node: string;
  statistics: OperatorStatistics;
  capBytes: number;
  /** Flushes by memory and pressure up to the last look. */
  counted: number;
}

/** Looks at the stages every tenth of a second, on the main thread. */
export class AdaptiveLimits {
  readonly #members: Member[];
  readonly #emitter: JobEmitter;
  readonly #timer: NodeJS.Timeout | undefined;

  /** `statisticsOf`: of one operator of a stage, which runs in one lane. */
  constructor(
    stages: readonly StageSpec[],
    statisticsOf: (stage: StageSpec, operator: number) => OperatorStatistics,
    emitter: JobEmitter,
  ) {
    this.#emitter = emitter;
    this.#members = stages.flatMap((stage) =>
      stage.operators.flatMap(({ autoBytes, name }, index) =>
        autoBytes === undefined
          ? []
          : [
              {
                stage: stage.name,
                node: name,
                statistics: statisticsOf(stage, index),
                capBytes: autoBytes,
                counted: 0,
              },
            ],
      ),
    );
    if (this.#members.length === 0) return;
    this.#timer = setInterval(() => this.look(), EVERY_MS);
    this.#timer.unref();
  }

  /** Moves what is to be moved now. */
  look(): void {
    const shares = this.#members.map((member): AutoShare & { limitBytes: number } => {
      const { flushes, wishBytes, limitBytes } = member.statistics.read();
      const early = (wishBytes > member.capBytes ? flushes.memory : 0) + flushes.pressure;
      const forced = Math.max(0, early - member.counted);
      member.counted = early;
      return { capBytes: member.capBytes, wishBytes, forced, limitBytes };
    });
    for (const [index, capBytes] of moveShares(shares).entries()) {
      const member = this.#members[index] as Member;
      if (capBytes === member.capBytes) continue;
      member.capBytes = capBytes;
      member.statistics.setCap(capBytes);
      const { wishBytes, forced } = shares[index] as AutoShare;
      const { stage, node } = member;
      this.#emitter.emit('limit', {
        node,
        stage,
        limitBytes: Math.min(capBytes, wishBytes),
        capBytes,
        wishBytes,
        forced,
      });
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
