import type { ResolvedNode, ResolvedPlan } from './resolved.ts';

/**
 * Sources that need not be read to their end, each with the steps (`limit`, `slice`) that have to have all their rows before: every way from the
 * source to a sink leads through one of them. Not where a step behind one would notice that inputs without rows are left out.
 * @param hasCheckpoints these name the byte at which a text file is to be read on, which only reading tells: such files are read to their ends
 */
export function boundedSources(
  { nodes }: Pick<ResolvedPlan, 'nodes'>,
  hasCheckpoints = false,
): Map<number, ReadonlySet<string>> {
  const usersOf = (id: number): ResolvedNode[] => nodes.filter(({ inputs }) => inputs.some(({ node }) => node === id));
  const isCounted = (id: number): boolean => usersOf(id).some((user) => countsInputs(user) || isCounted(user.id));
  const boundsOf = (id: number): string[] | undefined => {
    const found: string[] = [];
    for (const user of usersOf(id)) {
      const { spec } = user;
      const isBound = spec.kind === 'slice' && spec.to !== undefined && !isCounted(user.id);
      const bounds = isBound ? [user.name] : spec.kind === 'sink' ? undefined : boundsOf(user.id);
      if (bounds === undefined) return undefined;
      found.push(...bounds);
    }
    return found;
  };
  const bounded = new Map<number, ReadonlySet<string>>();
  for (const { id, spec } of nodes) {
    if (spec.kind !== 'source' || (hasCheckpoints && spec.source.type === 'text')) continue;
    const bounds = boundsOf(id);
    if (bounds !== undefined) bounded.set(id, new Set(bounds));
  }
  return bounded;
}

/** Steps whose own code is given inputs without rows, or is asked for something after so many of them. */
function countsInputs({ spec }: ResolvedNode): boolean {
  if (spec.kind !== 'op') return spec.kind === 'memoryAccumulate';
  return (
    spec.observesBatches || (!spec.stateless && Object.values(spec.triggers).some((trigger) => trigger !== undefined))
  );
}
