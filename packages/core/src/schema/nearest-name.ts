/** Edits (insert, delete, replace, swap of neighbours) that turn one name into another; optimal string alignment. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[to.length] ?? 0;
}

/**
 * The candidate closest to a mistyped name, for hints; undefined when none is close (more than a third of its letters
 * wrong). Case does not count.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase().slice(0, 64);
  let nearest: string | undefined;
  let nearestDistance = Infinity;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase().slice(0, 64);
    const distance = editDistance(wanted, other);
    if (distance < nearestDistance && distance <= Math.max(1, Math.ceil(Math.max(wanted.length, other.length) / 3))) {
      nearest = candidate;
      nearestDistance = distance;
    }
  }
  return nearest;
}

/** `did you mean "price"?`, or the list of what there is when nothing is close. */
export function nameHint(name: string, candidates: readonly string[]): string {
  const nearest = nearestName(name, candidates);
  if (nearest !== undefined) return `did you mean "${nearest}"?`;
  if (candidates.length === 0) return 'there are none';
  const shown = candidates.slice(0, 12).map((candidate) => `"${candidate}"`);
  return `there ${candidates.length === 1 ? 'is' : 'are'} ${shown.join(', ')}${candidates.length > shown.length ? ', …' : ''}`;
}
