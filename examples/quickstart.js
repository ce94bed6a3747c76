// `npm start`: the net in the box, quantised to integers, converted, evaluated beside its fp32 original, certified. The
// commands that are shown are those that run, from the root of the repository.
const { mkdirSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const { join } = require('node:path');

const root = join(__dirname, '..');
const box = 'examples/fashion-mnist';
const quantised = 'build/fashion-mnist-int8.onnx';

/** Runs one command of the command line; its exit code. */
function casc(...args) {
  console.log(`$ casc ${args.join(' ')}\n`);
  const { status } = spawnSync(process.execPath, ['dist/cli/main.js', ...args], { cwd: root, stdio: 'inherit' });
  console.log();
  return status ?? 1;
}

mkdirSync(join(root, 'build'), { recursive: true });
process.exitCode =
  casc(
    'quantize',
    `${box}/fashion-mnist-q8.onnx`,
    '-o',
    quantised,
    '--format',
    'int8',
    '--mean',
    '0.2860',
    '--std',
    '0.3530',
  ) || casc('evaluate', quantised, '--data', `mnist:${box}`, '--ann', `${box}/fashion-mnist-relu.onnx`);
