/**
 * casc-snn: loss-free ANN-to-SNN conversion. ONNX in; a certified spiking network of Consistent-IF neurons out.
 * After "Spiking Neural Networks with Consistent Mapping Relations Allow High-Accuracy Inference" (Li, He, Kong, Zeng).
 */
export { type ConvertedNetwork, type ConvertOptions, convert } from './convert';
export {
  type DataBatch,
  type DataSpec,
  type Dataset,
  type DatasetOptions,
  type InputScaling,
  type InputScalingOptions,
  openDataset,
  parseDataSpec,
  readNpy,
  writeNpy,
} from './datasets';
export { CascError, type ErrorCode, type ErrorPlace } from './errors';
export { type Accuracy, type EvaluateOptions, type Evaluation, evaluate } from './evaluate';
export { writeWhole } from './files/atomic-write';
export { importModel, inspect, type Network, type NodeVerdict, type Verdict } from './graph';
export { type AddonInfo, info } from './info';
export { type QuantizedLayer, type QuantizeOptions, type QuantizeResult, quantize } from './quantize';
export { evaluationTable, inspectTable } from './report';
export {
  type Divergence,
  type NeuronModel,
  NeuronPopulation,
  type PopulationOptions,
  type ScheduleOptions,
  type SimulateOptions,
  type SimulationResult,
  SpikingNetwork,
  type Step,
} from './simulate';
