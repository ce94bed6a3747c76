/** An ONNX node with its attributes at hand. */
import { type AttributeProto, decodeTensor, type NodeProto } from '../onnx';
import { GraphError } from './graph-error';
import { NDArray } from './ndarray';

const utf8 = new TextDecoder();

export class OnnxNode {
  readonly opType: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The node's name, or `Op(output)` where it has none. */
  readonly name: string;
  private readonly attributes: ReadonlyMap<string, AttributeProto>;

  constructor(
    /** Place in the file. */
    readonly at: number,
    proto: NodeProto,
    readonly file: string,
    readonly opset: number,
  ) {
    this.opType = proto.opType ?? '';
    this.domain = proto.domain === 'ai.onnx' ? '' : (proto.domain ?? '');
    this.inputs = proto.input ?? [];
    this.outputs = proto.output ?? [];
    this.name = proto.name || `${this.opType}(${this.outputs.find((output) => output) ?? ''})`;
    this.attributes = new Map((proto.attribute ?? []).map((entry) => [entry.name ?? '', entry]));
  }

  has(name: string): boolean {
    return this.attributes.has(name);
  }

  /** The name of an input tensor, undefined where it is absent. */
  input(at: number): string | undefined {
    return this.inputs[at] || undefined;
  }

  int(name: string, fallback: number): number {
    const value = this.attributes.get(name);
    return value ? (value.i ?? 0) : fallback;
  }

  float(name: string, fallback: number): number {
    const value = this.attributes.get(name);
    return value ? (value.f ?? 0) : fallback;
  }

  string(name: string, fallback: string): string {
    const value = this.attributes.get(name);
    return value ? utf8.decode(value.s ?? new Uint8Array()) : fallback;
  }

  ints(name: string): number[] | undefined {
    return this.attributes.get(name)?.ints;
  }

  floats(name: string): number[] | undefined {
    return this.attributes.get(name)?.floats;
  }

  tensor(name: string): NDArray | undefined {
    const value = this.attributes.get(name);
    if (!value) return undefined;
    if (!value.t) throw new GraphError(`attribute ${name} holds no tensor`);
    const tensor = decodeTensor({ ...value.t, name: value.t.name || this.name }, this.file);
    return new NDArray(tensor.type, tensor.dims, tensor.data);
  }
}
