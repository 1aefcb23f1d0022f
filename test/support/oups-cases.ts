import { readFileSync } from 'node:fs';

import { sharedCases } from './shared-cases.ts';

interface OupsCase {
  id: string;
  feature: string;
}

/** One of OUPS's cases by its id, or undefined when the acceptance data is not there. */
export function oupsCase(id: string): unknown {
  const shared = sharedCases();
  if (shared === undefined) return undefined;
  const cases = JSON.parse(readFileSync(shared.path('cases', 'oups', 'cases.json'), 'utf8')) as OupsCase[];
  const found = cases.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`there is no case ${id}`);
  return found;
}
