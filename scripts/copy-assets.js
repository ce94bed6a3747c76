// Copies what tsc leaves behind (the ONNX schema) from lib/ to dist/ and makes the command line executable.
const { chmodSync, copyFileSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
copyFileSync(join(root, 'lib/onnx/onnx.proto'), join(root, 'dist/onnx/onnx.proto'));
chmodSync(join(root, 'dist/cli/main.js'), 0o755);
