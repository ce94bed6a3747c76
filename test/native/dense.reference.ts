/** The dense pass in the plainest TypeScript: one loop per index, float64 where the engine's order of sums is free. */
import type { NetworkNode, Shape, Window } from '../../lib/graph/network';
import { numel } from '../../lib/graph/network';

const f = Math.fround;

export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

const clip = (x: number, lo: number, hi: number) => Math.min(Math.max(x, lo), hi);

/** Calls visit(output index, input index, tap) for every tap that is not a pad, of channel c. */
function slide(
  x: Shape,
  y: Shape,
  w: Window,
  visit: (at: number, from: number, tap: number) => void, // indices within one plane
): void {
  for (let oy = 0; oy < y.h; oy++)
    for (let ox = 0; ox < y.w; ox++)
      for (let ky = 0; ky < w.kernel[0]; ky++)
        for (let kx = 0; kx < w.kernel[1]; kx++) {
          const iy = oy * w.strides[0] + ky * w.dilations[0] - w.pads[0];
          const ix = ox * w.strides[1] + kx * w.dilations[1] - w.pads[1];
          if (iy < 0 || iy >= x.h || ix < 0 || ix >= x.w) continue;
          visit(oy * y.w + ox, iy * x.w + ix, ky * w.kernel[1] + kx);
        }
}

const unary = {
  sigmoid: (v: number) => 1 / (1 + Math.exp(-v)),
  tanh: Math.tanh,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  neg: (v: number) => -v,
  floor: Math.floor,
  round: roundHalfEven,
  relu: (v: number) => Math.max(v, 0),
};

/** One node's value. `magnitude` makes it the sum of absolute products, the scale of a convolution's rounding errors. */
function evaluate(node: NetworkNode, shapes: Shape[], inputs: ArrayLike<number>[], magnitude: boolean): Float64Array {
  const y = new Float64Array(numel(node.shape));
  const x = inputs[0]!;
  const plane = node.shape.h * node.shape.w;
  const absolute = magnitude ? Math.abs : (v: number) => v;
  switch (node.op) {
    case 'input': {
      const { grid } = node;
      return y.map((_, i) => (grid ? f(grid.step * clip(roundHalfEven(x[i]! / grid.step), grid.lo, grid.hi)) : x[i]!));
    }
    case 'conv': {
      const from = shapes[0]!;
      const [m, c] = [node.shape.c / node.groups, from.c / node.groups];
      const taps = node.window.kernel[0] * node.window.kernel[1];
      for (let o = 0; o < node.shape.c; o++) {
        for (let i = 0; i < plane; i++) {
          const { bias } = node;
          if (bias) y[o * plane + i] = absolute(bias.length === node.shape.c ? bias[o]! : bias[o * plane + i]!);
        }
        for (let k = 0; k < c; k++) {
          const channel = (Math.floor(o / m) * c + k) * from.h * from.w;
          slide(from, node.shape, node.window, (at, source, tap) => {
            y[o * plane + at]! += absolute(node.weight[(o * c + k) * taps + tap]! * x[channel + source]!);
          });
        }
      }
      return y;
    }
    case 'scale':
      return y.map((_, i) => {
        const c = Math.floor(i / plane);
        return f(f(node.factor[c]! * x[i]!) + (node.shift ? node.shift[c]! : 0));
      });
    case 'add':
      return y.map((_, i) => inputs.reduce((sum, term) => f(sum + term[i]!), 0));
    case 'avgpool':
    case 'maxpool': {
      if (node.op === 'maxpool') y.fill(Number.NEGATIVE_INFINITY);
      const from = shapes[0]!;
      for (let c = 0; c < node.shape.c; c++)
        slide(from, node.shape, node.window, (at, source) => {
          const v = x[c * from.h * from.w + source]!;
          const old = y[c * plane + at]!;
          y[c * plane + at] = node.op === 'maxpool' ? Math.max(old, v) : f(old + v);
        });
      return node.op === 'maxpool' ? y : y.map((v, i) => f(v * node.factor[i % plane]!));
    }
    case 'route': {
      const all = inputs.flatMap((values) => Array.from(values));
      return y.map((_, i) => (node.index[i] === -1 ? 0 : all[node.index[i]!]!));
    }
    case 'relu':
      return y.map((_, i) => clip(x[i]!, 0, node.max));
    case 'quant':
      return y.map((_, i) => {
        const at = (array: Float64Array) => f(array[array.length === 1 ? 0 : Math.floor(i / plane)]!);
        const stepIn = at(node.stepIn);
        const level = node.tiesToEven
          ? roundHalfEven(f(x[i]! / stepIn))
          : Math.floor(f(f(x[i]! + at(node.offset)) / stepIn));
        return f(at(node.stepOut) * clip(level, 0, node.levels));
      });
    case 'unary':
      return y.map((_, i) => unary[node.kind](x[i]!));
    case 'softmax':
      for (let o = 0; o < node.outer; o++)
        for (let i = 0; i < node.inner; i++) {
          const at = (l: number) => (o * node.length + l) * node.inner + i;
          const line = Array.from({ length: node.length }, (_, l) => x[at(l)]!);
          const max = Math.max(...line);
          const total = line.reduce((sum, v) => sum + Math.exp(v - max), 0);
          line.forEach((v, l) => {
            y[at(l)] = node.log ? v - max - Math.log(total) : Math.exp(v - max) / total;
          });
        }
      return y;
  }
}

/** All nodes' values for one image. `inputs`: one per input node. */
export function reference(nodes: NetworkNode[], inputs: ArrayLike<number>[], magnitudeOf = -1): ArrayLike<number>[] {
  const values: ArrayLike<number>[] = [];
  let next = 0;
  nodes.forEach((node, n) => {
    const from = node.op === 'input' ? [inputs[next++]!] : node.inputs.map((i) => values[i]!);
    const shapes = node.inputs.map((i) => nodes[i]!.shape);
    values.push(evaluate(node, shapes, from, n === magnitudeOf));
  });
  return values;
}
