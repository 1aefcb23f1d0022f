/** Ranges of units, from and up to (not included), that follow each other. */
export type Range = [from: number, to: number];

/** Shares units out in their order: at most `parts` ranges of about the same weight, none of them empty. */
export function shareOut(weights: readonly number[], parts: number): Range[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const ranges: Range[] = [];
  let from = 0;
  let sum = 0;
  for (const [index, weight] of weights.entries()) {
    sum += weight;
    const isLast = index === weights.length - 1;
    // As many units have to be left as there are parts to fill, and none may be kept back at the end.
    const isFull =
      total === 0
        ? (index + 1) * parts >= (ranges.length + 1) * weights.length
        : sum * parts >= (ranges.length + 1) * total;
    if (!isLast && (!isFull || ranges.length === parts - 1)) continue;
    ranges.push([from, index + 1]);
    from = index + 1;
  }
  return ranges;
}
