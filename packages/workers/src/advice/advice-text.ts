/** Advice in sentences. */
import { formatBytes } from '@spillway/core/base';
import type { Advice, Pattern, StageAdvice, TotalAdvice } from './advice.ts';

const WEEKDAYS = ['Sundays', 'Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays'];

/** What matters most first; one sentence at least. */
export function adviceText({ total, stages, patterns }: Omit<Advice, 'text'>): string[] {
  return [...stages.flatMap(stageText), totalText(total, stages), ...patterns.map(patternText)];
}

function stageText(advice: StageAdvice): string[] {
  const { node, forced, spilledBytes, wantedBytes, limitBytes, action, suggestedBytes = 0 } = advice;
  if (forced === 0 && spilledBytes === 0) return [];
  const happened = [
    forced > 0 && `was made to flush ${forced === 1 ? 'once' : `${forced} times`}`,
    spilledBytes > 0 && `wrote ${formatBytes(spilledBytes)} to disk`,
  ].filter((part) => part !== false);
  const limit = limitBytes === undefined ? '' : ` (its memoryLimit is ${formatBytes(limitBytes)})`;
  const said = `"${node}" ${happened.join(' and ')} for want of memory${limit}; it would have held up to ${formatBytes(wantedBytes)}`;
  if (action === 'keep') return [said];
  const whole = suggestedBytes >= wantedBytes ? 'spares it that' : 'spares it a part of that';
  return [`${said}: memoryLimit: '${sizeOption(suggestedBytes)}' on it ${whole}, and fits into the total as it is`];
}

function totalText(
  { action, limitBytes, suggestedBytes, peakManagedBytes, peakResidentBytes }: TotalAdvice,
  stages: readonly StageAdvice[],
): string {
  const held = `at most ${formatBytes(peakManagedBytes)} of batches were held at once, and ${formatBytes(peakResidentBytes)} were resident beyond idle`;
  const [from, to] = [formatBytes(limitBytes), sizeOption(suggestedBytes)];
  const ofStages = stages.some(({ limitBytes: own, action: does }) => own !== undefined && does === 'raise');
  if (action === 'raise')
    return `for memory to force nothing, the pipeline's memoryLimit would have to be '${to}' instead of ${from}${ofStages ? ', with those limits of stages' : ''}: ${held}`;
  if (action === 'lower') return `the pipeline's memoryLimit of ${from} may go down to '${to}' at no cost: ${held}`;
  return `the pipeline's memoryLimit of ${from} may stay: ${held}`;
}

function patternText(pattern: Pattern): string {
  switch (pattern.kind) {
    case 'growth': {
      const { of, perRun, runs, runsUntilLimit } = pattern;
      const what = of === 'rows' ? 'the input' : 'the memory in use';
      const way = perRun > 0 ? 'grows' : 'shrinks';
      const until =
        runsUntilLimit === undefined
          ? ''
          : `; at that rate it is at the limit ${runsUntilLimit === 0 ? 'now' : `in ${runsUntilLimit} runs`}`;
      return `${what} ${way} by ${percent(Math.abs(perRun))} from run to run, over the last ${runs}${until}`;
    }
    case 'season': {
      const { by, peak, factor, runs } = pattern;
      const when =
        by === 'hour' ? `runs that begin between ${peak}:00 and ${peak + 1}:00` : `runs on ${WEEKDAYS[peak]}`;
      return `${when} have ${factor.toFixed(1)} × the average input, over the last ${runs}: limits have to be enough for those`;
    }
    case 'creep': {
      const { stage, of, factor, runs } = pattern;
      const what = of === 'time' ? 'takes' : 'holds';
      const unit = of === 'time' ? 'the time' : 'the memory';
      return `"${stage}" ${what} ${factor.toFixed(1)} × ${unit} for a row that it did ${runs} runs ago`;
    }
  }
}

function percent(part: number): string {
  const value = part * 100;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** As options take it: `24MiB`, `640KiB`. */
function sizeOption(bytes: number): string {
  return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20}MiB` : `${Math.ceil(bytes / 1024)}KiB`;
}
