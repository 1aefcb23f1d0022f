/** Refusals of text: each names the file, the line, the column and what was expected. */
import { PipelineError } from '../../errors.ts';
import type { TypeText } from '../../schema/types.ts';
import type { TextFormat } from './csv-format.ts';

/** What is wrong with a row. Crosses threads. */
export type RowProblem =
  | { kind: 'fields'; fields: number; expected: number }
  | { kind: 'quote' }
  | { kind: 'unclosed' }
  | { kind: 'utf8'; byte: number }
  | { kind: 'tooLong'; bytes: number }
  | { kind: 'json'; why: 'syntax' | 'noObject' | 'depth'; byte: number }
  | { kind: 'column'; why: 'twice' | 'surrogate'; column: string }
  | {
      kind: 'value';
      column: string;
      type: TypeText;
      text: string;
      why: 'noValue' | 'outOfRange' | 'tooFine' | 'local';
    };

/** A bad row. `line` counts from 1, as editors do; `row` from 0, behind the header. */
export interface BadRow {
  file: string;
  line: number;
  row: number;
  problem: RowProblem;
  /** Its text, shortened, where somebody wants it. */
  text?: string;
}

const SHOWN_LETTERS = 60;

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_LETTERS ? `${text.slice(0, SHOWN_LETTERS)}…` : text);
}

const SKIP = "or leave such rows out with onBadRow: 'skip-and-report'";

function sayJson({ why, byte }: Extract<RowProblem, { kind: 'json' }>): { text: string; hint: string } {
  if (why === 'noObject')
    return { text: 'a line that is no JSON object', hint: `each line has to be one object, as {"a": 1}; ${SKIP}` };
  const text =
    why === 'depth'
      ? `nested too deep at byte ${byte + 1} of the line`
      : `no valid JSON at byte ${byte + 1} of the line`;
  return { text, hint: `write one whole object a line, without line breaks inside; ${SKIP}` };
}

function sayColumn({ why, column }: Extract<RowProblem, { kind: 'column' }>): { text: string; hint: string } {
  return why === 'twice'
    ? { text: `"${column}" is there twice`, hint: `give each key once, ${SKIP}` }
    : {
        text: `column "${column}": an escape stands for half a character`,
        hint: `write pairs of \\u escapes, ${SKIP}`,
      };
}

function say(problem: RowProblem, syntax: TextFormat['syntax'] = 'csv'): { text: string; hint: string } {
  switch (problem.kind) {
    case 'fields':
      return {
        text: `${problem.fields} field${problem.fields === 1 ? '' : 's'} where ${problem.expected} are expected`,
        hint: `check the delimiter; ${SKIP}`,
      };
    case 'quote':
      return {
        text: 'a quote inside of a field, or text behind a closing one',
        hint: "double quotes inside of quoted text, or give quote: '' if quotes mean nothing in this file",
      };
    case 'unclosed':
      return {
        text: 'a quote that is never closed',
        hint: "close it, or give quote: '' if quotes mean nothing in this file",
      };
    case 'utf8':
      return {
        text: `byte ${problem.byte} of the line is not UTF-8`,
        hint: 'convert the file to UTF-8 first, for example with iconv',
      };
    case 'tooLong':
      return syntax === 'csv'
        ? {
            text: `the row is longer than ${problem.bytes} bytes, or a quote is never closed`,
            hint: "close the quote, or give quote: '' if quotes mean nothing in this file",
          }
        : { text: `the line is longer than ${problem.bytes} bytes`, hint: 'write one object a line' };
    case 'json':
      return sayJson(problem);
    case 'column':
      return sayColumn(problem);
    case 'value':
      return { text: sayValue(problem), hint: valueHint(problem, syntax) };
  }
}

function sayValue({ column, type, text, why }: Extract<RowProblem, { kind: 'value' }>): string {
  const value = `column "${column}": ${shown(text)}`;
  if (why === 'outOfRange') return `${value} is beyond the range of ${type}`;
  if (why === 'tooFine') return `${value} is finer than ${type} can hold`;
  return why === 'local' ? `${value} is a local time that the zone skips or has twice` : `${value} is no ${type}`;
}

function valueHint(
  { column, type, why, text }: Extract<RowProblem, { kind: 'value' }>,
  syntax: TextFormat['syntax'],
): string {
  if (why === 'tooFine') return `declare "${column}" with a finer type`;
  if (why === 'local') return `write times with their offset, ${SKIP}`;
  if (why === 'outOfRange') return `declare "${column}" with a wider type`;
  if (syntax === 'csv' && /^[A-Za-z/.-]{1,8}$/.test(text))
    return `declare it as null with nulls: [${JSON.stringify(text)}], or "${column}" as utf8`;
  return type.startsWith('time') || type.startsWith('date')
    ? `give its format: timeFormats: { ${JSON.stringify(column)}: '%d/%m/%Y' }, or declare "${column}" as utf8`
    : `declare "${column}" as utf8`;
}

/** The refusal of a row. @returns ERR_FILE_FORMAT, for values ERR_VALUE */
export function badRowError({ file, line, row, problem }: BadRow, syntax: TextFormat['syntax'] = 'csv'): PipelineError {
  const { text, hint } = say(problem, syntax);
  const isValue = problem.kind === 'value';
  return new PipelineError(isValue ? 'ERR_VALUE' : 'ERR_FILE_FORMAT', `${file}, line ${line}: ${text}`, {
    file,
    row,
    ...(isValue && { column: problem.column, value: problem.text.slice(0, SHOWN_LETTERS), expected: problem.type }),
    hint,
  });
}

/** What is wrong with a row, in a few words. */
export function describeBadRow({ problem }: BadRow): string {
  return say(problem).text;
}
