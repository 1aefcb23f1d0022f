import type * as Arrow from 'apache-arrow';

/** The module apache-arrow. Functions that need it take it as an argument, so that nothing loads it before it is needed. */
export type ArrowModule = typeof Arrow;

let loading: Promise<ArrowModule> | undefined;

/** Loads apache-arrow once; it takes about 200 ms, so begin early and await late. */
export function loadArrow(): Promise<ArrowModule> {
  // oxlint-disable-next-line no-restricted-imports -- this is the lazy import that the rule asks for
  loading ??= import('apache-arrow');
  return loading;
}
