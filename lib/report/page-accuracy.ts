/** Sections of the page about accuracy, and what it rests on: the certificate. */
import type { Accuracy, AnyEvaluation, Evaluation, Interval, RestEvaluation } from '../evaluate';
import { certificateLine, verificationLine } from './certificate';
import { type Html, html, htmlTable } from './html';
import { line, SHADE } from './page-legend';
import type { Plots } from './plots';
import { count, percent, percentRange, plural, points } from './table';

export function accuracySections(result: Evaluation | RestEvaluation, draw: Plots): Html[] {
  return [
    ...(result.mode === 'full' ? [curveSection(result, draw)] : []),
    html`<section id="accuracy"><h2>Accuracy</h2>${accuracies(result)}${agreement(result)}${certificateParagraph(result)}</section>`,
    ...anytimeSection(result),
  ];
}

function curveSection(result: Evaluation, draw: Plots): Html {
  const { snn, ann, quantized } = result;
  const asleep = snn.top1PerStep.some(({ sleep }) => sleep > 0);
  return html`<section id="curve"><h2>Accuracy at every step</h2>
<ul class="legend"><li>${line('snn', '')}SNN</li><li>${line('quantized', '6 4')}quantised ANN ${percent(quantized.top1)}</li>
${ann ? html`<li>${line('ann', '2 3')}fp32 ANN ${percent(ann.top1)}</li>` : null}
${asleep ? html`<li>${SHADE}asleep</li>` : null}</ul>
<figure>${draw.accuracy(result)}<figcaption>Top-1 of ${plural(result.images, 'image')}. An image that came to rest earlier keeps its answer.</figcaption></figure></section>`;
}

function accuracies({ mode, ann, quantized, snn }: Evaluation | RestEvaluation): Html {
  const share = (value: number, interval: Interval) =>
    html`${percent(value)}<br><small>${percentRange(interval)}</small>`;
  const row = (name: string, { top1, top5, interval }: Accuracy) => [
    name,
    share(top1, interval.top1),
    points(top1 - quantized.top1),
    share(top5, interval.top5),
  ];
  const levels = plural(quantized.levels, 'level');
  const rows = [
    ...(ann ? [row('fp32 ANN', ann)] : []),
    ...(mode === 'rest'
      ? [row(`SNN at rest = ANN quantised at ${levels}`, snn)]
      : [row(`ANN quantised at ${levels}`, quantized), row('SNN at the end', snn)]),
  ];
  return html`${htmlTable(['', 'top-1', 'vs quantised', 'top-5'], rows, [1, 2, 3])}<p class="note">Small: 95 % Wilson intervals.</p>`;
}

function agreement({ agreement: same, mode }: Evaluation | RestEvaluation): Html | null {
  const parts = [
    ...(mode === 'full' ? [`SNN and quantised ANN ${percent(same.quantizedSnn)}`] : []),
    ...(same.annSnn === undefined ? [] : [`SNN and fp32 ANN ${percent(same.annSnn)}`]),
  ];
  return parts.length > 0 ? html`<p>Same first class: ${parts.join(', ')}.</p>` : null;
}

export function certificateParagraph(result: AnyEvaluation): Html {
  const { exact, images, notes } = result;
  const text = result.mode === 'rest' ? verificationLine(result) : certificateLine(exact, images, notes);
  const look = exact.images === 0 || exact.measured ? 'note' : exact.certified ? 'good' : 'bad';
  return html`<p id="certificate" class="${look}">${text}</p>`;
}

/** Where there are several sleep phases: each ends with the answer of the net quantised at so many levels. */
function anytimeSection({ snn: { anytime } }: Evaluation | RestEvaluation): Html[] {
  if (!anytime || anytime.length < 2) return [];
  const rows = anytime.map(({ wake, steps, top1, interval, notAtRest }) => [
    wake,
    steps.toFixed(1),
    percent(top1),
    percentRange(interval.top1),
    count(notAtRest),
  ]);
  const head = ['level', 'steps', 'SNN top-1', '95 % interval', 'not at rest'];
  return [
    html`<section id="anytime"><h2>Accuracy at every level</h2>
<p class="note">Each sleep phase ends, at rest, with the answer of the net quantised at so many levels.</p>${htmlTable(head, rows, [0, 1, 2, 3, 4])}</section>`,
  ];
}
