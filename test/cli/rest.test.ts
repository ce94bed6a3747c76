/** `--mode rest`, `--verify` and `--profile` on the net in the box. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Evaluation, RestEvaluation } from '../../lib';
import { writeNpy } from '../../lib/datasets';
import { box, casc, temporaryFolder } from '../support/casc';

const folder = temporaryFolder();
const q8 = join(box, 'fashion-mnist-q8.onnx');
const evaluate = ['evaluate', q8, '--data', `mnist:${box}`, '--mean', '0.2860', '--std', '0.3530', '--limit', '60'];
const rest = [...evaluate, '--format', 'int8', '--mode', 'rest'];

/** A preloaded script that makes the engine's simulations sleep for no step: wrong ones, for the certificate to find. */
function sleepless(): Record<string, string> {
  const hook = join(folder, 'sleepless.js');
  writeFileSync(
    hook,
    `const Module = require('node:module');
     const load = Module._load;
     Module._load = (request, ...others) => {
       const loaded = load(request, ...others);
       if (!String(request).endsWith('casc_snn.node') || loaded.tampered) return loaded;
       class SpikingPlan extends loaded.SpikingPlan {
         constructor(description) {
           super(description);
           const run = super.run.bind(this);
           return new Proxy(this, { get: (plan, key) => {
             if (key === 'run') return (a, n, options) => run(a, n, { ...options, schedule: { ...options.schedule, sleep: 0 } });
             const value = Reflect.get(plan, key, plan);
             return typeof value === 'function' ? value.bind(plan) : value;
           } });
         }
       }
       return { ...loaded, SpikingPlan, tampered: true };
     };`,
  );
  return { NODE_OPTIONS: `--require ${hook}` };
}

test('evaluate: the same accuracy as a simulation, verified, without its figures', () => {
  const path = join(folder, 'rest.json');
  const table = casc([...rest, '--verify', '0.1', '--json', path]);
  expect(table.stderr).toBe('');
  expect(table.status).toBe(0);
  expect(table.stdout).toMatch(/^mode rest: computed without the transient/m);
  expect(table.stdout).toMatch(/^verified: .* of an even choice of 6 of 60 images, simulated in full$/m);
  expect(table.stdout).not.toMatch(/spikes per image|steps to rest|certified:/);
  const figures = JSON.parse(readFileSync(path, 'utf8')) as RestEvaluation;
  expect(figures).toMatchObject({ mode: 'rest', steps: null, spikes: null, operations: { synaptic: null } });
  expect(figures.exact).toMatchObject({ certified: true, images: 6 });
  const full = JSON.parse(casc([...evaluate, '--format', 'int8', '--json', '-']).stdout) as Evaluation;
  expect(full.snn.top1).toBe(figures.snn.top1);
  expect(full.mode).toBe('full');
});

test('evaluate and simulate: exit code 3 where verification fails', async () => {
  const failed = casc([...rest, '--verify', '1'], sleepless());
  expect(failed.stderr).toBe('');
  expect(failed.stdout).toMatch(/^VERIFICATION FAILED: .*first: layer .*image /m);
  expect(failed.status).toBe(3);
  expect(casc(rest, sleepless()).status).toBe(0);

  const input = join(folder, 'x.npy');
  await writeNpy(input, { shape: [2, 1, 28, 28], data: Float32Array.from({ length: 1568 }, (_, i) => Math.sin(i)) });
  const simulate = ['simulate', q8, '--input', input, '--format', 'int8', '--mode', 'rest', '--verify', '1'];
  expect(casc(simulate, sleepless())).toMatchObject({
    status: 3,
    stdout: expect.stringContaining('VERIFICATION FAILED'),
  });
  const fine = casc(simulate);
  expect(fine.status).toBe(0);
  expect(fine.stdout).toMatch(/verified: .* of 2 of 2 images/);
  const trace = join(folder, 'trace.json');
  const traced = casc([...simulate, '--trace', trace]);
  expect(traced.status).toBe(2);
  expect(traced.stderr).toMatch(/--trace writes every step.*ERR_CASC_ARGUMENT/);
  expect(existsSync(trace)).toBe(false);
});

test.each([
  [['--format', 'float32'], /float32/],
  [['--neuron', 'if'], /neuron if/],
  [['--sleep', '4'], /sleep of 4 steps/],
  [['--certify', 'all'], /certify does not go with mode "rest"/],
  [['--profile'], /profile does not go with mode "rest"/],
  [['--verify', '2'], /share above 0, up to 1/],
  [['--mode', 'fast'], /full, rest/],
])('wrong usage: %j', (args, message) => {
  const { status, stderr } = casc([...rest, ...args]);
  expect(status).toBe(2);
  expect(stderr).toMatch(message);
});

test('a profile is a table and data', () => {
  const path = join(folder, 'profile.json');
  const { status, stdout } = casc([...evaluate, '--format', 'int8', '--profile', '--json', path]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^per image +phase +µs +time/m);
  expect(stdout).toMatch(/^all layers +awake/m);
  const { profile, spikes } = JSON.parse(readFileSync(path, 'utf8')) as Evaluation;
  const fired = profile!.layers.reduce((sum, { wake, sleep }) => sum + wake.spikes.positive + sleep.spikes.positive, 0);
  expect(fired).toBe(spikes.positive);
});
