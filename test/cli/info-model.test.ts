/** `casc info --model`: what a net takes, and that a run stays below it. */
import { join } from 'node:path';
import type { Evaluation, MemoryBound } from '../../lib';
import { box, casc } from '../support/casc';

const model = [
  '--model',
  join(box, 'fashion-mnist-q8.onnx'),
  '--format',
  'int8',
  '--mean',
  '0.2860',
  '--std',
  '0.3530',
];

interface Info {
  isa: string;
  model: { file: string; format: string; levels: number; threads: number; schedule: object; memory: MemoryBound };
}

const info = (args: string[]) => JSON.parse(casc(['info', '--json', ...args]).stdout) as Info;

test('as a table', () => {
  const { status, stdout, stderr } = casc(['info', ...model, '--threads', '3']);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^instruction sets /m);
  expect(stdout).toMatch(
    /8 levels, int8; a run of 8 steps awake and asleep until silent .* on 3 threads, takes at most/,
  );
  expect(stdout).toMatch(/^weights and tables +0\.\d+ MB/m);
  expect(stdout).toMatch(/^a thread, to simulate +\d/m);
});

test('as data: more steps take more, and what a run held is below', () => {
  const { isa, model: plain } = info(model);
  expect(isa).toMatch(/\w/);
  expect(plain).toMatchObject({ format: 'int8', levels: 8, schedule: { wake: 8, sleep: 'auto', cap: 33 } });
  expect(plain.memory.perImage).toBe((784 + 10) * 4);
  const long = info([...model, '--wake', '16', '--stagger', '2']).model.memory;
  expect(long.plan).toBe(plain.memory.plan);
  expect(long.perThread.simulation).toBeGreaterThan(plain.memory.perThread.simulation);
  expect(long.perThread.oracle).toBe(plain.memory.perThread.oracle);

  const data = ['--data', `mnist:${box}`, '--limit', '40', '--profile', '--json', '-'];
  const { profile } = JSON.parse(casc(['evaluate', model[1]!, ...model.slice(2), ...data]).stdout) as Evaluation;
  const { simulation, oracle } = profile!.workingBytes;
  expect(simulation).toBeLessThan(plain.memory.perThread.simulation);
  expect(plain.memory.perThread.simulation).toBeLessThan(10 * simulation);
  expect(oracle).toBeLessThan(plain.memory.perThread.oracle);
  expect(plain.memory.perThread.oracle).toBeLessThan(10 * oracle);
});

test('wrong usage', () => {
  const lonely = casc(['info', '--wake', '3']);
  expect(lonely.status).toBe(2);
  expect(lonely.stderr).toMatch(/--wake is of a run: it needs --model/);
  const missing = casc(['info', '--model', 'none.onnx']);
  expect(missing.status).toBe(1);
  expect(missing.stderr).toMatch(/none\.onnx.*ERR_CASC_FILE/);
  expect(casc(['info', ...model, '--margin', '9']).status).toBe(2);
});
