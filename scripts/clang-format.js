// Checks (or with --write mends) the format of all C++ files with clang-format. Where the tool is missing it says so in
// one line; in CI a missing tool is a failure.
const { spawnSync } = require('node:child_process');
const { readdirSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const files = readdirSync(join(root, 'native'), { recursive: true })
  .filter((name) => /\.(cc|h)$/.test(name))
  .map((name) => join('native', name));
if (spawnSync('clang-format', ['--version'], { stdio: 'ignore' }).status !== 0) {
  console.error(
    'clang-format is not installed: the format of native/ was not checked (Debian: apt-get install clang-format)',
  );
  process.exit(process.env.CI ? 1 : 0);
}
const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '--Werror'];
process.exit(spawnSync('clang-format', [...mode, ...files], { cwd: root, stdio: 'inherit' }).status ?? 1);
