/** What goes wrong inside one ONNX node. The importer adds file and node and makes a CascError of it. */

/** The node is inconsistent: wrong dims, a missing input. Becomes ERR_CASC_MODEL. */
export class GraphError extends Error {
  override readonly name: string = 'GraphError';
}

/** The node is valid, but a spiking net cannot have it. Becomes a refusal, ERR_CASC_UNSUPPORTED. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal';
}
