/** Layouts of keys as they are written on the command line: `exchange/symbol,year:integer`, a slash between levels of folders. */
import type { KeyFieldType, KeySchema } from '@spillway/core';
import { InvalidArgumentError } from 'commander';

const USAGE = 'Write the fields of each level of folders: symbol,freq or exchange/symbol,year:integer.';

function levelOf(text: string): { [field: string]: KeyFieldType } {
  return Object.fromEntries(
    text.split(',').map((field): [string, KeyFieldType] => {
      const [, name, type = 'text'] = /^\s*([A-Za-z][\w-]*)\s*(?::\s*(text|integer))?\s*$/.exec(field) ?? [];
      if (name === undefined) throw new InvalidArgumentError(USAGE);
      return [name, type as KeyFieldType];
    }),
  );
}

/** Reads a layout. @throws InvalidArgumentError */
export function keySchemaOf(text: string): KeySchema {
  return { levels: text.split('/').map(levelOf) };
}
