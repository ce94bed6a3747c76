import { CascError } from '../errors';
import type { Network } from './network';

/** Outputs of a classifier: its one output has one value per class. Undefined where the net is something else. */
export function classCount(network: Network): number | undefined {
  const [output, ...more] = network.outputs;
  const wide = output?.dims.filter((dim) => dim > 1) ?? [];
  if (!output || more.length > 0 || wide.length > 1) return undefined;
  return wide[0] ?? 1;
}

/**
 * Number of classes of a classifier. Throws ERR_CASC_UNSUPPORTED where the net is none.
 *
 * @example
 * const classes = classesOf(await importModel('net.onnx')); // 10 for CIFAR-10
 */
export function classesOf(network: Network): number {
  const classes = classCount(network);
  if (classes !== undefined) return classes;
  const outputs = network.outputs.map(({ name, dims }) => `"${name}" [${['N', ...dims].join(', ')}]`).join(', ');
  throw new CascError(
    'ERR_CASC_UNSUPPORTED',
    `${network.file}: accuracy is measured on nets with one output of one value per class, but this one has ${outputs}. Run it with casc simulate`,
    { file: network.file },
  );
}
