/** Names, or all there are. */
export type Needed = ReadonlySet<string> | 'all';

/** What is used behind a step and what it reads itself, without columns that it makes. */
export function neededWith(behind: Needed, reads: readonly string[], makes: readonly string[] = []): Needed {
  if (behind === 'all') return 'all';
  return new Set([...[...behind].filter((name) => !makes.includes(name)), ...reads]);
}
