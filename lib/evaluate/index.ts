/** Evaluation: a spiking net over a labelled data set, beside the ANN it came from, with a certificate of exactness. */
export {
  type CalibrateOptions,
  type CalibrateProgress,
  calibrateLevels,
  type LevelsCalibration,
  type LevelsPoint,
} from './calibrate';
export type { Likeness } from './comparison';
export { evaluate } from './evaluate';
export type { Accuracy, EvaluateOptions, Evaluation, RestEvaluateOptions, RestEvaluation } from './evaluation';
