/** Colours, where the terminal has some and nobody minds: https://no-color.org */
import type { Output, Surroundings } from '../surroundings.ts';

/** Wraps a text. */
export type Paint = (text: string) => string;

export interface Style {
  bold: Paint;
  dim: Paint;
  red: Paint;
  green: Paint;
  yellow: Paint;
}

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

/** Whether a stream is to be coloured. `FORCE_COLOR` asks for it, `NO_COLOR` forbids it, a dumb terminal has none. */
export function hasColour(output: Pick<Output, 'isTTY'>, env: Surroundings['env']): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const force = env['FORCE_COLOR'];
  if (force !== undefined) return force !== '0' && force !== 'false';
  return output.isTTY === true && env['TERM'] !== 'dumb';
}

export function styleOf(isColoured: boolean): Style {
  const paint =
    ([on, off]: readonly [number, number]): Paint =>
    (text) =>
      isColoured ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: paint(CODES.bold),
    dim: paint(CODES.dim),
    red: paint(CODES.red),
    green: paint(CODES.green),
    yellow: paint(CODES.yellow),
  };
}
