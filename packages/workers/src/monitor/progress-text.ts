/** How far a job has come, in words: the lines that `terminalProgress` draws. */
import { formatBytes } from '@spillway/core/words';
import type { EndpointProgress, Progress } from './progress.ts';

const MEGA = 1e6;
const NAME_CELLS = 24;
const BAR_CELLS = 20;
/** Lines for sources and for sinks; more of them would fill the screen. */
const MOST_LINES = 8;

/** Part that is done, 0 to 1; undefined where the total is not known. */
export function doneOf({ rows, totalRows, bytes, totalBytes }: EndpointProgress): number | undefined {
  if (totalRows !== undefined) return totalRows === 0 ? 1 : Math.min(1, rows / totalRows);
  return totalBytes === undefined ? undefined : totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes);
}

/** `█████░░░░░` */
export function barText(fill: number, cells: number = BAR_CELLS): string {
  const full = Math.min(cells, Math.max(0, Math.floor(fill * cells + 1e-9)));
  return '█'.repeat(full) + '░'.repeat(cells - full);
}

/** `850`, `12.3 k`, `4.21 M` */
export function shortCount(value: number): string {
  if (value < 1000) return String(Math.round(value));
  const [scaled, unit] =
    value < 999_950 ? [value / 1000, 'k'] : value < 999_950_000 ? [value / 1e6, 'M'] : [value / 1e9, 'G'];
  return `${scaled.toFixed(scaled < 10 ? 2 : 1)} ${unit}`;
}

/** `0.4 s`, `12 s`, `3:05`, `1:02:03` */
export function timeText(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours === 0 ? `${minutes}:${two(whole % 60)}` : `${hours}:${two(minutes)}:${two(whole % 60)}`;
}

function ratesOf({ rows, bytes, rowsPerSecond, bytesPerSecond }: EndpointProgress): string[] {
  const megabytes = bytes === 0 ? [] : [`${(bytesPerSecond / MEGA).toFixed(1)} MB/s`];
  return [`${shortCount(rows)} rows`, `${shortCount(rowsPerSecond)} rows/s`, ...megabytes];
}

function etaOf({ etaMs }: EndpointProgress): string[] {
  return etaMs === undefined || etaMs === 0 ? [] : [`${timeText(etaMs)} left`];
}

function cut(name: string): string {
  return name.length <= NAME_CELLS ? name : `${name.slice(0, NAME_CELLS - 1)}…`;
}

/** A line each: bar or arrow, counts, rates, time left. */
function endpointLines(points: readonly EndpointProgress[], arrow: string, width: number): string[] {
  const lines = points.slice(0, MOST_LINES).map((point) => {
    const done = doneOf(point);
    const bar =
      done === undefined
        ? arrow.padEnd(BAR_CELLS + 5)
        : `${barText(done)} ${String(Math.floor(done * 100)).padStart(3)}%`;
    return `${cut(point.name).padEnd(width)} ${bar}  ${[...ratesOf(point), ...etaOf(point)].join('  ')}`;
  });
  const more = points.length - lines.length;
  return more > 0 ? [...lines, `${''.padEnd(width)} and ${more} more`] : lines;
}

/** Resident memory beyond idle. */
function usedBytes({ memory }: Progress): number {
  return Math.max(0, memory.rssBytes - memory.idleRssBytes);
}

/** Lines for a terminal: one a source and sink, one of memory. */
export function progressLines(progress: Progress): string[] {
  const { sources, sinks, memory, pressure, elapsedMs } = progress;
  const width = Math.min(NAME_CELLS, Math.max(6, ...[...sources, ...sinks].map(({ name }) => name.length)));
  const used = usedBytes(progress);
  const fill = memory.limitBytes === 0 ? 0 : used / memory.limitBytes;
  const limit = memory.limitBytes === 0 ? '' : ` of ${formatBytes(memory.limitBytes)}`;
  return [
    ...endpointLines(sources, '→', width),
    ...endpointLines(sinks, '  →', width),
    `${'memory'.padEnd(width)} ${barText(fill)}       ${formatBytes(used)}${limit}  pressure ${pressure}  ${timeText(elapsedMs)}`,
  ];
}

/** One line, for logs. */
export function progressLine(progress: Progress): string {
  const { sources, sinks, memory, pressure, elapsedMs } = progress;
  const describe = (point: EndpointProgress): string => {
    const done = doneOf(point);
    return [
      `${point.name}${done === undefined ? '' : ` ${Math.floor(done * 100)}%`}`,
      ...ratesOf(point),
      ...etaOf(point),
    ].join(', ');
  };
  const limit = memory.limitBytes === 0 ? '' : ` of ${formatBytes(memory.limitBytes)}`;
  const ends = [...sources.slice(0, MOST_LINES), ...sinks.slice(0, MOST_LINES)].map(describe);
  return `${[timeText(elapsedMs), ...ends, `memory ${formatBytes(usedBytes(progress))}${limit}`].join('; ')}; pressure ${pressure}`;
}
