/** A figure of the spiking net against steps, with lines for the ANNs, sleep shaded. */
import type { Html } from './html';
import { wholeTicks } from './plot-axes';
import { type PlotTools, sleepShade } from './plot-tools';

/** Steps that are drawn as points, too. */
const MOST_POINTS = 80;

export interface StepCurve {
  /** For those who cannot see it. */
  ariaLabel: string;
  /** At the axis, with the unit. */
  label: string;
  /** `asleep`: drawn hollow. */
  points: { step: number; value: number; asleep: boolean; title: string }[];
  /** The axis goes from 1 to here. */
  last: number;
  /** Stretches of sleep, in steps. */
  sleep: { from: number; to: number }[];
  quantized: number | null;
  ann: number | null;
}

export function stepCurve({ Plot, draw }: PlotTools, curve: StepCurve): Html {
  const { ariaLabel, label, points, last, sleep, quantized, ann } = curve;
  const channels = { x: 'step', y: 'value' };
  return draw(ariaLabel, {
    height: 300,
    marginTop: 28,
    marginLeft: 48,
    marginBottom: 40,
    x: {
      label: 'step',
      domain: [1, Math.max(last, ...sleep.map(({ to }) => to))],
      ticks: wholeTicks(1, last),
      tickFormat: 'd',
    },
    y: { label, nice: true, grid: true },
    marks: [
      sleepShade(Plot, sleep),
      quantized === null
        ? null
        : Plot.ruleY([quantized], {
            ...{ stroke: 'var(--quantized)', strokeWidth: 1.5, strokeDasharray: '6 4' },
            ariaDescription: 'quantised ANN',
          }),
      ann === null
        ? null
        : Plot.ruleY([ann], {
            ...{ stroke: 'var(--ann)', strokeWidth: 1.5, strokeDasharray: '2 3' },
            ariaDescription: 'fp32 ANN',
          }),
      Plot.lineY(points, { ...channels, stroke: 'var(--snn)', strokeWidth: 2, ariaDescription: 'SNN' }),
      points.length <= MOST_POINTS
        ? Plot.dot(points, {
            ...channels,
            ...{ r: 3, stroke: 'var(--snn)', title: 'title', ariaDescription: 'steps' },
            fill: ({ asleep }: { asleep: boolean }) => (asleep ? 'var(--card)' : 'var(--snn)'),
          })
        : null,
    ],
    color: { type: 'identity' },
  });
}
