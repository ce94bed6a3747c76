/** The pretrained nets and the reference nets, against onnxruntime. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { importModel, type Network } from '../../lib/graph';
import { interpret } from './interpret';
import { distance, noisy, runReference } from './runtime';

const data = process.env.CASC_DATA ?? join(__dirname, '../../../shared');

async function compare(path: string, network: Network): Promise<void> {
  const image = noisy(
    network.inputDims.reduce((a, b) => a * b, 1),
    11,
  );
  const reference = await runReference(path, network.inputName, network.inputDims, image);
  const ours = interpret(network, image);
  expect([...ours.keys()]).toEqual([...reference.keys()]);
  for (const [name, expected] of reference) expect(distance(ours.get(name)!, expected)).toBeLessThan(1e-4);
}

function summary(network: Network): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { verdict } of network.verdicts) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

function ops(network: Network): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op } of network.nodes) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

describe('reference nets', () => {
  test.each(['small-max-q8', 'small-avg-q4', 'residual-q8', 'small-max-plain-if'])('%s', async (name) => {
    const path = join(__dirname, '../golden', `${name}.onnx`);
    const network = await importModel(path);
    await compare(path, network);
    console.log(name, JSON.stringify(ops(network)), JSON.stringify(summary(network)));
  });
});

describe('pretrained nets', () => {
  test.each(['squeezenet1.0-imagenet', 'resnet20-cifar10', 'resnet20-cifar10-qat8', 'fastestdet-coco'])(
    '%s',
    async (name) => {
      const path = join(data, 'models', `${name}.onnx`);
      if (!existsSync(path)) {
        if (process.env.CASC_REQUIRE_DATA === '1') throw new Error(`missing: ${path}`);
        console.warn(`skipped: ${path} is not there (set CASC_DATA)`);
        return;
      }
      const network = await importModel(path);
      console.log(name, JSON.stringify(ops(network)), JSON.stringify(summary(network)));
      await compare(path, network);
    },
  );
});
