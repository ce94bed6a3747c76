// `npm start`: the net in the box, quantised to integers, converted, evaluated beside its fp32 original, certified.
const { mkdtempSync, rmSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const box = join(__dirname, 'fashion-mnist');
const cli = join(__dirname, '..', 'dist', 'cli', 'main.js');
const work = mkdtempSync(join(tmpdir(), 'casc-'));
const quantised = join(work, 'fashion-mnist-int8.onnx');

function casc(...args) {
  console.log(`$ casc ${args.map((arg) => arg.replace(`${box}/`, '').replace(`${work}/`, '')).join(' ')}`);
  const { status } = spawnSync(process.execPath, [cli, ...args], { stdio: 'inherit' });
  console.log();
  return status ?? 1;
}

const scaling = ['--mean', '0.2860', '--std', '0.3530'];
let status = casc('quantize', join(box, 'fashion-mnist-q8.onnx'), '-o', quantised, '--format', 'int8', ...scaling);
if (status === 0) {
  status = casc('evaluate', quantised, '--data', `mnist:${box}`, '--ann', join(box, 'fashion-mnist-relu.onnx'));
}
rmSync(work, { recursive: true, force: true });
process.exit(status);
