/** Sections of the page about a detector: average precision in place of accuracy. */
import type { DetectionEvaluation, RestDetectionEvaluation } from '../evaluate';
import { agreementLine, classRows, decodedLine, precisionRows, stepRows } from './detection';
import { type Html, html, htmlTable } from './html';
import { certificateParagraph } from './page-accuracy';
import { skippedSection } from './page-answers';

type Result = DetectionEvaluation | RestDetectionEvaluation;

export function precisionSections(result: Result): Html[] {
  const all = precisionRows(result);
  const steps = stepRows(result);
  const agreement = agreementLine(result);
  return [
    html`<section id="precision"><h2>Average precision</h2>${numbersTable(all)}<p class="note">${decodedLine(result)}.</p>${
      agreement === null ? null : html`<p>${agreement}.</p>`
    }${certificateParagraph(result)}</section>`,
    ...(steps
      ? [
          html`<section id="steps"><h2>Average precision after steps</h2>${numbersTable(steps)}<p class="note">Steps awake and asleep; an image that came to its end earlier keeps what was found.</p></section>`,
        ]
      : []),
  ];
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
