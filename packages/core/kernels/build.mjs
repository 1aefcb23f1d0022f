// Compiles the kernels (AssemblyScript, in this folder) to ../dist/kernels.wasm, when a source is newer than the result.
import { mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const target = fileURLToPath(new URL('../dist/kernels.wasm', import.meta.url));
const sources = readdirSync(folder).filter((name) => name.endsWith('.ts') || name.endsWith('.mjs'));

function isFresh() {
  const built = statSync(target, { throwIfNoEntry: false });
  // The folder itself counts too: a source that was taken away changes nothing else.
  return built !== undefined && ['', ...sources].every((name) => statSync(folder + name).mtimeMs < built.mtimeMs);
}

/** Memory is the arena: imported, shared, up to 4 GiB. Nothing of the runtime: kernels have no objects and no static data. */
const OPTIONS = [
  ...['--runtime', 'stub', '--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ...['--noExportMemory', '--use', 'abort=', '--noAssert', '--optimizeLevel', '3', '--shrinkLevel', '0', '--converge'],
  // Names of functions, for profiles: the code is the same.
  '--debug',
  ...['--enable', 'simd', '--enable', 'threads', '--enable', 'bulk-memory', '--enable', 'nontrapping-f2i'],
];

async function compile() {
  const { default: asc } = await import('assemblyscript/asc');
  let binary;
  const { error, stderr } = await asc.main(['index.ts', '--outFile', 'kernels.wasm', '--baseDir', folder, ...OPTIONS], {
    writeFile: (name, content) => {
      if (name.endsWith('.wasm')) binary = content;
    },
  });
  if (error !== null || binary === undefined) {
    process.stderr.write(stderr.toString());
    throw error ?? new Error('the kernels were not compiled');
  }
  mkdirSync(new URL('../dist/', import.meta.url), { recursive: true });
  // By rename, so that a build beside a running program never shows it half a file.
  const temporary = `${target}.${process.pid}`;
  writeFileSync(temporary, binary);
  renameSync(temporary, target);
}

if (!isFresh()) await compile();
