/** Resize and Upsample by nearest neighbour, coordinate by coordinate as onnxruntime computes them (in float32). */
import { GraphError, Refusal } from './graph-error';
import { axisOf, create, type NDArray, sizeOf } from './ndarray';
import type { OnnxNode } from './onnx-node';

const f = Math.fround;

interface Axis {
  from: number;
  to: number;
  scale: number;
}

/** The original coordinate of output position `x`. */
function original(x: number, { from, to, scale }: Axis, mode: string): number {
  if (scale === 1) return x;
  switch (mode) {
    case 'asymmetric':
      return f(x / scale);
    case 'half_pixel':
      return f(f(f(x + 0.5) / scale) - 0.5);
    case 'pytorch_half_pixel':
      return to > 1 ? f(f(f(x + 0.5) / scale) - 0.5) : 0;
    case 'align_corners':
      return to === 1 ? 0 : f(f(x * (from - 1)) / f(to - 1));
    case 'tf_half_pixel_for_nn':
      return f(f(x + 0.5) / scale);
    case 'half_pixel_symmetric': {
      const adjustment = f(to / f(scale * from));
      const offset = f(f(from / 2) * f(1 - adjustment));
      return f(f(offset + f(f(x + 0.5) / scale)) - 0.5);
    }
    default:
      throw new Refusal(`its coordinate_transformation_mode is ${mode}`);
  }
}

function rounded(x: number, mode: string, shrinks: boolean): number {
  switch (mode) {
    case 'round_prefer_floor':
      return x === Math.trunc(x) + 0.5 ? Math.floor(x) : Math.floor(x + 0.5);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    case 'simple':
      return shrinks ? Math.ceil(x) : Math.trunc(x);
    default:
      throw new Refusal(`its nearest_mode is ${mode}`);
  }
}

/** Sizes and scales of all axes, from the node's scales or sizes. */
function axesOf(node: OnnxNode, x: NDArray, inputs: readonly (NDArray | undefined)[]): Axis[] {
  const rank = x.dims.length;
  const old = node.opType === 'Upsample' || node.opset < 11;
  const scales = old ? (inputs[1]?.numbers() ?? node.floats('scales')) : inputs[2]?.numbers();
  const sizes = old ? undefined : inputs[3]?.numbers();
  const given = node.ints('axes')?.map((axis) => axisOf(axis, rank)) ?? x.dims.map((_, axis) => axis);
  const axes = x.dims.map((dim): Axis => ({ from: dim, to: dim, scale: 1 }));
  const policy = node.string('keep_aspect_ratio_policy', 'stretch');
  if (sizes?.length) {
    if (sizes.length !== given.length) throw new GraphError(`${sizes.length} sizes for ${given.length} axes`);
    if (policy !== 'stretch') throw new Refusal(`its keep_aspect_ratio_policy is ${policy}`);
    given.forEach((axis, at) => {
      const from = x.dims[axis]!;
      axes[axis] = { from, to: sizes[at]!, scale: f(sizes[at]! / from) };
    });
  } else {
    if (scales?.length !== given.length) throw new GraphError(`${scales?.length ?? 0} scales for ${given.length} axes`);
    given.forEach((axis, at) => {
      const from = x.dims[axis]!;
      if (!(scales[at]! > 0)) throw new GraphError(`scale ${scales[at]}; expected a positive number`);
      axes[axis] = { from, to: Math.floor(f(f(scales[at]!) * from)), scale: f(scales[at]!) };
    });
  }
  return axes;
}

/** Throws Refusal for interpolating modes: they are no data movement. */
export function resizeNearest(node: OnnxNode, inputs: readonly (NDArray | undefined)[]): NDArray {
  const x = inputs[0];
  if (!x) throw new GraphError('the data is missing');
  const mode = node.string('mode', 'nearest');
  if (mode !== 'nearest') throw new Refusal(`its mode is ${mode}; only nearest moves spikes unchanged`);
  const old = node.opType === 'Upsample' || node.opset < 11;
  const transform = old ? 'asymmetric' : node.string('coordinate_transformation_mode', 'half_pixel');
  const rounding = old ? 'simple' : node.string('nearest_mode', 'round_prefer_floor');
  let result = x;
  axesOf(node, x, inputs).forEach((axis, at) => {
    if (axis.from === axis.to && axis.scale === 1) return;
    const dims = result.dims.map((dim, place) => (place === at ? axis.to : dim));
    const out = create(result.type, dims);
    if (axis.from === 0) throw new GraphError('cannot resize an empty axis');
    const inner = sizeOf(dims.slice(at + 1));
    const outer = sizeOf(dims.slice(0, at));
    for (let i = 0; i < axis.to; ++i) {
      const position = rounded(original(i, axis, transform), rounding, axis.scale < 1);
      const from = Math.min(Math.max(position, 0), axis.from - 1);
      for (let o = 0; o < outer; ++o) {
        const start = (o * axis.from + from) * inner;
        out.data.set(result.data.subarray(start, start + inner), (o * axis.to + i) * inner);
      }
    }
    result = out;
  });
  return result;
}
