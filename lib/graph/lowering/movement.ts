/** Data movement on values of the net: run on positions, it gives the index map of a route. */
import type { Draft } from '../draft';
import { Refusal } from '../graph-error';
import { isMoved, move, padValue } from '../movement';
import { create, NDArray } from '../ndarray';
import type { LoweringContext } from './context';

/** 1-based positions of a node's elements, counted from `start`: what routes are computed on. */
export function positions(x: Draft, start = 1): NDArray {
  const data = new Int32Array(x.shape.c * x.shape.h * x.shape.w);
  for (let i = 0; i < data.length; ++i) data[i] = start + i;
  return new NDArray('int32', x.dims, data);
}

/** A route from an array of positions: 1-based over the concatenated inputs, 0 for a pad. */
export function routed(context: LoweringContext, inputs: Draft[], moved: NDArray): Draft {
  const index = new Int32Array(moved.size);
  for (let i = 0; i < index.length; ++i) index[i] = moved.data[i]! - 1;
  return context.emit({ op: 'route', index }, inputs, moved.dims);
}

export function lowerMovement(context: LoweringContext): void {
  const { node, values } = context;
  if (node.opType === 'Dropout' && context.constant(2, 'training_mode')?.data[0]) {
    throw new Refusal('it is in training mode. Call model.eval() before the export.');
  }
  const inputs: Draft[] = [];
  let next = 1;
  const arrays = values.map((value, at): NDArray | undefined => {
    if (!value) return undefined;
    if (!isMoved(node.opType, at)) return context.constant(at, `input ${at}`);
    if (value.kind === 'node') {
      inputs.push(value.node);
      const { c, h, w } = value.node.shape;
      const start = next;
      next += c * h * w;
      return positions(value.node, start);
    }
    const array = context.weights(at, `input ${at}`);
    if (array.data.some((x) => x !== 0)) {
      throw new Refusal('it joins a constant other than 0 with values of the net; only zeros can be moved along');
    }
    return create('int32', array.dims);
  });
  if (node.opType === 'Pad') {
    const value = padValue(node, arrays);
    const pads = node.ints('pads') ?? arrays[1]?.numbers() ?? [];
    if (value !== 0 && pads.some((pad) => pad > 0)) {
      throw new Refusal(`it pads with ${value}; only zeros can be padded`);
    }
  }
  move(node, arrays).forEach((array, at) => {
    if (array.size === 0) throw new Refusal(`its result has dims [${array.dims}]: nothing is left`);
    context.set(at, routed(context, inputs, array));
  });
}
