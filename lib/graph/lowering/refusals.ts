/** Operators that are refused by name, with what to do instead. */

const ACTIVATION =
  'this activation is not a clipped staircase that a spiking neuron can compute. Fine-tune the net with Relu, or with a quantised clip.';
const NORMALISATION =
  'it computes statistics of the image, which a spiking net cannot. Train with BatchNormalization, which folds into the weights.';
const RECURRENT = 'recurrent layers are not converted. Export the net unrolled.';
const CONTROL = 'the graph branches or loops at run time. Export with fixed control flow.';
const DECODING = 'it decodes predictions. Export the net without it and decode the readout in code.';

const ADVICE: Readonly<Record<string, string>> = {
  PRelu: ACTIVATION,
  LeakyRelu: ACTIVATION,
  ThresholdedRelu: ACTIVATION,
  Elu: ACTIVATION,
  Selu: ACTIVATION,
  Celu: ACTIVATION,
  Gelu: ACTIVATION,
  Mish: ACTIVATION,
  Swish: ACTIVATION,
  HardSigmoid: ACTIVATION,
  HardSwish: ACTIVATION,
  Softplus: ACTIVATION,
  Softsign: ACTIVATION,
  Erf: ACTIVATION,
  Ceil: 'a neuron floors; expected Floor or Round in a quantised activation.',
  Pow: 'powers of a value of the net cannot be computed by spikes. Train without it.',
  Reciprocal: 'a value of the net cannot divide. Train without it.',
  LayerNormalization: NORMALISATION,
  InstanceNormalization: NORMALISATION,
  GroupNormalization: NORMALISATION,
  LpNormalization: NORMALISATION,
  LRN: NORMALISATION,
  MeanVarianceNormalization: NORMALISATION,
  LSTM: RECURRENT,
  GRU: RECURRENT,
  RNN: RECURRENT,
  If: CONTROL,
  Loop: CONTROL,
  Scan: CONTROL,
  ArgMax: DECODING,
  ArgMin: DECODING,
  TopK: DECODING,
  NonMaxSuppression: DECODING,
  ConvTranspose: 'transposed convolutions are not converted. Use Resize (nearest) and Conv.',
  DynamicQuantizeLinear: 'its scale depends on the image. Quantise statically.',
  QLinearConv: 'export in QDQ form (QuantizeLinear and DequantizeLinear around float operators).',
  QLinearMatMul: 'export in QDQ form (QuantizeLinear and DequantizeLinear around float operators).',
  ConvInteger: 'export in QDQ form (QuantizeLinear and DequantizeLinear around float operators).',
  MatMulInteger: 'export in QDQ form (QuantizeLinear and DequantizeLinear around float operators).',
  Einsum: 'export it as MatMul and Transpose.',
};

export function adviceFor(opType: string): string | undefined {
  return Object.hasOwn(ADVICE, opType) ? ADVICE[opType] : undefined;
}
