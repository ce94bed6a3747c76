/** Records of a detector, collected. */
import type { GroundTruth, ImageTruth } from '../datasets';
import { cocoFigures, type Detection, type ImageDetections, vocFigures } from '../detect';
import { CascError } from '../errors';
import { type DetectionAnswers, type DetectionSettings, detectionSettingsSchema } from './detection-answers';
import type { AveragePrecision, DetectionFigures } from './detection-evaluation';
import type { JournalHeader } from './header';
import type { EvaluatedRecord } from './record';
import type { Collector, Running } from './task';

type Kept = Pick<EvaluatedRecord<DetectionAnswers>, 'at' | 'id' | 'answers'>;

/** The running figure is computed anew when there are so many times more images: all that together costs a few final ones. */
const GROWTH = 1.25;

export class DetectionCollector implements Collector<DetectionAnswers, DetectionFigures> {
  private readonly records: Kept[] = [];
  private readonly settings: DetectionSettings;
  private last = { images: 0, ap50: 0 };

  /** Throws ERR_CASC_JOURNAL where the header does not say how it was detected. */
  constructor(private readonly header: JournalHeader) {
    const parsed = detectionSettingsSchema.safeParse(header.task);
    if (!parsed.success || !header.data.classNames) {
      throw new CascError('ERR_CASC_JOURNAL', "the journal's header is damaged: its task is no detection. Start anew");
    }
    this.settings = parsed.data;
  }

  add({ at, id, answers }: EvaluatedRecord<DetectionAnswers>): void {
    const { quantized, snn } = answers;
    // Mostly the same, and most of what is held.
    this.records.push({ at, id, answers: isSame(quantized, snn) ? { ...answers, snn: quantized } : answers });
  }

  running(): Running {
    const images = this.records.length;
    if (images > 0 && (this.last.images === 0 || images >= GROWTH * this.last.images)) {
      // By one threshold and all areas together: COCO's own figures take several times as long.
      const { area } = vocFigures(
        this.results(({ snn }) => snn),
        this.truth(),
      );
      this.last = { images, ap50: area ?? 0 };
    }
    return { ap50: this.last.ap50 };
  }

  figures(): DetectionFigures {
    const { header, settings, records } = this;
    const { ann, mode } = header;
    // Of equal scores that of the earlier image counts first.
    records.sort((a, b) => a.at - b.at);
    const truth = this.truth();
    const { evaluator, decoder, at } = settings;
    const judged = (of: (answers: DetectionAnswers) => readonly Detection[]) => this.judged(truth, of);
    const quantized = judged((answers) => answers.quantized);
    const disagreeing = records.filter(({ answers: { quantized: q, snn } }) => q !== snn);
    return {
      task: 'detection',
      evaluator,
      decoder,
      objects: truth.images.reduce((sum, { objects }) => sum + objects.length, 0),
      ...(ann ? { ann: { ...ann, figures: judged((answers) => answers.ann!) } } : {}),
      quantized: { levels: header.settings.schedule.wake, figures: quantized },
      snn: {
        figures: disagreeing.length === 0 ? quantized : judged(({ snn }) => snn),
        perStep:
          mode === 'rest' ? null : at.map((step, i) => ({ step, figures: judged(({ perStep }) => perStep![i]!) })),
      },
      agreement: { quantizedSnn: 1 - disagreeing.length / records.length },
      disagreeing: disagreeing.map(({ id }) => ({ id })),
      classNames: header.data.classNames!,
    };
  }

  private judged(truth: GroundTruth, of: (answers: DetectionAnswers) => readonly Detection[]): AveragePrecision {
    const results = this.results(of);
    return this.settings.evaluator === 'voc' ? vocFigures(results, truth) : cocoFigures(results, truth);
  }

  private results(of: (answers: DetectionAnswers) => readonly Detection[]): ImageDetections[] {
    return this.records.map(({ id, answers }) => ({ imageId: id, detections: of(answers) }));
  }

  private truth(): GroundTruth {
    return {
      categories: this.header.data.classNames!.map((name, i) => ({ id: i + 1, name })),
      images: this.records.map(truthOf),
    };
  }
}

/** The image's size is in no figure. */
function truthOf({ id, answers: { objects } }: Kept): ImageTruth {
  return {
    id,
    width: 0,
    height: 0,
    objects: objects.map(([label, x, y, width, height, area, crowd, difficult]) => ({
      label,
      box: [x, y, width, height],
      area,
      crowd: crowd === 1,
      difficult: difficult === 1,
    })),
  };
}

function isSame(a: readonly Detection[], b: readonly Detection[]): boolean {
  return a.length === b.length && a.every((one, i) => one.every((value, k) => value === b[i]![k]));
}
