/**
 * Which stored row groups a write rewrites, and with which of the new rows. Only groups that overlap the new rows have to
 * be; groups that are off their target size and lie beside are rewritten too, when there are too many of them or when the
 * result fills a group.
 *
 * Stored rows and new rows are cut into *atoms*: a stored group with the new rows that fall into it, or new rows between
 * groups. A *region* is a run of atoms that is merged and written anew. The rules are those of the Python library OUPS
 * (https://github.com/yohplala/oups, `OARMergeSplitStrategy`), so that a dataset is cut as users know it.
 */
import { compareOrdered, type OrderedValue } from '../../formats/ordered-value.ts';
import type { Periods } from '../files/row-group-target.ts';

/** What the plan has to know of a stored row group. */
export interface GroupBounds {
  rows: number;
  min: OrderedValue;
  max: OrderedValue;
}

/** The new rows, ordered. Numbers of rows count from 0. */
export interface NewRows {
  readonly rows: number;
  /** The first row whose value is at or after the bound, of a stored group. */
  lower(bound: OrderedValue): number;
  /** The first row whose value is after it. */
  upper(bound: OrderedValue): number;
  /** Value of a row that a bound lies before or behind, or of the first or last. */
  valueAt(row: number): OrderedValue;
}

export interface MergeRules {
  /** Rows of a group, or its period. */
  target: number | Periods;
  /** Equal rows are dropped but for the last, so a group that ends on a new row's value overlaps it. */
  dropDuplicates: boolean;
  /** Neighbours off target that are left alone at most; undefined leaves them all alone. */
  maxOffTarget: number | undefined;
}

/** Stored groups [firstGroup, endGroup) and new rows [firstRow, endRow) that become new groups, in order. */
export interface MergeRegion {
  firstGroup: number;
  endGroup: number;
  firstRow: number;
  endRow: number;
}

interface Atom {
  /** The group, or where new rows lie between groups the one behind them. */
  group: number;
  hasGroup: boolean;
  firstRow: number;
  endRow: number;
  /** New rows fall into it, or into an equal value that it shares with the next. */
  isTouched: boolean;
}

/** Below this part of its target a group is off it. */
const LEAST_PART = 0.8;

type Range = [start: number, end: number];

/** Runs of positions for which something holds. */
function rangesWhere(count: number, holds: (at: number) => boolean): Range[] {
  const ranges: Range[] = [];
  for (let at = 0; at < count; at += 1) {
    if (!holds(at)) continue;
    const last = ranges.at(-1);
    if (last?.[1] === at) last[1] = at + 1;
    else ranges.push([at, at + 1]);
  }
  return ranges;
}

/** Groups that a value binds to the next: they share it, and new rows touch the next. Nothing is cut between them. */
function touches(groups: readonly GroupBounds[], rows: NewRows, dropDuplicates: boolean): Omit<Atom, 'hasGroup'>[] {
  const touched = groups.map(({ min, max }, group) => {
    const firstRow = rows.lower(min);
    const endRow = dropDuplicates ? rows.upper(max) : rows.lower(max);
    return { group, firstRow, endRow, isTouched: firstRow !== endRow };
  });
  touched.forEach((atom, group) => {
    const [next, bounds] = [touched[group + 1], groups[group + 1]];
    const isShared =
      next !== undefined && bounds !== undefined && compareOrdered(groups[group]?.max ?? 0, bounds.min) === 0;
    // Rows of a shared value belong to the last group that has it.
    if (isShared && next.isTouched) atom.endRow = next.firstRow;
  });
  return touched;
}

function atomsOf(groups: readonly GroupBounds[], rows: NewRows, dropDuplicates: boolean): Atom[] {
  const atoms: Atom[] = [];
  let done = 0;
  const between = (group: number, endRow: number): void => {
    if (endRow > done) atoms.push({ group, hasGroup: false, firstRow: done, endRow, isTouched: true });
    done = Math.max(done, endRow);
  };
  for (const atom of touches(groups, rows, dropDuplicates)) {
    between(atom.group, atom.firstRow);
    const endRow = Math.max(done, atom.endRow);
    atoms.push({ ...atom, hasGroup: true, firstRow: done, endRow });
    done = endRow;
  }
  between(groups.length, rows.rows);
  return atoms;
}

/** How atoms relate to the target. */
interface Sizes {
  isOnTarget(atom: Atom): boolean;
  /** Whether a run of atoms fills at least one group. */
  fills(atoms: readonly Atom[]): boolean;
}

function sizesInRows(groups: readonly GroupBounds[], target: number, dropDuplicates: boolean): Sizes {
  const least = Math.floor(target * LEAST_PART);
  const stored = (atom: Atom): number => (atom.hasGroup ? (groups[atom.group]?.rows ?? 0) : 0);
  const added = (atom: Atom): number => atom.endRow - atom.firstRow;
  return {
    isOnTarget: (atom) => {
      const most = stored(atom) + added(atom);
      return most >= least && (atom.isTouched || most <= target);
    },
    fills: (atoms) => {
      const rowsOf = (atom: Atom): number =>
        dropDuplicates ? Math.max(stored(atom), added(atom)) : stored(atom) + added(atom);
      return atoms.reduce((sum, atom) => sum + rowsOf(atom), 0) >= target;
    },
  };
}

function sizesInPeriods(
  groups: readonly GroupBounds[],
  rows: NewRows,
  periods: Periods,
  atoms: readonly Atom[],
): Sizes {
  const ends = new Map(
    atoms.map((atom) => {
      const group = atom.hasGroup ? groups[atom.group] : undefined;
      const first = group?.min ?? rows.valueAt(atom.firstRow);
      const last = group?.max ?? rows.valueAt(atom.endRow - 1);
      return [atom, [periods.startOf(first), periods.startOf(last)] as const];
    }),
  );
  const startOf = (atom: Atom): bigint => ends.get(atom)?.[0] ?? 0n;
  const endOf = (atom: Atom): bigint => ends.get(atom)?.[1] ?? 0n;
  const users = new Map<bigint, number>();
  for (const period of [...ends.values()].flat()) users.set(period, (users.get(period) ?? 0) + 1);
  return {
    isOnTarget: (atom) => {
      const isSingle = startOf(atom) === endOf(atom);
      return isSingle ? users.get(startOf(atom)) === 2 : atom.isTouched;
    },
    fills: (run) => {
      const [first, last] = [run[0], run.at(-1)];
      return first !== undefined && last !== undefined && startOf(first) !== endOf(last);
    },
  };
}

/** Ranges of atoms to write anew. */
function rangesToWrite(atoms: readonly Atom[], sizes: Sizes, maxOffTarget: number | undefined, rows: number): Range[] {
  const plain = rangesWhere(atoms.length, (at) => atoms[at]?.isTouched === true);
  if (maxOffTarget === undefined) return plain;
  const isOff = atoms.map((atom) => !sizes.isOnTarget(atom));
  const wide = rangesWhere(atoms.length, (at) => atoms[at]?.isTouched === true || isOff[at] === true)
    .filter(([start, end]) => rows === 0 || atoms.slice(start, end).some((atom) => atom.isTouched))
    .filter(([start, end]) => {
      const off = isOff.slice(start, end).filter(Boolean).length;
      return off > maxOffTarget || sizes.fills(atoms.slice(start, end));
    });
  if (rows === 0) return wide;
  const alone = plain.filter(([start, end]) => !wide.some(([from, to]) => from < end && start < to));
  return [...alone, ...wide].sort((a, b) => a[0] - b[0]);
}

/**
 * The regions that a write of these rows makes of the stored groups, in order. Groups ascend and touch at most at their
 * bounds. Without new rows, regions are what compaction finds.
 */
export function planMerge(groups: readonly GroupBounds[], rows: NewRows, rules: MergeRules): MergeRegion[] {
  const { target, dropDuplicates, maxOffTarget } = rules;
  const atoms = atomsOf(groups, rows, dropDuplicates);
  const sizes =
    typeof target === 'number'
      ? sizesInRows(groups, target, dropDuplicates)
      : sizesInPeriods(groups, rows, target, atoms);
  return rangesToWrite(atoms, sizes, maxOffTarget, rows.rows).map(([start, end]) => {
    const [first, last] = [atoms[start] as Atom, atoms[end - 1] as Atom];
    return {
      firstGroup: first.group,
      endGroup: last.hasGroup ? last.group + 1 : last.group,
      firstRow: first.firstRow,
      endRow: last.endRow,
    };
  });
}
