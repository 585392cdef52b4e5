/**
 * The PIN pad's side of the frame, written from the fact sheet and not from the driver's codec: a
 * mistake in one of them shows as a failure instead of cancelling out.
 */
export interface PadRequest {
  readonly command: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

export function padAnswer(command: number, state: number, sequence: number, payload: Buffer): Buffer {
  const length = (1 + payload.length).toString(16).padStart(4, '0');
  const clear = hex(command) + hex(state) + length + hex(sequence) + payload.toString('hex');
  const nibbles = [...(clear + checkOf(clear))].map((digit) => 0x30 + Number.parseInt(digit, 16));
  return Buffer.from([0x02, ...nibbles, 0x03]);
}

/** Collects what comes and gives the well-formed requests in it; everything else is forgotten, as a cheap pad does. */
export class PadRequests {
  #rest = '';

  push(chunk: Buffer): readonly PadRequest[] {
    const parts = (this.#rest + chunk.toString('latin1')).split('\x03');
    this.#rest = parts.pop() ?? '';
    return parts.flatMap((part) => {
      const request = requestOf(part.slice(part.lastIndexOf('\x02') + 1));
      return request === undefined ? [] : [request];
    });
  }
}

function requestOf(nibbles: string): PadRequest | undefined {
  if (!/^[\x30-\x3f]+$/.test(nibbles) || nibbles.length % 2 !== 0) return undefined;
  const clear = [...nibbles].map((character) => (character.charCodeAt(0) - 0x30).toString(16)).join('');
  const [body, check] = [clear.slice(0, -2), clear.slice(-2)];
  const data = body.slice(8);
  const isWhole = Number.parseInt(body.slice(4, 8), 16) * 2 === data.length && data.length >= 2;
  if (!isWhole || checkOf(body) !== check) return undefined;
  return {
    command: Number.parseInt(body.slice(0, 2), 16),
    sequence: Number.parseInt(data.slice(0, 2), 16),
    payload: Buffer.from(data.slice(2), 'hex'),
  };
}

/** XOR over all bytes, as two hex digits. */
function checkOf(clear: string): string {
  let check = 0;
  for (let at = 0; at < clear.length; at += 2) check ^= Number.parseInt(clear.slice(at, at + 2), 16);
  return hex(check);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
