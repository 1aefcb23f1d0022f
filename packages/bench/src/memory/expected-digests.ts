/**
 * What the results of the watched jobs have to be, from the generator's rows and plain loops: no engine, no columns of its own making, no
 * batches. Values are multiples of 1/64, so that sums of them are exact in any order.
 */
import { CPU_START_US, type CpuOnlyOptions } from '../generators/cpu-only.ts';
import { type CpuColumns, cpuColumns, ticksOfSplit } from './cpu-rows.ts';
import { HOSTS, LEFT_SEED, MISSING_PER_MILLE, type PeakJobName, RIGHT_SEED } from './peak-jobs.ts';
import { RowDigest } from './row-digest.ts';

const HOUR_US = 3_600_000_000;
const DAY_US = 24 * HOUR_US;
const START_US = Number(CPU_START_US);

/** What an open bin of one key has, by place. */
const BIN = { n: 0, matched: 1, sum: 2, low: 3, high: 4, first: 5, last: 6, other: 7 } as const;
const BIN_PLACES = Object.keys(BIN).length;

type Shape = 'plain' | 'keyed' | 'joined';

/** Bins of one length by key, in the order in which an aggregate emits them. */
class Bins {
  readonly digest: RowDigest = new RowDigest();
  readonly #lengthUs: number;
  readonly #shape: Shape;
  readonly #bins: Float64Array;
  /** Longer bins, a multiple of these, made from these. */
  readonly #coarse: Bins | undefined;
  #openFrom = Number.NEGATIVE_INFINITY;

  constructor(lengthUs: number, shape: Shape, coarse?: Bins) {
    this.#lengthUs = lengthUs;
    this.#shape = shape;
    this.#coarse = coarse;
    this.#bins = new Float64Array((shape === 'keyed' ? HOSTS : 1) * BIN_PLACES);
  }

  /** A row; `value` is NaN where there is none. */
  add(us: number, host: number, value: number, other: number): void {
    this.#open(us);
    const bins = this.#bins;
    const at = this.#shape === 'keyed' ? host * BIN_PLACES : 0;
    (bins[at + BIN.n] as number) += 1;
    (bins[at + BIN.other] as number) += other;
    if (Number.isNaN(value)) return;
    const isFirst = bins[at + BIN.matched] === 0;
    (bins[at + BIN.matched] as number) += 1;
    (bins[at + BIN.sum] as number) += value;
    if (isFirst) bins[at + BIN.first] = value;
    if (isFirst || value < (bins[at + BIN.low] as number)) bins[at + BIN.low] = value;
    if (isFirst || value > (bins[at + BIN.high] as number)) bins[at + BIN.high] = value;
    bins[at + BIN.last] = value;
  }

  /** Emits what is open. */
  close(): void {
    for (let at = 0; at < this.#bins.length; at += BIN_PLACES) {
      const bin = this.#bins.subarray(at, at + BIN_PLACES);
      if (bin[BIN.n] === 0) continue;
      this.#coarse?.merge(this.#openFrom, at, bin);
      this.#emit(at / BIN_PLACES, bin);
      bin.fill(0);
    }
  }

  merge(us: number, at: number, finer: Float64Array): void {
    this.#open(us);
    const bin = this.#bins.subarray(at, at + BIN_PLACES);
    const isFirst = bin[BIN.matched] === 0;
    for (const place of [BIN.n, BIN.matched, BIN.sum, BIN.other]) (bin[place] as number) += finer[place] as number;
    if (finer[BIN.matched] === 0) return;
    if (isFirst) bin[BIN.first] = finer[BIN.first] as number;
    if (isFirst || (finer[BIN.low] as number) < (bin[BIN.low] as number)) bin[BIN.low] = finer[BIN.low] as number;
    if (isFirst || (finer[BIN.high] as number) > (bin[BIN.high] as number)) bin[BIN.high] = finer[BIN.high] as number;
    bin[BIN.last] = finer[BIN.last] as number;
  }

  #open(us: number): void {
    if (us < this.#openFrom + this.#lengthUs) return;
    this.close();
    this.#openFrom = us - (us % this.#lengthUs);
  }

  #emit(host: number, bin: Float64Array): void {
    const counts = [
      this.#openFrom,
      ...(this.#shape === 'joined' ? [BIN.matched, BIN.n] : [BIN.n]).map((place) => bin[place] as number),
    ];
    const [from, ...rest] = counts.map((value) => BigInt64Array.of(BigInt(value))) as [
      BigInt64Array,
      ...BigInt64Array[],
    ];
    const values = [BIN.sum, BIN.low, BIN.high, BIN.first, BIN.last, BIN.other].map((place) =>
      bin.subarray(place, place + 1),
    );
    this.digest.add([from, ...(this.#shape === 'keyed' ? [Int32Array.of(host)] : []), ...rest, ...values]);
  }
}

/** Calls with the columns of the whole table, some ticks at a time; a turn of the event loop between two. */
async function eachSlice(
  table: Pick<CpuOnlyOptions, 'seed' | 'hosts'>,
  ticks: number,
  take: (columns: CpuColumns, from: number) => void,
): Promise<void> {
  const step = ticksOfSplit(table.hosts);
  for (let from = 0; from < ticks; from += step) {
    take(cpuColumns({ ...table, ticks }, from, Math.min(from + step, ticks)), from);
    await new Promise(setImmediate);
  }
}

const LEFT = { seed: LEFT_SEED, hosts: HOSTS };

/** Calls with every row of the left table: microseconds since 1970, host, both metrics. */
function eachRow(ticks: number, take: (us: number, host: number, user: number, system: number) => void): Promise<void> {
  return eachSlice(LEFT, ticks, ({ host, user, system }, from) => {
    for (let row = 0; row < host.length; row += 1) {
      const us = START_US + (from + Math.floor(row / HOSTS)) * 10_000_000;
      take(us, host[row] as number, user[row] as number, system[row] as number);
    }
  });
}

async function binned(ticks: number, shape: 'plain' | 'keyed'): Promise<string[]> {
  const daily = new Bins(DAY_US, shape);
  const hourly = new Bins(HOUR_US, shape, daily);
  await eachRow(ticks, (us, host, user, system) => hourly.add(us, host, user, system));
  return closed([hourly, daily]);
}

function closed(all: readonly Bins[]): string[] {
  for (const bins of all) bins.close();
  return all.map(({ digest }) => digest.text());
}

/** Ascending by `user`, equal ones as they came. */
async function sorted(ticks: number): Promise<string[]> {
  const empty = () => ({ n: 0, low: Infinity, high: -Infinity, first: 0, last: 0, lastHost: 0, user: 0, system: 0 });
  const bins = Array.from({ length: 101 }, empty);
  await eachRow(ticks, (us, host, user, system) => {
    const bin = bins[Math.floor(user)] as ReturnType<typeof empty>;
    if (user < bin.low) Object.assign(bin, { low: user, first: us });
    if (user >= bin.high) Object.assign(bin, { high: user, last: us, lastHost: host });
    bin.n += 1;
    bin.user += user;
    bin.system += system;
  });
  const digest = new RowDigest();
  bins.forEach(({ n, first, last, lastHost, user, system }, from) => {
    if (n === 0) return;
    const [count, ...times] = [n, first, last].map((value) => BigInt64Array.of(BigInt(value))) as [
      BigInt64Array,
      ...BigInt64Array[],
    ];
    const sums = [user, system].map((value) => Float64Array.of(value));
    digest.add([Float64Array.of(from), count, ...times, Int32Array.of(lastHost), ...sums]);
  });
  return [digest.text()];
}

/** Right rows of a tick come some seconds behind the left ones: a left row meets the last one of an earlier tick. */
async function asOf(ticks: number): Promise<string[]> {
  const right = { seed: RIGHT_SEED, hosts: HOSTS, ticks, missingPerMille: MISSING_PER_MILLE };
  const lastOf = new Float64Array(HOSTS).fill(Number.NaN);
  const bins = new Bins(HOUR_US, 'joined');
  const step = ticksOfSplit(HOSTS);
  for (let from = 0; from < ticks; from += step) {
    const to = Math.min(from + step, ticks);
    const rights = cpuColumns(right, from, to);
    const lefts = cpuColumns({ ...LEFT, ticks }, from, to);
    let at = 0;
    for (let row = 0; row < lefts.host.length; row += 1) {
      const us = START_US + (from + Math.floor(row / HOSTS)) * 10_000_000;
      for (; at < rights.host.length && Number(rights.time[at]) < us; at += 1)
        lastOf[rights.host[at] as number] = rights.user[at] as number;
      const host = lefts.host[row] as number;
      bins.add(us, host, lastOf[host] as number, lefts.user[row] as number);
    }
    for (; at < rights.host.length; at += 1) lastOf[rights.host[at] as number] = rights.user[at] as number;
    await new Promise(setImmediate);
  }
  return closed([bins]);
}

/** Each row of one host with the hundred of its tick. */
async function merged(ticks: number): Promise<string[]> {
  const bins = new Bins(HOUR_US, 'joined');
  const one = new Float64Array(ticks);
  await eachSlice({ seed: RIGHT_SEED, hosts: 1 }, ticks, ({ user }, from) => one.set(user, from));
  let row = 0;
  await eachRow(ticks, (us, host, user) => {
    bins.add(us, host, user, one[Math.floor(row / HOSTS)] as number);
    row += 1;
  });
  return closed([bins]);
}

/** Each row with the sum of its day, and the last row of its tick. */
async function withDays(ticks: number): Promise<string[]> {
  const days: number[] = [];
  const lastOfTick = new Float64Array(ticks);
  const dayOf = (us: number): number => Math.floor((us - START_US) / DAY_US);
  const tickOf = (us: number): number => (us - START_US) / 10_000_000;
  await eachRow(ticks, (us, _, user) => {
    days[dayOf(us)] = (days[dayOf(us)] ?? 0) + user;
    lastOfTick[tickOf(us)] = user;
  });
  const bins = new Bins(HOUR_US, 'joined');
  await eachRow(ticks, (us, host) => bins.add(us, host, days[dayOf(us)] as number, lastOfTick[tickOf(us)] as number));
  return closed([bins]);
}

/** All rows as they are. */
async function rows(ticks: number): Promise<string[]> {
  const digest = new RowDigest();
  await eachSlice(LEFT, ticks, ({ time, host, user, system }) => digest.add([time, host, user, system]));
  return [digest.text()];
}

const EXPECTED: Partial<Record<PeakJobName, (ticks: number) => Promise<string[]>>> = {
  aggregate: (ticks) => binned(ticks, 'plain'),
  delivered: rows,
  hostile: (ticks) => binned(ticks, 'plain'),
  holding: (ticks) => binned(ticks, 'plain'),
  keyed: (ticks) => binned(ticks, 'keyed'),
  sort: sorted,
  asof: asOf,
  merge: merged,
  fanout: withDays,
};

/** Digests that a job over so many ticks has to give; undefined for one that writes files instead. */
export async function expectedDigests(job: PeakJobName, ticks: number): Promise<string[] | undefined> {
  return EXPECTED[job]?.(ticks);
}

/** Sums over all rows of a table, each exact as a double. */
export interface Totals {
  rows: number;
  /** Of their times, counted from the table's first one. */
  ticks: number;
  hosts: number;
  user: number;
  system: number;
  userByHost: number;
  userByTick: number;
}

/** What a dataset with all rows of the left table has to add up to. */
export async function expectedTotals(ticks: number): Promise<Totals> {
  const totals: Totals = { rows: 0, ticks: 0, hosts: 0, user: 0, system: 0, userByHost: 0, userByTick: 0 };
  await eachRow(ticks, (us, host, user, system) => {
    totals.rows += 1;
    const tick = (us - START_US) / 10_000_000;
    totals.ticks += tick;
    totals.hosts += host;
    totals.user += user;
    totals.system += system;
    totals.userByHost += user * host;
    totals.userByTick += user * (tick % 1009);
  });
  return totals;
}
