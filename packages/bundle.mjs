// Bundles the modules of core and of workers into few files (`dist/lib`), for a module costs half a millisecond to load, whatever its size.
//
// Every entry of a package is bundled at once with the others, and what several need is a file that they share: no module is there twice in a
// thread, so there is one registry of ops and one class of errors, whoever imports them by whichever entry. Modules of one phase of a run are one
// file, where nobody else needs a part of them. Packages stay apart: what one imports of another is resolved when it runs.
//
// All files lie in one folder, two below the package as sources do, so that paths relative to `import.meta.url` mean the same in both.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const LIBRARY = 'dist/lib';

/**
 * `threads`: what is loaded by its path, beside what `exports` names. `required`: the same as CommonJS. `whole`: one script each, with all that it needs
 * of both packages; it begins with the digest of what follows. `phases`: modules that are loaded at a time, with
 * all that they need. `files`: which modules are one file: those that all of the named phases need and no file before it has. A small run loads
 * most of these files, so that they hold what one phase needs, not more; everything else is cut by who needs it.
 */
const PACKAGES = {
  core: {
    threads: [],
    required: [],
    whole: [],
    phases: {
      index: ['index'],
      lane: ['base', 'data', 'lane', 'spill', 'words'],
      planner: ['planner'],
      expressions: ['operators/filter'],
    },
    files: [['index', 'lane'], ['index', 'expressions'], ['index'], ['lane'], ['planner'], ['expressions']],
  },
  workers: {
    threads: [
      'cli/main',
      'codecs/codec-worker',
      'dask/partition-worker',
      'lanes/stage-worker',
      'partition/run-task',
      'resume/merge-worker',
    ],
    required: ['codecs/codec-thread', 'dask/lone-process', 'lanes/stage-thread'],
    whole: ['dask/lone-worker'],
    phases: {
      index: ['index'],
      main: ['index', 'coordinator/run-modules'],
      lane: ['lanes/stage-worker'],
      history: ['history/run-history', 'resume/fingerprint'],
    },
    files: [['main', 'lane'], ['index'], ['lane'], ['history'], ['main']],
  },
};

/** Files and folders under it: what was taken away changes only its folder. */
function newestMs(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

function entriesOf(folder, threads) {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const named = Object.values(exports).flatMap(({ types }) => types?.replace(/^\.\/dist\/|\.d\.ts$/g, '') ?? []);
  return [...named, ...threads].map((name) => ({ name: basename(name), module: join(folder, 'src', `${name}.ts`) }));
}

/** What a module loads at once, itself among it. */
function closureOf(modules, infoOf) {
  const found = new Set();
  const open = [...modules];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    open.push(...(infoOf(id)?.importedIds ?? []));
  }
  return found;
}

/** The bundler's groups: what the named phases have in common, without what groups before it have. */
function groupsOf(folder, { phases, files }, entries, infoOf) {
  const pathOf = (name) => join(folder, 'src', `${name}.ts`);
  const isEntry = new Set(entries.map(({ module }) => module));
  const closures = {};
  const isIn = (phase, id) => (closures[phase] ??= closureOf(phases[phase].map(pathOf), infoOf)).has(id);
  return files.map((needed, at) => ({
    name: `of-${needed.join('-and-')}`,
    priority: files.length - at,
    test: (id) => !isEntry.has(id) && needed.every((phase) => isIn(phase, id)),
  }));
}

const isForeign = (id) => !id.startsWith('.') && !id.startsWith('/');

async function bundleModules(folder, layout) {
  const entries = entriesOf(folder, layout.threads);
  let infoOf;
  const bundle = await rolldown({
    cwd: folder,
    platform: 'node',
    input: Object.fromEntries(entries.map(({ name, module }) => [name, module])),
    external: isForeign,
    checks: { ineffectiveDynamicImport: false },
    plugins: [
      {
        name: 'graph',
        buildEnd() {
          infoOf = (id) => this.getModuleInfo(id);
        },
      },
    ],
  });
  const { output } = await bundle.generate({
    dir: join(folder, LIBRARY),
    format: 'es',
    sourcemap: true,
    comments: false,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting: { groups: groupsOf(folder, layout, entries, (id) => infoOf(id)) },
  });
  await bundle.close();
  return output;
}

async function bundleRequired(folder, { required }) {
  if (required.length === 0) return [];
  const bundle = await rolldown({
    cwd: folder,
    platform: 'node',
    input: Object.fromEntries(required.map((name) => [basename(name), join(folder, 'src', `${name}.cts`)])),
    external: () => true,
    makeAbsoluteExternalsRelative: false,
  });
  const { output } = await bundle.generate({
    dir: join(folder, LIBRARY),
    format: 'cjs',
    sourcemap: true,
    entryFileNames: '[name].cjs',
  });
  await bundle.close();
  return output;
}

/** Modules of core, in a script of another package, go on to find what lies beside them. */
const CORE_PLACE = {
  name: 'core-place',
  transform(code, id) {
    if (!code.includes('import.meta.url') || !id.includes('/core/dist/lib/')) return undefined;
    const file = `dist/lib/${basename(id)}`;
    const url = `new URL('${file}', require('node:url').pathToFileURL(require.resolve('@spillway/core/package.json'))).href`;
    // Not in the texts of messages.
    return { code: code.replaceAll(/([(,]\s*)import\.meta\.url\)/g, `$1${url})`), map: null };
  },
};

async function bundleWhole(folder, { whole }) {
  const scripts = [];
  for (const name of whole) {
    const bundle = await rolldown({
      cwd: folder,
      platform: 'node',
      input: join(folder, 'src', `${name}.ts`),
      external: (id) => isForeign(id) && !/^(@spillway|comlink)\//.test(id),
      checks: { ineffectiveDynamicImport: false },
      plugins: [CORE_PLACE],
    });
    const { output } = await bundle.generate({
      dir: join(folder, LIBRARY),
      format: 'cjs',
      comments: false,
      codeSplitting: false,
      entryFileNames: '[name].cjs',
      exports: 'named',
    });
    await bundle.close();
    for (const file of output) {
      // Scripts whose compiled code was kept cannot import: who runs them does it for them.
      const code = file.code.replaceAll(/\bimport\(/g, 'spillwayImport(');
      const digest = createHash('sha256').update(code).digest('hex').slice(0, 18);
      scripts.push({ fileName: file.fileName, code: `//${digest}\n${code}` });
    }
  }
  return scripts;
}

/** By rename, so that a build beside a running program never shows it half a file; what is the same stays. */
function place(target, content) {
  if (statSync(target, { throwIfNoEntry: false }) && readFileSync(target, 'utf8') === content) return;
  const temporary = `${target}.${process.pid}`;
  writeFileSync(temporary, content);
  renameSync(temporary, target);
}

async function build(name, layout) {
  const folder = join(HERE, name);
  const library = join(folder, LIBRARY);
  const stamp = join(folder, 'dist/.bundled');
  const from = ['src', 'package.json', '../bundle.mjs', ...(layout.whole.length > 0 ? ['../core/src'] : [])];
  const newest = Math.max(...from.map((path) => newestMs(join(folder, path))));
  const built = statSync(stamp, { throwIfNoEntry: false });
  if (built !== undefined && newest < built.mtimeMs) return;
  const startedAt = new Date();
  const files = [
    ...(await bundleModules(folder, layout)),
    ...(await bundleRequired(folder, layout)),
    ...(await bundleWhole(folder, layout)),
  ];
  mkdirSync(library, { recursive: true });
  for (const file of files) place(join(library, file.fileName), file.code ?? file.source);
  const isOurs = new Set(files.map(({ fileName }) => fileName));
  for (const found of readdirSync(library)) if (!isOurs.has(found)) rmSync(join(library, found));
  writeFileSync(stamp, '');
  utimesSync(stamp, startedAt, startedAt);
}

for (const [name, layout] of Object.entries(PACKAGES)) await build(name, layout);
