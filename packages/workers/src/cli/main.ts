/** The `spillway` command. */
import { PipelineError } from '@spillway/core/words';
import { commandLine } from './command-line.ts';
import { EXIT } from './exit-codes.ts';

/** From Ctrl-C to the forced end: a clean stop takes well under a second. */
const LAST_RESORT_MS = 3000;

const controller = new AbortController();
let isWatched = false;

function interrupt(signal: NodeJS.Signals): void {
  // The second Ctrl-C, or one while nothing has to be tidied up: at once.
  if (!isWatched || controller.signal.aborted) process.exit(EXIT.interrupted);
  setTimeout(() => process.exit(EXIT.interrupted), LAST_RESORT_MS).unref();
  controller.abort(
    new PipelineError('ERR_ABORTED', `stopped by ${signal}`, { hint: 'nothing is half-written: run it again' }),
  );
}

process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
// The terminal is gone: as Ctrl-C, so that nothing is left.
process.on('SIGHUP', interrupt);
// Nobody reads what is told any more: no reason to stop.
process.stderr.on('error', () => {});

const code = await commandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  interruption: () => {
    isWatched = true;
    return controller.signal;
  },
});
process.exit(code);
