/** Files that barriers, or ends of partitions, ended before their target: those that would have been one are put together when they are committed. */
import { compareOrdered } from '../../formats/ordered-value.ts';
import type { StagedFile } from '../files/dataset-file.ts';
import type { Periods } from '../files/row-group-target.ts';

/**
 * Neighbours that would have been one file, as positions; most are alone. A file that was cut is never put together with one that
 * is too large for both, so that what is read and written again is small files.
 */
export function chainsOf(files: readonly StagedFile[], target: number | Periods): number[][] {
  const chains: number[][] = [];
  let rows = 0;
  files.forEach((file, at) => {
    const before = files[at - 1];
    const fits = typeof target === 'number' ? rows + file.rows <= target : isInPeriod(before, file, target);
    if (before?.isCut === true && fits) {
      chains.at(-1)?.push(at);
      rows += file.rows;
    } else {
      chains.push([at]);
      rows = file.rows;
    }
  });
  return chains;
}

/** Which of these files have rows of a value that lies on both sides of a cut. */
export function touchesCut(files: readonly StagedFile[]): (file: StagedFile) => boolean {
  const values = files.flatMap(({ max, isCut }, at) => {
    const next = files[at + 1];
    return isCut === true && next !== undefined && compareOrdered(max, next.min) === 0 ? [max] : [];
  });
  const found = new Set(values);
  return ({ min, max }) => found.has(min) || found.has(max);
}

function isInPeriod(before: StagedFile | undefined, { max }: StagedFile, periods: Periods): boolean {
  return before !== undefined && compareOrdered(max, periods.endOf(before.min)) < 0;
}
