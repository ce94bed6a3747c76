/** One ONNX node to draft nodes. */
import { Refusal } from '../graph-error';
import { isMovement } from '../movement';
import type { OnnxNode } from '../onnx-node';
import { AFFINE } from './affine';
import type { Lowering, LoweringContext } from './context';
import { LINEAR } from './linear';
import { lowerMovement } from './movement';
import { POINTWISE } from './pointwise';
import { POOLING } from './pooling';
import { adviceFor } from './refusals';

export { LoweringContext, type Value } from './context';

const LOWERINGS: Readonly<Record<string, Lowering>> = { ...AFFINE, ...LINEAR, ...POINTWISE, ...POOLING };

/** Throws Refusal, with advice, for an operator that has no place in a spiking net. */
export function lower(context: LoweringContext): void {
  const { opType } = context.node;
  if (isMovement(opType)) lowerMovement(context);
  else if (Object.hasOwn(LOWERINGS, opType)) LOWERINGS[opType]!(context);
  else throw unsupported(context.node);
}

/** The refusal of an operator as such. */
export function unsupported(node: OnnxNode): Refusal {
  const advice = adviceFor(node.opType);
  return new Refusal(advice ?? 'this operator has no spiking counterpart. End the net before it, or train without it.');
}
