/** The examples run as they stand, and the README shows them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNode } from './support/casc';

const root = join(__dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

test('evaluate.mjs, which is the example in the README', () => {
  const [, ...lines] = read('examples/evaluate.mjs').split('\n');
  expect(/```js\n(.*?)```/s.exec(read('README.md'))![1]!.trim()).toBe(lines.join('\n').trim());
  expect(runNode('examples/evaluate.mjs')).toEqual({ status: 0, stdout: 'true true true\n9 40 4\n', stderr: '' });
});

test('neurons.mjs: only the consistent neuron counts the sums of its input', () => {
  const { status, stdout } = runNode('examples/neurons.mjs');
  expect(status).toBe(0);
  expect(stdout.match(/counts .*/g)).toEqual(['counts 2 1 2', 'counts 1 0 2']);
});

test('npm start: exit code 0, certified, and what the README shows', () => {
  const { status, stdout } = runNode('examples/quickstart.js');
  expect(status).toBe(0);
  expect(stdout).toMatch(/\ncertified: /);
  const readme = read('README.md');
  const shown = stdout.split('\n').filter((line) => line !== '' && !/^(throughput|activation|\/act)/.test(line));
  for (const line of shown) expect(readme).toContain(line);
});
