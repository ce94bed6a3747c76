/** The table of `casc calibrate`. */
import type { LevelsCalibration, LevelsPoint } from '../evaluate';
import { count, percent, plural, points, type Row, table } from './table';

/**
 * One line a number of levels: likeness to the fp32 net, steps to rest, additions and energy; then the fewest levels that are
 * good enough.
 *
 * @example
 * console.log(calibrationTable(await calibrateLevels('net.onnx', options)));
 */
export function calibrationTable(result: LevelsCalibration): string {
  const { file, format, method, calibration, data, images, points: list } = result;
  const columns: [string, (point: LevelsPoint) => string | undefined][] = [
    ['levels = wake', ({ levels }) => String(levels)],
    ['top-1', ({ likeness }) => likeness.quantized && percent(likeness.quantized.top1)],
    ['vs fp32', ({ likeness, loss }) => likeness.quantized && points(-loss)],
    ['agreement', ({ likeness }) => (likeness.agreement === undefined ? undefined : percent(likeness.agreement))],
    ['error', ({ likeness }) => percent(likeness.error)],
    ['sleep mean', ({ steps }) => steps.sleep.mean.toFixed(1)],
    ['p95', ({ steps }) => String(steps.sleep.p95)],
    ['max', ({ steps }) => String(steps.sleep.max)],
    ['spikes', ({ spikes }) => count(spikes.positive + spikes.negative)],
    ['additions', ({ operations }) => count(operations.synaptic)],
    ['energy', ({ energy }) => `${microjoules(energy.snn)} µJ`],
    ['of ANN', ({ energy }) => percent(energy.snn / energy.ann)],
  ];
  const shown = columns.filter(([, figure]) => list.some((point) => figure(point) !== undefined));
  const rows = list.map((point): Row => shown.map(([, figure]) => figure(point) ?? ''));
  const right = shown.map((_, i) => i);
  const { likeness, operations, energy, steps } = list[0]!;
  const restless = list.filter(({ steps: { notAtRest } }) => notAtRest > 0);
  return [
    `${file}: ${method} on ${plural(calibration.images, 'image')} of ${calibration.data}, ${format}; judged on ${plural(images, 'image')} of ${data}`,
    '',
    table(
      shown.map(([name]) => name),
      rows,
      right,
    ),
    '',
    ...(likeness.ann ? [`fp32: top-1 ${percent(likeness.ann.top1)}`] : []),
    `per image: the fp32 ANN ${count(operations.denseMacs)} multiply-adds, ${microjoules(energy.ann)} µJ; the SNN its additions and ${count(operations.firstLayerMacs)} multiply-adds of the first layer`,
    'energy: 4.6 pJ a multiply-add, 0.9 pJ an addition (45 nm); without memory, neurons and tail',
    ...restless.map(({ levels, steps: { notAtRest } }) => `${levels} levels: ${notAtRest} images were not at rest`),
    verdict(result, steps.wake),
  ].join('\n');
}

function verdict({ smallest, judgedBy, allowedLoss, points: list }: LevelsCalibration, fewest: number): string {
  const within =
    judgedBy === 'relative error'
      ? `a relative error of ${percent(allowedLoss)}`
      : `${points(allowedLoss).slice(1) || '0'} points of ${judgedBy}`;
  if (smallest === null) return `none of ${fewest} to ${list.at(-1)!.levels} levels is within ${within} of fp32`;
  return `smallest T within ${within} of fp32: ${smallest}`;
}

function microjoules(joules: number): string {
  return (joules * 1e6).toPrecision(4);
}
