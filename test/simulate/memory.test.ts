/** 10,000 runs in one process do not grow its memory. In a process of its own, so that nothing else allocates. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

test('10,000 runs', () => {
  const script = `
    const { SpikingNetwork } = require(${JSON.stringify(join(__dirname, '..', '..', 'dist'))});
    const { join } = require('node:path');
    async function main() {
      const snn = await SpikingNetwork.load(${JSON.stringify(join(__dirname, '..', 'golden', 'small-max-q8.onnx'))}, { format: 'int8', inputRange: { min: -2, max: 2 } });
      const images = Float32Array.from({ length: 2 * snn.inputSize }, (_, i) => Math.sin(i));
      const run = async (n) => {
        for (let i = 0; i < n; i++) await snn.simulate(images, 2, { counts: true, certify: true, everyStep: true });
        global.gc();
        return process.memoryUsage().rss;
      };
      await run(2000);
      const before = await run(500);
      const after = await run(10000);
      console.log((after - before) / 2 ** 20);
    }
    main();`;
  const result = spawnSync(process.execPath, ['--expose-gc', '-e', script], { encoding: 'utf8' });
  expect(result.stderr).toBe('');
  // A leak of one byte per neuron and run would be 40 MB.
  expect(Number(result.stdout)).toBeLessThan(10);
}, 300_000);
