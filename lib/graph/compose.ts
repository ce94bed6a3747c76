/**
 * Linear algebra on the synapses of one layer: linear nodes in a row with no neuron between (a depthwise convolution
 * feeding a 1×1, a BatchNormalization in front of a convolution) become one synapse, in float64, before anything is rounded.
 */
import type { Shape, Window } from './network';
import { numel } from './network';

export type Values = Float64Array;

/** What one plane contributes to a layer (see PlanTerm in lib/native/types.ts), in float64. */
export type LinearTerm =
  | {
      readonly op: 'conv';
      readonly source: number;
      readonly weight: Values;
      readonly window: Window;
      readonly groups: number;
    }
  | { readonly op: 'scale'; readonly source: number; readonly factor: Values }
  | { readonly op: 'avgpool'; readonly source: number; readonly window: Window; readonly factor: Values };

export interface Convolution {
  readonly weight: Values;
  readonly window: Window;
  readonly groups: number;
  /** Output shape. */
  readonly shape: Shape;
  readonly inputShape: Shape;
}

/** factor ⊙ term, factor per output channel. A pool never meets one: it has a plane of its own. */
export function scaleTerm(term: LinearTerm, factor: Values): LinearTerm {
  if (term.op === 'avgpool') throw new Error('an average pool is a plane of its own');
  if (term.op === 'scale') return { ...term, factor: term.factor.map((f, c) => f * factor[c]!) };
  const row = term.weight.length / factor.length;
  return { ...term, weight: term.weight.map((w, i) => w * factor[Math.floor(i / row)]!) };
}

/** Sum of two biases, each of length C or C·H·W. */
export function addBias(a: Values, b: Values, shape: Shape): Values {
  if (a.length === b.length) return a.map((x, i) => x + b[i]!);
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  const plane = numel(shape) / shape.c;
  return long.map((x, i) => x + short[Math.floor(i / plane)]!);
}

/**
 * conv ∘ (Σ terms + bias) as terms and a bias, or undefined where it is not one synapse: padding of the outer
 * convolution cuts the inner one off at the border, so one of the two must be pointwise (1×1, no padding).
 */
export function composeConv(
  conv: Convolution,
  terms: readonly LinearTerm[],
  bias: Values,
): { terms: LinearTerm[]; bias: Values } | undefined {
  const composed: LinearTerm[] = [];
  for (const term of terms) {
    const one = composeTerm(conv, term);
    if (!one) return undefined;
    composed.push(one);
  }
  return { terms: composed, bias: convolveBias(conv, bias) };
}

function isPointwise(window: Window): boolean {
  return window.kernel[0] === 1 && window.kernel[1] === 1 && window.pads.every((pad) => pad === 0);
}

function composeTerm(outer: Convolution, term: LinearTerm): LinearTerm | undefined {
  if (term.op === 'avgpool') return undefined;
  if (term.op === 'scale') {
    const perGroup = outer.inputShape.c / outer.groups;
    const taps = outer.window.kernel[0] * outer.window.kernel[1];
    const outPerGroup = outer.shape.c / outer.groups;
    const weight = outer.weight.map((w, i) => {
      const m = Math.floor(i / (perGroup * taps));
      const c = Math.floor(m / outPerGroup) * perGroup + (Math.floor(i / taps) % perGroup);
      return w * term.factor[c]!;
    });
    return { op: 'conv', source: term.source, weight, window: outer.window, groups: outer.groups };
  }
  const inner = term;
  const innerIn = (inner.weight.length / outer.inputShape.c / tapsOf(inner.window)) * inner.groups;
  const [s1, s2] = inner.window.strides;
  let window: Window;
  if (isPointwise(outer.window)) {
    // The outer samples every stride-th pixel of the inner's output. Pads below and to the right only bound the output.
    const [o1, o2] = outer.window.strides;
    window = { ...inner.window, strides: [s1 * o1, s2 * o2] };
  } else if (isPointwise(inner.window)) {
    const { kernel, strides, pads, dilations } = outer.window;
    window = {
      kernel,
      strides: [strides[0] * s1, strides[1] * s2],
      pads: [pads[0] * s1, pads[1] * s2, pads[2] * s1, pads[3] * s2],
      dilations: [dilations[0] * s1, dilations[1] * s2],
    };
  } else return undefined;
  const groups = commonGroups(outer, inner.groups);
  return { op: 'conv', source: inner.source, weight: multiply(outer, inner, innerIn, groups), window, groups };
}

function tapsOf(window: Window): number {
  return window.kernel[0] * window.kernel[1];
}

/** Groups that survive: those of one side, where each of its groups holds whole groups of the other. */
function commonGroups(outer: Convolution, innerGroups: number): number {
  const large = Math.max(outer.groups, innerGroups);
  const small = Math.min(outer.groups, innerGroups);
  return large % small === 0 ? small : 1;
}

/** weight[m, c, tap] = Σ_j outer[m, j] · inner[j, c]; one of the two has a single tap. */
function multiply(outer: Convolution, inner: LinearTerm & { op: 'conv' }, innerIn: number, groups: number): Values {
  const middle = outer.inputShape.c;
  const out = outer.shape.c;
  const outerTaps = tapsOf(outer.window);
  const innerTaps = tapsOf(inner.window);
  const taps = outerTaps * innerTaps;
  const inPerGroup = innerIn / groups;
  const result = new Float64Array(out * inPerGroup * taps);
  const outerIn = middle / outer.groups;
  const outerOut = out / outer.groups;
  const innerRow = innerIn / inner.groups;
  const innerOut = middle / inner.groups;
  for (let m = 0; m < out; m++) {
    const firstIn = Math.floor(m / (out / groups)) * inPerGroup;
    const outerGroup = Math.floor(m / outerOut);
    for (let jj = 0; jj < outerIn; jj++) {
      const j = outerGroup * outerIn + jj;
      const innerFirst = Math.floor(j / innerOut) * innerRow;
      for (let ot = 0; ot < outerTaps; ot++) {
        const w = outer.weight[(m * outerIn + jj) * outerTaps + ot]!;
        if (w === 0) continue;
        for (let cc = 0; cc < innerRow; cc++) {
          const c = innerFirst + cc - firstIn;
          for (let it = 0; it < innerTaps; it++) {
            result[(m * inPerGroup + c) * taps + ot * innerTaps + it]! +=
              w * inner.weight[(j * innerRow + cc) * innerTaps + it]!;
          }
        }
      }
    }
  }
  return result;
}

/** The convolution (without its own bias) of a bias; a border map where its padding cuts the bias off. */
function convolveBias(conv: Convolution, bias: Values): Values {
  const { shape, inputShape, window, groups, weight } = conv;
  const perGroup = inputShape.c / groups;
  const outPerGroup = shape.c / groups;
  const [kh, kw] = window.kernel;
  if (bias.every((b) => b === 0)) return new Float64Array(shape.c);
  const varies = bias.length !== inputShape.c;
  const unpadded = window.pads.every((pad) => pad === 0);
  if (!varies && unpadded) {
    const result = new Float64Array(shape.c);
    const row = perGroup * kh * kw;
    for (let m = 0; m < shape.c; m++) {
      const first = Math.floor(m / outPerGroup) * perGroup;
      for (let i = 0; i < row; i++) result[m]! += weight[m * row + i]! * bias[first + Math.floor(i / (kh * kw))]!;
    }
    return result;
  }
  const result = new Float64Array(numel(shape));
  const at = (c: number, y: number, x: number) =>
    varies ? bias[(c * inputShape.h + y) * inputShape.w + x]! : bias[c]!;
  for (let m = 0; m < shape.c; m++) {
    const first = Math.floor(m / outPerGroup) * perGroup;
    for (let oy = 0; oy < shape.h; oy++) {
      for (let ox = 0; ox < shape.w; ox++) {
        let sum = 0;
        for (let ky = 0; ky < kh; ky++) {
          const y = oy * window.strides[0] - window.pads[0] + ky * window.dilations[0];
          if (y < 0 || y >= inputShape.h) continue;
          for (let kx = 0; kx < kw; kx++) {
            const x = ox * window.strides[1] - window.pads[1] + kx * window.dilations[1];
            if (x < 0 || x >= inputShape.w) continue;
            for (let c = 0; c < perGroup; c++) {
              sum += weight[((m * perGroup + c) * kh + ky) * kw + kx]! * at(first + c, y, x);
            }
          }
        }
        result[(m * shape.h + oy) * shape.w + ox] = sum;
      }
    }
  }
  return result;
}
