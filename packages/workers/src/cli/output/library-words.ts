/** Hints of the library in words of the command line: options have other names there. */

type Words = readonly (readonly [library: RegExp, commandLine: string])[];

/** What only commands have that make the plan themselves; a module of `run` says it in words of the library. */
const PLAN_WORDS: Words = [
  [/declare it as null with nulls: \["([^"]*)"\]/, "take it for null with --null '$1'"],
  [/give its format: timeFormats: \{ "([^"]+)": '([^']+)' \}/, "give its format with --time-format '$1=$2'"],
  [
    /, or (?:declare )?"([^"]+)" as utf8$/,
    ', declare "$1" as utf8 in --schema, or leave such rows out with --skip-bad-rows',
  ],
  [
    /^declare "([^"]+)" (as utf8|with a (?:wider|finer) type)$/,
    'declare "$1" $2 in --schema, or leave such rows out with --skip-bad-rows',
  ],
  [/\bin partitionBy\b/, 'with --partition-by'],
  [/\bgive quote: ''/, 'give --quote none'],
  [/\bname the columns to read: read\w+\(…, \{ columns: \[(.*)\] \}\)/, 'name the columns to read: --columns $1'],
  [/with onBadRow: 'skip-and-report'/, 'with --skip-bad-rows'],
  [/, or give a schema$/, ", or name its columns with --schema 'name:type,…'"],
  [/header: false and a schema/, '--no-header and --schema'],
  [/with schemaChange: 'evolve'/, 'with --evolve'],
  [/with mode '(overwrite|merge|append)'/g, 'with --mode $1'],
  [/mode 'overwrite', 'merge' or 'append'/, '--mode overwrite, merge or append'],
  [/\b(?:give|set) orderedOn\b/, 'give --ordered-on'],
  [/\bmaxBadRows\b/, '--max-bad-rows'],
  [/\bdelimiter: '(.)'/, "--delimiter '$1'"],
];

/** What every command has that runs a job. */
const JOB_WORDS: Words = [
  [/\binputEnds: 'more'/, '--input-ends more'],
  [/\bspillDirectory\b/, '--spill-directory'],
  [/\bspillLimit\b/, '--spill-limit'],
  [/\braise memoryLimit\b/, 'raise --memory-limit'],
  [/(--spill-limit), or memoryLimit\b/, '$1, or --memory-limit'],
];

/** A hint as somebody at a terminal can follow it. */
export function inCommandWords(hint: string, command: string | undefined): string {
  const words = command === 'run' ? JOB_WORDS : [...PLAN_WORDS, ...JOB_WORDS];
  return words.reduce((text, [library, commandLine]) => text.replace(library, commandLine), hint);
}
