/**
 * Which row holds each text state of each group. Texts are found before a packet is sized, because their bytes are part of
 * its size; only then are they copied.
 */
import type { Batch, Column } from '../../batch/contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import { compareBytes, copyBytes, type GrowingBuffer, type Workspace } from './arena-views.ts';
import { readTexts, type TextReader } from './column-reader.ts';
import type { GroupKernels } from './group-kernels.ts';
import { NO_ROW } from './group-kernels.ts';
import type { TextArea } from './packet.ts';
import { type Need, TEXT_STATES, type TextStateName } from './state-plan.ts';

/** Text states of one column of one root level. */
export class TextRows {
  readonly need: Need;
  readonly states: TextStateName[];
  readonly #workspace: Workspace;
  readonly #counts: GrowingBuffer;
  readonly #rows: Record<TextStateName, GrowingBuffer>;
  #reader: TextReader | undefined;

  constructor(need: Need, workspace: Workspace) {
    this.need = need;
    this.states = TEXT_STATES.filter((state) => need[state]);
    this.#workspace = workspace;
    this.#counts = workspace.buffer();
    this.#rows = {
      first: workspace.buffer(),
      last: workspace.buffer(),
      min: workspace.buffer(),
      max: workspace.buffer(),
    };
  }

  /** Finds counts and rows; returns the bytes of each state's texts, in the order of `states`. */
  locate(batch: Batch, kernels: GroupKernels): number[] {
    const column = batch.columns[this.need.input] as Column;
    const { groups } = kernels;
    this.#reader = readTexts(column, this.#workspace.views);
    for (const state of this.states) this.#rows[state].reserve(4 * groups);
    kernels.run('i8', column.offsets || column.values, column.nullCount > 0 ? column.validity : 0, {
      count: this.#counts.reserve(8 * groups),
      sum: 0,
      sumSquares: 0,
      min: 0,
      max: 0,
      first: this.need.first ? this.#rows.first.ptr : 0,
      last: this.need.last ? this.#rows.last.ptr : 0,
    });
    if (this.need.min) this.#extremes(kernels, 'min', batch.rows);
    if (this.need.max) this.#extremes(kernels, 'max', batch.rows);
    return this.states.map((state) => this.#totalBytes(state, groups));
  }

  /** Copies counts and texts to where the packet has them. */
  store(groups: number, counts: Ptr, texts: Partial<Record<TextStateName, TextArea>>): void {
    const { u8, u32 } = this.#workspace.views;
    u8.copyWithin(counts, this.#counts.ptr, this.#counts.ptr + 8 * groups);
    const reader = this.#reader as TextReader;
    for (const state of this.states) {
      const area = texts[state] as TextArea;
      const rows = this.#rows[state].ptr >>> 2;
      let used = 0;
      for (let group = 0; group < groups; group++) {
        const row = u32[rows + group] as number;
        const length = row === NO_ROW ? 0 : reader.length(row);
        if (length > 0) copyBytes(u8, area.bytes + used, reader.start(row), length);
        u32[(area.starts >>> 2) + group] = used;
        u32[(area.lengths >>> 2) + group] = length;
        used += length;
      }
    }
  }

  #totalBytes(state: TextStateName, groups: number): number {
    const { u32 } = this.#workspace.views;
    const reader = this.#reader as TextReader;
    const rows = this.#rows[state].ptr >>> 2;
    let bytes = 0;
    for (let group = 0; group < groups; group++) {
      const row = u32[rows + group] as number;
      if (row !== NO_ROW) bytes += reader.length(row);
    }
    return bytes;
  }

  /** Smallest or largest text of each group, by UTF-8 bytes; the first of equal ones. */
  #extremes(kernels: GroupKernels, state: 'min' | 'max', rowCount: number): void {
    const { u8, u32 } = this.#workspace.views;
    const reader = this.#reader as TextReader;
    const rows = this.#rows[state].ptr >>> 2;
    const sign = state === 'min' ? 1 : -1;
    u32.fill(NO_ROW, rows, rows + kernels.groups);
    kernels.forEachRow(rowCount, (row, group) => {
      if (!reader.isValid(row)) return;
      const held = u32[rows + group] as number;
      if (held !== NO_ROW) {
        const order = compareBytes(u8, reader.start(row), reader.length(row), reader.start(held), reader.length(held));
        if (order * sign >= 0) return;
      }
      u32[rows + group] = row;
    });
  }
}
