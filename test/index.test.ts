/** The package as its users import it: CommonJS and ESM, types shipped, errors typed. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');
const run = (args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).trim();

test('CommonJS and ESM give the same names', () => {
  const cjs = run(['-e', 'console.log(Object.keys(require("casc-snn")).sort().join())']);
  const esm = run([
    '--input-type=module',
    '-e',
    'import * as casc from "casc-snn"; console.log(Object.keys(casc).filter((k) => k !== "default" && k !== "module.exports" && k !== "__esModule").sort().join())',
  ]);
  expect(cjs.split(',')).toEqual(
    expect.arrayContaining(['SpikingNetwork', 'evaluate', 'importModel', 'openDataset', 'quantize']),
  );
  expect(esm.split(',').filter((name) => name !== '__esModule')).toEqual(cjs.split(','));
});

test('declarations are there', () => {
  expect(existsSync(join(root, 'dist', 'index.d.ts'))).toBe(true);
});

test('a missing addon is explained', () => {
  const script = `
    const Module = require('node:module');
    const load = Module._load;
    Module._load = (request, ...rest) => {
      if (String(request).endsWith('casc_snn.node')) throw Object.assign(new Error('Cannot find module ' + request), { code: 'MODULE_NOT_FOUND' });
      return load(request, ...rest);
    };
    try { require('casc-snn').info(); } catch (error) { console.log(error.code + '\\n' + error.message); }`;
  const output = run(['-e', script]);
  expect(output).toMatch(/^ERR_CASC_ADDON/);
  expect(output).toMatch(/tried: .*casc_snn\.node/);
  expect(output).toContain('npm rebuild casc-snn');
});
