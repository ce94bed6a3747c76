/** Records of a classifier, collected. */
import { accuracyOf, Counter } from './accuracy';
import type { ClassAnswers } from './classification';
import { StepCurve } from './curve';
import type { AnytimePoint, ClassificationFigures, StepAccuracy } from './evaluation';
import type { JournalHeader } from './header';
import type { EvaluatedRecord } from './record';
import type { Collector, Running } from './task';

type Disagreeing = ClassificationFigures['disagreeing'][number];

export class ClassificationCollector implements Collector<ClassAnswers, ClassificationFigures> {
  private images = 0;
  private readonly ann = new Counter();
  private readonly quantized = new Counter();
  private readonly snn = new Counter();
  private readonly top1: StepCurve;
  private readonly top5: StepCurve;
  /** By sleep phase. */
  private readonly phases: { steps: number; notAtRest: number }[] = [];
  private readonly same = { quantizedSnn: 0, annQuantized: 0, annSnn: 0 };
  private readonly disagreeing: (Disagreeing & { at: number })[] = [];
  private readonly confusion = new Map<string, ClassificationFigures['confusion'][number]>();

  constructor(private readonly header: JournalHeader) {
    this.top1 = new StepCurve(header.settings.schedule);
    this.top5 = new StepCurve(header.settings.schedule);
  }

  add({ at, id, answers, run }: EvaluatedRecord<ClassAnswers>): void {
    const { label, ann, quantized, snn, perStep } = answers;
    this.images++;
    if (ann) this.ann.add(ann, label);
    this.quantized.add(quantized, label);
    this.snn.add(snn, label);
    this.compare(at, id, answers);
    const pair = `${label} ${snn[0]}`;
    const cell = this.confusion.get(pair);
    if (cell) cell.images++;
    else this.confusion.set(pair, { label, answer: snn[0]!, images: 1 });
    if (!run || !perStep) return;
    this.top1.add(run.sleep, (step) => perStep.rank[step] === 1);
    this.top5.add(run.sleep, (step) => perStep.rank[step]! > 0);
    let slept = 0;
    run.sleep.forEach((sleep, p) => {
      this.phases[p] ??= { steps: 0, notAtRest: 0 };
      slept += sleep;
      this.phases[p].steps += this.wakeAt(p) + slept;
      if (!run.rest[p]) this.phases[p].notAtRest++;
    });
  }

  running(): Running {
    return { top1: this.images > 0 ? this.snn.accuracy().top1 : 0 };
  }

  figures(): ClassificationFigures {
    const { ann, data, settings, mode } = this.header;
    const { quantizedSnn, annQuantized, annSnn } = this.same;
    const share = (n: number) => n / this.images;
    const curve = mode === 'rest' ? null : this.curve();
    const asleep = mode === 'full' && settings.schedule.sleep !== 0;
    return {
      task: 'classification',
      ...(ann ? { ann: { ...ann, ...this.ann.accuracy() } } : {}),
      quantized: { levels: settings.schedule.wake, ...this.quantized.accuracy() },
      snn: { ...this.snn.accuracy(), top1PerStep: curve, anytime: asleep ? this.anytime() : null },
      agreement: {
        quantizedSnn: share(quantizedSnn),
        ...(ann ? { annQuantized: share(annQuantized), annSnn: share(annSnn) } : {}),
      },
      disagreeing: this.disagreeing.sort((a, b) => a.at - b.at).map(({ at: _, ...image }) => image),
      confusion: [...this.confusion.values()].sort((a, b) => a.label - b.label || a.answer - b.answer),
      classNames: data.classNames,
    };
  }

  private compare(at: number, id: string, { label, ann, quantized, snn }: ClassAnswers): void {
    const [q, s] = [quantized[0]!, snn[0]!];
    const a = ann?.[0];
    if (q === s) this.same.quantizedSnn++;
    if (a === q) this.same.annQuantized++;
    if (a === s) this.same.annSnn++;
    if (q === s && (a === undefined || a === q)) return;
    this.disagreeing.push({ at, id, label, ...(a === undefined ? {} : { ann: a }), quantized: q, snn: s });
  }

  private curve(): StepAccuracy[] {
    const fives = this.top5.shares();
    return this.top1.shares().map(({ step, share }, i) => ({ ...step, top1: share, top5: fives[i]!.share }));
  }

  private anytime(): AnytimePoint[] {
    const fives = this.top5.ends();
    return this.top1.ends().map((right, p) => ({
      wake: this.wakeAt(p),
      steps: this.phases[p]!.steps / this.images,
      notAtRest: this.phases[p]!.notAtRest,
      ...accuracyOf(right, fives[p]!, this.images),
    }));
  }

  /** Awake steps when the phase's sleep begins. */
  private wakeAt(phase: number): number {
    const { wake, margin } = this.header.settings.schedule;
    return Math.min(wake, (phase + 1) * margin);
  }
}
