/**
 * Bins and snapshots by their rules alone, over all rows at once: for each bin every row is asked whether it lies in it. No code is shared with the
 * engine or its reference executor, which both take rows one after the other.
 */
export interface PlainRow {
  t: number;
  k: string | null;
  v: number | null;
}

type Side = 'left' | 'right';

export interface PlainOptions {
  every?: number;
  period?: number;
  origin?: number;
  edges?: number[];
  rows?: number;
  gap?: number;
  closed?: Side;
  label?: Side;
  empty?: 'null';
  snapshots?: { every?: number; at?: number[]; closed?: Side; label?: Side };
}

export interface PlainBin {
  t: number;
  k?: string | null;
  n: number;
  sum: number | null;
  first: number | null;
  last: number | null;
  median: number | null;
}

type Span = readonly [start: number, end: number];
type Key = string | null | undefined;

function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

function binOf(t: number, key: Key, rows: readonly PlainRow[]): PlainBin {
  const values = rows.flatMap(({ v }) => (v === null ? [] : [v]));
  return {
    t,
    ...(key !== undefined && { k: key }),
    n: rows.length,
    sum: values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0),
    first: values[0] ?? null,
    last: values.at(-1) ?? null,
    median: medianOf(values),
  };
}

/** Keys in the order of the output, nulls last; one that stands for all rows where there is no key. */
function keysOf(rows: readonly PlainRow[], isKeyed: boolean): Key[] {
  if (!isKeyed) return [undefined];
  const texts = [...new Set(rows.flatMap(({ k }) => (k === null ? [] : [k])))].sort();
  return rows.some(({ k }) => k === null) ? [...texts, null] : texts;
}

const ofKey = (rows: readonly PlainRow[], key: Key): PlainRow[] =>
  rows.filter(({ k }) => key === undefined || k === key);

/** All windows that may hold a row; undefined where bins follow from rows. */
function spansOf(
  rows: readonly PlainRow[],
  { every, period = every, origin = 0, edges }: PlainOptions,
): Span[] | undefined {
  if (edges !== undefined) return edges.slice(1).map((end, index) => [edges[index] as number, end]);
  if (every === undefined || period === undefined) return undefined;
  const [low, high] = [rows[0]?.t ?? 0, rows.at(-1)?.t ?? 0];
  const spans: Span[] = [];
  for (let index = Math.floor((low - origin - period) / every) - 1; index * every + origin <= high + 1; index++)
    spans.push([index * every + origin, index * every + origin + period]);
  return spans;
}

function isIn({ t }: PlainRow, [start, end]: Span, closed: Side): boolean {
  return closed === 'left' ? start <= t && t < end : start < t && t <= end;
}

export function plainBins(rows: readonly PlainRow[], options: PlainOptions, isKeyed: boolean): PlainBin[] {
  const spans = spansOf(rows, options);
  if (spans === undefined) return binsOfRows(rows, options, isKeyed);
  const { closed = 'left', label, empty } = options;
  const holding = spans.map((span) => rows.some((row) => isIn(row, span, closed)));
  const shown = spans.slice(Math.max(0, holding.indexOf(true)), holding.lastIndexOf(true) + 1);
  const begun = new Set<Key>();
  return shown.flatMap((span) =>
    keysOf(rows, isKeyed).flatMap((key) => {
      const own = ofKey(rows, key).filter((row) => isIn(row, span, closed));
      if (own.length > 0) begun.add(key);
      const isShown = own.length > 0 || (empty === 'null' && begun.has(key));
      return isShown ? [binOf(label === 'right' ? span[1] : span[0], key, own)] : [];
    }),
  );
}

function binsOfRows(
  rows: readonly PlainRow[],
  { rows: most, gap = 0, label }: PlainOptions,
  isKeyed: boolean,
): PlainBin[] {
  const bins = keysOf(rows, isKeyed).flatMap((key) => {
    const found: PlainRow[][] = [];
    for (const row of ofKey(rows, key)) {
      const open = found.at(-1);
      const isOver = most === undefined ? row.t - (open?.at(-1)?.t ?? row.t) > gap : open?.length === most;
      if (open === undefined || isOver) found.push([row]);
      else open.push(row);
    }
    return found.map((own) => binOf((label === 'right' ? own.at(-1) : own[0])?.t as number, key, own));
  });
  // The sort is stable, and keys and their bins are in order.
  return bins.sort((a, b) => a.t - b.t);
}

export function plainSnapshots(rows: readonly PlainRow[], options: PlainOptions, isKeyed: boolean): PlainBin[] {
  const { snapshots = {}, empty } = options;
  const { closed = options.closed ?? 'left', every = 0, label } = snapshots;
  const isBefore = ({ t }: PlainRow, point: number): boolean => (closed === 'left' ? t < point : t <= point);
  return pointsOf(rows, snapshots, isBefore).flatMap((point) => {
    const seen = rows.filter((row) => isBefore(row, point));
    return keysOf(rows, isKeyed).flatMap((key) => {
      const own = currentOf(ofKey(seen, key), rows, point, options, closed);
      const hasBegun = (!isKeyed && snapshots.at !== undefined) || ofKey(seen, key).length > 0;
      const isShown = own.length > 0 || (empty === 'null' && hasBegun);
      return isShown ? [binOf(label === 'left' ? point - every : point, key, own)] : [];
    });
  });
}

/** Up to the first point behind the last row; a grid from the first one behind the first row. */
function pointsOf(
  rows: readonly PlainRow[],
  { every = 0, at }: NonNullable<PlainOptions['snapshots']>,
  isBefore: (row: PlainRow, point: number) => boolean,
): number[] {
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined) return [];
  const start = Math.floor(first.t / every) * every;
  const points = at ?? Array.from({ length: (last.t - first.t) / every + 3 }, (_, index) => start + index * every);
  const end = points.findIndex((point) => isBefore(last, point));
  const until = end < 0 ? points : points.slice(0, end + 1);
  return at === undefined ? until.filter((point) => isBefore(first, point)) : until;
}

/** The rows of a key, up to a point, that are in the bin which is current there. */
function currentOf(
  seen: readonly PlainRow[],
  rows: readonly PlainRow[],
  point: number,
  options: PlainOptions,
  pointClosed: Side,
): PlainRow[] {
  const { closed = 'left', rows: most = 0 } = options;
  const spans = spansOf(rows, options);
  if (spans === undefined) {
    const own = seen.slice(Math.floor((seen.length - 1) / most) * most);
    const isPast = 2 * point + (pointClosed === 'right' ? 1 : 0) > 2 * (own.at(-1)?.t ?? point) + 1;
    return closed === 'right' && own.length === most && isPast ? [] : own;
  }
  const isOver = ([, end]: Span): boolean =>
    closed === 'left' && pointClosed === 'right' ? end <= point : end < point;
  const span = spans.find((candidate) => !isOver(candidate));
  return span === undefined ? [] : seen.filter((row) => isIn(row, span, closed));
}
