/** Our side of one workload, in a process that is pinned to some cores: prints its figures. Its argument is a task as JSON. */
import type { PinnedTask } from './pinned.ts';
import { WORKLOADS } from './workloads.ts';

const { workload, asked } = JSON.parse(process.argv[2] ?? '') as PinnedTask;
const figures = (await WORKLOADS[workload]?.run(asked)) ?? [];
process.stdout.write(JSON.stringify(figures), () => process.exit(0));
