/** Progress on a terminal. An entry of its own, so that runs without it do not load it. */
export { ProgressDisplay, type ProgressTarget, terminalProgress } from './monitor/terminal-progress.ts';
