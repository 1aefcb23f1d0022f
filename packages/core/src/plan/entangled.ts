/** Which inputs of a step can wait for each other. */
import type { PlanNode } from './logical.ts';

/**
 * For each input of a node with several: whether it hangs together with another one of them somewhere else in the plan, so that not
 * taking from it can keep the other's rows from coming. It can where both come from one source through a fan-out, and also
 * where two joins take the same two sources the other way round: what counts is any path between the two that does not
 * go through the node itself, whatever the direction of its steps.
 */
export function entangledInputs(node: PlanNode, nodes: readonly PlanNode[]): boolean[] {
  const groups = new Groups();
  for (const other of nodes) {
    if (other.id !== node.id) for (const input of other.inputs) groups.join(other.id, input.node);
  }
  const own = node.inputs.map((input) => groups.of(input.node));
  return own.map((group) => own.filter((candidate) => candidate === group).length > 1);
}

/** Disjoint sets. */
class Groups {
  readonly #parents = new Map<number, number>();

  of(id: number): number {
    const parent = this.#parents.get(id) ?? id;
    return parent === id ? id : this.of(parent);
  }

  join(left: number, right: number): void {
    this.#parents.set(this.of(left), this.of(right));
  }
}
