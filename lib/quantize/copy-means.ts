/**
 * What a block that puts out split activations is compared by: at each copy of a channel the mean of them all. One copy on its own
 * differs from the whole by its phase; trained to be right by itself, it would lose that.
 */
import type { NetworkNode } from '../graph/network';

/** Nodes that compute the means of `node`, which has place `at`; they go to `next` and behind. None without copies. */
export function copyMeans({ name, shape, copies }: NetworkNode, at: number, next: number): NetworkNode[] {
  if (!copies) return [];
  const base = { name: `${name}/mean`, tensor: '', onnx: [], tail: false, shape };
  const plane = shape.h * shape.w;
  const routes: NetworkNode[] = [];
  // The k-th puts each channel's k-th next copy, if it has so many, in its place.
  for (let k = 1; k < Math.max(...copies); k++) {
    const index = new Int32Array(shape.c * plane).fill(-1);
    let first = 0;
    for (const m of copies) {
      for (let j = 0; j < m && k < m; j++) {
        for (let i = 0; i < plane; i++) index[(first + j) * plane + i] = (first + ((j + k) % m)) * plane + i;
      }
      first += m;
    }
    routes.push({ ...base, id: next + routes.length, op: 'route', inputs: [at], index });
  }
  const sum = next + routes.length;
  const factor = Float32Array.from(copies.flatMap((m) => new Array<number>(m).fill(1 / m)));
  return [
    ...routes,
    { ...base, id: sum, op: 'add', inputs: [at, ...routes.map(({ id }) => id)] },
    { ...base, id: sum + 1, op: 'scale', inputs: [sum], factor, shift: null },
  ];
}
