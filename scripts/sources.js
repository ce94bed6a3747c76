// Prints native/sources.txt for binding.gyp, so that CMake and node-gyp build the same files.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const list = readFileSync(join(__dirname, '..', 'native', 'sources.txt'), 'utf8');
for (const line of list.split('\n')) if (line.trim() && !line.startsWith('#')) console.log(line.trim());
