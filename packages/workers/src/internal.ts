/** What tests and benchmarks need of the runtime and users do not. No promise of stability. */
export * from './governor/cgroup.ts';
export * from './governor/machine-memory.ts';
export * from './governor/pressure.ts';
export * from './channels/ring.ts';
