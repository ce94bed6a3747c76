/** A naive interpreter of Network, one plain loop per operator: what the tests hold against onnxruntime. */
import { type Network, type NetworkNode, numel, type Shape, type Window } from '../../lib/graph';

function windowed(
  x: Float32Array,
  from: Shape,
  to: Shape,
  { kernel, strides, pads, dilations }: Window,
  first: number,
  step: (sum: number, value: number) => number,
): Float32Array {
  const out = new Float32Array(numel(to));
  for (let c = 0; c < to.c; ++c) {
    for (let oy = 0; oy < to.h; ++oy) {
      for (let ox = 0; ox < to.w; ++ox) {
        let value = first;
        for (let ky = 0; ky < kernel[0]; ++ky) {
          const iy = oy * strides[0] - pads[0] + ky * dilations[0];
          if (iy < 0 || iy >= from.h) continue;
          for (let kx = 0; kx < kernel[1]; ++kx) {
            const ix = ox * strides[1] - pads[1] + kx * dilations[1];
            if (ix >= 0 && ix < from.w) value = step(value, x[(c * from.h + iy) * from.w + ix]!);
          }
        }
        out[(c * to.h + oy) * to.w + ox] = value;
      }
    }
  }
  return out;
}

function convolved(node: Extract<NetworkNode, { op: 'conv' }>, x: Float32Array, from: Shape): Float32Array {
  const { kernel, strides, pads, dilations } = node.window;
  const to = node.shape;
  const perGroup = from.c / node.groups;
  const perOutput = to.c / node.groups;
  if (node.weight.length !== to.c * perGroup * kernel[0] * kernel[1]) throw new Error(`${node.name}: weight size`);
  const plane = to.h * to.w;
  const out = new Float64Array(to.c * plane);
  for (let m = 0; m < to.c; ++m) {
    const group = Math.floor(m / perOutput);
    for (let i = 0; i < plane; ++i) {
      const { bias } = node;
      out[m * plane + i] = bias ? bias[bias.length === to.c ? m : m * plane + i]! : 0;
    }
    for (let c = 0; c < perGroup; ++c) {
      for (let ky = 0; ky < kernel[0]; ++ky) {
        for (let kx = 0; kx < kernel[1]; ++kx) {
          const w = node.weight[((m * perGroup + c) * kernel[0] + ky) * kernel[1] + kx]!;
          if (w === 0) continue;
          const source = (group * perGroup + c) * from.h * from.w;
          for (let oy = 0; oy < to.h; ++oy) {
            const iy = oy * strides[0] - pads[0] + ky * dilations[0];
            if (iy < 0 || iy >= from.h) continue;
            for (let ox = 0; ox < to.w; ++ox) {
              const ix = ox * strides[1] - pads[1] + kx * dilations[1];
              if (ix >= 0 && ix < from.w) out[m * plane + oy * to.w + ox]! += w * x[source + iy * from.w + ix]!;
            }
          }
        }
      }
    }
  }
  return Float32Array.from(out);
}

function softmaxed(node: Extract<NetworkNode, { op: 'softmax' }>, x: Float32Array): Float32Array {
  const out = new Float32Array(x.length);
  const { outer, length, inner } = node;
  for (let o = 0; o < outer; ++o) {
    for (let i = 0; i < inner; ++i) {
      const place = (k: number) => (o * length + k) * inner + i;
      let most = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < length; ++k) most = Math.max(most, x[place(k)]!);
      let sum = 0;
      for (let k = 0; k < length; ++k) sum += Math.exp(x[place(k)]! - most);
      for (let k = 0; k < length; ++k) {
        const z = x[place(k)]! - most;
        out[place(k)] = node.log ? z - Math.log(sum) : Math.exp(z) / sum;
      }
    }
  }
  return out;
}

function halfEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const UNARY = {
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  neg: (x: number) => -x,
  relu: (x: number) => Math.max(x, 0),
  floor: Math.floor,
  round: halfEven,
};

function at(values: ArrayLike<number>, channel: number): number {
  return values[values.length === 1 ? 0 : channel]!;
}

function evaluate(node: NetworkNode, inputs: Float32Array[], shapes: Shape[]): Float32Array {
  const x = inputs[0]!;
  const plane = node.shape.h * node.shape.w;
  switch (node.op) {
    case 'input': {
      const { grid } = node;
      if (!grid) return x;
      return x.map((v) => grid.step * Math.min(Math.max(halfEven(Math.fround(v / grid.step)), grid.lo), grid.hi));
    }
    case 'conv':
      return convolved(node, x, shapes[0]!);
    case 'scale':
      return x.map((v, i) => {
        const c = Math.floor(i / plane);
        return v * node.factor[c]! + (node.shift?.[node.shift.length === x.length ? i : c] ?? 0);
      });
    case 'add':
      return x.map((_, i) => inputs.reduce((sum, input) => sum + input[i]!, 0));
    case 'avgpool': {
      const sum = windowed(x, shapes[0]!, node.shape, node.window, 0, (a, b) => a + b);
      return sum.map((v, i) => v * node.factor[i % plane]!);
    }
    case 'maxpool':
      return windowed(x, shapes[0]!, node.shape, node.window, Number.NEGATIVE_INFINITY, Math.max);
    case 'route': {
      const all = new Float32Array(inputs.reduce((sum, input) => sum + input.length, 0));
      let offset = 0;
      for (const input of inputs) {
        all.set(input, offset);
        offset += input.length;
      }
      return Float32Array.from(node.index, (from) => (from < 0 ? 0 : all[from]!));
    }
    case 'relu':
      return x.map((v) => Math.min(Math.max(v, 0), node.max));
    case 'quant':
      return x.map((v, i) => {
        const c = Math.floor(i / plane);
        const step = at(node.stepIn, c);
        const z = node.tiesToEven
          ? halfEven(Math.fround((v + at(node.offset, c) - step / 2) / step))
          : Math.floor(Math.fround((v + at(node.offset, c)) / step));
        return at(node.stepOut, c) * Math.min(Math.max(z, 0), node.levels);
      });
    case 'unary':
      return x.map(UNARY[node.kind]);
    case 'softmax':
      return softmaxed(node, x);
  }
}

/** Runs one image; values of all nodes by id. Checks shapes and order on the way. */
export function interpretAll(network: Network, image: Float32Array): Float32Array[] {
  const values: Float32Array[] = [];
  network.nodes.forEach((node, id) => {
    if (node.id !== id) throw new Error(`node ${node.name} has id ${node.id} at place ${id}`);
    const inputs = node.op === 'input' ? [image] : node.inputs.map((input) => values[input]!);
    if (inputs.some((input) => input === undefined)) throw new Error(`${node.name} is before its inputs`);
    const value = evaluate(
      node,
      inputs,
      node.inputs.map((input) => network.nodes[input]!.shape),
    );
    if (value.length !== numel(node.shape)) throw new Error(`${node.name}: ${value.length} values for its shape`);
    values.push(value);
  });
  return values;
}

/** The outputs of one image by name. */
export function interpret(network: Network, image: Float32Array): Map<string, Float32Array> {
  const values = interpretAll(network, image);
  return new Map(network.outputs.map((output) => [output.name, values[output.node]!]));
}
