/** What a chain of operators can do after a crash, and how it is saved and taken up again. */
import type { Operator } from './contract.ts';
import type { Recovery, SnapshotReader, SnapshotWriter } from './snapshot-contract.ts';

/** How one operator comes through the death of its thread. */
export function recoveryOf(operator: Operator): Recovery {
  if (operator.isLostInCrash === true) return 'never';
  if (operator.snapshot !== undefined && operator.restore !== undefined) return 'snapshot';
  return operator.isStateless === true ? 'stateless' : 'from-start';
}

/** Saves each operator's state, in their order. */
export async function saveOperators(operators: readonly Operator[], writer: SnapshotWriter): Promise<unknown[]> {
  const saved: unknown[] = [];
  for (const operator of operators) saved.push(await operator.snapshot?.(writer));
  return saved;
}

/** Gives each operator the state that it was saved with. */
export async function restoreOperators(
  operators: readonly Operator[],
  saved: readonly unknown[],
  reader: SnapshotReader,
): Promise<void> {
  for (const [index, operator] of operators.entries()) {
    if (recoveryOf(operator) === 'snapshot') await operator.restore?.(saved[index] as never, reader);
  }
}
