// Format (clang-format) and lint (clang-tidy) of native/, format of test/native/kernels/. With --write it mends the format. Where a tool is missing it
// says so in one line; in CI a missing tool is a failure.
const { spawnSync } = require('node:child_process');
const { existsSync, readdirSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const sources = (folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => join(folder, name));
const files = sources('native');
const formatted = [...files, ...sources(join('test', 'native', 'kernels'))];

/** Exit status; a missing tool is skipped outside CI. */
function run(tool, args) {
  if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0) {
    console.error(`${tool} is not installed: native/ was not checked by it (Debian: apt-get install ${tool})`);
    return process.env.CI ? 1 : 0;
  }
  return spawnSync(tool, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status ?? 1;
}

if (process.argv.includes('--write')) process.exit(run('clang-format', ['-i', ...formatted]));

let status = run('clang-format', ['--dry-run', '--Werror', ...formatted]);
// clang-tidy wants the compiler's command lines, which a build with CMake leaves behind.
if (existsSync(join(root, 'build', 'compile_commands.json'))) {
  status ||= run('clang-tidy', ['--quiet', '-p', 'build', ...files.filter((name) => name.endsWith('.cc'))]);
} else {
  console.error(
    'build/compile_commands.json is missing: native/ was not checked by clang-tidy (build with CMake first)',
  );
  if (process.env.CI) status ||= 1;
}
process.exit(status);
