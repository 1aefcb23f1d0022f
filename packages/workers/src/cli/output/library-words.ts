/** Hints of the library in words of the command line: options have other names there. */

const WORDS: readonly (readonly [library: RegExp, commandLine: string])[] = [
  [/declare it as null with nulls: \["([^"]*)"\]/, "take it for null with --null '$1'"],
  [/, or "([^"]+)" as utf8$/, ', declare "$1" as utf8 in --schema, or leave such rows out with --skip-bad-rows'],
  [/header: false and a schema/, '--no-header and --schema'],
  [/with schemaChange: 'evolve'/, 'with --evolve'],
  [/with mode 'overwrite'/, 'with --mode overwrite'],
  [/mode 'overwrite', 'merge' or 'append'/, '--mode overwrite, merge or append'],
  [/\b(?:give|set) orderedOn\b/, 'give --ordered-on'],
  [/\binputEnds: 'more'/, '--input-ends more'],
  [/\bspillDirectory\b/, '--spill-directory'],
  [/\bspillLimit\b/, '--spill-limit'],
  [/\braise memoryLimit\b/, 'raise --memory-limit'],
  [/\bmaxBadRows\b/, '--max-bad-rows'],
  [/\bdelimiter: '(.)'/, "--delimiter '$1'"],
];

/** A hint as somebody at a terminal can follow it. */
export function inCommandWords(hint: string): string {
  return WORDS.reduce((text, [library, commandLine]) => text.replace(library, commandLine), hint);
}
