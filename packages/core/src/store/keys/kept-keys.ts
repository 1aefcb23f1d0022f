/** The schema of its keys that a store keeps, so that whoever opens it needs not know it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PipelineError } from '../../errors.ts';
import { DurableFile } from '../../formats/durable-file.ts';
import { fileError } from '../../formats/file-error.ts';
import { type KeySchema, SchemaKeys } from './key-schema.ts';

/** Holds the schema. */
export const KEYS_FILE = '_keys.json';

/** The schema that a store keeps, or undefined. @throws ERR_STORE_CORRUPT, ERR_IO */
export async function storedKeys(root: string): Promise<SchemaKeys | undefined> {
  const path = join(root, KEYS_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw await fileError(path, error);
  }
  try {
    return new SchemaKeys(JSON.parse(text) as KeySchema);
  } catch (cause) {
    throw new PipelineError('ERR_STORE_CORRUPT', `${path} is damaged`, {
      file: path,
      cause,
      hint: 'restore it from a copy, or remove it and open the store with its keys',
    });
  }
}

/** @throws ERR_IO */
export async function keepKeys(root: string, keys: SchemaKeys): Promise<void> {
  const file = await DurableFile.create(join(root, KEYS_FILE));
  await file.write(Buffer.from(`${JSON.stringify(keys.schema)}\n`));
  await file.seal();
  await file.commit();
}
