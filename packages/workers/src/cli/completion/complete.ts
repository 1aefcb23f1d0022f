/** What may follow on a command line: names of commands and options, choices, keys and columns of datasets. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openStore } from '@spillway/core';
import type { Argument, Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { openHistory } from '../runs/open-history.ts';
import { keyText, typedKey } from '../store/open-existing.ts';
import { pairs } from '../values.ts';

interface Candidate {
  text: string;
  what: string;
}

/** A command line as far as it has been read. */
interface Line {
  command: Command;
  /** Values of the command's arguments, in front of the word to complete. */
  values: string[];
  /** The option whose value is to come. */
  option: Option | undefined;
  current: string;
}

function takesValue(option: Option | undefined): option is Option {
  return option !== undefined && (option.required || option.optional);
}

function read(program: Command, words: readonly string[]): Line {
  const [name = '', ...rest] = words;
  const current = words.at(-1) ?? '';
  const command = words.length > 1 ? program.commands.find((each) => each.name() === name) : undefined;
  if (command === undefined) return { command: program, values: [], option: undefined, current };
  const line: Line = { command, values: [], option: undefined, current };
  for (const word of rest.slice(0, -1)) {
    if (line.option !== undefined) line.option = undefined;
    else if (word.startsWith('-')) {
      const option = command.options.find(({ long, short }) => long === word || short === word);
      line.option = takesValue(option) ? option : undefined;
    } else line.values.push(word);
  }
  return line;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Keys of the datasets of a store. */
async function keysOf(store: string | undefined, cwd: string): Promise<Candidate[]> {
  if (store === undefined || !(await isThere(resolve(cwd, store)))) return [];
  const keys = await (await openStore(resolve(cwd, store))).datasets();
  return keys.map((key) => ({ text: keyText(key), what: 'dataset' }));
}

/** Columns of a dataset, behind those that are named already. */
async function columnsOf([store, key]: readonly string[], current: string, cwd: string): Promise<Candidate[]> {
  if (store === undefined || key === undefined || !(await isThere(resolve(cwd, store)))) return [];
  const opened = await openStore(resolve(cwd, store));
  const { fields } = await opened.dataset(typedKey(opened, pairs(key)));
  const before = current.slice(0, current.lastIndexOf(',') + 1);
  return fields.map(({ name, type }) => ({ text: before + name, what: type }));
}

/** Runs that have left a record, the last one first. */
async function runsOf(context: Context, words: readonly string[]): Promise<Candidate[]> {
  const names = await openHistory({}, context).names();
  return [...words, ...names.map(({ id }) => id).reverse()].map((text) => ({ text, what: '' }));
}

function optionsOf(command: Command): Candidate[] {
  const own = command.options.filter(({ hidden }) => !hidden);
  return [
    ...own.map(({ long, description }) => ({ text: long ?? '', what: description })),
    { text: '--help', what: 'print help' },
  ];
}

async function valuesOf({ command, option, values, current }: Line, context: Context): Promise<Candidate[]> {
  const choices = (list: readonly string[] | undefined): Candidate[] =>
    (list ?? []).map((text) => ({ text, what: '' }));
  if (option !== undefined) {
    if (option.long === '--against') return runsOf(context, ['previous']);
    if (option.long === '--columns' && ['cat', 'export'].includes(command.name()))
      return columnsOf(values, current, context.cwd);
    return choices(option.argChoices);
  }
  const argument: Argument | undefined = command.registeredArguments[values.length];
  if (argument?.name() === 'key') return keysOf(values[0], context.cwd);
  if (argument?.name() === 'run') return runsOf(context, ['last']);
  return choices(argument?.argChoices);
}

async function candidatesOf(program: Command, words: readonly string[], context: Context): Promise<Candidate[]> {
  const line = read(program, words);
  if (line.option === undefined && line.current.startsWith('-')) return optionsOf(line.command);
  if (line.command !== program) return valuesOf(line, context);
  if (words.length > 1) return [];
  return program.commands
    .filter((command) => !(command as Command & { _hidden?: boolean })._hidden)
    .map((command) => ({ text: command.name(), what: command.summary() }));
}

/**
 * Prints what may stand for the last word, a line each with a tab before its description; nothing where a file is meant.
 * @param words behind `spillway`, up to the cursor; the last may be empty
 */
export async function complete(program: Command, words: readonly string[], context: Context): Promise<void> {
  const candidates = await candidatesOf(program, words, context);
  const fitting = candidates.filter(({ text }) => text.startsWith(words.at(-1) ?? ''));
  for (const { text, what } of fitting)
    await context.results.line(what === '' ? text : `${text}\t${what.split('\n')[0]}`);
}
