/** Edit distance of two short names, by one row of the usual table. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitute = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, substitute));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The candidate most like `name`, when one is near enough to be meant (a third of its letters differ at most). */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let best: { name: string; far: number } | undefined;
  for (const candidate of candidates.slice(0, 10_000)) {
    const far = distance(name.toLowerCase(), candidate.toLowerCase());
    if (far <= Math.ceil(name.length / 3) && (best === undefined || far < best.far)) best = { name: candidate, far };
  }
  return best?.name;
}
