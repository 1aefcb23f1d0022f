/** What a command works with. */
import type { Style } from './output/style.ts';
import type { Results, Surroundings } from './surroundings.ts';

export interface Context extends Surroundings {
  /** The whole command line. */
  args: readonly string[];
  /** Standard output: results, and nothing else. */
  results: Results;
  /** Colours of standard output. */
  style: Style;
  /** Colours of standard error. */
  noteStyle: Style;
  /** Says something to people: standard error. */
  note(text: string): void;
}

/** Options that every command has. */
export interface CommonOptions {
  json?: boolean;
  stack?: boolean;
}
