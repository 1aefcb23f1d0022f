/** Time formats of users: checked, and as the bytes that the kernel and the plain reader follow. */
import { PipelineError } from '../../errors.ts';
import type { TimeUnitText } from '../../schema/types.ts';

const LETTERS = 'YymdejHIMSfpbBz';

/** One step of a format: a letter as after `%`, or a literal character. */
export interface FormatStep {
  letter?: string;
  literal?: string;
}

/** Unit of `epoch[…]`; undefined for other formats. */
export function epochUnit(format: string): TimeUnitText | undefined {
  return /^epoch\[(s|ms|us|ns)\]$/.exec(format)?.[1] as TimeUnitText | undefined;
}

/**
 * The steps of a format.
 * @throws ERR_OPTIONS naming the column and what is not known
 */
export function formatSteps(column: string, format: string): FormatStep[] {
  const steps: FormatStep[] = [];
  for (let at = 0; at < format.length; at++) {
    const letter = format[at] as string;
    if (letter !== '%') {
      steps.push({ literal: letter });
      continue;
    }
    at += 1;
    const code = format[at] ?? '';
    if (code === 'T') steps.push(...formatSteps(column, '%H:%M:%S'));
    else if (code === 'F') steps.push(...formatSteps(column, '%Y-%m-%d'));
    else if (code === '%') steps.push({ literal: '%' });
    else if (code !== '' && LETTERS.includes(code)) steps.push({ letter: code });
    else throw unknownFormat(column, format, `%${code}`);
  }
  const odd = steps.find(({ literal }) => literal !== undefined && literal.charCodeAt(0) > 126);
  if (odd !== undefined || steps.every(({ letter }) => letter === undefined))
    throw unknownFormat(column, format, odd?.literal ?? format);
  return steps;
}

function unknownFormat(column: string, format: string, what: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `readCsv: the time format of "${column}" has "${what}", which is not known`, {
    column,
    value: format,
    expected: "'%d/%m/%Y %H:%M:%S', 'epoch[ms]'",
    hint: 'letters are %Y %y %m %d %e %j %H %I %M %S %f %p %b %B %z, %T for %H:%M:%S, %F for %Y-%m-%d',
  });
}

/** The steps as pairs of bytes, ended by 0xff. */
export function formatBytes(steps: readonly FormatStep[]): Uint8Array {
  const bytes = steps.flatMap(({ letter, literal }) =>
    letter === undefined ? [0, (literal as string).charCodeAt(0)] : [letter.charCodeAt(0), 0],
  );
  return Uint8Array.from([...bytes, 0xff]);
}
