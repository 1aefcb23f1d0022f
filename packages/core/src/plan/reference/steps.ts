/** The smaller steps, on plain rows: all rows are kept, nothing is clever. */
import type { StepSpec } from '../steps/specs.ts';
import type { OperatorParts, ReferenceOperator } from './operators.ts';
import type { Row } from './values.ts';

type SpecOf<K extends StepSpec['kind']> = Extract<StepSpec, { kind: K }>;

/** Makes one of the steps that `traits.ts` lists. */
export function referenceStep(spec: StepSpec, parts: OperatorParts): ReferenceOperator {
  switch (spec.kind) {
    case 'slidingWindow':
      return slidingWindow(spec, parts);
  }
}

/** Emits each window as one logical batch. */
function slidingWindow(spec: SpecOf<'slidingWindow'>, { emit }: OperatorParts): ReferenceOperator {
  const all: Row[] = [];
  let end = spec.partial ? spec.every : spec.rows;
  let number = 0n;
  const window = (): Promise<void> => {
    const rows = all.slice(Math.max(0, end - spec.rows), end);
    const numbered = spec.number === undefined ? rows : rows.map((row) => [...row, number]);
    end += spec.every;
    number += 1n;
    return emit('out', numbered);
  };
  return {
    async take(rows) {
      for (const row of rows) all.push(row);
      while (end <= all.length) await window();
    },
    async end() {
      if (spec.partial && all.length > end - spec.every) await window();
    },
  };
}
