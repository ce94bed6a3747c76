/** What would become of every node of a file. */
import { CascError } from '../errors';
import { importModel } from './import';
import { toLayers } from './layered';
import type { Network, NodeVerdict } from './network';
import { withQuantizedActivations } from './quantized';

/**
 * A verdict for every node of the file, also where the net cannot be converted: 'refused' with the reason.
 * Throws ERR_CASC_FILE and ERR_CASC_MODEL.
 *
 * @example
 * const { verdicts } = await inspect('net.onnx');
 * for (const { name, verdict, note } of verdicts) console.log(name, verdict, note);
 */
export async function inspect(file: string): Promise<Network> {
  const network = await importModel(file, { strict: false });
  if (network.verdicts.some(({ verdict }) => verdict === 'refused')) return network;
  const problem = whyNotLayered(network);
  return problem
    ? { ...network, verdicts: network.verdicts.map((verdict) => refuseAt(verdict, network, problem)) }
    : network;
}

/** Some nodes are fine by themselves but not where they stand; that shows when the net is gathered into layers. */
function whyNotLayered(network: Network): CascError | undefined {
  const levels = network.nodes.find((node) => node.op === 'quant')?.levels ?? 1;
  try {
    toLayers(withQuantizedActivations(network, levels, 0, () => Float64Array.of(1)));
    return undefined;
  } catch (error) {
    if (error instanceof CascError && error.code === 'ERR_CASC_UNSUPPORTED') return error;
    if (error instanceof CascError && error.code === 'ERR_CASC_NOT_QUANTIZED') return undefined;
    throw error;
  }
}

function refuseAt(verdict: NodeVerdict, network: Network, problem: CascError): NodeVerdict {
  const node = network.nodes.find(({ name }) => name === problem.where.node);
  const stands = verdict.name === problem.where.node || node?.onnx.includes(verdict.name);
  return stands && verdict.verdict !== 'folded' ? { ...verdict, verdict: 'refused', note: problem.message } : verdict;
}
