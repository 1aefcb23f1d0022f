/** Bins of the reference executor that follow from the rows of a key: so many rows, or rows without a gap. */
import type { AggregationSpec, RowBins, SessionBins } from '../logical.ts';
import type { Group } from './aggregate-bins.ts';
import { compareRows } from './aggregate-functions.ts';
import type { Row } from './values.ts';

interface RowBin extends Group {
  first: bigint;
  last: bigint;
}

export class RowBinGroups {
  readonly #aggregation: AggregationSpec;
  readonly #bins: RowBins | SessionBins;
  readonly #open = new Map<string, RowBin>();
  #closed: RowBin[] = [];
  #clock: bigint | undefined;

  constructor(aggregation: AggregationSpec, bins: RowBins | SessionBins) {
    this.#aggregation = aggregation;
    this.#bins = bins;
  }

  /** A row at this instant comes next. */
  clock(instant: bigint): void {
    this.#clock = instant;
    for (const [id, bin] of this.#open) if (this.#isOver(bin, instant)) this.#close(id, bin);
  }

  add(id: string, keys: Row, row: Row, instant: bigint): void {
    let bin = this.#open.get(id);
    if (bin !== undefined && this.#bins.kind === 'rows' && bin.rows.length >= this.#bins.rows) {
      this.#close(id, bin);
      bin = undefined;
    }
    if (bin === undefined) this.#open.set(id, (bin = { keys, rows: [], first: instant, last: instant }));
    bin.rows.push(row);
    bin.last = instant;
  }

  /** The open bins for a snapshot that is taken here: closed on the right, a full one ends with its last row. */
  current(position: bigint): Map<string, Group> {
    const { closed } = this.#aggregation;
    const rows = this.#bins.kind === 'rows' ? this.#bins.rows : Infinity;
    const isCurrent = (bin: RowBin): boolean =>
      closed !== 'right' || bin.rows.length < rows || position <= 2n * bin.last + 1n;
    return new Map([...this.#open].filter(([, bin]) => isCurrent(bin)));
  }

  /** Closed bins in order of label, key and coming: those before every label that may still come, or all. */
  take(all: boolean): { label: bigint; group: Group }[] {
    if (all) for (const [id, bin] of this.#open) this.#close(id, bin);
    const labels = [...this.#open.values()].map((bin) => this.#labelOf(bin));
    const bound = [this.#clock ?? 0n, ...labels].reduce((least, label) => (label < least ? label : least));
    const isDue = (bin: RowBin): boolean => all || this.#labelOf(bin) < bound;
    const due = this.#closed.filter(isDue);
    this.#closed = this.#closed.filter((bin) => !isDue(bin));
    return due
      .sort((left, right) => Number(this.#labelOf(left) - this.#labelOf(right)) || compareRows(left.keys, right.keys))
      .map((group) => ({ label: this.#labelOf(group), group }));
  }

  #labelOf({ first, last }: RowBin): bigint {
    return this.#aggregation.label === 'right' ? last : first;
  }

  #isOver(bin: RowBin, instant: bigint): boolean {
    return this.#bins.kind === 'sessions' && instant - bin.last > BigInt(this.#bins.gapNs);
  }

  #close(id: string, bin: RowBin): void {
    this.#open.delete(id);
    this.#closed.push(bin);
  }
}
