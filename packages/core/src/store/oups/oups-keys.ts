/** Keys of datasets in stores of OUPS: values stand in the names of folders as they are, with a separator between them. */
import { type DatasetKey, type KeyLayout, refuseKey } from '../keys/key-path.ts';
import { type KeySchema, SchemaKeys } from '../keys/key-schema.ts';

/** The one that OUPS takes when nothing is said. */
const SEPARATOR = '-';
const NAME = 'name';

function isPlainPath(path: string): boolean {
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\\0]/.test(part));
}

/** Where nothing says what keys have: the path itself is the one field. */
const NAMED: KeyLayout = {
  toPath: (key) => {
    const { [NAME]: path, ...rest } = key;
    if (typeof path === 'string' && isPlainPath(path) && Object.keys(rest).length === 0) return path;
    throw refuseKey(
      `the key is ${JSON.stringify(key)}`,
      "write { name: 'path/of/dataset' }, or open the store with the fields of its keys",
    );
  },
  toKey: (path) => ({ [NAME]: path }),
  isLevel: () => true,
};

/** The layout of a store. @throws ERR_KEY for a schema that is none */
export function oupsKeys(schema: KeySchema | undefined): KeyLayout {
  return schema === undefined ? NAMED : new SchemaKeys({ separator: SEPARATOR, ...schema, encoding: 'none' });
}

/**
 * Path of a dataset of ours in a store of OUPS that nothing is said of: its name, or its values in the order of its fields.
 * @throws ERR_KEY for values that cannot stand in it
 */
export function oupsPath(key: DatasetKey): string {
  const fields = Object.keys(key).sort();
  if (fields.length === 1 && fields[0] === NAME) return NAMED.toPath(key);
  const level = Object.fromEntries(fields.map((field) => [field, typeof key[field] === 'number' ? 'integer' : 'text']));
  return oupsKeys({ levels: [level as { [field: string]: 'text' | 'integer' }] }).toPath(key);
}
