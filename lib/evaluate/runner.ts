/** What turns a batch of images into records: one for each mode. */
import type { DataBatch } from '../datasets';
import type { EvaluatedRecord, FailedRecord } from './record';

/** Outputs of the fp32 net for a batch, one array per output; null where there is none. */
export type AnnOutputs = readonly Float32Array[] | null;

export interface Runner {
  /** In the order of the batch, which has at least one image; `raster`: with that of its first one. */
  run(batch: DataBatch, ann: AnnOutputs, raster: boolean): Promise<EvaluatedRecord<unknown>[]>;
}

/** Rows of one image in the arrays of a batch. */
export function rowOf(outputs: readonly Float32Array[], image: number, images: number): Float32Array[] {
  return outputs.map((all) => {
    const width = all.length / images;
    return all.subarray(image * width, (image + 1) * width);
  });
}

export function failedRecords({ failures }: DataBatch): FailedRecord[] {
  return failures.map(({ position, id, fileBytes, error: { code, message } }) => ({
    ...{ at: position, id, fileBytes },
    error: { code, message },
  }));
}
