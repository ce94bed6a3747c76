/** Evaluation: a spiking net over a labelled data set, beside the ANN it came from, with a certificate of exactness. */
export {
  type CalibrateOptions,
  type CalibrateProgress,
  calibrateLevels,
  type LevelsCalibration,
  type LevelsPoint,
} from './calibrate';
export type { ClassAnswers } from './classification';
export type { Likeness } from './comparison';
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
  RestEvaluateOptions,
  RestEvaluation,
  StepAccuracy,
  TransientFigures,
} from './evaluation';
export { type FiguresOptions, figuresOf } from './figures';
export type { JournalHeader, Shard } from './header';
export { type JournalFile, readJournal } from './journal-reader';
export { mergeJournals } from './merge';
export type { EvaluatedRecord, FailedRecord, ImageRecord, ImageRun } from './record';
export { type Interval, wilson } from './wilson';
