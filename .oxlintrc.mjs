/**
 * Rules of the linter. The order of folders stands here once: what each may import follows from it. The deepest folder that has a rule
 * counts, so rules of a folder repeat those around it.
 */

/** Folders of packages/core/src: each row imports only rows before it, and of the plan, which is plain data, the types. */
const CORE = [
  ['schema'],
  ['memory'],
  ['batch'],
  ['kernels'],
  ['expressions'],
  ['formats'],
  ['spill'],
  ['store', 'operators'],
  ['plan', 'partition'],
];

/** Folders of packages/core/src/store: each imports only those before it. */
const STORE = ['log', 'files', 'merge', 'read', 'commit', 'sinks'];

const below = (folders) => folders.map((folder) => `**/${folder}/**`);

const CORE_PATHS = [
  {
    name: 'apache-arrow',
    allowTypeImports: true,
    message: "load it lazily: await import('apache-arrow') (it costs 200 ms at start)",
  },
  { name: 'parquet-wasm', allowTypeImports: true, message: 'load it lazily, in the codec pool' },
  { name: 'node:worker_threads', allowImportNames: ['isMainThread', 'threadId'], message: 'core has no threads' },
];

/** An override for files of core. @param patterns beside those of all of them */
const coreFiles = (files, patterns) => ({
  files,
  rules: {
    'no-restricted-imports': [
      'error',
      {
        paths: CORE_PATHS,
        patterns: [
          {
            group: ['@spillway/*'],
            message: 'core imports nothing of the packages above it, and itself by relative path',
          },
          ...patterns,
        ],
      },
    ],
  },
});

/** What the folders of a row of `CORE` may not import: those behind them, and those beside them. */
function restrictedIn(folder) {
  const row = CORE.findIndex((folders) => folders.includes(folder));
  const later = CORE.slice(row).flat();
  if (row === CORE.length - 1) return [];
  const restricted = later.filter((other) => other !== folder && !CORE.at(-1).includes(other));
  const arrows = CORE.map((folders) => (folders.length > 1 ? `{${folders.join(', ')}}` : folders[0])).join(' <- ');
  return [
    ...(restricted.length === 0 ? [] : [{ group: below(restricted), message: `arrows go ${arrows}` }]),
    {
      group: below(CORE.at(-1)),
      allowTypeImports: true,
      message: "only the plan's types (plain data) may be named to its left",
    },
  ];
}

/** Overrides of the store's folders. */
function storeOverrides() {
  const path = 'packages/core/src/store';
  const outside = restrictedIn('store');
  const arrows = `arrows in store go ${STORE.join(' <- ')} <- datasets and stores <- oups; keys imports none of these`;
  const folder = (name, others) =>
    coreFiles(
      [`${path}/${name}/**/*.ts`],
      [...outside, { group: [...below(others), '**/oups/**', '../*.ts'], message: arrows }],
    );
  return [
    coreFiles([`${path}/*.ts`], [...outside, { group: ['**/oups/**'], message: arrows }]),
    folder('keys', STORE),
    ...STORE.map((name, index) => folder(name, STORE.slice(index + 1))),
  ];
}

export default {
  plugins: ['typescript', 'import', 'unicorn', 'oxc'],
  categories: { correctness: 'error' },
  ignorePatterns: ['**/dist/**', '**/node_modules/**', 'packages/core/kernels/*.ts'],
  rules: {
    'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'unicorn/filename-case': ['error', { case: 'kebabCase' }],
    'no-empty': 'error',
    'unicorn/no-useless-spread': 'off',
    'unicorn/no-new-array': 'off',
    eqeqeq: 'error',
    'no-var': 'error',
    'prefer-const': 'error',
    'typescript/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
    'typescript/no-non-null-assertion': 'off',
    'unicorn/no-thenable': 'off',
  },
  overrides: [
    coreFiles(['packages/core/src/*.ts'], []),
    ...CORE.flat().map((folder) => coreFiles([`packages/core/src/${folder}/**/*.ts`], restrictedIn(folder))),
    ...storeOverrides(),
    {
      // The types of chain methods give streams, whose types are their chain methods.
      files: ['packages/core/src/plan/stream{,-end,-rows,-sinks,-types}.ts'],
      rules: { 'import/no-cycle': 'off' },
    },
    {
      files: ['packages/workers/src/**/*.ts'],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              { group: ['@spillway/bench', '@spillway/bench/**'], message: 'arrows go bench -> workers -> core' },
              {
                group: ['**/core/src/**', '@spillway/core/dist/**'],
                message: "use '@spillway/core' or '@spillway/core/internal'",
              },
            ],
          },
        ],
      },
    },
    {
      files: ['test/**/*.ts'],
      rules: {
        'max-lines-per-function': 'off',
        'no-loss-of-precision': 'off',
        'max-lines': 'off',
        'no-restricted-imports': [
          'error',
          { patterns: [{ group: ['**/packages/**'], message: 'tests use the built packages by name' }] },
        ],
      },
    },
  ],
};
