/** Results as tables, and a page, that a person reads. Data for programs is the plain objects themselves, as JSON. */
export { calibrationTable } from './calibration';
export { type ComparisonFormat, comparisonTable } from './comparison';
export { evaluationTable } from './evaluation';
export { inspectTable } from './inspection';
export { memoryTable } from './memory';
export { reportPage } from './page';
export { profileTable } from './profile';
export { quantizeTable } from './quantization';
export { simulationTable } from './simulation';
export { type Trace, traceOf } from './trace';
