/** Refuses rows that lie outside the edges of an aggregation, before they are grouped: only here their place is known. */
import type { Batch, Column } from '../../batch/contract.ts';
import { columnReader } from '../../batch/read-values.ts';
import { PipelineError } from '../../errors.ts';
import type { OperatorContext } from '../contract.ts';
import type { Grid } from './grid.ts';
import type { WindowPlan } from './window-plan.ts';

export class OutsideCheck {
  readonly #name: string;
  readonly #grid: Grid;
  readonly #shift: bigint;
  readonly #input: number;
  readonly #context: OperatorContext;

  constructor(name: string, grid: Grid, shift: bigint, input: number, context: OperatorContext) {
    this.#name = name;
    this.#grid = grid;
    this.#shift = shift;
    this.#input = input;
    this.#context = context;
  }

  /** The checks that a plan asks for. */
  static of(plan: WindowPlan, context: OperatorContext): OutsideCheck[] {
    return plan.levels.flatMap(({ aggregation: { name, bins }, grid, shift }) =>
      bins.kind === 'edges' && bins.outside === 'error' && grid !== undefined
        ? [new OutsideCheck(name, grid, shift, plan.orderedOn.input, context)]
        : [],
    );
  }

  /** Rows are in order, so the first and the last tell of all. @throws ERR_VALUE */
  check(batch: Batch): void {
    if (batch.rows === 0) return;
    const read = columnReader(this.#context.arena, batch.columns[this.#input] as Column);
    if (this.#isInside(read(0)) && this.#isInside(read(batch.rows - 1))) return;
    for (let row = 0; row < batch.rows; row++) if (!this.#isInside(read(row))) throw this.#refusal(read(row), row);
  }

  /** What is no value is for the check of order to refuse. */
  #isInside(value: unknown): boolean {
    if (value === null || Number.isNaN(value)) return true;
    const whole = typeof value === 'number' ? BigInt(Math.floor(value)) : (value as bigint);
    const span = this.#grid.at(this.#grid.lastAt(whole - this.#shift));
    return span !== undefined && span.end > whole - this.#shift;
  }

  #refusal(value: unknown, row: number): PipelineError {
    const place = this.#context.position();
    const column = this.#context.inputFields[this.#input]?.name ?? '';
    return new PipelineError(
      'ERR_VALUE',
      `"${column}" is ${String(value)} at row ${(place.row ?? 0) + row}, outside all edges of aggregation "${this.#name}"`,
      {
        ...place,
        row: (place.row ?? 0) + row,
        stage: this.#context.name,
        column,
        value: String(value),
        expected: 'a value between the first and the last edge',
        hint: "widen the edges, or drop such rows: outside: 'drop'",
      },
    );
  }
}
