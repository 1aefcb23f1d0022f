/** What buffers hold against their triggers, for people and as data. */
import type { HeldState, Triggers } from '@spillway/core/internal';

/** One buffering operator of a running job. */
export interface BufferState extends HeldState {
  /** Name of the node in the plan. */
  name: string;
  /** Name of the stage it runs in. */
  stage: string;
  triggers: Triggers;
  /** How full it is by the trigger nearest to firing, 0 to 1; 0 when it has none. */
  fill: number;
  /** One line: `op1 [██░] 2/3`. */
  text: string;
}

const BAR_CELLS = 10;
const MEBIBYTE = 1024 * 1024;

function bar(fill: number, cells: number): string {
  const full = Math.min(cells, Math.floor(fill * cells + 1e-9));
  return `[${'█'.repeat(full)}${'░'.repeat(cells - full)}]`;
}

/** Bytes in MiB with one decimal, without a trailing `.0`: `41.2`, `100`. */
function mebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(1).replace(/\.0$/, '');
}

interface Gauge {
  fill: number;
  cells: number;
  text: string;
}

/** A gauge for each trigger that counts something held. Small counts get a cell each, so that one input is one cell. */
function gaugesOf(held: HeldState, triggers: Triggers): Gauge[] {
  const gauges: Gauge[] = [];
  const { iterMax, rows, memoryLimitBytes } = triggers;
  if (iterMax !== undefined) {
    gauges.push({
      fill: held.inputs / iterMax,
      cells: Math.min(iterMax, BAR_CELLS),
      text: `${held.inputs}/${iterMax}`,
    });
  }
  if (rows !== undefined) gauges.push({ fill: held.rows / rows, cells: BAR_CELLS, text: `${held.rows}/${rows} rows` });
  if (typeof memoryLimitBytes === 'number') {
    const text = `${mebibytes(held.bytes)}/${mebibytes(memoryLimitBytes)} MiB`;
    gauges.push({ fill: held.bytes / memoryLimitBytes, cells: BAR_CELLS, text });
  }
  return gauges;
}

/** Draws a buffer by the trigger nearest to firing. */
export function describeBuffer(name: string, stage: string, held: HeldState, triggers: Triggers): BufferState {
  const [first, ...others] = gaugesOf(held, triggers);
  if (first === undefined) {
    return { name, stage, ...held, triggers, fill: 0, text: `${name} ${held.rows} rows, ${mebibytes(held.bytes)} MiB` };
  }
  const nearest = others.reduce((best, gauge) => (gauge.fill > best.fill ? gauge : best), first);
  const fill = Math.min(1, nearest.fill);
  return { name, stage, ...held, triggers, fill, text: `${name} ${bar(fill, nearest.cells)} ${nearest.text}` };
}
