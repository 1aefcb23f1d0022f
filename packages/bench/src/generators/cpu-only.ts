/**
 * The "cpu-only" table of the time-series benchmark TSBS, remade without state: any slice of ticks can be generated, and
 * checked, alone. Metrics are multiples of 1/64 below 100, so that a double sum of them is exact in any order, and
 * chunked, parallel and spilled runs can be compared bit for bit.
 */
import { hash, mix } from './mix.ts';

export interface CpuOnlyOptions {
  seed: number;
  hosts: number;
  ticks: number;
  /** Chance in thousandths that a metric is null. Default 0. */
  nullsPerMille?: number;
  /** Chance in thousandths that a row is left out. Default 0. */
  missingPerMille?: number;
  /** How many of the metrics, from the first. Default all ten. */
  metrics?: number;
  /** Added to every time, in microseconds. Default 0. */
  laterUs?: number;
}

export const CPU_TAGS = [
  'hostname',
  'region',
  'datacenter',
  'rack',
  'os',
  'arch',
  'team',
  'service',
  'service_version',
  'service_environment',
] as const;

export const CPU_METRICS = [
  'usage_user',
  'usage_system',
  'usage_idle',
  'usage_nice',
  'usage_iowait',
  'usage_irq',
  'usage_softirq',
  'usage_steal',
  'usage_guest',
  'usage_guest_nice',
] as const;

/** Rows of some ticks, tick by tick, hosts ascending. */
export interface CpuSlice {
  rows: number;
  /** Microseconds since 1970. */
  time: BigInt64Array;
  /** Host number; its tags are `cpuTags(seed, host)`. */
  host: Uint32Array;
  /** One array a metric, in the order of `CPU_METRICS`. */
  metrics: Float64Array[];
  /** One array a metric, 1 where the value is there; absent when nothing can be null. */
  present?: Uint8Array[];
}

/** 2024-01-01T00:00:00Z. */
export const CPU_START_US: bigint = 1_704_067_200_000_000n;
const STEP_US = 10_000_000n;
const METRIC_COUNT = CPU_METRICS.length;

const REGIONS = [
  'us-east-1',
  'us-west-1',
  'us-west-2',
  'eu-west-1',
  'eu-central-1',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-northeast-1',
  'sa-east-1',
];
const SYSTEMS = ['Ubuntu16.10', 'Ubuntu16.04LTS', 'Ubuntu15.10'];
const ARCHITECTURES = ['x64', 'x86'];
const TEAMS = ['SF', 'NYC', 'LON', 'CHI'];
const ENVIRONMENTS = ['production', 'staging', 'test'];

/** The ten tags of a host, in the order of `CPU_TAGS`. */
export function cpuTags(seed: number, host: number): string[] {
  const draw = (k: number, n: number): number => hash(seed, host, 1000 + k, 0) % n;
  const region = REGIONS[draw(0, 9)] as string;
  return [
    `host_${host}`,
    region,
    region + 'abc'[draw(1, 3)],
    String(draw(2, 100)),
    SYSTEMS[draw(3, 3)] as string,
    ARCHITECTURES[draw(4, 2)] as string,
    TEAMS[draw(5, 4)] as string,
    String(draw(6, 20)),
    String(draw(7, 2)),
    ENVIRONMENTS[draw(8, 3)] as string,
  ];
}

/** One metric in 64ths: 0…6400. The definition; `cpuSlice` computes the same faster. */
export function cpuMetric64ths(seed: number, host: number, metric: number, tick: number): number {
  const k = Math.floor(tick / 64);
  const a = hash(seed, host, metric, k) % 6401;
  const b = hash(seed, host, metric, k + 1) % 6401;
  return blend(a, b, tick % 64, hash(seed ^ 0x5bd1e995, host, metric, tick));
}

/** A straight line from a to b over 64 ticks, with noise of ±16. */
function blend(a: number, b: number, r: number, noise: number): number {
  const v = Math.floor((a * (64 - r) + b * r) / 64) + (noise & 31) - 16;
  return Math.min(6400, Math.max(0, v));
}

function isMissing(options: CpuOnlyOptions, host: number, tick: number): boolean {
  const perMille = options.missingPerMille ?? 0;
  return perMille > 0 && hash(options.seed ^ 0x165667b1, host, 777, tick) % 1000 < perMille;
}

/** Hosts that are there, tick by tick, as (tick, host) pairs of the slice. */
function layOutRows(options: CpuOnlyOptions, from: number, to: number): { ticks: Uint32Array; host: Uint32Array } {
  const capacity = (to - from) * options.hosts;
  const ticks = new Uint32Array(capacity);
  const host = new Uint32Array(capacity);
  let rows = 0;
  for (let tick = from; tick < to; tick += 1) {
    for (let h = 0; h < options.hosts; h += 1) {
      if (isMissing(options, h, tick)) continue;
      ticks[rows] = tick;
      host[rows] = h;
      rows += 1;
    }
  }
  return { ticks: ticks.subarray(0, rows), host: host.subarray(0, rows) };
}

/** Fills one metric. The hash's inner rounds depend on (seed, host, metric) only and are kept per host. */
function fillMetric(options: CpuOnlyOptions, metric: number, ticks: Uint32Array, host: Uint32Array): Float64Array {
  const { seed, hosts } = options;
  const lineRound = new Int32Array(hosts);
  const noiseRound = new Int32Array(hosts);
  for (let h = 0; h < hosts; h += 1) {
    lineRound[h] = mix((metric + mix((h + mix(seed)) | 0)) | 0);
    noiseRound[h] = mix((metric + mix((h + mix(seed ^ 0x5bd1e995)) | 0)) | 0);
  }
  // Both ends of a host's line hold for 64 ticks.
  const lineOf = new Int32Array(hosts).fill(-1);
  const lineFrom = new Int32Array(hosts);
  const lineTo = new Int32Array(hosts);
  const out = new Float64Array(ticks.length);
  for (let i = 0; i < out.length; i += 1) {
    const tick = ticks[i] as number;
    const h = host[i] as number;
    const k = tick >>> 6;
    if (lineOf[h] !== k) {
      lineOf[h] = k;
      lineFrom[h] = mix((k + (lineRound[h] as number)) | 0) % 6401;
      lineTo[h] = mix((k + 1 + (lineRound[h] as number)) | 0) % 6401;
    }
    const noise = mix((tick + (noiseRound[h] as number)) | 0);
    out[i] = blend(lineFrom[h] as number, lineTo[h] as number, tick & 63, noise) / 64;
  }
  return out;
}

function fillPresence(options: CpuOnlyOptions, metric: number, ticks: Uint32Array, host: Uint32Array): Uint8Array {
  const perMille = options.nullsPerMille ?? 0;
  const seed = options.seed ^ 0x27d4eb2f;
  return Uint8Array.from(ticks, (tick, i) => (hash(seed, host[i] as number, metric, tick) % 1000 < perMille ? 0 : 1));
}

/** The rows of ticks [from, to), as typed arrays. Slices that follow each other give the whole table. */
export function cpuSlice(options: CpuOnlyOptions, from: number, to: number): CpuSlice {
  const { ticks, host } = layOutRows(options, from, Math.min(to, options.ticks));
  const length = options.metrics ?? METRIC_COUNT;
  const metrics = Array.from({ length }, (_, metric) => fillMetric(options, metric, ticks, host));
  const time = new BigInt64Array(ticks.length);
  const firstUs = CPU_START_US + BigInt(options.laterUs ?? 0);
  for (let start = 0, end = 0; start < ticks.length; start = end) {
    while (end < ticks.length && ticks[end] === ticks[start]) end += 1;
    time.fill(firstUs + BigInt(ticks[start] as number) * STEP_US, start, end);
  }
  const slice: CpuSlice = { rows: ticks.length, time, host, metrics };
  if ((options.nullsPerMille ?? 0) === 0) return slice;
  return { ...slice, present: metrics.map((_, metric) => fillPresence(options, metric, ticks, host)) };
}
