/** What may befall the bytes of one frame on a serial line between terminal and device. */

export type LineFault =
  /** The first bytes arrive, then the cable is out. */
  | { readonly kind: 'pulled'; readonly afterBytes: number }
  /** As many bytes arrive, and none of them is what was sent. */
  | { readonly kind: 'noise'; readonly noise: Buffer }
  | { readonly kind: 'flip'; readonly bit: number }
  | { readonly kind: 'lost' }
  | { readonly kind: 'swallowed'; readonly at: number; readonly bytes: number }
  | { readonly kind: 'late'; readonly ms: number }
  /** Something happens to the device just before the frame arrives. */
  | { readonly kind: 'meanwhile'; readonly act: () => void };

/** What arrives of a frame. Places beyond its end are counted from its beginning again: a fault always does something. */
export function arrivesOf(bytes: Buffer, fault: LineFault | undefined): Buffer {
  if (fault === undefined || bytes.length === 0) return bytes;
  switch (fault.kind) {
    case 'pulled':
      return bytes.subarray(0, fault.afterBytes % bytes.length);
    case 'noise':
      return Buffer.from(bytes.map((_, at) => fault.noise[at % fault.noise.length] ?? 0));
    case 'flip': {
      const bit = fault.bit % (8 * bytes.length);
      return Buffer.from(bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)));
    }
    case 'lost':
      return bytes.subarray(0, 0);
    case 'swallowed': {
      const at = fault.at % bytes.length;
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + fault.bytes)]);
    }
    case 'late':
    case 'meanwhile':
      return bytes;
  }
}
