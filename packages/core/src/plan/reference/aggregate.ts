/**
 * Aggregation of the reference executor: all rows of the open bins are kept, and computed when their bin is emitted. Bins over
 * time are here; those that follow from rows (`rows`, `gap`) in `row-bins.ts`.
 */
import { PipelineError } from '../../errors.ts';
import { isFloat, isNumeric } from '../../schema/parse-type.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import type { AggregateSpec, AggregationSpec, SnapshotSpec } from '../logical.ts';
import { type Group, type Window, windowAt, windowsOf } from './aggregate-bins.ts';
import { type Computation, compareRows } from './aggregate-functions.ts';
import { unitOf } from './casts.ts';
import { floorDivide } from './dates.ts';
import { interpret } from './interpret.ts';
import { RowBinGroups } from './row-bins.ts';
import type { Row, Value } from './values.ts';

interface OpenWindow extends Window {
  groups: Map<string, Group>;
}

/** Closed rows of an output. */
export interface ClosedRows {
  port: string;
  rows: Row[];
}

/** One named aggregation: rows by bin and keys, in the order they came. */
export class ReferenceAggregation {
  readonly #aggregation: AggregationSpec;
  readonly #computation: Computation;
  readonly #by: readonly number[];
  readonly #ordered: number;
  readonly #fields: Fields;
  readonly #rowBins: RowBinGroups | undefined;
  readonly #known = new Map<string, Row>();
  #open: OpenWindow[] = [];
  #closed: Row[] = [];
  #snapshots: Row[] = [];
  #lastRow: bigint | undefined;
  #newest: bigint | undefined;
  /** The next snapshot is taken here. */
  #point: bigint | undefined;
  /** Its place among given points. */
  #pointIndex: number | undefined;

  constructor(spec: AggregateSpec, aggregation: AggregationSpec, fields: Fields, computation: Computation) {
    const indexOf = (name: string): number => fields.findIndex((field) => field.name === name);
    this.#aggregation = aggregation;
    this.#computation = computation;
    this.#by = spec.by.map(indexOf);
    this.#ordered = indexOf(spec.orderedOn);
    this.#fields = fields;
    const { bins } = aggregation;
    this.#rowBins = bins.kind === 'rows' || bins.kind === 'sessions' ? new RowBinGroups(aggregation, bins) : undefined;
  }

  /** @throws ERR_INPUT_UNORDERED, ERR_VALUE for a row outside all edges */
  add(row: Row): void {
    const instant = this.#instantOf(row);
    this.#lastRow = instant;
    const { filter } = this.#aggregation;
    const isSeen = filter === undefined || interpret(filter, row, this.#fields) === true;
    if (this.#rowBins !== undefined) this.#addToRowBins(row, instant, isSeen);
    else if (isSeen) this.#addToWindows(row, instant);
    else if (this.#aggregation.snapshots === undefined) this.#advance(2n * instant);
  }

  /** Result rows that no later row can change, or all; in order, and forgotten. */
  take(all: boolean): ClosedRows[] {
    const { name, snapshots } = this.#aggregation;
    if (all) this.#finish();
    if (this.#rowBins !== undefined) {
      for (const { label, group } of this.#rowBins.take(all)) this.#closed.push(this.#result(label, group));
    }
    const taken = [{ port: name, rows: this.#closed }];
    if (snapshots !== undefined) taken.push({ port: snapshots.port, rows: this.#snapshots });
    this.#closed = [];
    this.#snapshots = [];
    return taken;
  }

  get #step(): bigint {
    const type = this.#fields[this.#ordered]?.type as TypeText;
    return isNumeric(type) ? 1n : unitOf(type);
  }

  #instantOf(row: Row): bigint {
    const value = row[this.#ordered];
    const name = this.#fields[this.#ordered]?.name ?? '';
    if (value === null || Number.isNaN(value))
      throw new PipelineError(
        'ERR_INPUT_UNORDERED',
        `column "${name}" is ${String(value)} in a row, so it has no place in the order`,
        { column: name },
      );
    const whole = typeof value === 'number' ? BigInt(Math.floor(value)) : (value as bigint);
    const instant = whole * this.#step;
    if (this.#lastRow !== undefined && instant < this.#lastRow)
      throw new PipelineError('ERR_INPUT_UNORDERED', `column "${name}" goes back to ${String(value)}`, {
        column: name,
        value: String(value),
      });
    return instant;
  }

  #keyOf(row: Row): { id: string; keys: Row } {
    const keys = this.#by.map((index) => row[index] as Value);
    return { id: JSON.stringify(keys.map((key) => (key === null ? null : [typeof key, String(key)]))), keys };
  }

  #result(label: bigint, { keys, rows }: Group): Row {
    const value = label / this.#step;
    const isFloats = isFloat(this.#fields[this.#ordered]?.type as TypeText);
    return [isFloats ? Number(value) : value, ...keys, ...this.#computation.compute(rows)];
  }

  #addToRowBins(row: Row, instant: bigint, isSeen: boolean): void {
    if (isSeen) this.#advancePoints(2n * instant);
    this.#rowBins?.clock(instant);
    if (isSeen) {
      const { id, keys } = this.#keyOf(row);
      this.#known.set(id, keys);
      this.#rowBins?.add(id, keys, row, instant);
      this.#startPoints(instant);
    }
  }

  #addToWindows(row: Row, instant: bigint): void {
    const { bins, closed } = this.#aggregation;
    this.#advance(2n * instant);
    const windows = windowsOf(bins, closed === 'right' ? instant - 1n : instant);
    if (windows.length === 0 && bins.kind === 'edges') this.#refuseOutside(bins.outside, instant);
    for (const window of windows) this.#openWindow(window);
    const { id, keys } = this.#keyOf(row);
    if (windows.length > 0) this.#known.set(id, keys);
    for (const window of this.#open) {
      const group = window.groups.get(id) ?? { keys, rows: [] };
      group.rows.push(row);
      window.groups.set(id, group);
    }
    this.#startPoints(instant);
  }

  #refuseOutside(outside: 'error' | 'drop', instant: bigint): void {
    if (outside === 'drop') return;
    throw new PipelineError('ERR_VALUE', `a row at ${instant / this.#step} lies outside all edges`, {
      value: String(instant / this.#step),
    });
  }

  #openWindow(window: Window): void {
    if (this.#newest !== undefined && window.index <= this.#newest) return;
    if (this.#newest !== undefined && this.#aggregation.empty === 'null') {
      for (let index = this.#newest + 1n; index < window.index; index++)
        this.#close({ ...(windowAt(this.#aggregation.bins, index) as Window), groups: new Map() });
    }
    this.#newest = window.index;
    this.#open.push({ ...window, groups: new Map() });
  }

  /**
   * Takes what is due up to a position: snapshots, and bins that end; a snapshot before a bin that ends with it. A position is twice an instant,
   * and one more for what still belongs to its left.
   */
  #advance(position: bigint): void {
    for (;;) {
      const window = this.#open[0];
      const end = window === undefined ? undefined : this.#endOf(window);
      const isOver = end !== undefined && end <= position;
      this.#advancePoints(isOver ? end : position);
      if (!isOver) return;
      this.#open.shift();
      this.#close(window as OpenWindow);
    }
  }

  #endOf({ end }: Window): bigint {
    return 2n * end + (this.#aggregation.closed === 'right' ? 1n : 0n);
  }

  #close({ start, end, groups }: OpenWindow): void {
    const label = this.#aggregation.label === 'right' ? end : start;
    this.#closed.push(...this.#rowsOf(label, groups, this.#aggregation.empty === 'null'));
  }

  /** By key value; with the keys of before that have no row here, where asked for. */
  #rowsOf(label: bigint, groups: ReadonlyMap<string, Group>, withMissing: boolean): Row[] {
    const all = [...groups.values()];
    if (withMissing) {
      for (const [id, keys] of this.#known) if (!groups.has(id)) all.push({ keys, rows: [] });
      if (all.length === 0 && this.#by.length === 0) all.push({ keys: [], rows: [] });
    }
    return all.sort((left, right) => compareRows(left.keys, right.keys)).map((group) => this.#result(label, group));
  }

  #finish(): void {
    const { snapshots } = this.#aggregation;
    const last =
      snapshots === undefined || this.#point === undefined ? undefined : this.#position(snapshots, this.#point);
    while (this.#open[0] !== undefined) {
      const window = this.#open.shift() as OpenWindow;
      if (last !== undefined && last <= this.#endOf(window) && this.#isPending(last)) this.#snapshot(window.groups);
      this.#close(window);
    }
    if (last !== undefined && this.#isPending(last)) this.#snapshot(this.#rowBins?.current(last) ?? new Map());
    this.#point = undefined;
  }

  #isPending(position: bigint): boolean {
    const { snapshots } = this.#aggregation;
    return snapshots !== undefined && this.#point !== undefined && this.#position(snapshots, this.#point) === position;
  }

  #position({ closed }: SnapshotSpec, point: bigint): bigint {
    return 2n * point + (closed === 'right' ? 1n : 0n);
  }

  #startPoints(instant: bigint): void {
    const { snapshots } = this.#aggregation;
    if (snapshots === undefined || this.#point !== undefined) return;
    if (snapshots.at.kind !== 'fixed') return;
    const { everyNs, originNs } = snapshots.at;
    const before = snapshots.closed === 'right' ? instant - 1n : instant;
    this.#point = (floorDivide(before - BigInt(originNs), BigInt(everyNs)) + 1n) * BigInt(everyNs) + BigInt(originNs);
  }

  #advancePoints(until: bigint): void {
    const { snapshots } = this.#aggregation;
    if (snapshots === undefined) return;
    if (this.#point === undefined && snapshots.at.kind === 'points' && this.#pointIndex === undefined)
      this.#point = this.#pointAt(snapshots, 0);
    while (this.#point !== undefined && this.#position(snapshots, this.#point) <= until) {
      const position = this.#position(snapshots, this.#point);
      this.#snapshot(this.#rowBins?.current(position) ?? this.#open[0]?.groups ?? new Map());
    }
  }

  #pointAt({ at }: SnapshotSpec, index: number): bigint | undefined {
    if (at.kind !== 'points') return undefined;
    this.#pointIndex = index;
    const point = at.pointsNs[index];
    return point === undefined ? undefined : BigInt(point);
  }

  #snapshot(groups: ReadonlyMap<string, Group>): void {
    const snapshots = this.#aggregation.snapshots as SnapshotSpec;
    const point = this.#point as bigint;
    const every = snapshots.at.kind === 'fixed' ? BigInt(snapshots.at.everyNs) : 0n;
    const label = snapshots.label === 'left' ? point - every : point;
    this.#snapshots.push(...this.#rowsOf(label, groups, this.#aggregation.empty === 'null'));
    this.#point =
      snapshots.at.kind === 'fixed' ? point + every : this.#pointAt(snapshots, (this.#pointIndex as number) + 1);
  }
}
