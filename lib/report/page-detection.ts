/** Sections of the page about a detector: average precision in place of accuracy. */
import type { DetectionEvaluation, RestDetectionEvaluation } from '../evaluate';
import {
  agreementLine,
  classRows,
  curvesOf,
  decodedLine,
  digits,
  type PrecisionCurve,
  precisionRows,
  stepRows,
} from './detection';
import { type Html, html, htmlTable } from './html';
import { certificateParagraph } from './page-accuracy';
import { skippedSection } from './page-answers';
import { line, SHADE } from './page-legend';
import type { Plots } from './plots';

type Result = DetectionEvaluation | RestDetectionEvaluation;

export function precisionSections(result: Result, draw: Plots): Html[] {
  const all = precisionRows(result);
  const agreement = agreementLine(result);
  return [
    html`<section id="precision"><h2>Average precision</h2>${numbersTable(all)}<p class="note">${decodedLine(result)}.</p>${
      agreement === null ? null : html`<p>${agreement}.</p>`
    }${certificateParagraph(result)}</section>`,
    ...stepSections(result, draw),
  ];
}

function stepSections(result: Result, draw: Plots): Html[] {
  const steps = stepRows(result);
  if (!steps) return [];
  const { schedule, ann, snn } = result;
  const last = snn.perStep!.at(-1)!.step;
  const known = sleepOf(schedule, last);
  const sleep = known ?? [];
  const curves = curvesOf(result).filter(({ points }) => points.length > 0);
  const own =
    known === null ? ` Every image sleeps after each ${schedule.margin} awake steps, as long as it needs to.` : null;
  return [
    html`<section id="steps"><h2>Average precision after steps</h2>
${
  curves.length === 0
    ? null
    : html`<ul class="legend"><li>${line('snn', '')}SNN</li><li>${line('quantized', '6 4')}quantised ANN</li>
${ann ? html`<li>${line('ann', '2 3')}fp32 ANN</li>` : null}${sleep.length > 0 ? html`<li>${SHADE}asleep</li>` : null}</ul>`
}
${curves.map(
  (curve) =>
    html`<figure>${draw.precision({
      ariaLabel: `SNN ${curve.name} after steps`,
      label: curve.name,
      points: curve.points.map(({ step, value }) => ({
        ...{ step, value, asleep: sleep.some(({ from, to }) => step > from && step < to) },
        title: `after ${step} steps: ${digits(value)}`,
      })),
      ...{ last, sleep, quantized: curve.quantized, ann: curve.ann },
    })}<figcaption>${captionOf(curve)}</figcaption></figure>`,
)}
${numbersTable(steps)}<p class="note">Steps awake and asleep; an image that came to its end earlier keeps what was found.${own}</p></section>`,
  ];
}

function captionOf({ name, quantized, ann, end }: PrecisionCurve): string {
  const fp32 = ann === null ? '' : `, fp32 ANN ${digits(ann)}`;
  return `${name}: quantised ANN ${digits(quantized)}${fp32}, SNN at its end ${digits(end)}.`;
}

/** Stretches of sleep up to a step, of all images at once; null where every image has phases of its own. */
function sleepOf({ wake, margin, sleep }: Result['schedule'], last: number): { from: number; to: number }[] | null {
  const auto = sleep < 0;
  // In the first phase all fall asleep at once.
  if (auto && margin < wake && last > margin) return null;
  const stretches: { from: number; to: number }[] = [];
  let step = 0;
  for (let before = 0; before < wake && step < last; before += margin) {
    const start = step + Math.min(margin, wake - before);
    step = auto ? last : start + sleep;
    const end = Math.min(step, last);
    if (end > start) stretches.push({ from: start + 0.5, to: end + 0.5 });
  }
  return stretches;
}

export function foundSections(result: Result): Html[] {
  return [
    html`<section id="classes"><h2>Average precision by class</h2><details><summary>The classes</summary>${numbersTable(classRows(result))}</details></section>`,
    ...(result.skipped.length > 0 ? [skippedSection(result)] : []),
  ];
}

function numbersTable({ head, rows }: { head: string[]; rows: string[][] }): Html {
  return htmlTable(head, rows, [...head.keys()].slice(1));
}
