/** Evaluation: a spiking net over a labelled data set, beside the ANN it came from, with a certificate of exactness. */
export {
  type CalibrateOptions,
  type CalibrateProgress,
  calibrateLevels,
  type LevelsCalibration,
  type LevelsPoint,
} from './calibrate';
export type { ClassAnswers } from './classification';
export { type CompareOptions, compare, type MethodsComparison, type MethodsRow } from './compare';
export type { Likeness } from './comparison';
export type { DetectionAnswers } from './detection-answers';
export type {
  AveragePrecision,
  DetectionEvaluateOptions,
  DetectionEvaluation,
  DetectionFigures,
  DetectionOptions,
  RestDetectionEvaluateOptions,
  RestDetectionEvaluation,
} from './detection-evaluation';
export { ENERGY, type EnergyPrices } from './energy';
export { evaluate, evaluateImages } from './evaluate';
export type {
  Accuracy,
  AnytimePoint,
  ClassificationFigures,
  Distribution,
  EvaluateOptions,
  EvaluateProgress,
  Evaluation,
  EvaluationFrame,
  EvaluationRaster,
  RestEvaluateOptions,
  RestEvaluation,
  StepAccuracy,
  TransientFigures,
  WithoutTransient,
} from './evaluation';
export { type AnyEvaluation, type FiguresOptions, figuresOf } from './figures';
export type { JournalHeader, Shard } from './header';
export { type JournalFile, readJournal } from './journal-reader';
export type { LevelsOptions, LevelsProgress } from './levels';
export { mergeJournals } from './merge';
export type { ComparedMethod, MethodFigures } from './methods';
export type { EvaluatedRecord, FailedRecord, ImageRecord, ImageRun, RunRaster } from './record';
export { type Interval, wilson } from './wilson';
