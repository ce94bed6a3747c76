/** Pooling nodes, and reductions as pools over a whole axis. */
import type { Draft } from '../draft';
import { reducedAxes } from '../fold';
import { averageFactors, hasEmptyWindow, kernelOf, slide, wholeImage } from '../geometry';
import { GraphError, Refusal } from '../graph-error';
import { axisOf, fromNumbers, sizeOf, transpose } from '../ndarray';
import { applyConstant, sameDims, times } from './affine';
import { imageRank, type LoweringContext } from './context';
import { positions, routed } from './movement';

function windowed(context: LoweringContext, kind: 'maxpool' | 'avgpool'): void {
  const { node } = context;
  const x = context.draft(0);
  const rank = imageRank(context, x);
  const sliding = slide(node, x.shape, rank, kernelOf(node, rank));
  const { window, h, w } = sliding;
  const dims = rank === 1 ? [1, x.shape.c, h] : [1, x.shape.c, h, w];
  if (sizeOf(dims) === 0) throw new GraphError(`its result has dims [${dims}]`);
  if (hasEmptyWindow(x.shape, sliding)) throw new GraphError('one of its windows lies wholly in the pads');
  if (kind === 'maxpool') {
    context.set(0, context.emit({ op: 'maxpool', window }, [x], dims));
    return;
  }
  const countPads = node.int('count_include_pad', 0) !== 0;
  const factor = averageFactors(x.shape, sliding, countPads);
  context.set(0, context.emit({ op: 'avgpool', window, factor }, [x], dims));
}

function whole(context: LoweringContext, x: Draft, kind: 'maxpool' | 'avgpool', dims: readonly number[]): Draft {
  const window = wholeImage(x.shape);
  const factor = Float32Array.of(1 / (x.shape.h * x.shape.w));
  return context.emit(kind === 'maxpool' ? { op: kind, window } : { op: kind, window, factor }, [x], dims);
}

function global(context: LoweringContext, kind: 'maxpool' | 'avgpool'): void {
  const x = context.draft(0);
  imageRank(context, x);
  context.set(0, whole(context, x, kind, [1, x.shape.c, ...x.dims.slice(2).map(() => 1)]));
}

/**
 * A reduction over any axes but the batch: over the whole image directly, over others after a transposition that makes
 * them the image.
 */
function reduction(context: LoweringContext, kind: 'maxpool' | 'avgpool', sum: boolean): void {
  const { node } = context;
  const x = context.draft(0);
  const rank = x.dims.length;
  const given = reducedAxes(node, rank, context.constant(1, 'list of axes'));
  if (!given) {
    context.set(0, routed(context, [x], positions(x)));
    return;
  }
  const axes = [...new Set(given.map((axis) => axisOf(axis, rank)))].sort((a, b) => a - b);
  if (axes.includes(0)) {
    throw new Refusal(`it reduces the batch axis (axes [${given}]); expected axes within an image`);
  }
  const kept = x.dims.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const keepDims = node.int('keepdims', 1) !== 0;
  const dims = keepDims
    ? x.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : kept.map((axis) => x.dims[axis]!);
  const reduced = sizeOf(axes.map((axis) => x.dims[axis]!));
  const spatial = x.dims[0] === 1 && rank >= 3 && rank <= 4 && sameDims(axes, x.dims.map((_, axis) => axis).slice(2));
  const rows = sizeOf(x.dims) / reduced;
  const image = spatial
    ? x
    : routed(context, [x], transpose(positions(x), [...kept, ...axes]).reshaped([1, rows, reduced]));
  const pooled = whole(context, image, kind, [1, rows]);
  const scaled = sum ? applyConstant(context, pooled, fromNumbers('float64', [], [reduced]), times) : pooled;
  const result = sameDims(dims, scaled.dims) ? scaled : routed(context, [scaled], positions(scaled).reshaped(dims));
  context.set(0, result);
}

export const POOLING = {
  MaxPool: (context: LoweringContext) => windowed(context, 'maxpool'),
  AveragePool: (context: LoweringContext) => windowed(context, 'avgpool'),
  GlobalMaxPool: (context: LoweringContext) => global(context, 'maxpool'),
  GlobalAveragePool: (context: LoweringContext) => global(context, 'avgpool'),
  ReduceMean: (context: LoweringContext) => reduction(context, 'avgpool', false),
  ReduceSum: (context: LoweringContext) => reduction(context, 'avgpool', true),
  ReduceMax: (context: LoweringContext) => reduction(context, 'maxpool', false),
};
