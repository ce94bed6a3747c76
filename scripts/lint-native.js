// Format (clang-format) and lint (clang-tidy) of native/, format of test/native/kernels/. With --write it mends the format. Where a tool is missing it
// says so in one line; in CI a missing tool is a failure.
const { spawn, spawnSync } = require('node:child_process');
const { existsSync, readdirSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { join } = require('node:path');

const root = join(__dirname, '..');
const sources = (folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => join(folder, name));
const files = sources('native');
const formatted = [...files, ...sources(join('test', 'native', 'kernels'))];

/** What a missing tool comes to; undefined where it is there. */
function missing(tool) {
  if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0) return undefined;
  console.error(`${tool} is not installed: native/ was not checked by it (Debian: apt-get install ${tool})`);
  return process.env.CI ? 1 : 0;
}

function format(...options) {
  const args = [...options, ...formatted];
  return missing('clang-format') ?? spawnSync('clang-format', args, { cwd: root, stdio: 'inherit' }).status ?? 1;
}

/** Exit status and what it has to say of one file: what it counts in the headers of others is left out. */
function tidy(file) {
  return new Promise((done) => {
    const child = spawn('clang-tidy', ['--quiet', '-p', 'build', file], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'])
      child[stream].setEncoding('utf8').on('data', (text) => (said[stream] += text));
    child.on('close', (status) => {
      const errors = said.stderr.replace(/^\d+ warnings? generated\.\n/gm, '');
      process.stderr.write(said.stdout + errors);
      done(status ?? 1);
    });
  });
}

/** As many files at a time as there are processors. */
async function lint() {
  const queue = files.filter((name) => name.endsWith('.cc'));
  let status = missing('clang-tidy');
  if (status !== undefined) return status;
  status = 0;
  const worker = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) status = (await tidy(file)) || status;
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return status;
}

async function main() {
  if (process.argv.includes('--write')) return format('-i');
  const status = format('--dry-run', '--Werror');
  if (status !== 0) return status;
  // clang-tidy wants the compiler's command lines, which a build with CMake leaves behind.
  if (existsSync(join(root, 'build', 'compile_commands.json'))) return lint();
  console.error(
    'build/compile_commands.json is missing: native/ was not checked by clang-tidy (build with CMake first)',
  );
  return process.env.CI ? 1 : 0;
}

void main().then((status) => {
  process.exitCode = status;
});
