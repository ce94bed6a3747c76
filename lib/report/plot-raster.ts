/** Spikes of single neurons against steps, layer below layer. */
import type { EvaluationRaster } from '../evaluate';
import type { Step } from '../simulate';
import type { Html } from './html';
import { labelsOf, marginOf, sleepPhases, wholeTicks } from './plot-axes';
import { type PlotTools, sleepShade, WIDTH } from './plot-tools';
import { plural } from './table';

/** In units of the drawing. A layer's name needs its line, also where fewer neurons are shown. */
const ROW = 6;
const GAP = 4;
const LEAST_LAYER = 18;

const MARGIN = { top: 4, right: 8, bottom: 40 };
/** Bursts of this size and larger ones look the same. */
const LARGEST = 5;

interface Spike {
  step: number;
  y: number;
  size: number;
}

/** `steps`: those that the raster covers; `names`: of the layers. */
export function rasterPlot(tools: PlotTools, raster: EvaluationRaster, names: readonly string[], steps: Step[]): Html {
  const { Plot, draw } = tools;
  const { rows, spikes, centres, borders } = placed(raster, names);
  const labels = labelsOf(names);
  const marginLeft = marginOf(labels);
  const height = borders.at(-1)!;
  const perStep = (WIDTH - marginLeft - MARGIN.right) / steps.length;
  const thickness = Math.min(1.6, 0.6 * perStep);
  const thicker = ({ size }: Spike) => (1 + 0.4 * (Math.min(LARGEST, Math.abs(size)) - 1)) * thickness;
  const asleep = steps.map(({ sleep }, i) => ({ step: i + 1, asleep: sleep > 0 }));
  const half = ROW / 2 - 0.5;
  return draw('spikes of some neurons at every step', {
    height: height + MARGIN.top + MARGIN.bottom,
    marginTop: MARGIN.top,
    marginRight: MARGIN.right,
    marginBottom: MARGIN.bottom,
    marginLeft,
    x: { label: 'step', domain: [0.5, steps.length + 0.5], ticks: wholeTicks(1, steps.length), tickFormat: 'd' },
    // One unit of y is one of the drawing.
    y: {
      label: null,
      domain: [0, height],
      reverse: true,
      ticks: centres,
      tickFormat: (y: number) => labels[centres.indexOf(y)]!,
      tickSize: 0,
    },
    r: { type: 'identity' },
    color: { type: 'identity' },
    marks: [
      sleepShade(Plot, sleepPhases(asleep)),
      Plot.ruleY(borders.slice(0, -1), { stroke: 'var(--line)', ariaDescription: 'layers' }),
      Plot.ruleX(
        spikes.filter(({ size }) => size > 0),
        {
          ...{ x: 'step', y1: ({ y }: Spike) => y - half, y2: ({ y }: Spike) => y + half },
          ...{ stroke: 'var(--snn)', strokeWidth: thicker, ariaDescription: 'positive spikes' },
        },
      ),
      Plot.dot(
        spikes.filter(({ size }) => size < 0),
        {
          ...{ x: 'step', y: 'y', r: thicker, ariaDescription: 'negative spikes' },
          ...{ fill: 'var(--negative)', stroke: 'var(--negative)', strokeWidth: 0.8 },
        },
      ),
      Plot.rect(rows, {
        ...{ x1: 0.5, x2: steps.length + 0.5, y1: ({ y }) => y - ROW / 2, y2: ({ y }) => y + ROW / 2 },
        ...{ fill: 'transparent', title: 'title', ariaDescription: 'neurons' },
      }),
    ],
  });
}

/** Where everything stands, from the top. */
function placed({ layers }: EvaluationRaster, names: readonly string[]) {
  const rows: { y: number; title: string }[] = [];
  const spikes: Spike[] = [];
  const centres: number[] = [];
  const borders: number[] = [];
  let top = 0;
  layers.forEach(({ neurons, trains }, layer) => {
    const height = Math.max(LEAST_LAYER, neurons.length * ROW + GAP);
    const first = top + (height - neurons.length * ROW) / 2;
    neurons.forEach((neuron, i) => {
      const y = first + (i + 0.5) * ROW;
      const train = trains[i]!;
      rows.push({ y, title: `${names[layer]}, neuron ${neuron}: ${plural(train.length, 'spike')}` });
      for (const [step, size] of train) spikes.push({ step, y, size });
    });
    centres.push(top + height / 2);
    top += height;
    borders.push(top);
  });
  return { rows, spikes, centres, borders };
}
