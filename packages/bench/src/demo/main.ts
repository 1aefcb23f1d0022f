/** `npm start`: three million flights through stage workers into an ordered store, inside a memory limit. */
import { errorToData, openStore, PipelineError } from '@spillway/core';
import { formatBytes } from '@spillway/core/internal';
import { run, type Summary } from '@spillway/workers';
import { flightsFile } from './flights-file.ts';
import { monthsText } from './months.ts';
import { type DemoOptions, readOptions, USAGE, UsageError } from './options.ts';
import { flightsJob } from './pipeline.ts';
import { ProgressLine } from './progress-line.ts';
import { reportText } from './report.ts';
import { watch } from './watch.ts';

const EXIT = { done: 0, failed: 1, wrongUsage: 2, interrupted: 130 } as const;

function printError(error: unknown): void {
  const { code, message, hint, stage, file, row, column } = errorToData(error);
  console.error(`${code}: ${message}`);
  const place = Object.entries({ stage, file, row, column }).filter(([, value]) => value !== undefined);
  if (place.length > 0) console.error(`  at ${place.map(([name, value]) => `${name} ${value}`).join(', ')}`);
  if (hint !== undefined) console.error(`  hint: ${hint}`);
}

/** Runs the job and prints its result. */
async function demo(options: DemoOptions): Promise<Summary> {
  const store = await openStore(options.storePath);
  const line = new ProgressLine(process.stderr);
  const job = run(flightsJob(store, options.memoryLimitBytes, options.inputPath), {
    workers: options.workers,
    progressEvery: 100,
    handleSignals: true,
    history: false,
    onProgress: (progress) => line.show({ progress, buffers: job.state().buffers }),
  });
  const endWatching = await watch(job, options);
  try {
    const summary = await job.done;
    line.clear();
    if (!options.isJson) console.log(await reportText(store, summary));
    if (!options.isJson && options.inputPath === undefined) console.log(await monthsText(flightsFile(), options));
    await endWatching(true);
    return summary;
  } catch (error) {
    line.clear();
    await endWatching(false);
    if (options.isJson) console.log(JSON.stringify({ ...job.summary(), error: errorToData(error) }));
    throw error;
  }
}

async function main(args: string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (options.isHelp) {
      console.log(USAGE);
      return EXIT.done;
    }
    console.error(
      `Three million flights, at most ${formatBytes(options.memoryLimitBytes)} and ${options.workers} lanes a stage`,
    );
    const summary = await demo(options);
    if (options.isJson) console.log(JSON.stringify(summary));
    return EXIT.done;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${USAGE}`);
      return EXIT.wrongUsage;
    }
    printError(error);
    return error instanceof PipelineError && error.code === 'ERR_ABORTED' ? EXIT.interrupted : EXIT.failed;
  }
}

process.exitCode = await main(process.argv.slice(2));
