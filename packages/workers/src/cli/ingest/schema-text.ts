/** Schemas as they are written on the command line: `ts:timestamp[us],symbol:utf8`, as JSON, or `@file` with either. */
import { readFileSync } from 'node:fs';
import { type Fields, fieldsFromShape, PipelineError, type SchemaShape } from '@spillway/core/words';
import { InvalidArgumentError } from 'commander';

/** Parts between commas that are in no brackets. */
function splitOutside(text: string): string[] {
  return text.split(/[,\n](?![^[(<]*[\])>])/).map((part) => part.trim());
}

function shapeOf(text: string): SchemaShape {
  if (text.startsWith('{')) return JSON.parse(text) as SchemaShape;
  const columns = splitOutside(text).filter((part) => part !== '');
  return Object.fromEntries(
    columns.map((column) => {
      const [, name, type, never] = /^(.*?)\s*:\s*(.*?)(\s+not null)?$/i.exec(column) ?? [];
      if (name === undefined || type === undefined || name === '' || type === '')
        throw new InvalidArgumentError(`"${column}" is no name and type: write ts:timestamp[us],price:float64.`);
      return [name, never === undefined ? type : { type, nullable: false }];
    }),
  );
}

function readText(text: string): string {
  if (!text.startsWith('@')) return text;
  try {
    return readFileSync(text.slice(1), 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(`${text.slice(1)} cannot be read: ${(error as Error).message}.`);
  }
}

/** Reads a schema. @throws InvalidArgumentError */
export function schemaOf(text: string): SchemaShape {
  try {
    const shape = shapeOf(readText(text).trim());
    fieldsFromShape(shape);
    return shape;
  } catch (error) {
    if (error instanceof PipelineError)
      throw new InvalidArgumentError(`${error.message}${error.hint === undefined ? '' : `: ${error.hint}`}`);
    if (error instanceof SyntaxError) throw new InvalidArgumentError(`It is no JSON: ${error.message}.`);
    throw error;
  }
}

/** The text that `schemaOf` reads back. */
export function schemaText(fields: Fields): string {
  return fields.map(({ name, type, nullable }) => `${name}:${type}${nullable ? '' : ' not null'}`).join(',');
}
