/** Data sets for calibration and evaluation: labelled images as the network wants them, in batches; and .npy arrays. */
export { type Dataset, type DatasetOptions, openDataset } from './dataset';
export { type ImageGeometry, imageGeometry, type Size, toImage } from './geometry';
export type { Category, GroundTruth, ImageTruth, TruthObject } from './ground-truth';
export { DataHash, datasetHash } from './hash';
export { type NpyArray, type NpyData, readNpy, writeNpy } from './npy';
export { type InputScaling, type InputScalingOptions, inputScalingSchema, parseInputScaling } from './scaling';
export type { OnError } from './source';
export { type DataKind, type DataSpec, dataKinds, parseDataSpec } from './spec';
export type { DataBatch, FailedImage } from './stream';
