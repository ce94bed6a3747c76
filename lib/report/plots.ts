/** The drawings of the page: SVG by Observable Plot, in the page's colour variables, so that light and dark need no script. */
import type { Evaluation, EvaluationRaster } from '../evaluate';
import type { Step } from '../simulate';
import { Html } from './html';
import { labelsOf, marginOf, short, sleepPhases, wholeTicks } from './plot-axes';
import { rasterPlot } from './plot-raster';
import { type StepCurve, stepCurve } from './plot-steps';
import { FONT, type PlotTools, WIDTH } from './plot-tools';
import { count, joules, percent } from './table';

type Layer = Evaluation['layers'][number];

/** A digit in a cell of a heat map. */
const DIGIT = 8;

export interface Plots {
  /** Top-1 accuracy at every step, with lines for the ANNs, sleep shaded. */
  accuracy(result: Evaluation): Html;
  /** One figure of average precision after the steps that were asked for. */
  precision(curve: StepCurve): Html;
  /** Spikes of neurons by layer, whose names these are, at these steps. */
  raster(raster: EvaluationRaster, names: readonly string[], steps: Step[]): Html;
  /** Images by steps until rest. */
  stepsToRest(histogram: NonNullable<Evaluation['steps']['toRest']>['histogram']): Html;
  /** Firing rate by layer, positive and negative spikes one after the other. */
  firingRates(layers: readonly Layer[]): Html;
  /** Joules per image. */
  energy(snn: number, ann: number): Html;
  /** Label by answer; the shade is the share of the label's images. */
  confusion(cells: Evaluation['confusion'], names: readonly string[]): Html;
}

/** Loads the library, an ES module, when a page is asked for. */
export async function plots(): Promise<Plots> {
  const [Plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
  const { document } = parseHTML('<!doctype html><html></html>');
  const draw: PlotTools['draw'] = (ariaLabel, options) =>
    new Html(
      Plot.plot({ document, ariaLabel, width: WIDTH, style: { fontSize: FONT }, ...options } as typeof options)
        .outerHTML,
    );
  const tools = { Plot, draw };

  return {
    accuracy({ snn: { top1PerStep: curve }, quantized, ann }) {
      const points = curve.map(({ wake, sleep, top1 }, i) => ({
        step: i + 1,
        value: 100 * top1,
        asleep: sleep > 0,
        title: `step ${i + 1} (${sleep > 0 ? `wake ${wake}, sleep ${sleep}` : `wake ${wake}`}): ${percent(top1)}`,
      }));
      return stepCurve(tools, {
        ariaLabel: 'SNN top-1 accuracy at every step',
        label: 'top-1, %',
        points,
        last: points.length,
        sleep: sleepPhases(points),
        quantized: 100 * quantized.top1,
        ann: ann ? 100 * ann.top1 : null,
      });
    },

    precision: (curve) => stepCurve(tools, curve),

    raster: (...shown) => rasterPlot(tools, ...shown),

    stepsToRest(histogram) {
      const steps = histogram.map((bar) => bar.steps);
      const [first, last] = [Math.min(...steps), Math.max(...steps)];
      return draw('images by steps until rest', {
        height: 240,
        marginTop: 28,
        marginLeft: 56,
        marginBottom: 40,
        x: { label: 'steps to rest', ticks: wholeTicks(first, last), tickFormat: 'd' },
        y: {
          label: 'images',
          nice: true,
          grid: true,
          tickFormat: 'd',
          ticks: wholeTicks(0, Math.max(...histogram.map((b) => b.images)), 6),
        },
        marks: [
          Plot.rectY(histogram, {
            x1: ({ steps: at }) => at - 0.5,
            x2: ({ steps: at }) => at + 0.5,
            y: 'images',
            fill: 'var(--snn)',
            insetLeft: 0.5,
            insetRight: 0.5,
            title: ({ steps: at, images }) => `${at} steps: ${images} images`,
            ariaDescription: 'histogram',
          }),
          Plot.ruleY([0]),
        ],
      });
    },

    firingRates(layers) {
      const labels = labelsOf(layers.map(({ name }) => name));
      const bars = layers.flatMap(({ firingRate, positive, negative, name }, layer) => {
        const total = positive + negative;
        return [
          { layer, name, sign: 'positive', rate: total > 0 ? (firingRate * positive) / total : 0, fill: 'var(--snn)' },
          {
            layer,
            name,
            sign: 'negative',
            rate: total > 0 ? (firingRate * negative) / total : 0,
            fill: 'var(--negative)',
          },
        ];
      });
      return draw('firing rate by layer', {
        height: 60 + 22 * layers.length,
        marginLeft: marginOf(labels),
        marginTop: 10,
        marginBottom: 44,
        x: { label: 'spikes per neuron and step', grid: true, ticks: 5 },
        y: { label: null, tickFormat: (layer: number) => labels[layer]!, tickSize: 0 },
        color: { type: 'identity' },
        marks: [
          Plot.barX(bars, {
            ...{ x: 'rate', y: 'layer', fill: 'fill', ariaDescription: 'firing rate' },
            title: ({ name, sign, rate }) => `${name}: ${rate.toFixed(4)} ${sign}`,
          }),
          Plot.ruleX([0]),
        ],
      });
    },

    energy(snn, ann) {
      const bars = [
        { net: 'SNN', joules: snn, fill: 'var(--snn)' },
        { net: 'ANN', joules: ann, fill: 'var(--ann)' },
      ];
      return draw('energy per image', {
        height: 110,
        marginLeft: 44,
        marginRight: 70,
        marginTop: 4,
        marginBottom: 4,
        x: { axis: null },
        y: { label: null, domain: ['SNN', 'ANN'], tickSize: 0 },
        color: { type: 'identity' },
        marks: [
          Plot.barX(bars, { x: 'joules', y: 'net', fill: 'fill', ariaDescription: 'energy' }),
          Plot.text(bars, {
            ...{ x: 'joules', y: 'net', textAnchor: 'start', dx: 6 },
            text: (bar: { joules: number }) => joules(bar.joules),
          }),
        ],
      });
    },

    confusion(cells, names) {
      const known = names.map((_, label) =>
        cells.filter((cell) => cell.label === label).reduce((n, cell) => n + cell.images, 0),
      );
      const shaded = cells.map((cell) => ({ ...cell, share: cell.images / known[cell.label]! }));
      const labels = names.map(short);
      const margin = marginOf(labels);
      const turned = margin > marginOf(['99']);
      const below = turned ? 8 + 0.75 * margin : 24;
      const side = (WIDTH - margin) / names.length;
      const readable = DIGIT * count(Math.max(...cells.map(({ images }) => images))).length <= side;
      const axis = {
        domain: [...names.keys()],
        label: null,
        tickFormat: (label: number) => labels[label]!,
        tickSize: 0,
      };
      return draw('confusion: label by answer', {
        height: 4 + WIDTH - margin + below,
        marginLeft: margin,
        marginTop: 4,
        marginRight: 4,
        marginBottom: below,
        padding: 0.04,
        x: { ...axis, tickRotate: turned ? -45 : 0 },
        y: axis,
        opacity: { type: 'linear', domain: [0, 1], range: [0.08, 1] },
        marks: [
          Plot.cell(shaded, {
            ...{ x: 'answer', y: 'label', fill: 'var(--snn)', fillOpacity: 'share', ariaDescription: 'confusion' },
            title: ({ label, answer, images }) => `${names[label]} answered as ${names[answer]}: ${images}`,
          }),
          readable
            ? Plot.text(shaded, {
                ...{ x: 'answer', y: 'label', text: ({ images }: { images: number }) => count(images), fontSize: 12 },
                fill: ({ share }: { share: number }) => (share > 0.5 ? 'var(--card)' : 'var(--text)'),
              })
            : null,
        ],
        color: { type: 'identity' },
      });
    },
  };
}
