// Builds the native addon: with cmake-js where CMake is installed, else with node-gyp where Node's own headers are on
// the machine. Neither way downloads anything. npm would run node-gyp by itself where it sees a binding.gyp, so this
// is the package's explicit install script.
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');

const root = resolve(__dirname, '..');

function has(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function run(script, args) {
  const result = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  return result.status ?? 1;
}

/** The folder that holds include/node/node_api.h, or undefined. */
function nodeDirectory() {
  const candidates = [process.env.npm_config_nodedir, resolve(dirname(process.execPath), '..'), '/usr', '/usr/local'];
  return candidates.find((folder) => folder && existsSync(join(folder, 'include', 'node', 'node_api.h')));
}

function resolveTool(request) {
  try {
    return require.resolve(request, { paths: [root] });
  } catch {
    return undefined;
  }
}

function nodeGyp() {
  const own = resolveTool('node-gyp/bin/node-gyp.js');
  if (own) return own;
  // npm ships a node-gyp of its own.
  const npm =
    process.env.npm_execpath && join(dirname(process.env.npm_execpath), '../node_modules/node-gyp/bin/node-gyp.js');
  return npm && existsSync(npm) ? npm : undefined;
}

function build() {
  const forced = process.env.CASC_BUILD;
  if (forced && forced !== 'cmake' && forced !== 'gyp') {
    console.error(`casc-snn: CASC_BUILD is "${forced}"; expected "cmake" or "gyp".`);
    return 1;
  }
  const tried = [];
  if (forced !== 'gyp') {
    const cmakeJs = resolveTool('cmake-js/bin/cmake-js');
    if (!has('cmake')) tried.push('cmake-js: no `cmake` on the PATH (3.18 or newer)');
    else if (!cmakeJs) tried.push('cmake-js: the package is not installed');
    else {
      // scripts/sanitize.sh switches the sanitizers on and off; CMake keeps options, so each switch configures anew.
      const sanitize = process.env.CASC_SANITIZE;
      if (sanitize === undefined) return run(cmakeJs, ['build', '--log-level', 'warn']);
      return run(cmakeJs, ['rebuild', '--log-level', 'warn', `--CDCASC_SANITIZE=${sanitize === '1' ? 'ON' : 'OFF'}`]);
    }
  }
  if (forced !== 'cmake') {
    const gyp = nodeGyp();
    const headers = nodeDirectory();
    if (!gyp) tried.push('node-gyp: not found in this package nor beside npm');
    else if (!headers) tried.push("node-gyp: Node's headers (include/node/node_api.h) are not on this machine");
    else return run(gyp, ['rebuild', `--nodedir=${headers}`, '--loglevel=warn']);
  }
  console.error(
    [
      'casc-snn: the native addon was not built. Tried:',
      ...tried.map((line) => `  - ${line}`),
      'Install CMake 3.18+ and a C++20 compiler (Debian: apt-get install cmake g++), then run `npm rebuild casc-snn`.',
    ].join('\n'),
  );
  return 1;
}

process.exit(build());
