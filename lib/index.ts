/**
 * casc-snn: loss-free ANN-to-SNN conversion. ONNX in; a certified spiking network of Consistent-IF neurons out.
 * After "Spiking Neural Networks with Consistent Mapping Relations Allow High-Accuracy Inference" (Li, He, Kong, Zeng).
 */
export { type ConvertedNetwork, type ConvertOptions, convert } from './convert';
export {
  type Category,
  type DataBatch,
  type DataSpec,
  type Dataset,
  type DatasetOptions,
  type GroundTruth,
  type ImageGeometry,
  type ImageTruth,
  type InputScaling,
  type InputScalingOptions,
  imageGeometry,
  openDataset,
  parseDataSpec,
  parseInputScaling,
  readNpy,
  type TruthObject,
  toImage,
  writeNpy,
} from './datasets';
export {
  type ClassMap,
  type CocoFigures,
  cocoClasses,
  cocoFigures,
  type Decoder,
  type DecoderOptions,
  type Detection,
  type DetectOptions,
  decoders,
  detect,
  type ImageDetections,
  mapClasses,
  parseDecoder,
  type VocFigures,
  type VocOptions,
  vocFigures,
} from './detect';
export { CascError, type ErrorCode, type ErrorPlace } from './errors';
export {
  type Accuracy,
  type CalibrateOptions,
  type CalibrateProgress,
  calibrateLevels,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type LevelsCalibration,
  type LevelsPoint,
  type Likeness,
  type RestEvaluateOptions,
  type RestEvaluation,
} from './evaluate';
export { writeWhole } from './files/atomic-write';
export { classCount, classesOf, importModel, inspect, type Network, type NodeVerdict, type Verdict } from './graph';
export { type AddonInfo, info, version } from './info';
export type { PhaseProfile, PlanFormat, SynapsePath, WorkingBytes } from './native';
export {
  iterationsWithin,
  type NetworkMetadata,
  type QuantizedLayer,
  type QuantizeMethod,
  type QuantizeOptions,
  type QuantizeResult,
  type QuantizeStage,
  quantize,
  readMetadata,
} from './quantize';
export {
  calibrationTable,
  evaluationTable,
  inspectTable,
  memoryTable,
  profileTable,
  quantizeTable,
  simulationTable,
  type Trace,
  traceOf,
} from './report';
export {
  type Certificate,
  type Divergence,
  type LayerProfile,
  type MemoryBound,
  type NeuronModel,
  NeuronPopulation,
  type PopulationOptions,
  type Profile,
  type RestOptions,
  type RestResult,
  type ScheduleOptions,
  type SimulateOptions,
  type SimulationResult,
  SpikingNetwork,
  type Step,
  Synapses,
  type SynapsesOptions,
  type SynapseTime,
} from './simulate';
